//! The whole system on one machine, without Docker and without an AWS account.
//!
//! [`stack`] starts the emulated AWS and deploys the real template with the real function binaries into it, beside a fake
//! Shopify. [`demo`] plays a flash sale and a morning of four other systems on that stack. [`audit`] reads the whole table
//! afterwards and compares it with the shop. [`seed`] writes the rows with which a demo or a test begins.
//!
//! Deliberately absent: the fakes themselves (`promissory_fakes`), and the operator's command line (`promissory_cli`), which also
//! works on a deployed table. No function uses this crate.

pub mod audit;
pub mod demo;
mod invoke;
pub mod seed;
pub mod stack;

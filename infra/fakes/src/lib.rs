//! Fakes of the systems around Promissory: a Shopify shop ([`shopify`]), and systems that a connector pulls, such as an ERP
//! ([`systems`]).
//!
//! Both hold their state in memory and answer in this process or over HTTP on this machine. The simulator, the local stack and
//! the tests use the same fakes, so a correction here reaches all of them.
//!
//! [`oracle`] computes the result of stock events a second time; the simulator and the demo compare the ledger with it.
//!
//! Deliberately absent: AWS. No AWS SDK is in the dependency tree of this crate (`cargo x ci` checks it), because the simulator
//! must build without one, and because a fake must not share code with the adapters that call it.

pub mod oracle;
pub mod shopify;
pub mod systems;

//! Fakes of the systems around Promissory: a Shopify shop ([`shopify`]) and systems that are asked for stock, such as an ERP
//! ([`systems`]).
//!
//! Both hold their state in memory and answer in this process or over HTTP on this machine. The simulator, the local stack and
//! the tests use the same fakes, so a correction here reaches all of them.
//!
//! Deliberately absent: AWS. No AWS SDK is in the dependency tree of this crate (`cargo x ci` checks it), because the simulator
//! must build without one, and because a fake must not share code with the adapters that talk to it.

pub mod shopify;
pub mod systems;

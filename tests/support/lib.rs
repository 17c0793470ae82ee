//! Test support that several crates share.
//!
//! [`dynamo`] is an emulated DynamoDB in this process, with injected faults. [`clock`] and [`ports`] are in-memory
//! implementations of the ports. [`world`] connects the real handlers to them. [`webhook`] builds the requests of a shop and
//! [`source`] those of source systems. [`shop`] runs a fake shop, and [`front`] adds failures that the fake shop cannot
//! produce. [`store_contract`] is the contract of every store. This crate has no mocks of our own ports, and no test waits in
//! real time.

pub mod clock;
pub mod dynamo;
pub mod faults;
pub mod front;
pub mod ports;
pub mod shared_files;
pub mod shop;
pub mod source;
pub mod store_contract;
pub mod webhook;
pub mod world;

//! What the tests of several crates share.
//!
//! [`dynamo`] is an emulated DynamoDB in this process, with faults to inject; [`clock`] and [`ports`] are second
//! implementations of the ports, in memory; [`world`] puts the real handlers over them; [`webhook`] writes what a shop
//! sends, [`source`] what other systems send, [`shop`] runs one, and [`front`] makes it fail in ways it has no knob for; [`store_contract`] is what any store
//! must keep. Deliberately absent: mocks of our own
//! ports, and waiting.

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

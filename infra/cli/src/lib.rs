//! The operator's command line, which reads and writes a table by hand.
//!
//! One module per subcommand: [`catalog`] imports, exports and validates the catalog, [`ledger`] compares positions with their
//! movements, [`explain`] explains a number, [`source`] configures and pulls connectors, [`shop`] writes the settings of a shop, [`restore`] prepares a restored table. [`table`] finds the table, on AWS or on
//! the local stack, with the addresses and credentials in [`local_stack`].
//!
//! Deliberately absent: every rule. `promissory` decides what a sheet, a movement or a connector means; this crate handles files,
//! tables, and text for people and scripts. It uses no fake and cannot start a stack.

pub mod catalog;
pub mod explain;
pub mod ledger;
pub mod local_stack;
pub mod restore;
pub mod shop;
pub mod source;
pub mod table;

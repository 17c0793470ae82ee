//! The operator's command line: what is asked of a table, and what is written into one, by hand.
//!
//! One module per subcommand: [`catalog`] imports, exports and validates what is sold, [`ledger`] compares positions with their
//! movements, [`explain`] shows why a number is what it is, [`source`] configures connectors and pulls them. [`table`] finds the
//! table, on AWS or on the local stack; what it has to know of the local stack is [`local_stack`].
//!
//! Deliberately absent: every rule. What a sheet, a movement or a connector means is decided in `promissory`; here are files,
//! tables, and text for people and scripts. The crate uses no fake and cannot start a stack.

pub mod catalog;
pub mod explain;
pub mod ledger;
pub mod local_stack;
pub mod source;
pub mod table;

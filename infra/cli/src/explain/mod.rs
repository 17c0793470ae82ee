//! Explains the numbers of an item in a table, on AWS or on the local stack.
//!
//! `promissory::explain` builds the tree. [`command`] finds the table and asks for the tree, [`text`] formats it for people.
//! Nothing here writes.

pub mod command;
pub mod text;

//! Why a number of a table, here or on AWS, is what it is.
//!
//! The tree is the domain's (`promissory::explain`); [`command`] finds the table and asks, [`text`] shows the answer to
//! people. Nothing here writes.

pub mod command;
pub mod text;

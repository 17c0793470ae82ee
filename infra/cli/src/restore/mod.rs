//! `restore prepare`: makes a table that DynamoDB restored to an earlier time ready for the functions.
//!
//! [`settings`] turns on what a restored table lacks, [`rows`] rewrites the rows that state what was sent to shop and bus. The runbook
//! `infra/runbooks/restore.md` has the steps before and after.

pub mod command;
mod rows;
mod settings;

pub use rows::prepare;
pub use settings::{Allowed, RestoredTable, turn_on};

//! The ledger commands: one compares every position with the fold of its movements, one shows a position at a past moment, and
//! three record a decision of an operator.
//!
//! [`verify()`] reads the whole table in bounded memory and compares it; [`replay()`] folds the movements of one position; both
//! only read, and neither reports a concurrent write as damage. [`decide`] writes through the same commit as every other event.
//! [`command`] has the arguments and the output of all.

pub mod command;
pub mod decide;
pub mod replay;
pub mod verify;

pub use replay::replay;
pub use verify::{VerifyConfig, VerifyReport, verify};

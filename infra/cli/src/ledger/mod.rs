//! The ledger commands: one compares every position with the fold of its movements, one shows a position at a past moment.
//!
//! [`verify()`] reads the whole table in bounded memory and compares it; [`replay()`] folds the movements of one position;
//! [`command`] has the arguments and the output of both. Nothing here writes, and neither reports a concurrent write as damage.

pub mod command;
pub mod replay;
pub mod verify;

pub use replay::replay;
pub use verify::{VerifyConfig, VerifyReport, verify};

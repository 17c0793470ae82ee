//! The ledger from outside: is every position the fold of its movements, and what was a position at some moment?
//!
//! [`verify`] reads the whole table in bounded memory and judges it; [`replay`] sees one position again; [`command`] is both of
//! them on the command line. Nothing here writes, and a write that goes on meanwhile is never taken for damage.

pub mod command;
pub mod replay;
pub mod verify;

pub use replay::replay;
pub use verify::{Verdict, VerifyConfig, verify};

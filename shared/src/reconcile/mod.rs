//! What drifted between the ledger and the shops, and how far each repairing job has come.
//!
//! The jobs themselves are in `flows`. None of them writes a position or a level of a shop in a way of its own.

mod compare;
mod refresh;
mod sweep;

pub use compare::{CompareProgress, CompareReport, LevelDrift};
pub use refresh::RefreshProgress;
pub use sweep::OrderWatermark;

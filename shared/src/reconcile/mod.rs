//! The drift between the ledger and the shops, and the progress of each job that repairs it.
//!
//! The jobs themselves are in `flows`. They change positions and levels only through the same flows as everything else.

mod compare;
mod refresh;
mod sweep;

pub use compare::{CompareProgress, CompareReport, LevelDrift};
pub use refresh::RefreshProgress;
pub use sweep::{Lookback, LookbackProgress, OVERLAP, OrderWatermark, SETTLED, SearchLag};

#[cfg(test)]
mod tests;

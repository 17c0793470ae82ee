//! The catalogue as sheets of comma-separated values: what people edit, and how it gets into the table.
//!
//! [`Sheets`] are what was read, every cell a type and every mistake a [`SheetProblem`] with its line. [`StoredCatalog`] is what the
//! table holds. [`ImportPlan`] is the difference: what would change, cell by cell, and the writes that change it. [`apply`] makes
//! those writes. [`export`] is the way back; importing what it gives changes nothing.
//!
//! An import never deletes what a sheet does not name. An empty cell leaves a value as it is, [`CLEARED`] takes it away,
//! and `remove` set to `yes` takes a whole mapping away. Deliberately absent: stock, which comes through the ledger.

mod assemblies;
mod bills;
mod cell;
mod export;
mod items;
mod listings;
mod locations;
mod plan;
mod problem;
mod read;
mod sheet;
mod stored;
mod structure;
mod system_items;
mod used_in;
mod writes;

#[cfg(test)]
mod tests;

pub use cell::CLEARED;
pub use export::export;
pub use plan::{CellChange, ImportPlan, ImportTally, RowChange, RowChangeKind};
pub use problem::{SheetProblem, SheetProblems};
pub use read::{MAX_BYTES, MAX_CELL, MAX_LINES, Sheets};
pub use sheet::Sheet;
pub use stored::StoredCatalog;

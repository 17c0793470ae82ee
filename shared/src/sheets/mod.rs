//! The catalog as sheets: CSV files that planners edit, and their import into the table.
//!
//! [`Sheets`] holds the parsed files: every cell is typed, and every mistake is a [`SheetProblem`] with its line. A cell that has
//! two meanings is a mistake. A cell that is legal and often a mistake is a warning.
//! [`StoredCatalog`] holds the rows of the table. [`ImportPlan`] is the difference: the changes cell by cell, and the writes that
//! make them. [`export()`] is the opposite direction; importing its files changes nothing.
//!
//! An import never deletes a row that the sheets do not name. An empty cell keeps a value, [`CLEARED`] removes a value, and `yes`
//! in the column `remove` removes a mapping. Deliberately absent: stock, which enters through the ledger.

mod assemblies;
mod bills;
mod cell;
mod character;
mod export;
mod items;
mod lines;
mod listings;
mod locations;
mod look_alike;
mod number;
mod owners;
mod plan;
mod problem;
mod read;
mod sheet;
mod spreadsheet;
mod stored;
mod structure;
mod system_items;
mod used_in;
mod writes;

#[cfg(test)]
mod tests;

pub use cell::CLEARED;
pub use export::export;
pub use lines::{MAX_BYTES, MAX_CELL, MAX_LINES};
pub use plan::{CellChange, ImportPlan, ImportTally, RowChange, RowChangeKind};
pub use problem::{ProblemList, SheetProblem, SheetProblems};
pub use read::Sheets;
pub use sheet::Sheet;
pub use stored::StoredCatalog;

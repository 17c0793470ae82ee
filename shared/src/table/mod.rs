//! The one place that knows how rows are named and stored.
//!
//! [`RowKey`] names every row of the table, [`IndexKey`] every entry of its sparse index, and [`Partition`] and
//! [`IndexPartition`] what can be listed. Only this module prints and parses them. [`Row`] gives the key under which each stored
//! type is written; [`Write`] and [`Expect`] are the conditional writes of one transaction.
//!
//! Deliberately absent: reading and writing. The port `Store` does that.

mod display;
mod examples;
mod index;
mod key;
mod read_rows;
mod retention;
mod row;
mod rows;
pub mod scan;
mod schema;
mod segments;
mod stored;
mod stream;
#[cfg(test)]
mod tests;

pub use examples::{Example, examples};
pub use index::{IndexKey, IndexPartition, OrderEntry, waiting_prefixes};
pub use key::{Key, Partition, RowKey, RowKind};
pub use read_rows::ReadRows;
pub use retention::{EXPIRES_AT, Retention};
pub use row::{Expect, MAX_WRITES, Record, Row, RowFault, UnreadableRow, Write};
pub use rows::{check, rewrite};
pub use schema::{FIRST_VERSION, SCHEMA_VERSION};
pub use stored::{MAX_ROW, MAX_TRANSACTION, StoredBody, UnwritableRow, inflated, stored_bodies};
pub use stream::Streamed;

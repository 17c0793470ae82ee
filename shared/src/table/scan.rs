//! The key prefixes of rows, for the filters of scans, which compare text. A test compares them with [`RowKey`].
//!
//! [`RowKey`]: super::RowKey

/// The sort key of a partition's one main row.
pub const HEAD: &str = super::segments::HEAD;

/// The prefix of the partition keys of positions and movements.
pub const POSITIONS: &str = "POS#";

/// The prefix of the sort keys of movements.
pub const MOVEMENTS: &str = "MOV#";

/// The partition keys of the rows that an import reads begin with one of these, or are one of [`CATALOG_PARTITIONS`]: the rows of
/// the catalog, and the connectors and heartbeats that show which systems exist.
pub const CATALOG_PREFIXES: [&str; 6] = ["ITEM#", "LISTING#", "SYSITEM#", "BOM#", "USED#", "HEARTBEAT#"];

/// Partition keys of the rows that an import reads.
pub const CATALOG_PARTITIONS: [&str; 4] = ["LOCATIONS", "TIERS", "CENTRES", "SYSTEMS"];

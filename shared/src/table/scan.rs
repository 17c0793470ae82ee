//! What the keys of rows begin with, for the filters of scans, which compare text. A test compares it with [`RowKey`].
//!
//! [`RowKey`]: super::RowKey

/// The sort key of a partition's one main row.
pub const HEAD: &str = super::segments::HEAD;

/// The partition keys of positions and their movements begin so.
pub const POSITIONS: &str = "POS#";

/// The sort keys of movements begin so.
pub const MOVEMENTS: &str = "MOV#";

/// The partition keys of the catalogue's rows begin so, or are one of [`CATALOG_PARTITIONS`].
pub const CATALOG_PREFIXES: [&str; 5] = ["ITEM#", "LISTING#", "SYSITEM#", "BOM#", "USED#"];

/// Partition keys of the catalogue's rows.
pub const CATALOG_PARTITIONS: [&str; 3] = ["LOCATIONS", "TIERS", "CENTRES"];

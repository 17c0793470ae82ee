//! The kinds of sheets, and their columns.

use std::fmt;

use serde::{Serialize, Serializer};

/// A kind of sheet. The order follows the dependencies: a sheet may name rows that an earlier sheet of the same import adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sheet {
    /// Tiers and the safety buffers of their items.
    Tiers,
    /// Items: units, tier, lots, buffer, threshold, planning.
    Items,
    /// Work centres and their daily capacity.
    WorkCentres,
    /// Locations.
    Locations,
    /// The codes of locations in shops and other systems.
    LocationCodes,
    /// The listings of items in shops.
    Listings,
    /// The codes of items in other systems.
    SystemItems,
    /// How an item is made: lead time, yield, work centre.
    Assemblies,
    /// The components of an item: one line for each.
    Bills,
}

/// The column that removes a row.
pub(super) const REMOVE: &str = "remove";

impl Sheet {
    /// All sheets.
    pub const ALL: [Self; 9] = [
        Self::Tiers,
        Self::Items,
        Self::WorkCentres,
        Self::Locations,
        Self::LocationCodes,
        Self::Listings,
        Self::SystemItems,
        Self::Assemblies,
        Self::Bills,
    ];

    /// The name of its file, without `.csv`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tiers => "tiers",
            Self::Items => "items",
            Self::WorkCentres => "work_centres",
            Self::Locations => "locations",
            Self::LocationCodes => "location_codes",
            Self::Listings => "listings",
            Self::SystemItems => "system_items",
            Self::Assemblies => "assemblies",
            Self::Bills => "bills",
        }
    }

    /// The sheet of a file, by its name with or without `.csv`, in any case.
    #[must_use]
    pub fn of_file(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let name = name.strip_suffix(".csv").unwrap_or(&name);
        Self::ALL.into_iter().find(|sheet| sheet.name() == name)
    }

    /// Its columns. The first [`Sheet::key_columns`] of them identify the row.
    #[must_use]
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Tiers => &["tier", "buffer"],
            Self::Items => &[
                "sku",
                "unit",
                "units",
                "tier",
                "by_lot",
                "buffer",
                "low_at",
                "promise_days",
                "priority",
                "since",
                "supplier_days",
                "bulk",
                "policy",
                "shows_date",
            ],
            Self::WorkCentres => &["centre", "units_per_day"],
            Self::Locations => &["code", "kind", "fulfils_online", "active", "feeds_production", "time_zone"],
            Self::LocationCodes => &["location", "in", "code"],
            Self::Listings => &["shop", "shop_sku", "sku", "inventory_item", "variant", "buffer"],
            Self::SystemItems => &["system", "code", "sku", "unit", "units"],
            Self::Assemblies => &["parent", "lead_days", "yield_percent", "work_centre", "phantom"],
            Self::Bills => &["parent", "component", "quantity", "scrap_percent", "from", "until", "instead_of", "rank"],
        }
    }

    /// The number of columns that identify the row.
    #[must_use]
    pub const fn key_columns(self) -> usize {
        match self {
            Self::Tiers | Self::Items | Self::WorkCentres | Self::Locations | Self::Assemblies => 1,
            Self::LocationCodes | Self::Listings | Self::SystemItems | Self::Bills => 2,
        }
    }

    /// Whether it may have a column `remove`, which removes rows.
    #[must_use]
    pub const fn removes(self) -> bool {
        match self {
            Self::Tiers | Self::Items | Self::WorkCentres | Self::Locations => false,
            Self::LocationCodes | Self::Listings | Self::SystemItems | Self::Assemblies | Self::Bills => true,
        }
    }

    /// Every column it may have, `remove` included.
    pub(super) fn known_columns(self) -> impl Iterator<Item = &'static str> {
        self.columns().iter().copied().chain(self.removes().then_some(REMOVE))
    }
}

impl fmt::Display for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.csv", self.name())
    }
}

impl Serialize for Sheet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

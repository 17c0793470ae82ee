//! The sheets there are, and their columns.

use std::fmt;

use serde::{Serialize, Serializer};

/// A kind of sheet. In this order they build on each other: what a later one names, an earlier one may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sheet {
    /// Tiers and what is kept back of their items.
    Tiers,
    /// Items: units, tier, lots, buffer, threshold, planning.
    Items,
    /// Work centres and how much they can start.
    WorkCentres,
    /// Locations.
    Locations,
    /// What shops and systems call a location.
    LocationCodes,
    /// How a shop lists an item.
    Listings,
    /// What another system calls an item.
    SystemItems,
    /// How an item is made: time, yield, work centre.
    Assemblies,
    /// What an item is made of: one line for each component.
    Bills,
}

/// The column that takes a mapping away.
pub(super) const REMOVE: &str = "remove";

impl Sheet {
    /// All of them.
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

    /// What its file is called, without `.csv`.
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

    /// The sheet of a file, by its name with or without `.csv`.
    #[must_use]
    pub fn of_file(name: &str) -> Option<Self> {
        let name = name.strip_suffix(".csv").unwrap_or(name);
        Self::ALL.into_iter().find(|sheet| sheet.name() == name)
    }

    /// Its columns. The first [`Sheet::key_columns`] of them say which row is meant.
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
            Self::Locations => &["code", "kind", "fulfils_online", "active", "feeds_production"],
            Self::LocationCodes => &["location", "in", "code"],
            Self::Listings => &["shop", "shop_sku", "sku", "inventory_item", "variant", "buffer"],
            Self::SystemItems => &["system", "code", "sku", "unit", "units"],
            Self::Assemblies => &["parent", "lead_days", "yield_percent", "work_centre", "phantom"],
            Self::Bills => &["parent", "component", "quantity", "scrap_percent", "from", "until", "instead_of", "rank"],
        }
    }

    /// How many columns say which row is meant.
    #[must_use]
    pub const fn key_columns(self) -> usize {
        match self {
            Self::Tiers | Self::Items | Self::WorkCentres | Self::Locations | Self::Assemblies => 1,
            Self::LocationCodes | Self::Listings | Self::SystemItems | Self::Bills => 2,
        }
    }

    /// Whether its rows can be taken away by a column `remove`.
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

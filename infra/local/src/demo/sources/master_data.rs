//! The items and sites of the morning, with our codes and the codes of each system.

use std::fmt;

/// The number of items.
pub const ITEMS: usize = 40;

/// The number of items that the shop sells this morning: the first ones.
pub const SOLD: usize = 8;

/// Pieces in a case.
pub const CASE: i64 = 12;

/// A system that reports stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum System {
    /// The ERP, which a connector pulls.
    Erp,
    /// The WMS of the warehouse, which sends events over HTTP.
    Wms,
    /// The POS of the store, which sends events over HTTP.
    Pos,
    /// The 3PL, which sends events on the bus.
    ThirdParty,
}

impl System {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Erp, Self::Wms, Self::Pos, Self::ThirdParty];

    /// Its code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Erp => "erp",
            Self::Wms => "wms",
            Self::Pos => "pos",
            Self::ThirdParty => "threepl",
        }
    }

    /// The system's code of an item.
    pub fn item_code(self, item: Item) -> String {
        let own = match self {
            Self::Erp => item.0.is_multiple_of(2).then(|| format!("MAT-{}", 1_000 + item.0)),
            Self::Wms => None,
            Self::Pos => item.0.is_multiple_of(3).then(|| format!("40012345{:05}", item.0)),
            Self::ThirdParty => item.0.is_multiple_of(5).then(|| format!("X{}", 77 + item.0)),
        };
        own.unwrap_or_else(|| item.sku())
    }

    /// The system's code of a site.
    pub fn site_code(self, site: Site) -> &'static str {
        match (self, site) {
            (Self::Erp, Site::Warehouse) => "1000",
            (Self::Erp, Site::ThirdParty) => "3000",
            (Self::Erp, Site::Store) => "2000",
            (Self::Wms, Site::ThirdParty) => NEW_CODE,
            (Self::Pos, Site::Store) => "POS-7",
            (Self::ThirdParty, Site::ThirdParty) => "HAM",
            (Self::Wms | Self::Pos | Self::ThirdParty, Site::Warehouse | Site::ThirdParty | Site::Store) => site.code(),
        }
    }

    /// A quantity of an item as the system writes it, and the unit if the system names one.
    pub fn quantity_text(self, item: Item, units: i64) -> (String, Option<&'static str>) {
        let thousandth = || format!("{}{}.{:03}", if units < 0 { "-" } else { "" }, units.abs() / 1_000, units.abs() % 1_000);
        let by_case = item.measure() == Measure::Cases && units % CASE == 0 && units != 0;
        match (self, item.measure()) {
            (Self::Erp, Measure::Grams) => (thousandth(), Some("KG")),
            (Self::Erp, Measure::Cases) if by_case => ((units / CASE).to_string(), Some("Case")),
            (Self::Erp, Measure::Cases | Measure::Pieces) => (units.to_string(), Some("Ea")),
            (Self::Wms, Measure::Cases) if by_case => ((units / CASE).to_string(), Some("case")),
            (Self::Pos, Measure::Grams) => (thousandth(), Some("kg")),
            (Self::Wms | Self::Pos | Self::ThirdParty, Measure::Pieces | Measure::Cases | Measure::Grams) => {
                (units.to_string(), None)
            }
        }
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The WMS's code of the 3PL's building. It is not mapped when the morning begins.
pub const NEW_CODE: &str = "0003";

/// Where stock is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Site {
    /// The merchant's own warehouse.
    Warehouse,
    /// The warehouse of the 3PL.
    ThirdParty,
    /// The store.
    Store,
}

impl Site {
    /// Every one, in the order in which the shop allocates from them.
    pub const ALL: [Self; 3] = [Self::Warehouse, Self::ThirdParty, Self::Store];

    /// Our code of it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Warehouse => "WH-1",
            Self::ThirdParty => "3PL-1",
            Self::Store => "STORE-1",
        }
    }
}

/// How an item is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Every system counts in pieces.
    Pieces,
    /// The base unit is a piece; some systems count in cases.
    Cases,
    /// The base unit is a gram; some systems count in kilograms.
    Grams,
}

/// An item, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item(pub usize);

impl Item {
    /// Every one.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..ITEMS).map(Self)
    }

    /// Our code of it.
    pub fn sku(self) -> String {
        format!("CARE-{:03}", self.0 + 1)
    }

    /// The units in which it is counted.
    pub fn measure(self) -> Measure {
        match (self.0, self.0 % 8) {
            (21, _) => Measure::Grams,
            (_, 3) => Measure::Cases,
            (_, _) => Measure::Pieces,
        }
    }

    /// The item's own buffer, in units.
    pub fn own_buffer(self) -> Option<i64> {
        self.0.is_multiple_of(4).then_some(2)
    }

    /// Whether the item has the tier with the buffer [`TIER_BUFFER`].
    pub fn has_tier(self) -> bool {
        self.0 % 10 == 1
    }

    /// The buffer of the item's listing in the shop, in units.
    pub fn shop_buffer(self) -> Option<i64> {
        (self.0 == 9).then_some(5)
    }

    /// The opening stock at a site, in units.
    pub fn opening(self, site: Site) -> i64 {
        let units = match site {
            Site::Warehouse => 1_000,
            Site::ThirdParty => 600,
            Site::Store => 300,
        };
        units * self.lump()
    }

    /// The smallest quantity of an event: grams come in lots of 50.
    pub fn lump(self) -> i64 {
        match self.measure() {
            Measure::Pieces | Measure::Cases => 1,
            Measure::Grams => 50,
        }
    }

    /// Whether the shop sells it this morning.
    pub fn is_sold(self) -> bool {
        self.0 < SOLD
    }
}

/// The buffer of the tier, in units.
pub const TIER_BUFFER: i64 = 3;

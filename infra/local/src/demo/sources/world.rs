//! What is sold and where it is kept, in our words and in those of each system.

use std::fmt;

/// How many items there are.
pub const ITEMS: usize = 40;

/// How many of them, the first ones, the shop sells this morning.
pub const SOLD: usize = 8;

/// Pieces in a case.
pub const CASE: i64 = 12;

/// A system that speaks of our stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum System {
    /// Keeps the books, and is asked.
    Erp,
    /// Runs the warehouse, and tells over HTTP.
    Wms,
    /// Rings up sales in the store, and tells over HTTP.
    Pos,
    /// Keeps stock for us, and tells on the bus.
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

    /// What it calls an item.
    pub fn calls_item(self, item: Item) -> String {
        let own = match self {
            Self::Erp => item.0.is_multiple_of(2).then(|| format!("MAT-{}", 1_000 + item.0)),
            Self::Wms => None,
            Self::Pos => item.0.is_multiple_of(3).then(|| format!("40012345{:05}", item.0)),
            Self::ThirdParty => item.0.is_multiple_of(5).then(|| format!("X{}", 77 + item.0)),
        };
        own.unwrap_or_else(|| item.sku())
    }

    /// What it calls a site.
    pub fn calls_site(self, site: Site) -> &'static str {
        match (self, site) {
            (Self::Erp, Site::Warehouse) => "1000",
            (Self::Erp, Site::ThirdParty) => "3000",
            (Self::Erp, Site::Store) => "2000",
            (Self::Wms, Site::ThirdParty) => NEW_CODE,
            (Self::Pos, Site::Store) => "TILL-7",
            (Self::ThirdParty, Site::ThirdParty) => "HAM",
            (Self::Wms | Self::Pos | Self::ThirdParty, Site::Warehouse | Site::ThirdParty | Site::Store) => site.code(),
        }
    }

    /// So many units of an item in its words, with the unit where it names one.
    pub fn says(self, item: Item, units: i64) -> (String, Option<&'static str>) {
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

/// What the WMS calls the 3PL's building. Nobody has mapped it when the morning begins.
pub const NEW_CODE: &str = "0003";

/// Where stock is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Site {
    /// Our own warehouse.
    Warehouse,
    /// The 3PL's.
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
    /// In pieces by everybody.
    Pieces,
    /// In pieces by us, in cases where a system can.
    Cases,
    /// In grams by us, in kilograms by some.
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

    /// How it is counted.
    pub fn measure(self) -> Measure {
        match (self.0, self.0 % 8) {
            (21, _) => Measure::Grams,
            (_, 3) => Measure::Cases,
            (_, _) => Measure::Pieces,
        }
    }

    /// Units kept back everywhere, by the item's own word.
    pub fn own_buffer(self) -> Option<i64> {
        self.0.is_multiple_of(4).then_some(2)
    }

    /// Units kept back everywhere, by its tier's word; whether it has the tier.
    pub fn has_tier(self) -> bool {
        self.0 % 10 == 1
    }

    /// Units kept back from the shop alone.
    pub fn shop_buffer(self) -> Option<i64> {
        (self.0 == 9).then_some(5)
    }

    /// Units there are at a site when the morning begins.
    pub fn opening(self, site: Site) -> i64 {
        let units = match site {
            Site::Warehouse => 1_000,
            Site::ThirdParty => 600,
            Site::Store => 300,
        };
        units * self.lump()
    }

    /// The least that is spoken of: grams are not sold one by one.
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

/// Units that the tier keeps back.
pub const TIER_BUFFER: i64 = 3;

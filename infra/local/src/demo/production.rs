//! The bills of materials of the serums as sheets, the opening stock of their components, and the audit's own computation of the
//! producible units.
//!
//! Two serums share pumps and a base, which is made of a raw material and water. The large serum is older and gets its share
//! first, limited by its bottles. The serum of the sale gets the rest of the base, and the base is its bottleneck. So each change
//! of the raw material changes the level of the serum in the sale.

use std::collections::BTreeMap;

use jiff::civil::Date;
use promissory::catalog::Place;
use promissory::sheets::{Sheet, Sheets};

use super::script::{LARGE, SERUM};
use crate::audit::TableContents;

/// The location of the components and of the production.
pub const FACTORY: &str = "PLANT";

/// The production location, whose level in the shop shows the producible units.
pub const PRODUCTION: &str = "MADE";

/// The raw material of the base, and the bottleneck of the serums.
pub const RAW: &str = "HYALURON";

/// Grams of the base in a unit of the serum, and of the large one.
const GRAMS: [i64; 2] = [30, 50];

/// Grams of the base that a gram of the raw material makes.
const BASE_OF_RAW: i64 = 10;

/// The number of days within which the raw material must arrive for the promises of today: the promise days less the lead times
/// of the serum and the base.
const IN_TIME_DAYS: i64 = 21 - 2 - 5;

/// The producible units that the opening stock is computed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amounts {
    /// Units of the serum when the sale begins.
    pub serum: i64,
    /// Units of the large serum; its bottles limit it.
    pub large: i64,
    /// Units of the serum from a receipt in the sale. A purchase order adds the same number, and then becomes late.
    pub more: i64,
}

impl Amounts {
    /// The numbers for a sale with this many customers: enough units for some of them.
    #[must_use]
    pub fn of(orders: u32) -> Self {
        let orders = i64::from(orders);
        Self { serum: (orders / 10).max(20), large: (orders / 40).max(5), more: (orders / 20).max(10) }
    }

    /// The opening stock at the factory, in units and grams. A part of the base is made already.
    #[must_use]
    pub fn opening(&self) -> [(&'static str, i64); 5] {
        let Self { serum, large, more } = *self;
        let bottles = serum + 3 * more;
        // Half of the raw material is in stock, the other half is ordered.
        let raw = self.raw_ordered();
        let [small_grams, large_grams] = GRAMS;
        let base = small_grams * serum + large_grams * large - BASE_OF_RAW * 2 * raw;
        [("BOTTLE-30", bottles), ("BOTTLE-50", large), ("PUMP", bottles + large), ("SERUM-BASE", base), (RAW, raw)]
    }

    /// Grams of the raw material that are ordered when the sale begins and arrive in time.
    #[must_use]
    pub fn raw_ordered(&self) -> i64 {
        self.serum
    }

    /// Grams of the raw material for `more` units of the serum.
    #[must_use]
    pub fn raw_more(&self) -> i64 {
        let [grams, _] = GRAMS;
        self.more * grams / BASE_OF_RAW
    }
}

/// The due date of a purchase order of the raw material: one that is in time for the promises of today, or one that is too late.
#[must_use]
pub fn due(today: Date, in_time: bool) -> Date {
    let days = if in_time { IN_TIME_DAYS - 4 } else { IN_TIME_DAYS + 30 };
    today.saturating_add(jiff::Span::new().days(days))
}

/// The sheets for planning: the finished goods are sold while they are producible within three weeks.
#[must_use]
pub fn sheets() -> Sheets {
    let items = format!(
        "sku,unit,promise_days,since,supplier_days,bulk,policy\n\
         {SERUM},,21,2026-02-01,,,\n\
         {LARGE},,21,2025-06-01,,,\n\
         BOTTLE-30,,,,14,,\n\
         BOTTLE-50,,,,14,,\n\
         PUMP,,,,14,,first_come\n\
         SERUM-BASE,g,,,,,first_come\n\
         {RAW},g,,,30,,first_come\n\
         WATER,g,,,,yes,\n"
    );
    let assemblies = format!("parent,lead_days\n{SERUM},2\n{LARGE},2\nSERUM-BASE,5\n");
    let [small, large] = GRAMS;
    let bills = format!(
        "parent,component,quantity\n\
         {SERUM},BOTTLE-30,1\n{SERUM},PUMP,1\n{SERUM},SERUM-BASE,{small}\n\
         {LARGE},BOTTLE-50,1\n{LARGE},PUMP,1\n{LARGE},SERUM-BASE,{large}\n\
         SERUM-BASE,{RAW},0.1\nSERUM-BASE,WATER,0.9\n"
    );
    let files = [(Sheet::Items, items), (Sheet::Assemblies, assemblies), (Sheet::Bills, bills)];
    Sheets::read(&files.into_iter().map(|(sheet, text)| (sheet, text.into_bytes())).collect())
}

/// The components for the serums, counted by the audit without the stored plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComponentStock {
    /// Bottles for the serum, and for the large one.
    pub bottles: [i64; 2],
    /// Pumps, for both.
    pub pumps: i64,
    /// Grams of the base, with the base that can be made of the raw material that is in stock or arrives in time.
    pub base: i64,
}

impl ComponentStock {
    /// Counts the components at the factory. `raw_to_come` is the grams of the raw material that arrive in time.
    #[must_use]
    pub fn count(contents: &TableContents, raw_to_come: i64) -> Self {
        let mut there: BTreeMap<&str, i64> = BTreeMap::new();
        let at_factory = |place: &Place| matches!(place, Place::At(code) if code.as_str() == FACTORY);
        for (of, position) in contents.positions.iter().filter(|(of, _)| at_factory(&of.place)) {
            *there.entry(of.sku.as_str()).or_default() += position.balance.on_hand.units();
        }
        let of = |sku: &str| there.get(sku).copied().unwrap_or(0);
        let base = of("SERUM-BASE") + BASE_OF_RAW * (of(RAW) + raw_to_come);
        Self { bottles: [of("BOTTLE-30"), of("BOTTLE-50")], pumps: of("PUMP"), base }
    }

    /// The number of units that cannot be made, if these units of each serum are required; zero if all can be made.
    #[must_use]
    pub fn short(&self, units: [i64; 2]) -> i64 {
        let Self { bottles, pumps, base } = *self;
        let grams: i64 = units.iter().zip(GRAMS).map(|(units, grams)| units * grams).sum();
        let [small, _] = GRAMS;
        let lacking = |needed: i64, there: i64| (needed - there).max(0);
        let bottles = units.iter().zip(bottles).map(|(units, there)| lacking(*units, there)).sum::<i64>();
        let base = (lacking(grams, base) + small - 1) / small;
        bottles.max(lacking(units.iter().sum(), pumps)).max(base)
    }

    /// Whether these units can be made, and no further unit of either serum.
    #[must_use]
    pub fn are_exact_for(&self, units: [i64; 2]) -> bool {
        let [serum, large] = units;
        self.short(units) == 0 && self.short([serum + 1, large]) > 0 && self.short([serum, large + 1]) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the audit's own computation: each kind of component can be the bottleneck, and the opening stock is exactly
    /// enough for the amounts.
    #[test]
    fn short_counts_the_units_that_cannot_be_made() {
        let parts = ComponentStock { bottles: [10, 4], pumps: 12, base: 400 };
        for (units, short) in [
            ([0, 0], 0),
            ([10, 2], 0),
            ([11, 0], 1),
            ([0, 5], 1),
            ([10, 3], 2),
            ([9, 4], 3),
            ([6, 4], 0),
            ([7, 4], 1),
            ([12, 0], 2),
        ] {
            assert_eq!(parts.short(units), short, "{units:?}");
        }
        for orders in [1, 300, 2_000, 100_000] {
            let amounts = Amounts::of(orders);
            let there: BTreeMap<_, _> = amounts.opening().into();
            let base = there["SERUM-BASE"] + BASE_OF_RAW * (there[RAW] + amounts.raw_ordered());
            let bottles = [there["BOTTLE-30"], there["BOTTLE-50"]];
            let parts = ComponentStock { bottles, pumps: there["PUMP"], base };
            assert!(parts.are_exact_for([amounts.serum, amounts.large]), "{amounts:?}");
            let more = ComponentStock { base: base + BASE_OF_RAW * amounts.raw_more(), ..parts };
            assert!(more.are_exact_for([amounts.serum + amounts.more, amounts.large]), "{amounts:?}");
        }
    }
}

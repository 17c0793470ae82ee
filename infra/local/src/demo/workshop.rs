//! How the serums are made, as sheets; how much there is of everything; and an audit's own count of what that makes.
//!
//! Two serums share pumps and a base, which is made of a raw material and water. The large one came first and is served
//! first, as far as there are bottles for it; the one of the sale has what is left of the base, and nothing else stops it.
//! So the base decides what both can be together, and every gram more or less of the raw material is seen in the sale.

use std::collections::BTreeMap;

use jiff::civil::Date;
use promissory::catalog::Place;
use promissory::sheets::{Sheet, Sheets};

use super::plan::{LARGE, SERUM};
use crate::audit::Books;

/// Where components lie, and where things are made.
pub const FACTORY: &str = "PLANT";

/// The shop's location that shows what can still be made.
pub const PRODUCTION: &str = "MADE";

/// What the base is made of, and what everything waits for in the end.
pub const RAW: &str = "HYALURON";

/// Grams of the base in a unit of the serum, and of the large one.
const GRAMS: [i64; 2] = [30, 50];

/// Grams of the base that a gram of the raw material makes.
const BASE_OF_RAW: i64 = 10;

/// Days from which the raw material comes too late for what is promised today: the base and the serum are made in between.
const IN_TIME_DAYS: i64 = 21 - 2 - 5;

/// How much can be made, in units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amounts {
    /// Of the serum, when the sale begins.
    pub serum: i64,
    /// Of the large one: there are bottles for so many.
    pub large: i64,
    /// Of the serum, from a receipt in the sale. A supplier announces as much again, and then does not bring it in time.
    pub more: i64,
}

impl Amounts {
    /// For so many customers: enough for some of them.
    #[must_use]
    pub fn of(orders: u32) -> Self {
        let orders = i64::from(orders);
        Self { serum: (orders / 10).max(20), large: (orders / 40).max(5), more: (orders / 20).max(10) }
    }

    /// What lies at the factory when the sale begins, in units and grams. Some of the base is made already.
    #[must_use]
    pub fn opening(&self) -> [(&'static str, i64); 5] {
        let Self { serum, large, more } = *self;
        let bottles = serum + 3 * more;
        // Of the raw material as much lies there as is ordered.
        let raw = self.raw_ordered();
        let [small_grams, large_grams] = GRAMS;
        let base = small_grams * serum + large_grams * large - BASE_OF_RAW * 2 * raw;
        [("BOTTLE-30", bottles), ("BOTTLE-50", large), ("PUMP", bottles + large), ("SERUM-BASE", base), (RAW, raw)]
    }

    /// Grams of the raw material that are ordered when the sale begins, and come in time.
    #[must_use]
    pub fn raw_ordered(&self) -> i64 {
        self.serum
    }

    /// Grams of the raw material for as many units of the serum as come more, or do not.
    #[must_use]
    pub fn raw_more(&self) -> i64 {
        let [grams, _] = GRAMS;
        self.more * grams / BASE_OF_RAW
    }
}

/// When the raw material is due that is in time, and when what has slipped.
#[must_use]
pub fn due(today: Date, in_time: bool) -> Date {
    let days = if in_time { IN_TIME_DAYS - 4 } else { IN_TIME_DAYS + 30 };
    today.saturating_add(jiff::Span::new().days(days))
}

/// What is told of planning: the goods are sold while they can be made within three weeks.
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

/// What there is to make serums of: an audit's own count, which knows nothing of plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// Bottles for the serum, and for the large one.
    pub bottles: [i64; 2],
    /// Pumps, for both.
    pub pumps: i64,
    /// Grams of the base, with what the raw material makes that is there or comes in time.
    pub base: i64,
}

impl Parts {
    /// Counts what lies at the factory. `raw_to_come` are the grams of the raw material that come in time.
    #[must_use]
    pub fn count(books: &Books, raw_to_come: i64) -> Self {
        let mut there: BTreeMap<&str, i64> = BTreeMap::new();
        let at_factory = |place: &Place| matches!(place, Place::At(code) if code.as_str() == FACTORY);
        for (of, position) in books.positions.iter().filter(|(of, _)| at_factory(&of.place)) {
            *there.entry(of.sku.as_str()).or_default() += position.balance.on_hand.units();
        }
        let of = |sku: &str| there.get(sku).copied().unwrap_or(0);
        let base = of("SERUM-BASE") + BASE_OF_RAW * (of(RAW) + raw_to_come);
        Self { bottles: [of("BOTTLE-30"), of("BOTTLE-50")], pumps: of("PUMP"), base }
    }

    /// How many units there are too few for, if so many of each are to be made; zero when all of them can be.
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

    /// Whether all of these can be made, and not one more of either.
    #[must_use]
    pub fn make_just(&self, units: [i64; 2]) -> bool {
        let [serum, large] = units;
        self.short(units) == 0 && self.short([serum + 1, large]) > 0 && self.short([serum, large + 1]) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the audit from its own count: what stops one more unit is seen, whichever part it is, and the opening stock
    /// makes exactly what it is said to.
    #[test]
    fn what_is_short_is_counted() {
        let parts = Parts { bottles: [10, 4], pumps: 12, base: 400 };
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
            let parts = Parts { bottles, pumps: there["PUMP"], base };
            assert!(parts.make_just([amounts.serum, amounts.large]), "{amounts:?}");
            let more = Parts { base: base + BASE_OF_RAW * amounts.raw_more(), ..parts };
            assert!(more.make_just([amounts.serum + amounts.more, amounts.large]), "{amounts:?}");
        }
    }
}

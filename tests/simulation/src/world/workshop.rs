//! Worlds in which goods are sold before they are made: a serum, a set and a mist, from components that they share.
//!
//! Components lie in a factory that no customer buys from; what can still be made is shown at a location of the shop that is
//! no place. How it is made is drawn by the seed and small enough to be tried out by hand: every write of a plan is.

mod import;
mod shown;
mod talk;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::civil::Date;
use promissory::catalog::{
    AllocationPolicy, BillOfMaterials, Component, Item, Location, LocationId, LocationKind, PlanningSettings, Quantity,
    ShopDomain, ShopLocationId, Sku, WhereUsed, WorkCentre, WorkCentreId,
};
use promissory::source::StockKind;
use promissory::table::{Expect, Write};
use promissory_fakes::shopify::LocationId as ShopLocation;

use super::build::number;
use super::parcels::system_id;
use super::said::location_code;
use crate::rng::Rng;

/// What is sold before it is made, in the order in which a world has them.
pub const GOODS: [&str; 3] = ["SERUM", "SET", "MIST"];

/// What is bought.
pub const BOUGHT: [&str; 5] = ["BOTTLE", "PUMP", "PUMP2", "OIL", "BOX"];

/// What is made and not sold.
pub const BASE: &str = "BASE";

/// What is always there.
pub const LABEL: &str = "LABEL";

const CENTRE: &str = "FILL";

/// Which work centre a world has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Centre {
    /// None: nothing limits how much is begun.
    #[default]
    None,
    /// One for the base.
    OfBase(i64),
    /// One for the serum.
    OfSerum(i64),
    /// One for the serum and the set together.
    Shared(i64),
}

/// How a world makes what it sells.
#[derive(Debug, Clone, Copy, Default)]
pub struct Making {
    /// How many goods there are.
    pub goods: usize,
    /// Within how many days each is promised.
    days: [u16; 3],
    /// How long each takes, and the base last.
    leads: [u16; 4],
    /// Good units of a hundred, of the base.
    base_yield: u8,
    /// Units of oil for a base, in tenths, and what is lost of it, in per cent.
    oil: (u8, u8),
    /// Whether a pump may be replaced by another.
    alternate: bool,
    /// Whether a set holds a serum. Otherwise it holds a bottle, a pump and two of the base.
    set_of_serum: bool,
    /// Whether the mist begins with components of its own.
    pub mist_alone: bool,
    centre: Centre,
    /// How goods that compete are served, by bottle, by pump and by base.
    policies: [AllocationPolicy; 3],
    /// How long a supplier takes, where no order says when it is due.
    supplier_days: Option<u16>,
    /// Whether it begins shortly before a day does, with everything under way.
    pub begins_late: bool,
}

/// A purchase order or a production run that something was said of.
#[derive(Debug, Clone)]
pub struct Announced {
    /// What every system calls it.
    pub reference: String,
    /// Which of the two.
    pub kind: StockKind,
    /// What is to come.
    pub sku: Sku,
    /// How much was announced last.
    pub units: i64,
}

/// What a world makes, where, and what is announced of it.
#[derive(Debug)]
pub struct Workshop {
    /// How.
    pub making: Making,
    /// Where it is made.
    pub factory: LocationId,
    /// The shop's location that shows what can still be made.
    pub production: (LocationId, ShopLocation),
    /// What is sold before it is made.
    pub goods: Vec<Sku>,
    /// Everything that it is made of.
    pub components: Vec<Sku>,
    /// Purchase orders and production runs.
    pub announced: Vec<Announced>,
    /// The bills in force.
    pub bills: BTreeMap<Sku, BillOfMaterials>,
    /// What somebody is importing, one transaction after the other.
    pub import: VecDeque<import::Step>,
    /// Units are on sale that a rise of another good has taken, until the shop is told of the fall.
    pub offered_twice: bool,
    /// Somebody has edited what the shop shows of it.
    pub is_edited: bool,
}

impl Making {
    /// What a seed says.
    pub fn drawn(rng: &Rng) -> Self {
        let below = |bound: usize| u16::try_from(rng.below(bound)).expect("small");
        let small = |bound: usize| u8::try_from(rng.below(bound)).expect("small");
        let policy = || {
            *rng.pick(&[
                AllocationPolicy::FairShare,
                AllocationPolicy::FairShare,
                AllocationPolicy::FirstCome,
                AllocationPolicy::Priority,
            ])
        };
        Self {
            goods: 2 + rng.below(2),
            days: std::array::from_fn(|_| *rng.pick(&[0, 1, 3, 5, 8])),
            leads: [below(3), below(2), below(3), below(4)],
            base_yield: *rng.pick(&[100, 100, 90, 75, 34]),
            oil: (*rng.pick(&[10, 10, 5, 15, 3]), small(2) * 10),
            alternate: rng.per_mille(500),
            set_of_serum: rng.per_mille(300),
            mist_alone: rng.per_mille(500),
            centre: match rng.below(8) {
                0..4 => Centre::None,
                4..6 => Centre::OfBase(rng.up_to(5)),
                6 => Centre::OfSerum(rng.up_to(5)),
                _ => Centre::Shared(rng.up_to(6)),
            },
            policies: [policy(), policy(), policy()],
            supplier_days: rng.per_mille(500).then(|| 1 + below(6)),
            begins_late: rng.per_mille(300),
        }
    }

    /// As plain as can be: a serum and a set that share bottle, pump and base.
    pub fn plain() -> Self {
        let (days, leads) = ([5, 5, 5], [1, 1, 1, 1]);
        Self { goods: 2, days, leads, base_yield: 100, oil: (10, 0), ..Self::default() }
    }

    /// How one of the goods takes part in planning.
    pub fn planning(&self, nth: usize) -> PlanningSettings {
        let since = Date::constant(2026, 1, 1 + i8::try_from((nth * 7) % 5).expect("small"));
        let priority = u32::try_from((nth * 2) % 3).expect("small");
        PlanningSettings {
            promise_days: Some(self.days[nth]),
            priority: Some(priority),
            since: Some(since),
            ..PlanningSettings::default()
        }
    }

    /// Where things are made, and where what can still be made is shown.
    pub fn locations(&self, domain: &ShopDomain, shown: ShopLocation) -> [Location; 2] {
        let (factory, production): (LocationId, LocationId) = ("FAC".parse().expect("a code"), "MAKE".parse().expect("a code"));
        let systems = [(system_id("wms"), location_code("wms", &factory))].into();
        let shops = [(domain.clone(), ShopLocationId::new(number(shown.0)))].into();
        [
            Location { fulfils_online: false, systems, ..Location::new(factory, LocationKind::Factory) },
            Location { shops, ..Location::new(production, LocationKind::Production) },
        ]
    }

    /// What the goods are made of, as items.
    pub fn components(&self) -> Vec<Item> {
        let policy_of = |name: &str| match name {
            "BOTTLE" => self.policies[0],
            "PUMP" => self.policies[1],
            BASE => self.policies[2],
            _ => AllocationPolicy::default(),
        };
        let names = BOUGHT.into_iter().chain([BASE, LABEL]);
        let item = |name: &str| {
            let supplier_days = self.supplier_days.filter(|_| BOUGHT.contains(&name));
            let planning =
                PlanningSettings { supplier_days, bulk: name == LABEL, policy: policy_of(name), ..PlanningSettings::default() };
            Item { planning, ..Item::new(sku(name)) }
        };
        names.map(item).collect()
    }

    /// What everything is made of.
    pub fn bills(&self) -> BTreeMap<Sku, BillOfMaterials> {
        let mut serum = bill("SERUM", &[("BOTTLE", "1"), ("PUMP", "1"), (BASE, "1"), (LABEL, "1")], self.leads[0]);
        let mut set = if self.set_of_serum {
            bill("SET", &[("SERUM", "1"), ("BOX", "1"), ("PUMP", "1")], self.leads[1])
        } else {
            bill("SET", &[("BOTTLE", "1"), ("PUMP", "1"), (BASE, "2"), ("BOX", "1")], self.leads[1])
        };
        let mist = if self.mist_alone {
            bill("MIST", &[("BOX", "2")], self.leads[2])
        } else {
            bill("MIST", &[("BOTTLE", "1"), ("OIL", "2")], self.leads[2])
        };
        if self.mist_alone {
            set.components.remove(&sku("BOX"));
        }
        if self.alternate {
            for with_pump in [&mut serum, &mut set] {
                let instead_of = Some(sku("PUMP"));
                with_pump.components.insert(sku("PUMP2"), Component { instead_of, ..component("1") });
            }
        }
        let (tenths, lost) = self.oil;
        let oil = Component {
            scrap: (lost > 0).then(|| lost.to_string().parse().expect("a share")),
            ..component(&format!("{}.{}", tenths / 10, tenths % 10))
        };
        let mut base = bill(BASE, &[], self.leads[3]);
        base.components.insert(sku("OIL"), oil);
        base.yields = (self.base_yield < 100).then(|| self.base_yield.to_string().parse().expect("a yield"));
        let centre: WorkCentreId = CENTRE.parse().expect("a code");
        match self.centre {
            Centre::None => {}
            Centre::OfBase(_) => base.centre = Some(centre),
            Centre::OfSerum(_) => serum.centre = Some(centre),
            Centre::Shared(_) => (serum.centre, set.centre) = (Some(centre.clone()), Some(centre)),
        }
        let mut bills = vec![serum, set, base];
        bills.extend((self.goods > 2).then_some(mist));
        bills.into_iter().map(|bill| (bill.parent.clone(), bill)).collect()
    }

    /// The work centre, if there is one.
    pub fn centre(&self) -> Option<WorkCentre> {
        let (Centre::OfBase(per_day) | Centre::OfSerum(per_day) | Centre::Shared(per_day)) = self.centre else { return None };
        Some(WorkCentre { code: CENTRE.parse().expect("a code"), per_day: Quantity::new(per_day) })
    }

    /// The rows of all that, beside items and locations.
    pub fn rows(&self) -> Vec<Write> {
        let bills = self.bills();
        let mut rows: Vec<Write> = bills.values().map(|bill| Write::put(bill, Expect::Absent)).collect();
        rows.extend(used_in(&bills).values().map(|used| Write::put(used, Expect::Absent)));
        rows.extend(self.centre().map(|centre| Write::put(&centre, Expect::Absent)));
        rows
    }
}

/// Where each component and work centre is used; what is always there is not followed.
pub fn used_in(bills: &BTreeMap<Sku, BillOfMaterials>) -> BTreeMap<Sku, WhereUsed> {
    let mut used: BTreeMap<Sku, BTreeSet<Sku>> = BTreeMap::new();
    for bill in bills.values() {
        for component in bill.draws_on().filter(|component| component.as_str() != LABEL) {
            used.entry(component).or_default().insert(bill.parent.clone());
        }
    }
    used.into_iter().map(|(component, parents)| (component.clone(), WhereUsed { component, parents })).collect()
}

fn bill(parent: &str, made_of: &[(&str, &str)], lead_days: u16) -> BillOfMaterials {
    let components = made_of.iter().map(|(name, units)| (sku(name), component(units))).collect();
    BillOfMaterials { version: 1, components, lead_days, ..BillOfMaterials::new(sku(parent)) }
}

fn component(units: &str) -> Component {
    Component::new(units.parse().expect("a factor"))
}

/// A SKU of ours.
pub fn sku(name: &str) -> Sku {
    name.parse().expect("a SKU")
}

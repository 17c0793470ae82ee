//! Worlds with finished goods that are sold before they are made: a serum, a set and a mist, from shared components.
//!
//! Components lie in a factory from which the shop does not sell. Producible units are shown at a location of the shop that has
//! no stock. The bills are drawn by the seed and small, because the checker executes every written plan.

mod events;
mod import;
mod offered_twice;

pub use import::Step;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::civil::Date;
use promissory::catalog::{
    AllocationPolicy, BillOfMaterials, Component, Item, Location, LocationId, LocationKind, PlanningSettings, Quantity, Resource,
    ShopDomain, ShopLocationId, Sku, WhereUsed, WorkCentre, WorkCentreId,
};
use promissory::source::StockKind;
use promissory::table::{Expect, Write};
use promissory_fakes::shopify::LocationId as ShopLocation;

use super::batches::system_id;
use super::build::number;
use super::stock_events::location_code;
use crate::rng::Rng;

/// The finished goods, in the order in which a world uses them.
pub const FINISHED_GOODS: [&str; 3] = ["SERUM", "SET", "MIST"];

/// The bought components.
pub const BOUGHT: [&str; 5] = ["BOTTLE", "PUMP", "PUMP2", "OIL", "BOX"];

/// A kit of items that are sold by themselves, with its components.
pub const KIT: &str = "KIT";
pub const KIT_OF: [(&str, i64); 2] = [("S0", 1), ("S2", 2)];

/// A component that is made and not sold.
pub const BASE: &str = "BASE";

/// A bulk component, which planning treats as always available.
pub const LABEL: &str = "LABEL";

const CENTRE: &str = "FILL";

/// The work centre of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Centre {
    /// None: the capacity is unlimited.
    #[default]
    None,
    /// A work centre for the base, with its capacity per day.
    OfBase(i64),
    /// A work centre for the serum.
    OfSerum(i64),
    /// A work centre for the serum and the set together.
    Shared(i64),
}

/// How the finished goods of a world are made.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProductionSetup {
    /// Number of finished goods.
    pub finished_goods: usize,
    /// Promise days of each finished good.
    days: [u16; 3],
    /// Lead time in days of each finished good, and of the base.
    leads: [u16; 4],
    /// Yield of the base, in per cent.
    base_yield: u8,
    /// Units of oil per base, in tenths, and the scrap of it in per cent.
    oil: (u8, u8),
    /// Whether the bills allow an alternative pump.
    alternate: bool,
    /// Whether a set contains a serum. Otherwise it contains a bottle, a pump and two bases.
    set_of_serum: bool,
    /// Whether the mist shares no components with the others at first.
    pub mist_alone: bool,
    centre: Centre,
    /// Allocation policies of bottle, pump and base.
    policies: [AllocationPolicy; 3],
    /// Lead time of suppliers in days, for purchase orders without a due date.
    supplier_days: Option<u16>,
    /// Whether the world begins shortly before midnight, so that the day changes while work is in progress.
    pub begins_late: bool,
    /// Whether the shop sells a kit.
    pub sells_kits: bool,
}

/// A purchase order or production run that a system has sent.
#[derive(Debug, Clone)]
pub struct ScheduledDocument {
    /// Its reference, which all systems share.
    pub reference: String,
    /// Purchase order or production run.
    pub kind: StockKind,
    /// The item to receive.
    pub sku: Sku,
    /// The last ordered number of units.
    pub units: i64,
}

/// The production of a world: how, where, and its scheduled receipts.
#[derive(Debug)]
pub struct Workshop {
    /// How the finished goods are made.
    pub production_setup: ProductionSetup,
    /// The location where they are made.
    pub factory: LocationId,
    /// The location that shows producible units, and its id in the shop.
    pub production: (LocationId, ShopLocation),
    /// The finished goods.
    pub finished_goods: Vec<Sku>,
    /// Their components.
    pub components: Vec<Sku>,
    /// Purchase orders and production runs.
    pub scheduled: Vec<ScheduledDocument>,
    /// The current bills of materials.
    pub bills: BTreeMap<Sku, BillOfMaterials>,
    /// The remaining transactions of a running import.
    pub import: VecDeque<Step>,
    /// True while the shop offers units twice: it shows the rise of one finished good and not yet the fall of another one.
    pub offered_twice: bool,
    /// True after a person has edited a number of producible units in the shop.
    pub is_edited: bool,
}

impl ProductionSetup {
    /// Draws a setup from the seed.
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
            finished_goods: 2 + rng.below(2),
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
            sells_kits: rng.per_mille(600),
        }
    }

    /// The simplest setup: a serum and a set that share bottle, pump and base, and a kit if the shop sells kits.
    pub fn plain(sells_kits: bool) -> Self {
        let (days, leads) = ([5, 5, 5], [1, 1, 1, 1]);
        Self { finished_goods: 2, days, leads, base_yield: 100, oil: (10, 0), sells_kits, ..Self::default() }
    }

    /// The planning settings of a finished good.
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

    /// The factory, and the location that shows producible units.
    pub fn locations(&self, domain: &ShopDomain, shown: ShopLocation) -> [Location; 2] {
        let (factory, production): (LocationId, LocationId) = ("FAC".parse().expect("a code"), "MAKE".parse().expect("a code"));
        let systems = [(system_id("wms"), location_code("wms", &factory))].into();
        let shops = [(domain.clone(), ShopLocationId::new(number(shown.0)))].into();
        [
            Location { fulfils_online: false, systems, ..Location::new(factory, LocationKind::Factory) },
            Location { shops, ..Location::new(production, LocationKind::Production) },
        ]
    }

    /// The component items.
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

    /// The bills of materials.
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
        bills.extend((self.finished_goods > 2).then_some(mist));
        bills.into_iter().map(|bill| (bill.parent.clone(), bill)).collect()
    }

    /// The bill of the kit, if the shop sells one.
    fn kit(&self) -> Option<BillOfMaterials> {
        let made_of = KIT_OF.map(|(name, units)| (name, units.to_string()));
        let made_of = made_of.each_ref().map(|(name, units)| (*name, units.as_str()));
        self.sells_kits.then(|| BillOfMaterials { phantom: true, ..bill(KIT, &made_of, 0) })
    }

    /// The work centre, if there is one.
    pub fn centre(&self) -> Option<WorkCentre> {
        let (Centre::OfBase(per_day) | Centre::OfSerum(per_day) | Centre::Shared(per_day)) = self.centre else { return None };
        Some(WorkCentre { code: CENTRE.parse().expect("a code"), per_day: Quantity::new(per_day) })
    }

    /// The rows of the bills and the work centre.
    pub fn rows(&self) -> Vec<Write> {
        let mut bills = self.bills();
        bills.extend(self.kit().map(|kit| (kit.parent.clone(), kit)));
        let mut rows: Vec<Write> = bills.values().map(|bill| Write::put(bill, Expect::Absent)).collect();
        rows.extend(used_in(&bills).values().map(|used| Write::put(used, Expect::Absent)));
        rows.extend(self.centre().map(|centre| Write::put(&centre, Expect::Absent)));
        rows
    }
}

/// The parents of each component and work centre. Planning does not follow bulk components, so they are left out.
pub fn used_in(bills: &BTreeMap<Sku, BillOfMaterials>) -> BTreeMap<Resource, WhereUsed> {
    let mut used: BTreeMap<Resource, BTreeSet<Sku>> = BTreeMap::new();
    for bill in bills.values() {
        for resource in bill.resources().filter(|resource| resource.sku().is_none_or(|sku| sku.as_str() != LABEL)) {
            used.entry(resource).or_default().insert(bill.parent.clone());
        }
    }
    used.into_iter().map(|(resource, parents)| (resource.clone(), WhereUsed { resource, parents })).collect()
}

fn bill(parent: &str, made_of: &[(&str, &str)], lead_days: u16) -> BillOfMaterials {
    let components = made_of.iter().map(|(name, units)| (sku(name), component(units))).collect();
    BillOfMaterials { version: 1, components, lead_days, ..BillOfMaterials::new(sku(parent)) }
}

fn component(units: &str) -> Component {
    Component::new(units.parse().expect("a factor"))
}

/// Parses a SKU.
pub fn sku(name: &str) -> Sku {
    name.parse().expect("a SKU")
}

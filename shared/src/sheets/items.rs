//! `tiers.csv` and `items.csv`.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::catalog::{AllocationPolicy, Catalog, Factor, Item, PlanningSettings, Quantity, Sku, Tier, TierId, Unit};
use crate::sheets::cell::{Cell, Cells, date, named, show};
use crate::sheets::number::{factors, number, show_factors, show_yes_no, units, yes_no};
use crate::sheets::problem::SheetProblems;
use crate::sheets::read::Lined;
use crate::sheets::sheet::Sheet;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TierRow {
    buffer: Cell<Quantity>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ItemRow {
    unit: Cell<Unit>,
    units: Cell<BTreeMap<Unit, Factor>>,
    tier: Cell<TierId>,
    by_lot: Cell<bool>,
    buffer: Cell<Quantity>,
    low_at: Cell<Quantity>,
    promise_days: Cell<u16>,
    priority: Cell<u32>,
    since: Cell<Date>,
    supplier_days: Cell<u16>,
    bulk: Cell<bool>,
    policy: Cell<AllocationPolicy>,
    shows_date: Cell<bool>,
}

const POLICIES: [(AllocationPolicy, &str); 3] = [
    (AllocationPolicy::FairShare, "fair_share"),
    (AllocationPolicy::FirstCome, "first_come"),
    (AllocationPolicy::Priority, "priority"),
];

fn policy(text: &str) -> Result<AllocationPolicy, String> {
    let known = POLICIES.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|(policy, _)| *policy);
    known.ok_or_else(|| format!("{text:?} is not a policy: the policies are {}", POLICIES.map(|(_, name)| name).join(", ")))
}

pub(super) fn read_tier(cells: &mut Cells<'_>) -> Option<(TierId, TierRow)> {
    let row = TierRow { buffer: cells.required("buffer", units) };
    Some((cells.key("tier", named)?, row))
}

pub(super) fn read(cells: &mut Cells<'_>) -> Option<(Sku, ItemRow)> {
    let row = ItemRow {
        unit: cells.optional("unit", named),
        units: cells.optional("units", factors),
        tier: cells.optional("tier", named),
        by_lot: cells.required("by_lot", yes_no),
        buffer: cells.optional("buffer", units),
        low_at: cells.optional("low_at", units),
        promise_days: cells.optional("promise_days", number(PlanningSettings::MAX_DAYS)),
        priority: cells.optional("priority", number(u32::MAX)),
        since: cells.optional("since", date),
        supplier_days: cells.optional("supplier_days", number(PlanningSettings::MAX_DAYS)),
        bulk: cells.required("bulk", yes_no),
        policy: cells.optional("policy", policy),
        shows_date: cells.required("shows_date", yes_no),
    };
    Some((cells.key("sku", named)?, row))
}

pub(super) fn apply_tiers(rows: &BTreeMap<TierId, Lined<TierRow>>, catalog: &mut Catalog, problems: &mut SheetProblems) {
    for (id, Lined { line, row, .. }) in rows {
        let missing = || problems.add(Sheet::Tiers, *line, "buffer", "a new tier needs a buffer: enter units, 0 for none");
        // A tier with an invalid buffer is added too, so that its items are not reported for naming an unknown tier.
        let old = catalog.tiers.get(id).map(|tier| tier.buffer);
        let buffer = row.buffer.or_required(old, missing).unwrap_or_default();
        catalog.tiers.insert(id.clone(), Tier { id: id.clone(), buffer });
    }
}

pub(super) fn apply(rows: &BTreeMap<Sku, Lined<ItemRow>>, catalog: &mut Catalog, problems: &mut SheetProblems) {
    for (sku, Lined { line, row, .. }) in rows {
        let mut problem = |column: &str, detail: String| problems.add(Sheet::Items, *line, column, detail);
        let item = catalog.items.entry(sku.clone()).or_insert_with(|| Item::new(sku.clone()));
        row.unit.update(&mut item.unit);
        row.tier.update(&mut item.tier);
        row.buffer.update(&mut item.buffer);
        row.low_at.update(&mut item.low_at);
        row.units.update_or_default(&mut item.units);
        row.by_lot.update_or_default(&mut item.by_lot);
        row.plan(&mut item.planning);
        let base = item.unit.as_ref().map_or(Item::PIECE, Unit::as_str);
        if (row.unit != Cell::Keep || row.units != Cell::Keep) && item.units.contains_key(base) {
            problem("units", format!("{base} is the item's own unit: remove it here, or enter another unit in the column unit"));
        }
        if let Some(tier) = row.tier.set()
            && !catalog.tiers.contains_key(tier)
        {
            problem("tier", format!("there is no tier {tier}: add it to {}", Sheet::Tiers));
        }
    }
}

impl ItemRow {
    fn plan(&self, planning: &mut PlanningSettings) {
        let PlanningSettings { promise_days, priority, since, supplier_days, bulk, policy, shows_date } = planning;
        self.promise_days.update(promise_days);
        self.priority.update(priority);
        self.since.update(since);
        self.supplier_days.update(supplier_days);
        self.bulk.update_or_default(bulk);
        self.policy.update_or_default(policy);
        self.shows_date.update_or_default(shows_date);
    }
}

/// The problem text for an unknown item.
pub(super) fn unknown(sku: &Sku) -> String {
    format!("there is no item {sku}: add it to {}", Sheet::Items)
}

pub(super) fn tier_cells(catalog: &Catalog, id: &TierId) -> Option<Vec<String>> {
    let tier = catalog.tiers.get(id)?;
    Some(vec![tier.id.to_string(), tier.buffer.to_string()])
}

pub(super) fn cells(catalog: &Catalog, sku: &Sku) -> Option<Vec<String>> {
    let item = catalog.items.get(sku)?;
    let PlanningSettings { promise_days, priority, since, supplier_days, bulk, policy, shows_date } = &item.planning;
    let policy = POLICIES.iter().find(|(known, _)| known == policy && *known != AllocationPolicy::default());
    Some(vec![
        item.sku.to_string(),
        show(item.unit.as_ref()),
        show_factors(&item.units),
        show(item.tier.as_ref()),
        show_yes_no(item.by_lot),
        show(item.buffer.as_ref()),
        show(item.low_at.as_ref()),
        show(promise_days.as_ref()),
        show(priority.as_ref()),
        show(since.as_ref()),
        show(supplier_days.as_ref()),
        show_yes_no(*bulk),
        show(policy.map(|(_, name)| name)),
        show_yes_no(*shows_date),
    ])
}

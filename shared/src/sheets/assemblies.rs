//! `work_centres.csv` and `assemblies.csv`: work centres, and how items are made, which is the header of a bill.
//!
//! An item without a line in `assemblies.csv` has no lead time, no work centre and a full yield. A line with only these values is
//! the same as no line, so it is not exported.

use std::collections::BTreeMap;

use crate::catalog::{BillOfMaterials, Catalog, Quantity, Sku, WorkCentre, WorkCentreId, Yield};
use crate::sheets::cell::{Cell, Cells, named, show, show_unless_default};
use crate::sheets::number::{decimal, number, show_yes_no, units, yes_no};
use crate::sheets::problem::SheetProblems;
use crate::sheets::read::Lined;
use crate::sheets::sheet::Sheet;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CentreRow {
    per_day: Cell<Quantity>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AssemblyRow {
    lead_days: Cell<u16>,
    yields: Cell<Yield>,
    centre: Cell<WorkCentreId>,
    phantom: Cell<bool>,
}

pub(super) fn read_centre(cells: &mut Cells<'_>) -> Option<(WorkCentreId, CentreRow)> {
    let row = CentreRow { per_day: cells.required("units_per_day", units) };
    Some((cells.key("centre", named)?, row))
}

pub(super) fn read(cells: &mut Cells<'_>) -> Option<(Sku, AssemblyRow)> {
    let row = AssemblyRow {
        lead_days: cells.optional("lead_days", number(BillOfMaterials::MAX_LEAD_DAYS)),
        yields: cells.optional("yield_percent", decimal),
        centre: cells.optional("work_centre", named),
        phantom: cells.required("phantom", yes_no),
    };
    Some((cells.key("parent", named)?, row))
}

pub(super) fn apply_centres(
    rows: &BTreeMap<WorkCentreId, Lined<CentreRow>>,
    catalog: &mut Catalog,
    problems: &mut SheetProblems,
) {
    for (code, Lined { line, row, .. }) in rows {
        let detail = "a new work centre needs a capacity: enter the units that can be started there on a day, 0 for none";
        let missing = || problems.add(Sheet::WorkCentres, *line, "units_per_day", detail);
        // A work centre with an invalid capacity is added too, so that its assemblies are not reported for an unknown one.
        let old = catalog.centres.get(code).map(|centre| centre.per_day);
        let per_day = row.per_day.or_required(old, missing).unwrap_or_default();
        catalog.centres.insert(code.clone(), WorkCentre { code: code.clone(), per_day });
    }
}

pub(super) fn apply(rows: &BTreeMap<Sku, Lined<AssemblyRow>>, catalog: &mut Catalog, problems: &mut SheetProblems) {
    for (parent, Lined { line, remove, row }) in rows {
        let mut problem = |column: &str, detail: String| problems.add(Sheet::Assemblies, *line, column, detail);
        let old = catalog.bills.get(parent);
        let plain = BillOfMaterials::new(parent.clone());
        let mut bill = old.cloned().unwrap_or_else(|| plain.clone());
        if *remove {
            bill = BillOfMaterials { version: bill.version, since: bill.since, components: bill.components, ..plain.clone() };
        } else {
            row.lead_days.update_or_default(&mut bill.lead_days);
            row.yields.update(&mut bill.yields);
            row.centre.update(&mut bill.centre);
            row.phantom.update_or_default(&mut bill.phantom);
            if bill.phantom && (bill.lead_days > 0 || bill.centre.is_some()) {
                let detail = "a phantom has no lead time and no work centre: enter - in lead_days and work_centre";
                problem("phantom", detail.to_owned());
            }
            if let Some(centre) = row.centre.set()
                && !catalog.centres.contains_key(centre)
            {
                problem("work_centre", format!("there is no work centre {centre}: add it to {}", Sheet::WorkCentres));
            }
        }
        if old.is_some() || !bill.has_the_same_content(&plain) {
            catalog.bills.insert(parent.clone(), bill);
        }
    }
}

pub(super) fn centre_cells(catalog: &Catalog, code: &WorkCentreId) -> Option<Vec<String>> {
    let WorkCentre { code, per_day } = catalog.centres.get(code)?;
    Some(vec![code.to_string(), per_day.to_string()])
}

pub(super) fn cells(catalog: &Catalog, parent: &Sku) -> Option<Vec<String>> {
    let BillOfMaterials { parent, lead_days, yields, centre, phantom, .. } = catalog.bills.get(parent)?;
    let has_values = *lead_days > 0 || yields.is_some() || centre.is_some() || *phantom;
    let (lead_days, yields, centre) = (show_unless_default(lead_days), show(yields.as_ref()), show(centre.as_ref()));
    has_values.then(|| vec![parent.to_string(), lead_days, yields, centre, show_yes_no(*phantom)])
}

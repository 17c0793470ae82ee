//! `system_items.csv`: the codes of items in other systems, and the units of measure that these systems use.

use std::collections::BTreeMap;

use crate::catalog::{Catalog, Factor, Sku, SystemId, SystemItem, Unit};
use crate::sheets::cell::{Cell, Cells, code, named, show};
use crate::sheets::items::unknown;
use crate::sheets::number::{factors, show_factors};
use crate::sheets::problem::SheetProblems;
use crate::sheets::read::Lined;
use crate::sheets::sheet::Sheet;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SystemItemRow {
    sku: Cell<Sku>,
    unit: Cell<Unit>,
    units: Cell<BTreeMap<Unit, Factor>>,
}

pub(super) fn read(cells: &mut Cells<'_>) -> Option<((SystemId, String), SystemItemRow)> {
    let (system, code) = (cells.key("system", named), cells.key("code", code));
    let row = SystemItemRow {
        sku: cells.required("sku", named),
        unit: cells.optional("unit", named),
        units: cells.optional("units", factors),
    };
    Some(((system?, code?), row))
}

pub(super) fn apply(
    rows: &BTreeMap<(SystemId, String), Lined<SystemItemRow>>,
    catalog: &mut Catalog,
    problems: &mut SheetProblems,
) {
    for (key, Lined { line, remove, row }) in rows {
        if *remove {
            catalog.system_items.remove(key);
            continue;
        }
        let mut problem = |column: &str, detail: String| problems.add(Sheet::SystemItems, *line, column, detail);
        let old = catalog.system_items.get(key);
        let sku = row.sku.or_required(old.map(|old| old.sku.clone()), || {
            problem("sku", "a new mapping needs a sku: enter our item".to_owned());
        });
        let Some(sku) = sku else { continue };
        let Some(item) = catalog.items.get(&sku) else {
            problem("sku", unknown(&sku));
            continue;
        };
        let (mut unit, mut units) = old.map_or_else(Default::default, |old| (old.unit.clone(), old.units.clone()));
        row.unit.update(&mut unit);
        row.units.update_or_default(&mut units);
        if let Some(unit) = &unit
            && row.units != Cell::Bad
            && !units.contains_key(unit)
            && item.factor(unit).is_none()
        {
            let base = item.unit.as_ref().map_or(crate::catalog::Item::PIECE, Unit::as_str);
            problem("unit", format!("there is no factor from {unit} to {base} for {sku}: add {unit}=… to the column units"));
        }
        let (system, code) = key.clone();
        catalog.system_items.insert(key.clone(), SystemItem { system, code, sku, unit, units });
    }
}

pub(super) fn cells(catalog: &Catalog, key: &(SystemId, String)) -> Option<Vec<String>> {
    let SystemItem { system, code, sku, unit, units } = catalog.system_items.get(key)?;
    Some(vec![system.to_string(), code.clone(), sku.to_string(), show(unit.as_ref()), show_factors(units)])
}

//! `bills.csv`: what an item is made of, one line for each component.

use std::collections::{BTreeMap, BTreeSet};

use super::cell::{Cell, Cells, named, show};
use super::items::unknown;
use super::problem::Problems;
use super::read::Lined;
use super::sheet::Sheet;
use super::stored::Catalogue;
use crate::catalog::{Bill, Component, Factor, Percent, Sku, tangles};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ComponentRow {
    quantity: Cell<Factor>,
    scrap: Cell<Percent>,
}

type Rows = BTreeMap<(Sku, Sku), Lined<ComponentRow>>;

pub(super) fn read(cells: &mut Cells<'_>) -> Option<((Sku, Sku), ComponentRow)> {
    let (parent, component) = (cells.key("parent", named), cells.key("component", named));
    let row = ComponentRow { quantity: cells.required("quantity", named), scrap: cells.optional("scrap_percent", named) };
    Some(((parent?, component?), row))
}

pub(super) fn apply(rows: &Rows, catalogue: &mut Catalogue, problems: &mut Problems) {
    let mut changed = BTreeSet::new();
    for ((parent, component), Lined { line, remove, row }) in rows {
        let mut problem = |column: &str, detail: String| problems.add(Sheet::Bills, *line, column, detail);
        if *remove {
            let bill = catalogue.bills.get_mut(parent);
            if bill.is_some_and(|bill| bill.components.remove(component).is_some()) {
                changed.insert(parent);
            }
            continue;
        }
        for (column, sku) in [("parent", parent), ("component", component)] {
            if !catalogue.items.contains_key(sku) {
                problem(column, unknown(sku));
            }
        }
        let old = catalogue.bills.get(parent).and_then(|bill| bill.components.get(component));
        let missing = || problem("quantity", "a new component needs one: how many go into one of the parent".to_owned());
        let Some(quantity) = row.quantity.or_required(old.map(|old| old.quantity), missing) else { continue };
        let mut new = Component { quantity, ..old.cloned().unwrap_or(Component::new(quantity)) };
        row.scrap.update(&mut new.scrap);
        if old != Some(&new) {
            catalogue
                .bills
                .entry(parent.clone())
                .or_insert_with(|| Bill::new(parent.clone()))
                .components
                .insert(component.clone(), new);
            changed.insert(parent);
        }
    }
    for parent in &changed {
        let bill = catalogue.bills.get_mut(*parent).expect("what was changed is there");
        bill.version += 1;
        if bill.components.len() > Bill::MAX_COMPONENTS {
            let line = rows.iter().filter(|((of, _), _)| of == *parent).map(|(_, lined)| lined.line).max();
            let detail =
                format!("{parent} has {} components: a bill has at most {}", bill.components.len(), Bill::MAX_COMPONENTS);
            problems.add(Sheet::Bills, line, "component", detail);
        }
    }
    if !changed.is_empty() {
        nothing_is_tangled(rows, catalogue, problems);
    }
}

/// Notes what is wrong between bills at the first line of the sheet that is on the way. Where none is, it was so before.
fn nothing_is_tangled(rows: &Rows, catalogue: &Catalogue, problems: &mut Problems) {
    for tangle in tangles(&catalogue.bills) {
        let steps = tangle.path().windows(2);
        let lines = steps.filter_map(|step| {
            let [parent, component] = step else { return None };
            rows.get(&(parent.clone(), component.clone())).filter(|lined| !lined.remove).map(|lined| lined.line)
        });
        if let Some(line) = lines.min() {
            problems.add(Sheet::Bills, line, "component", tangle.to_string());
        }
    }
}

pub(super) fn cells(catalogue: &Catalogue, parent: &Sku, component: &Sku) -> Option<Vec<String>> {
    let Component { quantity, scrap, .. } = catalogue.bills.get(parent)?.components.get(component)?;
    Some(vec![parent.to_string(), component.to_string(), quantity.to_string(), show(scrap.as_ref())])
}

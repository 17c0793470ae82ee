//! `bills.csv`: the components of an item, one line for each.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::catalog::{BillOfMaterials, Catalog, Component, Factor, Percent, Sku};
use crate::sheets::cell::{Cell, Cells, date, named, show, show_unless_default};
use crate::sheets::number::{decimal, factor, number, show_factor};
use crate::sheets::problem::SheetProblems;
use crate::sheets::read::Lined;
use crate::sheets::sheet::Sheet;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ComponentRow {
    quantity: Cell<Factor>,
    scrap: Cell<Percent>,
    from: Cell<Date>,
    until: Cell<Date>,
    instead_of: Cell<Sku>,
    rank: Cell<u16>,
}

pub(super) type Rows = BTreeMap<(Sku, Sku), Lined<ComponentRow>>;

pub(super) fn read(cells: &mut Cells<'_>) -> Option<((Sku, Sku), ComponentRow)> {
    let (parent, component) = (cells.key("parent", named), cells.key("component", named));
    let row = ComponentRow {
        quantity: cells.required("quantity", factor),
        scrap: cells.optional("scrap_percent", decimal),
        from: cells.optional("from", date),
        until: cells.optional("until", date),
        instead_of: cells.optional("instead_of", named),
        rank: cells.optional("rank", number(u16::MAX)),
    };
    Some(((parent?, component?), row))
}

pub(super) fn apply(rows: &Rows, catalog: &mut Catalog, problems: &mut SheetProblems) {
    for ((parent, component), Lined { line, remove, row }) in rows {
        if *remove {
            if let Some(bill) = catalog.bills.get_mut(parent) {
                bill.components.remove(component);
            }
            continue;
        }
        let mut problem = |column: &str, detail: String| problems.add(Sheet::Bills, *line, column, detail);
        let old = catalog.bills.get(parent).and_then(|bill| bill.components.get(component));
        let missing =
            || problem("quantity", "a new component needs a quantity: enter how many go into one of the parent".to_owned());
        let Some(quantity) = row.quantity.or_required(old.map(|old| old.quantity), missing) else { continue };
        let mut new = Component { quantity, ..old.cloned().unwrap_or(Component::new(quantity)) };
        row.scrap.update(&mut new.scrap);
        row.from.update(&mut new.from);
        row.until.update(&mut new.until);
        row.instead_of.update(&mut new.instead_of);
        row.rank.update_or_default(&mut new.rank);
        if let (Some(from), Some(until)) = (new.from, new.until)
            && from >= until
        {
            problem(
                "until",
                format!("{until} is not after {from}, so the component would never be used: until is the first day without it"),
            );
        }
        if new.rank > 0 && new.instead_of.is_none() && row.instead_of != Cell::Bad {
            problem("rank", "only an alternate has a rank: fill in instead_of, or enter - in rank".to_owned());
        }
        let bill = catalog.bills.entry(parent.clone()).or_insert_with(|| BillOfMaterials::new(parent.clone()));
        bill.components.insert(component.clone(), new);
    }
}

pub(super) fn cells(catalog: &Catalog, parent: &Sku, component: &Sku) -> Option<Vec<String>> {
    let Component { quantity, scrap, from, until, instead_of, rank } = catalog.bills.get(parent)?.components.get(component)?;
    Some(vec![
        parent.to_string(),
        component.to_string(),
        show_factor(*quantity),
        show(scrap.as_ref()),
        show(from.as_ref()),
        show(until.as_ref()),
        show(instead_of.as_ref()),
        show_unless_default(rank),
    ])
}

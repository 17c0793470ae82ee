//! Checks of all bills together once every line is applied, and the versions of changed bills.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::catalog::{BillOfMaterials, Catalog, Resource, Sku, WhereUsed, bom_cycles};
use crate::sheets::bills::Rows;
use crate::sheets::items::unknown;
use crate::sheets::problem::SheetProblems;
use crate::sheets::read::Sheets;
use crate::sheets::sheet::Sheet;
use crate::sheets::used_in;

/// Gives each bill that differs from `before` its next version, in force from `now`, and reports the problems between rows.
pub(super) fn finish(sheets: &Sheets, now: Timestamp, before: &Catalog, after: &mut Catalog, problems: &mut SheetProblems) {
    let mut changed = Vec::new();
    for (parent, bill) in &mut after.bills {
        let old = before.bills.get(parent);
        if old.is_none_or(|old| !old.has_the_same_content(bill)) {
            bill.version = old.map_or(0, |old| old.version) + 1;
            bill.since = Some(now);
            changed.push(parent.clone());
        }
    }
    every_item_exists(sheets, after, problems);
    for parent in &changed {
        is_small_enough(&sheets.bills, &after.bills[parent], problems);
        alternates_have_a_main_component(&sheets.bills, &after.bills[parent], problems);
    }
    if !changed.is_empty() {
        bills_have_no_cycles(&sheets.bills, after, problems);
    }
    where_used_rows_fit(sheets, before, after, problems);
}

/// Reports the unknown items that lines name, each with a path to it from a top item.
fn every_item_exists(sheets: &Sheets, catalog: &Catalog, problems: &mut SheetProblems) {
    let assemblies = sheets.assemblies.iter().filter(|(_, lined)| !lined.remove);
    let assemblies = assemblies.map(|(parent, lined)| (Sheet::Assemblies, lined.line, "parent", parent, None));
    let lines = sheets.bills.iter().filter(|(_, lined)| !lined.remove).flat_map(|((parent, component), lined)| {
        [(Sheet::Bills, lined.line, "parent", parent, None), (Sheet::Bills, lined.line, "component", parent, Some(component))]
    });
    let named = assemblies.chain(lines);
    let missing = named.filter(|(.., parent, component)| !catalog.items.contains_key(component.unwrap_or(parent)));
    let mut above = None;
    for (sheet, line, column, parent, component) in missing {
        let above = above.get_or_insert_with(|| one_above_each(catalog));
        let mut path = vec![parent];
        while let Some(next) = above.get(path[path.len() - 1])
            && path.len() <= BillOfMaterials::MAX_DEPTH
            && !path.contains(next)
        {
            path.push(next);
        }
        path.reverse();
        path.extend(component);
        let detail = unknown(component.unwrap_or(parent));
        let path: Vec<&str> = path.into_iter().map(Sku::as_str).collect();
        let detail = if path.len() > 1 { format!("{}: {detail}", path.join(" → ")) } else { detail };
        problems.add(sheet, line, column, detail);
    }
}

/// One parent of each component: the first by SKU.
fn one_above_each(catalog: &Catalog) -> BTreeMap<&Sku, &Sku> {
    let mut above = BTreeMap::new();
    for (parent, bill) in &catalog.bills {
        for component in bill.components.keys() {
            above.entry(component).or_insert(parent);
        }
    }
    above
}

fn is_small_enough(rows: &Rows, bill: &BillOfMaterials, problems: &mut SheetProblems) {
    let (parent, components) = (&bill.parent, bill.components.len());
    if components > BillOfMaterials::MAX_COMPONENTS {
        let line = rows.iter().filter(|((of, _), _)| of == parent).map(|(_, lined)| lined.line).max();
        let detail = format!("{parent} has {components} components: a bill has at most {}", BillOfMaterials::MAX_COMPONENTS);
        problems.add(Sheet::Bills, line, "component", detail);
    }
}

/// Reports the alternates without a main component in their bill: at the line of the alternate, or at the line that removed or
/// changed the main component.
fn alternates_have_a_main_component(rows: &Rows, bill: &BillOfMaterials, problems: &mut SheetProblems) {
    let parent = &bill.parent;
    let line = |sku: &Sku, removed: bool| {
        rows.get(&(parent.clone(), sku.clone())).filter(|lined| removed || !lined.remove).map(|lined| lined.line)
    };
    for (sku, component) in &bill.components {
        let Some(main) = &component.instead_of else { continue };
        let detail = match bill.components.get(main) {
            _ if main == sku => format!("{sku} cannot be an alternate for itself"),
            Some(other) => match &other.instead_of {
                Some(third) => format!("{main} is an alternate for {third} itself: make {sku} an alternate for {third} too"),
                None => continue,
            },
            None if line(main, false).is_some() => continue, // The line of the main component is invalid and reported already.
            None => format!("{parent} has no component {main} for which {sku} could be an alternate"),
        };
        match line(sku, false) {
            Some(own) => problems.add(Sheet::Bills, own, "instead_of", detail),
            None => problems.add(Sheet::Bills, line(main, true), "component", detail),
        }
    }
}

/// Reports each cycle or excessive depth at the first line of the sheet on its path. Without such a line the stored bills had the
/// problem before, and this import is not to blame.
fn bills_have_no_cycles(rows: &Rows, catalog: &Catalog, problems: &mut SheetProblems) {
    for cycle in bom_cycles(&catalog.bills) {
        let steps = cycle.path().windows(2);
        let lines = steps.filter_map(|step| {
            let [parent, component] = step else { return None };
            rows.get(&(parent.clone(), component.clone())).filter(|lined| !lined.remove).map(|lined| lined.line)
        });
        if let Some(line) = lines.min() {
            problems.add(Sheet::Bills, line, "component", cycle.to_string());
        }
    }
}

/// Reports the components and work centres whose where-used row would be too large: a component at the last line that uses it, or
/// at the line of the item if that makes the component not bulk.
fn where_used_rows_fit(sheets: &Sheets, before: &Catalog, after: &Catalog, problems: &mut SheetProblems) {
    for (resource, parents) in used_in::derived(after) {
        let mut used = WhereUsed { resource, parents };
        let (count, fits) = (used.parents.len(), used.fits());
        // The row gains its new parents before it loses old ones, so it must hold both for a while.
        let named = before.used_in.get(&used.resource).map(|named| &named.parents);
        used.parents.extend(named.into_iter().flatten().cloned());
        if fits && used.bytes() <= WhereUsed::MAX_BYTES {
            continue;
        }
        let (resource, most) = (&used.resource, WhereUsed::MAX_PARENTS);
        let too_many = if fits {
            format!("the old and new parents of {resource} do not fit into one row: import the lines that remove it first")
        } else {
            format!("{resource} goes into {count} items, and the most is {most}")
        };
        let component = match resource {
            Resource::Item(component) => component,
            Resource::WorkCentre(_) => {
                problems.add(Sheet::Assemblies, None, "work_centre", too_many);
                continue;
            }
        };
        let detail = if fits { too_many } else { format!("{too_many}: mark it as bulk in {}", Sheet::Items) };
        let lines = sheets.bills.iter().filter(|((_, of), lined)| of == component && !lined.remove);
        let item = sheets.items.get(component).map(|lined| lined.line);
        match (lines.map(|(_, lined)| lined.line).max(), item) {
            (Some(line), _) => problems.add(Sheet::Bills, line, "component", detail),
            (None, Some(line)) => problems.add(Sheet::Items, line, "bulk", detail),
            (None, None) => problems.add(Sheet::Bills, None, "", detail),
        }
    }
}

//! What bills are together, once every line is applied: versions, and all that one line alone does not show.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::catalog::{BillOfMaterials, Catalog, Sku, WhereUsed, bom_cycles};
use crate::sheets::bills::Rows;
use crate::sheets::items::unknown;
use crate::sheets::problem::SheetProblems;
use crate::sheets::read::Sheets;
use crate::sheets::sheet::Sheet;
use crate::sheets::used_in;

/// Gives each bill that says something else than `before` its next version, in force from `now`, and notes what is wrong.
pub(super) fn finish(sheets: &Sheets, now: Timestamp, before: &Catalog, after: &mut Catalog, problems: &mut SheetProblems) {
    let mut changed = Vec::new();
    for (parent, bill) in &mut after.bills {
        let old = before.bills.get(parent);
        if old.is_none_or(|old| !old.says_the_same(bill)) {
            bill.version = old.map_or(0, |old| old.version) + 1;
            bill.since = Some(now);
            changed.push(parent.clone());
        }
    }
    every_item_exists(sheets, after, problems);
    for parent in &changed {
        is_small_enough(&sheets.bills, &after.bills[parent], problems);
        alternates_stand_in_for_something(&sheets.bills, &after.bills[parent], problems);
    }
    if !changed.is_empty() {
        nothing_is_tangled(&sheets.bills, after, problems);
    }
    nothing_is_used_too_often(sheets, before, after, problems);
}

/// Notes the items that lines name and nobody knows, each with the way to it from a top item.
fn every_item_exists(sheets: &Sheets, catalogue: &Catalog, problems: &mut SheetProblems) {
    let assemblies = sheets.assemblies.iter().filter(|(_, lined)| !lined.remove);
    let assemblies = assemblies.map(|(parent, lined)| (Sheet::Assemblies, lined.line, "parent", parent, None));
    let lines = sheets.bills.iter().filter(|(_, lined)| !lined.remove).flat_map(|((parent, component), lined)| {
        [(Sheet::Bills, lined.line, "parent", parent, None), (Sheet::Bills, lined.line, "component", parent, Some(component))]
    });
    let named = assemblies.chain(lines);
    let missing = named.filter(|(.., parent, component)| !catalogue.items.contains_key(component.unwrap_or(parent)));
    let mut above = None;
    for (sheet, line, column, parent, component) in missing {
        let above = above.get_or_insert_with(|| one_above_each(catalogue));
        let mut way = vec![parent];
        while let Some(next) = above.get(way[way.len() - 1])
            && way.len() <= BillOfMaterials::MAX_DEPTH
            && !way.contains(next)
        {
            way.push(next);
        }
        way.reverse();
        way.extend(component);
        let detail = unknown(component.unwrap_or(parent));
        let way: Vec<&str> = way.into_iter().map(Sku::as_str).collect();
        let detail = if way.len() > 1 { format!("{}: {detail}", way.join(" → ")) } else { detail };
        problems.add(sheet, line, column, detail);
    }
}

/// One item that each component goes into, the first by name.
fn one_above_each(catalogue: &Catalog) -> BTreeMap<&Sku, &Sku> {
    let mut above = BTreeMap::new();
    for (parent, bill) in &catalogue.bills {
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

/// Notes the alternates that stand in for nothing of their bill, at their own line, or at that of what was taken from them.
fn alternates_stand_in_for_something(rows: &Rows, bill: &BillOfMaterials, problems: &mut SheetProblems) {
    let parent = &bill.parent;
    let line = |sku: &Sku, removed: bool| {
        rows.get(&(parent.clone(), sku.clone())).filter(|lined| removed || !lined.remove).map(|lined| lined.line)
    };
    for (sku, component) in &bill.components {
        let Some(main) = &component.instead_of else { continue };
        let detail = match bill.components.get(main) {
            _ if main == sku => format!("{sku} cannot stand in for itself"),
            Some(other) => match &other.instead_of {
                Some(third) => format!("{main} stands in for {third} itself: {sku} can only stand in for {third} too"),
                None => continue,
            },
            None if line(main, false).is_some() => continue, // What is wrong with that line is noted there.
            None => format!("{parent} has no component {main} that {sku} could stand in for"),
        };
        match line(sku, false) {
            Some(own) => problems.add(Sheet::Bills, own, "instead_of", detail),
            None => problems.add(Sheet::Bills, line(main, true), "component", detail),
        }
    }
}

/// Notes what is wrong between bills at the first line of the sheet that is on the way. Where none is, it was so before.
fn nothing_is_tangled(rows: &Rows, catalogue: &Catalog, problems: &mut SheetProblems) {
    for tangle in bom_cycles(&catalogue.bills) {
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

/// Notes the components that go into more than can be looked up, at the last line that uses them, or that says they are no bulk.
fn nothing_is_used_too_often(sheets: &Sheets, before: &Catalog, after: &Catalog, problems: &mut SheetProblems) {
    for (component, parents) in used_in::derived(after) {
        let mut used = WhereUsed { component, parents };
        let (count, fits) = (used.parents.len(), used.fits());
        // It gains its new parents before it loses old ones, so its row must hold both for a while.
        let named = before.used_in.get(&used.component).map(|named| &named.parents);
        used.parents.extend(named.into_iter().flatten().cloned());
        if fits && used.bytes() <= WhereUsed::MAX_BYTES {
            continue;
        }
        let (component, most) = (&used.component, WhereUsed::MAX_PARENTS);
        let detail = if fits {
            format!("what {component} goes into, before and after, is too much for one row: import what takes it out first")
        } else {
            let rule = format!("what goes into everything is to be marked bulk in {}", Sheet::Items);
            format!("{component} goes into {count} items, and at most {most} can be looked up: {rule}")
        };
        let lines = sheets.bills.iter().filter(|((_, of), lined)| of == component && !lined.remove);
        let item = sheets.items.get(component).map(|lined| lined.line);
        match (lines.map(|(_, lined)| lined.line).max(), item) {
            (Some(line), _) => problems.add(Sheet::Bills, line, "component", detail),
            (None, Some(line)) => problems.add(Sheet::Items, line, "bulk", detail),
            (None, None) => problems.add(Sheet::Bills, None, "", detail),
        }
    }
}

//! The where-used index: the writes that keep it consistent with the bills.
//!
//! At every moment it names at least every parent: between transactions, after an import stopped, and beside another import.
//! - A row gains parents *before* their bills are written. It is written even if it names these parents already: an import that
//!   is removing them at the same time planned from the old revision of the row, so the table rejects its write.
//! - A row loses parents *after* their bills are written, in one transaction with those bills, which are written again unchanged.
//!   The condition on the bill proves that no other import added the component again meanwhile. A parent without a stored bill
//!   stays in the row: another import may be about to write that bill.
//!
//! The next import, whatever its sheets contain, repairs the rows that a stopped import left behind.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, Sku, WhereUsed};
use crate::sheets::stored::StoredCatalog;
use crate::sheets::writes::{MAX_BATCH_BYTES, Writes};
use crate::table::{MAX_WRITES, Row, Write};

/// The parents of each component and work centre, derived from bills and items. A bulk component has no entry.
pub(super) fn derived(catalog: &Catalog) -> BTreeMap<Sku, BTreeSet<Sku>> {
    let mut used: BTreeMap<Sku, BTreeSet<Sku>> = BTreeMap::new();
    for (parent, bill) in &catalog.bills {
        for component in bill.draws_on().filter(|component| !is_bulk(catalog, component)) {
            used.entry(component).or_default().insert(parent.clone());
        }
    }
    used
}

fn is_bulk(catalog: &Catalog, sku: &Sku) -> bool {
    catalog.items.get(sku).is_some_and(|item| item.planning.bulk)
}

/// The rows that gain parents, to be written before everything else.
pub(super) fn gains(stored: &StoredCatalog, after: &Catalog, writes: &mut Writes<'_>) -> Vec<Vec<Write>> {
    let before = stored.catalog();
    let mut groups = Vec::new();
    for (component, mut parents) in derived(after) {
        let is_new = |parent: &Sku| before.bills.get(parent).is_none_or(|bill| !bill.draws_on().any(|used| used == component));
        let named = before.used_in.get(&component);
        let missing = named.is_none_or(|named| !parents.is_subset(&named.parents));
        if missing || parents.iter().any(is_new) {
            parents.extend(named.iter().flat_map(|named| &named.parents).cloned());
            groups.push(vec![writes.put(&WhereUsed { component, parents })]);
        }
    }
    groups
}

/// The rows that lose parents, to be written after everything else.
pub(super) fn losses(stored: &StoredCatalog, after: &Catalog, writes: &mut Writes<'_>) -> Vec<Vec<Write>> {
    let before = stored.catalog();
    let wanted = derived(after);
    let mut groups = Vec::new();
    let mut batch = Loss::default();
    // The parents that remain in each row, including those it gained before.
    let mut left: BTreeMap<&Sku, WhereUsed> = BTreeMap::new();
    for (component, named) in &before.used_in {
        if is_bulk(after, component) {
            groups.push(vec![writes.delete(&named.key())]);
            continue;
        }
        let wanted = wanted.get(component);
        let gone = |parent: &&Sku| !wanted.is_some_and(|wanted| wanted.contains(*parent)) && before.bills.contains_key(*parent);
        for parent in named.parents.iter().filter(gone) {
            let row = left.entry(component).or_insert_with(|| {
                let parents = named.parents.iter().chain(wanted.into_iter().flatten()).cloned().collect();
                WhereUsed { component: component.clone(), parents }
            });
            if !batch.takes(row, parent, after) {
                let full = std::mem::take(&mut batch);
                batch.takes(row, parent, after);
                groups.push(full.write(&left, after, writes));
            }
            left.entry(component).and_modify(|row| {
                row.parents.remove(parent);
            });
        }
    }
    groups.push(batch.write(&left, after, writes));
    groups.retain(|group| !group.is_empty());
    groups
}

/// Rows that lose parents in one transaction, with the bills of these parents.
#[derive(Default)]
struct Loss {
    components: BTreeSet<Sku>,
    parents: BTreeSet<Sku>,
    bytes: usize,
}

impl Loss {
    /// Adds the loss of `parent` from `row`; false if it does not fit into the transaction.
    fn takes(&mut self, row: &WhereUsed, parent: &Sku, after: &Catalog) -> bool {
        let (mut rows, mut bytes) = (self.components.len() + self.parents.len(), self.bytes);
        if !self.components.contains(&row.component) {
            rows += 1;
            bytes += row.parents.iter().map(|sku| sku.as_str().len() + 2).sum::<usize>();
        }
        if !self.parents.contains(parent) {
            rows += 1;
            bytes += after.bills.get(parent).and_then(|bill| serde_json::to_string(bill).ok()).map_or(0, |text| text.len());
        }
        let fits = rows <= MAX_WRITES && bytes <= MAX_BATCH_BYTES || self.components.is_empty();
        if fits {
            self.components.insert(row.component.clone());
            self.parents.insert(parent.clone());
            self.bytes = bytes;
        }
        fits
    }

    fn write(self, left: &BTreeMap<&Sku, WhereUsed>, after: &Catalog, writes: &mut Writes<'_>) -> Vec<Write> {
        let mut group = Vec::new();
        for row in self.components.iter().filter_map(|component| left.get(component)) {
            group.push(if row.parents.is_empty() { writes.delete(&row.key()) } else { writes.put(row) });
        }
        group.extend(self.parents.iter().filter_map(|parent| after.bills.get(parent)).map(|bill| writes.put(bill)));
        group
    }
}

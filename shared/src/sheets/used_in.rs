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

use crate::catalog::{Catalog, Resource, Sku, WhereUsed};
use crate::sheets::stored::StoredCatalog;
use crate::sheets::writes::{MAX_BATCH_BYTES, Writes};
use crate::table::{MAX_WRITES, Row, Write};

/// The parents of each component and work centre, derived from bills and items. A bulk component has no entry.
pub(super) fn derived(catalog: &Catalog) -> BTreeMap<Resource, BTreeSet<Sku>> {
    let mut used: BTreeMap<Resource, BTreeSet<Sku>> = BTreeMap::new();
    for (parent, bill) in &catalog.bills {
        for resource in bill.resources().filter(|resource| !is_bulk(catalog, resource)) {
            used.entry(resource).or_default().insert(parent.clone());
        }
    }
    used
}

fn is_bulk(catalog: &Catalog, resource: &Resource) -> bool {
    resource.sku().and_then(|sku| catalog.items.get(sku)).is_some_and(|item| item.planning.bulk)
}

/// The rows that gain parents, to be written before everything else.
pub(super) fn gains(stored: &StoredCatalog, after: &Catalog, writes: &mut Writes<'_>) -> Vec<Vec<Write>> {
    let before = stored.catalog();
    let mut groups = Vec::new();
    for (resource, mut parents) in derived(after) {
        let is_new = |parent: &Sku| before.bills.get(parent).is_none_or(|bill| !bill.resources().any(|used| used == resource));
        let named = before.used_in.get(&resource);
        let missing = named.is_none_or(|named| !parents.is_subset(&named.parents));
        if missing || parents.iter().any(is_new) {
            parents.extend(named.iter().flat_map(|named| &named.parents).cloned());
            groups.push(vec![writes.put(&WhereUsed { resource, parents })]);
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
    let mut left: BTreeMap<&Resource, WhereUsed> = BTreeMap::new();
    for (resource, named) in &before.used_in {
        if is_bulk(after, resource) {
            groups.push(vec![writes.delete(&named.key())]);
            continue;
        }
        let wanted = wanted.get(resource);
        let gone = |parent: &&Sku| !wanted.is_some_and(|wanted| wanted.contains(*parent)) && before.bills.contains_key(*parent);
        for parent in named.parents.iter().filter(gone) {
            let row = left.entry(resource).or_insert_with(|| {
                let parents = named.parents.iter().chain(wanted.into_iter().flatten()).cloned().collect();
                WhereUsed { resource: resource.clone(), parents }
            });
            if !batch.takes(row, parent, after) {
                let full = std::mem::take(&mut batch);
                batch.takes(row, parent, after);
                groups.push(full.write(&left, after, writes));
            }
            left.entry(resource).and_modify(|row| {
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
    resources: BTreeSet<Resource>,
    parents: BTreeSet<Sku>,
    bytes: usize,
}

impl Loss {
    /// Adds the loss of `parent` from `row`; false if it does not fit into the transaction.
    fn takes(&mut self, row: &WhereUsed, parent: &Sku, after: &Catalog) -> bool {
        let (mut rows, mut bytes) = (self.resources.len() + self.parents.len(), self.bytes);
        if !self.resources.contains(&row.resource) {
            rows += 1;
            bytes += row.parents.iter().map(|sku| sku.as_str().len() + 2).sum::<usize>();
        }
        if !self.parents.contains(parent) {
            rows += 1;
            bytes += after.bills.get(parent).and_then(|bill| serde_json::to_string(bill).ok()).map_or(0, |text| text.len());
        }
        let fits = rows <= MAX_WRITES && bytes <= MAX_BATCH_BYTES || self.resources.is_empty();
        if fits {
            self.resources.insert(row.resource.clone());
            self.parents.insert(parent.clone());
            self.bytes = bytes;
        }
        fits
    }

    fn write(self, left: &BTreeMap<&Resource, WhereUsed>, after: &Catalog, writes: &mut Writes<'_>) -> Vec<Write> {
        let mut group = Vec::new();
        for row in self.resources.iter().filter_map(|resource| left.get(resource)) {
            group.push(if row.parents.is_empty() { writes.delete(&row.key()) } else { writes.put(row) });
        }
        group.extend(self.parents.iter().filter_map(|parent| after.bills.get(parent)).map(|bill| writes.put(bill)));
        group
    }
}

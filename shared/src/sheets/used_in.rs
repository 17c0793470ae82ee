//! The where-used index: which writes keep it in step with the bills.
//!
//! At every moment it names at least every parent, also between transactions, after a stop, and beside another import:
//! - A row is written with what it gains *before* the bills that need it, even where it names them already: an import that is
//!   just taking them out has planned from the row as it was, and is refused.
//! - A row loses parents *after* their bills, in one transaction with each of them, which is written again as it is: so nobody
//!   has added the component again meanwhile. A parent whose bill nobody has seen stays: its import may be on the way.
//!
//! What is left of an import that stopped is put right by the next one, whatever that says.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, Sku, WhereUsed};
use crate::sheets::stored::StoredCatalog;
use crate::sheets::writes::{MAX_BATCH_BYTES, Writes};
use crate::table::{MAX_WRITES, Row, Write};

/// What each component goes into, as bills and items say. Of a bulk component nothing is kept.
pub(super) fn derived(catalogue: &Catalog) -> BTreeMap<Sku, BTreeSet<Sku>> {
    let mut used: BTreeMap<Sku, BTreeSet<Sku>> = BTreeMap::new();
    for (parent, bill) in &catalogue.bills {
        for component in bill.draws_on().filter(|component| !is_bulk(catalogue, component)) {
            used.entry(component).or_default().insert(parent.clone());
        }
    }
    used
}

fn is_bulk(catalogue: &Catalog, sku: &Sku) -> bool {
    catalogue.items.get(sku).is_some_and(|item| item.planning.bulk)
}

/// The rows that gain parents, to be written before everything else.
pub(super) fn gains(stored: &StoredCatalog, after: &Catalog, writes: &mut Writes<'_>) -> Vec<Vec<Write>> {
    let before = stored.catalogue();
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
    let before = stored.catalogue();
    let wanted = derived(after);
    let mut groups = Vec::new();
    let mut batch = Loss::default();
    // What is left of each row: with what it gained before.
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

/// Rows that lose parents in one transaction, with the bills that say so.
#[derive(Default)]
struct Loss {
    components: BTreeSet<Sku>,
    parents: BTreeSet<Sku>,
    bytes: usize,
}

impl Loss {
    /// Takes it that `row` loses `parent`, as long as that fits in.
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

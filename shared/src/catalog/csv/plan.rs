//! The difference between what is stored and what sheets say: cell by cell for people, write by write for the table.

use std::collections::BTreeMap;

use serde::Serialize;

use super::export::{RowKey, View};
use super::listings::ListingKey;
use super::problem::Problems;
use super::read::Sheets;
use super::sheet::Sheet;
use super::stored::{Catalogue, Stored};
use super::{bills, items, listings, locations, system_items};
use crate::catalog::{BillVersion, ShopItem, Sku};
use crate::store::{Expect, Key, MAX_WRITES, Row, Write};

/// The most bytes of rows that are written at once, well below what a transaction takes.
const MAX_BATCH_BYTES: usize = 1_000_000;

/// What an import would change.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The lines that change something, by sheet and line.
    pub changes: Vec<Change>,
    /// Of each sheet, how many lines do what.
    pub tally: BTreeMap<Sheet, Tally>,
    /// Rows that must be written together, each group small enough for one transaction.
    groups: Vec<Vec<Write>>,
}

/// What one line changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The sheet.
    pub sheet: Sheet,
    /// The line.
    pub line: u64,
    /// Which row it is: the first cells of the line.
    pub key: Vec<String>,
    /// What it does.
    #[serde(flatten)]
    pub kind: ChangeKind,
}

/// What a line does to its row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum ChangeKind {
    /// There was none.
    Added {
        /// Its cells that are not empty, beside the key.
        cells: Vec<CellChange>,
    },
    /// It said something else.
    Changed {
        /// The cells that differ.
        cells: Vec<CellChange>,
    },
    /// It is taken away.
    Removed,
    /// It said the same, but only half of it was stored: someone wrote a mapping without its item, or the other way round.
    Completed,
}

/// A cell before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CellChange {
    /// Its column.
    pub column: &'static str,
    /// What it was; empty for nothing.
    pub old: String,
    /// What it becomes.
    pub new: String,
}

/// How many lines of a sheet do what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Tally {
    /// Rows that are new.
    pub added: usize,
    /// Rows that change, completed ones among them.
    pub changed: usize,
    /// Rows that are taken away.
    pub removed: usize,
    /// Lines that say what is stored.
    pub unchanged: usize,
}

impl Plan {
    /// What `sheets` change of what is `stored`.
    ///
    /// # Errors
    /// All that is wrong with the sheets, by themselves and beside what is stored. Then nothing is to be written.
    pub fn of(stored: &Stored, sheets: &Sheets) -> Result<Self, Problems> {
        let mut problems = sheets.problems.clone();
        let before = View::of(stored.catalogue());
        let mut after = stored.catalogue().clone();
        items::apply_tiers(&sheets.tiers, &mut after, &mut problems);
        items::apply(&sheets.items, &mut after, &mut problems);
        locations::apply(&sheets.locations, &mut after, &mut problems);
        locations::apply_codes(&sheets.codes, &mut after, &mut problems);
        listings::apply(&sheets.listings, &before.listings, &mut after, &mut problems);
        system_items::apply(&sheets.system_items, &mut after, &mut problems);
        bills::apply(&sheets.bills, &mut after, &mut problems);
        let groups = groups(stored, &after);
        if let Some(group) = groups.iter().find(|group| group.len() > MAX_WRITES) {
            let (rows, first) = (group.len(), group.first().map_or_else(String::new, |write| write.key().to_string()));
            let detail =
                format!("{rows} rows hang together, {first} among them, and at most {MAX_WRITES} can: import this in parts");
            problems.add(Sheet::Listings, None, "", detail);
        }
        if !problems.is_empty() {
            problems.sort();
            return Err(problems);
        }
        let after = View::of(&after);
        let mut plan = Self { changes: Vec::new(), tally: BTreeMap::new(), groups };
        for (line, key) in sheets.keys() {
            plan.compare(line, &key, &before, &after);
        }
        plan.changes.sort_by_key(|change| (change.sheet, change.line));
        Ok(plan)
    }

    fn compare(&mut self, line: u64, key: &RowKey, before: &View<'_>, after: &View<'_>) {
        let sheet = key.sheet();
        let tally = self.tally.entry(sheet).or_default();
        let columns = || sheet.columns().iter().copied().enumerate().skip(sheet.key_columns());
        let (named, kind) = match (key.cells(before), key.cells(after)) {
            (None, None) => (Vec::new(), None),
            (Some(old), None) => (old, Some(ChangeKind::Removed)),
            (None, Some(new)) => {
                let cells = columns().filter(|(at, _)| !new[*at].is_empty());
                let cells = cells.map(|(at, column)| CellChange { column, old: String::new(), new: new[at].clone() }).collect();
                (new, Some(ChangeKind::Added { cells }))
            }
            (Some(old), Some(new)) if old == new => {
                let kind = (key.is_whole(after) && !key.is_whole(before)).then_some(ChangeKind::Completed);
                (new, kind)
            }
            (Some(old), Some(new)) => {
                let cells = columns().filter(|(at, _)| old[*at] != new[*at]);
                let cells = cells.map(|(at, column)| CellChange { column, old: old[at].clone(), new: new[at].clone() }).collect();
                (new, Some(ChangeKind::Changed { cells }))
            }
        };
        match &kind {
            None => tally.unchanged += 1,
            Some(ChangeKind::Added { .. }) => tally.added += 1,
            Some(ChangeKind::Changed { .. } | ChangeKind::Completed) => tally.changed += 1,
            Some(ChangeKind::Removed) => tally.removed += 1,
        }
        let key = named.into_iter().take(sheet.key_columns()).collect();
        self.changes.extend(kind.map(|kind| Change { sheet, line, key, kind }));
    }

    /// How many rows it writes.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.groups.iter().map(Vec::len).sum()
    }

    /// The writes, each batch one transaction, with no group divided.
    #[must_use]
    pub fn batches(&self) -> Vec<Vec<Write>> {
        let mut batches: Vec<Vec<Write>> = Vec::new();
        let mut bytes = 0;
        for group in &self.groups {
            let size: usize = group.iter().map(size).sum();
            match batches.last_mut() {
                Some(batch) if batch.len() + group.len() <= MAX_WRITES && bytes + size <= MAX_BATCH_BYTES => {
                    batch.extend(group.iter().cloned());
                    bytes += size;
                }
                Some(_) | None => {
                    batches.push(group.clone());
                    bytes = size;
                }
            }
        }
        batches
    }
}

fn size(write: &Write) -> usize {
    match write {
        Write::Put { body, .. } => body.to_string().len(),
        Write::Delete { .. } => 0,
    }
}

/// The writes that make the stored rows those of `after`.
fn groups(stored: &Stored, after: &Catalogue) -> Vec<Vec<Write>> {
    let before = stored.catalogue();
    let mut groups = Vec::new();
    groups.extend(changed(&before.tiers, &after.tiers).map(|tier| vec![put(stored, tier)]));
    groups.extend(changed(&before.locations, &after.locations).map(|location| vec![put(stored, location)]));
    groups.extend(groups_of_listings(stored, after));
    groups.extend(changed(&before.system_items, &after.system_items).map(|mapping| vec![put(stored, mapping)]));
    groups.extend(gone(&before.system_items, &after.system_items).map(|mapping| vec![delete(stored, &mapping.key())]));
    groups.extend(changed(&before.bills, &after.bills).map(|bill| {
        let version = BillVersion(bill.clone());
        vec![put(stored, bill), Write::put(&version, Expect::Absent)]
    }));
    groups
}

/// Items and mappings: a mapping is written with the items it leads to, before and after.
fn groups_of_listings(stored: &Stored, after: &Catalogue) -> Vec<Vec<Write>> {
    let before = stored.catalogue();
    let mut together = Together::default();
    let changed_items: Vec<_> = changed(&before.items, &after.items).collect();
    for item in &changed_items {
        together.join(&item.sku, &item.sku);
    }
    let mut mappings: Vec<(&Sku, Write)> = Vec::new();
    for mapping in changed(&before.mappings, &after.mappings) {
        let key: ListingKey = (mapping.shop.clone(), mapping.shop_sku.clone());
        let old = before.mappings.get(&key).map_or(&mapping.sku, |old: &ShopItem| &old.sku);
        together.join(&mapping.sku, old);
        mappings.push((&mapping.sku, put(stored, mapping)));
    }
    for mapping in gone(&before.mappings, &after.mappings) {
        together.join(&mapping.sku, &mapping.sku);
        mappings.push((&mapping.sku, delete(stored, &mapping.key())));
    }
    let mut groups: BTreeMap<Sku, Vec<Write>> = BTreeMap::new();
    for item in changed_items {
        groups.entry(together.first(&item.sku)).or_default().push(put(stored, item));
    }
    for (sku, write) in mappings {
        groups.entry(together.first(sku)).or_default().push(write);
    }
    groups.into_values().collect()
}

/// Items that must be written together: each points to one before it, and the first to itself.
#[derive(Default)]
struct Together(BTreeMap<Sku, Sku>);

impl Together {
    fn first(&self, sku: &Sku) -> Sku {
        let mut at = sku;
        while let Some(next) = self.0.get(at).filter(|next| *next != at) {
            at = next;
        }
        at.clone()
    }

    fn join(&mut self, one: &Sku, other: &Sku) {
        let (one, other) = (self.first(one), self.first(other));
        let (low, high) = if one <= other { (one, other) } else { (other, one) };
        self.0.insert(low.clone(), low.clone());
        self.0.insert(high, low);
    }
}

fn changed<'a, K: Ord, V: PartialEq>(
    before: &'a BTreeMap<K, V>,
    after: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = &'a V> + use<'a, K, V> {
    after.iter().filter(|(key, new)| before.get(*key) != Some(*new)).map(|(_, new)| new)
}

fn gone<'a, K: Ord, V>(before: &'a BTreeMap<K, V>, after: &'a BTreeMap<K, V>) -> impl Iterator<Item = &'a V> + use<'a, K, V> {
    before.iter().filter(|(key, _)| !after.contains_key(*key)).map(|(_, old)| old)
}

fn put<R: Row>(stored: &Stored, row: &R) -> Write {
    Write::put(row, stored.expect(&row.key()))
}

fn delete(stored: &Stored, key: &Key) -> Write {
    Write::Delete { key: key.clone(), expect: stored.expect(key) }
}

impl Sheets {
    /// Every row they name, with its line.
    fn keys(&self) -> impl Iterator<Item = (u64, RowKey)> {
        let tiers = self.tiers.iter().map(|(id, lined)| (lined.line, RowKey::Tier(id.clone())));
        let items = self.items.iter().map(|(sku, lined)| (lined.line, RowKey::Item(sku.clone())));
        let locations = self.locations.iter().map(|(code, lined)| (lined.line, RowKey::Location(code.clone())));
        let codes = self.codes.iter().map(|((of, whose), lined)| (lined.line, RowKey::Code(of.clone(), whose.clone())));
        let listings = self.listings.iter().map(|(key, lined)| (lined.line, RowKey::Listing(key.clone())));
        let system_items = self.system_items.iter().map(|(key, lined)| (lined.line, RowKey::SystemItem(key.clone())));
        let bills = self.bills.iter().map(|((of, what), lined)| (lined.line, RowKey::Component(of.clone(), what.clone())));
        tiers.chain(items).chain(locations).chain(codes).chain(listings).chain(system_items).chain(bills)
    }
}

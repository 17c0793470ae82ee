//! The writes of an import. Rows that must change together are in one group, and a row that others depend on is in an earlier
//! group.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{BillVersion, Catalog, ShopItem, Sku};
use crate::sheets::listings::ListingKey;
use crate::sheets::stored::StoredCatalog;
use crate::sheets::used_in;
use crate::table::{Expect, Key, MAX_WRITES, Row, Write};

/// The most bytes of rows in one transaction, well below the limit of DynamoDB (4 MB).
pub(super) const MAX_BATCH_BYTES: usize = 1_000_000;

/// The writes from the stored rows to those of `after`, in groups. Each group is written in one transaction, in this order.
pub(super) fn groups(stored: &StoredCatalog, after: &Catalog) -> Vec<Vec<Write>> {
    let before = stored.catalog();
    let mut writes = Writes { stored, written: BTreeMap::new() };
    let mut groups = used_in::gains(stored, after, &mut writes);
    groups.extend(changed(&before.tiers, &after.tiers).map(|tier| vec![writes.put(tier)]));
    groups.extend(changed(&before.centres, &after.centres).map(|centre| vec![writes.put(centre)]));
    groups.extend(changed(&before.locations, &after.locations).map(|location| vec![writes.put(location)]));
    groups.extend(groups_of_listings(stored, after, &mut writes));
    groups.extend(changed(&before.system_items, &after.system_items).map(|mapping| vec![writes.put(mapping)]));
    groups.extend(gone(&before.system_items, &after.system_items).map(|mapping| vec![writes.delete(&mapping.key())]));
    groups.extend(changed(&before.bills, &after.bills).map(|bill| {
        let version = BillVersion(bill.clone());
        vec![writes.put(bill), Write::put(&version, Expect::Absent)]
    }));
    groups.extend(used_in::losses(stored, after, &mut writes));
    groups
}

/// Packs groups into batches of one transaction each: no group is split, the order stays, and no batch has a row twice.
pub(super) fn batches(groups: &[Vec<Write>]) -> Vec<Vec<Write>> {
    let mut batches: Vec<Vec<Write>> = Vec::new();
    let (mut bytes, mut keys) = (0, BTreeSet::new());
    for group in groups {
        let size: usize = group.iter().map(size).sum();
        let is_new = group.iter().all(|write| !keys.contains(write.key()));
        match batches.last_mut() {
            Some(batch) if is_new && batch.len() + group.len() <= MAX_WRITES && bytes + size <= MAX_BATCH_BYTES => {
                batch.extend(group.iter().cloned());
                bytes += size;
            }
            Some(_) | None => {
                batches.push(group.clone());
                bytes = size;
                keys.clear();
            }
        }
        keys.extend(group.iter().map(Write::key));
    }
    batches
}

fn size(write: &Write) -> usize {
    match write {
        Write::Put { body, .. } => body.to_string().len(),
        Write::Delete { .. } => 0,
    }
}

/// Makes writes, each with the condition that holds once the writes before it are done.
pub(super) struct Writes<'a> {
    stored: &'a StoredCatalog,
    /// The condition for rows that an earlier write changes.
    written: BTreeMap<Key, Expect>,
}

impl Writes<'_> {
    pub(super) fn put<R: Row>(&mut self, row: &R) -> Write {
        let expect = self.expect(&row.key());
        self.written.insert(row.key(), expect.after());
        Write::put(row, expect)
    }

    pub(super) fn delete(&mut self, key: &Key) -> Write {
        let expect = self.expect(key);
        self.written.insert(key.clone(), Expect::Absent);
        Write::Delete { key: key.clone(), expect }
    }

    fn expect(&self, key: &Key) -> Expect {
        self.written.get(key).cloned().unwrap_or_else(|| self.stored.expect(key))
    }
}

/// The groups of items and mappings: a mapping is written together with its old and its new item.
fn groups_of_listings(stored: &StoredCatalog, after: &Catalog, writes: &mut Writes<'_>) -> Vec<Vec<Write>> {
    let before = stored.catalog();
    let mut together = JoinedItems::default();
    let changed_items: Vec<_> = changed(&before.items, &after.items).collect();
    for item in &changed_items {
        together.join(&item.sku, &item.sku);
    }
    let mut mappings: Vec<(&Sku, Write)> = Vec::new();
    for mapping in changed(&before.mappings, &after.mappings) {
        let key: ListingKey = (mapping.shop.clone(), mapping.shop_sku.clone());
        let old = before.mappings.get(&key).map_or(&mapping.sku, |old: &ShopItem| &old.sku);
        together.join(&mapping.sku, old);
        mappings.push((&mapping.sku, writes.put(mapping)));
    }
    for mapping in gone(&before.mappings, &after.mappings) {
        together.join(&mapping.sku, &mapping.sku);
        mappings.push((&mapping.sku, writes.delete(&mapping.key())));
    }
    for variant in changed(&before.variants, &after.variants) {
        let old = before.variants.get(&(variant.shop.clone(), variant.variant)).map_or(&variant.sku, |old| &old.sku);
        together.join(&variant.sku, old);
        mappings.push((&variant.sku, writes.put(variant)));
    }
    for variant in gone(&before.variants, &after.variants) {
        together.join(&variant.sku, &variant.sku);
        mappings.push((&variant.sku, writes.delete(&variant.key())));
    }
    let mut groups: BTreeMap<Sku, Vec<Write>> = BTreeMap::new();
    for item in changed_items {
        groups.entry(together.first(&item.sku)).or_default().push(writes.put(item));
    }
    for (sku, write) in mappings {
        groups.entry(together.first(sku)).or_default().push(write);
    }
    groups.into_values().collect()
}

/// Items that must be written together, as a union-find: each item points to an earlier one, and the first to itself.
#[derive(Default)]
struct JoinedItems(BTreeMap<Sku, Sku>);

impl JoinedItems {
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

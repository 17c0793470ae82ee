//! The where-used index: its content, the order of its writes, and that it never names too few parents.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, any, proptest};

use crate::catalog::{Catalog, Resource, Sku, WhereUsed};
use crate::sheets::tests::{Files, SMALL, imported, now, plan, sheets, store};
use crate::sheets::used_in::derived;
use crate::sheets::{ImportPlan, Sheets, StoredCatalog};
use crate::table::{Expect, Key, Record, RowKey, Write};

/// The index as text.
fn index_text(catalog: &Catalog) -> Vec<String> {
    let parents = |used: &WhereUsed| used.parents.iter().map(Sku::as_str).collect::<Vec<_>>().join(" ");
    catalog.used_in.values().map(|used| format!("{}: {}", used.resource, parents(used))).collect()
}

/// Whether the index names every parent of every component that is not bulk.
fn names_every_parent(catalog: &Catalog) -> bool {
    let named = |resource: &Resource| catalog.used_in.get(resource).map(|used| &used.parents);
    derived(catalog).iter().all(|(resource, parents)| named(resource).is_some_and(|named| parents.is_subset(named)))
}

/// Protects the readers of the where-used index: it follows bills, alternates and bulk items, and after an import it is exact. A
/// row that gains parents is written first, a row that loses parents last and together with the bill.
#[test]
fn the_index_follows_the_bills() {
    let bills = "parent,component,quantity,remove";
    let items = "sku,bulk";
    let rows: [(&str, &str, &str, &[&str]); 8] = [
        ("bills", bills, "BALM,OIL,1,", &["put where-used of item OIL, put bill of BALM, put bill of BALM, version 1"]),
        ("bills", bills, "BALM,WATER,1,", &["put bill of BALM, put bill of BALM, version 1"]),
        (
            "bills",
            bills,
            "SERUM,OIL,,yes",
            &["put bill of SERUM, put bill of SERUM, version 2", "delete where-used of item OIL, put bill of SERUM"],
        ),
        (
            "bills",
            bills,
            "SERUM,OIL,,yes\nBALM,OIL,1,",
            &[
                "put where-used of item OIL, put bill of BALM, put bill of BALM, version 1, put bill of SERUM, put bill of SERUM, version 2",
                "put where-used of item OIL, put bill of SERUM",
            ],
        ),
        (
            "bills",
            bills,
            "SERUM,GLASS,,yes\nSERUM,GLASS-2,,yes",
            &[
                "put bill of SERUM, put bill of SERUM, version 2",
                "delete where-used of item GLASS, delete where-used of item GLASS-2, put bill of SERUM",
            ],
        ),
        ("items", items, "OIL,yes", &["put item OIL, delete where-used of item OIL"]),
        ("items", items, "WATER,no", &["put where-used of item WATER, put item WATER"]),
        ("items", items, "OIL,no\nWATER,yes", &[]),
    ];
    let small = imported(SMALL);
    assert_eq!(
        index_text(small.catalog()),
        ["item GLASS: SERUM", "item GLASS-2: SERUM", "item OIL: SERUM", "work centre MIX: SERUM"]
    );
    for (sheet, columns, lines, expected) in rows {
        let files: Files = &[(sheet, &format!("{columns}\n{lines}\n"))];
        let mut stored = small.clone();
        let planned = plan(&stored, files).unwrap_or_else(|problems| panic!("{:#?}", problems.shown()));
        let batches: Vec<String> = planned.batches().iter().map(|batch| batch_text(batch)).collect();
        assert_eq!(batches, expected, "{lines}");
        store(&mut stored, &planned);
        assert_eq!(index(stored.catalog()), derived(stored.catalog()), "{lines}");
        assert_eq!(plan(&stored, files).expect("the sheets are valid").rows(), 0, "{lines}: a second import writes nothing");
    }
}

fn batch_text(batch: &[Write]) -> String {
    let place = |write: &Write| match write {
        Write::Put { key, .. } => format!("put {}", RowKey::in_words(key)),
        Write::Delete { key, .. } => format!("delete {}", RowKey::in_words(key)),
    };
    batch.iter().map(place).collect::<Vec<_>>().join(", ")
}

fn index(catalog: &Catalog) -> BTreeMap<Resource, BTreeSet<Sku>> {
    catalog.used_in.iter().map(|(resource, used)| (resource.clone(), used.parents.clone())).collect()
}

/// A row that is missing, a row that is too large, the expected writes, and the expected index.
type Broken = (Option<Key>, Option<Write>, &'static [&'static str], &'static [&'static str]);

/// Protects tables from before the index existed, and tables whose import stopped: any import repairs the index, but keeps the
/// parents that another import may be about to need.
#[test]
fn any_import_repairs_the_index() {
    let whole = imported(SMALL);
    let tiers: Files = &[("tiers", "tier,buffer\nA,3\n")];
    let item = |component: &str| Resource::Item(component.parse().expect("a SKU"));
    let key = |component: &str| RowKey::WhereUsed(item(component)).key();
    let row = |component: &str, parents: &[&str]| {
        let parents = parents.iter().map(|parent| parent.parse().expect("a SKU")).collect();
        Write::put(&WhereUsed { resource: item(component), parents }, Expect::Revision(7))
    };
    let rows: [Broken; 4] = [
        (
            Some(key("OIL")),
            None,
            &["put where-used of item OIL"],
            &["item GLASS: SERUM", "item GLASS-2: SERUM", "item OIL: SERUM", "work centre MIX: SERUM"],
        ),
        (
            None,
            Some(row("BALM", &["SERUM"])),
            &["delete where-used of item BALM, put bill of SERUM"],
            &["item GLASS: SERUM", "item GLASS-2: SERUM", "item OIL: SERUM", "work centre MIX: SERUM"],
        ),
        (
            None,
            Some(row("OIL", &["BALM", "SERUM"])),
            &[],
            &["item GLASS: SERUM", "item GLASS-2: SERUM", "item OIL: BALM SERUM", "work centre MIX: SERUM"],
        ),
        (
            None,
            Some(row("WATER", &["BALM", "SERUM"])),
            &["delete where-used of item WATER"],
            &["item GLASS: SERUM", "item GLASS-2: SERUM", "item OIL: SERUM", "work centre MIX: SERUM"],
        ),
    ];
    for (forgotten, taken, expected, then) in rows {
        let mut stored = whole.clone();
        if let Some(key) = &forgotten {
            stored.forget(key);
        }
        if let Some(write) = taken {
            stored.apply(&write).expect("readable");
        }
        let planned = plan(&stored, tiers).expect("the sheets are valid");
        assert_eq!(planned.changes, [], "no line changes anything");
        assert_eq!(planned.batches().iter().map(|batch| batch_text(batch)).collect::<Vec<_>>(), expected);
        store(&mut stored, &planned);
        assert_eq!(index_text(stored.catalog()), then);
    }
}

/// A table in memory with conditional writes.
#[derive(Clone, Default)]
struct Table(BTreeMap<Key, Record>);

impl Table {
    /// Writes the whole batch, or returns the rows whose conditions failed.
    fn write(&mut self, batch: &[Write]) -> Result<(), Vec<Key>> {
        let keys: BTreeSet<&Key> = batch.iter().map(Write::key).collect();
        assert!(keys.len() == batch.len() && batch.len() <= crate::table::MAX_WRITES, "a transaction takes no row twice");
        let (mut next, mut refused) = (self.0.clone(), Vec::new());
        for write in batch {
            let key = write.key();
            if self.0.get(key).map(|record| record.revision) != write.expect().revision() {
                refused.push(key.clone());
            }
            match write.record() {
                Some(record) => drop(next.insert(key.clone(), record)),
                None => drop(next.remove(key)),
            }
        }
        if refused.is_empty() {
            self.0 = next;
            Ok(())
        } else {
            Err(refused)
        }
    }

    fn record(&self, key: &Key) -> Option<Record> {
        self.0.get(key).cloned()
    }

    fn read(&self) -> StoredCatalog {
        StoredCatalog::of(self.0.keys().filter_map(|key| self.record(key))).expect("readable")
    }

    fn write_all(&mut self, files: Files) {
        let planned = plan(&self.read(), files).expect("the sheets are valid");
        planned.batches().iter().for_each(|batch| self.write(batch).expect("no other import writes"));
    }
}

/// A running import: the catalog it has read, and the batches it has not written yet.
struct Import {
    sheets: Sheets,
    known: Option<StoredCatalog>,
    batches: Option<Vec<Vec<Write>>>,
}

impl Import {
    /// Reads the table and plans, or writes one transaction. False when nothing is left to do.
    fn step(&mut self, table: &mut Table) -> bool {
        let known = self.known.get_or_insert_with(|| table.read());
        let Some(batches) = &mut self.batches else {
            match ImportPlan::of(known, &self.sheets, now()) {
                Ok(plan) => self.batches = Some(plan.batches()),
                Err(_) => return false,
            }
            return true;
        };
        if batches.is_empty() {
            return false;
        }
        let batch = batches.remove(0);
        let touched: Vec<Key> = match table.write(&batch) {
            Ok(()) => batch.iter().map(|write| write.key().clone()).collect(),
            Err(refused) => {
                self.batches = None;
                refused
            }
        };
        for key in &touched {
            match table.record(key) {
                Some(record) => known.take(&record).expect("readable"),
                None => known.forget(key),
            }
        }
        true
    }
}

const NAMES: [&str; 6] = ["A", "B", "C", "D", "E", "F"];

/// A line of a bill that adds or removes a component. The component is later in [`NAMES`] than its parent.
fn line() -> impl Strategy<Value = String> {
    let names = (0..NAMES.len() - 1, 0..NAMES.len(), any::<bool>());
    names.prop_filter_map("downwards", |(from, to, remove)| {
        let line = || format!("{},{},1,{}\n", NAMES[from], NAMES[to], if remove { "yes" } else { "" });
        (from < to).then(line)
    })
}

/// Lines of items.csv that mark items as bulk, and lines of bills.csv.
type Texts = (String, String);

/// Lines with different keys.
fn files() -> impl Strategy<Value = Texts> {
    let bulk = vec(0..NAMES.len(), 0..2).prop_map(|bulk| {
        let bulk: BTreeSet<&str> = bulk.into_iter().map(|at| NAMES[at]).collect();
        bulk.into_iter().map(|name| format!("{name},yes\n")).collect()
    });
    let lines = vec(line(), 0..8).prop_map(|lines| {
        let lines: BTreeMap<String, String> = lines.into_iter().map(|line| (line[..3].to_owned(), line)).collect();
        lines.into_values().collect()
    });
    (bulk, lines)
}

fn skus() -> String {
    NAMES.iter().fold("sku\n".to_owned(), |text, name| text + name + "\n")
}

/// Runs two imports side by side over the catalog of the first files: in these turns, and then one after the other. The first of
/// them may stop where its turns end. After each transaction the index must name every parent, and after the next import,
/// whatever its sheets contain, it must name no parent too many.
fn side_by_side(first: &Texts, both: [&Texts; 2], turns: impl IntoIterator<Item = bool>, stops: bool) {
    let import = |(items, bills): &Texts| {
        let (items, bills) = (format!("sku,bulk\n{items}"), format!("parent,component,quantity,remove\n{bills}"));
        Import { sheets: sheets(&[("items", &items), ("bills", &bills)]), known: None, batches: None }
    };
    let mut table = Table::default();
    table.write_all(&[("items", &skus())]);
    let mut before = import(first);
    while before.step(&mut table) {}
    let mut imports = both.map(import);
    let mut step = |import: usize, table: &mut Table| {
        let more = imports[import].step(table);
        assert!(names_every_parent(table.read().catalog()), "{:?}", index_text(table.read().catalog()));
        more
    };
    for turn in turns {
        step(usize::from(turn), &mut table);
    }
    while !stops && step(0, &mut table) {}
    while step(1, &mut table) {}
    table.write_all(&[("tiers", "tier\n")]);
    let end = table.read();
    assert!(names_every_parent(end.catalog()));
    let wanted = derived(end.catalog());
    for (resource, used) in &end.catalog().used_in {
        let known = used.parents.iter().filter(|parent| end.catalog().bills.contains_key(*parent));
        assert!(known.eq(wanted.get(resource).into_iter().flatten()), "{resource}");
    }
}

/// Protects promises from finished goods that are not recomputed when two imports run at once: in every order of their
/// transactions, and wherever one of them stops.
#[test]
fn no_parent_is_lost_between_two_imports() {
    for (first, ours, theirs) in [
        (("", "A,C,1,\n"), ("", "A,C,,yes\n"), ("", "A,C,1,\n")),
        (("", "A,C,1,\nB,C,1,\n"), ("", "A,C,,yes\nB,C,,yes\n"), ("", "B,C,2,\n")),
        (("", "B,C,1,\n"), ("", "A,C,1,\n"), ("", "B,C,,yes\n")),
        (("", ""), ("", "A,C,1,\n"), ("", "B,C,1,\n")),
        (("", "A,C,1,\n"), ("C,yes\n", ""), ("", "B,C,1,\nA,C,,yes\n")),
    ] {
        let [first, ours, theirs] = [first, ours, theirs].map(|(items, bills)| (items.to_owned(), bills.to_owned()));
        for turns in 0..1_u32 << 7 {
            for stops in [false, true] {
                side_by_side(&first, [&ours, &theirs], (0..7).map(|at| turns >> at & 1 == 1), stops);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Protects promises in the same way under larger, random changes.
    #[test]
    fn the_index_never_names_too_few(
        first in files(), ours in files(), theirs in files(), turns in vec(any::<bool>(), 0..24), stops in any::<bool>(),
    ) {
        side_by_side(&first, [&ours, &theirs], turns, stops);
    }
}

/// Protects imports that remove a component from many bills, or many components from one: no transaction is too large, and none
/// has a row twice.
#[test]
fn a_large_removal_is_split_into_transactions() {
    let name = |kind: &str, n: usize| format!("{kind}{n:03}");
    for (parents, components) in [(150, 1), (1, 150), (12, 30)] {
        let pairs = || (0..parents).flat_map(move |p| (0..components).map(move |c| (p, c)));
        let items = (0..parents).map(|n| name("P", n)).chain((0..components).map(|n| name("C", n)));
        let items = items.fold("sku\n".to_owned(), |text, name| text + &name + "\n");
        let lines = |end: &str| pairs().map(|(p, c)| format!("{},{},{end}\n", name("P", p), name("C", c))).collect::<String>();
        let mut table = Table::default();
        table.write_all(&[("items", &items), ("bills", &format!("parent,component,quantity\n{}", lines("1")))]);
        assert_eq!(index_text(table.read().catalog()).len(), components);
        table.write_all(&[("bills", &format!("parent,component,remove\n{}", lines("yes")))]);
        assert_eq!(index_text(table.read().catalog()), [""; 0], "{parents} by {components}");
        let bill = RowKey::Bill("P000".parse().expect("a SKU")).key();
        assert!(table.0.contains_key(&bill), "the bill stays, without components");
    }
}

//! The where-used index: what it says, what is written when, and that it never names too few.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, any, proptest};

use crate::catalog::{Catalog, Sku, WhereUsed};
use crate::sheets::tests::{Files, SMALL, imported, now, plan, sheets, store};
use crate::sheets::used_in::derived;
use crate::sheets::{ImportPlan, Sheets, StoredCatalog};
use crate::table::{Expect, Key, Record, RowKey, Write};

/// The index in words.
fn said(catalogue: &Catalog) -> Vec<String> {
    let parents = |used: &WhereUsed| used.parents.iter().map(Sku::as_str).collect::<Vec<_>>().join(" ");
    catalogue.used_in.values().map(|used| format!("{}: {}", used.component, parents(used))).collect()
}

/// Whether the index names every parent of every component that is not bulk.
fn names_every_parent(catalogue: &Catalog) -> bool {
    let named = |component: &Sku| catalogue.used_in.get(component).map(|used| &used.parents);
    derived(catalogue).iter().all(|(component, parents)| named(component).is_some_and(|named| parents.is_subset(named)))
}

/// Protects whoever asks what a change leads to: the index follows bills, alternates and what is bulk, and at the end names
/// exactly what it should; what gains is written first, what loses last and with the bill that says so.
#[test]
fn the_index_follows_the_bills() {
    let bills = "parent,component,quantity,remove";
    let items = "sku,bulk";
    let rows: [(&str, &str, &str, &[&str]); 8] = [
        ("bills", bills, "BALM,OIL,1,", &["put where-used of OIL, put bill of BALM, put bill of BALM, version 1"]),
        ("bills", bills, "BALM,WATER,1,", &["put bill of BALM, put bill of BALM, version 1"]),
        (
            "bills",
            bills,
            "SERUM,OIL,,yes",
            &["put bill of SERUM, put bill of SERUM, version 2", "delete where-used of OIL, put bill of SERUM"],
        ),
        (
            "bills",
            bills,
            "SERUM,OIL,,yes\nBALM,OIL,1,",
            &[
                "put where-used of OIL, put bill of BALM, put bill of BALM, version 1, put bill of SERUM, put bill of SERUM, version 2",
                "put where-used of OIL, put bill of SERUM",
            ],
        ),
        (
            "bills",
            bills,
            "SERUM,GLASS,,yes\nSERUM,GLASS-2,,yes",
            &[
                "put bill of SERUM, put bill of SERUM, version 2",
                "delete where-used of GLASS, delete USED#GLASS-2/HEAD, put bill of SERUM",
            ],
        ),
        ("items", items, "OIL,yes", &["put item OIL, delete where-used of OIL"]),
        ("items", items, "WATER,no", &["put where-used of WATER, put item WATER"]),
        ("items", items, "OIL,no\nWATER,yes", &[]),
    ];
    let small = imported(SMALL);
    assert_eq!(said(small.catalogue()), ["@centre MIX: SERUM", "GLASS: SERUM", "GLASS-2: SERUM", "OIL: SERUM"]);
    for (sheet, columns, lines, expected) in rows {
        let files: Files = &[(sheet, &format!("{columns}\n{lines}\n"))];
        let mut stored = small.clone();
        let planned = plan(&stored, files).unwrap_or_else(|problems| panic!("{:#?}", problems.shown()));
        let batches: Vec<String> = planned.batches().iter().map(|batch| in_words(batch)).collect();
        assert_eq!(batches, expected, "{lines}");
        store(&mut stored, &planned);
        assert_eq!(index(stored.catalogue()), derived(stored.catalogue()), "{lines}");
        assert_eq!(plan(&stored, files).expect("it is right").rows(), 0, "{lines}: importing twice is importing once");
    }
}

fn in_words(batch: &[Write]) -> String {
    let place = |write: &Write| match write {
        Write::Put { key, .. } => format!("put {}", RowKey::in_words(key)),
        Write::Delete { key, .. } => format!("delete {}", RowKey::in_words(key)),
    };
    batch.iter().map(place).collect::<Vec<_>>().join(", ")
}

fn index(catalogue: &Catalog) -> BTreeMap<Sku, BTreeSet<Sku>> {
    catalogue.used_in.iter().map(|(component, used)| (component.clone(), used.parents.clone())).collect()
}

/// A row that is missing, one that is too large, what is written, and what the index says then.
type Broken = (Option<Key>, Option<Write>, &'static [&'static str], &'static [&'static str]);

/// Protects tables from before there was an index, and those whose import stopped: any import makes it whole, but what another
/// import may be about to need stays.
#[test]
fn any_import_makes_the_index_whole() {
    let whole = imported(SMALL);
    let tiers: Files = &[("tiers", "tier,buffer\nA,3\n")];
    let key = |component: &str| RowKey::WhereUsed(component.parse().expect("a SKU")).key();
    let row = |component: &str, parents: &[&str]| {
        let parents = parents.iter().map(|parent| parent.parse().expect("a SKU")).collect();
        Write::put(&WhereUsed { component: component.parse().expect("a SKU"), parents }, Expect::Revision(7))
    };
    let rows: [Broken; 4] = [
        (
            Some(key("OIL")),
            None,
            &["put where-used of OIL"],
            &["@centre MIX: SERUM", "GLASS: SERUM", "GLASS-2: SERUM", "OIL: SERUM"],
        ),
        (
            None,
            Some(row("BALM", &["SERUM"])),
            &["delete where-used of BALM, put bill of SERUM"],
            &["@centre MIX: SERUM", "GLASS: SERUM", "GLASS-2: SERUM", "OIL: SERUM"],
        ),
        (
            None,
            Some(row("OIL", &["BALM", "SERUM"])),
            &[],
            &["@centre MIX: SERUM", "GLASS: SERUM", "GLASS-2: SERUM", "OIL: BALM SERUM"],
        ),
        (
            None,
            Some(row("WATER", &["BALM", "SERUM"])),
            &["delete where-used of WATER"],
            &["@centre MIX: SERUM", "GLASS: SERUM", "GLASS-2: SERUM", "OIL: SERUM"],
        ),
    ];
    for (forgotten, taken, expected, then) in rows {
        let mut stored = whole.clone();
        if let Some(key) = &forgotten {
            stored.forget(key);
        }
        if let Some(Write::Put { key, body, expect, .. }) = taken {
            stored.take(&Record { key, revision: expect.next_revision(), body }).expect("readable");
        }
        let planned = plan(&stored, tiers).expect("it is right");
        assert_eq!(planned.changes, [], "no line changes anything");
        assert_eq!(planned.batches().iter().map(|batch| in_words(batch)).collect::<Vec<_>>(), expected);
        store(&mut stored, &planned);
        assert_eq!(said(stored.catalogue()), then);
    }
}

/// A table as conditional writes leave it.
#[derive(Clone, Default)]
struct Table(BTreeMap<Key, (u64, serde_json::Value)>);

impl Table {
    /// Writes all of a batch, or says which rows are not as expected.
    fn write(&mut self, batch: &[Write]) -> Result<(), Vec<Key>> {
        let keys: BTreeSet<&Key> = batch.iter().map(Write::key).collect();
        assert!(keys.len() == batch.len() && batch.len() <= crate::table::MAX_WRITES, "a transaction takes no row twice");
        let (mut next, mut refused) = (self.0.clone(), Vec::new());
        for write in batch {
            let (Write::Put { expect, .. } | Write::Delete { expect, .. }) = write;
            let revision = self.0.get(write.key()).map(|(revision, _)| *revision);
            let expected = match expect {
                Expect::Absent => None,
                Expect::Revision(revision) => Some(*revision),
            };
            if revision != expected {
                refused.push(write.key().clone());
            }
            match write {
                Write::Put { key, body, expect, .. } => drop(next.insert(key.clone(), (expect.next_revision(), body.clone()))),
                Write::Delete { key, .. } => drop(next.remove(key)),
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
        self.0.get(key).map(|(revision, body)| Record { key: key.clone(), revision: *revision, body: body.clone() })
    }

    fn read(&self) -> StoredCatalog {
        StoredCatalog::of(self.0.keys().filter_map(|key| self.record(key))).expect("readable")
    }

    fn write_all(&mut self, files: Files) {
        let planned = plan(&self.read(), files).expect("it is right");
        planned.batches().iter().for_each(|batch| self.write(batch).expect("nobody else writes"));
    }
}

/// Somebody who imports: what they know of the table, and what they still want to write.
struct Import {
    sheets: Sheets,
    known: Option<StoredCatalog>,
    batches: Option<Vec<Vec<Write>>>,
}

impl Import {
    /// Reading the table and planning, or one transaction. False when nothing is left to do.
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

/// A line of a bill that leads from one of the names to a later one, put in or taken out.
fn line() -> impl Strategy<Value = String> {
    let names = (0..NAMES.len() - 1, 0..NAMES.len(), any::<bool>());
    names.prop_filter_map("downwards", |(from, to, remove)| {
        let line = || format!("{},{},1,{}\n", NAMES[from], NAMES[to], if remove { "yes" } else { "" });
        (from < to).then(line)
    })
}

/// The lines of items.csv, of what becomes bulk, and of bills.csv.
type Texts = (String, String);

/// Lines about different things.
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

/// Two imports beside each other over what the first files leave, in these turns and then one after the other; the first of them
/// may stop where its turns end. After each transaction the index names every parent, and after the next import, whatever it
/// says, it has nothing too many.
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
        assert!(names_every_parent(table.read().catalogue()), "{:?}", said(table.read().catalogue()));
        more
    };
    for turn in turns {
        step(usize::from(turn), &mut table);
    }
    while !stops && step(0, &mut table) {}
    while step(1, &mut table) {}
    table.write_all(&[("tiers", "tier\n")]);
    let end = table.read();
    assert!(names_every_parent(end.catalogue()));
    let wanted = derived(end.catalogue());
    for (component, used) in &end.catalogue().used_in {
        let known = used.parents.iter().filter(|parent| end.catalogue().bills.contains_key(*parent));
        assert!(known.eq(wanted.get(component).into_iter().flatten()), "{component}");
    }
}

/// Protects promises from goods that are not computed anew, where two people import at once: in whichever order their
/// transactions come, and wherever one of them stops.
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

    /// Protects the same beside larger changes.
    #[test]
    fn the_index_never_names_too_few(
        first in files(), ours in files(), theirs in files(), turns in vec(any::<bool>(), 0..24), stops in any::<bool>(),
    ) {
        side_by_side(&first, [&ours, &theirs], turns, stops);
    }
}

/// Protects imports that take a component out of many bills, or many components out of one: nothing is too large for a
/// transaction, and no row is in one twice.
#[test]
fn much_is_taken_out_in_parts() {
    let name = |kind: &str, n: usize| format!("{kind}{n:03}");
    for (parents, components) in [(150, 1), (1, 150), (12, 30)] {
        let pairs = || (0..parents).flat_map(move |p| (0..components).map(move |c| (p, c)));
        let items = (0..parents).map(|n| name("P", n)).chain((0..components).map(|n| name("C", n)));
        let items = items.fold("sku\n".to_owned(), |text, name| text + &name + "\n");
        let lines = |end: &str| pairs().map(|(p, c)| format!("{},{},{end}\n", name("P", p), name("C", c))).collect::<String>();
        let mut table = Table::default();
        table.write_all(&[("items", &items), ("bills", &format!("parent,component,quantity\n{}", lines("1")))]);
        assert_eq!(said(table.read().catalogue()).len(), components);
        table.write_all(&[("bills", &format!("parent,component,remove\n{}", lines("yes")))]);
        assert_eq!(said(table.read().catalogue()), [""; 0], "{parents} by {components}");
        let bill = RowKey::Bill("P000".parse().expect("a SKU")).key();
        assert!(table.0.contains_key(&bill), "the bill stays, with nothing in it");
    }
}

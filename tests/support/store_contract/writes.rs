//! Conditional, atomic writes, and the rows that a refusal returns.

use promissory::ports::{Store, WriteError};
use promissory::table::{Expect, Key, Record, Write};
use serde_json::{Value, json};

/// A row of a case: put or delete this key under this condition.
#[derive(Debug, Clone)]
enum Row {
    Put(&'static str, Expect),
    Delete(&'static str, Expect),
}

use Expect::{Absent, Revision};
use Row::{Delete, Put};

/// The existing keys of a case, with the number of times each was written.
type Given = &'static [(&'static str, u64)];

/// The expected result: the revisions afterwards, or the refused keys with the stored revision.
#[derive(Debug, Clone, Copy)]
enum Comes {
    Done(Given),
    Refused(&'static [(&'static str, Option<u64>)]),
}

use Comes::{Done, Refused};

type Case = (&'static str, Given, &'static [Row], Comes);

const CASES: [Case; 21] = [
    ("put what is not there", &[], &[Put("a", Absent)], Done(&[("a", 1)])),
    ("put what is there already", &[("a", 1)], &[Put("a", Absent)], Refused(&[("a", Some(1))])),
    ("put over the revision read", &[("a", 3)], &[Put("a", Revision(3))], Done(&[("a", 4)])),
    ("put over an older revision", &[("a", 3)], &[Put("a", Revision(2))], Refused(&[("a", Some(3))])),
    ("put over a revision still to come", &[("a", 3)], &[Put("a", Revision(4))], Refused(&[("a", Some(3))])),
    ("put over what is gone", &[], &[Put("a", Revision(1))], Refused(&[("a", None)])),
    ("delete the revision read", &[("a", 2)], &[Delete("a", Revision(2))], Done(&[])),
    ("delete an older revision", &[("a", 2)], &[Delete("a", Revision(1))], Refused(&[("a", Some(2))])),
    ("delete what is gone", &[], &[Delete("a", Revision(1))], Refused(&[("a", None)])),
    ("delete what must not be there", &[("a", 1)], &[Delete("a", Absent)], Refused(&[("a", Some(1))])),
    ("two puts", &[("b", 1)], &[Put("a", Absent), Put("b", Revision(1))], Done(&[("a", 1), ("b", 2)])),
    ("a put and a delete", &[("b", 1)], &[Put("a", Absent), Delete("b", Revision(1))], Done(&[("a", 1)])),
    ("two deletes", &[("a", 1), ("b", 2)], &[Delete("a", Revision(1)), Delete("b", Revision(2))], Done(&[])),
    ("the first of two is refused", &[("a", 1)], &[Put("a", Absent), Put("b", Absent)], Refused(&[("a", Some(1))])),
    ("the second of two is refused", &[("b", 1)], &[Put("a", Absent), Put("b", Absent)], Refused(&[("b", Some(1))])),
    ("a gone row among two", &[("a", 1)], &[Put("a", Revision(1)), Put("b", Revision(7))], Refused(&[("b", None)])),
    (
        "two of three are refused, each by its place",
        &[("a", 2), ("c", 1)],
        &[Put("c", Absent), Put("b", Absent), Put("a", Revision(1))],
        Refused(&[("c", Some(1)), ("a", Some(2))]),
    ),
    (
        "all of three are refused",
        &[("a", 1), ("b", 2)],
        &[Put("a", Absent), Delete("b", Revision(1)), Put("c", Revision(1))],
        Refused(&[("a", Some(1)), ("b", Some(2)), ("c", None)]),
    ),
    (
        "a refused delete undoes the put before it",
        &[("b", 1)],
        &[Put("a", Absent), Delete("b", Revision(9))],
        Refused(&[("b", Some(1))]),
    ),
    (
        "a refused put undoes the delete before it",
        &[("a", 1)],
        &[Delete("a", Revision(1)), Put("b", Revision(1))],
        Refused(&[("b", None)]),
    ),
    ("a delete of nothing that expects nothing", &[], &[Delete("a", Absent)], Done(&[])),
];

fn body(of: &str, revision: u64) -> Value {
    json!({ "of": of, "revision": revision })
}

fn put(case: &str, name: &str, expect: Expect) -> Write {
    Write::Put { key: Key::new(case, name), body: body(name, expect.next_revision()), index: None, expires_at: None, expect }
}

/// Writes the existing rows of a case, one write at a time.
async fn given<S: Store>(store: &S, case: &str, rows: Given) {
    for (name, revisions) in rows {
        for revision in 0..*revisions {
            let expect = if revision == 0 { Absent } else { Revision(revision) };
            store.write(&[put(case, name, expect)]).await.expect("the row is written");
        }
    }
}

/// The stored names and revisions. Each body must be that of the last write.
async fn stored<S: Store>(store: &S, case: &str) -> Vec<(String, u64)> {
    let keys = ["a", "b", "c"].map(|name| Key::new(case, name));
    let rows = store.get(&keys).await.expect("read");
    let of = |record: Record| {
        assert_eq!(record.body, body(&record.key.sk, record.revision), "{case}: the body is that of the last write");
        (record.key.sk, record.revision)
    };
    rows.into_iter().flatten().map(of).collect()
}

async fn check<S: Store>(store: &S, (case, rows, writes, comes): Case) {
    given(store, case, rows).await;
    let before = stored(store, case).await;
    let writes: Vec<Write> = writes
        .iter()
        .map(|row| match row {
            Put(name, expect) => put(case, name, expect.clone()),
            Delete(name, expect) => Write::Delete { key: Key::new(case, *name), expect: expect.clone() },
        })
        .collect();
    let outcome = store.write(&writes).await;
    let after = stored(store, case).await;
    match (comes, outcome) {
        (Done(expected), Ok(())) => {
            let expected: Vec<_> = expected.iter().map(|(name, revision)| ((*name).to_owned(), *revision)).collect();
            assert_eq!(after, expected, "{case}");
        }
        (Refused(expected), Err(WriteError::Refused(refusals))) => {
            let found: Vec<_> = refusals
                .iter()
                .map(|refusal| (refusal.key.sk.as_str(), refusal.stored.as_ref().map(|record| record.revision)))
                .collect();
            assert_eq!(found, expected, "{case}");
            for refusal in &refusals {
                let whole = refusal.stored.as_ref().is_none_or(|r| r.key == refusal.key && r.body == body(&r.key.sk, r.revision));
                assert!(whole, "{case}: a refusal returns the complete stored row");
            }
            assert_eq!(after, before, "{case}: a refused list changes nothing");
        }
        (expected, found) => panic!("{case}: {expected:?} was expected, not {found:?}"),
    }
}

pub(super) async fn suite<S: Store>(store: &S) {
    for case in CASES {
        check(store, case).await;
    }
}

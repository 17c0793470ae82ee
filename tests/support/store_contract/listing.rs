//! Listings by key prefix or by index entry: page after page, without gaps or repetitions.

use promissory::ports::{Listing, Store, list_all};
use promissory::table::{Expect, Key, Write};
use serde_json::json;

async fn write<S: Store>(store: &S, key: &Key, index: Option<Key>, expect: Expect) {
    let body = json!({ "of": key.to_string() });
    store.write(&[Write::Put { key: key.clone(), body, index, expires_at: None, expect }]).await.expect("written");
}

/// The sort keys of each page.
async fn pages<S: Store>(store: &S, mut listing: Listing) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    loop {
        let page = store.list(&listing).await.expect("listed");
        for record in &page.records {
            assert_eq!(record.body, json!({ "of": record.key.to_string() }), "a listing returns complete rows");
        }
        pages.push(page.records.into_iter().map(|record| record.key.sk).collect());
        match page.next {
            Some(next) => listing.after = Some(next),
            None => return pages,
        }
    }
}

/// Lists with every page size. The rows must equal `expected` in order, and no page may exceed its limit.
async fn check<S: Store>(store: &S, listing: &Listing, expected: &[&str]) {
    for limit in [1, 2, 3, 7, 100] {
        let pages = pages(store, Listing { limit, ..listing.clone() }).await;
        assert!(pages.iter().all(|page| page.len() <= limit), "{listing:?}: no page has more than {limit}");
        assert_eq!(pages.concat(), expected, "{listing:?} in pages of {limit}");
    }
    let all = list_all(store, listing.clone()).await.expect("listed");
    assert_eq!(all.iter().map(|record| record.key.sk.as_str()).collect::<Vec<_>>(), expected, "{listing:?} at once");
}

pub(super) async fn by_key<S: Store>(store: &S) {
    for sk in ["HEAD", "ROW#000000000002", "ROW#000000000010", "ROW#000000000001", "ROX", "RO", "Ünï"] {
        write(store, &Key::new("PART#A", sk), None, Expect::Absent).await;
    }
    write(store, &Key::new("PART#AB", "ROW#000000000003"), None, Expect::Absent).await;
    let movements = ["ROW#000000000001", "ROW#000000000002", "ROW#000000000010"];
    check(store, &Listing::stored("PART#A", "ROW#"), &movements).await;
    check(store, &Listing::stored("PART#A", "ROW#000000000010"), &movements[2..]).await;
    let all = ["HEAD", "RO", movements[0], movements[1], movements[2], "ROX", "Ünï"];
    check(store, &Listing::stored("PART#A", ""), &all).await;
    check(store, &Listing::stored("PART#A", "X"), &[]).await;
    check(store, &Listing::stored("PART#", ""), &[]).await;
}

pub(super) async fn by_index<S: Store>(store: &S) {
    let key = |name: &str| Key::new(format!("ROW#{name}"), name);
    let entry = |order: &str| Some(Key::new("DUE", order));
    let due = index("DUE", 1_000);
    check(store, &due, &[]).await;
    for (name, order) in [("a", "3"), ("b", "1"), ("c", "2"), ("d", "2"), ("e", "2")] {
        write(store, &key(name), entry(order), Expect::Absent).await;
    }
    write(store, &key("other"), Some(Key::new("ELSE", "0")), Expect::Absent).await;
    write(store, &key("unlisted"), None, Expect::Absent).await;
    let first: Vec<String> = pages(store, due.clone()).await.concat();
    assert_eq!((first.len(), first[0].as_str(), first[4].as_str()), (5, "b", "a"), "in the order of the entries: {first:?}");
    let one_by_one = pages(store, Listing { limit: 1, ..due.clone() }).await.concat();
    assert_eq!(one_by_one, first, "equal entries are neither skipped nor repeated between pages");
    // Index entries appear, move and disappear together with their rows.
    write(store, &key("b"), None, Expect::Revision(1)).await;
    write(store, &key("a"), entry("0"), Expect::Revision(1)).await;
    write(store, &key("unlisted"), entry("9"), Expect::Revision(1)).await;
    write(store, &key("other"), Some(Key::new("DUE", "5")), Expect::Revision(1)).await;
    for name in ["c", "d"] {
        store.write(&[Write::Delete { key: key(name), expect: Expect::Revision(1) }]).await.expect("deleted");
    }
    check(store, &due, &["a", "e", "other", "unlisted"]).await;
    check(store, &index("ELSE", 10), &[]).await;
}

fn index(partition: &str, limit: usize) -> Listing {
    Listing { by_index: true, limit, ..Listing::stored(partition, "") }
}

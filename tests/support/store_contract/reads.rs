//! Reads by key: in the requested order, and each row as it was last written.

use promissory::ports::Store;
use promissory::table::{Expect, Key, Write};
use serde_json::{Value, json};

async fn put<S: Store>(store: &S, key: Key, body: Value) {
    store.write(&[Write::Put { key, body, index: None, expires_at: None, expect: Expect::Absent }]).await.expect("written");
}

/// Writes `there` rows and reads the numbers in `asked`, in order.
async fn check<S: Store>(store: &S, partition: &str, there: usize, asked: &[usize]) {
    for n in 0..there {
        put(store, Key::new(partition, n.to_string()), json!({ "n": n })).await;
    }
    let keys: Vec<Key> = asked.iter().map(|n| Key::new(partition, n.to_string())).collect();
    let found = store.get(&keys).await.expect("read");
    assert_eq!(found.len(), asked.len(), "{partition}");
    for (n, row) in asked.iter().zip(found) {
        let expected = (*n < there).then(|| (Key::new(partition, n.to_string()), 1, json!({ "n": n })));
        assert_eq!(row.map(|row| (row.key, row.revision, row.body)), expected, "{partition}: row {n} of {there}");
    }
}

pub(super) async fn suite<S: Store>(store: &S) {
    let odd_first: Vec<usize> = (0..250).filter(|n| n % 2 == 1).chain((0..250).filter(|n| n % 2 == 0)).collect();
    check(store, "one", 1, &[0]).await;
    check(store, "none", 0, &[0]).await;
    check(store, "no keys", 0, &[]).await;
    check(store, "backwards", 3, &[2, 1, 0]).await;
    check(store, "a miss between", 2, &[0, 7, 1]).await;
    check(store, "only misses", 0, &[1, 2, 3]).await;
    check(store, "a hundred", 100, &(0..100).collect::<Vec<_>>()).await;
    check(store, "one more", 101, &(0..101).rev().collect::<Vec<_>>()).await;
    check(store, "many, half of them misses", 125, &odd_first).await;
}

/// Content is stored without loss, including all digits and empty lists.
pub(super) async fn bodies<S: Store>(store: &S) {
    let bodies = [
        json!({}),
        json!({ "null": null, "yes": true, "empty": "", "none": [], "nothing": {} }),
        json!({ "large": i64::MAX, "small": i64::MIN, "whole": u64::MAX, "above 2^53": 9_007_199_254_740_993_u64 }),
        json!({ "deep": { "list": [{ "map": [1, "two", null] }] }, "dots.and#hashes@": "ünï — 货" }),
        json!({ "list": (0..1_000).collect::<Vec<_>>() }),
        // Large enough to be stored deflated.
        json!({ "lines": (0..2_000_i64).map(|n| json!({ "line": i64::MAX - n, "sku": "ünï — 货" })).collect::<Vec<_>>() }),
    ];
    for (n, body) in bodies.into_iter().enumerate() {
        let key = Key::new("body", n.to_string());
        put(store, key.clone(), body.clone()).await;
        let row = store.get(&[key]).await.expect("read").remove(0).expect("there");
        assert_eq!(row.body, body);
    }
}

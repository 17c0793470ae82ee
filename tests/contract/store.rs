//! The store port on DynamoDB.

use std::collections::BTreeSet;

use promissory::ports::{Listing, Store, WriteError};
use promissory::table::{Expect, IndexPartition, Key, MAX_WRITES, Write};
use promissory_simulation::roles::{needed_to_get, needed_to_list, needed_to_write};
use promissory_simulation::{Rng, SimStore};
use promissory_tests::{dynamo, store_contract};
use serde_json::json;

/// Protects the ledger's basic rule: a write happens only if the row is as expected, and a transaction is atomic.
#[tokio::test]
async fn writes_happen_by_condition_all_or_none() {
    store_contract::writes(&dynamo::table().store).await;
}

/// Protects decisions from mixed-up rows, and content from changes on the way.
#[tokio::test]
async fn rows_come_in_the_order_of_their_keys() {
    store_contract::reads(&dynamo::table().store).await;
}

/// Protects replay and audits: a listing returns all movements of a position, in order, and none of another position.
#[tokio::test]
async fn rows_are_listed_by_prefix_in_order() {
    store_contract::listings(&dynamo::table().store).await;
}

/// Protects rows that must be found by the index: an entry exists exactly as long as its row asks for it.
#[tokio::test]
async fn index_entries_follow_their_rows() {
    store_contract::index(&dynamo::table().store).await;
}

/// Protects the fields of newer code: a row that keeps them keeps their schema version.
#[tokio::test]
async fn rows_keep_the_schema_version_of_newer_fields() {
    store_contract::versions(&dynamo::table().store).await;
}

/// Protects the suite: all of its parts can run against one store.
#[tokio::test]
async fn all_parts_of_the_contract_run_against_one_store() {
    store_contract::all(&dynamo::table().store).await;
}

/// Protects the size limit: the maximum number of rows is written in one transaction, and one refused row stops them all.
#[tokio::test]
async fn the_maximum_number_of_writes_is_atomic() {
    let store = dynamo::table().store;
    let writes: Vec<Write> = (0..MAX_WRITES)
        .map(|n| Write::Put {
            key: Key::new("bound", format!("{n:03}")),
            body: json!({ "n": n }),
            index: None,
            expires_at: None,
            expect: Expect::Absent,
        })
        .collect();
    let keys: Vec<Key> = writes.iter().map(|write| write.key().clone()).collect();
    store.write(&writes).await.expect("a hundred rows at once");
    let again = store.write(&writes).await;
    let Err(WriteError::Refused(refusals)) = again else { panic!("expected a refusal, not {again:?}") };
    let refused: Vec<&Key> = refusals.iter().map(|refusal| &refusal.key).collect();
    assert_eq!(refused, keys.iter().collect::<Vec<_>>(), "every row in its place");
    let found = store.get(&keys).await.expect("read");
    assert!(found.iter().all(|row| row.as_ref().is_some_and(|row| row.revision == 1)));
}

/// Protects against partial writes after a programming error: an assertion refuses an empty or oversized list.
#[tokio::test]
async fn lists_outside_the_limit_are_refused() {
    for rows in [0, MAX_WRITES + 1] {
        let store = dynamo::table().store;
        let writes: Vec<Write> = (0..rows)
            .map(|n| Write::Put {
                key: Key::new("bound", n.to_string()),
                body: json!({}),
                index: None,
                expires_at: None,
                expect: Expect::Absent,
            })
            .collect();
        let writing = tokio::spawn(async move { store.write(&writes).await });
        assert!(writing.await.is_err_and(|error| error.is_panic()), "{rows} rows");
    }
}

/// Protects the simulator: its store keeps the same contract as DynamoDB.
#[tokio::test]
async fn the_simulated_store_keeps_the_same_contract() {
    let store = || SimStore::new(Rng::new(1));
    store_contract::writes(&store()).await;
    store_contract::reads(&store()).await;
    store_contract::listings(&store()).await;
    store_contract::index(&store()).await;
    store_contract::all(&store()).await;
}

/// Protects the roles in the simulator: a simulated call needs the permissions that the same call of DynamoDB needs.
#[tokio::test]
async fn the_simulated_store_needs_the_same_permissions() {
    let table = dynamo::table();
    // A function whose role has every permission on the table.
    let store = table.acting_as("Reconciler");
    let used = |needed: &[&str]| {
        let needed = needed.iter().map(|permission| format!("Reconciler uses {permission}")).collect::<Vec<_>>();
        assert_eq!(table.take_uses().into_iter().collect::<Vec<_>>(), needed);
    };
    let key = |name: &str| Key::new("permissions", name);
    let put = |name: &str| Write::Put { key: key(name), body: json!({}), index: None, expires_at: None, expect: Expect::Absent };
    let delete = |name: &str| Write::Delete { key: key(name), expect: Expect::Revision(1) };
    for keys in [&[][..], &[key("a")], &[key("a"), key("b")]] {
        store.get(keys).await.expect("read");
        used(needed_to_get(keys.len()).as_slice());
    }
    for writes in [&[put("a")][..], &[delete("a")], &[put("b"), put("c")], &[delete("c"), put("d")]] {
        store.write(writes).await.expect("written");
        used(&writes.iter().map(needed_to_write).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>());
    }
    for listing in [Listing::stored("permissions", ""), Listing::index(&IndexPartition::Deferred, 1)] {
        store.list(&listing).await.expect("listed");
        used(&[needed_to_list(&listing)]);
    }
}

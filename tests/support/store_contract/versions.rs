//! Schema versions: each way of reading a row returns the version with which it was written.

use promissory::ports::{Listing, Store, WriteError, list_all};
use promissory::table::{Expect, IndexPartition, Key, Record, SCHEMA_VERSION, Write};
use serde_json::json;

/// The row as reads by key, listings and refusals return it. They must agree.
async fn stored<S: Store>(store: &S, key: &Key) -> Record {
    let record = store.get(std::slice::from_ref(key)).await.expect("read").pop().flatten().expect("the row");
    let listed = list_all(store, Listing::stored(key.pk.as_str(), "")).await.expect("listed");
    let by_index = Listing { partition: key.pk.clone(), ..Listing::index(&IndexPartition::Items, 10) };
    let by_index = list_all(store, by_index).await.expect("listed");
    let refused = match store.write(&[put(key, Expect::Absent)]).await {
        Err(WriteError::Refused(refusals)) => refusals.into_iter().filter_map(|refusal| refusal.stored).collect(),
        other => panic!("the row exists, so the write is refused, not {other:?}"),
    };
    assert_eq!([listed, by_index, refused], [(); 3].map(|()| vec![record.clone()]));
    record
}

fn put(key: &Key, expect: Expect) -> Write {
    Write::Put {
        key: key.clone(),
        body: json!({ "after": expect.revision() }),
        index: Some(key.clone()),
        expires_at: None,
        expect,
    }
}

pub(super) async fn suite<S: Store>(store: &S) {
    let key = Key::new("VERSIONS", "row");
    store.write(&[put(&key, Expect::Absent)]).await.expect("written");
    let mut record = stored(store, &key).await;
    assert_eq!((record.revision, record.version), (1, SCHEMA_VERSION));
    record.version = SCHEMA_VERSION + 7;
    let mut expect = Expect::as_read(Some(&record));
    for revision in 2..5 {
        store.write(&[put(&key, expect)]).await.expect("written");
        record = stored(store, &key).await;
        assert_eq!((record.revision, record.version), (revision, SCHEMA_VERSION + 7), "a rewrite keeps the newer version");
        expect = Expect::as_read(Some(&record));
    }
    store.write(&[put(&key, Expect::Revision(4))]).await.expect("written");
    assert_eq!(stored(store, &key).await.version, SCHEMA_VERSION, "a row that is written anew has the version of this code");
}

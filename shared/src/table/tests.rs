//! Every kind of row is printed, parsed and described.

use std::collections::BTreeSet;

use strum::IntoEnumIterator;

use super::*;
use crate::alert::AlertSubject;
use crate::catalog::{MissingMapping, Resource};
use crate::ledger::Lane;
use crate::movement::{EventId, PositionKey};

/// Protects every reader of keys: each kind of row has an example, and what is printed is parsed as the same row.
#[test]
fn every_kind_of_row_has_an_example_that_is_parsed_as_it_was_printed() {
    let examples = examples();
    let kinds: Vec<RowKind> = examples.iter().map(|example| RowKind::from(&example.row)).collect();
    assert_eq!(kinds, RowKind::iter().collect::<Vec<_>>(), "one example of every kind, in order");
    let keys: BTreeSet<Key> = examples.iter().map(|example| example.row.key()).collect();
    assert_eq!(keys.len(), examples.len(), "no two are stored under the same key");
    for Example { row, .. } in examples {
        assert_eq!(RowKey::parse(&row.key()), Some(row.clone()), "{}", row.key());
    }
}

/// Protects rows whose names hold the separator of key segments.
#[test]
fn names_may_hold_any_text() {
    for text in ["#", "a#b", "%23", "%", "a@b", "x#in#y", "", "%2523#"] {
        let owned = || text.to_owned();
        for row in [
            RowKey::ShopItem { shop: "a.myshopify.com".parse().expect("a shop"), shop_sku: owned() },
            RowKey::SystemItem { system: "wms".to_owned(), code: owned() },
            RowKey::AppliedEvent(EventId::new(owned(), owned())),
            RowKey::Waiting {
                missing: MissingMapping::Item { system: "wms".to_owned(), code: owned() },
                name: format!("e{text}"),
            },
            RowKey::Waiting {
                missing: MissingMapping::Unit { system: "wms".to_owned(), code: owned(), unit: owned() },
                name: format!("e{text}"),
            },
            RowKey::Alert(AlertSubject::UnmappedItem { system: "wms".to_owned(), code: owned() }),
        ] {
            assert_eq!(RowKey::parse(&row.key()), Some(row.clone()), "{}", row.key());
            assert!(!row.key().pk.is_empty() && !row.key().sk.is_empty(), "DynamoDB takes no empty key: {row}");
        }
    }
    for no_row in ["", "ITEM", "ITEM#", "POS#A", "POS#A@b@", "of no kind"] {
        assert_eq!(RowKey::parse(&Key::new(no_row, "HEAD")), None, "{no_row:?}");
    }
}

/// Protects an item and a work centre of the same name from sharing a row.
#[test]
fn an_item_and_a_work_centre_have_rows_of_their_own() {
    let item = Resource::Item("centre".parse().expect("a SKU"));
    let centre = Resource::WorkCentre("centre".parse().expect("a code"));
    for row in [|of| RowKey::WhereUsed(of), |most_used| RowKey::Alert(AlertSubject::PlanTooLarge { most_used })] {
        let [item, centre] = [row(item.clone()), row(centre.clone())];
        assert_ne!(item.key(), centre.key());
        for row in [item, centre] {
            assert_eq!(RowKey::parse(&row.key()), Some(row));
        }
    }
}

/// Protects listings: rows and index entries are found where their partitions are listed.
#[test]
fn rows_are_listed_where_they_are_stored() {
    let shop = || "shop.myshopify.com".parse().expect("a shop");
    let of: PositionKey = "SERUM-30@WH-1".parse().expect("a position");
    let (system, feed) = ("wms-east".parse().expect("a system"), "stock".parse().expect("a feed"));
    for (partition, kind) in [
        (Partition::Movements(of.clone()), RowKind::Movement),
        (Partition::BillVersions(of.sku.clone()), RowKind::BillVersion),
        (Partition::Locations, RowKind::Location),
        (Partition::Shops, RowKind::Shop),
        (Partition::Systems, RowKind::System),
        (Partition::OrdersToRead(shop()), RowKind::OrderToRead),
        (Partition::Lane(Lane::Position(of)), RowKind::Deferred),
        (Partition::FullRefresh(system, feed), RowKind::FullRefresh),
        (Partition::Calls(shop()), RowKind::Call),
        (Partition::CompareReports(shop()), RowKind::CompareReport),
    ] {
        let (pk, prefix) = partition.key_and_prefix();
        let listed = |row: &RowKey| row.key().pk == pk && row.key().sk.starts_with(&prefix);
        let found: Vec<RowKind> = examples().iter().map(|it| &it.row).filter(|row| listed(row)).map(RowKind::from).collect();
        assert_eq!(found, [kind], "{partition:?}");
    }
    let missing = MissingMapping::Item { system: "wms".to_owned(), code: "A".to_owned() };
    let waits = IndexKey::Waiting { missing: missing.clone(), name: "e1".to_owned() }.key();
    assert_eq!(waits.pk, IndexPartition::Waiting.key());
    let prefixes = waiting_prefixes(&RowKey::Item("A".parse().expect("a SKU")));
    assert!(prefixes.iter().any(|prefix| waits.sk.starts_with(prefix)), "{prefixes:?} of {waits}");
    assert!(waits < IndexKey::after_all_waiting_for(&missing));
}

/// Protects `ats-recompute` from the stream records of rows that DynamoDB deletes, and jobs from entries of the index that disappear.
#[test]
fn a_row_that_expires_is_not_missed() {
    let mut expiring = 0;
    for Example { row, kept_from, .. } in examples() {
        let expires = row.retention() != Retention::Kept;
        expiring += usize::from(expires);
        assert_eq!(expires, !kept_from.is_empty(), "{row}");
        assert!(!(expires && row.streamed() == Streamed::WrittenOrRemoved), "the stream would deliver that {row} expired");
    }
    assert_eq!(expiring, 4);
    let of_system = RowKey::AppliedEvent(EventId::new("wms-east", "GR-4711"));
    assert_eq!(of_system.retention(), Retention::Kept, "a stock event may be sent again at any time");
}

/// Protects the filters of scans: their prefixes match exactly the rows that they are for.
#[test]
fn scans_find_the_rows_that_they_are_for() {
    for Example { row, .. } in examples() {
        let (key, kind) = (row.key(), RowKind::from(&row));
        let of_position = matches!(kind, RowKind::Position | RowKind::Movement);
        assert_eq!(key.pk.starts_with(scan::POSITIONS), of_position, "{row}");
        assert_eq!(key.sk.starts_with(scan::MOVEMENTS), kind == RowKind::Movement, "{row}");
        let of_catalog = matches!(
            kind,
            RowKind::Item
                | RowKind::ShopItem
                | RowKind::ListedVariant
                | RowKind::SystemItem
                | RowKind::Tier
                | RowKind::WorkCentre
                | RowKind::Location
                | RowKind::Bill
                | RowKind::BillVersion
                | RowKind::WhereUsed
                | RowKind::System
                | RowKind::Heartbeat
        );
        let scanned = scan::CATALOG_PREFIXES.iter().any(|prefix| key.pk.starts_with(prefix))
            || scan::CATALOG_PARTITIONS.contains(&key.pk.as_str());
        assert_eq!(scanned, of_catalog, "{row}");
    }
}

/// Protects every row from keys that DynamoDB rejects: the names of other systems have the lengths that their inputs allow.
#[test]
fn no_name_makes_a_key_too_long() {
    let shop = || "a.myshopify.com".parse().expect("a shop");
    for symbol in ["x", "#", "\u{1F9F4}"] {
        let (of_shop, code) = (symbol.repeat(1_000 / symbol.len()), symbol.repeat(128));
        let sku: crate::catalog::Sku = code.parse().expect("a SKU");
        let system = || "a-system-with-a-name-as-long-as-y".chars().take(32).collect::<String>();
        let item = || MissingMapping::Item { system: system(), code: code.clone() };
        let unit = || MissingMapping::Unit { system: system(), code: code.clone(), unit: code.clone() };
        let correction = || MissingMapping::Correction { system: system(), code: code.clone(), event: code.clone() };
        let of_shop_item = || MissingMapping::ShopItem { shop: shop(), shop_sku: of_shop.clone() };
        let location = || MissingMapping::Location { system: system(), code: code.clone() };
        let mut keys = vec![
            RowKey::ShopItem { shop: shop(), shop_sku: of_shop.clone() }.key(),
            RowKey::SystemItem { system: system(), code: code.clone() }.key(),
            RowKey::AppliedEvent(EventId::new(system(), code.clone())).key(),
            RowKey::Item(sku.clone()).key(),
            RowKey::Alert(AlertSubject::UnmappedSku { shop: shop(), shop_sku: of_shop.clone() }).key(),
            RowKey::Alert(AlertSubject::UnmappedItem { system: system(), code: code.clone() }).key(),
            IndexKey::Item(sku.clone()).key(),
        ];
        for missing in [item(), unit(), correction(), of_shop_item(), location()] {
            let row = RowKey::Waiting { missing: missing.clone(), name: code.clone() };
            keys.extend([row.key(), IndexKey::Waiting { missing, name: code.clone() }.key()]);
        }
        for key in keys {
            assert!(key.pk.len() <= 2_048 && key.sk.len() <= 1_024, "{} and {} bytes: {key}", key.pk.len(), key.sk.len());
            if let Some(row) = RowKey::parse(&key) {
                assert_eq!(row.key(), key, "what is parsed has the same key");
            }
        }
    }
    let long = |last: &str| RowKey::SystemItem { system: "wms".to_owned(), code: format!("{}{last}", "x".repeat(300)) }.key();
    assert_ne!(long("a"), long("b"), "two long names have two rows");
}

fn put(pk: &str, body: serde_json::Value) -> Write {
    Write::Put { key: Key::new(pk, "HEAD"), body, index: None, expires_at: None, expect: Expect::Absent }
}

/// Protects rows from the limits of DynamoDB: what exceeds one is found before the call, and a large body that repeats itself fits.
#[test]
fn a_row_that_can_never_be_written_is_found() {
    let text = |bytes: usize| serde_json::json!({ "text": "x".repeat(bytes) });
    // Text in which nothing repeats: digits of a linear congruence.
    let noise = |bytes: usize| {
        let mut state = 1_u64;
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'!' + u8::try_from((state >> 33) % 90).expect("below 90"))
        };
        serde_json::json!({ "text": std::iter::repeat_with(next).take(bytes).collect::<String>() })
    };
    let written = |write: &Write| stored_bodies(std::slice::from_ref(write)).map(|mut bodies| bodies.pop().flatten().is_some());
    assert_eq!(written(&put("A", text(2_000_000))), Ok(true), "it repeats itself");
    assert_eq!(written(&put("A", noise(300_000))), Ok(true));
    let error = written(&put("A", noise(700_000))).expect_err("it is too large");
    assert!(error.detail.contains("at most 409600"), "{error}");
    assert!(written(&put(&"p".repeat(2_049), text(1))).is_err_and(|error| error.detail.contains("2049")));
    let many: Vec<Write> = (0..20).map(|at| put(&at.to_string(), noise(300_000))).collect();
    assert!(stored_bodies(&many).is_err_and(|error| error.detail.contains("the transaction")));

    let body = serde_json::json!({ "units": 12, "exact": "0.10", "large": i64::MAX, "lines": vec!["a line of an order"; 2_000] });
    let write = put("A", body.clone());
    match stored_bodies(std::slice::from_ref(&write)).expect("it fits").pop().flatten() {
        Some(StoredBody::Deflated(bytes)) => {
            assert!(bytes.len() < 4_000, "{} bytes", bytes.len());
            assert_eq!(inflated(&bytes), Ok(body), "nothing is lost");
        }
        other => panic!("a large body is deflated, not {other:?}"),
    }
    assert!(inflated(b"no deflated body").is_err());
}

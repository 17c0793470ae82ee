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

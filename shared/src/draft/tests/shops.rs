//! Orders of several shops in one network: each goes live by itself, and a shop that is not live keeps what is reported.

use jiff::Timestamp;

use crate::catalog::{InventoryItemId, Item, ListedVariant, ShopDomain, ShopItem, ShopSettings, Sku, VariantId};
use crate::draft::EventOutcome;
use crate::draft::tests::{TestLedger, at, sku};
use crate::ledger::{LedgerEvent, OrderEvent};
use crate::movement::EventId;
use crate::order::OrderRecord;
use crate::order::tests::model::{Change, Model};
use crate::table::RowKey;

/// A ledger whose network has these settings of shops, each of which sells the item of the model.
fn ledger(settings: &[(&str, Option<Timestamp>)]) -> TestLedger {
    let mut ledger = TestLedger { second: 10, ..TestLedger::new() };
    ledger.put(&Item::new(sku("S1")));
    for (domain, _) in settings {
        let shop: ShopDomain = domain.parse().expect("a shop");
        let mapping =
            ShopItem { shop, shop_sku: "S1".to_owned(), sku: sku("S1"), inventory_item: InventoryItemId::new(1), variant: None };
        ledger.put(&mapping);
    }
    let live = |(domain, at): &(&str, Option<Timestamp>)| Some(ShopSettings::live_from(domain.parse().expect("a shop"), (*at)?));
    ledger.network = ledger.network.clone().with_shops(settings.iter().filter_map(live));
    ledger
}

/// Sends a webhook of the model's order under the name of a shop. Returns the number of movements, and the record.
fn send(ledger: &mut TestLedger, model: &Model, domain: &str) -> (usize, OrderRecord) {
    let shop: ShopDomain = domain.parse().expect("a shop");
    let mut snapshot = model.webhook();
    snapshot.shop = shop.clone();
    let key = RowKey::Order { shop, order: snapshot.order }.key();
    let id = EventId::new(format!("shopify:{domain}"), format!("{domain} {}", model.second));
    let event = OrderEvent { content: id.id.clone(), id, snapshot };
    let outcomes = ledger.take(&[(LedgerEvent::Order(Box::new(event)), None)]);
    let [EventOutcome::Applied { movements, .. }] = outcomes.as_slice() else { panic!("{outcomes:?}") };
    (*movements, ledger.rows[&key].decode().expect("a record"))
}

/// Protects a second shop: the same order at the same time moves in the shop that is live, and waits in the shops that are not yet,
/// or not at all. It is forwarded only where it is new.
#[test]
fn each_shop_goes_live_by_itself() {
    let shops = [
        ("old.myshopify.com", Some(at(-1)), 1, true),
        ("new.myshopify.com", Some(at(5)), 1, false),
        ("soon.myshopify.com", Some(at(11)), 0, true),
        ("none.myshopify.com", None, 0, true),
    ];
    let mut ledger = ledger(&shops.map(|(domain, at, ..)| (domain, at)));
    let mut model = Model::paid();
    model.second = 4;
    assert!(model.change(Change::Add { line: 1, units: 2 }), "possible");
    for (domain, _, movements, unforwarded) in shops {
        let (made, record) = send(&mut ledger, &model, domain);
        assert_eq!((made, record.unforwarded, record.unread), (movements, unforwarded, true), "{domain}");
        assert!(record.waits_to_be_read(), "{domain}");
    }
    // The facts of the third shop were kept: the next webhook after it went live reserves the units.
    ledger.second = 11;
    model.second = 6;
    let (made, record) = send(&mut ledger, &model, "soon.myshopify.com");
    assert_eq!((made, record.unforwarded), (1, false), "it was placed before");
    assert!(!ledger.rows.keys().any(|key| key.pk.starts_with("ALERT")), "no alert is raised");
}

/// Protects an item from the orders of another variant: a line is mapped by its variant first, and by its SKU only if no other
/// variant is listed with that SKU. What is not mapped raises an alert that a listing of the variant clears.
#[test]
fn a_line_is_mapped_by_its_variant_first() {
    let domain = "a.myshopify.com";
    let shop: ShopDomain = domain.parse().expect("a shop");
    // The listing of S1 has the first variant, or none; S2 is listed with the second variant, or not at all.
    for (first_known, second_listed, shop_sku, variant, item, alert) in [
        (true, false, "S1", Some(1), Some("S1"), None),
        (true, false, "S1", None, Some("S1"), None),
        (false, false, "S1", Some(2), Some("S1"), None),
        (true, false, "S1", Some(2), None, Some("unmapped_variant#a.myshopify.com#2")),
        (true, true, "S1", Some(2), Some("S2"), None),
        (true, false, "renamed", Some(1), Some("S1"), None),
        (true, false, "renamed", Some(3), None, Some("unmapped_sku#a.myshopify.com#renamed")),
        (true, true, "", Some(2), Some("S2"), None),
        (true, false, "", Some(2), None, Some("unmapped_variant#a.myshopify.com#2")),
    ] {
        let mut ledger = ledger(&[(domain, Some(at(-1)))]);
        ledger.put(&Item::new(sku("S2")));
        let mut list = |name: &str, number: u64| {
            let (shop, shop_sku, variant) = (shop.clone(), name.to_owned(), VariantId::new(number));
            ledger.put(&ListedVariant { shop: shop.clone(), variant, shop_sku: shop_sku.clone(), sku: sku(name) });
            let inventory_item = InventoryItemId::new(number);
            ledger.put(&ShopItem { shop, shop_sku, sku: sku(name), inventory_item, variant: Some(variant) });
        };
        if first_known {
            list("S1", 1);
        }
        if second_listed {
            list("S2", 2);
        }
        let mut model = Model::paid();
        model.second = 4;
        assert!(model.change(Change::Add { line: 1, units: 2 }), "possible");
        let mut snapshot = model.webhook();
        snapshot.shop = shop.clone();
        for line in snapshot.facts.iter_mut().flat_map(|facts| facts.lines.values_mut()) {
            (line.shop_sku, line.variant) = (shop_sku.to_owned(), variant.map(VariantId::new));
        }
        let key = RowKey::Order { shop: shop.clone(), order: snapshot.order }.key();
        let event = OrderEvent { content: "w".to_owned(), id: EventId::new("shopify:a.myshopify.com", "w"), snapshot };
        ledger.take(&[(LedgerEvent::Order(Box::new(event)), None)]);
        let record: OrderRecord = ledger.rows[&key].decode().expect("a record");
        let mapped = record.lines.values().find_map(|line| line.sku.as_ref().map(Sku::as_str));
        let alerts: Vec<String> = ledger
            .rows
            .keys()
            .filter_map(|key| match RowKey::parse(key) {
                Some(RowKey::Alert(subject)) => Some(subject.to_string()),
                Some(_) | None => None,
            })
            .collect();
        let case = format!("{shop_sku:?} of variant {variant:?}, first known {first_known}, second listed {second_listed}");
        assert_eq!((mapped, alerts), (item, alert.map(str::to_owned).into_iter().collect()), "{case}");
    }
}

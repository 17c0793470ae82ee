//! The target for webhook bodies, each of them under every topic: Shopify signs the body and not the topic.

use promissory::adapters::shopify::webhook::{MAX_LINES, MAX_SKU, WebhookContent, WebhookTopic, parse};
use promissory::alert::AlertSubject;
use promissory::catalog::{OrderId, Quantity, ShopDomain};
use promissory::order::{OrderRecord, OrderSnapshot, OrderToRead, WebhookNote};

use crate::{check_text, now};

/// The mark in the personal fields of the kept bodies.
const PERSONAL: &str = "Zephyrine";

/// Reads a body as that of a topic, which is any number modulo the number of topics.
///
/// # Panics
/// If a property does not hold.
pub fn webhook_body(topic: usize, bytes: &[u8]) {
    let names: Vec<&str> = WebhookTopic::names().collect();
    let name = names[topic % names.len()];
    let topic = WebhookTopic::from_header(name).expect("a known topic");
    let shop: ShopDomain = "example.myshopify.com".parse().expect("a shop");
    let read = parse(topic, &shop, bytes, now());
    assert_eq!(read, parse(topic, &shop, bytes, now()), "{name} is read twice in the same way");
    match read {
        Ok(WebhookContent::Order(snapshot)) => check_snapshot(&shop, &snapshot),
        Ok(WebhookContent::Note(note)) => check_note(&shop, &note),
        Err(error) => {
            let text = error.to_string();
            check_text(&text);
            assert!(!text.contains(PERSONAL), "{name}: a refusal holds a value of the body: {text}");
        }
    }
}

fn check_snapshot(shop: &ShopDomain, snapshot: &OrderSnapshot) {
    assert_eq!(&snapshot.shop, shop);
    let printed = serde_json::to_string(snapshot).expect("a snapshot is JSON");
    assert_eq!(serde_json::from_str::<OrderSnapshot>(&printed).ok().as_ref(), Some(snapshot), "it prints and parses to itself");
    assert!(!snapshot.order.is_draft(), "a webhook carries no draft order");
    assert_eq!(OrderId::from_gid(&snapshot.order.gid()), Some(snapshot.order));
    let most = Quantity::new(Quantity::MAX_INPUT);
    let in_range = |quantity: Quantity| Quantity::ZERO <= quantity && quantity <= most;
    if let Some(facts) = &snapshot.facts {
        assert!(facts.lines.len() <= MAX_LINES);
        for line in facts.lines.values() {
            assert!(line.shop_sku.len() <= MAX_SKU);
            assert!(in_range(line.ordered) && in_range(line.open) && line.current.is_none_or(in_range), "{line:?}");
        }
        assert_eq!(facts.queried_at, None, "a webhook is no answer to a query");
        assert_eq!(facts.reserves_until, None, "only a draft that was read reserves until a time");
    }
    assert!(snapshot.routing.is_none() && snapshot.dispositions.is_empty(), "only a query reports these");
    for refund in snapshot.refunds.values() {
        assert!(refund.lines.len() <= MAX_LINES && refund.lines.iter().all(|line| in_range(line.quantity)));
    }
    for fulfilment in snapshot.fulfilments.values() {
        assert!(fulfilment.lines.len() <= MAX_LINES && fulfilment.lines.values().all(|units| Quantity::ZERO <= *units));
    }
    let mut once = OrderRecord::new(snapshot.shop.clone(), snapshot.order);
    once.merge(snapshot);
    let mut twice = once.clone();
    twice.merge(snapshot);
    assert_eq!(once, twice, "a second merge changes nothing");
}

fn check_note(shop: &ShopDomain, note: &WebhookNote) {
    if let Some(order) = &note.order_to_read {
        assert_eq!(&order.shop, shop);
        assert!(OrderToRead::is_gid(&order.gid), "{:.200} can be read", order.gid);
        let number = order.gid.rsplit('/').next().unwrap_or_default();
        let parsed: u64 = number.parse().expect("a gid ends with a number");
        assert_eq!(parsed.to_string(), number, "each object has one gid");
    }
    if let Some((subject, detail)) = &note.alert {
        check_text(detail);
        assert!(!detail.contains(PERSONAL), "an alert holds a value of the body: {detail}");
        assert!(matches!(subject, AlertSubject::LocationClosed { .. } | AlertSubject::AppRemoved { .. }), "{subject:?}");
    }
}

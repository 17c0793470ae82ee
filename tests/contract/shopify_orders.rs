//! Orders read by query: every order, complete, and equal to its webhook.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use promissory::adapters::shopify::Shopify;
use promissory::adapters::shopify::webhook::{WebhookContent, WebhookTopic, parse};
use promissory::catalog::{LineId, OrderId, Quantity, ShopDomain};
use promissory::order::OrderSnapshot;
use promissory::ports::Storefront;
use promissory::storefront::{ListedOrder, OrderSearch};
use promissory_fakes::shopify::{
    Cart, DeliveryPlan, Disposal, LineId as ShopLine, NewItem, OrderId as ShopOrder, RefundInput, RefundLine, Restock, Shop,
};
use promissory_tests::shop::location_id;
use promissory_tests::webhook::SHOP;

use crate::served::{Served, patient, serve, world_of_now};

async fn running() -> (Served, Shopify, ShopDomain) {
    let running = serve(&world_of_now().await, patient()).await;
    let front = running.front();
    (running, front, SHOP.parse().expect("a shop"))
}

fn at(seconds: i64) -> Timestamp {
    let noon: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a valid time");
    noon + SignedDuration::from_secs(seconds)
}

/// Adds items, each with 100 units at the first location and 50 at the second.
fn add_items(shop: &mut Shop, count: usize) -> Vec<String> {
    let names: Vec<String> = (0..count).map(|n| format!("ITEM-{n:03}")).collect();
    for name in &names {
        let item = shop.add_item(NewItem::tracked(name)).expect("a new item");
        for (location, available) in [("WH-1", 100), ("3PL-1", 50), ("STORE-1", 5)] {
            shop.stock(at(0), item, location_id(location), available, true).expect("known");
        }
    }
    names
}

async fn all(front: &Shopify, shop: &ShopDomain, search: OrderSearch) -> (Vec<ListedOrder>, usize) {
    let (mut orders, mut pages, mut after) = (Vec::new(), 0, None);
    loop {
        let page = front.orders_updated(shop, search, after.as_deref()).await.expect("a page");
        pages += 1;
        orders.extend(page.orders);
        match page.next {
            Some(next) => after = Some(next),
            None => return (orders, pages),
        }
    }
}

/// Protects the sweep: over many pages it reads each order once, from the given time on, in the order of the last change.
#[tokio::test]
async fn changed_orders_come_page_by_page() {
    let (running, front, shop) = running().await;
    let placed: Vec<ShopOrder> = running.server.shop(|shop| {
        add_items(shop, 1);
        (0..137).map(|n| shop.checkout(at(n / 2), &[("ITEM-000", 1)]).expect("placed")).collect()
    });
    // The first order changes last.
    running.server.shop(|shop| shop.cancel(at(1_000), placed[0]).expect("cancelled"));
    let number = |id: &ShopOrder| OrderId::new(u64::try_from(id.0).expect("above zero"));
    let mut expected: Vec<OrderId> = placed[1..].iter().map(number).collect();
    expected.push(number(&placed[0]));
    let (orders, pages) = all(&front, &shop, OrderSearch::default()).await;
    assert_eq!(orders.iter().map(|listed| listed.order).collect::<Vec<_>>(), expected);
    assert!(orders.is_sorted_by_key(|listed| listed.updated_at) && pages == 1);
    for (since, count) in [(0, 137), (5, 128), (6, 126), (68, 2), (69, 1), (1_000, 1), (1_001, 0)] {
        // A fraction of a second must not pass an order of that second.
        for since in [at(since), at(since) + SignedDuration::from_nanos(123_456_789)] {
            let (orders, _) = all(&front, &shop, OrderSearch { since: Some(since), open_before: None, drafts: false }).await;
            assert_eq!(orders.len(), count, "orders changed since {since}");
        }
    }
}

/// Protects a shop that goes live from its history: a search for what was open before a time finds no order that is shipped,
/// cancelled, archived, or was changed later.
#[tokio::test]
async fn only_open_orders_are_found_before_a_time() {
    let (running, front, shop) = running().await;
    let placed: Vec<ShopOrder> = running.server.shop(|shop| {
        add_items(shop, 1);
        let placed: Vec<ShopOrder> = (0..7).map(|n| shop.checkout(at(n), &[("ITEM-000", 2)]).expect("placed")).collect();
        let line = shop.order(placed[1]).expect("placed").lines[0].id;
        let routed = shop.order(placed[2]).expect("placed").fulfilment_orders[0].id;
        shop.fulfil(at(100), placed[0], None).expect("shipped");
        shop.fulfil(at(101), placed[1], Some(&[(line, 1)])).expect("shipped in part");
        shop.hold(at(102), routed).expect("on hold");
        shop.cancel(at(103), placed[3]).expect("cancelled");
        shop.archive(at(104), placed[4]).expect("archived");
        let moved = shop.order(placed[5]).expect("placed").fulfilment_orders[0].id;
        shop.move_fulfilment_order(at(201), moved, location_id("3PL-1")).expect("changed later");
        placed
    });
    let (orders, _) = all(&front, &shop, OrderSearch { since: None, open_before: Some(at(200)), drafts: false }).await;
    let found: Vec<u64> = orders.iter().map(|listed| listed.order.number()).collect();
    assert_eq!(found, [6, 1, 2].map(|n: usize| u64::try_from(placed[n].0).expect("above zero")), "the oldest change first");
    assert!(orders.iter().all(|listed| !listed.fulfilled));
    let (all, _) = all(&front, &shop, OrderSearch { since: Some(at(100)), open_before: None, drafts: false }).await;
    assert_eq!(all.iter().map(|listed| listed.fulfilled).collect::<Vec<_>>(), [true, false, false, false, false, false]);
}

/// Protects units that drafts reserve: a draft is read with all its lines while it reserves, without any when it does not, and with
/// the order that it became.
#[tokio::test]
async fn drafts_are_read_with_what_they_reserve() {
    let (running, front, shop) = running().await;
    let later: Timestamp = "2999-01-01T00:00:00Z".parse().expect("a valid time");
    let (drafts, order) = running.server.shop(|shop| {
        let names = add_items(shop, 120);
        let lines: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), 2)).collect();
        let mut draft = |second, lines, until| shop.create_draft(at(second), lines, until).expect("a draft");
        let drafts = [
            draft(1, &lines, Some(later)),
            draft(2, &lines[..1], None),
            draft(3, &lines[..1], Some(at(4))),
            draft(5, &lines[..1], Some(later)),
        ];
        let order = shop.complete_draft(at(6), drafts[3]).expect("an order");
        (drafts, order)
    });
    let ids = drafts.map(|draft| OrderId::from_draft_gid(&draft.gid()).expect("a draft"));
    let search = |since| OrderSearch { since, open_before: None, drafts: true };
    for (since, expected) in [(None, &ids[..3]), (Some(at(2)), &ids[1..]), (Some(at(7)), &[])] {
        let (listed, _) = all(&front, &shop, search(since)).await;
        assert_eq!(listed.iter().map(|listed| listed.order).collect::<Vec<_>>(), expected, "since {since:?}");
        assert!(listed.iter().all(|listed| listed.fulfilled == (listed.order != ids[0])), "only the first reserves");
    }
    let became = OrderId::from_gid(&order.gid());
    for (id, lines, until, became) in
        [(ids[0], 120, Some(later), None), (ids[1], 0, None, None), (ids[2], 0, None, None), (ids[3], 0, None, became)]
    {
        let read = front.order(&shop, id).await.expect("an answer").expect("a draft");
        let facts = read.snapshot.expect("readable").facts.expect("the whole draft");
        assert_eq!((facts.lines.len(), facts.reserves_until, read.became), (lines, until, became), "{id}");
        assert!(facts.lines.values().all(|line| line.open == Quantity::new(2)) && read.sales.is_none(), "{id}");
    }
    assert_eq!(front.order(&shop, OrderId::Draft(1)).await.expect("an answer"), None);
}

/// Protects the components of a bundle in a draft: they are reserved in the place of the bundle, in their whole number, whether Shopify
/// answers the number of the line or that of one bundle.
#[tokio::test]
async fn a_bundle_in_a_draft_is_read_as_its_components() {
    for per_bundle in [false, true] {
        let (running, front, shop) = running().await;
        let later: Timestamp = "2999-01-01T00:00:00Z".parse().expect("a valid time");
        let draft = running.server.shop(|shop| {
            let names = add_items(shop, 3);
            let components = vec![(names[0].clone(), 1), (names[1].clone(), 2)];
            shop.add_item(NewItem { components, ..NewItem::tracked("SET") }).expect("new");
            shop.faults.components_per_bundle = per_bundle;
            shop.create_draft(at(1), &[("SET", 3), (&names[2], 5), (&names[0], 1)], Some(later)).expect("a draft")
        });
        let id = OrderId::from_draft_gid(&draft.gid()).expect("a draft");
        let read = front.order(&shop, id).await.expect("an answer").expect("a draft");
        let facts = read.snapshot.expect("readable").facts.expect("the whole draft");
        let mut lines: Vec<String> = facts.lines.values().map(|line| format!("{} {}", line.shop_sku, line.open)).collect();
        lines.sort();
        assert_eq!(lines, ["ITEM-000 1", "ITEM-000 3", "ITEM-001 6", "ITEM-002 5"], "per bundle: {per_bundle}");
    }
}

/// Makes an order and changes it. The query must return the content of its last webhook.
async fn check(case: &str, live: impl FnOnce(&mut Shop) -> ShopOrder) -> OrderSnapshot {
    let (running, front, shop) = running().await;
    let order = running.server.shop(live);
    let deliveries = running.server.shop(|shop| shop.outbox().take(&DeliveryPlan::default()));
    let topics = ["orders/create", "orders/updated", "orders/cancelled"];
    let last = deliveries
        .iter()
        .map(|(delivery, _)| delivery)
        .rfind(|delivery| delivery.order == order && topics.contains(&delivery.topic.name()))
        .unwrap_or_else(|| panic!("{case}: a delivery"));
    let sent = match parse(WebhookTopic::Order, &shop, &last.body, at(0)).unwrap_or_else(|error| panic!("{case}: {error}")) {
        WebhookContent::Order(sent) => sent,
        WebhookContent::Note(note) => panic!("{case}: {note:?}"),
    };
    let read = front.order(&shop, sent.order).await.expect("an answer").unwrap_or_else(|| panic!("{case}: the order"));
    let read = read.snapshot.unwrap_or_else(|reason| panic!("{case}: {reason}"));
    let mut expected = sent.clone();
    let facts = expected.facts.as_mut().expect("the whole order");
    facts.queried_at = read.facts.as_ref().and_then(|facts| facts.queried_at);
    assert!(facts.queried_at.is_some(), "{case}: the answer lacks its time");
    let open: BTreeMap<LineId, Quantity> =
        facts.lines.iter().filter(|(_, line)| line.open.is_positive()).map(|(id, line)| (*id, line.open)).collect();
    let routed = read.routing.as_ref().expect("routing").open.iter().map(|(id, places)| (*id, places.values().copied().sum()));
    assert_eq!(routed.collect::<BTreeMap<LineId, Quantity>>(), open, "{case}: every open unit is routed");
    // Only a query returns the dispositions of returned units.
    expected.dispositions.clone_from(&read.dispositions);
    assert_eq!(OrderSnapshot { routing: None, ..read.clone() }, expected, "{case}");
    read
}

fn lines(names: &[String], quantity: i64) -> Vec<(&str, i64)> {
    names.iter().map(|name| (name.as_str(), quantity)).collect()
}

/// Ships units of some lines of an order.
fn ship(shop: &mut Shop, second: i64, order: ShopOrder, picked: impl Fn(usize) -> bool, units: i64) {
    let found = shop.order(order).expect("placed");
    let lines: Vec<(ShopLine, i64)> =
        found.lines.iter().enumerate().filter(|(n, _)| picked(*n)).map(|(_, line)| (line.id, units)).collect();
    shop.fulfil(at(second), order, Some(&lines)).expect("shipped");
}

/// Protects the single code path: a webhook and the sweep read an order alike, whatever its size and state.
#[tokio::test]
async fn an_order_is_read_as_its_webhook_says() {
    check("a plain order", |shop| {
        add_items(shop, 1);
        shop.checkout(at(1), &[("ITEM-000", 2)]).expect("placed")
    })
    .await;
    let large = check("sixty lines", |shop| {
        let names = add_items(shop, 60);
        shop.checkout(at(1), &lines(&names, 1)).expect("placed")
    })
    .await;
    assert_eq!(large.facts.map(|facts| facts.lines.len()), Some(60));
    let parts = check("seven fulfilments", |shop| {
        let names = add_items(shop, 3);
        let order = shop.checkout(at(1), &lines(&names, 9)).expect("placed");
        for n in 0..7 {
            ship(shop, 2 + n, order, |_| true, 1);
        }
        order
    })
    .await;
    assert_eq!(parts.fulfilments.len(), 7);
    let both = check("sixty lines, shipped from two locations in parts", |shop| {
        let names = add_items(shop, 60);
        let order = shop.checkout(at(1), &lines(&names, 120)).expect("placed");
        for (n, units) in [(2, 1), (3, 60), (4, 30)] {
            ship(shop, n, order, |_| true, units);
        }
        ship(shop, 5, order, |line| line < 30, 29);
        order
    })
    .await;
    let shipped: BTreeSet<usize> = both.fulfilments.values().map(|fulfilment| fulfilment.lines.len()).collect();
    assert!(both.fulfilments.len() > 3 && shipped.contains(&60), "{shipped:?}");
    check("cancelled", |shop| {
        add_items(shop, 1);
        let order = shop.checkout(at(1), &[("ITEM-000", 2)]).expect("placed");
        shop.cancel(at(2), order).expect("cancelled");
        order
    })
    .await;
    check("units removed", |shop| {
        add_items(shop, 1);
        let order = shop.checkout(at(1), &[("ITEM-000", 5)]).expect("placed");
        let line = shop.order(order).expect("placed").lines[0].id;
        shop.remove_line_quantity(at(2), order, line, 2).expect("removed");
        order
    })
    .await;
    for (case, unconfirmed, sold_in_store) in [("sold in a store", false, true), ("unconfirmed", true, false)] {
        check(case, |shop| {
            add_items(shop, 1);
            shop.add_item(NewItem { gift_card: true, untracked: true, ..NewItem::tracked("GIFT") }).expect("a new item");
            let location = sold_in_store.then(|| location_id("STORE-1"));
            let lines = vec![("ITEM-000".to_owned(), 1), ("GIFT".to_owned(), 1)];
            shop.checkout_cart(at(1), &Cart { lines, location, unconfirmed, ..Cart::default() }).expect("placed")
        })
        .await;
    }
}

/// Protects refunds and returns of more than one page: each refund and each returned line is read once.
#[tokio::test]
async fn all_refunds_and_returns_are_read() {
    let refunded = check("twelve refunds, the last of thirty lines", |shop| {
        let names = add_items(shop, 30);
        let order = shop.checkout(at(1), &lines(&names, 20)).expect("placed");
        let of = |shop: &Shop, n: usize| shop.order(order).expect("placed").lines[n].id;
        let restock = |line| RefundLine { line, quantity: 1, restock: Restock::Cancel, location: None };
        for n in 0..11 {
            let lines = vec![restock(of(shop, n))];
            shop.refund(at(2 + i64::try_from(n).expect("small")), order, &RefundInput { lines, return_id: None })
                .expect("refunded");
        }
        let lines = (0..30).map(|n| restock(of(shop, n))).collect();
        shop.refund(at(20), order, &RefundInput { lines, return_id: None }).expect("refunded");
        order
    })
    .await;
    let sizes: Vec<usize> = refunded.refunds.values().map(|refund| refund.lines.len()).collect();
    assert_eq!((sizes.len(), sizes.iter().max()), (12, Some(&30)));
    let returned = check("seven returns, the last of thirty lines", |shop| {
        let names = add_items(shop, 30);
        let order = shop.checkout(at(1), &lines(&names, 20)).expect("placed");
        shop.fulfil(at(2), order, None).expect("shipped");
        for n in 0..7 {
            let found = shop.order(order).expect("placed");
            let some: Vec<(ShopLine, i64)> =
                found.lines.iter().take(if n == 6 { 30 } else { 1 }).map(|line| (line.id, 1)).collect();
            let back = shop.request_return(at(3 + n), order, &some).expect("asked for");
            shop.approve_return(at(3 + n), back).expect("approved");
            for (line, units) in some {
                shop.dispose(at(3 + n), back, line, units, location_id("WH-1"), Disposal::Restocked).expect("disposed");
            }
        }
        // A change of the whole order after the last return.
        let line = shop.order(order).expect("placed").lines[29].id;
        let lines = vec![RefundLine { line, quantity: 1, restock: Restock::NoRestock, location: None }];
        shop.refund(at(60), order, &RefundInput { lines, return_id: None }).expect("refunded");
        order
    })
    .await;
    assert_eq!(returned.dispositions.len(), 36);
}

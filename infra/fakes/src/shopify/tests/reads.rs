//! Queries with our documents: levels, orders by their last change, lines and fulfilments, page by page.

use super::*;

/// Protects repair: all quantities on hand come together, each with its own time, for the given items in the given order.
#[test]
fn levels_come_with_both_quantities() {
    let mut f = fixture();
    f.shop.checkout(at(60), &[("BOARD", 2)]).expect("placed");
    f.shop.stock(at(0), f.board, f.retail, 0, false).expect("known");
    let body = f.call(at(61), LEVELS, &json!({ "ids": [ItemId(1).gid(), f.board.gid(), "gid://shopify/Product/1"] }));
    let level = |location: LocationId, updated: &str, available: i64, committed: (i64, &str)| {
        json!({
            "isActive": location != f.retail, "updatedAt": updated, "location": { "id": location.gid() },
            "quantities": [
                { "name": "available", "quantity": available, "updatedAt": updated },
                { "name": "committed", "quantity": committed.0, "updatedAt": committed.1 },
                { "name": "reserved", "quantity": 0, "updatedAt": "2026-11-21T12:00:00Z" },
                { "name": "damaged", "quantity": 0, "updatedAt": "2026-11-21T12:00:00Z" },
                { "name": "quality_control", "quantity": 0, "updatedAt": "2026-11-21T12:00:00Z" },
                { "name": "safety_stock", "quantity": 0, "updatedAt": "2026-11-21T12:00:00Z" },
            ],
        })
    };
    let (noon, later) = ("2026-11-21T12:00:00Z", "2026-11-21T12:01:00Z");
    let levels = json!({
        "nodes": [level(f.main, later, 3, (2, later)), level(f.annex, noon, 3, (0, noon)), level(f.retail, noon, 0, (0, noon))],
        "pageInfo": { "hasNextPage": false, "endCursor": body["data"]["nodes"][1]["inventoryLevels"]["pageInfo"]["endCursor"] },
    });
    let item = json!({ "id": f.board.gid(), "tracked": true, "inventoryLevels": levels });
    assert_eq!(body["data"], json!({ "nodes": [null, item, null] }), "the level at the retail location is shown as inactive");
}

const VARIANTS: &str = "query VariantsPage($after: String) {
  productVariants(first: 25, after: $after) { nodes { inventoryItem { id } } pageInfo { hasNextPage endCursor } }
}";

/// Protects an item at many locations: a query finds the levels beyond a page behind the cursor of the page.
#[test]
fn levels_beyond_a_page_are_read_one_item_at_a_time() {
    let mut f = fixture();
    for n in 0..12 {
        let id = f.shop.add_location(NewLocation { id: None, name: format!("Shop {n}"), fulfils_online: true }).expect("new");
        f.shop.stock(at(0), f.board, id, n, true).expect("known");
    }
    let first = f.call(at(1), LEVELS, &json!({ "ids": [f.board.gid()] }))["data"]["nodes"][0]["inventoryLevels"].clone();
    let variables = json!({ "id": f.board.gid(), "after": first["pageInfo"]["endCursor"] });
    let rest = f.call(at(1), LEVELS_OF_ONE, &variables)["data"]["inventoryItem"]["inventoryLevels"].clone();
    let places = |page: &Value| {
        page["nodes"]
            .as_array()
            .expect("nodes")
            .iter()
            .map(|node| node["location"]["id"].as_str().expect("an id").to_owned())
            .collect::<Vec<_>>()
    };
    let all: Vec<String> = f.shop.locations().map(|location| location.id.gid()).collect();
    assert_eq!((first["pageInfo"]["hasNextPage"].clone(), [places(&first), places(&rest)].concat()), (json!(true), all));
}

/// Protects the full sweep of inventory: every item is on exactly one page, in the order of ids, and the pages end.
#[test]
fn inventory_is_read_page_by_page() {
    let mut f = fixture();
    for n in 0..60 {
        f.item(NewItem::tracked(&format!("SKU-{n}")));
    }
    let (mut after, mut seen, mut pages) = (Value::Null, Vec::new(), 0);
    loop {
        let body = f.call(at(1), VARIANTS, &json!({ "after": after }));
        let page = &body["data"]["productVariants"];
        let nodes = page["nodes"].as_array().expect("nodes");
        seen.extend(nodes.iter().map(|node| node["inventoryItem"]["id"].as_str().expect("an id").to_owned()));
        pages += 1;
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    let expected: Vec<String> = f.shop.items().map(|item| item.id.gid()).collect();
    assert_eq!((pages, seen), (3, expected));
}

fn sweep(f: &mut Fixture, query: &str, mut between: impl FnMut(&mut Fixture, usize)) -> Vec<Vec<String>> {
    let (mut after, mut pages) = (Value::Null, Vec::new());
    loop {
        let body = f.call(at(1_000), ORDERS, &json!({ "query": query, "after": after }));
        let page = &body["data"]["orders"];
        let nodes = page["nodes"].as_array().unwrap_or_else(|| panic!("orders in {body}"));
        pages.push(nodes.iter().map(|node| node["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>());
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            return pages;
        }
        after = page["pageInfo"]["endCursor"].clone();
        between(f, pages.len());
    }
}

fn with_orders(count: i64) -> (Fixture, Vec<String>) {
    let mut f = fixture();
    f.shop.stock(at(0), f.board, f.main, 1_000, true).expect("known");
    // The shop gets two orders per second, so that a page can end between two orders of one second.
    let ids = (0..count).map(|n| f.shop.checkout(at(n / 2), &[("BOARD", 1)]).expect("placed").gid()).collect();
    (f, ids)
}

/// Protects the sweep: it returns 25 orders in pages of ten, each once, the oldest change first.
#[test]
fn orders_are_swept_in_the_order_of_their_changes() {
    let (mut f, ids) = with_orders(25);
    let pages = sweep(&mut f, "updated_at:>='2026-11-21T12:00:00Z'", |_, _| {});
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5]);
    assert_eq!(pages.concat(), ids);
}

/// Protects a running sweep: an order that changes between two pages comes again at the end, and no order is left out.
#[test]
fn an_order_that_changes_while_it_is_swept_comes_again() {
    let (mut f, ids) = with_orders(25);
    let first = OrderId::parse(&ids[0]).expect("a gid");
    let seen = sweep(&mut f, "", |f, page| {
        if page == 1 {
            f.shop.cancel(at(500), first).expect("open");
        }
    });
    let mut expected = ids.clone();
    expected.push(ids[0].clone());
    assert_eq!(seen.concat(), expected);
}

/// Protects sweeps from a search that is late: a search contains a change only after its lag, and the older place of the order until
/// then, while a query by id has the change at once.
#[test]
fn a_search_may_be_late_and_a_query_by_id_is_not() {
    let (mut f, ids) = with_orders(2);
    let found = |f: &mut Fixture, now: i64, query: &str| {
        let body = f.call(at(now), ORDERS, &json!({ "query": query }));
        body["data"]["orders"]["nodes"].as_array().expect("orders").iter().map(|node| node["id"].clone()).collect::<Vec<_>>()
    };
    let first = OrderId::parse(&ids[0]).expect("a gid");
    let late = f.shop.checkout(at(90), &[("BOARD", 1)]).expect("placed");
    assert_eq!(found(&mut f, 90, "updated_at:>='2026-11-21T12:01:00Z'").len(), 1);
    f.shop.faults = Faults { search_lag: 3_600, late_in_search: [(late, 60)].into(), ..Faults::default() };
    f.shop.cancel(at(100), first).expect("open");
    f.shop.fulfil(at(100), late, None).expect("open");
    let unseen = f.shop.checkout(at(100), &[("BOARD", 1)]).expect("placed");
    let since = "updated_at:>='2026-11-21T12:01:35Z'";
    assert_eq!(found(&mut f, 101, since), [json!(null); 0]);
    assert_eq!(found(&mut f, 101, "").len(), 3, "the first order is found under its older change");
    assert_eq!(found(&mut f, 160, since), [json!(late.gid())]);
    assert_eq!(found(&mut f, 3_699, since), [json!(late.gid())]);
    assert_eq!(found(&mut f, 3_700, since).len(), 3);
    assert!(f.shop.order(unseen).is_some());
    f.shop.assert_sound();
}

/// Protects the watermark: the filter works on whole seconds with the bounds as written, and an unsupported term is an error.
#[test]
fn orders_are_filtered_by_their_change() {
    let rows: [(&str, Option<usize>); 17] = [
        ("", Some(10)),
        ("status:open", Some(8)),
        ("NOT fulfillment_status:fulfilled", Some(9)),
        ("updated_at:<='2026-11-21T12:00:03Z' AND status:open AND -fulfillment_status:fulfilled", Some(7)),
        ("fulfillment_status:unfulfilled", None),
        ("NOT status:open", None),
        ("updated_at:>='2026-11-21T12:00:03Z'", Some(4)),
        ("updated_at:>='2026-11-21T12:00:02.5Z'", Some(4)),
        ("updated_at:>'2026-11-21T12:00:03Z'", Some(2)),
        ("updated_at:<='2026-11-21T12:00:03Z'", Some(8)),
        ("updated_at:<2026-11-21T12:00:03Z", Some(6)),
        ("updated_at:2026-11-21T12:00:03Z", Some(2)),
        ("updated_at:>='2026-11-21T07:00:03-05:00' AND updated_at:<'2026-11-21T12:00:04Z'", Some(2)),
        ("updated_at:>='2027-01-01T00:00:00Z'", Some(0)),
        ("updated_at:>=yesterday", None),
        ("created_at:>='2026-11-21T12:00:00Z'", None),
        ("updated_at:~'2026-11-21T12:00:00Z'", None),
    ];
    for (query, expected) in rows {
        let (mut f, ids) = with_orders(10);
        let id = |n: usize| OrderId::parse(&ids[n]).expect("a gid");
        f.shop.fulfil(at(4), id(8), None).expect("open");
        f.shop.cancel(at(4), id(9)).expect("open");
        f.shop.archive(at(3), id(7)).expect("open");
        let body = f.call(at(1_000), ORDERS, &json!({ "query": query }));
        assert_eq!(body["data"]["orders"]["nodes"].as_array().map(Vec::len), expected, "{query}: {body}");
    }
}

/// Protects the snapshot: a read of an order has the units ordered, the units left, and the shipments with their locations.
#[test]
fn an_order_is_read_with_its_lines_and_fulfilments() {
    let mut f = fixture();
    let id = f.shop.checkout(at(1), &[("BOARD", 5)]).expect("placed");
    let line = f.shop.order(id).expect("placed").lines[0].id;
    f.shop.remove_line_quantity(at(2), id, line, 1).expect("one of five");
    let shipped = f.shop.fulfil(at(3), id, Some(&[(line, 3)])).expect("three of four");
    let body = f.call(at(4), ORDERS, &json!({ "query": "" }));
    let line_node = json!({
        "id": line.gid(), "sku": "BOARD", "quantity": 5, "currentQuantity": 4, "unfulfilledQuantity": 1, "isGiftCard": false,
    });
    let seen = &body["data"]["orders"]["nodes"][0];
    let end = |connection: &Value| json!({ "hasNextPage": false, "endCursor": connection["pageInfo"]["endCursor"] });
    let fulfilment_lines = json!({
        "nodes": [{ "quantity": 3, "lineItem": { "id": line.gid() } }],
        "pageInfo": end(&seen["fulfillments"][0]["fulfillmentLineItems"]),
    });
    let fulfilments = json!([{
        "id": shipped[0].gid(), "status": "SUCCESS", "updatedAt": "2026-11-21T12:00:03Z", "location": { "id": f.main.gid() },
        "fulfillmentLineItems": fulfilment_lines,
    }]);
    let order = json!({
        "id": id.gid(), "updatedAt": "2026-11-21T12:00:03Z", "cancelledAt": null, "confirmed": true, "retailLocation": null,
        "lineItems": { "nodes": [line_node], "pageInfo": end(&seen["lineItems"]) },
        "fulfillmentsCount": { "count": 1 }, "fulfillments": fulfilments,
    });
    assert_eq!(body["data"]["orders"]["nodes"], json!([order]));
    let all = f.call(at(4), ORDER_FULFILMENTS, &json!({ "id": id.gid() }));
    assert_eq!(all["data"]["order"]["fulfillments"], fulfilments);
    let lines = f.call(at(4), ORDER_LINES, &json!({ "id": id.gid() }));
    assert_eq!(lines["data"]["order"]["lineItems"]["nodes"], json!([line_node]));
    let lines = f.call(at(4), FULFILMENT, &json!({ "id": shipped[0].gid() }));
    assert_eq!(lines["data"]["fulfillment"]["fulfillmentLineItems"]["nodes"], fulfilment_lines["nodes"]);
    for (operation, field) in [(ORDER_LINES, "order"), (FULFILMENT, "fulfillment")] {
        assert_eq!(f.call(at(4), operation, &json!({ "id": "gid://shopify/Order/7" }))["data"][field], Value::Null, "{field}");
    }
}

/// Protects the readers: a query finds lines beyond a page behind its cursor, and an invalid cursor is an error.
#[test]
fn long_orders_are_read_page_by_page() {
    let mut f = fixture();
    f.shop.stock(at(0), f.board, f.main, 1_000, true).expect("known");
    let id = f.shop.checkout(at(1), &[("BOARD", 1); 260]).expect("placed");
    let first = f.call(at(2), ORDER_LINES, &json!({ "id": id.gid() }))["data"]["order"]["lineItems"].clone();
    let rest = f.call(
        at(2),
        ORDER_LINES,
        &json!({ "id": id.gid(), "after": first["pageInfo"]["endCursor"] }),
    )["data"]["order"]["lineItems"]
        .clone();
    let count = |page: &Value| page["nodes"].as_array().map(Vec::len);
    assert_eq!((count(&first), count(&rest)), (Some(250), Some(10)));
    assert_eq!(rest["pageInfo"]["hasNextPage"], json!(false));
    assert_eq!(top_error(&f.call(at(2), ORDER_LINES, &json!({ "id": id.gid(), "after": "page 2" }))), "INVALID_CURSOR");
}

/// Protects the endpoint: a malformed request, a malformed document and an unknown field are each refused with their own error.
#[test]
fn refuses_what_is_no_query_of_ours() {
    let mut f = fixture();
    let rows = [
        ("query A { products(first: 1) { nodes { id } } }", INVALID),
        ("query A { orders(first: 1, sortKey: UPDATED_AT) { nodes { totalPrice } } }", INVALID),
        ("query A { orders(sortKey: UPDATED_AT) { nodes { id } } }", "BAD_REQUEST"),
        ("query A { orders(first: 251, sortKey: UPDATED_AT) { nodes { id } } }", "BAD_REQUEST"),
        ("query A { orders(first: 1) { nodes { id } } }", "BAD_REQUEST"),
        ("query A { orders(last: 1, sortKey: UPDATED_AT) { nodes { id } } }", INVALID),
        ("query A { orders(first: 1, sortKey: TITLE) { nodes { id } } }", INVALID),
        ("query A { productVariants(first: 1) { nodes } }", INVALID),
        ("query A { productVariants(first: 1) ", "parseError"),
        ("", "parseError"),
        ("{ __schema { queryType { name } } }", "BAD_REQUEST"),
        ("subscription A { orders { id } }", INVALID),
        ("query A($id: ID!) { order(id: $id) { id } }", "INVALID_VARIABLE"),
    ];
    f.shop.checkout(at(1), &[("BOARD", 1)]).expect("placed");
    for (document, code) in rows {
        assert_eq!(top_error(&f.call(at(1), document, &json!({}))), code, "{document}");
    }
    for body in ["", "{", "[]", "{\"query\": 7}", "{\"variables\": {}}", "{\"query\": \"{ x }\", \"variables\": 7}"] {
        assert!(matches!(f.shop.graphql(at(1), body.as_bytes()), Answer::BadRequest(_)), "{body}");
    }
}

//! A complete read of an order by our documents: it equals the state of the shop, page by page for a long order.

use super::*;

pub(super) const ORDER: &str = include_str!("documents/order.graphql");
pub(super) const UPDATED: &str = include_str!("../../../../../shared/src/adapters/shopify/operations/orders_updated.graphql");
pub(super) const ORDER_OF: &str = include_str!("../../../../../shared/src/adapters/shopify/operations/order_of.graphql");
pub(super) const MORE: &str = include_str!("documents/more.graphql");

/// Removes `pageInfo` from every connection in an answer.
fn plain(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            fields.remove("pageInfo");
            Value::Object(fields.iter().map(|(name, field)| (name.clone(), plain(field.clone()))).collect())
        }
        Value::Array(items) => items.iter().cloned().map(plain).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// Protects the sweep: one read returns all of an order: shipments, cancelled shipments, refunds and returns, with their
/// locations.
#[test]
fn an_order_is_read_whole() {
    let mut f = fixture();
    let id = f.shop.checkout(at(1), &[("BOARD", 7)]).expect("placed");
    let line = f.shop.order(id).expect("placed").lines[0].id;
    let shipped = f.shop.fulfil(at(2), id, Some(&[(line, 6)])).expect("six of seven");
    f.shop.cancel_fulfilment(at(3), shipped[1]).expect("nothing of it came back");
    let ret = f.shop.request_return(at(4), id, &[(line, 2)]).expect("five are out");
    f.shop.approve_return(at(5), ret).expect("requested");
    let disposition = f.shop.dispose(at(6), ret, line, 1, f.retail, Disposal::Restocked).expect("open");
    let lines = vec![RefundLine { line, quantity: 1, restock: Restock::Return, location: None }];
    let refund = f.shop.refund(at(7), id, &RefundInput { lines, return_id: Some(ret) }).expect("one of two");
    f.shop.remove_item("BOARD").expect("on sale");
    let answer = f.call(at(8), ORDER, &json!({ "id": id.gid() }));
    let known = f.shop.order(id).expect("placed").clone();
    let asked = |n: usize, status: &str, updated: i64, location: LocationId, remaining: i64| {
        json!({
            "id": known.fulfilment_orders[n].id.gid(), "status": status, "updatedAt": at(updated).to_string(),
            "assignedLocation": { "location": { "id": location.gid() } },
            "lineItems": { "nodes": [{ "remainingQuantity": remaining, "lineItem": { "id": line.gid() } }] },
        })
    };
    let left = |n: usize, status: &str, updated: i64, location: LocationId, quantity: i64| {
        json!({
            "id": shipped[n].gid(), "status": status, "updatedAt": at(updated).to_string(), "location": { "id": location.gid() },
            "fulfillmentLineItems": { "nodes": [{ "quantity": quantity, "lineItem": { "id": line.gid() } }] },
        })
    };
    let mark = PERSONAL_MARK;
    let expected = json!({
        "id": id.gid(), "name": "#1001", "createdAt": at(1).to_string(), "updatedAt": at(7).to_string(), "cancelledAt": null,
        "confirmed": true, "test": false, "displayFinancialStatus": "PARTIALLY_REFUNDED", "retailLocation": null,
        "email": format!("{mark}@example.com"), "phone": format!("+000 {mark}"),
        "customer": { "id": "gid://shopify/Customer/3000000000000000001", "firstName": mark, "lastName": mark },
        "shippingAddress": {
            "firstName": mark, "lastName": mark, "company": format!("{mark} Ltd"), "address1": format!("1 {mark} Lane"),
            "address2": format!("c/o {mark}"), "city": format!("{mark} Town"), "provinceCode": "BE", "zip": "10115",
            "countryCodeV2": "DE", "phone": format!("+000 {mark}"),
        },
        "lineItems": { "nodes": [{
            "id": line.gid(), "sku": "BOARD", "quantity": 7, "unfulfilledQuantity": 2, "requiresShipping": true,
            "isGiftCard": false, "variant": null,
        }] },
        "fulfillmentsCount": { "count": 2 },
        "fulfillments": [left(0, "SUCCESS", 2, f.main, 5), left(1, "CANCELLED", 3, f.annex, 1)],
        "fulfillmentOrders": { "nodes": [
            asked(0, "CLOSED", 2, f.main, 0), asked(1, "IN_PROGRESS", 2, f.annex, 1), asked(2, "OPEN", 3, f.annex, 1),
        ] },
        "refunds": [{
            "id": refund.gid(), "return": { "id": ret.gid() },
            "refundLineItems": { "nodes": [{
                "quantity": 1, "restockType": "RETURN", "location": { "id": f.retail.gid() }, "lineItem": { "id": line.gid() },
            }] },
        }],
        "returns": { "nodes": [{
            "id": ret.gid(),
            "reverseFulfillmentOrders": { "nodes": [{
                "id": known.returns[0].reverse.gid(),
                "lineItems": { "nodes": [{
                    "fulfillmentLineItem": { "lineItem": { "id": line.gid() } },
                    "dispositions": [{
                        "id": disposition.gid(), "type": "RESTOCKED", "quantity": 1, "location": { "id": f.retail.gid() },
                    }],
                }] },
            }] },
        }] },
    });
    assert_eq!(plain(answer["data"]["order"].clone()), expected);
    let page = f.call(at(8), UPDATED, &json!({ "query": "" }));
    assert_eq!(
        page["data"]["orders"]["nodes"],
        json!([{ "id": id.gid(), "updatedAt": at(7).to_string(), "displayFulfillmentStatus": "PARTIALLY_FULFILLED" }])
    );
}

/// Protects webhooks that do not name their order: a query for each part of an order finds the order, and other ids find none.
#[test]
fn every_part_leads_to_its_order() {
    let mut f = fixture();
    let id = f.shop.checkout(at(1), &[("BOARD", 2)]).expect("placed");
    let line = f.shop.order(id).expect("placed").lines[0].id;
    let shipped = f.shop.fulfil(at(2), id, None).expect("open");
    let ret = f.shop.request_return(at(3), id, &[(line, 1)]).expect("two are out");
    let order = f.shop.order(id).expect("placed");
    let rows = [
        (order.fulfilment_orders[0].id.gid(), json!({ "orderId": id.gid() })),
        (order.returns[0].reverse.gid(), json!({ "reversed": { "id": id.gid() } })),
        (ret.gid(), json!({ "order": { "id": id.gid() } })),
        (shipped[0].gid(), json!({})),
        (format!("gid://shopify/Return/{}", shipped[0]), Value::Null),
        ("gid://shopify/Return/-1".to_owned(), Value::Null),
        ("gid://shopify/Return/".to_owned(), Value::Null),
        ("gid://shopify/Product/1".to_owned(), Value::Null),
    ];
    for (gid, expected) in rows {
        assert_eq!(f.call(at(4), ORDER_OF, &json!({ "id": gid }))["data"]["node"], expected, "{gid}");
    }
}

/// Protects long orders: for every connection of an order, a query finds the rows beyond a page behind its cursor.
#[test]
fn what_is_beyond_a_page_is_read_on() {
    let mut f = fixture();
    f.shop.stock(at(0), f.board, f.main, 1_000, true).expect("known");
    let id = f.shop.checkout(at(1), &[("BOARD", 1); 260]).expect("placed");
    let shipped = f.shop.fulfil(at(2), id, None).expect("open");
    let lines: Vec<LineId> = f.shop.order(id).expect("placed").lines.iter().map(|line| line.id).collect();
    let ret = f.shop.request_return(at(3), id, &lines.iter().map(|line| (*line, 1)).collect::<Vec<_>>()).expect("out");
    f.shop.approve_return(at(4), ret).expect("requested");
    let refunded = lines.iter().map(|line| RefundLine { line: *line, quantity: 1, restock: Restock::Return, location: None });
    let input = RefundInput { lines: refunded.collect(), return_id: Some(ret) };
    let refund = f.shop.refund(at(5), id, &input).expect("all of it");
    for n in 0..25 {
        let edit = Edit { add: vec![("BOARD".to_owned(), 1)], ..Edit::default() };
        f.shop.edit(at(6 + n), id, &edit).expect("in stock");
    }
    let whole = f.call(at(40), ORDER, &json!({ "id": id.gid() }));
    let cost = &whole["extensions"]["cost"];
    assert!(cost["requestedQueryCost"].as_i64().is_some_and(|requested| requested < 1_000), "{cost}");
    let (whole, order) = (&whole["data"]["order"], f.shop.order(id).expect("placed").clone());
    let returned = &whole["returns"]["nodes"][0]["reverseFulfillmentOrders"]["nodes"][0];
    let rows = [
        (id.gid(), "lineItems", &whole["lineItems"], 100, 285),
        (id.gid(), "fulfillmentOrders", &whole["fulfillmentOrders"], 20, 26),
        (order.fulfilment_orders[0].id.gid(), "lineItems", &whole["fulfillmentOrders"]["nodes"][0]["lineItems"], 50, 260),
        (shipped[0].gid(), "fulfillmentLineItems", &whole["fulfillments"][0]["fulfillmentLineItems"], 50, 260),
        (refund.gid(), "refundLineItems", &whole["refunds"][0]["refundLineItems"], 50, 260),
        (order.returns[0].reverse.gid(), "lineItems", &returned["lineItems"], 20, 260),
    ];
    let count = |page: &Value| page["nodes"].as_array().map_or(0, Vec::len);
    for (gid, connection, page, first, all) in rows {
        assert_eq!((count(page), page["pageInfo"]["hasNextPage"].clone()), (first, json!(true)), "{gid} {connection}");
        let variables = json!({ "id": gid, "after": page["pageInfo"]["endCursor"] });
        let rest = f.call(at(41), MORE, &variables)["data"]["node"][connection].clone();
        assert_eq!((count(&rest), rest["pageInfo"]["hasNextPage"].clone()), (all - first, json!(false)), "{gid} {connection}");
    }
}

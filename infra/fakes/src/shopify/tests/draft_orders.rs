//! Draft orders: what each step moves between the quantities of a level, what it announces, and what a query answers.

use super::*;

const DRAFTS: &str = include_str!("../../../../../shared/src/adapters/shopify/operations/drafts_updated.graphql");
const DRAFT: &str = include_str!("../../../../../shared/src/adapters/shopify/operations/draft.graphql");

/// Available, committed and reserved units of BOARD at both online locations.
fn shown(f: &Fixture) -> [(i64, i64, i64); 2] {
    f.shop.assert_sound();
    [f.main, f.annex].map(|location| {
        let level = f.shop.level(f.board, location).expect("a level");
        (level.available, level.committed, level.in_state(InventoryState::Reserved))
    })
}

fn asked(f: &mut Fixture, now: i64, document: &str, variables: &Value) -> Value {
    let body = json!({ "query": document, "variables": variables });
    let Answer::Json(answer) = f.shop.graphql(at(now), body.to_string().as_bytes()) else { panic!("no answer") };
    answer
}

/// Protects the quantities: a draft reserves while it may, its order commits the units instead, and a refused step changes nothing.
#[test]
fn each_step_moves_the_units_once() {
    let mut f = fixture();
    let until = Some(at(100));
    let idle = f.shop.create_draft(at(1), &[("BOARD", 2)], None).expect("a draft");
    assert_eq!(shown(&f), [(5, 0, 0), (3, 0, 0)], "a draft without a time reserves nothing");
    let id = f.shop.create_draft(at(2), &[("BOARD", 4)], until).expect("a draft");
    assert_eq!(shown(&f), [(1, 0, 4), (3, 0, 0)]);
    f.shop.update_draft(at(3), id, &[("BOARD", 6)], until).expect("changed");
    assert_eq!(shown(&f), [(0, 0, 5), (2, 0, 1)]);
    let refused = f.shop.update_draft(at(4), id, &[("BOARD", 9)], until).expect_err("sold out");
    assert!(matches!(refused, DraftRefused::Lines(CheckoutRefused::SoldOut { .. })), "{refused:?}");
    assert_eq!(shown(&f), [(0, 0, 5), (2, 0, 1)], "a refused change leaves the reservation");
    f.shop.invoice_draft(at(5), id).expect("invoiced");
    let order = f.shop.complete_draft(at(6), id).expect("an order");
    assert_eq!(shown(&f), [(0, 5, 0), (2, 1, 0)]);
    assert_eq!(f.shop.complete_draft(at(7), id), Err(DraftRefused::Completed));
    f.shop.delete_draft(at(8), id).expect("deleted");
    assert_eq!(shown(&f), [(0, 5, 0), (2, 1, 0)], "the order keeps its units");
    f.shop.cancel(at(9), order).expect("open");

    let deleted = f.shop.create_draft(at(10), &[("BOARD", 1)], until).expect("a draft");
    f.shop.delete_draft(at(11), deleted).expect("deleted");
    assert_eq!(f.shop.delete_draft(at(12), deleted), Err(DraftRefused::Unknown));
    f.shop.update_draft(at(13), idle, &[("BOARD", 2)], until).expect("changed");
    assert_eq!(shown(&f), [(3, 0, 2), (3, 0, 0)]);
    f.shop.expire_drafts(at(99));
    assert_eq!(shown(&f), [(3, 0, 2), (3, 0, 0)], "until its time");
    f.shop.checkout(at(100), &[("BOARD", 8)]).expect("all units are free again");

    let announced = f.shop.outbox().take(&DeliveryPlan::default()).into_iter();
    let topics: Vec<_> =
        announced.map(|(delivery, _)| delivery.topic.name()).filter(|topic| topic.starts_with("draft")).collect();
    let [create, update, delete] = ["create", "update", "delete"].map(|step| format!("draft_orders/{step}"));
    assert_eq!(topics, [&create, &create, &update, &update, &update, &delete, &create, &delete, &update].map(String::as_str));
}

/// Protects the adapter: a search finds drafts by their change or all that are open, one draft is read with its lines and its
/// order, and an app without the scope is refused.
#[test]
fn drafts_are_searched_and_read() {
    let mut f = fixture();
    let first = f.shop.create_draft(at(1), &[("BOARD", 1)], Some(at(100))).expect("a draft");
    let second = f.shop.create_draft(at(2), &[("BOARD", 2)], None).expect("a draft");
    let order = f.shop.complete_draft(at(3), second).expect("an order");
    let since = |second| json!({ "query": format!("updated_at:>='{}'", at(second)) });
    for (search, expected) in [
        (since(1), vec![first, second]),
        (since(2), vec![second]),
        (since(4), vec![]),
        (json!({ "query": "NOT status:completed" }), vec![first]),
    ] {
        let answer = asked(&mut f, 5, DRAFTS, &search);
        let found = answer["data"]["draftOrders"]["nodes"].as_array().expect("a page");
        let ids: Vec<_> = found.iter().map(|node| node["id"].as_str().expect("an id").to_owned()).collect();
        assert_eq!(ids, expected.into_iter().map(DraftOrderId::gid).collect::<Vec<_>>(), "{search}");
    }
    let read = asked(&mut f, 5, DRAFT, &json!({ "id": second.gid() }))["data"]["draftOrder"].clone();
    assert_eq!((&read["status"], &read["reserveInventoryUntil"]), (&json!("COMPLETED"), &Value::Null));
    assert_eq!(read["order"]["id"], json!(order.gid()));
    assert_eq!(read["lineItems"]["nodes"][0]["quantity"], 2);
    let gone = asked(&mut f, 5, DRAFT, &json!({ "id": "gid://shopify/DraftOrder/1" }));
    assert_eq!(gone["data"]["draftOrder"], Value::Null);
    f.shop.faults.no_drafts_scope = true;
    let refused = asked(&mut f, 6, DRAFTS, &since(1));
    assert_eq!(refused["errors"][0]["extensions"]["code"], "ACCESS_DENIED");
}

//! The cost budget: the costs that our operations request and spend, and the throttling when the budget is spent.

use super::*;

/// Protects the plan of calls: each of our operations requests the cost that the cost model expects, and Shopify would accept
/// it.
#[test]
fn our_operations_fit_the_query_limit() {
    let ids: Vec<String> = (0..50).map(|n| ItemId(n).gid()).collect();
    let cursor = Value::Null;
    let rows = [
        ("LevelsOfItems of 50", LEVELS, json!({ "ids": ids }), 750),
        ("LevelsOfItem", LEVELS_OF_ONE, json!({ "id": ItemId(1).gid(), "after": cursor }), 30),
        ("OrdersUpdated", ORDERS, json!({ "query": "", "after": cursor }), 122),
        ("OrderLines", ORDER_LINES, json!({ "id": OrderId(1).gid(), "after": cursor }), 14),
        ("OrderFulfilments", ORDER_FULFILMENTS, json!({ "id": OrderId(1).gid() }), 85),
        ("FulfilmentLines", FULFILMENT, json!({ "id": FulfilmentId(1).gid(), "after": cursor }), 25),
        ("Order", whole_order::ORDER, json!({ "id": OrderId(1).gid() }), 696),
        ("OrderOf", whole_order::ORDER_OF, json!({ "id": OrderId(1).gid() }), 3),
        ("More", whole_order::MORE, json!({ "id": OrderId(1).gid(), "after": cursor }), 193),
        ("the lean OrdersUpdated", whole_order::UPDATED, json!({ "query": "", "after": cursor }), 13),
        ("AdjustAvailable", ADJUST, adjustment("k", &[]), 10),
        ("ActivateLevel", ACTIVATE, json!({ "item": ItemId(1).gid(), "location": LocationId(1).gid(), "key": "k" }), 10),
    ];
    for (operation, document, variables, requested) in rows {
        let body = fixture().call(at(1), document, &variables);
        assert_eq!(body["extensions"]["cost"]["requestedQueryCost"], json!(requested), "{operation}: {body}");
    }
}

/// Protects the limit of one query: a query that requests more than a thousand points is refused, and costs no points.
#[test]
fn a_query_that_requests_too_much_is_refused() {
    let ids: Vec<String> = (0..67).map(|n| ItemId(n).gid()).collect();
    let mut f = fixture();
    let body = f.call(at(1), LEVELS, &json!({ "ids": ids }));
    assert_eq!(top_error(&body), "MAX_COST_EXCEEDED");
    assert_eq!((body["errors"][0]["extensions"]["cost"].as_i64(), f.shop.counters().points_spent), (Some(1_005), 0));
}

/// Protects the budget: calls pass while the bucket can pay them, are then throttled, and pass again after enough points are
/// restored.
#[test]
fn throttles_when_spent_and_restores_with_time() {
    let mut f = with_config(ShopConfig { bucket_size: 40, restore_rate: 10, ..ShopConfig::default() });
    // A row has the milliseconds, whether the call passes, and the points left after it.
    let rows = [
        (0, true, 30),
        (0, true, 20),
        (0, true, 10),
        (0, true, 0),
        (0, false, 0),
        (999, false, 9),
        (1_000, true, 0),
        (61_000, true, 30),
    ];
    let mut applied = 0;
    for (n, (millis, passes, left)) in rows.into_iter().enumerate() {
        let variables = f.adjustment(&format!("k{n}"), &[(f.main, 1)]);
        let body = f.call(at(0) + SignedDuration::from_millis(millis), ADJUST, &variables);
        let cost = &body["extensions"]["cost"];
        assert_eq!(
            (body["errors"].is_null(), cost["throttleStatus"]["currentlyAvailable"].as_i64()),
            (passes, Some(left)),
            "call {n}"
        );
        if !passes {
            assert_eq!((top_error(&body), &cost["actualQueryCost"]), ("THROTTLED", &Value::Null));
        }
        applied += i64::from(passes);
    }
    assert_eq!(f.level(f.main).0, 5 + applied, "what was throttled did not run");
    assert_eq!((f.shop.counters().throttled, f.shop.counters().points_spent, f.shop.counters().requests), (2, 60, 8));
    assert_eq!(f.shop.counters().calls.get("AdjustAvailable"), Some(&8));
}

/// Protects the refund: a query pays for what it returned, not for what it could have returned.
#[test]
fn a_query_pays_for_what_was_returned() {
    let mut f = fixture();
    let board = f.board.gid();
    let rows = [
        ("nothing found", ORDER_LINES, json!({ "id": OrderId(1).gid() }), 14, 0),
        ("no orders", ORDERS, json!({ "query": "" }), 122, 2),
        // The item costs 1 and the connection 2. The three levels have a weight of two, and each costs 3 with its location and
        // quantities.
        ("one item with three levels", LEVELS, json!({ "ids": [board] }), 15, 9),
    ];
    for (case, document, variables, requested, actual) in rows {
        let cost = f.call(at(1), document, &variables)["extensions"]["cost"].clone();
        assert_eq!(
            (cost["requestedQueryCost"].as_i64(), cost["actualQueryCost"].as_i64()),
            (Some(requested), Some(actual)),
            "{case}"
        );
    }
    assert_eq!(f.shop.counters().points_spent, 11);
    let status = json!({ "maximumAvailable": 2000.0, "currentlyAvailable": 1989, "restoreRate": 100.0 });
    let body = f.call(at(1), ORDER_LINES, &json!({ "id": OrderId(1).gid() }));
    assert_eq!(body["extensions"]["cost"]["throttleStatus"], status);
}

//! The inventory mutations, with our documents: which calls are applied, which are recognised, and which are refused.

use super::*;

const ADJUSTED: &str = "inventoryAdjustQuantities";

/// Protects the normal path: a batch is applied once and logged with its rows, and on hand moves with available.
#[test]
fn an_adjustment_is_applied_and_logged() {
    let mut f = fixture();
    let variables = f.adjustment("k1", &[(f.main, -2), (f.annex, 4)]);
    let body = f.call(at(1), ADJUST, &variables);
    assert_eq!(refusals(&body, ADJUSTED), []);
    assert!(body["data"][ADJUSTED]["inventoryAdjustmentGroup"]["id"].is_string(), "{body}");
    assert_eq!((f.level(f.main), f.level(f.annex)), ((3, 0), (7, 0)));
    let [logged] = f.shop.log() else { panic!("one entry") };
    assert_eq!((logged.key.as_deref(), logged.kind, logged.deduplicated), (Some("k1"), AppliedKind::Adjust, false));
    let rows: Vec<_> = logged.changes.iter().map(|row| (row.location, row.delta, row.after, row.visible)).collect();
    assert_eq!(rows, [(f.main, -2, 3, true), (f.annex, 4, 7, true)]);
}

/// Protects exactly-once pushes: a key is applied once; the shop distinguishes a reuse by its parameters and by the outcome of
/// the first call.
#[test]
fn keys_decide_whether_a_mutation_runs() {
    let day = 24 * 60 * 60;
    let spent = "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED";
    let other = "IDEMPOTENCY_KEY_PARAMETER_MISMATCH";
    // A row has the attempts (seconds, key, delta), the code of the last one, and the available units after it.
    type Row<'a> = (&'a str, &'a [(i64, &'a str, i64)], Option<&'a str>, i64, u64);
    let rows: [Row<'_>; 8] = [
        ("two keys", &[(1, "a", 1), (2, "b", 1)], None, 7, 0),
        ("the same again", &[(1, "a", 1), (2, "a", 1)], None, 6, 1),
        ("the same again and again", &[(1, "a", 1), (2, "a", 1), (3, "a", 1)], None, 6, 2),
        ("another amount", &[(1, "a", 1), (2, "a", 2)], Some(other), 6, 0),
        ("a large amount, the same again", &[(1, "a", 3_000_000), (2, "a", 3_000_000)], None, 3_000_005, 1),
        ("after a refusal", &[(1, "a", 2_000_000_000), (2, "a", 2_000_000_000)], Some(spent), 5, 0),
        ("other parameters after a refusal", &[(1, "a", 2_000_000_000), (2, "a", 1)], Some(other), 5, 0),
        ("a day later the key is new", &[(1, "a", 1), (1 + day, "a", 1)], None, 7, 0),
    ];
    for (case, attempts, code, available, deduplicated) in rows {
        let mut f = fixture();
        let mut last = Vec::new();
        for (seconds, key, delta) in attempts {
            let variables = f.adjustment(key, &[(f.main, *delta)]);
            last = refusals(&f.call(at(*seconds), ADJUST, &variables), ADJUSTED);
        }
        assert_eq!(last.first().map(|(code, _)| code.as_str()), code, "{case}");
        assert_eq!((f.level(f.main).0, f.shop.counters().deduplicated), (available, deduplicated), "{case}");
    }
}

/// Protects retries: the answer to a repeated call is the first answer, including the group, whatever happened in between.
#[test]
fn a_repeated_call_gets_the_first_answer() {
    let mut f = fixture();
    let variables = f.adjustment("k", &[(f.main, 1)]);
    let first = f.call(at(1), ADJUST, &variables);
    f.shop.checkout(at(2), &[("BOARD", 3)]).expect("placed");
    assert_eq!(f.call(at(3), ADJUST, &variables)["data"], first["data"]);
    assert_eq!(f.level(f.main), (3, 3));
    assert_eq!(f.shop.log().iter().map(|entry| entry.deduplicated).collect::<Vec<_>>(), [false, true]);
}

/// Protects the whole batch: one bad row refuses all rows, and the error names its index and the field that causes it.
#[test]
fn a_bad_row_is_named_and_nothing_is_applied() {
    let mut f = fixture();
    let bundle = f.item(NewItem { bundle: true, ..NewItem::tracked("BUNDLE") });
    let service = f.item(NewItem { untracked: true, ..NewItem::tracked("SERVICE") });
    let poisoned = f.item(NewItem::tracked("POISON"));
    f.shop.faults.poisoned.insert(poisoned);
    let (board, main) = (f.board, f.main);
    let with = |name: &str, value: Value| {
        let mut row = change(board, main, 1);
        row[name] = value;
        row
    };
    let rows: [(&str, Value, &str, &str); 10] = [
        ("stale", with("changeFromQuantity", json!(4)), "CHANGE_FROM_QUANTITY_STALE", "changeFromQuantity"),
        ("no such item", change(ItemId(1), main, 1), "INVALID_INVENTORY_ITEM", "inventoryItemId"),
        (
            "a gid of another kind",
            with("inventoryItemId", json!("gid://shopify/Order/1")),
            "INVALID_INVENTORY_ITEM",
            "inventoryItemId",
        ),
        ("no such location", change(board, LocationId(1), 1), "INVALID_LOCATION", "locationId"),
        ("bundle parent", change(bundle, main, 1), "NON_MUTABLE_INVENTORY_ITEM", "inventoryItemId"),
        ("poisoned", change(poisoned, main, 1), "NON_MUTABLE_INVENTORY_ITEM", "inventoryItemId"),
        ("untracked", change(service, main, 1), "INVALID_INVENTORY_ITEM", "inventoryItemId"),
        (
            "a ledger document",
            with("ledgerDocumentUri", json!("gid://promissory/Ledger/1")),
            "INVALID_AVAILABLE_DOCUMENT",
            "ledgerDocumentUri",
        ),
        ("too high", with("delta", json!(2_000_000_000)), "INVALID_QUANTITY_TOO_HIGH", "delta"),
        ("too low", with("delta", json!(-2_000_000_006)), "INVALID_QUANTITY_TOO_LOW", "delta"),
    ];
    for (case, bad, code, field) in &rows {
        let good = change(f.board, f.annex, 1);
        let body = f.call(at(1), ADJUST, &adjustment(case, &[good.clone(), good, bad.clone()]));
        assert_eq!(refusals(&body, ADJUSTED), [((*code).to_owned(), format!("input.changes.2.{field}"))], "{case}");
        assert_eq!(body["data"][ADJUSTED]["inventoryAdjustmentGroup"], Value::Null, "{case}");
        assert_eq!((f.level(f.main), f.level(f.annex)), ((5, 0), (3, 0)), "{case}");
    }
    assert_eq!(f.shop.log(), [], "what is refused is not logged as applied");
    assert_eq!(f.shop.counters().refused, 10);
    let all: Vec<Value> = rows.iter().map(|(_, bad, ..)| bad.clone()).collect();
    assert_eq!(refusals(&f.call(at(2), ADJUST, &adjustment("all", &all)), ADJUSTED).len(), 10, "every bad row is named at once");
}

/// Protects the input's head: quantity name, reason and reference are checked, and each has its own code.
#[test]
fn the_head_of_the_input_is_checked() {
    let rows: [(&str, &str, Value, Option<&str>); 8] = [
        ("an accepted reason", "reason", json!("cycle_count_available"), None),
        ("no reference", "referenceDocumentUri", Value::Null, None),
        ("another reason", "reason", json!("because"), Some("INVALID_REASON")),
        ("Shopify's reference", "referenceDocumentUri", json!("gid://shopify/Order/1"), Some("INVALID_REFERENCE_DOCUMENT")),
        ("no URI", "referenceDocumentUri", json!("BOARD"), Some("INVALID_REFERENCE_DOCUMENT")),
        ("half a gid", "referenceDocumentUri", json!("gid://promissory/1"), Some("INVALID_REFERENCE_DOCUMENT")),
        ("another quantity", "name", json!("damaged"), Some("INVALID_QUANTITY_NAME")),
        ("on hand", "name", json!("on_hand"), Some("INVALID_QUANTITY_NAME")),
    ];
    for (case, name, value, code) in rows {
        let mut f = fixture();
        let mut variables = f.adjustment("k", &[(f.main, 1)]);
        variables["input"][name] = value;
        let errors = refusals(&f.call(at(1), ADJUST, &variables), ADJUSTED);
        assert_eq!(errors.first().map(|(code, _)| code.as_str()), code, "{case}");
        assert_eq!(f.level(f.main).0, if code.is_none() { 6 } else { 5 }, "{case}");
    }
}

/// Protects the shape: a call without what the schema or the directive requires is a top-level error, and no mutation runs.
#[test]
fn a_request_of_the_wrong_shape_is_a_top_level_error() {
    let keyless = ADJUST.replace("@idempotent(key: $key)", "").replace(", $key: String!", "");
    let undefined = ADJUST.replace("userErrors { code", "userErrors { colour code");
    type Edit = fn(&mut Value);
    let nothing: Edit = |_| {};
    let rows: [(&str, &str, Edit, &str); 12] = [
        ("no changeFromQuantity", ADJUST, |v| drop(row(v).remove("changeFromQuantity")), "INVALID_FIELD_ARGUMENTS"),
        ("no key", &keyless, nothing, "BAD_REQUEST"),
        ("an empty key", ADJUST, |v| v["key"] = json!(""), "BAD_REQUEST"),
        ("no key given", ADJUST, |v| v["key"] = Value::Null, "INVALID_VARIABLE"),
        ("no input", ADJUST, |v| v["input"] = Value::Null, "INVALID_VARIABLE"),
        ("no reason", ADJUST, |v| v["input"]["reason"] = Value::Null, "INVALID_VARIABLE"),
        ("an unknown field", ADJUST, |v| v["input"]["colour"] = json!(1), "INVALID_VARIABLE"),
        (
            "an unknown field in a row",
            ADJUST,
            |v| drop(row(v).insert("compareQuantity".to_owned(), json!(1))),
            "INVALID_VARIABLE",
        ),
        ("a delta of 33 bits", ADJUST, |v| drop(row(v).insert("delta".to_owned(), json!(4_294_967_296_i64))), "INVALID_VARIABLE"),
        ("an id that is none", ADJUST, |v| drop(row(v).insert("locationId".to_owned(), json!("MAIN"))), "INVALID_VARIABLE"),
        ("a field that is none", &undefined, nothing, INVALID),
        ("another mutation", "mutation A { orderClose(id: 1) { x } }", nothing, INVALID),
    ];
    for (case, document, edit, code) in rows {
        let mut f = fixture();
        let mut variables = f.adjustment("k", &[(f.main, 1)]);
        edit(&mut variables);
        let body = f.call(at(1), document, &variables);
        assert_eq!(top_error(&body), code, "{case}: {body}");
        assert_eq!((f.level(f.main).0, f.shop.log().len()), (5, 0), "{case}");
    }
}

fn row(variables: &mut Value) -> &mut serde_json::Map<String, Value> {
    variables["input"]["changes"][0].as_object_mut().expect("a row")
}

/// Protects the batch limit: 250 rows are accepted as one batch, and 251 are refused.
#[test]
fn an_input_holds_at_most_250_rows() {
    for (rows, after) in [(250, 255), (251, 5)] {
        let mut f = fixture();
        let variables = f.adjustment("k", &vec![(f.main, 1); rows]);
        let body = f.call(at(1), ADJUST, &variables);
        assert_eq!(body["errors"].is_null(), rows == 250, "{rows} rows");
        if rows > 250 {
            assert_eq!(top_error(&body), "MAX_INPUT_SIZE_EXCEEDED");
        }
        assert_eq!(f.level(f.main).0, after, "{rows} rows");
    }
}

/// Protects repair: a set is a compare-and-set, never negative, and names each pair once. Setting the same number again changes
/// no level.
#[test]
fn a_set_compares_and_sets() {
    // A row has location, quantity and expected quantity; then the code and the field; then the available units at Main.
    type Row<'a> = (&'a str, &'a [(bool, i64, Option<i64>)], Option<(&'a str, &'a str)>, i64);
    let rows: [Row<'_>; 7] = [
        ("as expected", &[(true, 9, Some(5))], None, 9),
        (
            "not as expected",
            &[(false, 1, Some(3)), (true, 9, Some(4))],
            Some(("CHANGE_FROM_QUANTITY_STALE", "1.changeFromQuantity")),
            5,
        ),
        ("the check waived", &[(true, 9, None)], None, 9),
        ("the same number", &[(true, 5, Some(5))], None, 5),
        ("negative", &[(true, -1, None)], Some(("INVALID_QUANTITY_NEGATIVE", "0.quantity")), 5),
        ("too high", &[(true, 1_000_000_001, None)], Some(("INVALID_QUANTITY_TOO_HIGH", "0.quantity")), 5),
        (
            "a pair twice",
            &[(true, 1, None), (true, 2, None)],
            Some(("NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR", "1.locationId")),
            5,
        ),
    ];
    for (case, quantities, refused, after) in rows {
        let mut f = fixture();
        let place = |main: bool| if main { f.main } else { f.annex };
        let quantities: Vec<Value> = quantities
            .iter()
            .map(|(main, quantity, from)| json!({ "inventoryItemId": f.board.gid(), "locationId": place(*main).gid(), "quantity": quantity, "changeFromQuantity": from }))
            .collect();
        let variables = json!({ "key": "k", "input": { "name": "available", "reason": "correction", "quantities": quantities } });
        let body = f.call(at(1), SET, &variables);
        let expected: Vec<_> =
            refused.iter().map(|(code, field)| ((*code).to_owned(), format!("input.quantities.{field}"))).collect();
        assert_eq!(refusals(&body, "inventorySetQuantities"), expected, "{case}");
        assert_eq!(f.level(f.main).0, after, "{case}");
        let group = &body["data"]["inventorySetQuantities"]["inventoryAdjustmentGroup"];
        assert_eq!(group.is_null(), after == 5, "{case}: a group only where something changed");
    }
}

/// Protects against a silent loss: at an inactive level a change succeeds and no channel shows it. An activation keeps the
/// quantity unless it gives one.
#[test]
fn changes_at_an_inactive_level_succeed_and_are_not_seen() {
    let mut f = fixture();
    let lamp = f.shop.add_item(NewItem::tracked("LAMP")).expect("a new item");
    let body = f.call(at(1), ADJUST, &adjustment("a", &[change(lamp, f.main, 7)]));
    assert_eq!(refusals(&body, ADJUSTED), []);
    assert_eq!(
        f.shop.log()[0].changes.iter().map(|row| (row.delta, row.after, row.visible)).collect::<Vec<_>>(),
        [(7, 7, false)]
    );
    let seen = f.call(at(2), LEVELS, &json!({ "ids": [lamp.gid()] }));
    let seen = &seen["data"]["nodes"][0]["inventoryLevels"]["nodes"][0];
    assert_eq!((&seen["isActive"], &seen["quantities"][0]["quantity"]), (&json!(false), &json!(7)), "the quantity is kept");
    let variables = json!({ "item": lamp.gid(), "location": f.main.gid(), "available": 0, "key": "b" });
    let active = f.call(at(3), ACTIVATE, &variables);
    assert_eq!(active["data"]["inventoryActivate"]["inventoryLevel"]["isActive"], json!(true));
    assert_eq!(f.shop.level(lamp, f.main).map(|level| level.available), Some(0), "the activation gives its quantity");
    f.shop.stock(at(3), lamp, f.annex, 3, true).expect("known");
    f.shop.deactivate(lamp, f.annex).expect("known");
    let keeping = "mutation Keep($item: ID!, $location: ID!, $key: String!) { inventoryActivate(inventoryItemId: $item, \
                   locationId: $location) @idempotent(key: $key) { inventoryLevel { id } userErrors { field message } } }";
    let kept = json!({ "item": lamp.gid(), "location": f.annex.gid(), "key": "k" });
    f.call(at(3), keeping, &kept);
    assert_eq!(f.shop.level(lamp, f.annex).map(|level| level.available), Some(3), "without a quantity, the old one is kept");
    assert_eq!(f.call(at(4), ACTIVATE, &variables)["data"], active["data"], "the same key, the same answer");
    let elsewhere = json!({ "item": lamp.gid(), "location": LocationId(1).gid(), "key": "c" });
    let refused = f.call(at(5), ACTIVATE, &elsewhere);
    assert_eq!(refused["data"]["inventoryActivate"]["userErrors"][0]["field"], json!(["locationId"]));
}

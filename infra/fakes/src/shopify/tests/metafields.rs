//! Metafields of variants, with our document: the values afterwards, and the refusals with their codes.

use super::*;

const SET_BY: &str = "metafieldsSet";

fn row(f: &Fixture, value: &str) -> Value {
    let variant = f.shop.item("BOARD").expect("an item").variant;
    json!({ "ownerId": variant.gid(), "namespace": "promissory", "key": "lots", "type": "json", "value": value })
}

fn shown(f: &Fixture) -> Option<&str> {
    f.shop.metafield(f.board, "promissory", "lots")
}

/// Protects what customers read: the last value counts, a value may be set again, and neither levels nor the log change.
#[test]
fn a_metafield_is_what_was_set_last() {
    let mut f = fixture();
    assert_eq!(shown(&f), None);
    for value in ["[]", r#"[{"lot":"L-7"}]"#, r#"[{"lot":"L-7"}]"#, "[]"] {
        let variables = json!({ "metafields": [row(&f, value)] });
        let body = f.call(at(1), SET_METAFIELDS, &variables);
        assert_eq!(refusals(&body, SET_BY), []);
        assert_eq!(body["extensions"]["cost"]["actualQueryCost"], 10);
        assert_eq!(shown(&f), Some(value));
    }
    assert_eq!((f.shop.log(), f.shop.counters().rows_applied, f.level(f.main)), (&[][..], 0, (5, 0)));
}

/// Protects the whole call: one bad row refuses all rows, and the error names its index and the field that causes it.
#[test]
fn a_bad_row_is_named_and_nothing_is_set() {
    let mut f = fixture();
    let gone = f.item(NewItem::tracked("GONE"));
    let gone = f.shop.items().find(|item| item.id == gone).expect("an item").variant;
    f.shop.remove_item("GONE").expect("known");
    let plain = row(&f, "[1]");
    let with = |name: &str, value: &str| {
        let mut row = plain.clone();
        row[name] = json!(value);
        row
    };
    let rows = [
        (with("ownerId", "gid://shopify/ProductVariant/1"), "INVALID", "ownerId"),
        (with("ownerId", &gone.gid()), "INVALID", "ownerId"),
        (with("ownerId", &f.board.gid()), "INVALID", "ownerId"),
        (with("namespace", "no"), "INVALID", "namespace"),
        (with("namespace", "a b c"), "INVALID", "namespace"),
        (with("key", "k"), "INVALID", "key"),
        (with("type", "list.json"), "INVALID_TYPE", "type"),
        (with("value", "[1"), "INVALID_VALUE", "value"),
    ];
    let good = row(&f, "[]");
    for (bad, code, field) in rows {
        let body = f.call(at(1), SET_METAFIELDS, &json!({ "metafields": [good, bad] }));
        assert_eq!(refusals(&body, SET_BY), [(code.to_owned(), format!("metafields.1.{field}"))], "{bad}");
        assert_eq!(body["data"][SET_BY]["userErrors"][0]["elementIndex"], 1, "{bad}");
        assert_eq!(shown(&f), None, "{bad}");
    }
    for (size, refused) in [(25, vec![]), (26, vec![("LESS_THAN_OR_EQUAL_TO".to_owned(), "metafields".to_owned())])] {
        let mut f = fixture();
        let rows = vec![row(&f, "[]"); size];
        assert_eq!(refusals(&f.call(at(1), SET_METAFIELDS, &json!({ "metafields": rows })), SET_BY), refused, "{size} rows");
        assert_eq!(shown(&f).is_some(), refused.is_empty(), "{size} rows");
    }
    for bad in
        [json!({}), json!({ "metafields": null }), json!({ "metafields": [{}] }), json!({ "metafields": [with("size", "1")] })]
    {
        assert_eq!(top_error(&f.call(at(1), SET_METAFIELDS, &bad)), "INVALID_VARIABLE", "{bad}");
    }
}

/// Protects the caller's retry: each fault takes effect here too, except the one about keys, because these calls have no keys.
#[test]
fn knobs_strike_what_is_set_whole() {
    let none = Faults::default;
    let rows = [
        (Faults { fail: 1, ..none() }, "500", None, none()),
        (Faults { throttle: 1, ..none() }, "THROTTLED", None, none()),
        (Faults { lose_request: 1, ..none() }, "silence", None, none()),
        (Faults { lose_answer: 1, ..none() }, "silence", Some("[]"), none()),
        (Faults { apply_late: 1, ..none() }, "silence", None, none()),
        (Faults { concurrent: 1, ..none() }, "set", Some("[]"), Faults { concurrent: 1, ..none() }),
    ];
    for (faults, expected, then, left) in rows {
        let mut f = fixture();
        f.shop.faults = faults.clone();
        let variables = json!({ "metafields": [row(&f, "[]")] });
        let seen = match f.raw(at(1), SET_METAFIELDS, &variables) {
            Answer::Json(body) if body["errors"].is_array() => top_error(&body).to_owned(),
            Answer::Json(_) => "set".to_owned(),
            Answer::BadRequest(_) => "bad request".to_owned(),
            Answer::Failed => "500".to_owned(),
            Answer::Silent => "silence".to_owned(),
        };
        assert_eq!((seen.as_str(), shown(&f), &f.shop.faults), (expected, then, &left), "{faults:?}");
        f.call(at(2), SET_METAFIELDS, &variables);
        assert_eq!(shown(&f), Some("[]"), "{faults:?}");
    }
}

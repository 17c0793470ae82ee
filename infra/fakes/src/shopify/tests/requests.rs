//! What GraphQL guarantees for any document: fragments, operations, variables and directives; and the refusals before a call
//! runs.

use super::*;
use apollo_compiler::Schema;
use apollo_compiler::schema::{ExtendedType, FieldDefinition};

/// Creates a shop with an order that has a shipment, a return and a refund, so that every field of the schema has a value.
fn lived_in() -> (Fixture, OrderId) {
    let mut f = fixture();
    let id = f.shop.checkout(at(1), &[("BOARD", 3)]).expect("in stock");
    let line = f.shop.order(id).expect("placed").lines[0].id;
    f.shop.fulfil(at(2), id, Some(&[(line, 2)])).expect("two of three");
    let ret = f.shop.request_return(at(3), id, &[(line, 1)]).expect("two are out");
    f.shop.approve_return(at(4), ret).expect("requested");
    let lines = vec![RefundLine { line, quantity: 1, restock: Restock::NoRestock, location: None }];
    f.shop.refund(at(5), id, &RefundInput { lines, return_id: Some(ret) }).expect("one of three");
    (f, id)
}

/// Protects callers that share selections: fragments, aliases and repeated fields are answered as the plain fields are.
#[test]
fn fragments_and_aliases_answer_as_their_fields_do() {
    let rows = [
        "query A($id: ID!) { order(id: $id) { ...Head lineItems(first: 1) { nodes { ...Line } } } }
         fragment Head on Order { id name ...Retail } fragment Retail on Order { retailLocation { id } }
         fragment Line on LineItem { id sku }",
        "query A($id: ID!) { order(id: $id) { ... on Order { id } ... { name } ... on Node { id } retailLocation { id }
           lineItems(first: 1) { ... on LineItemConnection { nodes { id sku } } } } }",
        "query A($id: ID!) { order(id: $id) { id } order(id: $id) { id name retailLocation { id } lineItems(first: 1) { nodes { id } } }
           ... on QueryRoot { order(id: $id) { lineItems(first: 1) { nodes { sku } } } } }",
        "query A($id: ID!, $no: Boolean = false) { order(id: $id) { id name retailLocation { id }
           lineItems(first: 1) { nodes { id sku quantity @include(if: $no) } } email @skip(if: true) ...Off @skip(if: true) } }
         fragment Off on Order { phone }",
    ];
    let (mut f, id) = lived_in();
    let line = f.shop.order(id).expect("placed").lines[0].id.gid();
    let lines = json!({ "nodes": [{ "id": line, "sku": "BOARD" }] });
    let expected = json!({ "order": { "id": id.gid(), "name": "#1001", "retailLocation": null, "lineItems": lines } });
    for document in rows {
        assert_eq!(f.call(at(9), document, &json!({ "id": id.gid() }))["data"], expected, "{document}");
    }
    let renamed = "query A($id: ID!) { __typename mine: node(id: $id) { kind: __typename ... on Order { at: createdAt } ... on Refund { id } }
                     order(id: $id) { lineItems(first: 1) { __typename } } }";
    let expected = json!({
        "__typename": "QueryRoot", "mine": { "kind": "Order", "at": "2026-11-21T12:00:01Z" },
        "order": { "lineItems": { "__typename": "LineItemConnection" } },
    });
    assert_eq!(f.call(at(9), renamed, &json!({ "id": id.gid() }))["data"], expected);
}

/// Protects documents with several operations: the name selects one, and only its cost is requested. Without a name, or with a
/// wrong one, no operation is selected.
#[test]
fn the_name_chooses_the_operation() {
    let document = "query Cheap { productVariants(first: 1) { nodes { sku } } }
                    query Dear { productVariants(first: 250) { nodes { sku } } }
                    mutation Change { metafieldsSet(metafields: []) { userErrors { code } } }";
    let rows = [("Cheap", Ok(3)), ("Dear", Ok(13)), ("Change", Ok(10)), ("Other", Err("BAD_REQUEST")), ("", Err("BAD_REQUEST"))];
    for (name, expected) in rows {
        let mut f = fixture();
        let name = (!name.is_empty()).then_some(name);
        let body = json!({ "query": document, "operationName": name }).to_string();
        let Answer::Json(answer) = f.shop.graphql(at(1), body.as_bytes()) else { panic!("an answer to {name:?}") };
        match expected {
            Ok(cost) => assert_eq!(answer["extensions"]["cost"]["requestedQueryCost"], json!(cost), "{name:?}: {answer}"),
            Err(code) => assert_eq!(top_error(&answer), code, "{name:?}"),
        }
        let counted: Vec<&str> = f.shop.counters().calls.keys().map(String::as_str).collect();
        assert_eq!(counted, expected.ok().and(name).into_iter().collect::<Vec<_>>(), "{name:?}");
    }
}

/// Protects the types of variables: missing, null and wrong values are refused, and a default replaces a missing value.
#[test]
fn variables_are_what_they_were_declared_to_be() {
    let page = "query A($first: Int = 1) { productVariants(first: $first) { nodes { sku } } }";
    let one = "query A($id: ID!) { order(id: $id) { id } }";
    let refused = "INVALID_VARIABLE";
    let rows = [
        (page, json!({}), None),
        (page, json!({ "first": 2, "unknown": 1 }), None),
        (page, json!({ "first": "2" }), Some(refused)),
        (page, json!({ "first": 1.5 }), Some(refused)),
        (page, json!({ "first": 4_294_967_296_i64 }), Some(refused)),
        (page, json!({ "first": null }), Some("BAD_REQUEST")),
        (page, json!({ "first": 0 }), Some("BAD_REQUEST")),
        (one, json!({ "id": "gid://shopify/Order/1" }), None),
        (one, json!({}), Some(refused)),
        (one, json!({ "id": null }), Some(refused)),
        (one, json!({ "id": ["gid://shopify/Order/1"] }), Some(refused)),
        ("query A($id: String!) { order(id: $id) { id } }", json!({ "id": "1" }), Some(INVALID)),
        ("query A($id: ID) { order(id: $id) { id } }", json!({ "id": "1" }), Some(INVALID)),
        ("query A { order(id: $id) { id } }", json!({ "id": "1" }), Some(INVALID)),
        ("query A($id: ID!, $more: Int) { order(id: $id) { id } }", json!({ "id": "1" }), Some(INVALID)),
        ("query A { order { id } }", json!({}), Some(INVALID)),
        // A single value is a list of one. This is the first item of the shop.
        ("query A { nodes(ids: \"gid://shopify/InventoryItem/44000000000001\") { id } }", json!({}), None),
    ];
    for (document, variables, code) in rows {
        let body = fixture().call(at(1), document, &variables);
        assert_eq!(body["errors"][0]["extensions"]["code"].as_str(), code, "{document} with {variables}: {body}");
    }
}

/// Protects a mutation with literals in its document: the fake reads literals as it reads variables.
#[test]
fn a_mutation_may_have_its_input_in_the_document() {
    let mut f = fixture();
    let row = format!(
        "{{ inventoryItemId: \"{}\", locationId: \"{}\", delta: 2, changeFromQuantity: null }}",
        f.board.gid(),
        f.main.gid()
    );
    let document = format!(
        "mutation {{ mine: inventoryAdjustQuantities(input: {{ name: \"available\", reason: \"other\", changes: {row} }})
           @idempotent(key: \"k\") {{ userErrors {{ message }} }} }}"
    );
    assert_eq!(f.call(at(1), &document, &Value::Null)["data"], json!({ "mine": { "userErrors": [] } }));
    assert_eq!(f.level(f.main).0, 7);
    assert_eq!(f.shop.counters().calls.get("anonymous"), Some(&1));
}

/// Protects the stack and the run time: a short text that expands to a large one, and a long text, are refused and cost no
/// points.
#[test]
fn what_is_too_deep_or_too_large_is_refused() {
    let nested = |levels: usize, open: &str, close: &str| format!("{}{}", open.repeat(levels), close.repeat(levels));
    let deep = |levels: usize| {
        let inner = nested(levels, "order { returns(first: 1) { nodes { ", "id } } } ");
        format!("{{ node(id: \"1\") {{ ... on Return {{ {inner} }} }} }}")
    };
    // This builds a chain of fragments, each of which names the next one `width` times.
    let fragments = |levels: usize, width: usize, alias: fn(usize) -> String| {
        let name = |n: usize, k: usize| format!("{} order {{ returns(first: 1) {{ nodes {{ ...F{n} }} }} }} ", alias(k));
        let fragment = |n: usize| {
            let next: String = (0..width).map(|k| name(n + 1, k)).collect();
            format!("fragment F{n} on Return {{ {next} }} ")
        };
        let chain: String = (0..levels).map(fragment).collect();
        format!("query A {{ node(id: \"1\") {{ ... on Return {{ ...F0 }} }} }} {chain} fragment F{levels} on Return {{ id }}")
    };
    let same: fn(usize) -> String = |_| String::new();
    let other: fn(usize) -> String = |k| format!("f{k}:");
    let rows = [
        ("deep enough", deep(10), None),
        ("deep", deep(30), Some("parseError")),
        ("unclosed", "{a".repeat(100_000), Some("parseError")),
        ("a deep value", format!("{{ nodes(ids: {}) {{ id }} }}", nested(100_000, "[", "]")), Some("parseError")),
        ("a deep type", format!("query A($a: {}) {{ nodes(ids: $a) {{ id }} }}", nested(100_000, "[", "]")), Some("parseError")),
        ("long enough", format!("{{ {} }}", "node(id: 1) { id } ".repeat(500)), None),
        ("long", format!("{{ {} }}", "node(id: 1) { id } ".repeat(10_000)), Some("parseError")),
        ("a cycle", "query A { ...F } fragment F on QueryRoot { ...F }".to_owned(), Some(INVALID)),
        ("a chain of fragments", fragments(20, 1, same), Some("BAD_REQUEST")),
        ("wide fragments", fragments(8, 8, other), Some("BAD_REQUEST")),
        ("wide fragments of one name", fragments(8, 8, same), Some("BAD_REQUEST")),
        ("long and wide fragments", fragments(25, 8, other), Some("BAD_REQUEST")),
        ("long and wide fragments of one name", fragments(25, 8, same), Some("BAD_REQUEST")),
    ];
    for (case, document, code) in rows {
        let mut f = fixture();
        let body = f.call(at(1), &document, &json!({}));
        assert_eq!(body["errors"][0]["extensions"]["code"].as_str(), code, "{case}: {:.300}", body.to_string());
        assert_eq!(f.shop.counters().points_spent, 0, "{case}");
    }
}

/// Writes out every field of a type. Each object type occurs once on the way down.
fn everything(schema: &Schema, on: &str, above: &[&str]) -> String {
    let asked = |field: &FieldDefinition| {
        let inner = field.ty.inner_named_type().as_str();
        let first = if field.arguments.iter().any(|argument| argument.name == "first") { "(first: 2)" } else { "" };
        let names = if field.name == "quantities" { "(names: [\"available\"])" } else { "" };
        match &schema.types[inner] {
            ExtendedType::Object(_) if above.contains(&inner) => String::new(),
            ExtendedType::Object(_) => {
                let selected = everything(schema, inner, &[above, &[inner]].concat());
                format!("{}{first}{names} {{ __typename {selected} }} ", field.name)
            }
            ExtendedType::Scalar(_) | ExtendedType::Enum(_) => format!("{} ", field.name),
            ExtendedType::Interface(_) | ExtendedType::Union(_) | ExtendedType::InputObject(_) => panic!("{inner} as a field"),
        }
    };
    let object = schema.get_object(on).expect("an object type");
    object.fields.values().map(|field| asked(field)).collect()
}

/// Protects the completeness of the schema: the fake answers every field.
#[test]
fn every_field_of_the_schema_is_answered() {
    let schema = Schema::parse_and_validate(ADMIN_SCHEMA, "admin_schema.graphql").expect("valid");
    let (mut f, id) = lived_in();
    f.shop.config.query_limit = 1_000_000;
    f.shop.config.bucket_size = 1_000_000;
    let order = f.shop.order(id).expect("placed").clone();
    let rows = [
        ("Order", id.gid()),
        ("Fulfillment", order.fulfilments[0].id.gid()),
        ("FulfillmentOrder", order.fulfilment_orders[0].id.gid()),
        ("Refund", order.refunds[0].id.gid()),
        ("Return", order.returns[0].id.gid()),
        ("ReverseFulfillmentOrder", order.returns[0].reverse.gid()),
        ("InventoryItem", f.board.gid()),
        ("Location", f.main.gid()),
    ];
    for (kind, gid) in rows {
        let document = format!("{{ node(id: \"{gid}\") {{ ... on {kind} {{ {} }} }} }}", everything(&schema, kind, &[kind]));
        let body = with_points(&mut f, &document);
        assert!(body["data"]["node"]["id"].is_string(), "{kind}: {body}");
    }
    let changes = [
        ("inventoryActivate", "InventoryActivatePayload", format!("inventoryItemId: \"{}\", locationId: \"1\"", f.board.gid())),
        (
            "inventoryAdjustQuantities",
            "InventoryAdjustQuantitiesPayload",
            "input: { name: \"x\", reason: \"x\", changes: [] }".to_owned(),
        ),
        (
            "inventorySetQuantities",
            "InventorySetQuantitiesPayload",
            "input: { name: \"x\", reason: \"x\", quantities: [] }".to_owned(),
        ),
        (
            "metafieldsSet",
            "MetafieldsSetPayload",
            "metafields: { ownerId: \"gid://shopify/Order/1\", key: \"k\", value: \"v\" }".to_owned(),
        ),
    ];
    for (field, payload, arguments) in changes {
        let all = everything(&schema, payload, &[payload]);
        let body = with_points(&mut f, &format!("mutation {{ {field}({arguments}) @idempotent(key: \"{field}\") {{ {all} }} }}"));
        let errors = &body["data"][field]["userErrors"];
        assert!(errors[0]["message"].is_string(), "{field} is refused, to see a user error: {body}");
    }
}

/// Runs a document with a budget that is large enough for any document.
fn with_points(f: &mut Fixture, document: &str) -> Value {
    f.shop.bucket = bucket::Bucket::new(1_000_000, 1);
    let body = f.call(at(9), document, &Value::Null);
    assert_eq!(body["errors"], Value::Null, "{document}");
    body
}

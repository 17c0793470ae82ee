//! The GraphQL documents that the adapter sends: valid by Shopify's schema of the pinned version, and within its cost limit.

use std::collections::BTreeSet;
use std::io::Read as _;

use apollo_compiler::ast::{InputValueDefinition, OperationType};
use apollo_compiler::collections::{IndexMap, IndexSet};
use apollo_compiler::schema::{Component, ComponentName, ExtendedType, FieldDefinition};
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Name, Node, Schema};
use flate2::read::GzDecoder;
use promissory::adapters::clock::SystemClock;
use promissory::adapters::shopify::{API_VERSION, Shopify, operations};
use promissory::ports::{Clock, Storefront};
use promissory::storefront::{CostBudget, MAX_ROWS, MUTATION_COST};
use promissory_fakes::shopify::{ADMIN_SCHEMA, Answer, Shop, ShopConfig};
use promissory_tests::shared_files;
use serde_json::{Value, json};

/// Shopify's cost limit for one query, in points.
const LIMIT: i64 = 1_000;

/// Shopify's schema of the pinned version, where it is at hand.
fn official() -> Option<Valid<Schema>> {
    let packed = shared_files::bytes(&shared_files::shopify()?.join(format!("admin-{API_VERSION}.graphql.gz")));
    let mut text = String::new();
    GzDecoder::new(packed.as_slice()).read_to_string(&mut text).expect("the schema unpacks");
    // The printed schema uses this directive without its definition, which the GraphQL specification contains.
    text.push_str("\ndirective @oneOf on INPUT_OBJECT\n");
    Some(Schema::parse_and_validate(text, "admin.graphql").unwrap_or_else(|e| panic!("the schema: {}", e.errors)))
}

/// Protects every call from a field or type that the pinned version does not have.
#[test]
fn every_operation_is_valid_by_the_schema() {
    let Some(schema) = official() else { return };
    for operation in operations::ALL {
        if let Err(invalid) = ExecutableDocument::parse_and_validate(&schema, operation, "operation.graphql") {
            panic!("{operation}\n{}", invalid.errors);
        }
    }
    let wrong = "query Wrong { inventoryItem(id: \"1\") { quantityEverywhere } }";
    assert!(ExecutableDocument::parse_and_validate(&schema, wrong, "wrong.graphql").is_err(), "the check can fail");
}

/// The parts of a type that a caller can see, as text: fields and arguments with their types and defaults, values, interfaces.
fn parts(found: &ExtendedType) -> BTreeSet<String> {
    let inputs = |on: &str, inputs: &mut dyn Iterator<Item = &Node<InputValueDefinition>>| -> Vec<String> {
        let text = |input: &Node<InputValueDefinition>| match &input.default_value {
            Some(default) => format!("{on}{}: {} = {default}", input.name, input.ty),
            None => format!("{on}{}: {}", input.name, input.ty),
        };
        inputs.map(text).collect()
    };
    let fields = |fields: &IndexMap<Name, Component<FieldDefinition>>| -> Vec<String> {
        let text = |field: &Component<FieldDefinition>| {
            let arguments = inputs(&format!("{}/", field.name), &mut field.arguments.iter());
            arguments.into_iter().chain([format!("{}: {}", field.name, field.ty)])
        };
        fields.values().flat_map(text).collect()
    };
    let implemented = |names: &IndexSet<ComponentName>| names.iter().map(|name| format!("is {}", name.name)).collect::<Vec<_>>();
    let parts = match found {
        ExtendedType::Scalar(_) => vec!["a scalar".to_owned()],
        ExtendedType::Object(object) => [fields(&object.fields), implemented(&object.implements_interfaces)].concat(),
        ExtendedType::Interface(interface) => fields(&interface.fields),
        ExtendedType::Union(union) => implemented(&union.members),
        ExtendedType::Enum(values) => values.values.keys().map(ToString::to_string).collect(),
        ExtendedType::InputObject(input) => inputs("", &mut input.fields.values().map(|field| &field.node)),
    };
    parts.into_iter().collect()
}

/// What a schema has that the whole one has not, and what it leaves out that the whole one requires of a caller.
fn differences(part: &str, whole: &Schema) -> Vec<String> {
    let part = Schema::parse_and_validate(part, "part.graphql").unwrap_or_else(|e| panic!("the part: {}", e.errors));
    let roots = [OperationType::Query, OperationType::Mutation];
    let mut found: Vec<String> = roots
        .iter()
        .filter(|kind| part.root_operation(**kind) != whole.root_operation(**kind))
        .map(|kind| format!("{kind} has another root"))
        .collect();
    for (name, mine) in part.types.iter().filter(|(_, found)| !found.is_built_in()) {
        let Some(theirs) = whole.types.get(name) else {
            found.push(format!("{name} is invented"));
            continue;
        };
        let (mine, input, theirs) = (parts(mine), theirs.is_input_object(), parts(theirs));
        found.extend(mine.difference(&theirs).map(|part| format!("{name} has an invented part: {part}")));
        // An argument counts where its field is served.
        let asked = |part: &str| match part.split_once('/') {
            Some((field, _)) => mine.iter().any(|mine| mine.starts_with(&format!("{field}:"))),
            None => input,
        };
        let missing = theirs.difference(&mine).filter(|part| part.ends_with('!') && asked(part));
        found.extend(missing.map(|part| format!("{name} does not ask for {part}")));
    }
    found
}

/// Protects the fake from promising what Shopify does not have, and from taking what Shopify would refuse.
#[test]
fn the_fake_serves_a_part_of_the_schema() {
    let Some(whole) = official() else { return };
    assert_eq!(differences(ADMIN_SCHEMA, &whole), [""; 0]);
    let rows = [
        ("tracked: Boolean!", "tracked: Boolean"),
        ("tracked: Boolean!", "colour: String"),
        ("node(id: ID!): Node", "node(id: ID): Node"),
        ("order(id: ID!): Order", "order: Order"),
        ("  delta: Int!\n", ""),
        ("type Count ", "type Total { count: Int! }\n\ntype Count "),
        ("PARTIALLY_REFUNDED", "REFUNDED_IN_PART"),
    ];
    for (ours, wrong) in rows {
        let changed = ADMIN_SCHEMA.replacen(ours, wrong, 1);
        assert_ne!(changed, ADMIN_SCHEMA, "{ours:?} is in the schema");
        assert!(!differences(&changed, &whole).is_empty(), "{wrong:?} is found");
    }
}

/// The variables of an operation at its largest.
fn largest(operation: &str) -> Value {
    let gid = |kind: &str, n: usize| format!("gid://shopify/{kind}/{n}");
    let rows = |number: &str| -> Vec<Value> {
        let row = |n| json!({ "inventoryItemId": gid("InventoryItem", n), "locationId": gid("Location", 1), "changeFromQuantity": null, number: 1 });
        (1..=MAX_ROWS).map(row).collect()
    };
    let input = |array: &str, number: &str| json!({ "name": "available", "reason": "other", array: rows(number) });
    match operation {
        operations::ADJUST_AVAILABLE => json!({ "key": "k", "input": input("changes", "delta") }),
        operations::SET_AVAILABLE => json!({ "key": "k", "input": input("quantities", "quantity") }),
        operations::ACTIVATE_LEVEL => {
            json!({ "available": 0, "key": "k", "item": gid("InventoryItem", 1), "location": gid("Location", 1) })
        }
        operations::SET_METAFIELDS => {
            let row = |n| json!({ "ownerId": gid("ProductVariant", n), "namespace": "promissory", "key": "lots", "type": "json", "value": "[]" });
            json!({ "metafields": (1..=<Shopify as Storefront>::METAFIELDS_AT_ONCE).map(row).collect::<Vec<_>>() })
        }
        operations::LEVELS_OF_ITEMS => {
            json!({ "ids": (1..=<Shopify as Storefront>::LEVELS_AT_ONCE).map(|n| gid("InventoryItem", n)).collect::<Vec<_>>() })
        }
        operations::LEVELS_OF_ITEM => json!({ "id": gid("InventoryItem", 1), "after": null }),
        operations::VARIANTS => json!({ "after": null }),
        operations::ORDERS_UPDATED => json!({ "query": "", "after": null }),
        operations::DRAFTS_UPDATED => json!({ "query": "NOT status:completed", "after": null }),
        operations::DRAFT => json!({ "id": gid("DraftOrder", 1) }),
        operations::MORE_DRAFT_LINES => json!({ "id": gid("DraftOrder", 1), "after": null }),
        operations::ORDER | operations::ALL_FULFILMENTS | operations::ALL_REFUNDS => json!({ "id": gid("Order", 1) }),
        operations::MORE_LINES | operations::MORE_FULFILMENT_ORDERS | operations::MORE_RETURNS => {
            json!({ "id": gid("Order", 1), "after": null })
        }
        operations::MORE_OF_PART => json!({ "id": gid("Fulfillment", 1), "after": null }),
        operations::ORDER_OF => json!({ "id": gid("FulfillmentOrder", 1) }),
        other => panic!("add the largest variables of the operation {other} here"),
    }
}

/// Protects the rate limit: no operation exceeds the cost limit of one query, and a mutation costs what the pusher plans with.
#[test]
fn every_operation_is_affordable_at_its_largest() {
    for operation in operations::ALL {
        let mut shop = Shop::new(ShopConfig::default());
        let body = json!({ "query": operation, "variables": largest(operation) }).to_string();
        let answer = shop.graphql(SystemClock.now(), body.as_bytes());
        let Answer::Json(answer) = answer else { panic!("{operation}: {answer:?}") };
        assert_eq!(answer["errors"], Value::Null, "{operation}");
        let requested = answer["extensions"]["cost"]["requestedQueryCost"].as_i64().expect("a cost");
        assert!((1..=LIMIT).contains(&requested), "{requested} points: {operation}");
        if operation.starts_with("mutation") {
            assert_eq!(u64::try_from(requested).ok(), Some(MUTATION_COST), "{operation}");
        }
        let maximum = u64::from(ShopConfig::default().bucket_size);
        let full = CostBudget { maximum, available: maximum, restore_rate: 1, seen_at: SystemClock.now() };
        let cost = u64::try_from(requested).expect("above zero");
        assert!(full.wait_for(cost, full.seen_at).is_zero(), "a full bucket pays for {operation}");
    }
}

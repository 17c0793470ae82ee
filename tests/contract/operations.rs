//! The GraphQL documents that the adapter sends: valid by Shopify's schema of the pinned version, and within its cost limit.

use std::io::Read as _;

use apollo_compiler::{ExecutableDocument, Schema};
use flate2::read::GzDecoder;
use promissory::adapters::clock::SystemClock;
use promissory::adapters::shopify::{API_VERSION, Shopify, operations};
use promissory::ports::{Clock, Storefront};
use promissory::storefront::{CostBudget, MAX_ROWS, MUTATION_COST};
use promissory_fakes::shopify::{Answer, Shop, ShopConfig};
use promissory_tests::shared_files;
use serde_json::{Value, json};

/// Shopify's cost limit for one query, in points.
const LIMIT: i64 = 1_000;

/// Protects every call from fields or types that the pinned version does not have.
#[test]
fn every_operation_is_valid_by_the_schema() {
    let Some(shopify) = shared_files::shopify() else { return };
    let packed = shared_files::bytes(&shopify.join(format!("admin-{API_VERSION}.graphql.gz")));
    let mut text = String::new();
    GzDecoder::new(packed.as_slice()).read_to_string(&mut text).expect("the schema unpacks");
    // The printed schema uses this directive without its definition, which the GraphQL specification contains.
    text.push_str("\ndirective @oneOf on INPUT_OBJECT\n");
    let schema = Schema::parse_and_validate(text, "admin.graphql").unwrap_or_else(|e| panic!("the schema: {}", e.errors));
    for operation in operations::ALL {
        if let Err(invalid) = ExecutableDocument::parse_and_validate(&schema, operation, "operation.graphql") {
            panic!("{operation}\n{}", invalid.errors);
        }
    }
    let wrong = "query Wrong { inventoryItem(id: \"1\") { quantityEverywhere } }";
    assert!(ExecutableDocument::parse_and_validate(&schema, wrong, "wrong.graphql").is_err(), "the check can fail");
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
        operations::ACTIVATE_LEVEL => json!({ "key": "k", "item": gid("InventoryItem", 1), "location": gid("Location", 1) }),
        operations::DESCRIBE => {
            let row = |n| json!({ "ownerId": gid("ProductVariant", n), "namespace": "promissory", "key": "lots", "type": "json", "value": "[]" });
            json!({ "metafields": (1..=<Shopify as Storefront>::METAFIELDS_AT_ONCE).map(row).collect::<Vec<_>>() })
        }
        operations::LEVELS_OF_ITEMS => {
            json!({ "ids": (1..=<Shopify as Storefront>::LEVELS_AT_ONCE).map(|n| gid("InventoryItem", n)).collect::<Vec<_>>() })
        }
        operations::LEVELS_OF_ITEM => json!({ "id": gid("InventoryItem", 1), "after": null }),
        operations::VARIANTS => json!({ "after": null }),
        operations::ORDERS_UPDATED => json!({ "query": "", "after": null }),
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

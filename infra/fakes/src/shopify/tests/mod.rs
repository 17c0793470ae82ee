//! Tests of the fake with our own operations. They are tables of cases, and cover refused calls as fully as accepted ones.

mod budget;
mod checkout;
mod deliveries;
mod draft_orders;
mod faults;
mod http;
mod metafields;
mod mutations;
mod orders;
mod reads;
mod requests;
mod steps;
mod walk;
mod whole_order;

use super::*;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const ADJUST: &str = include_str!("../../../../../shared/src/adapters/shopify/operations/adjust_available.graphql");
const SET: &str = include_str!("../../../../../shared/src/adapters/shopify/operations/set_available.graphql");
const ACTIVATE: &str = include_str!("../../../../../shared/src/adapters/shopify/operations/activate_level.graphql");
const SET_METAFIELDS: &str = include_str!("../../../../../shared/src/adapters/shopify/operations/set_metafields.graphql");
const LEVELS: &str = include_str!("../../../../../shared/src/adapters/shopify/operations/levels_of_items.graphql");
const LEVELS_OF_ONE: &str = include_str!("../../../../../shared/src/adapters/shopify/operations/levels_of_item.graphql");
const ORDERS: &str = include_str!("documents/orders_with_parts.graphql");
const ORDER_LINES: &str = include_str!("documents/order_lines.graphql");
const ORDER_FULFILMENTS: &str = include_str!("documents/order_fulfilments.graphql");
const FULFILMENT: &str = include_str!("documents/fulfilment_lines.graphql");

/// Returns a time that is some seconds after noon.
fn at(seconds: i64) -> Timestamp {
    let noon: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a valid time");
    noon + SignedDuration::from_secs(seconds)
}

/// A shop with one item, BOARD: 5 and 3 units at two locations that fulfil online, and 4 at a retail location that does not.
struct Fixture {
    shop: Shop,
    board: ItemId,
    main: LocationId,
    annex: LocationId,
    retail: LocationId,
}

fn fixture() -> Fixture {
    with_config(ShopConfig::default())
}

fn with_config(config: ShopConfig) -> Fixture {
    let mut shop = Shop::new(config);
    let mut place = |name: &str, fulfils_online| {
        shop.add_location(NewLocation { id: None, name: name.to_owned(), fulfils_online }).expect("a new location")
    };
    let (main, annex, retail) = (place("Main", true), place("Annex", true), place("Retail", false));
    let board = shop.add_item(NewItem::tracked("BOARD")).expect("a new item");
    for (location, available) in [(main, 5), (annex, 3), (retail, 4)] {
        shop.stock(at(0), board, location, available, true).expect("known");
    }
    Fixture { shop, board, main, annex, retail }
}

impl Fixture {
    fn item(&mut self, new: NewItem) -> ItemId {
        let id = self.shop.add_item(new).expect("a new item");
        self.shop.stock(at(0), id, self.main, 10, true).expect("known");
        id
    }

    fn level(&self, location: LocationId) -> (i64, i64) {
        self.shop.level(self.board, location).map(|level| (level.available, level.committed)).expect("stocked")
    }

    /// Calls an operation and returns its JSON body. Panics if the answer has another form.
    fn call(&mut self, now: Timestamp, document: &str, variables: &Value) -> Value {
        let answer = self.raw(now, document, variables);
        let Answer::Json(body) = answer else { panic!("an answer was expected, not {answer:?}") };
        self.shop.assert_sound();
        body
    }

    fn raw(&mut self, now: Timestamp, document: &str, variables: &Value) -> Answer {
        self.shop.graphql(now, json!({ "query": document, "variables": variables }).to_string().as_bytes())
    }

    /// Returns the variables of an adjustment of BOARD.
    fn adjustment(&self, key: &str, rows: &[(LocationId, i64)]) -> Value {
        let changes: Vec<Value> = rows.iter().map(|(location, delta)| change(self.board, *location, *delta)).collect();
        adjustment(key, &changes)
    }
}

fn change(item: ItemId, location: LocationId, delta: i64) -> Value {
    json!({ "inventoryItemId": item.gid(), "locationId": location.gid(), "delta": delta, "changeFromQuantity": null })
}

fn adjustment(key: &str, changes: &[Value]) -> Value {
    let reference = "gid://promissory/Movement/BOARD@MAIN/1";
    json!({ "key": key, "input": { "name": "available", "reason": "correction", "referenceDocumentUri": reference, "changes": changes } })
}

/// Returns the codes of the user errors of a mutation's answer, with the paths of the fields that they are about.
fn refusals(body: &Value, mutation: &str) -> Vec<(String, String)> {
    let errors = body["data"][mutation]["userErrors"].as_array().unwrap_or_else(|| panic!("a payload in {body}"));
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let path = |error: &Value| {
        error["field"].as_array().map(|path| path.iter().map(text).collect::<Vec<_>>().join(".")).unwrap_or_default()
    };
    errors.iter().map(|error| (text(&error["code"]), path(error))).collect()
}

/// The code for a document that is not valid for the schema.
const INVALID: &str = "GRAPHQL_VALIDATION_FAILED";

/// Returns the code of the one top-level error of an answer.
fn top_error(body: &Value) -> &str {
    body["errors"][0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("a top-level error in {body}"))
}

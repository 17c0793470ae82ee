//! What a call costs, in points, before it runs.
//!
//! Documented (shopify.dev, "API limits"): a scalar 0, an object 1, a connection by its page size, a mutation 10.
//! The size rule is not published. The one here, `2 + weight(first) × node`, weight = ⌊2 ln n⌋ and at least 1, fits all
//! but one of the 16 costs that Microsoft's open-source Shopify connector had noted for its queries when this was written.
//! Lists with `first` are weighed likewise, and `nodes(ids:)` by the number of ids: both inferred, on the dear side.

use super::document::{Document, Field, Kind, Selection};
use serde_json::{Map, Value};

/// What a mutation costs, whatever it returns.
pub(super) const MUTATION: i64 = 10;
const CONNECTION: i64 = 2;

/// ⌊2 ln n⌋, at least 1 for a page that holds anything: the page sizes from which the weight is one more.
const STEPS: [i64; 10] = [3, 5, 8, 13, 21, 34, 55, 91, 149, 245];

/// What a page of `n` weighs, in nodes.
pub(super) fn weight(n: i64) -> i64 {
    let steps = STEPS.iter().filter(|step| **step <= n).count();
    if n < 1 { 0 } else { 1 + i64::try_from(steps).expect("ten at most") }
}

/// The cost of a page that was returned: its nodes' costs, at the weight of so many.
pub(super) fn page(count: i64, nodes: i64) -> i64 {
    if count < 1 {
        return CONNECTION;
    }
    let weighed = weight(count).saturating_mul(nodes);
    CONNECTION + weighed.div_euclid(count) + i64::from(weighed.rem_euclid(count) > 0)
}

/// Fields of a connection: their objects are free.
const PARTS: [&str; 3] = ["pageInfo", "nodes", "edges"];

/// The cost that a document requests.
pub(super) fn requested(document: &Document, variables: &Map<String, Value>) -> i64 {
    match document.kind {
        Kind::Mutation => MUTATION,
        Kind::Query => selections(&document.selections, variables),
    }
}

fn selections(list: &[Selection], variables: &Map<String, Value>) -> i64 {
    let costs = list.iter().map(|selection| match selection {
        Selection::Field(field) => field_cost(field, variables),
        Selection::On(_, inner) => selections(inner, variables),
    });
    costs.fold(0, i64::saturating_add)
}

fn field_cost(field: &Field, variables: &Map<String, Value>) -> i64 {
    if field.selections.is_empty() {
        return 0;
    }
    let inner = selections(&field.selections, variables);
    let size = ["first", "last"].iter().find_map(|name| field.argument(name, variables)?.as_i64());
    if let Some(ids) = field.argument("ids", variables) {
        // The root's `nodes(ids:)`, which is no connection.
        let count = ids.as_array().map_or(0, |ids| i64::try_from(ids.len()).unwrap_or(i64::MAX));
        count.saturating_mul(1 + inner)
    } else if let Some(size) = size {
        let base = if is_connection(field) { CONNECTION } else { 0 };
        let node = 1 + inner;
        weight(size).saturating_mul(node).saturating_add(base)
    } else {
        // An edge's `node` has no argument; the root's `node(id:)` does.
        let free = PARTS.contains(&field.name.as_str()) || (field.name == "node" && field.arguments.is_empty());
        i64::from(!free) + inner
    }
}

/// Whether a field is asked for as a connection.
pub(super) fn is_connection(field: &Field) -> bool {
    field.selections.iter().any(|selection| matches!(selection, Selection::Field(inner) if PARTS.contains(&inner.name.as_str())))
}

#[cfg(test)]
mod tests {
    use super::super::parser::parse;
    use super::*;

    /// Protects the cost model: shapes whose costs are published keep those costs, and page weights follow ⌊2 ln n⌋.
    #[test]
    fn costs_are_those_that_were_noted_for_real_shops() {
        let rows = [
            ("{ staffMembers(first: 20) { nodes { id } pageInfo { hasNextPage } } }", 7),
            ("{ locations(first: 20) { nodes { id fulfillmentService { id } } } }", 12),
            ("{ webhookSubscriptions(first: 10) { edges { cursor node { id } } } }", 6),
            ("{ shopifyPaymentsAccount { payouts(first: 200) { nodes { id } } } }", 13),
            (
                "{ location(id: 1) { inventoryLevels(first: 100) { edges { node { id quantities(names: [\"available\"]) { quantity } item { id variant { id product { id } } } } } } } }",
                48,
            ),
            (
                "{ order(id: 1) { fulfillments { id location { id } trackingInfo { url } service { id } fulfillmentLineItems(first: 10) { nodes { id lineItem { id } } } } } }",
                15,
            ),
            ("{ publications(first: 25) { edges { node { id catalog { id apps(first: 1) { edges { node { id } } } } } } } }", 32),
            ("mutation { anything(input: {}) { userErrors { field } } }", 10),
            ("{ nodes(ids: [1, 2, 3]) { ... on InventoryItem { id variant { id } } } }", 6),
        ];
        for (text, expected) in rows {
            assert_eq!(requested(&parse(text).expect("a document"), &Map::new()), expected, "{text}");
        }
        for (n, expected) in
            [(0, 0), (1, 1), (2, 1), (3, 2), (5, 3), (10, 4), (20, 5), (25, 6), (50, 7), (100, 9), (200, 10), (250, 11)]
        {
            assert_eq!(weight(n), expected, "a page of {n}");
        }
    }

    /// Protects the refund: what is returned never costs more than what was asked for.
    #[test]
    fn a_full_page_costs_what_it_requested_and_an_empty_one_the_connection() {
        for (count, nodes, expected) in [(0, 0, 2), (1, 3, 5), (10, 30, 14), (9, 27, 14), (100, 500, 47)] {
            assert_eq!(page(count, nodes), expected, "{count} nodes for {nodes}");
        }
    }
}

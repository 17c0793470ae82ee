//! The cost of a call in points, computed before the call runs.
//!
//! Documented (shopify.dev, "API limits"): a scalar costs 0, an object 1, a connection depends on its page size, and a mutation
//! costs 10. Shopify does not publish the rule for the page size. The rule here, `2 + weight(first) × node` with weight = ⌊2 ln
//! n⌋ and at least 1, fits all but one of the 16 costs that Microsoft's open-source Shopify connector had noted for its queries
//! when this was written. A list with `first` is weighted in the same way, and `nodes(ids:)` by the number of ids. These two
//! rules are inferred, and they err on the expensive side.

use super::document::{DEEPEST, Request, Selected};
use super::resolve::TopError;
use super::schema::list;
use apollo_compiler::executable::{Field, SelectionSet};

/// The cost of a mutation, whatever it returns.
pub(super) const MUTATION: i64 = 10;
const CONNECTION: i64 = 2;

/// The page sizes from which the weight is one more. The weight is ⌊2 ln n⌋, and at least 1 for a page that has a row.
const STEPS: [i64; 10] = [3, 5, 8, 13, 21, 34, 55, 91, 149, 245];

/// Returns the weight of a page of `n` rows: the number of nodes that the page is charged for.
pub(super) fn weight(n: i64) -> i64 {
    let steps = STEPS.iter().filter(|step| **step <= n).count();
    if n < 1 { 0 } else { 1 + i64::try_from(steps).expect("ten at most") }
}

/// Returns the cost of a page that was returned. `nodes` is the sum of the costs of its nodes; their average is charged at the
/// weight of `count` rows.
pub(super) fn page(count: i64, nodes: i64) -> i64 {
    if count < 1 {
        return CONNECTION;
    }
    let weighed = weight(count).saturating_mul(nodes);
    CONNECTION + weighed.div_euclid(count) + i64::from(weighed.rem_euclid(count) > 0)
}

/// The rule for the total cost of the objects in a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Charge {
    /// The cost of the most expensive object, because a list without a size was priced as one object before the call ran.
    Dearest,
    /// The cost of a page of the objects, without the cost of a connection.
    Weighed,
    /// The sum of the costs of the objects.
    Each,
}

impl Charge {
    /// Returns the cost of a list from the costs of its objects.
    pub(super) fn total(self, costs: &[i64]) -> i64 {
        match self {
            Charge::Dearest => costs.iter().copied().max().unwrap_or(0),
            Charge::Weighed => page(count(costs), costs.iter().sum()) - CONNECTION,
            Charge::Each => costs.iter().sum(),
        }
    }
}

/// Returns the number of rows in a page or a list.
pub(super) fn count<T>(rows: &[T]) -> i64 {
    i64::try_from(rows.len()).expect("a list in memory")
}

/// The maximum number of selections that are priced. A selection counts each time that a fragment includes it. Fragments that
/// name fragments can make a short text select more than any shop could answer.
const MOST_SELECTIONS: usize = 10_000;

/// Returns the cost that an operation requests.
///
/// # Errors
/// The operation is nested too deep, or selects too much once its fragments are expanded. The library limits only the text.
pub(super) fn requested(request: Request<'_>) -> Result<i64, TopError> {
    let mut priced = Priced { request, left: MOST_SELECTIONS };
    let cost = priced.set(&request.operation.selection_set, DEEPEST)?;
    Ok(if request.operation.is_mutation() { MUTATION } else { cost })
}

struct Priced<'a> {
    request: Request<'a>,
    left: usize,
}

impl<'a> Priced<'a> {
    fn set(&mut self, set: &'a SelectionSet, levels: usize) -> Result<i64, TopError> {
        let refused = |problem: String| TopError::new("BAD_REQUEST", problem);
        let levels = levels.checked_sub(1).ok_or_else(|| refused(format!("the operation is nested deeper than {DEEPEST}")))?;
        // The parts of a connection or an edge are free, because the page size pays for the rows.
        let free = set.ty.ends_with("Connection") || set.ty.ends_with("Edge");
        let mut cost: i64 = 0;
        for selected in self.request.selections(set) {
            self.left = self.left.checked_sub(1).ok_or_else(|| refused(format!("more than {MOST_SELECTIONS} selections")))?;
            cost = cost.saturating_add(match selected {
                Selected::Fragment(inner) => self.set(inner, levels)?,
                Selected::Field(field) => self.field(field, free, levels)?,
            });
        }
        Ok(cost)
    }

    fn field(&mut self, field: &'a Field, free: bool, levels: usize) -> Result<i64, TopError> {
        if field.selection_set.is_empty() {
            return Ok(0);
        }
        let inner = self.set(&field.selection_set, levels)?;
        let node = inner.saturating_add(1);
        let arguments = self.request.arguments(field);
        Ok(if let Some(ids) = arguments.get("ids") {
            // This is `nodes(ids:)` of the root, which is not a connection.
            count(&list(Some(ids))).saturating_mul(node)
        } else if let Some(size) = arguments.get("first").and_then(|first| first.as_i64()) {
            let base = if field.ty().inner_named_type().ends_with("Connection") { CONNECTION } else { 0 };
            weight(size).saturating_mul(node).saturating_add(base)
        } else if free {
            inner
        } else {
            node
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::{checked, operation};
    use super::*;
    use apollo_compiler::Schema;
    use apollo_compiler::response::JsonMap;
    use apollo_compiler::validation::Valid;

    /// The shapes of queries of other apps: every object has every field.
    const SHAPES: &str = "
        type Query {
          location(id: ID): Thing  order(id: ID): Thing  shopifyPaymentsAccount: Thing  nodes(ids: [ID!]): [Thing]
          staffMembers(first: Int): ThingConnection  locations(first: Int): ThingConnection
          webhookSubscriptions(first: Int): ThingConnection  publications(first: Int): ThingConnection
        }
        type Mutation { anything(id: ID): Thing }
        type Thing {
          id: ID  url: String  quantity: Int  field: String  quantities(names: [String!]): [Thing]
          fulfillmentService: Thing  item: Thing  variant: Thing  product: Thing  location: Thing  service: Thing
          lineItem: Thing  catalog: Thing  userErrors: [Thing]  fulfillments: [Thing]  trackingInfo: [Thing]
          payouts(first: Int): ThingConnection  inventoryLevels(first: Int): ThingConnection
          fulfillmentLineItems(first: Int): ThingConnection  apps(first: Int): ThingConnection
        }
        type ThingConnection { nodes: [Thing]  edges: [ThingEdge]  pageInfo: PageInfo }
        type ThingEdge { cursor: String  node: Thing }
        type PageInfo { hasNextPage: Boolean }";

    /// Protects the cost model: query shapes with a published cost have that cost, and page weights follow ⌊2 ln n⌋.
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
            ("mutation { anything(id: 1) { userErrors { field } } }", 10),
            ("{ nodes(ids: [1, 2, 3]) { ... on Thing { id variant { id } } } }", 6),
        ];
        let (schema, none) = (Schema::parse_and_validate(SHAPES, "shapes").expect("valid"), Valid::assume_valid(JsonMap::new()));
        for (text, expected) in rows {
            let document = checked(&schema, text).expect("a document");
            let operation = operation(&document, None).expect("one operation");
            let cost = requested(Request::new(&document, operation, &none)).expect("small");
            assert_eq!(cost, expected, "{text}");
        }
        for (n, expected) in
            [(0, 0), (1, 1), (2, 1), (3, 2), (5, 3), (10, 4), (20, 5), (25, 6), (50, 7), (100, 9), (200, 10), (250, 11)]
        {
            assert_eq!(weight(n), expected, "a page of {n}");
        }
    }

    /// Protects the refund: the cost of what a call returns never exceeds the cost that it requested.
    #[test]
    fn a_full_page_costs_what_it_requested_and_an_empty_one_the_connection() {
        for (count, nodes, expected) in [(0, 0, 2), (1, 3, 5), (10, 30, 14), (9, 27, 14), (100, 500, 47)] {
            assert_eq!(page(count, nodes), expected, "{count} nodes for {nodes}");
        }
    }
}

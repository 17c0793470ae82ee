//! What a call costs, in points, before it runs.
//!
//! Documented (shopify.dev, "API limits"): a scalar 0, an object 1, a connection by its page size, a mutation 10.
//! The size rule is not published. The one here, `2 + weight(first) × node`, weight = ⌊2 ln n⌋ and at least 1, fits all
//! but one of the 16 costs that Microsoft's open-source Shopify connector had noted for its queries when this was written.
//! Lists with `first` are weighed likewise, and `nodes(ids:)` by the number of ids: both inferred, on the dear side.

use super::document::{DEEPEST, Request, Selected};
use super::resolve::TopError;
use super::schema::list;
use apollo_compiler::executable::{Field, SelectionSet};

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

/// What the objects of a list cost together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Charge {
    /// As much as the dearest of them, as a list without a size was priced before it ran.
    Dearest,
    /// What a page of them costs, less the connection.
    Weighed,
    /// Each what it costs.
    Each,
}

impl Charge {
    /// The cost of a list by the costs of its objects.
    pub(super) fn total(self, costs: &[i64]) -> i64 {
        match self {
            Charge::Dearest => costs.iter().copied().max().unwrap_or(0),
            Charge::Weighed => page(count(costs), costs.iter().sum()) - CONNECTION,
            Charge::Each => costs.iter().sum(),
        }
    }
}

/// How many rows a page or a list has.
pub(super) fn count<T>(rows: &[T]) -> i64 {
    i64::try_from(rows.len()).expect("a list in memory")
}

/// Selections that are priced, each as often as fragments bring it in. Fragments that name fragments can make a short text
/// select more than any shop could answer.
const MOST_SELECTIONS: usize = 10_000;

/// The cost that an operation requests.
///
/// # Errors
/// It is nested too deep or selects too much once its fragments are put in: the library bounds the text only.
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
        // What a connection or an edge consists of is free: its rows are paid for by the size of the page.
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
            // The root's `nodes(ids:)`, which is no connection.
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

    /// The shapes of other apps' queries: every object has every field.
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

    /// Protects the refund: what is returned never costs more than what was asked for.
    #[test]
    fn a_full_page_costs_what_it_requested_and_an_empty_one_the_connection() {
        for (count, nodes, expected) in [(0, 0, 2), (1, 3, 5), (10, 30, 14), (9, 27, 14), (100, 500, 47)] {
            assert_eq!(page(count, nodes), expected, "{count} nodes for {nodes}");
        }
    }
}

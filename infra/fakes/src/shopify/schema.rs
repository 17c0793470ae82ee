//! Resolves the fields of `admin_schema.graphql`. Orders and their parts are in `order_schema`.
//!
//! A connection is walked by sort key, not by row number. A row that moves between two pages therefore moves here as it does in
//! Shopify: an order that changes during a sweep comes again at the end. Inactive levels are left out unless the query asks for
//! them.

use super::cost::Charge;
use super::document::Arguments;
use super::ids::{ItemId, LocationId};
use super::mutation::{Outcome, UserError};
use super::order_schema::{self, Part};
use super::page;
use super::resolve::{Page, TopError};
use super::shop::Shop;
use super::stock::{InventoryState, Item, Level};
use super::time::zulu;
use apollo_compiler::response::JsonValue;
use serde_json::Value;

/// An object that has fields.
#[derive(Clone, Copy)]
pub(super) enum Node<'a> {
    Query,
    Page(&'a Page<'a>),
    PageInfo(&'a Page<'a>),
    Item(&'a Item),
    Variant(&'a Item),
    Level(&'a Item, LocationId, &'a Level),
    Quantity(&'static str, i64, jiff::Timestamp),
    Location(LocationId),
    Part(Part<'a>),
    Count(usize),
    Outcome(&'a Outcome),
    Group(i64),
    UserError(&'a UserError),
}

/// The value of a field.
pub(super) enum Resolved<'a> {
    Leaf(Value),
    One(Option<Node<'a>>),
    List(Vec<Option<Node<'a>>>, Charge),
    Page(Page<'a>),
}

impl Node<'_> {
    /// Returns the type of an object that may be behind an interface. For any other object the schema determines the type.
    pub(super) fn type_name(&self) -> Option<&'static str> {
        match self {
            Node::Item(_) => Some("InventoryItem"),
            Node::Location(_) => Some("Location"),
            Node::Part(part) => part.type_name(),
            Node::Query
            | Node::Page(_)
            | Node::PageInfo(_)
            | Node::Variant(_)
            | Node::Level(..)
            | Node::Quantity(..)
            | Node::Count(_)
            | Node::Outcome(_)
            | Node::Group(_)
            | Node::UserError(_) => None,
        }
    }

    /// Returns the cost of the object without its fields.
    pub(super) fn price(&self) -> i64 {
        i64::from(!matches!(self, Node::PageInfo(_)))
    }
}

pub(super) fn leaf<'a>(value: impl Into<Value>) -> Resolved<'a> {
    Resolved::Leaf(value.into())
}

pub(super) fn maybe<'a>(value: Option<impl Into<Value>>) -> Resolved<'a> {
    Resolved::Leaf(value.map_or(Value::Null, Into::into))
}

/// Resolves a field of an object. The document is valid, so the type of the object has the field.
pub(super) fn resolve<'a>(shop: &'a Shop, node: &Node<'a>, arguments: Arguments<'_>) -> Result<Resolved<'a>, TopError> {
    let name = arguments.field.name.as_str();
    Ok(match (*node, name) {
        (Node::Query, _) => return root(shop, arguments),

        (Node::Page(page), "nodes") => Resolved::List(page.nodes.iter().map(|(_, node)| Some(*node)).collect(), Charge::Each),
        (Node::Page(page), "pageInfo") => Resolved::One(Some(Node::PageInfo(page))),
        (Node::PageInfo(page), "hasNextPage") => leaf(page.has_next),
        (Node::PageInfo(page), "endCursor") => maybe(page.nodes.last().map(|(cursor, _)| cursor.as_str())),

        (Node::Item(item), "id") => leaf(item.id.gid()),
        (Node::Item(item), "tracked") => leaf(item.tracked),
        (Node::Item(item), "inventoryLevels") => Resolved::Page(page::levels(shop, item, arguments)?),
        (Node::Variant(item), "id") => leaf(item.variant.gid()),
        (Node::Variant(item), "sku") => maybe((!item.sku.is_empty()).then_some(item.sku.as_str())),
        (Node::Variant(item), "inventoryItem") => Resolved::One(Some(Node::Item(item))),
        (Node::Variant(item), "requiresComponents") => leaf(item.bundle),

        (Node::Level(item, location, _), "id") => leaf(level_gid(item.id, location)),
        (Node::Level(_, _, level), "isActive") => leaf(level.active),
        (Node::Level(_, _, level), "updatedAt") => leaf(zulu(level.updated_at)),
        (Node::Level(_, id, _), "location") => Resolved::One(Some(Node::Location(id))),
        (Node::Level(_, _, level), "quantities") => Resolved::List(quantities(level, arguments)?, Charge::Dearest),
        (Node::Quantity(name, ..), "name") => leaf(name),
        (Node::Quantity(_, quantity, _), "quantity") => leaf(quantity),
        (Node::Quantity(_, _, at), "updatedAt") => leaf(zulu(at)),
        (Node::Location(id), "id") => leaf(id.gid()),

        (Node::Part(part), _) => return order_schema::resolve(shop, part, arguments),
        (Node::Count(count), "count") => leaf(count),

        (Node::Outcome(outcome), "inventoryAdjustmentGroup") => Resolved::One(outcome.group.map(Node::Group)),
        (Node::Outcome(outcome), "inventoryLevel") => {
            let found = outcome.level.and_then(|(item, id)| Some((shop.items.get(&item)?, id, shop.levels.get(&(item, id))?)));
            Resolved::One(found.map(|(item, id, level)| Node::Level(item, id, level)))
        }
        (Node::Outcome(outcome), "userErrors") => {
            Resolved::List(outcome.errors.iter().map(|error| Some(Node::UserError(error))).collect(), Charge::Dearest)
        }
        (Node::UserError(error), "field") => leaf(error.field.clone()),
        (Node::UserError(error), "message") => leaf(error.message.as_str()),
        (Node::UserError(error), "code") => leaf(error.code.name()),
        (Node::UserError(error), "elementIndex") => maybe(error.field.iter().flatten().find_map(|part| part.parse::<i64>().ok())),
        (Node::Group(number), "id") => leaf(format!("gid://shopify/InventoryAdjustmentGroup/{number}")),

        (_, name) => unreachable!("the schema has the field '{name}', and nothing answers it"),
    })
}

fn root<'a>(shop: &'a Shop, arguments: Arguments<'_>) -> Result<Resolved<'a>, TopError> {
    let id = || arguments.get("id").and_then(|id| id.as_str().map(str::to_owned)).unwrap_or_default();
    Ok(match arguments.field.name.as_str() {
        "productVariants" => Resolved::Page(page::variants(shop, arguments)?),
        "inventoryItem" => Resolved::One(ItemId::parse(&id()).and_then(|id| shop.items.get(&id)).map(Node::Item)),
        "orders" => Resolved::Page(page::orders(shop, arguments)?),
        "order" => Resolved::One(any(shop, &id()).filter(|node| matches!(node, Node::Part(Part::Order(_))))),
        "fulfillment" => Resolved::One(any(shop, &id()).filter(|node| matches!(node, Node::Part(Part::Fulfilment(..))))),
        "draftOrders" | "draftOrder" if shop.faults.no_drafts_scope => {
            return Err(TopError::new("ACCESS_DENIED", "Access denied: the required access is `read_draft_orders`"));
        }
        "draftOrders" => Resolved::Page(page::drafts(shop, arguments)?),
        "draftOrder" => Resolved::One(any(shop, &id()).filter(|node| matches!(node, Node::Part(Part::Draft(_))))),
        "node" => Resolved::One(any(shop, &id())),
        "nodes" => {
            let ids = list(arguments.get("ids"));
            if ids.len() > page::LARGEST {
                return Err(super::mutation::too_many(ids.len()));
            }
            Resolved::List(ids.iter().map(|id| any(shop, id.as_str().unwrap_or_default())).collect(), Charge::Each)
        }
        "__schema" | "__type" => {
            return Err(TopError::new("BAD_REQUEST", "introspection is not served: the schema is admin_schema.graphql"));
        }
        name => unreachable!("the schema has the query '{name}', and nothing answers it"),
    })
}

/// Returns the items of a list argument. In GraphQL, a single value stands for a list of one.
pub(super) fn list(value: Option<JsonValue>) -> Vec<JsonValue> {
    match value {
        None => Vec::new(),
        Some(JsonValue::Array(items)) => items,
        Some(single) => vec![single],
    }
}

/// Returns the object of a gid of any kind.
fn any<'a>(shop: &'a Shop, gid: &str) -> Option<Node<'a>> {
    let item = || ItemId::parse(gid).and_then(|id| shop.items.get(&id)).map(Node::Item);
    let location = || LocationId::parse(gid).filter(|id| shop.locations.contains_key(id)).map(Node::Location);
    item().or_else(location).or_else(|| Part::find(shop, gid).map(Node::Part))
}

fn level_gid(item: ItemId, location: LocationId) -> String {
    format!("gid://shopify/InventoryLevel/{location}?inventory_item_id={item}")
}

fn quantities<'a>(level: &Level, arguments: Arguments<'_>) -> Result<Vec<Option<Node<'a>>>, TopError> {
    let quantity = |name: &JsonValue| match name.as_str().unwrap_or_default() {
        "available" => Ok(Node::Quantity("available", level.available, level.available_at)),
        "committed" => Ok(Node::Quantity("committed", level.committed, level.committed_at)),
        "on_hand" => Ok(Node::Quantity("on_hand", level.on_hand(), level.updated_at)),
        "incoming" => Ok(Node::Quantity("incoming", 0, level.updated_at)),
        name if let Some(state) = InventoryState::ALL.into_iter().find(|state| state.name() == name) => {
            Ok(Node::Quantity(state.name(), level.in_state(state), level.set_aside_at))
        }
        other => Err(TopError::new("BAD_USER_INPUT", format!("The quantity name '{other}' is invalid"))),
    };
    list(arguments.get("names")).iter().map(|name| quantity(name).map(Some)).collect()
}

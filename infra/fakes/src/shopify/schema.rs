//! The part of the Admin schema that is served: the fields of each type, as in the 2026-10 introspection. Orders and
//! their parts are in `order_schema`.
//!
//! Connections are walked by key and not by number, so a row that moves between two pages moves here as it does there:
//! an order that changes while it is swept comes again at the end. Inactive levels are left out unless asked for.

use super::document::Field;
use super::ids::{ItemId, LocationId};
use super::log::Change;
use super::mutation::{Group, Mutation, Outcome, UserError};
use super::order_schema::{self, Part};
use super::page;
use super::resolve::{Page, TopError};
use super::shop::Shop;
use super::stock::{Item, Level, Location};
use super::time::zulu;
use serde_json::{Map, Value, json};

/// An object that fields can be asked of.
#[derive(Clone, Copy)]
pub(super) enum Node<'a> {
    Query,
    Edge(&'a str, &'a Node<'a>),
    PageInfo(&'a Page<'a>),
    Item(&'a Item),
    Variant(&'a Item),
    Level(&'a Item, LocationId, &'a Level),
    Quantity(&'static str, i64, jiff::Timestamp),
    Location(&'a Location),
    Part(Part<'a>),
    Count(usize),
    Outcome(&'a Outcome),
    Group(&'a Group),
    Change(&'a Change),
    UserError(&'a Outcome, &'a UserError),
}

/// What a field is.
pub(super) enum Resolved<'a> {
    Leaf(Value),
    One(Option<Node<'a>>),
    /// A list without a size.
    List(Vec<Node<'a>>),
    /// A list cut by `first`.
    Sized(Vec<Node<'a>>),
    /// One for each id that was asked for.
    ById(Vec<Option<Node<'a>>>),
    Page(Page<'a>),
}

impl Node<'_> {
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Node::Query => "QueryRoot",
            Node::Edge(..) => "Edge",
            Node::PageInfo(_) => "PageInfo",
            Node::Item(_) => "InventoryItem",
            Node::Variant(_) => "ProductVariant",
            Node::Level(..) => "InventoryLevel",
            Node::Quantity(..) => "InventoryQuantity",
            Node::Location(_) => "Location",
            Node::Part(part) => part.type_name(),
            Node::Count(_) => "Count",
            Node::Outcome(outcome) => outcome.kind.payload_type(),
            Node::Group(_) => "InventoryAdjustmentGroup",
            Node::Change(_) => "InventoryChange",
            Node::UserError(outcome, _) => outcome.kind.error_type(),
        }
    }
}

pub(super) fn leaf<'a>(value: impl Into<Value>) -> Resolved<'a> {
    Resolved::Leaf(value.into())
}

pub(super) fn maybe<'a>(value: Option<impl Into<Value>>) -> Resolved<'a> {
    Resolved::Leaf(value.map_or(Value::Null, Into::into))
}

/// What a field of an object is.
pub(super) fn resolve<'a>(
    shop: &'a Shop,
    node: &Node<'a>,
    field: &Field,
    variables: &Map<String, Value>,
) -> Result<Resolved<'a>, TopError> {
    let name = field.name.as_str();
    let location = |id: LocationId| Resolved::One(shop.locations.get(&id).map(Node::Location));
    Ok(match (*node, name) {
        (Node::Query, _) => return root(shop, field, variables),

        (Node::Edge(cursor, _), "cursor") => leaf(cursor),
        (Node::Edge(_, node), "node") => Resolved::One(Some(*node)),
        (Node::PageInfo(page), "hasNextPage") => leaf(page.has_next),
        (Node::PageInfo(page), "hasPreviousPage") => leaf(page.has_previous),
        (Node::PageInfo(page), "startCursor") => maybe(page.nodes.first().map(|(cursor, _)| cursor.as_str())),
        (Node::PageInfo(page), "endCursor") => maybe(page.nodes.last().map(|(cursor, _)| cursor.as_str())),

        (Node::Item(item), "id") => leaf(item.id.gid()),
        (Node::Item(item), "legacyResourceId") => leaf(item.id.to_string()),
        (Node::Item(item) | Node::Variant(item), "sku") => maybe((!item.sku.is_empty()).then_some(item.sku.as_str())),
        (Node::Item(item), "tracked") => leaf(item.tracked),
        (Node::Item(item), "requiresShipping") => leaf(item.requires_shipping),
        (Node::Item(item), "variant") => Resolved::One((!item.removed).then_some(Node::Variant(item))),
        (Node::Item(item), "inventoryLevel") => {
            let wanted = field.argument("locationId", variables).and_then(|id| LocationId::parse(id.as_str()?));
            let level = wanted.and_then(|id| Some((id, shop.levels.get(&(item.id, id))?)));
            let shown = level.filter(|(_, level)| level.active || page::include_inactive(field, variables));
            Resolved::One(shown.map(|(id, level)| Node::Level(item, id, level)))
        }
        (Node::Item(item), "inventoryLevels") => Resolved::Page(page::levels(shop, item, field, variables)?),
        (Node::Variant(item), "id") => leaf(item.variant.gid()),
        (Node::Variant(item), "inventoryItem") => Resolved::One(Some(Node::Item(item))),
        (Node::Variant(item), "requiresComponents") => leaf(item.bundle),
        (Node::Variant(item), "inventoryPolicy") => leaf(match item.oversell {
            super::stock::Oversell::Deny => "DENY",
            super::stock::Oversell::Continue => "CONTINUE",
        }),

        (Node::Level(item, location, _), "id") => leaf(level_gid(item.id, location)),
        (Node::Level(_, _, level), "isActive") => leaf(level.active),
        (Node::Level(_, _, level), "updatedAt") => leaf(zulu(level.updated_at)),
        (Node::Level(item, ..), "item") => Resolved::One(Some(Node::Item(item))),
        (Node::Level(_, id, _), "location") => location(id),
        (Node::Level(_, _, level), "quantities") => Resolved::List(quantities(level, field, variables)?),
        (Node::Quantity(name, ..), "name") => leaf(name),
        (Node::Quantity(_, quantity, _), "quantity") => leaf(quantity),
        (Node::Quantity(_, _, at), "updatedAt") => leaf(zulu(at)),

        (Node::Location(location), "id") => leaf(location.id.gid()),
        (Node::Location(location), "legacyResourceId") => leaf(location.id.to_string()),
        (Node::Location(location), "name") => leaf(location.name.as_str()),
        (Node::Location(location), "fulfillsOnlineOrders") => leaf(location.fulfils_online),
        (Node::Location(_), "isActive") => leaf(true),

        (Node::Part(part), _) => return order_schema::resolve(shop, part, field, variables),
        (Node::Count(count), "count") => leaf(count),
        (Node::Count(_), "precision") => leaf("EXACT"),

        (Node::Outcome(outcome), "inventoryAdjustmentGroup") if outcome.kind.adjusts() => {
            Resolved::One(outcome.group.as_ref().map(Node::Group))
        }
        (Node::Outcome(outcome), "inventoryLevel") if outcome.kind == Mutation::Activate => {
            let found = outcome.level.and_then(|(item, id)| Some((shop.items.get(&item)?, id, shop.levels.get(&(item, id))?)));
            Resolved::One(found.map(|(item, id, level)| Node::Level(item, id, level)))
        }
        (Node::Outcome(outcome), "userErrors") => {
            Resolved::List(outcome.errors.iter().map(|error| Node::UserError(outcome, error)).collect())
        }
        (Node::UserError(_, error), "field") => leaf(error.field.clone()),
        (Node::UserError(_, error), "message") => leaf(error.message.as_str()),
        (Node::UserError(outcome, error), "code") if outcome.kind.has_codes() => leaf(error.code.name()),
        (Node::UserError(outcome, error), "elementIndex") if outcome.kind == Mutation::Describe => {
            maybe(error.field.iter().flatten().find_map(|part| part.parse::<i64>().ok()))
        }
        (Node::Group(group), "id") => leaf(format!("gid://shopify/InventoryAdjustmentGroup/{}", group.number)),
        (Node::Group(group), "createdAt") => leaf(zulu(group.at)),
        (Node::Group(group), "reason") => leaf(group.reason.as_str()),
        (Node::Group(group), "referenceDocumentUri") => maybe(group.reference.as_deref()),
        (Node::Group(group), "changes") => Resolved::List(group.changes.iter().map(Node::Change).collect()),
        (Node::Change(_), "name") => leaf("available"),
        (Node::Change(change), "delta") => leaf(change.delta),
        (Node::Change(change), "quantityAfterChange") => leaf(change.after),
        (Node::Change(change), "item") => Resolved::One(shop.items.get(&change.item).map(Node::Item)),
        (Node::Change(change), "location") => location(change.location),

        (node, name) => return Err(TopError::undefined(name, node.type_name())),
    })
}

fn root<'a>(shop: &'a Shop, field: &Field, variables: &Map<String, Value>) -> Result<Resolved<'a>, TopError> {
    let id = || field.argument("id", variables).and_then(|id| id.as_str().map(str::to_owned)).unwrap_or_default();
    Ok(match field.name.as_str() {
        "inventoryItems" => Resolved::Page(page::items(shop, field, variables)?),
        "productVariants" => Resolved::Page(page::variants(shop, field, variables)?),
        "inventoryItem" => Resolved::One(ItemId::parse(&id()).and_then(|id| shop.items.get(&id)).map(Node::Item)),
        "locations" => Resolved::Page(page::locations(shop, field, variables)?),
        "location" => Resolved::One(LocationId::parse(&id()).and_then(|id| shop.locations.get(&id)).map(Node::Location)),
        "orders" => Resolved::Page(page::orders(shop, field, variables)?),
        "order" => Resolved::One(any(shop, &id()).filter(|node| node.type_name() == "Order")),
        "fulfillment" => Resolved::One(any(shop, &id()).filter(|node| node.type_name() == "Fulfillment")),
        "return" => Resolved::One(any(shop, &id()).filter(|node| node.type_name() == "Return")),
        "node" => Resolved::One(any(shop, &id())),
        "nodes" => {
            let ids = field.argument("ids", variables).unwrap_or_default();
            let ids = ids
                .as_array()
                .ok_or_else(|| TopError::new("missingRequiredArguments", "Field 'nodes' is missing required arguments: ids"))?;
            if ids.len() > page::LARGEST {
                return Err(super::mutation::too_many(ids.len()));
            }
            Resolved::ById(ids.iter().map(|id| any(shop, id.as_str().unwrap_or_default())).collect())
        }
        other => return Err(TopError::undefined(other, "QueryRoot")),
    })
}

/// The object of any gid.
fn any<'a>(shop: &'a Shop, gid: &str) -> Option<Node<'a>> {
    let item = || ItemId::parse(gid).and_then(|id| shop.items.get(&id)).map(Node::Item);
    let location = || LocationId::parse(gid).and_then(|id| shop.locations.get(&id)).map(Node::Location);
    item().or_else(location).or_else(|| Part::find(shop, gid).map(Node::Part))
}

fn level_gid(item: ItemId, location: LocationId) -> String {
    format!("gid://shopify/InventoryLevel/{location}?inventory_item_id={item}")
}

fn quantities<'a>(level: &Level, field: &Field, variables: &Map<String, Value>) -> Result<Vec<Node<'a>>, TopError> {
    let names = field.argument("names", variables).unwrap_or_else(|| json!([]));
    // A single value stands for a list of one, as everywhere in GraphQL.
    let names = names.as_array().cloned().unwrap_or_else(|| vec![names]);
    names
        .iter()
        .map(|name| match name.as_str().unwrap_or_default() {
            "available" => Ok(Node::Quantity("available", level.available, level.available_at)),
            "committed" => Ok(Node::Quantity("committed", level.committed, level.committed_at)),
            "on_hand" => Ok(Node::Quantity("on_hand", level.on_hand(), level.updated_at)),
            "reserved" => Ok(Node::Quantity("reserved", 0, level.updated_at)),
            "incoming" => Ok(Node::Quantity("incoming", 0, level.updated_at)),
            "damaged" => Ok(Node::Quantity("damaged", 0, level.updated_at)),
            "safety_stock" => Ok(Node::Quantity("safety_stock", 0, level.updated_at)),
            "quality_control" => Ok(Node::Quantity("quality_control", 0, level.updated_at)),
            other => Err(TopError::new("BAD_USER_INPUT", format!("The quantity name '{other}' is invalid"))),
        })
        .collect()
}

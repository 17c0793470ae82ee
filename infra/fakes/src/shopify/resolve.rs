//! Answers the selections of an operation from the shop, field by field, and adds up the cost of the answer.
//!
//! The document is valid for the schema before any field is resolved. `schema` has the fields of each type.

use super::cost;
use super::document::{Fields, Request};
use super::schema::{Node, Resolved, resolve};
use super::shop::Shop;
use apollo_compiler::executable::{Field, SelectionSet};
use serde_json::{Map, Value, json};

/// The reason why an operation cannot be answered at all. It is in `errors` at the top of the answer.
#[derive(Debug)]
pub(super) struct TopError {
    pub(super) message: String,
    pub(super) code: &'static str,
}

impl TopError {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        TopError { message: message.into(), code }
    }
}

/// The answer to selections, and the cost of what the answer returns.
pub(super) type Answered = Result<(Value, i64), TopError>;

/// A page of a connection, with its cursors.
pub(super) struct Page<'a> {
    pub(super) nodes: Vec<(String, Node<'a>)>,
    pub(super) has_next: bool,
}

/// Answers the root fields of a query.
pub(super) fn query(shop: &Shop, request: Request<'_>) -> Answered {
    object(shop, request, &Node::Query, [&request.operation.selection_set])
}

/// Answers the selections that fields of one name make on an object.
pub(super) fn selected(shop: &Shop, request: Request<'_>, node: &Node<'_>, fields: &[&Field]) -> Answered {
    object(shop, request, node, fields.iter().map(|field| &field.selection_set))
}

fn object<'r>(
    shop: &Shop,
    request: Request<'r>,
    node: &Node<'_>,
    sets: impl IntoIterator<Item = &'r SelectionSet> + Clone,
) -> Answered {
    let declared = sets.clone().into_iter().next().map(|set| set.ty.as_str());
    // The object knows its type better than the schema only behind an interface.
    let on = node.type_name().or(declared).expect("an object is answered for at least one selection set");
    let mut answer = Map::new();
    let mut spent = 0;
    let fields: Fields<'r> = request.fields(on, sets);
    for (key, fields) in fields {
        let (value, cost) = if fields[0].name == "__typename" {
            (json!(on), 0)
        } else {
            let resolved = resolve(shop, node, request.arguments(fields[0]))?;
            value(shop, request, resolved, &fields)?
        };
        answer.insert(key.as_str().to_owned(), value);
        spent += cost;
    }
    Ok((Value::Object(answer), spent))
}

fn value(shop: &Shop, request: Request<'_>, resolved: Resolved<'_>, fields: &[&Field]) -> Answered {
    let one = |node: &Node<'_>| -> Answered {
        let (value, inner) = selected(shop, request, node, fields)?;
        Ok((value, node.price() + inner))
    };
    match resolved {
        Resolved::Leaf(value) => Ok((value, 0)),
        Resolved::One(node) => node.map_or(Ok((Value::Null, 0)), |node| one(&node)),
        Resolved::List(nodes, charge) => {
            let answered = nodes.iter().map(|node| node.as_ref().map_or(Ok((Value::Null, 0)), one));
            let (values, costs): (Vec<Value>, Vec<i64>) = answered.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
            Ok((Value::Array(values), charge.total(&costs)))
        }
        Resolved::Page(page) => {
            let (value, spent) = selected(shop, request, &Node::Page(&page), fields)?;
            Ok((value, cost::page(cost::count(&page.nodes), spent)))
        }
    }
}

//! Answers the selections of an operation from the shop, field by field, and counts what the answer cost.
//!
//! A field that is not served is Shopify's `undefinedField` error, never a silent null: an operation that outgrows this
//! fake gets an error that names it. What each type has is in `schema`.

use super::cost;
use super::document::{Field, Selection};
use super::schema::{Node, Resolved, resolve};
use super::shop::Shop;
use serde_json::{Map, Value, json};

/// Why an operation cannot be answered at all; what stands in `errors` at the top of the answer.
#[derive(Debug)]
pub(super) struct TopError {
    pub(super) message: String,
    pub(super) code: &'static str,
}

impl TopError {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        TopError { message: message.into(), code }
    }

    pub(super) fn undefined(name: &str, on: &str) -> Self {
        TopError::new("undefinedField", format!("Field '{name}' doesn't exist on type '{on}'"))
    }
}

/// The answer to selections, and the cost of what was returned.
pub(super) type Answered = Result<(Value, i64), TopError>;

/// A page of a connection, with its cursors.
pub(super) struct Page<'a> {
    pub(super) nodes: Vec<(String, Node<'a>)>,
    pub(super) has_next: bool,
    pub(super) has_previous: bool,
}

/// Answers the selections on an object.
pub(super) fn object(shop: &Shop, node: &Node<'_>, selections: &[Selection], variables: &Map<String, Value>) -> Answered {
    let mut answer = Map::new();
    let mut spent = 0;
    fill(shop, node, selections, variables, &mut answer, &mut spent)?;
    Ok((Value::Object(answer), spent))
}

fn fill(
    shop: &Shop,
    node: &Node<'_>,
    selections: &[Selection],
    variables: &Map<String, Value>,
    answer: &mut Map<String, Value>,
    spent: &mut i64,
) -> Result<(), TopError> {
    for selection in selections {
        match selection {
            Selection::On(kind, inner) if kind == node.type_name() || kind == "Node" => {
                fill(shop, node, inner, variables, answer, spent)?
            }
            Selection::On(..) => {}
            Selection::Field(field) if field.name == "__typename" => {
                answer.insert(field.key().to_owned(), json!(node.type_name()));
            }
            Selection::Field(field) => {
                let resolved = resolve(shop, node, field, variables)?;
                let (value, cost) = value(shop, resolved, field, variables)?;
                answer.insert(field.key().to_owned(), value);
                *spent += cost;
            }
        }
    }
    Ok(())
}

fn value(shop: &Shop, resolved: Resolved<'_>, field: &Field, variables: &Map<String, Value>) -> Answered {
    let leaf = matches!(resolved, Resolved::Leaf(_));
    if leaf != field.selections.is_empty() {
        let problem = if leaf { "Selections can't be made on scalars" } else { "Field must have selections" };
        return Err(TopError::new("selectionMismatch", format!("{problem} (field '{}')", field.name)));
    }
    match resolved {
        Resolved::Leaf(value) => Ok((value, 0)),
        Resolved::One(None) => Ok((Value::Null, 0)),
        Resolved::One(Some(node)) => {
            let (value, inner) = object(shop, &node, &field.selections, variables)?;
            Ok((value, 1 + inner))
        }
        // A list costs one of its objects, the dearest, as it was priced before.
        Resolved::List(nodes) => {
            let (values, costs) = objects(shop, nodes, field, variables)?;
            Ok((Value::Array(values), costs.into_iter().max().unwrap_or(0)))
        }
        Resolved::Sized(nodes) => {
            let (values, costs) = objects(shop, nodes, field, variables)?;
            let count = i64::try_from(costs.len()).expect("a page is small");
            Ok((Value::Array(values), cost::page(count, costs.iter().sum()) - cost::page(0, 0)))
        }
        Resolved::ById(nodes) => {
            let mut spent = 0;
            let mut values = Vec::new();
            for node in nodes {
                match node {
                    None => values.push(Value::Null),
                    Some(node) => {
                        let (value, inner) = object(shop, &node, &field.selections, variables)?;
                        values.push(value);
                        spent += 1 + inner;
                    }
                }
            }
            Ok((Value::Array(values), spent))
        }
        Resolved::Page(page) => connection(shop, &page, field, variables),
    }
}

fn objects(
    shop: &Shop,
    nodes: Vec<Node<'_>>,
    field: &Field,
    variables: &Map<String, Value>,
) -> Result<(Vec<Value>, Vec<i64>), TopError> {
    let mut values = Vec::new();
    let mut costs = Vec::new();
    for node in nodes {
        let (value, inner) = object(shop, &node, &field.selections, variables)?;
        values.push(value);
        costs.push(1 + inner);
    }
    Ok((values, costs))
}

fn connection(shop: &Shop, page: &Page<'_>, field: &Field, variables: &Map<String, Value>) -> Answered {
    let mut answer = Map::new();
    let mut spent = 0;
    for selection in &field.selections {
        let Selection::Field(part) = selection else {
            return Err(TopError::new("undefinedField", "Fragments on connections are not served here"));
        };
        if part.selections.is_empty() {
            return Err(TopError::new("selectionMismatch", format!("Field must have selections (field '{}')", part.name)));
        }
        let value = match part.name.as_str() {
            "nodes" => {
                let mut nodes = Vec::new();
                for (_, node) in &page.nodes {
                    let (value, inner) = object(shop, node, &part.selections, variables)?;
                    nodes.push(value);
                    spent += 1 + inner;
                }
                Value::Array(nodes)
            }
            "edges" => {
                let mut edges = Vec::new();
                for (cursor, node) in &page.nodes {
                    let (value, inner) = object(shop, &Node::Edge(cursor, node), &part.selections, variables)?;
                    edges.push(value);
                    spent += inner;
                }
                Value::Array(edges)
            }
            "pageInfo" => object(shop, &Node::PageInfo(page), &part.selections, variables)?.0,
            other => return Err(TopError::undefined(other, "Connection")),
        };
        answer.insert(part.key().to_owned(), value);
    }
    let count = i64::try_from(page.nodes.len()).expect("a page is small");
    Ok((Value::Object(answer), cost::page(count, spent)))
}

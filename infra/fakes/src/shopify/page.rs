//! Pages: `first` and `after`, opaque cursors, and the search terms of `orders`.
//!
//! A cursor is the sort key of its row, so paging continues after that row even if rows before it moved. The fake serves
//! forward paging only. A search term that the fake does not serve is an error; Shopify would ignore the term and return
//! everything.

use super::document::Arguments;
use super::draft_order::{DraftOrder, DraftStatus};
use super::ids::{ItemId, LineId, LocationId, OrderId};
use super::order::{Fulfilment, Order};
use super::order_schema::Part;
use super::resolve::{Page, TopError};
use super::schema::Node;
use super::shop::Shop;
use super::stock::Item;
use super::time::second;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::ops::Bound;

/// The maximum size of one page or input array.
pub(super) const LARGEST: usize = 250;

/// A sort key: seconds and number. The seconds are 0 if rows are sorted by number.
type Key = (i64, i64);

/// Returns the checked `first` of a field; `None` if it is absent.
pub(super) fn first(arguments: Arguments<'_>) -> Result<Option<usize>, TopError> {
    let Some(first) = arguments.get("first") else {
        return Ok(None);
    };
    let first = first.as_u64().and_then(|first| usize::try_from(first).ok()).filter(|first| (1..=LARGEST).contains(first));
    first.map(Some).ok_or_else(|| TopError::new("BAD_REQUEST", format!("first must be between 1 and {LARGEST}")))
}

fn cursor(key: Key) -> String {
    STANDARD.encode(json!({"last_id": key.1, "last_value": key.0}).to_string())
}

fn after(arguments: Arguments<'_>) -> Result<Option<Key>, TopError> {
    let Some(given) = arguments.get("after") else {
        return Ok(None);
    };
    let read = || {
        let bytes = STANDARD.decode(given.as_str()?).ok()?;
        let key: Value = serde_json::from_slice(&bytes).ok()?;
        Some((key["last_value"].as_i64()?, key["last_id"].as_i64()?))
    };
    read().map(Some).ok_or_else(|| TopError::new("INVALID_CURSOR", "Invalid cursor for current pagination sort."))
}

/// Cuts a page out of rows. The rows come in the order of their keys and start after the cursor.
fn cut<'a>(rows: impl Iterator<Item = (Key, Node<'a>)>, arguments: Arguments<'_>) -> Result<Page<'a>, TopError> {
    let Some(first) = first(arguments)? else {
        return Err(TopError::new(
            "BAD_REQUEST",
            format!("you must provide one of first or last (field '{}')", arguments.field.name),
        ));
    };
    let mut nodes: Vec<(String, Node<'a>)> = rows.take(first + 1).map(|(key, node)| (cursor(key), node)).collect();
    let has_next = nodes.len() > first;
    nodes.truncate(first);
    Ok(Page { nodes, has_next })
}

fn behind(arguments: Arguments<'_>) -> Result<Bound<Key>, TopError> {
    Ok(after(arguments)?.map_or(Bound::Unbounded, Bound::Excluded))
}

fn id_bound<T>(bound: Bound<Key>, of: impl Fn(i64) -> T) -> Bound<T> {
    bound.map(|(_, id)| of(id))
}

/// Returns a page of the variants of products that were not deleted. A variant has the place of its item.
pub(super) fn variants<'a>(shop: &'a Shop, arguments: Arguments<'_>) -> Result<Page<'a>, TopError> {
    let from = id_bound(behind(arguments)?, ItemId);
    let sold = shop.items.range((from, Bound::Unbounded)).filter(|(_, item)| !item.removed);
    cut(sold.map(|(id, item)| ((0, id.0), Node::Variant(item))), arguments)
}

pub(super) fn levels<'a>(shop: &'a Shop, item: &'a Item, arguments: Arguments<'_>) -> Result<Page<'a>, TopError> {
    let inactive = arguments.get("includeInactive").is_some_and(|value| value == true);
    let from = id_bound(behind(arguments)?, |id| (item.id, LocationId(id)));
    let from = if matches!(from, Bound::Unbounded) { Bound::Included((item.id, LocationId(i64::MIN))) } else { from };
    let rows = shop.levels.range((from, Bound::Included((item.id, LocationId(i64::MAX)))));
    let shown = rows.filter(|(_, level)| level.active || inactive);
    cut(shown.map(|((_, id), level)| ((0, id.0), Node::Level(item, *id, level))), arguments)
}

/// Returns a page of parts of an order. The parts come in the order of their numbers.
pub(super) fn parts<'a, T>(
    parts: &'a [T],
    number: impl Fn(&T) -> i64,
    node: impl Fn(&'a T) -> Part<'a>,
    arguments: Arguments<'_>,
) -> Result<Page<'a>, TopError> {
    let from = after(arguments)?.map(|(_, id)| id);
    let rest = parts.iter().skip_while(|part| from.is_some_and(|from| number(part) <= from));
    cut(rest.map(|part| ((0, number(part)), Node::Part(node(part)))), arguments)
}

pub(super) fn fulfilment_lines<'a>(
    order: &'a Order,
    fulfilment: &'a Fulfilment,
    arguments: Arguments<'_>,
) -> Result<Page<'a>, TopError> {
    let node = |(id, quantity): &'a (LineId, i64)| {
        Part::FulfilmentLine(order.line(*id).expect("a fulfilment names lines of its order"), *quantity)
    };
    parts(&fulfilment.lines, |(id, _)| id.0, node, arguments)
}

pub(super) fn orders<'a>(shop: &'a Shop, arguments: Arguments<'_>) -> Result<Page<'a>, TopError> {
    let query = arguments.get("query").unwrap_or_default();
    let terms = terms(query.as_str().unwrap_or_default())?;
    let sort = arguments.get("sortKey").unwrap_or_default();
    if sort.as_str() != Some("UPDATED_AT") {
        return Err(TopError::new("BAD_REQUEST", "orders are served with sortKey: UPDATED_AT only"));
    }
    let from = match after(arguments)? {
        Some((seconds, id)) => {
            let at = Timestamp::from_second(seconds)
                .map_err(|_| TopError::new("INVALID_CURSOR", "Invalid cursor for current pagination sort."))?;
            Bound::Excluded((at, OrderId(id)))
        }
        // Without a cursor, the page starts at the first order that the terms admit, not at the first order of the shop.
        None => terms.iter().filter_map(Term::from).max().map_or(Bound::Unbounded, |at| Bound::Included((at, OrderId(i64::MIN)))),
    };
    let rows = shop.search.by_update().range((from, Bound::Unbounded)).map(|(at, id)| (*at, &shop.orders[id]));
    let rows = rows.filter(|(at, order)| terms.iter().all(|term| term.admits(*at, order)));
    cut(rows.map(|(at, order)| ((at.as_second(), order.id.0), Node::Part(Part::Order(order)))), arguments)
}

/// Returns a page of draft orders. Their search serves what our operation asks for.
pub(super) fn drafts<'a>(shop: &'a Shop, arguments: Arguments<'_>) -> Result<Page<'a>, TopError> {
    let query = arguments.get("query").unwrap_or_default();
    let query = query.as_str().unwrap_or_default();
    if arguments.get("sortKey").unwrap_or_default().as_str() != Some("UPDATED_AT") {
        return Err(TopError::new("BAD_REQUEST", "draftOrders are served with sortKey: UPDATED_AT only"));
    }
    let is_open = |draft: &&DraftOrder| draft.status != DraftStatus::Completed;
    let mut found: Vec<&DraftOrder> = match (query, updated(query)) {
        (_, Some(Term::Updated { from: Some(from), to: None })) => {
            shop.drafts.values().filter(|draft| from <= draft.updated_at).collect()
        }
        ("NOT status:completed", _) => shop.drafts.values().filter(is_open).collect(),
        _ => return Err(unserved(query)),
    };
    let key = |draft: &DraftOrder| (draft.updated_at.as_second(), draft.id.0);
    found.sort_by_key(|draft| key(draft));
    let after = after(arguments)?;
    let rest = found.into_iter().skip_while(|draft| after.is_some_and(|after| key(draft) <= after));
    cut(rest.map(|draft| (key(draft), Node::Part(Part::Draft(draft)))), arguments)
}

/// A term of a search.
enum Term {
    /// Bounds on `updated_at`, both inclusive.
    Updated { from: Option<Timestamp>, to: Option<Timestamp> },
    /// `status:open`: neither archived nor cancelled.
    Open,
    /// `NOT fulfillment_status:fulfilled`.
    NotFulfilled,
}

impl Term {
    /// The first change that the term admits.
    fn from(&self) -> Option<Timestamp> {
        match self {
            Term::Updated { from, .. } => *from,
            Term::Open | Term::NotFulfilled => None,
        }
    }

    fn admits(&self, at: Timestamp, order: &Order) -> bool {
        match self {
            Term::Updated { from, to } => from.is_none_or(|from| from <= at) && to.is_none_or(|to| at <= to),
            Term::Open => order.closed_at.is_none() && order.cancelled_at.is_none(),
            Term::NotFulfilled => order.display_status() != "FULFILLED",
        }
    }
}

/// Reads terms such as `updated_at:>='2026-11-21T00:00:00Z'`, joined by white space or `AND`.
fn terms(query: &str) -> Result<Vec<Term>, TopError> {
    let mut negated = false;
    let mut terms = Vec::new();
    for word in query.split_whitespace().filter(|word| *word != "AND") {
        if word == "NOT" {
            negated = true;
            continue;
        }
        let term = match (std::mem::take(&mut negated), word) {
            (true, "fulfillment_status:fulfilled") | (false, "-fulfillment_status:fulfilled") => Some(Term::NotFulfilled),
            (false, "status:open") => Some(Term::Open),
            (false, word) => updated(word),
            (true, _) => None,
        };
        terms.push(term.ok_or_else(|| unserved(word))?);
    }
    Ok(terms)
}

fn updated(word: &str) -> Option<Term> {
    let rest = word.strip_prefix("updated_at:")?;
    let digits = rest.trim_start_matches(['<', '>', '=']);
    let operator = &rest[..rest.len() - digits.len()];
    let at: Timestamp = digits.trim_matches(['\'', '"']).parse().ok()?;
    // Rows have whole seconds, so a time later than 12:00:00.5 is 12:00:01 or later.
    let floor = second(at);
    let next = Timestamp::from_second(at.as_second().checked_add(1)?).ok()?;
    let previous = Timestamp::from_second(at.as_second().checked_sub(1)?).ok()?;
    let whole = floor == at;
    let (from, to) = match operator {
        ">=" => (Some(if whole { floor } else { next }), None),
        ">" => (Some(next), None),
        "<=" => (None, Some(floor)),
        "<" => (None, Some(if whole { previous } else { floor })),
        "" | "=" if whole => (Some(floor), Some(floor)),
        _ => return None,
    };
    Some(Term::Updated { from, to })
}

fn unserved(word: &str) -> TopError {
    TopError::new("BAD_REQUEST", format!("the search term {word:?} is not served here"))
}

//! Explains a number: from the level that a shop acknowledged down to the movements, source documents and bills of materials
//! behind it, now or at any time in the past.
//!
//! `answer` builds a tree of [`ExplainNode`]s from the rows behind the numbers of one item. It adds up every sum again and
//! reports each one that does not match, in the tree and in [`ExplainAnswer::inconsistencies`]. The past is computed by the same
//! rules from what had been recorded by then: positions by replay, scheduled receipts as they were reported, bills by version,
//! and the plan anew.
//!
//! Deliberately absent: printing. The command line prints the tree.

pub(crate) mod facts;
mod late;
mod node;
mod place;
pub(crate) mod planning;
mod promise_date;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

pub use facts::ExplainQuestion;
pub use late::{LateOrder, LateUnits};
pub use node::{ExplainNode, NodeName, NodeRole, NodeSource};
pub use promise_date::PromiseDate;

use crate::catalog::{LocationId, Place, Sku};
use crate::explain::facts::{ExplainFacts, SentLevel};
use crate::explain::planning::{Planning, producible};
use crate::promise::Bottleneck;

/// Why the numbers of an item are what they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainAnswer {
    /// The item.
    pub sku: Sku,
    /// The time that the answer describes.
    pub at: Timestamp,
    /// Whether that time is in the past. If so, the answer was computed, not read.
    pub past: bool,
    /// The numbers: what the network can promise, the level of each shop, and each place that no shop has a level of.
    pub tree: Vec<ExplainNode>,
    /// What prevents the next unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bottleneck: Option<Bottleneck>,
    /// When the number of units in the question can be promised; `None` when the question has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promise_date: Option<PromiseDate>,
    /// Promises that cannot be kept, with their orders.
    pub late: Vec<LateUnits>,
    /// When each source of these numbers was last seen.
    pub last_seen: BTreeMap<String, Timestamp>,
    /// Remarks about the answer.
    pub notes: Vec<String>,
    /// Inconsistencies, each with its path in the tree.
    pub inconsistencies: Vec<String>,
}

impl ExplainAnswer {
    /// Whether every sum adds up and every promise can be kept.
    #[must_use]
    pub fn is_correct(&self) -> bool {
        self.inconsistencies.is_empty() && self.late.is_empty()
    }
}

/// Builds the answer from the rows that were read.
pub(crate) fn answer(facts: &ExplainFacts, question: &ExplainQuestion) -> ExplainAnswer {
    let planning = Planning::of(facts);
    let promise = facts.promise();
    let planned = promise.and_then(|promise| promise.planned.as_ref());
    let mut notes = notes(facts);
    let mut tree: Vec<ExplainNode> = promise.map(|promise| place::network(facts, promise)).into_iter().collect();
    let asked = |location: &LocationId| question.location.as_ref().is_none_or(|only| only == location);
    let of_shop = |sent: &&SentLevel| question.shop.as_ref().is_none_or(|only| *only == sent.level.shop);

    // The producible units belong to the production location. They are explained once, at the first node that shows it.
    let production = facts.network.production().map(|location| Place::At(location.code.clone()));
    let mut producible_node = planned.map(|planned| producible(facts, planned, planning.as_ref()));
    let mut producible_at = |place: &Place| if production.as_ref() == Some(place) { producible_node.take() } else { None };
    let shown: Vec<&SentLevel> = facts.sent_levels.iter().filter(|sent| asked(&sent.level.location)).filter(of_shop).collect();
    for sent in &shown {
        let here = Place::At(sent.level.location.clone());
        let at = promise.and_then(|promise| promise.places.get(&here));
        tree.push(place::sent_level(facts, sent, at, producible_at(&here)));
    }
    for (here, at) in promise.iter().flat_map(|promise| &promise.places) {
        let has_level = |code: &LocationId| shown.iter().any(|sent| sent.level.location == *code);
        let wanted = match here {
            Place::Unassigned => question.location.is_none() && question.shop.is_none(),
            Place::At(code) => asked(code) && question.shop.is_none() && !has_level(code),
        };
        if wanted {
            tree.push(place::place(facts, here, at, producible_at(here)));
        }
    }
    let everything = question.location.is_none() && question.shop.is_none();
    if let Some(node) = producible_node.filter(|_| everything) {
        notes.push("No location shows the producible units, because the network has no production location.".to_owned());
        tree.push(node);
    } else if planned.is_none() && everything {
        tree.extend(planning.iter().flat_map(|planning| planning.items(facts)));
    }
    if tree.iter().all(|node| node.name == NodeName::Network) {
        notes.push("No location has held the item, and no shop has a level of it.".to_owned());
    }

    let mut inconsistencies = facts.inconsistencies.clone();
    let unit = facts.unit(&facts.sku);
    let mut tree: Vec<ExplainNode> = tree.into_iter().map(|node| node.in_unit(unit)).collect();
    tree.iter_mut().for_each(|node| node.check("", &mut inconsistencies));
    let mut last_seen = BTreeMap::new();
    tree.iter().for_each(|node| collect_last_seen(node, &mut last_seen));
    ExplainAnswer {
        sku: facts.sku.clone(),
        at: facts.at,
        past: facts.past,
        tree,
        bottleneck: planned.and_then(|planned| planned.limit.clone()),
        promise_date: question.promise.map(|units| promise_date::promise_date(facts, planning.as_ref(), units)),
        late: planned.map(|planned| late::late(facts, planned)).unwrap_or_default(),
        last_seen,
        notes,
        inconsistencies,
    }
}

fn notes(facts: &ExplainFacts) -> Vec<String> {
    let mut notes = Vec::new();
    if facts.past {
        notes.push(
            "Computed from what had been recorded by then: movements, source documents, versions of bills. Settings of items and \
             tiers, locations and work centres are the current ones; a finished good whose current bill does not name a component is \
             not counted as sharing it."
                .to_owned(),
        );
    }
    if facts.promise().is_none() {
        notes.push("The promise of the item was not computed yet.".to_owned());
    }
    if let Some(most) = &facts.too_many {
        notes.push(format!("The planning group of {most} has too many items to be planned: only stock is sold."));
    }
    notes
}

fn collect_last_seen(node: &ExplainNode, last_seen: &mut BTreeMap<String, Timestamp>) {
    for (source, at) in &node.last_seen {
        let newest = last_seen.entry(source.clone()).or_insert(*at);
        *newest = (*newest).max(*at);
    }
    node.parts.iter().for_each(|part| collect_last_seen(part, last_seen));
}

#[cfg(test)]
mod tests;

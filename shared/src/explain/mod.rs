//! Why a number is what it is: from what a shop was told down to the movements, papers and bills behind it, now or at any time.
//!
//! [`explain`] reads what one item's numbers were computed from and answers with a tree of [`ExplainNode`]s. Every sum in it is
//! added up again; what does not add up is said, in the tree and in [`ExplainAnswer::wrong`]. The past is computed by the same rules
//! from what had been recorded by then: positions by replay, papers as they were announced, bills by version, the plan anew.
//!
//! Deliberately absent: printing. Whoever asks shows the tree.

mod date;
pub(crate) mod facts;
mod late;
pub(crate) mod made;
mod node;
mod place;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

pub use date::CanPromise;
pub use facts::ExplainQuestion;
pub use late::{LateOrder, LateUnits};
pub use node::{ExplainNode, NodeName, NodeRole, NodeSource};

use crate::catalog::{LocationId, Place, Sku};
use crate::explain::facts::{ExplainFacts, SentLevel};
use crate::explain::made::{Planning, producible};
use crate::promise::Bottleneck;

/// Why the numbers of an item are what they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainAnswer {
    /// The item.
    pub sku: Sku,
    /// The moment.
    pub at: Timestamp,
    /// Whether it is past: then the answer is computed, not read.
    pub past: bool,
    /// The numbers: what the network can promise, what each shop was told, and what no shop is told.
    pub tree: Vec<ExplainNode>,
    /// What stops the next unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Bottleneck>,
    /// When so many more can be promised, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<CanPromise>,
    /// Promises that break, with their orders.
    pub late: Vec<LateUnits>,
    /// When each source was last heard of, in any of these numbers.
    pub last_seen: BTreeMap<String, Timestamp>,
    /// What is to be known about the answer.
    pub notes: Vec<String>,
    /// What does not add up, each with the way to it.
    pub wrong: Vec<String>,
}

impl ExplainAnswer {
    /// Whether all of it adds up and every promise can be kept.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.wrong.is_empty() && self.late.is_empty()
    }
}

/// The answer, from what was read.
pub(crate) fn answer(facts: &ExplainFacts, question: &ExplainQuestion) -> ExplainAnswer {
    let planning = Planning::of(facts);
    let promise = facts.promise();
    let planned = promise.and_then(|promise| promise.planned.as_ref());
    let mut notes = notes(facts);
    let mut tree: Vec<ExplainNode> = promise.map(|promise| place::network(facts, promise)).into_iter().collect();
    let asked = |location: &LocationId| question.location.as_ref().is_none_or(|only| only == location);
    let of_shop = |told: &&SentLevel| question.shop.as_ref().is_none_or(|only| *only == told.level.shop);

    // What can be made is shown at production, and explained once, where it is met first.
    let production = facts.network.production().map(|location| Place::At(location.code.clone()));
    let mut made = planned.map(|planned| producible(facts, planned, planning.as_ref()));
    let mut made_at = |place: &Place| if production.as_ref() == Some(place) { made.take() } else { None };
    let shown: Vec<&SentLevel> = facts.told.iter().filter(|told| asked(&told.level.location)).filter(of_shop).collect();
    for told in &shown {
        let here = Place::At(told.level.location.clone());
        let at = promise.and_then(|promise| promise.places.get(&here));
        tree.push(place::told(facts, told, at, made_at(&here)));
    }
    for (here, at) in promise.iter().flat_map(|promise| &promise.places) {
        let is_told = |code: &LocationId| shown.iter().any(|told| told.level.location == *code);
        let wanted = match here {
            Place::Unassigned => question.location.is_none() && question.shop.is_none(),
            Place::At(code) => asked(code) && question.shop.is_none() && !is_told(code),
        };
        if wanted {
            tree.push(place::place(facts, here, at, made_at(here)));
        }
    }
    let everything = question.location.is_none() && question.shop.is_none();
    if let Some(made) = made.filter(|_| everything) {
        notes.push("No location shows what can still be made: there is none of the kind production.".to_owned());
        tree.push(made);
    } else if planned.is_none() && everything {
        tree.extend(planning.iter().flat_map(|planning| planning.items(facts)));
    }
    if tree.iter().all(|node| node.name == NodeName::Network) {
        notes.push("Nothing of it was ever there, or told to a shop.".to_owned());
    }

    let mut wrong = facts.wrong.clone();
    let unit = facts.unit(&facts.sku);
    let mut tree: Vec<ExplainNode> = tree.into_iter().map(|node| node.in_unit(unit)).collect();
    tree.iter_mut().for_each(|node| node.check("", &mut wrong));
    let mut last_seen = BTreeMap::new();
    tree.iter().for_each(|node| listen(node, &mut last_seen));
    ExplainAnswer {
        sku: facts.sku.clone(),
        at: facts.at,
        past: facts.then,
        tree,
        limit: planned.and_then(|planned| planned.limit.clone()),
        date: question.promise.map(|units| date::date(facts, planning.as_ref(), units)),
        late: planned.map(|planned| late::late(facts, planned)).unwrap_or_default(),
        last_seen,
        notes,
        wrong,
    }
}

fn notes(facts: &ExplainFacts) -> Vec<String> {
    let mut notes = Vec::new();
    if facts.then {
        notes.push(
            "Computed from what had been recorded by then: movements, documents, versions of bills. What is said of items and tiers \
             for planning and selling, locations and work centres are as they are now; a good whose bill does not name a component any more is not counted as sharing it."
                .to_owned(),
        );
    }
    if facts.promise().is_none() {
        notes.push("Its promise was not computed yet.".to_owned());
    }
    if let Some(most) = &facts.too_many {
        notes.push(format!("Too many items hang together to be planned, most of them with {most}: only what is there is sold."));
    }
    notes
}

fn listen(node: &ExplainNode, last_seen: &mut BTreeMap<String, Timestamp>) {
    for (source, at) in &node.last_seen {
        let newest = last_seen.entry(source.clone()).or_insert(*at);
        *newest = (*newest).max(*at);
    }
    node.parts.iter().for_each(|part| listen(part, last_seen));
}

#[cfg(test)]
mod tests;

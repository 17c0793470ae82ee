//! The states that the last full refresh reported. A state that the next refresh no longer reports becomes zero.
//!
//! Many systems leave out items of which they have no stock. Without this, the last units of such an item would stay in the
//! ledger forever.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{FeedId, SystemId};
use crate::source::StockKind;
use crate::source::pull::reading::Step;
use crate::source::pull::row::{RowContent, StateKey};
use crate::source::pull::watermark::WatermarkPosition;

/// Below this many missing states, any share of the known states may disappear at once.
const FEW: usize = 10;

/// A full refresh reported stock of this item at this location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReportedState {
    pub system: SystemId,
    pub feed: FeedId,
    /// The system's codes.
    pub sku: String,
    pub location: String,
    /// Whether it was a count or a balance.
    pub kind: StockKind,
}

impl ReportedState {
    pub(crate) fn state_key(&self) -> StateKey {
        StateKey { sku: self.sku.clone(), location: self.location.clone(), lot: None }
    }
}

/// The result of a full refresh.
#[derive(Debug, Default)]
pub(crate) struct ComparedRefresh {
    /// The events to commit.
    pub steps: Vec<(Option<WatermarkPosition>, Step)>,
    /// States reported for the first time. They are stored before their events are committed, so that a later refresh can miss
    /// them.
    pub fresh: Vec<ReportedState>,
    /// States that are no longer reported. They are deleted after their zero was committed.
    pub gone: Vec<ReportedState>,
}

/// Compares the sums of a refresh with the states that the last one reported.
pub(crate) fn compare(
    (system, feed): (&SystemId, &FeedId),
    known: Vec<ReportedState>,
    sums: BTreeMap<StateKey, Option<RowContent>>,
    asked_at: Timestamp,
) -> ComparedRefresh {
    let mut refresh = ComparedRefresh::default();
    let reported: BTreeMap<StateKey, &ReportedState> = known.iter().map(|reported| (reported.state_key(), reported)).collect();
    let gone: Vec<&ReportedState> = known.iter().filter(|reported| !sums.contains_key(&reported.state_key())).collect();
    // It is implausible that half of the states disappear between two refreshes. An empty answer more often means that the
    // credentials lost a permission.
    let is_implausible = gone.len() * 2 > known.len() && (gone.len() >= FEW || sums.is_empty());
    if is_implausible {
        let problem = format!(
            "{} of {} states are missing at once and keep their stock; if they are empty, report each with zero",
            gone.len(),
            known.len()
        );
        refresh.steps.push((None, Step::Failed("missing states".to_owned(), problem)));
    } else {
        refresh.gone = gone.into_iter().cloned().collect();
    }
    for (about, sum) in &sums {
        let Some(sum) = sum else { continue };
        if !reported.contains_key(about) && !sum.quantity.is_zero() {
            let (system, feed, sku, location) = (system.clone(), feed.clone(), about.sku.clone(), about.location.clone());
            refresh.fresh.push(ReportedState { system, feed, sku, location, kind: sum.kind });
        }
    }
    let zeros = refresh
        .gone
        .iter()
        .map(|reported| (reported.state_key(), RowContent::zero(reported.kind, &reported.state_key(), asked_at)));
    let sums = sums.into_iter().filter_map(|(about, sum)| Some((about, sum?)));
    refresh.steps.extend(sums.chain(zeros).map(|(about, sum)| {
        let label = label(&about);
        match sum.event(system) {
            Ok(event) => (None, Step::Event(label, Box::new(event))),
            Err(problem) => (None, Step::Failed(label, problem)),
        }
    }));
    refresh
}

pub(crate) fn label(about: &StateKey) -> String {
    format!("{} @ {}", about.sku, about.location)
}

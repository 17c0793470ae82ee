//! What a full refresh told of last: what it knows nothing of any more is zero.
//!
//! Many systems leave out what they have none of. Without this, the last units of an item would stay in the ledger for ever.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{FeedId, SystemId};
use crate::source::StockKind;
use crate::source::pull::reading::Step;
use crate::source::pull::row::{About, Said};
use crate::source::pull::watermark::WatermarkPosition;

/// Of so few things any number may be gone at once.
const FEW: usize = 10;

/// A full refresh had something of this item at this location.
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
    pub(crate) fn about(&self) -> About {
        About { sku: self.sku.clone(), location: self.location.clone(), lot: None }
    }
}

/// What a full refresh comes to.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    /// What to take in.
    pub steps: Vec<(Option<WatermarkPosition>, Step)>,
    /// What is told of for the first time; written down before it is taken in, so that it can be missed later.
    pub fresh: Vec<ReportedState>,
    /// What is gone; forgotten after its zero was taken in.
    pub gone: Vec<ReportedState>,
}

/// Sets the sums of a refresh beside what was told last.
pub(crate) fn compare(
    (system, feed): (&SystemId, &FeedId),
    known: Vec<ReportedState>,
    sums: BTreeMap<About, Option<Said>>,
    asked_at: Timestamp,
) -> Whole {
    let mut whole = Whole::default();
    let told: BTreeMap<About, &ReportedState> = known.iter().map(|told| (told.about(), told)).collect();
    let gone: Vec<&ReportedState> = known.iter().filter(|told| !sums.contains_key(&told.about())).collect();
    // Half of the stock does not go between two looks. An answer that is empty is more often a right that was lost.
    let odd = gone.len() * 2 > known.len() && (gone.len() >= FEW || sums.is_empty());
    if odd {
        let problem = format!(
            "{} of {} items and locations are gone at once, and are left as they were: if that is so, say zero of each",
            gone.len(),
            known.len()
        );
        whole.steps.push((None, Step::Failed("what is gone".to_owned(), problem)));
    } else {
        whole.gone = gone.into_iter().cloned().collect();
    }
    for (about, sum) in &sums {
        let Some(sum) = sum else { continue };
        if !told.contains_key(about) && !sum.quantity.is_zero() {
            let (system, feed, sku, location) = (system.clone(), feed.clone(), about.sku.clone(), about.location.clone());
            whole.fresh.push(ReportedState { system, feed, sku, location, kind: sum.kind });
        }
    }
    let zeros = whole.gone.iter().map(|told| (told.about(), Said::zero(told.kind, &told.about(), asked_at)));
    let sums = sums.into_iter().filter_map(|(about, sum)| Some((about, sum?)));
    whole.steps.extend(sums.chain(zeros).map(|(about, sum)| {
        let label = label(&about);
        match sum.event(system) {
            Ok(event) => (None, Step::Event(label, Box::new(event))),
            Err(problem) => (None, Step::Failed(label, problem)),
        }
    }));
    whole
}

pub(crate) fn label(about: &About) -> String {
    format!("{} @ {}", about.sku, about.location)
}

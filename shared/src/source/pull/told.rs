//! What a full refresh told of last: what it knows nothing of any more is zero.
//!
//! Many systems leave out what they have none of. Without this, the last units of an item would stay in the ledger for ever.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::reading::Step;
use super::row::{About, Said};
use super::watermark::Mark;
use crate::catalog::{FeedId, SystemId};
use crate::ledger::content_hash;
use crate::source::StockKind;
use crate::store::{Expect, Key, Listing, MAX_WRITES, Row, Store, StoreError, Write, WriteError, list_all};

/// Of so few things any number may be gone at once.
const FEW: usize = 10;

/// A full refresh had something of this item at this location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    pub system: SystemId,
    pub feed: FeedId,
    /// The system's codes.
    pub sku: String,
    pub location: String,
    /// Whether it was a count or a balance.
    pub kind: StockKind,
}

impl Told {
    fn partition(system: &SystemId, feed: &FeedId) -> String {
        format!("TOLD#{system}#{feed}")
    }

    fn about(&self) -> About {
        About { sku: self.sku.clone(), location: self.location.clone(), lot: None }
    }
}

impl Row for Told {
    fn key(&self) -> Key {
        let name = content_hash(format!("{:?}", (&self.location, &self.sku)).as_bytes());
        Key::new(Self::partition(&self.system, &self.feed), name)
    }
}

/// What a full refresh comes to.
#[derive(Debug, Default)]
pub(super) struct Whole {
    /// What to take in.
    pub steps: Vec<(Option<Mark>, Step)>,
    /// What is told of for the first time; written down before it is taken in, so that it can be missed later.
    pub fresh: Vec<Told>,
    /// What is gone; forgotten after its zero was taken in.
    pub gone: Vec<Told>,
}

/// Sets the sums of a refresh beside what was told last.
pub(super) fn compare(
    (system, feed): (&SystemId, &FeedId),
    known: Vec<Told>,
    sums: BTreeMap<About, Option<Said>>,
    asked_at: Timestamp,
) -> Whole {
    let mut whole = Whole::default();
    let told: BTreeMap<About, &Told> = known.iter().map(|told| (told.about(), told)).collect();
    let gone: Vec<&Told> = known.iter().filter(|told| !sums.contains_key(&told.about())).collect();
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
            whole.fresh.push(Told { system, feed, sku, location, kind: sum.kind });
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

fn label(about: &About) -> String {
    format!("{} @ {}", about.sku, about.location)
}

/// What was told last.
pub(super) async fn known<S: Store>(store: &S, system: &SystemId, feed: &FeedId) -> Result<Vec<Told>, StoreError> {
    let records = list_all(store, Listing::rows(Told::partition(system, feed), "")).await?;
    records.iter().map(|record| record.decode()).collect()
}

/// Writes down what is told of for the first time.
pub(super) async fn remember<S: Store>(store: &S, fresh: &[Told]) -> Result<(), StoreError> {
    write(store, fresh.iter().map(|told| Write::put(told, Expect::Absent)).collect()).await
}

/// Forgets what is gone, unless its zero failed.
pub(super) async fn forget<S: Store>(store: &S, gone: &[Told], failed: &BTreeMap<String, String>) -> Result<(), StoreError> {
    let gone = gone.iter().filter(|told| !failed.contains_key(&label(&told.about())));
    write(store, gone.map(|told| Write::Delete { key: told.key(), expect: Expect::Revision(1) }).collect()).await
}

/// These rows are written once and never changed: one that is not as expected was done by another run.
async fn write<S: Store>(store: &S, writes: Vec<Write>) -> Result<(), StoreError> {
    for group in writes.chunks(MAX_WRITES) {
        match store.write(group).await {
            Ok(()) => continue,
            Err(WriteError::Refused(_) | WriteError::Conflict) => {}
            Err(WriteError::Store(error)) => return Err(error),
        }
        for one in group {
            match store.write(std::slice::from_ref(one)).await {
                Ok(()) | Err(WriteError::Refused(_) | WriteError::Conflict) => {}
                Err(WriteError::Store(error)) => return Err(error),
            }
        }
    }
    Ok(())
}

//! Pulls every feed of every system, one after the other.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::catalog::FeedId;
use crate::flows::pull::{PullContext, PullError, PullReport, pull};
use crate::ports::{Clock, Listing, Source, Store, StoreError, list_all, read};
use crate::source::System;
use crate::source::pull::FeedWatermark;
use crate::table::{Partition, RowKey};

/// What became of one feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pulled {
    /// The feed was pulled.
    Done(PullReport),
    /// The feed is not due yet.
    NotDue,
    /// The feed failed. The next run tries it again.
    Failed(String),
    /// The deadline passed before its turn. The next run pulls it first.
    NoTime,
}

impl Pulled {
    /// How many events the run added to the ledger.
    #[must_use]
    pub fn applied(&self) -> usize {
        match self {
            Self::Done(report) => report.applied,
            Self::NotDue | Self::Failed(_) | Self::NoTime => 0,
        }
    }

    /// Whether the feed needs no attention.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        match self {
            Self::Done(report) => report.failed.is_empty(),
            Self::NotDue => true,
            Self::Failed(_) | Self::NoTime => false,
        }
    }
}

/// Pulls every feed of every system. The feed that waited longest comes first. A failure does not stop the others, and each
/// feed gets an equal share of the remaining time.
///
/// # Errors
/// When the systems cannot be listed, or when all feeds fail and the store failed under one of them.
pub async fn pull_all<S: Store, Q: Source, C: Clock>(
    pulling: &PullContext<'_, S, Q, C>,
) -> Result<BTreeMap<String, Pulled>, StoreError> {
    let PullContext { store, source, clock, network, deadline } = *pulling;
    let mut pulled = BTreeMap::new();
    let mut feeds: Vec<(Option<Timestamp>, System, FeedId)> = Vec::new();
    for record in list_all(store, Listing::rows(&Partition::Systems)).await? {
        let system = match record.decode::<System>() {
            Ok(system) => system,
            Err(error) => {
                tracing::error!(%error, "a system cannot be read and is not pulled");
                pulled.insert(record.key.sk, Pulled::Failed(error.to_string()));
                continue;
            }
        };
        for (feed, config) in &system.pull {
            let known =
                read::<FeedWatermark, S>(store, &RowKey::FeedWatermark { system: system.code.clone(), feed: feed.clone() })
                    .await?
                    .0;
            let every = SignedDuration::from_mins(i64::from(config.feed().every_minutes.unwrap_or(0)));
            let whole_at = known.as_ref().and_then(|known| known.complete_at);
            if whole_at.is_some_and(|at| clock.now().duration_since(at) < every) {
                pulled.insert(format!("{}/{feed}", system.code), Pulled::NotDue);
                continue;
            }
            feeds.push((known.map(|known| known.tried_at), system.clone(), feed.clone()));
        }
    }
    feeds.sort_by(|(one, system, feed), (other, another, next)| (one, &system.code, feed).cmp(&(other, &another.code, next)));
    let mut left = u32::try_from(feeds.len()).unwrap_or(u32::MAX);
    let mut failure = None;
    for (_, system, feed) in feeds {
        let now = clock.now();
        let share = deadline.duration_since(now).unsigned_abs() / left.max(1);
        left = left.saturating_sub(1);
        let name = format!("{}/{feed}", system.code);
        if now >= deadline {
            pulled.insert(name, Pulled::NoTime);
            continue;
        }
        let until = now.saturating_add(share).unwrap_or(deadline);
        let outcome = match pull(&PullContext { store, source, clock, network, deadline: until }, &system, &feed).await {
            Ok(report) => Pulled::Done(report),
            Err(PullError::Store(error)) => {
                tracing::error!(system = %system.code, %feed, %error, "the store failed during a feed; the others continue");
                failure = Some(error);
                Pulled::Failed("the store failed; the log holds the error".to_owned())
            }
            Err(PullError::Source(error)) => {
                tracing::warn!(system = %system.code, %feed, %error, "a feed failed; the next run tries it again");
                Pulled::Failed(error.to_string())
            }
        };
        pulled.insert(name, outcome);
    }
    failure.filter(|_| pulled.values().all(|pulled| matches!(pulled, Pulled::Failed(_)))).map_or(Ok(pulled), Err)
}

//! One run of a feed: it reads pages, commits their events to the ledger, and then moves the watermark.

mod all;
mod full_refresh;

pub use self::all::{Pulled, pull_all};

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::alert::AlertSubject;
use crate::catalog::{FeedId, Network, excerpt};
use crate::draft::EventOutcome;
use crate::flows::{Received, Retries, RetryBudget, alert, receive_all};
use crate::ledger::LedgerEvent;
use crate::ports::{Clock, Source, Store, StoreError, read};
use crate::source::pull::config::{Feed, PullMode};
use crate::source::pull::page::{self, Next};
use crate::source::pull::reading::{Pass, Step};
use crate::source::pull::request::{PageRef, SourceError, request};
use crate::source::pull::watermark::{FeedWatermark, WatermarkPosition};
use crate::source::pull::{MAX_FAILURES, MAX_PAGES, MAX_SHIFTS, REQUEST_WITHIN};
use crate::source::{MAX_BATCH, StockEventFormatError, System};
use crate::table::{RowKey, Write};

/// The ports and the deadline of a pull.
#[derive(Debug)]
pub struct PullContext<'a, S, Q, C> {
    /// The ledger.
    pub store: &'a S,
    /// The port to the systems.
    pub source: &'a Q,
    /// The time.
    pub clock: &'a C,
    /// The locations.
    pub network: &'a Network,
    /// When the run must have stopped. The next run reads the rest.
    pub deadline: Timestamp,
}

/// What one run of a feed did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PullReport {
    /// Pages read.
    pub pages: usize,
    /// Rows read. A row that was read twice counts twice.
    pub rows: usize,
    /// Events that this run added to the ledger.
    pub applied: usize,
    /// Events that were in the ledger already, with the same or other content.
    pub duplicates: usize,
    /// Events that wait for a mapping, or in the lane of a contended position.
    pub waiting: usize,
    /// Rows that the configuration skips, and states that a newer row of the same page replaces.
    pub skipped: usize,
    /// The error of each failed row, by the row's name. The watermark stays before them.
    pub failed: BTreeMap<String, String>,
    /// How often the run started over because rows moved while they were read.
    pub shifted: usize,
    /// Whether rows came in another order than the configuration promises.
    pub misordered: bool,
    /// Whether the run took in every row.
    pub complete: bool,
    /// Where the next run begins, if this run moved the watermark.
    pub since: Option<WatermarkPosition>,
}

/// Why a run stopped. The events it has applied stay.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The source failed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How a run without an error ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RunEnd {
    /// Every row was read.
    Complete,
    /// The deadline passed, or the run read [`MAX_PAGES`].
    Partial,
    /// Rows moved while they were read, so a page may have been missed.
    Shifted,
}

/// Pulls one feed of a system, and records how the run went.
///
/// # Errors
/// [`PullError`]. Applied events stay, the watermark is before every row that was not applied, and the next run continues
/// there.
pub async fn pull<S: Store, Q: Source, C: Clock>(
    pulling: &PullContext<'_, S, Q, C>,
    system: &System,
    feed: &FeedId,
) -> Result<PullReport, PullError> {
    let Some(config) = system.pull.get(feed) else { return Ok(PullReport::default()) };
    let (known, _) =
        read::<FeedWatermark, S>(pulling.store, &RowKey::FeedWatermark { system: system.code.clone(), feed: feed.clone() })
            .await?;
    let since = known.and_then(|known| known.since);
    let report = PullReport::default();
    let mut run =
        Run { pulling, system, id: feed, feed: config.feed(), began: since, moved: false, asked_at: None, newest: None, report };
    let ended = run.all().await;
    if let Err(PullError::Store(error)) = ended {
        return Err(error.into());
    }
    run.note(ended).await
}

pub(super) struct Run<'a, S, Q, C> {
    pulling: &'a PullContext<'a, S, Q, C>,
    system: &'a System,
    id: &'a FeedId,
    feed: &'a Feed,
    /// The watermark before the run.
    began: Option<WatermarkPosition>,
    /// Whether this run has moved the watermark.
    moved: bool,
    /// When the first page of this pass was requested: the time in the source's answer if it sends one, otherwise our time
    /// before the request.
    asked_at: Option<Timestamp>,
    newest: Option<Timestamp>,
    report: PullReport,
}

impl<S: Store, Q: Source, C: Clock> Run<'_, S, Q, C> {
    async fn all(&mut self) -> Result<RunEnd, PullError> {
        loop {
            match self.once().await? {
                RunEnd::Shifted if self.report.shifted < MAX_SHIFTS => self.report.shifted += 1,
                end @ (RunEnd::Complete | RunEnd::Partial | RunEnd::Shifted) => return Ok(end),
            }
        }
    }

    /// Reads the feed once, from the watermark to its end.
    async fn once(&mut self) -> Result<RunEnd, PullError> {
        let feed = self.feed;
        let progress = feed.progress.as_ref();
        let mut since = progress.map(|progress| progress.from(self.report.since.or(self.began)));
        let (mut pass, mut at) = (Pass::new(feed, &self.system.time_zone), PageRef::First);
        self.asked_at = None;
        loop {
            let now = self.pulling.clock.now();
            let left = self.pulling.deadline.duration_since(now);
            if left.is_negative() || left.is_zero() || self.report.pages == MAX_PAGES {
                return Ok(RunEnd::Partial);
            }
            let asking = request((feed, &self.system.time_zone), since, &at, left.unsigned_abs().min(REQUEST_WITHIN));
            let answer = self.pulling.source.fetch(&asking).await?;
            let asked_at = *self.asked_at.get_or_insert(answer.answered_at.unwrap_or(now));
            let page = page::read(feed, &at, &answer.bytes)?;
            self.report.pages += 1;
            self.report.rows += page.rows.len();
            let Some(rows) = pass.without_overlap(&at, page.rows) else { return Ok(RunEnd::Shifted) };
            let steps = pass.steps(rows, self.report.rows, asked_at, &self.system.code)?;
            if !self.ingest(&mut pass, steps).await? {
                return Ok(RunEnd::Partial);
            }
            match page.next {
                Next::Page(next) => at = next,
                Next::Newer => (since, at) = (Some(pass.newer_than(since)?), PageRef::First),
                Next::BrokenOff => {
                    return Err(SourceError::Unreadable { detail: "it broke off in the middle of a line".into() }.into());
                }
                Next::End => break,
            }
        }
        if !self.apply_full_refresh(&mut pass).await? {
            return Ok(RunEnd::Partial);
        }
        self.advance(&pass, true).await?;
        Ok(RunEnd::Complete)
    }

    /// Applies the sums of a full refresh, and a zero for each state that the refresh no longer reports. Returns `false` when
    /// the deadline passed.
    async fn apply_full_refresh(&mut self, pass: &mut Pass<'_>) -> Result<bool, PullError> {
        let (Some(sums), Some(asked_at)) = (pass.sums(), self.asked_at) else { return Ok(true) };
        let (store, system, feed) = (self.pulling.store, &self.system.code, self.id);
        let whole = crate::source::pull::reported::compare(
            (system, feed),
            full_refresh::known(store, system, feed).await?,
            sums,
            asked_at,
        );
        full_refresh::remember(store, &whole.fresh).await?;
        let in_time = self.ingest(pass, whole.steps).await?;
        if in_time {
            full_refresh::forget(store, &whole.gone, &self.report.failed).await?;
        }
        Ok(in_time)
    }

    /// Commits rows to the ledger, and moves the watermark behind them. Returns `false` when the deadline passed.
    async fn ingest(
        &mut self,
        pass: &mut Pass<'_>,
        mut steps: Vec<(Option<WatermarkPosition>, Step)>,
    ) -> Result<bool, PullError> {
        while !steps.is_empty() {
            if self.pulling.clock.now() >= self.pulling.deadline {
                return Ok(false);
            }
            let rest = steps.split_off(steps.len().min(MAX_BATCH));
            let chunk = std::mem::replace(&mut steps, rest);
            let event =
                |step: &Step| if let Step::Event(_, event) = step { Some(LedgerEvent::Stock((**event).clone())) } else { None };
            let events: Vec<LedgerEvent> = chunk.iter().filter_map(|(_, step)| event(step)).collect();
            let PullContext { store, clock, network, .. } = *self.pulling;
            let mut received =
                if events.is_empty() { Vec::new() } else { receive_all(store, clock, network, events).await? }.into_iter();
            for (mark, step) in chunk {
                let problem = match step {
                    Step::Event(label, event) => {
                        self.newest = self.newest.max(Some(event.occurred_at));
                        let received = received.next().expect("each event has its outcome");
                        self.count(received).map(|problem| (label, problem))
                    }
                    Step::Nothing => {
                        self.report.skipped += 1;
                        None
                    }
                    Step::Failed(label, problem) => Some((label, problem)),
                };
                pass.done(mark, problem.is_none());
                if let Some((label, problem)) = problem {
                    self.fail(label, problem).await?;
                }
            }
            self.advance(pass, false).await?;
        }
        Ok(true)
    }

    /// Counts the outcome of an event, and returns the error if the event failed.
    fn count(&mut self, received: Received) -> Option<String> {
        let outcome = match received {
            Received::Deferred(_) => {
                self.report.waiting += 1;
                return None;
            }
            Received::Decided(outcome) => outcome,
        };
        match outcome {
            EventOutcome::Applied { .. } => self.report.applied += 1,
            // For other content under the same id an alert is already raised. The first content stands, however often the row
            // is read.
            EventOutcome::Duplicate | EventOutcome::ContentMismatch => self.report.duplicates += 1,
            EventOutcome::Waiting(_) => self.report.waiting += 1,
            EventOutcome::Refused(unfit) => return Some(unfit.to_string()),
            EventOutcome::Unreadable | EventOutcome::Quarantined => {
                return Some("a row of the ledger that it changes cannot be read or written".to_owned());
            }
        }
        None
    }

    async fn fail(&mut self, label: String, problem: String) -> Result<(), StoreError> {
        let problem = excerpt(problem, StockEventFormatError::MAX_PROBLEM);
        let (system, feed) = (&self.system.code, self.id);
        let subject = AlertSubject::RefusedEvent { system: system.to_string() };
        let detail = format!("{system} {feed}: the row {label} is refused: {problem}");
        tracing::warn!(%system, %feed, row = label, problem, "a row of a feed is refused");
        alert::raise(self.pulling.store, self.pulling.clock, (subject, detail)).await?;
        self.report.failed.insert(label, problem);
        Ok(())
    }

    /// Moves the watermark as far as the rows so far allow. Moves it back to its start if rows came in another order than it
    /// was moved for.
    async fn advance(&mut self, pass: &Pass<'_>, end: bool) -> Result<(), StoreError> {
        let (Some(delta), Some(asked_at)) = (pass.delta(), self.asked_at) else { return Ok(()) };
        self.report.misordered |= delta.misordered;
        let to = delta.watermark(end, asked_at);
        if delta.misordered && self.moved && to.is_none() {
            let began = self.began;
            self.report.since = None;
            self.moved = false;
            return self.update(|watermark| watermark.since = began).await;
        }
        let Some(to) = to.filter(|to| self.report.since.or(self.began).is_none_or(|at| !at.is_like(to) || at < *to)) else {
            return Ok(());
        };
        self.report.since = Some(to);
        self.moved = true;
        self.update(|watermark| {
            // Another run may have moved it further already.
            let further = watermark.since.is_none_or(|at| !at.is_like(&to) || at < to);
            watermark.since = if further { Some(to) } else { watermark.since };
        })
        .await
    }

    /// Records how the run went, and raises or clears the alerts of the feed.
    async fn note(mut self, ended: Result<RunEnd, PullError>) -> Result<PullReport, PullError> {
        let whole = matches!(ended, Ok(RunEnd::Complete));
        // A feed that is not ordered starts from its beginning in each run. If one run cannot reach the end, no run ever will.
        let in_parts = self.feed.ordered && !self.report.misordered && self.feed.mode == PullMode::Delta;
        let problem = match &ended {
            Ok(RunEnd::Complete) => None,
            Ok(RunEnd::Partial) if in_parts => None,
            Ok(RunEnd::Partial) => Some("one run cannot read all of it, and unordered rows cannot be read in parts".to_owned()),
            Ok(RunEnd::Shifted) => Some("its rows keep moving while they are read".to_owned()),
            Err(error) => Some(error.to_string()),
        };
        self.report.complete = whole && self.report.failed.is_empty();
        let (report, now) = (self.report.clone(), self.pulling.clock.now());
        let (newest, complete_at) = (self.newest, self.asked_at.filter(|_| report.complete));
        let (mut recorded, mut had_failed) = (None, false);
        self.update(|watermark| {
            had_failed = watermark.failed_rows > 0;
            watermark.tried_at = now;
            watermark.newest = watermark.newest.max(newest);
            watermark.complete_at = watermark.complete_at.max(complete_at);
            watermark.failures = if problem.is_some() { watermark.failures.saturating_add(1) } else { 0 };
            watermark.failed_rows = if whole { report.failed.len() } else { watermark.failed_rows.max(report.failed.len()) };
            recorded = Some(watermark.clone());
        })
        .await?;
        let recorded = recorded.expect("update calls its closure at least once");
        let (system, feed) = (&self.system.code, self.id);
        let subject = AlertSubject::SourceStale { system: system.to_string(), feed: feed.to_string() };
        let PullContext { store, clock, .. } = *self.pulling;
        match (self.system.stale_since(&recorded, now), &problem) {
            (Some(since), _) => {
                let reason = problem.as_deref().unwrap_or("rows of it are refused, or a run does not read it to its end");
                let detail = format!("{system} {feed} was last read completely at {since}: {reason}");
                alert::raise(store, clock, (subject, detail)).await?;
            }
            (None, Some(problem)) if recorded.failures >= MAX_FAILURES => {
                let detail = format!("{system} {feed} failed {} times in a row: {problem}", recorded.failures);
                alert::raise(store, clock, (subject, detail)).await?;
            }
            (None, None) if whole => alert::clear(store, clock, (subject, format!("{system} {feed} is read again"))).await?,
            (None, Some(_) | None) => {}
        }
        if report.complete && had_failed {
            let subject = AlertSubject::RefusedEvent { system: system.to_string() };
            alert::clear(store, clock, (subject, format!("{system} {feed}: the refused rows are applied or gone"))).await?;
        }
        ended?;
        Ok(report)
    }

    /// Applies `change` to the stored watermark.
    async fn update(&self, mut change: impl FnMut(&mut FeedWatermark)) -> Result<(), StoreError> {
        let (store, now) = (self.pulling.store, self.pulling.clock.now());
        let row = RowKey::FeedWatermark { system: self.system.code.clone(), feed: self.id.clone() };
        // Another run may change the watermark meanwhile: this change is then made on top of that.
        let what = row.to_string();
        let mut retries = Retries::new(RetryBudget::SHARED_ROW, what);
        loop {
            let (known, expect) = read::<FeedWatermark, S>(store, &row).await?;
            let mut watermark = known.unwrap_or_else(|| FeedWatermark::new(self.system.code.clone(), self.id.clone(), now));
            change(&mut watermark);
            match store.write(&[Write::put(&watermark, expect)]).await {
                Ok(()) => return Ok(()),
                Err(error) => retries.again(self.pulling.clock, error).await?,
            }
        }
    }
}

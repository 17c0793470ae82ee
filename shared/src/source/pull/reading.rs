//! One pass through a feed, in memory: it decides what to do with each row, without the ledger.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::catalog::{SystemId, TimeZone};
use crate::movement::content_hash;
use crate::source::pull::MAX_STATES;
use crate::source::pull::config::Feed;
use crate::source::pull::request::{PageRef, SourceError};
use crate::source::pull::row::{self, RowContent, StateKey};
use crate::source::pull::watermark::{DeltaProgress, WatermarkPosition};
use crate::source::{StockEvent, StockKind};

/// What to do with a row.
#[derive(Debug)]
pub(crate) enum Step {
    /// Commit this event. The text names the row in messages.
    Event(String, Box<StockEvent>),
    /// Nothing: the row holds no stock event, or a later row replaces it.
    Nothing,
    /// The row, by its name in messages, failed with this error.
    Failed(String, String),
}

type Rows = Vec<Result<Value, String>>;

/// One pass through a feed.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    feed: &'a Feed,
    /// The clock of the system.
    zone: &'a TimeZone,
    delta: Option<DeltaProgress<'a>>,
    /// The name of the last row of the previous page, which the next page may contain again.
    anchor: Option<String>,
    /// The sums so far; `None` where a row of the sum failed.
    sums: BTreeMap<StateKey, Option<RowContent>>,
    /// Whether a row failed whose sum is unknown.
    has_unattributed_failure: bool,
}

impl<'a> Pass<'a> {
    pub(crate) fn new(feed: &'a Feed, zone: &'a TimeZone) -> Self {
        let delta = feed.progress.as_ref().map(|progress| DeltaProgress::new(progress, feed.ordered));
        Self { feed, zone, delta, anchor: None, sums: BTreeMap::new(), has_unattributed_failure: false }
    }

    pub(crate) fn delta(&self) -> Option<&DeltaProgress<'a>> {
        self.delta.as_ref()
    }

    /// Records that a row was applied or failed.
    pub(crate) fn done(&mut self, mark: Option<WatermarkPosition>, well: bool) {
        match (&mut self.delta, mark, well) {
            (Some(delta), Some(mark), true) => delta.pass(mark),
            (Some(delta), mark, false) => delta.fail(mark),
            (Some(_), None, true) | (None, _, _) => {}
        }
    }

    /// Returns the rows of a page without those that the previous page had. Returns `None` when the last row of the previous
    /// page is not where it must be: rows have moved, and a row between the two pages may have been missed.
    pub(crate) fn without_overlap(&mut self, at: &PageRef, mut rows: Rows) -> Option<Rows> {
        let name = |row: &Result<Value, String>| {
            let row = row.as_ref().unwrap_or(&Value::Null);
            row::label(self.feed, row, &content_hash(row.to_string().as_bytes()))
        };
        let again = if let PageRef::Offset { again, .. } = at { usize::try_from(*again).ok()? } else { 0 };
        let last = rows.last().map(name);
        if let Some(anchor) = self.anchor.take().filter(|_| again > 0) {
            if rows.get(again - 1).map(name) != Some(anchor) {
                return None;
            }
            drop(rows.drain(..again));
        }
        self.anchor = last;
        Some(rows)
    }

    /// Decides what to do with the rows of a page. `seen` is the number of rows read so far, this page included.
    ///
    /// # Errors
    /// When the feed has more than [`MAX_STATES`] sums.
    pub(crate) fn steps(
        &mut self,
        rows: Rows,
        seen: usize,
        asked_at: Timestamp,
        system: &SystemId,
    ) -> Result<Vec<(Option<WatermarkPosition>, Step)>, SourceError> {
        let before = seen.saturating_sub(rows.len());
        let mut steps = Vec::with_capacity(rows.len());
        let mut newest: BTreeMap<(StockKind, StateKey), (usize, Timestamp)> = BTreeMap::new();
        for (at, row) in rows.into_iter().enumerate() {
            let row_number = format!("no. {}", before + at + 1);
            let row = match row {
                Ok(row) => row,
                Err(problem) => {
                    self.has_unattributed_failure = true;
                    steps.push((None, Step::Failed(row_number, problem)));
                    continue;
                }
            };
            let label = row::label(self.feed, &row, &row_number);
            let mark = self.feed.progress.as_ref().map(|progress| row::mark(self.feed, self.zone, progress, &row)).transpose();
            let reported = row::read(self.feed, self.zone, &row, asked_at);
            let (mark, reported) = match (mark, reported) {
                (Ok(mark), reported) => (mark, reported),
                (Err(problem), _) => (None, Err(problem)),
            };
            if self.feed.aggregate {
                steps.extend(self.add(&row, label, reported)?.map(|step| (None, step)));
                continue;
            }
            let about = reported.as_ref().ok().and_then(Option::as_ref).map(|reported| (reported.kind, reported.state_key()));
            let event = reported.and_then(|reported| reported.map(|reported| reported.event(system)).transpose());
            let step = match event {
                Ok(Some(event)) => {
                    if let Some(about) = about.filter(|(kind, _)| kind.is_a_state()) {
                        let replaced = match newest.get(&about) {
                            Some((_, time)) if *time > event.occurred_at => {
                                steps.push((mark, Step::Nothing));
                                continue;
                            }
                            found => found.map(|(at, _)| *at),
                        };
                        if let Some((_, step)) = replaced.and_then(|at| steps.get_mut(at)) {
                            *step = Step::Nothing;
                        }
                        newest.insert(about, (steps.len(), event.occurred_at));
                    }
                    Step::Event(label, Box::new(event))
                }
                Ok(None) => Step::Nothing,
                Err(problem) => Step::Failed(label, problem),
            };
            steps.push((mark, step));
        }
        Ok(steps)
    }

    /// Adds a row to its sum. A failed row makes its sum unknown.
    fn add(
        &mut self,
        row: &Value,
        label: String,
        reported: Result<Option<RowContent>, String>,
    ) -> Result<Option<Step>, SourceError> {
        let step = match reported {
            Ok(None) => Some(Step::Nothing),
            Ok(Some(reported)) => {
                let about = reported.state_key();
                if self.sums.len() == MAX_STATES && !self.sums.contains_key(&about) {
                    return Err(SourceError::unreadable(format!("more than {MAX_STATES} items and locations")));
                }
                match self.sums.get_mut(&about) {
                    None => {
                        self.sums.insert(about, Some(reported));
                        None
                    }
                    Some(None) => None,
                    Some(sum @ Some(_)) => {
                        let added = sum.as_mut().map_or(Ok(()), |sum| sum.add(&reported));
                        added.err().map(|problem| {
                            *sum = None;
                            Step::Failed(label, problem)
                        })
                    }
                }
            }
            Err(problem) => {
                match row::state_key(self.feed, row) {
                    Some(about) => drop(self.sums.insert(about, None)),
                    None => self.has_unattributed_failure = true,
                }
                Some(Step::Failed(label, problem))
            }
        };
        Ok(step)
    }

    /// Takes the sums after the last row. A sum with a failed row is `None`. Returns `None` for all when nothing is added up,
    /// or when the sum of a failed row is unknown.
    pub(crate) fn sums(&mut self) -> Option<BTreeMap<StateKey, Option<RowContent>>> {
        (self.feed.aggregate && !self.has_unattributed_failure).then(|| std::mem::take(&mut self.sums))
    }

    /// The watermark position from which the next page is requested, when paging by progress.
    ///
    /// # Errors
    /// When no row of this page is newer than `since`, or the rows are not in rising order.
    pub(crate) fn newer_than(&self, since: Option<WatermarkPosition>) -> Result<WatermarkPosition, SourceError> {
        let seen = self.delta.as_ref().filter(|delta| !delta.misordered).and_then(DeltaProgress::seen);
        let misordered =
            || SourceError::unreadable("the rows of a page are not in rising order, so the next page cannot be requested");
        let seen = seen.ok_or_else(misordered)?;
        if since.is_some_and(|since| seen <= since) {
            return Err(SourceError::unreadable(
                "all rows of a page have the same time, so the next page cannot be requested: configure a larger page size",
            ));
        }
        Ok(seen)
    }
}

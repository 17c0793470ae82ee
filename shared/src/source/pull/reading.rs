//! One pass through a feed, in memory: what becomes of each row, before and beside the ledger.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::catalog::SystemId;
use crate::movement::content_hash;
use crate::source::pull::MAX_STATES;
use crate::source::pull::config::{Feed, Paging};
use crate::source::pull::request::SourceError;
use crate::source::pull::row::{self, About, Said};
use crate::source::pull::watermark::{Course, WatermarkPosition};
use crate::source::{StockEvent, StockKind};

/// What is to be done with a row.
#[derive(Debug)]
pub(crate) enum Step {
    /// Take it in. With what people call its row.
    Event(String, Box<StockEvent>),
    /// Nothing: it says nothing of ours, or something that is said anew further on.
    Nothing,
    /// Nothing can be done with it.
    Failed(String, String),
}

type Rows = Vec<Result<Value, String>>;

/// One pass.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    feed: &'a Feed,
    course: Option<Course<'a>>,
    /// The last row of the page before, where the next page begins with it again.
    anchor: Option<String>,
    /// What was added up so far; `None` where a row of it failed.
    sums: BTreeMap<About, Option<Said>>,
    /// A row failed, and nobody knows of which sum it is a part.
    nobodys: bool,
}

impl<'a> Pass<'a> {
    pub(crate) fn new(feed: &'a Feed) -> Self {
        let course = feed.progress.as_ref().map(|progress| Course::new(progress, feed.ordered));
        Self { feed, course, anchor: None, sums: BTreeMap::new(), nobodys: false }
    }

    pub(crate) fn course(&self) -> Option<&Course<'a>> {
        self.course.as_ref()
    }

    /// A row is done with.
    pub(crate) fn done(&mut self, mark: Option<WatermarkPosition>, well: bool) {
        match (&mut self.course, mark, well) {
            (Some(course), Some(mark), true) => course.pass(mark),
            (Some(course), mark, false) => course.fail(mark),
            (Some(_), None, true) | (None, _, _) => {}
        }
    }

    /// The rows of a page that were not on the page before. `None`: the page does not begin where the one before ended, so
    /// rows have moved, and one may have slipped through between the two.
    pub(crate) fn meet(&mut self, mut rows: Rows) -> Option<Rows> {
        if !matches!(self.feed.paging, Paging::Offset { .. }) {
            return Some(rows);
        }
        let name = |row: &Result<Value, String>| {
            let row = row.as_ref().unwrap_or(&Value::Null);
            row::label(self.feed, row, &content_hash(row.to_string().as_bytes()))
        };
        let last = rows.last().map(name);
        if let Some(anchor) = self.anchor.take() {
            if rows.first().map(name) != Some(anchor) {
                return None;
            }
            drop(rows.remove(0)); // It is in already.
        }
        self.anchor = last;
        Some(rows)
    }

    /// What is to be done with the rows of a page. `seen` is how many rows were read, this page's included.
    ///
    /// # Errors
    /// When there is more to add up than is taken.
    pub(crate) fn steps(
        &mut self,
        rows: Rows,
        seen: usize,
        asked_at: Timestamp,
        system: &SystemId,
    ) -> Result<Vec<(Option<WatermarkPosition>, Step)>, SourceError> {
        let before = seen.saturating_sub(rows.len());
        let mut steps = Vec::with_capacity(rows.len());
        let mut newest: BTreeMap<(StockKind, About), (usize, Timestamp)> = BTreeMap::new();
        for (at, row) in rows.into_iter().enumerate() {
            let place = format!("no. {}", before + at + 1);
            let row = match row {
                Ok(row) => row,
                Err(problem) => {
                    self.nobodys = true;
                    steps.push((None, Step::Failed(place, problem)));
                    continue;
                }
            };
            let label = row::label(self.feed, &row, &place);
            let mark = self.feed.progress.as_ref().map(|progress| row::mark(self.feed, progress, &row)).transpose();
            let said = row::said(self.feed, &row, asked_at);
            let (mark, said) = match (mark, said) {
                (Ok(mark), said) => (mark, said),
                (Err(problem), _) => (None, Err(problem)),
            };
            if self.feed.aggregate {
                steps.extend(self.add(&row, label, said)?.map(|step| (None, step)));
                continue;
            }
            let about = said.as_ref().ok().and_then(Option::as_ref).map(|said| (said.kind, said.about()));
            let event = said.and_then(|said| said.map(|said| said.event(system)).transpose());
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

    /// Adds a row to its sum. What failed makes its sum one that is not known.
    fn add(&mut self, row: &Value, label: String, said: Result<Option<Said>, String>) -> Result<Option<Step>, SourceError> {
        let step = match said {
            Ok(None) => Some(Step::Nothing),
            Ok(Some(said)) => {
                let about = said.about();
                if self.sums.len() == MAX_STATES && !self.sums.contains_key(&about) {
                    return Err(SourceError::unreadable(format!("more than {MAX_STATES} items and locations")));
                }
                match self.sums.get_mut(&about) {
                    None => {
                        self.sums.insert(about, Some(said));
                        None
                    }
                    Some(None) => None,
                    Some(sum @ Some(_)) => {
                        let added = sum.as_mut().map_or(Ok(()), |sum| sum.add(&said));
                        added.err().map(|problem| {
                            *sum = None;
                            Step::Failed(label, problem)
                        })
                    }
                }
            }
            Err(problem) => {
                match row::about(self.feed, row) {
                    Some(about) => drop(self.sums.insert(about, None)),
                    None => self.nobodys = true,
                }
                Some(Step::Failed(label, problem))
            }
        };
        Ok(step)
    }

    /// The sums, once all rows are known, `None` of each in which a row failed. No sums at all when a row failed that could be
    /// a part of any, or when nothing is added up.
    pub(crate) fn sums(&mut self) -> Option<BTreeMap<About, Option<Said>>> {
        (self.feed.aggregate && !self.nobodys).then(|| std::mem::take(&mut self.sums))
    }

    /// Where the next page begins that is asked for by progress.
    ///
    /// # Errors
    /// When nothing on this page was newer than `since`, or the rows are in another order than is needed for this.
    pub(crate) fn newer_than(&self, since: Option<WatermarkPosition>) -> Result<WatermarkPosition, SourceError> {
        let seen = self.course.as_ref().filter(|course| !course.misordered).and_then(Course::seen);
        let misordered =
            || SourceError::unreadable("the rows of a full page are in no rising order, so what comes next cannot be asked for");
        let seen = seen.ok_or_else(misordered)?;
        if since.is_some_and(|since| seen <= since) {
            return Err(SourceError::unreadable(
                "a whole page of rows has one time, so what comes next cannot be asked for: ask for larger pages",
            ));
        }
        Ok(seen)
    }
}

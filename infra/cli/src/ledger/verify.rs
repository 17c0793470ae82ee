//! Compares every position with the fold of its movements, in bounded memory for a table of any size.
//!
//! A parallel scan returns the rows of a position together and in order, the stored position before its movements. So a segment
//! folds them as they arrive, and holds one page and one [`Reading`]. A scan is no snapshot: rows that are written meanwhile look
//! like damage. So a position that seems to be damaged is read again by itself, with consistent reads, and is reported only if
//! two readings find the same mismatch. This also covers a position whose rows the scan does not return together.
//!
//! The marks of applied events are compared only from a time on, because those of orders expire. A restored table may have a movement
//! and not the mark of its event, if both were being written at the time of the backup; the event would then be applied a second time.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use promissory::adapters::dynamodb::record;
use promissory::ledger::Position;
use promissory::ledger::replay::{Fold, Mismatch};
use promissory::movement::{EventId, Movement};
use promissory::ports::{Clock, Listing, Store, StoreError};
use promissory::table::{Key, Record, Row, RowKey, UnreadableRow, scan};

use crate::table::Table;

/// The largest number of mismatches that are listed. The others are counted.
pub const MAX_LISTED: usize = 1_000;

/// The largest number of readings of a position that seems to be damaged. Two readings with the same result end it earlier.
const READINGS: u32 = 6;

/// Marks that are read at once.
const MARKS_AT_ONCE: usize = 100;

/// The pause between two readings. A transaction that one reading saw in part has ended by then.
const PAUSE: Duration = Duration::from_millis(200);

/// The time between two progress reports.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// How `verify` reads a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyConfig {
    /// The number of segments that are scanned at the same time, at least one.
    pub segments: u32,
    /// The largest number of rows of a page. `None`: as many as fit.
    pub rows_per_page: Option<u32>,
    /// The marks of the events of all movements that were recorded from this time on are looked up. `None`: of none.
    pub marks_since: Option<Timestamp>,
}

/// The result of comparing a table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifyReport {
    /// The number of stored positions.
    pub positions: u64,
    /// The number of movements.
    pub movements: u64,
    /// The first mismatch of each position that does not match.
    pub mismatches: Vec<Mismatch>,
    /// The number of further positions that do not match, beyond [`MAX_LISTED`].
    pub unlisted: u64,
    /// The events that have movements and no mark, in order.
    pub unmarked: Vec<EventId>,
}

/// Compares all positions with the fold of their movements. `say` receives the progress.
///
/// # Errors
/// When the table cannot be read. The error says what to do.
pub async fn verify<C: Clock>(table: &Table, clock: &C, config: &VerifyConfig, say: &dyn Fn(&str)) -> io::Result<VerifyReport> {
    let (report, mismatches, events) = Default::default();
    let progress = RefCell::new(Progress { report, mismatches, events, reported_at: clock.now() });
    let run = Run { table, clock, config, say, progress: &progress };
    try_join_all((0..config.segments).map(|segment| run.segment(segment))).await?;
    let Progress { report, mismatches, events, .. } = progress.into_inner();
    let unmarked = unmarked(table, events).await?;
    Ok(VerifyReport { mismatches: mismatches.into_values().collect(), unmarked, ..report })
}

/// Those of the events that have no mark.
async fn unmarked(table: &Table, events: BTreeSet<EventId>) -> io::Result<Vec<EventId>> {
    let (events, store) = (Vec::from_iter(events), table.store());
    let mut unmarked = Vec::new();
    for page in events.chunks(MARKS_AT_ONCE) {
        let marks: Vec<Key> = page.iter().map(|event| RowKey::AppliedEvent(event.clone()).key()).collect();
        let found = store.get(&marks).await.map_err(|error| table.cannot(&error))?;
        unmarked.extend(page.iter().zip(found).filter(|(_, mark)| mark.is_none()).map(|(event, _)| event.clone()));
    }
    Ok(unmarked)
}

struct Progress {
    report: VerifyReport,
    /// By partition.
    mismatches: BTreeMap<String, Mismatch>,
    /// The events whose marks are looked up.
    events: BTreeSet<EventId>,
    reported_at: Timestamp,
}

struct Run<'a, C> {
    table: &'a Table,
    clock: &'a C,
    config: &'a VerifyConfig,
    say: &'a dyn Fn(&str),
    progress: &'a RefCell<Progress>,
}

impl<C: Clock> Run<'_, C> {
    /// Scans one segment of the table to its end.
    async fn segment(&self, segment: u32) -> io::Result<()> {
        let mut reading: Option<Reading> = None;
        let mut start = None;
        loop {
            let (rows, next) = self.page(segment, start).await?;
            for row in rows {
                let key = key_of(&row)
                    .ok_or_else(|| io::Error::other("a row has no pk or sk: check that this is a table of Promissory"))?;
                if reading.as_ref().is_none_or(|reading| reading.pk != key.pk) {
                    self.check(reading.replace(Reading::new(&key.pk))).await?;
                }
                if let Some(reading) = &mut reading {
                    self.count(&key);
                    let row = record(row);
                    self.note_event(&key, &row);
                    reading.take(&key, row);
                }
            }
            self.report_progress();
            match next {
                Some(next) => start = Some(next),
                None => return self.check(reading).await,
            }
        }
    }

    async fn page(&self, segment: u32, start: Option<Item>) -> io::Result<(Vec<Item>, Option<Item>)> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let total = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let request = self
            .table
            .scan(total(segment), total(self.config.segments))
            .set_limit(self.config.rows_per_page.map(total))
            .projection_expression("pk, sk, rev, #body")
            .expression_attribute_names("#body", "body")
            .filter_expression("begins_with(pk, :positions) AND (sk = :head OR begins_with(sk, :movements))")
            .expression_attribute_values(":positions", text(scan::POSITIONS))
            .expression_attribute_values(":head", text(scan::HEAD))
            .expression_attribute_values(":movements", text(scan::MOVEMENTS))
            .set_exclusive_start_key(start);
        let page = Box::pin(request.send()).await.map_err(|error| self.table.cannot_scan(&error))?;
        Ok((page.items.unwrap_or_default(), page.last_evaluated_key.filter(|key| !key.is_empty())))
    }

    fn count(&self, key: &Key) {
        let report = &mut self.progress.borrow_mut().report;
        if key.sk.starts_with(scan::MOVEMENTS) {
            report.movements += 1;
        } else {
            report.positions += 1;
        }
    }

    /// Notes the event of a movement whose mark is to be looked up.
    fn note_event(&self, key: &Key, row: &Result<Record, StoreError>) {
        let Some(since) = self.config.marks_since.filter(|_| key.sk.starts_with(scan::MOVEMENTS)) else { return };
        let movement = row.as_ref().ok().and_then(|row| row.decode::<Movement>().ok());
        if let Some(movement) = movement.filter(|movement| movement.recorded_at >= since) {
            self.progress.borrow_mut().events.insert(movement.cause.event);
        }
    }

    /// Checks a position after its last row. A mismatch counts only if a second reading confirms it.
    async fn check(&self, reading: Option<Reading>) -> io::Result<()> {
        let Some(reading) = reading else { return Ok(()) };
        let pk = reading.pk.clone();
        if reading.mismatch(None).is_none() {
            return Ok(());
        }
        let Some(mismatch) = reread(self.table, self.clock, &pk).await? else { return Ok(()) };
        let Progress { report, mismatches, .. } = &mut *self.progress.borrow_mut();
        if mismatches.len() < MAX_LISTED || mismatches.contains_key(&pk) {
            mismatches.insert(pk, mismatch);
        } else {
            report.unlisted += 1;
        }
        Ok(())
    }

    fn report_progress(&self) {
        let now = self.clock.now();
        let mut progress = self.progress.borrow_mut();
        if now.duration_since(progress.reported_at).unsigned_abs() < REPORT_EVERY {
            return;
        }
        progress.reported_at = now;
        let VerifyReport { positions, movements, unlisted, .. } = &progress.report;
        let mismatches = u64::try_from(progress.mismatches.len()).unwrap_or(u64::MAX).saturating_add(*unlisted);
        (self.say)(&format!("{positions} positions and {movements} movements read, {mismatches} mismatches so far"));
    }
}

type Item = HashMap<String, AttributeValue>;

fn key_of(row: &Item) -> Option<Key> {
    let text = |name: &str| row.get(name)?.as_s().ok();
    Some(Key::new(text("pk")?, text("sk")?))
}

/// Reads one position by itself until a reading finds no mismatch, or two readings find the same one.
///
/// A movement never changes, so a second reading finds damage unchanged. After a concurrent write it finds another mismatch, or
/// none.
///
/// # Errors
/// When it cannot be read.
pub async fn reread<C: Clock>(table: &Table, clock: &C, pk: &str) -> io::Result<Option<Mismatch>> {
    let mut before = None;
    for reading in 0..READINGS {
        if reading > 0 {
            clock.sleep(PAUSE).await;
        }
        let found = read_once(table, pk).await?;
        if found.is_none() || found == before {
            return Ok(found);
        }
        before = found;
    }
    Ok(before)
}

/// Reads the stored position, then its movements, then the stored position again. Movements that are newer than the first stored
/// position are correct if the second one includes them.
async fn read_once(table: &Table, pk: &str) -> io::Result<Option<Mismatch>> {
    let store = table.store();
    let head = Key::new(pk, scan::HEAD);
    let mut reading = Reading::new(pk);
    let mut listing = Listing::stored(pk, scan::MOVEMENTS);
    match store.get(std::slice::from_ref(&head)).await {
        Ok(found) => found.into_iter().flatten().for_each(|record| reading.take(&head, Ok(record))),
        Err(error) => reading.take(&head, Err(readable(table, error)?)),
    }
    loop {
        let page = match store.list(&listing).await {
            Ok(page) => page,
            Err(error) => return readable(table, error).map(|error| Some(unreadable(pk, error))),
        };
        for record in page.records {
            let key = record.key.clone();
            reading.take(&key, Ok(record));
        }
        match page.next {
            Some(next) => listing.after = Some(next),
            None => break,
        }
    }
    let later = match store.get(&[head]).await {
        Ok(found) => found.into_iter().flatten().find_map(|record| record.decode::<Position>().ok()),
        Err(error) => readable(table, error).map(|_| None)?,
    };
    Ok(reading.mismatch(later.as_ref()))
}

/// Returns an error that concerns a single row. Any other error ends the command.
pub(super) fn readable(table: &Table, error: StoreError) -> io::Result<StoreError> {
    match error {
        StoreError::Unreadable(_) => Ok(error),
        StoreError::Unavailable { .. } | StoreError::Unwritable(_) | StoreError::Rejected { .. } => Err(table.cannot(&error)),
    }
}

/// The mismatch of a row that cannot be read.
fn unreadable(pk: &str, error: StoreError) -> Mismatch {
    let (row, reason) = match error {
        StoreError::Unreadable(UnreadableRow { key, detail }) => (key, detail),
        error @ (StoreError::Unavailable { .. } | StoreError::Unwritable(_) | StoreError::Rejected { .. }) => {
            (pk.to_owned(), error.to_string())
        }
    };
    Mismatch::Unreadable { position: name_of(pk), row, reason }
}

/// Decodes a row, and checks that its content belongs under its key.
pub(super) fn content<R: Row>(record: &Record) -> Result<R, Mismatch> {
    let content: R = record.decode().map_err(|error| unreadable(&record.key.pk, error.into()))?;
    if content.key() == record.key {
        return Ok(content);
    }
    let (row, belongs) = (record.key.to_string(), content.key().to_string());
    Err(Mismatch::Misfiled { position: name_of(&record.key.pk), row, belongs })
}

/// The name of a position for people. It also works for a partition key that is damaged.
fn name_of(pk: &str) -> String {
    pk.strip_prefix(scan::POSITIONS).unwrap_or(pk).to_owned()
}

/// One position while its rows arrive: its stored row first, then its movements in order.
struct Reading {
    pk: String,
    stored: Option<Position>,
    fold: Fold,
    /// The first mismatch in its rows.
    found: Option<Mismatch>,
}

impl Reading {
    fn new(pk: &str) -> Self {
        Self { pk: pk.to_owned(), stored: None, fold: Fold::default(), found: None }
    }

    fn take(&mut self, key: &Key, row: Result<Record, StoreError>) {
        if self.found.is_some() {
            return;
        }
        let row = row.map_err(|error| unreadable(&self.pk, error));
        let taken = row.and_then(|record| {
            if key.sk.starts_with(scan::MOVEMENTS) {
                self.fold.step(&content(&record)?)?;
            } else {
                self.stored = Some(content(&record)?);
            }
            // Compare the stored balance when the fold reaches its sequence number: later movements would hide the difference.
            match &self.stored {
                Some(stored) if stored.seq == self.fold.seq => self.fold.check(stored),
                Some(_) | None => Ok(()),
            }
        });
        self.found = taken.err();
    }

    /// The mismatch of the position, after all its rows were read. `later` is the stored position after that: movements up to its
    /// sequence number were written meanwhile, and are no mismatch.
    fn mismatch(self, later: Option<&Position>) -> Option<Mismatch> {
        let Self { pk, stored, fold, found } = self;
        if found.is_some() {
            return found;
        }
        match stored {
            Some(stored) if stored.seq < fold.seq && later.is_some_and(|later| fold.seq <= later.seq) => None,
            Some(stored) => fold.check(&stored).err(),
            None if fold.seq == 0 => None,
            None => Some(Mismatch::Unstored { position: name_of(&pk), folded: Box::new(fold.balance), folded_seq: fold.seq }),
        }
    }
}

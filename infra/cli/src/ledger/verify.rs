//! Comparing every position with the fold of its movements, however large the table is.
//!
//! A parallel scan returns the rows of a position together and in order, the stored position before its movements, so a
//! segment folds them as they come and holds one page and one [`Reading`]. A scan is no snapshot: rows written meanwhile
//! look like damage. So whatever looks wrong is read again by itself, consistently, and is reported only when it is wrong
//! twice in the same way. That also covers a position whose rows do not come together: it is only read again.
//!
//! Deliberately absent: the marks of events, which expire.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use promissory::adapters::dynamodb::record;
use promissory::ledger::Position;
use promissory::ledger::replay::{Fold, Mismatch};
use promissory::ports::{Clock, Listing, Store, StoreError};
use promissory::table::{Key, Record, Row, UnreadableRow, scan};

use crate::table::Table;

/// The most mismatches that are listed; the others are counted.
pub const MAX_LISTED: usize = 1_000;

/// How often a position that looks wrong is read again, until it looks right or wrong twice in the same way.
const READINGS: u32 = 6;

/// The pause before it is read once more: a transaction that was half seen is done by then.
const PAUSE: Duration = Duration::from_millis(200);

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// How a table is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyConfig {
    /// Parts of the table that are read at the same time, at least one.
    pub segments: u32,
    /// The most rows of a page; as many as fit without it.
    pub rows_per_page: Option<u32>,
}

/// What was read, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// Stored positions.
    pub positions: u64,
    /// Movements.
    pub movements: u64,
    /// What does not add up, by position: the first thing of each.
    pub mismatches: Vec<Mismatch>,
    /// Further positions that do not add up, beyond [`MAX_LISTED`].
    pub unlisted: u64,
}

/// Compares all positions with the fold of their movements. `say` is told how far it is.
///
/// # Errors
/// When the table cannot be read, with what to do.
pub async fn verify<C: Clock>(table: &Table, clock: &C, config: &VerifyConfig, say: &dyn Fn(&str)) -> io::Result<Verdict> {
    let progress = RefCell::new(Progress { verdict: Verdict::default(), mismatches: BTreeMap::new(), told_at: clock.now() });
    let run = Run { table, clock, config, say, progress: &progress };
    try_join_all((0..config.segments).map(|segment| run.segment(segment))).await?;
    let Progress { verdict, mismatches, .. } = progress.into_inner();
    Ok(Verdict { mismatches: mismatches.into_values().collect(), ..verdict })
}

struct Progress {
    verdict: Verdict,
    /// By partition.
    mismatches: BTreeMap<String, Mismatch>,
    told_at: Timestamp,
}

struct Run<'a, C> {
    table: &'a Table,
    clock: &'a C,
    config: &'a VerifyConfig,
    say: &'a dyn Fn(&str),
    progress: &'a RefCell<Progress>,
}

impl<C: Clock> Run<'_, C> {
    /// Reads one part of the table to its end.
    async fn segment(&self, segment: u32) -> io::Result<()> {
        let mut reading: Option<Reading> = None;
        let mut start = None;
        loop {
            let (rows, next) = self.page(segment, start).await?;
            for row in rows {
                let key = key_of(&row).ok_or_else(|| io::Error::other("a row without its key: is this our table?"))?;
                if reading.as_ref().is_none_or(|reading| reading.pk != key.pk) {
                    self.judge(reading.replace(Reading::new(&key.pk))).await?;
                }
                if let Some(reading) = &mut reading {
                    self.count(&key);
                    reading.take(&key, record(row));
                }
            }
            self.tell();
            match next {
                Some(next) => start = Some(next),
                None => return self.judge(reading).await,
            }
        }
    }

    async fn page(&self, segment: u32, start: Option<Item>) -> io::Result<(Vec<Item>, Option<Item>)> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let total = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let request = self
            .table
            .client
            .scan()
            .table_name(&self.table.name)
            .consistent_read(true)
            .segment(total(segment))
            .total_segments(total(self.config.segments))
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
        let verdict = &mut self.progress.borrow_mut().verdict;
        if key.sk.starts_with(scan::MOVEMENTS) {
            verdict.movements += 1;
        } else {
            verdict.positions += 1;
        }
    }

    /// Judges what was read of a position; what looks wrong is read again before it is believed.
    async fn judge(&self, reading: Option<Reading>) -> io::Result<()> {
        let Some(reading) = reading else { return Ok(()) };
        let pk = reading.pk.clone();
        if reading.judge(None).is_none() {
            return Ok(());
        }
        let Some(mismatch) = reread(self.table, self.clock, &pk).await? else { return Ok(()) };
        let Progress { verdict, mismatches, .. } = &mut *self.progress.borrow_mut();
        if mismatches.len() < MAX_LISTED || mismatches.contains_key(&pk) {
            mismatches.insert(pk, mismatch);
        } else {
            verdict.unlisted += 1;
        }
        Ok(())
    }

    fn tell(&self) {
        let now = self.clock.now();
        let mut progress = self.progress.borrow_mut();
        if now.duration_since(progress.told_at).unsigned_abs() < TELL_EVERY {
            return;
        }
        progress.told_at = now;
        let Verdict { positions, movements, unlisted, .. } = &progress.verdict;
        let mismatches = u64::try_from(progress.mismatches.len()).unwrap_or(u64::MAX).saturating_add(*unlisted);
        (self.say)(&format!("{positions} positions and {movements} movements read, {mismatches} mismatches so far"));
    }
}

type Item = HashMap<String, AttributeValue>;

fn key_of(row: &Item) -> Option<Key> {
    let text = |name: &str| row.get(name)?.as_s().ok();
    Some(Key::new(text("pk")?, text("sk")?))
}

/// Reads one position by itself until it is right, or wrong twice in the same way.
///
/// A movement never changes, so damage is found again as it was; a write that goes on is found somewhere else, or not at
/// all.
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

/// Reads the stored position, then its movements, then the stored position again: movements that are newer than the first
/// are right where the second knows them.
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
    Ok(reading.judge(later.as_ref()))
}

/// An error that is about a row; any other ends the reading.
pub(super) fn readable(table: &Table, error: StoreError) -> io::Result<StoreError> {
    match error {
        StoreError::Unreadable(_) => Ok(error),
        StoreError::Unavailable { .. } => Err(table.cannot(&error)),
    }
}

/// A row of a position's partition that cannot be read.
fn unreadable(pk: &str, error: StoreError) -> Mismatch {
    let (row, reason) = match error {
        StoreError::Unreadable(UnreadableRow { key, detail }) => (key, detail),
        StoreError::Unavailable { detail, .. } => (pk.to_owned(), detail),
    };
    Mismatch::Unreadable { position: name_of(pk), row, reason }
}

/// A row's content, when it is where it says it belongs.
pub(super) fn content<R: Row>(record: &Record) -> Result<R, Mismatch> {
    let content: R = record.decode().map_err(|error| unreadable(&record.key.pk, error.into()))?;
    if content.key() == record.key {
        return Ok(content);
    }
    let (row, says) = (record.key.to_string(), content.key().to_string());
    Err(Mismatch::Misfiled { position: name_of(&record.key.pk), row, says })
}

/// The position of a partition, for people; the partition may be damaged.
fn name_of(pk: &str) -> String {
    pk.strip_prefix(scan::POSITIONS).unwrap_or(pk).to_owned()
}

/// What has been read of one position: its stored row first, then its movements in order.
struct Reading {
    pk: String,
    stored: Option<Position>,
    fold: Fold,
    /// The first thing that is wrong.
    mismatch: Option<Mismatch>,
}

impl Reading {
    fn new(pk: &str) -> Self {
        Self { pk: pk.to_owned(), stored: None, fold: Fold::default(), mismatch: None }
    }

    fn take(&mut self, key: &Key, row: Result<Record, StoreError>) {
        if self.mismatch.is_some() {
            return;
        }
        let row = row.map_err(|error| unreadable(&self.pk, error));
        let taken = row.and_then(|record| {
            if key.sk.starts_with(scan::MOVEMENTS) {
                self.fold.step(&content(&record)?)?;
            } else {
                self.stored = Some(content(&record)?);
            }
            // The stored balance is compared where the fold comes by, so that movements behind it do not hide it.
            match &self.stored {
                Some(stored) if stored.seq == self.fold.seq => self.fold.check(stored),
                Some(_) | None => Ok(()),
            }
        });
        self.mismatch = taken.err();
    }

    /// What is wrong with the position, all of it having been read. `later` is how it was stored when that was done:
    /// movements up to there came meanwhile.
    fn judge(self, later: Option<&Position>) -> Option<Mismatch> {
        let Self { pk, stored, fold, mismatch } = self;
        if mismatch.is_some() {
            return mismatch;
        }
        match stored {
            Some(stored) if stored.seq < fold.seq && later.is_some_and(|later| fold.seq <= later.seq) => None,
            Some(stored) => fold.check(&stored).err(),
            None if fold.seq == 0 => None,
            None => Some(Mismatch::Unstored { position: name_of(&pk), folded: Box::new(fold.balance), folded_seq: fold.seq }),
        }
    }
}

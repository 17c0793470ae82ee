//! Passes every row of a table through [`prepare_restored`], and then requests the refresh of all items.

use std::cell::RefCell;
use std::io;
use std::time::Duration;

use futures_util::future::try_join_all;
use jiff::Timestamp;
use promissory::adapters::clock::SystemClock;
use promissory::adapters::dynamodb::record;
use promissory::flows::{Prepared, prepare_restored};
use promissory::ports::Clock;

use crate::catalog::command::refresh;
use crate::table::Table;

/// The number of segments that are scanned at the same time.
const SEGMENTS: i32 = 8;

/// The time between two progress reports.
const REPORT_EVERY: Duration = Duration::from_secs(5);

struct Progress {
    prepared: Prepared,
    reported_at: Timestamp,
}

/// Prepares every row. `say` receives the progress.
///
/// # Errors
/// When the table cannot be read or written. The command is then run again.
pub async fn prepare(table: &Table, say: &dyn Fn(&str)) -> io::Result<Prepared> {
    let progress = RefCell::new(Progress { prepared: Prepared::default(), reported_at: SystemClock.now() });
    try_join_all((0..SEGMENTS).map(|number| segment(table, number, &progress, say))).await?;
    let prepared = progress.into_inner().prepared;
    refresh(table, &SystemClock).await?;
    Ok(prepared)
}

async fn segment(table: &Table, number: i32, progress: &RefCell<Progress>, say: &dyn Fn(&str)) -> io::Result<()> {
    let (store, mut start) = (table.store(), None);
    loop {
        let request = table.scan(number, SEGMENTS).set_exclusive_start_key(start);
        let page = Box::pin(request.send()).await.map_err(|error| table.cannot_scan(&error))?;
        let mut records = Vec::new();
        let mut without_form = 0;
        for item in page.items.unwrap_or_default() {
            match record(item) {
                Ok(record) => records.push(record),
                Err(_) => without_form += 1,
            }
        }
        let mut prepared = prepare_restored(&store, &SystemClock, &records).await.map_err(|error| table.cannot(&error))?;
        prepared.rows += without_form;
        prepared.unreadable += without_form;
        report(progress, &prepared, say);
        match page.last_evaluated_key {
            Some(key) if !key.is_empty() => start = Some(key),
            Some(_) | None => return Ok(()),
        }
    }
}

fn report(progress: &RefCell<Progress>, more: &Prepared, say: &dyn Fn(&str)) {
    let mut progress = progress.borrow_mut();
    progress.prepared.add(more);
    let now = SystemClock.now();
    if now.duration_since(progress.reported_at).unsigned_abs() >= REPORT_EVERY {
        progress.reported_at = now;
        let Prepared { rows, levels, .. } = progress.prepared;
        say(&format!("{rows} rows read; {levels} levels will be initialised anew."));
    }
}

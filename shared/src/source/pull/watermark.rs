//! How far a feed was pulled, and how far its watermark may move.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::catalog::{FeedId, SystemId};
use crate::source::pull::config::FeedProgress;

/// A position in a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatermarkPosition {
    /// A time by the source's clock.
    Time(Timestamp),
    /// A number that rises with every row.
    Sequence(u64),
}

impl WatermarkPosition {
    /// Whether both are times, or both numbers.
    #[must_use]
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Time(_), Self::Time(_)) | (Self::Sequence(_), Self::Sequence(_)))
    }
}

/// How far a feed was pulled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedWatermark {
    /// The system.
    pub system: SystemId,
    /// The feed.
    pub feed: FeedId,
    /// Where the next run begins: the newest row seen less the overlap, and before every row that failed. Never later than the
    /// time of the request.
    pub since: Option<WatermarkPosition>,
    /// When the last complete run asked the source, by the source's clock. The ledger contains what the source knew then.
    pub complete_at: Option<Timestamp>,
    /// The newest source time seen.
    pub newest: Option<Timestamp>,
    /// When the feed was first pulled.
    pub first_at: Timestamp,
    /// When the last run happened, by our clock.
    pub tried_at: Timestamp,
    /// Failed runs in a row.
    pub failures: u32,
    /// Rows that failed in the last run.
    pub failed_rows: usize,
}

impl FeedWatermark {
    /// The watermark of a feed that was never pulled.
    #[must_use]
    pub fn new(system: SystemId, feed: FeedId, now: Timestamp) -> Self {
        let (since, complete_at, newest, failures, failed_rows) = Default::default();
        Self { system, feed, since, complete_at, newest, first_at: now, tried_at: now, failures, failed_rows }
    }
}

impl FeedProgress {
    /// Where the first run begins.
    #[must_use]
    pub(crate) fn start(&self) -> WatermarkPosition {
        match self {
            Self::Time { start, .. } => WatermarkPosition::Time(start.unwrap_or(Timestamp::UNIX_EPOCH)),
            Self::Sequence { start, .. } => WatermarkPosition::Sequence(*start),
        }
    }

    /// Where a run begins after `since`. A position of the other kind is older than the current configuration and is ignored.
    #[must_use]
    pub(crate) fn from(&self, since: Option<WatermarkPosition>) -> WatermarkPosition {
        match (self, since) {
            (Self::Time { .. }, Some(WatermarkPosition::Time(time))) => WatermarkPosition::Time(time),
            (Self::Sequence { .. }, Some(WatermarkPosition::Sequence(number))) => WatermarkPosition::Sequence(number),
            (Self::Time { .. } | Self::Sequence { .. }, _) => self.start(),
        }
    }

    fn less_overlap(&self, mark: WatermarkPosition) -> WatermarkPosition {
        match (mark, self) {
            (WatermarkPosition::Time(time), Self::Time { overlap_seconds, .. }) => WatermarkPosition::Time(
                time.saturating_sub(SignedDuration::from_secs(i64::from(*overlap_seconds))).unwrap_or(time),
            ),
            (WatermarkPosition::Sequence(number), Self::Sequence { overlap, .. }) => {
                WatermarkPosition::Sequence(number.saturating_sub(*overlap))
            }
            (WatermarkPosition::Time(_) | WatermarkPosition::Sequence(_), Self::Time { .. } | Self::Sequence { .. }) => mark,
        }
    }
}

/// The progress of one run through a delta feed: which rows are in the ledger, and how far the watermark may move.
#[derive(Debug)]
pub(crate) struct DeltaProgress<'a> {
    progress: &'a FeedProgress,
    ordered: bool,
    /// The newest row that is in the ledger.
    newest: Option<WatermarkPosition>,
    /// The oldest row that failed.
    failed: Option<WatermarkPosition>,
    /// The newest row that was seen.
    seen: Option<WatermarkPosition>,
    /// Whether a row failed whose position is unknown.
    lost: bool,
    /// Whether a row came after a newer one, in a feed that is configured as ordered.
    pub misordered: bool,
}

impl<'a> DeltaProgress<'a> {
    pub(crate) fn new(progress: &'a FeedProgress, ordered: bool) -> Self {
        Self { progress, ordered, newest: None, failed: None, seen: None, lost: false, misordered: false }
    }

    /// Records that a row is in the ledger or holds no stock event.
    pub(crate) fn pass(&mut self, mark: WatermarkPosition) {
        self.see(mark);
        if !(self.lost && self.ordered) {
            self.newest = self.newest.max(Some(mark));
        }
    }

    /// Records that a row failed.
    pub(crate) fn fail(&mut self, mark: Option<WatermarkPosition>) {
        match mark {
            Some(mark) => {
                self.see(mark);
                self.failed = Some(self.failed.map_or(mark, |failed| failed.min(mark)));
            }
            None => self.lost = true,
        }
    }

    fn see(&mut self, mark: WatermarkPosition) {
        self.misordered |= self.ordered && self.seen.is_some_and(|seen| mark < seen);
        self.seen = self.seen.max(Some(mark));
    }

    /// The newest row that was seen, failed or not.
    pub(crate) fn seen(&self) -> Option<WatermarkPosition> {
        self.seen
    }

    /// Where the next run must begin. `end` means that every row was read. `asked_at` bounds the result: a row with a later
    /// time must not hide the rows that follow it.
    pub(crate) fn watermark(&self, end: bool, asked_at: Timestamp) -> Option<WatermarkPosition> {
        let trusted = self.ordered && !self.misordered;
        let readable = trusted || (end && !self.lost);
        if !readable {
            return None;
        }
        let newest = match self.newest? {
            WatermarkPosition::Time(time) => WatermarkPosition::Time(time.min(asked_at)),
            number @ WatermarkPosition::Sequence(_) => number,
        };
        let before_failed = match self.failed {
            // Rows are requested after {since} by number, and from {since} on by time.
            Some(WatermarkPosition::Sequence(number)) => Some(WatermarkPosition::Sequence(number.saturating_sub(1))),
            time @ (Some(WatermarkPosition::Time(_)) | None) => time,
        };
        Some(self.progress.less_overlap(before_failed.map_or(newest, |failed| newest.min(failed))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects rows from being skipped: the watermark is never past a row that failed or was not read, nor in the future.
    #[test]
    fn the_watermark_is_before_every_missing_row() {
        #[derive(Clone, Copy)]
        enum RowOutcome {
            Pass(u64),
            Fail(u64),
            Lost,
        }
        use RowOutcome::{Fail, Lost, Pass};
        let number = FeedProgress::Sequence { value: "{/n}".to_owned().try_into().expect("a template"), overlap: 2, start: 0 };
        let time = FeedProgress::Time { value: None, overlap_seconds: 2, start: None };
        let at = |second: u64| Timestamp::from_second(i64::try_from(second).expect("small")).expect("a time");
        for (rows, ordered, end, by_number, by_time) in [
            (vec![], true, true, None, None),
            (vec![Pass(10), Pass(20)], true, false, Some(18), Some(18)),
            (vec![Pass(10), Pass(20)], false, false, None, None),
            (vec![Pass(20), Pass(10)], false, true, Some(18), Some(18)),
            (vec![Pass(20), Pass(10)], true, false, None, None),
            (vec![Pass(20), Pass(10)], true, true, Some(18), Some(18)),
            (vec![Pass(10), Fail(15), Pass(20)], true, false, Some(12), Some(13)),
            (vec![Pass(20), Fail(15), Pass(10)], false, true, Some(12), Some(13)),
            (vec![Fail(15), Pass(20), Fail(18)], true, true, Some(12), Some(13)),
            (vec![Pass(10), Lost, Pass(20)], true, true, Some(8), Some(8)),
            (vec![Pass(10), Lost, Pass(20)], false, true, None, None),
            (vec![Lost, Pass(20)], true, true, None, None),
            (vec![Fail(15)], true, true, None, None),
            (vec![Pass(1), Pass(2)], true, true, Some(0), Some(0)),
            (vec![Pass(10), Pass(2_000)], true, true, Some(1_998), Some(998)),
        ] {
            let asked_at = at(1_000);
            for (progress, expected) in
                [(&number, by_number.map(WatermarkPosition::Sequence)), (&time, by_time.map(|s| WatermarkPosition::Time(at(s))))]
            {
                let mark = |n: u64| {
                    if matches!(progress, FeedProgress::Time { .. }) {
                        WatermarkPosition::Time(at(n))
                    } else {
                        WatermarkPosition::Sequence(n)
                    }
                };
                let mut delta = DeltaProgress::new(progress, ordered);
                for row in &rows {
                    match *row {
                        Pass(n) => delta.pass(mark(n)),
                        Fail(n) => delta.fail(Some(mark(n))),
                        Lost => delta.fail(None),
                    }
                }
                let found = delta.watermark(end, asked_at);
                assert_eq!(found, expected, "row by row: ordered {ordered}, end {end}, {expected:?}");
            }
        }
    }
}

//! The cost budget: a leaky bucket of points that is restored continuously. It counts thousandths of a point, so it needs no
//! floats.
//!
//! Source: shopify.dev, "API limits". The requested cost must fit into the bucket before a call runs; the shop then takes the
//! actual cost out of the bucket.

use jiff::Timestamp;
use serde_json::{Value, json};

const THOUSANDTHS: i64 = 1_000;

/// The budget of one app at one shop.
#[derive(Debug)]
pub(super) struct Bucket {
    size: u32,
    restore_rate: u32,
    thousandths: i64,
    seen: Option<Timestamp>,
}

impl Bucket {
    pub(super) fn new(size: u32, restore_rate: u32) -> Self {
        Bucket { size, restore_rate, thousandths: i64::from(size) * THOUSANDTHS, seen: None }
    }

    /// Adds the points restored since the last call. If the clock went backwards, it restores no points.
    pub(super) fn restore(&mut self, now: Timestamp) {
        let millis = self.seen.map_or(0, |seen| now.as_millisecond().saturating_sub(seen.as_millisecond()).max(0));
        // One point per second is one thousandth of a point per millisecond.
        let restored = millis.saturating_mul(i64::from(self.restore_rate));
        self.thousandths = self.thousandths.saturating_add(restored).min(i64::from(self.size) * THOUSANDTHS);
        self.seen = Some(self.seen.map_or(now, |seen| seen.max(now)));
    }

    /// Returns the whole points in the bucket.
    pub(super) fn available(&self) -> i64 {
        self.thousandths.div_euclid(THOUSANDTHS)
    }

    /// Takes points out of the bucket. The caller has checked that they fit.
    pub(super) fn take(&mut self, points: i64) {
        assert!(points <= self.available(), "a call was let through that the bucket could not pay");
        self.thousandths -= points * THOUSANDTHS;
    }

    /// Returns `throttleStatus`. Two of its values are constants and are written as floats, as Shopify writes them.
    pub(super) fn status(&self) -> Value {
        json!({
            "maximumAvailable": f64::from(self.size),
            "currentlyAvailable": self.available(),
            "restoreRate": f64::from(self.restore_rate),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the budget: the bucket restores points by the millisecond, never beyond its size, and never backwards in time.
    #[test]
    fn restores_by_the_rate_and_up_to_the_size() {
        let start = Timestamp::UNIX_EPOCH;
        let rows: [(i64, i64); 6] = [(0, 0), (9, 0), (10, 1), (1_000, 100), (20_000, 2_000), (-5_000, 0)];
        for (millis, expected) in rows {
            let mut bucket = Bucket::new(2_000, 100);
            bucket.restore(start);
            bucket.take(2_000);
            bucket.restore(Timestamp::from_millisecond(millis).expect("a valid time"));
            assert_eq!(bucket.available(), expected, "after {millis} ms");
        }
    }
}

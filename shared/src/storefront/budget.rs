//! A shop's budget of cost points: a bucket that refills at a steady rate.
//!
//! Every response reports how full the bucket is and how fast it refills. The client knows nothing about the shop's plan
//! beforehand. Source: `extensions.cost.throttleStatus` of the Admin API.

use std::time::Duration;

use jiff::Timestamp;

/// What a mutation costs, in points.
pub const MUTATION_COST: u64 = 10;

/// The bucket as it was last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CostBudget {
    /// Points the bucket holds when full.
    pub maximum: u64,
    /// Points it held at `seen_at`.
    pub available: u64,
    /// Points per second.
    pub restore_rate: u64,
    /// When the bucket was last seen.
    pub seen_at: Timestamp,
}

impl CostBudget {
    /// How long to wait until the bucket holds `cost` points. A request that costs more than the bucket can hold waits for a full
    /// bucket, and the shop then rejects it with an error.
    #[must_use]
    pub fn wait_for(&self, cost: u64, now: Timestamp) -> Duration {
        let missing = cost.min(self.maximum).saturating_sub(self.available);
        if missing == 0 {
            return Duration::ZERO;
        }
        let refill = Duration::from_millis((missing * 1_000).div_ceil(self.restore_rate.max(1)));
        let passed = Duration::try_from(now.duration_since(self.seen_at)).unwrap_or_default();
        refill.saturating_sub(passed)
    }

    /// The budget after `cost` points were spent on a request whose answer is not known yet.
    #[must_use]
    pub fn spend(self, cost: u64, now: Timestamp) -> Self {
        let passed = u64::try_from(now.duration_since(self.seen_at).as_millis()).unwrap_or(0);
        let available = (self.available + passed * self.restore_rate / 1_000).min(self.maximum);
        Self { available: available.saturating_sub(cost), seen_at: now, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the shop's rate limit: a request waits until its points are there, and no longer.
    #[test]
    fn waits_for_exactly_the_missing_points() {
        let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).expect("in range");
        let budget = |available| CostBudget { maximum: 2_000, available, restore_rate: 100, seen_at: at(0) };
        for (available, cost, now, wait) in [
            (2_000, 10, 0, 0),
            (10, 10, 0, 0),
            (9, 10, 0, 10),
            (0, 10, 0, 100),
            (0, 2_000, 0, 20_000),
            (0, 5_000, 0, 20_000),
            (0, 500, 3, 2_000),
            (0, 500, 60, 0),
            (0, 500, -60, 5_000),
        ] {
            assert_eq!(budget(available).wait_for(cost, at(now)), Duration::from_millis(wait), "{cost} of {available} at {now}");
        }
        assert_eq!(budget(100).spend(50, at(1)).available, 150);
        assert_eq!(budget(1_990).spend(0, at(9)).available, 2_000);
    }
}

//! Tests of what a sweep learns about the lag of a shop's search, and how far it looks back.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::catalog::OrderId;
use crate::reconcile::{Lookback, OVERLAP, OrderWatermark, SearchLag};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("in range")
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).expect("not below zero"))
}

/// The watermark of a shop that was swept completely at `complete`, from `from` on.
fn swept(from: i64, complete: i64) -> OrderWatermark {
    let mut mark = OrderWatermark::new("a.myshopify.com".parse().expect("a shop"));
    mark.complete(at(from), at(complete));
    mark.newest = Some(at(complete));
    mark
}

/// Protects the overlap and the settling window: both follow the largest lag that was observed, which loses weight by the day, and
/// neither falls below its smallest value.
#[test]
fn what_was_observed_decides_how_far_is_looked_back() {
    for (observed, age, allowance) in [
        (None, 0, 0),
        (Some(100), 0, 150),
        (Some(600), 0, 900),
        (Some(600), DAY - 1, 900),
        (Some(600), DAY, 450),
        (Some(600), 2 * DAY, 225),
        (Some(600), 60 * DAY, 0),
        (Some(20 * DAY), 0, 36 * HOUR),
    ] {
        let mut mark = swept(0, 0);
        if let Some(lag) = observed {
            mark.observe_lag(seconds(lag), at(0));
        }
        assert_eq!(mark.lag_allowance(at(age)), seconds(allowance), "{observed:?} after {age} s");
        let overlap = OVERLAP.max(seconds(allowance));
        assert_eq!(mark.since(at(-DAY), at(age)), at(0).checked_sub(overlap).expect("in range"), "{observed:?} after {age} s");
        assert_eq!(mark.settling_window(seconds(200), at(age)), seconds(allowance.max(200)));
    }
    let mut mark = swept(0, 0);
    mark.newest = None;
    assert_eq!(mark.since(at(-5), at(0)), at(-5).checked_sub(OVERLAP).expect("in range"), "a new shop begins when it went live");
    mark.observe_lag(seconds(600), at(0));
    mark.observe_lag(seconds(200), at(DAY - 1));
    assert_eq!(mark.lag, Some(SearchLag { seconds: 600, seen_at: at(0) }), "a smaller lag does not replace a larger one");
    mark.observe_lag(seconds(301), at(DAY));
    assert_eq!(mark.lag, Some(SearchLag { seconds: 301, seen_at: at(DAY) }), "unless that has lost its weight");
}

/// Protects the overlap from what proves nothing: only a change that an earlier search did not contain was late, by more than the
/// time to that search.
#[test]
fn only_a_change_that_a_search_did_not_contain_was_late() {
    // The last complete sweep asked at 1,000 for changes since 700.
    let check = |changed: i64, now: i64, expected: Option<i64>| {
        assert_eq!(swept(700, 1_000).lag_of(at(changed), at(now)), expected.map(seconds), "changed {changed}, found {now}");
    };
    check(1_000, 1_300, None);
    check(1_200, 1_300, None);
    check(940, 1_300, None);
    check(930, 1_300, Some(140));
    check(750, 1_300, Some(500));
    check(750, 1_100, Some(350));
    check(930, 3 * DAY, Some(140));
    // Every sweep has passed it: it was late by more than their overlap, and by less than the time since.
    check(100, 1_300, Some(1_200));
    assert_eq!(OrderWatermark::new("a.myshopify.com".parse().expect("a shop")).lag_of(at(0), at(900)), None, "the first sweep");
    // An hour ago a slower sweep asked for the last six hours. One that is not at its end proves nothing.
    let mut mark = swept(2 * HOUR - 300, 2 * HOUR);
    assert_eq!(mark.lag_of(at(HOUR - 300), at(2 * HOUR)), Some(seconds(HOUR + 300)));
    mark.looked_back(Lookback::Hours, Some(at(0)), at(HOUR));
    assert_eq!(mark.lag_of(at(HOUR - 300), at(2 * HOUR)), Some(seconds(HOUR + 300)));
    mark.looked_back(Lookback::Hours, None, at(HOUR + 400));
    assert_eq!(mark.lag_of(at(HOUR - 300), at(2 * HOUR)), Some(seconds(600)));
    mark.looked_back(Lookback::Hours, Some(at(0)), at(2 * HOUR));
    assert_eq!(mark.lag_of(at(HOUR - 300), at(2 * HOUR)), Some(seconds(600)), "while the next one runs");
}

/// Protects the sample of expected orders: it has a limit, covers only changes that a sweep has not passed, widens the next sweep,
/// and is given up after a day.
#[test]
fn expected_orders_are_asked_for_until_they_are_found() {
    let order = OrderId::new;
    let read = |orders: &[(u64, i64)]| orders.iter().map(|(id, second)| (order(*id), at(*second))).collect::<BTreeMap<_, _>>();
    let mut mark = swept(700, 1_000);
    mark.expect_orders(&read(&[(1, 1_010), (2, 500), (3, 1_100)]));
    assert_eq!(mark.expected, read(&[(1, 1_010), (3, 1_100)]), "the sweep at 1,000 was to contain the second");
    mark.newest = Some(at(5_000));
    assert_eq!(mark.since(at(0), at(5_000)), at(1_010));
    mark.found(&read(&[(1, 1_010), (3, 1_099)]), at(5_000));
    assert_eq!(mark.expected, read(&[(3, 1_100)]), "an older change of the third does not count");
    mark.found(&BTreeMap::new(), at(1_100 + DAY - 1));
    assert_eq!(mark.expected.len(), 1);
    mark.found(&BTreeMap::new(), at(1_100 + DAY));
    assert_eq!(mark.expected.len(), 0);
    mark.expect_orders(&(0..100).map(|id| (order(id), at(2_000))).collect());
    assert_eq!(mark.expected.len(), OrderWatermark::MAX_EXPECTED);
    let mut new = OrderWatermark::new(mark.shop);
    new.expect_orders(&read(&[(1, 1_010)]));
    assert_eq!(new.expected, BTreeMap::new(), "before the first complete sweep nothing can be learned");
}

/// Protects the slower sweeps: each is due an interval after the last one began, and one that is not at its end continues first.
#[test]
fn slower_sweeps_are_due_by_the_hour_and_by_the_day() {
    let mut mark = swept(-300, 0);
    assert_eq!(mark.due_lookback(at(HOUR - 1)), None);
    assert_eq!(mark.due_lookback(at(HOUR)), Some((Lookback::Hours, at(HOUR - 6 * HOUR))));
    mark.looked_back(Lookback::Hours, Some(at(-20)), at(HOUR));
    assert_eq!(mark.due_lookback(at(DAY)), Some((Lookback::Hours, at(-20))), "it is not at its end");
    mark.looked_back(Lookback::Hours, None, at(DAY));
    assert_eq!(mark.due_lookback(at(DAY)), Some((Lookback::Hours, at(DAY - 6 * HOUR))), "it is due since two hours");
    mark.looked_back(Lookback::Hours, None, at(DAY - 1));
    let both = DAY - 1 + HOUR;
    assert_eq!(mark.lookbacks[&Lookback::Hours].due_at, at(both));
    assert_eq!(mark.due_lookback(at(both)), Some((Lookback::Days, at(both - 3 * DAY))), "the one that is due for longer");
    assert_eq!(mark.due_lookback(at(DAY)), Some((Lookback::Days, at(DAY - 3 * DAY))));
    mark.looked_back(Lookback::Days, None, at(DAY));
    assert_eq!(mark.due_lookback(at(both - 1)), None);
    mark.complete(at(0), at(5 * DAY));
    assert_eq!(mark.lookbacks[&Lookback::Days].due_at, at(2 * DAY), "a later sweep begins none of them again");
}

//! Systems whose clock is not UTC, and the two nights on which such a clock is changed.

use jiff::{SignedDuration, Timestamp};
use promissory_fakes::systems::Document;
use serde_json::json;

use super::pulled::{NETSUITE, Pulled, SAP, Words, at};

/// A system with this clock, and with a connector that says so.
async fn with_clock(words: Words, zone: &str, overlap: &'static str) -> Pulled {
    let pulled = Pulled::with(words, &[("/time_zone", json!(zone)), (overlap, json!(1))]).await;
    let clock = jiff::tz::TimeZone::get(zone).expect("a time zone");
    pulled.served.with(|state| state.zone = Some(clock));
    pulled
}

/// Protects the times of movements: a time that a system writes by its own clock is the moment that it means.
#[tokio::test]
async fn a_time_by_the_clock_of_a_system_is_its_moment() {
    for (words, zone, overlap) in [
        (NETSUITE, "America/Los_Angeles", "/pull/transactions/progress/overlap_seconds"),
        (NETSUITE, "Asia/Kolkata", "/pull/transactions/progress/overlap_seconds"),
        (SAP, "America/Los_Angeles", "/pull/documents/progress/overlap_seconds"),
        (SAP, "Pacific/Auckland", "/pull/documents/progress/overlap_seconds"),
    ] {
        let pulled = with_clock(words, zone, overlap).await;
        for id in 1..=3 {
            pulled.receipts(1);
            let report = pulled.movements().await;
            assert_eq!((report.applied, report.complete), (1, true), "{} in {zone}: {report:?}", words.file);
            assert_eq!(pulled.watermark(words.feeds[0]).await.newest, Some(at(id)), "{} in {zone}", words.file);
        }
        assert_eq!(pulled.stands().await, ["A@WH-1 3 on hand"], "{} in {zone}", words.file);
    }
}

/// Protects rows that are written while a clock repeats an hour or leaves one out: each is applied once, although the later ones
/// of the repeated hour look older than those that were read before.
#[tokio::test]
async fn no_row_is_lost_when_a_clock_is_changed() {
    for (zone, began) in [
        ("Europe/Berlin", "2026-10-24T23:00:00Z"),
        ("Europe/Berlin", "2026-03-28T23:00:00Z"),
        ("America/Los_Angeles", "2026-11-01T06:00:00Z"),
    ] {
        let pulled = with_clock(NETSUITE, zone, "/pull/transactions/progress/overlap_seconds").await;
        let began: Timestamp = began.parse().expect("a time");
        for id in 1..=18 {
            let later = began + SignedDuration::from_mins(i64::try_from(id).expect("few") * 15);
            pulled.document(|document: &mut Document, _| document.at = later, id);
            let report = pulled.movements().await;
            assert_eq!((report.applied, report.complete), (1, true), "row {id} in {zone}: {report:?}");
        }
        assert_eq!(pulled.stands().await, ["A@WH-1 18 on hand"], "{zone}");
    }
}

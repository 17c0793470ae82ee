//! Faults between a source system and the ledger.

use std::sync::Arc;

use promissory::adapters::secrets::SourceSecrets;
use promissory::flows::pull::PullError;
use promissory::source::pull::WatermarkPosition;
use promissory::table::RowKind;
use promissory_fakes::systems::{Document, Fault};
use promissory_tests::faults;
use serde_json::json;

use super::paging::by_link;
use super::pulled::{ALL, LINES, NETSUITE, ODOO, Pulled, SAP, Words, at, local};

/// Whether each of these alerts is raised.
async fn raised(pulled: &Pulled, subjects: &[&str]) -> Vec<bool> {
    let mut found = Vec::new();
    for subject in subjects {
        found.push(pulled.world.alerts().contains(&format!("{subject} raised")));
    }
    found
}

/// Protects a row that cannot be applied: the watermark stays before it, an alert names it, and the rows after it are applied
/// all the same.
#[tokio::test]
async fn a_bad_row_stops_the_watermark_but_not_the_others() {
    type Change = fn(&mut Document, Words);
    let unknown: Change = |document, _| document.kind = "999X";
    let fraction: Change = |document, _| document.quantity = "2.5".to_owned();
    let endless: Change = |document, _| document.quantity = "0.12345678901".to_owned();
    for (words, change, word) in [
        (SAP, unknown, "kind"),
        (SAP, fraction, "whole"),
        (NETSUITE, unknown, "kind"),
        (NETSUITE, fraction, "whole"),
        (NETSUITE, endless, "quantity"),
        (ODOO, fraction, "whole"),
        (LINES, unknown, "kind"),
        (LINES, fraction, "whole"),
    ] {
        let file = words.file;
        let pulled = Pulled::with(words, &super::small(words)).await;
        pulled.receipts(3);
        pulled.document(change, 4);
        pulled.receipts(3);
        let report = pulled.movements().await;
        assert_eq!((report.applied, report.failed.len(), report.complete), (6, 1, false), "{file}: {report:?}");
        let (label, problem) = report.failed.first_key_value().expect("the bad row");
        assert!(label.contains('4') && problem.contains(word), "{file}: {label}: {problem}");
        assert_eq!(pulled.stands().await, ["A@WH-1 6 on hand"], "{file}");
        let refused = format!("refused_event#{}", pulled.system.code);
        assert_eq!(raised(&pulled, &[&refused]).await, [true], "{file}");
        let watermark = pulled.watermark(words.feeds[0]).await;
        match watermark.since {
            Some(WatermarkPosition::Time(since)) => assert!(since <= at(4), "{file}: {since}"),
            Some(WatermarkPosition::Sequence(since)) => assert!(since < 4, "{file}: {since}"),
            None => {}
        }
        assert_eq!(watermark.complete_at, None, "{file}: the feed is incomplete");

        pulled.pass(900);
        let again = pulled.movements().await;
        assert_eq!((again.applied, again.failed.len()), (0, 1), "{file}: it is read again: {again:?}");
        pulled.served.with(|state| {
            let bad = state.documents.iter_mut().find(|document| document.id == 4).expect("the bad row");
            (bad.kind, bad.quantity) = (words.receipt, "1".to_owned());
        });
        let mended = pulled.movements().await;
        assert_eq!((mended.applied, mended.complete), (1, true), "{file}: {mended:?}");
        assert_eq!(pulled.stands().await, ["A@WH-1 7 on hand"], "{file}");
        assert_eq!(raised(&pulled, &[&refused]).await, [false], "{file}");
    }
}

/// Protects against a crash between the effects and the watermark: the rows are read again, and applied once.
#[tokio::test]
async fn a_crash_before_the_watermark_is_harmless() {
    for words in ALL {
        let file = words.file;
        let pulled = Pulled::with(words, &super::small(words)).await;
        pulled.receipts(5);
        for fault in [faults::Fault::RequestLost, faults::Fault::AnswerLost, faults::Fault::Internal] {
            pulled.world.table.faults.next("PutItem", 1, fault);
            let stopped = pulled.pull(words.feeds[0]).await;
            assert!(matches!(stopped, Err(PullError::Store(_))), "{file} {fault:?}: {stopped:?}");
            pulled.world.table.faults.clear();
        }
        let report = pulled.movements().await;
        assert!(report.complete, "{file}: {report:?}");
        assert_eq!(pulled.stands().await, ["A@WH-1 5 on hand"], "{file}");
        pulled.world.contents().await;
    }
}

/// Protects against a system that is down: no error is taken for an answer, an alert is raised after three failures, and after
/// the recovery no row is missing.
#[tokio::test]
async fn a_source_goes_down_and_comes_up() {
    for words in ALL {
        let file = words.file;
        let pulled = Pulled::new(words).await;
        pulled.receipts(4);
        let stale = format!("source_stale#{}#{}", pulled.system.code, words.feeds[0]);
        for (times, fault) in [Fault::Internal, Fault::Huge, Fault::Internal].into_iter().enumerate() {
            assert_eq!(raised(&pulled, &[&stale]).await, [false], "{file}: after {times} failures");
            pulled.served.with(|state| state.faults.push_back(fault));
            let failed = pulled.pull(words.feeds[0]).await;
            assert!(matches!(failed, Err(PullError::Source(_))), "{file} {fault:?}: {failed:?}");
            pulled.pass(900);
        }
        assert_eq!(raised(&pulled, &[&stale]).await, [true], "{file}: after three failures");
        assert_eq!(pulled.watermark(words.feeds[0]).await.since, None, "{file}");
        let report = pulled.movements().await;
        assert_eq!((report.applied, report.complete), (4, true), "{file}: {report:?}");
        assert_eq!(raised(&pulled, &[&stale]).await, [false], "{file}");
    }
}

/// Protects against a truncated answer: its complete rows may be applied, and the others follow later.
#[tokio::test]
async fn a_truncated_answer_loses_nothing() {
    for words in ALL {
        let file = words.file;
        let pulled = Pulled::new(words).await;
        pulled.receipts(4);
        pulled.served.with(|state| state.faults.push_back(Fault::Truncated));
        let failed = pulled.pull(words.feeds[0]).await;
        assert!(matches!(failed, Err(PullError::Source(_))), "{file}: {failed:?}");
        assert_eq!(pulled.watermark(words.feeds[0]).await.complete_at, None, "{file}");
        assert!(pulled.movements().await.complete, "{file}");
        assert_eq!(pulled.stands().await, ["A@WH-1 4 on hand"], "{file}");
    }
}

/// Protects the time of a run: a system that does not answer stops at the deadline, and a wrong secret at once.
#[tokio::test]
async fn an_unresponsive_source_and_a_wrong_secret_fail() {
    let pulled = Pulled::new(NETSUITE).await;
    pulled.receipts(1);
    pulled.served.with(|state| state.faults.push_back(Fault::Silence));
    let silent = pulled.pull_until("transactions", pulled.world.clock.after(1)).await;
    assert!(matches!(silent, Err(PullError::Source(_))), "{silent:?}");
    for words in ALL {
        let mut pulled = Pulled::new(words).await;
        for secret in ["wrong", ""] {
            pulled.source = local(SourceSecrets::default().outbound(words.secret, pulled.served.host(), secret));
            let refused = pulled.pull(words.feeds[0]).await;
            assert!(matches!(refused, Err(PullError::Source(_))), "{} with {secret:?}: {refused:?}", words.file);
            let error = refused.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(!error.contains("wrong"), "the error contains a secret: {error}");
        }
    }
}

/// Protects feeds that claim an order and violate it: no row is lost, even if the run ends in the middle.
#[tokio::test]
async fn rows_out_of_order_are_not_lost() {
    let ordered = [("/pull/documents/ordered", json!(true)), ("/pull/documents/progress/overlap_seconds", json!(1))];
    let pulled = Pulled::with(SAP, &[&ordered[..], &by_link()].concat()).await;
    pulled.receipts(9);
    // The first page moves the watermark, the second one is in another order, and the third one fails.
    pulled.served.with(|state| state.faults.extend([Fault::None, Fault::Reversed, Fault::Internal]));
    let failed = pulled.pull("documents").await;
    assert!(failed.is_err(), "{failed:?}");
    assert_eq!(pulled.stands().await, ["A@WH-1 6 on hand"]);
    assert_eq!(pulled.watermark("documents").await.since, None, "the watermark is reset to the start of the run");
    pulled.served.with(|state| state.faults.push_back(Fault::Reversed));
    let report = pulled.movements().await;
    assert!(report.complete && report.misordered, "{report:?}");
    assert_eq!(pulled.stands().await, ["A@WH-1 9 on hand"]);
    assert_eq!(
        report.since,
        Some(WatermarkPosition::Time(at(9) - jiff::SignedDuration::from_secs(1))),
        "a complete run does not depend on the order"
    );

    // Pages by offset overlap. A page in another order does not start with the same rows, so it is read again.
    let pulled = Pulled::with(NETSUITE, &super::small(NETSUITE)).await;
    pulled.receipts(7);
    pulled.served.with(|state| state.faults.extend([Fault::None, Fault::Reversed]));
    let report = pulled.movements().await;
    assert_eq!((report.applied, report.shifted, report.complete), (7, 1, true), "{report:?}");

    // A change feed with a full page that is out of order has no next position, and the pull reports that.
    let pulled = Pulled::with(LINES, &super::small(LINES)).await;
    pulled.receipts(7);
    pulled.served.with(|state| state.faults.push_back(Fault::Reversed));
    let failed = pulled.pull("changes").await;
    assert!(matches!(failed, Err(PullError::Source(_))), "{failed:?}");
    assert!(pulled.movements().await.complete);
    assert_eq!(pulled.stands().await, ["A@WH-1 7 on hand"]);
}

/// Protects rows at the edge of a page: rows that disappear during a pull shift the following pages, which would skip a row.
#[tokio::test]
async fn shifted_pages_are_detected() {
    for (words, feed) in [(NETSUITE, "transactions"), (ODOO, "receipts"), (SAP, "documents")] {
        let file = words.file;
        let pulled = Pulled::with(words, &super::small(words)).await;
        pulled.receipts(7);
        pulled.served.with(|state| state.meanwhile.push_back(Box::new(|state| drop(state.documents.remove(0)))));
        let report = pulled.pull(feed).await.expect("pulled");
        assert_eq!((report.applied, report.shifted, report.complete), (7, 1, true), "{file}: {report:?}");
        assert_eq!(pulled.stands().await, ["A@WH-1 7 on hand"], "{file}");

        // Pages that shift all the time: the pull stops and reports it.
        let pulled = Pulled::with(words, &super::small(words)).await;
        pulled.receipts(30);
        pulled.served.with(|state| {
            for _ in 0..20 {
                state.meanwhile.push_back(Box::new(|state| drop(state.documents.remove(0))));
            }
        });
        let report = pulled.pull(feed).await.expect("pulled");
        assert!(!report.complete && report.shifted == promissory::source::pull::MAX_SHIFTS, "{file}: {report:?}");
        assert_eq!(pulled.watermark(feed).await.failures, 1, "{file}");
    }
}

/// Protects a run that reaches its deadline: its applied rows stay, and the next run continues after them.
#[tokio::test]
async fn the_next_run_continues() {
    let pulled = Pulled::with(LINES, &super::small(LINES)).await;
    pulled.receipts(8);
    let clock = pulled.world.clock.clone();
    pulled.served.with(|state| {
        state.meanwhile.push_back(Box::new(|_| {}));
        state.meanwhile.push_back(Box::new(move |_| clock.pass(1_000)));
    });
    let report = pulled.movements().await;
    assert_eq!((report.applied, report.complete, report.since), (3, false, Some(WatermarkPosition::Sequence(3))), "{report:?}");
    let report = pulled.movements().await;
    assert_eq!((report.applied, report.duplicates, report.complete), (5, 0, true), "{report:?}");
    assert_eq!(pulled.stands().await, ["A@WH-1 8 on hand"]);
}

/// Protects the function from an endless feed: a run has a maximum number of pages, and reports a feed that does not fit.
#[tokio::test]
async fn a_run_has_a_maximum_of_pages() {
    let pulled = Pulled::with(SAP, &by_link()).await;
    pulled.served.with(|state| state.page = 1);
    for id in 1..=401 {
        let skipped = |document: &mut Document, _: Words| (document.kind, document.at) = ("601H", at(1));
        pulled.document(skipped, id);
    }
    let report = pulled.movements().await;
    assert_eq!((report.pages, report.skipped, report.complete), (400, 400, false), "{:?}", report.failed);
    let watermark = pulled.watermark("documents").await;
    assert_eq!((watermark.since, watermark.failures), (None, 1));
}

/// Protects events of unmapped items: they are stored, and the watermark moves on.
#[tokio::test]
async fn events_without_a_mapping_do_not_stop_the_watermark() {
    let pulled = Pulled::new(NETSUITE).await;
    pulled.receipts(1);
    pulled.document(|document, _| document.item = "UNHEARD-OF".to_owned(), 2);
    pulled.receipts(1);
    let report = pulled.movements().await;
    assert_eq!((report.applied, report.waiting, report.failed.len(), report.complete), (2, 1, 0, true), "{report:?}");
    assert_eq!(pulled.world.table.count(RowKind::Waiting), 1);
}

/// Protects the rows after a row with a future time: the row is refused, and the watermark does not pass them.
#[tokio::test]
async fn a_row_from_the_future_does_not_move_the_watermark_there() {
    let pulled = Pulled::new(NETSUITE).await;
    pulled.receipts(1);
    pulled.document(|document, _| document.at = "2999-01-01T00:00:00Z".parse().expect("a time"), 2);
    let report = pulled.movements().await;
    assert_eq!((report.applied, report.failed.len(), report.complete), (1, 1, false), "{report:?}");
    assert!(report.failed.values().all(|problem| problem.contains("after our time")), "{:?}", report.failed);
    let noon = pulled.served.with(|state| state.now);
    let since = pulled.watermark("transactions").await.since;
    assert!(matches!(since, Some(WatermarkPosition::Time(since)) if since < noon), "{since:?}");
}

/// Protects operators from feeds that fail silently: an alert is raised after a feed was incomplete for too long.
#[tokio::test]
async fn a_feed_that_is_incomplete_for_too_long_is_stale() {
    let pulled = Pulled::new(NETSUITE).await;
    let stale = Arc::new("source_stale#netsuite#transactions".to_owned());
    pulled.document(|document, _| document.kind = "Unheard", 1);
    for (minutes, expected) in [(0, false), (60, false), (61, true)] {
        pulled.pass(minutes * 60);
        pulled.movements().await;
        assert_eq!(raised(&pulled, &[stale.as_str()]).await, [expected], "after {minutes} more minutes");
    }
    pulled.served.with(|state| state.documents.clear());
    assert!(pulled.movements().await.complete);
    assert_eq!(raised(&pulled, &[stale.as_str()]).await, [false]);
}

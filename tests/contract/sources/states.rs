//! States: how much there is, by what a system's books or a count say.

use promissory_fakes::systems::Document;

use super::pulled::{LINES, NETSUITE, ODOO, Pulled, SAP, Words, at};

/// Protects stock that is kept in bins and lots: its sum is what there is, as of when the system was asked.
#[tokio::test]
async fn bins_and_lots_are_added_up() {
    for words in [SAP, NETSUITE, ODOO] {
        let file = words.file;
        let pulled = Pulled::new(words).await;
        pulled.stocked(&[(0, 0, "X", "3"), (0, 0, "Y", "4"), (0, 1, "X", "10"), (0, 0, "Z", "-1")]);
        let report = pulled.stock().await;
        assert_eq!((report.applied, report.rows >= 4, report.complete), (2, true, true), "{file}: {report:?}");
        assert_eq!(pulled.stands().await, ["A@3PL-1 10 on hand", "A@WH-1 6 on hand"], "{file}");

        pulled.pass(60);
        pulled.stocked(&[(0, 0, "X", "9"), (0, 1, "X", "10")]);
        let report = pulled.stock().await;
        assert_eq!((report.applied, report.complete), (2, true), "{file}: {report:?}");
        assert_eq!(pulled.stands().await, ["A@3PL-1 10 on hand", "A@WH-1 9 on hand"], "{file}");
        pulled.world.books().await;
    }
}

/// Protects against stock that stays for ever: what a refresh tells nothing of any more is zero. But an answer without
/// half of what was there is taken for a fault, and leaves everything as it was.
#[tokio::test]
async fn what_a_refresh_does_not_tell_of_any_more_is_zero() {
    for words in [SAP, NETSUITE, ODOO] {
        let file = words.file;
        let pulled = Pulled::new(words).await;
        pulled.stocked(&[(0, 0, "X", "3"), (0, 1, "X", "10")]);
        assert!(pulled.stock().await.complete, "{file}");
        pulled.pass(60);
        pulled.stocked(&[(0, 1, "X", "10")]);
        let report = pulled.stock().await;
        assert!(report.complete, "{file}: {report:?}");
        assert_eq!(pulled.stands().await, ["A@3PL-1 10 on hand", "A@WH-1 0 on hand"], "{file}");
        pulled.pass(60);
        let report = pulled.stock().await;
        assert_eq!((report.applied, report.complete), (1, true), "{file}: what is gone is said once: {report:?}");

        pulled.pass(60);
        pulled.stocked(&[]);
        let report = pulled.stock().await;
        assert_eq!((report.applied, report.failed.len(), report.complete), (0, 1, false), "{file}: {report:?}");
        assert_eq!(pulled.stands().await, ["A@3PL-1 10 on hand", "A@WH-1 0 on hand"], "{file}");
        pulled.stocked(&[(0, 0, "X", "2"), (0, 1, "X", "10")]);
        assert!(pulled.stock().await.complete, "{file}");
        assert_eq!(pulled.stands().await, ["A@3PL-1 10 on hand", "A@WH-1 2 on hand"], "{file}");
        pulled.world.books().await;
    }
}

/// Protects a sum from a row that cannot be read: a part of it is not the whole. The other sums are right all the same.
#[tokio::test]
async fn a_sum_without_one_of_its_rows_is_none() {
    for (bad, expected) in [
        ((0, 0, "Y", "many"), &["A@3PL-1 10 on hand"][..]),
        ((0, 0, "Y", "0.0000001"), &["A@3PL-1 10 on hand"]),
        ((0, 0, "Y", "-9"), &["A@3PL-1 10 on hand"]), // Together below zero: no stock is.
    ] {
        let pulled = Pulled::new(NETSUITE).await;
        pulled.stocked(&[(0, 0, "X", "3"), bad, (0, 0, "Z", "3"), (0, 1, "X", "10")]);
        let report = pulled.stock().await;
        assert_eq!((report.applied, report.failed.len(), report.complete), (1, 1, false), "{bad:?}: {report:?}");
        assert_eq!(pulled.stands().await, expected, "{bad:?}");
    }
    // Nobody knows of which sum this row is a part.
    let pulled = Pulled::new(NETSUITE).await;
    pulled.stocked(&[(0, 0, "X", "3"), (0, 1, "X", "10")]);
    pulled.served.with(|books| books.stock[0].location = String::new());
    let report = pulled.stock().await;
    assert_eq!((report.applied, report.failed.len()), (0, 1), "{report:?}");
}

/// Protects the newest count: of the states of one page only it is taken in, in whichever order they come.
#[tokio::test]
async fn only_the_newest_state_of_a_page_is_taken_in() {
    let pulled = Pulled::new(LINES).await;
    let counted = |quantity: &'static str, minute: u64, item: usize| {
        move |document: &mut Document, words: Words| {
            document.kind = "counted";
            document.quantity = quantity.to_owned();
            document.item = words.items[item].to_owned();
            document.at = at(minute);
            document.unit = String::new();
        }
    };
    for (id, (quantity, minute, item)) in (1..).zip([("5", 1, 0), ("9", 9, 0), ("7", 7, 0), ("3", 2, 1)]) {
        pulled.document(counted(quantity, minute, item), id);
    }
    let report = pulled.movements().await;
    assert_eq!((report.rows, report.applied, report.skipped, report.complete), (4, 2, 2, true), "{report:?}");
    assert_eq!(pulled.stands().await, ["A@WH-1 9 on hand", "B@WH-1 3 on hand"]);

    // The same state again says nothing new; an older one is not taken for a newer.
    pulled.document(counted("9", 9, 0), 5);
    let report = pulled.movements().await;
    assert_eq!((report.applied, report.complete), (0, true), "{report:?}");
    pulled.document(counted("4", 3, 0), 30);
    assert!(pulled.movements().await.complete);
    assert_eq!(pulled.stands().await, ["A@WH-1 9 on hand", "B@WH-1 3 on hand"]);
}

/// Protects what happened since: a state is right for its time, and what came after it stays.
#[tokio::test]
async fn a_state_is_as_of_its_time() {
    let pulled = Pulled::new(ODOO).await;
    pulled.receipts(5);
    pulled.movements().await;
    pulled.stocked(&[(0, 0, "X", "4")]);
    pulled.stock().await; // As of noon: one of the five is not there.
    assert_eq!(pulled.stands().await, ["A@WH-1 4 on hand"]);
    pulled.pass(300);
    let late = |document: &mut Document, _: Words| document.at = at(62);
    pulled.document(late, 6);
    pulled.movements().await;
    assert_eq!(pulled.stands().await, ["A@WH-1 5 on hand"]);
}

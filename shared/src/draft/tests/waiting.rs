//! What is not mapped waits, whole, and goes on when the mapping is there.

use crate::alert::{Alert, AlertState};
use crate::catalog::{Item, Location, LocationKind, Network};
use crate::draft::EventOutcome;
use crate::draft::tests::{Books, sku, units};
use crate::ledger::LedgerEvent;
use crate::source::WaitingItem;
use crate::table::{Key, Row, RowKey};

fn alerts(books: &Books) -> Vec<(String, AlertState)> {
    books
        .rows::<Alert>(|row| matches!(row, RowKey::Alert(_)))
        .into_iter()
        .map(|alert| (alert.subject.to_string(), alert.state))
        .collect()
}

fn again(books: &mut Books) -> Vec<EventOutcome> {
    let waiting: Vec<(LedgerEvent, Option<Key>)> = books
        .waiting()
        .into_iter()
        .map(|waiting| match &waiting.what {
            WaitingItem::Event(event) => (LedgerEvent::Stock((**event).clone()), Some(waiting.key())),
            WaitingItem::Order { .. } => panic!("no order waits here"),
        })
        .collect();
    books.take(&waiting)
}

/// Protects events from being lost while nobody has mapped them: kept once, applied once, the alert closed with them.
#[test]
fn what_is_not_mapped_waits_and_goes_on() {
    let mut books = Books::new();
    for said in ["receipt 5 sku=NEW id=a", "receipt 5 sku=NEW id=a", "receipt 2 sku=NEW @9999 id=b", "receipt 1 unit=pallet id=c"]
    {
        let (outcome, made) = books.say(&format!("{said} t=1"));
        assert!(matches!(outcome, EventOutcome::Waiting(_)) && made.is_empty(), "{said}: {outcome:?}");
    }
    assert_eq!(books.say("receipt 6 sku=NEW id=a t=1").0, EventOutcome::ContentMismatch, "the first one stands");
    assert_eq!(books.waiting().len(), 3);
    let raised = |subject: &str| (subject.to_owned(), AlertState::Raised);
    assert_eq!(
        alerts(&books),
        [
            raised("content_mismatch#wms#a"),
            raised("unmapped_facility#wms#9999"),
            raised("unmapped_item#wms#A"),
            raised("unmapped_item#wms#NEW"),
        ]
    );
    assert_eq!(
        again(&mut books).iter().filter(|outcome| matches!(outcome, EventOutcome::Waiting(_))).count(),
        3,
        "nothing changed"
    );
    assert_eq!(books.waiting().len(), 3);

    books.put(&Item::new(sku("NEW")));
    again(&mut books);
    assert_eq!(books.position("NEW", "WH-1").balance.on_hand, units(5));
    assert_eq!(books.waiting().len(), 2, "a location and a unit are still missing");
    let three = [("WH-1", None), ("WH-2", Some("0002")), ("WH-3", Some("9999"))].map(|(code, in_wms)| Location {
        systems: in_wms.map(|code| ("wms".parse().expect("a system"), code.to_owned())).into_iter().collect(),
        ..Location::new(code.parse().expect("a code"), LocationKind::Warehouse)
    });
    books.network = Network::new(three);
    let pallet = [("pallet".parse().expect("a unit"), "480".parse().expect("a factor"))].into();
    books.put(&Item { units: pallet, ..Item::new(sku("A")) });
    again(&mut books);
    assert_eq!(books.position("NEW", "WH-3").balance.on_hand, units(2));
    assert_eq!(books.balance("WH-1").on_hand, units(480));
    assert!(books.waiting().is_empty());
    let open: Vec<_> = alerts(&books).into_iter().filter(|(_, state)| *state == AlertState::Raised).collect();
    assert_eq!(open, [raised("content_mismatch#wms#a")]);
    assert_eq!(books.say("receipt 5 sku=NEW id=a t=1").0, EventOutcome::Duplicate, "it is in the ledger, whatever it waited for");
    books.check();
}

//! Tests of events without a mapping: each waits and is resumed when its mapping appears.

use crate::alert::{Alert, AlertState};
use crate::catalog::{Item, Location, LocationKind, Network};
use crate::draft::EventOutcome;
use crate::draft::tests::{TestLedger, sku, units};
use crate::ledger::LedgerEvent;
use crate::source::WaitingItem;
use crate::table::{Key, Row, RowKey};

fn alerts(ledger: &TestLedger) -> Vec<(String, AlertState)> {
    ledger
        .rows::<Alert>(|row| matches!(row, RowKey::Alert(_)))
        .into_iter()
        .map(|alert| (alert.subject.to_string(), alert.state))
        .collect()
}

fn resume(ledger: &mut TestLedger) -> Vec<EventOutcome> {
    let waiting: Vec<(LedgerEvent, Option<Key>)> = ledger
        .waiting()
        .into_iter()
        .map(|waiting| match &waiting.what {
            WaitingItem::Event(event) => (LedgerEvent::Stock((**event).clone()), Some(waiting.key())),
            WaitingItem::Order { .. } => panic!("no order waits here"),
        })
        .collect();
    ledger.take(&waiting)
}

/// Protects events without a mapping: each is stored once, applied once, and its alert is cleared.
#[test]
fn an_event_without_a_mapping_waits_and_is_resumed() {
    let mut ledger = TestLedger::new();
    for short in
        ["receipt 5 sku=NEW id=a", "receipt 5 sku=NEW id=a", "receipt 2 sku=NEW @9999 id=b", "receipt 1 unit=pallet id=c"]
    {
        let (outcome, made) = ledger.receive(&format!("{short} t=1"));
        assert!(matches!(outcome, EventOutcome::Waiting(_)) && made.is_empty(), "{short}: {outcome:?}");
    }
    assert_eq!(ledger.receive("receipt 6 sku=NEW id=a t=1").0, EventOutcome::ContentMismatch, "the first one stands");
    assert_eq!(ledger.waiting().len(), 3);
    let raised = |subject: &str| (subject.to_owned(), AlertState::Raised);
    assert_eq!(
        alerts(&ledger),
        [
            raised("content_mismatch#wms#a"),
            raised("unmapped_facility#wms#9999"),
            raised("unmapped_item#wms#A"),
            raised("unmapped_item#wms#NEW"),
        ]
    );
    assert_eq!(
        resume(&mut ledger).iter().filter(|outcome| matches!(outcome, EventOutcome::Waiting(_))).count(),
        3,
        "nothing changed"
    );
    assert_eq!(ledger.waiting().len(), 3);

    ledger.put(&Item::new(sku("NEW")));
    resume(&mut ledger);
    assert_eq!(ledger.position("NEW", "WH-1").balance.on_hand, units(5));
    assert_eq!(ledger.waiting().len(), 2, "a location and a unit are still missing");
    let three = [("WH-1", None), ("WH-2", Some("0002")), ("WH-3", Some("9999"))].map(|(code, in_wms)| Location {
        systems: in_wms.map(|code| ("wms".parse().expect("a system"), code.to_owned())).into_iter().collect(),
        ..Location::new(code.parse().expect("a code"), LocationKind::Warehouse)
    });
    ledger.network = Network::new(three);
    let pallet = [("pallet".parse().expect("a unit"), "480".parse().expect("a factor"))].into();
    ledger.put(&Item { units: pallet, ..Item::new(sku("A")) });
    resume(&mut ledger);
    assert_eq!(ledger.position("NEW", "WH-3").balance.on_hand, units(2));
    assert_eq!(ledger.balance("WH-1").on_hand, units(480));
    assert!(ledger.waiting().is_empty());
    let open: Vec<_> = alerts(&ledger).into_iter().filter(|(_, state)| *state == AlertState::Raised).collect();
    assert_eq!(open, [raised("content_mismatch#wms#a")]);
    assert_eq!(
        ledger.receive("receipt 5 sku=NEW id=a t=1").0,
        EventOutcome::Duplicate,
        "the event is in the ledger, although it waited before"
    );
    ledger.check();
}

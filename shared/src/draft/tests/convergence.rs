//! Property test: the same events in any order, with repetitions and in any grouping, lead to the same stock.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::draft::tests::{TestLedger, units};
use crate::ledger::LedgerEvent;
use crate::movement::Balance;

/// An event: a kind, units, one of two documents and one of two places.
type TestEvent = (usize, i64, usize, usize);

const KINDS: [&str; 18] = [
    "receipt",
    "production_completed",
    "component_issue",
    "write_off",
    "adjustment",
    "customer_return",
    "quality_hold",
    "quality_release",
    "transfer_in",
    "transfer_loss",
    "pos_sale",
    "pos_void",
    "pos_posting",
    "allocation",
    "deallocation",
    "wholesale_allocation",
    "shipment",
    "purchase_order",
];

/// A model of the open receipts: of each document the newest quantity, less the units received anywhere. An adjustment that names
/// the document corrects what was received.
fn incoming_units(received: &[(i64, TestEvent)]) -> i64 {
    let of_document = |document: usize| {
        let here = || received.iter().filter(move |(_, (_, _, of, _))| *of == document);
        let newest = here().filter(|(_, (kind, ..))| KINDS[*kind] == "purchase_order").max_by_key(|(at, _)| *at);
        let came = here().filter(|(_, (kind, ..))| matches!(KINDS[*kind], "receipt" | "production_completed" | "adjustment"));
        newest.map_or(0, |(_, (_, units, ..))| (units - came.map(|(_, (_, units, ..))| units).sum::<i64>().max(0)).max(0))
    };
    of_document(0) + of_document(1)
}

/// A model of the stock: the balance of each position, from all events in the order of time.
fn model(received: &[(i64, TestEvent)], counts: &[(i64, i64)]) -> BTreeMap<usize, Balance> {
    let mut balances = BTreeMap::new();
    for place in 0..2 {
        let here: Vec<_> = received.iter().filter(|(_, (_, _, _, at))| *at == place).collect();
        let sum = |kind: &str, document: Option<usize>| -> i64 {
            let of = here.iter().filter(|(_, (k, _, p, _))| KINDS[*k] == kind && document.is_none_or(|document| *p == document));
            of.map(|(_, (_, units, _, _))| *units).sum()
        };
        let open = |document: usize, up: &str, down: &[&str]| {
            (sum(up, Some(document)) - down.iter().map(|kind| sum(kind, Some(document))).sum::<i64>()).max(0)
        };
        let on_hand = |until: Option<i64>| -> i64 {
            let signed = |kind: &str| match kind {
                "receipt" | "production_completed" | "adjustment" | "customer_return" | "transfer_in" => 1,
                "component_issue" | "write_off" | "pos_posting" | "shipment" => -1,
                _ => 0,
            };
            here.iter()
                .filter(|(at, _)| until.is_none_or(|until| *at > until))
                .map(|(_, (k, u, _, _))| signed(KINDS[*k]) * u)
                .sum()
        };
        // Only the first place is counted. The newest count includes every earlier event.
        let newest = counts.iter().max_by_key(|(at, _)| *at).filter(|_| place == 0);
        let on_hand = newest.map_or_else(|| on_hand(None), |(at, counted)| counted + on_hand(Some(*at)));
        let allocated = |document| (sum("allocation", Some(document)) - sum("deallocation", Some(document))).max(0);
        let by_document = |of: &dyn Fn(usize) -> i64| units(of(0) + of(1));
        let balance = Balance {
            on_hand: units(on_hand),
            held: by_document(&|document| open(document, "quality_hold", &["quality_release"])),
            pos_pending: by_document(&|document| open(document, "pos_sale", &["pos_void", "pos_posting"])),
            allocated: by_document(&|document| (allocated(document) - sum("shipment", Some(document))).max(0)),
            wholesale: by_document(&|document| {
                (sum("wholesale_allocation", Some(document)) - allocated(document).max(sum("shipment", Some(document)))).max(0)
            }),
            ..Balance::default()
        };
        balances.insert(place, balance);
    }
    balances
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Protects the ledger from the order in which systems send events: late, early and repeated events lead to the same
    /// stock.
    #[test]
    fn order_and_repetition_do_not_matter(
        received in prop::collection::vec((0..KINDS.len(), 1..6_i64, 0..2_usize, 0..2_usize), 1..24),
        counts in prop::collection::vec((1..24_i64, 0..20_i64), 0..3),
        seed in prop::collection::vec(any::<prop::sample::Index>(), 24..40),
        group in 1..7_usize,
    ) {
        // Events have even seconds and counts odd ones, so that a count is never at the time of an event.
        let timed = received.into_iter().enumerate().map(|(n, event)| (2 * i64::try_from(n).expect("few"), event));
        let received: Vec<(i64, TestEvent)> = timed.collect();
        let mut counts: Vec<(i64, i64)> = counts.into_iter().map(|(at, counted)| (2 * at + 1, counted)).collect();
        counts.sort_by_key(|(at, _)| *at);
        counts.dedup_by_key(|(at, _)| *at);

        let mut ledger = TestLedger::new();
        ledger.second = 1_000;
        let mut events = Vec::new();
        for (at, (kind, units, document, place)) in &received {
            let (kind, place) = (KINDS[*kind], ["WH-1", "0002"][*place]);
            events.push(ledger.event(&format!("{kind} {units} ref=P{document} @{place} t={at}")).expect("a valid event"));
        }
        for (at, counted) in &counts {
            events.push(ledger.event(&format!("balance {counted} t={at}")).expect("a valid event"));
        }
        let mut order: Vec<usize> = (0..events.len()).collect();
        for index in &seed {
            let one = index.index(order.len());
            order.swap(0, one);
            if one % 3 == 0 {
                order.push(order[one]);
            }
        }
        let shuffled: Vec<_> = order.into_iter().map(|at| (LedgerEvent::Stock(events[at].clone()), None)).collect();
        for group in shuffled.chunks(group) {
            ledger.second += 1;
            ledger.take(group);
        }
        ledger.check();
        let expected = model(&received, &counts);
        prop_assert_eq!(ledger.balance("WH-1"), expected[&0]);
        prop_assert_eq!(ledger.balance("WH-2"), expected[&1]);
        let incoming: i64 = ledger.incoming("A").iter().map(|receipt| receipt.left.units()).sum();
        prop_assert_eq!(incoming, incoming_units(&received));
    }
}

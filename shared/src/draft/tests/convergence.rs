//! The same events in any order, any of them twice, any grouping: the same stock.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::draft::tests::{Books, units};
use crate::ledger::LedgerEvent;
use crate::movement::Balance;

/// One thing said: a kind, units, one of two papers, one of two places, at a second of its own.
type Said = (usize, i64, usize, usize);

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

/// What is to come by hand: of each paper the newest announcement, less what has come of it anywhere.
fn to_come(said: &[(i64, Said)]) -> i64 {
    let of_paper = |paper: usize| {
        let here = || said.iter().filter(move |(_, (_, _, of, _))| *of == paper);
        let announced = here().filter(|(_, (kind, ..))| KINDS[*kind] == "purchase_order").max_by_key(|(at, _)| *at);
        let came = here().filter(|(_, (kind, ..))| matches!(KINDS[*kind], "receipt" | "production_completed"));
        announced.map_or(0, |(_, (_, units, ..))| (units - came.map(|(_, (_, units, ..))| units).sum::<i64>()).max(0))
    };
    of_paper(0) + of_paper(1)
}

/// The stock by hand: what each position must be, from the list of what was said in the order of time.
fn model(said: &[(i64, Said)], counts: &[(i64, i64)]) -> BTreeMap<usize, Balance> {
    let mut balances = BTreeMap::new();
    for place in 0..2 {
        let here: Vec<_> = said.iter().filter(|(_, (_, _, _, at))| *at == place).collect();
        let sum = |kind: &str, paper: Option<usize>| -> i64 {
            let of = here.iter().filter(|(_, (k, _, p, _))| KINDS[*k] == kind && paper.is_none_or(|paper| *p == paper));
            of.map(|(_, (_, units, _, _))| *units).sum()
        };
        let open = |paper: usize, up: &str, down: &[&str]| {
            (sum(up, Some(paper)) - down.iter().map(|kind| sum(kind, Some(paper))).sum::<i64>()).max(0)
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
        // Only the first place is counted; the newest count knows everything up to it.
        let newest = counts.iter().max_by_key(|(at, _)| *at).filter(|_| place == 0);
        let on_hand = newest.map_or_else(|| on_hand(None), |(at, counted)| counted + on_hand(Some(*at)));
        let aside = |paper| (sum("allocation", Some(paper)) - sum("deallocation", Some(paper))).max(0);
        let by_paper = |of: &dyn Fn(usize) -> i64| units(of(0) + of(1));
        let balance = Balance {
            on_hand: units(on_hand),
            held: by_paper(&|paper| open(paper, "quality_hold", &["quality_release"])),
            pos_pending: by_paper(&|paper| open(paper, "pos_sale", &["pos_void", "pos_posting"])),
            allocated: by_paper(&|paper| (aside(paper) - sum("shipment", Some(paper))).max(0)),
            wholesale: by_paper(&|paper| {
                (sum("wholesale_allocation", Some(paper)) - aside(paper).max(sum("shipment", Some(paper)))).max(0)
            }),
            ..Balance::default()
        };
        balances.insert(place, balance);
    }
    balances
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Protects the ledger from the order in which systems speak: what is said late, early or twice ends in the same.
    #[test]
    fn order_and_repetition_do_not_matter(
        said in prop::collection::vec((0..KINDS.len(), 1..6_i64, 0..2_usize, 0..2_usize), 1..24),
        counts in prop::collection::vec((1..24_i64, 0..20_i64), 0..3),
        seed in prop::collection::vec(any::<prop::sample::Index>(), 24..40),
        group in 1..7_usize,
    ) {
        // Each at an even second, so that counts, at odd ones, are never at the same time.
        let said: Vec<(i64, Said)> = said.into_iter().enumerate().map(|(n, said)| (2 * i64::try_from(n).expect("few"), said)).collect();
        let mut counts: Vec<(i64, i64)> = counts.into_iter().map(|(at, counted)| (2 * at + 1, counted)).collect();
        counts.sort_by_key(|(at, _)| *at);
        counts.dedup_by_key(|(at, _)| *at);

        let mut books = Books::new();
        books.second = 1_000;
        let mut events = Vec::new();
        for (at, (kind, units, paper, place)) in &said {
            let (kind, place) = (KINDS[*kind], ["WH-1", "0002"][*place]);
            events.push(books.event(&format!("{kind} {units} ref=P{paper} @{place} t={at}")).expect("good"));
        }
        for (at, counted) in &counts {
            events.push(books.event(&format!("balance {counted} t={at}")).expect("good"));
        }
        let mut order: Vec<usize> = (0..events.len()).collect();
        for index in &seed {
            let one = index.index(order.len());
            order.swap(0, one);
            if one % 3 == 0 {
                order.push(order[one]);
            }
        }
        let told: Vec<_> = order.into_iter().map(|at| (LedgerEvent::Stock(events[at].clone()), None)).collect();
        for group in told.chunks(group) {
            books.second += 1;
            books.take(group);
        }
        books.check();
        let expected = model(&said, &counts);
        prop_assert_eq!(books.balance("WH-1"), expected[&0]);
        prop_assert_eq!(books.balance("WH-2"), expected[&1]);
        let incoming: i64 = books.incoming("A").iter().map(|paper| paper.left.units()).sum();
        prop_assert_eq!(incoming, to_come(&said));
    }
}

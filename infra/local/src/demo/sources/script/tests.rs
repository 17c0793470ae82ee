use std::collections::BTreeMap;

use super::*;

fn config(seed: u64) -> SourcesConfig {
    SourcesConfig { events_per_minute: 3_000, minutes: 2, seed, chaos: false }
}

/// Protects repeatability: the same seed gives the same morning, another seed another one.
#[test]
fn the_seed_decides_the_morning() {
    let (one, again, other) = (script(&config(7)), script(&config(7)), script(&config(8)));
    assert_eq!((&one.events, &one.deliveries, &one.actions), (&again.events, &again.deliveries, &again.actions));
    assert_ne!(one.events, other.events);
}

/// Protects the numbers that the demo documents: the events, and the shares of them that are late, sent twice and refused.
#[test]
fn the_shares_of_late_repeated_and_refused_events_are_as_documented() {
    for (per_minute, minutes, seed) in [(3_000, 2, 1), (3_000, 2, 2), (3_000, 2, 99), (500, 1, 3), (100, 1, 4)] {
        let config = SourcesConfig { events_per_minute: per_minute, minutes, ..config(seed) };
        let script = script(&config);
        let total = config.events();
        assert_eq!(script.events.len(), total, "every event is counted once");
        let outcome = |outcome: ExpectedOutcome| script.events.iter().filter(|event| event.expected == outcome).count();
        assert_eq!(outcome(ExpectedOutcome::Unmapped), (total / 300).max(1));
        assert_eq!(outcome(ExpectedOutcome::Malformed), (total / 500).max(1));
        assert_eq!(outcome(ExpectedOutcome::NotWhole), (total / 750).max(1) + 1, "one more comes from the ERP");
        assert_eq!(outcome(ExpectedOutcome::ContentMismatch), (total / 600).max(1));
        let sending = |sending: Sending| script.deliveries.iter().filter(|delivery| delivery.sending == sending).count();
        assert_eq!(sending(Sending::OnTime) + sending(Sending::Late), total, "every event has exactly one first sending");
        if total >= 3_000 {
            for share in [sending(Sending::Late), sending(Sending::Repeated)] {
                assert!((total * 4 / 100..=total * 6 / 100).contains(&share), "about 5 % of {total} are expected, not {share}");
            }
            for system in System::ALL {
                let share = script.events.iter().filter(|event| event.system == system).count();
                assert!(share > total / 20, "{system} reports only {share}");
            }
            let kinds: BTreeSet<StockKind> = script.events.iter().map(|event| event.kind).collect();
            assert_eq!(kinds.len(), 19, "all but transfer_loss and wholesale_release: {kinds:?}");
        }
    }
}

/// Protects the model: no event is sent before its time, no source document closes more than was opened, and a content mismatch
/// comes long after the first event with its id.
#[test]
fn the_script_makes_sense() {
    let script = script(&config(5));
    let mut open: BTreeMap<&str, i64> = BTreeMap::new();
    for event in script.events.iter().filter(|event| event.expected == ExpectedOutcome::Applied) {
        let Some(reference) = &event.reference else { continue };
        let opens = matches!(
            event.kind,
            StockKind::PosSale
                | StockKind::TransferOut
                | StockKind::QualityHold
                | StockKind::Allocation
                | StockKind::WholesaleAllocation
        );
        *open.entry(reference).or_default() += if opens { event.units } else { -event.units };
    }
    assert!(open.values().all(|units| *units >= 0), "{open:?}");
    let mut first: BTreeMap<usize, i64> = BTreeMap::new();
    for Delivery { at, of, sending } in &script.deliveries {
        assert!(*at >= script.events[*of].at, "{sending:?} {:?}", script.events[*of]);
        first.entry(*of).or_insert(*at);
    }
    let mut named: BTreeMap<(System, u64), usize> = BTreeMap::new();
    for (of, event) in script.events.iter().enumerate() {
        if let Some(before) = named.insert((event.system, event.number), of) {
            assert_eq!(event.expected, ExpectedOutcome::ContentMismatch);
            assert!(first[&of] > first[&before] + 20_000, "{event:?}");
        }
    }
    let mut states = BTreeSet::new();
    for event in script.events.iter().filter(|event| event.kind.is_a_state()) {
        let new = event.expected == ExpectedOutcome::ContentMismatch || states.insert((event.item, event.site, event.at));
        assert!(new, "two states of one item and site have the same time, so their order is undefined: {event:?}");
    }
}

use std::collections::BTreeMap;

use super::*;

fn config(seed: u64) -> SourcesConfig {
    SourcesConfig { events_per_minute: 3_000, minutes: 2, seed, chaos: false }
}

/// Protects repeatability: the same seed gives the same morning, another seed another one.
#[test]
fn the_seed_decides_the_morning() {
    let (one, again, other) = (script(&config(7)), script(&config(7)), script(&config(8)));
    assert_eq!((&one.statements, &one.deliveries, &one.actions), (&again.statements, &again.deliveries, &again.actions));
    assert_ne!(one.statements, other.statements);
}

/// Protects the numbers that the demo documents: the events, and the shares of them that are late, sent twice and refused.
#[test]
fn the_shares_of_late_repeated_and_refused_events_are_as_documented() {
    for (per_minute, minutes, seed) in [(3_000, 2, 1), (3_000, 2, 2), (3_000, 2, 99), (500, 1, 3), (100, 1, 4)] {
        let config = SourcesConfig { events_per_minute: per_minute, minutes, ..config(seed) };
        let script = script(&config);
        let total = config.events();
        assert_eq!(script.statements.len(), total, "every event is counted once");
        let fate = |fate: Fate| script.statements.iter().filter(|statement| statement.fate == fate).count();
        assert_eq!(fate(Fate::Unmapped), (total / 300).max(1));
        assert_eq!(fate(Fate::Malformed), (total / 500).max(1));
        assert_eq!(fate(Fate::HalfAPiece), (total / 750).max(1) + 1, "one more comes from the ERP");
        assert_eq!(fate(Fate::Contradiction), (total / 600).max(1));
        let way = |way: Way| script.deliveries.iter().filter(|delivery| delivery.way == way).count();
        assert_eq!(way(Way::InTime) + way(Way::Late), total, "every event has exactly one first sending");
        if total >= 3_000 {
            for share in [way(Way::Late), way(Way::Again)] {
                assert!((total * 4 / 100..=total * 6 / 100).contains(&share), "about 5 % of {total} are expected, not {share}");
            }
            for system in System::ALL {
                let share = script.statements.iter().filter(|statement| statement.system == system).count();
                assert!(share > total / 20, "{system} reports only {share}");
            }
            let kinds: BTreeSet<StockKind> = script.statements.iter().map(|statement| statement.kind).collect();
            assert_eq!(kinds.len(), 19, "all but transfer_loss and wholesale_release: {kinds:?}");
        }
    }
}

/// Protects the model: no statement is sent before its time, no source document closes more than was opened, and a contradiction
/// comes long after the first statement with its id.
#[test]
fn the_script_makes_sense() {
    let script = script(&config(5));
    let mut open: BTreeMap<&str, i64> = BTreeMap::new();
    for statement in script.statements.iter().filter(|statement| statement.fate == Fate::Applied) {
        let Some(reference) = &statement.reference else { continue };
        let opens = matches!(
            statement.kind,
            StockKind::PosSale
                | StockKind::TransferOut
                | StockKind::QualityHold
                | StockKind::Allocation
                | StockKind::WholesaleAllocation
        );
        *open.entry(reference).or_default() += if opens { statement.units } else { -statement.units };
    }
    assert!(open.values().all(|units| *units >= 0), "{open:?}");
    let mut first: BTreeMap<usize, i64> = BTreeMap::new();
    for Delivery { at, of, way } in &script.deliveries {
        assert!(*at >= script.statements[*of].at, "{way:?} {:?}", script.statements[*of]);
        first.entry(*of).or_insert(*at);
    }
    let mut named: BTreeMap<(System, u64), usize> = BTreeMap::new();
    for (of, statement) in script.statements.iter().enumerate() {
        if let Some(before) = named.insert((statement.system, statement.number), of) {
            assert_eq!(statement.fate, Fate::Contradiction);
            assert!(first[&of] > first[&before] + 20_000, "{statement:?}");
        }
    }
    let mut states = BTreeSet::new();
    for statement in script.statements.iter().filter(|statement| statement.kind.is_a_state()) {
        let new = statement.fate == Fate::Contradiction || states.insert((statement.item, statement.site, statement.at));
        assert!(new, "two states of one item and site have the same time, so their order is undefined: {statement:?}");
    }
}

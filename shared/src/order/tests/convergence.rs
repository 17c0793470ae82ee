//! Convergence of orders: snapshots and reports in any order and number lead to the same ledger.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;

use crate::catalog::{Network, OrderId};
use crate::order::tests::model::{Change, Held, Model, at, long_ago, network, settle, settle_step_by_step, shop};
use crate::order::{OrderRecord, OrderReport, OrderSnapshot, Restock};

fn any_change() -> impl Strategy<Value = Change> {
    let (line, units, location) = (1..4_u64, 1..4_i64, 1..3_u64);
    let restock = prop_oneof![Just(Restock::Cancel), Just(Restock::Return), Just(Restock::None)];
    prop_oneof![
        4 => (line.clone(), units.clone()).prop_map(|(line, units)| Change::Add { line, units }),
        2 => (line.clone(), units.clone()).prop_map(|(line, units)| Change::Remove { line, units }),
        1 => (line.clone(), units.clone()).prop_map(|(line, units)| Change::RemoveInAdmin { line, units }),
        5 => (line.clone(), units.clone()).prop_map(|(line, units)| Change::Ship { line, units }),
        1 => (0..4_usize).prop_map(|which| Change::Void { which }),
        2 => (line.clone(), location.clone()).prop_map(|(line, to)| Change::Move { line, to }),
        4 => (line.clone(), units.clone(), restock, location.clone())
            .prop_map(|(line, units, restock, at)| Change::Refund { line, units, restock, at }),
        2 => (line, units, location).prop_map(|(line, units, at)| Change::Dispose { line, units, at }),
        3 => (1..5_u64, 1..4_i64, 1..4_u64).prop_map(|(line, units, at)| Change::Dispatch { line, units, at }),
        1 => Just(Change::Settle),
        1 => Just(Change::Pay),
        1 => Just(Change::Cancel),
    ]
}

/// One input about an order.
#[derive(Debug, Clone)]
enum Statement {
    /// A snapshot of the shop.
    Shop(Box<OrderSnapshot>),
    /// A report of a warehouse.
    Warehouse(OrderReport),
}

impl From<OrderSnapshot> for Statement {
    fn from(snapshot: OrderSnapshot) -> Self {
        Self::Shop(Box::new(snapshot))
    }
}

/// All snapshots over an order's lifecycle.
#[derive(Debug, Default)]
struct History {
    model: Model,
    webhooks: Vec<Statement>,
    /// The snapshots that queries would have returned.
    queries: Vec<Statement>,
    /// The shop after each change.
    states: Vec<Model>,
}

/// Applies the changes to the model of the shop. A change may fall into the same second as the one before it, as in a real shop;
/// only a refund has a second of its own.
fn live(changes: &[(Change, bool)]) -> History {
    let History { mut model, mut webhooks, mut queries, mut states } = History::default();
    let mut fresh = false;
    let first = [(Change::Add { line: 1, units: 4 }, true)];
    for (change, next_second) in first.iter().chain(changes) {
        let refunds = matches!(change, Change::Refund { .. } | Change::RemoveInAdmin { .. } | Change::Settle | Change::Cancel);
        model.second += i64::from(*next_second || refunds || fresh);
        fresh = refunds;
        // A shipment by a warehouse changes nothing in the shop.
        if model.change(*change) && !matches!(change, Change::Dispatch { .. }) {
            webhooks.push(model.webhook().into());
            webhooks.extend(model.parts().into_iter().map(Statement::from));
            queries.push(model.query().into());
            states.push(model.clone());
        }
    }
    History { model, webhooks, queries, states }
}

/// The ledger of an order, and the units of each line that edits removed.
type Outcome = (Held, BTreeMap<u64, i64>);

/// Merges statements into a record as the ledger does, and returns the resulting ledger.
fn take(statements: &[Statement]) -> Outcome {
    take_by(statements, &network(long_ago()), |record, held, network| drop(settle(record, held, network)))
}

/// As [`take`], with another network, and another way to make the steps after each statement.
fn take_by(statements: &[Statement], network: &Network, settle: fn(&mut OrderRecord, &mut Held, &Network)) -> Outcome {
    let mut record = OrderRecord::new(shop(), OrderId::new(1));
    let mut held = Held::default();
    for statement in statements {
        match statement {
            Statement::Shop(snapshot) => record.merge(snapshot),
            Statement::Warehouse(report) => record.report(report),
        }
        settle(&mut record, &mut held, network);
        for change in record.newly_removed(network) {
            record.note_removed(&change);
        }
    }
    let removed = record.lines.iter().map(|(id, line)| (id.number(), line.removed.values().map(|units| units.units()).sum()));
    (held, removed.filter(|(_, units)| *units != 0).collect())
}

impl Model {
    /// The expected ledger, and the units of each line that edits removed.
    fn outcome(&self, routed: bool) -> Outcome {
        (self.held(routed), self.removed())
    }
}

/// Some of `all` statements, in any order and number, with `last` among them, and each of `reports` once or twice.
fn shuffle(all: &[Statement], picks: &[Index], last: OrderSnapshot, reports: Vec<OrderReport>, at: &[Index]) -> Vec<Statement> {
    let mut some: Vec<Statement> = picks.iter().map(|pick| pick.get(all).clone()).collect();
    let middle = some.len() / 2;
    some.insert(middle, last.into());
    for (number, at) in at.iter().enumerate() {
        let Some(report) = reports.get(number % reports.len().max(1)) else { break };
        some.insert(at.index(some.len() + 1), Statement::Warehouse(report.clone()));
    }
    some
}

/// The changes without removals by the admin where a line moves as well. No fact tells which of two refunds without a restock took a
/// shipped unit, so one may be taken for the other, and its unit is then held at the place of the other.
fn without_mixed_up_places(changes: Vec<(Change, bool)>) -> Vec<(Change, bool)> {
    let moves = changes.iter().any(|(change, _)| matches!(change, Change::Move { .. }));
    changes.into_iter().filter(|(change, _)| !(moves && matches!(change, Change::RemoveInAdmin { .. }))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    /// Protects orders from reordered, duplicated and lost webhooks, and from reports of warehouses at any time: as long as the
    /// last webhook arrives, the ledger matches the shop and the shipped units.
    #[test]
    fn webhooks_in_any_order_converge(
        changes in prop::collection::vec((any_change(), any::<bool>()), 0..12),
        picks in prop::collection::vec(any::<Index>(), 0..30),
        at in prop::collection::vec(any::<Index>(), 12..24),
    ) {
        // Only a query contains the dispositions of returned units, a webhook does not.
        let changes: Vec<_> = changes.into_iter().filter(|(change, _)| !matches!(change, Change::Dispose { .. })).collect();
        let History { model, webhooks, .. } = live(&changes);
        prop_assert_eq!(take(&shuffle(&webhooks, &picks, model.webhook(), model.reports(), &at)), model.outcome(false));
    }

    /// Protects orders when queries of the reconciler arrive between webhooks: as long as the last query arrives, the ledger
    /// matches the shop by place and the shipments of warehouses, whatever other snapshots arrive before and after it.
    #[test]
    fn webhooks_and_queries_in_any_order_converge(
        changes in prop::collection::vec((any_change(), any::<bool>()), 0..12),
        picks in prop::collection::vec(any::<Index>(), 0..30),
        at in prop::collection::vec(any::<Index>(), 12..24),
    ) {
        let History { model, webhooks, queries, .. } = live(&without_mixed_up_places(changes));
        let all = [webhooks, queries].concat();
        prop_assert_eq!(take(&shuffle(&all, &picks, model.query(), model.reports(), &at)), model.outcome(true));
        let alone = shuffle(&all, &[], model.query(), model.reports(), &at);
        prop_assert_eq!(take(&alone), model.outcome(true), "the last query and the reports are sufficient");
    }

    /// Protects orders that are too large for one transaction, and orders interrupted by a crash: planning again after each step
    /// leads to the same ledger.
    #[test]
    fn steps_interrupted_anywhere_converge(
        changes in prop::collection::vec((any_change(), any::<bool>()), 0..12),
        picks in prop::collection::vec(any::<Index>(), 0..10),
        at in prop::collection::vec(any::<Index>(), 12..24),
    ) {
        let History { model, webhooks, queries, .. } = live(&without_mixed_up_places(changes));
        let statements = shuffle(&[webhooks, queries].concat(), &picks, model.query(), model.reports(), &at);
        prop_assert_eq!(take_by(&statements, &network(long_ago()), settle_step_by_step), model.outcome(true));
    }

    /// Protects the opening stock: what the order did up to the second in which the shop went live moves nothing, what was open
    /// then is reserved, and what it did later moves, in whatever order the snapshots of both times arrive.
    #[test]
    fn only_what_happens_after_going_live_moves(
        changes in prop::collection::vec((any_change(), any::<bool>()), 0..12),
        second in 0..12_i64,
        picks in prop::collection::vec(any::<Index>(), 0..30),
    ) {
        // No fact tells which of two refunds without a restock took a shipped unit, so that one may be taken for the other. It
        // matters only when one of them is from before.
        let left_out = |change: &Change| matches!(change, Change::Dispatch { .. } | Change::RemoveInAdmin { .. });
        let changes: Vec<_> = changes.into_iter().filter(|(change, _)| !left_out(change)).collect();
        let History { model, webhooks, queries, states } = live(&changes);
        let then = states.into_iter().rev().find(|state| state.second <= second).unwrap_or_default();
        let statements = shuffle(&[webhooks, queries].concat(), &picks, model.query(), Vec::new(), &[]);
        let network = network(at(second));
        let expected = model.held(true).since(then.held(true));
        let (held, _) = take_by(&statements, &network, |record, held, network| drop(settle(record, held, network)));
        prop_assert_eq!(held, expected);
    }
}

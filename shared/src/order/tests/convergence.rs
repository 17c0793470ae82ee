//! Whatever the shop says, in whatever order and how often, the same is held in the end.

use proptest::prelude::*;
use proptest::sample::Index;

use crate::catalog::OrderId;
use crate::order::tests::model::{Change, Held, Model, settle, settle_step_by_step, shop};
use crate::order::{OrderRecord, OrderReport, OrderSnapshot, Restock};

fn any_change() -> impl Strategy<Value = Change> {
    let (line, units, location) = (1..4_u64, 1..4_i64, 1..3_u64);
    let restock = prop_oneof![Just(Restock::Cancel), Just(Restock::Return), Just(Restock::None)];
    prop_oneof![
        4 => (line.clone(), units.clone()).prop_map(|(line, units)| Change::Add { line, units }),
        2 => (line.clone(), units.clone()).prop_map(|(line, units)| Change::Remove { line, units }),
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

/// One thing that is said of an order.
#[derive(Debug, Clone)]
enum Statement {
    /// By the shop.
    Shop(Box<OrderSnapshot>),
    /// By a warehouse.
    Warehouse(OrderReport),
}

impl From<OrderSnapshot> for Statement {
    fn from(snapshot: OrderSnapshot) -> Self {
        Self::Shop(Box::new(snapshot))
    }
}

/// What was said in an order's life.
#[derive(Debug, Default)]
struct Said {
    model: Model,
    webhooks: Vec<Statement>,
    /// What queries would have said.
    queries: Vec<Statement>,
}

/// Lives an order's life. A change may fall into the second of the one before it, as in a real shop; only refunds have a
/// second of their own.
fn live(changes: &[(Change, bool)]) -> Said {
    let Said { mut model, mut webhooks, mut queries } = Said::default();
    let mut fresh = false;
    let first = [(Change::Add { line: 1, units: 4 }, true)];
    for (change, next_second) in first.iter().chain(changes) {
        let refunds = matches!(change, Change::Refund { .. } | Change::Settle);
        model.second += i64::from(*next_second || refunds || fresh);
        fresh = refunds;
        // What a warehouse does changes nothing in the shop.
        if model.change(*change) && !matches!(change, Change::Dispatch { .. }) {
            webhooks.push(model.webhook().into());
            webhooks.extend(model.parts().into_iter().map(Statement::from));
            queries.push(model.query().into());
        }
    }
    Said { model, webhooks, queries }
}

/// Takes statements into a record as the ledger does, and returns what is held then.
fn take(statements: &[Statement]) -> Held {
    take_by(statements, |record, held| drop(settle(record, held)))
}

/// The same, with another way to settle what each calls for.
fn take_by(statements: &[Statement], settle: fn(&mut OrderRecord, &mut Held)) -> Held {
    let mut record = OrderRecord::new(shop(), OrderId::new(1));
    let mut held = Held::default();
    for statement in statements {
        match statement {
            Statement::Shop(snapshot) => record.merge(snapshot),
            Statement::Warehouse(report) => record.report(report),
        }
        settle(&mut record, &mut held);
    }
    held
}

/// Some of what was `said`, in any order and number, with `last` somewhere among it, and each of `reports` once or twice.
fn shuffle(said: &[Statement], picks: &[Index], last: OrderSnapshot, reports: Vec<OrderReport>, at: &[Index]) -> Vec<Statement> {
    let mut some: Vec<Statement> = picks.iter().map(|pick| pick.get(said).clone()).collect();
    let middle = some.len() / 2;
    some.insert(middle, last.into());
    for (number, at) in at.iter().enumerate() {
        let Some(report) = reports.get(number % reports.len().max(1)) else { break };
        some.insert(at.index(some.len() + 1), Statement::Warehouse(report.clone()));
    }
    some
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    /// Protects every order from the webhooks' order and number, and from when warehouses report: shuffled, doubled, and
    /// lost but for the last, they lead to what the shop has and what has left.
    #[test]
    fn webhooks_in_any_order_lead_to_what_the_shop_has(
        changes in prop::collection::vec((any_change(), any::<bool>()), 0..12),
        picks in prop::collection::vec(any::<Index>(), 0..30),
        at in prop::collection::vec(any::<Index>(), 12..24),
    ) {
        // Webhooks do not tell what became of returned units: a query does.
        let told: Vec<_> = changes.into_iter().filter(|(change, _)| !matches!(change, Change::Dispose { .. })).collect();
        let Said { model, webhooks, .. } = live(&told);
        prop_assert_eq!(take(&shuffle(&webhooks, &picks, model.webhook(), model.reports(), &at)), model.held(false));
    }

    /// Protects orders from the reconciler's reading between webhooks: with the last query among them, everything is
    /// where it is in the shop, and what warehouses shipped has left, whatever else was said before and after.
    #[test]
    fn webhooks_and_queries_in_any_order_lead_to_what_the_shop_has(
        changes in prop::collection::vec((any_change(), any::<bool>()), 0..12),
        picks in prop::collection::vec(any::<Index>(), 0..30),
        at in prop::collection::vec(any::<Index>(), 12..24),
    ) {
        let Said { model, webhooks, queries } = live(&changes);
        let said = [webhooks, queries].concat();
        prop_assert_eq!(take(&shuffle(&said, &picks, model.query(), model.reports(), &at)), model.held(true));
        let alone = shuffle(&said, &[], model.query(), model.reports(), &at);
        prop_assert_eq!(take(&alone), model.held(true), "the last query and the warehouses say it all");
    }

    /// Protects orders too large for one transaction, and those that a crash cuts: planned anew after each step, they end
    /// in the same.
    #[test]
    fn steps_that_are_cut_anywhere_lead_to_the_same(
        changes in prop::collection::vec((any_change(), any::<bool>()), 0..12),
        picks in prop::collection::vec(any::<Index>(), 0..10),
        at in prop::collection::vec(any::<Index>(), 12..24),
    ) {
        let Said { model, webhooks, queries } = live(&changes);
        let said = shuffle(&[webhooks, queries].concat(), &picks, model.query(), model.reports(), &at);
        prop_assert_eq!(take_by(&said, settle_step_by_step), model.held(true));
    }
}

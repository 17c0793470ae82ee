//! Whatever the shop says, in whatever order and how often, the same is held in the end.

use proptest::prelude::*;

use super::model::{Change, Held, Model, settle, shop};
use crate::catalog::OrderId;
use crate::order::{OrderRecord, OrderSnapshot, Restock};

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
        1 => Just(Change::Settle),
        1 => Just(Change::Pay),
        1 => Just(Change::Cancel),
    ]
}

/// Lives an order's life: what webhooks said of it, what queries would have said, and what came of it. A change may fall
/// into the second of the one before it, as in a real shop; only refunds have a second of their own.
fn live(changes: &[(Change, bool)]) -> (Model, Vec<OrderSnapshot>, Vec<OrderSnapshot>) {
    let mut model = Model::default();
    let (mut webhooks, mut queries) = (Vec::new(), Vec::new());
    let mut fresh = false;
    let first = [(Change::Add { line: 1, units: 4 }, true)];
    for (change, next_second) in first.iter().chain(changes) {
        let refunds = matches!(change, Change::Refund { .. } | Change::Settle);
        model.second += i64::from(*next_second || refunds || fresh);
        fresh = refunds;
        if model.change(*change) {
            webhooks.push(model.webhook());
            webhooks.extend(model.parts());
            queries.push(model.query());
        }
    }
    (model, webhooks, queries)
}

/// Takes statements into a record as the ledger does, and returns what is held then.
fn take(statements: &[OrderSnapshot]) -> Held {
    let mut record = OrderRecord::new(shop(), OrderId::new(1));
    let mut held = Held::default();
    for statement in statements {
        record.merge(statement);
        settle(&mut record, &mut held);
    }
    held
}

/// Some of `said`, in any order and number, with `last` somewhere among them.
fn shuffle(said: &[OrderSnapshot], picks: &[prop::sample::Index], last: OrderSnapshot) -> Vec<OrderSnapshot> {
    let mut some: Vec<OrderSnapshot> = picks.iter().map(|pick| pick.get(said).clone()).collect();
    let middle = some.len() / 2;
    some.insert(middle, last);
    some
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    /// Protects every order from the webhooks' order and number: shuffled, doubled, and lost but for the last, they lead to
    /// what the shop has.
    #[test]
    fn webhooks_in_any_order_lead_to_what_the_shop_has(
        changes in prop::collection::vec((any_change(), any::<bool>()), 0..12),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        // Webhooks do not tell what became of returned units: a query does.
        let told: Vec<_> = changes.into_iter().filter(|(change, _)| !matches!(change, Change::Dispose { .. })).collect();
        let (model, webhooks, _) = live(&told);
        prop_assert_eq!(take(&shuffle(&webhooks, &picks, model.webhook())), model.held(false));
    }

    /// Protects orders from the reconciler's reading between webhooks: with the last query among them, everything is
    /// where it is in the shop, whatever else was said before and after.
    #[test]
    fn webhooks_and_queries_in_any_order_lead_to_what_the_shop_has(
        changes in prop::collection::vec((any_change(), any::<bool>()), 0..12),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let (model, mut said, queries) = live(&changes);
        said.extend(queries);
        prop_assert_eq!(take(&shuffle(&said, &picks, model.query())), model.held(true));
        prop_assert_eq!(take(&[model.query()]), model.held(true), "the last query alone says it all");
    }
}

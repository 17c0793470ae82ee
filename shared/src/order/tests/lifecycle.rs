//! The cases of an order's lifecycle, one by one. This test generates the table that infra/docs/cases.md must contain.

use std::fmt::Write as _;
use std::time::Duration;

use crate::catalog::{LineId, LocationId, Network, OrderId, Place, Quantity, ShopLocationId};
use crate::movement::EventId;
use crate::order::tests::model::{Change, Held, Model, at, long_ago, network, place, settle, shop};
use crate::order::{
    HoldAction, HoldEvent, HoldPolicy, OrderFacts, OrderRecord, OrderReport, OrderSnapshot, ReportKind, Restock, StockTracking,
};

/// One input about an order.
pub enum Input {
    /// A change in the shop without any event.
    Silent(Change),
    /// A change in the shop, reported by a webhook.
    Webhook(Change),
    /// A change in the shop, reported by a query: with routing and dispositions.
    Query(Change),
    /// A query without a change in the shop.
    Read,
    /// The last snapshot again.
    Again,
    /// The snapshot before the last one.
    Stale,
    /// Changes the facts of all snapshots from now on, and sends a webhook.
    Facts(fn(&mut OrderFacts)),
    /// A report of a warehouse: kind, units, location.
    Report(ReportKind, i64, u64),
    /// Applies the hold policy.
    Expired(HoldPolicy),
    /// The order is a draft, of which a query answers that it reserves these units, or nothing.
    Draft(i64),
    /// The hold of a draft ends for this reason, decided this many minutes after its last answer.
    DraftEnds(HoldAction, u64),
    /// The shop is not live yet.
    NotLive,
    /// The shop goes live now, and the first sweep reads the order.
    GoLive,
}

/// The draft of the rows about drafts.
const DRAFT: OrderId = OrderId::Draft(1);

/// The state of one case: the model of the shop, our record, and the ledger.
struct Case {
    model: Model,
    record: OrderRecord,
    held: Held,
    snapshots: Vec<OrderSnapshot>,
    reports: u64,
    facts: fn(&mut OrderFacts),
    network: Network,
}

impl Case {
    fn new() -> Self {
        let model = Model::paid();
        let record = OrderRecord::new(shop(), OrderId::new(1));
        let (held, snapshots, network) = (Held::default(), Vec::new(), network(long_ago()));
        Self { model, record, held, snapshots, reports: 0, facts: |_| {}, network }
    }

    fn merge(&mut self, mut snapshot: OrderSnapshot) {
        if let Some(facts) = &mut snapshot.facts {
            (self.facts)(facts);
        }
        self.record.merge(&snapshot);
        self.snapshots.push(snapshot);
    }

    /// Handles an input, and returns the movements and alerts it leads to as text.
    fn handle(&mut self, input: &Input) -> String {
        self.model.second += 1;
        let now = at(self.model.second).saturating_add(Duration::from_secs(100 * 3_600)).expect("in range");
        let before = self.record.clone();
        match input {
            Input::Silent(change) => assert!(self.model.change(*change), "{change:?} is possible"),
            Input::Webhook(change) => {
                assert!(self.model.change(*change), "{change:?} is possible");
                self.merge(self.model.webhook());
            }
            Input::Query(change) => {
                assert!(self.model.change(*change), "{change:?} is possible");
                self.merge(self.model.query());
            }
            Input::Read => self.merge(self.model.query()),
            Input::Again => self.record.merge(&self.snapshots[self.snapshots.len() - 1]),
            Input::Stale => self.record.merge(&self.snapshots[self.snapshots.len() - 2]),
            Input::Facts(facts) => {
                self.facts = *facts;
                self.merge(self.model.webhook());
            }
            Input::Report(kind, units, location) => {
                self.reports += 1;
                let location: LocationId = format!("WH-{location}").parse().expect("a code");
                let (id, quantity) = (EventId::new("wms", self.reports.to_string()), Quantity::new(*units));
                let report = OrderReport {
                    id,
                    shop: shop(),
                    order: OrderId::new(1),
                    line: LineId::new(1),
                    kind: *kind,
                    location,
                    quantity,
                    at: Some(at(self.model.second)),
                };
                self.record.report(&report);
            }
            Input::Expired(policy) => {
                if let Some(due) = self.record.hold_action(*policy, long_ago(), now) {
                    let id = EventId::new("hold", "1");
                    self.record.expire(&HoldEvent { id, shop: shop(), order: OrderId::new(1), due, at: now });
                }
            }
            Input::Draft(units) => {
                self.record.order = DRAFT;
                let facts = Some(super::drafts::facts(*units, self.model.second));
                self.merge(OrderSnapshot { facts, ..OrderSnapshot::about(shop(), DRAFT) });
            }
            Input::DraftEnds(due, minutes) => {
                let answered = self.record.facts.as_ref().expect("a draft is known").version;
                let at = answered.saturating_add(Duration::from_secs(minutes * 60)).expect("in range");
                let id = EventId::new("hold", "1");
                self.record.expire(&HoldEvent { id, shop: shop(), order: DRAFT, due: *due, at });
            }
            Input::NotLive => self.network = Network::default(),
            Input::GoLive => {
                self.network = network(at(self.model.second));
                self.model.second += 1;
                self.merge(self.model.query());
            }
        }
        let steps = settle(&mut self.record, &mut self.held, &self.network);
        let mut effects: Vec<String> =
            steps.iter().map(|step| format!("{} {} @{}", step.kind.name(step.reversal), step.quantity, step.place)).collect();
        for change in self.record.newly_removed(&self.network) {
            effects.push(format!("note {} removed @{}", change.units, change.place));
            self.record.note_removed(&change);
        }
        let alerts = self.record.hold_alerts(Some(&before));
        effects.extend(alerts.difference(&before.alerted).map(|alert| format!("alert {alert:?}")));
        effects.extend(before.alerted.difference(&alerts).map(|alert| format!("clear {alert:?}")));
        self.record.alerted = alerts;
        if effects.is_empty() { "nothing".to_owned() } else { effects.join(", ") }
    }
}

/// A row of the table: the state of the order, the last input in words, and all inputs.
pub type Row = (&'static str, &'static str, Vec<Input>);

/// The rows of the table.
fn rows() -> Vec<Row> {
    use Change::{Add, Cancel, Dispose, Move, Refund, Remove, RemoveInAdmin, Settle, Ship, Void};
    use Input::{Again, Expired, Facts as WithFacts, Query, Read, Report, Silent, Stale, Webhook};
    let add = |units| Webhook(Add { line: 1, units });
    let routed = |units| Query(Add { line: 1, units });
    let ship = |units| Webhook(Ship { line: 1, units });
    let refund = |units, restock| Webhook(Refund { line: 1, units, restock, at: 2 });
    let after = |hours: u64| Some(Duration::from_secs(hours * 3_600));
    let unpaid = HoldPolicy { unpaid: after(72), ..HoldPolicy::default() };
    let alerting = HoldPolicy { unallocated: after(24), ..HoldPolicy::default() };
    let releasing = HoldPolicy { unallocated: after(24), release_unallocated: true, ..HoldPolicy::default() };
    let pending: fn(&mut OrderFacts) = |facts| facts.paid = false;
    vec![
        ("unknown", "order of 3 placed", vec![add(3)]),
        ("unknown", "order of 3 placed, read with its routing", vec![routed(3)]),
        (
            "unknown",
            "order of two lines, of 2 and of 1",
            vec![Silent(Add { line: 1, units: 2 }), Webhook(Add { line: 2, units: 1 })],
        ),
        ("unknown", "order cancelled before it was known", vec![Silent(Add { line: 1, units: 3 }), Webhook(Cancel)]),
        ("unknown", "paid order for which the shop reserved nothing", vec![WithFacts(|facts| facts.confirmed = false), add(3)]),
        (
            "unknown",
            "unpaid order for which the shop reserved nothing",
            vec![WithFacts(|facts| (facts.confirmed, facts.paid) = (false, false)), add(3)],
        ),
        ("unknown", "test order", vec![WithFacts(|facts| facts.test = true), add(3)]),
        (
            "unknown",
            "gift card",
            vec![WithFacts(|facts| facts.lines.values_mut().for_each(|line| line.stocked = StockTracking::No)), add(3)],
        ),
        (
            "unknown",
            "digital or untracked, mapped to an item of ours",
            vec![WithFacts(|facts| facts.lines.values_mut().for_each(|line| line.stocked = StockTracking::IfMapped)), add(3)],
        ),
        (
            "unknown",
            "order of 1 at the POS of a store",
            vec![WithFacts(|facts| facts.sold_at = Some(ShopLocationId::new(2))), add(1)],
        ),
        ("3 reserved", "the same webhook again", vec![add(3), Again]),
        ("3 reserved", "an older webhook", vec![add(2), add(1), Stale]),
        ("3 reserved", "routing known", vec![add(3), Read]),
        ("3 reserved", "1 added by an edit", vec![add(3), add(1)]),
        ("3 reserved", "1 removed by an edit", vec![add(3), Webhook(Remove { line: 1, units: 1 })]),
        ("3 reserved", "another line of 2 added (edit, exchange)", vec![add(3), Webhook(Add { line: 2, units: 2 })]),
        ("3 reserved", "cancelled, restocked", vec![add(3), Webhook(Cancel)]),
        ("3 reserved, unpaid", "paid", vec![WithFacts(pending), add(3), WithFacts(|facts| facts.paid = true)]),
        ("3 reserved", "1 shipped from WH-1", vec![add(3), ship(1)]),
        ("3 assigned to WH-1", "moved to WH-2", vec![routed(3), Query(Move { line: 1, to: 2 })]),
        ("3 assigned to WH-1", "put on hold by the shop, or released from it", vec![routed(3), Read]),
        ("3 assigned to WH-1", "2 shipped from WH-1", vec![routed(3), ship(2)]),
        ("3 assigned to WH-2 after a move", "3 shipped", vec![routed(3), Query(Move { line: 1, to: 2 }), ship(3)]),
        (
            "3 assigned to WH-2 after a move",
            "1 refunded before shipment, restocked",
            vec![routed(3), Query(Move { line: 1, to: 2 }), refund(1, Restock::Cancel)],
        ),
        ("3 assigned to WH-1", "1 refunded before shipment, restocked", vec![routed(3), refund(1, Restock::Cancel)]),
        ("3 assigned to WH-1", "1 refunded before shipment, not restocked", vec![routed(3), refund(1, Restock::None)]),
        ("3 assigned to WH-1", "cancelled, not restocked", vec![routed(3), refund(3, Restock::None)]),
        ("1 of 3 shipped from WH-1", "that fulfilment cancelled", vec![add(3), ship(1), Webhook(Void { which: 0 })]),
        ("1 of 3 shipped from WH-1", "the rest shipped", vec![add(3), ship(1), ship(2)]),
        ("1 of 3 shipped from WH-1", "the rest refunded, restocked", vec![add(3), ship(1), refund(2, Restock::Cancel)]),
        (
            "2 of 3 shipped from WH-1",
            "the third removed in the admin, not restocked",
            vec![routed(3), ship(2), Webhook(RemoveInAdmin { line: 1, units: 1 })],
        ),
        (
            "2 of 3 shipped from WH-1",
            "1 shipped unit refunded by the API, not restocked",
            vec![routed(3), ship(2), refund(1, Restock::None)],
        ),
        (
            "2 of 3 shipped from WH-1, 1 of them refunded, not restocked",
            "the third removed by an edit",
            vec![routed(3), ship(2), refund(1, Restock::None), Webhook(Remove { line: 1, units: 1 })],
        ),
        ("3 shipped from WH-1", "1 refunded, restocked at WH-2", vec![add(3), ship(3), refund(1, Restock::Return)]),
        ("3 shipped from WH-1", "1 refunded, not restocked", vec![add(3), ship(3), refund(1, Restock::None)]),
        (
            "3 shipped from WH-1",
            "1 returned, restocked at WH-2, not refunded",
            vec![add(3), ship(3), Query(Dispose { line: 1, units: 1, at: 2 })],
        ),
        (
            "1 returned, restocked at WH-2",
            "the refund of that return",
            vec![add(3), ship(3), Query(Dispose { line: 1, units: 1, at: 2 }), Webhook(Settle)],
        ),
        ("3 shipped from WH-1", "the warehouse WH-2 receives 1 back", vec![add(3), ship(3), Report(ReportKind::Returned, 1, 2)]),
        (
            "1 received back at WH-2",
            "the refund that restocks it at WH-2",
            vec![add(3), ship(3), Report(ReportKind::Returned, 1, 2), refund(1, Restock::Return)],
        ),
        (
            "1 refunded and restocked at WH-2",
            "the warehouse WH-1 receives it",
            vec![add(3), ship(3), refund(1, Restock::Return), Report(ReportKind::Returned, 1, 1)],
        ),
        ("3 reserved", "the warehouse WH-2 allocates 2", vec![add(3), Report(ReportKind::Allocated, 2, 2)]),
        (
            "2 of 3 allocated by WH-2",
            "it gives 2 back",
            vec![add(3), Report(ReportKind::Allocated, 2, 2), Report(ReportKind::Deallocated, 2, 2)],
        ),
        ("3 reserved, unpaid", "too long unpaid", vec![WithFacts(pending), add(3), Read, Expired(unpaid)]),
        ("3 reserved, unpaid, known from a webhook alone", "too long unpaid", vec![WithFacts(pending), add(3), Expired(unpaid)]),
        (
            "3 reserved, on payment terms or cash on delivery",
            "too long unpaid",
            vec![WithFacts(|facts| (facts.paid, facts.pays_later) = (false, true)), add(3), Read, Expired(unpaid)],
        ),
        ("3 reserved, paid", "the time of unpaid orders is up", vec![add(3), Expired(unpaid)]),
        (
            "3 reserved, unpaid, allocated",
            "too long unpaid",
            vec![WithFacts(pending), add(3), Read, Report(ReportKind::Allocated, 3, 1), Expired(unpaid)],
        ),
        (
            "given up, unpaid",
            "paid after all",
            vec![WithFacts(pending), add(3), Read, Expired(unpaid), WithFacts(|facts| facts.paid = true)],
        ),
        (
            "given up, unpaid",
            "payment terms are agreed",
            vec![
                WithFacts(pending),
                add(3),
                Read,
                Expired(unpaid),
                WithFacts(|facts| (facts.paid, facts.pays_later) = (false, true)),
            ],
        ),
        ("3 reserved, paid", "too long unallocated", vec![add(3), Expired(alerting)]),
        (
            "3 reserved, alerted",
            "the warehouse WH-1 allocates 3",
            vec![add(3), Expired(alerting), Report(ReportKind::Allocated, 3, 1)],
        ),
        ("3 reserved, paid", "too long unallocated, to be released", vec![add(3), Expired(releasing)]),
        (
            "given up, unallocated",
            "the warehouse WH-1 allocates 3",
            vec![add(3), Expired(releasing), Report(ReportKind::Allocated, 3, 1)],
        ),
    ]
    .into_iter()
    .chain(super::warehouse::rows())
    .chain(super::go_live::rows())
    .chain(super::drafts::rows())
    .collect()
}

/// Protects each case of an order's lifecycle, and the table that documents it.
#[test]
fn the_documented_table_is_generated() {
    let mut table = String::from("| the order is | event | movements |\n|---|---|---|\n");
    for (state, event, inputs) in rows() {
        let mut case = Case::new();
        let effects: Vec<String> = inputs.iter().map(|input| case.handle(input)).collect();
        let last = effects.last().expect("a row has an input");
        let _ = writeln!(table, "| {state} | {event} | {last} |");
    }
    let cases = include_str!("../../../../infra/docs/cases.md");
    assert!(cases.contains(&table), "infra/docs/cases.md must contain this table, or `plan` has a defect:\n{table}");
}

/// Protects holds from being released too early: nothing is due without a policy, before its time, or once a warehouse has
/// allocated the order.
#[test]
fn a_hold_is_due_only_by_the_policy() {
    let hours = |hours: u64| Some(Duration::from_secs(hours * 3_600));
    let both = HoldPolicy { unpaid: hours(72), unallocated: hours(24), release_unallocated: false };
    let release = HoldPolicy { release_unallocated: true, ..both };
    for (paid, age, policy, allocated, expected) in [
        (false, 72, both, false, Some(HoldAction::Unpaid)),
        (false, 71, both, false, None),
        (false, 500, HoldPolicy::default(), false, None),
        (false, 500, both, true, None),
        (true, 24, both, false, Some(HoldAction::Alert)),
        (true, 24, release, false, Some(HoldAction::Release)),
        (true, 23, release, false, None),
        (true, 500, both, true, None),
    ] {
        let mut case = Case::new();
        case.model.paid = paid;
        case.handle(&Input::Query(Change::Add { line: 1, units: 1 }));
        if allocated {
            case.handle(&Input::Report(ReportKind::Allocated, 1, 1));
        }
        let now = at(0).saturating_add(Duration::from_secs(age * 3_600)).expect("in range");
        assert_eq!(
            case.record.hold_action(policy, long_ago(), now),
            expected,
            "paid {paid}, {age} h, {policy:?}, allocated {allocated}"
        );
    }
}

/// Protects an order of which only a part is known, and one that changed since its last query: both wait to be read.
#[test]
fn an_order_is_found_while_it_must_be_read_or_forwarded() {
    let mut model = Model::paid();
    model.second = 1;
    assert!(model.change(Change::Add { line: 1, units: 2 }), "possible");
    let mut record = OrderRecord::new(shop(), OrderId::new(1));
    let mut held = Held::default();
    let unread = OrderRecord::waits_to_be_read;
    record.merge(&model.webhook());
    settle(&mut record, &mut held, &network(long_ago()));
    assert!(unread(&record), "a webhook does not contain the routing");
    record.merge(&model.query());
    assert!(unread(&record) && !record.unread, "read, and to be forwarded");
    record.unforwarded = false;
    assert!(!unread(&record), "read and forwarded");
    record.merge(&model.webhook());
    assert!(!unread(&record), "an old webhook changes nothing");
    assert!(model.change(Change::Ship { line: 1, units: 1 }), "possible");
    record.merge(&model.webhook());
    assert!(record.unread, "the webhook is from the second of the query and differs: it may be newer");
    assert_eq!(held.reserved(), [Place::Unassigned]);
    settle(&mut record, &mut held, &network(long_ago()));
    assert_eq!(held.reserved(), [place(1)], "routing is known now");
}

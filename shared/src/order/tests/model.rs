//! A small model of an order in a shop: it lives through changes, says what a shop would say, and knows what must be held.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::catalog::{
    DispositionId, FulfilmentId, LineId, Location, LocationKind, Network, OrderId, Place, Quantity, RefundId, ReturnId,
    ShopDomain, ShopLocationId, Sku,
};
use crate::ledger::{Balance, EventId};
use crate::order::{
    Disposition, Facts, Fulfilment, FulfilmentStatus, OrderRecord, OrderSnapshot, Refund, RefundLine, Restock, Routing,
    SnapshotLine, Step, Stocked,
};
use crate::source::{OrderReport, ReportKind};

/// One change of an order in the shop.
#[derive(Debug, Clone, Copy)]
pub enum Change {
    Add {
        line: u64,
        units: i64,
    },
    Remove {
        line: u64,
        units: i64,
    },
    Ship {
        line: u64,
        units: i64,
    },
    Void {
        which: usize,
    },
    Move {
        line: u64,
        to: u64,
    },
    Refund {
        line: u64,
        units: i64,
        restock: Restock,
        at: u64,
    },
    /// Returned units are put back in stock, by a return of their own.
    Dispose {
        line: u64,
        units: i64,
        at: u64,
    },
    /// The newest return is settled by a refund that says the same units again.
    Settle,
    Pay,
    Cancel,
    /// A warehouse ships units, whatever the shop says of them.
    Dispatch {
        line: u64,
        units: i64,
        at: u64,
    },
}

/// A line as the shop has it.
#[derive(Debug, Clone, Default)]
struct ModelLine {
    ordered: i64,
    /// Open units by location.
    open: BTreeMap<u64, i64>,
    /// Since when it is shipped from where.
    since: BTreeMap<i64, u64>,
    /// Shipped units that were refunded, and that were put back in stock.
    refunded: i64,
    returned: i64,
    /// Units held back, by location.
    withheld: BTreeMap<u64, i64>,
}

#[derive(Debug, Clone)]
struct ModelFulfilment {
    line: u64,
    units: i64,
    location: u64,
    stands: bool,
    made_at: i64,
    changed_at: i64,
}

#[derive(Debug, Clone)]
struct ModelRefund {
    made_at: i64,
    line: RefundLine,
    of_return: Option<u64>,
}

#[derive(Debug, Clone)]
struct ModelDisposition {
    line: u64,
    units: i64,
    location: u64,
    settled: bool,
}

/// Units that a warehouse shipped.
#[derive(Debug, Clone)]
struct ModelDispatch {
    line: u64,
    units: i64,
    location: u64,
    at: i64,
}

/// The order as the shop has it, and what warehouses did for it.
#[derive(Debug, Clone, Default)]
pub struct Model {
    pub second: i64,
    lines: BTreeMap<u64, ModelLine>,
    fulfilments: Vec<ModelFulfilment>,
    refunds: Vec<ModelRefund>,
    dispositions: Vec<ModelDisposition>,
    dispatches: Vec<ModelDispatch>,
    fulfilment_orders: usize,
    routed_at: i64,
    pub paid: bool,
    cancelled: bool,
}

/// What an order's lines have done to each place. No balance of nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Held(BTreeMap<(u64, Place), Balance>);

impl Held {
    /// The balance of a line at a place, to add to.
    fn at(&mut self, line: u64, place: Place) -> &mut Balance {
        self.0.entry((line, place)).or_default()
    }

    fn tidy(&mut self) {
        self.0.retain(|_, balance| *balance != Balance::default());
    }

    /// Where units are reserved.
    pub fn reserved(&self) -> Vec<Place> {
        self.0.iter().filter(|(_, balance)| balance.reserved.is_positive()).map(|((_, place), _)| place.clone()).collect()
    }
}

pub fn shop() -> ShopDomain {
    "a.myshopify.com".parse().expect("a shop")
}

pub fn place(location: u64) -> Place {
    Place::At(format!("WH-{location}").parse().expect("a code"))
}

pub fn network() -> Network {
    Network::new((1..=2).map(|id| Location {
        shops: [(shop(), ShopLocationId::new(id))].into(),
        ..Location::new(format!("WH-{id}").parse().expect("a code"), LocationKind::Warehouse)
    }))
}

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("in range")
}

impl Model {
    /// An order that is paid from the beginning.
    pub fn paid() -> Self {
        Self { paid: true, ..Self::default() }
    }

    /// Applies a change; whether it was possible.
    pub fn change(&mut self, change: Change) -> bool {
        if let Change::Dispatch { line, units, at } = change {
            self.dispatches.push(ModelDispatch { line, units, location: at, at: self.second });
            return true;
        }
        if self.cancelled {
            return false;
        }
        let second = self.second;
        match change {
            Change::Add { line, units } => {
                let line = self.lines.entry(line).or_default();
                line.ordered += units;
                *line.open.entry(1).or_default() += units;
                line.since.insert(second, 1);
                self.fulfilment_orders += 1;
            }
            Change::Remove { line, units } => return self.take_open(line, units).is_some(),
            Change::Ship { line, units } => {
                let Some(location) = self.take_open_at_one(line, units) else { return false };
                self.fulfilments.push(ModelFulfilment {
                    line,
                    units,
                    location,
                    stands: true,
                    made_at: second,
                    changed_at: second,
                });
            }
            Change::Void { which } => {
                let Some(fulfilment) = self.fulfilments.get_mut(which).filter(|f| f.stands) else { return false };
                let line = self.lines.get_mut(&fulfilment.line).expect("shipped");
                if line.refunded + line.returned > 0 {
                    return false;
                }
                (fulfilment.stands, fulfilment.changed_at) = (false, second);
                *line.open.entry(fulfilment.location).or_default() += fulfilment.units;
                line.since.insert(second, fulfilment.location);
                self.fulfilment_orders += 1;
            }
            Change::Move { line, to } => {
                let Some(line) = self.lines.get_mut(&line) else { return false };
                let units: i64 = line.open.values().sum();
                if units == 0 || line.open.contains_key(&to) {
                    return false;
                }
                line.open = [(to, units)].into();
                line.since.insert(second, to);
                self.fulfilment_orders += 1;
            }
            Change::Refund { line, units, restock, at } => return self.refund(line, units, restock, at),
            Change::Dispose { line, units, at } => {
                if self.shipped(line) - self.lines.get(&line).map_or(0, |line| line.returned) < units {
                    return false;
                }
                self.lines.get_mut(&line).expect("shipped").returned += units;
                self.dispositions.push(ModelDisposition { line, units, location: at, settled: false });
            }
            Change::Settle => {
                let number = self.dispositions.len();
                let Some(last) = self.dispositions.last().filter(|last| !last.settled).cloned() else { return false };
                let line = self.lines.get(&last.line).expect("returned");
                if self.shipped(last.line) - line.refunded < last.units {
                    return false;
                }
                self.lines.get_mut(&last.line).expect("returned").refunded += last.units;
                self.dispositions.last_mut().expect("found above").settled = true;
                let line = refund_line(last.line, last.units, Restock::Return, last.location);
                self.refunds.push(ModelRefund { made_at: second, line, of_return: u64::try_from(number).ok() });
            }
            Change::Dispatch { .. } => unreachable!("taken above"),
            Change::Pay => return !std::mem::replace(&mut self.paid, true),
            Change::Cancel => {
                self.cancelled = true;
                self.lines.values_mut().for_each(|line| line.open.clear());
            }
        }
        self.routed_at = second;
        true
    }

    fn refund(&mut self, line: u64, units: i64, restock: Restock, at: u64) -> bool {
        let shipped = self.shipped(line);
        let (refunded, returned) = self.lines.get(&line).map_or((0, 0), |line| (line.refunded, line.returned));
        match restock {
            Restock::Cancel => {
                if self.take_open(line, units).is_none() {
                    return false;
                }
            }
            Restock::Return | Restock::Legacy => {
                if shipped - returned < units || shipped - refunded < units {
                    return false;
                }
                let line = self.lines.get_mut(&line).expect("shipped");
                (line.refunded, line.returned) = (refunded + units, returned + units);
            }
            Restock::None => {
                let of_shipped = (shipped - refunded).min(units);
                if self.take_open(line, units - of_shipped).is_none() {
                    return false;
                }
                let line = self.lines.get_mut(&line).expect("taken from");
                line.refunded += of_shipped;
                let (_, home) = line.since.last_key_value().expect("ordered");
                *line.withheld.entry(*home).or_default() += units - of_shipped;
            }
        }
        self.refunds.push(ModelRefund { made_at: self.second, line: refund_line(line, units, restock, at), of_return: None });
        self.routed_at = self.second;
        true
    }

    fn shipped(&self, line: u64) -> i64 {
        self.fulfilments.iter().filter(|f| f.stands && f.line == line).map(|f| f.units).sum()
    }

    fn take_open(&mut self, line: u64, units: i64) -> Option<()> {
        let open = &mut self.lines.get_mut(&line)?.open;
        if open.values().sum::<i64>() < units {
            return None;
        }
        let mut left = units;
        for here in open.values_mut() {
            let taken = left.min(*here);
            *here -= taken;
            left -= taken;
        }
        open.retain(|_, here| *here > 0);
        self.routed_at = self.second;
        Some(())
    }

    fn take_open_at_one(&mut self, line: u64, units: i64) -> Option<u64> {
        let open = &mut self.lines.get_mut(&line)?.open;
        let (location, here) = open.iter_mut().find(|(_, here)| **here >= units)?;
        *here -= units;
        let location = *location;
        open.retain(|_, here| *here > 0);
        Some(location)
    }

    /// What a webhook about the whole order says now.
    pub fn webhook(&self) -> OrderSnapshot {
        let lines = self.lines.iter().map(|(line, said)| {
            let line_said = SnapshotLine {
                shop_sku: format!("S{line}"),
                ordered: Quantity::new(said.ordered),
                open: Quantity::new(said.open.values().sum()),
                stocked: Stocked::Yes,
            };
            (LineId::new(*line), line_said)
        });
        let facts = Facts {
            version: at(self.second),
            queried_at: None,
            placed_at: at(0),
            cancelled: self.cancelled,
            confirmed: true,
            paid: self.paid,
            test: false,
            sold_at: None,
            lines: lines.collect(),
        };
        OrderSnapshot { facts: Some(facts), fulfilments: self.fulfilments(), refunds: self.refunds(), ..about() }
    }

    /// What a query says now.
    pub fn query(&self) -> OrderSnapshot {
        let said = self.webhook();
        let places =
            |line: &ModelLine| line.open.iter().map(|(at, units)| (ShopLocationId::new(*at), Quantity::new(*units))).collect();
        let since = |line: &ModelLine| line.since.iter().map(|(from, place)| (at(*from), ShopLocationId::new(*place))).collect();
        let routing = Routing {
            version: at(self.routed_at),
            count: self.fulfilment_orders,
            open: self.lines.iter().map(|(line, said)| (LineId::new(*line), places(said))).collect(),
            since: self.lines.iter().map(|(line, said)| (LineId::new(*line), since(said))).collect(),
        };
        let dispositions = self.dispositions.iter().zip(1..).map(|(of, id)| {
            let disposition = Disposition {
                of_return: ReturnId::new(id),
                line: LineId::new(of.line),
                location: Some(ShopLocationId::new(of.location)),
                quantity: Quantity::new(of.units),
            };
            (DispositionId::new(id), disposition)
        });
        OrderSnapshot {
            facts: said.facts.map(|facts| Facts { queried_at: Some(at(self.second)), ..facts }),
            routing: Some(routing),
            dispositions: dispositions.collect(),
            ..said
        }
    }

    /// What a webhook about the newest fulfilment, or the newest refund, says now.
    pub fn parts(&self) -> Vec<OrderSnapshot> {
        let fulfilment = self.fulfilments().pop_last().map(|one| OrderSnapshot { fulfilments: [one].into(), ..about() });
        let refund = self.refunds().pop_last().map(|one| OrderSnapshot { refunds: [one].into(), ..about() });
        fulfilment.into_iter().chain(refund).collect()
    }

    fn fulfilments(&self) -> BTreeMap<FulfilmentId, Fulfilment> {
        let each = self.fulfilments.iter().zip(1..).map(|(of, id)| {
            let fulfilment = Fulfilment {
                status: if of.stands { FulfilmentStatus::Shipped } else { FulfilmentStatus::Void },
                made_at: at(of.made_at),
                version: at(of.changed_at),
                location: Some(ShopLocationId::new(of.location)),
                lines: [(LineId::new(of.line), Quantity::new(of.units))].into(),
            };
            (FulfilmentId::new(id), fulfilment)
        });
        each.collect()
    }

    fn refunds(&self) -> BTreeMap<RefundId, Refund> {
        let each = self.refunds.iter().zip(1..).map(|(of, id)| {
            let refund =
                Refund { made_at: at(of.made_at), of_return: of.of_return.map(ReturnId::new), lines: vec![of.line.clone()] };
            (RefundId::new(id), refund)
        });
        each.collect()
    }

    /// What warehouses have reported, one report for each time they shipped.
    pub fn reports(&self) -> Vec<OrderReport> {
        let each = self.dispatches.iter().enumerate().map(|(number, of)| OrderReport {
            id: EventId::new("wms", format!("shipped {number}")),
            shop: shop(),
            order: OrderId::new(1),
            line: LineId::new(of.line),
            kind: ReportKind::Shipped,
            location: format!("WH-{}", of.location).parse().expect("a code"),
            quantity: Quantity::new(of.units),
            at: Some(at(of.at)),
        });
        each.collect()
    }

    /// What must be held once everything is known; without routing, where nothing tells where open units ship from.
    pub fn held(&self, routed: bool) -> Held {
        let mut held = Held::default();
        for (line, said) in &self.lines {
            self.hold_line(*line, said, routed, &mut held);
        }
        let unlinked = self.refunds.iter().filter(|refund| refund.of_return.is_none() && refund.line.restock == Restock::Return);
        let refunded = unlinked.map(|refund| {
            let location = refund.line.location.expect("a restock has a location").number();
            (refund.line.line.number(), location, refund.line.quantity.units())
        });
        for (line, location, units) in refunded.chain(self.dispositions.iter().map(|of| (of.line, of.location, of.units))) {
            let here = held.at(line, place(location));
            here.on_hand += Quantity::new(units);
            here.moved_by_shop += Quantity::new(units);
        }
        held.tidy();
        held
    }

    /// What one line holds, unit by unit: what the shop took off its number, what is open, and who says which of them left.
    fn hold_line(&self, line: u64, said: &ModelLine, routed: bool, held: &mut Held) {
        const ONE: Quantity = Quantity::new(1);
        let somewhere = |location: u64| if routed { place(location) } else { Place::Unassigned };
        let units = |at: &BTreeMap<u64, i64>| -> Vec<Place> { at.iter().flat_map(|(at, n)| each(somewhere(*at), *n)).collect() };
        let fulfilled = self.fulfilments.iter().filter(|f| f.stands && f.line == line);
        let mut booked: Vec<Place> = fulfilled.flat_map(|f| each(place(f.location), f.units)).collect();
        let dispatched = self.dispatches.iter().filter(|of| of.line == line);
        let mut seen: Vec<Place> = dispatched.flat_map(|of| each(place(of.location), of.units)).collect();
        let (mut open, mut withheld) = (units(&said.open), units(&said.withheld));
        seen.sort();
        booked.sort();

        for place in &booked {
            held.at(line, place.clone()).moved_by_shop -= ONE;
        }
        for place in &withheld {
            held.at(line, place.clone()).moved_by_shop -= ONE;
        }
        // Whatever a warehouse saw leave has left from there, and so has what the shop booked and no warehouse saw.
        for place in &seen {
            held.at(line, place.clone()).on_hand -= ONE;
        }
        strike(&mut seen, &mut booked);
        for place in booked {
            held.at(line, place).on_hand -= ONE;
        }
        // What the shop knows nothing of: open units have left ahead of it, then those it thinks were kept.
        let mut late = seen.split_off(seen.len().min(open.len()));
        for place in &seen {
            held.at(line, place.clone()).ahead += ONE;
        }
        for place in seen {
            let here = open.iter().position(|open| *open == place);
            open.remove(here.unwrap_or(open.len() - 1));
        }
        strike(&mut late, &mut withheld);
        for place in open {
            held.at(line, place).reserved += ONE;
        }
        for place in withheld {
            held.at(line, place).held += ONE;
        }
    }
}

/// So many units at a place.
fn each(place: Place, units: i64) -> impl Iterator<Item = Place> {
    (0..units).map(move |_| place.clone())
}

/// Strikes units that are in both out of both: of the same place first, then from the first place on.
fn strike(one: &mut Vec<Place>, other: &mut Vec<Place>) {
    let mut rest = Vec::new();
    for place in one.drain(..) {
        match other.iter().position(|there| *there == place) {
            Some(same) => drop(other.remove(same)),
            None => rest.push(place),
        }
    }
    let both = rest.len().min(other.len());
    other.drain(..both);
    one.extend(rest.split_off(both));
}

fn about() -> OrderSnapshot {
    OrderSnapshot::about(shop(), OrderId::new(1))
}

fn refund_line(line: u64, units: i64, restock: Restock, at: u64) -> RefundLine {
    let back = matches!(restock, Restock::Cancel | Restock::Return);
    RefundLine {
        line: LineId::new(line),
        quantity: Quantity::new(units),
        restock,
        location: back.then(|| ShopLocationId::new(at)),
    }
}

/// Plans what the record calls for and takes it as the ledger would.
pub fn settle(record: &mut OrderRecord, held: &mut Held) -> Vec<Step> {
    let steps = plan(record);
    steps.iter().for_each(|step| make(record, held, step));
    held.tidy();
    assert_eq!(plan(record), [], "what was done is not done again");
    steps
}

/// The same, but planned anew after each step, as after a crash.
pub fn settle_step_by_step(record: &mut OrderRecord, held: &mut Held) {
    for _ in 0..1_000 {
        let Some(step) = plan(record).into_iter().next() else {
            held.tidy();
            return;
        };
        make(record, held, &step);
    }
    panic!("planning anew never ends: {record:?}");
}

fn plan(record: &mut OrderRecord) -> Vec<Step> {
    let lines: Vec<_> = record.stocked_lines().map(|(line, shop_sku, _)| (line, shop_sku.to_owned())).collect();
    for (line, shop_sku) in lines {
        record.map_line(line, &Sku::try_from(shop_sku).expect("a SKU"));
    }
    record.next_steps(&network())
}

fn make(record: &mut OrderRecord, held: &mut Held, step: &Step) {
    let balance = held.at(step.line.number(), step.place.clone());
    *balance = *balance + step.kind.change(step.quantity);
    assert!(step.quantity.is_positive(), "{step:?} moves nothing");
    assert!(!balance.reserved.is_negative(), "{step:?} takes more than is reserved there");
    assert!(!balance.ahead.is_negative(), "{step:?} takes more than left ahead from there");
    record.apply(step);
}

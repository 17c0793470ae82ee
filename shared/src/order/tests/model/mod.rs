//! A small model of an order in a shop: it applies changes, returns the snapshots that a shop would send, and knows the expected
//! ledger.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::catalog::{LineId, Location, LocationKind, Network, Place, Quantity, ShopDomain, ShopLocationId, ShopSettings};
use crate::order::{RefundLine, Restock};

mod held;
mod says;

pub use held::{Held, settle, settle_step_by_step};

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
    /// Units that have not shipped are removed and refunded without a restock, as the admin does it.
    RemoveInAdmin {
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
    /// Returned units are put back in stock, with a return of their own.
    Dispose {
        line: u64,
        units: i64,
        at: u64,
    },
    /// A refund that repeats the units of the newest return settles it.
    Settle,
    Pay,
    Cancel,
    /// A warehouse ships units, whatever their state in the shop.
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
    /// The location from which it ships, by the second since when.
    since: BTreeMap<i64, u64>,
    /// Shipped units that were refunded, and that were put back in stock.
    refunded: i64,
    returned: i64,
    /// Withheld units, by location.
    withheld: BTreeMap<u64, i64>,
    /// Units that edits removed.
    removed: i64,
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
    made_at: i64,
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

pub fn shop() -> ShopDomain {
    "a.myshopify.com".parse().expect("a shop")
}

pub fn place(location: u64) -> Place {
    Place::At(format!("WH-{location}").parse().expect("a code"))
}

/// The network of a shop that went live at `go_live_at`.
pub fn network(go_live_at: Timestamp) -> Network {
    let locations = (1..=2).map(|id| Location {
        shops: [(shop(), ShopLocationId::new(id))].into(),
        ..Location::new(format!("WH-{id}").parse().expect("a code"), LocationKind::Warehouse)
    });
    Network::new(locations).with_shops([ShopSettings::live_from(shop(), go_live_at)])
}

/// A time before everything that the model does.
pub fn long_ago() -> Timestamp {
    at(-1)
}

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("in range")
}

impl Model {
    /// An order that is paid from the start.
    pub fn paid() -> Self {
        Self { paid: true, ..Self::default() }
    }

    /// Applies a change, and returns whether it was possible.
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
            Change::Remove { line, units } => {
                if self.take_open(line, units).is_none() {
                    return false;
                }
                self.lines.get_mut(&line).expect("taken from").removed += units;
                return true;
            }
            Change::RemoveInAdmin { line, units } => return self.remove_in_admin(line, units),
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
                self.dispositions.push(ModelDisposition { line, units, location: at, made_at: second, settled: false });
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
            Change::Dispatch { .. } => unreachable!("handled at the top of this function"),
            Change::Pay => return !std::mem::replace(&mut self.paid, true),
            Change::Cancel => {
                self.cancelled = true;
                for (id, line) in &mut self.lines {
                    let open = std::mem::take(&mut line.open).into_iter().filter(|(_, units)| *units > 0);
                    self.refunds.extend(open.map(|(at, units)| {
                        let line = refund_line(*id, units, Restock::Cancel, at);
                        ModelRefund { made_at: second, line, of_return: None }
                    }));
                }
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

    fn remove_in_admin(&mut self, line: u64, units: i64) -> bool {
        if self.take_open(line, units).is_none() {
            return false;
        }
        let of_line = self.lines.get_mut(&line).expect("taken from");
        let (_, home) = of_line.since.last_key_value().expect("ordered");
        *of_line.withheld.entry(*home).or_default() += units;
        let line = refund_line(line, units, Restock::None, 0);
        self.refunds.push(ModelRefund { made_at: self.second, line, of_return: None });
        true
    }

    /// The units of each line that edits removed.
    pub fn removed(&self) -> BTreeMap<u64, i64> {
        self.lines.iter().map(|(id, line)| (*id, line.removed)).filter(|(_, units)| *units != 0).collect()
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

//! What was read to explain a number, as it was at one moment.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::catalog::{
    Item, LocationId, Network, OrderId, Place, Quantity, ShopDomain, Sku, Tier, WorkCentre, WorkCentreId, day_of,
};
use crate::ledger::Position;
use crate::movement::Movement;
use crate::promise::inputs::PlanningInputs;
use crate::promise::{PlanningRows, Promise};
use crate::source::ScheduledReceipts;
use crate::storefront::{Level, PushCall};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainQuestion {
    /// The item.
    pub sku: Sku,
    /// Only at this location; at all of them without it.
    pub location: Option<LocationId>,
    /// Only what this shop is told; all of them without it.
    pub shop: Option<ShopDomain>,
    /// As it was at this time; as it is now without it.
    pub at: Option<Timestamp>,
    /// When so many more units can be promised, if that is asked.
    pub promise: Option<Quantity>,
    /// How many of the last movements of each position are shown.
    pub movements: usize,
}

/// What was read. Of a moment in the past, what it was computed to have been.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ExplainFacts {
    pub sku: Sku,
    pub item: Item,
    /// The moment.
    pub at: Timestamp,
    /// Whether it is past.
    pub then: bool,
    /// The day that was planned for then.
    pub today: Date,
    pub network: Network,
    pub tier: Option<Tier>,
    /// Everything that hangs together with the item.
    pub rows: BTreeMap<Sku, PlanningRows>,
    /// Set where that is more than can be planned.
    pub too_many: Option<Sku>,
    /// What was announced of the items below it.
    pub supplies: BTreeMap<Sku, ScheduledReceipts>,
    pub centres: BTreeMap<WorkCentreId, WorkCentre>,
    /// The positions of the item.
    pub histories: BTreeMap<Place, History>,
    pub told: Vec<SentLevel>,
    /// Orders with open units of the item, where any of them may be late.
    pub orders: Vec<OpenOrder>,
    /// What is wrong with what was read.
    pub wrong: Vec<String>,
}

/// A position, with the last movements that led there, the newest at the end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct History {
    pub position: Position,
    pub recent: Vec<Movement>,
}

/// What a shop knows of the item at one location.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SentLevel {
    pub level: Level,
    pub by: By,
}

/// The call that told a shop what it knows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum By {
    /// This one.
    Call(Box<PushCall>),
    /// It was never told.
    Nobody,
    /// One from before calls were kept, or that was lost.
    NotKept,
    /// None of the calls that are looked back through.
    Older,
}

/// Units that an order still waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenOrder {
    pub shop: ShopDomain,
    pub order: OrderId,
    /// The day it was placed; `None` where nobody kept it.
    pub placed: Option<Date>,
    pub units: Quantity,
}

/// The day that is planned for at a moment, when the newest plan is of `planned`. In the first hour of a day the plans of the day
/// before may stand: the schedule makes them anew one after the other. Later, one that still does is wrong.
pub(crate) fn planned_for(at: Timestamp, planned: Option<Timestamp>) -> Date {
    let an_hour_ago = day_of(at - Duration::from_secs(3_600));
    planned.map(day_of).filter(|day| *day == an_hour_ago).unwrap_or_else(|| day_of(at))
}

impl ExplainFacts {
    /// An item and what hangs together with it at a moment, with nothing else read yet.
    pub fn begun(item: Item, at: Timestamp, network: Network, rows: BTreeMap<Sku, PlanningRows>) -> Self {
        let (supplies, centres, histories, told, orders, wrong) = Default::default();
        let (sku, today, then, tier, too_many) = (item.sku.clone(), planned_for(at, None), false, None, None);
        Self { sku, item, at, then, today, network, tier, rows, too_many, supplies, centres, histories, told, orders, wrong }
    }

    /// The promise of the item, where there is one.
    pub fn promise(&self) -> Option<&Promise> {
        self.rows.get(&self.sku)?.promise.as_ref()
    }

    pub fn terms(&self) -> PlanningInputs<'_> {
        PlanningInputs { rows: &self.rows, centres: &self.centres, network: &self.network, today: self.today }
    }

    /// What one unit of an item is.
    pub fn unit(&self, sku: &Sku) -> &str {
        let item = self.rows.get(sku).and_then(|rows| rows.item.as_ref());
        item.and_then(|item| item.unit.as_ref()).map_or(Item::PIECE, |unit| unit.as_str())
    }
}

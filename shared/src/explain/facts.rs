//! The rows that were read to explain a number, as of one time.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::catalog::{
    Item, LocationId, Network, OrderId, Place, Quantity, Resource, ShopDomain, Sku, Tier, TimeZone, WorkCentre, WorkCentreId,
};
use crate::ledger::Position;
use crate::movement::Movement;
use crate::promise::inputs::PlanningInputs;
use crate::promise::{PlanningRows, Promise};
use crate::source::ScheduledReceipts;
use crate::storefront::{Level, PushCall};

/// The question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainQuestion {
    /// The item.
    pub sku: Sku,
    /// Only this location; `None` for all.
    pub location: Option<LocationId>,
    /// Only the levels of this shop; `None` for all.
    pub shop: Option<ShopDomain>,
    /// The time in the past that the answer describes; `None` for now.
    pub at: Option<Timestamp>,
    /// The number of further units to find a promise date for.
    pub promise: Option<Quantity>,
    /// The number of last movements to show of each position.
    pub movements: usize,
}

/// The rows that were read. For a time in the past, the state that was computed for that time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ExplainFacts {
    pub sku: Sku,
    pub item: Item,
    /// The time that the answer describes.
    pub at: Timestamp,
    /// Whether that time is in the past.
    pub past: bool,
    /// The first day of the plan at that time.
    pub today: Date,
    pub network: Network,
    pub tier: Option<Tier>,
    /// The rows of the item's planning group.
    pub rows: BTreeMap<Sku, PlanningRows>,
    /// Set when the planning group is too large to be read: the component or work centre that goes into the most items.
    pub too_many: Option<Resource>,
    /// The scheduled receipts of the items below it.
    pub receipts: BTreeMap<Sku, ScheduledReceipts>,
    pub centres: BTreeMap<WorkCentreId, WorkCentre>,
    /// The positions of the item.
    pub histories: BTreeMap<Place, History>,
    pub sent_levels: Vec<SentLevel>,
    /// Orders with open units of the item; read only when units may be late.
    pub orders: Vec<OpenOrder>,
    /// Inconsistencies in the rows that were read.
    pub inconsistencies: Vec<String>,
}

/// A position with its last movements, the newest at the end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct History {
    pub position: Position,
    pub recent: Vec<Movement>,
}

/// The level of the item at one location in one shop.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SentLevel {
    pub level: Level,
    pub sent_by: SentBy,
}

/// The call that sent the acknowledged value of a level.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SentBy {
    /// This call.
    Call(Box<PushCall>),
    /// No call has sent the level.
    NoCall,
    /// The call is not stored: it is older than the storing of calls, or its row is lost.
    NotStored,
    /// None of the calls in the range that is searched sent the level.
    NotFound,
}

/// Units that an order still waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenOrder {
    pub shop: ShopDomain,
    pub order: OrderId,
    /// The day it was placed; `None` when the order record has no such day.
    pub placed: Option<Date>,
    pub units: Quantity,
}

/// The day that plans begin with at a time, when the newest plan begins with `planned`. In the first hour of a day, plans of
/// the day before may still be stored, because the schedule recomputes them one after the other. A plan of the day before that is
/// still stored later is an inconsistency.
pub(crate) fn planned_for(at: Timestamp, planned: Option<Date>, zone: &TimeZone) -> Date {
    let an_hour_ago = zone.day_of(at - Duration::from_secs(3_600));
    planned.filter(|day| *day == an_hour_ago).unwrap_or_else(|| zone.day_of(at))
}

impl ExplainFacts {
    /// The facts of an item and its planning group at a time, with no other rows read yet.
    pub fn new(item: Item, at: Timestamp, network: Network, rows: BTreeMap<Sku, PlanningRows>) -> Self {
        let (receipts, centres, histories, sent_levels, orders, inconsistencies) = Default::default();
        let today = planned_for(at, None, &network.time_zone());
        let (sku, past, tier, too_many) = (item.sku.clone(), false, None, None);
        Self {
            sku,
            item,
            at,
            past,
            today,
            network,
            tier,
            rows,
            too_many,
            receipts,
            centres,
            histories,
            sent_levels,
            orders,
            inconsistencies,
        }
    }

    /// The promise of the item, where there is one.
    pub fn promise(&self) -> Option<&Promise> {
        self.rows.get(&self.sku)?.promise.as_ref()
    }

    pub fn planning_inputs(&self) -> PlanningInputs<'_> {
        PlanningInputs { rows: &self.rows, centres: &self.centres, network: &self.network, today: self.today }
    }

    /// The name of an item's unit.
    pub fn unit(&self, sku: &Sku) -> &str {
        let item = self.rows.get(sku).and_then(|rows| rows.item.as_ref());
        item.and_then(|item| item.unit.as_ref()).map_or(Item::PIECE, |unit| unit.as_str())
    }
}

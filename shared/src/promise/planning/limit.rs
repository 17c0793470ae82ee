//! The result for one finished good: the units offered, the units that are late, and what stops the next unit.

use crate::catalog::{Quantity, Sku};
use crate::promise::planning::bound::UnitBound;
use crate::promise::planning::explosion::{Engine, ShortageCause};
use crate::promise::planning::index::NodeIndex;
use crate::promise::planning::max_units::Constraint;
use crate::promise::planning::{Day, MAX_OFFERED};

/// What can still be produced of one finished good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Producible {
    /// Units that can be offered on top of all promises, by the day of the offer; at most [`MAX_OFFERED`].
    /// Zero while a promise of the item is late.
    pub offered: Quantity,
    /// Promised units that cannot be available by the promised day, in the order of days.
    pub late: Vec<Late>,
    /// What stops the next unit, or the first late unit; `None` when nothing does.
    pub limit: Option<Limit>,
}

/// Promised units that cannot be available in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Late {
    /// How many.
    pub units: Quantity,
    /// The day they were promised for.
    pub promised: Day,
    /// The first day on which all of them can be available; `None` when that is not within [`HORIZON`](super::HORIZON).
    pub possible: Option<Day>,
}

/// What stops the next unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The cause.
    pub why: LimitCause,
    /// The item that is short.
    pub item: Sku,
    /// The path from the finished good down to that item, both included.
    pub path: Vec<Sku>,
    /// The day by which more would be required.
    pub day: Day,
}

/// Why an item stops the next unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitCause {
    /// The item is not produced here, and not enough of it is available or arrives in time.
    Component,
    /// The work centre that produces the item has no free capacity in time.
    Centre(String),
    /// Production would have to start before today.
    LeadTime,
}

impl UnitBound {
    /// What stops the next unit above the bound.
    pub(super) fn limit(&self, engine: &Engine<'_>) -> Option<Limit> {
        (self.units < MAX_OFFERED).then(|| Limit::of(engine, self.cause, &self.path, self.needed))
    }
}

impl Limit {
    pub(super) fn of_constraint(engine: &Engine<'_>, stop: &Constraint) -> Self {
        Self::of(engine, stop.short.cause, &stop.path, stop.short.needed)
    }

    fn of(engine: &Engine<'_>, cause: ShortageCause, path: &[NodeIndex], day: Day) -> Self {
        let last = *path.last().expect("a path begins with its finished good");
        let why = match cause {
            ShortageCause::Stock => LimitCause::Component,
            ShortageCause::Lead => LimitCause::LeadTime,
            ShortageCause::Centre => {
                let centre = engine.graph.nodes[last].centre.expect("only an item with a work centre can lack capacity");
                LimitCause::Centre(engine.graph.group.centres[centre].code.clone())
            }
        };
        let path: Vec<Sku> = path.iter().map(|&at| engine.graph.sku(at).clone()).collect();
        Self { why, item: engine.graph.sku(last).clone(), path, day }
    }
}

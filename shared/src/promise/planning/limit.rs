//! What is answered for a good: how many, what is late, and what stops the next unit.

use crate::catalog::{Quantity, Sku};
use crate::promise::planning::bound::Most;
use crate::promise::planning::explode::{Cause, Engine};
use crate::promise::planning::most::Stop;
use crate::promise::planning::{Day, MOST_OFFERED};

/// What can still be made of one good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Producible {
    /// Units that can be had on top of everything promised, by the day of its offer; at most
    /// [`MOST_OFFERED`](super::MOST_OFFERED). None while a promise of it is late.
    pub shown: Quantity,
    /// What was promised of it and cannot be had by then, in the order of days.
    pub late: Vec<Late>,
    /// What stops the next unit, or the first that is late; `None` when nothing does.
    pub limit: Option<Limit>,
}

/// Promised units that cannot be had in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Late {
    /// How many.
    pub units: Quantity,
    /// For which day they were promised.
    pub promised: Day,
    /// The first day on which they can all be had; `None` when not within [`HORIZON`](super::HORIZON).
    pub possible: Option<Day>,
}

/// What stops the next unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// In which way.
    pub why: Why,
    /// The item there is not enough of.
    pub item: Sku,
    /// From the good down to that item, both included.
    pub path: Vec<Sku>,
    /// The day by which it would be needed.
    pub day: Day,
}

/// In which way an item stops the next unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It is not made here, and not enough of it is there or comes in time.
    Component,
    /// The centre that makes it has nothing free in time.
    Centre(String),
    /// It would have to be started before today.
    LeadTime,
}

impl Most {
    /// What stops the next unit above it.
    pub(super) fn limit(&self, engine: &Engine<'_>) -> Option<Limit> {
        (self.units < MOST_OFFERED).then(|| Limit::of(engine, self.cause, &self.path, self.needed))
    }
}

impl Limit {
    pub(super) fn of_stop(engine: &Engine<'_>, stop: &Stop) -> Self {
        Self::of(engine, stop.short.cause, &stop.path, stop.short.needed)
    }

    fn of(engine: &Engine<'_>, cause: Cause, path: &[usize], day: Day) -> Self {
        let last = *path.last().expect("a path begins with its good");
        let why = match cause {
            Cause::Stock => Why::Component,
            Cause::Lead => Why::LeadTime,
            Cause::Centre => {
                let centre = engine.net.nodes[last].centre.expect("only an item with a centre waits for one");
                Why::Centre(engine.net.pool.centres[centre].code.clone())
            }
        };
        let path: Vec<Sku> = path.iter().map(|&at| engine.net.sku(at).clone()).collect();
        Self { why, item: engine.net.sku(last).clone(), path, day }
    }
}

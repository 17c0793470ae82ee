//! Where everything goes: of each item of a solved pool, who takes how many, and what is begun of it on which day.

use std::collections::BTreeMap;

use crate::catalog::Quantity;
use crate::promise::planning::curve::end;
use crate::promise::planning::explode::Engine;
use crate::promise::planning::net::Net;
use crate::promise::planning::solve::{GroupSolution, solve_each};
use crate::promise::planning::{Day, FAR, GroupItem, PlanningError, PlanningGroup};

/// What becomes of a pool when all that is promised and offered is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flows {
    /// What is offered and late.
    pub solution: GroupSolution,
    /// What becomes of each item, by its index.
    pub of: Vec<Flow>,
    /// Every index once, what is made before what it is made of.
    pub order: Vec<usize>,
}

/// What becomes of one item.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Flow {
    /// Units that go into other items, by the index of the item they go into.
    pub taken: BTreeMap<usize, Quantity>,
    /// Units that are begun, by day.
    pub starts: Vec<(Day, Quantity)>,
    /// Good units that come of these.
    pub made: Quantity,
    /// Units that nobody takes: what is there, comes and is made, less all that is taken. Below zero, what is missing.
    pub left: Quantity,
}

/// Solves a pool, and says where everything goes.
///
/// # Errors
/// As [`solve`](super::solve).
pub fn flows(pool: &PlanningGroup) -> Result<Flows, PlanningError> {
    let left = |item: &GroupItem| {
        let comes = item.supplies.iter().filter(|(day, _)| *day < FAR).map(|(_, units)| *units).sum::<Quantity>();
        item.stock + comes - item.claims.iter().map(|(_, units)| *units).sum()
    };
    let mut of: Vec<Flow> = pool.items.iter().map(|item| Flow { left: left(item), ..Flow::default() }).collect();
    let solution = solve_each(pool, |engine| add(engine, &mut of))?;
    let every: Vec<usize> = (0..pool.items.len()).collect();
    let mut net = Net::empty(pool);
    net.load(&every)?;
    Ok(Flows { solution, of, order: net.index })
}

/// Adds what is committed of a part.
fn add(engine: &Engine<'_>, of: &mut [Flow]) {
    let mut drawn = Vec::new();
    for (at, &index) in engine.net.index.iter().enumerate() {
        let node = engine.net.nodes[at];
        let begun = engine.starts.of(at);
        let made = node.yields.of_down(end(begun));
        let mut before = 0;
        for step in begun {
            of[index].starts.push((step.day, Quantity::new(step.units - before)));
            before = step.units;
        }
        of[index].made = Quantity::new(made);
        of[index].left = Quantity::new(end(engine.left.of(at)).saturating_add(made));
        for slot in node.first..node.end {
            let span = engine.net.slots[slot];
            for option in span.first..span.end {
                let edge = engine.net.uses[option];
                if span.is_plain() {
                    drawn.clear();
                    drawn.extend_from_slice(begun);
                } else {
                    engine.drawn_by(slot, option, begun, &BTreeMap::new(), &mut drawn);
                }
                let units = Quantity::new(edge.per.of_up(end(&drawn)));
                if !units.is_zero() {
                    *of[engine.net.index[edge.item]].taken.entry(index).or_default() += units;
                }
            }
        }
    }
}

//! The flow of units through a planned group: which parents take how many units of each item, and how many are started on which
//! day.

use std::collections::BTreeMap;

use crate::catalog::Quantity;
use crate::promise::planning::curve::end;
use crate::promise::planning::explosion::Engine;
use crate::promise::planning::item_graph::ItemGraph;
use crate::promise::planning::plan_group::{GroupSolution, plan_each};
use crate::promise::planning::{Day, FAR, GroupItem, PlanningError, PlanningGroup};

/// The flow of units when everything that is promised and offered is produced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flows {
    /// The units that are offered and late.
    pub solution: GroupSolution,
    /// The flow of each item, by its index.
    pub of: Vec<Flow>,
    /// Every index once, parents before components.
    pub order: Vec<usize>,
}

/// The flow of one item.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Flow {
    /// Units that go into other items, by the index of the parent item.
    pub taken: BTreeMap<usize, Quantity>,
    /// Units that are started, by day.
    pub starts: Vec<(Day, Quantity)>,
    /// Good units that these starts produce.
    pub produced: Quantity,
    /// Units that remain: stock, receipts and production, less all units that are taken. A negative number is a shortage.
    pub left: Quantity,
}

/// Plans a group and returns the flow of units.
///
/// # Errors
/// As [`solve`](super::solve).
pub fn flows(group: &PlanningGroup) -> Result<Flows, PlanningError> {
    let left = |item: &GroupItem| {
        let comes = item.receipts.iter().filter(|(day, _)| *day < FAR).map(|(_, units)| *units).sum::<Quantity>();
        item.stock + comes - item.requirements.iter().map(|(_, units)| *units).sum()
    };
    let mut of: Vec<Flow> = group.items.iter().map(|item| Flow { left: left(item), ..Flow::default() }).collect();
    let solution = plan_each(group, |engine| add(engine, &mut of))?;
    let every: Vec<usize> = (0..group.items.len()).collect();
    let mut graph = ItemGraph::empty(group);
    graph.load(&every)?;
    Ok(Flows { solution, of, order: graph.index.iter().copied().collect() })
}

/// Adds the committed plan of one part of the group.
fn add(engine: &Engine<'_>, of: &mut [Flow]) {
    let mut drawn = Vec::new();
    for (at, &index) in engine.graph.index.enumerate() {
        let node = engine.graph.nodes[at];
        let started = engine.starts.of(at);
        let made = node.yields.of_down(end(started));
        let mut before = 0;
        for step in started {
            of[index].starts.push((step.day, Quantity::new(step.units - before)));
            before = step.units;
        }
        of[index].produced = Quantity::new(made);
        of[index].left = Quantity::new(end(engine.left.of(at)).saturating_add(made));
        for slot in node.first..node.end {
            let span = engine.graph.slots[slot];
            for option in span.first..span.end {
                let edge = engine.graph.uses[option];
                if span.is_plain() {
                    drawn.clear();
                    drawn.extend_from_slice(started);
                } else {
                    engine.drawn_by(slot, option, started, &BTreeMap::new(), &mut drawn);
                }
                let units = Quantity::new(edge.per.of_up(end(&drawn)));
                if !units.is_zero() {
                    *of[engine.graph.index[edge.item]].taken.entry(index).or_default() += units;
                }
            }
        }
    }
}

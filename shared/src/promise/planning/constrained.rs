//! Constrained resources: the items and work centres that run short when every finished good gets the most it could have alone.
//!
//! Every other resource has enough for all finished goods together, so the order of service does not matter for it.

use crate::promise::planning::allocation::FinishedGood;
use crate::promise::planning::explosion::{Demand, Engine};

pub(super) struct ConstrainedResources {
    /// One flag per item, followed by one per work centre.
    points: Vec<bool>,
    /// Whether an item is constrained, or has a constrained item below it.
    touches: Vec<bool>,
}

impl ConstrainedResources {
    /// Treats every resource as constrained. Needed where shortages decide between alternates.
    pub(super) fn everything(engine: &Engine<'_>) -> Self {
        let count = engine.graph.nodes.len();
        Self { points: vec![true; count + engine.graph.group.centres.len()], touches: vec![true; count] }
    }

    /// Explodes all demands together over `list`. Returns `None` when they fit; the caller may then commit the explosion. Every
    /// item below an `unsure` finished good counts as constrained, because that finished good may take more than its bound.
    pub(super) fn of(engine: &mut Engine<'_>, list: &[usize], demands: &[Demand], unsure: &[usize]) -> Option<Self> {
        if engine.choices {
            return Some(Self::everything(engine));
        }
        engine.begin();
        engine.explode(list, demands, false);
        if engine.shortages.is_empty() && unsure.is_empty() {
            return None;
        }
        let graph = &engine.graph;
        let count = graph.nodes.len();
        let mut points = vec![false; count + graph.group.centres.len()];
        for short in &engine.shortages {
            points[short.at] = true;
            if let Some(centre) = graph.nodes[short.at].centre {
                points[count + centre] = true;
            }
        }
        // A work centre without free capacity starts too late here and takes its components too late. In the final plan it may
        // require them earlier.
        let mut unknown = vec![false; count];
        for &at in list {
            unknown[at] = graph.nodes[at].centre.is_some_and(|centre| points[count + centre]);
        }
        unsure.iter().for_each(|&good| unknown[good] = true);
        for &at in list {
            if unknown[at] {
                points[at] = true;
                if let Some(centre) = graph.nodes[at].centre {
                    points[count + centre] = true;
                }
                graph.edges(at).iter().for_each(|edge| unknown[edge.item] = true);
            }
        }
        let mut touches = points[..count].to_vec();
        for &at in list.iter().rev() {
            touches[at] |= graph.edges(at).iter().any(|edge| touches[edge.item]);
        }
        Some(Self { points, touches })
    }

    pub(super) fn is_constrained(&self, point: usize) -> bool {
        self.points[point]
    }

    /// Whether a finished good depends on a constrained resource.
    pub(super) fn concerns(&self, good: &FinishedGood<'_>) -> bool {
        self.touches[good.at]
    }
}

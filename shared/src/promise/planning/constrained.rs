//! Constrained resources: the items and work centres that run short when every finished good gets the most it could have alone.
//!
//! Every other resource has enough for all finished goods together, so the order of service does not matter for it.

use crate::promise::planning::allocation::FinishedGood;
use crate::promise::planning::explosion::{Demand, Engine};
use crate::promise::planning::index::{IndexVec, NodeIndex, PointIndex, TypedIndex};
use crate::promise::planning::item_graph::ItemGraph;

/// The resources that limit what the finished goods can have together.
pub(super) struct ConstrainedResources {
    /// One flag per item, followed by one per work centre.
    points: IndexVec<PointIndex, bool>,
    /// Whether an item is constrained, or has a constrained item below it.
    touches: IndexVec<NodeIndex, bool>,
}

impl ConstrainedResources {
    /// Treats every resource as constrained. Needed where shortages decide between alternates.
    pub(super) fn everything(engine: &Engine<'_>) -> Self {
        let count = engine.graph.nodes.len();
        let points = count + engine.graph.group.centres.len();
        Self { points: IndexVec::filled(true, points), touches: IndexVec::filled(true, count) }
    }

    /// Explodes all demands together over `list`. Returns `None` when they fit; the caller may then commit the explosion. Every
    /// item below an `unsure` finished good counts as constrained, because that finished good may take more than its bound.
    pub(super) fn of(engine: &mut Engine<'_>, list: &[NodeIndex], demands: &[Demand], unsure: &[NodeIndex]) -> Option<Self> {
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
        let mut points = IndexVec::filled(false, count + graph.group.centres.len());
        for short in &engine.shortages {
            points_of(graph, short.at).for_each(|point| points[point] = true);
        }
        // A work centre without free capacity starts too late here and takes its components too late. In the final plan it may
        // require them earlier.
        let mut unknown = IndexVec::filled(false, count);
        for &at in list {
            unknown[at] = graph.nodes[at].centre.is_some_and(|centre| points[point_of_centre(graph, centre)]);
        }
        unsure.iter().for_each(|&at| unknown[at] = true);
        for &at in list {
            if unknown[at] {
                points_of(graph, at).for_each(|point| points[point] = true);
                graph.edges(at).iter().for_each(|edge| unknown[edge.item] = true);
            }
        }
        let mut touches = IndexVec::of(points.iter().copied().take(count).collect());
        for &at in list.iter().rev() {
            touches[at] |= graph.edges(at).iter().any(|edge| touches[edge.item]);
        }
        Some(Self { points, touches })
    }

    pub(super) fn is_constrained(&self, point: PointIndex) -> bool {
        self.points[point]
    }

    /// Whether a finished good depends on a constrained resource.
    pub(super) fn concerns(&self, finished_good: &FinishedGood<'_>) -> bool {
        self.touches[finished_good.at]
    }
}

/// The item as a resource, and the work centre that produces it.
fn points_of(graph: &ItemGraph<'_>, at: NodeIndex) -> impl Iterator<Item = PointIndex> + use<> {
    let centre = graph.nodes[at].centre.map(|centre| point_of_centre(graph, centre));
    [point_of_item(at)].into_iter().chain(centre)
}

/// An item as a resource.
#[inline]
pub(super) fn point_of_item(at: NodeIndex) -> PointIndex {
    PointIndex::new(at.number())
}

/// A work centre as a resource.
#[inline]
pub(super) fn point_of_centre(graph: &ItemGraph<'_>, centre: usize) -> PointIndex {
    PointIndex::new(graph.nodes.len() + centre)
}

//! The result of an explosion, until it is committed or discarded.

use std::collections::{BTreeMap, BTreeSet};

use crate::promise::planning::curve::Step;
use crate::promise::planning::index::NodeIndex;

/// The result of an explosion that is not committed.
#[derive(Default)]
pub(super) struct Trial {
    pub(super) touched: Vec<Touched>,
    deltas: Vec<Step>,
    starts: Vec<Step>,
    /// Starts that take an option other than the first, by option. They replace the committed ones.
    pub(super) switched: BTreeMap<usize, Vec<Step>>,
    /// Items that the walk must visit although it adds no requirement to them.
    pub(super) dirty: BTreeSet<NodeIndex>,
}

/// One item of an explosion: the ranges of its additional demand and its starts.
#[derive(Clone, Copy)]
pub(super) struct Touched {
    pub(super) at: NodeIndex,
    deltas: (usize, usize),
    starts: (usize, usize),
}

impl Trial {
    /// Records an item that the walk visited.
    pub(super) fn note(&mut self, at: NodeIndex, delta: &[Step], starts: &[Step]) -> Touched {
        let kept = (self.deltas.len(), self.starts.len());
        self.deltas.extend_from_slice(delta);
        self.starts.extend_from_slice(starts);
        let touched = Touched { at, deltas: (kept.0, self.deltas.len()), starts: (kept.1, self.starts.len()) };
        self.touched.push(touched);
        touched
    }

    pub(super) fn clear(&mut self) {
        self.touched.clear();
        self.deltas.clear();
        self.starts.clear();
    }

    #[inline]
    pub(super) fn delta(&self, touched: Touched) -> &[Step] {
        &self.deltas[touched.deltas.0..touched.deltas.1]
    }

    #[inline]
    pub(super) fn starts(&self, touched: Touched) -> &[Step] {
        &self.starts[touched.starts.0..touched.starts.1]
    }

    pub(super) fn find(&self, at: NodeIndex) -> Option<Touched> {
        self.touched.iter().copied().find(|touched| touched.at == at)
    }
}

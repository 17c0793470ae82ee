//! Finds the most units that fit. The search narrows the range between a number that fits and one that does not, by linear
//! interpolation.

use crate::promise::planning::MAX_OFFERED;
use crate::promise::planning::curve::on;
use crate::promise::planning::explosion::{Demand, Engine, Shortage, ShortageCause};
use crate::promise::planning::index::NodeIndex;

/// The result of a search. Its explosion is kept as [`Engine::best`], ready to be committed.
pub(super) struct MaxUnits {
    pub(super) units: i64,
    /// What stops the next unit; `None` when the search ended at its bound.
    pub(super) stop: Option<Constraint>,
}

/// What stops the next unit.
pub(super) struct Constraint {
    pub(super) short: Shortage,
    /// The path from the finished good down to the item that is short.
    pub(super) path: Vec<NodeIndex>,
}

impl Engine<'_> {
    /// The most units from 0 to `top` whose demands fit. When `top` is `unsure`, the search goes beyond it. `demands` adds the
    /// demands of a number of units to the list.
    pub(super) fn most(
        &mut self,
        list: &[NodeIndex],
        top: i64,
        unsure: bool,
        mut demands: impl FnMut(i64, &mut Vec<Demand>),
    ) -> MaxUnits {
        let mut asked = Vec::new();
        self.best.clear();
        self.best.switched.clear();
        let mut fits = 0;
        let mut fails = if unsure { MAX_OFFERED.max(top) } else { top } + 1;
        let mut stop: Option<Constraint> = None;
        let (mut next, mut tries, mut stride) = (top, 0, 1);
        while fails - fits > 1 {
            next = next.clamp(fits + 1, fails - 1);
            asked.clear();
            demands(next, &mut asked);
            if let Some(short) = self.fit(list, &asked) {
                fails = next;
                stop = Some(Constraint { short, path: self.path_to(short.at) });
            } else {
                self.keep_trial();
                fits = next;
            }
            tries += 1;
            next = match &stop {
                // No number has failed yet, so `top` was no bound.
                None => fits.saturating_add(stride),
                Some(stop) if tries % 3 != 0 => self.guess(fits, fails, stop.short),
                Some(_) => fits + (fails - fits) / 2,
            };
            stride *= 2;
        }
        MaxUnits { units: fits, stop }
    }

    /// The number at which the line between the last fit and the last failure crosses the available quantity.
    fn guess(&self, fits: i64, fails: i64, short: Shortage) -> i64 {
        let touched = self.best.find(short.at);
        let low = match short.cause {
            ShortageCause::Stock | ShortageCause::Lead => touched.map_or(0, |touched| on(self.best.delta(touched), short.day)),
            ShortageCause::Centre => {
                on(touched.map_or_else(|| self.starts.of(short.at), |touched| self.best.starts(touched)), short.day)
            }
        };
        let room = i128::from(short.demand - short.excess - low).max(0);
        let rise = i128::from(short.demand - low).max(1);
        fits + i64::try_from(i128::from(fails - fits) * room / rise).unwrap_or(0)
    }

    /// The path from the demanded item down to an item, as the last explosion went.
    pub(super) fn path_to(&self, at: NodeIndex) -> Vec<NodeIndex> {
        let above = |&at: &NodeIndex| self.via[at];
        let mut path: Vec<NodeIndex> = std::iter::successors(Some(at), above).collect();
        path.reverse();
        path
    }
}

//! What goods contend for: the items and centres there is not enough of when every good has the most it could have alone.
//!
//! Anything else has room for whatever the goods come to, so nobody has to be served before anybody else there.

use crate::promise::planning::explode::{Demand, Engine};
use crate::promise::planning::share::Good;

pub(super) struct Contested {
    /// By item, and after them by centre.
    points: Vec<bool>,
    /// Whether an item is such a point, or has one below it.
    touches: Vec<bool>,
}

impl Contested {
    /// Where alternates are chosen by what is short, everything is contested.
    pub(super) fn everything(engine: &Engine<'_>) -> Self {
        let count = engine.net.nodes.len();
        Self { points: vec![true; count + engine.net.pool.centres.len()], touches: vec![true; count] }
    }

    /// Asks for all demands at once, over `list` as an explosion; `None` when they fit, and that is what would be committed. Of
    /// `unsure` goods, which may come to more, everything below is contested.
    pub(super) fn of(engine: &mut Engine<'_>, list: &[usize], demands: &[Demand], unsure: &[usize]) -> Option<Self> {
        if engine.choices {
            return Some(Self::everything(engine));
        }
        engine.begin();
        engine.explode(list, demands, false);
        if engine.shorts.is_empty() && unsure.is_empty() {
            return None;
        }
        let net = &engine.net;
        let count = net.nodes.len();
        let mut points = vec![false; count + net.pool.centres.len()];
        for short in &engine.shorts {
            points[short.at] = true;
            if let Some(centre) = net.nodes[short.at].centre {
                points[count + centre] = true;
            }
        }
        // What a full centre starts too late takes its components too late: they may be asked for earlier than they were here.
        let mut unknown = vec![false; count];
        for &at in list {
            unknown[at] = net.nodes[at].centre.is_some_and(|centre| points[count + centre]);
        }
        unsure.iter().for_each(|&good| unknown[good] = true);
        for &at in list {
            if unknown[at] {
                points[at] = true;
                if let Some(centre) = net.nodes[at].centre {
                    points[count + centre] = true;
                }
                net.edges(at).iter().for_each(|edge| unknown[edge.item] = true);
            }
        }
        let mut touches = points[..count].to_vec();
        for &at in list.iter().rev() {
            touches[at] |= net.edges(at).iter().any(|edge| touches[edge.item]);
        }
        Some(Self { points, touches })
    }

    pub(super) fn is_point(&self, point: usize) -> bool {
        self.points[point]
    }

    /// Whether a good has a part in it.
    pub(super) fn concerns(&self, good: &Good<'_>) -> bool {
        self.touches[good.at]
    }
}

//! Netting of one item: the starts that cover its net requirement, and what stays uncovered.

use crate::promise::planning::Day;
use crate::promise::planning::curve::{Both, Step, push};
use crate::promise::planning::explosion::{Shortage, ShortageCause};
use crate::promise::planning::index::NodeIndex;
use crate::promise::planning::item_graph::Node;

/// Writes to `starts` the starts by day that cover the additional requirement `more` on top of `left`. Returns what cannot be
/// covered, if it is more than cannot be covered anyway. An item that is not produced, or a day that a start of today does not
/// reach, can be covered only by what is left. A late requirement is covered as soon as starts can.
pub(super) fn net_requirement(
    left: &[Step],
    more: &[Step],
    node: &Node,
    buying: bool,
    starts: &mut Vec<Step>,
) -> Option<Uncovered> {
    let bought_in = if buying { node.bought_in.unwrap_or(Day::MAX) } else { Day::MAX };
    let first = if node.is_produced { node.lead } else { Day::MAX };
    let mut missing: Option<Uncovered> = None;
    let (mut produced, mut requested, mut known) = (0, 0, 0);
    let mut both = Both::of(left, more);
    while let Some((day, left, more)) = both.next() {
        if day >= bought_in {
            break;
        }
        if more != known {
            (requested, known) = (day, more);
        }
        let short_items = more.saturating_sub(left);
        if day < first {
            let excess = more - left.clamp(0, more.max(0));
            if excess > 0 && missing.as_ref().is_none_or(|worst| worst.excess < excess) {
                missing = Some(Uncovered { day, needed: requested, demand: more, excess });
            }
        }
        let reachable = day.max(first);
        if reachable < bought_in
            && reachable < Day::MAX
            && both.next_day().is_none_or(|next| next > first)
            && short_items > produced
        {
            produced = short_items;
            push(starts, reachable - first, node.yields.per_up(produced));
        }
    }
    missing
}

/// A shortage, before it is assigned to an item.
pub(super) struct Uncovered {
    day: Day,
    needed: Day,
    demand: i64,
    excess: i64,
}

impl Uncovered {
    pub(super) fn of(self, at: NodeIndex, is_produced: bool) -> Shortage {
        let cause = if is_produced { ShortageCause::Lead } else { ShortageCause::Stock };
        Shortage { at, cause, day: self.day, needed: self.needed, demand: self.demand, excess: self.excess }
    }
}

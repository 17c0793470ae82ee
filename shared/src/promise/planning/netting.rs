//! Netting of one item: the starts that cover its net requirement, what stays uncovered, and what delayed starts leave short.

use crate::promise::planning::Day;
use crate::promise::planning::capacity::CapacityExcess;
use crate::promise::planning::curve::{Both, Step, on, push};
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

/// The largest shortage of an item whose starts come later than they are required, beyond the shortage that it had `before`. A
/// receipt then fills the gap that the delayed starts leave, and it cannot cover a new requirement as well. So this function
/// compares the units that are there on each day. `before` and `now` are the starts before and after the new requirement.
pub(super) fn delay_shortage(
    left: &[Step],
    more: &[Step],
    node: &Node,
    buying: bool,
    (before, now): (&[Step], &[Step]),
) -> Option<CapacityExcess> {
    let bought_in = if buying { node.bought_in.unwrap_or(Day::MAX) } else { Day::MAX };
    let ready =
        |starts: &[Step], day: Day| day.checked_sub(node.lead).map_or(0, |started| node.yields.of_down(on(starts, started)));
    let changes = left.iter().chain(more).map(|step| step.day);
    let ready_days = before.iter().chain(now).map(|step| step.day.saturating_add(node.lead));
    let days = changes.chain(ready_days).filter(|day| *day < bought_in);
    let excess = days.map(|day| {
        let short_before = (-on(left, day) - ready(before, day)).max(0);
        let short_now = on(more, day).saturating_sub(on(left, day)).saturating_sub(ready(now, day));
        (short_now - short_before, day)
    });
    let (excess, day) = excess.max()?;
    let (day, excess) = (day.saturating_sub(node.lead), node.yields.per_up(excess.max(0)));
    (excess > 0).then(|| CapacityExcess { day, demand: on(now, day).saturating_add(excess), excess })
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

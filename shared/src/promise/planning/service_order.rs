//! The order in which finished goods are served at constrained resources: which ones wait for which, and which share fairly.

use std::collections::BTreeSet;

use crate::promise::planning::AllocationPolicy;
use crate::promise::planning::allocation::{FinishedGood, ItemsBelow};
use crate::promise::planning::constrained::ConstrainedResources;
use crate::promise::planning::explosion::Engine;

/// The finished goods that are still to be served. A finished good is identified by its rank: by priority, then by date, then by
/// SKU.
pub(super) struct ServiceOrder {
    open: Vec<bool>,
    /// One queue per constrained item or work centre that serves by rank: its finished goods, the first to be served at the
    /// front.
    queues: Vec<Vec<usize>>,
    heads: Vec<usize>,
    /// The queues of each finished good, and the number of queues in which another one is ahead of it.
    of_good: Vec<Vec<usize>>,
    behind: Vec<usize>,
    /// Finished goods that share fairly, directly or through others, form one group.
    group: Vec<usize>,
    members: Vec<Vec<usize>>,
    /// The number of members of a group that are not done, and the number of these that must wait.
    left: Vec<usize>,
    waiting: Vec<usize>,
    ready: BTreeSet<usize>,
    /// Finished goods that are not done and wait for no other, with their groups.
    free: BTreeSet<(usize, usize)>,
}

impl ServiceOrder {
    /// Builds the queues and groups from the constrained resources that more than one finished good needs.
    pub(super) fn of(
        engine: &Engine<'_>,
        finished_goods: &[&FinishedGood<'_>],
        lists: &ItemsBelow,
        constrained: &ConstrainedResources,
    ) -> Self {
        let policies = policies(engine);
        let met = met(engine, finished_goods.len(), lists, constrained, policies.len());
        let mut ranked: BTreeSet<AllocationPolicy> =
            policies.iter().zip(&met).filter(|(_, met)| **met > 1).map(|(policy, _)| *policy).collect();
        let fair = ranked.remove(&AllocationPolicy::FairShare);
        let mut group: Vec<usize> = (0..finished_goods.len()).collect();
        let mut queues: Vec<Vec<usize>> = Vec::new();
        if !fair && ranked.len() == 1 {
            // All resources rank in the same way, so one queue covers them all.
            queues.extend(ranked.iter().map(|&policy| in_order(finished_goods, policy, (0..finished_goods.len()).collect())));
        } else {
            for (point, met) in users_of_resources(engine, finished_goods.len(), lists, &met) {
                match policies[point] {
                    AllocationPolicy::FairShare => met.windows(2).for_each(|pair| join(&mut group, pair[0], pair[1])),
                    policy @ (AllocationPolicy::FirstCome | AllocationPolicy::Priority) => {
                        queues.push(in_order(finished_goods, policy, met))
                    }
                }
            }
        }
        for good in 0..finished_goods.len() {
            group[good] = root(&mut group, good);
        }
        Self::with(finished_goods.len(), queues, group)
    }

    fn with(count: usize, queues: Vec<Vec<usize>>, group: Vec<usize>) -> Self {
        let mut of_good = vec![Vec::new(); count];
        let mut behind = vec![0; count];
        for (queue, finished_goods) in queues.iter().enumerate() {
            for (ahead, &good) in finished_goods.iter().enumerate() {
                of_good[good].push(queue);
                behind[good] += usize::from(ahead > 0);
            }
        }
        let mut members = vec![Vec::new(); count];
        let mut waiting = vec![0; count];
        for (good, &group) in group.iter().enumerate() {
            members[group].push(good);
            waiting[group] += usize::from(behind[good] > 0);
        }
        let ready = (0..count).filter(|&group| waiting[group] == 0 && !members[group].is_empty()).collect();
        let free = (0..count).filter(|&good| behind[good] == 0).map(|good| (group[good], good)).collect();
        let heads = vec![0; queues.len()];
        let left = members.iter().map(Vec::len).collect();
        Self { open: vec![true; count], queues, heads, of_good, behind, group, members, left, waiting, ready, free }
    }

    /// The next finished goods to raise together, and whether they are all open members of their group; `None` when all are done.
    pub(super) fn next(&mut self) -> Option<(Vec<usize>, bool)> {
        if let Some(&group) = self.ready.first() {
            return Some((self.members[group].iter().copied().filter(|&good| self.open[good]).collect(), true));
        }
        if let Some(&(group, _)) = self.free.first() {
            return Some((self.free.range((group, 0)..(group + 1, 0)).map(|(_, good)| *good).collect(), false));
        }
        // Each finished good waits for another one, because the ranks differ between items: the first by rank goes next.
        self.open.iter().position(|open| *open).map(|good| (vec![good], true))
    }

    /// Marks a finished good as done; those behind it move up.
    pub(super) fn done(&mut self, good: usize) {
        self.open[good] = false;
        self.free.remove(&(self.group[good], good));
        if self.behind[good] > 0 {
            self.decrement_waiting(self.group[good]);
        }
        for queue in std::mem::take(&mut self.of_good[good]) {
            let finished_goods = &self.queues[queue];
            let before = self.heads[queue];
            let head = (before..finished_goods.len()).find(|&at| self.open[finished_goods[at]]).unwrap_or(finished_goods.len());
            self.heads[queue] = head;
            if let Some(&next) = finished_goods.get(head).filter(|_| head > before) {
                self.behind[next] -= 1;
                if self.behind[next] == 0 {
                    self.free.insert((self.group[next], next));
                    self.decrement_waiting(self.group[next]);
                }
            }
        }
        self.left[self.group[good]] -= 1;
        if self.left[self.group[good]] == 0 {
            self.ready.remove(&self.group[good]);
        }
    }

    fn decrement_waiting(&mut self, group: usize) {
        self.waiting[group] -= 1;
        if self.waiting[group] == 0 {
            self.ready.insert(group);
        }
    }
}

/// The policy of each item, followed by the policy of each work centre.
fn policies(engine: &Engine<'_>) -> Vec<AllocationPolicy> {
    let group = engine.graph.group;
    let mut policies: Vec<AllocationPolicy> = engine.graph.index.iter().map(|&index| group.items[index].policy).collect();
    let mut centres: Vec<Option<AllocationPolicy>> = vec![None; group.centres.len()];
    for (at, node) in engine.graph.nodes.iter().enumerate() {
        let Some(centre) = node.centre else { continue };
        let item = policies[at];
        centres[centre] = match (centres[centre], item) {
            (None | Some(AllocationPolicy::FairShare), AllocationPolicy::FairShare) => Some(AllocationPolicy::FairShare),
            (Some(AllocationPolicy::Priority), _) | (_, AllocationPolicy::Priority) => Some(AllocationPolicy::Priority),
            (Some(AllocationPolicy::FirstCome), _) | (_, AllocationPolicy::FirstCome) => Some(AllocationPolicy::FirstCome),
        };
    }
    policies.extend(centres.into_iter().map(|policy| policy.unwrap_or(AllocationPolicy::FairShare)));
    policies
}

/// The number of finished goods that need each constrained item and work centre.
fn met(
    engine: &Engine<'_>,
    finished_goods: usize,
    lists: &ItemsBelow,
    constrained: &ConstrainedResources,
    points: usize,
) -> Vec<usize> {
    let mut met = vec![0; points];
    let mut last = vec![usize::MAX; points];
    for good in 0..finished_goods {
        visit(engine, lists.below(good), |point| {
            if constrained.is_constrained(point) && last[point] != good {
                (met[point], last[point]) = (met[point] + 1, good);
            }
        });
    }
    met
}

/// Each item and work centre that more than one finished good needs, with these finished goods in order.
fn users_of_resources(engine: &Engine<'_>, finished_goods: usize, lists: &ItemsBelow, met: &[usize]) -> Vec<(usize, Vec<usize>)> {
    let mut at = vec![usize::MAX; met.len()];
    let mut points: Vec<(usize, Vec<usize>)> = Vec::new();
    for (point, &met) in met.iter().enumerate().filter(|(_, met)| **met > 1) {
        at[point] = points.len();
        points.push((point, Vec::with_capacity(met)));
    }
    for good in 0..finished_goods {
        visit(engine, lists.below(good), |point| {
            if let Some((_, finished_goods)) = points.get_mut(at[point])
                && finished_goods.last() != Some(&good)
            {
                finished_goods.push(good);
            }
        });
    }
    points
}

/// Visits every item below a finished good, and every work centre that produces one of them.
fn visit(engine: &Engine<'_>, list: &[usize], mut at_point: impl FnMut(usize)) {
    for &at in list {
        at_point(at);
        if let Some(centre) = engine.graph.nodes[at].centre {
            at_point(engine.graph.nodes.len() + centre);
        }
    }
}

fn in_order(finished_goods: &[&FinishedGood<'_>], policy: AllocationPolicy, mut met: Vec<usize>) -> Vec<usize> {
    match policy {
        // Finished goods are numbered by rank, so sorting the numbers is enough.
        AllocationPolicy::Priority => met.sort_unstable(),
        AllocationPolicy::FirstCome | AllocationPolicy::FairShare => met.sort_by(|&a, &b| {
            let key = |good: usize| (finished_goods[good].offer.since, finished_goods[good].sku);
            key(a).cmp(&key(b))
        }),
    }
    met
}

fn root(group: &mut [usize], good: usize) -> usize {
    let mut root = good;
    while group[root] != root {
        group[root] = group[group[root]];
        root = group[root];
    }
    root
}

/// The lower number becomes the name of both, so that a group is named by its first finished good.
fn join(group: &mut [usize], a: usize, b: usize) {
    let (a, b) = (root(group, a), root(group, b));
    group[a.max(b)] = a.min(b);
}

//! The order in which finished goods are served at constrained resources: which ones wait for which, and which share fairly.

use std::collections::BTreeSet;

use crate::promise::planning::AllocationPolicy;
use crate::promise::planning::allocation::{FinishedGood, ItemsBelow};
use crate::promise::planning::constrained::{ConstrainedResources, point_of_centre, point_of_item};
use crate::promise::planning::explosion::Engine;
use crate::promise::planning::index::{GroupIndex, IndexVec, NodeIndex, PointIndex, QueueIndex, Rank};

/// The finished goods that compete, by rank.
type Competing<'g> = IndexVec<Rank, &'g FinishedGood<'g>>;

/// The finished goods that are still to be served.
pub(super) struct ServiceOrder {
    open: IndexVec<Rank, bool>,
    /// One queue per constrained item or work centre that serves by rank: its finished goods, the first to be served at the
    /// front.
    queues: IndexVec<QueueIndex, Vec<Rank>>,
    /// The position of the first one in each queue that is not done.
    heads: IndexVec<QueueIndex, usize>,
    /// The queues of each finished good, and the number of queues in which another one is ahead of it.
    queues_of: IndexVec<Rank, Vec<QueueIndex>>,
    behind: IndexVec<Rank, usize>,
    /// Finished goods that share fairly, directly or through others, form one group.
    group: IndexVec<Rank, GroupIndex>,
    members: IndexVec<GroupIndex, Vec<Rank>>,
    /// The number of members of a group that are not done, and the number of these that must wait.
    left: IndexVec<GroupIndex, usize>,
    waiting: IndexVec<GroupIndex, usize>,
    ready: BTreeSet<GroupIndex>,
    /// Finished goods that are not done and wait for no other, with their groups.
    free: BTreeSet<(GroupIndex, Rank)>,
}

impl ServiceOrder {
    /// Builds the queues and groups from the constrained resources that more than one finished good needs.
    pub(super) fn of(
        engine: &Engine<'_>,
        competing: &Competing<'_>,
        lists: &ItemsBelow,
        constrained: &ConstrainedResources,
    ) -> Self {
        let policies = policies(engine);
        let users = count_users(engine, competing, lists, constrained, policies.len());
        let mut ranked: BTreeSet<AllocationPolicy> =
            policies.iter().zip(users.iter()).filter(|(_, users)| **users > 1).map(|(policy, _)| *policy).collect();
        let fair = ranked.remove(&AllocationPolicy::FairShare);
        let mut groups = FairGroups::each_alone(competing);
        let mut queues: Vec<Vec<Rank>> = Vec::new();
        if !fair && ranked.len() == 1 {
            // All resources rank in the same way, so one queue covers them all.
            queues.extend(ranked.iter().map(|&policy| in_order(competing, policy, competing.indexes().collect())));
        } else {
            for (point, users) in users_of_resources(engine, competing, lists, &users) {
                match policies[point] {
                    AllocationPolicy::FairShare => users.windows(2).for_each(|pair| groups.join(pair[0], pair[1])),
                    policy @ (AllocationPolicy::FirstCome | AllocationPolicy::Priority) => {
                        queues.push(in_order(competing, policy, users))
                    }
                }
            }
        }
        let group: Vec<GroupIndex> = competing.indexes().map(|rank| groups.first(rank).into()).collect();
        Self::with(IndexVec::of(queues), IndexVec::of(group))
    }

    fn with(queues: IndexVec<QueueIndex, Vec<Rank>>, group: IndexVec<Rank, GroupIndex>) -> Self {
        let count = group.len();
        let mut queues_of = IndexVec::filled(Vec::new(), count);
        let mut behind = IndexVec::filled(0, count);
        for (queue, ranks) in queues.enumerate() {
            for (ahead, &rank) in ranks.iter().enumerate() {
                queues_of[rank].push(queue);
                behind[rank] += usize::from(ahead > 0);
            }
        }
        let mut members: IndexVec<GroupIndex, Vec<Rank>> = IndexVec::filled(Vec::new(), count);
        let mut waiting = IndexVec::filled(0, count);
        for (rank, &group) in group.enumerate() {
            members[group].push(rank);
            waiting[group] += usize::from(behind[rank] > 0);
        }
        let ready = members.enumerate().filter(|(group, members)| waiting[*group] == 0 && !members.is_empty());
        let ready = ready.map(|(group, _)| group).collect();
        let free = group.enumerate().filter(|(rank, _)| behind[*rank] == 0).map(|(rank, &group)| (group, rank)).collect();
        let heads = IndexVec::filled(0, queues.len());
        let left = IndexVec::of(members.iter().map(Vec::len).collect());
        let open = IndexVec::filled(true, count);
        Self { open, queues, heads, queues_of, behind, group, members, left, waiting, ready, free }
    }

    /// The next finished goods to raise together, and whether they are all open members of their group; `None` when all are done.
    pub(super) fn next(&mut self) -> Option<(Vec<Rank>, bool)> {
        if let Some(&group) = self.ready.first() {
            return Some((self.members[group].iter().copied().filter(|&rank| self.open[rank]).collect(), true));
        }
        if let Some(&(group, first)) = self.free.first() {
            let free = self.free.range((group, first)..).take_while(|(of, _)| *of == group);
            return Some((free.map(|(_, rank)| *rank).collect(), false));
        }
        // Each finished good waits for another one, because the ranks differ between items: the first by rank goes next.
        self.open.enumerate().find(|(_, open)| **open).map(|(rank, _)| (vec![rank], true))
    }

    /// Marks a finished good as done; those behind it move up.
    pub(super) fn done(&mut self, rank: Rank) {
        self.open[rank] = false;
        self.free.remove(&(self.group[rank], rank));
        if self.behind[rank] > 0 {
            self.decrement_waiting(self.group[rank]);
        }
        for queue in std::mem::take(&mut self.queues_of[rank]) {
            let ranks = &self.queues[queue];
            let before = self.heads[queue];
            let head = (before..ranks.len()).find(|&at| self.open[ranks[at]]).unwrap_or(ranks.len());
            self.heads[queue] = head;
            if let Some(&next) = ranks.get(head).filter(|_| head > before) {
                self.behind[next] -= 1;
                if self.behind[next] == 0 {
                    self.free.insert((self.group[next], next));
                    self.decrement_waiting(self.group[next]);
                }
            }
        }
        self.left[self.group[rank]] -= 1;
        if self.left[self.group[rank]] == 0 {
            self.ready.remove(&self.group[rank]);
        }
    }

    fn decrement_waiting(&mut self, group: GroupIndex) {
        self.waiting[group] -= 1;
        if self.waiting[group] == 0 {
            self.ready.insert(group);
        }
    }
}

/// The policy of each item and of each work centre.
fn policies(engine: &Engine<'_>) -> IndexVec<PointIndex, AllocationPolicy> {
    let group = engine.graph.group;
    let items = engine.graph.index.iter().map(|&index| group.items[index].policy);
    let mut policies: IndexVec<PointIndex, Option<AllocationPolicy>> = IndexVec::of(items.map(Some).collect());
    let count = policies.len() + group.centres.len();
    policies.elements().resize(count, None);
    for (at, node) in engine.graph.nodes.enumerate() {
        let Some(centre) = node.centre else { continue };
        let (item, centre) = (group.items[engine.graph.index[at]].policy, point_of_centre(&engine.graph, centre));
        policies[centre] = match (policies[centre], item) {
            (None | Some(AllocationPolicy::FairShare), AllocationPolicy::FairShare) => Some(AllocationPolicy::FairShare),
            (Some(AllocationPolicy::Priority), _) | (_, AllocationPolicy::Priority) => Some(AllocationPolicy::Priority),
            (Some(AllocationPolicy::FirstCome), _) | (_, AllocationPolicy::FirstCome) => Some(AllocationPolicy::FirstCome),
        };
    }
    IndexVec::of(policies.iter().map(|policy| policy.unwrap_or(AllocationPolicy::FairShare)).collect())
}

/// The number of finished goods that need each constrained item and work centre.
fn count_users(
    engine: &Engine<'_>,
    competing: &Competing<'_>,
    lists: &ItemsBelow,
    constrained: &ConstrainedResources,
    points: usize,
) -> IndexVec<PointIndex, usize> {
    let mut users = IndexVec::filled(0, points);
    let mut last = IndexVec::filled(None, points);
    for rank in competing.indexes() {
        visit(engine, lists.below(rank), |point| {
            if constrained.is_constrained(point) && last[point] != Some(rank) {
                (users[point], last[point]) = (users[point] + 1, Some(rank));
            }
        });
    }
    users
}

/// Each item and work centre that more than one finished good needs, with these finished goods in order.
fn users_of_resources(
    engine: &Engine<'_>,
    competing: &Competing<'_>,
    lists: &ItemsBelow,
    users: &IndexVec<PointIndex, usize>,
) -> impl Iterator<Item = (PointIndex, Vec<Rank>)> {
    let mut ranks: IndexVec<PointIndex, Vec<Rank>> =
        IndexVec::of(users.iter().map(|&users| Vec::with_capacity(if users > 1 { users } else { 0 })).collect());
    for rank in competing.indexes() {
        visit(engine, lists.below(rank), |point| {
            if users[point] > 1 && ranks[point].last() != Some(&rank) {
                ranks[point].push(rank);
            }
        });
    }
    ranks.into_enumerated().filter(|(_, ranks)| !ranks.is_empty())
}

/// Visits every item below a finished good, and every work centre that produces one of them.
#[inline]
fn visit(engine: &Engine<'_>, list: &[NodeIndex], mut at_point: impl FnMut(PointIndex)) {
    for &at in list {
        at_point(point_of_item(at));
        if let Some(centre) = engine.graph.nodes[at].centre {
            at_point(point_of_centre(&engine.graph, centre));
        }
    }
}

fn in_order(competing: &Competing<'_>, policy: AllocationPolicy, mut ranks: Vec<Rank>) -> Vec<Rank> {
    match policy {
        AllocationPolicy::Priority => ranks.sort_unstable(),
        AllocationPolicy::FirstCome | AllocationPolicy::FairShare => ranks.sort_by(|&a, &b| {
            let key = |rank: Rank| (competing[rank].offer.since, competing[rank].sku);
            key(a).cmp(&key(b))
        }),
    }
    ranks
}

/// Finished goods that share fairly, as a disjoint-set forest: each names another one of its group, and the first names itself.
struct FairGroups(IndexVec<Rank, Rank>);

impl FairGroups {
    fn each_alone(competing: &Competing<'_>) -> Self {
        Self(IndexVec::of(competing.indexes().collect()))
    }

    /// The first finished good of the group.
    fn first(&mut self, rank: Rank) -> Rank {
        let mut first = rank;
        while self.0[first] != first {
            self.0[first] = self.0[self.0[first]];
            first = self.0[first];
        }
        first
    }

    /// Makes one group of the groups of two finished goods.
    fn join(&mut self, a: Rank, b: Rank) {
        let (a, b) = (self.first(a), self.first(b));
        self.0[a.max(b)] = a.min(b);
    }
}

//! Where goods meet: who must wait for whom, and who shares fairly with whom.

use std::collections::{BTreeMap, BTreeSet};

use super::Policy;
use super::explode::Engine;
use super::share::Good;

/// Which goods are to be filled next. Goods are known by their rank: priority, then when they came, then name.
pub(super) struct Meeting {
    open: Vec<bool>,
    /// Per item or centre that goes by rank: the goods that meet there, the first to be served at the front.
    queues: Vec<Vec<usize>>,
    heads: Vec<usize>,
    /// The queues of each good, and in how many of them another is ahead.
    of_good: Vec<Vec<usize>>,
    behind: Vec<usize>,
    /// Goods that share fairly, directly or by others, are one group.
    group: Vec<usize>,
    members: Vec<Vec<usize>>,
    /// How many of a group that are not done must wait.
    waiting: Vec<usize>,
    ready: BTreeSet<usize>,
}

impl Meeting {
    pub(super) fn of(engine: &Engine<'_>, goods: &[Good<'_>]) -> Self {
        let policies = policies(engine);
        let met = met(engine, goods, policies.len());
        let mut ranked: BTreeSet<Policy> =
            policies.iter().zip(&met).filter(|(_, met)| **met > 1).map(|(policy, _)| *policy).collect();
        let fair = ranked.remove(&Policy::FairShare);
        let mut group: Vec<usize> = (0..goods.len()).collect();
        let mut queues: Vec<Vec<usize>> = Vec::new();
        if !fair && ranked.len() == 1 {
            // All go by the same rank: one queue says it all.
            queues.extend(ranked.iter().map(|&policy| in_order(goods, policy, (0..goods.len()).collect())));
        } else {
            let mut points: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            for (good, of) in goods.iter().enumerate() {
                visit(engine, of, |point| {
                    if met[point] > 1 {
                        let at = points.entry(point).or_default();
                        if at.last() != Some(&good) {
                            at.push(good);
                        }
                    }
                });
            }
            for (point, met) in points {
                match policies[point] {
                    Policy::FairShare => met.windows(2).for_each(|pair| join(&mut group, pair[0], pair[1])),
                    policy @ (Policy::FirstCome | Policy::Priority) => queues.push(in_order(goods, policy, met)),
                }
            }
        }
        for good in 0..goods.len() {
            group[good] = root(&mut group, good);
        }
        Self::with(goods.len(), queues, group)
    }

    fn with(count: usize, queues: Vec<Vec<usize>>, group: Vec<usize>) -> Self {
        let mut of_good = vec![Vec::new(); count];
        let mut behind = vec![0; count];
        for (queue, goods) in queues.iter().enumerate() {
            for (ahead, &good) in goods.iter().enumerate() {
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
        let heads = vec![0; queues.len()];
        Self { open: vec![true; count], queues, heads, of_good, behind, group, members, waiting, ready }
    }

    /// The next goods to be raised together, and whether they are all of their group; `None` when all are done.
    pub(super) fn next(&mut self) -> Option<(Vec<usize>, bool)> {
        let open = |goods: &[usize]| -> Vec<usize> { goods.iter().copied().filter(|&good| self.open[good]).collect() };
        if let Some(&group) = self.ready.first() {
            return Some((open(&self.members[group]), true));
        }
        for members in &self.members {
            let mut free = open(members);
            free.retain(|&good| self.behind[good] == 0);
            if !free.is_empty() {
                return Some((free, false));
            }
        }
        // Everybody waits for somebody else: ranks differ between items, and the first of all goes.
        self.open.iter().position(|open| *open).map(|good| (vec![good], true))
    }

    /// A good is done: who was behind it moves up.
    pub(super) fn done(&mut self, good: usize) {
        self.open[good] = false;
        if self.behind[good] > 0 {
            self.less_waiting(self.group[good]);
        }
        for queue in std::mem::take(&mut self.of_good[good]) {
            let goods = &self.queues[queue];
            let before = self.heads[queue];
            let head = (before..goods.len()).find(|&at| self.open[goods[at]]).unwrap_or(goods.len());
            self.heads[queue] = head;
            if let Some(&next) = goods.get(head).filter(|_| head > before) {
                self.behind[next] -= 1;
                if self.behind[next] == 0 {
                    self.less_waiting(self.group[next]);
                }
            }
        }
        if self.members[self.group[good]].iter().all(|&member| !self.open[member]) {
            self.ready.remove(&self.group[good]);
        }
    }

    fn less_waiting(&mut self, group: usize) {
        self.waiting[group] -= 1;
        if self.waiting[group] == 0 && self.members[group].iter().any(|&member| self.open[member]) {
            self.ready.insert(group);
        }
    }
}

/// The policy of each item, and after them of each centre.
fn policies(engine: &Engine<'_>) -> Vec<Policy> {
    let pool = engine.net.pool;
    let mut policies: Vec<Policy> = engine.net.index.iter().map(|&index| pool.items[index].policy).collect();
    let mut centres: Vec<Option<Policy>> = vec![None; pool.centres.len()];
    for (at, node) in engine.net.nodes.iter().enumerate() {
        let Some(centre) = node.centre else { continue };
        let item = policies[at];
        centres[centre] = match (centres[centre], item) {
            (None | Some(Policy::FairShare), Policy::FairShare) => Some(Policy::FairShare),
            (Some(Policy::Priority), _) | (_, Policy::Priority) => Some(Policy::Priority),
            (Some(Policy::FirstCome), _) | (_, Policy::FirstCome) => Some(Policy::FirstCome),
        };
    }
    policies.extend(centres.into_iter().map(|policy| policy.unwrap_or(Policy::FairShare)));
    policies
}

/// How many goods meet at each item and centre.
fn met(engine: &Engine<'_>, goods: &[Good<'_>], points: usize) -> Vec<usize> {
    let mut met = vec![0; points];
    let mut last = vec![usize::MAX; points];
    for (good, of) in goods.iter().enumerate() {
        visit(engine, of, |point| {
            if last[point] != good {
                (met[point], last[point]) = (met[point] + 1, good);
            }
        });
    }
    met
}

/// Every item below a good, and every centre that makes one.
fn visit(engine: &Engine<'_>, good: &Good<'_>, mut at_point: impl FnMut(usize)) {
    for &at in &good.list {
        at_point(at);
        if let Some(centre) = engine.net.nodes[at].centre {
            at_point(engine.net.nodes.len() + centre);
        }
    }
}

fn in_order(goods: &[Good<'_>], policy: Policy, mut met: Vec<usize>) -> Vec<usize> {
    match policy {
        // By rank they are in order already.
        Policy::Priority => met.sort_unstable(),
        Policy::FirstCome | Policy::FairShare => met.sort_by(|&a, &b| {
            let key = |good: usize| (goods[good].offer.since, goods[good].sku);
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

/// The lower of the two becomes the name of both, so that a group is called by its first good.
fn join(group: &mut [usize], a: usize, b: usize) {
    let (a, b) = (root(group, a), root(group, b));
    group[a.max(b)] = a.min(b);
}

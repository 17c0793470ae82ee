//! What can still be made of an item, down its bills: every item on the way once, with what is there of it, what is to come,
//! and who takes it.

use std::collections::BTreeSet;

use jiff::Span;
use jiff::civil::Date;

use crate::catalog::{Item, Quantity, Sku};
use crate::explain::facts::ExplainFacts;
use crate::explain::node::{ExplainNode, NodeName, NodeRole, NodeSource};
use crate::explain::place::some;
use crate::movement::PositionKey;
use crate::promise::inputs::Claim;
use crate::promise::planning::{Day, Earliest, FAR, Flows, GroupItem, PlanningGroup, earliest, flows};
use crate::promise::{FinishedGoodPlan, GroupPlan, groups, plan};
use crate::source::{ScheduledReceipt, StockKind};
use crate::table::RowKey;

/// The most goods that are named which share an item, and the most days on which something is begun.
const MOST_NAMED: usize = 20;

/// Everything that is planned together with an item, planned anew.
pub(crate) struct Planning {
    pub plan: Option<GroupPlan>,
    pool: PlanningGroup,
    flows: Option<Flows>,
}

impl Planning {
    /// Plans what the item hangs together with; `None` where it hangs together with nothing, or with too much.
    pub fn of(facts: &ExplainFacts) -> Option<Self> {
        if facts.too_many.is_some() {
            return None;
        }
        let group = groups(&facts.rows).into_iter().find(|group| group.contains(&facts.sku))?;
        let terms = facts.terms();
        let pool = terms.pool(&group);
        let flows = flows(&pool).ok();
        Some(Self { plan: plan(&terms, group, facts.at), pool, flows })
    }

    /// What it says of an item.
    pub fn planned(&self, sku: &Sku) -> Option<&FinishedGoodPlan> {
        self.plan.as_ref()?.goods.get(sku)
    }

    /// When so many more of an item can be there.
    pub fn earliest(&self, sku: &Sku, units: Quantity) -> Option<Earliest> {
        let at = self.pool.items.iter().position(|item| item.sku == *sku)?;
        earliest(&self.pool, at, units).ok()
    }

    /// The items below an item, itself first, in the order of netting.
    fn below(&self, top: usize) -> Vec<usize> {
        let reached = self.reached(top);
        let order = self.flows.iter().flat_map(|flows| &flows.order);
        order.copied().filter(|at| reached.contains(at)).collect()
    }

    fn reached(&self, top: usize) -> BTreeSet<usize> {
        let mut reached = BTreeSet::from([top]);
        let mut open = vec![top];
        while let Some(at) = open.pop() {
            let slots =
                self.pool.items.get(at).and_then(|item| item.recipe.as_ref()).into_iter().flat_map(|recipe| &recipe.slots);
            open.extend(slots.flat_map(|slot| &slot.options).map(|option| option.item).filter(|item| reached.insert(*item)));
        }
        reached
    }

    /// A node for each item below an item, itself first.
    pub fn items(&self, facts: &ExplainFacts) -> Vec<ExplainNode> {
        let Some(top) = self.pool.items.iter().position(|item| item.sku == facts.sku) else { return Vec::new() };
        let path = self.planned(&facts.sku).and_then(|planned| planned.limit.as_ref());
        let path: BTreeSet<&Sku> = path.iter().flat_map(|limit| &limit.path).collect();
        let goods: Vec<(usize, BTreeSet<usize>)> = self
            .pool
            .items
            .iter()
            .enumerate()
            .filter(|(_, item)| item.offer.is_some())
            .map(|(at, _)| (at, self.reached(at)))
            .collect();
        let terms = facts.terms();
        let claims =
            self.pool.items.iter().flat_map(|parent| terms.claims(&parent.sku).into_iter().map(|claim| (&parent.sku, claim)));
        let claims: Vec<(&Sku, Claim<'_>)> = claims.collect();
        let mut nodes = Vec::new();
        for at in self.below(top) {
            let Some(mut node) = self.item(facts, &claims, at) else { continue };
            let sharers = goods.iter().filter(|(good, reached)| *good != at && *good != top && reached.contains(&at));
            node = node.with(self.sharers(sharers.map(|(good, _)| *good).collect()));
            node.limits = self.pool.items.get(at).is_some_and(|item| path.contains(&item.sku));
            nodes.push(node.in_unit(facts.unit(self.pool.items.get(at).map_or(&facts.sku, |item| &item.sku))));
        }
        nodes
    }

    fn item(&self, facts: &ExplainFacts, claims: &[(&Sku, Claim<'_>)], at: usize) -> Option<ExplainNode> {
        let (item, flows) = (self.pool.items.get(at)?, self.flows.as_ref()?);
        let flow = flows.of.get(at)?;
        let name = |index: &usize| self.pool.items.get(*index).map_or_else(String::new, |item| item.sku.to_string());
        let day = |day: Day| facts.today.checked_add(Span::new().days(day)).unwrap_or(Date::MAX);
        let mut parts = vec![stock(facts, item)];
        parts.extend(documents(facts, item));
        for (parent, claim) in claims.iter().filter(|(_, claim)| *claim.component == item.sku) {
            let what = format!("for the run {} of {parent}, begun by {}", claim.run, day(claim.day));
            parts.push(ExplainNode::new(NodeName::Claim, what, claim.units).part(NodeRole::Takes));
        }
        for (by, units) in &item.promised {
            let what = format!("orders wait for them until {}", day(*by));
            parts.extend(some(NodeName::Waiting, &what, units.at_least_zero(), NodeRole::Takes));
        }
        let made = flows.solution.producible.get(at).and_then(Option::as_ref);
        if let Some(made) = made.filter(|_| item.offer.is_some()) {
            parts.push(ExplainNode::new(NodeName::Offered, "offered beside these", made.shown).part(NodeRole::Takes));
        }
        for (parent, units) in &flow.taken {
            parts.push(ExplainNode::new(NodeName::Taken, format!("goes into {}", name(parent)), *units).part(NodeRole::Takes));
        }
        parts.extend(self.made(facts, item, flow));
        parts.extend(always_there(facts, &item.sku));
        let what = format!("{}: left of it", item.sku);
        let formula = "there and usable + to come in time + to be made − taken";
        Some(ExplainNode::new(NodeName::Item, what, flow.left).by(formula).with(parts))
    }

    /// What is to be made of an item, and what making it takes.
    fn made(&self, facts: &ExplainFacts, item: &GroupItem, flow: &crate::promise::planning::Flow) -> Option<ExplainNode> {
        let recipe = item.recipe.as_ref()?;
        let day = |day: Day| facts.today.checked_add(Span::new().days(day)).unwrap_or(Date::MAX);
        let begun = flow.starts.iter().take(MOST_NAMED).map(|(on, units)| {
            ExplainNode::new(
                NodeName::Made,
                format!("begun on {}, there on {}", day(*on), day(on.saturating_add(recipe.lead))),
                *units,
            )
        });
        let more = flow.starts.len().saturating_sub(MOST_NAMED);
        let more = (more > 0).then(|| ExplainNode::new(NodeName::Made, format!("and begun on {more} more days"), None));
        let centre = recipe
            .centre
            .and_then(|centre| self.pool.centres.get(centre))
            .map(|centre| ExplainNode::new(NodeName::Centre, format!("{} can begin so many a day", centre.code), centre.per_day));
        let bill = facts.rows.get(&item.sku).and_then(|rows| rows.bill.as_ref())?;
        let version = if bill.version == 0 { String::new() } else { format!(", by version {} of its bill", bill.version) };
        let yields = bill.yields.map_or_else(String::new, |yields| format!(", {yields} % come out good"));
        let from = NodeSource { at: bill.since, row: Some(RowKey::Bill(item.sku.clone()).to_string()), ..NodeSource::default() };
        let node = ExplainNode::new(NodeName::Made, format!("to be made{version}"), flow.made).part(NodeRole::Adds);
        Some(node.by(format!("takes {} days{yields}", recipe.lead)).from(from).with(begun).with(more).with(centre))
    }

    fn sharers(&self, goods: Vec<usize>) -> Vec<ExplainNode> {
        let solution = self.flows.as_ref().map(|flows| &flows.solution.producible);
        let node = |at: usize| {
            let item = self.pool.items.get(at)?;
            let made = solution?.get(at)?.as_ref()?;
            let waiting: Quantity = item.promised.iter().map(|(_, units)| units.at_least_zero()).sum();
            Some(ExplainNode::new(
                NodeName::Sharer,
                format!("{} needs it too: {waiting} of it are waited for, and so many offered", item.sku),
                made.shown,
            ))
        };
        let count = goods.len();
        let mut nodes: Vec<ExplainNode> = goods.into_iter().take(MOST_NAMED).filter_map(node).collect();
        if count > MOST_NAMED {
            nodes.push(ExplainNode::new(NodeName::Sharer, format!("and {} more goods", count - MOST_NAMED), None));
        }
        nodes
    }
}

/// What there is of an item that may be used, and where it lies.
fn stock(facts: &ExplainFacts, item: &GroupItem) -> ExplainNode {
    let rows = facts.rows.get(&item.sku);
    let is_sold = rows.and_then(|rows| rows.item.as_ref()).is_some_and(|item| !item.shops.is_empty());
    let promise = rows.and_then(|rows| rows.promise.as_ref());
    let terms = facts.terms();
    let places = promise.into_iter().flat_map(|promise| &promise.places).map(|(place, at)| {
        let counts = terms.may_use(place, is_sold);
        let what = if counts { place.to_string() } else { format!("{place}: not for production") };
        let units = at.balance.available();
        let of = PositionKey::new(item.sku.clone(), place.clone());
        let from = NodeSource {
            row: Some(RowKey::Position(of).to_string()),
            movement: (at.seq > 0).then_some(at.seq),
            ..NodeSource::default()
        };
        let mut node =
            ExplainNode::new(NodeName::Place, what, units).part(if counts { NodeRole::Adds } else { NodeRole::Shows }).from(from);
        node.last_seen = at.last_seen.clone();
        node
    });
    let at = promise.map(|promise| promise.computed_at);
    let mut node = ExplainNode::new(NodeName::Stock, "there and usable", item.stock).part(NodeRole::Adds);
    if !facts.then {
        node = node.from(NodeSource::row(&RowKey::Promise(item.sku.clone()), at));
    }
    node.with(places)
}

/// What is announced of an item, with who said so.
fn documents(facts: &ExplainFacts, item: &GroupItem) -> Vec<ExplainNode> {
    let promise = facts.rows.get(&item.sku).and_then(|rows| rows.promise.as_ref());
    let said = facts.supplies.get(&item.sku);
    let node = |paper: &ScheduledReceipt| {
        let ScheduledReceipt { reference, kind, location, quantity, left, due } = paper;
        let what = if *kind == StockKind::ProductionRun { "run" } else { "purchase order" };
        let day = facts.terms().day_of(paper);
        let counts = day.is_some_and(|day| day < FAR);
        let due = match (due, day) {
            (Some(due), Some(_)) if counts => format!("due {due}"),
            (Some(due), Some(_)) => format!("due {due}, too far away to count"),
            (Some(due), None) => format!("was due {due}: overdue papers promise nothing"),
            (None, _) => "nobody says when: it promises nothing".to_owned(),
        };
        let last = said.and_then(|said| said.documents.get(reference)?.said.last());
        let from = NodeSource {
            event: last.map(|last| last.event.clone()),
            ..NodeSource::row(&RowKey::Receipts(item.sku.clone()), last.map(|last| last.recorded_at))
        };
        let what = format!("{what} {reference} at {location}, {left} of {quantity} to come, {due}");
        ExplainNode::new(NodeName::Paper, what, *left).part(if counts { NodeRole::Adds } else { NodeRole::Shows }).from(from)
    };
    promise.into_iter().flat_map(|promise| &promise.incoming).map(node).collect()
}

/// What goes into an item and limits nothing.
fn always_there(facts: &ExplainFacts, sku: &Sku) -> Vec<ExplainNode> {
    let Some(rows) = facts.rows.get(sku) else { return Vec::new() };
    let is_bulk =
        |sku: &Sku| facts.rows.get(sku).and_then(|rows| rows.item.as_ref()).is_some_and(|item: &Item| item.planning.bulk);
    rows.components()
        .filter(|sku| is_bulk(sku))
        .map(|sku| ExplainNode::new(NodeName::Item, format!("{sku} goes into it and is always there: it limits nothing"), None))
        .collect()
}

/// What can still be made of the item, as it is shown, beside what it would be planned to be from the rows as they are.
pub(crate) fn producible(facts: &ExplainFacts, shown: &FinishedGoodPlan, planning: Option<&Planning>) -> ExplainNode {
    let anew = planning.and_then(|planning| planning.planned(&facts.sku));
    let differs = anew.is_none_or(|anew| {
        (anew.waiting, anew.offered, &anew.late, anew.limit.as_ref().map(|limit| &limit.path))
            != (shown.waiting, shown.offered, &shown.late, shown.limit.as_ref().map(|limit| &limit.path))
    });
    let wrong = differs.then(|| {
        let anew = anew.cloned().unwrap_or_default();
        format!(
            "planned from the rows as they are, {} wait, {} of them late, and {} are offered: a change is on its way, or a plan was not made",
            anew.waiting,
            anew.late_units(),
            anew.offered
        )
    });
    let mut node = ExplainNode::new(NodeName::Makeable, "can still be made or come in time", shown.producible())
        .by("orders wait for − cannot be there in time + offered")
        .wrong(wrong)
        .with([
            ExplainNode::new(NodeName::Waiting, "orders wait for", shown.waiting).part(NodeRole::Adds),
            ExplainNode::new(NodeName::Late, "cannot be there in time", shown.late_units()).part(NodeRole::Takes),
            ExplainNode::new(NodeName::Offered, "offered beside these", shown.offered).part(NodeRole::Adds),
        ]);
    if let Some(plan) = planning.and_then(|planning| planning.plan.as_ref()).filter(|_| !facts.then) {
        node = node.from(NodeSource { row: Some(RowKey::Plan(plan.id.clone()).to_string()), ..NodeSource::default() });
    }
    if let Some(limit) = &shown.limit {
        let mut limit = ExplainNode::new(NodeName::Limit, format!("what stops the next one: {limit}"), None);
        limit.limits = true;
        node = node.with([limit]);
    }
    node.with(planning.into_iter().flat_map(|planning| planning.items(facts)))
}

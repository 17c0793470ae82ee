//! What can still be produced of an item, down its bills of materials: each item once, with its stock, its receipts and the
//! parents that take it.

use std::collections::BTreeSet;

use jiff::Span;
use jiff::civil::Date;

use crate::catalog::{Item, Quantity, Sku};
use crate::explain::facts::ExplainFacts;
use crate::explain::node::{ExplainNode, NodeName, NodeRole, NodeSource};
use crate::explain::place::nonzero;
use crate::movement::PositionKey;
use crate::promise::inputs::RunRequirement;
use crate::promise::planning::{Day, Earliest, FAR, Flow, Flows, GroupItem, PlanningGroup, earliest, flows};
use crate::promise::{FinishedGoodPlan, GroupPlan, groups, plan};
use crate::source::{ScheduledReceipt, StockKind};
use crate::table::RowKey;

/// The most finished goods that are listed as sharing an item, and the most start days that are listed.
const MOST_NAMED: usize = 20;

/// The planning group of an item, planned again.
pub(crate) struct Planning {
    pub plan: Option<GroupPlan>,
    planning_group: PlanningGroup,
    flows: Option<Flows>,
}

impl Planning {
    /// Plans the planning group of the item; `None` when the item is in no group, or when the group is too large.
    pub fn of(facts: &ExplainFacts) -> Option<Self> {
        if facts.too_many.is_some() {
            return None;
        }
        let group = groups(&facts.rows).into_iter().find(|group| group.contains(&facts.sku))?;
        let inputs = facts.planning_inputs();
        let planning_group = inputs.planning_group(&group);
        let flows = flows(&planning_group).ok();
        Some(Self { plan: plan(&inputs, group, facts.at), planning_group, flows })
    }

    /// The plan of an item.
    pub fn planned(&self, sku: &Sku) -> Option<&FinishedGoodPlan> {
        self.plan.as_ref()?.finished_goods.get(sku)
    }

    /// When this number of further units of an item can be available.
    pub fn earliest(&self, sku: &Sku, units: Quantity) -> Option<Earliest> {
        let at = self.planning_group.items.iter().position(|item| item.sku == *sku)?;
        earliest(&self.planning_group, at, units).ok()
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
            let slots = self
                .planning_group
                .items
                .get(at)
                .and_then(|item| item.recipe.as_ref())
                .into_iter()
                .flat_map(|recipe| &recipe.slots);
            open.extend(slots.flat_map(|slot| &slot.options).map(|option| option.item).filter(|item| reached.insert(*item)));
        }
        reached
    }

    /// A node for each item below an item, itself first.
    pub fn items(&self, facts: &ExplainFacts) -> Vec<ExplainNode> {
        let Some(top) = self.planning_group.items.iter().position(|item| item.sku == facts.sku) else { return Vec::new() };
        let path = self.planned(&facts.sku).and_then(|planned| planned.limit.as_ref());
        let path: BTreeSet<&Sku> = path.iter().flat_map(|limit| &limit.path).collect();
        let finished_goods: Vec<(usize, BTreeSet<usize>)> = self
            .planning_group
            .items
            .iter()
            .enumerate()
            .filter(|(_, item)| item.offer.is_some())
            .map(|(at, _)| (at, self.reached(at)))
            .collect();
        let inputs = facts.planning_inputs();
        let requirements =
            self.planning_group.items.iter().flat_map(|parent| {
                inputs.run_requirements(&parent.sku).into_iter().map(|requirement| (&parent.sku, requirement))
            });
        let requirements: Vec<(&Sku, RunRequirement<'_>)> = requirements.collect();
        let mut nodes = Vec::new();
        for at in self.below(top) {
            let Some(mut node) = self.item(facts, &requirements, at) else { continue };
            let sharers = finished_goods.iter().filter(|(other, reached)| *other != at && *other != top && reached.contains(&at));
            node = node.with(self.sharers(sharers.map(|(other, _)| *other).collect()));
            node.on_bottleneck_path = self.planning_group.items.get(at).is_some_and(|item| path.contains(&item.sku));
            nodes.push(node.in_unit(facts.unit(self.planning_group.items.get(at).map_or(&facts.sku, |item| &item.sku))));
        }
        nodes
    }

    fn item(&self, facts: &ExplainFacts, requirements: &[(&Sku, RunRequirement<'_>)], at: usize) -> Option<ExplainNode> {
        let (item, flows) = (self.planning_group.items.get(at)?, self.flows.as_ref()?);
        let flow = flows.of.get(at)?;
        let name = |index: &usize| self.planning_group.items.get(*index).map_or_else(String::new, |item| item.sku.to_string());
        let day = |day: Day| facts.today.checked_add(Span::new().days(day)).unwrap_or(Date::MAX);
        let mut parts = vec![stock(facts, item)];
        parts.extend(documents(facts, item));
        for (parent, requirement) in requirements.iter().filter(|(_, requirement)| *requirement.component == item.sku) {
            let what = format!("for production run {} of {parent}, which starts by {}", requirement.run, day(requirement.day));
            parts.push(ExplainNode::new(NodeName::RunRequirement, what, requirement.units).part(NodeRole::Takes));
        }
        for (by, units) in &item.promised {
            let what = format!("for waiting orders promised by {}", day(*by));
            parts.extend(nonzero(NodeName::Waiting, &what, units.at_least_zero(), NodeRole::Takes));
        }
        let producible = flows.solution.producible.get(at).and_then(Option::as_ref);
        if let Some(producible) = producible.filter(|_| item.offer.is_some()) {
            parts.push(
                ExplainNode::new(NodeName::Offered, "offered on top of promises", producible.offered).part(NodeRole::Takes),
            );
        }
        for (parent, units) in &flow.taken {
            parts.push(ExplainNode::new(NodeName::Taken, format!("goes into {}", name(parent)), *units).part(NodeRole::Takes));
        }
        parts.extend(self.production(facts, item, flow));
        parts.extend(bulk_components(facts, &item.sku));
        let what = format!("{}: remaining", item.sku);
        let formula = "usable stock + receipts in time + to be produced − taken";
        Some(ExplainNode::new(NodeName::Item, what, flow.left).by(formula).with(parts))
    }

    /// What is to be produced of an item, with its lead time, yield and capacity.
    fn production(&self, facts: &ExplainFacts, item: &GroupItem, flow: &Flow) -> Option<ExplainNode> {
        let recipe = item.recipe.as_ref()?;
        let day = |day: Day| facts.today.checked_add(Span::new().days(day)).unwrap_or(Date::MAX);
        let starts = flow.starts.iter().take(MOST_NAMED).map(|(on, units)| {
            ExplainNode::new(
                NodeName::Production,
                format!("starts on {}, completed on {}", day(*on), day(on.saturating_add(recipe.lead))),
                *units,
            )
        });
        let more = flow.starts.len().saturating_sub(MOST_NAMED);
        let more = (more > 0).then(|| ExplainNode::new(NodeName::Production, format!("and starts on {more} more days"), None));
        let centre = recipe
            .centre
            .and_then(|centre| self.planning_group.centres.get(centre))
            .map(|centre| ExplainNode::new(NodeName::WorkCentre, format!("daily capacity of {}", centre.code), centre.per_day));
        let bill = facts.rows.get(&item.sku).and_then(|rows| rows.bill.as_ref())?;
        let version = if bill.version == 0 { String::new() } else { format!(", by bill version {}", bill.version) };
        let yields = bill.yields.map_or_else(String::new, |yields| format!(", yield {yields} %"));
        let from = NodeSource { at: bill.since, row: Some(RowKey::Bill(item.sku.clone()).to_string()), ..NodeSource::default() };
        let node = ExplainNode::new(NodeName::Production, format!("to be produced{version}"), flow.produced).part(NodeRole::Adds);
        Some(node.by(format!("lead time {} days{yields}", recipe.lead)).from(from).with(starts).with(more).with(centre))
    }

    fn sharers(&self, finished_goods: Vec<usize>) -> Vec<ExplainNode> {
        let solution = self.flows.as_ref().map(|flows| &flows.solution.producible);
        let node = |at: usize| {
            let item = self.planning_group.items.get(at)?;
            let producible = solution?.get(at)?.as_ref()?;
            let waiting: Quantity = item.promised.iter().map(|(_, units)| units.at_least_zero()).sum();
            Some(ExplainNode::new(
                NodeName::Sharer,
                format!("{} also requires it: {waiting} for waiting orders, and offered", item.sku),
                producible.offered,
            ))
        };
        let count = finished_goods.len();
        let mut nodes: Vec<ExplainNode> = finished_goods.into_iter().take(MOST_NAMED).filter_map(node).collect();
        if count > MOST_NAMED {
            nodes.push(ExplainNode::new(NodeName::Sharer, format!("and {} more finished goods", count - MOST_NAMED), None));
        }
        nodes
    }
}

/// The stock of an item that production may use, by place.
fn stock(facts: &ExplainFacts, item: &GroupItem) -> ExplainNode {
    let rows = facts.rows.get(&item.sku);
    let is_sold = rows.and_then(|rows| rows.item.as_ref()).is_some_and(|item| !item.shops.is_empty());
    let promise = rows.and_then(|rows| rows.promise.as_ref());
    let inputs = facts.planning_inputs();
    let places = promise.into_iter().flat_map(|promise| &promise.places).map(|(place, at)| {
        let counts = inputs.may_use(place, is_sold);
        let what = if counts { place.to_string() } else { format!("{place}: not usable for production") };
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
    let mut node = ExplainNode::new(NodeName::Stock, "usable stock", item.stock).part(NodeRole::Adds);
    if !facts.past {
        node = node.from(NodeSource::row(&RowKey::Promise(item.sku.clone()), at));
    }
    node.with(places)
}

/// The scheduled receipts of an item, each with the event that reported it.
fn documents(facts: &ExplainFacts, item: &GroupItem) -> Vec<ExplainNode> {
    let promise = facts.rows.get(&item.sku).and_then(|rows| rows.promise.as_ref());
    let receipts = facts.receipts.get(&item.sku);
    let node = |receipt: &ScheduledReceipt| {
        let ScheduledReceipt { reference, line, kind, location, quantity, left, due, .. } = receipt;
        let what = if *kind == StockKind::ProductionRun { "production run" } else { "purchase order" };
        let day = facts.planning_inputs().day_of(receipt);
        let counts = day.is_some_and(|day| day < FAR);
        let due = match (due, day) {
            (Some(due), Some(_)) if counts => format!("due {due}"),
            (Some(due), Some(_)) => format!("due {due}, too far in the future to count"),
            (Some(due), None) => format!("was due {due}: an overdue receipt does not count"),
            (None, _) => "has no due date: it does not count".to_owned(),
        };
        let last = receipts.and_then(|receipts| receipts.documents.get(reference)?.newest());
        let line = line.as_ref().map_or_else(String::new, |line| format!(" line {line}"));
        let from = NodeSource {
            event: last.map(|last| last.event.clone()),
            ..NodeSource::row(&RowKey::Receipts(item.sku.clone()), last.map(|last| last.recorded_at))
        };
        let what = format!("{what} {reference}{line} at {location}, {left} of {quantity} to come, {due}");
        ExplainNode::new(NodeName::ScheduledReceipt, what, *left)
            .part(if counts { NodeRole::Adds } else { NodeRole::Shows })
            .from(from)
    };
    promise.into_iter().flat_map(|promise| &promise.incoming).map(node).collect()
}

/// The bulk components of an item, which limit nothing.
fn bulk_components(facts: &ExplainFacts, sku: &Sku) -> Vec<ExplainNode> {
    let Some(rows) = facts.rows.get(sku) else { return Vec::new() };
    let is_bulk =
        |sku: &Sku| facts.rows.get(sku).and_then(|rows| rows.item.as_ref()).is_some_and(|item: &Item| item.planning.bulk);
    rows.components()
        .filter(|sku| is_bulk(sku))
        .map(|sku| ExplainNode::new(NodeName::Item, format!("component {sku} is bulk: it limits nothing"), None))
        .collect()
}

/// The producible units of the item as they are shown, compared with a plan from the current rows.
pub(crate) fn producible(facts: &ExplainFacts, shown: &FinishedGoodPlan, planning: Option<&Planning>) -> ExplainNode {
    let anew = planning.and_then(|planning| planning.planned(&facts.sku));
    let differs = anew.is_none_or(|anew| {
        (anew.waiting, anew.offered, &anew.late, anew.limit.as_ref().map(|limit| &limit.path))
            != (shown.waiting, shown.offered, &shown.late, shown.limit.as_ref().map(|limit| &limit.path))
    });
    let wrong = differs.then(|| {
        let anew = anew.cloned().unwrap_or_default();
        format!(
            "a plan from the current rows has {} waiting, {} of them late, and {} offered: \
             a change is being processed, or a plan was not written",
            anew.waiting,
            anew.late_units(),
            anew.offered
        )
    });
    let mut node = ExplainNode::new(NodeName::Producible, "can be produced or received in time", shown.producible())
        .by("waiting − late + offered")
        .with_inconsistency(wrong)
        .with([
            ExplainNode::new(NodeName::Waiting, "waiting orders", shown.waiting).part(NodeRole::Adds),
            ExplainNode::new(NodeName::Late, "late", shown.late_units()).part(NodeRole::Takes),
            ExplainNode::new(NodeName::Offered, "offered on top of promises", shown.offered).part(NodeRole::Adds),
        ]);
    if let Some(plan) = planning.and_then(|planning| planning.plan.as_ref()).filter(|_| !facts.past) {
        node = node.from(NodeSource { row: Some(RowKey::Plan(plan.id.clone()).to_string()), ..NodeSource::default() });
    }
    if let Some(limit) = &shown.limit {
        let mut limit = ExplainNode::new(NodeName::Bottleneck, format!("bottleneck of the next unit: {limit}"), None);
        limit.on_bottleneck_path = true;
        node = node.with([limit]);
    }
    node.with(planning.into_iter().flat_map(|planning| planning.items(facts)))
}

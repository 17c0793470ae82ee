//! From a shop's number down to movements: what it was told, what is due, the supply, the place, its last movements.

use jiff::Timestamp;

use crate::catalog::{Place, Quantity};
use crate::explain::facts::{By, ExplainFacts, History, SentLevel};
use crate::explain::node::{ExplainNode, NodeName, NodeRole, NodeSource};
use crate::movement::{Balance, Movement, MovementKind, PositionKey};
use crate::promise::{LocationPromise, Promise};
use crate::storefront::{PushAction, PushCall, PushOutcome};
use crate::table::{Row, RowKey};

/// What can be promised to an online order, from all places together.
pub(super) fn network(facts: &ExplainFacts, promise: &Promise) -> ExplainNode {
    let parts = promise.places.iter().map(|(place, at)| {
        let counts = crate::promise::available::sells_online(&facts.network, place);
        let what = if counts { place.to_string() } else { format!("{place}: not sold online") };
        ExplainNode::new(NodeName::Place, what, at.available).part(if counts { NodeRole::Adds } else { NodeRole::Shows })
    });
    ExplainNode::new(NodeName::Network, format!("{} can be promised to online orders", facts.sku), promise.available)
        .by("the sum of what each location that sells online can promise, less what orders without a location hold")
        .from(source(facts, &RowKey::Promise(facts.sku.clone()), promise.computed_at))
        .with(parts)
}

/// A row that was read; of the past there is none.
fn source(facts: &ExplainFacts, row: &RowKey, at: impl Into<Option<Timestamp>>) -> NodeSource {
    if facts.then { NodeSource { at: at.into(), ..NodeSource::default() } } else { NodeSource::row(row, at) }
}

/// What a shop was told, and what that comes from.
pub(super) fn told(
    facts: &ExplainFacts,
    told: &SentLevel,
    at: Option<&LocationPromise>,
    producible: Option<ExplainNode>,
) -> ExplainNode {
    let level = &told.level;
    let here = Place::At(level.location.clone());
    let push = to_push(facts, told, at, producible);
    let mut parts = Vec::new();
    let known = level.acknowledged.is_some();
    parts.push(push.part(if known { NodeRole::Adds } else { NodeRole::Shows }));
    if let Some(difference) = level.difference() {
        let what = if facts.then { "not told yet by then".to_owned() } else { format!("due since {}", level.changed_at) };
        parts.push(ExplainNode::new(NodeName::Due, what, difference).part(NodeRole::Takes));
    } else if level.needs_set && !facts.then {
        let what = if known { "to be compared with the shop once it is quiet" } else { "to be set outright once it is quiet" };
        parts.push(ExplainNode::new(NodeName::Due, what, None));
    }
    if let Some(reason) = &level.refused {
        parts.push(ExplainNode::new(NodeName::Refused, format!("the shop refuses it: {reason}"), None));
    }
    parts.push(match &told.by {
        By::Call(call) => called(call, told),
        By::Nobody => ExplainNode::new(NodeName::Call, "the shop was never told", None),
        By::NotKept => ExplainNode::new(NodeName::Call, "the call that told it is not kept: it is from before calls were", None),
        By::Older => {
            let what = format!("none of the {} calls before that time told it: what it knew is unknown", PushCall::LOOKED_BACK);
            ExplainNode::new(NodeName::Call, what, None)
        }
    });
    ExplainNode::new(NodeName::Told, format!("{} was told of {} at {here}", level.shop, level.sku), level.acknowledged)
        .by("what is to be pushed, less what is still due")
        .from(source(facts, &level.row_key(), (!facts.then).then_some(level.changed_at)))
        .with(parts)
}

fn called(call: &PushCall, told: &SentLevel) -> ExplainNode {
    let row = call.row(&told.level.sku, &told.level.location).map(|(_, row)| row);
    let what = match (call.intent.action, &call.outcome) {
        (PushAction::Adjust, PushOutcome::Told) => "added by call",
        (PushAction::Set, PushOutcome::Told) => "set by call",
        (PushAction::Adjust | PushAction::Set, PushOutcome::Refused(_)) => "refused in call",
    };
    ExplainNode::new(NodeName::Call, format!("{what} {}", call.intent.number), row.map(|row| row.send))
        .from(NodeSource { movement: row.map(|row| row.seq), ..NodeSource::row(&call.row_key(), call.closed_at) })
}

fn to_push(facts: &ExplainFacts, told: &SentLevel, at: Option<&LocationPromise>, producible: Option<ExplainNode>) -> ExplainNode {
    let level = &told.level;
    let mut supply = ExplainNode::new(NodeName::Supply, "supply", level.supply)
        .by("what the shop's available and committed should add up to: on hand less what it may not sell, and what can be made");
    let mut push = ExplainNode::new(NodeName::ToPush, "to push", level.to_push).by("supply − moved by the shop itself");
    if let Some(at) = at {
        let location = facts.network.get(&level.location);
        let buffer = at.kept_back(location, facts.item.buffer_for(Some(&level.shop), facts.tier.as_ref()));
        supply = supply.with(sellable(&at.balance));
        supply = supply.with(some(NodeName::Ahead, "left before the shop said so", at.balance.ahead, NodeRole::Adds));
        supply = supply.with(some(NodeName::Makeable, "can still be made", at.producible, NodeRole::Adds));
        supply = supply.with(some(NodeName::Buffer, kept_back(facts, &level.location), buffer, NodeRole::Takes));
        supply = supply.with([place(facts, &Place::At(level.location.clone()), at, producible)]);
        push = push.with([supply.part(NodeRole::Adds)]);
        push = push.with(some(NodeName::MovedByShop, "moved by the shop itself", at.balance.moved_by_shop, NodeRole::Takes));
    } else {
        push = push.with([supply]);
    }
    push
}

fn kept_back(facts: &ExplainFacts, location: &crate::catalog::LocationId) -> &'static str {
    let is_active = facts.network.get(location).is_some_and(|location| location.active);
    if is_active { "kept back" } else { "kept back: the location is not in use" }
}

/// What is on hand and may be sold.
fn sellable(balance: &Balance) -> Vec<ExplainNode> {
    let Balance { on_hand, held, pos_pending, allocated, wholesale, .. } = balance;
    let mut parts = vec![ExplainNode::new(NodeName::OnHand, "on hand", *on_hand).part(NodeRole::Adds)];
    parts.extend(some(NodeName::Held, "held", *held, NodeRole::Takes));
    parts.extend(some(NodeName::PosPending, "sold by tills", *pos_pending, NodeRole::Takes));
    parts.extend(some(NodeName::Allocated, "allocated to other channels", *allocated, NodeRole::Takes));
    parts.extend(some(NodeName::Wholesale, "promised to wholesale", *wholesale, NodeRole::Takes));
    parts
}

/// A number that is only told where it is not zero.
pub(super) fn some(name: NodeName, what: &str, units: Quantity, role: NodeRole) -> Option<ExplainNode> {
    (!units.is_zero()).then(|| ExplainNode::new(name, what, units).part(role))
}

/// What can be promised from one place, and what led there.
pub(super) fn place(facts: &ExplainFacts, place: &Place, at: &LocationPromise, producible: Option<ExplainNode>) -> ExplainNode {
    let of = PositionKey::new(facts.sku.clone(), place.clone());
    let mut parts = sellable(&at.balance);
    parts.push(ExplainNode::new(NodeName::Reserved, "reserved by orders", at.balance.reserved).part(NodeRole::Takes));
    parts.extend(match producible {
        Some(producible) => Some(producible.part(NodeRole::Adds)),
        None => some(NodeName::Makeable, "can still be made", at.producible, NodeRole::Adds),
    });
    let kept = match place {
        Place::At(location) => kept_back(facts, location),
        Place::Unassigned => "kept back",
    };
    parts.extend(some(NodeName::Buffer, kept, at.buffer, NodeRole::Takes));
    parts.extend(some(NodeName::InTransit, "on its way here", at.balance.in_transit, NodeRole::Shows));
    let history = facts.histories.get(place);
    let recent = history.into_iter().flat_map(|history| &history.recent).filter(|movement| movement.seq <= at.seq);
    parts.extend(recent.rev().map(movement));
    if let Some(behind) = history.map(|history| history.position.seq).filter(|seq| *seq > at.seq) {
        let count = behind - at.seq;
        parts.push(ExplainNode::new(NodeName::Behind, format!("{count} newer movements are being computed"), None));
    }
    let moved_at = history.and_then(|history| history.position.moved_at);
    let from = NodeSource { movement: (at.seq > 0).then_some(at.seq), ..source(facts, &RowKey::Position(of), moved_at) };
    let mut node = ExplainNode::new(NodeName::Place, format!("{} at {place} can be promised", facts.sku), at.available)
        .by("on hand − held − sold by tills − allocated − wholesale − reserved + can still be made − kept back")
        .from(from)
        .wrong(disagrees(at, history))
        .with(parts);
    node.last_seen = at.last_seen.clone();
    node
}

/// How a place's numbers are not those of its position and its last movement.
fn disagrees(at: &LocationPromise, history: Option<&History>) -> Option<String> {
    if at.seq == 0 {
        return None;
    }
    let Some(History { position, recent }) = history else {
        return Some(format!("it is computed from movement {}, and the position is not there", at.seq));
    };
    if position.seq < at.seq {
        return Some(format!("it is computed from movement {}, and the position has come to {}", at.seq, position.seq));
    }
    if position.seq == at.seq && position.balance != at.balance {
        return Some(format!("it says {}, and the position {}", at.balance, position.balance));
    }
    match recent.iter().find(|movement| movement.seq == at.seq) {
        Some(last) if last.after == at.balance => None,
        Some(last) => Some(format!("it says {}, and movement {} left {}", at.balance, last.seq, last.after)),
        None if recent.is_empty() => None, // None were to be shown.
        None => Some(format!("movement {} is not there", at.seq)),
    }
}

fn movement(movement: &Movement) -> ExplainNode {
    ExplainNode::new(NodeName::Movement, kind_name(movement.kind), movement.quantity).from(NodeSource {
        movement: Some(movement.seq),
        event: Some(movement.cause.event.clone()),
        order: movement.cause.order.clone(),
        ..NodeSource::row(&movement.row_key(), movement.recorded_at)
    })
}

fn kind_name(kind: MovementKind) -> String {
    let name = serde_json::to_value(kind).ok();
    name.as_ref().and_then(|name| name.as_str()).unwrap_or_default().replace('_', " ")
}

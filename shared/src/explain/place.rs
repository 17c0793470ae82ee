//! From a shop's level down to movements: the acknowledged value, what is still to be sent, the supply, the place, and its last
//! movements.

use jiff::Timestamp;

use crate::catalog::{Place, Quantity};
use crate::explain::facts::{ExplainFacts, History, SentBy, SentLevel};
use crate::explain::node::{ExplainNode, NodeName, NodeRole, NodeSource};
use crate::movement::{Balance, Movement, PositionKey};
use crate::promise::{LocationPromise, Promise};
use crate::storefront::{LevelBlock, PushAction, PushCall, PushOutcome};
use crate::table::{Row, RowKey};

/// What can be promised to an online order, from all places together.
pub(super) fn network(facts: &ExplainFacts, promise: &Promise) -> ExplainNode {
    let parts = promise.places.iter().map(|(place, at)| {
        let counts = crate::promise::available::sells_online(&facts.network, place);
        let what = if counts { place.to_string() } else { format!("{place}: not sold online") };
        ExplainNode::new(NodeName::Place, what, at.available).part(if counts { NodeRole::Adds } else { NodeRole::Shows })
    });
    ExplainNode::new(NodeName::Network, format!("{} can be promised to online orders", facts.sku), promise.available)
        .by("the sum over the locations that sell online, less units reserved by orders without a location")
        .from(source(facts, &RowKey::Promise(facts.sku.clone()), promise.computed_at))
        .with(parts)
}

/// The row that was read. A number of the past has no row.
fn source(facts: &ExplainFacts, row: &RowKey, at: impl Into<Option<Timestamp>>) -> NodeSource {
    if facts.past { NodeSource { at: at.into(), ..NodeSource::default() } } else { NodeSource::row(row, at) }
}

/// The value that a shop acknowledged, and its parts.
pub(super) fn sent_level(
    facts: &ExplainFacts,
    sent: &SentLevel,
    at: Option<&LocationPromise>,
    producible: Option<ExplainNode>,
) -> ExplainNode {
    let level = &sent.level;
    let here = Place::At(level.location.clone());
    let push = to_push(facts, sent, at, producible);
    let mut parts = Vec::new();
    let known = level.acknowledged.is_some();
    parts.push(push.part(if known { NodeRole::Adds } else { NodeRole::Shows }));
    if let Some(difference) = level.difference() {
        let what = if facts.past { "not sent by then".to_owned() } else { format!("to be sent since {}", level.changed_at) };
        parts.push(ExplainNode::new(NodeName::Unsent, what, difference).part(NodeRole::Takes));
    } else if level.needs_set && !facts.past {
        let what = if known {
            "to be compared with the shop after the settling window"
        } else {
            "to be initialised after the settling window"
        };
        parts.push(ExplainNode::new(NodeName::Unsent, what, None));
    }
    if let Some(block) = &level.blocked {
        let why = match block {
            LevelBlock::NeverReported => "left alone: no system ever reported stock here".to_owned(),
            LevelBlock::Refused { reason } => format!("the shop refuses the value: {reason}"),
            LevelBlock::Parked { shown, wanted } => {
                format!("the shop shows {shown}; setting it to {wanted} waits for an operator")
            }
            LevelBlock::Deactivated => "a person deactivated the level in the shop".to_owned(),
        };
        parts.push(ExplainNode::new(NodeName::Refused, why, None));
    }
    parts.push(match &sent.sent_by {
        SentBy::Call(call) => call_node(call, sent),
        SentBy::NoCall => ExplainNode::new(NodeName::Call, "no call has sent this level", None),
        SentBy::NotStored => ExplainNode::new(NodeName::Call, "the call that sent it is not stored", None),
        SentBy::NotFound => {
            let what = format!("none of the {} calls before that time sent it: its value then is unknown", PushCall::SEARCHED);
            ExplainNode::new(NodeName::Call, what, None)
        }
    });
    ExplainNode::new(
        NodeName::Acknowledged,
        format!("acknowledged by {}: {} at {here}", level.shop, level.sku),
        level.acknowledged,
    )
    .by("to push − still to be sent")
    .from(source(facts, &level.row_key(), (!facts.past).then_some(level.changed_at)))
    .with(parts)
}

fn call_node(call: &PushCall, sent: &SentLevel) -> ExplainNode {
    let row = call.row(&sent.level.sku, &sent.level.location).map(|(_, row)| row);
    let what = match (call.intent.action, &call.outcome) {
        (PushAction::Adjust, PushOutcome::Accepted) => "added by call",
        (PushAction::Set, PushOutcome::Accepted) => "set by call",
        (PushAction::Adjust | PushAction::Set, PushOutcome::Refused(_)) => "refused in call",
    };
    ExplainNode::new(NodeName::Call, format!("{what} {}", call.intent.number), row.map(|row| row.send))
        .from(NodeSource { movement: row.map(|row| row.seq), ..NodeSource::row(&call.row_key(), call.closed_at) })
}

fn to_push(facts: &ExplainFacts, sent: &SentLevel, at: Option<&LocationPromise>, producible: Option<ExplainNode>) -> ExplainNode {
    let level = &sent.level;
    let mut supply = ExplainNode::new(NodeName::Supply, "supply", level.supply)
        .by("units that may be sold + shipped ahead of the shop + can still be produced − kept back − unclaimed");
    let mut push = ExplainNode::new(NodeName::ToPush, "to push", level.to_push).by("supply − moved by the shop itself");
    if let Some(at) = at {
        let location = facts.network.get(&level.location);
        let buffer = at.kept_back(location, facts.item.buffer_for(Some(&level.shop), facts.tier.as_ref()));
        supply = supply.with(sellable(at));
        supply =
            supply.with(nonzero(NodeName::ShippedAhead, "shipped ahead of the shop", at.balance.shipped_ahead, NodeRole::Adds));
        supply = supply.with(nonzero(NodeName::Producible, "can still be produced", at.producible, NodeRole::Adds));
        supply = supply.with(nonzero(NodeName::Buffer, kept_back(facts, &level.location), buffer, NodeRole::Takes));
        let unclaimed = "reserved by orders that the shop does not commit";
        supply = supply.with(nonzero(NodeName::Unclaimed, unclaimed, level.unclaimed, NodeRole::Takes));
        supply = supply.with([place(facts, &Place::At(level.location.clone()), at, producible)]);
        push = push.with([supply.part(NodeRole::Adds)]);
        push = push.with(nonzero(NodeName::MovedByShop, "moved by the shop itself", at.balance.moved_by_shop, NodeRole::Takes));
    } else {
        push = push.with([supply]);
    }
    push
}

fn kept_back(facts: &ExplainFacts, location: &crate::catalog::LocationId) -> &'static str {
    let is_active = facts.network.get(location).is_some_and(|location| location.active);
    if is_active { "kept back" } else { "kept back: the location is not in use" }
}

/// The parts of the units that may be sold.
fn sellable(at: &LocationPromise) -> Vec<ExplainNode> {
    let Balance { on_hand, held, pos_pending, allocated, wholesale, .. } = &at.balance;
    let mut parts = vec![ExplainNode::new(NodeName::OnHand, "on hand", *on_hand).part(NodeRole::Adds)];
    parts.extend(nonzero(NodeName::Held, "held", *held, NodeRole::Takes));
    parts.extend(nonzero(NodeName::Expired, "of lots that have expired", at.expired, NodeRole::Takes));
    parts.extend(nonzero(NodeName::KeptForKits, "kept for kits", at.kept_for_kits, NodeRole::Takes));
    parts.extend(nonzero(NodeName::PosPending, "sold by POS", *pos_pending, NodeRole::Takes));
    parts.extend(nonzero(NodeName::Allocated, "allocated to other channels", *allocated, NodeRole::Takes));
    parts.extend(nonzero(NodeName::Wholesale, "promised to wholesale", *wholesale, NodeRole::Takes));
    parts
}

/// A node for a number that is not zero; `None` for zero.
pub(super) fn nonzero(name: NodeName, what: &str, units: Quantity, role: NodeRole) -> Option<ExplainNode> {
    (!units.is_zero()).then(|| ExplainNode::new(name, what, units).part(role))
}

/// What can be promised from one place, with its last movements.
pub(super) fn place(facts: &ExplainFacts, place: &Place, at: &LocationPromise, producible: Option<ExplainNode>) -> ExplainNode {
    let of = PositionKey::new(facts.sku.clone(), place.clone());
    let mut parts = sellable(at);
    parts.push(ExplainNode::new(NodeName::Reserved, "reserved by orders", at.balance.reserved).part(NodeRole::Takes));
    parts.extend(match producible {
        Some(producible) => Some(producible.part(NodeRole::Adds)),
        None => nonzero(NodeName::Producible, "can still be produced", at.producible, NodeRole::Adds),
    });
    let kept = match place {
        Place::At(location) => kept_back(facts, location),
        Place::Unassigned => "kept back",
    };
    parts.extend(nonzero(NodeName::Buffer, kept, at.buffer, NodeRole::Takes));
    parts.extend(nonzero(NodeName::InTransit, "in transit to this place", at.balance.in_transit, NodeRole::Shows));
    let history = facts.histories.get(place);
    let recent = history.into_iter().flat_map(|history| &history.recent).filter(|movement| movement.seq <= at.seq);
    parts.extend(recent.rev().map(movement));
    if let Some(behind) = history.map(|history| history.position.seq).filter(|seq| *seq > at.seq) {
        let count = behind - at.seq;
        parts.push(ExplainNode::new(
            NodeName::NewerMovements,
            format!("{count} newer movements are not in this number yet"),
            None,
        ));
    }
    let moved_at = history.and_then(|history| history.position.moved_at);
    let from = NodeSource { movement: (at.seq > 0).then_some(at.seq), ..source(facts, &RowKey::Position(of), moved_at) };
    let mut node = ExplainNode::new(NodeName::Place, format!("{} at {place} can be promised", facts.sku), at.available)
        .by("on hand − held − expired − kept for kits − sold by POS − allocated − wholesale − reserved + can still be produced − kept back")
        .from(from)
        .with_inconsistency(disagrees(at, history))
        .with(parts);
    node.last_seen = at.last_seen.clone();
    node
}

/// How the numbers of a place differ from its position and its last movement; `None` when they match.
fn disagrees(at: &LocationPromise, history: Option<&History>) -> Option<String> {
    if at.seq == 0 {
        return None;
    }
    let Some(History { position, recent }) = history else {
        return Some(format!("it is computed from movement {}, but the position does not exist", at.seq));
    };
    if position.seq < at.seq {
        return Some(format!("it is computed from movement {}, but the position is at movement {}", at.seq, position.seq));
    }
    if position.seq == at.seq && position.balance != at.balance {
        return Some(format!("it has {}, but the position has {}", at.balance, position.balance));
    }
    match recent.iter().find(|movement| movement.seq == at.seq) {
        Some(last) if last.after == at.balance => None,
        Some(last) => Some(format!("it has {}, but movement {} left {}", at.balance, last.seq, last.after)),
        None if recent.is_empty() => None, // The question asked for no movements.
        None => Some(format!("movement {} does not exist", at.seq)),
    }
}

fn movement(movement: &Movement) -> ExplainNode {
    ExplainNode::new(NodeName::Movement, movement.name().replace('_', " "), movement.quantity).from(NodeSource {
        movement: Some(movement.seq),
        event: Some(movement.cause.event.clone()),
        order: movement.cause.order.clone(),
        ..NodeSource::row(&movement.row_key(), movement.recorded_at)
    })
}

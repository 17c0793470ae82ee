//! From a shop's number down to movements: what it was told, what is due, the supply, the place, its last movements.

use jiff::Timestamp;

use crate::catalog::{Place, Quantity};
use crate::explain::facts::{By, Facts, History, Told};
use crate::explain::node::{Name, Node, Role, Source};
use crate::movement::{Balance, Kind, Movement, PositionKey};
use crate::promise::{AtPlace, Promise};
use crate::storefront::{Action, Call, Outcome};
use crate::table::{Row, RowKey};

/// What can be promised to an online order, from all places together.
pub(super) fn network(facts: &Facts, promise: &Promise) -> Node {
    let parts = promise.places.iter().map(|(place, at)| {
        let counts = crate::promise::available::sells_online(&facts.network, place);
        let what = if counts { place.to_string() } else { format!("{place}: not sold online") };
        Node::new(Name::Place, what, at.available).part(if counts { Role::Adds } else { Role::Shows })
    });
    Node::new(Name::Network, format!("{} can be promised to online orders", facts.sku), promise.available)
        .by("the sum of what each location that sells online can promise, less what orders without a location hold")
        .from(source(facts, &RowKey::Promise(facts.sku.clone()), promise.computed_at))
        .with(parts)
}

/// A row that was read; of the past there is none.
fn source(facts: &Facts, row: &RowKey, at: impl Into<Option<Timestamp>>) -> Source {
    if facts.then { Source { at: at.into(), ..Source::default() } } else { Source::row(row, at) }
}

/// What a shop was told, and what that comes from.
pub(super) fn told(facts: &Facts, told: &Told, at: Option<&AtPlace>, makeable: Option<Node>) -> Node {
    let level = &told.level;
    let here = Place::At(level.location.clone());
    let push = to_push(facts, told, at, makeable);
    let mut parts = Vec::new();
    let known = level.acknowledged.is_some();
    parts.push(push.part(if known { Role::Adds } else { Role::Shows }));
    if let Some(difference) = level.difference() {
        let what = if facts.then { "not told yet by then".to_owned() } else { format!("due since {}", level.changed_at) };
        parts.push(Node::new(Name::Due, what, difference).part(Role::Takes));
    } else if level.contact && !facts.then {
        let what = if known { "to be compared with the shop once it is quiet" } else { "to be set outright once it is quiet" };
        parts.push(Node::new(Name::Due, what, None));
    }
    if let Some(reason) = &level.refused {
        parts.push(Node::new(Name::Refused, format!("the shop refuses it: {reason}"), None));
    }
    parts.push(match &told.by {
        By::Call(call) => called(call, told),
        By::Nobody => Node::new(Name::Call, "the shop was never told", None),
        By::NotKept => Node::new(Name::Call, "the call that told it is not kept: it is from before calls were", None),
        By::Older => {
            let what = format!("none of the {} calls before that time told it: what it knew is unknown", Call::LOOKED_BACK);
            Node::new(Name::Call, what, None)
        }
    });
    Node::new(Name::Told, format!("{} was told of {} at {here}", level.shop, level.sku), level.acknowledged)
        .by("what is to be pushed, less what is still due")
        .from(source(facts, &level.row_key(), (!facts.then).then_some(level.changed_at)))
        .with(parts)
}

fn called(call: &Call, told: &Told) -> Node {
    let row = call.row(&told.level.sku, &told.level.location).map(|(_, row)| row);
    let what = match (call.intent.action, &call.outcome) {
        (Action::Adjust, Outcome::Told) => "added by call",
        (Action::Set, Outcome::Told) => "set by call",
        (Action::Adjust | Action::Set, Outcome::Refused(_)) => "refused in call",
    };
    Node::new(Name::Call, format!("{what} {}", call.intent.number), row.map(|row| row.send))
        .from(Source { movement: row.map(|row| row.seq), ..Source::row(&call.row_key(), call.closed_at) })
}

fn to_push(facts: &Facts, told: &Told, at: Option<&AtPlace>, makeable: Option<Node>) -> Node {
    let level = &told.level;
    let mut supply = Node::new(Name::Supply, "supply", level.supply)
        .by("what the shop's available and committed should add up to: on hand less what it may not sell, and what can be made");
    let mut push = Node::new(Name::ToPush, "to push", level.to_push).by("supply − moved by the shop itself");
    if let Some(at) = at {
        let location = facts.network.get(&level.location);
        let buffer = at.kept_back(location, facts.item.buffer_for(Some(&level.shop), facts.tier.as_ref()));
        supply = supply.with(sellable(&at.balance));
        supply = supply.with(some(Name::Ahead, "left before the shop said so", at.balance.ahead, Role::Adds));
        supply = supply.with(some(Name::Makeable, "can still be made", at.makeable, Role::Adds));
        supply = supply.with(some(Name::Buffer, kept_back(facts, &level.location), buffer, Role::Takes));
        supply = supply.with([place(facts, &Place::At(level.location.clone()), at, makeable)]);
        push = push.with([supply.part(Role::Adds)]);
        push = push.with(some(Name::MovedByShop, "moved by the shop itself", at.balance.moved_by_shop, Role::Takes));
    } else {
        push = push.with([supply]);
    }
    push
}

fn kept_back(facts: &Facts, location: &crate::catalog::LocationId) -> &'static str {
    let is_active = facts.network.get(location).is_some_and(|location| location.active);
    if is_active { "kept back" } else { "kept back: the location is not in use" }
}

/// What is on hand and may be sold.
fn sellable(balance: &Balance) -> Vec<Node> {
    let Balance { on_hand, held, pos_pending, allocated, wholesale, .. } = balance;
    let mut parts = vec![Node::new(Name::OnHand, "on hand", *on_hand).part(Role::Adds)];
    parts.extend(some(Name::Held, "held", *held, Role::Takes));
    parts.extend(some(Name::PosPending, "sold by tills", *pos_pending, Role::Takes));
    parts.extend(some(Name::Allocated, "allocated to other channels", *allocated, Role::Takes));
    parts.extend(some(Name::Wholesale, "promised to wholesale", *wholesale, Role::Takes));
    parts
}

/// A number that is only told where it is not zero.
pub(super) fn some(name: Name, what: &str, units: Quantity, role: Role) -> Option<Node> {
    (!units.is_zero()).then(|| Node::new(name, what, units).part(role))
}

/// What can be promised from one place, and what led there.
pub(super) fn place(facts: &Facts, place: &Place, at: &AtPlace, makeable: Option<Node>) -> Node {
    let of = PositionKey::new(facts.sku.clone(), place.clone());
    let mut parts = sellable(&at.balance);
    parts.push(Node::new(Name::Reserved, "reserved by orders", at.balance.reserved).part(Role::Takes));
    parts.extend(match makeable {
        Some(makeable) => Some(makeable.part(Role::Adds)),
        None => some(Name::Makeable, "can still be made", at.makeable, Role::Adds),
    });
    let kept = match place {
        Place::At(location) => kept_back(facts, location),
        Place::Unassigned => "kept back",
    };
    parts.extend(some(Name::Buffer, kept, at.buffer, Role::Takes));
    parts.extend(some(Name::InTransit, "on its way here", at.balance.in_transit, Role::Shows));
    let history = facts.histories.get(place);
    let recent = history.into_iter().flat_map(|history| &history.recent).filter(|movement| movement.seq <= at.seq);
    parts.extend(recent.rev().map(movement));
    if let Some(behind) = history.map(|history| history.position.seq).filter(|seq| *seq > at.seq) {
        let count = behind - at.seq;
        parts.push(Node::new(Name::Behind, format!("{count} newer movements are being computed"), None));
    }
    let moved_at = history.and_then(|history| history.position.moved_at);
    let from = Source { movement: (at.seq > 0).then_some(at.seq), ..source(facts, &RowKey::Position(of), moved_at) };
    let mut node = Node::new(Name::Place, format!("{} at {place} can be promised", facts.sku), at.available)
        .by("on hand − held − sold by tills − allocated − wholesale − reserved + can still be made − kept back")
        .from(from)
        .wrong(disagrees(at, history))
        .with(parts);
    node.heard = at.heard.clone();
    node
}

/// How a place's numbers are not those of its position and its last movement.
fn disagrees(at: &AtPlace, history: Option<&History>) -> Option<String> {
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

fn movement(movement: &Movement) -> Node {
    Node::new(Name::Movement, kind_name(movement.kind), movement.quantity).from(Source {
        movement: Some(movement.seq),
        event: Some(movement.cause.event.clone()),
        order: movement.cause.order.clone(),
        ..Source::row(&movement.row_key(), movement.recorded_at)
    })
}

fn kind_name(kind: Kind) -> String {
    let name = serde_json::to_value(kind).ok();
    name.as_ref().and_then(|name| name.as_str()).unwrap_or_default().replace('_', " ")
}

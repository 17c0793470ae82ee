//! Checks the outcome of each event in the table: applied exactly once, refused without a trace, or waiting for a mapping. It
//! also reports events in the ledger that no system sent.

use std::collections::{BTreeMap, BTreeSet};

use promissory::catalog::Quantity;
use promissory::movement::{EventId, Movement, MovementKind};
use promissory::source::{StockKind, WaitingForMapping, WaitingItem};

use super::Script;
use super::master_data::System;
use super::reported_event::{ExpectedOutcome, ReportedEvent};
use crate::audit::TableContents;

/// The numbers of events that have the expected outcome, by outcome.
#[derive(Debug, Default)]
pub struct OutcomeCounts {
    /// Events that are in the ledger once.
    pub applied: usize,
    /// Events that are not in the ledger and not waiting.
    pub refused: usize,
    /// Events that wait for a mapping.
    pub unmapped: usize,
}

impl OutcomeCounts {
    /// Checks every event, and adds each unexpected outcome to `problems`.
    pub fn of(script: &Script, contents: &TableContents, problems: &mut Vec<String>) -> Self {
        let mut caused: BTreeMap<&EventId, Vec<&Movement>> = BTreeMap::new();
        for movement in contents.all_movements() {
            caused.entry(&movement.cause.event).or_default().push(movement);
        }
        let waiting: BTreeSet<&EventId> = contents.waiting.iter().filter_map(event_of).collect();
        let mut outcomes = Self::default();
        let mut sent: BTreeSet<EventId> = BTreeSet::new();
        for event in &script.events {
            let Some(id) = event.id() else { continue };
            let id = EventId::new(event.system.code(), id);
            let (marked, waits) = (contents.marks.contains_key(&id), waiting.contains(&id));
            let must = match event.expected {
                // The ledger has the first event under this id. That event is checked by itself.
                ExpectedOutcome::Applied | ExpectedOutcome::ContentMismatch => (true, false),
                ExpectedOutcome::Unmapped => (false, true),
                ExpectedOutcome::Malformed | ExpectedOutcome::NotWhole => (false, false),
            };
            let trouble = if (marked, waits) == must {
                let movements = caused.get(&id).map(Vec::as_slice).unwrap_or_default();
                if event.expected == ExpectedOutcome::Applied { wrong_movements(event, movements) } else { None }
            } else {
                let outcome = event.expected;
                Some(format!("is expected to be {outcome:?}: in the ledger {marked}, waiting {waits}"))
            };
            match (trouble, event.expected) {
                (Some(trouble), _) => problems.push(format!("{id} ({}) {trouble}", event.kind.name())),
                (None, ExpectedOutcome::Applied) => outcomes.applied += 1,
                (None, ExpectedOutcome::Unmapped) => outcomes.unmapped += 1,
                (None, ExpectedOutcome::Malformed | ExpectedOutcome::NotWhole | ExpectedOutcome::ContentMismatch) => {
                    outcomes.refused += 1
                }
            }
            sent.insert(id);
        }
        outcomes.applied += states(script, contents, problems);
        let ours = |id: &&EventId| System::ALL.iter().any(|system| system.code() == id.source);
        let known = contents.marks.keys().chain(waiting).filter(ours);
        let unknown = known.filter(|id| !is_state(id) && !sent.contains(*id));
        problems.extend(unknown.map(|id| format!("{id} is in the ledger or waits, but no system sent it")));
        outcomes
    }
}

fn event_of(waiting: &WaitingForMapping) -> Option<&EventId> {
    match &waiting.what {
        WaitingItem::Event(event) => Some(&event.id),
        WaitingItem::Order { .. } => None,
    }
}

/// Whether the connector derived the id from the content, as it does for every state (a count or a balance).
fn is_state(id: &EventId) -> bool {
    id.source == System::Erp.code() && id.id.starts_with("state-")
}

/// The number of states of the ERP that were applied. The model checks their content.
fn states(script: &Script, contents: &TableContents, problems: &mut Vec<String>) -> usize {
    let sent = script.events.iter().filter(|event| event.id().is_none()).count();
    let applied = contents.marks.keys().filter(|id| is_state(id)).count();
    if applied != sent {
        problems.push(format!("{applied} states of the ERP are in the ledger, but the ERP reported {sent}"));
    }
    applied.min(sent)
}

/// What is wrong with the movements of an event, if it was not applied exactly once.
fn wrong_movements(event: &ReportedEvent, movements: &[&Movement]) -> Option<String> {
    if event.order.is_some() {
        return None; // The audit of the orders checks the units of an order.
    }
    let names = movements.iter().map(|movement| movement.name());
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    names.for_each(|name| *counts.entry(name).or_default() += 1);
    if let Some((name, count)) = counts.iter().find(|(_, count)| **count > 1) {
        return Some(format!("made {count} movements {name}"));
    }
    let wanted = main_movement(event)?;
    let made = movements.iter().find(|movement| movement.kind == wanted && !movement.reversal);
    let units = Quantity::new(event.units.abs());
    made.is_none_or(|made| made.quantity != units || made.of.sku.as_str() != event.item.sku())
        .then(|| format!("is expected to make one {wanted:?} of {units}"))
}

/// The movement that an event makes regardless of earlier events, if there is one.
fn main_movement(event: &ReportedEvent) -> Option<MovementKind> {
    match event.kind {
        StockKind::Receipt => Some(MovementKind::Receipt),
        StockKind::ProductionCompleted => Some(MovementKind::Produce),
        StockKind::ComponentIssue => Some(MovementKind::Issue),
        StockKind::Adjustment => Some(if event.units < 0 { MovementKind::Lost } else { MovementKind::Found }),
        StockKind::WriteOff => Some(MovementKind::WriteOff),
        StockKind::TransferOut => Some(MovementKind::TransferOut),
        StockKind::TransferIn => Some(MovementKind::TransferIn),
        StockKind::CustomerReturn => Some(MovementKind::Return),
        StockKind::PosPosting => Some(MovementKind::Sell),
        StockKind::Shipment => Some(MovementKind::Deliver),
        StockKind::OpeningStock
        | StockKind::Count
        | StockKind::Balance
        | StockKind::QualityHold
        | StockKind::QualityRelease
        | StockKind::TransferLoss
        | StockKind::Allocation
        | StockKind::Deallocation
        | StockKind::PosSale
        | StockKind::PosVoid
        | StockKind::WholesaleAllocation
        | StockKind::WholesaleRelease
        | StockKind::PurchaseOrder
        | StockKind::ProductionRun => None,
    }
}

//! Checks the outcome of each statement in the table: applied exactly once, refused without a trace, or waiting for a mapping. It
//! also reports events in the ledger that no system sent.

use std::collections::{BTreeMap, BTreeSet};

use promissory::catalog::Quantity;
use promissory::movement::{EventId, Movement, MovementKind};
use promissory::source::{StockKind, WaitingForMapping, WaitingItem};

use super::Script;
use super::statement::{Fate, Statement};
use super::world::System;
use crate::audit::Books;

/// The numbers of statements that have the expected outcome, by outcome.
#[derive(Debug, Default)]
pub struct Fates {
    /// Statements that are in the ledger once.
    pub applied: usize,
    /// Statements that are not in the ledger and not waiting.
    pub refused: usize,
    /// Statements that wait for a mapping.
    pub unmapped: usize,
}

impl Fates {
    /// Checks every statement, and adds each unexpected outcome to `problems`.
    pub fn of(script: &Script, books: &Books, problems: &mut Vec<String>) -> Self {
        let mut caused: BTreeMap<&EventId, Vec<&Movement>> = BTreeMap::new();
        for movement in books.all_movements() {
            caused.entry(&movement.cause.event).or_default().push(movement);
        }
        let waiting: BTreeSet<&EventId> = books.waiting.iter().filter_map(event_of).collect();
        let mut fates = Self::default();
        let mut sent: BTreeSet<EventId> = BTreeSet::new();
        for statement in &script.statements {
            let Some(id) = statement.id() else { continue };
            let id = EventId::new(statement.system.code(), id);
            let (marked, waits) = (books.marks.contains_key(&id), waiting.contains(&id));
            let must = match statement.fate {
                // The ledger has the first statement under this id. That statement is checked by itself.
                Fate::Applied | Fate::Contradiction => (true, false),
                Fate::Unmapped => (false, true),
                Fate::Malformed | Fate::HalfAPiece => (false, false),
            };
            let trouble = if (marked, waits) == must {
                let movements = caused.get(&id).map(Vec::as_slice).unwrap_or_default();
                if statement.fate == Fate::Applied { wrong_movements(statement, movements) } else { None }
            } else {
                let fate = statement.fate;
                Some(format!("is expected to be {fate:?}: in the ledger {marked}, waiting {waits}"))
            };
            match (trouble, statement.fate) {
                (Some(trouble), _) => problems.push(format!("{id} ({}) {trouble}", statement.kind.name())),
                (None, Fate::Applied) => fates.applied += 1,
                (None, Fate::Unmapped) => fates.unmapped += 1,
                (None, Fate::Malformed | Fate::HalfAPiece | Fate::Contradiction) => fates.refused += 1,
            }
            sent.insert(id);
        }
        fates.applied += states(script, books, problems);
        let ours = |id: &&EventId| System::ALL.iter().any(|system| system.code() == id.source);
        let known = books.marks.keys().chain(waiting).filter(ours);
        let unknown = known.filter(|id| !is_state(id) && !sent.contains(*id));
        problems.extend(unknown.map(|id| format!("{id} is in the ledger or waits, but no system sent it")));
        fates
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
fn states(script: &Script, books: &Books, problems: &mut Vec<String>) -> usize {
    let sent = script.statements.iter().filter(|statement| statement.id().is_none()).count();
    let applied = books.marks.keys().filter(|id| is_state(id)).count();
    if applied != sent {
        problems.push(format!("{applied} states of the ERP are in the ledger, but the ERP reported {sent}"));
    }
    applied.min(sent)
}

/// What is wrong with the movements of a statement, if it was not applied exactly once.
fn wrong_movements(statement: &Statement, movements: &[&Movement]) -> Option<String> {
    if statement.order.is_some() {
        return None; // The audit of the orders checks the units of an order.
    }
    let names = movements.iter().map(|movement| movement.name());
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    names.for_each(|name| *counts.entry(name).or_default() += 1);
    if let Some((name, count)) = counts.iter().find(|(_, count)| **count > 1) {
        return Some(format!("made {count} movements {name}"));
    }
    let wanted = main_movement(statement)?;
    let made = movements.iter().find(|movement| movement.kind == wanted && !movement.reversal);
    let units = Quantity::new(statement.units.abs());
    made.is_none_or(|made| made.quantity != units || made.of.sku.as_str() != statement.item.sku())
        .then(|| format!("is expected to make one {wanted:?} of {units}"))
}

/// The movement that an event makes regardless of earlier events, if there is one.
fn main_movement(statement: &Statement) -> Option<MovementKind> {
    match statement.kind {
        StockKind::Receipt => Some(MovementKind::Receipt),
        StockKind::ProductionCompleted => Some(MovementKind::Produce),
        StockKind::ComponentIssue => Some(MovementKind::Issue),
        StockKind::Adjustment => Some(if statement.units < 0 { MovementKind::Lost } else { MovementKind::Found }),
        StockKind::WriteOff => Some(MovementKind::WriteOff),
        StockKind::TransferOut => Some(MovementKind::TransferOut),
        StockKind::TransferIn => Some(MovementKind::TransferIn),
        StockKind::CustomerReturn => Some(MovementKind::Return),
        StockKind::PosPosting => Some(MovementKind::Sell),
        StockKind::Shipment => Some(MovementKind::Deliver),
        StockKind::Count
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

//! What the table says became of each statement: applied, and once; refused, without a trace; waiting. And whether anything is
//! in the ledger that nobody said.

use std::collections::{BTreeMap, BTreeSet};

use promissory::catalog::Quantity;
use promissory::movement::{EventId, Movement, MovementKind};
use promissory::source::{StockKind, WaitingForMapping, WaitingItem};

use super::Script;
use super::statement::{Fate, Statement};
use super::world::System;
use crate::audit::Books;

/// Statements that became what they must, by what that is.
#[derive(Debug, Default)]
pub struct Fates {
    /// In the ledger, once.
    pub applied: usize,
    /// Not in the ledger, and not waiting.
    pub refused: usize,
    /// Waiting.
    pub unmapped: usize,
}

impl Fates {
    /// Looks at every statement; what is not as it must be is told.
    pub fn of(script: &Script, books: &Books, problems: &mut Vec<String>) -> Self {
        let mut caused: BTreeMap<&EventId, Vec<&Movement>> = BTreeMap::new();
        for movement in books.all_movements() {
            caused.entry(&movement.cause.event).or_default().push(movement);
        }
        let waiting: BTreeSet<&EventId> = books.waiting.iter().filter_map(event_of).collect();
        let mut fates = Self::default();
        let mut said: BTreeSet<EventId> = BTreeSet::new();
        for statement in &script.statements {
            let Some(id) = statement.id() else { continue };
            let id = EventId::new(statement.system.code(), id);
            let (marked, waits) = (books.marks.contains_key(&id), waiting.contains(&id));
            let must = match statement.fate {
                // Of a contradiction the first one stands: the statement of the same name, which is looked at itself.
                Fate::Applied | Fate::Contradiction => (true, false),
                Fate::Unmapped => (false, true),
                Fate::Malformed | Fate::HalfAPiece => (false, false),
            };
            let trouble = if (marked, waits) == must {
                let movements = caused.get(&id).map(Vec::as_slice).unwrap_or_default();
                if statement.fate == Fate::Applied { twice(statement, movements) } else { None }
            } else {
                let fate = statement.fate;
                Some(format!("must be {fate:?}: in the ledger {marked}, waiting {waits}"))
            };
            match (trouble, statement.fate) {
                (Some(trouble), _) => problems.push(format!("{id} ({}) {trouble}", statement.kind.name())),
                (None, Fate::Applied) => fates.applied += 1,
                (None, Fate::Unmapped) => fates.unmapped += 1,
                (None, Fate::Malformed | Fate::HalfAPiece | Fate::Contradiction) => fates.refused += 1,
            }
            said.insert(id);
        }
        fates.applied += states(script, books, problems);
        let ours = |id: &&EventId| System::ALL.iter().any(|system| system.code() == id.source);
        let of_ours = books.marks.keys().chain(waiting).filter(ours);
        let strangers = of_ours.filter(|id| !is_state(id) && !said.contains(*id));
        problems.extend(strangers.map(|id| format!("{id} is in the ledger or waits, and nobody said it")));
        fates
    }
}

fn event_of(waiting: &WaitingForMapping) -> Option<&EventId> {
    match &waiting.what {
        WaitingItem::Event(event) => Some(&event.id),
        WaitingItem::Order { .. } => None,
    }
}

/// Whether the connector named it by its content, as it names every state.
fn is_state(id: &EventId) -> bool {
    id.source == System::Erp.code() && id.id.starts_with("state-")
}

/// States of the ERP that were applied: as many as were said, of which the model looks at the content.
fn states(script: &Script, books: &Books, problems: &mut Vec<String>) -> usize {
    let said = script.statements.iter().filter(|statement| statement.id().is_none()).count();
    let applied = books.marks.keys().filter(|id| is_state(id)).count();
    if applied != said {
        problems.push(format!("{applied} states of the ERP are in the ledger, where {said} were said"));
    }
    applied.min(said)
}

/// What is wrong with the movements of a statement, if they are not those of having been applied once.
fn twice(statement: &Statement, movements: &[&Movement]) -> Option<String> {
    if statement.order.is_some() {
        return None; // Of an order's units the order's own audit knows more.
    }
    let kinds = movements.iter().map(|movement| movement.kind);
    let mut counts: BTreeMap<MovementKind, usize> = BTreeMap::new();
    kinds.for_each(|kind| *counts.entry(kind).or_default() += 1);
    if let Some((kind, count)) = counts.iter().find(|(_, count)| **count > 1) {
        return Some(format!("made {count} movements {kind:?}"));
    }
    let wanted = main_movement(statement)?;
    let made = movements.iter().find(|movement| movement.kind == wanted);
    let units = Quantity::new(statement.units.abs());
    made.is_none_or(|made| made.quantity != units || made.of.sku.as_str() != statement.item.sku())
        .then(|| format!("must have made one {wanted:?} of {units}"))
}

/// The movement that an event makes whatever was said before it, if it makes one.
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

//! Decides a decision about a position: the withdrawal of a statement with a wrong time, or what became of removed units.

use crate::catalog::Quantity;
use crate::draft::stock::MAX_LOOK_BACK;
use crate::draft::{Decision, Draft, DraftError, EventOutcome, NoMovement, StockEventError};
use crate::ledger::{NewMovement, PositionAction, PositionDecision};
use crate::movement::{EventId, Movement, MovementCause, MovementKind};
use crate::source::ScheduledReceipts;
use crate::table::{Record, RowKey};

impl Draft<'_> {
    /// Decides one decision about a position.
    pub(super) fn decide_position(&self, decided: &PositionDecision) -> Result<Decision, DraftError> {
        let mut decision = Decision::default();
        match &decided.action {
            PositionAction::SettleRemoved { units, withheld } => {
                self.settle_removed(&mut decision, decided, *units, *withheld)?;
                self.raise_low_stock(&mut decision)?;
            }
            PositionAction::Withdraw { event } => {
                let found = self.withdraw_count(&mut decision, decided, event)?;
                let scheduled = self.withdraw_schedule(&mut decision, decided, event)?;
                if !found && !scheduled {
                    let error = StockEventError::NothingToWithdraw { event: event.clone(), of: decided.of.clone() };
                    return Ok(Decision { left_out: Some(EventOutcome::Refused(error)), ..Decision::default() });
                }
                decision.no_movement = Some(NoMovement::Withdrawn);
            }
        }
        Ok(decision)
    }

    fn settle_removed(
        &self,
        decision: &mut Decision,
        decided: &PositionDecision,
        units: Quantity,
        withheld: Quantity,
    ) -> Result<(), DraftError> {
        let mut position = self.position(decision, &decided.of)?;
        let units = units.min(position.removed);
        position.removed -= units;
        decision.positions.insert(decided.of.clone(), position);
        let withheld = withheld.min(units);
        decision.no_movement = Some(NoMovement::RemovedUnitsSettled);
        if withheld.is_positive() {
            let cause = MovementCause { event: decided.id.clone(), order: None };
            self.move_units(decision, &decided.of, NewMovement::of(MovementKind::Withhold, withheld), &cause)?;
        }
        Ok(())
    }

    /// Takes back the correction of a count or balance, and its mark. Returns whether the position has one of this event.
    fn withdraw_count(&self, decision: &mut Decision, decided: &PositionDecision, event: &EventId) -> Result<bool, DraftError> {
        let mut position = self.position(decision, &decided.of)?;
        let made = self.corrections_of(decision, decided, event)?;
        let is_newest = position.counted.as_ref().is_some_and(|counted| counted.event.as_ref() == Some(event));
        if is_newest {
            position.counted = None;
        }
        for lot in made.iter().filter_map(|movement| movement.lot.as_ref()) {
            position.lots.entry(lot.id.clone()).and_modify(|lot| lot.counted = None);
        }
        let found = is_newest || !made.is_empty();
        if found {
            decision.positions.insert(decided.of.clone(), position);
        }
        let cause = MovementCause { event: decided.id.clone(), order: None };
        for movement in made {
            let units = -movement.change().on_hand;
            // The reversal takes effect when the wrong correction did, so a count in between sees neither of them.
            let reversal = NewMovement::correction(units, movement.lot.clone(), Some(movement.effective_at()));
            self.move_units(decision, &decided.of, reversal, &cause)?;
        }
        Ok(found)
    }

    /// The corrections that a count or balance made at the position, newest first.
    fn corrections_of(
        &self,
        decision: &Decision,
        decided: &PositionDecision,
        event: &EventId,
    ) -> Result<Vec<Movement>, DraftError> {
        let seq = self.position(decision, &decided.of)?.seq;
        let mut made = Vec::new();
        for back in 0..seq.min(MAX_LOOK_BACK) {
            let movement = self.movement(decision, &decided.of, seq - back)?;
            if movement.cause.event == *event {
                made.push(movement);
            } else if !made.is_empty() {
                break; // The movements of one event at one position follow each other.
            }
        }
        let are_corrections = made.iter().all(|m| matches!(m.kind, MovementKind::Found | MovementKind::Lost));
        Ok(if are_corrections { made } else { Vec::new() })
    }

    /// Takes back a statement about a purchase order or production run. Returns whether the item has one of this event.
    fn withdraw_schedule(
        &self,
        decision: &mut Decision,
        decided: &PositionDecision,
        event: &EventId,
    ) -> Result<bool, DraftError> {
        let key = RowKey::Receipts(decided.of.sku.clone()).key();
        let known: Option<ScheduledReceipts> = match self.receipts.get(&key) {
            Some(receipts) => Some(receipts.clone()),
            None => self.read(&key)?.map(Record::decode).transpose()?,
        };
        let Some(mut receipts) = known else { return Ok(false) };
        let found = receipts.withdraw(event);
        if found {
            decision.receipts.insert(key, receipts);
        }
        Ok(found)
    }
}

//! The operator: a person who decides the changes of levels that wait.

use promissory::catalog::{Place, Quantity};
use promissory::flows::{load_network, receive};
use promissory::ledger::{LedgerEvent, PositionDecision};
use promissory::movement::PositionKey;
use promissory::ports::Clock;
use promissory::storefront::LevelBlock;

use super::World;
use super::invocations::{Ended, Trigger};
use crate::planted::PlantedStore;

impl World {
    /// The operator confirms every change that waits: the edits of this world restock the units that they remove.
    pub(super) fn confirm_parked_changes(&mut self) {
        let levels: Vec<_> = self.store.table().checker.levels.values().cloned().collect();
        for level in levels.into_iter().filter(|level| matches!(level.blocked, Some(LevelBlock::Parked { .. }))) {
            let of = PositionKey::new(level.sku, Place::At(level.location));
            let settled = (level.removed, Quantity::ZERO);
            self.decide(PositionDecision::settle(PositionDecision::OPERATOR, of, settled, self.clock.now()));
            self.coverage.note("parked change confirmed");
        }
    }

    /// Starts the command of an operator.
    pub(super) fn decide(&mut self, decision: PositionDecision) {
        let (store, clock) = (PlantedStore::new(self.store.clone(), self.bug), self.clock.clone());
        self.log_event(|| format!("the operator decides {decision:?}"));
        let trigger = Trigger::Operator(decision.clone());
        self.start(trigger, async move {
            let done = async {
                let network = load_network(&store).await?;
                receive(&store, &clock, &network, LedgerEvent::Decision(decision)).await
            };
            Ended::Decided(done.await.is_ok())
        });
    }
}

//! The operator: a person who decides the changes of levels that wait.

use promissory::catalog::{Place, Quantity};
use promissory::draft::EventOutcome;
use promissory::flows::{Received, load_network, receive};
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

    /// The operator stocks what the pusher takes for deactivated: the level was never active, and its row could not be read.
    pub(super) fn stock_again(&mut self) {
        let levels: Vec<_> = self.store.table().checker.levels.values().cloned().collect();
        for level in levels.into_iter().filter(|level| level.renewed && level.blocked == Some(LevelBlock::Deactivated)) {
            let item = self.items.iter().find(|(item, _)| item.sku == level.sku).map(|(_, id)| *id);
            let location = self.codes.iter().find(|(code, _)| *code == level.location).map(|(_, id)| *id);
            if let (Some(item), Some(location)) = (item, location) {
                let mut shop = self.ports.shop();
                let shown = shop.level(item, location).map_or(0, |level| level.available);
                shop.stock(self.clock.now(), item, location, shown, true).expect("the pair exists");
            }
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
            Ended::Decided(done.await.is_ok_and(|done| !matches!(done, Received::Decided(EventOutcome::Refused(_)))))
        });
    }
}

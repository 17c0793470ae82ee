//! The faults of the shop itself, one at a time.

use promissory::ports::Clock;
use promissory_fakes::shopify::{Faults, ItemId};

use super::World;
use super::build::SILENT;

impl World {
    /// Starts one random fault of the shop, or lets it apply delayed calls.
    pub(super) fn change_shop_faults(&mut self) {
        if !self.config.has_shop_faults {
            return;
        }
        let times = u32::try_from(1 + self.rng.below(3)).expect("small");
        let mut faults = Faults::default();
        let mut refused_item = None;
        match self.rng.below(9) {
            0 => faults.fail = times,
            1 => faults.throttle = times,
            2 => faults.lose_request = times,
            3 => faults.lose_answer = times,
            4 => faults.apply_late = 1,
            5 => faults.concurrent = times,
            6 => faults.poisoned = [self.random_item()].into(),
            7 => {
                // Applies delayed calls first. If the shop refused to process a repeated call and still ran the first one much
                // later, only the next comparison could find the difference.
                self.settle_late();
                refused_item = Some(self.random_item());
            }
            _ => return self.settle_late(),
        }
        self.log_event(|| format!("the shop has the faults {faults:?}, refused item {refused_item:?}"));
        self.ports.set_faults(self.config.port_faults_with(refused_item));
        self.ports.shop().faults = faults;
    }

    /// A random item for the shop to refuse, of those that are pushed.
    fn random_item(&self) -> ItemId {
        let pushed: Vec<ItemId> = self.items.iter().filter(|(item, _)| item.sku.as_str() != SILENT).map(|(_, id)| *id).collect();
        *self.rng.pick(&pushed)
    }

    /// Lets the shop apply the calls that it has delayed.
    pub(super) fn settle_late(&mut self) {
        let applied = self.ports.shop().settle_late(self.clock.now());
        if applied > 0 {
            self.coverage.note("shop applied late");
            self.log_event(|| format!("the shop applies {applied} delayed calls"));
        }
    }
}

//! The ways in which the shop itself fails, one at a time.

use promissory::ports::Clock;
use promissory_fakes::shopify::{Faults, ItemId};

use super::World;

impl World {
    /// The shop begins to fail in one way, or stops.
    pub(super) fn shop_ails(&mut self) {
        if !self.climate.shop_ails {
            return;
        }
        let times = u32::try_from(1 + self.rng.below(3)).expect("small");
        let mut faults = Faults::default();
        let mut cursed = None;
        match self.rng.below(9) {
            0 => faults.fail = times,
            1 => faults.throttle = times,
            2 => faults.lose_request = times,
            3 => faults.lose_answer = times,
            4 => faults.apply_late = 1,
            5 => faults.concurrent = times,
            6 => faults.poisoned = [self.blame()].into(),
            7 => {
                // Not while a call is still to be applied: a shop that refuses to look at a call and yet runs it much later
                // leaves us nothing to go by but the next comparison.
                self.settle_late();
                cursed = Some(self.blame());
            }
            _ => return self.settle_late(),
        }
        self.tell(|| format!("the shop ails: {faults:?}, {cursed:?}"));
        self.line.misbehave(self.climate.line_with(cursed));
        self.line.shop().faults = faults;
    }

    /// An item that the shop will refuse to be told of.
    fn blame(&self) -> ItemId {
        self.rng.pick(&self.items).1
    }

    /// The shop does what it was asked long ago.
    pub(super) fn settle_late(&mut self) {
        let applied = self.line.shop().settle_late(self.clock.now());
        if applied > 0 {
            self.met.note("shop applied late");
            self.tell(|| format!("the shop applies {applied} late"));
        }
    }
}

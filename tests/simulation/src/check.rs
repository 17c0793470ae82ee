//! What must hold after every write, whatever went wrong before it.

use std::collections::BTreeMap;

use promissory::alert::{Alert, State};
use promissory::ledger::{Balance, Movement, Position, PositionKey};
use promissory::promise::Promise;
use promissory::store::Record;
use promissory::storefront::{Intent, IntentState, Level};

/// Something that must never happen did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(pub String);

/// Watches the table.
#[derive(Debug, Default)]
pub struct Checker {
    /// Off until a world begins: the store's own contract writes rows of no meaning.
    pub watching: bool,
    /// Where the movements of each position lead.
    folded: BTreeMap<PositionKey, (u64, Balance)>,
    stored: BTreeMap<PositionKey, (u64, Balance)>,
    /// What was found.
    pub violations: Vec<Violation>,
}

impl Checker {
    /// A row is put over what was there.
    pub fn put(&mut self, old: Option<&Record>, new: &Record) {
        let (pk, sk) = (new.key.pk.as_str(), new.key.sk.as_str());
        if !self.watching {
            return;
        }
        if sk.starts_with(Movement::PREFIX) {
            self.movement(old, &decode(new));
        } else if pk.starts_with("POS#") {
            let position: Position = decode(new);
            self.stored.insert(position.of, (position.seq, position.balance));
        } else if pk.starts_with("ATS#") {
            let (old, new): (Option<Promise>, Promise) = (old.map(decode), decode(new));
            self.holds(old.is_none_or(|old| new.follows(&old)), || format!("the promise of {} went back", new.sku));
        } else if pk.starts_with("LEVEL#") {
            let (old, new): (Option<Level>, Level) = (old.map(decode), decode(new));
            let forward = old.is_none_or(|old| new.seq >= old.seq && new.told_by >= old.told_by);
            self.holds(forward, || format!("the level of {}@{} went back", new.sku, new.location));
        } else if pk.starts_with("INTENT#") {
            let (old, new): (Option<Intent>, Intent) = (old.map(decode), decode(new));
            let follows = match old {
                None => new.number == 1,
                Some(old) if old.state == IntentState::Open => {
                    old.number == new.number && old.key == new.key && old.rows == new.rows
                }
                Some(old) => new.number == old.number + 1 && new.state == IntentState::Open,
            };
            self.holds(follows, || format!("intent {} does not follow the one before it", new.number));
        } else if pk.starts_with(Alert::PREFIX) {
            let (old, new): (Option<Alert>, Alert) = (old.map(decode), decode(new));
            let before = old.map_or(State::Cleared, |old| old.state);
            self.holds(before != new.state, || format!("the alert {} was {:?} twice", new.subject, new.state));
        }
    }

    fn movement(&mut self, old: Option<&Record>, movement: &Movement) {
        self.holds(old.is_none(), || format!("a movement of {} was edited", movement.of));
        let (seq, balance) = self.folded.get(&movement.of).copied().unwrap_or_default();
        let sound = movement.seq == seq + 1
            && movement.before == balance
            && movement.after == balance + movement.kind.change(movement.quantity)
            && movement.quantity.is_positive();
        self.holds(sound, || format!("movement {} of {} does not follow {seq}", movement.seq, movement.of));
        self.folded.insert(movement.of.clone(), (movement.seq, movement.after));
    }

    /// A transaction is written: its positions are where their movements lead, and nothing reserved is below zero.
    pub fn written(&mut self) {
        if self.folded != self.stored {
            self.violations.push(Violation("a position is not the fold of its movements".into()));
        }
        let negative = self.stored.iter().find(|(_, (_, balance))| balance.reserved.is_negative()).map(|(of, _)| of.clone());
        self.holds(negative.is_none(), || format!("fewer than no units are reserved at {negative:?}"));
    }

    /// Notes a violation where `holds` is false.
    pub fn holds(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violations.push(Violation(what()));
        }
    }
}

fn decode<R: promissory::store::Row>(record: &Record) -> R {
    record.decode().unwrap_or_else(|error| panic!("every row written can be read: {error}"))
}

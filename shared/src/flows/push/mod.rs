//! Telling a shop what it does not know yet.
//!
//! `read what is due → write the intent → call → record the outcome → close the intent`, again until nothing is due. A
//! crash after any of these is found by the next push: an open intent is repeated with its own key and rows. Opening one
//! needs the revision read before the levels were, so no other push acknowledges anything between planning and opening;
//! and an outcome is recorded only on a level that still stands as it was planned from.

mod close;
mod metafields;
mod refusal;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use self::close::close;
use self::metafields::MetafieldPush;
pub(crate) use self::refusal::refusal_alert;
use crate::catalog::{Network, Place, Quantity, ShopDomain};
use crate::flows::recompute;
use crate::flows::{RetryBudget, retry};
use crate::movement::PositionKey;
use crate::ports::{Clock, Listing, Store, StoreError, Storefront, WriteError, read, sleep_within};
use crate::reconcile::OrderWatermark;
use crate::storefront::{
    Adjustment, Level, LevelSet, MAX_ROWS, PushAction, PushCall, PushIntent, PushOutcome, PushRow, PushState, RepairDecision,
    ShopAnswer, ShopLevel, StorefrontError, UserError, UserErrorCode, decide_repair,
};
use crate::table::{Expect, IndexPartition, Key, Row, RowKey, UnreadableRow, Write};

/// An open intent younger than this belongs to a push that is still at work. An older one was most likely left behind;
/// should its push be alive after all, both make the same call with the same key, and the outcome is recorded once.
const AT_WORK: Duration = Duration::from_secs(10);

/// The most time one call takes. None is begun that might not end before the deadline.
pub(super) const ONE_CALL: Duration = Duration::from_secs(9);

/// An intent older than this is not repeated: the shop may have forgotten its key, and would add a difference again. Its
/// pairs are contacted instead. A day is inferred; half of it leaves room.
const KEY_REMEMBERED: Duration = Duration::from_secs(12 * 60 * 60);

/// How often to look whether another push has finished, and the least wait after a call without an answer.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// How often a call without an answer is repeated before the queue takes over.
pub(super) const MAX_CALLS: u32 = 4;

/// What a push did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PushReport {
    /// Pairs told by a difference.
    pub adjusted: usize,
    /// Pairs set by compare-and-set, or found right.
    pub levels_set: usize,
    /// Items whose lots it was told.
    pub metafields_sent: usize,
    /// Pairs, and lists of lots, that the shop refused; each has an alert.
    pub refused: usize,
    /// Pairs that wait for orders in flight; the reconciler hints them again.
    pub waiting: usize,
}

/// Why a push stopped before it was done. What is due stays due.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// Time is up, or another push is still at work.
    #[error("the time for this push is up")]
    OutOfTime,
    /// The shop did not answer, or refuses us.
    #[error(transparent)]
    Storefront(#[from] StorefrontError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Tells `shop` what is due: the `hinted` pairs, and whatever else the index shows; then the lots, by the labels. Stops at
/// `deadline`.
///
/// # Errors
/// [`PushError`]; everything not done stays due, and an open intent is resumed by the next push. Running out of time after
/// something was told is not an error: the index of what is due carries on where this push stopped.
pub async fn push<S: Store, F: Storefront, C: Clock>(
    (store, front, clock): (&S, &F, &C),
    network: &Network,
    shop: &ShopDomain,
    hinted: &BTreeSet<PositionKey>,
    settling_window: Duration,
    deadline: Timestamp,
) -> Result<PushReport, PushError> {
    let mut push = Push {
        store,
        front,
        clock,
        network,
        shop,
        settling_window,
        deadline,
        limit: MAX_ROWS,
        waiting: BTreeSet::new(),
        report: PushReport::default(),
    };
    loop {
        match push.round(hinted).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(PushError::OutOfTime) if push.report != PushReport::default() => break,
            Err(error) => return Err(error),
        }
    }
    push.report.waiting = push.waiting.len();
    let mut report = push.report;
    // Numbers first: with the time that is left, what is beside them.
    let mut lots_metafield_in = MetafieldPush::new((store, front, clock), shop, hinted, deadline);
    match lots_metafield_in.run(&mut report).await {
        Ok(()) => Ok(report),
        Err(PushError::OutOfTime) if report != PushReport::default() => Ok(report),
        Err(error) if !lots_metafield_in.was_asked_for() => {
            tracing::warn!(%shop, %error, "the lots are not told yet");
            Ok(report)
        }
        Err(error) => Err(error),
    }
}

struct Push<'a, S, F, C> {
    store: &'a S,
    front: &'a F,
    clock: &'a C,
    network: &'a Network,
    shop: &'a ShopDomain,
    settling_window: Duration,
    deadline: Timestamp,
    /// Pairs per call: halved when a call is refused without saying for which pair, to find it.
    limit: usize,
    /// Pairs that this push leaves for later.
    waiting: BTreeSet<Key>,
    report: PushReport,
}

impl From<UnreadableRow> for PushError {
    fn from(error: UnreadableRow) -> Self {
        Self::Store(error.into())
    }
}

impl<S: Store, F: Storefront, C: Clock> Push<'_, S, F, C> {
    /// One call to the shop. `false` when nothing is due any more.
    async fn round(&mut self, hinted: &BTreeSet<PositionKey>) -> Result<bool, PushError> {
        if self.clock.now() > self.deadline {
            return Err(PushError::OutOfTime);
        }
        let (last, expect) = read::<PushIntent, S>(self.store, &RowKey::Intent(self.shop.clone())).await?;
        if let Some(open) = last.as_ref().filter(|intent| intent.state == PushState::Open) {
            let age = Duration::try_from(self.clock.now().duration_since(open.opened_at)).unwrap_or_default();
            if age < AT_WORK {
                self.pause(LOOK_AGAIN).await?;
            } else {
                tracing::warn!(shop = %self.shop, intent = open.number, "an open intent was left behind; repeating it");
                self.perform(open.clone(), expect, true).await?;
            }
            return Ok(true);
        }
        // From here to the opening of an intent nothing is acknowledged by anyone else, or the opening fails.
        let levels = self.due_levels(hinted).await?;
        if levels.is_empty() {
            return Ok(false);
        }
        let (told, new): (Vec<Level>, Vec<Level>) = levels.into_iter().partition(|level| level.difference().is_some());
        let (action, rows) = if told.is_empty() {
            (PushAction::Set, self.repair_rows(new).await?)
        } else {
            (PushAction::Adjust, told.iter().take(self.limit).filter_map(adjust_row).collect())
        };
        if rows.is_empty() {
            return Ok(true); // All of these wait, and are left out of the next round.
        }
        let intent = PushIntent::open(self.shop.clone(), last.as_ref(), action, rows, self.clock.now());
        match self.store.write(&[Write::put(&intent, expect)]).await {
            Ok(()) => self.perform(intent, expect.after(), false).await?,
            Err(WriteError::Refused(_) | WriteError::Conflict) => self.pause(LOOK_AGAIN).await?,
            Err(WriteError::Store(error)) => return Err(error.into()),
        }
        Ok(true)
    }

    /// What is due now, most urgent first: read by key, since the index may be behind.
    async fn due_levels(&self, hinted: &BTreeSet<PositionKey>) -> Result<Vec<Level>, StoreError> {
        let indexed = self.store.list(&Listing::index(&IndexPartition::DueLevels(self.shop.clone()), MAX_ROWS)).await?.records;
        let mut keys: BTreeSet<Key> = indexed.into_iter().map(|record| record.key).collect();
        for pair in hinted {
            if let Place::At(location) = &pair.place {
                keys.insert(RowKey::Level { shop: self.shop.clone(), sku: pair.sku.clone(), location: location.clone() }.key());
            }
        }
        let keys: Vec<Key> = keys.into_iter().filter(|key| !self.waiting.contains(key)).collect();
        let records = self.store.get(&keys).await?;
        let mut levels = records.iter().flatten().map(|record| record.decode()).collect::<Result<Vec<Level>, _>>()?;
        levels.retain(Level::is_due);
        levels.sort_by_key(|level| (level.urgency(), level.changed_at));
        Ok(levels)
    }

    /// Plans first contacts and repairs. A level that must wait is left out until the next push; one that already shows
    /// what we say is acknowledged through the intent like the others, by a set that changes nothing.
    async fn repair_rows(&mut self, mut levels: Vec<Level>) -> Result<Vec<PushRow>, PushError> {
        levels.truncate(F::LEVELS_AT_ONCE.min(self.limit));
        // In this order: the sweep says up to when the ledger is complete, so the levels must be computed after it was read,
        // and the shop asked last. A level from before the sweep would lack what the sweep found.
        let swept = read::<OrderWatermark, S>(self.store, &RowKey::OrderWatermark(self.shop.clone()))
            .await?
            .0
            .and_then(|sweep| sweep.complete_at);
        for sku in levels.iter().map(|level| &level.sku).collect::<BTreeSet<_>>() {
            recompute(self.store, self.clock, self.network, sku).await?;
        }
        let keys: Vec<Key> = levels.iter().map(Level::key).collect();
        let records = self.store.get(&keys).await?;
        let levels = records.iter().flatten().map(|record| record.decode()).collect::<Result<Vec<Level>, _>>()?;
        let items: BTreeSet<_> = levels.iter().map(|level| level.inventory_item).collect();
        let items: Vec<_> = items.into_iter().collect();
        let shown = loop {
            match self.front.levels(self.shop, &items).await {
                Err(StorefrontError::Throttled { wait }) => self.pause(wait).await?,
                shown => break shown?,
            }
        };
        let shown: BTreeMap<_, &ShopLevel> = shown.iter().map(|level| ((level.inventory_item, level.location), level)).collect();
        let mut rows = Vec::new();
        for level in levels.iter().filter(|level| level.needs_set && level.difference().is_none()) {
            let found = shown.get(&(level.inventory_item, level.shop_location));
            match found.map_or(RepairDecision::Inactive, |shown| decide_repair(level, shown, swept, self.settling_window)) {
                RepairDecision::InFlight => {
                    self.waiting.insert(level.key());
                }
                RepairDecision::Inactive => {
                    self.activate(level).await?;
                    self.waiting.insert(level.key());
                }
                RepairDecision::Agrees => {
                    rows.extend(found.map(|shown| set_row(level, shown.available, shown.available, Quantity::ZERO)));
                }
                RepairDecision::Set { quantity, change_from, drift } => {
                    let (sku, location) = (&level.sku, &level.location);
                    tracing::info!(shop = %self.shop, %sku, %location, drift = drift.units(), "setting a level");
                    let excess = found.map_or(Quantity::ZERO, |shown| quantity - (level.supply - shown.committed));
                    rows.push(set_row(level, quantity, change_from, excess));
                }
            }
        }
        Ok(rows)
    }

    async fn activate(&mut self, level: &Level) -> Result<(), PushError> {
        // Activating twice does no harm; a key of its own each time, or a pair that was deactivated again gets the old answer.
        let key = format!("activate-{}-{}-{}", level.inventory_item, level.shop_location, self.clock.now());
        let answer = loop {
            match self.front.activate(self.shop, &key, level.inventory_item, level.shop_location).await {
                Err(StorefrontError::Throttled { wait }) => self.pause(wait).await?,
                answer => break answer?,
            }
        };
        match answer {
            ShopAnswer::Done => Ok(()),
            ShopAnswer::Refused(errors) => {
                let reason = errors.first().map_or_else(String::new, |error| error.message.clone());
                self.record(std::slice::from_ref(&level.key()), |level| level.refused = Some(reason.clone())).await?;
                self.report.refused += 1;
                Ok(())
            }
        }
    }

    /// Makes the call of an open intent and records its outcome. `again`: somebody else may have made it already.
    async fn perform(&mut self, intent: PushIntent, expect: Expect, again: bool) -> Result<(), PushError> {
        let age = Duration::try_from(self.clock.now().duration_since(intent.opened_at)).unwrap_or_default();
        let answer = if age < KEY_REMEMBERED {
            self.call(&intent, again).await?
        } else {
            ShopAnswer::Refused(vec![UserError {
                code: UserErrorCode::KeyParameterMismatch,
                row: None,
                message: "too old".into(),
            }])
        };
        let outcome = PushOutcome::from(&answer);
        match answer {
            ShopAnswer::Done => {
                let to: BTreeMap<Key, &PushRow> = intent.rows.iter().map(|row| (level_key(self.shop, row), row)).collect();
                let keys: Vec<Key> = to.keys().cloned().collect();
                self.record(&keys, |level| {
                    // Once, and only on what was planned: a push that slept while another took its intent over must not put
                    // an old number back, and a pair that was mapped anew was not told by this call.
                    let planned = |row: &&&PushRow| {
                        let same_ids = (row.inventory_item, row.shop_location) == (level.inventory_item, level.shop_location);
                        same_ids && row.from == level.acknowledged
                    };
                    if level.sent_by < intent.number {
                        if let Some(row) = to.get(&level.key()).filter(planned) {
                            level.acknowledged = Some(row.to);
                            level.needs_set &= intent.action == PushAction::Adjust;
                        }
                        level.sent_by = intent.number;
                    }
                })
                .await?;
                match intent.action {
                    PushAction::Adjust => self.report.adjusted += intent.rows.len(),
                    PushAction::Set => self.report.levels_set += intent.rows.len(),
                }
                self.limit = (self.limit * 2).min(MAX_ROWS);
            }
            ShopAnswer::Refused(errors) => self.refused(&intent, &errors).await?,
        }
        Ok(close(self.store, self.clock, &PushCall::closing(&intent, outcome, self.clock.now()), expect).await?)
    }

    /// Calls the shop until it answers, always with the same key.
    async fn call(&self, intent: &PushIntent, again: bool) -> Result<ShopAnswer, PushError> {
        let mut calls = 0;
        let mut may_have_run = again;
        loop {
            if self.clock.now().saturating_add(ONE_CALL).unwrap_or(Timestamp::MAX) > self.deadline {
                return Err(PushError::OutOfTime);
            }
            let reference = intent.reference();
            let answer = match intent.action {
                PushAction::Adjust => {
                    let rows: Vec<Adjustment> = intent
                        .rows
                        .iter()
                        .map(|row| Adjustment {
                            inventory_item: row.inventory_item,
                            location: row.shop_location,
                            delta: row.send,
                        })
                        .collect();
                    self.front.adjust(self.shop, &intent.key, &reference, &rows).await
                }
                PushAction::Set => {
                    let rows: Vec<LevelSet> = intent
                        .rows
                        .iter()
                        .map(|row| LevelSet {
                            inventory_item: row.inventory_item,
                            location: row.shop_location,
                            quantity: row.send,
                            change_from: row.expects.unwrap_or_default(),
                        })
                        .collect();
                    self.front.set(self.shop, &intent.key, &reference, &rows).await
                }
            };
            let wait = match answer {
                Ok(ShopAnswer::Refused(errors)) if errors.iter().any(|error| is_passing(&error.code)) => LOOK_AGAIN,
                Ok(answer) => return Ok(answer),
                Err(StorefrontError::Throttled { wait }) => {
                    // Waiting for the budget is not a failure: only the deadline bounds it.
                    self.pause(wait).await?;
                    continue;
                }
                Err(error @ StorefrontError::Unavailable { .. }) => {
                    may_have_run = true;
                    if calls + 1 >= MAX_CALLS {
                        return Err(error.into());
                    }
                    LOOK_AGAIN
                }
                Err(StorefrontError::Invalid { detail }) => {
                    // Nothing ran. Some row may be to blame; refusing the call makes the search for it begin. Unless a call
                    // before this one was not answered: that one may have run, and planned anew it would run twice.
                    let code = if may_have_run {
                        UserErrorCode::KeyParameterMismatch
                    } else {
                        UserErrorCode::Other("INVALID_REQUEST".into())
                    };
                    return Ok(ShopAnswer::Refused(vec![UserError { code, row: None, message: detail }]));
                }
                Err(error @ StorefrontError::Rejected { .. }) => return Err(error.into()),
            };
            calls += 1;
            self.pause(wait * calls).await?;
        }
    }

    /// A refused call changed nothing. Finds who is to blame, so that the others can go on.
    async fn refused(&mut self, intent: &PushIntent, errors: &[UserError]) -> Result<(), PushError> {
        let mut poisoned: BTreeMap<Key, String> = BTreeMap::new();
        let mut blameless = true;
        let mut stale: BTreeSet<Key> = BTreeSet::new();
        for error in errors {
            let row = error.row.and_then(|row| intent.rows.get(row)).map(|row| level_key(self.shop, row));
            let UserErrorCode::Other(code) = &error.code else {
                // Stale or a spent key: planned anew from a new read, with a new key.
                blameless = false;
                stale.extend(row);
                if error.code == UserErrorCode::KeyParameterMismatch {
                    tracing::error!(shop = %self.shop, intent = intent.number, "whether an intent ran is unknown; its pairs are contacted");
                    return self.mark_for_repair(intent).await;
                }
                continue;
            };
            if let Some(row) = row {
                poisoned.insert(row, format!("{code}: {}", error.message));
            }
        }
        if poisoned.is_empty() && blameless {
            if let [only] = intent.rows.as_slice() {
                let words = errors.first().map_or_else(String::new, |error| error.message.clone());
                poisoned.insert(level_key(self.shop, only), words);
            } else {
                self.limit = intent.rows.len().div_ceil(2);
            }
        }
        self.report.refused += poisoned.len();
        let keys: Vec<Key> = poisoned.keys().cloned().collect();
        self.record(&keys, |level| level.refused = poisoned.get(&level.key()).cloned()).await?;
        if intent.action == PushAction::Set && stale.is_empty() && poisoned.is_empty() && !blameless {
            stale.extend(intent.rows.iter().map(|row| level_key(self.shop, row)));
        }
        // A stale row is left to the next push: somebody is buying just now. The others go on in this one.
        self.waiting.extend(stale);
        Ok(())
    }

    async fn mark_for_repair(&mut self, intent: &PushIntent) -> Result<(), PushError> {
        let keys: Vec<Key> = intent.rows.iter().map(|row| level_key(self.shop, row)).collect();
        Ok(self.record(&keys, |level| (level.acknowledged, level.needs_set) = (None, true)).await?)
    }

    /// Changes levels, each with its alert: raised when it is refused, cleared when it is not any more.
    async fn record(&self, keys: &[Key], change: impl Fn(&mut Level)) -> Result<(), StoreError> {
        for chunk in keys.chunks(40) {
            let what = format!("the levels of {}", self.shop);
            retry(self.clock, RetryBudget::SHARED_ROW, &what, async || self.record_once(chunk, &change).await).await?;
        }
        Ok(())
    }

    async fn record_once(&self, keys: &[Key], change: &impl Fn(&mut Level)) -> Result<(), WriteError> {
        let records = self.store.get(keys).await?;
        let mut writes = Vec::new();
        for record in records.iter().flatten() {
            let old: Level = record.decode()?;
            let mut level = old.clone();
            change(&mut level);
            if level.refused.is_some() != level.alerted {
                level.alerted = level.refused.is_some();
                writes.extend(refusal_alert(self.store, (&level).into(), self.clock.now()).await?);
            }
            if level != old {
                writes.push(Write::put(&level, Expect::Revision(record.revision)));
            }
        }
        if writes.is_empty() { Ok(()) } else { self.store.write(&writes).await }
    }

    async fn pause(&self, wait: Duration) -> Result<(), PushError> {
        if sleep_within(self.clock, wait, self.deadline).await { Ok(()) } else { Err(PushError::OutOfTime) }
    }
}

/// Where the level of a row of an intent is stored.
fn level_key(shop: &ShopDomain, row: &PushRow) -> Key {
    RowKey::Level { shop: shop.clone(), sku: row.sku.clone(), location: row.location.clone() }.key()
}

/// Whether a refusal is of the moment only.
pub(super) fn is_passing(code: &UserErrorCode) -> bool {
    match code {
        UserErrorCode::ConcurrentRequest | UserErrorCode::ServiceUnavailable => true,
        UserErrorCode::ChangeFromQuantityStale
        | UserErrorCode::PreviousAttemptFailed
        | UserErrorCode::KeyParameterMismatch
        | UserErrorCode::Other(_) => false,
    }
}

fn adjust_row(level: &Level) -> Option<PushRow> {
    let known = level.acknowledged?;
    Some(PushRow { send: level.to_push - known, to: level.to_push, expects: None, ..row(level) })
}

/// `excess`: units the set leaves too many, because a level cannot be set below zero. They stay due, as a difference.
fn set_row(level: &Level, quantity: Quantity, change_from: Quantity, excess: Quantity) -> PushRow {
    PushRow { send: quantity, to: level.to_push + excess, expects: Some(change_from), ..row(level) }
}

fn row(level: &Level) -> PushRow {
    PushRow {
        sku: level.sku.clone(),
        location: level.location.clone(),
        inventory_item: level.inventory_item,
        shop_location: level.shop_location,
        seq: level.seq,
        from: level.acknowledged,
        to: level.to_push,
        send: Quantity::ZERO,
        expects: None,
    }
}

//! Pushes stock levels to a shop.
//!
//! `read due levels → write the intent → call → record the outcome → close the intent`, repeated until no level is due. The
//! next push finds a crash after any of these steps: it repeats an open intent with the same idempotency key and rows. Opening
//! an intent requires the revision that was read before the levels, so no other push records an acknowledgement between
//! planning and opening. An outcome is recorded only on a level that still has the state it was planned from.

mod close;
mod delivery;
mod metafields;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use self::close::close;
use self::delivery::{BatchSize, Calls, LOOK_AGAIN, has_time_for_a_call, named_rows, pause, reason, record};
use self::metafields::MetafieldPush;
use crate::catalog::{Network, Quantity, ShopDomain};
use crate::flows::claims::{Settled, reserved_by_drafts, unclaimed_at};
use crate::flows::watermark::order_watermark;
use crate::flows::{alert, recompute, write_if_unchanged};
use crate::ports::{Clock, Listing, Store, StoreError, Storefront, list_all, read};
use crate::promise::Promise;
use crate::storefront::{
    Adjustment, Level, LevelBlock, LevelSet, MAX_ROWS, PushAction, PushCall, PushIntent, PushOutcome, PushRow, PushState,
    PushTarget, RepairDecision, ShopAnswer, ShopLevel, StorefrontError, UserError, UserErrorCode, decide_repair,
};
use crate::table::{Expect, IndexPartition, Key, Row, RowKey, UnreadableRow, Write};

/// An open intent younger than this belongs to a push that is still running. An older one was most likely left behind. If its
/// push is alive after all, both pushes make the same call with the same key, and the outcome is recorded once.
const AT_WORK: Duration = Duration::from_secs(10);

/// An intent older than this is not repeated, because the shop may have forgotten its idempotency key and would apply the
/// difference a second time. Its levels are initialised instead. We infer that the shop keeps keys for a day; half a day
/// leaves a margin.
const KEY_REMEMBERED: Duration = Duration::from_secs(12 * 60 * 60);

/// What a push did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PushReport {
    /// Pairs adjusted by a difference.
    pub adjusted: usize,
    /// Pairs set by compare-and-set, or found to match already.
    pub levels_set: usize,
    /// Variant metafields sent.
    pub metafields_sent: usize,
    /// Levels and metafields that the shop refused. Each has an alert.
    pub refused: usize,
    /// Pairs that wait for orders in flight. The reconciler sends their hints again.
    pub waiting: usize,
}

/// Why a push stopped early. Unfinished levels and metafields stay due.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The deadline passed, or another push is still running.
    #[error("the push reached its deadline")]
    OutOfTime,
    /// The shop did not answer, or it rejects our requests.
    #[error(transparent)]
    Storefront(#[from] StorefrontError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Pushes the due levels of `shop` (the `hinted` ones, and the ones that the index lists), then its due metafields. Stops at
/// `deadline`. Nothing is pushed to a shop that is not live; its levels and metafields stay due.
///
/// # Errors
/// [`PushError`]. Unfinished levels stay due, and the next push resumes an open intent. Reaching the deadline after at least
/// one row was pushed is not an error, because the index of due levels leads the next push to the rest.
pub async fn push<S: Store, F: Storefront, C: Clock>(
    (store, front, clock): (&S, &F, &C),
    network: &Network,
    shop: &ShopDomain,
    hinted: &BTreeSet<PushTarget>,
    settling_window: Duration,
    deadline: Timestamp,
) -> Result<PushReport, PushError> {
    if network.live_shop(shop, clock.now()).is_none() {
        return Ok(PushReport::default());
    }
    let mut push = Push {
        store,
        front,
        clock,
        network,
        shop,
        settling_window,
        deadline,
        batch: BatchSize::new(MAX_ROWS),
        waiting: BTreeSet::new(),
        report: PushReport::default(),
    };
    loop {
        match push.round(hinted).await {
            Ok(true) => {}
            Ok(false) => break,
            // Levels that wait for orders in flight are no failure: the next push looks at them again.
            Err(PushError::OutOfTime) if push.report != PushReport::default() || !push.waiting.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    push.report.waiting = push.waiting.len();
    let mut report = push.report;
    // Levels come first; metafields get the time that is left.
    let mut metafields = MetafieldPush::new((store, front, clock), shop, hinted, deadline);
    match metafields.run(&mut report).await {
        Ok(()) => Ok(report),
        Err(PushError::OutOfTime) if report != PushReport::default() => Ok(report),
        Err(error) if !metafields.was_hinted() => {
            tracing::warn!(%shop, %error, "the metafields could not be pushed; they stay due");
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
    batch: BatchSize,
    /// Levels that this push leaves for a later push.
    waiting: BTreeSet<Key>,
    report: PushReport,
}

impl From<UnreadableRow> for PushError {
    fn from(error: UnreadableRow) -> Self {
        Self::Store(error.into())
    }
}

impl<S: Store, F: Storefront, C: Clock> Push<'_, S, F, C> {
    /// Makes one call to the shop. Returns `false` when no level is due any more.
    async fn round(&mut self, hinted: &BTreeSet<PushTarget>) -> Result<bool, PushError> {
        if self.clock.now() > self.deadline {
            return Err(PushError::OutOfTime);
        }
        let (last, expect) = read::<PushIntent, S>(self.store, &RowKey::Intent(self.shop.clone())).await?;
        if last.is_none()
            && let Some(revision) = expect.revision()
        {
            self.replace_intent(revision).await?;
            return Ok(true);
        }
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
        // If another push records an acknowledgement between here and the opening of the intent, opening the intent fails.
        let levels = self.due_levels(hinted).await?;
        if levels.is_empty() {
            return Ok(false);
        }
        let (acknowledged, new): (Vec<Level>, Vec<Level>) = levels.into_iter().partition(|level| level.difference().is_some());
        let (action, rows) = if acknowledged.is_empty() {
            (PushAction::Set, self.repair_rows(new).await?)
        } else {
            (PushAction::Adjust, acknowledged.iter().take(self.batch.rows()).filter_map(adjust_row).collect())
        };
        if rows.is_empty() {
            return Ok(true); // All of these levels wait, and the next round leaves them out.
        }
        let intent = PushIntent::open(self.shop.clone(), last.as_ref(), action, rows, self.clock.now());
        if write_if_unchanged(self.store, &[Write::put(&intent, expect.clone())]).await? {
            self.perform(intent, expect.after(), false).await?;
        } else {
            self.pause(LOOK_AGAIN).await?;
        }
        Ok(true)
    }

    /// Replaces an intent that cannot be read. Its call may have run with any of the levels that are due, so they are initialised.
    /// The comparison finds a level that was part of it and is not due any more.
    async fn replace_intent(&self, revision: u64) -> Result<(), PushError> {
        // Another push, which can read the intent, may be at work.
        self.pause(AT_WORK).await?;
        let row = RowKey::Intent(self.shop.clone());
        let (last, expect) = read::<PushIntent, S>(self.store, &row).await?;
        if last.is_some() || expect.revision() != Some(revision) {
            return Ok(());
        }
        tracing::error!(shop = %self.shop, row = %row.key(), "the push intent cannot be read; replacing it and initialising the due levels");
        let due = list_all(self.store, Listing::index(&IndexPartition::DueLevels(self.shop.clone()), MAX_ROWS)).await?;
        let due: Vec<Key> = due.into_iter().map(|record| record.key).collect();
        self.record(&due, |level| (level.acknowledged, level.needs_set) = (None, true)).await?;
        let closed = PushIntent::in_place_of_revision(revision, self.shop.clone(), self.clock.now());
        write_if_unchanged(self.store, &[Write::put(&closed, expect)]).await?;
        Ok(())
    }

    /// Returns the due levels, most urgent first. The rows are read by key, because the index may lag behind.
    async fn due_levels(&mut self, hinted: &BTreeSet<PushTarget>) -> Result<Vec<Level>, StoreError> {
        let mut keys = BTreeSet::new();
        let mut listing = Listing::index(&IndexPartition::DueLevels(self.shop.clone()), MAX_ROWS);
        // Levels that wait must not hide those behind them.
        while keys.len() < MAX_ROWS {
            let page = self.store.list(&listing).await?;
            keys.extend(page.records.into_iter().map(|record| record.key).filter(|key| !self.waiting.contains(key)));
            match page.next {
                Some(next) => listing.after = Some(next),
                None => break,
            }
        }
        for target in hinted {
            if let PushTarget::Level { sku, location } = target {
                keys.insert(RowKey::Level { shop: self.shop.clone(), sku: sku.clone(), location: location.clone() }.key());
            }
        }
        let keys: Vec<Key> = keys.into_iter().filter(|key| !self.waiting.contains(key)).collect();
        let mut levels = Vec::new();
        for record in self.store.get(&keys).await?.into_iter().flatten() {
            match record.content::<Level>()? {
                Some(level) => levels.push(level),
                None => self.renew(record.key).await?,
            }
        }
        levels.retain(Level::is_due);
        levels.sort_by_key(|level| (level.urgency(), level.changed_at));
        Ok(levels)
    }

    /// Computes a level anew whose row cannot be read. This push leaves it out.
    async fn renew(&mut self, key: Key) -> Result<(), StoreError> {
        if let Some(RowKey::Level { sku, .. }) = RowKey::parse(&key)
            && let Err(error) = recompute(self.store, self.clock, self.network, &sku).await
        {
            tracing::error!(%sku, %error, "a level cannot be computed anew; the push continues with the others");
            alert::faulty_row(self.store, self.clock, &error).await?;
        }
        self.waiting.insert(key);
        Ok(())
    }

    /// Plans the rows that initialise or repair levels. A level that must wait is left to a later push. A level that the shop
    /// already shows correctly is acknowledged through the intent like the others, by a set that changes nothing.
    async fn repair_rows(&mut self, mut levels: Vec<Level>) -> Result<Vec<PushRow>, PushError> {
        levels.truncate(F::LEVELS_AT_ONCE.min(self.batch.rows()));
        // The order matters. The watermark says up to when the ledger is complete, so the levels must be recomputed after it
        // was read, and the shop must be asked last. A level computed before the sweep would lack the orders that the sweep
        // found.
        let mark = order_watermark(self.store, self.shop).await?;
        let window = mark.settling_window(self.settling_window, self.clock.now());
        let settled = Settled { swept_at: mark.complete_at, window };
        let levels = self.recomputed(levels).await?;
        if levels.is_empty() {
            return Ok(Vec::new());
        }
        let items: BTreeSet<_> = levels.iter().map(|level| level.inventory_item).collect();
        let items: Vec<_> = items.into_iter().collect();
        let shown = loop {
            match self.front.levels(self.shop, &items).await {
                Err(StorefrontError::Throttled { wait }) => self.pause(wait).await?,
                shown => break shown?,
            }
        };
        let at: BTreeMap<_, &ShopLevel> = shown.iter().map(|level| ((level.inventory_item, level.location), level)).collect();
        let mut rows = Vec::new();
        for level in levels.iter().filter(|level| level.needs_set && level.difference().is_none()) {
            if level.renewed && !self.knows_claims(level, &shown, settled).await? {
                continue;
            }
            let found = at.get(&(level.inventory_item, level.shop_location));
            match found.map_or(RepairDecision::Inactive, |shown| decide_repair(level, shown, settled.swept_at, settled.window)) {
                RepairDecision::InFlight => {
                    self.waiting.insert(level.key());
                }
                RepairDecision::Inactive if level.renewed => {
                    // A person may have deactivated it.
                    self.block(level, LevelBlock::Deactivated).await?;
                }
                RepairDecision::Inactive => {
                    self.activate(level, found.map(|shown| shown.available)).await?;
                    self.waiting.insert(level.key());
                }
                RepairDecision::Park { shown, wanted } => {
                    self.block(level, LevelBlock::Parked { shown, wanted }).await?;
                }
                RepairDecision::Agrees => {
                    rows.extend(found.map(|shown| set_row(level, shown.available, shown.available, Quantity::ZERO)));
                }
                RepairDecision::Set { quantity, change_from, drift, excess } => {
                    let (sku, location) = (&level.sku, &level.location);
                    tracing::info!(shop = %self.shop, %sku, %location, drift = drift.units(), "setting a level");
                    rows.push(set_row(level, quantity, change_from, excess));
                }
            }
        }
        Ok(rows)
    }

    /// Computes the items of these levels anew, and returns their levels. Those of an item that cannot be computed wait.
    async fn recomputed(&mut self, mut levels: Vec<Level>) -> Result<Vec<Level>, StoreError> {
        for sku in levels.iter().map(|level| level.sku.clone()).collect::<BTreeSet<_>>() {
            match recompute(self.store, self.clock, self.network, &sku).await {
                Ok(_) => {}
                Err(error) if error.faulty_row().is_some() => {
                    tracing::error!(%sku, %error, "an item cannot be recomputed; the push continues with the others");
                    alert::faulty_row(self.store, self.clock, &error).await?;
                    self.waiting.extend(levels.iter().filter(|level| level.sku == sku).map(Level::key));
                    levels.retain(|level| level.sku != sku);
                }
                Err(error) => return Err(error),
            }
        }
        let keys: Vec<Key> = levels.iter().map(Level::key).collect();
        let mut levels: Vec<Level> = Vec::new();
        for record in self.store.get(&keys).await?.iter().flatten() {
            levels.extend(record.content()?);
        }
        Ok(levels)
    }

    /// Brings the units that our orders reserve and the shop does not commit to a level that was written anew. Returns whether the
    /// level had them already. Only then can it be set.
    async fn knows_claims(&mut self, level: &Level, shown: &[ShopLevel], settled: Settled) -> Result<bool, StoreError> {
        let shown: Vec<&ShopLevel> = shown.iter().filter(|shown| shown.inventory_item == level.inventory_item).collect();
        let promise = read::<Promise, S>(self.store, &RowKey::Promise(level.sku.clone())).await?.0;
        let drafted = reserved_by_drafts(self.store, self.shop).await?.remove(&level.sku).unwrap_or_default();
        let claims = promise.and_then(|promise| unclaimed_at(self.network, self.shop, (&promise, drafted), &shown, settled));
        let Some(claims) = claims else {
            self.waiting.insert(level.key());
            return Ok(false);
        };
        let units = claims.get(&level.shop_location).copied().unwrap_or_default();
        if units == level.unclaimed {
            return Ok(true);
        }
        let now = self.clock.now();
        self.record(std::slice::from_ref(&level.key()), |level| level.set_unclaimed(units, now)).await?;
        Ok(false)
    }

    /// Leaves a level to a person. The alert about it is raised.
    async fn block(&mut self, level: &Level, why: LevelBlock) -> Result<(), StoreError> {
        let compared = level.to_push;
        let block = |level: &mut Level| {
            (level.needs_set, level.blocked) = (false, Some(why.clone()));
            let is_parked = matches!(why, LevelBlock::Parked { .. });
            if is_parked && level.acknowledged.is_none() && level.to_push == compared {
                // Later changes still travel, as differences to what was compared.
                (level.acknowledged, level.renewed) = (Some(compared), false);
            }
        };
        self.record(std::slice::from_ref(&level.key()), block).await?;
        self.waiting.insert(level.key());
        Ok(())
    }

    /// Activates a level with nothing available. One that is below zero stays there: open orders hold those units, and a customer
    /// could buy one that an order gives back before the level is set.
    async fn activate(&mut self, level: &Level, shown: Option<Quantity>) -> Result<(), PushError> {
        let available = shown.is_none_or(|shown| !shown.is_negative()).then_some(Quantity::ZERO);
        // Activating twice does no harm. Each activation has its own key, because a pair that was deactivated in between would
        // otherwise get the old answer.
        let key = format!("activate-{}-{}-{}", level.inventory_item, level.shop_location, self.clock.now());
        let answer = loop {
            match self.front.activate(self.shop, &key, level.inventory_item, level.shop_location, available).await {
                Err(StorefrontError::Throttled { wait }) => self.pause(wait).await?,
                answer => break answer?,
            }
        };
        match answer {
            ShopAnswer::Done => Ok(()),
            ShopAnswer::Refused(errors) => {
                // A person may have activated it meanwhile, and the shop then refuses the quantity of an activation.
                let shown = self.front.levels(self.shop, &[level.inventory_item]).await?;
                if shown.iter().any(|shown| shown.location == level.shop_location && shown.active) {
                    return Ok(());
                }
                let reason = errors.first().map(reason).unwrap_or_default();
                let refused = LevelBlock::Refused { reason };
                self.record(std::slice::from_ref(&level.key()), |level| level.blocked = Some(refused.clone())).await?;
                self.report.refused += 1;
                Ok(())
            }
        }
    }

    /// Makes the call of an open intent and records its outcome. `may_have_run` means that another push may have made the call
    /// already.
    async fn perform(&mut self, intent: PushIntent, expect: Expect, may_have_run: bool) -> Result<(), PushError> {
        let age = Duration::try_from(self.clock.now().duration_since(intent.opened_at)).unwrap_or_default();
        let answer = if age < KEY_REMEMBERED {
            self.call(&intent, may_have_run).await?
        } else {
            ShopAnswer::Refused(vec![UserError {
                code: UserErrorCode::KeyParameterMismatch,
                row: None,
                message: "the intent is older than the shop keeps its idempotency key".into(),
            }])
        };
        let outcome = PushOutcome::from(&answer);
        match answer {
            ShopAnswer::Done => {
                let to: BTreeMap<Key, &PushRow> = intent.rows.iter().map(|row| (level_key(self.shop, row), row)).collect();
                let keys: Vec<Key> = to.keys().cloned().collect();
                self.record(&keys, |level| {
                    // The outcome is recorded once, and only on the planned state. A push that was delayed while another push
                    // took over its intent must not restore an old number, and a pair that was mapped to other ids meanwhile
                    // was not part of this call.
                    let planned = |row: &&&PushRow| {
                        let same_ids = (row.inventory_item, row.shop_location) == (level.inventory_item, level.shop_location);
                        same_ids && row.from == level.acknowledged
                    };
                    if level.sent_by < intent.number {
                        if let Some(row) = to.get(&level.key()).filter(planned) {
                            level.acknowledged = Some(row.to);
                            level.needs_set &= intent.action == PushAction::Adjust;
                            level.renewed &= level.needs_set;
                        }
                        level.sent_by = intent.number;
                    }
                })
                .await?;
                match intent.action {
                    PushAction::Adjust => self.report.adjusted += intent.rows.len(),
                    PushAction::Set => self.report.levels_set += intent.rows.len(),
                }
                self.batch.accepted();
            }
            ShopAnswer::Refused(errors) => self.refused(&intent, &errors).await?,
        }
        Ok(close(self.store, self.clock, &PushCall::closing(&intent, outcome, self.clock.now()), expect).await?)
    }

    /// Calls the shop with the same key until it answers.
    async fn call(&self, intent: &PushIntent, may_have_run: bool) -> Result<ShopAnswer, PushError> {
        let mut calls = Calls::of_intent(may_have_run);
        loop {
            if !has_time_for_a_call(self.clock, self.deadline) {
                return Err(PushError::OutOfTime);
            }
            let answer = self.call_once(intent).await;
            if let Some(answer) = calls.settle(self.clock, self.deadline, answer).await? {
                return Ok(answer);
            }
        }
    }

    async fn call_once(&self, intent: &PushIntent) -> Result<ShopAnswer, StorefrontError> {
        let reference = intent.reference();
        match intent.action {
            PushAction::Adjust => {
                let adjustment = |row: &PushRow| Adjustment {
                    inventory_item: row.inventory_item,
                    location: row.shop_location,
                    delta: row.send,
                };
                let rows: Vec<Adjustment> = intent.rows.iter().map(adjustment).collect();
                self.front.adjust(self.shop, &intent.key, &reference, &rows).await
            }
            PushAction::Set => {
                let set = |row: &PushRow| LevelSet {
                    inventory_item: row.inventory_item,
                    location: row.shop_location,
                    quantity: row.send,
                    change_from: row.expects.unwrap_or_default(),
                };
                let rows: Vec<LevelSet> = intent.rows.iter().map(set).collect();
                self.front.set(self.shop, &intent.key, &reference, &rows).await
            }
        }
    }

    /// A refused call changed nothing. Finds the rows that caused the refusal, so that the other rows can be sent.
    async fn refused(&mut self, intent: &PushIntent, errors: &[UserError]) -> Result<(), PushError> {
        if errors.iter().any(|error| error.code == UserErrorCode::KeyParameterMismatch) {
            let (shop, intent_number) = (self.shop, intent.number);
            tracing::error!(%shop, intent = intent_number, "an intent may or may not have run; initialising its levels");
            return self.mark_for_repair(intent).await;
        }
        // A stale row or a used key: the level is planned again from a new read, with a new key.
        let (permanent, stale): (Vec<&UserError>, Vec<&UserError>) =
            errors.iter().partition(|error| matches!(error.code, UserErrorCode::Other(_)));
        let mut refused = named_rows(permanent, intent.rows.len());
        if refused.is_empty() && stale.is_empty() {
            refused = self.batch.narrow(intent.rows.len(), errors);
        }
        let key = |row: usize| intent.rows.get(row).map(|row| level_key(self.shop, row));
        let mut stale_rows: BTreeSet<Key> = stale.iter().filter_map(|error| key(error.row?)).collect();
        if intent.action == PushAction::Set && stale_rows.is_empty() && refused.is_empty() && !stale.is_empty() {
            stale_rows.extend(intent.rows.iter().map(|row| level_key(self.shop, row)));
        }
        let refused: BTreeMap<Key, String> = refused.into_iter().filter_map(|(row, reason)| Some((key(row)?, reason))).collect();
        self.report.refused += refused.len();
        let keys: Vec<Key> = refused.keys().cloned().collect();
        let block = |level: &mut Level| {
            level.blocked = refused.get(&level.key()).map(|reason| LevelBlock::Refused { reason: reason.clone() });
        };
        self.record(&keys, block).await?;
        // A stale row means that an order changes it at this moment, so the next push sends it. This push continues with the
        // other rows.
        self.waiting.extend(stale_rows);
        Ok(())
    }

    async fn mark_for_repair(&mut self, intent: &PushIntent) -> Result<(), PushError> {
        let keys: Vec<Key> = intent.rows.iter().map(|row| level_key(self.shop, row)).collect();
        Ok(self.record(&keys, |level| (level.acknowledged, level.needs_set) = (None, true)).await?)
    }

    /// Changes levels, and raises or clears the alert of each.
    async fn record(&self, keys: &[Key], change: impl Fn(&mut Level)) -> Result<(), StoreError> {
        record((self.store, self.clock, self.shop), keys, change).await
    }

    async fn pause(&self, wait: Duration) -> Result<(), PushError> {
        pause(self.clock, wait, self.deadline).await
    }
}

/// The key of the level that a row of an intent belongs to.
fn level_key(shop: &ShopDomain, row: &PushRow) -> Key {
    RowKey::Level { shop: shop.clone(), sku: row.sku.clone(), location: row.location.clone() }.key()
}

fn adjust_row(level: &Level) -> Option<PushRow> {
    let known = level.acknowledged?;
    Some(PushRow { send: level.to_push - known, to: level.to_push, expects: None, ..row(level) })
}

/// `excess` is the number of units by which the set exceeds the wanted level, because a level cannot be set below zero. They
/// stay due as a difference.
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

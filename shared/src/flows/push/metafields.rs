//! Pushes variant metafields to a shop: lots and promise dates.
//!
//! `read due metafields → mark them → call → record the outcome`, repeated until no metafield is due. A push always sends the
//! whole value, so when a push is killed anywhere in between, a later push sends it again. The mark keeps two pushes from
//! sending different values at the same time. The mark is no lock: a push that finds its mark gone records that in the
//! metafield ([`VariantMetafield::record_accepted`]).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::catalog::{Place, ShopDomain, Sku};
use crate::flows::push::{LOOK_AGAIN, MAX_CALLS, ONE_CALL, PushError, PushReport, is_transient, refusal_alert};
use crate::flows::{Retries, RetryBudget};
use crate::movement::PositionKey;
use crate::ports::{Clock, Listing, Store, StoreError, Storefront, WriteError, sleep_within};
use crate::storefront::{MetafieldKind, MetafieldWrite, ShopAnswer, StorefrontError, UserError, UserErrorCode, VariantMetafield};
use crate::table::{Expect, IndexPartition, Key, Row, RowKey, Write};

/// How many due metafields are read per round. Other pushes may hold some of them, and the index may still list metafields
/// that were just sent.
const LISTED: usize = 100;

/// How long after marking a call may begin. A later call might end after other pushes may take over its metafields.
const MARK_LASTS: Duration = VariantMetafield::AT_WORK.saturating_sub(ONE_CALL);

/// Pushes a shop's due metafields: the `hinted` ones, and the ones that the index lists.
pub(super) struct MetafieldPush<'a, S, F, C> {
    pub store: &'a S,
    pub front: &'a F,
    pub clock: &'a C,
    pub shop: &'a ShopDomain,
    pub deadline: Timestamp,
    /// Metafields that a hint names.
    hinted: BTreeSet<Key>,
    /// The mark that this push has left on each of its metafields.
    marks: BTreeMap<Key, Timestamp>,
    /// Metafields per call. A refusal that names no row halves it, to find the refused metafield.
    limit: usize,
}

impl<'a, S: Store, F: Storefront, C: Clock> MetafieldPush<'a, S, F, C> {
    /// A pair without a location in `pairs` names the metafields of its item.
    pub fn new(
        (store, front, clock): (&'a S, &'a F, &'a C),
        shop: &'a ShopDomain,
        pairs: &BTreeSet<PositionKey>,
        deadline: Timestamp,
    ) -> Self {
        let of_items = pairs.iter().filter(|pair| pair.place == Place::Unassigned);
        let of_item =
            |sku: &Sku| MetafieldKind::ALL.map(|kind| RowKey::Metafield { shop: shop.clone(), sku: sku.clone(), kind }.key());
        let hinted = of_items.flat_map(|pair| of_item(&pair.sku)).collect();
        Self { store, front, clock, shop, deadline, hinted, marks: BTreeMap::new(), limit: F::METAFIELDS_AT_ONCE }
    }

    /// Whether a hint named a metafield. If not, a failure does not return the hints to the queue, because levels must not
    /// wait for metafields.
    pub fn was_hinted(&self) -> bool {
        !self.hinted.is_empty()
    }

    /// Pushes until no metafield is due.
    pub async fn run(&mut self, report: &mut PushReport) -> Result<(), PushError> {
        let mut failures = 0;
        loop {
            let (due, others_at_work) = self.due().await?;
            if due.is_empty() && !others_at_work {
                return Ok(());
            }
            if self.clock.now().saturating_add(ONE_CALL).unwrap_or(Timestamp::MAX) > self.deadline {
                return Err(PushError::OutOfTime);
            }
            let Some(sent) = self.mark(due).await? else {
                // All due metafields are held by another push, or one of them has just changed.
                self.pause(LOOK_AGAIN).await?;
                continue;
            };
            let row = |metafield: &VariantMetafield| MetafieldWrite {
                variant: metafield.variant,
                kind: metafield.shows.kind(),
                value: metafield.value(),
            };
            let rows: Vec<MetafieldWrite> = sent.iter().map(row).collect();
            match self.call(&rows).await {
                Ok(ShopAnswer::Done) => {
                    self.record(&sent, VariantMetafield::record_accepted).await?;
                    report.metafields_sent += sent.len();
                    self.limit = (self.limit * 2).min(F::METAFIELDS_AT_ONCE);
                }
                Ok(ShopAnswer::Refused(errors)) => report.refused += self.refused(&sent, &errors).await?,
                Err(StorefrontError::Throttled { wait }) => self.pause(wait).await?,
                Err(error @ StorefrontError::Unavailable { .. }) => {
                    // The shop may still execute the call. The mark stays, so that no other push sends a newer value before
                    // it.
                    failures += 1;
                    if failures >= MAX_CALLS {
                        return Err(error.into());
                    }
                    self.pause(LOOK_AGAIN * failures).await?;
                }
                Err(error @ (StorefrontError::Rejected { .. } | StorefrontError::Invalid { .. })) => return Err(error.into()),
            }
        }
    }

    /// Calls the shop. A transient refusal counts as no answer, and a call that the shop cannot interpret counts as a refusal
    /// of one of its metafields.
    async fn call(&self, rows: &[MetafieldWrite]) -> Result<ShopAnswer, StorefrontError> {
        match self.front.set_metafields(self.shop, rows).await {
            Ok(ShopAnswer::Refused(errors)) => match errors.iter().find(|error| is_transient(&error.code)) {
                Some(transient) => Err(StorefrontError::Unavailable { detail: transient.message.clone(), source: None }),
                None => Ok(ShopAnswer::Refused(errors)),
            },
            Err(StorefrontError::Invalid { detail }) => {
                let code = UserErrorCode::Other("INVALID_REQUEST".into());
                Ok(ShopAnswer::Refused(vec![UserError { code, row: None, message: detail }]))
            }
            answer => answer,
        }
    }

    /// Returns the due metafields that no other push holds, and whether another push holds a hinted one. The rows are read by
    /// key, because the index may lag behind.
    async fn due(&self) -> Result<(Vec<(VariantMetafield, Expect)>, bool), StoreError> {
        let indexed = self.store.list(&Listing::index(&IndexPartition::DueMetafields(self.shop.clone()), LISTED)).await?.records;
        let mut keys: BTreeSet<Key> = indexed.into_iter().map(|record| record.key).collect();
        keys.extend(self.hinted.iter().chain(self.marks.keys()).cloned());
        if keys.is_empty() {
            return Ok((Vec::new(), false));
        }
        let keys: Vec<Key> = keys.into_iter().collect();
        let now = self.clock.now();
        let (mut due, mut others_at_work) = (Vec::new(), false);
        for record in self.store.get(&keys).await?.into_iter().flatten() {
            let metafield: VariantMetafield = record.decode()?;
            let ours = metafield.sending_since.is_some() && metafield.sending_since.as_ref() == self.marks.get(&record.key);
            if metafield.is_due() && !ours && metafield.is_being_sent(now) {
                others_at_work |= self.hinted.contains(&record.key);
            } else if metafield.is_due() {
                due.push((metafield, Expect::Revision(record.revision)));
            }
        }
        due.sort_by_key(|(metafield, _)| metafield.changed_at);
        due.truncate(self.limit);
        Ok((due, others_at_work))
    }

    /// Marks all of these metafields or none. Returns `None` when there are none, when one of them changed, or when marking
    /// took too long.
    async fn mark(&mut self, due: Vec<(VariantMetafield, Expect)>) -> Result<Option<Vec<VariantMetafield>>, StoreError> {
        let now = self.clock.now();
        let (marked, expects): (Vec<VariantMetafield>, Vec<Expect>) = due
            .into_iter()
            .map(|(metafield, expect)| (VariantMetafield { sending_since: Some(now), ..metafield }, expect))
            .unzip();
        if marked.is_empty() {
            return Ok(None);
        }
        let writes: Vec<Write> = marked.iter().zip(expects).map(|(metafield, expect)| Write::put(metafield, expect)).collect();
        match self.store.write(&writes).await {
            Ok(()) => {}
            Err(WriteError::Refused(_) | WriteError::Conflict) => return Ok(None),
            Err(WriteError::Store(error)) => return Err(error),
        }
        self.marks.extend(marked.iter().map(|metafield| (metafield.key(), now)));
        let took = Duration::try_from(self.clock.now().duration_since(now)).unwrap_or_default();
        Ok((took < MARK_LASTS).then_some(marked))
    }

    /// A refused call changed nothing. Finds the refused metafields, so that the others can be sent, and returns how many it
    /// found.
    async fn refused(&mut self, sent: &[VariantMetafield], errors: &[UserError]) -> Result<usize, StoreError> {
        let message = |error: &UserError| error.message.clone();
        let mut refused_rows: BTreeMap<usize, String> = BTreeMap::new();
        for error in errors {
            if let Some(row) = error.row.filter(|row| *row < sent.len()) {
                refused_rows.entry(row).or_insert_with(|| message(error));
            }
        }
        if refused_rows.is_empty() {
            if sent.len() > 1 {
                self.limit = sent.len().div_ceil(2);
                return Ok(0);
            }
            refused_rows.insert(0, errors.first().map(message).unwrap_or_default());
        }
        let refused: Vec<VariantMetafield> = refused_rows.keys().filter_map(|row| sent.get(*row)).cloned().collect();
        let reasons: BTreeMap<Key, &String> = refused.iter().map(VariantMetafield::key).zip(refused_rows.values()).collect();
        let refuse = |metafield: &mut VariantMetafield, sent: &VariantMetafield| {
            metafield.record_refused(sent, reasons.get(&sent.key()).map_or("", |why| why))
        };
        self.record(&refused, refuse).await?;
        Ok(refused.len())
    }

    /// Records the outcome of a call in each metafield, and raises or clears its alert.
    async fn record(
        &self,
        sent: &[VariantMetafield],
        outcome: impl Fn(&mut VariantMetafield, &VariantMetafield),
    ) -> Result<(), StoreError> {
        let what = format!("the metafields of {}", self.shop);
        let mut retries = Retries::new(RetryBudget::SHARED_ROW, &what);
        loop {
            match self.record_once(sent, &outcome).await {
                Ok(done) => return Ok(done),
                Err(error) => retries.again(self.clock, error).await?,
            }
        }
    }

    async fn record_once(
        &self,
        sent: &[VariantMetafield],
        outcome: &impl Fn(&mut VariantMetafield, &VariantMetafield),
    ) -> Result<(), WriteError> {
        let keys: Vec<Key> = sent.iter().map(VariantMetafield::key).collect();
        let mut writes = Vec::new();
        for (record, sent) in self.store.get(&keys).await?.into_iter().zip(sent) {
            let Some(record) = record else { continue }; // The shop no longer sells the item.
            let mut metafield: VariantMetafield = record.decode()?;
            outcome(&mut metafield, sent);
            if metafield.refused.is_some() != metafield.alerted {
                metafield.alerted = metafield.refused.is_some();
                writes.extend(refusal_alert(self.store, (&metafield).into(), self.clock.now()).await?);
            }
            writes.push(Write::put(&metafield, Expect::Revision(record.revision)));
        }
        if writes.is_empty() { Ok(()) } else { self.store.write(&writes).await }
    }

    async fn pause(&self, wait: Duration) -> Result<(), PushError> {
        if sleep_within(self.clock, wait, self.deadline).await { Ok(()) } else { Err(PushError::OutOfTime) }
    }
}

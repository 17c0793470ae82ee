//! Pushes variant metafields to a shop: lots and promise dates.
//!
//! `read due metafields → mark them → call → record the outcome`, repeated until no metafield is due. A push always sends the
//! whole value, so when a push is killed anywhere in between, a later push sends it again. The mark keeps two pushes from
//! sending different values at the same time. The mark is no lock: a push that finds its mark gone records that in the
//! metafield ([`VariantMetafield::record_accepted`]).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::catalog::{MetafieldKind, ShopDomain, Sku};
use crate::flows::push::delivery::{BatchSize, Calls, LOOK_AGAIN, ONE_CALL, has_time_for_a_call, named_rows, pause, record};
use crate::flows::push::{PushError, PushReport};
use crate::flows::write_if_unchanged;
use crate::ports::{Clock, Listing, Store, StoreError, Storefront};
use crate::storefront::{MetafieldWrite, PushTarget, ShopAnswer, UserError, VariantMetafield};
use crate::table::{Expect, IndexPartition, Key, Row, RowKey, Write};

/// How many due metafields are read per round. Other pushes may hold some of them, and the index may still list metafields
/// that were just sent.
const LISTED: usize = 100;

/// How long after marking a call may begin. A later call might end after other pushes may take over its metafields.
const MARK_LASTS: Duration = VariantMetafield::SENDING_TIMEOUT.saturating_sub(ONE_CALL);

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
    batch: BatchSize,
}

impl<'a, S: Store, F: Storefront, C: Clock> MetafieldPush<'a, S, F, C> {
    /// A push of the due metafields, first of all those that a hint names.
    pub fn new(
        (store, front, clock): (&'a S, &'a F, &'a C),
        shop: &'a ShopDomain,
        targets: &BTreeSet<PushTarget>,
        deadline: Timestamp,
    ) -> Self {
        let items = targets.iter().filter_map(|target| match target {
            PushTarget::Metafields { sku } => Some(sku),
            PushTarget::Level { .. } => None,
        });
        let of_item =
            |sku: &Sku| MetafieldKind::ALL.map(|kind| RowKey::Metafield { shop: shop.clone(), sku: sku.clone(), kind }.key());
        let hinted = items.flat_map(of_item).collect();
        Self { store, front, clock, shop, deadline, hinted, marks: BTreeMap::new(), batch: BatchSize::new(F::METAFIELDS_AT_ONCE) }
    }

    /// Whether a hint named a metafield. If not, a failure does not return the hints to the queue, because levels must not
    /// wait for metafields.
    pub fn was_hinted(&self) -> bool {
        !self.hinted.is_empty()
    }

    /// Pushes until no metafield is due.
    pub async fn run(&mut self, report: &mut PushReport) -> Result<(), PushError> {
        let mut calls = Calls::without_key();
        loop {
            let (due, others_at_work) = self.due().await?;
            if due.is_empty() && !others_at_work {
                return Ok(());
            }
            if !has_time_for_a_call(self.clock, self.deadline) {
                return Err(PushError::OutOfTime);
            }
            let Some(sent) = self.mark(due).await? else {
                // All due metafields are held by another push, or one of them has just changed.
                pause(self.clock, LOOK_AGAIN, self.deadline).await?;
                continue;
            };
            let row = |metafield: &VariantMetafield| MetafieldWrite {
                variant: metafield.variant,
                kind: metafield.value.kind(),
                value: metafield.json(),
            };
            let rows: Vec<MetafieldWrite> = sent.iter().map(row).collect();
            let answer = self.front.set_metafields(self.shop, &rows).await;
            // The shop may still execute a call that it did not answer. The mark stays, so that no other push sends a newer value
            // before it.
            match calls.settle(self.clock, self.deadline, answer).await? {
                Some(ShopAnswer::Done) => {
                    self.record(&sent, VariantMetafield::record_accepted).await?;
                    report.metafields_sent += sent.len();
                    self.batch.accepted();
                }
                Some(ShopAnswer::Refused(errors)) => report.refused += self.refused(&sent, &errors).await?,
                None => {}
            }
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
            let Some(metafield) = record.content::<VariantMetafield>()? else { continue };
            let ours = metafield.sending_since.is_some() && metafield.sending_since.as_ref() == self.marks.get(&record.key);
            if metafield.is_due() && !ours && metafield.is_being_sent(now) {
                others_at_work |= self.hinted.contains(&record.key);
            } else if metafield.is_due() {
                due.push((metafield, Expect::as_read(Some(&record))));
            }
        }
        due.sort_by_key(|(metafield, _)| metafield.changed_at);
        due.truncate(self.batch.rows());
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
        if !write_if_unchanged(self.store, &writes).await? {
            return Ok(None);
        }
        self.marks.extend(marked.iter().map(|metafield| (metafield.key(), now)));
        let took = Duration::try_from(self.clock.now().duration_since(now)).unwrap_or_default();
        Ok((took < MARK_LASTS).then_some(marked))
    }

    /// A refused call changed nothing. Finds the refused metafields, so that the others can be sent, and returns how many it
    /// found.
    async fn refused(&mut self, sent: &[VariantMetafield], errors: &[UserError]) -> Result<usize, StoreError> {
        let mut rows = named_rows(errors, sent.len());
        if rows.is_empty() {
            rows = self.batch.narrow(sent.len(), errors);
        }
        let (refused, reasons): (Vec<VariantMetafield>, Vec<String>) =
            rows.into_iter().filter_map(|(row, reason)| Some((sent.get(row)?.clone(), reason))).unzip();
        let reasons: BTreeMap<Key, String> = refused.iter().map(VariantMetafield::key).zip(reasons).collect();
        let refuse = |metafield: &mut VariantMetafield, sent: &VariantMetafield| {
            metafield.record_refused(sent, reasons.get(&sent.key()).map_or("", |why| why))
        };
        self.record(&refused, refuse).await?;
        Ok(refused.len())
    }

    /// Records the outcome of a call in each metafield that was sent.
    async fn record(
        &self,
        sent: &[VariantMetafield],
        outcome: impl Fn(&mut VariantMetafield, &VariantMetafield),
    ) -> Result<(), StoreError> {
        let sent: BTreeMap<Key, &VariantMetafield> = sent.iter().map(|metafield| (metafield.key(), metafield)).collect();
        let keys: Vec<Key> = sent.keys().cloned().collect();
        let outcome = |metafield: &mut VariantMetafield| {
            if let Some(sent) = sent.get(&metafield.key()) {
                outcome(metafield, sent);
            }
        };
        record((self.store, self.clock, self.shop), &keys, outcome).await
    }
}

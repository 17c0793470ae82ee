//! Telling a shop what it shows beside its items: lots, promise dates.
//!
//! `read what is due → mark it → call → record the outcome`, again until nothing is due. A label is told whole, so a push that
//! was killed anywhere in between is followed by another that tells it again. The mark keeps two pushes from telling different
//! things at the same time; it is no lock, and a push that finds its mark gone says so in the label ([`VariantMetafield::record_accepted`]).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::catalog::{Place, ShopDomain, Sku};
use crate::flows::push::{LOOK_AGAIN, MAX_CALLS, ONE_CALL, PushError, PushReport, is_passing, refusal_alert};
use crate::flows::{RetryBudget, retry};
use crate::movement::PositionKey;
use crate::ports::{Clock, Listing, Store, StoreError, Storefront, WriteError, sleep_within};
use crate::storefront::{MetafieldKind, MetafieldWrite, ShopAnswer, StorefrontError, UserError, UserErrorCode, VariantMetafield};
use crate::table::{Expect, IndexPartition, Key, Row, RowKey, Write};

/// How many due labels are looked at in one go: some may be other pushes', and the index may show what was told just now.
const LISTED: usize = 100;

/// A call that begins later than this after its labels were marked might end after others may take them over.
const MARK_LASTS: Duration = VariantMetafield::AT_WORK.saturating_sub(ONE_CALL);

/// Tells a shop its due labels: the `hinted` ones, and whatever else the index shows.
pub(super) struct MetafieldPush<'a, S, F, C> {
    pub store: &'a S,
    pub front: &'a F,
    pub clock: &'a C,
    pub shop: &'a ShopDomain,
    pub deadline: Timestamp,
    /// Labels that a hint names.
    hinted: BTreeSet<Key>,
    /// Labels of this push, with the mark it left on each.
    marks: BTreeMap<Key, Timestamp>,
    /// Labels per call: halved when a call is refused without saying for which label, to find it.
    limit: usize,
}

impl<'a, S: Store, F: Storefront, C: Clock> MetafieldPush<'a, S, F, C> {
    /// A pair without a location names the labels of its item.
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

    /// Whether a hint asked for it. If not, a failure is no reason to give the hints back: levels must not wait for labels.
    pub fn was_asked_for(&self) -> bool {
        !self.hinted.is_empty()
    }

    /// Tells until nothing is due.
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
                // Nothing to do but wait for another push, or one of the labels changed just now.
                self.pause(LOOK_AGAIN).await?;
                continue;
            };
            let row = |label: &VariantMetafield| MetafieldWrite {
                variant: label.variant,
                kind: label.shows.kind(),
                value: label.value(),
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
                    // It may still be done: the mark stays, so that nobody else tells anything newer before it.
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

    /// Calls the shop. A refusal that will pass is no answer, and a call that makes no sense to it is a refusal of some label.
    async fn call(&self, rows: &[MetafieldWrite]) -> Result<ShopAnswer, StorefrontError> {
        match self.front.set_metafields(self.shop, rows).await {
            Ok(ShopAnswer::Refused(errors)) => match errors.iter().find(|error| is_passing(&error.code)) {
                Some(passing) => Err(StorefrontError::Unavailable { detail: passing.message.clone(), source: None }),
                None => Ok(ShopAnswer::Refused(errors)),
            },
            Err(StorefrontError::Invalid { detail }) => {
                let code = UserErrorCode::Other("INVALID_REQUEST".into());
                Ok(ShopAnswer::Refused(vec![UserError { code, row: None, message: detail }]))
            }
            answer => answer,
        }
    }

    /// What is due and free, and whether a hinted label is being told by another push. Read by key, since the index may be
    /// behind.
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
            let label: VariantMetafield = record.decode()?;
            let ours = label.sending_since.is_some() && label.sending_since.as_ref() == self.marks.get(&record.key);
            if label.is_due() && !ours && label.is_being_sent(now) {
                others_at_work |= self.hinted.contains(&record.key);
            } else if label.is_due() {
                due.push((label, Expect::Revision(record.revision)));
            }
        }
        due.sort_by_key(|(label, _)| label.changed_at);
        due.truncate(self.limit);
        Ok((due, others_at_work))
    }

    /// Marks labels, all or none. None where there is nothing to mark, one of them changed, or it took too long.
    async fn mark(&mut self, due: Vec<(VariantMetafield, Expect)>) -> Result<Option<Vec<VariantMetafield>>, StoreError> {
        let now = self.clock.now();
        let (marked, expects): (Vec<VariantMetafield>, Vec<Expect>) =
            due.into_iter().map(|(label, expect)| (VariantMetafield { sending_since: Some(now), ..label }, expect)).unzip();
        if marked.is_empty() {
            return Ok(None);
        }
        let writes: Vec<Write> = marked.iter().zip(expects).map(|(label, expect)| Write::put(label, expect)).collect();
        match self.store.write(&writes).await {
            Ok(()) => {}
            Err(WriteError::Refused(_) | WriteError::Conflict) => return Ok(None),
            Err(WriteError::Store(error)) => return Err(error),
        }
        self.marks.extend(marked.iter().map(|label| (label.key(), now)));
        let took = Duration::try_from(self.clock.now().duration_since(now)).unwrap_or_default();
        Ok((took < MARK_LASTS).then_some(marked))
    }

    /// A refused call changed nothing. Finds who is to blame, so that the others can go on; returns how many were found.
    async fn refused(&mut self, sent: &[VariantMetafield], errors: &[UserError]) -> Result<usize, StoreError> {
        let words = |error: &UserError| error.message.clone();
        let mut blamed: BTreeMap<usize, String> = BTreeMap::new();
        for error in errors {
            if let Some(row) = error.row.filter(|row| *row < sent.len()) {
                blamed.entry(row).or_insert_with(|| words(error));
            }
        }
        if blamed.is_empty() {
            if sent.len() > 1 {
                self.limit = sent.len().div_ceil(2);
                return Ok(0);
            }
            blamed.insert(0, errors.first().map(words).unwrap_or_default());
        }
        let refused: Vec<VariantMetafield> = blamed.keys().filter_map(|row| sent.get(*row)).cloned().collect();
        let reasons: BTreeMap<Key, &String> = refused.iter().map(VariantMetafield::key).zip(blamed.values()).collect();
        let refuse = |label: &mut VariantMetafield, sent: &VariantMetafield| {
            label.record_refused(sent, reasons.get(&sent.key()).map_or("", |why| why))
        };
        self.record(&refused, refuse).await?;
        Ok(refused.len())
    }

    /// Records the outcome of a call in each label, with its alert: raised when it is refused, cleared when it is not any more.
    async fn record(
        &self,
        sent: &[VariantMetafield],
        outcome: impl Fn(&mut VariantMetafield, &VariantMetafield),
    ) -> Result<(), StoreError> {
        let what = format!("the metafields of {}", self.shop);
        retry(self.clock, RetryBudget::SHARED_ROW, &what, async || self.record_once(sent, &outcome).await).await
    }

    async fn record_once(
        &self,
        sent: &[VariantMetafield],
        outcome: &impl Fn(&mut VariantMetafield, &VariantMetafield),
    ) -> Result<(), WriteError> {
        let keys: Vec<Key> = sent.iter().map(VariantMetafield::key).collect();
        let mut writes = Vec::new();
        for (record, sent) in self.store.get(&keys).await?.into_iter().zip(sent) {
            let Some(record) = record else { continue }; // The item is not sold there any more.
            let mut label: VariantMetafield = record.decode()?;
            outcome(&mut label, sent);
            if label.refused.is_some() != label.alerted {
                label.alerted = label.refused.is_some();
                writes.extend(refusal_alert(self.store, (&label).into(), self.clock.now()).await?);
            }
            writes.push(Write::put(&label, Expect::Revision(record.revision)));
        }
        if writes.is_empty() { Ok(()) } else { self.store.write(&writes).await }
    }

    async fn pause(&self, wait: Duration) -> Result<(), PushError> {
        if sleep_within(self.clock, wait, self.deadline).await { Ok(()) } else { Err(PushError::OutOfTime) }
    }
}

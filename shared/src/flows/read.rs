//! Reading orders whole: those a webhook only pointed at, those a webhook told in part, and each new version once, so that
//! it can be forwarded to the manufacturing system.

use jiff::Timestamp;
use serde::Serialize;

use crate::alert::AlertSubject;
use crate::catalog::{Network, OrderId, ShopDomain};
use crate::draft::EventOutcome;
use crate::flows::sweep::wait_within;
use crate::flows::{Received, ReconcileError, alert, receive};
use crate::ledger::{LedgerEvent, OrderEvent};
use crate::movement::{EventId, content_hash};
use crate::order::{OrderFacts, OrderRecord, OrderSnapshot, OrderToRead, ReadFailure, SalesOrder};
use crate::ports::{Bus, Clock, Listing, Store, StoreError, Storefront, WriteError, list_all, read};
use crate::storefront::{OrderRead, StorefrontError};
use crate::table::{Expect, IndexPartition, Key, Partition, Record, RowKey, Write};

/// Orders picked up from the index in one page.
const PAGE: usize = 200;

/// How often the mark of a forwarded order is tried while others write the order.
const MAX_ATTEMPTS: u32 = 6;

/// What reading found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ReadReport {
    /// Orders read.
    pub orders: usize,
    /// Movements that led to.
    pub movements: usize,
    /// Sales orders forwarded.
    pub forwarded: usize,
    /// Orders that make no sense: someone is told, and every sweep tries them again.
    pub odd: usize,
    /// Orders that are not read yet: something failed, or they wait in a lane.
    pub left: usize,
}

/// The ports that reading needs.
pub struct OrderReader<'a, S, F, B, C> {
    /// The table.
    pub store: &'a S,
    /// The shop.
    pub front: &'a F,
    /// The way to the manufacturing system.
    pub bus: &'a B,
    /// The time.
    pub clock: &'a C,
    /// The locations.
    pub network: &'a Network,
    /// Which shop.
    pub shop: &'a ShopDomain,
    /// When to stop.
    pub deadline: Timestamp,
}

impl<S: Store, F: Storefront, B: Bus, C: Clock> OrderReader<'_, S, F, B, C> {
    /// Reads everything that waits to be read, oldest first, and forwards what is a new version. One that fails does not
    /// keep the others waiting.
    ///
    /// # Errors
    /// [`ReconcileError`]: the first failure, or that the shop does not answer; the next run goes on.
    pub async fn all(&self) -> Result<ReadReport, ReconcileError> {
        let (mut report, mut patience) = (ReadReport::default(), Patience::default());
        for record in list_all(self.store, Listing::rows(&Partition::OrdersToRead(self.shop.clone()))).await? {
            self.within_time()?;
            let followed = self.follow(&record, &mut report).await;
            report.left += usize::from(patience.with(&record.key.sk, followed)?.is_none());
        }
        let mut listing = Listing::index(&IndexPartition::UnreadOrders(self.shop.clone()), PAGE);
        loop {
            let page = self.store.list(&listing).await?;
            for record in &page.records {
                self.within_time()?;
                let looked = self.look_again(&record.key, &mut report).await;
                report.left += usize::from(patience.with(&record.key.pk, looked)?.is_none());
            }
            match page.next {
                Some(next) => listing.after = Some(next),
                None => return patience.failure.map_or(Ok(report), Err),
            }
        }
    }

    /// Reads what a pointer names, and takes the pointer away.
    async fn follow(&self, record: &Record, report: &mut ReadReport) -> Result<(), ReconcileError> {
        let pointer: OrderToRead = record.decode()?;
        let order = match OrderId::from_gid(&pointer.gid) {
            Some(order) => Some(order),
            None => self.ask(async || self.front.order_of(self.shop, &pointer.gid).await).await?,
        };
        match order {
            Some(order) => self.one(order, report).await?,
            None => tracing::warn!(shop = %self.shop, gid = pointer.gid, "the shop has no such thing any more"),
        }
        Ok(self.forget(record).await?)
    }

    /// Reads an order that still waits to be read: what was listed may be a while ago.
    async fn look_again(&self, key: &Key, report: &mut ReadReport) -> Result<(), ReconcileError> {
        let Some(listed) = RowKey::parse(key) else { return Ok(()) };
        match read::<OrderRecord, S>(self.store, &listed).await?.0 {
            Some(record) if record.waits_to_be_read() => self.one(record.order, report).await,
            Some(_) | None => Ok(()),
        }
    }

    /// Reads one order, takes it in, and forwards it if it is a new version.
    async fn one(&self, order: OrderId, report: &mut ReadReport) -> Result<(), ReconcileError> {
        if let Some((facts, sales)) = self.ingest(order, report).await? {
            report.forwarded += usize::from(self.forward(&facts, sales).await?);
        }
        Ok(())
    }

    /// Reads one order into the ledger, and returns what it said, with the sales order of it; none if it could not be read
    /// or waits in a lane.
    pub(super) async fn ingest(
        &self,
        order: OrderId,
        report: &mut ReadReport,
    ) -> Result<Option<(OrderFacts, SalesOrder)>, ReconcileError> {
        let Some(OrderRead { snapshot, sales }) = self.ask(async || self.front.order(self.shop, order).await).await? else {
            self.tell(&order.gid(), "the shop does not have it, or does not show it to this app").await?;
            self.quarantine(order, ReadFailure::Gone).await?;
            return Ok(None);
        };
        report.orders += 1;
        let snapshot = match snapshot {
            Ok(snapshot) => snapshot,
            Err(reason) => {
                self.tell(&order.gid(), &reason).await?;
                self.quarantine(order, ReadFailure::Odd).await?;
                report.odd += 1;
                return Ok(None);
            }
        };
        let facts = snapshot.facts.clone();
        match receive(self.store, self.clock, self.network, asked(snapshot)).await? {
            Received::Decided(EventOutcome::Applied { movements, .. }) => report.movements += movements,
            Received::Decided(EventOutcome::Duplicate | EventOutcome::ContentMismatch) => {}
            Received::Decided(EventOutcome::Unreadable | EventOutcome::Waiting(_) | EventOutcome::Refused(_))
            | Received::Deferred(_) => {
                report.left += 1;
                return Ok(None);
            }
        }
        Ok(facts.map(|facts| (facts, sales)))
    }

    /// Raises the alert about an order that cannot be read.
    pub(super) async fn tell(&self, order: &str, reason: &str) -> Result<(), ReconcileError> {
        tracing::error!(shop = %self.shop, order, reason, "an order cannot be read");
        let subject = AlertSubject::UnreadableOrder { shop: self.shop.clone(), order: order.to_owned() };
        let detail = format!("{order} of {} cannot be read: {reason}.", self.shop);
        Ok(alert::raise(self.store, self.clock, (subject, detail)).await?)
    }

    /// Notes that reading an order told nothing, so that it is not read again and again for it: an odd one is tried by every
    /// sweep, any one by the next word about it.
    async fn quarantine(&self, order: OrderId, why: ReadFailure) -> Result<(), ReconcileError> {
        let key = RowKey::Order { shop: self.shop.clone(), order };
        let (record, expect) = read::<OrderRecord, S>(self.store, &key).await?;
        if record.is_none() && why == ReadFailure::Gone {
            return Ok(());
        }
        let record = record.unwrap_or_else(|| OrderRecord::new(self.shop.clone(), order));
        let aside = OrderRecord { unread: false, unreadable: Some(why), ..record.clone() };
        if aside == record {
            return Ok(());
        }
        match self.store.write(&[Write::put(&aside, expect)]).await {
            Ok(()) => Ok(()),
            Err(WriteError::Refused(_) | WriteError::Conflict) => {
                Err(StoreError::Unavailable { detail: format!("others write order {order} just now"), source: None }.into())
            }
            Err(WriteError::Store(error)) => Err(error.into()),
        }
    }

    /// Forwards a sales order if what it was read with is what we hold, and that was not forwarded yet.
    ///
    /// It is marked after it was sent: a crash in between sends it again, under the same name. Marked before, a crash
    /// would lose it. Only that it may have been sent is noted before, so that a cancellation follows it whatever happens.
    pub(super) async fn forward(&self, facts: &OrderFacts, sales: SalesOrder) -> Result<bool, ReconcileError> {
        let key = RowKey::Order { shop: self.shop.clone(), order: sales.order };
        // Newer facts are forwarded in their own turn.
        let is_due = |record: &OrderRecord| {
            record.must_be_forwarded() && record.facts.as_ref().is_some_and(|known| known.says_the_same(facts))
        };
        let (record, mut expect) = read::<OrderRecord, S>(self.store, &key).await?;
        let Some(mut record) = record.filter(is_due) else { return Ok(false) };
        let sent = sales.with_items_of(&record);
        if record.forwarded.is_none() {
            record.forwarded = Some(sent.version);
            match self.store.write(&[Write::put(&record, expect)]).await {
                Ok(()) => expect = expect.after(),
                // Others write it just now: it stays to be read.
                Err(WriteError::Refused(_) | WriteError::Conflict) => return Ok(false),
                Err(WriteError::Store(error)) => return Err(error.into()),
            }
        }
        self.bus.forward(&sent).await?;
        for _ in 0..MAX_ATTEMPTS {
            let marked = OrderRecord { forwarded: Some(sent.version), unforwarded: false, ..record };
            match self.store.write(&[Write::put(&marked, expect)]).await {
                Ok(()) => return Ok(true),
                Err(WriteError::Store(error)) => return Err(error.into()),
                Err(WriteError::Refused(_) | WriteError::Conflict) => {
                    let (now, revision) = read::<OrderRecord, S>(self.store, &key).await?;
                    let Some(now) = now.filter(is_due) else { return Ok(true) };
                    (record, expect) = (now, revision);
                }
            }
        }
        Err(StoreError::Unavailable { detail: format!("others keep writing order {}", sent.order), source: None }.into())
    }

    /// Asks the shop, waiting for its budget while there is time.
    pub(super) async fn ask<T>(&self, call: impl AsyncFn() -> Result<T, StorefrontError>) -> Result<T, ReconcileError> {
        loop {
            match call().await {
                Err(StorefrontError::Throttled { wait }) => wait_within(self.clock, wait, self.deadline).await?,
                answer => return Ok(answer?),
            }
        }
    }

    /// Takes a pointer away, unless it was named again meanwhile.
    async fn forget(&self, record: &Record) -> Result<(), StoreError> {
        let delete = Write::Delete { key: Key::clone(&record.key), expect: Expect::Revision(record.revision) };
        match self.store.write(&[delete]).await {
            Ok(()) | Err(WriteError::Refused(_) | WriteError::Conflict) => Ok(()),
            Err(WriteError::Store(error)) => Err(error),
        }
    }

    pub(super) fn within_time(&self) -> Result<(), ReconcileError> {
        if self.clock.now() > self.deadline { Err(ReconcileError::OutOfTime) } else { Ok(()) }
    }
}

/// Lets the others go on when one order fails for reasons of its own, and keeps the first failure to be told in the end.
#[derive(Default)]
pub(super) struct Patience {
    /// The first failure.
    pub(super) failure: Option<ReconcileError>,
    unanswered: u32,
}

impl Patience {
    /// So many orders in a row without an answer, and it is the shop.
    const UNANSWERED: u32 = 3;

    /// What was done, if it was; the error that ends it all.
    pub(super) fn with<T>(&mut self, what: &str, done: Result<T, ReconcileError>) -> Result<Option<T>, ReconcileError> {
        let error = match done {
            Ok(done) => {
                self.unanswered = 0;
                return Ok(Some(done));
            }
            Err(error @ (ReconcileError::OutOfTime | ReconcileError::Storefront(StorefrontError::Rejected { .. }))) => {
                return Err(error);
            }
            Err(error) => error,
        };
        self.unanswered += u32::from(matches!(error, ReconcileError::Storefront(StorefrontError::Unavailable { .. })));
        if self.unanswered >= Self::UNANSWERED {
            return Err(error);
        }
        tracing::warn!(what, %error, "an order is not read or forwarded yet; the others go on");
        self.failure.get_or_insert(error);
        Ok(None)
    }
}

/// An order we asked for, named by what the shop said and when.
fn asked(snapshot: OrderSnapshot) -> LedgerEvent {
    let said = serde_json::to_string(&snapshot).expect("a snapshot always serialises");
    let content = content_hash(said.as_bytes());
    let id = EventId::new(format!("query:{}", snapshot.shop), format!("{}#{content}", snapshot.order));
    LedgerEvent::Order(Box::new(OrderEvent { id, content, snapshot }))
}

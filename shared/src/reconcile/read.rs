//! Reading orders whole: those a webhook only pointed at, those a webhook told in part, and each new version once, so that
//! it can be forwarded to the manufacturing system.

use jiff::Timestamp;
use serde::Serialize;

use super::ReconcileError;
use super::sweep::wait_within;
use crate::alert::{self, Bus, Subject};
use crate::catalog::{Network, OrderId, ShopDomain};
use crate::clock::Clock;
use crate::ledger::{Event, EventId, OrderEvent, Outcome, content_hash};
use crate::order::{Facts, OrderRecord, OrderSnapshot, Pointer, Received, SalesOrder, receive};
use crate::store::{Expect, Key, Listing, Record, Store, StoreError, Write, WriteError, list_all, read};
use crate::storefront::{OrderRead, Storefront, StorefrontError};

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
    /// Orders that could not be read, or wait in a lane.
    pub left: usize,
}

/// The ports that reading needs.
pub struct Reading<'a, S, F, B, C> {
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

impl<S: Store, F: Storefront, B: Bus, C: Clock> Reading<'_, S, F, B, C> {
    /// Reads everything that waits to be read, oldest first, and forwards what is a new version. One that fails does not
    /// keep the others waiting; a shop that does not answer ends it.
    ///
    /// # Errors
    /// [`ReconcileError`]; the next run goes on.
    pub async fn all(&self) -> Result<ReadReport, ReconcileError> {
        let mut report = ReadReport::default();
        let mut failure = None;
        for record in list_all(self.store, Listing::rows(Pointer::partition(self.shop), "")).await? {
            self.within_time()?;
            let pointer: Pointer = record.decode()?;
            let order = match OrderId::from_gid(&pointer.gid) {
                Some(order) => Some(order),
                None => self.ask(async || self.front.order_of(self.shop, &pointer.gid).await).await?,
            };
            match order {
                Some(order) => match one_of_many(self.one(order, &mut report).await, order, &mut failure)? {
                    Some(()) => self.forget(&record).await?,
                    None => report.left += 1,
                },
                None => {
                    tracing::warn!(shop = %self.shop, gid = pointer.gid, "the shop has no such thing any more");
                    self.forget(&record).await?;
                }
            }
        }
        let mut listing = Listing::index(OrderRecord::unread_index(self.shop), PAGE);
        loop {
            let page = self.store.list(&listing).await?;
            for record in &page.records {
                self.within_time()?;
                match record.decode::<OrderRecord>() {
                    Ok(OrderRecord { order, .. }) => {
                        if one_of_many(self.one(order, &mut report).await, order, &mut failure)?.is_none() {
                            report.left += 1;
                        }
                    }
                    Err(error) => {
                        tracing::error!(%error, "an order's row cannot be read; the others go on");
                        report.left += 1;
                    }
                }
            }
            match page.next {
                Some(next) => listing.after = Some(next),
                None => return failure.map_or(Ok(report), Err),
            }
        }
    }

    /// Reads one order, takes it in, and forwards it if it is a new version.
    async fn one(&self, order: OrderId, report: &mut ReadReport) -> Result<(), ReconcileError> {
        if let Some((facts, sales)) = self.take_in(order, report).await? {
            report.forwarded += usize::from(self.forward(&facts, sales).await?);
        }
        Ok(())
    }

    /// Reads one order into the ledger, and returns what it said, with the sales order of it; none if it could not be read
    /// or waits in a lane.
    ///
    /// # Errors
    /// [`ReconcileError`]; nothing of it is lost.
    pub(super) async fn take_in(&self, order: OrderId, report: &mut ReadReport) -> Result<Option<(Facts, SalesOrder)>, ReconcileError> {
        let read = self.ask(async || self.front.order(self.shop, order).await).await?;
        let Some(OrderRead { snapshot, sales, answered_at }) = read else {
            self.unreadable(&order.gid(), "the shop does not have it any more", report).await?;
            return Ok(None);
        };
        report.orders += 1;
        let snapshot = match snapshot {
            Ok(snapshot) => snapshot,
            Err(reason) => {
                self.unreadable(&order.gid(), &reason, report).await?;
                return Ok(None);
            }
        };
        let facts = snapshot.facts.clone();
        match receive(self.store, self.clock, self.network, asked(snapshot, answered_at)).await? {
            Received::Decided(Outcome::Applied { movements, .. }) => report.movements += movements,
            Received::Decided(Outcome::Duplicate | Outcome::ContentMismatch) => {}
            Received::Decided(Outcome::Unreadable) | Received::Deferred(_) => {
                report.left += 1;
                return Ok(None);
            }
        }
        Ok(facts.map(|facts| (facts, sales)))
    }

    /// Raises the alert about an order that cannot be read.
    pub(super) async fn unreadable(&self, order: &str, reason: &str, report: &mut ReadReport) -> Result<(), ReconcileError> {
        report.left += 1;
        tracing::error!(shop = %self.shop, order, reason, "an order cannot be read");
        let subject = Subject::UnreadableOrder { shop: self.shop.clone(), order: order.to_owned() };
        let detail = format!("{order} of {} cannot be read: {reason}.", self.shop);
        Ok(alert::raise(self.store, self.clock, (subject, detail)).await?)
    }

    /// Forwards a sales order if what it was read with is what we hold, and that was not forwarded yet.
    ///
    /// It is marked after it was sent: a crash in between sends it again, under the same name. Marked before, a crash
    /// would lose it.
    pub(super) async fn forward(&self, facts: &Facts, sales: SalesOrder) -> Result<bool, ReconcileError> {
        let key = OrderRecord::key_of(self.shop, sales.order);
        // Newer facts are forwarded in their own turn.
        let is_due = |record: &OrderRecord| record.must_be_forwarded() && record.facts.as_ref() == Some(facts);
        let (record, mut expect) = read::<OrderRecord, S>(self.store, key.clone()).await?;
        let Some(mut record) = record.filter(is_due) else { return Ok(false) };
        let sent = sales.with_items_of(&record);
        self.bus.forward(&sent).await?;
        for _ in 0..MAX_ATTEMPTS {
            let marked = OrderRecord { forwarded: Some(sent.version), unforwarded: false, ..record };
            match self.store.write(&[Write::put(&marked, expect)]).await {
                Ok(()) => return Ok(true),
                Err(WriteError::Store(error)) => return Err(error.into()),
                Err(WriteError::Refused(_) | WriteError::Conflict) => {
                    let (now, revision) = read::<OrderRecord, S>(self.store, key.clone()).await?;
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
fn one_of_many(
    done: Result<(), ReconcileError>,
    order: OrderId,
    failure: &mut Option<ReconcileError>,
) -> Result<Option<()>, ReconcileError> {
    match done {
        Ok(()) => Ok(Some(())),
        Err(
            error @ (ReconcileError::OutOfTime
            | ReconcileError::Storefront(StorefrontError::Unavailable { .. } | StorefrontError::Rejected { .. })),
        ) => Err(error),
        Err(error) => {
            tracing::warn!(%order, %error, "an order is not read or forwarded yet; the others go on");
            failure.get_or_insert(error);
            Ok(None)
        }
    }
}

/// An order we asked for, named by when it was and what it says.
fn asked(snapshot: OrderSnapshot, answered_at: Timestamp) -> Event {
    let said = serde_json::to_string(&snapshot).expect("a snapshot always serialises");
    let content = content_hash(said.as_bytes());
    let id = EventId::new(format!("query:{}", snapshot.shop), format!("{}@{answered_at}#{content}", snapshot.order));
    Event::Order(Box::new(OrderEvent { id, content, snapshot, answered_at: Some(answered_at) }))
}

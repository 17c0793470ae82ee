//! Reads whole orders: orders that a webhook only referred to, orders that a webhook carried in part, and each new version
//! once, so that it can be forwarded to the manufacturing system. Draft orders are always read, because their webhooks do not
//! contain what they reserve.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::alert::AlertSubject;
use crate::catalog::{Network, OrderId, ShopDomain, ShopSettings};
use crate::draft::EventOutcome;
use crate::flows::holds::decide;
use crate::flows::reconcile_error::wait_within;
use crate::flows::watermark::change_order_watermark;
use crate::flows::{Received, ReconcileError, Retries, RetryBudget, alert, receive, write_if_unchanged};
use crate::ledger::{LedgerEvent, OrderEvent};
use crate::movement::{EventId, content_hash};
use crate::order::{HoldAction, OrderFacts, OrderRecord, OrderSnapshot, OrderToRead, ReadFailure, SalesOrder};
use crate::ports::{Bus, Clock, Listing, Store, StoreError, Storefront, list_all, read};
use crate::storefront::{OrderRead, StorefrontError};
use crate::table::{IndexPartition, Key, Partition, Record, RowKey, Write};

/// The number of orders read from the index in one page.
const PAGE: usize = 200;

/// What the alert names instead of an order when the app may not read draft orders.
const DRAFTS: &str = "draft orders";

/// What a run of the order reader did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ReadReport {
    /// Orders read.
    pub orders: usize,
    /// Movements that these orders led to.
    pub movements: usize,
    /// Sales orders forwarded.
    pub forwarded: usize,
    /// Orders that cannot be interpreted. Each raises an alert, and every sweep reads it again.
    pub quarantined: usize,
    /// Orders that are not read yet, because a call failed or they wait in a lane.
    pub left: usize,
}

/// What a run of the order reader did so far, and the orders that it read, each with its last change.
type Progress<'a> = (&'a mut ReadReport, &'a mut BTreeMap<OrderId, Timestamp>);

/// The facts of an order or draft that was read into the ledger, and the sales order of an order.
pub(super) type Ingested = (OrderFacts, Option<SalesOrder>);

/// Reads orders of one shop through these ports.
pub struct OrderReader<'a, S, F, B, C> {
    /// The table.
    pub store: &'a S,
    /// The shop.
    pub front: &'a F,
    /// The bus to the manufacturing system.
    pub bus: &'a B,
    /// The time.
    pub clock: &'a C,
    /// The locations.
    pub network: &'a Network,
    /// The domain of the shop.
    pub shop: &'a ShopDomain,
    /// When the reader stops.
    pub deadline: Timestamp,
}

impl<S: Store, F: Storefront, B: Bus<SalesOrder>, C: Clock> OrderReader<'_, S, F, B, C> {
    /// Reads every order of a live shop that waits to be read, oldest first, and forwards each new version. A failed order does
    /// not stop the others. The orders of a shop that is not live wait on.
    ///
    /// # Errors
    /// [`ReconcileError`]: the first failure, or that the shop does not answer. The next run continues.
    pub async fn all(&self) -> Result<ReadReport, ReconcileError> {
        let (mut report, mut patience) = (ReadReport::default(), Patience::default());
        let Some(settings) = self.live_shop() else { return Ok(report) };
        let mut read = BTreeMap::new();
        for record in list_all(self.store, Listing::rows(&Partition::OrdersToRead(self.shop.clone()))).await? {
            self.within_time()?;
            let followed = self.follow(&record, settings, (&mut report, &mut read)).await;
            let followed = self.alert_faulty(followed).await?;
            report.left += usize::from(patience.with(&record.key.sk, followed)?.is_none());
        }
        // A quarantined order may wait to be read as well: a webhook about it arrived.
        let waits = |record: &&Record| record.decode::<OrderRecord>().map_or(true, |order| order.waits_to_be_read());
        for partition in [IndexPartition::UnreadOrders, IndexPartition::QuarantinedOrders] {
            let mut listing = Listing::index(&partition(self.shop.clone()), PAGE);
            loop {
                let page = self.store.list(&listing).await?;
                for record in page.records.iter().filter(waits) {
                    self.within_time()?;
                    let reread = self.reread(&record.key, settings, (&mut report, &mut read)).await;
                    let reread = self.alert_faulty(reread).await?;
                    report.left += usize::from(patience.with(&record.key.pk, reread)?.is_none());
                }
                match page.next {
                    Some(next) => listing.after = Some(next),
                    None => break,
                }
            }
        }
        if !read.is_empty() {
            // The shop's search must contain them from now on; the next sweep observes by how much it is late.
            change_order_watermark((self.store, self.clock), self.shop, |mark| mark.expect_orders(&read)).await?;
        }
        patience.failure.map_or(Ok(report), Err)
    }

    /// A row that cannot be read raises its alert, and is no failure of the run: the next run would meet it again.
    async fn alert_faulty(&self, done: Result<(), ReconcileError>) -> Result<Result<(), ReconcileError>, StoreError> {
        match done {
            Err(ReconcileError::Store(error)) if error.faulty_row().is_some() => {
                tracing::error!(shop = %self.shop, %error, "an order is left out");
                alert::faulty_row(self.store, self.clock, &error).await?;
                Ok(Ok(()))
            }
            done => Ok(done),
        }
    }

    /// The settings of the shop, if it is live.
    pub(super) fn live_shop(&self) -> Option<&ShopSettings> {
        self.network.live_shop(self.shop, self.clock.now())
    }

    /// Reads the order that a request names, and deletes the request. A request from before the shop went live is only deleted: the
    /// first sweeps read what was open then, and what changes later.
    async fn follow(&self, record: &Record, settings: &ShopSettings, report: Progress<'_>) -> Result<(), ReconcileError> {
        let request: OrderToRead = record.decode()?;
        if settings.opening_contains(request.named_at) {
            return Ok(self.forget(record).await?);
        }
        let order = match OrderId::from_gid(&request.gid).or_else(|| OrderId::from_draft_gid(&request.gid)) {
            Some(order) => Some(order),
            None => self.ask(async || self.front.order_of(self.shop, &request.gid).await).await?,
        };
        match order {
            Some(order) => self.one(order, report).await?,
            None => tracing::warn!(shop = %self.shop, gid = request.gid, "the shop has no such object any more"),
        }
        Ok(self.forget(record).await?)
    }

    /// Reads an order if it still waits to be read: the listing may be old. An order that had ended before the shop went live is
    /// not read: webhooks of that time may have left thousands of them, and the sweep reads one that changes later.
    async fn reread(&self, key: &Key, settings: &ShopSettings, report: Progress<'_>) -> Result<(), ReconcileError> {
        let Some(listed) = RowKey::parse(key) else { return Ok(()) };
        let (record, expect) = read::<OrderRecord, S>(self.store, &listed).await?;
        match record.filter(OrderRecord::waits_to_be_read) {
            Some(record) if record.is_left_alone_by(settings) => {
                let left_alone = OrderRecord { unread: false, unforwarded: false, ..record };
                write_if_unchanged(self.store, &[Write::put(&left_alone, expect)]).await?;
                Ok(())
            }
            Some(record) => self.one(record.order, report).await,
            None => Ok(()),
        }
    }

    /// Reads one order into the ledger, and forwards it if it is a new version.
    async fn one(&self, order: OrderId, (report, read): Progress<'_>) -> Result<(), ReconcileError> {
        if let Some((facts, sales)) = self.ingest(order, report).await? {
            let Some(sales) = sales else { return Ok(()) };
            read.insert(order, facts.version);
            report.forwarded += usize::from(self.forward(&facts, sales).await?);
        }
        Ok(())
    }

    /// Reads one order or draft into the ledger, and returns its facts and, for an order, its sales order. Returns `None` when it
    /// could not be read or waits in a lane.
    pub(super) async fn ingest(&self, order: OrderId, report: &mut ReadReport) -> Result<Option<Ingested>, ReconcileError> {
        if order.is_draft() {
            return self.ingest_draft(order, report).await;
        }
        let Some(read) = self.ask(async || self.front.order(self.shop, order).await).await? else {
            self.alert_unreadable(&order.gid(), "the shop has no such order, or this app may not read it").await?;
            self.quarantine(order, ReadFailure::Gone).await?;
            return Ok(None);
        };
        self.take(order, read, report).await
    }

    /// Reads one draft into the ledger. If it has become an order, the order is read first, because the order reserves the units
    /// that the draft releases.
    async fn ingest_draft(&self, draft: OrderId, report: &mut ReadReport) -> Result<Option<Ingested>, ReconcileError> {
        let read = match self.ask(async || self.front.order(self.shop, draft).await).await {
            Err(ReconcileError::Storefront(StorefrontError::Rejected { detail })) => {
                self.alert_unreadable(DRAFTS, &format!("{detail}: grant the app the scope read_draft_orders")).await?;
                return Ok(None);
            }
            read => read?,
        };
        let Some(read) = read else { return self.delete_draft(draft, report).await };
        if let Some(order) = read.became
            && let Some(became) = self.ask(async || self.front.order(self.shop, order).await).await?
            && self.take(order, became, report).await?.is_none()
        {
            return Ok(None);
        }
        self.take(draft, read, report).await
    }

    /// Ends the time of a draft that the shop does not have any more. Its hold ends after the next complete sweep.
    async fn delete_draft(&self, draft: OrderId, report: &mut ReadReport) -> Result<Option<Ingested>, ReconcileError> {
        let key = RowKey::Order { shop: self.shop.clone(), order: draft };
        let Some(record) = read::<OrderRecord, S>(self.store, &key).await?.0 else { return Ok(None) };
        let deleted = LedgerEvent::Hold(decide(&record, HoldAction::DraftDeleted, self.clock.now()));
        match receive(self.store, self.clock, self.network, deleted).await? {
            Received::Decided(EventOutcome::Applied { movements, .. }) => report.movements += movements,
            Received::Decided(_) | Received::Deferred(_) => {}
        }
        Ok(None)
    }

    /// Commits an order or draft as the shop answered it.
    async fn take(
        &self,
        order: OrderId,
        OrderRead { snapshot, sales, .. }: OrderRead,
        report: &mut ReadReport,
    ) -> Result<Option<Ingested>, ReconcileError> {
        report.orders += 1;
        let snapshot = match snapshot {
            Ok(snapshot) => snapshot,
            Err(reason) => {
                self.alert_unreadable(&order.gid(), &reason).await?;
                self.quarantine(order, ReadFailure::Quarantined).await?;
                report.quarantined += 1;
                return Ok(None);
            }
        };
        let facts = snapshot.facts.clone();
        match receive(self.store, self.clock, self.network, query_event(snapshot)).await? {
            Received::Decided(EventOutcome::Applied { movements, .. }) => report.movements += movements,
            Received::Decided(EventOutcome::Duplicate | EventOutcome::ContentMismatch) => {}
            Received::Decided(EventOutcome::Quarantined) => {
                report.quarantined += 1;
                return Ok(None);
            }
            Received::Decided(EventOutcome::Unreadable | EventOutcome::Waiting(_) | EventOutcome::Refused(_))
            | Received::Deferred(_) => {
                report.left += 1;
                return Ok(None);
            }
        }
        Ok(facts.map(|facts| (facts, sales)))
    }

    /// Clears the alert that the app may not read draft orders.
    pub(super) async fn clear_unreadable_drafts(&self) -> Result<(), StoreError> {
        let subject = AlertSubject::UnreadableOrder { shop: self.shop.clone(), order: DRAFTS.to_owned() };
        alert::clear(self.store, self.clock, (subject, "The app may read draft orders.".to_owned())).await
    }

    /// Raises the alert about an order that cannot be read.
    pub(super) async fn alert_unreadable(&self, order: &str, reason: &str) -> Result<(), ReconcileError> {
        tracing::error!(shop = %self.shop, order, reason, "an order cannot be read");
        let subject = AlertSubject::UnreadableOrder { shop: self.shop.clone(), order: order.to_owned() };
        let detail = format!("{order} of {} cannot be read: {reason}.", self.shop);
        Ok(alert::raise(self.store, self.clock, (subject, detail)).await?)
    }

    /// Records that an order could not be read, so that it leaves the index of unread orders. Every sweep tries an order that
    /// cannot be interpreted again. The next webhook about any quarantined order makes it unread again.
    async fn quarantine(&self, order: OrderId, why: ReadFailure) -> Result<(), ReconcileError> {
        let key = RowKey::Order { shop: self.shop.clone(), order };
        let (record, expect) = read::<OrderRecord, S>(self.store, &key).await?;
        if record.is_none() && why == ReadFailure::Gone {
            return Ok(());
        }
        let record = record.unwrap_or_else(|| OrderRecord::new(self.shop.clone(), order));
        let quarantined = OrderRecord { unread: false, unreadable: Some(why), ..record.clone() };
        if quarantined == record {
            return Ok(());
        }
        if write_if_unchanged(self.store, &[Write::put(&quarantined, expect)]).await? {
            return Ok(());
        }
        Err(StoreError::Unavailable { detail: format!("other functions write order {order}"), source: None }.into())
    }

    /// Forwards a sales order if it was read together with the facts that are stored, and this version was not forwarded yet.
    ///
    /// The forwarded mark is written after the order was sent. A crash in between sends the order again under the same name;
    /// with the mark written first, a crash would lose it. Before the first send, the record notes that the order may have
    /// been sent, so that a cancellation follows in any case.
    pub(super) async fn forward(&self, facts: &OrderFacts, sales: SalesOrder) -> Result<bool, ReconcileError> {
        let key = RowKey::Order { shop: self.shop.clone(), order: sales.order };
        // Newer facts are forwarded when their own version is read.
        let must_be_sent = |record: &OrderRecord| {
            record.must_be_forwarded() && record.facts.as_ref().is_some_and(|known| known.has_the_same_content(facts))
        };
        let (record, mut expect) = read::<OrderRecord, S>(self.store, &key).await?;
        let Some(mut record) = record.filter(must_be_sent) else { return Ok(false) };
        let sent = sales.with_items_of(&record);
        if record.forwarded.is_none() {
            record.forwarded = Some(sent.version);
            if !write_if_unchanged(self.store, &[Write::put(&record, expect.clone())]).await? {
                return Ok(false); // Another function writes the order. It stays in the index of unread orders.
            }
            expect = expect.after();
        }
        self.bus.publish(std::slice::from_ref(&sent)).await?;
        let mut retries = Retries::new(RetryBudget::RECOMPUTE, format!("order {}", sent.order));
        loop {
            let marked = OrderRecord { forwarded: Some(sent.version), unforwarded: false, ..record };
            match self.store.write(&[Write::put(&marked, expect)]).await {
                Ok(()) => return Ok(true),
                Err(error) => retries.again(self.clock, error).await?,
            }
            let (now, revision) = read::<OrderRecord, S>(self.store, &key).await?;
            let Some(now) = now.filter(must_be_sent) else { return Ok(true) };
            (record, expect) = (now, revision);
        }
    }

    /// Calls the shop, and waits for its rate limit while the deadline allows it.
    pub(super) async fn ask<T>(&self, call: impl AsyncFn() -> Result<T, StorefrontError>) -> Result<T, ReconcileError> {
        loop {
            match call().await {
                Err(StorefrontError::Throttled { wait }) => wait_within(self.clock, wait, self.deadline).await?,
                answer => return Ok(answer?),
            }
        }
    }

    /// Deletes a request, unless a webhook has renewed it since it was read.
    async fn forget(&self, record: &Record) -> Result<(), StoreError> {
        write_if_unchanged(self.store, &[Write::delete(record)]).await?;
        Ok(())
    }

    pub(super) fn within_time(&self) -> Result<(), ReconcileError> {
        if self.clock.now() > self.deadline { Err(ReconcileError::OutOfTime) } else { Ok(()) }
    }
}

/// Collects failures. A run continues when one order fails for reasons of its own, and reports the first failure at its end.
#[derive(Default)]
pub(super) struct Patience {
    /// The first failure.
    pub(super) failure: Option<ReconcileError>,
    unanswered: u32,
}

impl Patience {
    /// After this many unanswered calls in a row, the shop itself is taken to be down.
    const UNANSWERED: u32 = 3;

    /// Returns the result of one order, or `None` when it failed and the run continues.
    ///
    /// # Errors The error that ends the run.
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
        tracing::warn!(what, %error, "an order could not be read or forwarded; the run continues with the other orders");
        self.failure.get_or_insert(error);
        Ok(None)
    }
}

/// The event of an order that we queried. Its id is made from the content of the answer, so that the same answer is the same
/// event.
fn query_event(snapshot: OrderSnapshot) -> LedgerEvent {
    let json = serde_json::to_string(&snapshot).expect("an order snapshot serialises to JSON");
    let content = content_hash(json.as_bytes());
    let id = EventId::of_read(&snapshot.shop, format!("{}#{content}", snapshot.order));
    LedgerEvent::Order(Box::new(OrderEvent { id, content, snapshot }))
}

//! Finds missed orders. The sweep asks the shop for every order that changed since the watermark and commits what it reads like
//! a webhook. The first sweeps of a shop that goes live also read what was open then. A slower sweep reads the last hours and days
//! again, because the shop's search may contain a change late. Last, it reads the draft orders that changed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::alert::AlertSubject;
use crate::catalog::{OrderId, ShopSettings};
use crate::flows::read::Patience;
use crate::flows::watermark::{change_order_watermark, order_watermark};
use crate::flows::{OrderReader, ReadReport, ReconcileError, alert};
use crate::order::{OrderRecord, SalesOrder};
use crate::ports::{Bus, Clock, Listing, Store, StoreError, Storefront, list_all};
use crate::reconcile::{Lookback, OrderWatermark, SETTLED};
use crate::storefront::{ListedOrder, OrderSearch, OrdersPage, StorefrontError};
use crate::table::{IndexPartition, Key, RowKey};

/// The most quarantined orders that one sweep reads again.
const QUARANTINED_AT_ONCE: usize = 50;

/// The number of quarantined orders that are listed in one page.
const QUARANTINED_PAGE: usize = 200;

/// The number of orders that wait to be read in one page.
const UNREAD_PAGE: usize = 200;

/// The most pages that one sweep reads of a slower sweep. The next sweep continues there.
const LOOKBACK_PAGES: usize = 20;

/// How far a sweep looks back before the newest draft that it has seen, because the search may contain a change late, and after how
/// long it reads a draft that reserves again.
const DRAFTS_LOOK_BACK: Duration = Duration::from_secs(60 * 60);

/// The most drafts that reserve which one sweep reads again.
const HELD_DRAFTS_AT_ONCE: usize = 50;

/// The number of drafts that are listed from the index in one page.
const HELD_DRAFTS_PAGE: usize = 200;

/// After this many pages a search begins again at the newest order it found: a shop lists at most 25,000 orders of one search.
const PAGES_OF_A_SEARCH: usize = 80;

/// What a sweep found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct SweepReport {
    /// Orders that the shop listed.
    pub orders: usize,
    /// Orders that led to movements, because their webhooks have not arrived (yet).
    pub missed: usize,
    /// Movements written.
    pub movements: usize,
    /// Orders that cannot be interpreted. The ledger is not complete without them.
    pub quarantined: usize,
    /// Orders that wait in a lane or could not be read. The watermark stays before them.
    pub left: usize,
}

/// Asks a live shop for every order that changed since the watermark, and reads those that were not read since their change. The
/// watermark moves after each page, when the ledger contains every order of the page, and never past an order that the ledger
/// lacks. A shop that is not live is not swept; without settings it raises an alert.
///
/// # Errors
/// [`ReconcileError`]. The watermark stays where the last completed page left it.
pub async fn sweep<S: Store, F: Storefront, B: Bus<SalesOrder>, C: Clock>(
    reading: &OrderReader<'_, S, F, B, C>,
) -> Result<SweepReport, ReconcileError> {
    alert_not_live(reading).await?;
    let Some(settings) = reading.live_shop() else { return Ok(SweepReport::default()) };
    let mark = order_watermark(reading.store, reading.shop).await?;
    let since = mark.since(settings.go_live_at, reading.clock.now());
    let (report, patience) = (SweepReport::default(), Patience::default());
    let mut sweep = Sweep { reading, settings, mark, report, patience, lag: None };
    let began = sweep.changes(since).await?;
    let open_orders_read = sweep.open_orders().await?;
    // Without an order that is left, or that is quarantined, the ledger is complete.
    if open_orders_read && sweep.report.left == 0 && sweep.report.quarantined == 0 {
        sweep.change_mark(|mark| mark.complete(since, began)).await?;
        sweep.look_back(began).await?;
    }
    sweep.drafts(began).await?;
    sweep.patience.failure.map_or(Ok(sweep.report), Err)
}

/// Raises the alert about a shop without settings, and clears it once it has them.
async fn alert_not_live<S: Store, F: Storefront, B: Bus<SalesOrder>, C: Clock>(
    reading: &OrderReader<'_, S, F, B, C>,
) -> Result<(), StoreError> {
    let OrderReader { store, clock, shop, .. } = *reading;
    let subject = AlertSubject::ShopNotLive { shop: shop.clone() };
    match reading.network.shop(shop) {
        // Settings that cannot be read have an alert of their own.
        None if store.get(&[RowKey::Shop(shop.clone()).key()]).await?.iter().any(Option::is_some) => Ok(()),
        None => {
            let detail = format!(
                "{shop} is not live: its orders are stored, and none is swept, moved or forwarded. Send its opening stock, and set \
                 the time of the opening stock: `promissory shop set {shop} --go-live-at TIME`."
            );
            alert::raise(store, clock, (subject, detail)).await
        }
        Some(settings) => {
            let detail = format!("{shop} is live from {} on.", settings.go_live_at);
            alert::clear(store, clock, (subject, detail)).await
        }
    }
}

/// One sweep of a live shop.
struct Sweep<'a, 'r, S, F, B, C> {
    reading: &'a OrderReader<'r, S, F, B, C>,
    settings: &'a ShopSettings,
    /// The watermark as it was when the sweep began.
    mark: OrderWatermark,
    report: SweepReport,
    patience: Patience,
    /// The largest lag of the shop's search that this sweep observed.
    lag: Option<Duration>,
}

/// A search of the shop, page by page.
struct Search {
    query: OrderSearch,
    after: Option<String>,
    pages: usize,
}

impl Search {
    fn new(query: OrderSearch) -> Self {
        Self { query, after: None, pages: 0 }
    }

    /// Prepares the search for the page after this one. Returns `false` at the end.
    fn turn(&mut self, page: &OrdersPage) -> bool {
        self.pages += 1;
        let Some(next) = &page.next else { return false };
        let newest = page.newest().filter(|newest| self.query.since.is_none_or(|since| since < *newest));
        match newest.filter(|_| self.pages.is_multiple_of(PAGES_OF_A_SEARCH)) {
            Some(newest) => (self.query.since, self.after) = (Some(newest), None),
            None => self.after = Some(next.clone()),
        }
        true
    }
}

impl<S: Store, F: Storefront, B: Bus<SalesOrder>, C: Clock> Sweep<'_, '_, S, F, B, C> {
    /// Reads every order that changed since `since`, the quarantined ones, and those that lack movements. Returns when the search began,
    /// by the shop's clock.
    async fn changes(&mut self, since: Timestamp) -> Result<Timestamp, ReconcileError> {
        let mut search = Search::new(OrderSearch { since: Some(since), open_before: None, drafts: false });
        let (mut began, mut listed) = (None, BTreeMap::new());
        loop {
            let page = self.page(&search).await?;
            began = began.or(Some(page.answered_at));
            self.take(&page).await?;
            let expected = page.orders.iter().filter(|listed| self.mark.expected.contains_key(&listed.order));
            listed.extend(expected.map(|listed| (listed.order, listed.updated_at)));
            // The watermark does not move past an order that is left, although a deferred order is durable. Otherwise the next
            // sweep would not list that order and would record that the ledger is complete without it.
            if let Some(newest) = page.newest().filter(|_| self.report.left == 0) {
                self.change_mark(|mark| mark.newest = mark.newest.max(Some(newest))).await?;
            }
            if !search.turn(&page) {
                break;
            }
        }
        let began = began.unwrap_or(since);
        // Until a quarantined order is read, and what was reported is decided, the ledger is not complete.
        self.quarantined(false).await?;
        self.undecided().await?;
        self.observe_lag(listed, began).await?;
        Ok(began)
    }

    /// Reads the quarantined orders, or the quarantined drafts, again: they may be readable by now.
    async fn quarantined(&mut self, drafts: bool) -> Result<(), ReconcileError> {
        let listing = Listing::index(&IndexPartition::QuarantinedOrders(self.reading.shop.clone()), QUARANTINED_PAGE);
        let quarantined = list_all(self.reading.store, listing).await?;
        let orders = quarantined.iter().filter_map(|record| match RowKey::parse(&record.key) {
            Some(RowKey::Order { order, .. }) => Some(order).filter(|order| order.is_draft() == drafts),
            Some(_) | None => None,
        });
        let orders: Vec<OrderId> = orders.collect();
        // Each run starts behind the orders of the run before, so that none waits for those that stay quarantined.
        let run = self.reading.clock.now().as_second().unsigned_abs() / 60;
        let start = usize::try_from(run).unwrap_or_default().wrapping_mul(QUARANTINED_AT_ONCE) % orders.len().max(1);
        for order in orders.iter().cycle().skip(start).take(orders.len().min(QUARANTINED_AT_ONCE)) {
            self.ingest(*order).await?;
        }
        self.report.quarantined += orders.len().saturating_sub(QUARANTINED_AT_ONCE);
        Ok(())
    }

    /// Reads the orders that lack movements which their records require: a function stored a report while the settings of the shop
    /// could not be read, or was killed within a large order.
    async fn undecided(&mut self) -> Result<(), ReconcileError> {
        let OrderReader { store, network, shop, .. } = *self.reading;
        let unread = list_all(store, Listing::index(&IndexPartition::UnreadOrders(shop.clone()), UNREAD_PAGE)).await?;
        let unread = unread.iter().filter_map(|record| record.decode::<OrderRecord>().ok());
        let undecided = |record: &OrderRecord| !record.order.is_draft() && !record.next_steps(network).is_empty();
        let undecided: Vec<OrderId> = unread.filter(undecided).map(|record| record.order).collect();
        for order in undecided {
            self.ingest(order).await?;
        }
        Ok(())
    }

    /// Reads the orders that were open when the shop went live and have not changed since. Returns whether all are read.
    async fn open_orders(&mut self) -> Result<bool, ReconcileError> {
        if self.mark.open_orders_read {
            return Ok(true);
        }
        let (open_before, left) = (Some(self.settings.go_live_at), self.report.left);
        let mut search = Search::new(OrderSearch { since: self.mark.open_orders_from, open_before, drafts: false });
        loop {
            let page = self.page(&search).await?;
            self.take(&page).await?;
            let is_last = !search.turn(&page);
            if self.report.left > left {
                return Ok(false);
            }
            self.change_mark(|mark| {
                mark.open_orders_read |= is_last;
                mark.open_orders_from = mark.open_orders_from.max(page.newest()).filter(|_| !mark.open_orders_read);
            })
            .await?;
            if is_last {
                return Ok(true);
            }
        }
    }

    /// Reads the next pages of the slower sweep that is due, if any.
    async fn look_back(&mut self, now: Timestamp) -> Result<(), ReconcileError> {
        let mark = order_watermark(self.reading.store, self.reading.shop).await?;
        let Some((lookback, from)) = mark.due_lookback(now) else { return Ok(()) };
        match self.look_back_from(lookback, from, now).await {
            // The sweep itself is complete. The next one continues here.
            Err(ReconcileError::OutOfTime) => Ok(()),
            done => done,
        }
    }

    async fn look_back_from(&mut self, lookback: Lookback, from: Timestamp, now: Timestamp) -> Result<(), ReconcileError> {
        let mut search = Search::new(OrderSearch { since: Some(from), open_before: None, drafts: false });
        let mut continues_at = Some(from);
        for _ in 0..LOOKBACK_PAGES {
            let page = self.page(&search).await?;
            self.take(&page).await?;
            if self.report.left > 0 {
                return Ok(()); // The next sweep reads this page again.
            }
            continues_at = if search.turn(&page) { page.newest().or(continues_at) } else { None };
            let lag = self.lag.take();
            self.change_mark(|mark| {
                mark.looked_back(lookback, continues_at, now);
                if let Some(lag) = lag {
                    mark.observe_lag(lag, now);
                }
            })
            .await?;
            if continues_at.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Reads the drafts that changed, and from time to time each draft that reserves: a deleted draft is in no search. A shop whose
    /// app may not read drafts has none.
    async fn drafts(&mut self, now: Timestamp) -> Result<(), ReconcileError> {
        let since = self.mark.drafts_newest.map(|newest| newest.saturating_sub(DRAFTS_LOOK_BACK).unwrap_or(Timestamp::MIN));
        let mut search = Search::new(OrderSearch { since, open_before: None, drafts: true });
        let left = self.report.left;
        loop {
            let page = match self.page(&search).await {
                Err(ReconcileError::Storefront(StorefrontError::Rejected { detail })) => {
                    tracing::info!(shop = %self.reading.shop, detail, "the app may not read draft orders; what they reserve is unknown");
                    return Ok(());
                }
                page => page?,
            };
            if search.pages == 0 {
                self.reading.clear_unreadable_drafts().await?;
            }
            self.take(&page).await?;
            // The next sweep reads a page again that has a draft which could not be read.
            if let Some(newest) = page.newest().filter(|_| self.report.left == left) {
                self.change_mark(|mark| mark.drafts_newest = mark.drafts_newest.max(Some(newest))).await?;
            }
            if !search.turn(&page) {
                break;
            }
        }
        self.quarantined(true).await?;
        let held = Listing::index(&IndexPartition::HeldDrafts(self.reading.shop.clone()), HELD_DRAFTS_PAGE);
        let held = list_all(self.reading.store, held).await?;
        let mut held: Vec<OrderRecord> = held.iter().filter_map(|record| record.decode().ok()).collect();
        held.sort_by_key(|record| record.read_at);
        let is_old = |record: &OrderRecord| {
            record.read_at.is_none_or(|read_at| read_at.saturating_add(DRAFTS_LOOK_BACK).is_ok_and(|again| again <= now))
        };
        for record in held.into_iter().filter(is_old).take(HELD_DRAFTS_AT_ONCE) {
            self.ingest(record.order).await?;
        }
        Ok(())
    }

    async fn page(&self, search: &Search) -> Result<OrdersPage, ReconcileError> {
        let OrderReader { front, shop, .. } = *self.reading;
        self.reading.within_time()?;
        self.reading.ask(async || front.orders_updated(shop, search.query, search.after.as_deref()).await).await
    }

    /// Reads the orders of a page that were not read since their change.
    async fn take(&mut self, page: &OrdersPage) -> Result<(), ReconcileError> {
        self.report.orders += page.orders.len();
        for order in &page.unreadable {
            self.reading.alert_unreadable(order, "the shop listed it with a malformed id").await?;
            self.report.quarantined += 1;
        }
        let known = self.known(page).await?;
        let mut read = BTreeSet::new();
        for listed in &page.orders {
            let stored = known.get(&listed.order);
            let record = stored.and_then(Option::as_ref);
            // A draft that reserves nothing, and has reserved nothing, is nothing to the ledger.
            let is_past = listed.order.is_draft() || self.settings.opening_contains(listed.updated_at);
            let ended = stored.is_none() && listed.fulfilled && is_past;
            if ended || record.is_some_and(|record| is_settled(record, listed)) {
                continue;
            }
            if !is_past && self.is_late(stored, listed) {
                self.lag = self.lag.max(self.mark.lag_of(listed.updated_at, page.answered_at));
            }
            if read.insert(listed.order) {
                self.ingest(listed.order).await?;
            }
        }
        Ok(())
    }

    /// Whether no search contained an order since its last change: the last complete sweep would have read it. Of a record that cannot
    /// be read, it is not known.
    fn is_late(&self, stored: Option<&Option<OrderRecord>>, listed: &ListedOrder) -> bool {
        let Some(record) = stored else { return true };
        let Some(record) = record else { return false };
        let was_read =
            record.read_at.is_some_and(|read_at| self.mark.complete_at.is_none_or(|complete_at| complete_at <= read_at));
        !was_read && !has_read(record, listed) && record.unreadable.is_none()
    }

    /// The records of the orders of a page; `None` where one cannot be read.
    async fn known(&self, page: &OrdersPage) -> Result<BTreeMap<OrderId, Option<OrderRecord>>, StoreError> {
        let orders: BTreeSet<OrderId> = page.orders.iter().map(|listed| listed.order).collect();
        let shop = self.reading.shop;
        let keys: Vec<Key> = orders.iter().map(|order| RowKey::Order { shop: shop.clone(), order: *order }.key()).collect();
        let records = self.reading.store.get(&keys).await?;
        let known = orders.into_iter().zip(records).filter_map(|(order, record)| Some((order, record?.decode().ok())));
        Ok(known.collect())
    }

    /// Reads and forwards one order. A failure is counted in `left`, and the sweep continues with the other orders. Returns whether
    /// the shop has the order, as far as it answered.
    async fn ingest(&mut self, order: OrderId) -> Result<bool, ReconcileError> {
        self.reading.within_time()?;
        let mut read = ReadReport::default();
        let mut answered = true;
        match self.patience.with(&order.gid(), self.reading.ingest(order, &mut read).await)? {
            Some(Some((_, None))) => {}
            Some(Some((facts, Some(sales)))) => {
                // An order that cannot be forwarded must not hold the watermark. It stays in the index of unread orders.
                if let Err(error) = self.reading.forward(&facts, sales).await {
                    tracing::warn!(%order, %error, "an order could not be forwarded; the next run tries it again");
                }
            }
            Some(None) => {}
            None => (self.report.left, answered) = (self.report.left + 1, false),
        }
        self.report.missed += usize::from(read.movements > 0);
        self.report.movements += read.movements;
        self.report.left += read.left;
        self.report.quarantined += read.quarantined;
        Ok(read.orders > 0 || !answered)
    }

    /// Learns from the expected orders how late the search is. One that the search does not contain is read by its id, which is
    /// never late: it may have changed again, or the shop may not have it any more.
    async fn observe_lag(&mut self, listed: BTreeMap<OrderId, Timestamp>, began: Timestamp) -> Result<(), ReconcileError> {
        let mut found = listed;
        let lags = |changed_at: Timestamp| Duration::try_from(began.duration_since(changed_at)).unwrap_or_default();
        for (order, changed_at) in self.mark.expected.clone() {
            let contained = found.get(&order).is_some_and(|listed| changed_at <= *listed);
            if contained || lags(changed_at) <= SETTLED {
                continue;
            }
            if self.ingest(order).await? {
                self.lag = self.lag.max(Some(lags(changed_at)));
            } else {
                found.insert(order, changed_at);
            }
        }
        let lag = self.lag.take();
        if let Some(lag) = lag {
            tracing::warn!(shop = %self.reading.shop, seconds = lag.as_secs(), "the shop's search contained an order late");
        }
        self.change_mark(|mark| {
            mark.found(&found, began);
            if let Some(lag) = lag {
                mark.observe_lag(lag, began);
            }
        })
        .await
    }

    async fn change_mark(&self, change: impl Fn(&mut OrderWatermark)) -> Result<(), ReconcileError> {
        let OrderReader { store, clock, shop, .. } = *self.reading;
        Ok(change_order_watermark((store, clock), shop, change).await?)
    }
}

/// Whether an order was read later than [`SETTLED`] after its last change.
fn has_read(record: &OrderRecord, listed: &ListedOrder) -> bool {
    let settled = listed.updated_at.saturating_add(SETTLED).unwrap_or(Timestamp::MAX);
    record.read_at.is_some_and(|read_at| read_at > settled)
}

/// Whether an order need not be read again.
fn is_settled(record: &OrderRecord, listed: &ListedOrder) -> bool {
    !record.unread && record.unreadable.is_none() && has_read(record, listed)
}

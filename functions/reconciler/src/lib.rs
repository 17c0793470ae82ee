//! Scheduled jobs that find what webhooks missed and what drifted. Each can run at any time, twice, or beside itself.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use promissory::catalog::ShopDomain;
use promissory::flows::pull::{PullContext, Pulled, pull_all};
use promissory::flows::{
    BacklogReport, HoldsReport, NetworkCache, OrderReader, ReadReport, ReconcileError, SweepReport, alert_silent_systems,
    backlog, compare, holds, sweep,
};
use promissory::order::HoldPolicy;
use promissory::ports::{Bus, Clock, Hints, Source, Store, Storefront};
use promissory::reconcile::CompareReport;
use serde::{Deserialize, Serialize};

/// How long one run of `read` may take.
const READ_WITHIN: Duration = Duration::from_secs(50);

/// What reconciling needs to work.
#[derive(Debug)]
pub struct Reconciler<S, F, H, B, C, Q> {
    /// The table.
    pub store: S,
    /// The shops.
    pub front: F,
    /// The way to the pusher.
    pub hints: H,
    /// The way to people, and to the manufacturing system.
    pub bus: B,
    /// The way to other systems.
    pub sources: Q,
    /// The time.
    pub clock: C,
    /// The shop that is reconciled.
    pub shop: ShopDomain,
    /// How long a level must have been unchanged before a sweep for it to be set outright.
    pub settling_window: Duration,
    /// How long holds last.
    pub holds: HoldPolicy,
    /// The locations, kept warm.
    pub network: NetworkCache,
}

/// What a schedule asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// Orders that changed, through the same commit as webhooks.
    Sweep,
    /// Orders that a webhook told in part, and new versions to be forwarded.
    Read,
    /// Holds whose time is up.
    Holds,
    /// One page of levels against the shop.
    Compare,
    /// What a killed function left.
    Backlog,
    /// What other systems have new, of those that are asked for it.
    Pull,
}

/// What a job found.
#[derive(Debug, Serialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Report {
    /// Of a sweep.
    Sweep(SweepReport),
    /// Of reading.
    Read(ReadReport),
    /// Of holds.
    Holds(HoldsReport),
    /// Of a comparison.
    Compare(CompareReport),
    /// Of the backlog.
    Backlog(BacklogReport),
    /// Of pulling.
    Pull {
        /// What became of each feed, by system and feed.
        feeds: BTreeMap<String, Pulled>,
    },
}

impl<S: Store, F: Storefront, H: Hints, B: Bus, C: Clock, Q: Source> Reconciler<S, F, H, B, C, Q> {
    /// Runs one job until `deadline`.
    ///
    /// # Errors
    /// [`ReconcileError`]; the next run of the job goes on where this one stopped.
    pub async fn handle(&self, job: Job, deadline: Timestamp) -> Result<Report, ReconcileError> {
        let (store, front, hints, clock) = (&self.store, &self.front, &self.hints, &self.clock);
        let network = self.network.get(store, clock.now()).await?;
        let reading = OrderReader { store, front, bus: &self.bus, clock, network: &network, shop: &self.shop, deadline };
        let report = match job {
            Job::Sweep => {
                let report = sweep(&reading).await?;
                tracing::info!(shop = %self.shop, orders = report.orders, missed = report.missed, movements = report.movements, "swept");
                Report::Sweep(report)
            }
            Job::Read => {
                // Not longer than its schedule waits: the next run would only ask for the same.
                let soon = clock.now().saturating_add(READ_WITHIN).unwrap_or(deadline);
                let report = OrderReader { deadline: soon.min(deadline), ..reading }.all().await?;
                tracing::info!(shop = %self.shop, orders = report.orders, movements = report.movements, forwarded = report.forwarded, left = report.left, "read");
                Report::Read(report)
            }
            Job::Holds => {
                let report = holds(store, clock, &network, &self.shop, self.holds, deadline).await?;
                tracing::info!(shop = %self.shop, expired = report.expired, alerted = report.alerted, "holds looked at");
                Report::Holds(report)
            }
            Job::Compare => {
                let report = compare((store, front, hints, clock), &network, &self.shop, self.settling_window, deadline).await?;
                let drifted = report.drifted.len();
                tracing::info!(shop = %self.shop, levels = report.levels, drifted, in_flight = report.in_flight, end = report.end, "compared");
                Report::Compare(report)
            }
            Job::Backlog => {
                let report = backlog((store, hints, clock), &network, &self.shop, deadline).await?;
                tracing::info!(shop = %self.shop, settled = report.settled, resumed = report.resumed, refreshed = report.refreshed, hinted = report.hinted, "backlog picked up");
                Report::Backlog(report)
            }
            Job::Pull => {
                let feeds = pull_all(&PullContext { store, source: &self.sources, clock, network: &network, deadline }).await?;
                let applied: usize = feeds.values().map(Pulled::applied).sum();
                let failed = feeds.values().filter(|pulled| !pulled.went_well()).count();
                let silent = alert_silent_systems(store, clock).await?;
                tracing::info!(feeds = feeds.len(), applied, failed, silent, "pulled");
                Report::Pull { feeds }
            }
        };
        Ok(report)
    }
}

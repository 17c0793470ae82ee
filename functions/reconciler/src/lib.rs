//! Scheduled jobs that find missed orders, drifted levels and unfinished work. Each job can run at any time, twice, or at the
//! same time as another run.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use promissory::catalog::ShopDomain;
use promissory::flows::pull::{PullContext, Pulled, pull_all};
use promissory::flows::{
    BacklogReport, HoldsReport, NetworkCache, OrderReader, ReadReport, ReconcileError, SweepReport, alert_silent_systems,
    backlog, compare, holds, sweep,
};
use promissory::order::{HoldPolicy, SalesOrder};
use promissory::ports::{Bus, Clock, Hints, Source, Store, Storefront};
use promissory::reconcile::CompareReport;
use serde::{Deserialize, Serialize};

/// The longest run of the job `read`.
const READ_WITHIN: Duration = Duration::from_secs(50);

/// The reconciler and its ports.
#[derive(Debug)]
pub struct Reconciler<S, F, H, B, C, Q> {
    /// The table.
    pub store: S,
    /// The shops.
    pub front: F,
    /// The queue of the pusher.
    pub hints: H,
    /// The bus of the sales orders.
    pub bus: B,
    /// The port to other systems.
    pub sources: Q,
    /// The time.
    pub clock: C,
    /// The shop that is reconciled.
    pub shop: ShopDomain,
    /// How long a level must have been unchanged before a sweep so that a comparison may mark it for repair.
    pub settling_window: Duration,
    /// How long orders keep their reservations.
    pub holds: HoldPolicy,
    /// The locations, kept warm.
    pub network: NetworkCache,
}

/// A scheduled job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// Reads every changed order, through the same commit as webhooks.
    Sweep,
    /// Reads orders that a webhook carried in part, and forwards new versions.
    Read,
    /// Expires the holds of old orders.
    Holds,
    /// Compares one page of levels with the shop.
    Compare,
    /// Finishes the work of a killed function.
    Backlog,
    /// Pulls the feeds of other systems, and alerts about silent systems.
    Pull,
}

/// The result of a job.
#[derive(Debug, Serialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Report {
    /// The result of a sweep.
    Sweep(SweepReport),
    /// The result of reading orders.
    Read(ReadReport),
    /// The result of expiring holds.
    Holds(HoldsReport),
    /// The result of a comparison.
    Compare(CompareReport),
    /// The result of the backlog job.
    Backlog(BacklogReport),
    /// The result of pulling.
    Pull {
        /// The result of each feed, by system and feed.
        feeds: BTreeMap<String, Pulled>,
    },
}

impl<S: Store, F: Storefront, H: Hints, B: Bus<SalesOrder>, C: Clock, Q: Source> Reconciler<S, F, H, B, C, Q> {
    /// Runs one job until `deadline`.
    ///
    /// # Errors
    /// [`ReconcileError`]. The next run of the job continues where this one stopped.
    pub async fn handle(&self, job: Job, deadline: Timestamp) -> Result<Report, ReconcileError> {
        let (store, front, hints, clock) = (&self.store, &self.front, &self.hints, &self.clock);
        if matches!(job, Job::Backlog) {
            // It resumes what waited for a mapping, which an import may have brought a moment ago.
            self.network.forget();
        }
        let network = self.network.get(store, clock).await?;
        let reading = OrderReader { store, front, bus: &self.bus, clock, network: &network, shop: &self.shop, deadline };
        let report = match job {
            Job::Sweep => {
                let report = sweep(&reading).await?;
                let SweepReport { orders, missed, movements, .. } = report;
                tracing::info!(shop = %self.shop, orders, missed, movements, "swept");
                Report::Sweep(report)
            }
            Job::Read => {
                // Not longer than its schedule interval, because the next run reads the same orders.
                let soon = clock.now().saturating_add(READ_WITHIN).unwrap_or(deadline);
                let report = OrderReader { deadline: soon.min(deadline), ..reading }.all().await?;
                let ReadReport { orders, movements, forwarded, left, .. } = report;
                tracing::info!(shop = %self.shop, orders, movements, forwarded, left, "read");
                Report::Read(report)
            }
            Job::Holds => {
                let report = holds(store, clock, &network, &self.shop, self.holds, deadline).await?;
                tracing::info!(shop = %self.shop, expired = report.expired, alerted = report.alerted, "holds checked");
                Report::Holds(report)
            }
            Job::Compare => {
                let report = compare((store, front, hints, clock), &network, &self.shop, self.settling_window, deadline).await?;
                let drifted = report.drifted.len();
                let CompareReport { levels, in_flight, end, .. } = report;
                tracing::info!(shop = %self.shop, levels, drifted, in_flight, end, "compared");
                Report::Compare(report)
            }
            Job::Backlog => {
                let report = backlog((store, hints, clock), &network, &self.shop, deadline).await?;
                let BacklogReport { settled, resumed, refreshed, hinted } = report;
                tracing::info!(shop = %self.shop, settled, resumed, refreshed, hinted, "backlog processed");
                Report::Backlog(report)
            }
            Job::Pull => {
                let feeds = pull_all(&PullContext { store, source: &self.sources, clock, network: &network, deadline }).await?;
                let applied: usize = feeds.values().map(Pulled::applied).sum();
                let failed = feeds.values().filter(|pulled| !pulled.succeeded()).count();
                let silent = alert_silent_systems(store, clock).await?;
                tracing::info!(feeds = feeds.len(), applied, failed, silent, "pulled");
                Report::Pull { feeds }
            }
        };
        Ok(report)
    }
}

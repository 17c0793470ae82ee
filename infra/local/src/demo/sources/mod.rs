//! A morning of four systems, played on the local stack.
//!
//! A connector pulls an ERP, a WMS and a POS send signed batches over HTTP, a 3PL sends events on the bus, and the shop sells
//! meanwhile. [`script()`] decides from a seed what each system reports and when; some of it late, twice or malformed. [`play()`]
//! sends it. [`expected`] computes the expected result from the script and the shop alone; [`report`] compares it with the table and
//! the shop. [`master_data`] has the items and locations with the codes of each system.

mod catalog;
mod expected;
mod master_data;
mod open_documents;
mod outcomes;
mod play;
mod report;
mod reported_event;
mod script;
mod senders;

use std::io;
use std::time::Duration;

use clap::Args;

pub use play::{PlayResult, play};
pub use report::Report;
pub use script::{Script, script};

use crate::stack::{Stack, StackConfig, busy_shopify};

/// The options of the morning.
#[derive(Debug, Clone, Args)]
pub struct SourcesConfig {
    /// Events per minute, over all systems.
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    pub events_per_minute: u32,
    /// The number of minutes.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub minutes: u32,
    /// The seed that decides everything that varies.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Kill function processes during the demo.
    #[arg(long)]
    pub chaos: bool,
}

/// Plays the morning on its own stack, and audits it.
///
/// # Errors
/// When the stack does not start, or does not answer.
pub async fn run(config: &SourcesConfig, stack: &StackConfig, say: &dyn Fn(&str)) -> io::Result<Report> {
    let (stack, server) = Stack::up(stack, 0, busy_shopify(config.seed)).await?;
    let script = script(config);
    let played = play(config, &script, &stack, &server, say).await?;
    Report::of(config, &script, &played, &stack, &server).await
}

impl SourcesConfig {
    /// The number of distinct events.
    #[must_use]
    pub fn events(&self) -> usize {
        usize::try_from(u64::from(self.events_per_minute) * u64::from(self.minutes)).expect("the options are bounded")
    }

    /// The length of the morning.
    #[must_use]
    pub fn span(&self) -> Duration {
        Duration::from_secs(60 * u64::from(self.minutes))
    }
}

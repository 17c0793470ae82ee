//! A morning of four systems, played on the local stack.
//!
//! An ERP is pulled by its connector, a WMS and tills send signed batches over HTTP, a 3PL speaks on the bus, and the shop
//! sells meanwhile. [`script`] decides from a seed what is said, when it is sent, twice or late or wrong; [`play`] sends it;
//! [`model`] works out from the script and the shop alone what must be true in the end; [`report`] compares that with the
//! table and the shop. The [`world`] is the catalogue in everybody's words.

mod catalog;
mod fates;
mod model;
mod paper;
mod play;
mod report;
mod script;
mod send;
mod statement;
mod world;

use std::io;
use std::time::Duration;

use clap::Args;

pub use play::{Played, play};
pub use report::Report;
pub use script::{Script, script};

use crate::stack::{Stack, StackConfig, busy_shopify};

/// What can be chosen.
#[derive(Debug, Clone, Args)]
pub struct SourcesConfig {
    /// Events a minute, of all systems together.
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    pub events_per_minute: u32,
    /// How many minutes.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub minutes: u32,
    /// Decides everything that varies.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Kill function processes while it plays.
    #[arg(long)]
    pub chaos: bool,
}

/// Plays the morning on a stack of its own, and audits it.
///
/// # Errors
/// When the stack does not come up, or does not answer.
pub async fn run(config: &SourcesConfig, stack: &StackConfig, say: &dyn Fn(&str)) -> io::Result<Report> {
    let (stack, server) = Stack::up(stack, 0, busy_shopify(config.seed)).await?;
    let script = script(config);
    let played = play(config, &script, &stack, &server, say).await?;
    Report::of(config, &script, &played, &stack, &server).await
}

impl SourcesConfig {
    /// How many distinct events there are.
    #[must_use]
    pub fn events(&self) -> usize {
        usize::try_from(u64::from(self.events_per_minute) * u64::from(self.minutes)).expect("the options are bounded")
    }

    /// How long the morning is.
    #[must_use]
    pub fn span(&self) -> Duration {
        Duration::from_secs(60 * u64::from(self.minutes))
    }
}

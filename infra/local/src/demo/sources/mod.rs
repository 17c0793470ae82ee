//! A morning of four systems, played on the local stack.
//!
//! An ERP is pulled by its connector, a WMS and tills send signed batches over HTTP, a 3PL speaks on the bus, and the shop
//! sells meanwhile. [`script`] decides from a seed what is said, when it is sent, twice or late or wrong; [`play`] sends it;
//! [`model`] works out from the script and the shop alone what must be true in the end; [`report`] compares that with the
//! table and the shop. The [`world`] is the catalogue in everybody's words.

mod catalogue;
mod fates;
mod model;
mod paper;
mod play;
mod report;
mod script;
mod send;
mod statement;
mod world;

use std::time::Duration;

pub use play::{Played, play};
pub use report::Report;
pub use script::{Script, script};

/// What can be chosen.
#[derive(Debug, Clone)]
pub struct SourcesConfig {
    /// Events per minute, of all systems together.
    pub events_per_minute: u32,
    /// For how many minutes.
    pub minutes: u32,
    /// Decides everything that varies.
    pub seed: u64,
    /// Kill function processes while it plays.
    pub chaos: bool,
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

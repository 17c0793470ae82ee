//! The flash sale, played on the local stack; and beside it a morning of four other systems ([`sources`]).
//!
//! [`plan`] decides from a seed what customers and the warehouse will do; [`play`] does it against the fake shop while its
//! webhooks go to the real functions, and a [`factory`] says what comes and what does not; [`report`] audits what came out. The
//! shop accepts or refuses each order by what it shows; what it shows is what we told it, of what is there and of what can
//! still be made ([`workshop`]), so selling more than that would be our doing.

mod factory;
mod plan;
mod play;
mod report;
mod signed;
pub mod sources;
mod workshop;

pub use plan::{Script, plan};
pub use play::{Played, play};
pub use report::{Percentiles, Report};

use std::io;

use clap::Args;

use crate::stack::{Stack, StackConfig, busy_shopify};

/// What can be chosen.
#[derive(Debug, Clone, Args)]
pub struct DemoConfig {
    /// Customers who try to order.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub orders: u32,
    /// Units of the serum there are, beside what can still be made.
    #[arg(long, default_value_t = 180, value_parser = clap::value_parser!(i64).range(0..=1_000_000))]
    pub units: i64,
    /// Decides everything that varies.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Over how many seconds the customers come.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub seconds: u32,
    /// Kill function processes while it plays.
    #[arg(long)]
    pub chaos: bool,
}

/// Plays the flash sale on a stack of its own, and audits it.
///
/// # Errors
/// When the stack does not come up, or does not answer.
pub async fn run(config: &DemoConfig, stack: &StackConfig, say: &dyn Fn(&str)) -> io::Result<Report> {
    let (stack, server) = Stack::up(stack, 0, busy_shopify(config.seed)).await?;
    let played = play(config, &plan(config), &stack, &server, say).await?;
    Report::of(config, &played, &stack, &server).await
}

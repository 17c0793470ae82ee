//! The demos on the local stack: a flash sale, a morning of four other systems ([`sources`]), and a restore drill ([`restore`]).
//!
//! [`script()`] decides from a seed what customers and the warehouse do. [`play()`] does it in the fake shop, whose webhooks go to the
//! real functions, while a [`factory`] sends events about a raw material. [`report`] audits the result. The shop accepts or
//! refuses each order by its levels. The pusher set these levels, from the stock and the producible units ([`production`]), so if
//! the shop oversells, Promissory is the cause.

mod factory;
mod play;
mod production;
mod report;
pub mod restore;
mod script;
mod signed;
pub mod sources;

pub use play::{PlayResult, play};
pub use report::{Percentiles, Report};
pub use script::{Script, script};

use std::io;

use clap::Args;

use crate::stack::{Stack, StackConfig, busy_shopify};

/// The options of the flash sale.
#[derive(Debug, Clone, Args)]
pub struct DemoConfig {
    /// The number of customers who try to order.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub orders: u32,
    /// Units of the serum in stock, in addition to the producible units.
    #[arg(long, default_value_t = 180, value_parser = clap::value_parser!(i64).range(0..=1_000_000))]
    pub units: i64,
    /// The seed that decides everything that varies.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The number of seconds over which the customers come.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub seconds: u32,
    /// Kill function processes during the demo.
    #[arg(long)]
    pub chaos: bool,
}

/// Plays the flash sale on its own stack, and audits it.
///
/// # Errors
/// When the stack does not start, or does not answer.
pub async fn run(config: &DemoConfig, stack: &StackConfig, say: &dyn Fn(&str)) -> io::Result<Report> {
    let (stack, server) = Stack::up(stack, 0, busy_shopify(config.seed)).await?;
    let played = play(config, &script(config), &stack, &server, say).await?;
    Report::of(config, &played, &stack, &server).await
}

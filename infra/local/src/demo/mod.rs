//! The flash sale, played on the local stack; and beside it a morning of four other systems ([`sources`]).
//!
//! [`plan`] decides from a seed what customers and the warehouse will do; [`play`] does it against the fake shop while its
//! webhooks go to the real functions; [`report`] audits what came out. The shop accepts or refuses each order by what it
//! shows; what it shows is what we told it, so selling more than there is would be our doing.

mod plan;
mod play;
mod report;
pub mod sources;

pub use plan::{Script, plan};
pub use play::{Played, play};
pub use report::{Percentiles, Report};

/// What can be chosen.
#[derive(Debug, Clone)]
pub struct DemoConfig {
    /// Customers who try to order.
    pub orders: u32,
    /// Units of the serum there are.
    pub units: i64,
    /// Decides everything that varies.
    pub seed: u64,
    /// Over how many seconds the customers come.
    pub seconds: u32,
    /// Kill function processes while it plays.
    pub chaos: bool,
}

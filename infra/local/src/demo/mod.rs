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

/// What can be chosen.
#[derive(Debug, Clone)]
pub struct DemoConfig {
    /// Customers who try to order.
    pub orders: u32,
    /// Units of the serum there are, beside what can still be made.
    pub units: i64,
    /// Decides everything that varies.
    pub seed: u64,
    /// Over how many seconds the customers come.
    pub seconds: u32,
    /// Kill function processes while it plays.
    pub chaos: bool,
}

//! Pulls stock events from systems that do not send them: on a schedule, by configuration, exactly once.
//!
//! A [`PullConfig`] defines the address of a feed, how its rows become events, and by what "new" is known.
//! `flows::pull` asks for the rows that are new since the [`FeedWatermark`], commits each row through the same
//! `receive_all` as every other event, and then moves the watermark: to the newest row seen less an overlap, and never past a
//! row that failed. Rows are therefore read several times and applied once. Only the port `ports::Source` does I/O:
//! it sends one request.
//!
//! Deliberately absent: code per system. All differences between systems are in their configuration files
//! (`infra/connectors/`).

mod check;
pub(crate) mod config;
pub(crate) mod page;
pub(crate) mod reading;
pub(crate) mod reported;
pub(crate) mod request;
mod row;
mod template;
#[cfg(test)]
mod tests;
mod times;
pub(crate) mod watermark;

pub use config::{
    Feed, FeedProgress, Fields, KindMapping, KindOf, OffsetRule, OrderFields, Paging, PullAuth, PullConfig, PullFormat,
    PullMethod, PullMode,
};
pub(crate) use reported::ReportedState;
pub use request::{PullAnswer, PullRequest, SourceError};
pub use template::{JsonPointer, Template};
pub use times::{TimeFormat, Times};
pub use watermark::{FeedWatermark, WatermarkPosition};

/// The most rows of one page.
pub const MAX_ROWS: usize = 5_000;

/// The most pages of one run. The next run continues, if the feed is ordered.
pub const MAX_PAGES: usize = 400;

/// The most bytes of one answer.
pub const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// The most items and locations that one full refresh adds up.
pub const MAX_STATES: usize = 100_000;

/// How often one run starts over because rows moved while they were read.
pub const MAX_SHIFTS: usize = 3;

/// After this many failures in a row an alert is raised, even if the system's limit has not passed.
pub const MAX_FAILURES: u32 = 3;

/// How long one request may take.
pub const REQUEST_WITHIN: std::time::Duration = std::time::Duration::from_secs(25);

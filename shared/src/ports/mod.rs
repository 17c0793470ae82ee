//! The ports: what the flows need from outside, as traits.
//!
//! Each has two implementations that pass one contract test: the real one in `adapters`, and the one that the simulator or
//! an embedded DynamoDB gives. Nothing here decides anything.

mod bus;
mod clock;
mod hints;
mod source;
mod store;
mod storefront;

pub use bus::Bus;
pub use clock::{Clock, sleep_within};
pub use hints::Hints;
pub use source::Source;
pub use store::{Cursor, Listing, Page, Refusal, Store, StoreError, WriteError, list_all, read, read_rows};
pub use storefront::Storefront;

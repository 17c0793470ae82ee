//! The ports: the traits through which the flows use AWS, Shopify and other systems.
//!
//! Each port has two implementations that pass one contract test: the real one in `adapters`, and one that the simulator or an
//! embedded DynamoDB provides. A port decides nothing.

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

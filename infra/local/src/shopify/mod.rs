//! A Shopify shop of our own, to be sold from, pushed to and swept on one machine.
//!
//! `Shop` is the shop itself: pure, deterministic, usable in a simulation. `Server` puts it behind HTTP with the real
//! paths, tokens and webhooks, and a control API for tests and people. Where the real Shopify's behaviour is not
//! documented the stricter guess is taken, and noted where it is made. Not here: anything that our operations do not
//! use, prices and payments, bulk operations, webhook subscriptions.

mod admin;
mod bucket;
mod checkout;
mod control;
mod cost;
mod courier;
mod document;
mod door;
mod faults;
mod idempotency;
mod ids;
mod input;
mod inventory;
mod lifecycle;
mod log;
mod mutation;
mod order;
mod outbox;
mod page;
mod parser;
mod resolve;
mod schema;
mod server;
mod shop;
mod splitmix;
mod stock;
mod time;
mod token;
mod webhooks;

pub use admin::Answer;
pub use checkout::{Cart, CheckoutRefused};
pub use faults::Faults;
pub use ids::{FulfilmentId, ItemId, LineId, LocationId, OrderId, VariantId};
pub use lifecycle::OrderRefused;
pub use log::{Applied, AppliedKind, Change, Counters};
pub use order::{Fulfilment, Order, OrderLine};
pub use outbox::{Delivery, DeliveryPlan, Fate, Outbox, Topic};
pub use server::{DeliveryStats, Server, ServerConfig};
pub use shop::{SetupRefused, Shop, ShopConfig};
pub use splitmix::nth as draw;
pub use stock::{Item, Level, Location, NewItem, NewLocation, Oversell};
pub use webhooks::{API_VERSION, PERSONAL_MARK, signature};

#[cfg(test)]
mod tests;

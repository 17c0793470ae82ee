//! A fake Shopify shop. On one machine, customers can buy from it, and Promissory can push quantities to it and sweep its data.
//!
//! `Shop` is the shop itself. It is pure and deterministic, so a simulation can use it. `Server` serves it over HTTP with the
//! real paths, tokens and webhooks, and with a control API for tests and people. Where Shopify's behaviour is not documented,
//! the fake follows the stricter guess, and a comment notes it there. Deliberately absent: what our operations do not use,
//! prices, bulk operations, and webhook subscriptions.

mod admin;
mod app_routes;
mod bucket;
mod checkout;
mod control;
mod control_orders;
mod cost;
mod delivery_worker;
mod document;
mod draft;
mod draft_order;
mod edit;
mod faults;
mod fulfilment_order;
mod id_webhooks;
mod idempotency;
mod ids;
mod input;
mod invariants;
mod inventory;
mod lifecycle;
mod log;
mod metafields;
mod mutation;
mod order;
mod order_schema;
mod outbox;
mod page;
mod refund;
mod resolve;
mod return_steps;
mod returns;
mod schema;
mod search;
mod server;
mod shop;
mod splitmix;
mod stock;
mod time;
mod webhooks;

pub use admin::Answer;
pub use checkout::{Cart, CheckoutRefused};
pub use document::ADMIN_SCHEMA;
pub use draft_order::{DraftLine, DraftOrder, DraftRefused, DraftStatus};
pub use edit::Edit;
pub use faults::Faults;
pub use fulfilment_order::{FulfilmentOrder, FulfilmentOrderLine, FulfilmentOrderStatus};
pub use ids::{
    DispositionId, DraftLineId, DraftOrderId, FulfilmentId, FulfilmentOrderId, ItemId, LineId, LocationId, OrderId, RefundId,
    RefundLineId, ReturnId, ReverseId, ReverseLineId, VariantId,
};
pub use lifecycle::OrderRefused;
pub use log::{Applied, AppliedKind, Change, Counters};
pub use order::{Financial, Fulfilment, FulfilmentStatus, Order, OrderLine, Payment};
pub use outbox::{Delivery, DeliveryOutcome, DeliveryPlan, Outbox, Topic};
pub use refund::{Refund, RefundInput, RefundLine, RefundedLine, Restock};
pub use returns::{Disposal, Disposition, Return, ReturnLine, ReturnStatus};
pub use server::{DeliveryStats, Server, ServerConfig};
pub use shop::{SetupRefused, Shop, ShopConfig};
pub use splitmix::nth as draw;
pub use stock::{InventoryState, Item, Level, Location, NewItem, NewLocation, Oversell};
pub use webhooks::{API_VERSION, PERSONAL_MARK, signature};

#[cfg(test)]
mod tests;

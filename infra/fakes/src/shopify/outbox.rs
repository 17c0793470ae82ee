//! The webhooks that the shop sends: deliveries in the order of their events, and the plan by which some are duplicated, late
//! or lost.
//!
//! The module is pure: the ids and the outcome of a delivery follow from its number and the seed. On the local stack
//! `delivery_worker` sends the deliveries and waits for late ones; in a simulation the scheduler does.

use super::ids::OrderId;
use super::shop::ShopConfig;
use super::splitmix;
use super::webhooks::{API_VERSION, signature};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// A webhook topic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Topic {
    /// `orders/create`
    OrdersCreate,
    /// `orders/updated`
    OrdersUpdated,
    /// `orders/paid`
    OrdersPaid,
    /// `orders/edited`
    OrdersEdited,
    /// `orders/fulfilled`
    OrdersFulfilled,
    /// `orders/partially_fulfilled`
    OrdersPartiallyFulfilled,
    /// `orders/cancelled`
    OrdersCancelled,
    /// `fulfillments/create`
    FulfillmentsCreate,
    /// `fulfillments/update`
    FulfillmentsUpdate,
    /// `fulfillment_orders/order_routing_complete`
    FulfillmentOrdersRoutingComplete,
    /// `fulfillment_orders/moved`
    FulfillmentOrdersMoved,
    /// `fulfillment_orders/placed_on_hold`
    FulfillmentOrdersPlacedOnHold,
    /// `fulfillment_orders/hold_released`
    FulfillmentOrdersHoldReleased,
    /// `refunds/create`
    RefundsCreate,
    /// `returns/request`
    ReturnsRequest,
    /// `returns/approve`
    ReturnsApprove,
    /// `returns/decline`
    ReturnsDecline,
    /// `returns/cancel`
    ReturnsCancel,
    /// `returns/close`
    ReturnsClose,
    /// `reverse_fulfillment_orders/dispose`
    ReverseFulfillmentOrdersDispose,
    /// `draft_orders/create`
    DraftOrdersCreate,
    /// `draft_orders/update`
    DraftOrdersUpdate,
    /// `draft_orders/delete`
    DraftOrdersDelete,
}

impl Topic {
    /// Returns the name in the header `X-Shopify-Topic`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Topic::OrdersCreate => "orders/create",
            Topic::OrdersUpdated => "orders/updated",
            Topic::OrdersPaid => "orders/paid",
            Topic::OrdersEdited => "orders/edited",
            Topic::OrdersFulfilled => "orders/fulfilled",
            Topic::OrdersPartiallyFulfilled => "orders/partially_fulfilled",
            Topic::OrdersCancelled => "orders/cancelled",
            Topic::FulfillmentsCreate => "fulfillments/create",
            Topic::FulfillmentsUpdate => "fulfillments/update",
            Topic::FulfillmentOrdersRoutingComplete => "fulfillment_orders/order_routing_complete",
            Topic::FulfillmentOrdersMoved => "fulfillment_orders/moved",
            Topic::FulfillmentOrdersPlacedOnHold => "fulfillment_orders/placed_on_hold",
            Topic::FulfillmentOrdersHoldReleased => "fulfillment_orders/hold_released",
            Topic::RefundsCreate => "refunds/create",
            Topic::ReturnsRequest => "returns/request",
            Topic::ReturnsApprove => "returns/approve",
            Topic::ReturnsDecline => "returns/decline",
            Topic::ReturnsCancel => "returns/cancel",
            Topic::ReturnsClose => "returns/close",
            Topic::ReverseFulfillmentOrdersDispose => "reverse_fulfillment_orders/dispose",
            Topic::DraftOrdersCreate => "draft_orders/create",
            Topic::DraftOrdersUpdate => "draft_orders/update",
            Topic::DraftOrdersDelete => "draft_orders/delete",
        }
    }
}

/// A delivery. It has the same bytes and the same `Webhook-Id` each time that it is sent.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its number in the order of events, from 0.
    pub number: u64,
    /// Its topic.
    pub topic: Topic,
    /// The order that the event is about. An event of a draft order has the number of the draft, which no order has.
    pub order: OrderId,
    /// An id that is unique per delivery.
    pub webhook_id: String,
    /// An id that all deliveries of one event share.
    pub event_id: String,
    /// The time of the event.
    pub triggered_at: Timestamp,
    /// The body, with the state at the time when it was built.
    pub body: Arc<[u8]>,
    signature: String,
    domain: String,
}

impl Delivery {
    /// Returns the headers of the delivery.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        vec![
            ("content-type", "application/json".to_owned()),
            ("x-shopify-topic", self.topic.name().to_owned()),
            ("x-shopify-hmac-sha256", self.signature.clone()),
            ("x-shopify-shop-domain", self.domain.clone()),
            ("x-shopify-api-version", API_VERSION.to_owned()),
            ("x-shopify-webhook-id", self.webhook_id.clone()),
            ("x-shopify-event-id", self.event_id.clone()),
            ("x-shopify-triggered-at", self.triggered_at.to_string()),
        ]
    }
}

/// The percentages of deliveries that are lost, doubled or late. A seed selects the deliveries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeliveryPlan {
    /// The seed that selects the deliveries.
    pub seed: u64,
    /// The percentage of deliveries that are never sent.
    pub lost_percent: u32,
    /// The percentage of deliveries that are sent twice with the same `Webhook-Id`, the second time late.
    pub doubled_percent: u32,
    /// The percentage of deliveries that are sent late, so that later deliveries overtake them.
    pub late_percent: u32,
    /// The maximum delay of a late delivery, in milliseconds.
    pub latest_ms: u64,
}

/// The outcome of a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeliveryOutcome {
    /// The delivery is sent at once.
    Delivered,
    /// The delivery is sent at once, and again after this time.
    Doubled(Duration),
    /// The delivery is sent after this time.
    Late(Duration),
    /// The delivery is never sent.
    Lost,
}

impl DeliveryPlan {
    /// Returns the outcome of the delivery with this number.
    ///
    /// # Panics
    /// The percentages add up to more than a hundred.
    #[must_use]
    pub fn outcome(&self, number: u64) -> DeliveryOutcome {
        let (lost, doubled) = (self.lost_percent, self.lost_percent + self.doubled_percent);
        let late = doubled + self.late_percent;
        assert!(late <= 100, "a delivery has one outcome");
        let draw = splitmix::nth(self.seed, number.wrapping_mul(2)) % 100;
        let after =
            Duration::from_millis(1 + splitmix::nth(self.seed, number.wrapping_mul(2).wrapping_add(1)) % self.latest_ms.max(1));
        if draw < u64::from(lost) {
            DeliveryOutcome::Lost
        } else if draw < u64::from(doubled) {
            DeliveryOutcome::Doubled(after)
        } else if draw < u64::from(late) {
            DeliveryOutcome::Late(after)
        } else {
            DeliveryOutcome::Delivered
        }
    }
}

/// The deliveries that wait to be sent, oldest first.
#[derive(Debug)]
pub struct Outbox {
    seed: u64,
    numbered: u64,
    events: u64,
    waiting: VecDeque<Delivery>,
}

impl Outbox {
    pub(super) fn new(config: &ShopConfig) -> Self {
        Outbox { seed: config.seed, numbered: 0, events: 0, waiting: VecDeque::new() }
    }

    /// Creates the deliveries of one event of an order, one for each body.
    pub(super) fn announce(&mut self, now: Timestamp, config: &ShopConfig, order: OrderId, bodies: Vec<(Topic, Value)>) {
        let event_id = splitmix::uuid(!self.seed, self.events);
        self.events += 1;
        for (topic, body) in bodies {
            let body: Arc<[u8]> = body.to_string().into_bytes().into();
            self.waiting.push_back(Delivery {
                number: self.numbered,
                topic,
                order,
                webhook_id: splitmix::uuid(self.seed, self.numbered),
                event_id: event_id.clone(),
                triggered_at: now,
                signature: signature(&config.secret, &body),
                domain: config.domain.clone(),
                body,
            });
            self.numbered += 1;
        }
    }

    /// Takes all waiting deliveries, each with its outcome.
    pub fn take(&mut self, plan: &DeliveryPlan) -> Vec<(Delivery, DeliveryOutcome)> {
        self.waiting
            .drain(..)
            .map(|delivery| {
                let outcome = plan.outcome(delivery.number);
                (delivery, outcome)
            })
            .collect()
    }

    /// Returns the number of waiting deliveries.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

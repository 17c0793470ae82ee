//! Requests of a shop: bodies of orders and fulfilments, and the signed webhook requests.

use lambda_http::http::HeaderMap;
use lambda_http::http::header::{HeaderName, HeaderValue};
use lambda_http::{Body, Request};
use promissory::signature::sign;
use serde_json::{Value, json};

/// The domain of the shop.
pub const SHOP: &str = "promissory-demo.myshopify.com";

/// The client secret of the app, as configured in the fake shop.
pub const SECRET: &str = "shpss_local";

/// The client secret before the last rotation.
pub const PREVIOUS_SECRET: &str = "shpss_before";

/// A time in seconds after a fixed start, as text.
fn at(seconds: i64) -> String {
    let noon: jiff::Timestamp = "2026-11-21T12:00:00Z".parse().expect("a valid time");
    (noon + jiff::SignedDuration::from_secs(seconds)).to_string()
}

/// The body of an order topic.
#[derive(Debug, Clone)]
pub struct OrderBody(Value);

/// An order without lines, last changed at second 0.
#[must_use]
pub fn order(id: u64) -> OrderBody {
    OrderBody(json!({
        "id": id,
        "admin_graphql_api_id": format!("gid://shopify/Order/{id}"),
        "created_at": at(0),
        "updated_at": at(0),
        "cancelled_at": null,
        "confirmed": true,
        "test": false,
        "financial_status": "paid",
        "location_id": null,
        "line_items": [],
        "fulfillments": [],
        "refunds": [],
    }))
}

impl OrderBody {
    /// Sets the time of the last change, in seconds.
    #[must_use]
    pub fn at(self, seconds: i64) -> Self {
        self.with("updated_at", json!(at(seconds)))
    }

    /// Sets a field.
    #[must_use]
    pub fn with(mut self, field: &str, value: Value) -> Self {
        self.0[field] = value;
        self
    }

    /// Cancels the order; no unit of it stays open.
    #[must_use]
    pub fn cancelled(mut self) -> Self {
        for line in self.0["line_items"].as_array_mut().expect("lines") {
            line["fulfillable_quantity"] = json!(0);
        }
        let when = self.0["updated_at"].clone();
        self.with("cancelled_at", when)
    }

    /// Marks the order as sold in a store.
    #[must_use]
    pub fn sold_at(self, location: u64) -> Self {
        self.with("location_id", json!(location))
    }

    /// Adds a line of which all units are open.
    #[must_use]
    pub fn line(self, id: u64, sku: &str, quantity: i64) -> Self {
        self.partly_open(id, sku, quantity, quantity)
    }

    /// Adds a line of which some units are open.
    #[must_use]
    pub fn partly_open(self, id: u64, sku: &str, quantity: i64, open: i64) -> Self {
        self.raw_line(json!({
            "id": id,
            "admin_graphql_api_id": format!("gid://shopify/LineItem/{id}"),
            "sku": sku,
            "quantity": quantity,
            "current_quantity": quantity,
            "fulfillable_quantity": open,
            "gift_card": false,
        }))
    }

    /// Adds any line.
    #[must_use]
    pub fn raw_line(mut self, line: Value) -> Self {
        self.0["line_items"].as_array_mut().expect("lines").push(line);
        self
    }

    /// Adds a fulfilment to the order.
    #[must_use]
    pub fn shipped(mut self, fulfilment: &FulfilmentBody) -> Self {
        self.0["fulfillments"].as_array_mut().expect("fulfilments").push(fulfilment.0.clone());
        self
    }

    /// The serialised body.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.0.to_string().into_bytes()
    }
}

/// The body of a fulfilment topic.
#[derive(Debug, Clone)]
pub struct FulfilmentBody(Value);

/// A fulfilment of an order from a location, created at second 0.
#[must_use]
pub fn fulfilment(id: u64, order: u64, location: u64) -> FulfilmentBody {
    FulfilmentBody(json!({
        "id": id,
        "admin_graphql_api_id": format!("gid://shopify/Fulfillment/{id}"),
        "order_id": order,
        "status": "success",
        "location_id": location,
        "created_at": at(0),
        "updated_at": at(0),
        "line_items": [],
    }))
}

impl FulfilmentBody {
    /// Sets the time of the last change, in seconds.
    #[must_use]
    pub fn at(mut self, seconds: i64) -> Self {
        self.0["updated_at"] = json!(at(seconds));
        self
    }

    /// Adds units of a line.
    #[must_use]
    pub fn line(mut self, id: u64, quantity: i64) -> Self {
        let line =
            json!({ "id": id, "admin_graphql_api_id": format!("gid://shopify/LineItem/{id}"), "sku": "?", "quantity": quantity });
        self.0["line_items"].as_array_mut().expect("lines").push(line);
        self
    }

    /// Marks the fulfilment as cancelled.
    #[must_use]
    pub fn void(mut self) -> Self {
        self.0["status"] = json!("cancelled");
        self
    }

    /// The serialised body.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.0.to_string().into_bytes()
    }
}

/// A webhook request. It is signed when it is created, so later changes invalidate the signature.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// The body.
    pub body: Vec<u8>,
    headers: HeaderMap,
}

impl Webhook {
    /// A webhook with `body`, signed with the current secret.
    #[must_use]
    pub fn new(topic: &str, id: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), headers: HeaderMap::new() }
            .header("x-shopify-topic", topic)
            .header("x-shopify-webhook-id", id)
            .header("x-shopify-shop-domain", SHOP)
            .header("content-type", "application/json")
            .signed_by(SECRET)
    }

    /// A webhook of the fake shop.
    #[must_use]
    pub fn of(delivery: &promissory_fakes::shopify::Delivery) -> Self {
        let empty = Self { body: delivery.body.to_vec(), headers: HeaderMap::new() };
        delivery.headers().into_iter().fold(empty, |webhook, (name, value)| webhook.header(name, &value))
    }

    /// Signs the webhook with another secret.
    #[must_use]
    pub fn signed_by(self, secret: &str) -> Self {
        let signature = sign(&self.body, secret.as_bytes());
        self.header("x-shopify-hmac-sha256", &signature)
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header's value"));
        self
    }

    /// Removes a header.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Changes one byte of the body.
    #[must_use]
    pub fn with_byte_changed(mut self, at: usize) -> Self {
        self.body[at] ^= 1;
        self
    }

    /// The request as API Gateway passes it to the function.
    #[must_use]
    pub fn request(&self) -> Request {
        let mut request = Request::new(Body::from(self.body.clone()));
        *request.headers_mut() = self.headers.clone();
        request
    }
}

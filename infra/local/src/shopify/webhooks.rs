//! Webhook bodies and signatures, as Shopify sends them.
//!
//! Bodies have the REST shape: numeric ids, times with the shop's offset. They carry an invented customer, marked with
//! `PERSONAL_MARK` in every field, so that a test can search what we store and log for personal data. A body is the state when it was built.

use super::ids::FulfilmentId;
use super::order::{Fulfilment, Order, OrderLine};
use super::shop::ShopConfig;
use super::time::with_offset;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// Stands in every personal field of every body; found anywhere else, personal data has leaked.
pub const PERSONAL_MARK: &str = "Zephyrine-Quillfeather";

/// The version of the API that bodies and headers belong to.
pub const API_VERSION: &str = "2026-10";

/// base64(HMAC-SHA256(secret, body)), as in X-Shopify-Hmac-Sha256.
#[must_use]
pub fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body);
    STANDARD.encode(mac.finalize().into_bytes())
}

/// The body of the order topics.
pub(super) fn order_body(config: &ShopConfig, order: &Order) -> Value {
    let shipped = order.lines.iter().filter(|line| line.unfulfilled() == 0 && line.fulfilled > 0).count();
    let fulfilment_status = match (order.fulfilments.is_empty(), shipped == order.lines.len()) {
        (true, _) => Value::Null,
        (false, true) => json!("fulfilled"),
        (false, false) => json!("partial"),
    };
    json!({
        "id": order.id,
        "admin_graphql_api_id": order.id.gid(),
        "name": format!("#{}", order.number),
        "order_number": order.number,
        "created_at": with_offset(order.created_at, config.offset),
        "updated_at": with_offset(order.updated_at, config.offset),
        "processed_at": with_offset(order.created_at, config.offset),
        "cancelled_at": order.cancelled_at.map(|at| with_offset(at, config.offset)),
        "cancel_reason": order.cancelled_at.map(|_| "customer"),
        "confirmed": order.confirmed,
        "test": order.test,
        "financial_status": "paid",
        "fulfillment_status": fulfilment_status,
        "source_name": if order.retail_location.is_some() { "pos" } else { "web" },
        "location_id": order.retail_location,
        "currency": "EUR",
        "email": format!("{PERSONAL_MARK}@example.com"),
        "contact_email": format!("{PERSONAL_MARK}@example.com"),
        "phone": format!("+000 {PERSONAL_MARK}"),
        "customer": { "id": 3_000_000_000_000_000_001_i64, "first_name": PERSONAL_MARK, "last_name": PERSONAL_MARK,
            "email": format!("{PERSONAL_MARK}@example.com"), "default_address": address() },
        "billing_address": address(),
        "shipping_address": address(),
        "note": format!("Leave it with {PERSONAL_MARK} next door"),
        "line_items": order.lines.iter().map(line_body).collect::<Vec<_>>(),
        "fulfillments": order.fulfilments.iter().map(|f| fulfilment_value(config, order, f)).collect::<Vec<_>>(),
        "refunds": [],
    })
}

/// The body of `fulfillments/create`; nothing where the order has no such fulfilment.
pub(super) fn fulfilment_body(config: &ShopConfig, order: &Order, id: FulfilmentId) -> Option<Value> {
    let fulfilment = order.fulfilments.iter().find(|fulfilment| fulfilment.id == id)?;
    let mut body = fulfilment_value(config, order, fulfilment);
    body["email"] = json!(format!("{PERSONAL_MARK}@example.com"));
    body["destination"] = address();
    Some(body)
}

fn fulfilment_value(config: &ShopConfig, order: &Order, fulfilment: &Fulfilment) -> Value {
    let lines = fulfilment.lines.iter().map(|(id, quantity)| {
        let line = order.lines.iter().find(|line| line.id == *id).expect("a fulfilment names lines of its order");
        let mut body = line_body(line);
        body["quantity"] = json!(quantity);
        body
    });
    json!({
        "id": fulfilment.id,
        "admin_graphql_api_id": fulfilment.id.gid(),
        "order_id": order.id,
        "name": format!("#{}.{}", order.number, fulfilment.id),
        "status": "success",
        "service": "manual",
        "shipment_status": null,
        "location_id": fulfilment.location,
        "created_at": with_offset(fulfilment.created_at, config.offset),
        "updated_at": with_offset(fulfilment.created_at, config.offset),
        "line_items": lines.collect::<Vec<_>>(),
    })
}

fn line_body(line: &OrderLine) -> Value {
    json!({
        "id": line.id,
        "admin_graphql_api_id": line.id.gid(),
        "sku": line.sku,
        "name": line.sku,
        "title": line.sku,
        "variant_id": line.variant,
        "quantity": line.quantity,
        "current_quantity": line.current_quantity,
        "fulfillable_quantity": line.unfulfilled(),
        "fulfillment_service": "manual",
        "gift_card": line.gift_card,
        "price": "19.90",
        "requires_shipping": line.requires_shipping,
        "variant_inventory_management": line.tracked.then_some("shopify"),
    })
}

fn address() -> Value {
    json!({
        "first_name": PERSONAL_MARK,
        "last_name": PERSONAL_MARK,
        "name": format!("{PERSONAL_MARK} {PERSONAL_MARK}"),
        "address1": format!("1 {PERSONAL_MARK} Lane"),
        "phone": format!("+000 {PERSONAL_MARK}"),
        "city": format!("{PERSONAL_MARK} Town"),
        "zip": "10115",
        "country_code": "DE",
    })
}

//! Webhook bodies and signatures, as Shopify sends them.
//!
//! Bodies have the REST shape: numeric ids, and times with the shop's offset. They contain an invented customer with
//! `PERSONAL_MARK` in every field, so that a test can search what we store and log for personal data. A body has the state at
//! the time when it was built.

use super::order::{Fulfilment, Order, OrderLine, Payment};
use super::refund::Refund;
use super::shop::{Shop, ShopConfig};
use super::time::with_offset;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::SignedDuration;
use serde_json::{Value, json};
use sha2::Sha256;

/// The mark in every personal field of every body. If it is found anywhere else, personal data has leaked.
pub const PERSONAL_MARK: &str = "Zephyrine-Quillfeather";

/// The only customer of the shop.
pub(super) const CUSTOMER: i64 = 3_000_000_000_000_000_001;

/// The API version of bodies and headers.
pub const API_VERSION: &str = "2026-10";

/// Computes `base64(HMAC-SHA256(secret, body))`, as in the header `X-Shopify-Hmac-Sha256`.
#[must_use]
pub fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body);
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Builds the body of the order topics.
pub(super) fn order_body(shop: &Shop, order: &Order) -> Value {
    let config = &shop.config;
    let fulfilment_status = match (order.shipments().next().is_some(), order.is_fulfilled()) {
        (false, _) => Value::Null,
        (true, true) => json!("fulfilled"),
        (true, false) => json!("partial"),
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
        "closed_at": order.closed_at.map(|at| with_offset(at, config.offset)),
        "cancel_reason": order.cancelled_at.map(|_| "customer"),
        "confirmed": order.confirmed,
        "test": order.test,
        "financial_status": order.financial.name(),
        "fulfillment_status": fulfilment_status,
        "payment_gateway_names": [order.payment.gateway()],
        "payment_terms": payment_terms(order, config),
        "source_name": if order.retail_location.is_some() { "pos" } else { "web" },
        "location_id": order.retail_location,
        "currency": "EUR",
        "email": format!("{PERSONAL_MARK}@example.com"),
        "contact_email": format!("{PERSONAL_MARK}@example.com"),
        "phone": format!("+000 {PERSONAL_MARK}"),
        "customer": { "id": CUSTOMER, "first_name": PERSONAL_MARK, "last_name": PERSONAL_MARK,
            "email": format!("{PERSONAL_MARK}@example.com"), "default_address": address() },
        "billing_address": address(),
        "shipping_address": address(),
        "note": format!("Leave it with {PERSONAL_MARK} next door"),
        "line_items": order.lines.iter().map(|line| line_body(shop, order, line)).collect::<Vec<_>>(),
        "fulfillments": order.fulfilments.iter().map(|f| fulfilment_value(shop, order, f)).collect::<Vec<_>>(),
        "refunds": order.refunds.iter().map(|refund| refund_body(config, order, refund)).collect::<Vec<_>>(),
    })
}

/// Builds the body of the fulfilment topics.
pub(super) fn fulfilment_body(shop: &Shop, order: &Order, fulfilment: &Fulfilment) -> Value {
    let mut body = fulfilment_value(shop, order, fulfilment);
    body["email"] = json!(format!("{PERSONAL_MARK}@example.com"));
    body["destination"] = address();
    body
}

fn fulfilment_value(shop: &Shop, order: &Order, fulfilment: &Fulfilment) -> Value {
    let config = &shop.config;
    let lines = fulfilment.lines.iter().map(|(id, quantity)| {
        let line = order.line(*id).expect("a fulfilment names lines of its order");
        let mut body = line_body(shop, order, line);
        body["quantity"] = json!(quantity);
        body
    });
    json!({
        "id": fulfilment.id,
        "admin_graphql_api_id": fulfilment.id.gid(),
        "order_id": order.id,
        "name": format!("#{}.{}", order.number, fulfilment.id),
        "status": fulfilment.status.name(),
        "service": "manual",
        "shipment_status": null,
        "location_id": fulfilment.location,
        "created_at": with_offset(fulfilment.created_at, config.offset),
        "updated_at": with_offset(fulfilment.updated_at, config.offset),
        "line_items": lines.collect::<Vec<_>>(),
    })
}

/// Builds the body of `refunds/create`, and of a refund within its order.
pub(super) fn refund_body(config: &ShopConfig, order: &Order, refund: &Refund) -> Value {
    let lines = refund.lines.iter().map(|line| {
        json!({
            "id": line.id,
            "line_item_id": line.line,
            "quantity": line.quantity,
            "restock_type": line.restock.name(),
            "location_id": line.location,
        })
    });
    json!({
        "id": refund.id,
        "admin_graphql_api_id": refund.id.gid(),
        "order_id": order.id,
        "created_at": with_offset(refund.created_at, config.offset),
        "processed_at": with_offset(refund.created_at, config.offset),
        "note": format!("{PERSONAL_MARK} was not happy"),
        "return": refund.return_id.map(|id| json!({ "id": id, "admin_graphql_api_id": id.gid() })),
        "refund_line_items": lines.collect::<Vec<_>>(),
    })
}

fn line_body(shop: &Shop, order: &Order, line: &OrderLine) -> Value {
    let removed = shop.items.get(&line.item).is_none_or(|item| item.removed);
    json!({
        "id": line.id,
        "admin_graphql_api_id": line.id.gid(),
        "sku": (!line.sku.is_empty()).then_some(&line.sku),
        "name": line.sku,
        "title": line.sku,
        "variant_id": (!removed).then_some(line.variant),
        "product_exists": !removed,
        "quantity": line.quantity,
        "current_quantity": line.current_quantity - order.returned(line.id),
        "fulfillable_quantity": line.unfulfilled(),
        "fulfillment_service": "manual",
        "gift_card": line.gift_card,
        "price": "19.90",
        "requires_shipping": line.requires_shipping,
        "variant_inventory_management": line.tracked.then_some("shopify"),
    })
}

fn payment_terms(order: &Order, config: &ShopConfig) -> Value {
    let Payment::NetDays(days) = order.payment else { return Value::Null };
    let due = order.created_at + SignedDuration::from_hours(24 * i64::from(days));
    json!({
        "payment_terms_name": format!("Net {days}"),
        "payment_terms_type": "net",
        "due_in_days": days,
        "payment_schedules": [{
            "issued_at": with_offset(order.created_at, config.offset),
            "due_at": with_offset(due, config.offset),
            "completed_at": null,
        }],
    })
}

fn address() -> Value {
    json!({
        "first_name": PERSONAL_MARK,
        "last_name": PERSONAL_MARK,
        "name": format!("{PERSONAL_MARK} {PERSONAL_MARK}"),
        "company": format!("{PERSONAL_MARK} Ltd"),
        "address1": format!("1 {PERSONAL_MARK} Lane"),
        "address2": format!("c/o {PERSONAL_MARK}"),
        "phone": format!("+000 {PERSONAL_MARK}"),
        "city": format!("{PERSONAL_MARK} Town"),
        "zip": "10115",
        "province_code": "BE",
        "country_code": "DE",
    })
}

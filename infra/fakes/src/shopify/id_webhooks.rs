//! The bodies of webhooks that contain ids and no order: fulfilment orders, edits, returns, dispositions.
//!
//! The receiver reads the order again. Some of these webhooks do not even name the order. They contain no personal data.

use super::draft::Draft;
use super::fulfilment_order::{FulfilmentOrder, FulfilmentOrderStatus};
use super::ids::{DispositionId, FulfilmentOrderId, LineId, OrderId};
use super::order::Order;
use super::returns::{Return, ReturnStatus};
use super::shop::ShopConfig;
use super::time::with_offset;
use serde_json::{Value, json};

/// Builds the body for a fulfilment order that was routed, held or released.
pub(super) fn fulfilment_order(asked: &FulfilmentOrder) -> Value {
    let mut body = json!({ "fulfillment_order": { "id": asked.id.gid(), "status": asked.status.name() } });
    if asked.status == FulfilmentOrderStatus::OnHold {
        let hold =
            json!({ "id": format!("gid://shopify/FulfillmentHold/{}", asked.id), "reason": "other", "reason_notes": null });
        body["fulfillment_order"]["fulfillment_holds"] = json!([hold]);
        body["created_fulfillment_hold"] = hold;
        body["remaining_fulfillment_order"] = Value::Null;
        body["held_fulfillment_order_line_items"] = json!([]);
    }
    body
}

/// Builds the body for a move: the closed fulfilment order, and the one that replaces it.
pub(super) fn moved(order: &Order, from: FulfilmentOrderId, to: FulfilmentOrderId) -> Value {
    let find = |id| order.fulfilment_orders.iter().find(|asked| asked.id == id).expect("both were just written");
    let (from, to) = (find(from), find(to));
    let body = |asked: &FulfilmentOrder| json!({ "id": asked.id.gid(), "status": asked.status.name(), "assigned_location_id": asked.location.gid() });
    json!({
        "original_fulfillment_order": body(from),
        "moved_fulfillment_order": body(to),
        "destination_location_id": to.location.gid(),
        "fulfillment_order_line_items_requested": [],
        "source_location": { "id": from.location.gid() },
    })
}

/// Builds the body of `orders/edited`.
pub(super) fn edited(
    config: &ShopConfig,
    draft: &Draft,
    number: i64,
    additions: &[(LineId, i64)],
    removals: &[(LineId, i64)],
) -> Value {
    let at = with_offset(draft.now, config.offset);
    let deltas = |lines: &[(LineId, i64)]| -> Vec<Value> {
        lines.iter().map(|(line, delta)| json!({ "id": line, "delta": delta })).collect()
    };
    json!({ "order_edit": {
        "id": number,
        "app_id": null,
        "created_at": at,
        "committed_at": at,
        "notify_customer": false,
        "order_id": draft.order.id,
        "staff_note": "",
        "user_id": null,
        "line_items": { "additions": deltas(additions), "removals": deltas(removals) },
        "discounts": { "line_item": { "additions": [], "removals": [] } },
        "shipping_lines": { "additions": [], "removals": [] },
    } })
}

/// Builds the body of the return topics. The topics about the start of a return contain the order as an object, the topics
/// about its end contain it as a number.
pub(super) fn return_body(order: OrderId, ret: &Return) -> Value {
    let mut body = json!({ "id": ret.id, "admin_graphql_api_id": ret.id.gid(), "status": ret.status.name() });
    match ret.status {
        ReturnStatus::Closed | ReturnStatus::Cancelled => body["order_id"] = json!(order),
        ReturnStatus::Declined => {
            body["order"] = json!({ "id": order, "admin_graphql_api_id": order.gid() });
            body["decline"] = json!({ "reason": "other", "note": null });
        }
        ReturnStatus::Requested | ReturnStatus::Open => {
            body["order"] = json!({ "id": order, "admin_graphql_api_id": order.gid() });
            body["name"] = Value::Null;
            body["total_return_line_items"] = json!(ret.lines.len());
            body["return_line_items"] = json!([]);
            body["exchange_line_items"] = json!([]);
            body["total_exchange_line_items"] = json!(ret.exchanged.len());
        }
    }
    body
}

/// Builds the body of `reverse_fulfillment_orders/dispose`.
pub(super) fn disposed(ret: &Return, id: DispositionId) -> Value {
    let disposition = ret.dispositions.iter().find(|done| done.id == id).expect("the step made the disposition");
    let line = ret.lines.iter().find(|asked| asked.line == disposition.line).expect("dispositions are of lines asked back");
    let disposition = json!({
        "reverse_fulfillment_order_line_item": { "id": line.id, "admin_graphql_api_id": line.id.gid() },
        "reverse_delivery_line_item": null,
        "type": disposition.kind.name(),
        "location": { "id": disposition.location, "admin_graphql_api_id": disposition.location.gid() },
        "quantity": disposition.quantity,
    });
    json!({
        "id": ret.reverse,
        "admin_graphql_api_id": ret.reverse.gid(),
        "dispositions": [disposition],
        "total_dispositions": 1,
    })
}

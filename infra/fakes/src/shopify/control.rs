//! The control API for tests and people. It sets up the shop, sells from it, sets its faults and reads its state.
//!
//! `control_orders` has the calls that change an order. Bodies are plain JSON, and ids are numbers. A refusal is a 409 with the
//! reason in words. If a body does not have the right shape, axum answers with a 4xx status.

use super::checkout::{Cart, CheckoutRefused};
use super::control_orders;
use super::faults::Faults;
use super::ids::{ItemId, LocationId, OrderId};
use super::order::Payment;
use super::outbox::DeliveryPlan;
use super::server::{Guarded, Shared};
use super::shop::SetupRefused;
use super::stock::{NewItem, NewLocation};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::sync::Arc;

pub(super) type SharedState = State<Arc<Shared>>;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/locations", post(locations))
        .route("/items", post(items))
        .route("/checkout", post(checkout))
        .route("/items/{sku}/remove", post(remove_item))
        .merge(control_orders::routes())
        .route("/manual-edit", post(manual_edit))
        .route("/faults", post(faults))
        .route("/settle-late", post(settle_late))
        .route("/webhook-url", post(webhook_url))
        .route("/delivery-plan", post(delivery_plan))
        .route("/state", get(state))
}

pub(super) fn reply<T, E: Debug>(done: Result<T, E>, body: impl FnOnce(T) -> Value) -> Response {
    match done {
        Ok(done) => Json(body(done)).into_response(),
        Err(refused) => (StatusCode::CONFLICT, Json(json!({ "refused": format!("{refused:?}") }))).into_response(),
    }
}

async fn locations(State(shared): SharedState, Json(new): Json<NewLocation>) -> Response {
    reply(shared.with(|g| g.shop.add_location(new)), |id: LocationId| json!({ "id": id, "gid": id.gid() }))
}

#[derive(Deserialize)]
struct Stocked {
    location: LocationId,
    available: i64,
}

/// An item, and the levels where it is stocked. Serde cannot combine flattening and `deny_unknown_fields`, so the item is a
/// field.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemBody {
    item: NewItem,
    #[serde(default)]
    levels: Vec<Stocked>,
}

async fn items(State(shared): SharedState, Json(body): Json<ItemBody>) -> Response {
    let now = Timestamp::now();
    let added = shared.with(|g| -> Result<ItemId, SetupRefused> {
        // The locations are checked before the item is added, so an added item is stocked at every location of the request.
        for level in &body.levels {
            if !g.shop.locations().any(|location| location.id == level.location) {
                return Err(SetupRefused::UnknownLocation(level.location));
            }
        }
        let item = g.shop.add_item(body.item)?;
        for level in &body.levels {
            g.shop.stock(now, item, level.location, level.available, true)?;
        }
        Ok(item)
    });
    reply(added, |id| json!({ "id": id, "gid": id.gid() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SkuBody {
    pub(super) sku: String,
    pub(super) quantity: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckoutBody {
    lines: Vec<SkuBody>,
    location: Option<LocationId>,
    #[serde(default)]
    test: bool,
    #[serde(default)]
    unpaid: bool,
    #[serde(default)]
    unconfirmed: bool,
    #[serde(default)]
    pre_order: bool,
    #[serde(default)]
    payment: Payment,
    #[serde(default)]
    custom_units: i64,
}

async fn checkout(State(shared): SharedState, Json(body): Json<CheckoutBody>) -> Response {
    let lines = body.lines.iter().map(|line| (line.sku.clone(), line.quantity)).collect();
    let CheckoutBody { location, test, unpaid, unconfirmed, pre_order, payment, custom_units, .. } = body;
    let cart = Cart { lines, location, test, unpaid, unconfirmed, pre_order, payment, custom_units };
    let placed: Result<OrderId, CheckoutRefused> = shared.with(|g| g.shop.checkout_cart(Timestamp::now(), &cart));
    reply(placed, |id| json!({ "id": id, "gid": id.gid() }))
}

async fn remove_item(State(shared): SharedState, Path(sku): Path<String>) -> Response {
    reply(shared.with(|g| g.shop.remove_item(&sku)), |()| json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CountBody {
    item: ItemId,
    location: LocationId,
    available: i64,
}

async fn manual_edit(State(shared): SharedState, Json(body): Json<CountBody>) -> Response {
    let edited = shared.with(|g| g.shop.manual_edit(Timestamp::now(), body.item, body.location, body.available));
    reply(edited, |()| json!({}))
}

async fn faults(State(shared): SharedState, Json(faults): Json<Faults>) -> Json<Value> {
    shared.with(|g| g.shop.faults = faults);
    Json(json!({}))
}

async fn settle_late(State(shared): SharedState) -> Json<Value> {
    Json(json!({ "applied": shared.with(|g| g.shop.settle_late(Timestamp::now())) }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UrlBody {
    url: String,
}

async fn webhook_url(State(shared): SharedState, Json(body): Json<UrlBody>) -> Json<Value> {
    shared.with(|g| g.webhook_url = Some(body.url));
    Json(json!({}))
}

async fn delivery_plan(State(shared): SharedState, Json(plan): Json<DeliveryPlan>) -> Response {
    if u64::from(plan.lost_percent) + u64::from(plan.doubled_percent) + u64::from(plan.late_percent) > 100 {
        return reply(Err::<(), _>("the percentages exceed a hundred"), |()| json!({}));
    }
    shared.with(|g| g.plan = plan);
    Json(json!({})).into_response()
}

async fn state(State(shared): SharedState) -> Json<Value> {
    let open = *shared.open.borrow();
    Json(shared.with(|g| snapshot(g, open)))
}

fn snapshot(guarded: &mut Guarded, open: usize) -> Value {
    let waiting = guarded.shop.outbox().waiting();
    let shop = &guarded.shop;
    let levels = shop.levels().map(|(item, location, level)| {
        json!({
            "item": item,
            "sku": shop.sku(item),
            "location": location,
            "available": level.available,
            "committed": level.committed,
            "on_hand": level.on_hand(),
            "active": level.active,
            "updated_at": level.updated_at,
        })
    });
    json!({
        "locations": shop.locations().collect::<Vec<_>>(),
        "items": shop.items().collect::<Vec<_>>(),
        "levels": levels.collect::<Vec<_>>(),
        "orders": shop.orders().collect::<Vec<_>>(),
        "log": shop.log(),
        "counters": shop.counters(),
        "faults": shop.faults,
        "deliveries": guarded.stats,
        "deliveries_open": open,
        "deliveries_waiting": waiting,
    })
}

//! The control API for changes of orders: payment, shipment, moves, edits, refunds and returns.

use super::control::{SharedState, SkuBody, reply};
use super::edit::Edit;
use super::ids::{FulfilmentId, FulfilmentOrderId, LineId, LocationId, OrderId, ReturnId};
use super::refund::RefundInput;
use super::returns::Disposal;
use super::server::Shared;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/orders/{id}/pay", post(pay))
        .route("/orders/{id}/fulfil", post(fulfil))
        .route("/orders/{id}/cancel", post(cancel))
        .route("/orders/{id}/archive", post(archive))
        .route("/orders/{id}/remove", post(remove))
        .route("/orders/{id}/edit", post(edit))
        .route("/orders/{id}/refund", post(refund))
        .route("/orders/{id}/return", post(request_return))
        .route("/fulfilments/{id}/cancel", post(cancel_fulfilment))
        .route("/fulfilment-orders/{id}/move", post(move_fulfilment_order))
        .route("/fulfilment-orders/{id}/hold", post(hold))
        .route("/fulfilment-orders/{id}/release", post(release))
        .route("/returns/{id}/approve", post(approve_return))
        .route("/returns/{id}/decline", post(decline_return))
        .route("/returns/{id}/cancel", post(cancel_return))
        .route("/returns/{id}/close", post(close_return))
        .route("/returns/{id}/dispose", post(dispose))
        .route("/returns/{id}/exchange", post(exchange))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineBody {
    line: LineId,
    quantity: i64,
}

fn pairs(lines: Vec<LineBody>) -> Vec<(LineId, i64)> {
    lines.into_iter().map(|line| (line.line, line.quantity)).collect()
}

async fn pay(State(shared): SharedState, Path(id): Path<OrderId>) -> Response {
    reply(shared.with(|g| g.shop.pay(Timestamp::now(), id)), |()| json!({}))
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct FulfilBody {
    lines: Option<Vec<LineBody>>,
}

async fn fulfil(State(shared): SharedState, Path(id): Path<OrderId>, body: Option<Json<FulfilBody>>) -> Response {
    let lines = body.and_then(|Json(body)| body.lines).map(pairs);
    let made = shared.with(|g| g.shop.fulfil(Timestamp::now(), id, lines.as_deref()));
    reply(made, |made| json!({ "fulfilments": made }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CancelBody {
    restock: bool,
}

async fn cancel(State(shared): SharedState, Path(id): Path<OrderId>, body: Option<Json<CancelBody>>) -> Response {
    let restock = body.is_none_or(|Json(body)| body.restock);
    reply(shared.with(|g| g.shop.cancel_with(Timestamp::now(), id, restock)), |()| json!({}))
}

async fn archive(State(shared): SharedState, Path(id): Path<OrderId>) -> Response {
    reply(shared.with(|g| g.shop.archive(Timestamp::now(), id)), |()| json!({}))
}

async fn remove(State(shared): SharedState, Path(id): Path<OrderId>, Json(body): Json<LineBody>) -> Response {
    reply(shared.with(|g| g.shop.remove_line_quantity(Timestamp::now(), id, body.line, body.quantity)), |()| json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EditBody {
    #[serde(default)]
    add: Vec<SkuBody>,
    #[serde(default)]
    remove: Vec<LineBody>,
    #[serde(default)]
    restock: bool,
}

async fn edit(State(shared): SharedState, Path(id): Path<OrderId>, Json(body): Json<EditBody>) -> Response {
    let add = body.add.into_iter().map(|line| (line.sku, line.quantity)).collect();
    let edit = Edit { add, remove: pairs(body.remove), restock: body.restock };
    reply(shared.with(|g| g.shop.edit(Timestamp::now(), id, &edit)), |added| json!({ "lines": added }))
}

async fn refund(State(shared): SharedState, Path(id): Path<OrderId>, Json(input): Json<RefundInput>) -> Response {
    reply(shared.with(|g| g.shop.refund(Timestamp::now(), id, &input)), |id| json!({ "id": id, "gid": id.gid() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReturnBody {
    lines: Vec<LineBody>,
}

async fn request_return(State(shared): SharedState, Path(id): Path<OrderId>, Json(body): Json<ReturnBody>) -> Response {
    let lines = pairs(body.lines);
    let requested = shared.with(|g| g.shop.request_return(Timestamp::now(), id, &lines));
    reply(requested, |id| json!({ "id": id, "gid": id.gid() }))
}

async fn cancel_fulfilment(State(shared): SharedState, Path(id): Path<FulfilmentId>) -> Response {
    let cancelled = shared.with(|g| g.shop.cancel_fulfilment(Timestamp::now(), id));
    reply(cancelled, |opened| json!({ "fulfilment_order": opened }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MoveBody {
    location: LocationId,
}

async fn move_fulfilment_order(
    State(shared): SharedState,
    Path(id): Path<FulfilmentOrderId>,
    Json(body): Json<MoveBody>,
) -> Response {
    let moved = shared.with(|g| g.shop.move_fulfilment_order(Timestamp::now(), id, body.location));
    reply(moved, |moved| json!({ "fulfilment_order": moved }))
}

async fn hold(State(shared): SharedState, Path(id): Path<FulfilmentOrderId>) -> Response {
    reply(shared.with(|g| g.shop.hold(Timestamp::now(), id)), |()| json!({}))
}

async fn release(State(shared): SharedState, Path(id): Path<FulfilmentOrderId>) -> Response {
    reply(shared.with(|g| g.shop.release_hold(Timestamp::now(), id)), |()| json!({}))
}

async fn approve_return(State(shared): SharedState, Path(id): Path<ReturnId>) -> Response {
    reply(shared.with(|g| g.shop.approve_return(Timestamp::now(), id)), |()| json!({}))
}

async fn decline_return(State(shared): SharedState, Path(id): Path<ReturnId>) -> Response {
    reply(shared.with(|g| g.shop.decline_return(Timestamp::now(), id)), |()| json!({}))
}

async fn cancel_return(State(shared): SharedState, Path(id): Path<ReturnId>) -> Response {
    reply(shared.with(|g| g.shop.cancel_return(Timestamp::now(), id)), |()| json!({}))
}

async fn close_return(State(shared): SharedState, Path(id): Path<ReturnId>) -> Response {
    reply(shared.with(|g| g.shop.close_return(Timestamp::now(), id)), |()| json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DisposeBody {
    line: LineId,
    quantity: i64,
    location: LocationId,
    kind: Disposal,
}

async fn dispose(State(shared): SharedState, Path(id): Path<ReturnId>, Json(body): Json<DisposeBody>) -> Response {
    let DisposeBody { line, quantity, location, kind } = body;
    let disposed = shared.with(|g| g.shop.dispose(Timestamp::now(), id, line, quantity, location, kind));
    reply(disposed, |id| json!({ "id": id, "gid": id.gid() }))
}

async fn exchange(State(shared): SharedState, Path(id): Path<ReturnId>, Json(body): Json<SkuBody>) -> Response {
    let added = shared.with(|g| g.shop.exchange(Timestamp::now(), id, &body.sku, body.quantity));
    reply(added, |added| json!({ "lines": added }))
}

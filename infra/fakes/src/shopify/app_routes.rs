//! The HTTP routes of the app: the GraphQL endpoint and the token grant.

use super::admin::Answer;
use super::server::Shared;
use super::splitmix;
use super::webhooks::API_VERSION;
use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

const SCOPE: &str = "read_inventory,write_inventory,read_products,write_products,read_locations,read_orders,read_fulfillments,\
                     read_merchant_managed_fulfillment_orders,read_third_party_fulfillment_orders,read_returns";

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route(&format!("/admin/api/{API_VERSION}/graphql.json"), post(graphql))
        .route("/admin/oauth/access_token", post(grant))
}

async fn graphql(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let now = Timestamp::now();
    let token = headers.get("x-shopify-access-token").and_then(|token| token.to_str().ok());
    let answer = shared.with(|guarded| {
        let granted = token.and_then(|token| guarded.tokens.get(token)).is_some_and(|end| now < *end);
        granted.then(|| guarded.shop.graphql(now, &body))
    });
    match answer {
        None => {
            let problem = "[API] Invalid API key or access token (unrecognized login or wrong password)";
            (StatusCode::UNAUTHORIZED, Json(json!({ "errors": problem }))).into_response()
        }
        Some(Answer::Json(body)) => Json(body).into_response(),
        Some(Answer::BadRequest(body)) => (StatusCode::BAD_REQUEST, Json(body)).into_response(),
        Some(Answer::Failed) => {
            (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "errors": "Internal Server Error" }))).into_response()
        }
        Some(Answer::Silent) => {
            let mut stopping = shared.stopping.subscribe();
            tokio::select! {
                () = tokio::time::sleep(shared.config.silence) => {}
                _ = stopping.wait_for(|stopping| *stopping) => {}
            }
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
    }
}

#[derive(Deserialize)]
struct Grant {
    client_id: String,
    client_secret: String,
    grant_type: String,
}

/// Grants an access token for client credentials, which the app sends as a form or as JSON.
async fn grant(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let json_body = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/json"));
    let grant: Option<Grant> = if json_body { serde_json::from_slice(&body).ok() } else { form(&body) };
    let refuse = |status, error: &str| (status, Json(json!({ "error": error }))).into_response();
    let Some(grant) = grant else {
        return refuse(StatusCode::BAD_REQUEST, "invalid_request");
    };
    if grant.grant_type != "client_credentials" {
        return refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
    if grant.client_id != shared.config.client_id || grant.client_secret != shared.config.shop.secret {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let seconds = shared.config.token_seconds;
    let end =
        Timestamp::now().saturating_add(SignedDuration::from_secs(seconds)).expect("a duration of seconds has no calendar unit");
    let token = shared.with(|guarded| {
        let issued = u64::try_from(guarded.tokens.len()).expect("tokens are countable");
        let token = format!("shpca_{:016x}{:016x}", splitmix::nth(!shared.config.shop.seed, issued), issued);
        guarded.tokens.insert(token.clone(), end);
        token
    });
    Json(json!({ "access_token": token, "scope": SCOPE, "expires_in": seconds })).into_response()
}

/// Reads a form body. A form has the syntax of a query string, so the query parser reads it.
fn form(body: &[u8]) -> Option<Grant> {
    let uri: Uri = format!("/?{}", std::str::from_utf8(body).ok()?).parse().ok()?;
    Query::try_from_uri(&uri).ok().map(|Query(grant)| grant)
}

//! The server from end to end, on port 0: the grant, calls, the control API, and deliveries to a receiver of the test.

use super::*;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

type Received = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A receiver that keeps the requests that it gets, and fails the first few.
struct Receiver {
    url: String,
    received: Received,
    task: JoinHandle<()>,
}

impl Receiver {
    async fn start(failures: usize) -> Self {
        let received = Received::default();
        let take = move |State(received): State<Received>, headers: HeaderMap, body: Bytes| async move {
            let mut received = received.lock().expect("no test panics while it holds the lock");
            received.push((headers, body));
            if received.len() > failures { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
        };
        let router = Router::new().fallback(take).with_state(Arc::clone(&received));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/webhooks", listener.local_addr().expect("bound"));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("served") });
        Receiver { url, received, task }
    }

    fn webhook_ids(&self) -> Vec<String> {
        let received = self.received.lock().expect("no test panics while it holds the lock");
        received.iter().map(|(headers, _)| headers["x-shopify-webhook-id"].to_str().expect("text").to_owned()).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn quick() -> ServerConfig {
    ServerConfig { backoff: Duration::from_millis(1), silence: Duration::ZERO, ..ServerConfig::default() }
}

async fn started(config: ServerConfig) -> (Server, reqwest::Client) {
    let server = Server::start(config).await.expect("port 0 is always free");
    (server, reqwest::Client::builder().no_proxy().build().expect("a client"))
}

async fn token(server: &Server, client: &reqwest::Client) -> String {
    let grant = json!({ "client_id": "promissory-local", "client_secret": "shpss_local", "grant_type": "client_credentials" });
    let body: Value = post(client, &format!("{}/admin/oauth/access_token", server.url()), &grant).await.1;
    assert_eq!(body["expires_in"], json!(86_399));
    body["access_token"].as_str().expect("a token").to_owned()
}

async fn post(client: &reqwest::Client, url: &str, body: &Value) -> (u16, Value) {
    let response = client.post(url).json(body).send().await.expect("an answer");
    let status = response.status().as_u16();
    (status, serde_json::from_str(&response.text().await.expect("text")).unwrap_or_default())
}

async fn graphql(server: &Server, client: &reqwest::Client, token: &str, document: &str, variables: &Value) -> (u16, Value) {
    let url = format!("{}/admin/api/2026-10/graphql.json", server.url());
    let body = json!({ "query": document, "variables": variables });
    let response = client.post(url).header("X-Shopify-Access-Token", token).json(&body).send().await.expect("an answer");
    let status = response.status().as_u16();
    (status, serde_json::from_str(&response.text().await.expect("text")).unwrap_or_default())
}

/// Protects the whole path: a token grant, stock, a sale by the control API, a signed delivery, an adjustment, and the
/// resulting state.
#[tokio::test]
async fn a_sale_over_http_arrives_signed() {
    let (server, client) = started(quick()).await;
    let receiver = Receiver::start(0).await;
    let token = token(&server, &client).await;
    let control = |path: &str| format!("{}/_control/{path}", server.url());
    let (_, location) = post(&client, &control("locations"), &json!({ "name": "Main", "fulfils_online": true })).await;
    let stocked = json!({ "item": { "sku": "BOARD" }, "levels": [{ "location": location["id"], "available": 3 }] });
    let (_, item) = post(&client, &control("items"), &stocked).await;
    let cart = json!({ "lines": [{ "sku": "BOARD", "quantity": 2 }] });
    let (status, order) = post(&client, &control("checkout"), &cart).await;
    assert_eq!(status, 200, "{order}");
    let (status, refused) = post(&client, &control("checkout"), &cart).await;
    assert!(status == 409 && refused["refused"].as_str().is_some_and(|why| why.starts_with("SoldOut")), "{refused}");

    server.set_webhook_url(&receiver.url);
    server.deliveries_idle().await;
    {
        let received = receiver.received.lock().expect("no test panics while it holds the lock");
        assert_eq!(received.len(), 2, "the order, and where it was routed");
        let created = received.iter().find(|(headers, _)| headers["x-shopify-topic"] == "orders/create");
        let (headers, body) = created.expect("the order was delivered");
        assert_eq!(headers["x-shopify-hmac-sha256"].to_str().ok(), Some(signature("shpss_local", body).as_str()));
        let body: Value = serde_json::from_slice(body).expect("JSON");
        assert_eq!((&body["id"], body["line_items"][0]["quantity"].as_i64()), (&order["id"], Some(2)));
    }

    let row = json!({ "inventoryItemId": item["gid"], "locationId": location["gid"], "delta": 4, "changeFromQuantity": 1 });
    let (status, body) = graphql(&server, &client, &token, ADJUST, &adjustment("k", &[row])).await;
    assert_eq!((status, refusals(&body, "inventoryAdjustQuantities")), (200, Vec::new()));
    let (status, _) = post(&client, &control(&format!("orders/{}/fulfil", order["id"])), &json!({})).await;
    assert_eq!(status, 200);
    let state: Value =
        serde_json::from_str(&client.get(control("state")).send().await.expect("an answer").text().await.expect("text"))
            .expect("JSON");
    assert_eq!((state["levels"][0]["available"].as_i64(), state["levels"][0]["on_hand"].as_i64()), (Some(5), Some(5)));
    assert_eq!((state["log"][0]["key"].as_str(), state["counters"]["calls"]["AdjustAvailable"].as_i64()), (Some("k"), Some(1)));
    assert_eq!(state["orders"][0]["fulfilments"].as_array().map(Vec::len), Some(1));
    server.stop().await;
}

/// Protects scripts and people: the control API offers every step of an order, and a refusal has its reason.
#[tokio::test]
async fn orders_live_on_through_the_control_api() {
    let (server, client) = started(quick()).await;
    let (retail, order, line, asked) = server.shop(|shop| {
        let mut place = |name: &str, fulfils_online| {
            shop.add_location(NewLocation { id: None, name: name.to_owned(), fulfils_online }).expect("a new location")
        };
        let (main, retail) = (place("Main", true), place("Retail", false));
        let item = shop.add_item(NewItem::tracked("BOARD")).expect("new");
        for location in [main, retail] {
            shop.stock(at(0), item, location, 10, true).expect("known");
        }
        let cart = Cart { lines: vec![("BOARD".to_owned(), 4)], unpaid: true, ..Cart::default() };
        let order = shop.checkout_cart(at(1), &cart).expect("placed");
        let placed = shop.order(order).expect("placed");
        (retail, order, placed.lines[0].id, placed.fulfilment_orders[0].id)
    });
    let call = async |path: String, body: Value| {
        let (status, answer) = post(&client, &format!("{}/_control/{path}", server.url()), &body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    };
    call(format!("orders/{order}/pay"), json!({})).await;
    call(format!("fulfilment-orders/{asked}/hold"), json!({})).await;
    call(format!("fulfilment-orders/{asked}/release"), json!({})).await;
    call(format!("fulfilment-orders/{asked}/move"), json!({ "location": retail })).await;
    let edit =
        json!({ "add": [{ "sku": "BOARD", "quantity": 1 }], "remove": [{ "line": line, "quantity": 1 }], "restock": true });
    call(format!("orders/{order}/edit"), edit).await;
    let made = call(format!("orders/{order}/fulfil"), json!({})).await["fulfilments"].clone();
    call(format!("fulfilments/{}/cancel", made[0]), json!({})).await;
    call(format!("orders/{order}/fulfil"), json!({})).await;
    let asked_back = json!({ "lines": [{ "line": line, "quantity": 1 }] });
    for end in ["decline", "cancel"] {
        let ret = call(format!("orders/{order}/return"), asked_back.clone()).await["id"].clone();
        call(format!("returns/{ret}/{end}"), json!({})).await;
    }
    let ret = call(format!("orders/{order}/return"), asked_back).await["id"].clone();
    call(format!("returns/{ret}/approve"), json!({})).await;
    let disposed = json!({ "line": line, "quantity": 1, "location": retail, "kind": "restocked" });
    call(format!("returns/{ret}/dispose"), disposed).await;
    call(format!("returns/{ret}/exchange"), json!({ "sku": "BOARD", "quantity": 1 })).await;
    let refund = json!({ "lines": [{ "line": line, "quantity": 1, "restock": "return" }], "return_id": ret });
    call(format!("orders/{order}/refund"), refund).await;
    call(format!("returns/{ret}/close"), json!({})).await;
    let (status, refused) =
        post(&client, &format!("{}/_control/orders/{order}/cancel", server.url()), &json!({ "restock": false })).await;
    assert_eq!((status, &refused), (409, &json!({ "refused": "Fulfilled" })));
    call("items/BOARD/remove".to_owned(), json!({})).await;
    server.shop(|shop| {
        shop.assert_sound();
        let order = shop.order(order).expect("placed");
        assert_eq!((order.refunds.len(), order.returns.len(), order.lines.len()), (1, 3, 3));
    });
    server.stop().await;
}

/// Protects the endpoint: without a valid grant the server refuses every call, and a wrong secret gets no grant.
#[tokio::test]
async fn only_granted_tokens_are_let_in() {
    let (server, client) = started(quick()).await;
    let good = token(&server, &client).await;
    let (expired, _) = started(ServerConfig { token_seconds: 0, ..quick() }).await;
    let url = format!("{}/admin/oauth/access_token", expired.url());
    let form = "client_id=promissory-local&client_secret=shpss%5Flocal&grant_type=client_credentials";
    let response =
        client.post(&url).header("content-type", "application/x-www-form-urlencoded").body(form).send().await.expect("an answer");
    let granted: Value = serde_json::from_str(&response.text().await.expect("text")).expect("JSON");
    let stale = granted["access_token"].as_str().expect("a token by form");
    let ids = json!({ "ids": [] });
    assert_eq!(graphql(&server, &client, &good, LEVELS, &ids).await.0, 200);
    assert_eq!(graphql(&server, &client, "guessed", LEVELS, &ids).await.0, 401);
    assert_eq!(graphql(&expired, &client, stale, LEVELS, &ids).await.0, 401);
    let rows = [
        (json!({ "client_id": "promissory-local", "client_secret": "wrong", "grant_type": "client_credentials" }), 401),
        (json!({ "client_id": "promissory-local", "client_secret": "shpss_local", "grant_type": "password" }), 400),
        (json!({ "client_id": "promissory-local" }), 400),
    ];
    for (body, status) in rows {
        assert_eq!(post(&client, &format!("{}/admin/oauth/access_token", server.url()), &body).await.0, status, "{body}");
    }
    assert_eq!(server.shop(|shop| shop.counters().requests), 1, "who is not let in is not counted");
}

/// Protects delivery: a receiver that fails gets the same delivery again, and the counters include all copies and losses of the
/// plan.
#[tokio::test]
async fn deliveries_are_retried_doubled_and_lost_as_planned() {
    let plan = DeliveryPlan { seed: 7, lost_percent: 20, doubled_percent: 20, late_percent: 20, latest_ms: 5 };
    let (server, _) = started(ServerConfig { plan, ..quick() }).await;
    let receiver = Receiver::start(5).await;
    server.shop(|shop| {
        shop.add_location(NewLocation { id: None, name: "Main".to_owned(), fulfils_online: true }).expect("new");
        shop.add_item(NewItem { oversell: Oversell::Continue, ..NewItem::tracked("BOARD") }).expect("new");
        let (item, location) = (shop.items().next().expect("added").id, shop.locations().next().expect("added").id);
        shop.stock(at(0), item, location, 0, true).expect("known");
    });
    server.set_webhook_url(&receiver.url);
    for n in 0..200 {
        server.shop(|shop| shop.checkout(at(n), &[("BOARD", 1)]).expect("never sold out"));
    }
    server.deliveries_idle().await;
    // Each order announces its creation and its routing.
    let announced = 400;
    let outcomes: Vec<DeliveryOutcome> = (0..announced).map(|number| plan.outcome(number)).collect();
    let count = |of: fn(&DeliveryOutcome) -> bool| {
        u64::try_from(outcomes.iter().filter(|outcome| of(outcome)).count()).expect("countable")
    };
    let (lost, doubled) = (
        count(|outcome| matches!(outcome, DeliveryOutcome::Lost)),
        count(|outcome| matches!(outcome, DeliveryOutcome::Doubled(_))),
    );
    let late = count(|outcome| matches!(outcome, DeliveryOutcome::Late(_)));
    let accepted = announced - lost + doubled;
    let expected = DeliveryStats { announced, doubled, late, lost, attempts: accepted + 5, accepted, abandoned: 0 };
    assert_eq!(server.stats(), expected);
    let mut distinct = receiver.webhook_ids();
    distinct.sort();
    distinct.dedup();
    assert_eq!(u64::try_from(distinct.len()).ok(), Some(announced - lost), "copies and retries keep their id");
    server.stop().await;
}

/// Protects the caller's view of faults over HTTP. A delivery to a receiver that never answers well is given up in the end.
#[tokio::test]
async fn faults_and_dead_receivers_end() {
    let (server, client) = started(ServerConfig { retries: 2, ..quick() }).await;
    let token = token(&server, &client).await;
    let faults = json!({ "fail": 1, "lose_request": 1 });
    assert_eq!(post(&client, &format!("{}/_control/faults", server.url()), &faults).await.0, 200);
    let statuses = [500, 504, 200];
    for status in statuses {
        assert_eq!(graphql(&server, &client, &token, ADJUST, &adjustment("k", &[])).await.0, status);
    }
    let bad = [
        ("faults", json!({ "flames": 1 })),
        ("delivery-plan", json!({ "lost_percent": 101 })),
        ("checkout", json!({ "lines": "BOARD" })),
    ];
    for (path, body) in bad {
        let (status, _) = post(&client, &format!("{}/_control/{path}", server.url()), &body).await;
        assert!((400..500).contains(&status), "{path}: {status}");
    }
    let receiver = Receiver::start(usize::MAX).await;
    server.set_webhook_url(&receiver.url);
    server.shop(|shop| {
        shop.add_location(NewLocation { id: None, name: "Main".to_owned(), fulfils_online: true }).expect("new");
        shop.add_item(NewItem { untracked: true, ..NewItem::tracked("SERVICE") }).expect("new");
        shop.checkout(at(1), &[("SERVICE", 1)]).expect("placed");
    });
    server.deliveries_idle().await;
    let stats = server.stats();
    assert_eq!((stats.attempts, stats.accepted, stats.abandoned), (6, 0, 2));
}

/// Protects the demo: over HTTP, 2,000 customers at once want 180 units; 180 of them are served, and every order is announced
/// once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flash_sale_sells_exactly_what_there_is() {
    let (server, client) = started(quick()).await;
    let receiver = Receiver::start(0).await;
    server.set_webhook_url(&receiver.url);
    server.shop(|shop| {
        let location = shop.add_location(NewLocation { id: None, name: "Main".to_owned(), fulfils_online: true }).expect("new");
        let item = shop.add_item(NewItem::tracked("BOARD")).expect("new");
        shop.stock(at(0), item, location, 180, true).expect("known");
    });
    let url = format!("{}/_control/checkout", server.url());
    let mut customers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (client, url) = (client.clone(), url.clone());
        customers.spawn(async move {
            let mut served = 0;
            for _ in 0..100 {
                let (status, _) = post(&client, &url, &json!({ "lines": [{ "sku": "BOARD", "quantity": 1 }] })).await;
                served += usize::from(status == 200);
            }
            served
        });
    }
    let served: usize = customers.join_all().await.into_iter().sum();
    assert_eq!(served, 180);
    server.deliveries_idle().await;
    server.shop(|shop| {
        shop.assert_sound();
        assert_eq!((shop.orders().count(), shop.counters().sold_out), (180, 1_820));
    });
    let mut ids = receiver.webhook_ids();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), server.stats().accepted), (360, 360), "each order, and where it was routed");
    server.stop().await;
}

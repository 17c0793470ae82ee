//! The webhook intake: which requests it accepts, which status a refusal gets, and that a refusal changes nothing.

use promissory::adapters::shopify::webhook::{MAX_BODY, MAX_LINES};
use promissory::catalog::OrderId;
use promissory::ports::Store;
use promissory::table::RowKey;
use promissory_tests::webhook::{OrderBody, PREVIOUS_SECRET, SECRET, Webhook, fulfilment, order};
use promissory_tests::world::{WH, World};
use serde_json::{Value, json};
use webhook_intake::Intake;

/// A world with 10 units of A at WH-1.
async fn world() -> World {
    let world = World::new().await;
    world.item("A", &[("WH-1", 10)]).await;
    world
}

fn create(body: impl Into<Vec<u8>>) -> Webhook {
    Webhook::new("orders/create", "w1", body)
}

fn good() -> OrderBody {
    order(1).line(11, "A", 3)
}

async fn check(case: &str, webhook: &Webhook, status: u16, reason: Option<&str>) {
    let world = world().await;
    let before = world.table.rows().len();
    let (answered, body) = world.deliver(webhook).await;
    assert_eq!((answered, body["error"].as_str()), (status, reason), "{case}: {body}");
    if status == 200 {
        assert!(world.table.rows().len() > before, "{case}: it is recorded");
    } else {
        // A signed but unreadable webhook raises an alert. Nothing else changes.
        let alerts = usize::from(reason == Some("malformed"));
        assert_eq!(
            (world.table.rows().len(), world.alerts().len()),
            (before + alerts, alerts),
            "{case}: a refusal leaves no trace"
        );
        assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{case}: it says what is wrong");
    }
}

/// Protects the intake by its headers: signature, shop, topic and id are required, and each has its own refusal.
#[tokio::test]
async fn headers_are_checked_one_by_one() {
    let good = || create(good().bytes());
    let rows = [
        ("as it should be", good(), 200, None),
        ("signed by the secret before", good().signed_by(PREVIOUS_SECRET), 200, None),
        ("signed by another secret", good().signed_by("guessed"), 401, Some("unsigned")),
        ("no signature", good().without("x-shopify-hmac-sha256"), 401, Some("unsigned")),
        ("an empty signature", good().header("x-shopify-hmac-sha256", ""), 401, Some("unsigned")),
        ("bad base64", good().header("x-shopify-hmac-sha256", "not base64!"), 401, Some("unsigned")),
        ("a signature cut short", good().header("x-shopify-hmac-sha256", "AAAA"), 401, Some("unsigned")),
        ("another shop", good().header("x-shopify-shop-domain", "other.myshopify.com"), 403, Some("other_shop")),
        ("no shop", good().without("x-shopify-shop-domain"), 403, Some("other_shop")),
        ("an unknown topic", good().header("x-shopify-topic", "carts/update"), 400, Some("unknown_topic")),
        ("no topic", good().without("x-shopify-topic"), 400, Some("unknown_topic")),
        ("no id", good().without("x-shopify-webhook-id"), 400, Some("no_webhook_id")),
        ("an empty id", good().header("x-shopify-webhook-id", ""), 400, Some("no_webhook_id")),
        ("the longest id", good().header("x-shopify-webhook-id", &"x".repeat(128)), 200, None),
        ("an id too long", good().header("x-shopify-webhook-id", &"x".repeat(129)), 400, Some("no_webhook_id")),
        ("unsigned, from another shop", good().signed_by("guessed").without("x-shopify-shop-domain"), 401, Some("unsigned")),
    ];
    for (case, webhook, status, reason) in rows {
        check(case, &webhook, status, reason).await;
    }
}

/// Protects the door from a blank secret, which everyone knows: it signs nothing, whichever secret of the app it is.
#[tokio::test]
async fn a_blank_secret_signs_no_webhook() {
    let world = World::new().await;
    for (secret, previous) in [(SECRET, ""), (SECRET, " "), ("", PREVIOUS_SECRET), ("\n", "")] {
        let app = json!({ "client_id": "id", "client_secret": secret, "previous_client_secret": previous });
        let intake = Intake { app: serde_json::from_value(app).expect("secrets"), ..world.intake() };
        for blank in ["", " ", "\n"] {
            let webhook = create(good().bytes()).signed_by(blank);
            let answer = intake.handle(webhook.request()).await;
            assert_eq!(answer.status().as_u16(), 401, "{secret:?}, {previous:?}: signed by {blank:?}");
        }
    }
}

fn padded(size: usize) -> Vec<u8> {
    let mut body = good().bytes();
    body.resize(size, b' ');
    body
}

fn with_line(field: &str, value: Value) -> Vec<u8> {
    let mut line = json!({ "id": 11, "sku": "A", "quantity": 3 });
    line[field] = value;
    order(1).raw_line(line).bytes()
}

fn many_lines(count: usize) -> Vec<u8> {
    (0..count).fold(order(1), |order, n| order.line(1_000 + u64::try_from(n).expect("small"), "A", 1)).bytes()
}

/// The valid body with a text replaced by these bytes.
fn spliced(text: &str, bytes: &[u8]) -> Vec<u8> {
    let body = good().with("note", json!("NOTE")).bytes();
    let at = body.windows(text.len()).position(|window| window == text.as_bytes()).expect("the text is in the body");
    [&body[..at], bytes, &body[at + text.len()..]].concat()
}

/// Protects the ledger from invalid order bodies: each is refused with its problem, at the limit and beyond it.
#[tokio::test]
async fn bodies_are_read_strictly() {
    let (large, malformed) = (Some("too_large"), Some("malformed"));
    let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
    let nested_note = |depth: usize| spliced("\"NOTE\"", &nested(depth));
    let rows = [
        ("the largest", padded(MAX_BODY), 200, None),
        ("too large", padded(MAX_BODY + 1), 413, large),
        ("nothing", Vec::new(), 400, malformed),
        ("no JSON", b"order 1: three of A".to_vec(), 400, malformed),
        ("cut off", good().bytes()[..100].to_vec(), 400, malformed),
        ("something behind it", [good().bytes(), b"{}".to_vec()].concat(), 400, malformed),
        ("another thing", b"[1, 2, 3]".to_vec(), 400, malformed),
        ("nested deeply", nested(100_000), 400, malformed),
        ("nested deeply in an ignored field", nested_note(100_000), 200, None),
        ("bytes that are no text, where it matters", spliced("\"A\"", b"\"\xff\xfe\""), 400, malformed),
        ("half a surrogate, where it matters", spliced("\"A\"", b"\"\\ud800\""), 400, malformed),
        ("no id", order(1).with("id", Value::Null).bytes(), 400, malformed),
        ("a negative id", order(1).with("id", json!(-1)).bytes(), 400, malformed),
        ("an id with a fraction", order(1).with("id", json!(1.5)).bytes(), 400, malformed),
        (
            "an id of another kind",
            order(1).with("admin_graphql_api_id", json!("gid://shopify/LineItem/1")).bytes(),
            400,
            malformed,
        ),
        ("no time", order(1).with("updated_at", Value::Null).bytes(), 400, malformed),
        ("a time that is none", order(1).with("updated_at", json!("yesterday")).bytes(), 400, malformed),
        ("no lines at all", order(1).with("line_items", Value::Null).bytes(), 400, malformed),
        ("an empty order", order(1).bytes(), 200, None),
        ("as many lines as are taken", many_lines(MAX_LINES), 200, None),
        ("one line more", many_lines(MAX_LINES + 1), 400, malformed),
        ("a negative quantity", with_line("quantity", json!(-1)), 400, malformed),
        ("no quantity", with_line("quantity", Value::Null), 400, malformed),
        ("the largest quantity", with_line("quantity", json!(1_000_000_000)), 200, None),
        ("a huge quantity", with_line("quantity", json!(1_000_000_001)), 400, malformed),
        ("a quantity beyond 64 bits", spliced("\"quantity\":3", b"\"quantity\":9223372036854775808"), 400, malformed),
        ("a fraction of a unit", with_line("quantity", json!(0.5)), 400, malformed),
        ("a negative remainder", with_line("fulfillable_quantity", json!(-2)), 400, malformed),
        ("a SKU that is a number", with_line("sku", json!(5)), 400, malformed),
    ];
    for (case, body, status, reason) in rows {
        check(case, &create(body), status, reason).await;
    }
}

/// Protects the order of checks: size before hashing, and signature before headers and body.
#[tokio::test]
async fn checks_run_in_a_fixed_order() {
    let large = create(padded(MAX_BODY + 1)).signed_by("guessed");
    check("too large and unsigned", &large, 413, Some("too_large")).await;
    check("unsigned and no JSON", &create(b"{".to_vec()).signed_by("guessed"), 401, Some("unsigned")).await;
    let other = create(b"{".to_vec()).header("x-shopify-shop-domain", "other.myshopify.com");
    check("another shop and no JSON", &other, 403, Some("other_shop")).await;
}

/// Protects the ledger from invalid fulfilment bodies.
#[tokio::test]
async fn fulfilments_are_read_strictly() {
    let rows = [
        ("as it should be", fulfilment(7, 1, WH).line(11, 2).bytes(), 200, None),
        (
            "without an order",
            json!({ "id": 7, "created_at": "2026-11-21T12:00:00Z", "line_items": [] }).to_string().into_bytes(),
            400,
            Some("malformed"),
        ),
        ("negative units", fulfilment(7, 1, WH).line(11, -2).bytes(), 400, Some("malformed")),
        ("an order", good().bytes(), 400, Some("malformed")),
        ("too many lines", (0..501).fold(fulfilment(7, 1, WH), |body, n| body.line(n, 1)).bytes(), 400, Some("malformed")),
    ];
    for (case, body, status, reason) in rows {
        check(case, &Webhook::new("fulfillments/create", "w1", body), status, reason).await;
    }
}

/// Protects ids above 2^53 on their whole way: body, key and movement, with two ids that a float could not distinguish.
#[tokio::test]
async fn large_ids_stay_exact() {
    let world = world().await;
    for (n, id) in [820_982_911_946_154_508_u64, 820_982_911_946_154_509, u64::MAX].into_iter().enumerate() {
        world.deliver_accepted("orders/create", &format!("w{n}"), order(id).line(id, "A", 1).bytes()).await;
        let contents = world.contents().await;
        let causes = contents.all_movements().filter_map(|movement| movement.cause.order.as_ref());
        assert!(causes.into_iter().any(|line| line.order.number() == id && line.line.number() == id), "{id}");
    }
    // A tool has rounded the number field, and the text field is right.
    let rounded = good().with("id", json!(820_982_911_946_154_500_u64));
    let rounded = rounded.with("admin_graphql_api_id", json!("gid://shopify/Order/820982911946154510"));
    world.deliver_accepted("orders/create", "rounded", rounded.bytes()).await;
    let keys = [820_982_911_946_154_510, 820_982_911_946_154_500]
        .map(|id| RowKey::Order { shop: world.shop.clone(), order: OrderId::new(id) }.key());
    let found = world.table.store.get(&keys).await.expect("read");
    assert!(found[0].is_some() && found[1].is_none());
}

/// Protects logs from repeated errors: a SKU that is longer than a key may be gets a final answer.
#[tokio::test]
async fn a_sku_longer_than_a_key_is_not_a_store_failure() {
    for length in [255, 1_000, 2_000, 100_000] {
        let world = world().await;
        let body = good().line(12, &"S".repeat(length), 1).bytes();
        let (status, answer) = world.deliver(&create(body)).await;
        assert!(status == 200 || status == 400, "a SKU of {length}: repeating will not help, so {status} is wrong: {answer}");
    }
}

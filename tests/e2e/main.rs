//! The flash sale and the restore drill on the real stack: the real binaries and the real template, audited at rest.
//!
//! The tests need the function binaries and a Python with the emulator. `PROMISSORY_BINARIES` and `PROMISSORY_PYTHON` contain
//! their paths. Without them the tests print a message and are skipped.

use std::path::{Path, PathBuf};

use promissory::adapters::clock::SystemClock;
use promissory::ports::Clock;
use promissory_cli::ledger::{VerifyConfig, verify};
use promissory_cli::table::{Address, Table};
use promissory_local::demo::restore::{self, RestoreConfig};
use promissory_local::demo::{DemoConfig, Report, play, script};
use promissory_local::stack::{Stack, StackConfig, busy_shopify};
use promissory_tests::shared_files::{deliveries, skip};
use promissory_tests::webhook::{SECRET, Webhook};

/// The configuration from the environment, or `None` if the test must be skipped.
fn config() -> Option<StackConfig> {
    let [python, binaries] = ["PROMISSORY_PYTHON", "PROMISSORY_BINARIES"].map(|name| {
        let value = std::env::var(name).ok().filter(|value| !value.is_empty());
        if value.is_none() {
            skip(&format!("{name} is not set"));
        }
        value.map(PathBuf::from)
    });
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.to_owned();
    let (python, binaries) = (python?, binaries?);
    Some(StackConfig { root, python, binaries, log_level: "warn".into() })
}

/// Sends a webhook over HTTP. Returns the status.
async fn post(client: &reqwest::Client, url: &str, webhook: &Webhook) -> u16 {
    let request = webhook.request();
    let mut post = client.post(url).body(webhook.body.clone());
    for (name, value) in request.headers() {
        post = post.header(name.as_str(), value.as_bytes());
    }
    post.send().await.expect("an answer").status().as_u16()
}

/// Protects the whole system: under chaos nothing is lost, doubled or oversold, producible units are sold and follow a receipt
/// and a delay, and ledger and shop agree at the end. The webhook intake answers the same behind the real gateway.
#[tokio::test(flavor = "multi_thread")]
async fn a_flash_sale_under_chaos_ends_well() {
    let Some(stack) = config() else { return };
    let config = DemoConfig { orders: 300, units: 40, seed: 7, seconds: 10, chaos: true };
    let mut shopify = busy_shopify(config.seed);
    SECRET.clone_into(&mut shopify.shop.secret);
    let (stack, server) = Stack::up(&stack, 0, shopify).await.expect("the stack comes up");
    let script = script(&config);
    let played = play(&config, &script, &stack, &server, &|text| eprintln!("{text}")).await.expect("played");
    let report = Report::of(&config, &played, &stack, &server).await.expect("audited");
    assert!(report.is_correct(), "{}", report.table());
    let most = config.units + report.producible;
    assert!(report.accepted > 0 && report.reserved + report.shipped <= most, "{}", report.table());
    assert!(report.producible > 0 && report.producible_raised > 0 && report.producible_lowered > 0, "{}", report.table());

    let address = Address { table: None, endpoint: Some(stack.endpoint.clone()) };
    let table = Table::find(&address, &|_| None).await.expect("the stack has one table");
    let verified = verify(&table, &SystemClock, &VerifyConfig { segments: 4, rows_per_page: None, marks_since: None }, &|_| ())
        .await
        .expect("read");
    assert!(verified.positions > 0 && verified.movements > 0 && verified.mismatches.is_empty(), "{verified:?}");

    // A new order is read within the minute, and reaches the bus.
    let sku = script.tail.first().expect("a tail").as_str();
    let now = SystemClock.now();
    server.shop(|shop| shop.checkout(now, &[(sku, 1)]).expect("in stock"));
    server.deliveries_idle().await;
    let read = stack.reconcile("read").await.expect("read");
    assert!(read["forwarded"].as_u64() >= Some(1) && read["left"] == 0, "{read}");
    let holds = stack.reconcile("holds").await.expect("the holds job runs");
    assert_eq!(holds["expired"], 0, "{holds}");

    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let url = &stack.outputs.webhook_url;
    let samples = deliveries();
    let Some((topic, body)) = samples.first() else { return };
    let webhook = Webhook::new(topic, "a sample", body.clone());
    assert_eq!(post(&client, url, &webhook.clone().with_byte_changed(100)).await, 401);
    assert_eq!(post(&client, url, &webhook).await, 200, "{topic}");
    assert_eq!(post(&client, url, &webhook).await, 200, "{topic} again");
}

/// Protects requirement L8: after a restore of the table to an earlier time, orders and stock events of the time since then are in the
/// ledger once, and no call changes a level of the shop. The command turns on what a restored table lacks.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_loses_nothing_and_pushes_nothing_twice() {
    let Some(stack) = config() else { return };
    let drill = RestoreConfig { orders: 20, seed: 3 };
    let report = restore::run(&drill, &stack, &|text| eprintln!("{text}")).await.expect("played");
    assert!(report.is_correct(), "{}", report.table());
}

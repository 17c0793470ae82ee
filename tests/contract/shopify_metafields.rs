//! Variant metafields on Shopify's API: a call writes whole values, all rows or none, and may be repeated.

use promissory::catalog::MetafieldKind;
use promissory::catalog::{ShopDomain, VariantId};
use promissory::ports::Storefront;
use promissory::storefront::{MetafieldWrite, ShopAnswer, StorefrontError};
use promissory_fakes::shopify::{Faults, ServerConfig, ShopConfig};

use crate::served::{Served, patient, serve, world_of_now};

async fn fixture(config: ServerConfig) -> (Served, ShopDomain) {
    let world = world_of_now().await;
    for sku in ["A", "B", "C"] {
        world.item(sku, &[]).await;
    }
    let running = serve(&world, config).await;
    running.server.shop(|shop| shop.remove_item("C")).expect("known");
    (running, world.shop.clone())
}

/// Rows such as `A=[]`, also for products that the shop has deleted or never had.
fn rows(running: &Served, words: &[&str]) -> Vec<MetafieldWrite> {
    let variant = |sku: &str| {
        let gid = running.server.shop(|shop| shop.items().find(|item| item.sku == sku).map(|item| item.variant.gid()));
        gid.map_or(VariantId::new(1), |gid| VariantId::from_gid(&gid).expect("a variant"))
    };
    let row =
        |(sku, value): (&str, &str)| MetafieldWrite { variant: variant(sku), kind: MetafieldKind::Lots, value: value.to_owned() };
    words.iter().map(|words| row(words.split_once('=').expect("a row"))).collect()
}

fn shown(running: &Served) -> [Option<String>; 2] {
    running.server.shop(|shop| {
        ["A", "B"].map(|sku| {
            let item = shop.item(sku).expect("an item").id;
            shop.metafield(item, "promissory", "lots").map(str::to_owned)
        })
    })
}

fn in_words(answer: &Result<ShopAnswer, StorefrontError>) -> String {
    match answer {
        Ok(ShopAnswer::Done) => "done".to_owned(),
        Ok(ShopAnswer::Refused(errors)) => {
            errors.iter().map(|error| format!("{} {:?}", error.message, error.row)).collect::<Vec<_>>().join(", ")
        }
        Err(StorefrontError::Throttled { .. }) => "throttled".to_owned(),
        Err(StorefrontError::Unavailable { .. }) => "unavailable".to_owned(),
        Err(StorefrontError::Invalid { .. }) => "invalid".to_owned(),
        Err(StorefrontError::Rejected { .. }) => "rejected".to_owned(),
    }
}

/// Protects what customers read: the shop shows the last value, and a refused row is named and stops the others.
#[tokio::test]
async fn metafields_are_written_whole() {
    let (running, shop) = fixture(patient()).await;
    let front = running.front();
    let lots = r#"[{"lot":"L-7","expires":"2027-05-31"},{"lot":"\"Ä"}]"#;
    let (a, many) = (format!("A={lots}"), ["B=[]"; 26]);
    let unknown = "Owner does not exist.";
    type Case<'a> = (&'a [&'a str], String, [Option<&'a str>; 2]);
    let cases: [Case<'_>; 8] = [
        (&["A=[1]", "C=[]", "B=[1]"], format!("{unknown} Some(1)"), [None, None]),
        (&["A=[1]", "NEVER=[]", "C=[]"], format!("{unknown} Some(1), {unknown} Some(2)"), [None, None]),
        (&["A=[1"], "Value is invalid JSON. Some(0)".into(), [None, None]),
        (&[&a, "B=[]"], "done".into(), [Some(lots), Some("[]")]),
        (&[&a, "B=[]"], "done".into(), [Some(lots), Some("[]")]),
        (&["A=[]"], "done".into(), [Some("[]"), Some("[]")]),
        (&many, "Exceeded the maximum metafields input limit of 25. None".into(), [Some("[]"), Some("[]")]),
        (&many[1..], "done".into(), [Some("[]"), Some("[]")]),
    ];
    for (words, expected, then) in cases {
        let answer = front.set_metafields(&shop, &rows(&running, words)).await;
        assert_eq!(in_words(&answer), expected, "{words:?}");
        assert_eq!(shown(&running), then.map(|value| value.map(str::to_owned)), "{words:?}");
    }
}

/// Protects repetition: whatever happened to the first call, the repeated call succeeds, and the shop shows its value.
#[tokio::test]
async fn a_repeated_metafield_write_changes_nothing() {
    let none = Faults::default;
    let cases: [(Faults, &[&str]); 6] = [
        (none(), &["done", "done"]),
        (Faults { fail: 2, ..none() }, &["unavailable", "unavailable", "done"]),
        (Faults { throttle: 1, ..none() }, &["throttled", "done"]),
        (Faults { lose_request: 1, ..none() }, &["unavailable", "done"]),
        (Faults { lose_answer: 2, ..none() }, &["unavailable", "unavailable", "done"]),
        (Faults { apply_late: 1, ..none() }, &["unavailable", "done"]),
    ];
    for (faults, expected) in cases {
        let (running, shop) = fixture(patient()).await;
        let front = running.front();
        running.fail(faults.clone());
        for expected in expected {
            assert_eq!(in_words(&front.set_metafields(&shop, &rows(&running, &["A=[1]"])).await), *expected, "{faults:?}");
        }
        running.server.shop(|shop| shop.settle_late(jiff::Timestamp::UNIX_EPOCH));
        assert_eq!(shown(&running)[0].as_deref(), Some("[1]"), "{faults:?}");
    }
}

/// Protects the rate limit that levels and metafields share: a call that writes metafields is counted too.
#[tokio::test]
async fn a_metafield_write_over_budget_is_throttled() {
    let config = ShopConfig { bucket_size: 15, restore_rate: 1, ..ShopConfig::default() };
    let (running, shop) = fixture(ServerConfig { shop: config, ..patient() }).await;
    let front = running.front();
    for expected in ["done", "throttled"] {
        assert_eq!(in_words(&front.set_metafields(&shop, &rows(&running, &["A=[1]"])).await), expected);
    }
}

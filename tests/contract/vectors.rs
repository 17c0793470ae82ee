//! Test vectors of Shopify's own libraries.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use promissory::catalog::ShopDomain;
use promissory::signature::{Signature, sign};
use promissory_tests::shared_files;
use serde_json::Value;

fn read(name: &str) -> Option<Value> {
    let shopify = shared_files::shopify()?;
    Some(serde_json::from_slice(&shared_files::bytes(&shopify.join(name))).expect("vectors are JSON"))
}

/// Protects the webhook intake: it accepts the signatures of Shopify's libraries and rejects other ones.
#[test]
fn signatures_are_those_of_shopifys_libraries() {
    let Some(vectors) = read("hmac_vectors.json") else { return };
    let text = |vector: &Value, name: &str| vector[name].as_str().unwrap_or_else(|| panic!("{name} in {vector}")).to_owned();
    let webhooks: Vec<&Value> =
        vectors["vectors"].as_array().expect("vectors").iter().filter(|vector| vector["kind"] == "webhook").collect();
    assert!(!webhooks.is_empty(), "there are vectors for webhooks");
    for vector in webhooks {
        let (secret, expected) = (text(vector, "secret"), text(vector, "expected_base64"));
        let mut body = match vector["raw_body_b64"].as_str() {
            Some(packed) => STANDARD.decode(packed).expect("base64"),
            None => text(vector, "raw_body").into_bytes(),
        };
        assert_eq!(sign(&body, secret.as_bytes()), expected, "{vector}");
        let signature = Signature::from_header(&expected).expect("base64");
        assert!(signature.matches(&body, [secret.as_bytes()]), "{vector}");
        body.push(b' ');
        assert!(!signature.matches(&body, [secret.as_bytes()]), "one byte more: {vector}");
    }
}

/// Protects against domains that only look like a shop.
#[test]
fn shop_domains_are_those_of_shopifys_libraries() {
    let Some(vectors) = read("shop_domain_vectors.json") else { return };
    for (list, valid) in [("good", true), ("bad", false)] {
        for shop in vectors[list].as_array().expect("a list").iter().filter_map(Value::as_str) {
            assert_eq!(ShopDomain::from_str(shop).is_ok(), valid, "{shop}");
        }
    }
}

//! The HTTP clients follow no redirect. Otherwise a server that gives one wrong answer could have a token or a secret sent to another.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use promissory::adapters::address::AddressScope;
use promissory::adapters::http_source::HttpSource;
use promissory::adapters::secrets::SourceSecrets;
use promissory::adapters::shopify::Shopify;
use promissory::catalog::InventoryItemId;
use promissory::ports::{Source, Storefront};
use promissory::source::pull::{PullAuth, PullMethod, PullRequest};
use promissory_tests::webhook::{SECRET, SHOP};
use promissory_tests::world::app;

/// Answers every request with `answer`. Returns the address, and the number of requests.
fn server(answer: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port 0 is always free");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            counted.fetch_add(1, Ordering::Relaxed);
            let mut head = [0; 4_096];
            // The answer is the same whatever the request is.
            let _ = stream.read(&mut head).and_then(|_| stream.write_all(answer.as_bytes()));
        }
    });
    (address, requests)
}

/// Protects tokens and secrets: an answer that leads to another server is a failure, and that server is not called.
#[tokio::test]
async fn no_client_follows_a_redirect() {
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let (stranger, called) = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}".to_owned());
        let (known, asked) =
            server(format!("HTTP/1.1 {status}\r\nlocation: {stranger}/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"));
        let shop = SHOP.parse().expect("a shop");
        let shopify = Shopify::new(known.clone(), app(SECRET)).expect("a client");
        assert!(shopify.levels(&shop, &[InventoryItemId::new(1)]).await.is_err(), "{status}");

        let secrets = SourceSecrets::default().outbound("token", known.trim_start_matches("http://"), "a token");
        let source = HttpSource::new(secrets, AddressScope::Loopback).expect("a client");
        let request = PullRequest {
            method: PullMethod::Get,
            url: known.clone(),
            headers: BTreeMap::new(),
            body: None,
            auth: PullAuth::Bearer { secret: "token".to_owned() },
            within: Duration::from_secs(5),
        };
        assert!(source.fetch(&request).await.is_err(), "{status}");
        assert_eq!((asked.load(Ordering::Relaxed) > 1, called.load(Ordering::Relaxed)), (true, 0), "{status}");
    }
}

//! What the intakes log of a request that anyone can send.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use promissory::adapters::log::MAX_LOGGED;
use promissory_tests::source::Post;
use promissory_tests::webhook::{Webhook, order};
use promissory_tests::world::World;
use serde_json::Value;
use tracing_subscriber::util::SubscriberInitExt;

/// The lines that this thread logs.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// The lines so far. Each must be JSON.
    fn take(&self) -> Vec<Value> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).expect("JSON"))
            .collect()
    }
}

/// Protects the log from requests that are not signed: of their headers and paths, only short and visible text is logged.
#[tokio::test]
async fn texts_of_unsigned_requests_are_cut() {
    let lines = Lines::default();
    let writer = lines.clone();
    let _guard = tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone()).finish().set_default();
    let world = World::new().await;
    let long = "x".repeat(8_000);
    let webhook = Webhook::new("orders/create", "w1", order(1).line(11, "A", 1).bytes()).signed_by("guessed");
    for (topic, id, logged_topic, logged_id) in [
        ("orders/create", "w1", "orders/create".to_owned(), "w1".to_owned()),
        (long.as_str(), "a\tb", format!("{} (the rest is left out)", "x".repeat(MAX_LOGGED)), "ab".to_owned()),
        ("", long.as_str(), String::new(), format!("{} (the rest is left out)", "x".repeat(MAX_LOGGED))),
    ] {
        let request = webhook.clone().header("x-shopify-topic", topic).header("x-shopify-webhook-id", id);
        assert_eq!(world.deliver(&request).await.0, 401);
        let logged = lines.take();
        let [line] = logged.as_slice() else { panic!("{logged:?}") };
        let texts = (line["topic"].as_str(), line["webhook"].as_str(), line["reason"].as_str());
        assert_eq!(texts, (Some(logged_topic.as_str()), Some(logged_id.as_str()), Some("unsigned")), "{line}");
    }

    let named = |path: String| Post { path, secret: Some("guessed"), ..Post::new(&world, &[]) };
    for (path, status, system) in [
        ("/sources/wms/events".to_owned(), 401, Some("wms")),
        (format!("/sources/{}/events", "x".repeat(32)), 401, Some("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")),
        (format!("/sources/{long}/events"), 404, None),
        ("/sources/%0a%1b/events".to_owned(), 404, None),
    ] {
        assert_eq!(world.post(named(path.clone())).await.0, status, "{path}");
        let logged = lines.take();
        let [line] = logged.as_slice() else { panic!("{logged:?}") };
        assert_eq!(line["system"].as_str(), system, "{line}");
        assert!(line.to_string().len() < 500, "{line}");
    }
}

//! Sends the events of a system over HTTP: signed batches, sent again until they are answered.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use promissory::signature::sign;
use serde_json::Value;
use tokio::time::sleep;

use crate::stack::Stack;

/// The largest number of attempts to send a batch.
const REPEATS: u32 = 30;

/// Sends the signed batches of one system.
#[derive(Debug)]
pub struct SignedSender {
    client: reqwest::Client,
    url: String,
    system: &'static str,
    secret: String,
}

impl SignedSender {
    /// A sender for a system that signs with `secret`.
    ///
    /// # Errors
    /// When the HTTP client cannot be created.
    pub fn of(stack: &Stack, system: &'static str, secret: String) -> io::Result<Self> {
        let url = stack.outputs.sources_url.replace("{system}", system);
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(35)).build().map_err(io::Error::other)?;
        Ok(Self { client, url, system, secret })
    }

    /// Sends a batch, and returns the answer for each of its events. It calls `repeated` before each further attempt.
    ///
    /// # Errors
    /// When no attempt gets an answer for each event.
    pub async fn send(&self, body: &str, repeated: &dyn Fn()) -> io::Result<Vec<Value>> {
        let mut last = String::new();
        for attempt in 0..REPEATS {
            if attempt > 0 {
                repeated();
                sleep(Duration::from_millis(200 * u64::from(attempt.min(10)))).await;
            }
            let stamp = Timestamp::now().as_second().to_string();
            let signed = [stamp.as_bytes(), b".", self.system.as_bytes(), b".", body.as_bytes()].concat();
            let request = self
                .client
                .post(&self.url)
                .header("content-type", "application/json")
                .header("x-promissory-timestamp", &stamp)
                .header("x-promissory-signature", sign(&signed, self.secret.as_bytes()))
                .body(body.to_owned());
            match request.send().await {
                Err(error) => last = error.without_url().to_string(),
                Ok(answer) => {
                    let status = answer.status();
                    let answer_body: Value =
                        answer.text().await.ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
                    if let (200 | 422, Value::Array(answers)) = (status.as_u16(), &answer_body["events"]) {
                        return Ok(answers.clone());
                    }
                    last = format!("HTTP {status}: {answer_body}");
                }
            }
        }
        Err(io::Error::other(format!("{} sent a batch {REPEATS} times without success: {last}", self.system)))
    }
}

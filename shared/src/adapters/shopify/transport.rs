//! Sends a call to Shopify over HTTPS, or directly to a simulated shop.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::adapters::http;
use crate::storefront::StorefrontError;

/// The timeout of one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);

/// The response to a call.
#[derive(Debug, Clone)]
pub struct Response {
    /// The HTTP status.
    pub status: StatusCode,
    /// When the shop answered, by its own clock.
    pub answered_at: Option<Timestamp>,
    /// The unchanged body.
    pub body: Vec<u8>,
}

impl Response {
    /// Reads the body.
    ///
    /// # Errors
    /// When the body does not have the expected shape. Whether the operation ran is then unknown.
    pub fn json<D: DeserializeOwned>(&self) -> Result<D, StorefrontError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            // The message of serde_json may quote a value, and an order contains personal data, so the error holds only its
            // kind and position.
            let detail = format!("{:?} error at line {} column {}", error.classify(), error.line(), error.column());
            StorefrontError::Unavailable { detail: format!("the answer cannot be read: {detail}"), source: None }
        })
    }
}

/// Sends JSON requests.
pub trait Transport: Send + Sync {
    /// Posts `body`, and returns the response with any status.
    fn post(
        &self,
        url: &str,
        token: Option<&str>,
        body: &Value,
    ) -> impl Future<Output = Result<Response, StorefrontError>> + Send;
}

/// The HTTPS transport.
#[derive(Debug)]
pub struct Http(reqwest::Client);

impl Http {
    /// A client with the public roots.
    ///
    /// # Errors
    /// When the TLS stack cannot be set up.
    pub fn new() -> Result<Self, StorefrontError> {
        http::client()
            .map_err(|error| unavailable("TLS", error))?
            .timeout(CALL_TIMEOUT)
            .build()
            .map(Self)
            .map_err(|error| unavailable("HTTP client", error))
    }
}

impl Transport for Http {
    async fn post(&self, url: &str, token: Option<&str>, body: &Value) -> Result<Response, StorefrontError> {
        let mut request = self.0.post(url).json(body);
        if let Some(token) = token {
            request = request.header("X-Shopify-Access-Token", token);
        }
        let response = request.send().await.map_err(|error| unavailable("the call failed", error.without_url()))?;
        let answered_at = http::answered_at(response.headers());
        let status = response.status();
        let body = response.bytes().await.map_err(|error| unavailable("the answer broke off", error.without_url()))?.to_vec();
        Ok(Response { status, answered_at, body })
    }
}

fn unavailable(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> StorefrontError {
    StorefrontError::Unavailable { detail: format!("{what}: {}", http::with_causes(&error)), source: Some(Box::new(error)) }
}

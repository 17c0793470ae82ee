//! The source port over HTTP: adds the named secret to a request, and limits the size of the answer.
//!
//! A secret is sent only to the host that is kept with it, over TLS, and to an address that the scope allows. A request that breaks
//! one of these is refused, as a wrong secret is: the feed fails until a person corrects it, and the alert says what to do.

use std::error::Error;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::adapters::address::{AddressError, AddressScope};
use crate::adapters::clock::SystemClock;
use crate::adapters::http;
use crate::adapters::secrets::Keyring;
use crate::ports::{Clock, Source};
use crate::source::pull::{MAX_ANSWER, PullAnswer, PullAuth, PullMethod, PullRequest, REQUEST_WITHIN, SourceError};

/// Other systems, over HTTP.
#[derive(Debug)]
pub struct HttpSource {
    client: Client,
    keys: Keyring,
    scope: AddressScope,
}

impl HttpSource {
    /// A source that uses these secrets, and that calls only addresses of this scope.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn new(keys: impl Into<Keyring>, scope: AddressScope) -> Result<Self, SourceError> {
        let client = http::client().map_err(|error| unavailable("TLS", error))?;
        // A proxy would resolve the name by itself, and the scope would check the address of the proxy.
        let client = client.no_proxy().dns_resolver(Arc::new(scope)).timeout(REQUEST_WITHIN).build();
        Ok(Self { client: client.map_err(|error| unavailable("HTTP client", error))?, keys: keys.into(), scope })
    }

    async fn request(&self, asked: &PullRequest) -> Result<RequestBuilder, SourceError> {
        let url = self.scope.url(&asked.url).map_err(|error| refused(error.to_string()))?;
        let mut body = asked.body.clone();
        let mut header = None;
        match &asked.auth {
            PullAuth::None => {}
            PullAuth::Bearer { secret } => header = Some((AUTHORIZATION, format!("Bearer {}", self.secret(secret, &url).await?))),
            PullAuth::Basic { secret } => {
                header = Some((AUTHORIZATION, format!("Basic {}", STANDARD.encode(self.secret(secret, &url).await?))));
            }
            PullAuth::Header { name, secret } => {
                let name = HeaderName::try_from(name).map_err(|_| refused("auth.name is not the name of a header"))?;
                header = Some((name, self.secret(secret, &url).await?));
            }
            PullAuth::Body { at, secret } => {
                let place = body.as_mut().and_then(|body| at.of_mut(body));
                let place = place.ok_or_else(|| refused("the body has no value at auth.at for the secret"))?;
                *place = Value::from(self.secret(secret, &url).await?);
            }
        }
        let mut request = match asked.method {
            PullMethod::Get => self.client.get(url),
            PullMethod::Post => self.client.post(url).json(&body.unwrap_or_default()),
        };
        for (name, value) in &asked.headers {
            request = request.header(name, value);
        }
        if let Some((name, value)) = header {
            let mut value = HeaderValue::try_from(value).map_err(|_| refused("the secret is not valid in a header"))?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        Ok(request.timeout(asked.within))
    }

    /// The secret with this name, if it may be sent to the host of the URL.
    async fn secret(&self, name: &str, url: &Url) -> Result<String, SourceError> {
        let now = SystemClock.now();
        let secrets = self.keys.secrets(now).await.map_err(|detail| SourceError::Unavailable { detail, source: None })?;
        let secret = secrets.for_host(name, url).map(ExposeSecret::expose_secret);
        secret.map(str::to_owned).map_err(|error| {
            self.keys.doubt(now); // The entry may have been corrected since.
            refused(error.to_string())
        })
    }
}

impl Source for HttpSource {
    async fn fetch(&self, asked: &PullRequest) -> Result<PullAnswer, SourceError> {
        let request = self.request(asked).await?;
        let mut response = request.send().await.map_err(not_sent)?;
        let status = response.status();
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            self.keys.doubt(SystemClock.now());
            return Err(refused(format!("HTTP {status}: check the entry of the sources' secret and its permissions")));
        }
        if status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT) {
            return Err(SourceError::Unavailable { detail: format!("HTTP {status}"), source: None });
        }
        if !status.is_success() {
            return Err(refused(format!("HTTP {status}: check the url, the headers, the body and the paging of the feed")));
        }
        let answered_at = http::answered_at(response.headers());
        let mut bytes = Vec::new();
        loop {
            let chunk = response.chunk().await.map_err(|error| unavailable("the answer broke off", error.without_url()))?;
            let Some(chunk) = chunk else { break };
            if bytes.len() + chunk.len() > MAX_ANSWER {
                let detail = format!("it is larger than {MAX_ANSWER} bytes: configure a smaller page size");
                return Err(SourceError::Unreadable { detail });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(PullAnswer { bytes, answered_at })
    }
}

/// The error of a call that got no answer. An address outside the scope is found only when the name is resolved.
fn not_sent(error: reqwest::Error) -> SourceError {
    let causes = std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source());
    let address = causes.filter_map(|cause| cause.downcast_ref::<AddressError>()).next();
    match address {
        Some(address) => refused(address.to_string()),
        None => unavailable("the call failed", error.without_url()),
    }
}

fn refused(detail: impl Into<String>) -> SourceError {
    SourceError::Refused { detail: detail.into() }
}

fn unavailable(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> SourceError {
    SourceError::Unavailable { detail: format!("{what}: {}", http::with_causes(&error)), source: Some(Box::new(error)) }
}

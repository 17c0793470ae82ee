//! The HTTPS client of all adapters, on one TLS stack.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{DATE, HeaderMap};
use rustls::{ClientConfig, RootCertStore};

/// A client with the public root certificates and without timeouts. It follows no redirect: that would send tokens and secrets to a
/// server that is not configured.
///
/// # Errors
/// When the TLS stack cannot be set up.
pub(super) fn client() -> Result<reqwest::ClientBuilder, rustls::Error> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls).connect_timeout(Duration::from_secs(2));
    Ok(client.redirect(reqwest::redirect::Policy::none()))
}

/// When a server answered, by its own clock.
pub(super) fn answered_at(headers: &HeaderMap) -> Option<Timestamp> {
    let date = headers.get(DATE)?.to_str().ok()?;
    rfc2822::parse(date).ok().map(|date| date.timestamp())
}

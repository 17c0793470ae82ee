//! The HTTPS client of all adapters, on one TLS stack.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{DATE, HeaderMap};
use rustls::{ClientConfig, RootCertStore};

use crate::catalog::excerpt;

/// The most characters of the causes of an error. Some of them quote a server, such as the names in its certificate.
const MAX_CAUSES: usize = 500;

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

/// The text of an error with its causes: that of a client says only that a request failed, and a cause says whether its name, its
/// connection or its certificate was wrong. Neither holds a URL: the client knows it only in its own error, which the caller gives without it.
pub(super) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in
        std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source()).map(ToString::to_string)
    {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    excerpt(text.replace(char::is_control, " "), MAX_CAUSES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Failed {
        text: String,
        source: Option<Box<Failed>>,
    }

    /// Protects people from an alert that does not say why a call failed, and logs from texts of a server: each cause is named once, in one
    /// line, up to the bound.
    #[test]
    fn an_error_names_its_causes() {
        for (texts, expected) in [
            (vec!["the call failed"], "the call failed".to_owned()),
            (vec!["the call failed", "dns error", "no such name"], "the call failed: dns error: no such name".to_owned()),
            (vec!["the call failed: dns error", "dns error"], "the call failed: dns error".to_owned()),
            (vec!["a", "b\nc"], "a: b c".to_owned()),
            (vec!["a", &"b".repeat(600)], format!("a: {} (the rest is left out)", "b".repeat(MAX_CAUSES - 3))),
        ] {
            let error = texts.iter().rev().fold(None, |source, text| Some(Box::new(Failed { text: (*text).to_owned(), source })));
            assert_eq!(with_causes(&*error.expect("an error")), expected);
        }
    }
}

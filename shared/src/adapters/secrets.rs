//! Reads secrets from Secrets Manager when a function starts. Secrets are never logged.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use jiff::Timestamp;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::catalog::SystemId;
use crate::signature::is_blank;

/// The credentials of the Shopify app, stored as a JSON object of these fields.
#[derive(Debug, Clone, Deserialize)]
pub struct ShopifyApp {
    /// The app's client id.
    pub client_id: String,
    /// The app's client secret: it signs webhooks and is exchanged for access tokens.
    pub client_secret: SecretString,
    /// The secret before the last rotation, which still signs webhooks for a while.
    #[serde(default)]
    pub previous_client_secret: Option<SecretString>,
}

impl ShopifyApp {
    /// The value that template.yaml puts into the secret until it is replaced.
    const PLACEHOLDER: &'static str = "replace-me";

    /// Reads the secret.
    ///
    /// # Errors
    /// When the secret cannot be read, has another shape, or still holds the placeholder. The message contains no part of it.
    pub async fn read(client: &Client, secret_id: &str) -> Result<Self, String> {
        let answer = client.get_secret_value().secret_id(secret_id).send().await;
        let answer = answer.map_err(|error| {
            let code = error.code().unwrap_or("no answer");
            format!("the Shopify secret cannot be read ({code}); check SECRET_ARN and the function's role")
        })?;
        let app: Self = serde_json::from_str(answer.secret_string().unwrap_or_default())
            .map_err(|_| "the Shopify secret must be a JSON object with client_id and client_secret".to_owned())?;
        app.check()?;
        Ok(app)
    }

    /// Checks that the secrets are usable. A blank one is known to everyone.
    fn check(&self) -> Result<(), String> {
        let secret = self.client_secret.expose_secret();
        if secret == Self::PLACEHOLDER {
            return Err(
                "the Shopify secret still holds its placeholder; put the app's client_id and client_secret into it".into()
            );
        }
        if self.client_id.trim().is_empty() || is_blank(secret.as_bytes()) {
            return Err("client_id or client_secret in the Shopify secret is blank; put the values of the app into it".into());
        }
        Ok(())
    }

    /// All secrets that may sign a webhook now. A blank previous secret is none.
    pub fn signing_secrets(&self) -> impl Iterator<Item = &[u8]> {
        let secrets = std::iter::once(&self.client_secret).chain(&self.previous_client_secret);
        secrets.map(|secret| secret.expose_secret().as_bytes()).filter(|secret| !is_blank(secret))
    }
}

/// The secrets shared with other systems, stored as a JSON object of these two fields. The two are separate, because a secret
/// that we send to a system must not be one that signs its events.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSecrets {
    /// What each system signs its events with: a text, or during a rotation a list of texts, each of which is valid.
    #[serde(default)]
    signing: BTreeMap<String, Signing>,
    /// What we send to systems that we pull from, by the names that connectors use. Each has the one host that it may be sent to:
    /// the person who writes a connector chooses its host, and must not be able to choose who gets the secret.
    #[serde(default)]
    outbound: BTreeMap<String, Outbound>,
}

/// An entry of `outbound`. One that is written wrongly is not used, and leaves the other entries valid.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Outbound {
    ToHost(HostSecret),
    Malformed(IgnoredAny),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct HostSecret {
    /// The host, e.g. `erp.example.com`, with its port unless that is 443.
    host: String,
    secret: SecretString,
}

/// Why a secret is not sent to a host. The error contains no part of the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundSecretError {
    /// There is no such entry.
    #[error("outbound of the sources' secret has no entry {name:?}: add it as {{\"host\": \"{host}\", \"secret\": text}}")]
    Missing {
        /// The name of the entry.
        name: String,
        /// The host of the request.
        host: String,
    },
    /// The entry has no host, no secret, or another field.
    #[error(
        "the entry {name:?} in outbound of the sources' secret does not say to which host it may be sent: write it as {{\"host\": \
         \"{host}\", \"secret\": text}}, if that is the host of the system"
    )]
    NoHost {
        /// The name of the entry.
        name: String,
        /// The host of the request.
        host: String,
    },
    /// The secret is blank.
    #[error("the entry {name:?} in outbound of the sources' secret has a blank secret: put a value into it")]
    Blank {
        /// The name of the entry.
        name: String,
    },
    /// The secret is for another host.
    #[error(
        "the entry {name:?} in outbound of the sources' secret may be sent only to {known}, and the url has the host {host}: correct \
         the url of the feed, or, if the system has this host, the host of the entry"
    )]
    OtherHost {
        /// The name of the entry.
        name: String,
        /// The host of the entry.
        known: String,
        /// The host of the request.
        host: String,
    },
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Signing {
    One(SecretString),
    Several(Vec<SecretString>),
}

impl SourceSecrets {
    async fn read(client: &Client, secret_id: &str) -> Result<Self, String> {
        let answer = client.get_secret_value().secret_id(secret_id).send().await;
        let answer = answer.map_err(|error| {
            let code = error.code().unwrap_or("no answer");
            format!("the secret of the sources cannot be read ({code}); check SOURCES_SECRET_ARN and the function's role")
        })?;
        let secrets: Self = serde_json::from_str(answer.secret_string().unwrap_or_default()).map_err(|_| {
            "the secret of the sources must be {\"signing\": {system: text or list of texts}, \"outbound\": {name: {\"host\": host, \
             \"secret\": text}}}"
                .to_owned()
        })?;
        for (name, problem) in secrets.unusable() {
            tracing::error!(name, problem, "an entry of the sources' secret is not used; correct it, or remove it");
        }
        Ok(secrets)
    }

    /// The entries that are not used, and why.
    fn unusable(&self) -> impl Iterator<Item = (&str, &'static str)> {
        let signing = self.signing.iter().filter(|(_, signing)| signing.texts().iter().any(is_blank_text));
        let outbound = self.outbound.iter().filter_map(|(name, entry)| match entry {
            Outbound::ToHost(entry) if is_blank_text(&entry.secret) => Some((name.as_str(), "it is blank")),
            Outbound::ToHost(_) => None,
            Outbound::Malformed(_) => Some((name.as_str(), "it is not {\"host\": host, \"secret\": text}")),
        });
        signing.map(|(system, _)| (system.as_str(), "it is blank")).chain(outbound)
    }

    /// Adds a signing secret of `system`.
    #[must_use]
    pub fn signing(mut self, system: &str, secret: impl Into<SecretString>) -> Self {
        self.signing.insert(system.to_owned(), Signing::One(secret.into()));
        self
    }

    /// Adds a secret that connectors use under `name`, and that may be sent to `host`.
    #[must_use]
    pub fn outbound(mut self, name: &str, host: &str, secret: impl Into<SecretString>) -> Self {
        let entry = HostSecret { host: host.to_owned(), secret: secret.into() };
        self.outbound.insert(name.to_owned(), Outbound::ToHost(entry));
        self
    }

    /// All secrets that `system` may sign with now; none for an unknown system.
    pub fn of(&self, system: &SystemId) -> impl Iterator<Item = &[u8]> {
        let secrets = self.signing.get(system.as_str()).map_or(&[][..], Signing::texts);
        secrets.iter().filter(|secret| !is_blank_text(secret)).map(|secret| secret.expose_secret().as_bytes())
    }

    /// The secret that connectors use under `name`, for a request to `url`.
    ///
    /// # Errors
    /// When there is no such secret, or it may not be sent to the host and port of the URL.
    pub fn for_host(&self, name: &str, url: &Url) -> Result<&SecretString, OutboundSecretError> {
        let (name, host) = (name.to_owned(), host_of(url));
        match self.outbound.get(&name) {
            None => Err(OutboundSecretError::Missing { name, host }),
            Some(Outbound::Malformed(_)) => Err(OutboundSecretError::NoHost { name, host }),
            Some(Outbound::ToHost(entry)) if is_blank_text(&entry.secret) => Err(OutboundSecretError::Blank { name }),
            Some(Outbound::ToHost(entry)) if entry.normal_host().as_ref() == Some(&host) => Ok(&entry.secret),
            Some(Outbound::ToHost(entry)) => {
                Err(OutboundSecretError::OtherHost { name, known: format!("{:?}", entry.host), host })
            }
        }
    }
}

impl HostSecret {
    /// The host as [`host_of`] writes it; `None` when it is more or less than a host with a port.
    fn normal_host(&self) -> Option<String> {
        if self.host.contains(['/', '\\', '?', '#', '@']) {
            return None;
        }
        Url::parse(&format!("https://{}", self.host)).ok().map(|url| host_of(&url))
    }
}

/// The host of a URL, with its port unless that is 443.
fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(443) | None => host.to_owned(),
        Some(port) => format!("{host}:{port}"),
    }
}

impl Signing {
    fn texts(&self) -> &[SecretString] {
        match self {
            Self::One(secret) => std::slice::from_ref(secret),
            Self::Several(secrets) => secrets,
        }
    }
}

fn is_blank_text(secret: &SecretString) -> bool {
    is_blank(secret.expose_secret().as_bytes())
}

/// The source of the sources' secrets.
#[derive(Debug)]
pub enum Keyring {
    /// In memory.
    Held(Arc<SourceSecrets>),
    /// In Secrets Manager: read when first needed, and read again when they may have changed.
    Kept {
        /// The client.
        manager: Client,
        /// The id of the secret.
        id: String,
        /// The secrets as last read, and when.
        read: Mutex<Option<(Timestamp, Arc<SourceSecrets>)>>,
    },
}

impl Keyring {
    /// The shortest time between two reads that failed signatures can cause. It limits the reads that a guessing caller can
    /// cause.
    const TRUSTED: Duration = Duration::from_secs(60);

    /// Secrets that Secrets Manager stores under `id`.
    #[must_use]
    pub fn kept(manager: Client, id: impl Into<String>) -> Self {
        Self::Kept { manager, id: id.into(), read: Mutex::default() }
    }

    /// The secrets.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn secrets(&self, now: Timestamp) -> Result<Arc<SourceSecrets>, String> {
        match self {
            Self::Held(secrets) => Ok(Arc::clone(secrets)),
            Self::Kept { manager, id, read } => {
                if let Some((_, secrets)) = &*read.lock().unwrap_or_else(PoisonError::into_inner) {
                    return Ok(Arc::clone(secrets));
                }
                let secrets = Arc::new(SourceSecrets::read(manager, id).await?);
                *read.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&secrets)));
                Ok(secrets)
            }
        }
    }

    /// Reports that a signature or name did not match, because the secrets may have changed since they were read. Returns
    /// whether it is worth trying again.
    pub fn doubt(&self, now: Timestamp) -> bool {
        match self {
            Self::Held(_) => false,
            Self::Kept { read, .. } => {
                let mut read = read.lock().unwrap_or_else(PoisonError::into_inner);
                let old = read.as_ref().is_some_and(|(at, _)| now.duration_since(*at).unsigned_abs() >= Self::TRUSTED);
                if old {
                    *read = None;
                }
                old
            }
        }
    }
}

impl From<SourceSecrets> for Keyring {
    fn from(secrets: SourceSecrets) -> Self {
        Self::Held(Arc::new(secrets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the door from a secret that everyone knows: a blank secret is refused or not used, whichever of them it is.
    #[test]
    fn no_secret_may_be_blank() {
        for blank in ["", " ", "\t\n"] {
            let app = |id: &str, secret: &str, previous: Option<&str>| ShopifyApp {
                client_id: id.to_owned(),
                client_secret: secret.into(),
                previous_client_secret: previous.map(SecretString::from),
            };
            assert_eq!(app("id", "secret", None).check(), Ok(()));
            assert_eq!(app("id", "secret", Some("before")).check(), Ok(()));
            assert!(app(blank, "secret", None).check().is_err_and(|error| error.contains("client_id")), "{blank:?}");
            assert!(app("id", blank, None).check().is_err_and(|error| error.contains("client_secret")), "{blank:?}");
            let rotated = app("id", "secret", Some(blank));
            assert_eq!(
                (rotated.check(), rotated.signing_secrets().collect::<Vec<_>>()),
                (Ok(()), vec![&b"secret"[..]]),
                "{blank:?}"
            );

            let host = "erp.example.com";
            let secrets =
                SourceSecrets::default().signing("wms", blank).outbound("token", host, blank).outbound("other", host, "a token");
            assert_eq!(secrets.of(&"wms".parse().expect("a system")).count(), 0, "{blank:?}");
            let url = "https://erp.example.com".parse().expect("a URL");
            let refused = secrets.for_host("token", &url).map(|_| ());
            assert_eq!(refused, Err(OutboundSecretError::Blank { name: "token".to_owned() }), "{blank:?}");
            assert!(secrets.for_host("other", &url).is_ok(), "{blank:?}");
            let unusable: Vec<&str> = secrets.unusable().map(|(name, _)| name).collect();
            assert_eq!(unusable, ["wms", "token"], "{blank:?}");
        }
        let several = r#"{"signing":{"wms":["", "a secret"]}}"#;
        let several: SourceSecrets = serde_json::from_str(several).expect("secrets");
        assert_eq!(several.of(&"wms".parse().expect("a system")).collect::<Vec<_>>(), [b"a secret"]);
    }

    /// Protects the credentials of a system from a connector that names another host: a secret goes only to the host and port that
    /// are kept with it, and the error says what to do.
    #[test]
    fn a_secret_goes_to_its_host_only() {
        let known = "\"erp.example.com\", and the url has the host";
        for (host, url, refused) in [
            ("erp.example.com", "https://erp.example.com/moves", None),
            ("erp.example.com:443", "https://erp.example.com/moves", None),
            ("ERP.example.com", "https://erp.Example.com:443/moves", None),
            ("erp.example.com:8443", "https://erp.example.com:8443/moves", None),
            ("127.0.0.1:8080", "http://127.0.0.1:8080/", None),
            ("[::1]:8080", "http://[::1]:8080/", None),
            ("erp.example.com", "https://evil.example.com/moves", Some(known)),
            ("erp.example.com", "https://erp.example.com.evil.com/moves", Some(known)),
            ("erp.example.com", "https://erp.example.com@evil.com/moves", Some(known)),
            ("erp.example.com", "https://evil.com/erp.example.com", Some(known)),
            ("erp.example.com", "https://erp.example.com:8443/moves", Some(known)),
            ("erp.example.com", "https://erp.example.com./moves", Some(known)),
            ("erp.example.com", "http://erp.example.com/moves", Some(known)),
            ("example.com", "https://erp.example.com/", Some("\"example.com\", and the url has the host erp.example.com:")),
            ("https://erp.example.com", "https://erp.example.com/", Some("\"https://erp.example.com\"")),
            ("me@erp.example.com", "https://erp.example.com/", Some("\"me@erp.example.com\"")),
            ("*", "https://erp.example.com/", Some("\"*\"")),
            ("", "https://erp.example.com/", Some("\"\"")),
        ] {
            let secrets = SourceSecrets::default().outbound("token", host, "a token");
            let sent = secrets.for_host("token", &url.parse().expect("a URL"));
            match (sent, refused) {
                (Ok(secret), None) => assert_eq!(secret.expose_secret(), "a token", "{host} {url}"),
                (Err(error), Some(words)) => {
                    let error = error.to_string();
                    assert!(error.contains(words) && !error.contains("a token"), "{host} {url}: {error}");
                }
                (sent, _) => panic!("{host} {url}: {sent:?}"),
            }
        }
    }

    /// Protects every other entry from one that is written without a host: only that entry is not used, and its name is logged.
    #[test]
    fn an_entry_without_a_host_is_not_used() {
        let host = r#"write it as {"host": "erp.example.com", "secret": text}"#;
        for entry in
            [r#""a token""#, r#"{"secret":"a token"}"#, r#"{"host":"erp.example.com"}"#, r#"{"host":1,"secret":"a token"}"#]
        {
            let text = format!(
                r#"{{"signing":{{"wms":"a secret"}},"outbound":{{"token":{entry},"other":{{"host":"a.b","secret":"x"}}}}}}"#
            );
            let secrets: SourceSecrets = serde_json::from_str(&text).expect("secrets");
            let url: Url = "https://erp.example.com/moves".parse().expect("a URL");
            let error = secrets.for_host("token", &url).map(|_| ()).map_err(|error| error.to_string());
            assert!(error.as_ref().is_err_and(|error| error.contains(host) && !error.contains("a token")), "{entry}: {error:?}");
            assert_eq!(secrets.unusable().map(|(name, _)| name).collect::<Vec<_>>(), ["token"], "{entry}");
            assert_eq!(secrets.of(&"wms".parse().expect("a system")).count(), 1, "{entry}");
            assert!(secrets.for_host("other", &"https://a.b".parse().expect("a URL")).is_ok(), "{entry}");
            assert!(!format!("{secrets:?}").contains("a token"), "{entry}: a secret can be logged");
        }
    }
}

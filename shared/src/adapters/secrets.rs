//! Reads secrets from Secrets Manager when a function starts. Secrets are never logged.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

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
    /// What we send to systems that we pull from, by the names that connectors use.
    #[serde(default)]
    outbound: BTreeMap<String, SecretString>,
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
            "the secret of the sources must be {\"signing\": {system: text or list of texts}, \"outbound\": {name: text}}"
                .to_owned()
        })?;
        for name in secrets.blank() {
            tracing::error!(name, "an entry of the sources' secret is blank and is not used; put a value into it, or remove it");
        }
        Ok(secrets)
    }

    /// The entries that are blank, and that are therefore not used.
    fn blank(&self) -> impl Iterator<Item = &str> {
        let signing = self.signing.iter().filter(|(_, signing)| signing.texts().iter().any(is_blank_text));
        let outbound = self.outbound.iter().filter(|(_, secret)| is_blank_text(secret));
        signing.map(|(system, _)| system.as_str()).chain(outbound.map(|(name, _)| name.as_str()))
    }

    /// Adds a signing secret of `system`.
    #[must_use]
    pub fn signing(mut self, system: &str, secret: impl Into<SecretString>) -> Self {
        self.signing.insert(system.to_owned(), Signing::One(secret.into()));
        self
    }

    /// Adds a secret that connectors use under `name`.
    #[must_use]
    pub fn outbound(mut self, name: &str, secret: impl Into<SecretString>) -> Self {
        self.outbound.insert(name.to_owned(), secret.into());
        self
    }

    /// All secrets that `system` may sign with now; none for an unknown system.
    pub fn of(&self, system: &SystemId) -> impl Iterator<Item = &[u8]> {
        let secrets = self.signing.get(system.as_str()).map_or(&[][..], Signing::texts);
        secrets.iter().filter(|secret| !is_blank_text(secret)).map(|secret| secret.expose_secret().as_bytes())
    }

    /// The secret that connectors use under `name`; `None` where it is blank.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&SecretString> {
        self.outbound.get(name).filter(|secret| !is_blank_text(secret))
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

            let secrets = SourceSecrets::default().signing("wms", blank).outbound("token", blank).outbound("other", "a token");
            assert_eq!(secrets.of(&"wms".parse().expect("a system")).count(), 0, "{blank:?}");
            assert!(secrets.named("token").is_none() && secrets.named("other").is_some(), "{blank:?}");
            assert_eq!(secrets.blank().collect::<Vec<_>>(), ["wms", "token"]);
        }
        let several = r#"{"signing":{"wms":["", "a secret"]}}"#;
        let several: SourceSecrets = serde_json::from_str(several).expect("secrets");
        assert_eq!(several.of(&"wms".parse().expect("a system")).collect::<Vec<_>>(), [b"a secret"]);
    }
}

//! Secrets, from Secrets Manager, read when a function starts and never logged.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::catalog::SystemId;

/// The Shopify app of a shop, as its secret holds it: a JSON object of these fields.
#[derive(Debug, Clone, Deserialize)]
pub struct ShopifyApp {
    /// The app's client id.
    pub client_id: String,
    /// The app's client secret: it signs webhooks and is exchanged for access tokens.
    pub client_secret: SecretString,
    /// The secret before the last rotation: still signs webhooks for a while.
    #[serde(default)]
    pub previous_client_secret: Option<SecretString>,
}

impl ShopifyApp {
    /// What template.yaml puts into the secret until someone fills it in.
    const PLACEHOLDER: &'static str = "replace-me";

    /// Reads the secret.
    ///
    /// # Errors
    /// When it cannot be read, is not such an object, or still holds the placeholder. The message holds no part of it.
    pub async fn read(client: &Client, secret_id: &str) -> Result<Self, String> {
        let answer = client.get_secret_value().secret_id(secret_id).send().await;
        let answer = answer.map_err(|error| {
            let code = error.code().unwrap_or("no answer");
            format!("the Shopify secret cannot be read ({code}); check SECRET_ARN and the function's role")
        })?;
        let app: Self = serde_json::from_str(answer.secret_string().unwrap_or_default())
            .map_err(|_| "the Shopify secret must be a JSON object with client_id and client_secret".to_owned())?;
        if app.client_secret.expose_secret() == Self::PLACEHOLDER {
            return Err(
                "the Shopify secret still holds its placeholder; put the app's client_id and client_secret into it".into()
            );
        }
        Ok(app)
    }

    /// Every secret that may sign a webhook now.
    pub fn signing_secrets(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(&self.client_secret).chain(&self.previous_client_secret).map(|secret| secret.expose_secret().as_bytes())
    }
}

/// The secrets shared with other systems, as their secret holds them: a JSON object of these two. They are apart, because
/// what we show to a system must not be what it could sign with.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSecrets {
    /// What each system signs its events with: a text, or while one is being replaced a list of texts, each of which is good.
    #[serde(default)]
    signing: BTreeMap<String, Signing>,
    /// What we show to systems that are asked, by the names that connectors use.
    #[serde(default)]
    shown: BTreeMap<String, SecretString>,
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
        serde_json::from_str(answer.secret_string().unwrap_or_default()).map_err(|_| {
            "the secret of the sources must be {\"signing\": {system: text or list of texts}, \"shown\": {name: text}}".to_owned()
        })
    }

    /// With a text that `system` signs with.
    #[must_use]
    pub fn signing(mut self, system: &str, secret: impl Into<SecretString>) -> Self {
        self.signing.insert(system.to_owned(), Signing::One(secret.into()));
        self
    }

    /// With a text that is shown under `name`.
    #[must_use]
    pub fn shown(mut self, name: &str, secret: impl Into<SecretString>) -> Self {
        self.shown.insert(name.to_owned(), secret.into());
        self
    }

    /// Every secret that `system` may sign with now; none where it is not known. An empty one is none.
    pub fn of(&self, system: &SystemId) -> impl Iterator<Item = &[u8]> {
        let secrets = match self.signing.get(system.as_str()) {
            None => &[],
            Some(Signing::One(secret)) => std::slice::from_ref(secret),
            Some(Signing::Several(secrets)) => secrets.as_slice(),
        };
        secrets.iter().map(|secret| secret.expose_secret().as_bytes()).filter(|secret| !secret.is_empty())
    }

    /// The text of this name: what we show to a system that is asked.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&SecretString> {
        self.shown.get(name)
    }
}

/// Where the secrets of the sources come from.
#[derive(Debug)]
pub enum Keyring {
    /// At hand.
    Held(Arc<SourceSecrets>),
    /// In Secrets Manager: read when first needed, and again when they seem to have changed.
    Kept {
        /// The way there.
        manager: Client,
        /// Their name there.
        id: String,
        /// What was read, and when.
        read: Mutex<Option<(Timestamp, Arc<SourceSecrets>)>>,
    },
}

impl Keyring {
    /// How long secrets are trusted that do not fit: whoever guesses makes us read them again only so often.
    const TRUSTED: Duration = Duration::from_secs(60);

    /// Secrets that Secrets Manager keeps under `id`.
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

    /// Something did not fit them: they may have been changed since they were read. Whether it is worth trying again.
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

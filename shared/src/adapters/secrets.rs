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
        if app.client_secret.expose_secret() == Self::PLACEHOLDER {
            return Err(
                "the Shopify secret still holds its placeholder; put the app's client_id and client_secret into it".into()
            );
        }
        Ok(app)
    }

    /// All secrets that may sign a webhook now.
    pub fn signing_secrets(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(&self.client_secret).chain(&self.previous_client_secret).map(|secret| secret.expose_secret().as_bytes())
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
        serde_json::from_str(answer.secret_string().unwrap_or_default()).map_err(|_| {
            "the secret of the sources must be {\"signing\": {system: text or list of texts}, \"outbound\": {name: text}}"
                .to_owned()
        })
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

    /// All secrets that `system` may sign with now; none for an unknown system. An empty secret is ignored.
    pub fn of(&self, system: &SystemId) -> impl Iterator<Item = &[u8]> {
        let secrets = match self.signing.get(system.as_str()) {
            None => &[],
            Some(Signing::One(secret)) => std::slice::from_ref(secret),
            Some(Signing::Several(secrets)) => secrets.as_slice(),
        };
        secrets.iter().map(|secret| secret.expose_secret().as_bytes()).filter(|secret| !secret.is_empty())
    }

    /// The secret that connectors use under `name`.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&SecretString> {
        self.outbound.get(name)
    }
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

//! Secrets, from Secrets Manager, read when a function starts and never logged.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
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

/// What other systems sign their events with, as their secret holds it: a JSON object with a text per system, or during a
/// rotation a list of texts, each of which is good.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct SourceSecrets(BTreeMap<String, Signing>);

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Signing {
    One(SecretString),
    Several(Vec<SecretString>),
}

impl SourceSecrets {
    /// Reads the secret.
    ///
    /// # Errors
    /// When it cannot be read or is not such an object. The message holds no part of it.
    pub async fn read(client: &Client, secret_id: &str) -> Result<Self, String> {
        let answer = client.get_secret_value().secret_id(secret_id).send().await;
        let answer = answer.map_err(|error| {
            let code = error.code().unwrap_or("no answer");
            format!("the secret of the sources cannot be read ({code}); check SOURCES_SECRET_ARN and the function's role")
        })?;
        serde_json::from_str(answer.secret_string().unwrap_or_default())
            .map_err(|_| "the secret of the sources must be a JSON object with a text, or a list of texts, per system".to_owned())
    }

    /// Every secret that `system` may sign with now; none where it is not known. An empty one is none.
    pub fn of(&self, system: &SystemId) -> impl Iterator<Item = &[u8]> {
        let secrets = match self.0.get(system.as_str()) {
            None => &[],
            Some(Signing::One(secret)) => std::slice::from_ref(secret),
            Some(Signing::Several(secrets)) => secrets.as_slice(),
        };
        secrets.iter().map(|secret| secret.expose_secret().as_bytes()).filter(|secret| !secret.is_empty())
    }

    /// The text of this name: what we show to a system that is asked.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&SecretString> {
        match self.0.get(name)? {
            Signing::One(secret) => Some(secret),
            Signing::Several(secrets) => secrets.first(),
        }
    }
}

impl FromIterator<(String, SecretString)> for SourceSecrets {
    fn from_iter<I: IntoIterator<Item = (String, SecretString)>>(secrets: I) -> Self {
        Self(secrets.into_iter().map(|(name, secret)| (name, Signing::One(secret))).collect())
    }
}

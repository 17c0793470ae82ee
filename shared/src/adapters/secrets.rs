//! Secrets, from Secrets Manager, read when a function starts and never logged.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

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

//! The addresses and credentials of the local stack that `cargo x stack up` runs.
//!
//! `promissory-local` starts the stack with these same values, so the two cannot differ. The stack deploys one table, so the
//! commands need no table name there; see [`crate::table`].

use aws_credential_types::Credentials;
use aws_types::SdkConfig;
use promissory::adapters::aws;
use promissory::adapters::secrets::ShopifyApp;

/// The port of the emulated AWS.
pub const PORT: u16 = 4574;

/// The region of the emulated AWS.
pub const REGION: &str = "us-east-1";

/// The account of the emulated AWS.
pub const ACCOUNT: &str = "000000000000";

/// The port of the fake Shopify.
pub const SHOPIFY_PORT: u16 = 4575;

/// The client id of the app in the fake Shopify.
pub const SHOPIFY_CLIENT_ID: &str = "promissory-local";

/// The client secret of that app. It protects nothing: only a fake on this machine accepts it.
pub const SHOPIFY_CLIENT_SECRET: &str = "shpss_local";

/// The address of the emulated AWS.
#[must_use]
pub fn endpoint() -> String {
    format!("http://127.0.0.1:{PORT}")
}

/// The address of the fake Shopify.
#[must_use]
pub fn shopify_url() -> String {
    format!("http://127.0.0.1:{SHOPIFY_PORT}")
}

/// The credentials of the emulated AWS, which accepts only these. No request to it uses real credentials.
#[must_use]
pub fn credentials() -> Credentials {
    Credentials::new("local", "local", None, None, "local stack")
}

/// The SDK configuration for an emulated AWS at `endpoint`.
#[must_use]
pub fn sdk_config(endpoint: String) -> SdkConfig {
    aws::config_for(REGION.into(), credentials(), Some(endpoint))
}

/// The app in the fake Shopify.
#[must_use]
pub fn shopify_app() -> ShopifyApp {
    ShopifyApp {
        client_id: SHOPIFY_CLIENT_ID.to_owned(),
        client_secret: SHOPIFY_CLIENT_SECRET.into(),
        previous_client_secret: None,
    }
}

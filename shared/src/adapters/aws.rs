//! One configuration for all AWS clients: the credentials that Lambda puts into the environment, one TLS stack, and timeouts
//! that fit into a function's timeout.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, tls};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;

use crate::adapters::env;

/// The configuration from a function's environment: `AWS_REGION`, the credentials, and `AWS_ENDPOINT_URL` if the services are
/// emulated.
///
/// It does not use the SDK's credential chain: a function's credentials are in its environment for its whole life, and looking
/// for others would lengthen each cold start.
#[must_use]
pub fn config() -> SdkConfig {
    let region = std::env::var("AWS_REGION").or_else(|_| std::env::var("AWS_DEFAULT_REGION"));
    let credentials = Credentials::new(
        env::required("AWS_ACCESS_KEY_ID"),
        env::required("AWS_SECRET_ACCESS_KEY"),
        std::env::var("AWS_SESSION_TOKEN").ok(),
        None,
        "environment",
    );
    let endpoint = std::env::var("AWS_ENDPOINT_URL").ok().filter(|url| !url.is_empty());
    config_for(region.unwrap_or_else(|_| "us-east-1".into()), credentials, endpoint)
}

/// The configuration for tools that choose the region, credentials and endpoint themselves.
#[must_use]
pub fn config_for(region: String, credentials: Credentials, endpoint: Option<String>) -> SdkConfig {
    let http = Builder::new().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build_https();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http)
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .retry_config(RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(50)))
        // A webhook must be answered within five seconds. An attempt that hangs is given up early enough for another one.
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_millis(800))
                .operation_attempt_timeout(Duration::from_millis(1_800))
                .operation_timeout(Duration::from_millis(4_200))
                .build(),
        );
    config.set_endpoint_url(endpoint);
    config.build()
}

//! The only modules that know AWS and Shopify. Each file implements one port and decides nothing.

#[cfg(feature = "adapters")]
pub mod address;
#[cfg(feature = "adapters")]
pub mod aws;
#[cfg(feature = "adapters")]
pub mod clock;
#[cfg(feature = "adapters")]
pub mod dynamodb;
#[cfg(feature = "adapters")]
pub mod env;
#[cfg(feature = "adapters")]
pub mod eventbridge;
#[cfg(feature = "adapters")]
mod http;
#[cfg(feature = "adapters")]
pub mod http_source;
#[cfg(feature = "adapters")]
pub mod log;
#[cfg(feature = "adapters")]
pub mod secrets;
pub mod shopify;
#[cfg(feature = "adapters")]
pub mod sqs;

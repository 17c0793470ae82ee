//! The only place that knows AWS and Shopify. Each file is one port's real implementation; none decides anything.

pub mod aws;
pub mod clock;
pub mod dynamodb;
pub mod env;
pub mod eventbridge;
mod http;
pub mod http_source;
pub mod log;
pub mod secrets;
pub mod shopify;
pub mod sqs;

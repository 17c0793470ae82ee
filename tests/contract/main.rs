//! The contract of each port, checked against the shipped implementation.
//!
//! A suite is written against the port, so the simulated implementation can run it too.

mod dynamo_faults;
mod operations;
mod redirects;
mod served;
mod shopify;
mod shopify_metafields;
mod shopify_orders;
mod shopify_variants;
mod sources;
mod store;
mod stream_filter;
mod streams;
mod vectors;

//! What each port promises, checked against the implementation that is shipped.
//!
//! A suite is written over the port, so that the simulated implementation of it can be put through the same.

mod dynamo_faults;
mod operations;
mod served;
mod shopify;
mod shopify_metafields;
mod shopify_orders;
mod shopify_variants;
mod sources;
mod store;
mod stream_filter;
mod vectors;

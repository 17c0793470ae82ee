//! The source port: carries one request to another system. Everything else about pulling is decided outside of it.

use std::future::Future;

use crate::source::pull::{PullAnswer, PullRequest, SourceError};

/// The source port: carries a request to a system. Everything else about pulling is decided outside of it.
pub trait Source: Sync {
    /// Sends a request, and returns the body of an answer of success.
    fn fetch(&self, request: &PullRequest) -> impl Future<Output = Result<PullAnswer, SourceError>> + Send;
}

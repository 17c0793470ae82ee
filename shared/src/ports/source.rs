//! The source port: sends one request to another system. The modules of `source::pull` decide everything else about pulling.

use std::future::Future;

use crate::source::pull::{PullAnswer, PullRequest, SourceError};

/// Sends requests to other systems.
pub trait Source: Sync {
    /// Sends a request, and returns the body of a successful response.
    fn fetch(&self, request: &PullRequest) -> impl Future<Output = Result<PullAnswer, SourceError>> + Send;
}

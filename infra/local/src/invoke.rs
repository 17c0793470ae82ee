//! Invokes a function of the local stack.
//!
//! The SDK of Lambda is deliberately absent: it is the largest SDK, and every build and check would compile it for this one
//! request.

use std::error::Error;
use std::io;
use std::time::Duration;

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use promissory::adapters::clock::SystemClock;
use promissory::ports::Clock;
use promissory_cli::local_stack;

/// How long an invocation may take: the longest timeout of a function in the template.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Invokes `function` of the emulated AWS at `endpoint`, and returns its response.
///
/// # Errors
/// When the emulator does not answer or refuses the request, or the function fails. The error then contains the response.
pub async fn invoke(endpoint: &str, function: &str, payload: String) -> io::Result<String> {
    let url = format!("{endpoint}/2015-03-31/functions/{function}/invocations");
    let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build().map_err(io::Error::other)?;
    let mut request = client.post(&url);
    for (name, value) in signature(&url, payload.as_bytes()).map_err(io::Error::other)? {
        request = request.header(name, value);
    }
    let response = request.body(payload).send().await.map_err(io::Error::other)?;
    let is_failure = !response.status().is_success() || response.headers().contains_key("x-amz-function-error");
    let body = response.text().await.map_err(io::Error::other)?;
    if is_failure { Err(io::Error::other(body)) } else { Ok(body) }
}

/// The headers that sign a request to Lambda with the credentials of the local stack, which the emulator checks.
fn signature(url: &str, body: &[u8]) -> Result<Vec<(String, String)>, Box<dyn Error + Send + Sync>> {
    let identity = local_stack::credentials().into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(local_stack::REGION)
        .name("lambda")
        .time(SystemClock.now().into())
        .settings(SigningSettings::default())
        .build()?
        .into();
    let request = SignableRequest::new("POST", url, std::iter::empty(), SignableBody::Bytes(body))?;
    let (instructions, _) = sign(request, &params)?.into_parts();
    Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

//! One request to a system, as data, and its answer and errors.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::catalog::TimeZone;
use crate::source::pull::config::{Feed, Paging, PullAuth, PullMethod};
use crate::source::pull::watermark::WatermarkPosition;

/// One request. It only names its secret; the source port adds the secret.
#[derive(Debug, Clone, PartialEq)]
pub struct PullRequest {
    /// The HTTP method.
    pub method: PullMethod,
    /// The address.
    pub url: String,
    /// Headers, without the secret.
    pub headers: BTreeMap<String, String>,
    /// The JSON body, without the secret.
    pub body: Option<Value>,
    /// The name of the secret, and where it goes.
    pub auth: PullAuth,
    /// The timeout of the request.
    pub within: Duration,
}

/// A successful answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullAnswer {
    /// The unchanged body; at most [`MAX_ANSWER`](super::MAX_ANSWER) bytes.
    pub bytes: Vec<u8>,
    /// When the source answered, by its own clock, if it sends the time.
    pub answered_at: Option<Timestamp>,
}

/// Why a source gave no usable answer. The error never contains a secret or a row.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The source did not answer in time, or it reported that it cannot. The next run asks again.
    #[error("the source is unavailable: {detail}")]
    Unavailable {
        /// What was tried and what came back.
        detail: String,
        /// The adapter's own error.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The source rejected the request: the request or its secret is wrong.
    #[error("the source refuses the request: {detail}")]
    Refused {
        /// The response.
        detail: String,
    },
    /// The answer does not match the configuration.
    #[error("the answer cannot be read: {detail}")]
    Unreadable {
        /// What is wrong.
        detail: String,
    },
}

impl SourceError {
    pub(crate) fn unreadable(detail: impl Into<String>) -> Self {
        Self::Unreadable { detail: detail.into() }
    }
}

/// A placeholder of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placeholder {
    Since,
    Offset,
    Page,
    Size,
    Cursor,
}

impl Placeholder {
    pub(crate) const ALL: [Self; 5] = [Self::Since, Self::Offset, Self::Page, Self::Size, Self::Cursor];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Since => "{since}",
            Self::Offset => "{offset}",
            Self::Page => "{page}",
            Self::Size => "{size}",
            Self::Cursor => "{cursor}",
        }
    }
}

/// The page of a feed that a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PageRef {
    First,
    /// A page of `size` rows that begins after `from` rows, of which the page before had the first `again`.
    Offset {
        from: u64,
        size: u64,
        again: u64,
    },
    Page(u64),
    Cursor(String),
    Link(String),
}

/// The request for a page to a system with this clock.
pub(crate) fn request(
    (feed, zone): (&Feed, &TimeZone),
    since: Option<WatermarkPosition>,
    at: &PageRef,
    within: Duration,
) -> PullRequest {
    let value = |placeholder: Placeholder| match placeholder {
        Placeholder::Since => match since {
            Some(WatermarkPosition::Time(time)) => Value::from(feed.times.write(time, zone)),
            Some(WatermarkPosition::Sequence(number)) => Value::from(number),
            None => Value::Null,
        },
        Placeholder::Offset => Value::from(if let PageRef::Offset { from, .. } = at { *from } else { 0 }),
        Placeholder::Page => Value::from(match (at, &feed.paging) {
            (PageRef::Page(page), _) => *page,
            (_, Paging::Page { first, .. }) => *first,
            (_, _) => 0,
        }),
        Placeholder::Size => match at {
            PageRef::Offset { size, .. } => Value::from(*size),
            PageRef::First | PageRef::Page(_) | PageRef::Cursor(_) | PageRef::Link(_) => {
                feed.paging.size().map_or(Value::Null, Value::from)
            }
        },
        Placeholder::Cursor => {
            if let PageRef::Cursor(cursor) = at {
                Value::from(cursor.as_str())
            } else {
                Value::Null
            }
        }
    };
    let mut url = feed.url.clone();
    for placeholder in Placeholder::ALL {
        url = url.replace(placeholder.name(), &encoded(&text(&value(placeholder))));
    }
    if let PageRef::Link(link) = at {
        url.clone_from(link);
    }
    let mut body = feed.body.clone();
    if let Some(body) = &mut body {
        fill(body, &value);
    }
    PullRequest { method: feed.method, url, headers: feed.headers.clone(), body, auth: feed.auth.clone(), within }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

fn fill(body: &mut Value, value: &impl Fn(Placeholder) -> Value) {
    match body {
        Value::String(written) => {
            if let Some(placeholder) = Placeholder::ALL.into_iter().find(|placeholder| placeholder.name() == written) {
                *body = value(placeholder);
                return;
            }
            for placeholder in Placeholder::ALL {
                if written.contains(placeholder.name()) {
                    *written = written.replace(placeholder.name(), &text(&value(placeholder)));
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|inner| fill(inner, value)),
        Value::Object(fields) => fields.values_mut().for_each(|inner| fill(inner, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Percent-encodes a text for any part of a URL.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Scheme, host and port of a URL.
pub(crate) fn origin(url: &str) -> Option<&str> {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| url.starts_with(scheme))?;
    let end = url[scheme.len()..].find(['/', '?', '#', '\\']).map_or(url.len(), |at| scheme.len() + at);
    Some(&url[..end]).filter(|origin| origin.len() > scheme.len())
}

/// The address of a link in an answer. A link to another server is an error, because the request would send the secret there.
pub(crate) fn link(feed: &Feed, to: &str) -> Result<String, SourceError> {
    let home = origin(&feed.url).unwrap_or_default();
    if to.contains("://") {
        let same = origin(to).is_some_and(|there| there.eq_ignore_ascii_case(home));
        let refused = || SourceError::unreadable(format!("the link to the next page leads to another server than {home}"));
        return if same { Ok(to.to_owned()) } else { Err(refused()) };
    }
    if to.starts_with("//") {
        return Err(SourceError::unreadable("the link to the next page has no scheme"));
    }
    if to.starts_with('/') {
        return Ok(format!("{home}{to}"));
    }
    let path = feed.url.split(['?', '#']).next().unwrap_or_default();
    let folder = path.get(home.len()..).and_then(|path| path.rsplit_once('/')).map_or("", |(folder, _)| folder);
    Ok(format!("{home}{folder}/{to}"))
}

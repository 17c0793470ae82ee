//! One request to a system, as data; and the small port that carries it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::source::pull::config::{Feed, Paging, PullAuth, PullMethod};
use crate::source::pull::watermark::WatermarkPosition;

/// One request. Its secret is only named: the port puts it in.
#[derive(Debug, Clone, PartialEq)]
pub struct PullRequest {
    /// How.
    pub method: PullMethod,
    /// Where.
    pub url: String,
    /// Headers, without the secret.
    pub headers: BTreeMap<String, String>,
    /// The JSON body, without the secret.
    pub body: Option<Value>,
    /// Which secret, and where it goes.
    pub auth: PullAuth,
    /// How long it may take.
    pub within: Duration,
}

/// What came back of a request that went well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullAnswer {
    /// The body, as it came; at most [`MAX_ANSWER`](super::MAX_ANSWER) bytes.
    pub bytes: Vec<u8>,
    /// When the source answered, by its own clock, if it says so.
    pub answered_at: Option<Timestamp>,
}

/// Why a source gave nothing that can be used. It never holds a secret or a row.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It did not answer, or not in time, or said that it cannot: the next run asks again.
    #[error("the source is unavailable: {detail}")]
    Unavailable {
        /// What was tried and what came back.
        detail: String,
        /// The adapter's own error.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// It refuses us: the request or the secret is wrong.
    #[error("the source refuses the request: {detail}")]
    Refused {
        /// What it said.
        detail: String,
    },
    /// What it answered is not what the configuration says.
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

/// What a request is filled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Since,
    Offset,
    Page,
    Size,
    Cursor,
}

impl Place {
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

/// A page of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum At {
    First,
    Offset(u64),
    Page(u64),
    Cursor(String),
    Link(String),
}

/// The request for a page.
pub(crate) fn request(feed: &Feed, since: Option<WatermarkPosition>, at: &At, within: Duration) -> PullRequest {
    let value = |place: Place| match place {
        Place::Since => match since {
            Some(WatermarkPosition::Time(time)) => Value::from(feed.times.write(time)),
            Some(WatermarkPosition::Sequence(number)) => Value::from(number),
            None => Value::Null,
        },
        Place::Offset => Value::from(if let At::Offset(offset) = at { *offset } else { 0 }),
        Place::Page => Value::from(match (at, &feed.paging) {
            (At::Page(page), _) => *page,
            (_, Paging::Page { first, .. }) => *first,
            (_, _) => 0,
        }),
        Place::Size => feed.paging.size().map_or(Value::Null, Value::from),
        Place::Cursor => {
            if let At::Cursor(cursor) = at {
                Value::from(cursor.as_str())
            } else {
                Value::Null
            }
        }
    };
    let mut url = feed.url.clone();
    for place in Place::ALL {
        url = url.replace(place.name(), &encoded(&text(&value(place))));
    }
    if let At::Link(link) = at {
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

fn fill(body: &mut Value, value: &impl Fn(Place) -> Value) {
    match body {
        Value::String(written) => {
            if let Some(place) = Place::ALL.into_iter().find(|place| place.name() == written) {
                *body = value(place);
                return;
            }
            for place in Place::ALL {
                if written.contains(place.name()) {
                    *written = written.replace(place.name(), &text(&value(place)));
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|inner| fill(inner, value)),
        Value::Object(fields) => fields.values_mut().for_each(|inner| fill(inner, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A text as it may stand anywhere in a URL.
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

/// The address of a link in an answer. One that leads to another server is refused: the secret would go there.
pub(crate) fn link(feed: &Feed, to: &str) -> Result<String, SourceError> {
    let home = origin(&feed.url).unwrap_or_default();
    if to.contains("://") {
        let same = origin(to).is_some_and(|there| there.eq_ignore_ascii_case(home));
        let refused = || SourceError::unreadable(format!("the next page is said to be on another server than {home}"));
        return if same { Ok(to.to_owned()) } else { Err(refused()) };
    }
    if to.starts_with("//") {
        return Err(SourceError::unreadable("the next page has an address without a scheme"));
    }
    if to.starts_with('/') {
        return Ok(format!("{home}{to}"));
    }
    let path = feed.url.split(['?', '#']).next().unwrap_or_default();
    let folder = path.get(home.len()..).and_then(|path| path.rsplit_once('/')).map_or("", |(folder, _)| folder);
    Ok(format!("{home}{folder}/{to}"))
}

//! How one feed of a system is pulled, as its configuration file says it. What it says is checked where it is read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::source::StockKind;
use crate::source::pull::check;
use crate::source::pull::template::{Pointer, Template};
use crate::source::pull::times::{TimeFormat, Times};

/// A configuration that was checked: its parts fit each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Feed", into = "Feed")]
pub struct PullConfig(Feed);

impl PullConfig {
    /// What it says.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.0
    }
}

impl TryFrom<Feed> for PullConfig {
    type Error = String;

    fn try_from(feed: Feed) -> Result<Self, String> {
        check::feed(&feed)?;
        Ok(Self(feed))
    }
}

impl From<PullConfig> for Feed {
    fn from(config: PullConfig) -> Self {
        config.0
    }
}

/// How one feed is pulled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// Where it is read, with `{since}` and what its paging needs: `{offset}`, `{page}`, `{cursor}`, `{size}`.
    pub url: String,
    /// How it is asked.
    #[serde(default)]
    pub method: PullMethod,
    /// Headers of the request. No secrets: they are named in `auth`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Who we say we are.
    #[serde(default)]
    pub auth: PullAuth,
    /// The JSON body of a POST. Its texts may hold the same places as the URL; a text that is nothing but one place for a
    /// number becomes that number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// What an answer looks like.
    #[serde(default)]
    pub format: PullFormat,
    /// Where the rows are in an answer: a list. Empty when the answer is the list.
    #[serde(default = "everything")]
    pub rows: Pointer,
    /// How the rest of the rows is asked for.
    #[serde(default)]
    pub paging: Paging,
    /// Whether it is asked for what is new, or for everything.
    #[serde(default)]
    pub mode: PullMode,
    /// By what "new" is known. Only of a delta.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<FeedProgress>,
    /// Whether rows come in rising progress. Only then the watermark moves before the end of a run.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ordered: bool,
    /// Add up all rows of one item and location to one state, over bins and lots. Only of a full refresh.
    #[serde(default, skip_serializing_if = "is_false")]
    pub aggregate: bool,
    /// What a row says.
    pub kind: KindOf,
    /// Where a row says it.
    pub fields: Fields,
    /// How times are written.
    #[serde(default = "rfc3339")]
    pub times: Times,
    /// What its units are called here, where it is something else, e.g. `EA` is `each`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<String, String>,
    /// Pull it at most so often, in minutes since the last complete run began. Without it on every schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_minutes: Option<u32>,
}

fn everything() -> Pointer {
    Pointer::try_from(String::new()).expect("the empty pointer is one")
}

fn rfc3339() -> Times {
    Times { read: TimeFormat::Rfc3339, write: None, offset_minutes: 0 }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// How it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullMethod {
    /// Without a body.
    #[default]
    Get,
    /// With a JSON body.
    Post,
}

/// Who we say we are: by the name of an entry of the sources' secret, never by the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "scheme", rename_all = "snake_case", deny_unknown_fields)]
pub enum PullAuth {
    /// Nobody.
    #[default]
    None,
    /// `Authorization: Bearer` with the secret.
    Bearer {
        /// The entry.
        secret: String,
    },
    /// `Authorization: Basic`; the secret is `user:password`.
    Basic {
        /// The entry.
        secret: String,
    },
    /// A header with the secret.
    Header {
        /// The header.
        name: String,
        /// The entry.
        secret: String,
    },
    /// The secret inside the body, as JSON-RPC wants it.
    Body {
        /// Where.
        at: Pointer,
        /// The entry.
        secret: String,
    },
}

/// What an answer looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullFormat {
    /// One JSON document.
    #[default]
    Json,
    /// One JSON object per line, as feeds of change data write them.
    JsonLines,
}

/// How the rest of the rows is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum Paging {
    /// There is one page.
    #[default]
    None,
    /// The answer holds the next page's address. It must be of the same server.
    NextLink {
        /// Where; nothing there at the last page.
        path: Pointer,
    },
    /// By `{offset}`. Pages overlap by one row, so that rows that move while they are read are noticed.
    Offset {
        /// `{size}`: the rows of a page.
        size: u64,
        /// Where the answer says whether there is more; without it a short page is the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        more: Option<Pointer>,
    },
    /// By `{page}`. Rows that move while they are read are not noticed: only for rows that stay where they are.
    Page {
        /// `{size}`: the rows of a page.
        size: u64,
        /// The number of the first page.
        #[serde(default = "one")]
        first: u64,
    },
    /// By `{cursor}`, which is empty at first.
    Cursor {
        /// Where the answer has the next one; nothing there at the last page.
        path: Pointer,
    },
    /// By `{since}` again, from the newest row of the page before, until a page is short.
    Progress {
        /// `{size}`: the rows of a page.
        size: u64,
    },
}

fn one() -> u64 {
    1
}

impl Paging {
    /// The rows of a page, where we say it.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::None | Self::NextLink { .. } | Self::Cursor { .. } => None,
            Self::Offset { size, .. } | Self::Page { size, .. } | Self::Progress { size } => Some(*size),
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullMode {
    /// What is new since the watermark.
    #[default]
    Delta,
    /// Everything, every time.
    Full,
}

/// By what "new" is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum FeedProgress {
    /// A time of the source. The request must ask for rows *at or after* `{since}`.
    Time {
        /// The row's time; that of the event without it. The time at which a row appears or changes, not a booking date,
        /// if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<Template>,
        /// How far each run looks back behind the newest row seen, in seconds: rows may appear late.
        overlap_seconds: u32,
        /// Where the first run begins; 1970 without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start: Option<jiff::Timestamp>,
    },
    /// A number that rises with every row. The request must ask for rows *after* `{since}`.
    Sequence {
        /// The row's number.
        value: Template,
        /// How far each run looks back behind the newest row seen: numbers may be given before they can be seen.
        #[serde(default)]
        overlap: u64,
        /// The number after which the first run begins.
        #[serde(default)]
        start: u64,
    },
}

/// What a row says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum KindOf {
    /// Always the same.
    Always(KindMapping),
    /// It depends on a value.
    By {
        /// The value.
        value: Template,
        /// What each means.
        map: BTreeMap<String, KindMapping>,
        /// What any other means; without it a row with any other is a failed row.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        otherwise: Option<KindMapping>,
    },
}

impl KindOf {
    /// Everything it can mean.
    pub fn meanings(&self) -> impl Iterator<Item = KindMapping> {
        match self {
            Self::Always(meaning) => vec![*meaning],
            Self::By { map, otherwise, .. } => map.values().chain(otherwise).copied().collect(),
        }
        .into_iter()
    }
}

/// What a row means: a kind of event such as `receipt`, one whose quantity has the other sign such as `-adjustment`, or
/// `skip`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum KindMapping {
    /// An event.
    Event {
        /// Its kind.
        kind: StockKind,
        /// Whether the row's quantity has the other sign.
        negate: bool,
    },
    /// Nothing of ours.
    Skip,
}

impl TryFrom<String> for KindMapping {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "skip" {
            return Ok(Self::Skip);
        }
        let (name, negate) = text.strip_prefix('-').map_or((text.as_str(), false), |name| (name, true));
        let kind = StockKind::ALL.into_iter().find(|kind| kind.name() == name);
        kind.map(|kind| Self::Event { kind, negate }).ok_or_else(|| {
            let names: Vec<&str> = StockKind::ALL.into_iter().map(StockKind::name).collect();
            format!("{text:?} is neither `skip` nor one of {}, with a - before it or not", names.join(", "))
        })
    }
}

impl From<KindMapping> for String {
    fn from(meaning: KindMapping) -> Self {
        match meaning {
            KindMapping::Event { kind, negate } => format!("{}{}", if negate { "-" } else { "" }, kind.name()),
            KindMapping::Skip => "skip".to_owned(),
        }
    }
}

/// Where a row says it. A text without places is the same for every row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fields {
    /// The system's own name of the transaction. A state has none: its name is made from what it says, and this only names
    /// its row to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Template>,
    /// The item.
    pub sku: Template,
    /// The location.
    pub location: Template,
    /// How much.
    pub quantity: Template,
    /// The unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Template>,
    /// When it happened. A full refresh may do without: its states are as of when the source was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Template>,
    /// The lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<Template>,
    /// When the lot expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Template>,
    /// The paper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Template>,
    /// Where a transfer goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Template>,
    /// The day on which a purchase order or a production run is to be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Template>,
    /// The line of a shop's order; rows in which one of its three is missing are about none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderFields>,
}

/// Where a row names the line of a shop's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderFields {
    /// The shop's domain.
    pub shop: Template,
    /// The order's number in the shop's API.
    pub order: Template,
    /// The line's number there.
    pub line: Template,
}

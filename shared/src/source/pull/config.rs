//! The configuration of one feed of a system. The types here are the JSON of its configuration file; `check` validates it when
//! it is read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::source::StockKind;
use crate::source::pull::check;
use crate::source::pull::template::{JsonPointer, Template};
use crate::source::pull::times::{TimeFormat, Times};

/// A validated configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Feed", into = "Feed")]
pub struct PullConfig(Feed);

impl PullConfig {
    /// The configuration of the feed.
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

/// The configuration of one feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Feed {
    /// The address, with `{since}` and the placeholders that its paging needs: `{offset}`, `{page}`, `{cursor}`, `{size}`.
    pub url: String,
    /// The HTTP method.
    #[serde(default)]
    pub method: PullMethod,
    /// Headers of the request. Secrets do not belong here; `auth` names them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// How the request authenticates.
    #[serde(default)]
    pub auth: PullAuth,
    /// The JSON body of a POST. Its texts may contain the same placeholders as the URL. A text that is only a placeholder for
    /// a number becomes that number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// What an answer looks like.
    #[serde(default)]
    pub format: PullFormat,
    /// The pointer to the list of rows in an answer. Empty when the answer is the list.
    #[serde(default = "everything")]
    pub rows: JsonPointer,
    /// How the rest of the rows is asked for.
    #[serde(default)]
    pub paging: Paging,
    /// Whether a run requests new rows or all rows.
    #[serde(default)]
    pub mode: PullMode,
    /// By what new rows are known. Only for a delta feed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<FeedProgress>,
    /// Whether rows come in rising order. Only then the watermark moves before the end of a run.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ordered: bool,
    /// Whether all rows of one item and location are added up to one state, over bins and lots. Only for a full refresh.
    #[serde(default, skip_serializing_if = "is_false")]
    pub aggregate: bool,
    /// The kind of event of a row.
    pub kind: KindOf,
    /// Where the fields of an event are in a row.
    pub fields: Fields,
    /// The formats of times. Times without an offset are by the clock of the system (`time_zone` of the connector).
    #[serde(default = "rfc3339")]
    pub times: Times,
    /// Our names of the system's units, where they differ, e.g. `EA` is `each`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<String, String>,
    /// The number of digits after the point that the system keeps of its quantities, if it calculates with floats. What floats
    /// add below them (453.00000000000006) is rounded away. Without it, a quantity with more than 6 digits fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimals: Option<u32>,
    /// The shortest time between two complete runs, in minutes. Without it, every scheduled run pulls the feed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_minutes: Option<u32>,
}

fn everything() -> JsonPointer {
    JsonPointer::try_from(String::new()).expect("the empty pointer is valid")
}

fn rfc3339() -> Times {
    Times { read: TimeFormat::Rfc3339, write: None }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// The HTTP method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullMethod {
    /// GET, without a body.
    #[default]
    Get,
    /// POST, with a JSON body.
    Post,
}

/// How a request authenticates. It names an entry of the sources' secret and never contains the secret.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "scheme", rename_all = "snake_case")]
pub enum PullAuth {
    /// No authentication.
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
        at: JsonPointer,
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
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Paging {
    /// There is one page.
    #[default]
    None,
    /// The answer holds the next page's address. It must be of the same server.
    NextLink {
        /// The pointer to the address. The last page has no value there.
        path: JsonPointer,
    },
    /// By `{offset}`. Each page begins with the last rows of the page before, so that rows that move while they are read are
    /// noticed. This needs a complete order of the rows.
    Offset {
        /// `{size}`: the rows of a page.
        size: u64,
        /// Which offsets the system takes.
        #[serde(default, skip_serializing_if = "OffsetRule::is_any")]
        offset: OffsetRule,
        /// The pointer to a value that is true when there are more rows. Without it and `total`, a short page is the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        more: Option<JsonPointer>,
        /// The pointer to the number of all rows, in place of `more`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total: Option<JsonPointer>,
        /// The most rows that the system gives of one query, if it ends there without an error. Ordered rows then go on from
        /// the newest row; other rows fail, because their rest cannot be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        most: Option<u64>,
    },
    /// By `{page}`. Rows that move while they are read are not noticed, so this is only for rows that keep their place.
    Page {
        /// `{size}`: the rows of a page.
        size: u64,
        /// The number of the first page.
        #[serde(default = "one")]
        first: u64,
    },
    /// By `{cursor}`, which is empty at first.
    Cursor {
        /// The pointer to the next cursor. The last page has no value there.
        path: JsonPointer,
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

/// Which offsets a system takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OffsetRule {
    /// Every offset. Pages overlap by one row.
    #[default]
    Any,
    /// Multiples of the page size. A page is smaller than `size` where only so it can overlap with the page before, so the
    /// request must contain `{size}`.
    MultipleOfSize,
}

impl OffsetRule {
    fn is_any(&self) -> bool {
        *self == Self::Any
    }
}

impl Paging {
    /// The page size, where the request sets it.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::None | Self::NextLink { .. } | Self::Cursor { .. } => None,
            Self::Offset { size, .. } | Self::Page { size, .. } | Self::Progress { size } => Some(*size),
        }
    }
}

/// What a run requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullMode {
    /// Rows that are new since the watermark.
    #[default]
    Delta,
    /// All rows, in every run.
    Full,
}

/// By what new rows are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum FeedProgress {
    /// A time of the source. The request must ask for rows *at or after* `{since}`.
    Time {
        /// The row's time; without it the time of the event. If possible, the time at which a row appears or changes, not a
        /// booking date.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<Template>,
        /// How far each run looks back before the newest row seen, in seconds, because rows may appear late.
        overlap_seconds: u32,
        /// Where the first run begins; 1970 without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start: Option<jiff::Timestamp>,
    },
    /// A number that rises with every row. The request must ask for rows *after* `{since}`.
    Sequence {
        /// The row's number.
        value: Template,
        /// How far each run looks back before the newest row seen, because a number may be assigned before its row is visible.
        #[serde(default)]
        overlap: u64,
        /// The number after which the first run begins.
        #[serde(default)]
        start: u64,
    },
}

/// The kind of event of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KindOf {
    /// The same kind for every row.
    Always(KindMapping),
    /// The kind depends on a value.
    By {
        /// The value.
        value: Template,
        /// The kind for each value.
        map: BTreeMap<String, KindMapping>,
        /// The kind for any other value. Without it, a row with another value fails.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        otherwise: Option<KindMapping>,
    },
}

impl KindOf {
    /// All kinds that rows can have.
    pub fn meanings(&self) -> impl Iterator<Item = KindMapping> {
        match self {
            Self::Always(meaning) => vec![*meaning],
            Self::By { map, otherwise, .. } => map.values().chain(otherwise).copied().collect(),
        }
        .into_iter()
    }
}

/// The meaning of a row: a kind of event such as `receipt`, a kind whose quantity has the opposite sign such as `-adjustment`,
/// or `skip`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum KindMapping {
    /// An event.
    Event {
        /// The kind of event.
        kind: StockKind,
        /// Whether the quantity of the row has the opposite sign.
        negate: bool,
    },
    /// The row is skipped.
    Skip,
}

impl TryFrom<String> for KindMapping {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "skip" {
            return Ok(Self::Skip);
        }
        let (name, negate) = text.strip_prefix('-').map_or((text.as_str(), false), |name| (name, true));
        let kind = StockKind::ALL.iter().copied().find(|kind| kind.name() == name);
        kind.map(|kind| Self::Event { kind, negate }).ok_or_else(|| {
            let names: Vec<&str> = StockKind::ALL.iter().map(|kind| kind.name()).collect();
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

/// Where the fields of an event are in a row. A text without a pointer is the same for every row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields {
    /// The system's own id of the transaction. A state has no id: its event id is made from its content, and this field only
    /// names its row in messages.
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
    /// When it happened. A full refresh may omit it: its states then have the time of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Template>,
    /// The lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<Template>,
    /// When the lot expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Template>,
    /// The reference of the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Template>,
    /// The destination of a transfer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Template>,
    /// The day on which the units of a purchase order or a production run are expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Template>,
    /// The line of a shop's order. A row in which one of its three fields is missing belongs to no order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderFields>,
}

/// Where a row names the line of a shop's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderFields {
    /// The shop's domain.
    pub shop: Template,
    /// The order's number in the shop's API.
    pub order: Template,
    /// The line's number in the shop's API.
    pub line: Template,
}

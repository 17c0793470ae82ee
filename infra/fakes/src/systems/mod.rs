//! Small fakes of systems that a connector pulls. A fake has a list of documents and a list of stock, and each interface is one
//! file. It answers over HTTP ([`Served`]) or in this process ([`InProcess`]).
//!
//! A fake implements only what the configurations in `infra/connectors/` use of an interface: those paths, parameters and fields.
//! Within that it is as strict as the documentation of the system: it refuses a wrong secret, a page that the system does not
//! give, and a field that it does not know, and rows without a complete order change places from request to request.

mod in_process;
mod lines;
mod netsuite;
mod odoo;
mod sap;
mod server;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

pub use in_process::InProcess;
pub use server::Served;

/// The interface that a fake has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// SAP S/4HANA: OData 2, material documents and stock.
    Sap,
    /// NetSuite: SuiteQL.
    NetSuite,
    /// Odoo: JSON-RPC, `search_read`.
    Odoo,
    /// A feed of changes, one JSON object per line.
    Lines,
}

/// A transaction of a system, with the system's own codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its number; later documents have higher numbers.
    pub id: u64,
    /// Its kind, as the system names it.
    pub kind: &'static str,
    /// The item.
    pub item: String,
    /// The location.
    pub location: String,
    /// The destination, for a document with two locations.
    pub to: Option<String>,
    /// The amount, as the system writes it.
    pub quantity: String,
    /// The unit.
    pub unit: String,
    /// The time at which it happened and was last changed.
    pub at: Timestamp,
    /// The source document that it belongs to.
    pub reference: Option<String>,
}

/// Stock in one bin, of one lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stock {
    /// The item.
    pub item: String,
    /// The location.
    pub location: String,
    /// The lot or bin.
    pub bin: String,
    /// The amount, as the system writes it.
    pub quantity: String,
    /// The unit.
    pub unit: String,
}

/// A fault in one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The answer is correct.
    None,
    /// The answer is HTTP 500.
    Internal,
    /// No answer comes.
    Silence,
    /// The answer ends early, in the middle of a row.
    Truncated,
    /// The rows of the page are in the opposite order.
    Reversed,
    /// The answer is larger than a client accepts.
    Huge,
}

type StateChange = Box<dyn FnOnce(&mut SystemState) + Send>;

/// The state of a fake system.
#[derive(Default)]
pub struct SystemState {
    /// Its transactions.
    pub documents: Vec<Document>,
    /// Its stock.
    pub stock: Vec<Stock>,
    /// Its clock.
    pub now: Timestamp,
    /// The clock by which the system writes times without an offset; UTC without it. Odoo always writes UTC.
    pub zone: Option<TimeZone>,
    /// The most rows of a page of SAP, if that is not the usual number.
    pub page: usize,
    /// The most rows of one query of NetSuite, if that is not the usual number.
    pub most_rows: Option<usize>,
    /// The base unit of each unit that is no base unit, and how many it holds. NetSuite answers in base units.
    pub base_units: BTreeMap<String, (String, i64)>,
    /// The faults of the next answers, in order.
    pub faults: VecDeque<Fault>,
    /// The number of requests so far.
    pub asked: usize,
    /// Changes to the state, each made right after one of the next answers, in order.
    pub meanwhile: VecDeque<StateChange>,
}

impl fmt::Debug for SystemState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemState").field("documents", &self.documents).field("stock", &self.stock).finish_non_exhaustive()
    }
}

/// A request to a fake system.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub path: String,
    pub query: BTreeMap<String, String>,
    pub headers: BTreeMap<String, String>,
    pub body: Value,
}

/// The status and the body of an answer; `None` if the request is never answered.
pub(crate) type Answer = Option<(u16, String)>;

/// One page of rows, and whether more rows follow.
pub(crate) struct Rows {
    pub rows: Vec<Value>,
    pub more: bool,
}

impl SystemState {
    /// Answers one request. `secret` is the secret that the request must present; `None` if the fake does not check it.
    pub(crate) fn answer(&mut self, shape: Shape, secret: Option<&str>, request: &Request) -> Answer {
        self.asked += 1;
        let fault = self.faults.pop_front().unwrap_or(Fault::None);
        let (status, text) = match shape {
            Shape::Sap => sap::answer(self, secret, request, fault == Fault::Reversed),
            Shape::NetSuite => netsuite::answer(self, secret, request, fault == Fault::Reversed),
            Shape::Odoo => odoo::answer(self, secret, request, fault == Fault::Reversed),
            Shape::Lines => lines::answer(self, secret, request, fault == Fault::Reversed),
        };
        if let Some(change) = self.meanwhile.pop_front() {
            change(self);
        }
        match fault {
            Fault::None | Fault::Reversed => Some((status, text)),
            Fault::Internal => Some((500, "{\"error\":\"planned by a test\"}".to_owned())),
            Fault::Silence => None,
            Fault::Truncated => Some((status, text.chars().take(text.chars().count() * 3 / 5).collect())),
            Fault::Huge => Some((status, " ".repeat(9 * 1024 * 1024) + &text)),
        }
    }

    fn zone(&self) -> TimeZone {
        self.zone.clone().unwrap_or(TimeZone::UTC)
    }

    /// The time of a moment by the system's clock.
    pub(crate) fn local(&self, time: Timestamp) -> DateTime {
        self.zone().to_datetime(time)
    }

    /// Formats a time by the system's clock.
    pub(crate) fn civil(&self, time: Timestamp) -> String {
        self.local(time).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// Parses a time by the system's clock. A time that occurs twice is the later one, which gives a request the fewest rows.
    pub(crate) fn time(&self, text: &str) -> Timestamp {
        let civil: DateTime = text.parse().unwrap_or_default();
        self.zone().to_ambiguous_timestamp(civil).later().unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Returns one page of these rows.
    pub(crate) fn part<T>(rows: Vec<T>, skip: usize, take: usize, reversed: bool, row: impl Fn(T) -> Value) -> Rows {
        let more = rows.len() > skip.saturating_add(take);
        let mut rows: Vec<Value> = rows.into_iter().skip(skip).take(take).map(row).collect();
        if reversed {
            rows.reverse();
        }
        Rows { rows, more }
    }
}

/// Parses a number of a request; `None` if it is missing or not a number.
pub(crate) fn number(text: Option<&String>) -> Option<usize> {
    text?.parse().ok()
}

/// Sorts rows. Rows with the same keys have no order, as in a database: they change places from request to request.
pub(crate) fn sorted<T, K: Ord>(rows: &mut [T], asked: usize, key: impl FnMut(&T) -> K) {
    if asked.is_multiple_of(2) {
        rows.reverse();
    }
    rows.sort_by_cached_key(key);
}

/// Parses a time in UTC: `2026-11-21 09:30:00`, or with a T.
pub(crate) fn time(text: &str) -> Timestamp {
    format!("{}Z", text.replace(' ', "T")).parse().unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Formats a time in UTC.
pub(crate) fn civil(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

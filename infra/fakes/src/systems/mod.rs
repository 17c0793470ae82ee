//! Small fakes of systems that are asked for stock: what they have is a list of documents and a list of stock, and each
//! shape of answer is one file. They answer over HTTP ([`Served`]) or in this process ([`InProcess`]).
//!
//! They know just enough of each interface for the configurations in `infra/connectors/`: the paths and the parts of a
//! question that are used there, and the refusal of a wrong secret.

mod in_process;
mod lines;
mod netsuite;
mod odoo;
mod sap;
mod server;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

pub use in_process::InProcess;
pub use server::Served;

/// What a fake speaks like.
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

/// Something that happened in a system. Codes are its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its number; rises.
    pub id: u64,
    /// What it is, in the system's words.
    pub kind: &'static str,
    /// The item.
    pub item: String,
    /// The location.
    pub location: String,
    /// The other location, of a document about two.
    pub to: Option<String>,
    /// How much, as the system writes it.
    pub quantity: String,
    /// The unit.
    pub unit: String,
    /// When it happened, and was last changed.
    pub at: Timestamp,
    /// The paper it belongs to.
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
    /// How much, as the system writes it.
    pub quantity: String,
    /// The unit.
    pub unit: String,
}

/// What goes wrong with one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is answered as it should be.
    None,
    /// 500.
    Internal,
    /// No answer comes.
    Silence,
    /// The answer ends too early, in the middle of something.
    Truncated,
    /// Its rows are in the opposite order.
    Reversed,
    /// It is far too large.
    Huge,
}

type Happening = Box<dyn FnOnce(&mut Books) + Send>;

/// What a system has.
#[derive(Default)]
pub struct Books {
    /// What happened.
    pub documents: Vec<Document>,
    /// What there is.
    pub stock: Vec<Stock>,
    /// Its clock.
    pub now: Timestamp,
    /// The most rows it puts on a page, where the asker does not say.
    pub page: usize,
    /// What goes wrong with the next answers, one by one.
    pub faults: VecDeque<Fault>,
    /// How often it was asked.
    pub asked: usize,
    /// What happens right after the next answers, one by one.
    pub meanwhile: VecDeque<Happening>,
}

impl fmt::Debug for Books {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Books").field("documents", &self.documents).field("stock", &self.stock).finish_non_exhaustive()
    }
}

/// What it is asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub path: String,
    pub query: BTreeMap<String, String>,
    pub headers: BTreeMap<String, String>,
    pub body: Value,
}

/// What it answers; `None`: nothing, ever.
pub(crate) type Answer = Option<(u16, String)>;

/// Rows that were asked for, and whether there are more behind them.
pub(crate) struct Rows {
    pub rows: Vec<Value>,
    pub more: bool,
}

impl Books {
    /// Answers one question. `secret`: what whoever asks must show; none where nobody looks.
    pub(crate) fn answer(&mut self, shape: Shape, secret: Option<&str>, asked: &Asked) -> Answer {
        self.asked += 1;
        let fault = self.faults.pop_front().unwrap_or(Fault::None);
        let (status, text) = match shape {
            Shape::Sap => sap::answer(self, secret, asked, fault == Fault::Reversed),
            Shape::NetSuite => netsuite::answer(self, secret, asked, fault == Fault::Reversed),
            Shape::Odoo => odoo::answer(self, secret, asked, fault == Fault::Reversed),
            Shape::Lines => lines::answer(self, secret, asked, fault == Fault::Reversed),
        };
        if let Some(happen) = self.meanwhile.pop_front() {
            happen(self);
        }
        match fault {
            Fault::None | Fault::Reversed => Some((status, text)),
            Fault::Internal => Some((500, "{\"error\":\"planned by a test\"}".to_owned())),
            Fault::Silence => None,
            Fault::Truncated => Some((status, text.chars().take(text.chars().count() * 3 / 5).collect())),
            Fault::Huge => Some((status, " ".repeat(9 * 1024 * 1024) + &text)),
        }
    }

    /// A part of these rows.
    pub(crate) fn part<T>(rows: Vec<T>, skip: usize, take: usize, reversed: bool, row: impl Fn(T) -> Value) -> Rows {
        let more = rows.len() > skip.saturating_add(take);
        let mut rows: Vec<Value> = rows.into_iter().skip(skip).take(take).map(row).collect();
        if reversed {
            rows.reverse();
        }
        Rows { rows, more }
    }
}

/// A number from outside; 0 where there is none.
pub(crate) fn number(text: Option<&String>) -> Option<usize> {
    text?.parse().ok()
}

/// A time by the system's clock, which is UTC: `2026-11-21 09:30:00`, or with a T.
pub(crate) fn time(text: &str) -> Timestamp {
    format!("{}Z", text.replace(' ', "T")).parse().unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The same the other way.
pub(crate) fn civil(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

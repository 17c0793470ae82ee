//! Whether the name of a system is the right one, and the consent to a name that probably is not.
//!
//! The name of a system is part of the id of each of its events. So a file that is fed under a wrong name, or a second connector
//! under one, applies every event again. The commands therefore ask before they use a name that nothing in the table has
//! ([`UnknownSystem`]), and before they apply events that another system has sent ([`FedBefore`]).

use std::collections::BTreeSet;
use std::{fmt, io};

use promissory::catalog::{SystemId, nearest};
use promissory::ledger::{AppliedEvent, LedgerEvent};
use promissory::ports::{Store, StoreError, read, read_rows};
use promissory::source::{Heartbeat, System, parse};
use promissory::table::RowKey;
use serde_json::Value;

use crate::catalog::rows;
use crate::table::Table;

/// A system that has no connector, has sent no event, and has no code in the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownSystem {
    name: SystemId,
    known: BTreeSet<SystemId>,
}

impl UnknownSystem {
    /// Looks for a system in a table; `None` if the table knows it. Only for an unknown one is the whole table read.
    ///
    /// # Errors
    /// When the table cannot be read. The error says what to do.
    pub async fn find(table: &Table, name: &SystemId) -> io::Result<Option<Self>> {
        let store = table.store();
        let (connector, _) = read::<System, _>(&store, &RowKey::System(name.clone())).await.map_err(|e| table.cannot(&e))?;
        let (seen, _) = read::<Heartbeat, _>(&store, &RowKey::Heartbeat(name.to_string())).await.map_err(|e| table.cannot(&e))?;
        if connector.is_some() || seen.is_some() {
            return Ok(None);
        }
        let stored = rows::read(table).await?;
        let known: BTreeSet<SystemId> = stored.systems().into_iter().cloned().collect();
        Ok((!known.contains(name)).then(|| Self { name: name.clone(), known }))
    }

    /// The systems that the table knows.
    #[must_use]
    pub fn known(&self) -> &BTreeSet<SystemId> {
        &self.known
    }

    /// The known system whose name is so close that this one may be mistyped.
    #[must_use]
    pub fn near(&self) -> Option<&str> {
        nearest(self.name.as_str(), self.known.iter().map(SystemId::as_str))
    }
}

impl fmt::Display for UnknownSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the system {} is not known: no connector, no event and no code in the table names it.", self.name)?;
        if let Some(near) = self.near() {
            write!(f, " Did you mean {near}?")?;
        }
        match self.known.iter().map(SystemId::as_str).collect::<Vec<_>>().join(", ").as_str() {
            "" => write!(f, " The table knows no system yet."),
            known => write!(f, " Known are {known}."),
        }
    }
}

/// An event of a file that is in the ledger already, under another system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FedBefore {
    /// The line of the event.
    line: usize,
    /// The system under which it was applied.
    other: SystemId,
    /// The system under which it would be applied again.
    name: SystemId,
}

impl FedBefore {
    /// The number of events at the beginning of a file that are compared with the ledger.
    const COMPARED: usize = 20;

    /// Looks for the first events of a file under the names of `others`. Only an event with the same id and content counts.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn find<S: Store>(
        store: &S,
        name: &SystemId,
        others: &BTreeSet<SystemId>,
        text: &str,
    ) -> Result<Option<Self>, StoreError> {
        let lines = (1..).zip(text.lines()).filter_map(|(number, line)| Some((number, serde_json::from_str(line).ok()?)));
        let lines: Vec<(usize, Value)> = lines.take(Self::COMPARED).collect();
        for other in others.iter().filter(|other| *other != name) {
            let event = |(line, value): &(usize, Value)| Some((*line, LedgerEvent::Stock(parse(other, value).ok()?)));
            let events: Vec<(usize, LedgerEvent)> = lines.iter().filter_map(event).collect();
            let mark = |event: &LedgerEvent| RowKey::AppliedEvent(event.id().clone());
            // A file may name an event twice.
            let marks: BTreeSet<RowKey> = events.iter().map(|(_, event)| mark(event)).collect();
            if marks.is_empty() {
                continue;
            }
            let rows = read_rows(store, marks).await?;
            for (line, event) in &events {
                if rows.get::<AppliedEvent>(&mark(event))?.is_some_and(|known| known.content == event.content()) {
                    return Ok(Some(Self { line: *line, other: other.clone(), name: name.clone() }));
                }
            }
        }
        Ok(None)
    }
}

impl fmt::Display for FedBefore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, other, name } = self;
        write!(f, "line {line} is in the ledger already, as an event of {other}: {name} may be the wrong name.")
    }
}

/// The consent to what is usually a mistake: an option, or the answer of a person.
pub struct Consent<'a> {
    /// The option `--new-system`: the system is new.
    pub new_system: bool,
    /// The option `--apply-again`: events that another system has sent are applied again.
    pub apply_again: bool,
    /// Asks a person; `None` if no person can answer.
    pub ask: &'a dyn Fn(&str) -> Option<bool>,
}

impl fmt::Debug for Consent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { new_system, apply_again, ask: _ } = self;
        f.debug_struct("Consent").field("new_system", new_system).field("apply_again", apply_again).finish_non_exhaustive()
    }
}

impl Consent<'_> {
    /// Whether a command may use a system that the table does not know.
    ///
    /// # Errors
    /// When the consent is missing. The error says how to give it.
    pub fn to_unknown(&self, system: &UnknownSystem) -> io::Result<()> {
        let name = &system.name;
        self.given(self.new_system, system, &format!("Is {name} a new system?"), &format!("If {name} is new, add --new-system."))
    }

    /// Whether a command may apply events again that another system has sent.
    ///
    /// # Errors
    /// When the consent is missing. The error says how to give it.
    pub fn to_again(&self, events: &FedBefore) -> io::Result<()> {
        let advice = "If both systems have sent it, and both mean other units, add --apply-again.";
        self.given(self.apply_again, events, "Apply the file again, under this name?", advice)
    }

    fn given(&self, by_option: bool, doubt: &dyn fmt::Display, question: &str, advice: &str) -> io::Result<()> {
        if by_option {
            return Ok(());
        }
        match (self.ask)(&format!("{doubt}\n{question}")) {
            Some(true) => Ok(()),
            Some(false) => Err(io::Error::other("the answer is no, and nothing is written")),
            None => Err(io::Error::other(format!("{doubt} Nothing is written. {advice}"))),
        }
    }
}

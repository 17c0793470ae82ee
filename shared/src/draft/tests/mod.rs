//! Tests of stock events, decided over rows held in memory: what each kind does, what is refused, and that order does not
//! matter.

mod convergence;
mod kinds;
mod shops;
mod waiting;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::catalog::{Item, Location, LocationKind, Network, Place, Quantity, Sku, SystemItem};
use crate::draft::{Draft, DraftError, EventOutcome};
use crate::ledger::{LedgerEvent, Position, replay};
use crate::movement::{Balance, Movement, PositionKey};
use crate::source::{ScheduledReceipt, ScheduledReceipts, StockEvent, StockEventFormatError, WaitingForMapping, parse};
use crate::table::{Expect, Key, MAX_WRITES, Record, Row, RowKey, Write};

/// A ledger in memory: two warehouses, three items, and a warehouse system that uses other codes for some of them.
pub struct TestLedger {
    pub rows: BTreeMap<Key, Record>,
    pub network: Network,
    /// Seconds since the beginning.
    pub second: i64,
    events: usize,
    /// The rows of each transaction.
    pub transactions: Vec<Vec<Write>>,
}

/// A time, in seconds since the beginning.
pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("in range")
}

pub fn sku(name: &str) -> Sku {
    name.parse().expect("a SKU")
}

impl TestLedger {
    pub fn new() -> Self {
        let place = |code: &str, in_wms: Option<&str>| Location {
            systems: in_wms.map(|code| ("wms".parse().expect("a system"), code.to_owned())).into_iter().collect(),
            ..Location::new(code.parse().expect("a code"), LocationKind::Warehouse)
        };
        let network = Network::new([place("WH-1", None), place("WH-2", Some("0002"))]);
        let mut ledger = Self { rows: BTreeMap::new(), network, second: 0, events: 0, transactions: Vec::new() };
        let factor = |factor: &str| factor.parse().expect("a factor");
        let unit = |unit: &str| unit.parse().expect("a unit");
        ledger.put(&Item { units: [(unit("case"), factor("12"))].into(), ..Item::new(sku("A")) });
        ledger.put(&Item { unit: Some(unit("g")), ..Item::new(sku("G")) });
        ledger.put(&Item { by_lot: true, ..Item::new(sku("L")) });
        let system = "wms".parse().expect("a system");
        let units = [(unit("case"), factor("6"))].into();
        ledger.put(&SystemItem { system, code: "4711".to_owned(), sku: sku("A"), unit: Some(unit("case")), units });
        ledger
    }

    pub fn put<R: Row>(&mut self, row: &R) {
        let expect = Expect::as_read(self.rows.get(&row.key()));
        self.write(&[Write::put(row, expect)]);
    }

    fn write(&mut self, writes: &[Write]) {
        for write in writes {
            let key = write.key();
            match write.record() {
                Some(record) => {
                    assert_eq!(*write.expect(), Expect::as_read(self.rows.get(key)), "{key} was not as expected");
                    self.rows.insert(key.clone(), record);
                }
                None => drop(self.rows.remove(key)),
            }
        }
    }

    /// Commits a group of events in as few transactions as possible.
    pub fn take(&mut self, group: &[(LedgerEvent, Option<Key>)]) -> Vec<EventOutcome> {
        let (mut outcomes, mut read) = (Vec::new(), BTreeMap::new());
        while outcomes.len() < group.len() {
            let mut draft = Draft::new(&self.network, &read, at(self.second));
            let (mut decided, mut needs) = (Vec::new(), None);
            for (event, lane) in &group[outcomes.len()..] {
                match draft.add(event, lane.as_ref(), None) {
                    Ok(Some(outcome)) => decided.push(outcome),
                    Ok(None) => break,
                    Err(DraftError::Needs(keys)) => {
                        needs = Some(keys);
                        break;
                    }
                    Err(DraftError::Unreadable(error)) => panic!("{error}"),
                }
            }
            let writes = draft.writes();
            if let Some(keys) = needs {
                assert!(keys.iter().all(|key| !read.contains_key(key)), "a draft asks for no row that was read already");
                read.extend(keys.into_iter().map(|key| (key.clone(), self.rows.get(&key).cloned())));
                continue;
            }
            assert!(writes.len() <= MAX_WRITES, "{} rows", writes.len());
            self.write(&writes);
            read = read.into_keys().map(|key| (key.clone(), self.rows.get(&key).cloned())).collect();
            self.transactions.push(writes);
            outcomes.extend(decided);
        }
        outcomes
    }

    /// Parses a short form of an event: a kind, an amount, then any of `@location`, `sku=`, `ref=`, `to=`, `lot=`, `unit=`,
    /// `due=`, `line=`, `t=`, `id=`.
    pub fn event(&mut self, short: &str) -> Result<StockEvent, StockEventFormatError> {
        self.events += 1;
        let mut words = short.split_whitespace();
        let (kind, quantity) = (words.next().expect("a kind"), words.next().expect("an amount"));
        let mut event =
            json!({ "id": format!("e{}", self.events), "kind": kind, "quantity": quantity, "sku": "A", "location": "WH-1" });
        event["occurred_at"] = json!(at(self.second).to_string());
        for word in words {
            let (field, value) = word.split_once('=').unwrap_or(("location", word.trim_start_matches('@')));
            let (field, value) = match field {
                "ref" => ("reference", json!(value)),
                "t" => ("occurred_at", json!(at(value.parse().expect("a second")).to_string())),
                "order" => {
                    ("order", json!({ "shop": "a.myshopify.com", "order": 1, "line": value.parse::<u64>().expect("a line") }))
                }
                "id" | "sku" | "location" | "to" | "lot" | "expires" | "unit" | "due" | "line" => (field, json!(value)),
                other => panic!("{other} is not a field of the short form"),
            };
            event[field] = value;
        }
        parse(&"wms".parse().expect("a system"), &event)
    }

    /// Receives one event in short form. Returns its outcome and its movements.
    pub fn receive(&mut self, short: &str) -> (EventOutcome, Vec<Movement>) {
        self.second += 1;
        let event = self.event(short).unwrap_or_else(|malformed| panic!("{short}: {malformed}"));
        let before = self.movements().len();
        let id = event.id.clone();
        let outcome = self.take(&[(LedgerEvent::Stock(event), None)]).remove(0);
        let mut made: Vec<Movement> = self.movements().into_iter().filter(|movement| movement.cause.event == id).collect();
        made.truncate(self.movements().len() - before);
        (outcome, made)
    }

    pub fn rows<R: Row>(&self, is_one: fn(&RowKey) -> bool) -> Vec<R> {
        let rows = self.rows.values().filter(|row| RowKey::parse(&row.key).as_ref().is_some_and(is_one));
        rows.map(|row| row.decode().expect("it can be read")).collect()
    }

    pub fn movements(&self) -> Vec<Movement> {
        self.rows(|row| matches!(row, RowKey::Movement { .. }))
    }

    pub fn waiting(&self) -> Vec<WaitingForMapping> {
        self.rows(|row| matches!(row, RowKey::Waiting { .. }))
    }

    /// The open scheduled receipts of an item.
    pub fn incoming(&self, name: &str) -> Vec<ScheduledReceipt> {
        let row = self.rows.get(&RowKey::Receipts(sku(name)).key());
        row.map_or_else(Vec::new, |row| row.decode::<ScheduledReceipts>().expect("it can be read").incoming(None))
    }

    pub fn position(&self, name: &str, place: &str) -> Position {
        let of = PositionKey::new(sku(name), Place::At(place.parse().expect("a code")));
        self.rows
            .get(&RowKey::Position(of.clone()).key())
            .map_or_else(|| Position::empty(of), |row| row.decode().expect("it can be read"))
    }

    pub fn balance(&self, place: &str) -> Balance {
        self.position("A", place).balance
    }

    /// Checks that every position equals the result of its movements, lots included.
    pub fn check(&self) {
        let movements = self.movements();
        for position in self.rows::<Position>(|row| matches!(row, RowKey::Position(_))) {
            let of: Vec<Movement> = movements.iter().filter(|movement| movement.of == position.of).cloned().collect();
            replay::verify(&position, &of).unwrap_or_else(|mismatch| panic!("{mismatch}"));
        }
    }
}

/// Whole units.
pub fn units(units: i64) -> Quantity {
    Quantity::new(units)
}

/// A JSON event with one field replaced, or removed where it is null.
pub fn with(event: &Value, field: &str, value: Value) -> Value {
    let mut event = event.clone();
    event[field] = value;
    event
}

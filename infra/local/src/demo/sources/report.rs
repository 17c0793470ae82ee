//! What came out of the morning: the table and the shop, compared with the script and the model.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;

use promissory::catalog::{Place, Quantity};
use promissory::ledger::{EventId, InboxEvent, Kind, Movement};
use promissory::promise::Promise;
use promissory::source::{StockKind, Waiting, Waits};
use serde::Serialize;

use super::model::{Expected, Model, model};
use super::statement::{Fate, Statement};
use super::world::{Item, Site, System};
use super::{Played, Script, SourcesConfig};
use crate::audit::{Books, compare_orders};
use crate::demo::report::{Percentiles, between, percentiles};
use crate::shopify::{Server, Shop};
use crate::stack::Stack;

/// What came out. Serialises to the one line of `--json`.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Distinct events that were sent: another content under the same name is another one.
    pub events: usize,
    /// Events that are in the ledger, each exactly once.
    pub applied_once: usize,
    /// Events that had to be refused, and left no trace in the ledger.
    pub refused: usize,
    /// Events that wait for a mapping.
    pub unmapped: usize,
    /// Whether every promise is what the formula makes of the script and the shop's orders, at every place.
    pub ats_equals_formula: bool,
    /// Whether the shop shows that supply, at every level.
    pub shopify_equals_ats: bool,
    /// Whether every position is where its movements lead.
    pub ledger_equals_positions: bool,
    /// Orders of which the ledger holds too little or too much.
    pub orders_wrong: usize,
    /// Seconds from the first event to the last one sent.
    pub seconds: u64,
    /// Seconds from there until all of it was in the ledger.
    pub catching_up_seconds: u64,
    /// Batches that were sent, by system; of the ERP how often it was asked.
    pub batches: BTreeMap<&'static str, usize>,
    /// From being sent to being in the ledger, by system; of the ERP from being in its books, the time it was down included.
    pub freshness_ms: BTreeMap<&'static str, Percentiles>,
    #[serde(skip)]
    extra: Extra,
}

/// What people want to see as well.
#[derive(Debug, Clone, Default)]
struct Extra {
    expected: [usize; 3],
    sent: String,
    answers: String,
    movements: usize,
    while_down: usize,
    killed: usize,
    repeated: usize,
    kept: u64,
    at_rest: bool,
    problems: Vec<String>,
}

impl Report {
    /// Audits a played morning.
    ///
    /// # Errors
    /// When the stack cannot be read.
    pub async fn of(
        config: &SourcesConfig,
        script: &Script,
        played: &Played,
        stack: &Stack,
        server: &Server,
    ) -> io::Result<Self> {
        let books = Books::read(&stack.dynamodb(), &stack.outputs.table_name).await?;
        let kept = stack.waiting(&stack.outputs.source_failures_url).await?;
        Ok(server.shop(|shop| Self::compare(config, script, played, &books, shop, kept)))
    }

    fn compare(config: &SourcesConfig, script: &Script, played: &Played, books: &Books, shop: &Shop, kept: u64) -> Self {
        let mut problems = Vec::new();
        let fates = fates(script, books, &mut problems);
        let expected = model(script, &played.log.placed, shop);
        let promised = wrong_promises(&expected, books);
        let shown = wrong_levels(&expected, books, shop);
        let mismatches: Vec<String> = books.mismatches().iter().map(ToString::to_string).collect();
        let orders = compare_orders(books, shop);
        let must = |which: fn(Fate) -> bool| script.statements.iter().filter(|statement| which(statement.fate)).count();
        let of = |name: &str| script.deliveries.iter().filter(|delivery| format!("{:?}", delivery.way) == name).count();
        let answers: Vec<String> = played.log.answers.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
        let report = Self {
            events: config.events(),
            applied_once: fates.applied,
            refused: fates.refused,
            unmapped: fates.unmapped,
            ats_equals_formula: promised.is_empty(),
            shopify_equals_ats: shown.is_empty(),
            ledger_equals_positions: mismatches.is_empty(),
            orders_wrong: orders.lost + orders.duplicates,
            seconds: played.playing.as_secs(),
            catching_up_seconds: played.catching_up.as_secs(),
            batches: played.log.batches.clone(),
            freshness_ms: freshness(script, played, books),
            extra: Extra {
                expected: [must(|fate| fate == Fate::Applied), must(Fate::is_refused), must(|fate| fate == Fate::Unmapped)],
                sent: format!("{} late, {} again", of("Late"), of("Again")),
                answers: answers.join(", "),
                movements: books.all_movements().count(),
                while_down: played.log.while_down,
                killed: played.log.killed,
                repeated: played.log.repeated,
                kept,
                at_rest: played.at_rest,
                problems: Vec::new(),
            },
        };
        problems.extend(promised);
        problems.extend(shown);
        problems.extend(mismatches);
        Self { extra: Extra { problems, ..report.extra }, ..report }
    }

    /// Whether nothing went wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        [self.applied_once, self.refused, self.unmapped] == self.extra.expected
            && self.extra.expected.iter().sum::<usize>() == self.events
            && self.ats_equals_formula
            && self.shopify_equals_ats
            && self.ledger_equals_positions
            && self.orders_wrong == 0
            && self.extra.at_rest
            && self.extra.problems.is_empty()
    }

    /// The table for people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = String::new();
        let mut row = |name: &str, value: String| writeln!(table, "  {name:<38} {value}").expect("writing to a string");
        let [applied, refused, unmapped] = self.extra.expected;
        row("events", format!("{} ({})", self.events, self.extra.sent));
        row("applied exactly once", format!("{} of {applied}", self.applied_once));
        row("refused", format!("{} of {refused}", self.refused));
        row("waiting for a mapping", format!("{} of {unmapped}", self.unmapped));
        row("answers over HTTP", self.extra.answers.clone());
        row("batches on the bus given up", self.extra.kept.to_string());
        row("pulls while the ERP was down", self.extra.while_down.to_string());
        row("movements in the ledger", self.extra.movements.to_string());
        row("promises equal the formula", self.ats_equals_formula.to_string());
        row("the shop shows what we say", self.shopify_equals_ats.to_string());
        row("ledger equals positions", self.ledger_equals_positions.to_string());
        row("orders that are wrong", self.orders_wrong.to_string());
        row("seconds", format!("{}, and {} to catch up", self.seconds, self.catching_up_seconds));
        for (system, fresh) in &self.freshness_ms {
            let batches = self.batches.get(system).copied().unwrap_or_default();
            let name = format!("{system}: from sent to ledger");
            row(&name, format!("p50 {} ms, p95 {} ms, p99 {} ms, {batches} batches", fresh.p50, fresh.p95, fresh.p99));
        }
        if self.extra.killed > 0 {
            row("function processes killed", self.extra.killed.to_string());
        }
        if self.extra.repeated > 0 {
            row("batches sent again without an answer", self.extra.repeated.to_string());
        }
        if !self.extra.at_rest {
            row("NOT AT REST", "something was still on its way when the time was up".into());
        }
        for problem in self.extra.problems.iter().take(20) {
            row("WRONG", problem.clone());
        }
        table
    }
}

/// What the table says became of the statements.
#[derive(Debug, Default)]
struct Fates {
    applied: usize,
    refused: usize,
    unmapped: usize,
}

fn fates(script: &Script, books: &Books, problems: &mut Vec<String>) -> Fates {
    let mut caused: BTreeMap<&EventId, Vec<&Movement>> = BTreeMap::new();
    for movement in books.all_movements() {
        caused.entry(&movement.cause.event).or_default().push(movement);
    }
    let mut fates = Fates::default();
    let mut explained: BTreeSet<EventId> = BTreeSet::new();
    let is_state = |id: &EventId| id.source == System::Erp.code() && id.id.starts_with("state-");
    // The connector names a state by its content: here it is enough that there are as many as were said.
    let states_said = script.statements.iter().filter(|statement| statement.id().is_none()).count();
    let states = books.marks.keys().filter(|id| is_state(id)).count();
    fates.applied += states.min(states_said);
    for statement in &script.statements {
        let Some(id) = statement.id() else { continue };
        let id = EventId::new(statement.system.code(), id);
        let known = (books.marks.get(&id), books.waiting.iter().any(|waiting| names(waiting, &id)));
        let trouble = match (statement.fate, known) {
            (Fate::Applied, (Some(_), false)) => twice(statement, caused.get(&id).map(Vec::as_slice).unwrap_or_default()),
            (Fate::Applied, (None, true)) => Some("still waits for a mapping".to_owned()),
            (Fate::Applied, (None, false)) => Some("is not in the ledger".to_owned()),
            (Fate::Unmapped, (None, true)) | (Fate::Malformed | Fate::HalfAPiece, (None, false)) => None,
            // The first one stands: its own statement, which has the same name, has looked at what it did.
            (Fate::Contradiction, (Some(_), false)) => None,
            (_, (mark, waits)) => {
                Some(format!("mark {}, waiting {waits}, where it must be {:?}", mark.is_some(), statement.fate))
            }
        };
        explained.insert(id.clone());
        match (trouble, statement.fate) {
            (Some(trouble), _) => problems.push(format!("{id} ({}) {trouble}", statement.kind.name())),
            (None, Fate::Applied) => fates.applied += 1,
            (None, Fate::Unmapped) => fates.unmapped += 1,
            (None, Fate::Malformed | Fate::HalfAPiece | Fate::Contradiction) => fates.refused += 1,
        }
    }
    let ours = |id: &&EventId| System::ALL.iter().any(|system| system.code() == id.source);
    let strangers = books.marks.keys().filter(ours).filter(|id| !is_state(id) && !explained.contains(*id));
    problems.extend(strangers.map(|id| format!("{id} is in the ledger, and nobody said it")));
    if states > states_said {
        problems.push(format!("{states} states are in the ledger, where {states_said} were said"));
    }
    fates
}

/// What is wrong with the movements of a statement, if they are not those of having been applied once.
fn twice(statement: &Statement, movements: &[&Movement]) -> Option<String> {
    if statement.order.is_some() {
        return None; // Of an order's units the order's own audit knows more.
    }
    let kinds = movements.iter().map(|movement| movement.kind);
    let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
    kinds.for_each(|kind| *counts.entry(kind).or_default() += 1);
    if let Some((kind, count)) = counts.iter().find(|(_, count)| **count > 1) {
        return Some(format!("made {count} movements {kind:?}"));
    }
    let wanted = main_movement(statement)?;
    let made = movements.iter().find(|movement| movement.kind == wanted);
    let units = Quantity::new(statement.units.abs());
    made.is_none_or(|made| made.quantity != units || made.of.sku.as_str() != statement.item.sku())
        .then(|| format!("must have made one {wanted:?} of {units}"))
}

/// The movement that an event makes whatever was said before it, if it makes one.
fn main_movement(statement: &Statement) -> Option<Kind> {
    match statement.kind {
        StockKind::Receipt => Some(Kind::Receipt),
        StockKind::ProductionCompleted => Some(Kind::Produce),
        StockKind::ComponentIssue => Some(Kind::Issue),
        StockKind::Adjustment => Some(if statement.units < 0 { Kind::Lost } else { Kind::Found }),
        StockKind::WriteOff => Some(Kind::WriteOff),
        StockKind::TransferOut => Some(Kind::TransferOut),
        StockKind::TransferIn => Some(Kind::TransferIn),
        StockKind::CustomerReturn => Some(Kind::Return),
        StockKind::PosPosting => Some(Kind::Sell),
        StockKind::Shipment => Some(Kind::Deliver),
        StockKind::Count
        | StockKind::Balance
        | StockKind::QualityHold
        | StockKind::QualityRelease
        | StockKind::TransferLoss
        | StockKind::Allocation
        | StockKind::Deallocation
        | StockKind::PosSale
        | StockKind::PosVoid
        | StockKind::WholesaleAllocation
        | StockKind::WholesaleRelease => None,
    }
}

/// Promises that are not what the formula makes of what must be there, place by place and of the whole network.
fn wrong_promises(expected: &Model, books: &Books) -> Vec<String> {
    let promises: BTreeMap<&str, &Promise> = books.promises.iter().map(|promise| (promise.sku.as_str(), promise)).collect();
    let mut wrong = Vec::new();
    for item in Item::all() {
        let sku = item.sku();
        let Some(promise) = promises.get(sku.as_str()) else {
            wrong.push(format!("{sku} has no promise"));
            continue;
        };
        let mut online = 0;
        for site in Site::ALL {
            let must = expected.get(&(item, site)).copied().unwrap_or_default();
            let place = promise.places.iter().find(|(place, _)| place.to_string() == site.code());
            let is = place.map(|(_, at)| Expected {
                on_hand: at.balance.on_hand.units(),
                reserved: at.balance.reserved.units(),
                held: at.balance.held.units(),
                pos_pending: at.balance.pos_pending.units(),
                allocated: at.balance.allocated.units(),
                wholesale: at.balance.wholesale.units(),
                in_transit: at.balance.in_transit.units(),
                ahead: at.balance.ahead.units(),
                available: at.available.units(),
                supply: must.supply, // Of the shop's level, which is looked at there.
            });
            if is != Some(must) {
                wrong.push(format!("{sku}@{}: promised from {is:?}, where it must be {must:?}", site.code()));
            }
            online += if site == Site::Store { 0 } else { must.available };
        }
        let nowhere = promise.places.get(&Place::Unassigned).map_or(0, |at| at.available.units());
        if promise.available.units() != online || nowhere != 0 {
            let is = promise.available;
            wrong.push(format!("{sku}: {is} promised, {nowhere} of them nowhere, where it must be {online}"));
        }
    }
    wrong
}

/// Levels at which the shop does not show the supply that must be there.
fn wrong_levels(expected: &Model, books: &Books, shop: &Shop) -> Vec<String> {
    let mut wrong = Vec::new();
    for ((item, site), must) in expected {
        let sku = item.sku();
        let shown = shop.item(&sku).and_then(|known| {
            let at = shop.locations().find(|location| location.name == site.code())?;
            shop.level(known.id, at.id).map(crate::shopify::Level::on_hand)
        });
        let level = books.levels.iter().find(|level| level.sku.as_str() == sku && level.location.as_str() == site.code());
        let say = level.map(|level| level.supply.units());
        if (shown, say) != (Some(must.supply), Some(must.supply)) {
            wrong.push(format!(
                "{sku}@{}: the shop shows {shown:?}, we say {say:?}, and it must be {}",
                site.code(),
                must.supply
            ));
        }
    }
    wrong
}

/// From being sent for the first time to being in the ledger.
fn freshness(script: &Script, played: &Played, books: &Books) -> BTreeMap<&'static str, Percentiles> {
    let mut times: BTreeMap<&'static str, Vec<u64>> = BTreeMap::new();
    for (of, sent) in &played.log.first_sent {
        let statement = &script.statements[*of];
        let id = statement.id().filter(|_| statement.fate == Fate::Applied);
        let mark: Option<&InboxEvent> = id.and_then(|id| books.marks.get(&EventId::new(statement.system.code(), id)));
        if let Some(mark) = mark {
            times.entry(statement.system.code()).or_default().push(between(*sent, mark.applied_at));
        }
    }
    times.into_iter().map(|(system, times)| (system, percentiles(times))).collect()
}

/// Whether this event is what waits.
fn names(waiting: &Waiting, id: &EventId) -> bool {
    match &waiting.what {
        Waits::Event(event) => event.id == *id,
        Waits::Order { .. } => false,
    }
}

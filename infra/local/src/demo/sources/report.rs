//! The report of the morning: compares the table and the shop with the script and the model.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use promissory::catalog::Place;
use promissory::ledger::AppliedEvent;
use promissory::movement::EventId;
use promissory::promise::Promise;
use promissory_fakes::oracle::Open;
use promissory_fakes::shopify::{Server, Shop};
use serde::Serialize;

use super::expected::{Expected, ExpectedBalances, expected_balances};
use super::master_data::{Item, Site};
use super::outcomes::OutcomeCounts;
use super::reported_event::ExpectedOutcome;
use super::script::Sending;
use super::{PlayResult, Script, SourcesConfig};
use crate::audit::{TableContents, compare_orders};
use crate::demo::report::{Percentiles, between, percentiles};
use crate::stack::Stack;

/// The result of the morning. It serialises to the line of `--json`.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The number of distinct events that were sent. The same id with other content counts as another event.
    pub events: usize,
    /// The number of events that are in the ledger, each exactly once.
    pub applied_once: usize,
    /// The number of events that had to be refused and are not in the ledger.
    pub refused: usize,
    /// The number of events that wait for a mapping.
    pub unmapped: usize,
    /// Whether every promise equals the formula over the script and the shop's orders, at every place.
    pub ats_equals_formula: bool,
    /// Whether the shop shows the expected supply at every level.
    pub shopify_equals_ats: bool,
    /// Whether every position is the fold of its movements.
    pub ledger_equals_positions: bool,
    /// The number of orders of which the ledger holds too few or too many units.
    pub orders_wrong: usize,
    /// Seconds from the first event to the last one that was sent.
    pub seconds: u64,
    /// Seconds from then until every event was in the ledger.
    pub catching_up_seconds: u64,
    /// The number of batches that were sent, by system; for the ERP, the number of pulls.
    pub batches: BTreeMap<&'static str, usize>,
    /// From the first sending of an event to its commit, by system; for the ERP, from its document, with the time that it was
    /// down.
    pub freshness_ms: BTreeMap<&'static str, Percentiles>,
    #[serde(skip)]
    extra: Extra,
}

/// Further values that only the table for people shows.
#[derive(Debug, Clone, Default)]
struct Extra {
    expected: [usize; 3],
    sent: String,
    answers: String,
    movements: usize,
    while_down: usize,
    killed: usize,
    repeated: usize,
    dead_lettered: u64,
    at_rest: bool,
    problems: Vec<String>,
}

impl Report {
    /// Audits a morning.
    ///
    /// # Errors
    /// When the stack cannot be read.
    pub async fn of(
        config: &SourcesConfig,
        script: &Script,
        played: &PlayResult,
        stack: &Stack,
        server: &Server,
    ) -> io::Result<Self> {
        let contents = TableContents::read(&stack.dynamodb(), &stack.outputs.table_name).await?;
        let dead_lettered = stack.waiting(&stack.outputs.source_failures_url).await?;
        Ok(server.shop(|shop| Self::compare(config, script, played, &contents, shop, dead_lettered)))
    }

    fn compare(
        config: &SourcesConfig,
        script: &Script,
        played: &PlayResult,
        contents: &TableContents,
        shop: &Shop,
        dead_lettered: u64,
    ) -> Self {
        let mut problems = Vec::new();
        let outcomes = OutcomeCounts::of(script, contents, &mut problems);
        let expected = expected_balances(script, &played.log.placed, shop);
        let promised = wrong_promises(&expected, contents);
        let shown = wrong_levels(&expected, contents, shop);
        let mismatches: Vec<String> = contents.mismatches().iter().map(ToString::to_string).collect();
        let orders = compare_orders(contents, shop);
        let must = |which: fn(ExpectedOutcome) -> bool| script.events.iter().filter(|event| which(event.expected)).count();
        let of = |sending: Sending| script.deliveries.iter().filter(|delivery| delivery.sending == sending).count();
        let answers: Vec<String> = played.log.answers.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
        let report = Self {
            events: config.events(),
            applied_once: outcomes.applied,
            refused: outcomes.refused,
            unmapped: outcomes.unmapped,
            ats_equals_formula: promised.is_empty(),
            shopify_equals_ats: shown.is_empty(),
            ledger_equals_positions: mismatches.is_empty(),
            orders_wrong: orders.lost + orders.duplicates,
            seconds: played.playing.as_secs(),
            catching_up_seconds: played.catching_up.as_secs(),
            batches: played.log.batches.clone(),
            freshness_ms: freshness(script, played, contents),
            extra: Extra {
                expected: [
                    must(|outcome| outcome == ExpectedOutcome::Applied),
                    must(ExpectedOutcome::is_refused),
                    must(|outcome| outcome == ExpectedOutcome::Unmapped),
                ],
                sent: format!("{} late, {} again", of(Sending::Late), of(Sending::Repeated)),
                answers: answers.join(", "),
                movements: contents.all_movements().count(),
                while_down: played.log.while_down,
                killed: played.log.killed,
                repeated: played.log.repeated,
                dead_lettered,
                at_rest: played.at_rest,
                problems: Vec::new(),
            },
        };
        problems.extend(promised);
        problems.extend(shown);
        problems.extend(mismatches);
        Self { extra: Extra { problems, ..report.extra }, ..report }
    }

    /// Whether the audit found no error.
    #[must_use]
    pub fn is_correct(&self) -> bool {
        [self.applied_once, self.refused, self.unmapped] == self.extra.expected
            && self.extra.expected.iter().sum::<usize>() == self.events
            && self.ats_equals_formula
            && self.shopify_equals_ats
            && self.ledger_equals_positions
            && self.orders_wrong == 0
            && self.extra.at_rest
            && self.extra.problems.is_empty()
    }

    /// The report as a table for people.
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
        row("bus batches in the dead-letter queue", self.extra.dead_lettered.to_string());
        row("pulls while the ERP was down", self.extra.while_down.to_string());
        row("movements in the ledger", self.extra.movements.to_string());
        row("promises equal the formula", self.ats_equals_formula.to_string());
        row("shop levels equal the supply", self.shopify_equals_ats.to_string());
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
            row("NOT AT REST", "work was left when the time was over".into());
        }
        for problem in self.extra.problems.iter().take(20) {
            row("WRONG", problem.clone());
        }
        table
    }
}

/// Promises that differ from the expected numbers, at a place or in the network.
fn wrong_promises(expected: &ExpectedBalances, contents: &TableContents) -> Vec<String> {
    let promises: BTreeMap<&str, &Promise> = contents.promises.iter().map(|promise| (promise.sku.as_str(), promise)).collect();
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
                open: Open::found(at.balance, 0),
                ahead: at.balance.shipped_ahead.units(),
                available: at.available.units(),
                supply: must.supply, // A promise has no supply: `wrong_levels` compares it.
            });
            if is != Some(must) {
                wrong.push(format!("{sku}@{}: the promise is {is:?}, expected {must:?}", site.code()));
            }
            online += if site == Site::Store { 0 } else { must.available };
        }
        let unassigned = promise.places.get(&Place::Unassigned).map_or(0, |at| at.available.units());
        if promise.available.units() != online || unassigned != 0 {
            let is = promise.available;
            wrong.push(format!("{sku}: {is} promised, {unassigned} of them unassigned, expected {online} and 0"));
        }
    }
    wrong
}

/// Levels at which the stored supply or the shop differs from the expected supply.
fn wrong_levels(expected: &ExpectedBalances, contents: &TableContents, shop: &Shop) -> Vec<String> {
    let mut wrong = Vec::new();
    for ((item, site), must) in expected {
        let sku = item.sku();
        let shown = shop.item(&sku).and_then(|known| {
            let at = shop.locations().find(|location| location.name == site.code())?;
            shop.level(known.id, at.id).map(promissory_fakes::shopify::Level::on_hand)
        });
        let level = contents.levels.iter().find(|level| level.sku.as_str() == sku && level.location.as_str() == site.code());
        let supply = level.map(|level| level.supply.units());
        if (shown, supply) != (Some(must.supply), Some(must.supply)) {
            wrong.push(format!(
                "{sku}@{}: the shop shows {shown:?}, the supply is {supply:?}, expected {}",
                site.code(),
                must.supply
            ));
        }
    }
    wrong
}

/// The time from the first sending of an event to its commit.
fn freshness(script: &Script, played: &PlayResult, contents: &TableContents) -> BTreeMap<&'static str, Percentiles> {
    let mut times: BTreeMap<&'static str, Vec<u64>> = BTreeMap::new();
    for (of, sent) in &played.log.first_sent {
        let event = &script.events[*of];
        let id = event.id().filter(|_| event.expected == ExpectedOutcome::Applied);
        let mark: Option<&AppliedEvent> = id.and_then(|id| contents.marks.get(&EventId::new(event.system.code(), id)));
        if let Some(mark) = mark {
            times.entry(event.system.code()).or_default().push(between(*sent, mark.applied_at));
        }
    }
    times.into_iter().map(|(system, times)| (system, percentiles(times))).collect()
}

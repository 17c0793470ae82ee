//! The expected stock of an item at a location, computed from all stock events (see [`promissory_fakes::oracle`]), and the
//! expected state of each event: applied, waiting or refused.

use std::collections::BTreeSet;

use promissory::alert::{Alert, AlertState, AlertSubject};
use promissory::catalog::{LocationId, Sku};
use promissory::ledger::LedgerEvent;
use promissory::order::ReportKind;
use promissory::source::{StockKind, parse};
use promissory_fakes::oracle::{Open, change, stock_at};

use crate::check::Checker;
use crate::world::World;
use crate::world::batches::system_id;
use crate::world::stock_events::{Mapping, SYSTEMS, SourceEvent, item_code, location_code};

impl World {
    /// The events in the ledger. Where two contents share one id, only the recorded one.
    pub fn applied(&self, checker: &Checker) -> Vec<&SourceEvent> {
        let domain = self.ports.shop().config().domain.clone();
        let is_it = |event: &SourceEvent, content: &str| {
            let event = parse(&system_id(event.system), &event.body(&domain)).expect("a valid event can be parsed");
            LedgerEvent::Stock(event).content() == content
        };
        let stands = |event: &&SourceEvent| {
            let mark = checker.marks.get(&event.name());
            mark.is_some_and(|mark| !self.sources.two_contents.contains(&event.name()) || is_it(event, &mark.content))
        };
        self.sources.events.iter().filter(stands).collect()
    }

    /// On-hand units of an item at a location and the open commitments, from the applied events.
    pub fn received(applied: &[&SourceEvent], sku: &Sku, code: &LocationId) -> (i64, Open) {
        let moves_by_itself = |event: &SourceEvent| match event.kind.properties().report {
            Some(ReportKind::Allocated | ReportKind::Deallocated) => event.order.is_none(),
            Some(ReportKind::Shipped | ReportKind::Returned) => event.order.is_none() || event.of_kit,
            None => true,
        };
        let of = applied.iter().filter(|event| event.sku == *sku && moves_by_itself(event));
        let facts: Vec<_> = of.map(|event| event.fact()).collect();
        stock_at(&facts, &code, 0)
    }

    /// Units of an item that stock events bring to a location, and that they take off it.
    pub fn brought_and_taken(applied: &[&SourceEvent], sku: &Sku, code: &LocationId) -> (i64, i64) {
        let of = applied.iter().filter(|event| event.sku == *sku && event.at == *code && event.order.is_none());
        let changes = of.map(|event| change(event.kind, event.units));
        changes.fold((0, 0), |(brought, taken), units| (brought + units.max(0), taken + (-units).max(0)))
    }

    /// Counts the cases where a newer count superseded an older one.
    pub fn note_superseded(&self, applied: &[&SourceEvent]) {
        let states =
            applied.iter().filter(|event| matches!(event.kind, StockKind::OpeningStock | StockKind::Count | StockKind::Balance));
        let mut places = BTreeSet::new();
        if states.filter(|event| !places.insert((&event.sku, &event.at))).count() > 0 {
            self.coverage.note("count superseded");
        }
    }

    /// Checks that every event is in the ledger, refused, or waiting for its missing mapping, and that no other event is there
    /// or waits.
    pub(super) fn source_differences(&self, checker: &Checker, differences: &mut Vec<String>) {
        let mut expected = BTreeSet::new();
        let mut unfit = BTreeSet::new();
        let late = self.sources.late.iter().flat_map(|batch| batch.events.iter().map(move |(id, ..)| (batch.system, id)));
        let late: BTreeSet<String> = late.filter_map(|(system, id)| Some(format!("{system}#{}", id.as_ref()?))).collect();
        let came = |name: &String| checker.marks.contains_key(name) || checker.waiting.values().any(|(_, waits)| waits == name);
        for event in &self.sources.events {
            let name = event.name();
            if late.contains(&name) && !came(&name) {
                continue; // The batch has not been delivered.
            }
            let missing = event.needs().into_iter().find(|need| self.sources.unmapped.contains(need));
            if let Some(missing) = missing {
                let waits = match missing {
                    Mapping::Location(at) => {
                        format!("location#{}#{}", location_code(event.system, &at), event.system)
                    }
                    Mapping::Item(sku) => format!("item#{}#{}", item_code(event.system, &sku), event.system),
                    Mapping::Pallet(sku) => format!("item#{}#{}#in#pallet", item_code(event.system, &sku), event.system),
                };
                expected.insert((waits, name));
            } else if !event.is_whole() {
                let id = name.split_once('#').map_or(name.as_str(), |(_, id)| id);
                unfit.insert((
                    format!("item#{}#{}#correction#{id}", item_code(event.system, &event.sku), event.system),
                    name.clone(),
                ));
            } else if !checker.marks.contains_key(&name) {
                differences.push(format!("{name} is not in the ledger: {event:?}"));
            }
        }
        let waiting: BTreeSet<(String, String)> =
            checker.waiting.values().filter(|(missing, _)| !missing.starts_with("shop_")).cloned().collect();
        for (missing, name) in waiting.difference(&expected).filter(|waits| !unfit.contains(*waits)) {
            differences.push(format!("{name} waits for {missing}, which is not missing"));
        }
        for (missing, name) in expected.difference(&waiting) {
            differences.push(format!("{name} should wait for {missing}"));
        }
        let known: BTreeSet<String> =
            self.sources.events.iter().filter(|event| event.is_whole()).map(SourceEvent::name).collect();
        for name in checker.marks.keys().filter(|name| SYSTEMS.iter().any(|system| name.starts_with(&format!("{system}#")))) {
            if !known.contains(name) {
                differences.push(format!("{name} is in the ledger, but no system sent it"));
            }
        }
    }

    /// Checks that each waiting event and each refusal has an alert.
    pub(super) fn missing_alert_differences(&self, checker: &Checker, differences: &mut Vec<String>) {
        // A person closes the alert of a refused event after the system sends valid events, so a cleared one counts.
        let stands =
            |alert: &&Alert| alert.state == AlertState::Raised || matches!(alert.subject, AlertSubject::RefusedEvent { .. });
        let raised: BTreeSet<String> = checker.alerts.values().filter(stands).map(|alert| alert.subject.to_string()).collect();
        let waiting = checker.waiting.values().map(|(missing, _)| {
            let mut parts = missing.split('#'); // The rest names the unit, or the amount that does not fit.
            let (what, code, system) = (parts.next(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let rule = match what {
                Some("item") => "unmapped_item",
                Some("location") => "unmapped_facility",
                Some("shop_item") => "unmapped_sku",
                _ => "unmapped_location",
            };
            format!("{rule}#{system}#{code}")
        });
        let refused = self.sources.refused.0.iter().map(|system| format!("refused_event#{system}"));
        for what in waiting.chain(refused).collect::<BTreeSet<String>>().difference(&raised) {
            differences.push(format!("the alert {what} is missing"));
        }
    }
}

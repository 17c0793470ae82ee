//! What there must be of an item at a location, by everything that systems said (see [`promissory_fakes::oracle`]), and which of
//! it is in the ledger, waits or is refused.

use std::collections::BTreeSet;

use promissory::alert::{Alert, AlertState, AlertSubject};
use promissory::catalog::{LocationId, Sku};
use promissory::ledger::LedgerEvent;
use promissory::source::{StockKind, parse};
use promissory_fakes::oracle::{Open, stock_at};

use crate::check::Checker;
use crate::world::World;
use crate::world::parcels::system_id;
use crate::world::said::{Mapping, SYSTEMS, Said, item_code, location_code};

impl World {
    /// The events that are in the ledger: of two contents of one id the one that came first.
    pub fn applied(&self, checker: &Checker) -> Vec<&Said> {
        let domain = self.line.shop().config().domain.clone();
        let is_it = |said: &Said, content: &str| {
            let event = parse(&system_id(said.system), &said.body(&domain)).expect("what fits can be read");
            LedgerEvent::Stock(event).content() == content
        };
        let stands = |said: &&Said| {
            let mark = checker.marks.get(&said.name());
            mark.is_some_and(|content| !self.sources.two_contents.contains(&said.name()) || is_it(said, content))
        };
        self.sources.said.iter().filter(stands).collect()
    }

    /// What systems say there is of an item at a location, with what their papers leave open.
    pub fn received(applied: &[&Said], sku: &Sku, code: &LocationId) -> (i64, Open) {
        let of = applied.iter().filter(|said| said.sku == *sku && said.order.is_none());
        let facts: Vec<_> = of.map(|said| said.fact()).collect();
        stock_at(&facts, &code, 0)
    }

    /// Notes where a count came to nothing, or to less, because of a newer one.
    pub fn note_superseded(&self, applied: &[&Said]) {
        let states = applied.iter().filter(|said| matches!(said.kind, StockKind::Count | StockKind::Balance));
        let mut places = BTreeSet::new();
        if states.filter(|said| !places.insert((&said.sku, &said.at))).count() > 0 {
            self.met.note("count superseded");
        }
    }

    /// Every event is in the ledger, or refused, or waits for what it lacks; and nothing else is there or waits.
    pub(super) fn source_differences(&self, checker: &Checker, differences: &mut Vec<String>) {
        let mut expected = BTreeSet::new();
        let mut unfit = BTreeSet::new();
        let late = self.sources.late.iter().flat_map(|parcel| parcel.events.iter().map(move |(id, ..)| (parcel.system, id)));
        let late: BTreeSet<String> = late.filter_map(|(system, id)| Some(format!("{system}#{}", id.as_ref()?))).collect();
        let came = |name: &String| checker.marks.contains_key(name) || checker.waiting.values().any(|(_, waits)| waits == name);
        for said in &self.sources.said {
            let name = said.name();
            if late.contains(&name) && !came(&name) {
                continue; // Its day has not come.
            }
            let missing = said.needs().into_iter().find(|need| self.sources.unmapped.contains(need));
            if let Some(missing) = missing {
                let waits = match missing {
                    Mapping::Till(at) => {
                        format!("location#{}#{}", location_code(said.system, &at), said.system)
                    }
                    Mapping::Item(sku) => format!("item#{}#{}", item_code(said.system, &sku), said.system),
                    Mapping::Pallet(sku) => format!("item#{}#{}#in#pallet", item_code(said.system, &sku), said.system),
                };
                expected.insert((waits, name));
            } else if !said.fits {
                let id = name.split_once('#').map_or(name.as_str(), |(_, id)| id);
                unfit.insert((format!("item#{}#{}#fit#{id}", item_code(said.system, &said.sku), said.system), name.clone()));
            } else if !checker.marks.contains_key(&name) {
                differences.push(format!("{name} is not in the ledger: {said:?}"));
            }
        }
        let waiting: BTreeSet<(String, String)> =
            checker.waiting.values().filter(|(missing, _)| !missing.starts_with("shop_")).cloned().collect();
        for (missing, name) in waiting.difference(&expected).filter(|waits| !unfit.contains(*waits)) {
            differences.push(format!("{name} waits for {missing} for nothing"));
        }
        for (missing, name) in expected.difference(&waiting) {
            differences.push(format!("{name} should wait for {missing}"));
        }
        let known: BTreeSet<String> = self.sources.said.iter().filter(|said| said.fits).map(Said::name).collect();
        for name in checker.marks.keys().filter(|name| SYSTEMS.iter().any(|system| name.starts_with(&format!("{system}#")))) {
            if !known.contains(name) {
                differences.push(format!("{name} was never said, and is in the ledger"));
            }
        }
    }

    /// What waits, and what was refused, is told.
    pub(super) fn untold_differences(&self, checker: &Checker, differences: &mut Vec<String>) {
        // What a system had to correct is told, and closed once it sends what can be taken.
        let stands =
            |alert: &&Alert| alert.state == AlertState::Raised || matches!(alert.subject, AlertSubject::RefusedEvent { .. });
        let told: BTreeSet<String> = checker.alerts.values().filter(stands).map(|alert| alert.subject.to_string()).collect();
        let waiting = checker.waiting.values().map(|(missing, _)| {
            let mut parts = missing.split('#'); // What follows is why: a unit, or that it does not fit.
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
        for what in waiting.chain(refused).collect::<BTreeSet<String>>().difference(&told) {
            differences.push(format!("nobody is told of {what}"));
        }
    }
}

//! What other systems have to say: receipts and losses, counts, papers that open and close, and what a warehouse does with
//! the shop's orders. Often late, seldom in order.
//!
//! What is sold is not counted in these worlds: a count of it would have to be held against shipments by the second, and
//! the model could not tell which of two in one second it has seen. What is not sold is counted all the time.

use std::collections::BTreeSet;

use promissory::catalog::{LineId, LocationId, OrderId, Sku};
use promissory::ports::Clock;
use promissory::source::{DocumentKind, StockKind};
use promissory_fakes::oracle::change;
use promissory_fakes::shopify::{FulfilmentStatus, LocationId as ShopLocation, Order};

use super::World;
use super::build::{LOTS, PAPERS, RAW, number};
use super::said::{CASE, Mapping, PALLET, Parcel, SYSTEMS, Said};

/// A paper that something was said of.
#[derive(Debug, Clone)]
pub struct Known {
    reference: String,
    paper: DocumentKind,
    sku: Sku,
    at: LocationId,
    to: LocationId,
}

impl Known {
    /// A paper about an item, from one location to another.
    pub fn new(reference: String, paper: DocumentKind, sku: Sku, (at, to): (LocationId, LocationId)) -> Self {
        Self { reference, paper, sku, at, to }
    }

    /// Whether it is from here.
    pub fn is_from(&self, at: &LocationId) -> bool {
        self.at == *at
    }
}

/// What the systems around a world said, and what is still on its way.
#[derive(Debug, Default)]
pub struct Sources {
    /// Every event that was ever said, by name; of an id that was used twice both.
    pub said: Vec<Said>,
    /// Batches on their way.
    pub parcels: Vec<Parcel>,
    /// Batches that come days late.
    pub late: Vec<Parcel>,
    /// Papers that something was said of.
    pub documents: Vec<Known>,
    /// Mappings that are not there yet.
    pub unmapped: Vec<Mapping>,
    /// Events whose id was used for two contents.
    pub two_contents: BTreeSet<String>,
    /// Systems of which something must have been refused, and those of which something may have been.
    pub refused: (BTreeSet<&'static str>, BTreeSet<&'static str>),
    /// When anything happened: no two things at the same moment.
    pub moments: BTreeSet<i64>,
}

/// What happens without a paper.
const PLAIN: [StockKind; 8] = [
    StockKind::Receipt,
    StockKind::Receipt,
    StockKind::ProductionCompleted,
    StockKind::ComponentIssue,
    StockKind::Adjustment,
    StockKind::Adjustment,
    StockKind::WriteOff,
    StockKind::CustomerReturn,
];

/// What of it never lowers supply, where adjustments go up.
const GROWING: [StockKind; 4] =
    [StockKind::Receipt, StockKind::ProductionCompleted, StockKind::Adjustment, StockKind::CustomerReturn];

fn kinds_of(paper: DocumentKind) -> &'static [StockKind] {
    match paper {
        DocumentKind::Ticket => &[StockKind::PosSale, StockKind::PosVoid, StockKind::PosPosting],
        DocumentKind::Transfer => &[StockKind::TransferOut, StockKind::TransferIn, StockKind::TransferLoss],
        DocumentKind::Hold => &[StockKind::QualityHold, StockKind::QualityRelease],
        DocumentKind::Outbound => &[
            StockKind::Allocation,
            StockKind::Deallocation,
            StockKind::Shipment,
            StockKind::WholesaleAllocation,
            StockKind::WholesaleRelease,
        ],
    }
}

impl World {
    /// A system sends what has happened there.
    pub(super) fn a_system_talks(&mut self) {
        // A shop that goes live is set outright where it is quiet, which it must be at times.
        if !self.climate.told && self.rng.per_mille(600) {
            return;
        }
        let system = *self.rng.pick(&SYSTEMS);
        let said: Vec<Said> = (0..self.rng.up_to(6)).filter_map(|_| self.something_happens(system)).collect();
        if !said.is_empty() {
            self.says(system, said);
        }
    }

    /// One event of a system.
    pub fn something_happens(&mut self, system: &'static str) -> Option<Said> {
        match self.rng.below(10) {
            0..3 => self.of_an_order(system),
            3..7 => Some(self.of_a_paper(system)),
            _ => Some(self.of_no_paper(system)),
        }
    }

    /// An event as plain as can be.
    pub fn event(&mut self, system: &'static str, kind: StockKind, (sku, at): (Sku, LocationId), units: i64) -> Said {
        let id = (self.sources.said.len() + self.sources.moments.len() + 1).to_string();
        let (to, reference, due, lot, order, unit, fits) = (None, None, None, None, None, None, true);
        let occurred_at = self.moment(0);
        let amount = units.to_string();
        Said { system, id, kind, sku, at, to, units, fits, occurred_at, reference, due, lot, order, unit, amount }
    }

    /// A moment so many milliseconds ago, at which nothing else happened.
    fn moment(&mut self, ago: i64) -> jiff::Timestamp {
        // A clock that is behind takes what is younger than it for just now, and a count for older than it is.
        let margin = if self.climate.skew > 0 { 12 * 60 * 1_000 } else { 0 };
        let mut at = self.clock.now().as_millisecond() - margin - ago - 1;
        while !self.sources.moments.insert(at) {
            at -= 1;
        }
        jiff::Timestamp::from_millisecond(at).expect("a simulation is short")
    }

    /// An event of which it is left to chance how it is said.
    pub(super) fn said(&mut self, system: &'static str, kind: StockKind, of: (Sku, LocationId), units: i64) -> Said {
        let sku = of.0.clone();
        let mut said = self.event(system, kind, of, units);
        let ago = match self.rng.below(10) {
            0..5 => 0,
            5..8 => self.rng.up_to(10 * 60 * 1_000),
            _ => self.rng.up_to(6 * 60 * 60 * 1_000),
        };
        said.occurred_at = self.moment(ago);
        let unit = match (system, self.rng.below(20)) {
            ("wms", 0..5) => Some(("case", CASE)),
            ("tpl", 0..3) => Some(("pallet", PALLET)),
            _ => None,
        };
        // What is sold comes by the pallet, and seldom goes so: customers shall find some of it.
        let goes = change(kind, units) <= 0 && !self.unsold.contains(&sku) && self.rng.per_mille(700);
        if let Some((unit, factor)) = unit.filter(|_| !goes) {
            (said.unit, said.units) = (Some(unit), units * factor);
            if self.rng.per_mille(200) {
                (said.units, said.amount) = (factor / 2, "0.5".to_owned());
            }
        }
        if self.rng.per_mille(self.climate.odd_sources / 2) {
            (said.unit, said.amount, said.fits) = (None, "1.5".to_owned(), false);
        }
        if sku.as_str() == LOTS && self.rng.per_mille(600) {
            said.lot = Some(format!("L{}", self.rng.up_to(3)));
        }
        said
    }

    fn some_item(&self) -> (Sku, bool) {
        if self.rng.per_mille(400) {
            return (self.rng.pick(&self.items).0.sku.clone(), true);
        }
        (self.rng.pick(&self.unsold).clone(), false)
    }

    fn of_no_paper(&mut self, system: &'static str) -> Said {
        let ((sku, is_sold), at) = (self.some_item(), self.rng.pick(&self.codes).0.clone());
        let grows = is_sold && self.climate.only_grows;
        if (sku.as_str() == RAW || sku.as_str() == PAPERS) && self.rng.per_mille(400) {
            let kind = if sku.as_str() == RAW && self.rng.per_mille(600) { StockKind::Count } else { StockKind::Balance };
            let units = self.rng.up_to(15) - 1;
            return self.said(system, kind, (sku, at), units);
        }
        let kind = if grows { *self.rng.pick(&GROWING) } else { *self.rng.pick(&PLAIN) };
        let mut units = self.rng.up_to(6);
        if kind == StockKind::Adjustment && !grows && self.rng.per_mille(400) {
            units = -units;
        }
        let mut said = self.said(system, kind, (sku, at), units);
        if kind == StockKind::Adjustment && units < 0 && said.units > 0 {
            (said.units, said.unit, said.amount) = (units, None, units.to_string());
        }
        said
    }

    /// A paper is opened or closed, in part or too much; or closed before it is opened.
    fn of_a_paper(&mut self, system: &'static str) -> Said {
        let paper = if self.sources.documents.is_empty() || self.rng.per_mille(400) {
            let Some(paper) = self.new_paper() else { return self.of_no_paper(system) };
            self.sources.documents.push(paper.clone());
            paper
        } else {
            self.rng.pick(&self.sources.documents).clone()
        };
        let (kind, units) = (*self.rng.pick(kinds_of(paper.paper)), self.rng.up_to(4));
        self.of_this(system, &paper, kind, units)
    }

    /// An event of a paper.
    pub fn of_this(&mut self, system: &'static str, paper: &Known, kind: StockKind, units: i64) -> Said {
        let there = matches!(kind, StockKind::TransferIn | StockKind::TransferLoss);
        let at = if there { paper.to.clone() } else { paper.at.clone() };
        let mut said = self.said(system, kind, (paper.sku.clone(), at), units);
        let unnamed = paper.paper == DocumentKind::Hold && self.rng.per_mille(200);
        said.reference = (!unnamed).then(|| paper.reference.clone());
        said.to = (kind == StockKind::TransferOut).then(|| paper.to.clone());
        said
    }

    fn new_paper(&mut self) -> Option<Known> {
        let (sku, is_sold) = self.some_item();
        if is_sold && self.climate.only_grows {
            return None;
        }
        let paper = *self.rng.pick(&[DocumentKind::Ticket, DocumentKind::Transfer, DocumentKind::Hold, DocumentKind::Outbound]);
        // What tills have sold is gone for a count: when they said so, the model does not want to know.
        let paper = if paper == DocumentKind::Ticket && sku.as_str() == RAW { DocumentKind::Transfer } else { paper };
        Some(self.paper(paper, sku))
    }

    /// A paper nothing was said of yet.
    pub fn paper(&self, paper: DocumentKind, sku: Sku) -> Known {
        let from = self.rng.below(self.codes.len());
        let (at, to) = (self.codes[from].0.clone(), self.codes[(from + 1) % self.codes.len()].0.clone());
        Known::new(format!("P-{}", self.sources.documents.len() + 1), paper, sku, (at, to))
    }

    /// A warehouse tells what it did with an order of the shop.
    fn of_an_order(&mut self, system: &'static str) -> Option<Said> {
        let order = self.some_order()?;
        let kinds: &[StockKind] = if self.climate.only_grows {
            &[StockKind::Allocation, StockKind::Allocation, StockKind::Deallocation]
        } else {
            &[
                StockKind::Allocation,
                StockKind::Allocation,
                StockKind::Deallocation,
                StockKind::Shipment,
                StockKind::Shipment,
                StockKind::Shipment,
                StockKind::Shipment,
                StockKind::CustomerReturn,
            ]
        };
        let kind = *self.rng.pick(kinds);
        let (line, sku, most, home) = {
            let shop = self.line.shop();
            let order = shop.order(order)?;
            let lines: Vec<_> = order.lines.iter().filter(|line| line.tracked && self.sku_of(line.item).is_some()).collect();
            if lines.is_empty() {
                return None;
            }
            let line = *self.rng.pick(&lines);
            (line.id, self.sku_of(line.item)?.clone(), line.quantity.clamp(1, 3), home(order, line.id))
        };
        let units = self.rng.up_to(most);
        let elsewhere = self.rng.per_mille(150);
        let at = if elsewhere { None } else { home.and_then(|home| self.code_of(home)) };
        let at = at.unwrap_or_else(|| self.rng.pick(&self.codes).0.clone());
        Some(self.report(system, kind, (number(order.0), number(line.0)), (sku, at), units))
    }

    /// A report about a line of an order.
    pub fn report(
        &mut self,
        system: &'static str,
        kind: StockKind,
        (order, line): (u64, u64),
        of: (Sku, LocationId),
        units: i64,
    ) -> Said {
        let mut said = self.event(system, kind, of, units);
        said.order = Some((OrderId::new(order), LineId::new(line)));
        said
    }

    /// Our code of a location of the shop.
    pub fn code_of(&self, location: ShopLocation) -> Option<LocationId> {
        self.codes.iter().find(|(_, id)| *id == location).map(|(code, _)| code.clone())
    }
}

/// Where the shop has a line shipped from, or means to.
pub fn home(order: &Order, line: promissory_fakes::shopify::LineId) -> Option<ShopLocation> {
    let made = order.fulfilments.iter().filter(|made| made.status == FulfilmentStatus::Success);
    let made = made.filter(|made| made.lines.iter().any(|(of, _)| *of == line)).map(|made| made.location).next();
    let routed = order.fulfilment_orders.iter().filter(|routed| routed.lines.iter().any(|of| of.line == line));
    made.or_else(|| routed.map(|routed| routed.location).next_back())
}

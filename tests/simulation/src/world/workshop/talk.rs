//! What systems say of a workshop: what is ordered and to be made, that it slips or is called off, what came of it and what
//! went into it. Said as late, as often and in as strange an order as everything else.

use jiff::civil::Date;
use promissory::catalog::{Sku, day_of};
use promissory::ports::Clock;
use promissory::source::{DocumentKind, StockKind};
use promissory_fakes::shopify::Cart;

use super::{Announced, BASE, BOUGHT, sku};
use crate::world::World;
use crate::world::said::{SYSTEMS, Said};
use crate::world::talk::Known;

impl World {
    /// What happens in a workshop beside everything else.
    pub(in crate::world) fn the_workshop_goes_on(&mut self) {
        if self.rng.per_mille(40) {
            self.the_workshop_talks();
        }
        if self.rng.per_mille(40) {
            self.customer_of_the_workshop();
        }
        if self.rng.per_mille(50) {
            self.an_import_goes_on();
        }
    }

    /// Someone wants what is made to order, and more of it.
    fn customer_of_the_workshop(&mut self) {
        let Some(good) = self.workshop.as_ref().map(|workshop| self.rng.pick(&workshop.goods).to_string()) else { return };
        let cart = Cart { lines: vec![(good, self.rng.up_to(4))], ..Cart::default() };
        let is_bought = self.buy(&cart, "order of what is made").is_some();
        if is_bought && self.workshop.as_ref().is_some_and(|workshop| workshop.offered_twice) {
            self.met.note("order while units are offered twice");
        }
    }

    /// A system sends what has happened in the factory, if the world has one.
    pub(in crate::world) fn the_workshop_talks(&mut self) {
        let system = *self.rng.pick(&SYSTEMS);
        let said: Vec<Said> = (0..self.rng.up_to(3)).filter_map(|_| self.of_the_workshop(system)).collect();
        if !said.is_empty() {
            self.says(system, said);
        }
    }

    fn of_the_workshop(&mut self, system: &'static str) -> Option<Said> {
        let factory = self.workshop.as_ref()?.factory.clone();
        let bought = sku(BOUGHT[self.rng.below(BOUGHT.len())]);
        let units = self.rng.up_to(5);
        Some(match self.rng.below(16) {
            0..2 => self.said(system, StockKind::Receipt, (bought, factory), units),
            2..4 => self.announces(system, StockKind::PurchaseOrder, bought, units)?,
            4..6 => {
                let made = self.something_made()?;
                self.announces(system, StockKind::ProductionRun, made, units)?
            }
            6..8 => self.announces_again(system)?,
            8..11 => self.comes_of_a_paper(system)?,
            11 => self.goes_into_a_run(system)?,
            12..14 => self.goes_to_be_sold(system)?,
            14 => {
                let kind = *self.rng.pick(&[StockKind::ComponentIssue, StockKind::WriteOff, StockKind::Adjustment]);
                self.said(system, kind, (bought, factory), 1 + units / 2)
            }
            _ => {
                let made = self.something_made()?;
                self.said(system, StockKind::ProductionCompleted, (made, factory), 1 + units / 2)
            }
        })
    }

    fn something_made(&self) -> Option<Sku> {
        let workshop = self.workshop.as_ref()?;
        Some(if self.rng.per_mille(500) { sku(BASE) } else { self.rng.pick(&workshop.goods).clone() })
    }

    /// A day about now.
    fn due(&self) -> Date {
        let today = day_of(self.clock.now());
        let days = self.rng.below(10);
        let ahead = jiff::Span::new().days(i64::try_from(days).expect("small") - 1);
        today.checked_add(ahead).expect("a simulation is short")
    }

    /// Something is ordered, or to be made.
    pub(in crate::world) fn announces(&mut self, system: &'static str, kind: StockKind, of: Sku, units: i64) -> Option<Said> {
        let factory = self.workshop.as_ref()?.factory.clone();
        let mut said = self.said(system, kind, (of.clone(), factory), units);
        let workshop = self.workshop.as_mut()?;
        let reference =
            format!("{}-{}", if kind == StockKind::PurchaseOrder { "PO" } else { "RUN" }, workshop.announced.len() + 1);
        workshop.announced.push(Announced { reference: reference.clone(), kind, sku: of, units: said.units });
        said.reference = Some(reference);
        // An order may leave it to the supplier's lead time.
        let says_when = kind == StockKind::ProductionRun || self.rng.per_mille(700);
        said.due = says_when.then(|| self.due());
        Some(said)
    }

    fn some_paper(&self) -> Option<(usize, Announced)> {
        let announced = &self.workshop.as_ref()?.announced;
        let any = self.rng.below(announced.len());
        Some((any, announced.get(any)?.clone()))
    }

    /// A paper slips, is of more or less than it was, or is called off.
    fn announces_again(&mut self, system: &'static str) -> Option<Said> {
        let (nth, known) = self.some_paper()?;
        let factory = self.workshop.as_ref()?.factory.clone();
        let units = match self.rng.below(4) {
            0 => 0,
            1 => self.rng.up_to(8),
            _ => known.units,
        };
        let mut said = self.said(system, known.kind, (known.sku, factory), units);
        said.reference = Some(known.reference);
        said.due = Some(self.due());
        self.workshop.as_mut()?.announced[nth].units = said.units;
        self.met.note(if said.units == 0 { "announcement cancelled" } else { "announcement changed" });
        Some(said)
    }

    /// Some of what was announced is there, or more than that.
    fn comes_of_a_paper(&mut self, system: &'static str) -> Option<Said> {
        let (_, known) = self.some_paper()?;
        let factory = self.workshop.as_ref()?.factory.clone();
        let is_made = known.kind == StockKind::ProductionRun;
        let kind = if is_made { StockKind::ProductionCompleted } else { StockKind::Receipt };
        let units = self.rng.up_to(known.units.clamp(1, 4));
        let mut said = self.said(system, kind, (known.sku, factory), units);
        said.reference = Some(known.reference);
        Some(said)
    }

    /// Components go into a run that names them.
    fn goes_into_a_run(&mut self, system: &'static str) -> Option<Said> {
        let (_, known) = self.some_paper()?;
        let workshop = self.workshop.as_ref()?;
        let components: Vec<Sku> = workshop.bills.get(&known.sku)?.components.keys().cloned().collect();
        let component = self.rng.pick(&components).clone();
        let (factory, units) = (workshop.factory.clone(), self.rng.up_to(3));
        let mut said = self.said(system, StockKind::ComponentIssue, (component, factory), units);
        said.reference = Some(known.reference);
        Some(said)
    }

    /// What was made goes where it is sold from.
    fn goes_to_be_sold(&mut self, system: &'static str) -> Option<Said> {
        let workshop = self.workshop.as_ref()?;
        let factory = workshop.factory.clone();
        let under_way: Vec<Known> = self.sources.documents.iter().filter(|paper| paper.is_from(&factory)).cloned().collect();
        let units = self.rng.up_to(3);
        if !under_way.is_empty() && self.rng.per_mille(600) {
            let paper = self.rng.pick(&under_way).clone();
            let kind = if self.rng.per_mille(900) { StockKind::TransferIn } else { StockKind::TransferLoss };
            return Some(self.of_this(system, &paper, kind, units));
        }
        let (good, to) = (self.rng.pick(&workshop.goods).clone(), self.rng.pick(&self.codes).0.clone());
        let paper = Known::new(format!("P-{}", self.sources.documents.len() + 1), DocumentKind::Transfer, good, (factory, to));
        self.sources.documents.push(paper.clone());
        Some(self.of_this(system, &paper, StockKind::TransferOut, units))
    }
}

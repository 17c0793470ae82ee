//! The events of a factory: purchase orders and production runs, their delays and cancellations, receipts, and issued
//! components. They are as late and as disordered as other events.

use jiff::civil::Date;
use promissory::catalog::{Sku, day_of};
use promissory::ports::Clock;
use promissory::source::{DocumentKind, StockKind};
use promissory_fakes::shopify::{Cart, Order, OrderId};

use super::{BASE, BOUGHT, KIT, ScheduledDocument, sku};
use crate::world::World;
use crate::world::sources::SourceDocument;
use crate::world::stock_events::{SYSTEMS, SourceEvent};

impl World {
    /// Adds the events of a world with a factory.
    pub(in crate::world) fn run_workshop_events(&mut self) {
        if self.rng.per_mille(40) {
            self.workshop_sends_batch();
        }
        if self.rng.per_mille(40) {
            self.workshop_customer_buys();
        }
        if self.rng.per_mille(50) {
            self.continue_or_start_import();
        }
        if self.workshop.as_ref().is_some_and(|workshop| workshop.production_setup.sells_kits) {
            self.run_kit_events();
        }
    }

    /// Sells a kit, ships an order of one, or sends reports about its components.
    fn run_kit_events(&mut self) {
        if self.rng.per_mille(30) {
            let cart = Cart { lines: vec![(KIT.to_owned(), self.rng.up_to(2))], ..Cart::default() };
            self.buy(&cart, "order of a kit");
        }
        let of_kits: Vec<OrderId> = {
            let shop = self.ports.shop();
            let has_kit = |order: &&Order| !order.test && order.lines.iter().any(|line| line.sku == KIT);
            shop.orders().filter(has_kit).map(|order| order.id).collect()
        };
        if of_kits.is_empty() {
            return;
        }
        let order = *self.rng.pick(&of_kits);
        if self.rng.per_mille(40) {
            self.ship(order, false);
        }
        if self.rng.per_mille(40) {
            let system = *self.rng.pick(&SYSTEMS);
            let events: Vec<SourceEvent> = (0..self.rng.up_to(3)).filter_map(|_| self.order_event(system, order)).collect();
            if !events.is_empty() {
                self.send_batch(system, events);
            }
        }
    }

    /// Buys a finished good that is made to order.
    fn workshop_customer_buys(&mut self) {
        let Some(finished_good) = self.workshop.as_ref().map(|workshop| self.rng.pick(&workshop.finished_goods).to_string())
        else {
            return;
        };
        let cart = Cart { lines: vec![(finished_good, self.rng.up_to(4))], ..Cart::default() };
        let is_bought = self.buy(&cart, "order of a finished good").is_some();
        if is_bought && self.workshop.as_ref().is_some_and(|workshop| workshop.offered_twice) {
            self.coverage.note("order while units are offered twice");
        }
    }

    /// Sends a batch of random factory events.
    pub(in crate::world) fn workshop_sends_batch(&mut self) {
        let system = *self.rng.pick(&SYSTEMS);
        let events: Vec<SourceEvent> = (0..self.rng.up_to(3)).filter_map(|_| self.workshop_event(system)).collect();
        if !events.is_empty() {
            self.send_batch(system, events);
        }
    }

    fn workshop_event(&mut self, system: &'static str) -> Option<SourceEvent> {
        let factory = self.workshop.as_ref()?.factory.clone();
        let bought = sku(BOUGHT[self.rng.below(BOUGHT.len())]);
        let units = self.rng.up_to(5);
        Some(match self.rng.below(18) {
            0..2 => self.random_event(system, StockKind::Receipt, (bought, factory), units),
            2..4 => self.schedule_receipt(system, StockKind::PurchaseOrder, bought, units)?,
            4..6 => {
                let made = self.something_made()?;
                self.schedule_receipt(system, StockKind::ProductionRun, made, units)?
            }
            6..8 => self.reschedule_receipt(system)?,
            8..11 => self.receive_scheduled(system)?,
            11 => self.issue_to_a_run(system)?,
            12..14 => self.transfer_to_sell(system)?,
            14 => {
                let kind = *self.rng.pick(&[StockKind::ComponentIssue, StockKind::WriteOff, StockKind::Adjustment]);
                self.random_event(system, kind, (bought, factory), 1 + units / 2)
            }
            15..17 => self.take_back(system)?,
            _ => {
                let made = self.something_made()?;
                self.random_event(system, StockKind::ProductionCompleted, (made, factory), 1 + units / 2)
            }
        })
    }

    fn something_made(&self) -> Option<Sku> {
        let workshop = self.workshop.as_ref()?;
        Some(if self.rng.per_mille(500) { sku(BASE) } else { self.rng.pick(&workshop.finished_goods).clone() })
    }

    /// A date from yesterday to a week ahead.
    fn due(&self) -> Date {
        let today = day_of(self.clock.now());
        let days = self.rng.below(10);
        let ahead = jiff::Span::new().days(i64::try_from(days).expect("small") - 1);
        today.checked_add(ahead).expect("a date in range")
    }

    /// A new purchase order or production run.
    pub(in crate::world) fn schedule_receipt(
        &mut self,
        system: &'static str,
        kind: StockKind,
        of: Sku,
        units: i64,
    ) -> Option<SourceEvent> {
        let factory = self.workshop.as_ref()?.factory.clone();
        let mut event = self.random_event(system, kind, (of.clone(), factory), units);
        let workshop = self.workshop.as_mut()?;
        let reference =
            format!("{}-{}", if kind == StockKind::PurchaseOrder { "PO" } else { "RUN" }, workshop.scheduled.len() + 1);
        workshop.scheduled.push(ScheduledDocument { reference: reference.clone(), kind, sku: of, units: event.units });
        event.reference = Some(reference);
        // A purchase order may rely on the lead time of the supplier.
        let has_due_date = kind == StockKind::ProductionRun || self.rng.per_mille(700);
        event.due = has_due_date.then(|| self.due());
        Some(event)
    }

    fn some_scheduled(&self) -> Option<(usize, ScheduledDocument)> {
        let scheduled = &self.workshop.as_ref()?.scheduled;
        let any = self.rng.below(scheduled.len());
        Some((any, scheduled.get(any)?.clone()))
    }

    /// Changes the due date or the units of a purchase order or production run, or cancels it.
    fn reschedule_receipt(&mut self, system: &'static str) -> Option<SourceEvent> {
        let (nth, known) = self.some_scheduled()?;
        let factory = self.workshop.as_ref()?.factory.clone();
        let units = match self.rng.below(4) {
            0 => 0,
            1 => self.rng.up_to(8),
            _ => known.units,
        };
        let mut event = self.random_event(system, known.kind, (known.sku, factory), units);
        event.reference = Some(known.reference);
        event.due = Some(self.due());
        self.workshop.as_mut()?.scheduled[nth].units = event.units;
        self.coverage.note(if event.units == 0 { "scheduled receipt cancelled" } else { "scheduled receipt changed" });
        Some(event)
    }

    /// A receipt of a purchase order or production run, which may exceed the open units.
    fn receive_scheduled(&mut self, system: &'static str) -> Option<SourceEvent> {
        let (_, known) = self.some_scheduled()?;
        let factory = self.workshop.as_ref()?.factory.clone();
        let is_made = known.kind == StockKind::ProductionRun;
        let kind = if is_made { StockKind::ProductionCompleted } else { StockKind::Receipt };
        let units = self.rng.up_to(known.units.clamp(1, 4));
        let mut event = self.random_event(system, kind, (known.sku, factory), units);
        event.reference = Some(known.reference);
        Some(event)
    }

    /// An issue of a component to a production run.
    fn issue_to_a_run(&mut self, system: &'static str) -> Option<SourceEvent> {
        let (_, known) = self.some_scheduled()?;
        let workshop = self.workshop.as_ref()?;
        let components: Vec<Sku> = workshop.bills.get(&known.sku)?.components.keys().cloned().collect();
        let component = self.rng.pick(&components).clone();
        let (factory, units) = (workshop.factory.clone(), self.rng.up_to(3));
        let mut event = self.random_event(system, StockKind::ComponentIssue, (component, factory), units);
        event.reference = Some(known.reference);
        Some(event)
    }

    /// An adjustment that names a document: units of a receipt that was reversed, or components that a run gave back.
    fn take_back(&mut self, system: &'static str) -> Option<SourceEvent> {
        let (_, known) = self.some_scheduled()?;
        let workshop = self.workshop.as_ref()?;
        let components = workshop.bills.get(&known.sku).filter(|_| known.kind == StockKind::ProductionRun);
        let components: Vec<Sku> = components.into_iter().flat_map(|bill| bill.components.keys().cloned()).collect();
        let (factory, units) = (workshop.factory.clone(), self.rng.up_to(3));
        let of_component = !components.is_empty() && self.rng.per_mille(500);
        let (of, units) = if of_component { (self.rng.pick(&components).clone(), units) } else { (known.sku, -units) };
        let mut event = self.random_event(system, StockKind::Adjustment, (of, factory), units);
        event.reference = Some(known.reference);
        self.coverage.note(if of_component { "component given back by a run" } else { "receipt taken back" });
        Some(event)
    }

    /// A transfer of a finished good from the factory to a location that sells it.
    fn transfer_to_sell(&mut self, system: &'static str) -> Option<SourceEvent> {
        let workshop = self.workshop.as_ref()?;
        let factory = workshop.factory.clone();
        let under_way: Vec<SourceDocument> =
            self.sources.documents.iter().filter(|document| document.is_from(&factory)).cloned().collect();
        let units = self.rng.up_to(3);
        if !under_way.is_empty() && self.rng.per_mille(600) {
            let document = self.rng.pick(&under_way).clone();
            let kind = if self.rng.per_mille(900) { StockKind::TransferIn } else { StockKind::TransferLoss };
            return Some(self.event_of(system, &document, kind, units));
        }
        let (finished_good, to) = (self.rng.pick(&workshop.finished_goods).clone(), self.rng.pick(&self.codes).0.clone());
        let document = SourceDocument::new(
            format!("P-{}", self.sources.documents.len() + 1),
            DocumentKind::Transfer,
            finished_good,
            (factory, to),
        );
        self.sources.documents.push(document.clone());
        Some(self.event_of(system, &document, StockKind::TransferOut, units))
    }
}

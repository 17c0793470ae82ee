//! Decides from the seed what each system reports in the morning, and when it sends it.

use std::collections::BTreeSet;

use promissory::source::StockKind;

use super::SourcesConfig;
use super::master_data::{CASE, ITEMS, Item, Measure, SOLD, Site, System};
use super::open_documents::{Dice, DocumentType, OpenDocuments};
use super::reported_event::{ExpectedOutcome, ReportedEvent};

/// The largest delay of a late event, in milliseconds.
pub const MAX_DELAY: i64 = 20_000;

/// One sending of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delivery {
    /// The time at which it is sent, in milliseconds since the start of the morning.
    pub at: i64,
    /// The index of the event in the script.
    pub of: usize,
    /// How the event is sent.
    pub sending: Sending,
}

/// How an event is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sending {
    /// On time.
    OnTime,
    /// Late, after events with a later time.
    Late,
    /// A second time.
    Repeated,
}

/// An action of the customer or the shop on a cart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CartAction {
    /// The time, in milliseconds since the start of the morning.
    pub at: i64,
    /// The index of the cart.
    pub cart: usize,
    /// The kind of the action.
    pub kind: ActionKind,
}

/// The kinds of actions on a cart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionKind {
    /// The customer orders it.
    Order,
    /// The shop cancels the order.
    Cancel,
    /// The shop fulfils the whole order.
    Fulfil,
}

/// Everything that happens in a morning.
#[derive(Debug)]
pub struct Script {
    /// The events of all systems.
    pub events: Vec<ReportedEvent>,
    /// The sendings of the events, in the order of time.
    pub deliveries: Vec<Delivery>,
    /// The carts that the shop's customers order.
    pub carts: Vec<Vec<(Item, i64)>>,
    /// The actions on the carts, in the order of time.
    pub actions: Vec<CartAction>,
}

/// Writes the script of the morning.
#[must_use]
pub fn script(config: &SourcesConfig) -> Script {
    let span = i64::try_from(config.span().as_millis()).expect("the options are bounded");
    let mut writer = Writer { span, dice: Dice::new(config.seed), events: Vec::new(), carts: Vec::new(), actions: Vec::new() };
    let total = config.events();
    writer.orders((total / 40).min(48));
    writer.unacceptable_events(total);
    let content_mismatches = (total / 600).max(1);
    writer.acceptable_events(total.saturating_sub(writer.events.len() + content_mismatches));
    writer.content_mismatches(content_mismatches);
    writer.deliveries()
}

struct Writer {
    span: i64,
    dice: Dice,
    /// Each event with the time at which its system has it ready to send.
    events: Vec<(i64, ReportedEvent)>,
    carts: Vec<Vec<(Item, i64)>>,
    actions: Vec<CartAction>,
}

impl Writer {
    /// Adds an event that is applied, at a time of the morning.
    fn add(&mut self, system: System, kind: StockKind, (item, site): (Item, Site), units: i64, at: i64) -> &mut ReportedEvent {
        let number = u64::try_from(self.events.len() + 1).expect("a small number");
        let (reference, to, order, expected) = (None, None, None, ExpectedOutcome::Applied);
        self.events.push((at, ReportedEvent { system, number, kind, item, site, units, at, reference, to, order, expected }));
        let (_, event) = self.events.last_mut().expect("an event was added just now");
        event
    }

    /// Adds the shop's orders. The warehouse allocates and ships them before the shop fulfils them, after it, in part, or not at
    /// all.
    fn orders(&mut self, carts: usize) {
        for cart in 0..carts {
            let first = Item(self.dice.index(SOLD));
            let mut lines = vec![(first, self.dice.within(1, 3))];
            if self.dice.percent(50) {
                lines.push((Item((first.0 + 1) % SOLD), self.dice.within(1, 3)));
            }
            let at = self.dice.within(self.span / 50, self.span * 6 / 10);
            self.add_action(at, cart, ActionKind::Order);
            let later = |dice: &mut Dice, after: i64| after + dice.within(4_000, 9_000);
            let (soon, then) = (later(&mut self.dice, at), later(&mut self.dice, at + 9_000));
            let whole = lines.len();
            let (allocates, ships, action) = match cart % 8 {
                0 => (None, None, None),
                1 => (None, None, Some((soon, ActionKind::Cancel))),
                2 => (Some(soon), None, None),
                3 => (Some(soon), Some((then, whole)), Some((then + 5_000, ActionKind::Fulfil))),
                4 => (None, Some((then, whole)), Some((soon, ActionKind::Fulfil))),
                5 => (Some(soon), Some((then, whole)), None),
                6 => (None, Some((soon, 1)), Some((then, ActionKind::Fulfil))),
                _ => (None, None, Some((soon, ActionKind::Fulfil))),
            };
            for (line, (item, units)) in lines.iter().enumerate() {
                let of = (*item, Site::Warehouse);
                if let Some(at) = allocates {
                    self.add(System::Wms, StockKind::Allocation, of, *units, at).order = Some((cart, line));
                }
                if let Some((at, _)) = ships.filter(|(_, lines)| line < *lines) {
                    self.add(System::Wms, StockKind::Shipment, of, *units, at).order = Some((cart, line));
                }
            }
            if let Some((at, kind)) = action {
                self.add_action(at, cart, kind);
            }
            self.carts.push(lines);
        }
    }

    fn add_action(&mut self, at: i64, cart: usize, kind: ActionKind) {
        self.actions.push(CartAction { at, cart, kind });
    }

    /// Adds the events that must be refused, and those with an item code that is not mapped.
    fn unacceptable_events(&mut self, total: usize) {
        let by_turns = [System::Wms, System::Pos, System::Wms, System::ThirdParty];
        for (expected, count) in [
            (ExpectedOutcome::Unmapped, total / 300),
            (ExpectedOutcome::Malformed, total / 500),
            (ExpectedOutcome::NotWhole, total / 750),
        ] {
            for turn in 0..count.max(1) {
                let system = by_turns[turn % by_turns.len()];
                let (kind, site) = match system {
                    System::Erp | System::Wms => (StockKind::Receipt, Site::Warehouse),
                    System::Pos => (StockKind::CustomerReturn, Site::Store),
                    System::ThirdParty => (StockKind::Receipt, Site::ThirdParty),
                };
                let at = self.dice.within(0, self.span - 1);
                let item = Item(self.dice.index(ITEMS));
                self.add(system, kind, (item, site), 7, at).expected = expected;
            }
        }
        // The ERP's connector cannot apply this row, so its watermark stays before the row. The row comes late in the morning,
        // because each pull reads everything after it again.
        let of = (Item(0), Site::Warehouse);
        self.add(System::Erp, StockKind::Receipt, of, 7, self.span * 94 / 100).expected = ExpectedOutcome::NotWhole;
    }

    /// Adds the events that are applied.
    fn acceptable_events(&mut self, count: usize) {
        let mut documents = OpenDocuments::default();
        let mut balanced: Vec<Item> = Item::all().collect();
        let mut counted: BTreeSet<(Item, i64)> = BTreeSet::new();
        let count = i64::try_from(count).expect("the options are bounded");
        for n in 0..count {
            let (from, to) = (n * self.span / count, (n + 1) * self.span / count);
            let at = self.dice.within(from, (to - 1).max(from));
            let item = Item(self.dice.index(ITEMS));
            match self.dice.below(100) {
                0..30 => self.erp(at, item, &mut documents, &mut balanced),
                30..70 => self.wms(at, item, &mut documents, &mut counted),
                70..88 => self.pos(at, item, &mut documents),
                _ => self.third_party(at, item, &mut documents),
            }
        }
    }

    fn units(&mut self, item: Item, most: i64) -> i64 {
        item.lump() * self.dice.within(1, most)
    }

    fn erp(&mut self, at: i64, item: Item, documents: &mut OpenDocuments, balanced: &mut Vec<Item>) {
        let made = match item.measure() {
            Measure::Cases => CASE * self.dice.within(1, 3),
            Measure::Pieces | Measure::Grams => self.units(item, 20),
        };
        let (erp, warehouse) = (System::Erp, (item, Site::Warehouse));
        match self.dice.below(100) {
            0..30 => drop(self.add(erp, StockKind::Receipt, warehouse, made, at)),
            30..44 => drop(self.add(erp, StockKind::ProductionCompleted, warehouse, made, at)),
            44..56 => {
                let units = self.units(item, 8);
                self.add(erp, StockKind::ComponentIssue, warehouse, units, at);
            }
            56..82 => {
                if let Some(ticket) = documents.close(DocumentType::Ticket, &mut self.dice) {
                    let event = self.add(erp, StockKind::PosPosting, (ticket.item, Site::Store), ticket.units, at);
                    event.reference = Some(ticket.reference);
                } else {
                    self.add(erp, StockKind::Receipt, warehouse, made, at);
                }
            }
            82..96 => {
                let units = self.units(item, 6);
                let reference = documents.open(DocumentType::Wholesale, item, units);
                let event = self.add(erp, StockKind::WholesaleAllocation, (item, Site::ThirdParty), units, at);
                event.reference = Some(reference);
            }
            // At most one balance per item: of two on one page the connector applies only the newer one.
            _ => match balanced.pop() {
                Some(item) => {
                    let units = item.lump() * self.dice.within(200, 400);
                    self.add(erp, StockKind::Balance, (item, Site::Store), units, at);
                }
                None => drop(self.add(erp, StockKind::Receipt, warehouse, made, at)),
            },
        }
    }

    fn wms(&mut self, at: i64, item: Item, documents: &mut OpenDocuments, counted: &mut BTreeSet<(Item, i64)>) {
        let (wms, of) = (System::Wms, (item, Site::Warehouse));
        let units = self.units(item, 6);
        let draw = self.dice.below(100);
        let (of_type, closing) = match draw {
            26..44 => (DocumentType::Outbound, StockKind::Shipment),
            44..50 => (DocumentType::Outbound, StockKind::Deallocation),
            50..56 => (DocumentType::Hold, StockKind::QualityRelease),
            _ => (DocumentType::Outbound, StockKind::Allocation),
        };
        if (26..56).contains(&draw)
            && let Some(document) = documents.close(of_type, &mut self.dice)
        {
            self.add(wms, closing, (document.item, Site::Warehouse), document.units, at).reference = Some(document.reference);
            return;
        }
        match draw {
            0..56 => {
                let reference = documents.open(DocumentType::Outbound, item, units);
                self.add(wms, StockKind::Allocation, of, units, at).reference = Some(reference);
            }
            56..64 => {
                let reference = documents.open(DocumentType::Hold, item, units);
                self.add(wms, StockKind::QualityHold, of, units, at).reference = Some(reference);
            }
            64..76 => {
                let reference = documents.open(DocumentType::Transfer, item, units);
                let event = self.add(wms, StockKind::TransferOut, of, units, at);
                (event.reference, event.to) = (Some(reference), Some(Site::ThirdParty));
            }
            76..90 => {
                let units = if self.dice.percent(50) { units } else { -units };
                self.add(wms, StockKind::Adjustment, of, units, at);
            }
            90..95 => drop(self.add(wms, StockKind::WriteOff, of, units, at)),
            // An item that the shop sells is counted before the morning: the model does not know at which time an order's units
            // left.
            _ => {
                let ago = if item.is_sold() { self.dice.within(1_000, 600_000) + at } else { self.dice.within(1_000, 30_000) };
                let mut as_of = at - ago;
                while !counted.insert((item, as_of)) {
                    as_of -= 1;
                }
                let found = item.lump() * self.dice.within(900, 1_100);
                self.add(wms, StockKind::Count, of, found, at).at = as_of;
            }
        }
    }

    fn pos(&mut self, at: i64, item: Item, documents: &mut OpenDocuments) {
        if self.dice.percent(15)
            && let Some(ticket) = documents.close(DocumentType::Ticket, &mut self.dice)
        {
            let event = self.add(System::Pos, StockKind::PosVoid, (ticket.item, Site::Store), ticket.units, at);
            event.reference = Some(ticket.reference);
            return;
        }
        let units = self.units(item, 3);
        let reference = documents.open(DocumentType::Ticket, item, units);
        self.add(System::Pos, StockKind::PosSale, (item, Site::Store), units, at).reference = Some(reference);
    }

    fn third_party(&mut self, at: i64, item: Item, documents: &mut OpenDocuments) {
        let (of_type, closing) = match self.dice.below(100) {
            0..35 => (Some(DocumentType::Wholesale), StockKind::Shipment),
            35..60 => (Some(DocumentType::Transfer), StockKind::TransferIn),
            60..80 => (None, StockKind::CustomerReturn),
            _ => (None, StockKind::Receipt),
        };
        if let Some(document) = of_type.and_then(|of_type| documents.close(of_type, &mut self.dice)) {
            let event = self.add(System::ThirdParty, closing, (document.item, Site::ThirdParty), document.units, at);
            event.reference = Some(document.reference);
            return;
        }
        let kind = if of_type.is_some() { StockKind::Receipt } else { closing };
        let units = self.units(item, 10);
        self.add(System::ThirdParty, kind, (item, Site::ThirdParty), units, at);
    }

    /// Adds events with the id of an earlier event and another quantity, long after the first one was applied.
    fn content_mismatches(&mut self, count: usize) {
        let first = |(ready_at, event): &&(i64, ReportedEvent)| {
            let pushed = matches!(event.system, System::Wms | System::Pos);
            pushed && event.expected == ExpectedOutcome::Applied && event.order.is_none() && *ready_at < self.span / 3
        };
        let firsts: Vec<ReportedEvent> = self.events.iter().filter(first).map(|(_, event)| event.clone()).collect();
        for turn in 0..count.min(firsts.len()) {
            let first = &firsts[turn * firsts.len() / count];
            let other = ReportedEvent {
                units: first.units + first.item.lump(),
                expected: ExpectedOutcome::ContentMismatch,
                ..first.clone()
            };
            let ready_at = self.dice.within(self.span * 3 / 4, self.span - 1);
            self.events.push((ready_at, other));
        }
    }

    /// Decides when each event is sent: some late, some twice.
    fn deliveries(mut self) -> Script {
        self.events.sort_by_key(|(ready_at, event)| (*ready_at, event.number));
        let mut deliveries = Vec::new();
        for (of, (ready_at, event)) in self.events.iter().enumerate() {
            let late = self.dice.percent(5) && event.expected != ExpectedOutcome::ContentMismatch;
            let (at, sending) =
                if late { (ready_at + self.dice.within(2_000, MAX_DELAY), Sending::Late) } else { (*ready_at, Sending::OnTime) };
            deliveries.push(Delivery { at, of, sending });
            if self.dice.percent(5) {
                deliveries.push(Delivery { at: at + self.dice.within(100, 15_000), of, sending: Sending::Repeated });
            }
        }
        deliveries.sort();
        self.actions.sort_by_key(|action| action.at);
        let events = self.events.into_iter().map(|(_, event)| event).collect();
        Script { events, deliveries, carts: self.carts, actions: self.actions }
    }
}

#[cfg(test)]
mod tests;

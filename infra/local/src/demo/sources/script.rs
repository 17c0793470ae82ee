//! Decides from the seed what each system reports in the morning, and when it sends it.

use std::collections::BTreeSet;

use promissory::source::StockKind;

use super::SourcesConfig;
use super::document::{Dice, DocumentType, OpenDocuments};
use super::statement::{Fate, Statement};
use super::world::{CASE, ITEMS, Item, Measure, SOLD, Site, System};

/// The largest delay of a late statement, in milliseconds.
pub const LATEST: i64 = 20_000;

/// One sending of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delivery {
    /// The time at which it is sent, in milliseconds since the start of the morning.
    pub at: i64,
    /// The index of the statement in the script.
    pub of: usize,
    /// How the statement is sent.
    pub way: Way,
}

/// How a statement is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// On time.
    InTime,
    /// Late, after statements with a later time.
    Late,
    /// A second time.
    Again,
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
    /// The statements of all systems.
    pub statements: Vec<Statement>,
    /// The sendings of the statements, in the order of time.
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
    let mut writer =
        Writer { span, dice: Dice::new(config.seed), statements: Vec::new(), carts: Vec::new(), actions: Vec::new() };
    let total = config.events();
    writer.orders((total / 40).min(48));
    writer.unacceptable(total);
    let contradictions = (total / 600).max(1);
    writer.acceptable(total.saturating_sub(writer.statements.len() + contradictions));
    writer.contradictions(contradictions);
    writer.deliveries()
}

struct Writer {
    span: i64,
    dice: Dice,
    /// Each statement with the time at which its system has it ready to send.
    statements: Vec<(i64, Statement)>,
    carts: Vec<Vec<(Item, i64)>>,
    actions: Vec<CartAction>,
}

impl Writer {
    /// Adds a statement that is applied, at a time of the morning.
    fn add(&mut self, system: System, kind: StockKind, (item, site): (Item, Site), units: i64, at: i64) -> &mut Statement {
        let number = u64::try_from(self.statements.len() + 1).expect("a small number");
        let (reference, to, order, fate) = (None, None, None, Fate::Applied);
        self.statements.push((at, Statement { system, number, kind, item, site, units, at, reference, to, order, fate }));
        let (_, statement) = self.statements.last_mut().expect("a statement was added just now");
        statement
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
            self.act(at, cart, ActionKind::Order);
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
                self.act(at, cart, kind);
            }
            self.carts.push(lines);
        }
    }

    fn act(&mut self, at: i64, cart: usize, kind: ActionKind) {
        self.actions.push(CartAction { at, cart, kind });
    }

    /// Adds the statements that must be refused, and those with an item code that is not mapped.
    fn unacceptable(&mut self, total: usize) {
        let by_turns = [System::Wms, System::Pos, System::Wms, System::ThirdParty];
        for (fate, count) in [(Fate::Unmapped, total / 300), (Fate::Malformed, total / 500), (Fate::HalfAPiece, total / 750)] {
            for turn in 0..count.max(1) {
                let system = by_turns[turn % by_turns.len()];
                let (kind, site) = match system {
                    System::Erp | System::Wms => (StockKind::Receipt, Site::Warehouse),
                    System::Pos => (StockKind::CustomerReturn, Site::Store),
                    System::ThirdParty => (StockKind::Receipt, Site::ThirdParty),
                };
                let at = self.dice.within(0, self.span - 1);
                let item = Item(self.dice.index(ITEMS));
                self.add(system, kind, (item, site), 7, at).fate = fate;
            }
        }
        // The ERP's connector cannot apply this row, so its watermark stays before the row. The row comes late in the morning,
        // because each pull reads everything after it again.
        let of = (Item(0), Site::Warehouse);
        self.add(System::Erp, StockKind::Receipt, of, 7, self.span * 94 / 100).fate = Fate::HalfAPiece;
    }

    /// Adds the statements that are applied.
    fn acceptable(&mut self, count: usize) {
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
                    let statement = self.add(erp, StockKind::PosPosting, (ticket.item, Site::Store), ticket.units, at);
                    statement.reference = Some(ticket.reference);
                } else {
                    self.add(erp, StockKind::Receipt, warehouse, made, at);
                }
            }
            82..96 => {
                let units = self.units(item, 6);
                let reference = documents.open(DocumentType::Wholesale, item, units);
                let statement = self.add(erp, StockKind::WholesaleAllocation, (item, Site::ThirdParty), units, at);
                statement.reference = Some(reference);
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
                let statement = self.add(wms, StockKind::TransferOut, of, units, at);
                (statement.reference, statement.to) = (Some(reference), Some(Site::ThirdParty));
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
            let statement = self.add(System::Pos, StockKind::PosVoid, (ticket.item, Site::Store), ticket.units, at);
            statement.reference = Some(ticket.reference);
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
            let statement = self.add(System::ThirdParty, closing, (document.item, Site::ThirdParty), document.units, at);
            statement.reference = Some(document.reference);
            return;
        }
        let kind = if of_type.is_some() { StockKind::Receipt } else { closing };
        let units = self.units(item, 10);
        self.add(System::ThirdParty, kind, (item, Site::ThirdParty), units, at);
    }

    /// Adds statements with the id of an earlier statement and another quantity, long after the first one was applied.
    fn contradictions(&mut self, count: usize) {
        let first = |(ready_at, statement): &&(i64, Statement)| {
            let pushed = matches!(statement.system, System::Wms | System::Pos);
            pushed && statement.fate == Fate::Applied && statement.order.is_none() && *ready_at < self.span / 3
        };
        let firsts: Vec<Statement> = self.statements.iter().filter(first).map(|(_, statement)| statement.clone()).collect();
        for turn in 0..count.min(firsts.len()) {
            let first = &firsts[turn * firsts.len() / count];
            let other = Statement { units: first.units + first.item.lump(), fate: Fate::Contradiction, ..first.clone() };
            let ready_at = self.dice.within(self.span * 3 / 4, self.span - 1);
            self.statements.push((ready_at, other));
        }
    }

    /// Decides when each statement is sent: some late, some twice.
    fn deliveries(mut self) -> Script {
        self.statements.sort_by_key(|(ready_at, statement)| (*ready_at, statement.number));
        let mut deliveries = Vec::new();
        for (of, (ready_at, statement)) in self.statements.iter().enumerate() {
            let late = self.dice.percent(5) && statement.fate != Fate::Contradiction;
            let (at, way) = if late { (ready_at + self.dice.within(2_000, LATEST), Way::Late) } else { (*ready_at, Way::InTime) };
            deliveries.push(Delivery { at, of, way });
            if self.dice.percent(5) {
                deliveries.push(Delivery { at: at + self.dice.within(100, 15_000), of, way: Way::Again });
            }
        }
        deliveries.sort();
        self.actions.sort_by_key(|action| action.at);
        let statements = self.statements.into_iter().map(|(_, statement)| statement).collect();
        Script { statements, deliveries, carts: self.carts, actions: self.actions }
    }
}

#[cfg(test)]
mod tests;

//! What is said in the morning, and when it is sent: decided beforehand from the seed.

use std::collections::BTreeSet;

use promissory::source::StockKind;

use super::SourcesConfig;
use super::paper::{Dice, Papers, Sheet};
use super::statement::{Fate, Statement};
use super::world::{CASE, ITEMS, Item, Measure, SOLD, Site, System};

/// The latest that a late statement is sent, in milliseconds after it could have been.
pub const LATEST: i64 = 20_000;

/// A statement on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delivery {
    /// When it is sent, in milliseconds of the morning.
    pub at: i64,
    /// Which statement, by its place in the script.
    pub of: usize,
    /// Whether that is in time, late, or once more.
    pub way: Way,
}

/// How a statement is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// In its time.
    InTime,
    /// Later than what happened later.
    Late,
    /// Once more.
    Again,
}

/// What the customer and the shop do with a cart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// When, in milliseconds of the morning.
    pub at: i64,
    /// Which cart.
    pub cart: usize,
    /// What.
    pub deed: Deed,
}

/// What can be done with a cart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// It is ordered.
    Order,
    /// The order is cancelled.
    Cancel,
    /// The shop is told that all of it has shipped.
    Fulfil,
}

/// A morning.
#[derive(Debug)]
pub struct Script {
    /// What is said. The names in here are places in this list.
    pub statements: Vec<Statement>,
    /// When it is sent, in the order of time.
    pub deliveries: Vec<Delivery>,
    /// What the shop's customers order.
    pub carts: Vec<Vec<(Item, i64)>>,
    /// What becomes of it in the shop, in the order of time.
    pub acts: Vec<Act>,
}

/// Writes the morning.
#[must_use]
pub fn script(config: &SourcesConfig) -> Script {
    let span = i64::try_from(config.span().as_millis()).expect("the options are bounded");
    let mut writer = Writer { span, dice: Dice::new(config.seed), said: Vec::new(), carts: Vec::new(), acts: Vec::new() };
    let total = config.events();
    writer.orders((total / 40).min(48));
    writer.wrong(total);
    let contradictions = (total / 600).max(1);
    writer.ordinary(total.saturating_sub(writer.said.len() + contradictions));
    writer.contradict(contradictions);
    writer.sent()
}

struct Writer {
    span: i64,
    dice: Dice,
    /// Each with when it is first said.
    said: Vec<(i64, Statement)>,
    carts: Vec<Vec<(Item, i64)>>,
    acts: Vec<Act>,
}

impl Writer {
    /// Says something at a time of the morning.
    fn say(&mut self, system: System, kind: StockKind, (item, site): (Item, Site), units: i64, at: i64) -> &mut Statement {
        let number = u64::try_from(self.said.len() + 1).expect("a small number");
        let (reference, to, order, fate) = (None, None, None, Fate::Applied);
        self.said.push((at, Statement { system, number, kind, item, site, units, at, reference, to, order, fate }));
        let (_, statement) = self.said.last_mut().expect("it was said just now");
        statement
    }

    /// Orders of the shop, and what the warehouse does with them: before the shop, after it, in part, or not at all.
    fn orders(&mut self, carts: usize) {
        for cart in 0..carts {
            let first = Item(self.dice.index(SOLD));
            let mut lines = vec![(first, self.dice.within(1, 3))];
            if self.dice.percent(50) {
                lines.push((Item((first.0 + 1) % SOLD), self.dice.within(1, 3)));
            }
            let at = self.dice.within(self.span / 50, self.span * 6 / 10);
            self.act(at, cart, Deed::Order);
            let later = |dice: &mut Dice, after: i64| after + dice.within(4_000, 9_000);
            let (soon, then) = (later(&mut self.dice, at), later(&mut self.dice, at + 9_000));
            let whole = lines.len();
            let (allocates, ships, deed) = match cart % 8 {
                0 => (None, None, None),
                1 => (None, None, Some((soon, Deed::Cancel))),
                2 => (Some(soon), None, None),
                3 => (Some(soon), Some((then, whole)), Some((then + 5_000, Deed::Fulfil))),
                4 => (None, Some((then, whole)), Some((soon, Deed::Fulfil))),
                5 => (Some(soon), Some((then, whole)), None),
                6 => (None, Some((soon, 1)), Some((then, Deed::Fulfil))),
                _ => (None, None, Some((soon, Deed::Fulfil))),
            };
            for (line, (item, units)) in lines.iter().enumerate() {
                let of = (*item, Site::Warehouse);
                if let Some(at) = allocates {
                    self.say(System::Wms, StockKind::Allocation, of, *units, at).order = Some((cart, line));
                }
                if let Some((at, _)) = ships.filter(|(_, lines)| line < *lines) {
                    self.say(System::Wms, StockKind::Shipment, of, *units, at).order = Some((cart, line));
                }
            }
            if let Some((at, deed)) = deed {
                self.act(at, cart, deed);
            }
            self.carts.push(lines);
        }
    }

    fn act(&mut self, at: i64, cart: usize, deed: Deed) {
        self.acts.push(Act { at, cart, deed });
    }

    /// What must be refused, and what nobody has mapped.
    fn wrong(&mut self, total: usize) {
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
                self.say(system, kind, (item, site), 7, at).fate = fate;
            }
        }
        // A row that the ERP's connector stumbles over keeps the watermark before it. It comes late in the morning, because
        // everything after it is read again each time.
        let of = (Item(0), Site::Warehouse);
        self.say(System::Erp, StockKind::Receipt, of, 7, self.span * 94 / 100).fate = Fate::HalfAPiece;
    }

    /// What goes well.
    fn ordinary(&mut self, count: usize) {
        let mut documents = Papers::default();
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

    fn erp(&mut self, at: i64, item: Item, documents: &mut Papers, balanced: &mut Vec<Item>) {
        let made = match item.measure() {
            Measure::Cases => CASE * self.dice.within(1, 3),
            Measure::Pieces | Measure::Grams => self.units(item, 20),
        };
        let (erp, warehouse) = (System::Erp, (item, Site::Warehouse));
        match self.dice.below(100) {
            0..30 => drop(self.say(erp, StockKind::Receipt, warehouse, made, at)),
            30..44 => drop(self.say(erp, StockKind::ProductionCompleted, warehouse, made, at)),
            44..56 => {
                let units = self.units(item, 8);
                self.say(erp, StockKind::ComponentIssue, warehouse, units, at);
            }
            56..82 => {
                if let Some(ticket) = documents.close(Sheet::Ticket, &mut self.dice) {
                    let said = self.say(erp, StockKind::PosPosting, (ticket.item, Site::Store), ticket.units, at);
                    said.reference = Some(ticket.reference);
                } else {
                    self.say(erp, StockKind::Receipt, warehouse, made, at);
                }
            }
            82..96 => {
                let units = self.units(item, 6);
                let reference = documents.open(Sheet::Wholesale, item, units);
                let said = self.say(erp, StockKind::WholesaleAllocation, (item, Site::ThirdParty), units, at);
                said.reference = Some(reference);
            }
            // Of each item one balance at most: of two on one page the connector takes the newer one only.
            _ => match balanced.pop() {
                Some(item) => {
                    let units = item.lump() * self.dice.within(200, 400);
                    self.say(erp, StockKind::Balance, (item, Site::Store), units, at);
                }
                None => drop(self.say(erp, StockKind::Receipt, warehouse, made, at)),
            },
        }
    }

    fn wms(&mut self, at: i64, item: Item, documents: &mut Papers, counted: &mut BTreeSet<(Item, i64)>) {
        let (wms, of) = (System::Wms, (item, Site::Warehouse));
        let units = self.units(item, 6);
        let draw = self.dice.below(100);
        let (sheet, closing) = match draw {
            26..44 => (Sheet::Aside, StockKind::Shipment),
            44..50 => (Sheet::Aside, StockKind::Deallocation),
            50..56 => (Sheet::Hold, StockKind::QualityRelease),
            _ => (Sheet::Aside, StockKind::Allocation),
        };
        if (26..56).contains(&draw)
            && let Some(paper) = documents.close(sheet, &mut self.dice)
        {
            self.say(wms, closing, (paper.item, Site::Warehouse), paper.units, at).reference = Some(paper.reference);
            return;
        }
        match draw {
            0..56 => {
                let reference = documents.open(Sheet::Aside, item, units);
                self.say(wms, StockKind::Allocation, of, units, at).reference = Some(reference);
            }
            56..64 => {
                let reference = documents.open(Sheet::Hold, item, units);
                self.say(wms, StockKind::QualityHold, of, units, at).reference = Some(reference);
            }
            64..76 => {
                let reference = documents.open(Sheet::Transfer, item, units);
                let said = self.say(wms, StockKind::TransferOut, of, units, at);
                (said.reference, said.to) = (Some(reference), Some(Site::ThirdParty));
            }
            76..90 => {
                let units = if self.dice.percent(50) { units } else { -units };
                self.say(wms, StockKind::Adjustment, of, units, at);
            }
            90..95 => drop(self.say(wms, StockKind::WriteOff, of, units, at)),
            // What the shop sells was counted before it opened: when exactly an order's units left, nobody here can say.
            _ => {
                let ago = if item.is_sold() { self.dice.within(1_000, 600_000) + at } else { self.dice.within(1_000, 30_000) };
                let mut as_of = at - ago;
                while !counted.insert((item, as_of)) {
                    as_of -= 1;
                }
                let found = item.lump() * self.dice.within(900, 1_100);
                self.say(wms, StockKind::Count, of, found, at).at = as_of;
            }
        }
    }

    fn pos(&mut self, at: i64, item: Item, documents: &mut Papers) {
        if self.dice.percent(15)
            && let Some(ticket) = documents.close(Sheet::Ticket, &mut self.dice)
        {
            let said = self.say(System::Pos, StockKind::PosVoid, (ticket.item, Site::Store), ticket.units, at);
            said.reference = Some(ticket.reference);
            return;
        }
        let units = self.units(item, 3);
        let reference = documents.open(Sheet::Ticket, item, units);
        self.say(System::Pos, StockKind::PosSale, (item, Site::Store), units, at).reference = Some(reference);
    }

    fn third_party(&mut self, at: i64, item: Item, documents: &mut Papers) {
        let (sheet, closing) = match self.dice.below(100) {
            0..35 => (Some(Sheet::Wholesale), StockKind::Shipment),
            35..60 => (Some(Sheet::Transfer), StockKind::TransferIn),
            60..80 => (None, StockKind::CustomerReturn),
            _ => (None, StockKind::Receipt),
        };
        if let Some(paper) = sheet.and_then(|sheet| documents.close(sheet, &mut self.dice)) {
            let said = self.say(System::ThirdParty, closing, (paper.item, Site::ThirdParty), paper.units, at);
            said.reference = Some(paper.reference);
            return;
        }
        let kind = if sheet.is_some() { StockKind::Receipt } else { closing };
        let units = self.units(item, 10);
        self.say(System::ThirdParty, kind, (item, Site::ThirdParty), units, at);
    }

    /// The same names again, with other amounts, long after the first were taken.
    fn contradict(&mut self, count: usize) {
        let first = |(said, statement): &&(i64, Statement)| {
            let pushed = matches!(statement.system, System::Wms | System::Pos);
            pushed && statement.fate == Fate::Applied && statement.order.is_none() && *said < self.span / 3
        };
        let firsts: Vec<Statement> = self.said.iter().filter(first).map(|(_, statement)| statement.clone()).collect();
        for turn in 0..count.min(firsts.len()) {
            let first = &firsts[turn * firsts.len() / count];
            let other = Statement { units: first.units + first.item.lump(), fate: Fate::Contradiction, ..first.clone() };
            let said = self.dice.within(self.span * 3 / 4, self.span - 1);
            self.said.push((said, other));
        }
    }

    /// When everything is sent: some of it late, some of it twice.
    fn sent(mut self) -> Script {
        self.said.sort_by_key(|(said, statement)| (*said, statement.number));
        let mut deliveries = Vec::new();
        for (of, (said, statement)) in self.said.iter().enumerate() {
            let late = self.dice.percent(5) && statement.fate != Fate::Contradiction;
            let (at, way) = if late { (said + self.dice.within(2_000, LATEST), Way::Late) } else { (*said, Way::InTime) };
            deliveries.push(Delivery { at, of, way });
            if self.dice.percent(5) {
                deliveries.push(Delivery { at: at + self.dice.within(100, 15_000), of, way: Way::Again });
            }
        }
        deliveries.sort();
        self.acts.sort_by_key(|act| act.at);
        let statements = self.said.into_iter().map(|(_, statement)| statement).collect();
        Script { statements, deliveries, carts: self.carts, acts: self.acts }
    }
}

#[cfg(test)]
mod tests;

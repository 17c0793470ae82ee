//! Seeded random walks over every step of an order: after any sequence of steps, all quantities agree.

use super::*;
use std::collections::{BTreeMap, BTreeSet};

const SEEDS: u64 = 200;
const STEPS: u64 = 80;
const SKUS: [&str; 5] = ["BOARD", "LAMP", "PREORDER", "SERVICE", "KIT"];

/// A walk: the shop, the number of draws, and the changes of units that only the walk records.
struct Walk {
    f: Fixture,
    seed: u64,
    drawn: u64,
    opening: BTreeMap<ItemId, i64>,
    pushed: BTreeMap<ItemId, i64>,
    edited_away: BTreeMap<ItemId, i64>,
}

type Done = Result<(), OrderRefused>;

impl Walk {
    fn begin(seed: u64) -> Self {
        let mut f = fixture();
        f.item(NewItem::tracked("LAMP"));
        f.item(NewItem { oversell: Oversell::Continue, ..NewItem::tracked("PREORDER") });
        f.item(NewItem { untracked: true, digital: true, ..NewItem::tracked("SERVICE") });
        let components = vec![("BOARD".to_owned(), 1), ("LAMP".to_owned(), 2)];
        f.shop.add_item(NewItem { components, ..NewItem::tracked("KIT") }).expect("a new bundle");
        for item in f.shop.items().map(|item| item.id).collect::<Vec<_>>() {
            f.shop.stock(at(0), item, f.annex, 6, true).expect("known");
        }
        let mut walk =
            Walk { f, seed, drawn: 0, opening: BTreeMap::new(), pushed: BTreeMap::new(), edited_away: BTreeMap::new() };
        walk.opening = walk.on_hand();
        walk
    }

    fn draw(&mut self, below: usize) -> usize {
        self.drawn += 1;
        let below = u64::try_from(below).expect("small");
        usize::try_from(draw(self.seed, self.drawn) % below).expect("small")
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        (!from.is_empty()).then(|| from[self.draw(from.len())])
    }

    fn units(&mut self) -> i64 {
        i64::try_from(self.draw(4)).expect("small")
    }

    fn location(&mut self) -> LocationId {
        [self.f.main, self.f.annex, self.f.retail][self.draw(3)]
    }

    fn some_location(&mut self) -> Option<LocationId> {
        (self.draw(2) == 0).then(|| self.location())
    }

    fn sku(&mut self) -> String {
        SKUS[self.draw(SKUS.len())].to_owned()
    }

    fn on_hand(&self) -> BTreeMap<ItemId, i64> {
        let mut on_hand = BTreeMap::new();
        for (item, _, level) in self.f.shop.levels() {
            *on_hand.entry(item).or_default() += level.on_hand();
        }
        on_hand
    }

    /// Takes one step. Returns its name and its result, or `None` if the shop has no object for the step.
    fn step(&mut self, now: Timestamp) -> Option<(&'static str, Done)> {
        let orders: Vec<OrderId> = self.f.shop.orders().map(|order| order.id).collect();
        let step = self.draw(20);
        // The shop has few orders, so that each of them gets many steps.
        if orders.is_empty() || (step < 4 && orders.len() < 3) {
            return Some(self.check_out(now));
        }
        let order = self.pick(&orders)?;
        let known = self.f.shop.order(order).expect("picked").clone();
        let lines: Vec<LineId> = known.lines.iter().map(|line| line.id).collect();
        let (line, units) = (self.pick(&lines)?, self.units());
        let asked = self.pick(&known.fulfilment_orders.iter().map(|asked| asked.id).collect::<Vec<_>>())?;
        let shipped = self.pick(&known.fulfilments.iter().map(|fulfilment| fulfilment.id).collect::<Vec<_>>());
        let ret = self.pick(&known.returns.iter().map(|ret| ret.id).collect::<Vec<_>>());
        let shop = &mut self.f.shop;
        Some(match step {
            0..=4 => ("fulfil", shop.fulfil(now, order, None).map(drop)),
            5 => ("fulfil in part", shop.fulfil(now, order, Some(&[(line, units)])).map(drop)),
            6 => ("cancel a fulfilment", shop.cancel_fulfilment(now, shipped?).map(drop)),
            7 if units == 0 => self.cancel(now, order),
            8 => ("pay", shop.pay(now, order)),
            9 => self.edit(now, order, line, units),
            10 | 11 => self.refund(now, order, line, units, None),
            12 => self.refund(now, order, line, units, Some(ret?)),
            13 => {
                let to = self.location();
                ("move", self.f.shop.move_fulfilment_order(now, asked, to).map(drop))
            }
            14 => ("hold", shop.hold(now, asked)),
            15 => ("release", shop.release_hold(now, asked)),
            7 | 16 => ("request a return", shop.request_return(now, order, &[(line, units)]).map(drop)),
            17 => self.turn(now, ret?),
            18 => {
                let kind = [Disposal::Restocked, Disposal::Restocked, Disposal::NotRestocked][self.draw(3)];
                let location = self.location();
                ("dispose", self.f.shop.dispose(now, ret?, line, units, location, kind).map(drop))
            }
            _ => {
                let sku = self.sku();
                self.push(now);
                ("exchange", self.f.shop.exchange(now, ret?, &sku, units).map(drop))
            }
        })
    }

    fn check_out(&mut self, now: Timestamp) -> (&'static str, Done) {
        let lines = (0..=self.draw(2)).map(|_| (self.sku(), 1 + self.units())).collect();
        let location = (self.draw(5) == 0).then_some(self.f.retail);
        let cart = Cart {
            lines,
            location,
            unpaid: self.draw(3) == 0,
            unconfirmed: self.draw(8) == 0,
            pre_order: self.draw(8) == 0,
            ..Cart::default()
        };
        ("check out", self.f.shop.checkout_cart(now, &cart).map(drop).map_err(OrderRefused::Checkout))
    }

    fn cancel(&mut self, now: Timestamp, order: OrderId) -> (&'static str, Done) {
        let restock = self.draw(2) == 0;
        (if restock { "cancel" } else { "cancel for good" }, self.f.shop.cancel_with(now, order, restock))
    }

    fn edit(&mut self, now: Timestamp, order: OrderId, line: LineId, units: i64) -> (&'static str, Done) {
        let restock = self.draw(2) == 0;
        let add = if self.draw(2) == 0 { vec![(self.sku(), 1 + self.units())] } else { Vec::new() };
        let edit = Edit { add, remove: vec![(line, units)], restock };
        let done = self.f.shop.edit(now, order, &edit).map(drop);
        let order = self.f.shop.order(order).expect("known");
        let line = order.line(line).expect("known");
        if done.is_ok() && !restock && order.takes_stock(line) {
            *self.edited_away.entry(line.item).or_default() += units;
        }
        (if restock { "edit" } else { "edit for good" }, done)
    }

    fn refund(
        &mut self,
        now: Timestamp,
        order: OrderId,
        line: LineId,
        quantity: i64,
        return_id: Option<ReturnId>,
    ) -> (&'static str, Done) {
        let (restock, name) = [
            (Restock::Cancel, "refund: cancel"),
            (Restock::Return, "refund: return"),
            (Restock::NoRestock, "refund: no restock"),
        ][self.draw(3)];
        let location = self.some_location();
        let input = RefundInput { lines: vec![RefundLine { line, quantity, restock, location }], return_id };
        (if return_id.is_some() { "refund of a return" } else { name }, self.f.shop.refund(now, order, &input).map(drop))
    }

    fn turn(&mut self, now: Timestamp, ret: ReturnId) -> (&'static str, Done) {
        let shop = &mut self.f.shop;
        match draw(self.seed, self.drawn) % 9 {
            0 => ("close", shop.close_return(now, ret)),
            1 => ("decline", shop.decline_return(now, ret)),
            2 => ("call off", shop.cancel_return(now, ret)),
            _ => ("approve", shop.approve_return(now, ret)),
        }
    }

    fn push(&mut self, now: Timestamp) {
        let units = self.units();
        let variables = self.f.adjustment(&format!("k{}", self.drawn), &[(self.f.main, units)]);
        self.f.call(now, ADJUST, &variables);
        *self.pushed.entry(self.f.board).or_default() += units;
    }

    /// Computes the expected units on hand from the records of orders and from the changes that the walk made.
    fn expected(&self) -> BTreeMap<ItemId, i64> {
        let mut expected = self.opening.clone();
        for (item, on_hand) in &mut expected {
            *on_hand += self.pushed.get(item).unwrap_or(&0) - self.edited_away.get(item).unwrap_or(&0);
        }
        for order in self.f.shop.orders() {
            for line in order.lines.iter().filter(|line| line.tracked) {
                let refunded = |ret: Option<ReturnId>, restock: Restock| {
                    let refunds = order.refunds.iter().filter(move |refund| refund.return_id == ret);
                    refunds.flat_map(|refund| &refund.lines).filter(move |made| made.line == line.id && made.restock == restock)
                };
                let restocked = |ret: &Return| -> i64 {
                    let done = ret.dispositions.iter().filter(|done| done.line == line.id && done.kind == Disposal::Restocked);
                    let refunded = refunded(Some(ret.id), Restock::Return).map(|made| made.quantity).sum();
                    done.map(|done| done.quantity).sum::<i64>().max(refunded)
                };
                let back: i64 = refunded(None, Restock::Return).map(|made| made.quantity).sum();
                let returned: i64 = order.returns.iter().map(restocked).sum();
                let gone: i64 = refunded(None, Restock::NoRestock).map(|made| made.quantity - made.shipped).sum();
                // Units that were never committed do not leave a level with a refund.
                let gone = if order.takes_stock(line) { gone } else { 0 };
                *expected.entry(line.item).or_default() += back + returned - line.fulfilled - gone;
            }
        }
        expected
    }
}

/// Protects the fake: no sequence of steps creates or loses a unit, a refused step changes no level, and the walks cover every
/// step.
#[test]
fn no_walk_makes_or_loses_a_unit() {
    let (mut done, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for seed in 0..SEEDS {
        let mut walk = Walk::begin(seed);
        for n in 0..STEPS {
            let (before, waiting) = (walk.on_hand(), walk.f.shop.outbox().waiting());
            let Some((step, outcome)) = walk.step(at(i64::try_from(n).expect("small"))) else { continue };
            walk.f.shop.assert_sound();
            assert_eq!(walk.on_hand(), walk.expected(), "seed {seed}, step {n}: {step}");
            match outcome {
                Ok(()) => {
                    assert!(walk.f.shop.outbox().waiting() > waiting, "seed {seed}, step {n}: {step} is announced");
                    done.insert(step);
                }
                Err(why) => {
                    assert_eq!(walk.f.shop.outbox().waiting(), waiting, "seed {seed}, step {n}: {step} was refused: {why:?}");
                    assert!(step == "exchange" || walk.on_hand() == before, "seed {seed}, step {n}: {step} was refused: {why:?}");
                    refused.insert(step);
                }
            }
        }
    }
    assert_eq!((done.len(), refused.len()), (23, 23), "done: {done:?}\nrefused: {refused:?}");
}

//! An employee of the shop who writes draft orders, and changes, completes and deletes them.

use std::time::Duration;

use jiff::Timestamp;
use promissory::catalog::OrderId;
use promissory::ports::Clock;
use promissory_fakes::shopify::{DraftOrderId, DraftStatus};

use super::World;
use super::actors::BULK;
use super::build::number;

/// A time that passes within a world.
const SOON: i64 = 600;

/// A time that no world reaches.
const NEVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl World {
    /// Writes a draft, or takes a step of one that is open.
    pub fn employee_edits_drafts(&mut self) {
        let open: Vec<DraftOrderId> = {
            let shop = self.ports.shop();
            shop.drafts().filter(|draft| draft.status != DraftStatus::Completed).map(|draft| draft.id).collect()
        };
        let step = if open.is_empty() { 0 } else { self.rng.below(6) };
        if step < 2 {
            return self.write_draft(None);
        }
        let (id, now) = (*self.rng.pick(&open), self.clock.now());
        let done = match step {
            2 => return self.write_draft(Some(id)),
            3 => self.delete_draft(),
            4 => self.ports.shop().invoice_draft(now, id).ok().map(|()| "draft invoiced"),
            _ => self.complete_draft(id),
        };
        self.note_draft(id, done);
    }

    /// Deletes a draft, which may have become an order.
    fn delete_draft(&mut self) -> Option<&'static str> {
        let drafts: Vec<DraftOrderId> = self.ports.shop().drafts().map(|draft| draft.id).collect();
        let (id, now) = (*self.rng.pick(&drafts), self.clock.now());
        self.ports.shop().delete_draft(now, id).ok()?;
        self.store.table().checker.deleted.insert(OrderId::Draft(number(id.0)));
        Some("draft deleted")
    }

    fn complete_draft(&mut self, id: DraftOrderId) -> Option<&'static str> {
        let now = self.clock.now();
        let reserves = self.ports.shop().drafts().any(|draft| draft.id == id && !draft.reserved.is_empty());
        let order = self.ports.shop().complete_draft(now, id).ok()?;
        if !reserves {
            return Some("draft completed");
        }
        self.store.table().checker.became.insert(OrderId::Draft(number(id.0)), (OrderId::new(number(order.0)), now));
        Some("draft completed")
    }

    /// Writes a draft, or replaces the content of one. Most reserve, for minutes or for longer than the world lasts.
    fn write_draft(&mut self, known: Option<DraftOrderId>) {
        let (now, until) = (self.clock.now(), self.reserve_until());
        let skus: Vec<String> = self.items.iter().map(|(item, _)| item.sku.to_string()).filter(|sku| sku != BULK).collect();
        let (sku, units) = (self.rng.pick(&skus).clone(), self.rng.up_to(3));
        let lines = [(sku.as_str(), units)];
        let done = match known {
            None => self.ports.shop().create_draft(now, &lines, until).ok(),
            Some(id) => self.ports.shop().update_draft(now, id, &lines, until).ok().map(|()| id),
        };
        let Some(id) = done else { return };
        let reserved = if until.is_some() { "draft reserved" } else { "draft without a reservation" };
        self.note_draft(id, Some(if known.is_some() { "draft changed" } else { reserved }));
    }

    fn reserve_until(&self) -> Option<Timestamp> {
        let soon = Duration::from_secs(self.rng.up_to(SOON).unsigned_abs());
        let lasts = *self.rng.pick(&[None, Some(soon), Some(NEVER), Some(NEVER)]);
        lasts.and_then(|lasts| self.clock.now().saturating_add(lasts).ok())
    }

    fn note_draft(&mut self, id: DraftOrderId, done: Option<&'static str>) {
        let Some(done) = done else { return };
        self.shop_changed = true;
        self.coverage.note(done);
        self.log_event(|| format!("{done}: {id}"));
    }
}

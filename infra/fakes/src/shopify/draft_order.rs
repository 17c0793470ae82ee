//! Draft orders: an employee of the shop writes an order for a customer, who pays later or never.
//!
//! A draft may reserve its units until a time: they move from available to reserved. They move back when the time has passed, when
//! the draft is deleted, and when it no longer reserves. When it is completed it becomes an order, which commits them. A draft
//! that does not reserve changes no level. Shopify documents neither a webhook nor a change of `updatedAt` at the end of that
//! time, so the fake has neither. The webhooks have the fields of the documented sample, which has no time of the reservation.

use super::checkout::{Cart, CheckoutRefused};
use super::ids::{DraftLineId, DraftOrderId, FIRST_DRAFT, FIRST_DRAFT_LINE, ItemId, LocationId, OrderId};
use super::outbox::Topic;
use super::shop::Shop;
use super::stock::InventoryState;
use super::time::{second, with_offset};
use super::webhooks::PERSONAL_MARK;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A draft order.
#[derive(Clone, Debug)]
pub struct DraftOrder {
    /// Its number.
    pub id: DraftOrderId,
    /// The time at which it was created.
    pub created_at: Timestamp,
    /// The time of its last change.
    pub updated_at: Timestamp,
    /// Its status.
    pub status: DraftStatus,
    /// The time until which it reserves its units, as it was set.
    pub reserve_until: Option<Timestamp>,
    /// Its lines, in the order of their numbers.
    pub lines: Vec<DraftLine>,
    /// The order that it has become.
    pub order: Option<OrderId>,
    /// The units that it reserves.
    pub reserved: BTreeMap<(ItemId, LocationId), i64>,
}

/// A line of a draft order.
#[derive(Clone, Debug)]
pub struct DraftLine {
    /// Its number.
    pub id: DraftLineId,
    /// The item.
    pub item: ItemId,
    /// Its SKU.
    pub sku: String,
    /// The number of units.
    pub quantity: i64,
    /// The components of a bundle.
    pub components: Vec<DraftLine>,
    /// The number of bundles that a component is for.
    pub in_bundles: Option<i64>,
}

impl DraftLine {
    /// Returns the components of a bundle, or the line itself.
    pub(super) fn stocked(&self) -> &[Self] {
        if self.components.is_empty() { std::slice::from_ref(self) } else { &self.components }
    }
}

/// The status of a draft order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DraftStatus {
    /// The customer has no invoice yet.
    Open,
    /// The customer has an invoice.
    InvoiceSent,
    /// It has become an order.
    Completed,
}

impl DraftStatus {
    /// Returns its name in REST bodies. In GraphQL it is in upper case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InvoiceSent => "invoice_sent",
            Self::Completed => "completed",
        }
    }
}

/// The reason why the shop refused a step of a draft order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DraftRefused {
    /// The shop has no such draft.
    Unknown,
    /// The draft has become an order.
    Completed,
    /// The lines, or the order, are refused.
    Lines(CheckoutRefused),
}

impl From<CheckoutRefused> for DraftRefused {
    fn from(refused: CheckoutRefused) -> Self {
        Self::Lines(refused)
    }
}

impl Shop {
    /// Creates a draft order, which reserves its units if a time is given.
    ///
    /// # Errors
    /// [`DraftRefused::Lines`].
    pub fn create_draft(
        &mut self,
        now: Timestamp,
        lines: &[(&str, i64)],
        reserve_until: Option<Timestamp>,
    ) -> Result<DraftOrderId, DraftRefused> {
        self.expire_drafts(now);
        let lines = self.draft_lines(lines)?;
        let id = DraftOrderId(self.made.number(FIRST_DRAFT));
        let (created_at, status) = (second(now), DraftStatus::Open);
        let (order, reserved) = (None, BTreeMap::new());
        self.drafts
            .insert(id, DraftOrder { id, created_at, updated_at: created_at, status, reserve_until, lines, order, reserved });
        if let Err(refused) = self.reserve_draft(now, id) {
            self.drafts.remove(&id);
            return Err(refused);
        }
        self.announce_draft(now, id, Topic::DraftOrdersCreate);
        Ok(id)
    }

    /// Replaces the lines of a draft order and the time until which it reserves.
    ///
    /// # Errors
    /// [`DraftRefused`].
    pub fn update_draft(
        &mut self,
        now: Timestamp,
        id: DraftOrderId,
        lines: &[(&str, i64)],
        reserve_until: Option<Timestamp>,
    ) -> Result<(), DraftRefused> {
        self.expire_drafts(now);
        let before = self.open_draft(id)?.clone();
        let lines = self.draft_lines(lines)?;
        self.release_draft(now, id);
        let draft = self.drafts.get_mut(&id).expect("found above");
        (draft.lines, draft.reserve_until, draft.updated_at) = (lines, reserve_until, second(now));
        if let Err(refused) = self.reserve_draft(now, id) {
            self.restore_draft(now, before);
            return Err(refused);
        }
        self.announce_draft(now, id, Topic::DraftOrdersUpdate);
        Ok(())
    }

    /// Sends the invoice of a draft order.
    ///
    /// # Errors
    /// [`DraftRefused`].
    pub fn invoice_draft(&mut self, now: Timestamp, id: DraftOrderId) -> Result<(), DraftRefused> {
        self.expire_drafts(now);
        self.open_draft(id)?;
        let draft = self.drafts.get_mut(&id).expect("found above");
        (draft.status, draft.updated_at) = (DraftStatus::InvoiceSent, second(now));
        self.announce_draft(now, id, Topic::DraftOrdersUpdate);
        Ok(())
    }

    /// Completes a draft order: the units that it reserves are available again, and the order that it becomes commits them.
    ///
    /// # Errors
    /// [`DraftRefused`]: then the draft reserves as before.
    pub fn complete_draft(&mut self, now: Timestamp, id: DraftOrderId) -> Result<OrderId, DraftRefused> {
        self.expire_drafts(now);
        let before = self.open_draft(id)?.clone();
        let lines = before.lines.iter().map(|line| (line.sku.clone(), line.quantity)).collect();
        self.release_draft(now, id);
        let order = match self.checkout_cart(now, &Cart { lines, ..Cart::default() }) {
            Ok(order) => order,
            Err(refused) => {
                self.restore_draft(now, before);
                return Err(refused.into());
            }
        };
        let draft = self.drafts.get_mut(&id).expect("found above");
        (draft.status, draft.order, draft.updated_at) = (DraftStatus::Completed, Some(order), second(now));
        self.announce_draft(now, id, Topic::DraftOrdersUpdate);
        Ok(order)
    }

    /// Deletes a draft order.
    ///
    /// # Errors
    /// [`DraftRefused::Unknown`].
    pub fn delete_draft(&mut self, now: Timestamp, id: DraftOrderId) -> Result<(), DraftRefused> {
        self.expire_drafts(now);
        if !self.drafts.contains_key(&id) {
            return Err(DraftRefused::Unknown);
        }
        self.release_draft(now, id);
        self.drafts.remove(&id);
        self.outbox.announce(now, &self.config, OrderId(id.0), vec![(Topic::DraftOrdersDelete, json!({ "id": id }))]);
        Ok(())
    }

    /// Ends the reservations whose time has passed. Every call that reads or sells does so first.
    pub fn expire_drafts(&mut self, now: Timestamp) {
        let passed = |draft: &&DraftOrder| draft.reserve_until.is_some_and(|until| until <= now) && !draft.reserved.is_empty();
        let passed: Vec<DraftOrderId> = self.drafts.values().filter(passed).map(|draft| draft.id).collect();
        for id in passed {
            self.release_draft(now, id);
        }
    }

    /// Returns the draft orders, by number.
    pub fn drafts(&self) -> impl Iterator<Item = &DraftOrder> {
        self.drafts.values()
    }

    fn open_draft(&self, id: DraftOrderId) -> Result<&DraftOrder, DraftRefused> {
        let draft = self.drafts.get(&id).ok_or(DraftRefused::Unknown)?;
        if draft.status == DraftStatus::Completed { Err(DraftRefused::Completed) } else { Ok(draft) }
    }

    fn draft_lines(&mut self, lines: &[(&str, i64)]) -> Result<Vec<DraftLine>, CheckoutRefused> {
        if lines.is_empty() {
            return Err(CheckoutRefused::Empty);
        }
        lines.iter().map(|(sku, quantity)| self.draft_line(sku, *quantity)).collect()
    }

    fn draft_line(&mut self, sku: &str, quantity: i64) -> Result<DraftLine, CheckoutRefused> {
        let item = self.item(sku).ok_or_else(|| CheckoutRefused::UnknownSku(sku.to_owned()))?;
        if !(1..=1_000_000).contains(&quantity) {
            return Err(CheckoutRefused::BadQuantity(sku.to_owned()));
        }
        let (item, parts) = (item.id, item.components.clone());
        let id = DraftLineId(self.made.number(FIRST_DRAFT_LINE));
        let mut components = Vec::new();
        for (part, units) in parts {
            let part = self.draft_line(&part, quantity.saturating_mul(units))?;
            components.push(DraftLine { in_bundles: Some(quantity), ..part });
        }
        Ok(DraftLine { id, item, sku: sku.to_owned(), quantity, components, in_bundles: None })
    }

    /// Reserves the units of a draft, as a checkout would allocate them, if it is to reserve.
    fn reserve_draft(&mut self, now: Timestamp, id: DraftOrderId) -> Result<(), DraftRefused> {
        let draft = &self.drafts[&id];
        if draft.reserve_until.is_none_or(|until| until <= now) {
            return Ok(());
        }
        let wanted: Vec<_> = draft.lines.iter().map(|line| (line.sku.clone(), line.quantity)).collect();
        for (item, _, shares) in self.allocated(&wanted, None, false)? {
            for (location, units) in shares {
                self.move_reserved(now, (item, location), units);
                *self.drafts.get_mut(&id).expect("the caller made it").reserved.entry((item, location)).or_default() += units;
            }
        }
        Ok(())
    }

    fn release_draft(&mut self, now: Timestamp, id: DraftOrderId) {
        let draft = self.drafts.get_mut(&id).expect("the caller found it");
        for (at, units) in std::mem::take(&mut draft.reserved) {
            self.move_reserved(now, at, -units);
        }
    }

    /// Restores a draft as it was before a step that is refused.
    fn restore_draft(&mut self, now: Timestamp, before: DraftOrder) {
        for (at, units) in &before.reserved {
            self.move_reserved(now, *at, *units);
        }
        self.drafts.insert(before.id, before);
    }

    fn move_reserved(&mut self, now: Timestamp, at: (ItemId, LocationId), units: i64) {
        let level = self.levels.get_mut(&at).expect("units are allocated where there is a level");
        level.put_aside(now, InventoryState::Reserved, units);
    }

    fn announce_draft(&mut self, now: Timestamp, id: DraftOrderId, topic: Topic) {
        let body = self.draft_body(&self.drafts[&id]);
        self.outbox.announce(now, &self.config, OrderId(id.0), vec![(topic, body)]);
    }

    fn draft_body(&self, draft: &DraftOrder) -> Value {
        let lines = draft.lines.iter().map(|line| {
            let item = &self.items[&line.item];
            json!({
                "id": line.id,
                "admin_graphql_api_id": line.id.gid(),
                "variant_id": item.variant,
                "sku": line.sku,
                "quantity": line.quantity,
                "requires_shipping": item.requires_shipping,
                "gift_card": item.gift_card,
                "custom": false,
            })
        });
        let at = |time| with_offset(time, self.config.offset);
        json!({
            "id": draft.id,
            "admin_graphql_api_id": draft.id.gid(),
            "name": format!("#D{}", draft.id.0 % 1_000),
            "email": format!("{PERSONAL_MARK}@example.com"),
            "note": format!("{PERSONAL_MARK} calls again"),
            "status": draft.status.name(),
            "created_at": at(draft.created_at),
            "updated_at": at(draft.updated_at),
            "completed_at": draft.order.map(|_| at(draft.updated_at)),
            "order_id": draft.order,
            "line_items": lines.collect::<Vec<_>>(),
        })
    }
}

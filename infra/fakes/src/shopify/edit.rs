//! Order edits: they add lines, and remove units that have not left.
//!
//! The shop allocates added lines as at the checkout, from the units that are available before the edit removes any. The
//! webhook about an edit contains line ids and differences only; another webhook contains the order.

use super::draft::Draft;
use super::id_webhooks;
use super::ids::{FIRST_EDIT, LineId, OrderId};
use super::lifecycle::OrderRefused;
use super::outbox::Topic;
use super::shop::Shop;
use jiff::Timestamp;

/// The changes of one order edit.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    /// SKUs and units to add, as new lines.
    pub add: Vec<(String, i64)>,
    /// Units to remove, by line.
    pub remove: Vec<(LineId, i64)>,
    /// Whether the removed units become available again. Otherwise they leave the shop.
    pub restock: bool,
}

impl Shop {
    /// Edits an order. Returns the added lines.
    ///
    /// # Errors
    /// The order or a line does not exist, the order is cancelled, the edit is empty, it removes more units than are left, or
    /// an added SKU cannot be sold.
    pub fn edit(&mut self, now: Timestamp, id: OrderId, edit: &Edit) -> Result<Vec<LineId>, OrderRefused> {
        let mut draft = self.begin(now, id)?;
        if edit.add.is_empty() && edit.remove.is_empty() {
            return Err(OrderRefused::Empty);
        }
        let added = self.added(&mut draft, &edit.add)?;
        for (line, quantity) in &edit.remove {
            draft.remove(*line, *quantity, None, edit.restock)?;
        }
        let number = draft.number(FIRST_EDIT);
        let additions: Vec<(LineId, i64)> =
            draft.order.lines.iter().filter(|line| added.contains(&line.id)).map(|line| (line.id, line.quantity)).collect();
        let body = id_webhooks::edited(&self.config, &draft, number, &additions, &edit.remove);
        self.commit(draft);
        self.announce(now, id, &[Topic::OrdersUpdated], vec![(Topic::OrdersEdited, body)]);
        Ok(added)
    }

    /// Removes units of a line that have not left, and restocks them.
    ///
    /// # Errors
    /// The order or the line does not exist, the order is cancelled, or fewer units are left than the call removes.
    pub fn remove_line_quantity(&mut self, now: Timestamp, id: OrderId, line: LineId, quantity: i64) -> Result<(), OrderRefused> {
        self.edit(now, id, &Edit { remove: vec![(line, quantity)], restock: true, ..Edit::default() }).map(drop)
    }

    /// Allocates units of SKUs, and adds lines for them to an order that a step changes.
    pub(super) fn added(&mut self, draft: &mut Draft, wanted: &[(String, i64)]) -> Result<Vec<LineId>, OrderRefused> {
        let (retail, unconfirmed) = (draft.order.retail_location, !draft.order.confirmed);
        let allocated = self.allocated(wanted, retail, unconfirmed).map_err(OrderRefused::Checkout)?;
        Ok(self.add_lines(draft, allocated).0)
    }
}

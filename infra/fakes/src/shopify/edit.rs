//! Editing an order: lines added, and units removed that have not left.
//!
//! What is added is allocated as at the checkout, from what is available before anything is removed. A webhook about an
//! edit carries line ids and differences only; the order itself follows in another.

use super::draft::Draft;
use super::id_webhooks;
use super::ids::{FIRST_EDIT, LineId, OrderId};
use super::lifecycle::OrderRefused;
use super::outbox::Topic;
use super::shop::Shop;
use jiff::Timestamp;

/// What is changed about an order.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    /// SKUs and units, each a new line.
    pub add: Vec<(String, i64)>,
    /// Units that are no longer wanted, by line.
    pub remove: Vec<(LineId, i64)>,
    /// Whether what is removed goes on sale again; otherwise it is gone.
    pub restock: bool,
}

impl Shop {
    /// Edits an order; gives the lines that were added.
    ///
    /// # Errors
    /// No such order or line, it is cancelled, more is removed than is left, or what is added cannot be sold.
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
    /// No such order or line, it is cancelled, or more is asked for than is left.
    pub fn remove_line_quantity(&mut self, now: Timestamp, id: OrderId, line: LineId, quantity: i64) -> Result<(), OrderRefused> {
        self.edit(now, id, &Edit { remove: vec![(line, quantity)], restock: true, ..Edit::default() }).map(drop)
    }

    /// Adds lines to an order under change.
    pub(super) fn added(&mut self, draft: &mut Draft, wanted: &[(String, i64)]) -> Result<Vec<LineId>, OrderRefused> {
        let (retail, unconfirmed) = (draft.order.retail_location, !draft.order.confirmed);
        let allocated = self.allocated(wanted, retail, unconfirmed).map_err(OrderRefused::Checkout)?;
        Ok(self.add_lines(draft, allocated).0)
    }
}

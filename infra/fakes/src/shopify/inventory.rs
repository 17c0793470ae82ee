//! The inventory mutations. The shop applies all rows of a call or none.
//!
//! The shop checks every row before it applies the first one, and names every refused row by its index, so that a caller can
//! remove the refused rows. An inactive level keeps its quantities and takes changes without an error, and no channel shows it.
//! An activation keeps the quantities unless it gives `available`.

use super::ids::{FIRST_GROUP, ItemId, LocationId};
use super::input::{Input, Row};
use super::log::Change;
use super::mutation::{Code, Mutation, Outcome, UserError};
use super::shop::Shop;
use super::stock::Level;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The reasons that the fake accepts: those that have been seen, per `shopify.md`.
const REASONS: [&str; 10] = [
    "correction",
    "cycle_count_available",
    "damaged",
    "movement_created",
    "movement_received",
    "other",
    "received",
    "restock",
    "safety_stock",
    "shrinkage",
];

const ADJUST_BOUND: i64 = 2_000_000_000;
const SET_BOUND: i64 = 1_000_000_000;

/// Returns whether a text is a URI with a scheme and content. A gid must have app, entity and id, and must not be Shopify's
/// own.
fn is_foreign_uri(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once(':') else {
        return false;
    };
    let first = scheme.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    let scheme_fits = first && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let content = rest.trim_start_matches('/');
    let content_fits = !content.is_empty() && !content.contains(char::is_whitespace);
    let parts: Vec<&str> = content.split('/').collect();
    let gid_fits = scheme != "gid" || (parts.len() >= 3 && parts.iter().all(|part| !part.is_empty()) && parts[0] != "shopify");
    scheme_fits && content_fits && gid_fits
}

impl Shop {
    /// Applies an adjustment or a set completely, or refuses it.
    pub(super) fn adjust(&mut self, now: Timestamp, kind: Mutation, input: &Input) -> Outcome {
        let (array, _, number) = kind.rows();
        let mut errors = head_errors(kind, input);
        let mut staged: BTreeMap<(ItemId, LocationId), i64> = BTreeMap::new();
        let mut changes = Vec::new();
        for (index, row) in input.rows.iter().enumerate() {
            match self.row(kind, row, number, &mut staged) {
                Ok(change) => changes.push(change),
                Err((code, field)) => errors.push(UserError::new(code, &["input", array, &index.to_string(), field])),
            }
        }
        if !errors.is_empty() {
            return Outcome::refused(kind, errors);
        }
        for change in &changes {
            let level = self.levels.entry((change.item, change.location)).or_insert_with(|| Level::new(now, false));
            level.shift(now, change.delta, 0);
        }
        // If no row changes a quantity, there is no group. Shopify answers null in that case.
        let group = changes.iter().any(|change| change.delta != 0).then(|| self.made.number(FIRST_GROUP));
        Outcome { kind, group, level: None, errors, changes }
    }

    /// Computes the change of a row on top of the rows before it. The error is the code and the field that causes it.
    fn row<'f>(
        &self,
        kind: Mutation,
        row: &Row,
        number: &'f str,
        staged: &mut BTreeMap<(ItemId, LocationId), i64>,
    ) -> Result<Change, (Code, &'f str)> {
        let item = row.item.and_then(|id| self.items.get(&id)).ok_or((Code::UnknownItem, "inventoryItemId"))?;
        if item.bundle || self.faults.poisoned.contains(&item.id) {
            return Err((Code::Immutable, "inventoryItemId"));
        }
        if !item.tracked {
            return Err((Code::Untracked, "inventoryItemId"));
        }
        let location = row.location.filter(|id| self.locations.contains_key(id)).ok_or((Code::UnknownLocation, "locationId"))?;
        if row.ledger.is_some() {
            return Err((Code::LedgerDocument, "ledgerDocumentUri"));
        }
        let level = self.levels.get(&(item.id, location));
        let persisted = level.map_or(0, |level| level.available);
        if row.from.is_some_and(|from| from != persisted) {
            return Err((Code::Stale, "changeFromQuantity"));
        }
        let before = staged.get(&(item.id, location)).copied();
        let after = match kind {
            Mutation::Adjust => before.unwrap_or(persisted) + row.number,
            Mutation::Set | Mutation::Activate | Mutation::SetMetafields => row.number,
        };
        let bound = match kind {
            Mutation::Adjust => ADJUST_BOUND,
            Mutation::Set | Mutation::Activate | Mutation::SetMetafields => {
                if before.is_some() {
                    return Err((Code::Twice, "locationId"));
                }
                if after < 0 {
                    return Err((Code::Negative, number));
                }
                SET_BOUND
            }
        };
        if after > bound {
            return Err((Code::TooHigh, number));
        }
        if after < -bound {
            return Err((Code::TooLow, number));
        }
        staged.insert((item.id, location), after);
        let visible = level.is_some_and(|level| level.active);
        Ok(Change { item: item.id, location, delta: after - before.unwrap_or(persisted), after, visible })
    }

    /// Stocks an item at a location. If the location already stocks it, the level does not change, and the call must not give a
    /// quantity.
    pub(super) fn activate(
        &mut self,
        now: Timestamp,
        item: Option<ItemId>,
        location: Option<LocationId>,
        available: Option<i64>,
    ) -> Outcome {
        let kind = Mutation::Activate;
        let refused = |code, field: &str| Outcome::refused(kind, vec![UserError::new(code, &[field])]);
        let Some(item) = item.and_then(|id| self.items.get(&id)) else {
            return refused(Code::UnknownItem, "inventoryItemId");
        };
        if item.bundle || self.faults.poisoned.contains(&item.id) {
            return refused(Code::Immutable, "inventoryItemId");
        }
        let Some(location) = location.filter(|id| self.locations.contains_key(id)) else {
            return refused(Code::UnknownLocation, "locationId");
        };
        if available.is_some_and(|available| available < 0) {
            return refused(Code::Negative, "available");
        }
        let item = item.id;
        let level = self.levels.entry((item, location)).or_insert_with(|| Level::new(now, false));
        let mut changes = Vec::new();
        if !level.active {
            level.active = true;
            let after = available.unwrap_or(level.available);
            let delta = after - level.available;
            level.shift(now, delta, 0);
            changes.push(Change { item, location, delta, after, visible: true });
        } else if available.is_some() {
            return refused(Code::AlreadyActive, "available");
        }
        Outcome { kind, group: None, level: Some((item, location)), errors: Vec::new(), changes }
    }
}

/// Returns the errors in the input's quantity name, reason and reference.
fn head_errors(kind: Mutation, input: &Input) -> Vec<UserError> {
    let mut errors = Vec::new();
    if input.name != "available" {
        let code = if kind == Mutation::Adjust { Code::AdjustName } else { Code::SetName };
        errors.push(UserError::new(code, &["input", "name"]));
    }
    if !REASONS.contains(&input.reason.as_str()) {
        errors.push(UserError::new(Code::Reason, &["input", "reason"]));
    }
    if input.reference.as_deref().is_some_and(|uri| !is_foreign_uri(uri)) {
        errors.push(UserError::new(Code::Reference, &["input", "referenceDocumentUri"]));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::is_foreign_uri;

    /// Protects the audit trail: the fake accepts our references, and refuses Shopify's own references and malformed ones.
    #[test]
    fn references_are_uris_of_ours() {
        let rows = [
            ("gid://promissory/Movement/BOARD@MAIN/42", true),
            ("gid://promissory/Movement/1", true),
            ("https://example.com/documents/1", true),
            ("erp:1", true),
            ("gid://shopify/Order/1", false),
            ("gid://promissory/Movement", false),
            ("gid://promissory//1", false),
            ("gid://promissory/Movement/a b", false),
            ("plain words", false),
            ("1erp:1", false),
            ("erp:", false),
            ("", false),
        ];
        for (uri, expected) in rows {
            assert_eq!(is_foreign_uri(uri), expected, "{uri:?}");
        }
    }
}

//! The alert about a value that is delivered to a shop: a level or a variant metafield. Its row names the alert that is open.

use jiff::Timestamp;

use crate::alert::{AlertState, AlertSubject};
use crate::flows::alert;
use crate::ports::{Store, StoreError};
use crate::storefront::{Level, LevelBlock, VariantMetafield};
use crate::table::{Row, Write};

/// A row whose value is delivered to a shop.
pub(crate) trait Delivered: Row + Clone + PartialEq {
    /// The alert that must be open, with its text.
    fn required_alert(&self) -> Option<(AlertSubject, String)>;

    /// The alert that is open.
    fn alert(&mut self) -> &mut Option<AlertSubject>;
}

impl Delivered for Level {
    fn required_alert(&self) -> Option<(AlertSubject, String)> {
        let Self { shop, sku, location, .. } = self;
        let (of, at) = (|| (shop.clone(), sku.clone(), location.clone()), format!("{sku} at {location}"));
        Some(match self.blocked.as_ref()? {
            LevelBlock::NeverReported => {
                let (shop, sku, location) = of();
                let detail = format!(
                    "{shop} has a level of {at}, and no system ever reported stock there, so the level is left as it is. Send a \
                     count or a balance of {at}; 0 is a report too."
                );
                (AlertSubject::StockNeverReported { shop, sku, location }, detail)
            }
            LevelBlock::Refused { reason } => {
                let (shop, sku, location) = of();
                (AlertSubject::LevelRefused { shop, sku, location }, format!("The shop refuses the level of {at}: {reason}"))
            }
            LevelBlock::Parked { shown, wanted } => {
                let (shop, sku, location) = of();
                let (removed, of) = (self.removed, format!("{sku}@{location}"));
                let detail = format!(
                    "{shop} shows {shown} of {at}, and Promissory counts {wanted}: order edits removed {removed}, which the shop \
                     may have withheld from sale. `cargo x ledger confirm {of}` sets {wanted}; `cargo x ledger discard {of}` keeps \
                     {shown} and withholds the difference."
                );
                (AlertSubject::ParkedChange { shop, sku, location }, detail)
            }
            LevelBlock::Deactivated => {
                let (shop, sku, location) = of();
                let detail = format!(
                    "{shop} does not stock {at} any more, so nothing is pushed there. Stock the item at this location in the shop \
                     again, or remove the shop's id of the location."
                );
                (AlertSubject::LevelDeactivated { shop, sku, location }, detail)
            }
        })
    }

    fn alert(&mut self) -> &mut Option<AlertSubject> {
        &mut self.alert
    }
}

impl Delivered for VariantMetafield {
    fn required_alert(&self) -> Option<(AlertSubject, String)> {
        let (Self { shop, sku, .. }, kind) = (self, self.value.kind());
        let reason = self.refused.as_ref()?;
        let subject = AlertSubject::MetafieldRefused { shop: shop.clone(), sku: sku.clone(), metafield: kind };
        Some((subject, format!("The shop refuses the metafield {kind} of {sku}: {reason}")))
    }

    fn alert(&mut self) -> &mut Option<AlertSubject> {
        &mut self.alert
    }
}

/// Brings the alert of a row to what the row requires, and notes it in the row. Returns the writes, to be part of the caller's
/// transaction: the alert that is cleared, and the alert that is raised.
pub(crate) async fn turn_alert<S: Store, T: Delivered>(store: &S, of: &mut T, now: Timestamp) -> Result<Vec<Write>, StoreError> {
    let (required, open) = (of.required_alert(), of.alert().clone());
    let mut writes = Vec::new();
    if required.as_ref().map(|(subject, _)| subject) == open.as_ref() {
        return Ok(writes);
    }
    if let Some(subject) = open {
        let detail = "The condition has passed.".to_owned();
        writes.extend(alert::turn(store, subject, AlertState::Cleared, detail, now).await?);
    }
    *of.alert() = required.as_ref().map(|(subject, _)| subject.clone());
    if let Some((subject, detail)) = required {
        writes.extend(alert::turn(store, subject, AlertState::Raised, detail, now).await?);
    }
    Ok(writes)
}

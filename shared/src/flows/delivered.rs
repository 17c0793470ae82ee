//! The alert about a value that is delivered to a shop: a level or a variant metafield. Its row names the alert that is open.

use jiff::Timestamp;

use crate::alert::{AlertState, AlertSubject};
use crate::catalog::{LocationId, ShopDomain, Sku};
use crate::flows::alert;
use crate::ports::{Store, StoreError};
use crate::storefront::{Level, LevelBlock, VariantMetafield};
use crate::table::{Row, Write};

/// A row whose value is delivered to a shop.
pub(crate) trait Delivered: Row + Clone + PartialEq {
    /// The alert that must be open, with its text.
    fn required_alert(&self) -> Option<(AlertSubject, String)>;

    /// The alerts that may be open about the value.
    fn possible_alerts(&self) -> Vec<AlertSubject>;

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

    fn possible_alerts(&self) -> Vec<AlertSubject> {
        level_alerts(&self.shop, &self.sku, &self.location).into()
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

    fn possible_alerts(&self) -> Vec<AlertSubject> {
        let (shop, sku) = (self.shop.clone(), self.sku.clone());
        vec![AlertSubject::MetafieldRefused { shop, sku, metafield: self.value.kind() }]
    }

    fn alert(&mut self) -> &mut Option<AlertSubject> {
        &mut self.alert
    }
}

/// The alerts that may be open about a level.
pub(crate) fn level_alerts(shop: &ShopDomain, sku: &Sku, location: &LocationId) -> [AlertSubject; 4] {
    let of = || (shop.clone(), sku.clone(), location.clone());
    let ((never, refused), (parked, deactivated)) = ((of(), of()), (of(), of()));
    [
        AlertSubject::StockNeverReported { shop: never.0, sku: never.1, location: never.2 },
        AlertSubject::LevelRefused { shop: refused.0, sku: refused.1, location: refused.2 },
        AlertSubject::ParkedChange { shop: parked.0, sku: parked.1, location: parked.2 },
        AlertSubject::LevelDeactivated { shop: deactivated.0, sku: deactivated.1, location: deactivated.2 },
    ]
}

/// Clears what may be open about a row that could not be read and is written anew, and is not required any more. The row that knew
/// it is lost.
pub(crate) async fn clear_other_alerts<S: Store, T: Delivered>(
    store: &S,
    of: &T,
    now: Timestamp,
) -> Result<Vec<Write>, StoreError> {
    let required = of.required_alert().map(|(subject, _)| subject);
    let mut writes = Vec::new();
    for subject in of.possible_alerts().into_iter().filter(|subject| Some(subject) != required.as_ref()) {
        let detail = "The condition has passed.".to_owned();
        writes.extend(alert::turn(store, subject, AlertState::Cleared, detail, now).await?);
    }
    Ok(writes)
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

//! The alert about a push that a shop refuses: of a level, or of the lots of an item.

use jiff::Timestamp;

use crate::alert::{Alert, AlertState, AlertSubject};
use crate::ports::{Store, StoreError, read};
use crate::storefront::{Level, VariantMetafield};
use crate::table::{RowKey, Write};

/// A level or metafield that a shop refuses, or has accepted after a refusal.
pub(crate) struct Refusable<'a> {
    subject: AlertSubject,
    what: String,
    reason: Option<&'a str>,
}

impl<'a> From<&'a Level> for Refusable<'a> {
    fn from(level: &'a Level) -> Self {
        let Level { shop, sku, location, refused, .. } = level;
        let subject = AlertSubject::PushRefused { shop: shop.clone(), sku: sku.clone(), location: location.to_string() };
        Self { subject, what: format!("level of {sku} at {location}"), reason: refused.as_deref() }
    }
}

impl<'a> From<&'a VariantMetafield> for Refusable<'a> {
    fn from(metafield: &'a VariantMetafield) -> Self {
        let VariantMetafield { shop, sku, refused, .. } = metafield;
        let subject = AlertSubject::PushRefused { shop: shop.clone(), sku: sku.clone(), location: metafield.in_alerts() };
        Self { subject, what: format!("list of lots of {sku}"), reason: refused.as_deref() }
    }
}

/// Returns the write of the alert, to be part of the caller's transaction. Returns `None` when the alert already has this
/// state.
pub(crate) async fn refusal_alert<S: Store>(store: &S, of: Refusable<'_>, now: Timestamp) -> Result<Option<Write>, StoreError> {
    let Refusable { subject, what, reason } = of;
    let (known, expect) = read::<Alert, S>(store, &RowKey::Alert(subject.clone())).await?;
    let (state, detail) = reason.map_or_else(
        || (AlertState::Cleared, format!("The shop accepts the {what} again.")),
        |reason| (AlertState::Raised, format!("The shop refuses the {what}: {reason}")),
    );
    Ok(Alert::next(known.as_ref(), subject, state, detail, now).map(|next| Write::put(&next, expect)))
}

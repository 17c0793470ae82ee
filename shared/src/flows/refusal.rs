//! The alert about a value that a shop refuses: a level or a variant metafield.

use jiff::Timestamp;

use crate::alert::{AlertState, AlertSubject};
use crate::flows::alert;
use crate::ports::{Store, StoreError};
use crate::storefront::{Level, VariantMetafield};
use crate::table::{Row, Write};

/// A row whose value is delivered to a shop.
pub(crate) trait Delivered: Row + Clone + PartialEq {
    /// Why the shop refuses the value, if it does.
    fn refused(&self) -> Option<&str>;

    /// Whether the alert about the refusal is open.
    fn alerted(&mut self) -> &mut bool;

    /// The subject of the alert, and the name of the value in its text.
    fn alert(&self) -> (AlertSubject, String);
}

impl Delivered for Level {
    fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    fn alerted(&mut self) -> &mut bool {
        &mut self.alerted
    }

    fn alert(&self) -> (AlertSubject, String) {
        let Self { shop, sku, location, .. } = self;
        let subject = AlertSubject::LevelRefused { shop: shop.clone(), sku: sku.clone(), location: location.clone() };
        (subject, format!("level of {sku} at {location}"))
    }
}

impl Delivered for VariantMetafield {
    fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    fn alerted(&mut self) -> &mut bool {
        &mut self.alerted
    }

    fn alert(&self) -> (AlertSubject, String) {
        let (Self { shop, sku, .. }, kind) = (self, self.value.kind());
        let subject = AlertSubject::MetafieldRefused { shop: shop.clone(), sku: sku.clone(), metafield: kind };
        (subject, format!("metafield {kind} of {sku}"))
    }
}

/// Returns the write of the alert, to be part of the caller's transaction. Returns `None` when the alert already has this
/// state.
pub(crate) async fn refusal_alert<S: Store, T: Delivered>(
    store: &S,
    of: &T,
    now: Timestamp,
) -> Result<Option<Write>, StoreError> {
    let (subject, name) = of.alert();
    let (state, detail) = of.refused().map_or_else(
        || (AlertState::Cleared, format!("The shop accepts the {name} again.")),
        |reason| (AlertState::Raised, format!("The shop refuses the {name}: {reason}")),
    );
    alert::turn(store, subject, state, detail, now).await
}

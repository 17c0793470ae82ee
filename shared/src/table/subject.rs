//! Reads what an alert is about from the segments of its key.

use crate::alert::Subject;
use crate::catalog::{OrderId, ShopLocationId};

/// The alert of this rule and these fields, as `Subject::rule` and `Subject::fields` give them.
pub(super) fn parse(rule: &str, fields: &[&str]) -> Option<Subject> {
    let owned = |text: &str| text.to_owned();
    let order = |text: &str| text.parse().ok().map(OrderId::new);
    let location = |text: &str| text.parse().ok().map(ShopLocationId::new);
    Some(match (rule, fields) {
        ("low_stock", [sku]) => Subject::LowStock { sku: sku.parse().ok()? },
        ("late_promise", [sku]) => Subject::LatePromise { sku: sku.parse().ok()? },
        ("plan_too_large", [sku]) => Subject::PlanTooLarge { sku: sku.parse().ok()? },
        ("unmapped_sku", [shop, shop_sku]) => Subject::UnmappedSku { shop: shop.parse().ok()?, shop_sku: owned(shop_sku) },
        ("unmapped_location", [shop, at]) => Subject::UnmappedLocation { shop: shop.parse().ok()?, location: location(at)? },
        ("unmapped_item", [system, code]) => Subject::UnmappedItem { system: owned(system), code: owned(code) },
        ("unmapped_facility", [system, code]) => Subject::UnmappedFacility { system: owned(system), code: owned(code) },
        ("refused_event", [system]) => Subject::RefusedEvent { system: owned(system) },
        ("source_stale", [system, feed]) => Subject::SourceStale { system: owned(system), feed: owned(feed) },
        ("unreadable_order", [shop, order]) => Subject::UnreadableOrder { shop: shop.parse().ok()?, order: owned(order) },
        ("unallocated", [shop, of]) => Subject::Unallocated { shop: shop.parse().ok()?, order: order(of)? },
        ("paid_late", [shop, of]) => Subject::PaidLate { shop: shop.parse().ok()?, order: order(of)? },
        ("location_closed", [shop, at]) => Subject::LocationClosed { shop: shop.parse().ok()?, location: location(at)? },
        ("app_removed", [shop]) => Subject::AppRemoved { shop: shop.parse().ok()? },
        ("unreadable_webhook", [shop, topic]) => Subject::UnreadableWebhook { shop: shop.parse().ok()?, topic: owned(topic) },
        ("content_mismatch", [event]) => Subject::ContentMismatch { event: owned(event) },
        ("push_refused", [shop, pair]) => {
            let (sku, location) = pair.rsplit_once('@')?;
            Subject::PushRefused { shop: shop.parse().ok()?, sku: sku.parse().ok()?, location: owned(location) }
        }
        _other => return None,
    })
}

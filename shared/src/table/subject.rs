//! Parses the subject of an alert from the segments of its key.

use crate::alert::AlertSubject;
use crate::catalog::{OrderId, Resource, ShopLocationId};

/// The alert of this rule and these fields, as `AlertSubject::rule` and `AlertSubject::fields` give them.
pub(super) fn parse(rule: &str, fields: &[&str]) -> Option<AlertSubject> {
    let owned = |text: &str| text.to_owned();
    let order = |text: &str| text.parse().ok().map(OrderId::new);
    let location = |text: &str| text.parse().ok().map(ShopLocationId::new);
    Some(match (rule, fields) {
        ("low_stock", [sku]) => AlertSubject::LowStock { sku: sku.parse().ok()? },
        ("late_promise", [sku]) => AlertSubject::LatePromise { sku: sku.parse().ok()? },
        ("plan_too_large", ["item", sku]) => AlertSubject::PlanTooLarge { most_used: Resource::Item(sku.parse().ok()?) },
        ("plan_too_large", ["centre", code]) => {
            AlertSubject::PlanTooLarge { most_used: Resource::WorkCentre(code.parse().ok()?) }
        }
        ("unmapped_sku", [shop, shop_sku]) => AlertSubject::UnmappedSku { shop: shop.parse().ok()?, shop_sku: owned(shop_sku) },
        ("unmapped_location", [shop, at]) => AlertSubject::UnmappedLocation { shop: shop.parse().ok()?, location: location(at)? },
        ("unmapped_item", [system, code]) => AlertSubject::UnmappedItem { system: owned(system), code: owned(code) },
        ("unmapped_facility", [system, code]) => AlertSubject::UnmappedFacility { system: owned(system), code: owned(code) },
        ("refused_event", [system]) => AlertSubject::RefusedEvent { system: owned(system) },
        ("source_stale", [system, feed]) => AlertSubject::SourceStale { system: owned(system), feed: owned(feed) },
        ("unreadable_order", [shop, order]) => AlertSubject::UnreadableOrder { shop: shop.parse().ok()?, order: owned(order) },
        ("unallocated", [shop, of]) => AlertSubject::Unallocated { shop: shop.parse().ok()?, order: order(of)? },
        ("paid_late", [shop, of]) => AlertSubject::PaidLate { shop: shop.parse().ok()?, order: order(of)? },
        ("location_closed", [shop, at]) => AlertSubject::LocationClosed { shop: shop.parse().ok()?, location: location(at)? },
        ("app_removed", [shop]) => AlertSubject::AppRemoved { shop: shop.parse().ok()? },
        ("unreadable_webhook", [shop, topic]) => {
            AlertSubject::UnreadableWebhook { shop: shop.parse().ok()?, topic: owned(topic) }
        }
        ("content_mismatch", [event]) => AlertSubject::ContentMismatch { event: owned(event) },
        ("push_refused", [shop, pair]) => {
            let (sku, location) = pair.rsplit_once('@')?;
            AlertSubject::PushRefused { shop: shop.parse().ok()?, sku: sku.parse().ok()?, location: owned(location) }
        }
        _other => return None,
    })
}

//! The storefront port: inventory levels, metafields, and their mutations.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::adapters::shopify::{Shopify, Transport, operations};
use crate::catalog::{InventoryItemId, OrderId, Quantity, ShopDomain, ShopLocationId};
use crate::ports::{Clock, Storefront};
use crate::storefront::{
    Adjustment, LevelSet, MetafieldWrite, OrderRead, OrderSearch, OrdersPage, ShopAnswer, ShopLevel, StorefrontError, UserError,
    UserErrorCode,
};

/// The namespace of the variant metafields.
const NAMESPACE: &str = "promissory";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mutated {
    user_errors: Vec<UserErrorBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserErrorBody {
    code: Option<String>,
    element_index: Option<usize>,
    field: Option<Vec<String>>,
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AdjustData {
    inventory_adjust_quantities: Option<Mutated>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SetData {
    inventory_set_quantities: Option<Mutated>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ActivateData {
    inventory_activate: Option<Mutated>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetafieldsData {
    metafields_set: Option<Mutated>,
}

#[derive(Deserialize)]
struct Nodes {
    nodes: Vec<Option<ItemBody>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OneItem {
    inventory_item: Option<LevelsOnly>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LevelsOnly {
    inventory_levels: super::order_body::Connection<LevelBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemBody {
    id: String,
    inventory_levels: super::order_body::Connection<LevelBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LevelBody {
    is_active: bool,
    updated_at: jiff::Timestamp,
    location: super::order_body::Id,
    quantities: Vec<QuantityBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QuantityBody {
    name: String,
    quantity: i64,
    updated_at: Option<jiff::Timestamp>,
}

impl<T: Transport, C: Clock> Storefront for Shopify<T, C> {
    async fn adjust(
        &self,
        shop: &ShopDomain,
        key: &str,
        reference: &str,
        rows: &[Adjustment],
    ) -> Result<ShopAnswer, StorefrontError> {
        let changes: Vec<Value> = rows
            .iter()
            .map(|row| {
                // Differences need no compare value: they commute with orders in flight, which is why we push differences.
                json!({
                    "inventoryItemId": row.inventory_item.gid(),
                    "locationId": row.location.gid(),
                    "delta": row.delta,
                    "changeFromQuantity": null,
                })
            })
            .collect();
        let input = json!({ "name": "available", "reason": "other", "referenceDocumentUri": reference, "changes": changes });
        let data: AdjustData = self.call(shop, operations::ADJUST_AVAILABLE, json!({ "input": input, "key": key })).await?;
        answer(data.inventory_adjust_quantities)
    }

    async fn set(&self, shop: &ShopDomain, key: &str, reference: &str, rows: &[LevelSet]) -> Result<ShopAnswer, StorefrontError> {
        let quantities: Vec<Value> = rows
            .iter()
            .map(|row| {
                json!({
                    "inventoryItemId": row.inventory_item.gid(),
                    "locationId": row.location.gid(),
                    "quantity": row.quantity,
                    "changeFromQuantity": row.change_from,
                })
            })
            .collect();
        let input =
            json!({ "name": "available", "reason": "correction", "referenceDocumentUri": reference, "quantities": quantities });
        let data: SetData = self.call(shop, operations::SET_AVAILABLE, json!({ "input": input, "key": key })).await?;
        answer(data.inventory_set_quantities)
    }

    async fn activate(
        &self,
        shop: &ShopDomain,
        key: &str,
        item: InventoryItemId,
        location: ShopLocationId,
        available: Option<Quantity>,
    ) -> Result<ShopAnswer, StorefrontError> {
        let available = available.map(Quantity::units);
        let variables = json!({ "item": item.gid(), "location": location.gid(), "available": available, "key": key });
        let data: ActivateData = self.call(shop, operations::ACTIVATE_LEVEL, variables).await?;
        answer(data.inventory_activate)
    }

    async fn set_metafields(&self, shop: &ShopDomain, rows: &[MetafieldWrite]) -> Result<ShopAnswer, StorefrontError> {
        let metafields: Vec<Value> = rows
            .iter()
            .map(|row| {
                // No digest to compare: each write replaces the whole value, and the stored metafield records which push wrote
                // last.
                json!({
                    "ownerId": row.variant.gid(),
                    "namespace": NAMESPACE,
                    "key": row.kind.metafield(),
                    "type": "json",
                    "value": row.value,
                })
            })
            .collect();
        let data: MetafieldsData = self.call(shop, operations::SET_METAFIELDS, json!({ "metafields": metafields })).await?;
        answer(data.metafields_set)
    }

    async fn levels(&self, shop: &ShopDomain, items: &[InventoryItemId]) -> Result<Vec<ShopLevel>, StorefrontError> {
        let ids: Vec<String> = items.iter().map(|item| item.gid()).collect();
        let data: Nodes = self.call(shop, operations::LEVELS_OF_ITEMS, json!({ "ids": ids })).await?;
        let mut levels = Vec::new();
        for item in data.nodes.into_iter().flatten() {
            let Some(id) = InventoryItemId::from_gid(&item.id) else { continue };
            let mut page = item.inventory_levels;
            loop {
                for level in page.nodes {
                    levels.extend(level.read(id));
                }
                if !page.page_info.has_next_page {
                    break;
                }
                let variables = json!({ "id": item.id, "after": page.page_info.end_cursor });
                let Some(more) = self.call::<OneItem>(shop, operations::LEVELS_OF_ITEM, variables).await?.inventory_item else {
                    break;
                };
                page = more.inventory_levels;
            }
        }
        Ok(levels)
    }

    async fn orders_updated(
        &self,
        shop: &ShopDomain,
        search: OrderSearch,
        after: Option<&str>,
    ) -> Result<OrdersPage, StorefrontError> {
        if search.drafts {
            self.changed_drafts(shop, search, after).await
        } else {
            self.changed_orders(shop, search, after).await
        }
    }

    async fn order(&self, shop: &ShopDomain, order: OrderId) -> Result<Option<OrderRead>, StorefrontError> {
        match order {
            OrderId::Order(_) => self.whole_order(shop, order).await,
            OrderId::Draft(_) => self.whole_draft(shop, order).await,
        }
    }

    async fn order_of(&self, shop: &ShopDomain, gid: &str) -> Result<Option<OrderId>, StorefrontError> {
        self.owner(shop, gid).await
    }
}

/// The names of the quantities on hand that can neither be sold nor belong to an order or a draft.
const SET_ASIDE: [&str; 3] = ["damaged", "quality_control", "safety_stock"];

impl LevelBody {
    fn read(self, inventory_item: InventoryItemId) -> Option<ShopLevel> {
        let quantity = |name: &str| self.quantities.iter().find(|q| q.name == name).map_or(0, |q| q.quantity);
        let newest = self.quantities.iter().filter_map(|q| q.updated_at).max();
        Some(ShopLevel {
            inventory_item,
            location: ShopLocationId::from_gid(&self.location.id)?,
            active: self.is_active,
            available: Quantity::new(quantity("available")),
            committed: Quantity::new(quantity("committed")),
            reserved: Quantity::new(quantity("reserved")),
            set_aside: SET_ASIDE.iter().map(|name| Quantity::new(quantity(name))).sum(),
            updated_at: newest.map_or(self.updated_at, |newest| newest.max(self.updated_at)),
        })
    }
}

fn answer(mutated: Option<Mutated>) -> Result<ShopAnswer, StorefrontError> {
    let mutated = mutated
        .ok_or_else(|| StorefrontError::Unavailable { detail: "the answer to a mutation is empty".into(), source: None })?;
    if mutated.user_errors.is_empty() {
        return Ok(ShopAnswer::Done);
    }
    Ok(ShopAnswer::Refused(mutated.user_errors.into_iter().map(UserErrorBody::read).collect()))
}

impl UserErrorBody {
    fn read(self) -> UserError {
        let code = match self.code.as_deref() {
            Some("CHANGE_FROM_QUANTITY_STALE" | "COMPARE_QUANTITY_STALE") => UserErrorCode::ChangeFromQuantityStale,
            Some("IDEMPOTENCY_CONCURRENT_REQUEST") => UserErrorCode::ConcurrentRequest,
            Some("IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED") => UserErrorCode::PreviousAttemptFailed,
            Some("IDEMPOTENCY_KEY_PARAMETER_MISMATCH") => UserErrorCode::KeyParameterMismatch,
            Some("SERVICE_UNAVAILABLE") => UserErrorCode::ServiceUnavailable,
            Some(_) | None => UserErrorCode::Other(self.code.unwrap_or_default()),
        };
        // The error of a row names it by its place in the array: ["input", "changes", "3", "delta"].
        let row = self.element_index.or_else(|| self.field.iter().flatten().find_map(|part| part.parse().ok()));
        UserError { code, row, message: self.message }
    }
}

//! Lists the variants of a shop, page by page, for checking the mappings by hand. This is no port, because no flow uses it.

use serde::Deserialize;
use serde_json::json;

use crate::adapters::shopify::order_body::{Connection, Id};
use crate::adapters::shopify::{Shopify, Transport, operations};
use crate::catalog::{InventoryItemId, ShopDomain, ShopVariant, VariantId};
use crate::ports::Clock;
use crate::storefront::StorefrontError;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Variants {
    product_variants: Connection<VariantBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VariantBody {
    id: String,
    sku: Option<String>,
    requires_components: bool,
    inventory_item: InventoryItemBody,
}

#[derive(Deserialize)]
struct InventoryItemBody {
    #[serde(flatten)]
    id: Id,
    tracked: bool,
}

impl<T: Transport, C: Clock> Shopify<T, C> {
    /// One page of the variants of a shop, and the cursor of the next page, if there is one.
    ///
    /// # Errors
    /// As every call: throttled, unavailable, invalid or rejected.
    pub async fn variants(
        &self,
        shop: &ShopDomain,
        after: Option<&str>,
    ) -> Result<(Vec<ShopVariant>, Option<String>), StorefrontError> {
        let data: Variants = self.call(shop, operations::VARIANTS, json!({ "after": after })).await?;
        let Connection { nodes, page_info } = data.product_variants;
        let variants = nodes.into_iter().map(VariantBody::read).collect::<Option<Vec<_>>>();
        let variants = variants
            .ok_or_else(|| StorefrontError::Unavailable { detail: "a variant has no readable id".into(), source: None })?;
        Ok((variants, page_info.end_cursor.filter(|_| page_info.has_next_page)))
    }
}

impl VariantBody {
    fn read(self) -> Option<ShopVariant> {
        Some(ShopVariant {
            variant: VariantId::from_gid(&self.id)?,
            sku: self.sku.filter(|sku| !sku.is_empty()),
            inventory_item: InventoryItemId::from_gid(&self.inventory_item.id.id)?,
            tracked: self.inventory_item.tracked,
            bundle: self.requires_components,
        })
    }
}

//! Reads draft orders by query: the ids of changed drafts, and what one draft reserves.
//!
//! A draft reserves while it has not become an order and its time has not passed. What it contains otherwise is not read into the
//! ledger: a draft that reserves nothing has facts without lines. A bundle reserves its components, as an order has lines for the
//! components and none for the bundle.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::adapters::shopify::order_body::{Connection, Id, TrackedVariantBody, Uninterpretable, units};
use crate::adapters::shopify::orders::{listed, second};
use crate::adapters::shopify::{Shopify, Transport, operations};
use crate::catalog::{LineId, OrderId, ShopDomain};
use crate::order::{LineFlags, OrderFacts, OrderSnapshot, SnapshotLine, StockTracking};
use crate::ports::Clock;
use crate::storefront::{ListedOrder, OrderRead, OrderSearch, OrdersPage, StorefrontError};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Drafts {
    draft_orders: Connection<Changed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Changed {
    id: String,
    updated_at: Timestamp,
    status: String,
    reserve_inventory_until: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct One {
    draft_order: Option<DraftBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DraftBody {
    id: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    status: String,
    reserve_inventory_until: Option<Timestamp>,
    total_quantity_of_line_items: i64,
    order: Option<Id>,
    line_items: Connection<LineBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LineBody {
    id: String,
    sku: Option<String>,
    quantity: i64,
    custom: bool,
    is_gift_card: bool,
    requires_shipping: bool,
    variant: Option<TrackedVariantBody>,
    /// The components of a bundle. They have none themselves.
    #[serde(default)]
    components: Vec<LineBody>,
}

/// Until when a draft reserves, if it does at `now`. One that has become an order reserves nothing, whatever its time is.
fn reserves_until(status: &str, until: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    until.filter(|until| status != "COMPLETED" && *until > now)
}

/// A search in Shopify's syntax. Drafts that have become orders are left out where the search asks for everything.
fn in_search_syntax(search: OrderSearch) -> String {
    match search.since {
        Some(since) => format!("updated_at:>='{}'", second(since)),
        None => "NOT status:completed".to_owned(),
    }
}

impl<T: Transport, C: Clock> Shopify<T, C> {
    pub(super) async fn changed_drafts(
        &self,
        shop: &ShopDomain,
        search: OrderSearch,
        after: Option<&str>,
    ) -> Result<OrdersPage, StorefrontError> {
        let variables = json!({ "query": in_search_syntax(search), "after": after });
        let (data, answered_at): (Drafts, Timestamp) = self.call_and_time(shop, operations::DRAFTS_UPDATED, variables).await?;
        Ok(listed(data.draft_orders, answered_at, |changed| {
            let reserves = reserves_until(&changed.status, changed.reserve_inventory_until, answered_at).is_some();
            let order = OrderId::from_draft_gid(&changed.id).ok_or(changed.id)?;
            Ok(ListedOrder { order, updated_at: changed.updated_at, fulfilled: !reserves })
        }))
    }

    pub(super) async fn whole_draft(&self, shop: &ShopDomain, draft: OrderId) -> Result<Option<OrderRead>, StorefrontError> {
        let variables = json!({ "id": draft.gid() });
        let (data, answered_at): (One, Timestamp) = self.call_and_time(shop, operations::DRAFT, variables).await?;
        let Some(mut body) = data.draft_order else { return Ok(None) };
        self.rest(shop, operations::MORE_DRAFT_LINES, &body.id, &mut body.line_items).await?;
        let snapshot = body.snapshot(shop, draft, answered_at);
        let snapshot = snapshot.map_err(|Uninterpretable(what)| format!("{what} cannot be interpreted"));
        let became = body.order.and_then(|order| OrderId::from_gid(&order.id));
        Ok(Some(OrderRead { snapshot, sales: None, became }))
    }
}

impl DraftBody {
    fn snapshot(&self, shop: &ShopDomain, draft: OrderId, answered_at: Timestamp) -> Result<OrderSnapshot, Uninterpretable> {
        let reserves_until = reserves_until(&self.status, self.reserve_inventory_until, answered_at);
        let times = (self.updated_at, self.created_at, answered_at);
        // What a draft contains that reserves nothing may be anything.
        let lines = if reserves_until.is_some() { self.lines()? } else { BTreeMap::new() };
        let facts = OrderFacts::of_draft(times, reserves_until, lines);
        Ok(OrderSnapshot { facts: Some(facts), ..OrderSnapshot::about(shop.clone(), draft) })
    }

    /// The lines, with the components of bundles in the place of the bundles.
    ///
    /// Shopify does not document whether the quantity of a component is that of the line or that of one bundle. It documents that
    /// the total of the draft counts the components of all bundles, so the total decides where there is a bundle.
    fn lines(&self) -> Result<BTreeMap<LineId, SnapshotLine>, Uninterpretable> {
        let has_bundle = self.line_items.nodes.iter().any(|line| !line.components.is_empty());
        let total = |units: fn(&LineBody, &LineBody) -> i64| -> i64 {
            let bundles = self.line_items.nodes.iter();
            bundles.flat_map(|line| line.stocked().map(move |part| units(line, part))).fold(0, i64::saturating_add)
        };
        let per_bundle = |line: &LineBody, part: &LineBody| {
            if line.components.is_empty() { part.quantity } else { line.quantity.saturating_mul(part.quantity) }
        };
        let units = [|_: &LineBody, part: &LineBody| part.quantity, per_bundle]
            .into_iter()
            .find(|units| !has_bundle || total(*units) == self.total_quantity_of_line_items)
            .ok_or(Uninterpretable("the total of its quantities"))?;
        let mut lines = BTreeMap::new();
        for line in &self.line_items.nodes {
            for part in line.stocked() {
                let (id, read) = part.read(units(line, part))?;
                if lines.insert(id, read).is_some() {
                    return Err(Uninterpretable("the id of a line, which two lines have,"));
                }
            }
        }
        Ok(lines)
    }
}

impl LineBody {
    /// The components of a bundle, or the line itself.
    fn stocked(&self) -> impl Iterator<Item = &Self> {
        if self.components.is_empty() { std::slice::from_ref(self) } else { &self.components }.iter()
    }

    fn read(&self, quantity: i64) -> Result<(LineId, SnapshotLine), Uninterpretable> {
        let number = self.id.strip_prefix("gid://shopify/DraftOrderLineItem/").and_then(|number| number.parse().ok());
        let id = LineId::new(number.ok_or(Uninterpretable("a line's id"))?);
        let quantity = units(quantity)?;
        let line = SnapshotLine {
            shop_sku: self.sku.clone().unwrap_or_default(),
            variant: self.variant.as_ref().and_then(TrackedVariantBody::id),
            ordered: quantity,
            open: quantity,
            current: None,
            stocked: StockTracking::of(LineFlags {
                gift_card: self.is_gift_card,
                custom: self.custom,
                tracked: self.variant.as_ref().is_none_or(TrackedVariantBody::is_tracked),
                ships: self.requires_shipping,
            }),
        };
        Ok((id, line))
    }
}

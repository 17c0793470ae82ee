//! Orders by query, read into the same snapshots as webhooks.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{Shopify, operations};
use crate::catalog::{FulfilmentId, LineId, OrderId, Quantity, ShopDomain, ShopLocationId};
use crate::order::{Facts, Fulfilment, FulfilmentStatus, OrderSnapshot, SnapshotLine};
use crate::storefront::{OrdersPage, StorefrontError};

#[derive(Deserialize)]
pub(super) struct Id {
    pub(super) id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Connection<T> {
    pub(super) nodes: Vec<T>,
    pub(super) page_info: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageInfo {
    pub(super) has_next_page: bool,
    pub(super) end_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Orders {
    orders: Connection<OrderBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderBody {
    id: String,
    updated_at: Timestamp,
    cancelled_at: Option<Timestamp>,
    confirmed: bool,
    retail_location: Option<Id>,
    line_items: Connection<LineBody>,
    fulfillments_count: Option<Count>,
    fulfillments: Vec<FulfilmentBody>,
}

#[derive(Deserialize)]
struct Count {
    count: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LineBody {
    id: String,
    sku: Option<String>,
    quantity: i64,
    unfulfilled_quantity: i64,
    is_gift_card: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FulfilmentBody {
    id: String,
    status: String,
    updated_at: Timestamp,
    location: Option<Id>,
    fulfillment_line_items: Connection<FulfilmentLineBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FulfilmentLineBody {
    quantity: Option<i64>,
    line_item: Id,
}

#[derive(Deserialize)]
struct OrderLines {
    order: Option<OrderLinesBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderLinesBody {
    line_items: Connection<LineBody>,
}

#[derive(Deserialize)]
struct OrderFulfilments {
    order: Option<OrderFulfilmentsBody>,
}

#[derive(Deserialize)]
struct OrderFulfilmentsBody {
    fulfillments: Vec<FulfilmentBody>,
}

#[derive(Deserialize)]
struct FulfilmentLines {
    fulfillment: Option<FulfilmentLinesBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FulfilmentLinesBody {
    fulfillment_line_items: Connection<FulfilmentLineBody>,
}

impl Shopify {
    pub(super) async fn read_orders(
        &self,
        shop: &ShopDomain,
        since: Option<Timestamp>,
        after: Option<&str>,
    ) -> Result<OrdersPage, StorefrontError> {
        let query = since.map_or_else(String::new, |since| format!("updated_at:>='{since}'"));
        let data: Orders = self.call(shop, operations::ORDERS_UPDATED, json!({ "query": query, "after": after })).await?;
        let mut orders = Vec::with_capacity(data.orders.nodes.len());
        for order in data.orders.nodes {
            orders.push(self.complete(shop, order).await?);
        }
        let page = data.orders.page_info;
        Ok(OrdersPage { orders, next: page.end_cursor.filter(|_| page.has_next_page) })
    }

    /// Reads what did not fit into the page: the rest of many lines, many fulfilments, or a fulfilment's many lines.
    async fn complete(&self, shop: &ShopDomain, mut order: OrderBody) -> Result<OrderSnapshot, StorefrontError> {
        let mut lines = order.line_items.nodes;
        let mut page = order.line_items.page_info;
        while page.has_next_page {
            let variables = json!({ "id": order.id, "after": page.end_cursor });
            let Some(more) = self.call::<OrderLines>(shop, operations::ORDER_LINES, variables).await?.order else { break };
            lines.extend(more.line_items.nodes);
            page = more.line_items.page_info;
        }
        if order.fulfillments_count.is_some_and(|all| all.count > order.fulfillments.len()) {
            let all = self.call::<OrderFulfilments>(shop, operations::ORDER_FULFILMENTS, json!({ "id": order.id })).await?;
            order.fulfillments = all.order.map_or(order.fulfillments, |all| all.fulfillments);
        }
        let mut fulfilments = BTreeMap::new();
        for mut fulfilment in order.fulfillments {
            let mut page = fulfilment.fulfillment_line_items.page_info;
            while page.has_next_page {
                let variables = json!({ "id": fulfilment.id, "after": page.end_cursor });
                let Some(more) = self.call::<FulfilmentLines>(shop, operations::FULFILMENT_LINES, variables).await?.fulfillment
                else {
                    break;
                };
                fulfilment.fulfillment_line_items.nodes.extend(more.fulfillment_line_items.nodes);
                page = more.fulfillment_line_items.page_info;
            }
            fulfilment.fulfillment_line_items.page_info = page;
            let (id, fulfilment) = fulfilment.read()?;
            fulfilments.insert(id, fulfilment);
        }
        let facts = Facts {
            version: order.updated_at,
            cancelled: order.cancelled_at.is_some(),
            confirmed: order.confirmed,
            sold_at: order.retail_location.and_then(|location| ShopLocationId::from_gid(&location.id)),
            lines: lines.into_iter().map(LineBody::read).collect::<Result<_, _>>()?,
        };
        let id = OrderId::from_gid(&order.id).ok_or_else(|| odd("an order's id"))?;
        Ok(OrderSnapshot { shop: shop.clone(), order: id, facts: Some(facts), fulfilments })
    }
}

impl LineBody {
    fn read(self) -> Result<(LineId, SnapshotLine), StorefrontError> {
        let line = SnapshotLine {
            shop_sku: self.sku.unwrap_or_default(),
            ordered: units(self.quantity)?,
            open: units(self.unfulfilled_quantity)?,
            not_stocked: self.is_gift_card,
        };
        Ok((LineId::from_gid(&self.id).ok_or_else(|| odd("a line's id"))?, line))
    }
}

impl FulfilmentBody {
    fn read(self) -> Result<(FulfilmentId, Fulfilment), StorefrontError> {
        let mut lines = BTreeMap::new();
        for line in self.fulfillment_line_items.nodes {
            let id = LineId::from_gid(&line.line_item.id).ok_or_else(|| odd("a line's id"))?;
            *lines.entry(id).or_insert(Quantity::ZERO) += units(line.quantity.unwrap_or(0))?;
        }
        let fulfilment = Fulfilment {
            status: FulfilmentStatus::from_shopify(&self.status),
            version: self.updated_at,
            location: self.location.and_then(|location| ShopLocationId::from_gid(&location.id)),
            lines,
        };
        Ok((FulfilmentId::from_gid(&self.id).ok_or_else(|| odd("a fulfilment's id"))?, fulfilment))
    }
}

fn units(number: i64) -> Result<Quantity, StorefrontError> {
    let quantity = Quantity::new(number);
    if quantity.is_sane_input() { Ok(quantity) } else { Err(odd("a quantity")) }
}

fn odd(what: &str) -> StorefrontError {
    StorefrontError::Unavailable { detail: format!("{what} in the answer makes no sense"), source: None }
}

//! Orders by query, read into the same snapshots as webhooks.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{Shopify, Transport, operations};
use crate::catalog::{FulfilmentId, LineId, OrderId, Quantity, ShopDomain, ShopLocationId};
use crate::clock::Clock;
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

impl<T: Transport, C: Clock> Shopify<T, C> {
    pub(super) async fn read_orders(
        &self,
        shop: &ShopDomain,
        since: Option<Timestamp>,
        after: Option<&str>,
    ) -> Result<OrdersPage, StorefrontError> {
        let query = since.map_or_else(String::new, |since| format!("updated_at:>='{since}'"));
        let variables = json!({ "query": query, "after": after });
        let (data, answered_at): (Orders, Timestamp) = self.call_and_time(shop, operations::ORDERS_UPDATED, variables).await?;
        let (mut orders, mut unreadable) = (Vec::with_capacity(data.orders.nodes.len()), Vec::new());
        for order in data.orders.nodes {
            let id = order.id.clone();
            match self.complete(shop, order).await? {
                Ok(snapshot) => orders.push(snapshot),
                Err(Odd(what)) => unreadable.push((id, format!("{what} makes no sense"))),
            }
        }
        let page = data.orders.page_info;
        Ok(OrdersPage { orders, unreadable, answered_at, next: page.end_cursor.filter(|_| page.has_next_page) })
    }

    /// Reads what did not fit into the page: the rest of many lines, many fulfilments, or a fulfilment's many lines.
    async fn complete(&self, shop: &ShopDomain, mut order: OrderBody) -> Result<Result<OrderSnapshot, Odd>, StorefrontError> {
        while order.line_items.page_info.has_next_page {
            let variables = json!({ "id": order.id, "after": order.line_items.page_info.end_cursor });
            let more = self.call::<OrderLines>(shop, operations::ORDER_LINES, variables).await?.order;
            let Some(more) = more else { return Ok(Err(Odd("an order that is gone"))) };
            order.line_items.nodes.extend(more.line_items.nodes);
            order.line_items.page_info = more.line_items.page_info;
        }
        if order.fulfillments_count.as_ref().is_some_and(|all| all.count > order.fulfillments.len()) {
            let all = self.call::<OrderFulfilments>(shop, operations::ORDER_FULFILMENTS, json!({ "id": order.id })).await?;
            order.fulfillments = all.order.map_or(order.fulfillments, |all| all.fulfillments);
            if order.fulfillments_count.as_ref().is_some_and(|all| all.count > order.fulfillments.len()) {
                return Ok(Err(Odd("the number of its fulfilments")));
            }
        }
        for fulfilment in &mut order.fulfillments {
            let lines = &mut fulfilment.fulfillment_line_items;
            while lines.page_info.has_next_page {
                let variables = json!({ "id": fulfilment.id, "after": lines.page_info.end_cursor });
                let more = self.call::<FulfilmentLines>(shop, operations::FULFILMENT_LINES, variables).await?.fulfillment;
                let Some(more) = more else { return Ok(Err(Odd("a fulfilment that is gone"))) };
                lines.nodes.extend(more.fulfillment_line_items.nodes);
                lines.page_info = more.fulfillment_line_items.page_info;
            }
        }
        Ok(order.read(shop))
    }
}

impl OrderBody {
    fn read(self, shop: &ShopDomain) -> Result<OrderSnapshot, Odd> {
        let facts = Facts {
            version: self.updated_at,
            cancelled: self.cancelled_at.is_some(),
            confirmed: self.confirmed,
            sold_at: self.retail_location.and_then(|location| ShopLocationId::from_gid(&location.id)),
            lines: self.line_items.nodes.into_iter().map(LineBody::read).collect::<Result<_, _>>()?,
        };
        let fulfilments = self.fulfillments.into_iter().map(FulfilmentBody::read).collect::<Result<_, _>>()?;
        let order = OrderId::from_gid(&self.id).ok_or(Odd("its id"))?;
        Ok(OrderSnapshot { shop: shop.clone(), order, facts: Some(facts), fulfilments })
    }
}

/// What about an order cannot be read. Such an order must not hold up the others.
struct Odd(&'static str);

impl LineBody {
    fn read(self) -> Result<(LineId, SnapshotLine), Odd> {
        let line = SnapshotLine {
            shop_sku: self.sku.unwrap_or_default(),
            ordered: units(self.quantity)?,
            // Below zero when units that never shipped were refunded: nothing of them is open.
            open: units(self.unfulfilled_quantity.max(0))?,
            not_stocked: self.is_gift_card,
        };
        Ok((LineId::from_gid(&self.id).ok_or(Odd("a line's id"))?, line))
    }
}

impl FulfilmentBody {
    fn read(self) -> Result<(FulfilmentId, Fulfilment), Odd> {
        let mut lines = BTreeMap::new();
        for line in self.fulfillment_line_items.nodes {
            let id = LineId::from_gid(&line.line_item.id).ok_or(Odd("a line's id"))?;
            *lines.entry(id).or_insert(Quantity::ZERO) += units(line.quantity.unwrap_or(0))?;
        }
        let fulfilment = Fulfilment {
            status: FulfilmentStatus::from_shopify(&self.status),
            version: self.updated_at,
            location: self.location.and_then(|location| ShopLocationId::from_gid(&location.id)),
            lines,
        };
        Ok((FulfilmentId::from_gid(&self.id).ok_or(Odd("a fulfilment's id"))?, fulfilment))
    }
}

fn units(number: i64) -> Result<Quantity, Odd> {
    let quantity = Quantity::new(number);
    if quantity.is_sane_input() { Ok(quantity) } else { Err(Odd("a quantity")) }
}

//! Reads orders by query: the ids of changed orders, and each whole order, however large it is.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::adapters::shopify::order_body::{Connection, FulfilmentBody, Id, OrderBody, RefundBody, Uninterpretable};
use crate::adapters::shopify::{Shopify, Transport, operations};
use crate::catalog::{OrderId, ShopDomain};
use crate::ports::Clock;
use crate::storefront::{ListedOrder, OrderRead, OrderSearch, OrdersPage, StorefrontError};

/// How many fulfilments, and how many refunds, are read with an order.
const LISTED: usize = 10;

/// The most fulfilments or refunds that an order may have.
const MOST: usize = 250;

#[derive(Deserialize)]
struct Orders {
    orders: Connection<Changed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Changed {
    id: String,
    updated_at: Timestamp,
    display_fulfillment_status: String,
}

impl Changed {
    fn is_fulfilled(&self) -> bool {
        matches!(self.display_fulfillment_status.as_str(), "FULFILLED" | "FULFILLMENT_NOT_REQUIRED")
    }
}

/// A search in Shopify's syntax. A time is in whole seconds, as its index has them.
///
/// What is open is asked for by what it is not: Shopify has several words for orders with units to ship (unfulfilled, partial, on
/// hold, scheduled, in progress), and a search for some of them would pass the others.
fn in_search_syntax(search: OrderSearch) -> String {
    let since = search.since.map(|since| format!("updated_at:>='{}'", second(since)));
    let open = search.open_before.map(|before| {
        let before = second(before);
        format!("updated_at:<='{before}' AND status:open AND NOT fulfillment_status:fulfilled")
    });
    since.into_iter().chain(open).collect::<Vec<_>>().join(" AND ")
}

/// A time in whole seconds.
pub(super) fn second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[derive(Deserialize)]
struct One<T> {
    order: Option<T>,
}

#[derive(Deserialize)]
struct Listed<T> {
    #[serde(alias = "fulfillments", alias = "refunds")]
    list: Vec<T>,
}

#[derive(Deserialize)]
struct More<T> {
    node: Option<Part<T>>,
}

/// The next page of a part of an order, under any of its field names.
#[derive(Deserialize)]
struct Part<T> {
    #[serde(
        alias = "lineItems",
        alias = "fulfillmentOrders",
        alias = "returns",
        alias = "fulfillmentLineItems",
        alias = "refundLineItems"
    )]
    page: Connection<T>,
}

#[derive(Deserialize)]
struct Owned {
    node: Option<OwnerBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OwnerBody {
    order_id: Option<String>,
    order: Option<Id>,
    /// The order of a reverse fulfilment order, which need not have one.
    reversed: Option<Id>,
}

/// A page of orders or of draft orders. `read` returns the id of one whose id it cannot parse.
pub(super) fn listed<B>(
    page: Connection<B>,
    answered_at: Timestamp,
    read: impl Fn(B) -> Result<ListedOrder, String>,
) -> OrdersPage {
    let (orders, unreadable): (Vec<_>, Vec<_>) = page.nodes.into_iter().map(read).partition(Result::is_ok);
    let next = page.page_info.end_cursor.filter(|_| page.page_info.has_next_page);
    let orders = orders.into_iter().filter_map(Result::ok).collect();
    OrdersPage { orders, unreadable: unreadable.into_iter().filter_map(Result::err).collect(), answered_at, next }
}

impl<T: Transport, C: Clock> Shopify<T, C> {
    pub(super) async fn changed_orders(
        &self,
        shop: &ShopDomain,
        search: OrderSearch,
        after: Option<&str>,
    ) -> Result<OrdersPage, StorefrontError> {
        let variables = json!({ "query": in_search_syntax(search), "after": after });
        let (data, answered_at): (Orders, Timestamp) = self.call_and_time(shop, operations::ORDERS_UPDATED, variables).await?;
        Ok(listed(data.orders, answered_at, |changed| {
            let (updated_at, fulfilled) = (changed.updated_at, changed.is_fulfilled());
            let order = OrderId::from_gid(&changed.id).ok_or(changed.id)?;
            Ok(ListedOrder { order, updated_at, fulfilled })
        }))
    }

    pub(super) async fn whole_order(&self, shop: &ShopDomain, order: OrderId) -> Result<Option<OrderRead>, StorefrontError> {
        let variables = json!({ "id": order.gid() });
        let (data, answered_at): (One<OrderBody>, Timestamp) = self.call_and_time(shop, operations::ORDER, variables).await?;
        let Some(mut body) = data.order else { return Ok(None) };
        let snapshot = match self.complete(shop, &mut body).await? {
            Ok(()) => body.snapshot(shop, answered_at),
            Err(error) => Err(error),
        };
        let snapshot = snapshot.map_err(|Uninterpretable(what)| format!("{what} cannot be interpreted"));
        Ok(Some(OrderRead { snapshot, sales: Some(body.sales_order(shop, order)), became: None }))
    }

    pub(super) async fn owner(&self, shop: &ShopDomain, gid: &str) -> Result<Option<OrderId>, StorefrontError> {
        let owned: Owned = self.call(shop, operations::ORDER_OF, json!({ "id": gid })).await?;
        let owner = owned.node.and_then(|node| node.order_id.or_else(|| Some(node.order.or(node.reversed)?.id)));
        Ok(owner.and_then(|id| OrderId::from_gid(&id)))
    }

    /// Reads the parts of an order that were not in the first answer.
    async fn complete(&self, shop: &ShopDomain, order: &mut OrderBody) -> Result<Result<(), Uninterpretable>, StorefrontError> {
        let id = order.id.as_str();
        self.rest(shop, operations::MORE_LINES, id, &mut order.line_items).await?;
        self.rest(shop, operations::MORE_FULFILMENT_ORDERS, id, &mut order.fulfillment_orders).await?;
        self.rest(shop, operations::MORE_RETURNS, id, &mut order.returns).await?;
        if order.fulfillments.len() >= LISTED {
            order.fulfillments = self.list::<FulfilmentBody>(shop, operations::ALL_FULFILMENTS, id).await?;
        }
        if order.refunds.len() >= LISTED {
            order.refunds = self.list::<RefundBody>(shop, operations::ALL_REFUNDS, id).await?;
        }
        if order.fulfillments.len() >= MOST || order.refunds.len() >= MOST {
            return Ok(Err(Uninterpretable("the number of its fulfilments or refunds")));
        }
        for part in &mut order.fulfillments {
            self.rest(shop, operations::MORE_OF_PART, &part.id, &mut part.fulfillment_line_items).await?;
        }
        for part in &mut order.fulfillment_orders.nodes {
            self.rest(shop, operations::MORE_OF_PART, &part.id, &mut part.line_items).await?;
        }
        for part in &mut order.refunds {
            self.rest(shop, operations::MORE_OF_PART, &part.id, &mut part.refund_line_items).await?;
        }
        for returned in &mut order.returns.nodes {
            if returned.reverse_fulfillment_orders.page_info.has_next_page {
                return Ok(Err(Uninterpretable("the number of reverse fulfilment orders of a return")));
            }
            for part in &mut returned.reverse_fulfillment_orders.nodes {
                self.rest(shop, operations::MORE_OF_PART, &part.id, &mut part.line_items).await?;
            }
        }
        Ok(Ok(()))
    }

    /// Reads all pages after `page`.
    pub(super) async fn rest<P: DeserializeOwned>(
        &self,
        shop: &ShopDomain,
        operation: &'static str,
        id: &str,
        page: &mut Connection<P>,
    ) -> Result<(), StorefrontError> {
        while page.page_info.has_next_page {
            let variables = json!({ "id": id, "after": page.page_info.end_cursor });
            let more = self.call::<More<P>>(shop, operation, variables).await?.node;
            let Part { page: more } = more.ok_or_else(|| gone(id))?;
            page.nodes.extend(more.nodes);
            page.page_info = more.page_info;
        }
        Ok(())
    }

    /// Reads a list that has no pages.
    async fn list<P: DeserializeOwned>(
        &self,
        shop: &ShopDomain,
        operation: &'static str,
        id: &str,
    ) -> Result<Vec<P>, StorefrontError> {
        let order = self.call::<One<Listed<P>>>(shop, operation, json!({ "id": id })).await?.order;
        Ok(order.ok_or_else(|| gone(id))?.list)
    }
}

/// The object existed a moment ago. When the order is read again, the shop reports whether it still exists.
fn gone(id: &str) -> StorefrontError {
    StorefrontError::Unavailable { detail: format!("{id} was deleted while it was read"), source: None }
}

//! An order as the Admin API returns it, and its translation into a snapshot and a sales order.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use crate::catalog::{
    DispositionId, FulfilmentId, LineId, OrderId, Quantity, RefundId, ReturnId, ShopDomain, ShopLocationId, VariantId,
};
use crate::order::{
    Address, Customer, Disposition, Fulfilment, FulfilmentStatus, LineFlags, OrderFacts, OrderSnapshot, Refund, RefundLine,
    Restock, Routing, SalesLine, SalesOrder, SnapshotLine, StockTracking,
};

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
#[serde(rename_all = "camelCase")]
pub(super) struct OrderBody {
    pub(super) id: String,
    name: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    cancelled_at: Option<Timestamp>,
    closed_at: Option<Timestamp>,
    confirmed: bool,
    test: bool,
    display_financial_status: Option<String>,
    payment_terms: Option<Id>,
    #[serde(default)]
    transactions: Vec<TransactionBody>,
    retail_location: Option<Id>,
    email: Option<String>,
    phone: Option<String>,
    customer: Option<CustomerBody>,
    shipping_address: Option<AddressBody>,
    pub(super) line_items: Connection<LineBody>,
    pub(super) fulfillments: Vec<FulfilmentBody>,
    pub(super) fulfillment_orders: Connection<FulfilmentOrderBody>,
    pub(super) refunds: Vec<RefundBody>,
    pub(super) returns: Connection<ReturnBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TransactionBody {
    manual_payment_gateway: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CustomerBody {
    id: String,
    first_name: Option<String>,
    last_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AddressBody {
    first_name: Option<String>,
    last_name: Option<String>,
    company: Option<String>,
    address1: Option<String>,
    address2: Option<String>,
    city: Option<String>,
    province_code: Option<String>,
    zip: Option<String>,
    country_code_v2: Option<String>,
    phone: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LineBody {
    id: String,
    sku: Option<String>,
    quantity: i64,
    current_quantity: Option<i64>,
    unfulfilled_quantity: i64,
    requires_shipping: bool,
    is_gift_card: bool,
    variant: Option<TrackedVariantBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TrackedVariantBody {
    id: String,
    inventory_item: TrackedBody,
}

#[derive(Deserialize)]
struct TrackedBody {
    tracked: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FulfilmentBody {
    pub(super) id: String,
    status: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    location: Option<Id>,
    pub(super) fulfillment_line_items: Connection<FulfilmentLineBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FulfilmentLineBody {
    quantity: Option<i64>,
    line_item: Id,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FulfilmentOrderBody {
    pub(super) id: String,
    status: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    assigned_location: AssignedBody,
    pub(super) line_items: Connection<FulfilmentOrderLineBody>,
}

#[derive(Deserialize)]
struct AssignedBody {
    location: Option<Id>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FulfilmentOrderLineBody {
    remaining_quantity: i64,
    line_item: Id,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefundBody {
    pub(super) id: String,
    created_at: Option<Timestamp>,
    #[serde(rename = "return")]
    of_return: Option<Id>,
    pub(super) refund_line_items: Connection<RefundLineBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefundLineBody {
    quantity: i64,
    restock_type: String,
    location: Option<Id>,
    line_item: Id,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReturnBody {
    id: String,
    pub(super) reverse_fulfillment_orders: Connection<ReverseBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReverseBody {
    pub(super) id: String,
    pub(super) line_items: Connection<ReverseLineBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReverseLineBody {
    fulfillment_line_item: Option<FulfilledLineBody>,
    dispositions: Vec<DispositionBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FulfilledLineBody {
    line_item: Id,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DispositionBody {
    id: String,
    created_at: Timestamp,
    r#type: String,
    quantity: i64,
    location: Option<Id>,
}

/// The part of an order that cannot be interpreted. Such an order must not stop the reading of others.
pub(super) struct Uninterpretable(pub(super) &'static str);

impl OrderBody {
    /// The snapshot for the ledger.
    pub(super) fn snapshot(&self, shop: &ShopDomain, answered_at: Timestamp) -> Result<OrderSnapshot, Uninterpretable> {
        let order = OrderId::from_gid(&self.id).ok_or(Uninterpretable("its id"))?;
        let (routing, open) = self.routing()?;
        let lines = self.line_items.nodes.iter().map(|line| line.read(&open)).collect::<Result<_, _>>()?;
        let facts = OrderFacts {
            version: self.updated_at,
            queried_at: Some(answered_at),
            placed_at: self.created_at,
            cancelled: self.cancelled_at.is_some(),
            closed_at: self.closed_at,
            confirmed: self.confirmed,
            paid: self.is_paid(),
            pays_later: self.payment_terms.is_some() || self.transactions.iter().any(|paid| paid.manual_payment_gateway),
            test: self.test,
            sold_at: self.retail_location.as_ref().and_then(location),
            reserves_until: None,
            lines,
        };
        let fulfilments = self.fulfillments.iter().map(FulfilmentBody::read).collect::<Result<_, _>>()?;
        let refunds = self.refunds.iter().map(RefundBody::read).collect::<Result<_, _>>()?;
        let mut dispositions = BTreeMap::new();
        for returned in &self.returns.nodes {
            returned.read(&mut dispositions)?;
        }
        Ok(OrderSnapshot { shop: shop.clone(), order, facts: Some(facts), routing, fulfilments, refunds, dispositions })
    }

    /// Where the open units ship from, and the open units of every line that is in a fulfilment order. When no fulfilment
    /// order is visible (the app lacks a scope, or the order has none), the routing is unknown.
    fn routing(&self) -> Result<(Option<Routing>, BTreeMap<LineId, Quantity>), Uninterpretable> {
        let orders = &self.fulfillment_orders.nodes;
        let mut open = BTreeMap::new();
        let Some(version) = orders.iter().map(|order| order.updated_at).max() else { return Ok((None, open)) };
        let mut routing = Routing { version, count: orders.len(), open: BTreeMap::new(), since: BTreeMap::new() };
        for order in orders {
            let is_active = !matches!(order.status.as_str(), "CLOSED" | "CANCELLED");
            let place = order.assigned_location.location.as_ref().and_then(location);
            for line in &order.line_items.nodes {
                let id = LineId::from_gid(&line.line_item.id).ok_or(Uninterpretable("a line's id"))?;
                let remaining = if is_active { units(line.remaining_quantity)? } else { Quantity::ZERO };
                *open.entry(id).or_insert(Quantity::ZERO) += remaining;
                let Some(place) = place else { continue };
                if remaining.is_positive() {
                    *routing.open.entry(id).or_default().entry(place).or_default() += remaining;
                }
                routing.since.entry(id).or_default().insert(order.created_at, place);
            }
        }
        Ok((Some(routing), open))
    }

    fn is_paid(&self) -> bool {
        self.display_financial_status.as_deref().is_none_or(OrderFacts::is_paid)
    }

    /// The sales order for the manufacturing system.
    pub(super) fn sales_order(&self, shop: &ShopDomain, order: OrderId) -> SalesOrder {
        let (id, first_name, last_name) = match &self.customer {
            Some(customer) => (Some(customer.id.clone()), customer.first_name.clone(), customer.last_name.clone()),
            None => (None, None, None),
        };
        let line = |line: &LineBody| {
            Some(SalesLine {
                line: LineId::from_gid(&line.id)?,
                shop_sku: line.sku.clone().unwrap_or_default(),
                sku: None,
                ordered: Quantity::new(line.quantity),
                open: Quantity::new(line.unfulfilled_quantity).at_least_zero(),
            })
        };
        SalesOrder {
            shop: shop.clone(),
            order,
            version: self.updated_at,
            name: self.name.clone(),
            placed_at: self.created_at,
            cancelled: self.cancelled_at.is_some(),
            paid: self.is_paid(),
            customer: Customer { id, first_name, last_name, email: self.email.clone(), phone: self.phone.clone() },
            ship_to: self.shipping_address.as_ref().map(AddressBody::read),
            lines: self.line_items.nodes.iter().filter_map(line).collect(),
        }
    }
}

impl AddressBody {
    fn read(&self) -> Address {
        Address {
            first_name: self.first_name.clone(),
            last_name: self.last_name.clone(),
            company: self.company.clone(),
            address1: self.address1.clone(),
            address2: self.address2.clone(),
            city: self.city.clone(),
            province: self.province_code.clone(),
            zip: self.zip.clone(),
            country: self.country_code_v2.clone(),
            phone: self.phone.clone(),
        }
    }
}

impl TrackedVariantBody {
    /// The shop's id of the variant.
    pub fn id(&self) -> Option<VariantId> {
        VariantId::from_gid(&self.id)
    }

    /// Whether the shop tracks the inventory of the variant.
    pub(super) fn is_tracked(&self) -> bool {
        self.inventory_item.tracked
    }
}

impl LineBody {
    /// The open units of a line without a fulfilment order come from the order itself. That number is negative when units that
    /// never shipped were refunded, and then no unit is open.
    fn read(&self, open: &BTreeMap<LineId, Quantity>) -> Result<(LineId, SnapshotLine), Uninterpretable> {
        let id = LineId::from_gid(&self.id).ok_or(Uninterpretable("a line's id"))?;
        let tracked = self.variant.as_ref().is_none_or(TrackedVariantBody::is_tracked);
        let line = SnapshotLine {
            shop_sku: self.sku.clone().unwrap_or_default(),
            variant: self.variant.as_ref().and_then(TrackedVariantBody::id),
            ordered: units(self.quantity)?,
            open: open.get(&id).copied().map_or_else(|| units(self.unfulfilled_quantity.max(0)), Ok)?,
            current: self.current_quantity.map(units).transpose()?,
            stocked: StockTracking::of(LineFlags {
                gift_card: self.is_gift_card,
                custom: self.variant.is_none() && self.sku.as_deref().unwrap_or_default().is_empty(),
                tracked,
                ships: self.requires_shipping,
            }),
        };
        Ok((id, line))
    }
}

impl FulfilmentBody {
    fn read(&self) -> Result<(FulfilmentId, Fulfilment), Uninterpretable> {
        let mut lines = BTreeMap::new();
        for line in &self.fulfillment_line_items.nodes {
            let id = LineId::from_gid(&line.line_item.id).ok_or(Uninterpretable("a line's id"))?;
            *lines.entry(id).or_insert(Quantity::ZERO) += units(line.quantity.unwrap_or(0))?;
        }
        let fulfilment = Fulfilment {
            status: FulfilmentStatus::from_shopify(&self.status),
            made_at: self.created_at,
            version: self.updated_at,
            location: self.location.as_ref().and_then(location),
            lines,
        };
        Ok((FulfilmentId::from_gid(&self.id).ok_or(Uninterpretable("a fulfilment's id"))?, fulfilment))
    }
}

impl RefundBody {
    fn read(&self) -> Result<(RefundId, Refund), Uninterpretable> {
        let of_return =
            self.of_return.as_ref().map(|of| ReturnId::from_gid(&of.id).ok_or(Uninterpretable("a return's id"))).transpose()?;
        let lines = self.refund_line_items.nodes.iter().map(|line| {
            Ok(RefundLine {
                line: LineId::from_gid(&line.line_item.id).ok_or(Uninterpretable("a line's id"))?,
                quantity: units(line.quantity)?,
                // An unknown restock type puts nothing back. If the shop did restock, the comparison finds the drift.
                restock: Restock::from_shopify(&line.restock_type).unwrap_or(Restock::None),
                location: line.location.as_ref().and_then(location),
            })
        });
        let refund = Refund {
            made_at: self.created_at.ok_or(Uninterpretable("a refund without a time"))?,
            of_return,
            lines: lines.collect::<Result<_, _>>()?,
        };
        Ok((RefundId::from_gid(&self.id).ok_or(Uninterpretable("a refund's id"))?, refund))
    }
}

impl ReturnBody {
    /// The units that were put back in stock.
    fn read(&self, into: &mut BTreeMap<DispositionId, Disposition>) -> Result<(), Uninterpretable> {
        let of_return = ReturnId::from_gid(&self.id).ok_or(Uninterpretable("a return's id"))?;
        let lines = self.reverse_fulfillment_orders.nodes.iter().flat_map(|reverse| &reverse.line_items.nodes);
        for line in lines {
            let restocked = line.dispositions.iter().filter(|disposition| disposition.r#type == "RESTOCKED");
            for (disposition, of) in restocked.filter_map(|disposition| Some((disposition, line.fulfillment_line_item.as_ref()?)))
            {
                let disposed = Disposition {
                    of_return,
                    line: LineId::from_gid(&of.line_item.id).ok_or(Uninterpretable("a line's id"))?,
                    location: disposition.location.as_ref().and_then(location),
                    quantity: units(disposition.quantity)?,
                    made_at: disposition.created_at,
                };
                into.insert(DispositionId::from_gid(&disposition.id).ok_or(Uninterpretable("a disposition's id"))?, disposed);
            }
        }
        Ok(())
    }
}

fn location(id: &Id) -> Option<ShopLocationId> {
    ShopLocationId::from_gid(&id.id)
}

pub(super) fn units(number: i64) -> Result<Quantity, Uninterpretable> {
    let quantity = Quantity::new(number);
    if quantity.is_sane_input() { Ok(quantity) } else { Err(Uninterpretable("a quantity")) }
}

//! The part of the Admin schema that is about orders: their fields, their parts and the customer.
//!
//! The customer is invented, and every field of it has the mark that webhooks have. If a product is deleted, its lines have no
//! variant.

use super::cost::Charge;
use super::document::Arguments;
use super::draft_order::{DraftLine, DraftOrder};
use super::fulfilment_order::{FulfilmentOrder, FulfilmentOrderLine};
use super::ids::LocationId;
use super::order::{Fulfilment, Order, OrderLine, Payment};
use super::page;
use super::refund::{Refund, RefundedLine};
use super::resolve::TopError;
use super::returns::{Disposition, Return, ReturnLine};
use super::schema::{Node, Resolved, leaf, maybe};
use super::shop::Shop;
use super::time::zulu;
use super::webhooks::{CUSTOMER, PERSONAL_MARK};

/// An order, or a part of an order together with that order.
#[derive(Clone, Copy)]
pub(super) enum Part<'a> {
    Order(&'a Order),
    Customer,
    Address,
    Line(&'a OrderLine),
    Fulfilment(&'a Order, &'a Fulfilment),
    /// Units of a line, in a fulfilment or in a return.
    FulfilmentLine(&'a OrderLine, i64),
    FulfilmentOrder(&'a Order, &'a FulfilmentOrder),
    AssignedLocation(LocationId),
    FulfilmentOrderLine(&'a Order, &'a FulfilmentOrderLine),
    Refund(&'a Order, &'a Refund),
    RefundLine(&'a Order, &'a RefundedLine),
    Return(&'a Order, &'a Return),
    /// The reverse fulfilment order of a return.
    Reverse(&'a Order, &'a Return),
    ReverseLine(&'a Order, &'a Return, &'a ReturnLine),
    Disposition(&'a Disposition),
    Draft(&'a DraftOrder),
    DraftLine(&'a DraftLine),
    /// The payment terms of an order.
    PaymentTerms(&'a Order),
    /// The payment of an order.
    Transaction(&'a Order),
}

impl<'a> Part<'a> {
    /// Returns the type of an order, or of a part that can be found by its own gid.
    pub(super) fn type_name(&self) -> Option<&'static str> {
        match self {
            Part::Order(_) => Some("Order"),
            Part::Draft(_) => Some("DraftOrder"),
            Part::Fulfilment(..) => Some("Fulfillment"),
            Part::FulfilmentOrder(..) => Some("FulfillmentOrder"),
            Part::Refund(..) => Some("Refund"),
            Part::Return(..) => Some("Return"),
            Part::Reverse(..) => Some("ReverseFulfillmentOrder"),
            Part::Customer
            | Part::Address
            | Part::Line(_)
            | Part::DraftLine(_)
            | Part::FulfilmentLine(..)
            | Part::AssignedLocation(_)
            | Part::FulfilmentOrderLine(..)
            | Part::RefundLine(..)
            | Part::ReverseLine(..)
            | Part::Disposition(_)
            | Part::PaymentTerms(_)
            | Part::Transaction(_) => None,
        }
    }

    /// Finds the order or the part of a gid.
    pub(super) fn find(shop: &'a Shop, gid: &str) -> Option<Self> {
        let (kind, number) = gid.strip_prefix("gid://shopify/")?.split_once('/')?;
        // The number must have only digits: a text with a sign or a query string is not one of our numbers.
        let number: i64 = number.bytes().all(|b| b.is_ascii_digit()).then(|| number.parse().ok())??;
        if kind == "Order" {
            return shop.orders.get(&super::ids::OrderId(number)).map(Part::Order);
        }
        if kind == "DraftOrder" {
            return shop.drafts.get(&super::ids::DraftOrderId(number)).map(Part::Draft);
        }
        let order = shop.orders.get(shop.owners.get(&number)?)?;
        match kind {
            "Fulfillment" => order.fulfilments.iter().find(|p| p.id.0 == number).map(|p| Part::Fulfilment(order, p)),
            "FulfillmentOrder" => {
                order.fulfilment_orders.iter().find(|p| p.id.0 == number).map(|p| Part::FulfilmentOrder(order, p))
            }
            "Refund" => order.refunds.iter().find(|p| p.id.0 == number).map(|p| Part::Refund(order, p)),
            "Return" => order.returns.iter().find(|p| p.id.0 == number).map(|p| Part::Return(order, p)),
            "ReverseFulfillmentOrder" => order.returns.iter().find(|p| p.reverse.0 == number).map(|p| Part::Reverse(order, p)),
            _ => None,
        }
    }
}

/// Resolves a field of an order or of a part.
pub(super) fn resolve<'a>(shop: &'a Shop, part: Part<'a>, arguments: Arguments<'_>) -> Result<Resolved<'a>, TopError> {
    let one = |part: Part<'a>| Resolved::One(Some(Node::Part(part)));
    let location = |id: Option<LocationId>| Resolved::One(id.map(Node::Location));
    let line = |order: &'a Order, id| one(Part::Line(order.line(id).expect("parts are of lines of their order")));
    let name = arguments.field.name.as_str();
    Ok(match (part, name) {
        (Part::Order(order), _) => return of_order(order, arguments),
        (Part::Draft(_) | Part::DraftLine(_), _) => return of_draft(shop, part, arguments),

        (Part::Customer, "id") => leaf(format!("gid://shopify/Customer/{CUSTOMER}")),
        (Part::Customer | Part::Address, "firstName" | "lastName") => leaf(PERSONAL_MARK),
        (Part::Address, "company") => leaf(format!("{PERSONAL_MARK} Ltd")),
        (Part::Address, "address1") => leaf(format!("1 {PERSONAL_MARK} Lane")),
        (Part::Address, "address2") => leaf(format!("c/o {PERSONAL_MARK}")),
        (Part::Address, "city") => leaf(format!("{PERSONAL_MARK} Town")),
        (Part::Address, "provinceCode") => leaf("BE"),
        (Part::Address, "zip") => leaf("10115"),
        (Part::Address, "countryCodeV2") => leaf("DE"),
        (Part::Address, "phone") => leaf(format!("+000 {PERSONAL_MARK}")),

        (Part::Line(line), "id") => leaf(line.id.gid()),
        (Part::PaymentTerms(order), "id") => leaf(format!("gid://shopify/PaymentTerms/{}", order.id)),
        (Part::Transaction(order), "manualPaymentGateway") => leaf(order.payment.is_manual()),

        (Part::Line(line), "sku") => maybe((!line.sku.is_empty()).then_some(line.sku.as_str())),
        (Part::Line(line), "quantity") => leaf(if shop.faults.contradictory.contains(&line.id) { -1 } else { line.quantity }),
        (Part::Line(line), "currentQuantity") => leaf(line.current_quantity - returned(shop, line)),
        (Part::Line(line), "unfulfilledQuantity") => leaf(line.unfulfilled()),
        (Part::Line(line), "isGiftCard") => leaf(line.gift_card),
        (Part::Line(line), "requiresShipping") => leaf(line.requires_shipping),
        (Part::Line(line), "variant") => {
            Resolved::One(shop.items.get(&line.item).filter(|item| !item.removed).map(Node::Variant))
        }

        (Part::Fulfilment(_, fulfilment), "id") => leaf(fulfilment.id.gid()),
        (Part::Fulfilment(_, fulfilment), "status") => leaf(fulfilment.status.name().to_uppercase()),
        (Part::Fulfilment(_, fulfilment), "createdAt") => leaf(zulu(fulfilment.created_at)),
        (Part::Fulfilment(_, fulfilment), "updatedAt") => leaf(zulu(fulfilment.updated_at)),
        (Part::Fulfilment(_, fulfilment), "location") => location(Some(fulfilment.location)),
        (Part::Fulfilment(order, fulfilment), "fulfillmentLineItems") => {
            Resolved::Page(page::fulfilment_lines(order, fulfilment, arguments)?)
        }
        (Part::FulfilmentLine(_, quantity), "quantity") => leaf(quantity),
        (Part::FulfilmentLine(line, _), "lineItem") => one(Part::Line(line)),

        (Part::FulfilmentOrder(_, asked), "id") => leaf(asked.id.gid()),
        (Part::FulfilmentOrder(order, _), "orderId") => leaf(order.id.gid()),
        (Part::FulfilmentOrder(_, asked), "status") => leaf(asked.status.name().to_uppercase()),
        (Part::FulfilmentOrder(_, asked), "createdAt") => leaf(zulu(asked.created_at)),
        (Part::FulfilmentOrder(_, asked), "updatedAt") => leaf(zulu(asked.updated_at)),
        (Part::FulfilmentOrder(_, asked), "assignedLocation") => one(Part::AssignedLocation(asked.location)),
        (Part::AssignedLocation(id), "location") => location(Some(id)),
        (Part::FulfilmentOrder(order, asked), "lineItems") => {
            let node = |asked: &'a FulfilmentOrderLine| Part::FulfilmentOrderLine(order, asked);
            Resolved::Page(page::parts(&asked.lines, |asked| asked.line.0, node, arguments)?)
        }
        (Part::FulfilmentOrderLine(_, asked), "remainingQuantity") => leaf(asked.remaining),
        (Part::FulfilmentOrderLine(order, asked), "lineItem") => line(order, asked.line),

        (part, _) => return of_return(part, arguments),
    })
}

/// Resolves a field of a refund or of a return.
fn of_return<'a>(part: Part<'a>, arguments: Arguments<'_>) -> Result<Resolved<'a>, TopError> {
    let one = |part: Part<'a>| Resolved::One(Some(Node::Part(part)));
    let location = |id: Option<LocationId>| Resolved::One(id.map(Node::Location));
    let line = |order: &'a Order, id| one(Part::Line(order.line(id).expect("parts are of lines of their order")));
    Ok(match (part, arguments.field.name.as_str()) {
        (Part::Refund(_, refund), "id") => leaf(refund.id.gid()),
        (Part::Refund(_, refund), "createdAt") => leaf(zulu(refund.created_at)),
        (Part::Refund(order, refund), "return") => {
            let found = refund.return_id.and_then(|id| order.return_of(id));
            Resolved::One(found.map(|ret| Node::Part(Part::Return(order, ret))))
        }
        (Part::Refund(order, refund), "refundLineItems") => {
            let node = |line: &'a RefundedLine| Part::RefundLine(order, line);
            Resolved::Page(page::parts(&refund.lines, |line| line.id.0, node, arguments)?)
        }
        (Part::RefundLine(_, refunded), "quantity") => leaf(refunded.quantity),
        (Part::RefundLine(_, refunded), "restockType") => leaf(refunded.restock.name().to_uppercase()),
        (Part::RefundLine(_, refunded), "location") => location(refunded.location),
        (Part::RefundLine(order, refunded), "lineItem") => line(order, refunded.line),

        (Part::Return(_, ret), "id") => leaf(ret.id.gid()),
        (Part::Return(order, _) | Part::Reverse(order, _), "order") => one(Part::Order(order)),
        (Part::Return(order, ret), "reverseFulfillmentOrders") => {
            let node = |ret: &'a Return| Part::Reverse(order, ret);
            Resolved::Page(page::parts(std::slice::from_ref(ret), |ret| ret.reverse.0, node, arguments)?)
        }
        (Part::Reverse(_, ret), "id") => leaf(ret.reverse.gid()),
        (Part::Reverse(order, ret), "lineItems") => {
            let node = |asked: &'a ReturnLine| Part::ReverseLine(order, ret, asked);
            Resolved::Page(page::parts(&ret.lines, |asked| asked.id.0, node, arguments)?)
        }
        (Part::ReverseLine(order, _, asked), "fulfillmentLineItem") => {
            let line = order.line(asked.line).expect("a return asks for lines of its order");
            one(Part::FulfilmentLine(line, line.fulfilled))
        }
        (Part::ReverseLine(_, ret, asked), "dispositions") => {
            let done = ret.dispositions.iter().filter(|done| done.line == asked.line);
            Resolved::List(done.map(|done| Some(Node::Part(Part::Disposition(done)))).collect(), Charge::Dearest)
        }
        (Part::Disposition(done), "id") => leaf(done.id.gid()),
        (Part::Disposition(done), "createdAt") => leaf(zulu(done.created_at)),
        (Part::Disposition(done), "type") => leaf(done.kind.name().to_uppercase()),
        (Part::Disposition(done), "quantity") => leaf(done.quantity),
        (Part::Disposition(done), "location") => location(Some(done.location)),

        (_, name) => unreachable!("the schema has the field '{name}', and nothing answers it"),
    })
}

fn of_order<'a>(order: &'a Order, arguments: Arguments<'_>) -> Result<Resolved<'a>, TopError> {
    let one = |part: Part<'a>| Resolved::One(Some(Node::Part(part)));
    Ok(match arguments.field.name.as_str() {
        "id" => leaf(order.id.gid()),
        "name" => leaf(format!("#{}", order.number)),
        "createdAt" => leaf(zulu(order.created_at)),
        "updatedAt" => leaf(zulu(order.updated_at)),
        "cancelledAt" => maybe(order.cancelled_at.map(zulu)),
        "closedAt" => maybe(order.closed_at.map(zulu)),
        "displayFulfillmentStatus" => leaf(order.display_status()),
        "confirmed" => leaf(order.confirmed),
        "test" => leaf(order.test),
        "paymentTerms" => match order.payment {
            Payment::NetDays(_) => one(Part::PaymentTerms(order)),
            Payment::Provider | Payment::CashOnDelivery => Resolved::One(None),
        },
        "transactions" => listed(std::slice::from_ref(order), Part::Transaction, arguments)?,
        "displayFinancialStatus" => leaf(order.financial.name().to_uppercase()),
        "retailLocation" => Resolved::One(order.retail_location.map(Node::Location)),
        "email" => leaf(format!("{PERSONAL_MARK}@example.com")),
        "phone" => leaf(format!("+000 {PERSONAL_MARK}")),
        "customer" => one(Part::Customer),
        "shippingAddress" => one(Part::Address),
        "lineItems" => Resolved::Page(page::parts(&order.lines, |line| line.id.0, Part::Line, arguments)?),
        "fulfillmentsCount" => Resolved::One(Some(Node::Count(order.fulfilments.len()))),
        "fulfillments" => listed(&order.fulfilments, |part| Part::Fulfilment(order, part), arguments)?,
        "fulfillmentOrders" => {
            let node = |asked: &'a FulfilmentOrder| Part::FulfilmentOrder(order, asked);
            Resolved::Page(page::parts(&order.fulfilment_orders, |asked| asked.id.0, node, arguments)?)
        }
        "refunds" => listed(&order.refunds, |part| Part::Refund(order, part), arguments)?,
        "returns" => {
            let node = |ret: &'a Return| Part::Return(order, ret);
            Resolved::Page(page::parts(&order.returns, |ret| ret.id.0, node, arguments)?)
        }
        name => unreachable!("the schema has the field '{name}' of orders, and nothing answers it"),
    })
}

/// Resolves a field of a draft order or of its line.
fn of_draft<'a>(shop: &'a Shop, part: Part<'a>, arguments: Arguments<'_>) -> Result<Resolved<'a>, TopError> {
    let item = |line: &DraftLine| shop.items.get(&line.item).filter(|item| !item.removed);
    Ok(match (part, arguments.field.name.as_str()) {
        (Part::Draft(draft), "id") => leaf(draft.id.gid()),
        (Part::Draft(draft), "createdAt") => leaf(zulu(draft.created_at)),
        (Part::Draft(draft), "updatedAt") => leaf(zulu(draft.updated_at)),
        (Part::Draft(draft), "status") => leaf(draft.status.name().to_uppercase()),
        (Part::Draft(draft), "reserveInventoryUntil") => maybe(draft.reserve_until.map(zulu)),
        (Part::Draft(draft), "totalQuantityOfLineItems") => {
            let total: i64 = draft.lines.iter().flat_map(DraftLine::stocked).map(|line| line.quantity).sum();
            leaf(total)
        }
        (Part::Draft(draft), "order") => {
            let order = draft.order.and_then(|id| shop.orders.get(&id));
            Resolved::One(order.map(|order| Node::Part(Part::Order(order))))
        }
        (Part::Draft(draft), "lineItems") => {
            Resolved::Page(page::parts(&draft.lines, |line| line.id.0, Part::DraftLine, arguments)?)
        }
        (Part::DraftLine(line), "id") => leaf(line.id.gid()),
        (Part::DraftLine(line), "sku") => leaf(line.sku.as_str()),
        (Part::DraftLine(line), "quantity") => {
            let bundles = if shop.faults.components_per_bundle { line.in_bundles.unwrap_or(1) } else { 1 };
            let of = |id| shop.drafts.get(id).is_some_and(|draft| draft.lines.iter().any(|known| known.id == line.id));
            let is_contradictory = shop.faults.contradictory_drafts.iter().any(of);
            leaf(if is_contradictory { -1 } else { line.quantity / bundles })
        }
        (Part::DraftLine(line), "components") => {
            let components = line.components.iter().map(|part| Some(Node::Part(Part::DraftLine(part))));
            Resolved::List(components.collect(), Charge::Dearest)
        }
        (Part::DraftLine(_), "custom") => leaf(false),
        (Part::DraftLine(line), "isGiftCard") => leaf(item(line).is_some_and(|item| item.gift_card)),
        (Part::DraftLine(line), "requiresShipping") => leaf(item(line).is_none_or(|item| item.requires_shipping)),
        (Part::DraftLine(line), "variant") => Resolved::One(item(line).map(Node::Variant)),

        (_, name) => unreachable!("the schema has the field '{name}' of drafts, and nothing answers it"),
    })
}

/// Resolves a list that `first` may shorten.
fn listed<'a, T>(parts: &'a [T], node: impl Fn(&'a T) -> Part<'a>, arguments: Arguments<'_>) -> Result<Resolved<'a>, TopError> {
    let first = page::first(arguments)?;
    let charge = if first.is_some() { Charge::Weighed } else { Charge::Dearest };
    let nodes = parts.iter().take(first.unwrap_or(usize::MAX)).map(|part| Some(Node::Part(node(part))));
    Ok(Resolved::List(nodes.collect(), charge))
}

fn returned(shop: &Shop, line: &OrderLine) -> i64 {
    shop.owners.get(&line.id.0).map_or(0, |order| shop.orders[order].returned(line.id))
}

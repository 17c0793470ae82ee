//! The snapshots of the shop and the reports of warehouses about the model's order.

use std::collections::BTreeMap;

use crate::catalog::{DispositionId, FulfilmentId, LineId, OrderId, Quantity, RefundId, ReturnId, ShopLocationId};
use crate::movement::EventId;
use crate::order::tests::model::{Model, ModelLine, at, shop};
use crate::order::{
    Disposition, Fulfilment, FulfilmentStatus, OrderFacts, OrderReport, OrderSnapshot, Refund, ReportKind, Routing, SnapshotLine,
    StockTracking,
};

impl Model {
    /// The snapshot that a webhook about the whole order contains now.
    pub fn webhook(&self) -> OrderSnapshot {
        let lines = self.lines.iter().map(|(id, line)| {
            let snapshot = SnapshotLine {
                shop_sku: format!("S{id}"),
                variant: None,
                ordered: Quantity::new(line.ordered),
                open: Quantity::new(line.open.values().sum()),
                current: Some(Quantity::new(self.current(*id, line))),
                stocked: StockTracking::Yes,
            };
            (LineId::new(*id), snapshot)
        });
        let facts = OrderFacts {
            version: at(self.second),
            queried_at: None,
            placed_at: at(0),
            cancelled: self.cancelled,
            closed_at: None,
            confirmed: true,
            paid: self.paid,
            pays_later: false,
            test: false,
            sold_at: None,
            reserves_until: None,
            lines: lines.collect(),
        };
        OrderSnapshot { facts: Some(facts), fulfilments: self.fulfilments(), refunds: self.refunds(), ..about() }
    }

    /// Units of a line that are open, or that left and neither came back nor were refunded.
    fn current(&self, id: u64, line: &ModelLine) -> i64 {
        let disposed: i64 = self.dispositions.iter().filter(|of| of.line == id && !of.settled).map(|of| of.units).sum();
        line.open.values().sum::<i64>() + self.shipped(id) - line.refunded - disposed
    }

    /// The snapshot that a query returns now.
    pub fn query(&self) -> OrderSnapshot {
        let snapshot = self.webhook();
        let places =
            |line: &ModelLine| line.open.iter().map(|(at, units)| (ShopLocationId::new(*at), Quantity::new(*units))).collect();
        let since = |line: &ModelLine| line.since.iter().map(|(from, place)| (at(*from), ShopLocationId::new(*place))).collect();
        let routing = Routing {
            version: at(self.routed_at),
            count: self.fulfilment_orders,
            open: self.lines.iter().map(|(id, line)| (LineId::new(*id), places(line))).collect(),
            since: self.lines.iter().map(|(id, line)| (LineId::new(*id), since(line))).collect(),
        };
        let dispositions = self.dispositions.iter().zip(1..).map(|(of, id)| {
            let disposition = Disposition {
                of_return: ReturnId::new(id),
                line: LineId::new(of.line),
                location: Some(ShopLocationId::new(of.location)),
                quantity: Quantity::new(of.units),
                made_at: at(of.made_at),
            };
            (DispositionId::new(id), disposition)
        });
        OrderSnapshot {
            facts: snapshot.facts.map(|facts| OrderFacts { queried_at: Some(at(self.second)), ..facts }),
            routing: Some(routing),
            dispositions: dispositions.collect(),
            ..snapshot
        }
    }

    /// The snapshots that webhooks about the newest fulfilment and the newest refund contain now.
    pub fn parts(&self) -> Vec<OrderSnapshot> {
        let fulfilment = self.fulfilments().pop_last().map(|one| OrderSnapshot { fulfilments: [one].into(), ..about() });
        let refund = self.refunds().pop_last().map(|one| OrderSnapshot { refunds: [one].into(), ..about() });
        fulfilment.into_iter().chain(refund).collect()
    }

    fn fulfilments(&self) -> BTreeMap<FulfilmentId, Fulfilment> {
        let each = self.fulfilments.iter().zip(1..).map(|(of, id)| {
            let fulfilment = Fulfilment {
                status: if of.stands { FulfilmentStatus::Shipped } else { FulfilmentStatus::Void },
                made_at: at(of.made_at),
                version: at(of.changed_at),
                location: Some(ShopLocationId::new(of.location)),
                lines: [(LineId::new(of.line), Quantity::new(of.units))].into(),
            };
            (FulfilmentId::new(id), fulfilment)
        });
        each.collect()
    }

    fn refunds(&self) -> BTreeMap<RefundId, Refund> {
        let each = self.refunds.iter().zip(1..).map(|(of, id)| {
            let refund =
                Refund { made_at: at(of.made_at), of_return: of.of_return.map(ReturnId::new), lines: vec![of.line.clone()] };
            (RefundId::new(id), refund)
        });
        each.collect()
    }

    /// The reports of warehouses, one for each shipment.
    pub fn reports(&self) -> Vec<OrderReport> {
        let each = self.dispatches.iter().enumerate().map(|(number, of)| OrderReport {
            id: EventId::new("wms", format!("shipped {number}")),
            shop: shop(),
            order: OrderId::new(1),
            line: LineId::new(of.line),
            kind: ReportKind::Shipped,
            location: format!("WH-{}", of.location).parse().expect("a code"),
            quantity: Quantity::new(of.units),
            at: Some(at(of.at)),
        });
        each.collect()
    }
}

fn about() -> OrderSnapshot {
    OrderSnapshot::about(shop(), OrderId::new(1))
}

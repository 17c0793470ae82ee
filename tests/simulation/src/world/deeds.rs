//! What may happen in a world: people act, letters and batches arrive, processes die, and what became of it.

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::dynamodb::Event as StreamEvent;
use aws_lambda_events::event::sqs::SqsEvent;
use jiff::Timestamp;
use lambda_http::{Body, Request};
use promissory::catalog::{LocationId, Quantity, Sku};
use promissory::clock::Clock;
use promissory::ledger::{Event, EventId, commit};
use promissory::source::{StockEvent, StockKind};
use promissory::store::Record;
use promissory_local::shopify::{DeliveryPlan, OrderId};
use reconciler::{Job, Report};
use serde_json::json;

use super::{ERP, Ended, STREAM_TRIES, Work, World};
use crate::check::Violation;
use crate::tasks::Task;

impl World {
    /// One thing happens.
    pub(super) fn live(&mut self) {
        match self.rng.below(100) {
            0..50 => self.step_a_task(),
            50..58 => self.customer(),
            58..64 => self.warehouse_ships(),
            64..67 => self.customer_regrets(),
            67..71 => self.stock_moves(),
            71..79 => self.post_comes(),
            79..86 => self.stream_comes(),
            86..90 => self.queue_comes(),
            90..92 => self.schedule_comes(),
            92 => self.a_process_dies(),
            93 => self.someone_edits(),
            _ => self.clock.advance(Duration::from_millis(u64::try_from(self.rng.below(3_000)).expect("small"))),
        }
        self.post_the_mail();
    }

    fn customer(&mut self) {
        let lines: Vec<(String, i64)> =
            self.skus.iter().filter(|_| self.rng.per_mille(500)).map(|sku| (sku.to_string(), self.rng.up_to(3))).collect();
        let cart: Vec<(&str, i64)> = lines.iter().map(|(sku, units)| (sku.as_str(), *units)).collect();
        let taken = self.line.shop().checkout(self.clock.now(), &cart).is_ok();
        self.met(if taken { "order" } else { "order refused" });
    }

    fn some_order(&self) -> Option<OrderId> {
        let shop = self.line.shop();
        let orders: Vec<_> = shop.orders().map(|order| order.id).collect();
        (!orders.is_empty()).then(|| orders[self.rng.below(orders.len())])
    }

    fn warehouse_ships(&mut self) {
        let Some(order) = self.some_order() else { return };
        let now = self.clock.now();
        let in_part = self.rng.per_mille(400);
        let shipped = {
            let mut shop = self.line.shop();
            let first = shop.order(order).and_then(|order| order.lines.first()).map(|line| (line.id, 1));
            let lines = first.as_ref().filter(|_| in_part).map(std::slice::from_ref);
            shop.fulfil(now, order, lines).is_ok()
        };
        if shipped {
            self.met(if in_part { "shipped in part" } else { "shipped" });
        }
    }

    fn customer_regrets(&mut self) {
        let Some(order) = self.some_order() else { return };
        let now = self.clock.now();
        let cancels = self.rng.per_mille(600);
        let done = {
            let mut shop = self.line.shop();
            if cancels {
                shop.cancel(now, order).is_ok()
            } else {
                let first = shop.order(order).and_then(|order| order.lines.first()).map(|line| line.id);
                first.is_some_and(|line| shop.remove_line_quantity(now, order, line, 1).is_ok())
            }
        };
        if done {
            self.met(if cancels { "cancelled" } else { "line reduced" });
        }
    }

    fn stock_moves(&mut self) {
        if let Some(event) = self.stock.pop() {
            return self.take_stock(event);
        }
        let kinds: &[StockKind] = if self.only_grows {
            &[StockKind::Receipt, StockKind::Found]
        } else {
            &[StockKind::Receipt, StockKind::Found, StockKind::Lost, StockKind::Hold, StockKind::Unhold]
        };
        let sku = self.skus[self.rng.below(self.skus.len())].clone();
        let location = self.codes[self.rng.below(self.codes.len())].clone();
        let (kind, units) = (kinds[self.rng.below(kinds.len())], self.rng.up_to(6));
        self.receive(sku, location, kind, units);
    }

    pub(super) fn receive(&mut self, sku: Sku, location: LocationId, kind: StockKind, units: i64) {
        self.events += 1;
        let id = EventId::new(ERP, self.events.to_string());
        let event = StockEvent { id, sku, location, kind, quantity: Quantity::new(units), occurred_at: self.clock.now() };
        if self.rng.per_mille(100) {
            self.stock.push(event.clone()); // The system says it twice.
            self.met("stock event doubled");
        }
        self.take_stock(event);
    }

    pub(super) fn take_stock(&mut self, event: StockEvent) {
        let (store, clock, network) = (self.store.clone(), self.clock.clone(), self.network.clone());
        let events = vec![(Event::Stock(event.clone()), None)];
        let task = async move { Ended::Stocked(commit(&store, &clock, &network, &events).await.is_ok()) };
        self.tasks.push((Work::Stock(event), Task::new(task)));
    }

    /// What the shop has to say goes into the post; some of it is lost there.
    pub(super) fn post_the_mail(&mut self) {
        let sent: Vec<_> = self.line.shop().outbox().take(&DeliveryPlan::default());
        for (delivery, _) in sent {
            if self.rng.per_mille(100) {
                self.met("webhook lost");
            } else {
                if self.rng.per_mille(100) {
                    self.met("webhook doubled");
                    self.mail.push((delivery.clone(), 0));
                }
                self.mail.push((delivery, 0));
            }
        }
    }

    /// Any of the letters arrives: not the oldest first.
    pub(super) fn post_comes(&mut self) {
        if self.mail.is_empty() {
            return;
        }
        let (delivery, tries) = self.mail.swap_remove(self.rng.below(self.mail.len()));
        let mut request = lambda_http::http::Request::builder().method("POST").uri("/webhooks/shopify");
        for (name, value) in delivery.headers() {
            request = request.header(name, value);
        }
        let request: Request = request.body(Body::from(delivery.body.to_vec())).expect("a request");
        let intake = Arc::clone(&self.intake);
        let task = async move { Ended::Status(intake.handle(request).await.status().as_u16()) };
        self.tasks.push((Work::Webhook(delivery, tries), Task::new(task)));
    }

    pub(super) fn stream_comes(&mut self) {
        let busy = self.tasks.iter().any(|(work, _)| matches!(work, Work::Stream { .. }));
        let table = self.store.table();
        let (from, end) = (self.streamed, table.stream.len());
        if busy || from == end {
            return;
        }
        let to = end.min(from + 1 + self.rng.below(12));
        let followed = (from..).zip(&table.stream[from..to]).filter(|(_, record)| is_followed(record));
        let records: Vec<_> = followed.map(|(at, record)| stream_record(at, record)).collect();
        drop(table);
        let event: StreamEvent = serde_json::from_value(json!({ "Records": records })).expect("a stream event");
        let order: Vec<Option<String>> = event.records.iter().map(|record| record.change.sequence_number.clone()).collect();
        let (recompute, deadline) = (Arc::clone(&self.recompute), self.deadline(28));
        let task = async move {
            let answer = recompute.handle(event, deadline).await;
            let first = answer.batch_item_failures.first().and_then(|failure| failure.item_identifier.clone());
            assert!(first.is_none() || order.contains(&first), "a failure names a record of the batch");
            Ended::Failed(first.and_then(|number| number.parse().ok()))
        };
        self.tasks.push((Work::Stream { from, to }, Task::new(task)));
    }

    pub(super) fn queue_comes(&mut self) {
        let pushing = self.tasks.iter().filter(|(work, _)| matches!(work, Work::Push(_))).count();
        let messages: Vec<String> = {
            let mut queue = self.line.queue();
            if pushing >= 2 || queue.is_empty() {
                return;
            }
            let most = 1 + self.rng.below(queue.len());
            queue.drain(..most).collect()
        };
        let records: Vec<_> =
            messages.iter().enumerate().map(|(at, body)| json!({ "messageId": at.to_string(), "body": body })).collect();
        let event: SqsEvent = serde_json::from_value(json!({ "Records": records })).expect("an SQS event");
        let (pusher, deadline) = (Arc::clone(&self.pusher), self.deadline(28));
        let task = async move {
            let answer = pusher.handle(event, deadline).await;
            let given_back = answer.batch_item_failures.iter().filter_map(|failure| failure.item_identifier.parse().ok());
            Ended::GivenBack(given_back.collect())
        };
        self.tasks.push((Work::Push(messages), Task::new(task)));
    }

    fn schedule_comes(&mut self) {
        let job = [Job::Sweep, Job::Compare, Job::Backlog][self.rng.below(3)];
        self.reconcile(job);
    }

    pub(super) fn reconcile(&mut self, job: Job) {
        let (reconciler, deadline) = (Arc::clone(&self.reconciler), self.deadline(298));
        let task = async move { Ended::Reconciled(reconciler.handle(job, deadline).await.ok()) };
        self.tasks.push((Work::Reconcile, Task::new(task)));
    }

    fn deadline(&self, seconds: i64) -> Timestamp {
        self.clock.now() + jiff::SignedDuration::from_secs(seconds)
    }

    fn someone_edits(&mut self) {
        if self.only_grows {
            return;
        }
        let (now, units) = (self.clock.now(), i64::try_from(self.rng.below(8)).expect("small"));
        let mut shop = self.line.shop();
        let pairs: Vec<_> = shop.levels().map(|(item, location, _)| (item, location)).collect();
        let (item, location) = pairs[self.rng.below(pairs.len())];
        shop.manual_edit(now, item, location, units).expect("a known pair");
        drop(shop);
        self.met("edited by hand");
    }

    /// A Lambda is killed: what it was doing stops where it is, and what asked for it is given back.
    fn a_process_dies(&mut self) {
        if self.tasks.is_empty() {
            return;
        }
        let (work, _) = self.tasks.swap_remove(self.rng.below(self.tasks.len()));
        self.met(match &work {
            Work::Webhook(..) => "intake killed",
            Work::Stream { .. } => "recompute killed",
            Work::Push(_) => "pusher killed",
            Work::Reconcile => "reconciler killed",
            Work::Stock(_) => "stock event cut off",
        });
        self.give_back(work);
    }

    fn give_back(&mut self, work: Work) {
        match work {
            Work::Webhook(delivery, tries) if tries < 8 => self.mail.push((delivery, tries + 1)),
            Work::Webhook(..) => self.met("webhook given up"),
            Work::Stream { from, .. } => self.repeat_stream(from),
            Work::Push(messages) => self.line.queue().extend(messages),
            Work::Reconcile => {}
            Work::Stock(event) => self.stock.push(event),
        }
    }

    fn repeat_stream(&mut self, from: usize) {
        self.streamed = from;
        self.stream_tries += 1;
        if self.stream_tries > STREAM_TRIES {
            (self.streamed, self.stream_tries) = (from + 1, 0);
            self.met("stream record given up");
        }
    }

    fn step_a_task(&mut self) {
        if !self.tasks.is_empty() {
            let at = self.rng.below(self.tasks.len());
            // Some run far, so that they finish; some only a little, so that others come between.
            for _ in 0..=self.rng.below(12) {
                if self.step(at) {
                    break;
                }
            }
        }
    }

    /// Lets a task take one step; whether it ended.
    pub(super) fn step(&mut self, at: usize) -> bool {
        let Some(ended) = self.tasks[at].1.step() else { return false };
        let (work, _) = self.tasks.swap_remove(at);
        match (ended, work) {
            (Ended::Status(200), Work::Webhook(..)) | (Ended::Stocked(true), Work::Stock(_)) => {}
            (Ended::Failed(None), Work::Stream { to, .. }) => (self.streamed, self.stream_tries) = (to, 0),
            (Ended::Failed(Some(at)), Work::Stream { .. }) => {
                self.met("stream batch failed in part");
                self.repeat_stream(at);
            }
            (Ended::GivenBack(given_back), Work::Push(messages)) => {
                let failed = messages.into_iter().enumerate().filter(|(at, _)| given_back.contains(at)).map(|(_, body)| body);
                self.line.queue().extend(failed);
            }
            (Ended::Reconciled(report), Work::Reconcile) => {
                self.met(if report.is_some() { "job done" } else { "job failed" });
                if let Some(Report::Compare(report)) = report {
                    self.compared_all |= report.end;
                    if !report.drifted.is_empty() {
                        self.met("drift found");
                        if self.only_grows {
                            let what = format!("nobody edited the shop, and yet it drifted: {:?}", report.drifted);
                            self.life.violations.push(Violation(what));
                        }
                    }
                }
            }
            (_, work) => self.give_back(work),
        }
        true
    }
}

/// Whether the stream's filter lets a record through, as in template.yaml.
fn is_followed(record: &Record) -> bool {
    let (pk, sk) = (record.key.pk.as_str(), record.key.sk.as_str());
    (pk.starts_with("POS#") && sk == "HEAD") || ["LANE#", "ALERT#", "ITEM#"].iter().any(|family| pk.starts_with(family))
}

/// A record as DynamoDB's stream shows it; its sequence number is its place in the stream.
fn stream_record(at: usize, record: &Record) -> serde_json::Value {
    let image: serde_dynamo::Item = serde_dynamo::to_item(json!({ "body": record.body })).expect("a body is an object");
    json!({
        "awsRegion": "us-east-1",
        "eventID": at.to_string(),
        "eventSource": "aws:dynamodb",
        "eventVersion": "1.1",
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/simulated/stream/1",
        "eventName": if record.revision == 1 { "INSERT" } else { "MODIFY" },
        "dynamodb": {
            "ApproximateCreationDateTime": 0,
            "Keys": { "pk": { "S": record.key.pk }, "sk": { "S": record.key.sk } },
            "NewImage": image,
            "SequenceNumber": at.to_string(),
            "SizeBytes": 1,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    })
}

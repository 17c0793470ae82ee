//! The work that one batch of the stream requires, and which record requires it first.

use std::collections::{BTreeMap, BTreeSet};

use aws_lambda_events::event::dynamodb::EventRecord;
use promissory::alert::{Alert, AlertSubject};
use promissory::catalog::{LocationId, Place, Resource, Sku, WhereUsed};
use promissory::ledger::Lane;
use promissory::promise::GroupPlan;
use promissory::table::{Key, Row, RowKey, Streamed, UnreadableRow, inflated, waiting_prefixes};
use serde_dynamo::AttributeValue;

/// The event of a record whose row was deleted.
const REMOVE: &str = "REMOVE";

/// The work of one batch. Each piece carries the position of the first record that requires it. When the piece fails, the
/// stream repeats everything from that record on.
#[derive(Debug, Default, PartialEq)]
pub struct Work {
    /// Items to be recomputed.
    pub recompute: BTreeMap<Sku, usize>,
    /// Items whose planning groups must be planned again.
    pub replan: BTreeMap<Sku, usize>,
    /// Alerts that changed.
    pub alerts: Vec<(usize, Alert)>,
    /// Lanes in which events wait.
    pub lanes: BTreeMap<Lane, usize>,
    /// Set when a location, a tier or a work centre changed, which affects every item.
    pub refresh: Option<usize>,
    /// Index prefixes of rows that waited for a mapping that may exist now.
    pub resume: BTreeMap<String, usize>,
    /// Records that cannot be read, each with its row.
    pub unreadable: BTreeMap<usize, UnreadableRow>,
    /// Locations that the records name.
    pub locations: BTreeSet<LocationId>,
    /// Whether a location itself changed.
    pub network_changed: bool,
}

impl Work {
    /// The work of a batch.
    #[must_use]
    pub fn of(records: &[EventRecord]) -> Self {
        let mut work = Self::default();
        for (at, record) in records.iter().enumerate() {
            if let Some(row) = delivered(record) {
                work.take(at, record, row);
            }
        }
        work
    }

    /// The work of records that are late, and the alerts that they are about. The images of these alerts may be older than what was
    /// published since, so they are no part of the work.
    #[must_use]
    pub fn of_late(records: &[EventRecord]) -> (Self, BTreeSet<AlertSubject>) {
        let (mut work, mut alerts) = (Self::default(), BTreeSet::new());
        for (at, record) in records.iter().enumerate() {
            match delivered(record) {
                Some(RowKey::Alert(subject)) => {
                    alerts.insert(subject);
                }
                Some(row) => work.take(at, record, row),
                None => {}
            }
        }
        (work, alerts)
    }

    fn take(&mut self, at: usize, record: &EventRecord, row: RowKey) {
        for prefix in waiting_prefixes(&row) {
            self.resume.entry(prefix).or_insert(at);
        }
        match row {
            RowKey::Position(of) => {
                if let Place::At(location) = of.place {
                    self.locations.insert(location);
                }
                self.recompute_and_replan(of.sku, at);
            }
            RowKey::Item(sku) | RowKey::Receipts(sku) => self.recompute_and_replan(sku, at),
            RowKey::Bill(sku) | RowKey::WhereUsed(Resource::Item(sku)) => {
                self.replan.entry(sku).or_insert(at);
            }
            // A work centre has no plan of its own: the items that are produced there are planned again.
            RowKey::WhereUsed(Resource::WorkCentre(_)) => match image::<WhereUsed>(&record.change.new_image) {
                Ok(Some(used)) => {
                    for parent in used.parents {
                        self.replan.entry(parent).or_insert(at);
                    }
                }
                Ok(None) => {}
                Err(error) => self.unreadable(at, record, &error),
            },
            RowKey::Plan(_) => self.replanned(at, record),
            RowKey::Alert(_) => match image::<Alert>(&record.change.new_image) {
                Ok(Some(alert)) => self.alerts.push((at, alert)),
                Ok(None) => {}
                Err(error) => self.unreadable(at, record, &error),
            },
            RowKey::Deferred { lane, .. } => {
                self.lanes.entry(lane).or_insert(at);
            }
            RowKey::Location(_) => {
                self.network_changed = true;
                self.refresh = self.refresh.or(Some(at));
            }
            RowKey::Tier(_) | RowKey::WorkCentre(_) => self.refresh = self.refresh.or(Some(at)),
            // Only their prefixes matter, which are added above.
            RowKey::ShopItem { .. } | RowKey::ListedVariant { .. } | RowKey::SystemItem { .. } => {}
            RowKey::Shop(_)
            | RowKey::BillVersion { .. }
            | RowKey::Movement { .. }
            | RowKey::Order { .. }
            | RowKey::OrderToRead { .. }
            | RowKey::AppliedEvent(_)
            | RowKey::Commitment { .. }
            | RowKey::Waiting { .. }
            | RowKey::Heartbeat(_)
            | RowKey::System(_)
            | RowKey::FeedWatermark { .. }
            | RowKey::FullRefresh { .. }
            | RowKey::Promise(_)
            | RowKey::PlanOf(_)
            | RowKey::Level { .. }
            | RowKey::Metafield { .. }
            | RowKey::Intent(_)
            | RowKey::Call { .. }
            | RowKey::OrderWatermark(_)
            | RowKey::CompareProgress(_)
            | RowKey::CompareReport { .. }
            | RowKey::Refresh => unreachable!("the stream does not carry {row}"),
        }
    }

    fn recompute_and_replan(&mut self, sku: Sku, at: usize) {
        self.recompute.entry(sku.clone()).or_insert(at);
        self.replan.entry(sku).or_insert(at);
    }

    /// A plan changed: the finished goods whose entry changed must be recomputed. The function that replaces a plan which cannot be
    /// read recomputes all of its items, so such an old plan counts as none.
    fn replanned(&mut self, at: usize, record: &EventRecord) {
        match image::<GroupPlan>(&record.change.new_image) {
            Ok(new) => {
                let old = image::<GroupPlan>(&record.change.old_image).ok().flatten();
                for sku in GroupPlan::differing(old.as_ref(), new.as_ref()) {
                    self.recompute.entry(sku).or_insert(at);
                }
            }
            Err(error) => self.unreadable(at, record, &error),
        }
    }

    fn unreadable(&mut self, at: usize, record: &EventRecord, error: &serde_dynamo::Error) {
        let key = key_of(record).map(|key| key.to_string()).unwrap_or_default();
        self.unreadable.insert(at, UnreadableRow { key, detail: error.to_string() });
    }
}

/// The row that a record is about, if the stream delivers the record. Lambda filters the others. It does not filter records that are
/// read from the stream again.
fn delivered(record: &EventRecord) -> Option<RowKey> {
    let row = key_of(record).and_then(|key| RowKey::parse(&key))?;
    let is_delivered = match row.streamed() {
        Streamed::No => false,
        Streamed::Written => record.event_name != REMOVE,
        Streamed::WrittenOrRemoved => true,
    };
    is_delivered.then_some(row)
}

/// The key of the row that a record is about.
fn key_of(record: &EventRecord) -> Option<Key> {
    let StoredKey { pk, sk } = serde_dynamo::from_item(record.change.keys.clone()).ok()?;
    Some(Key::new(pk, sk))
}

/// The row in an image of a record; `None` where there was none.
fn image<R: Row>(image: &serde_dynamo::Item) -> Result<Option<R>, serde_dynamo::Error> {
    if image.is_empty() {
        return Ok(None);
    }
    match image.get("body").cloned() {
        Some(AttributeValue::B(bytes)) => {
            let body = inflated(&bytes).map_err(serde::de::Error::custom)?;
            R::deserialize(body).map(Some).map_err(serde::de::Error::custom)
        }
        Some(body) => serde_dynamo::from_attribute_value(body).map(Some),
        None => Err(serde::de::Error::missing_field("body")),
    }
}

#[derive(serde::Deserialize)]
struct StoredKey {
    pk: String,
    sk: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects alerts about orders: their numbers are read from the stream as they are stored.
    #[test]
    fn an_alert_about_an_order_is_read_from_the_stream() {
        let subject = promissory::alert::AlertSubject::Unallocated {
            shop: "a.myshopify.com".parse().expect("a shop"),
            order: promissory::catalog::OrderId::new(5_000_000_000_000_000_003),
        };
        let now = "2026-11-25T02:19:30Z".parse().expect("a time");
        let alert = Alert::next(None, subject, promissory::alert::AlertState::Raised, String::new(), now).expect("it changes");
        let body = serde_json::json!({ "body": serde_json::to_value(&alert).expect("JSON") });
        let item: serde_dynamo::Item = serde_dynamo::to_item(body).expect("an item");
        assert_eq!(image::<Alert>(&item).map_err(|error| error.to_string()), Ok(Some(alert)));
    }

    fn record(event: &str, row: &RowKey, body: &serde_json::Value) -> EventRecord {
        let Key { pk, sk } = row.key();
        let image = |of: &str| if (of == "OldImage") == (event == REMOVE) { body.clone() } else { serde_json::json!({}) };
        let image = |of: &str| serde_dynamo::to_item::<_, serde_dynamo::Item>(serde_json::json!({ "body": image(of) }));
        serde_json::from_value(serde_json::json!({
            "eventID": "1",
            "eventName": event,
            "awsRegion": "us-east-1",
            "dynamodb": {
                "Keys": { "pk": { "S": pk }, "sk": { "S": sk } },
                "SequenceNumber": "1",
                "SizeBytes": 1,
                "NewImage": image("NewImage").expect("an item"),
                "OldImage": image("OldImage").expect("an item"),
            },
        }))
        .expect("a record")
    }

    /// Protects the handler from records that Lambda filters, and that are there when records are read from the stream again: those of
    /// other rows, and removals of rows whose writes alone are delivered.
    #[test]
    fn records_that_lambda_filters_are_no_work() {
        let sku: Sku = "A".parse().expect("a SKU");
        for example in promissory::table::examples() {
            let is_work = |event: &str| delivered(&record(event, &example.row, &serde_json::json!({}))).is_some();
            let expected = match example.row.streamed() {
                Streamed::No => (false, false, false),
                Streamed::Written => (true, true, false),
                Streamed::WrittenOrRemoved => (true, true, true),
            };
            assert_eq!((is_work("INSERT"), is_work("MODIFY"), is_work(REMOVE)), expected, "{}", example.row);
        }
        let records = [
            record("INSERT", &RowKey::Promise(sku.clone()), &serde_json::json!({})),
            record(REMOVE, &RowKey::Item(sku), &serde_json::json!({})),
        ];
        assert_eq!(Work::of(&records), Work::default());
    }

    /// Protects subscribers from an old state of an alert, and from a faulty image: of late records, only the subject is used.
    #[test]
    fn late_alerts_are_named_and_no_work() {
        let subject = AlertSubject::LowStock { sku: "A".parse().expect("a SKU") };
        let records = [record("MODIFY", &RowKey::Alert(subject.clone()), &serde_json::json!({ "not": "an alert" }))];
        assert_eq!(Work::of_late(&records), (Work::default(), BTreeSet::from([subject])));
        assert_eq!(Work::of(&records).unreadable.len(), 1);
    }
}

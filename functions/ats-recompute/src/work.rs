//! The work that one batch of the stream requires, and which record requires it first.

use std::collections::{BTreeMap, BTreeSet};

use aws_lambda_events::event::dynamodb::EventRecord;
use promissory::alert::Alert;
use promissory::catalog::{LocationId, Place, Resource, Sku, WhereUsed};
use promissory::ledger::Lane;
use promissory::promise::GroupPlan;
use promissory::table::{Key, Row, RowKey, Streamed, waiting_prefixes};

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
    /// Records that cannot be read.
    pub unreadable: BTreeSet<usize>,
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
            work.take(at, record);
        }
        work
    }

    fn take(&mut self, at: usize, record: &EventRecord) {
        let key = serde_dynamo::from_item::<_, StoredKey>(record.change.keys.clone()).ok();
        let Some(row) = key.and_then(|StoredKey { pk, sk }| RowKey::parse(&Key::new(pk, sk))) else { return };
        if row.streamed() == Streamed::No {
            return;
        }
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
                Ok(None) | Err(_) => drop(self.unreadable.insert(at)),
            },
            RowKey::Plan(_) => self.replanned(at, record),
            RowKey::Alert(_) => match image::<Alert>(&record.change.new_image) {
                Ok(Some(alert)) => self.alerts.push((at, alert)),
                Ok(None) | Err(_) => drop(self.unreadable.insert(at)),
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

    /// A plan changed: the finished goods whose entry changed must be recomputed.
    fn replanned(&mut self, at: usize, record: &EventRecord) {
        match (image::<GroupPlan>(&record.change.old_image), image::<GroupPlan>(&record.change.new_image)) {
            (Ok(old), Ok(new)) => {
                for sku in GroupPlan::differing(old.as_ref(), new.as_ref()) {
                    self.recompute.entry(sku).or_insert(at);
                }
            }
            (Err(_), _) | (_, Err(_)) => drop(self.unreadable.insert(at)),
        }
    }
}

/// The row in an image of a record; `None` where there was none.
fn image<R: Row>(image: &serde_dynamo::Item) -> Result<Option<R>, serde_dynamo::Error> {
    if image.is_empty() {
        return Ok(None);
    }
    serde_dynamo::from_item::<_, Image<R>>(image.clone()).map(|image| Some(image.body))
}

#[derive(serde::Deserialize)]
struct StoredKey {
    pk: String,
    sk: String,
}

#[derive(serde::Deserialize)]
struct Image<R> {
    body: R,
}

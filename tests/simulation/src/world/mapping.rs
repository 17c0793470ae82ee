//! The import of missing mappings. The stream handler resumes the waiting events, or the backlog job where the stream record is
//! lost.

use promissory::catalog::{Location, LocationId, Sku, SystemItem};
use promissory::table::{Expect, Row, RowKey, Write};

use super::World;
use super::batches::system_id;
use super::stock_events::{Mapping, PALLET, item_code, location_code};
use crate::planted::PlantedBug;

impl World {
    /// Imports a random missing mapping.
    pub(super) fn import_a_mapping(&mut self) {
        if self.sources.unmapped.is_empty() {
            return;
        }
        let any = self.rng.below(self.sources.unmapped.len());
        let mapping = self.sources.unmapped[any].clone();
        self.map(&mapping);
    }

    /// Writes the row of a mapping. The mapping of a pallet includes that of the item.
    pub fn map(&mut self, mapping: &Mapping) {
        let item = match mapping {
            Mapping::Pallet(sku) => Some(Mapping::Item(sku.clone())),
            Mapping::Location(_) | Mapping::Item(_) => None,
        };
        self.sources.unmapped.retain(|known| known != mapping && Some(known) != item.as_ref());
        self.log_event(|| format!("mapped: {mapping:?}"));
        self.coverage.note("mapping imported");
        let row = match mapping {
            Mapping::Location(at) => self.pos_location(at),
            Mapping::Item(sku) | Mapping::Pallet(sku) => self.tpl_item(sku),
        };
        let mut table = self.store.table();
        table.apply(&[row]);
        if self.bug == Some(PlantedBug::MappingUnseen) || self.rng.per_mille(self.config.lost_deliveries) {
            table.stream.pop();
            self.coverage.note("stream record of a mapping lost");
        }
    }

    fn pos_location(&self, at: &LocationId) -> Write {
        let key = RowKey::Location(at.clone()).key();
        let table = self.store.table();
        let known = table.get(&key);
        let mut location: Location = known.expect("the location exists").decode().expect("a location");
        location.systems.insert(system_id("pos"), location_code("pos", at));
        Write::put(&location, Expect::as_read(known))
    }

    fn tpl_item(&self, sku: &Sku) -> Write {
        let table = self.store.table();
        let is_known = !self.sources.unmapped.contains(&Mapping::Pallet(sku.clone()));
        let pallet = || ("pallet".parse().expect("a unit"), PALLET.to_string().parse().expect("a factor"));
        let units = is_known.then(pallet).into_iter().collect();
        let item = SystemItem { system: system_id("tpl"), code: item_code("tpl", sku), sku: sku.clone(), unit: None, units };
        Write::put(&item, Expect::as_read(table.get(&item.key())))
    }
}

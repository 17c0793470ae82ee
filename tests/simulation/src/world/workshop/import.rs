//! The import of a new bill of materials while the world runs. It writes row by row like the real import, so functions read
//! states in between. It may join planning groups or split them.

use promissory::catalog::{BillOfMaterials, Resource, Sku, WhereUsed};
use promissory::table::{Expect, Key, RowKey, Write};

use super::{BASE, component, sku};
use crate::world::World;

/// One transaction of an import.
#[derive(Debug, Clone)]
pub enum Step {
    /// Adds a parent to a component, before the bill is written.
    Gains(Sku, Sku),
    /// Writes the bill.
    Bill(Box<BillOfMaterials>),
    /// Removes a parent from a component, after the bill is written. The transaction also requires the bill to be unchanged.
    Loses(Sku, Sku),
}

impl World {
    /// Continues the running import, or sometimes starts one.
    pub(in crate::world) fn continue_or_start_import(&mut self) {
        if !self.continue_import() && self.rng.per_mille(120) {
            self.start_bill_import();
        }
    }

    /// Writes one transaction of the running import. Returns whether there was one.
    pub(in crate::world) fn continue_import(&mut self) -> bool {
        let Some(step) = self.workshop.as_mut().and_then(|workshop| workshop.import.pop_front()) else { return false };
        self.log_event(|| format!("imported: {step:?}"));
        let mut table = self.store.table();
        let (component, parent, uses) = match step {
            Step::Bill(bill) => {
                let write = Write::put(&*bill, Expect::as_read(table.get(&RowKey::Bill(bill.parent.clone()).key())));
                table.apply(&[write]);
                return true;
            }
            Step::Gains(component, parent) => (component, parent, true),
            Step::Loses(component, parent) => (component, parent, false),
        };
        let resource = Resource::Item(component);
        let key = RowKey::WhereUsed(resource.clone()).key();
        let known = table.get(&key);
        let expect = Expect::as_read(known);
        let mut used = known.map_or_else(
            || WhereUsed { resource, parents: std::collections::BTreeSet::new() },
            |record| record.decode().expect("a where-used row"),
        );
        let mut writes = Vec::new();
        if uses {
            used.parents.insert(parent);
        } else {
            used.parents.remove(&parent);
            // The bill takes part in the transaction, so that a concurrent import cannot have added the component again.
            let known = table.get(&RowKey::Bill(parent.clone()).key());
            let bill: BillOfMaterials = known.expect("the bill exists").decode().expect("a bill");
            writes.push(Write::put(&bill, Expect::as_read(known)));
        }
        writes.push(row(&used, expect, key));
        table.apply(&writes);
        true
    }

    /// Starts an import that changes the components or the lead time of a finished good.
    pub(in crate::world) fn start_bill_import(&mut self) {
        let Some(workshop) = &self.workshop else { return };
        let finished_good = self.rng.pick(&workshop.finished_goods).clone();
        let Some(mut bill) = workshop.bills.get(&finished_good).cloned() else { return };
        bill.version += 1;
        let other = sku(self.rng.pick::<&str>(&["BOTTLE", "BOX", "OIL", BASE, "BOTTLE"]));
        let mut steps = Vec::new();
        match self.rng.below(4) {
            0 => bill.lead_days = u16::try_from(self.rng.below(4)).expect("small"),
            _ if !bill.components.contains_key(&other) => {
                bill.components.insert(other.clone(), component("1"));
                steps.push(Step::Gains(other, finished_good.clone()));
                steps.push(Step::Bill(Box::new(bill.clone())));
            }
            _ if bill.components.len() > 1 => {
                bill.components.remove(&other);
                steps.push(Step::Bill(Box::new(bill.clone())));
                steps.push(Step::Loses(other, finished_good.clone()));
            }
            _ => return,
        }
        if steps.is_empty() {
            steps.push(Step::Bill(Box::new(bill.clone())));
        }
        self.coverage.note("bill imported");
        if let Some(workshop) = &mut self.workshop {
            workshop.bills.insert(finished_good, bill);
            workshop.import.extend(steps);
        }
    }
}

fn row(used: &WhereUsed, expect: Expect, key: Key) -> Write {
    if used.parents.is_empty() { Write::Delete { key, expect } } else { Write::put(used, expect) }
}

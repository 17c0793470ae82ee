//! Sheets from text to plan, beside what is stored. Applying them is tried over a table, in the scenarios.

mod bounds;
mod changes;
mod mistakes;
mod round_trip;

use std::collections::BTreeMap;

use super::{Plan, Problems, Sheet, Sheets, Stored};
use crate::catalog::{Bill, BillVersion};
use crate::store::{Expect, Record, Write};

/// Files by name and text.
pub(super) type Files<'a> = &'a [(&'a str, &'a str)];

pub(super) fn sheets(files: Files) -> Sheets {
    let file = |(name, text): &(&str, &str)| (Sheet::of_file(name).expect("a sheet"), text.as_bytes().to_vec());
    Sheets::read(&files.iter().map(file).collect::<BTreeMap<_, _>>())
}

pub(super) fn plan(stored: &Stored, files: Files) -> Result<Plan, Problems> {
    Plan::of(stored, &sheets(files))
}

/// Takes the writes of a plan as stored, as the table would.
pub(super) fn store(stored: &mut Stored, plan: &Plan) {
    for write in plan.batches().into_iter().flatten() {
        match write {
            Write::Put { key, body, expect, .. } => {
                let revision = expect.next_revision();
                stored.take(&Record { key, revision, body }).expect("what was planned can be read");
            }
            Write::Delete { key, .. } => stored.forget(&key),
        }
    }
}

/// What is stored after these files were imported into nothing.
pub(super) fn imported(files: Files) -> Stored {
    let mut stored = Stored::default();
    let plan = plan(&stored, files).unwrap_or_else(|problems| panic!("{:#?}", problems.shown()));
    store(&mut stored, &plan);
    stored
}

/// A small catalogue with something of everything.
pub(super) const SMALL: Files = &[
    ("tiers", "tier,buffer\nA,3\n"),
    (
        "items",
        "sku,unit,units,tier,by_lot,buffer,low_at\nSERUM,,case=12,A,yes,,20\nGLASS,,,,,5,\nOIL,g,drum=180000,,no,,\nBALM,,,A,,,\n",
    ),
    ("locations", "code,kind,fulfils_online,active\nWH-1,warehouse,,\nSTORE-1,store,no,yes\n"),
    (
        "location_codes",
        "location,in,code\nWH-1,a.myshopify.com,70000000001\nWH-1,sap,1000\nSTORE-1,a.myshopify.com,70000000002\n",
    ),
    (
        "listings",
        "shop,shop_sku,sku,inventory_item,variant,buffer\n\
         a.myshopify.com,serum-30,SERUM,44000000000001,45000000000001,2\na.myshopify.com,BALM,BALM,44000000000002,,\n",
    ),
    ("system_items", "system,code,sku,unit,units\nsap,4711,SERUM,case,case=10\n"),
    ("bills", "parent,component,quantity,scrap_percent\nSERUM,GLASS,1,\nSERUM,OIL,30.5,2.5\n"),
];

/// Protects versions of bills: each change of one is the row in force and a row of its own that nothing replaces.
#[test]
fn a_bill_leaves_its_versions() {
    let mut stored = imported(SMALL);
    for (line, version) in [("SERUM,OIL,31,", 2), ("SERUM,OIL,31,", 2), ("SERUM,BALM,1,", 3)] {
        let plan =
            plan(&stored, &[("bills", &format!("parent,component,quantity,scrap_percent\n{line}\n"))]).expect("it is right");
        let bill = |stored: &Stored| stored.catalogue().bills.values().next().expect("a bill").clone();
        let before = bill(&stored).version;
        store(&mut stored, &plan);
        let after: Bill = bill(&stored);
        assert_eq!(after.version, version, "{line}");
        let written: Vec<Write> = plan.batches().concat();
        if before == version {
            assert_eq!(written, []);
        } else {
            let expect = Expect::Revision(u64::from(before));
            assert_eq!(written, [Write::put(&after, expect), Write::put(&BillVersion(after.clone()), Expect::Absent)]);
        }
    }
}

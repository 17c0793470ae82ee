//! Tests of sheets from text to plan, over a stored catalog. The scenarios test applying a plan to a table.

mod bounds;
mod changes;
mod forms;
mod mistakes;
mod round_trip;
mod spreadsheets;
mod structure;
mod used_in;
mod warnings;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::catalog::{BillOfMaterials, BillVersion};
use crate::sheets::{ImportPlan, Sheet, SheetProblems, Sheets, StoredCatalog};
use crate::table::{Expect, RowKey, Write};

/// Files by name and text.
pub(super) type Files<'a> = &'a [(&'a str, &'a str)];

pub(super) fn sheets(files: Files) -> Sheets {
    let file = |(name, text): &(&str, &str)| (Sheet::of_file(name).expect("a sheet"), text.as_bytes().to_vec());
    Sheets::read(&files.iter().map(file).collect::<BTreeMap<_, _>>())
}

/// The time of all imports in these tests.
pub(super) fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().expect("a time")
}

pub(super) fn plan(stored: &StoredCatalog, files: Files) -> Result<ImportPlan, SheetProblems> {
    ImportPlan::of(stored, &sheets(files), now())
}

/// Takes the writes of a plan as stored, as the table would.
pub(super) fn store(stored: &mut StoredCatalog, plan: &ImportPlan) {
    for write in plan.batches().into_iter().flatten() {
        stored.apply(&write).expect("planned rows are readable");
    }
}

/// The stored catalog after an import of these files into an empty table.
pub(super) fn imported(files: Files) -> StoredCatalog {
    let mut stored = StoredCatalog::default();
    let plan = plan(&stored, files).unwrap_or_else(|problems| panic!("{:#?}", problems.shown()));
    store(&mut stored, &plan);
    stored
}

/// A small catalog with rows of every kind.
pub(super) const SMALL: Files = &[
    ("tiers", "tier,buffer\nA,3\n"),
    (
        "items",
        "sku,unit,units,tier,by_lot,buffer,low_at,promise_days,priority,since,supplier_days,bulk,policy,shows_date\n\
         SERUM,,case=12,A,yes,,20,14,1,2026-01-31,,,,yes\nGLASS,,,,,5,,,,,30,,first_come,\nGLASS-2,,,,,,,,,,,,,\n\
         OIL,g,drum=180000,,no,,,,,,,,,\nBALM,,,A,,,,,,,,,,\nWATER,g,,,,,,,,,,yes,,\n",
    ),
    ("work_centres", "centre,units_per_day\nMIX,500\n"),
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
    ("assemblies", "parent,lead_days,yield_percent,work_centre,phantom\nSERUM,3,98.5,MIX,\n"),
    (
        "bills",
        "parent,component,quantity,scrap_percent,instead_of,rank,from\n\
         SERUM,GLASS,1,,,,\nSERUM,GLASS-2,1,,GLASS,1,2027-01-01\nSERUM,OIL,30.5,2.5,,,\nSERUM,WATER,2,,,,\n",
    ),
];

/// Protects the versions of bills: each change of a bill or its assembly writes the row in force and a version row that is never
/// replaced. A version is in force from its import, and importing the same again adds no version.
#[test]
fn each_change_of_a_bill_writes_a_version() {
    let mut stored = imported(SMALL);
    let lines = "parent,component,quantity,from";
    let header = "parent,lead_days,remove";
    for (n, (sheet, columns, line, version)) in [
        ("bills", lines, "SERUM,OIL,31,", 2),
        ("bills", lines, "SERUM,OIL,31,", 2),
        ("bills", lines, "SERUM,OIL,,2026-12-01", 3),
        ("assemblies", header, "SERUM,4,", 4),
        ("assemblies", header, "SERUM,4,", 4),
        ("assemblies", header, "SERUM,,yes", 5),
    ]
    .into_iter()
    .enumerate()
    {
        let now = now() + SignedDuration::from_hours(i64::try_from(n).expect("few") + 1);
        let plan =
            ImportPlan::of(&stored, &sheets(&[(sheet, &format!("{columns}\n{line}\n"))]), now).expect("the sheets are valid");
        let bill = |stored: &StoredCatalog| stored.catalog().bills.values().next().expect("a bill").clone();
        let BillOfMaterials { version: before, since, .. } = bill(&stored);
        store(&mut stored, &plan);
        let after: BillOfMaterials = bill(&stored);
        assert_eq!(after.version, version, "{line}");
        // The where-used index may write the bill again; only the first two writes make the version.
        let of_bills = |write: &Write| matches!(RowKey::parse(write.key()), Some(RowKey::Bill(_) | RowKey::BillVersion { .. }));
        let written: Vec<Write> = plan.batches().concat().into_iter().filter(of_bills).take(2).collect();
        if before == version {
            assert_eq!((written, after.since), (Vec::new(), since));
        } else {
            let expect = Expect::Revision(u64::from(before));
            assert_eq!(after.since, Some(now));
            assert_eq!(written, [Write::put(&after, expect), Write::put(&BillVersion(after.clone()), Expect::Absent)]);
        }
    }
}

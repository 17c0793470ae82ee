//! Rejected bills, work centres and assemblies.

use crate::sheets::tests::mistakes::{check, problems_of};
use crate::sheets::tests::{SMALL, imported};

/// Protects bills: their items exist, each component occurs once, and no item contains itself.
#[test]
fn bills_are_checked() {
    check(
        "bills",
        &[
            (
                "parent,component,quantity\nX,Y,1\n",
                &[" line 2, column component: X → Y: there is no item Y", " line 2, column parent: there is no item X"],
            ),
            (
                "parent,component,quantity\nBALM,BASE,1\nBASE,OIL,1\nBASE,GLYCERIN,1\nOIL,SEED,1\n",
                &[
                    " line 2, column component: BALM → BASE: there is no item BASE: add it to items.csv",
                    " line 3, column parent: BALM → BASE: there is no item BASE",
                    " line 4, column component: BALM → BASE → GLYCERIN: there is no item GLYCERIN",
                    " line 4, column parent: BALM → BASE: there is no item BASE",
                    " line 5, column component: BALM → BASE → OIL → SEED: there is no item SEED",
                ],
            ),
            (
                "parent,component,quantity\nBALM,OIL,1\nOIL,BALM,1\nOIL,NOPE,1\n",
                &[
                    " line 2, column component: an item may not contain itself: BALM → OIL → BALM",
                    " line 4, column component: BALM → OIL → NOPE: there is no item NOPE",
                ],
            ),
            ("parent,component,quantity\nBALM,OIL,\n", &[" line 2, column quantity: a new component needs a quantity"]),
            ("parent,component,quantity\nBALM,OIL,0\n", &[" line 2, column quantity: 0 is out of range"]),
            ("parent,component,quantity\nBALM,OIL,0.0000001\n", &[" line 2, column quantity: 0.0000001 has more than 6 digits"]),
            ("parent,component,quantity\nBALM,OIL,many\n", &[" line 2, column quantity: \"many\" is not a decimal number"]),
            (
                "parent,component,quantity,scrap_percent\nBALM,OIL,1,100\n",
                &[" line 2, column scrap_percent: 100 is not a percentage"],
            ),
            (
                "parent,component,quantity\nBALM,OIL,1\nBALM,OIL,2\n",
                &[" line 3, column parent: line 2 already has the same parent and component"],
            ),
            ("parent,component,quantity\nOIL,OIL,1\n", &[" line 2, column component: an item may not contain itself: OIL → OIL"]),
            (
                "parent,component,quantity\nBALM,GLASS,1\nOIL,BALM,1\nBALM,SERUM,1\n",
                &[" line 3, column component: an item may not contain itself: BALM → SERUM → OIL → BALM"],
            ),
            ("parent,component,quantity,remove\nBALM,NOPE,,yes\n", &[]),
            (
                "parent,component,quantity,instead_of\nBALM,OIL,1,\nGLASS-2,SERUM,1,\n",
                &[" line 3, column component: an item may not contain itself: GLASS-2 → SERUM → GLASS-2"],
            ),
        ],
    );
}

/// Protects planning from components that are never used, and from alternates without a main component.
#[test]
fn alternates_and_days_are_checked() {
    let rows: [(&str, &[&str]); 14] = [
        (
            "BALM,OIL,1,2026-12-01,2026-12-01,,",
            &[" line 2, column until: 2026-12-01 is not after 2026-12-01, so the component would"],
        ),
        ("SERUM,GLASS-2,,,2027-01-01,,", &[" line 2, column until: 2027-01-01 is not after 2027-01-01"]),
        ("SERUM,GLASS-2,,-,2027-01-01,,", &[]),
        ("BALM,OIL,1,1.12.2026,,,", &[" line 2, column from: \"1.12.2026\" is not a date: it has the form 2026-11-21"]),
        ("BALM,OIL,1,,,,65536", &[" line 2, column rank: \"65536\" is not a whole number from 0 to 65535"]),
        ("BALM,OIL,1,,,,1", &[" line 2, column rank: only an alternate has a rank"]),
        ("SERUM,GLASS-2,,,,-,", &[" line 2, column rank: only an alternate has a rank"]),
        ("BALM,OIL,1,,,OIL,", &[" line 2, column instead_of: OIL cannot be an alternate for itself"]),
        ("BALM,OIL,1,,,GLASS,", &[" line 2, column instead_of: BALM has no component GLASS for which OIL could be an alternate"]),
        (
            "SERUM,OIL,,,,GLASS-2,",
            &[" line 2, column instead_of: GLASS-2 is an alternate for GLASS itself: make OIL an alternate for GLASS"],
        ),
        (
            "SERUM,GLASS,,,,OIL,",
            &[" line 2, column component: GLASS is an alternate for OIL itself: make GLASS-2 an alternate for OIL too"],
        ),
        ("BALM,OIL,1,,,-x\u{7},", &[" line 2, column instead_of: character 3 is U+0007 (a character without a name)"]),
        ("BALM,GLASS,,,,,\nBALM,OIL,1,,,GLASS,", &[" line 2, column quantity: a new component needs a quantity"]),
        ("BALM,OIL,1,,,NOPE,\nBALM,NOPE,1,,,,", &[" line 3, column component: BALM → NOPE: there is no item NOPE"]),
    ];
    for (rest, expected) in rows {
        check("bills", &[(&format!("parent,component,quantity,from,until,instead_of,rank\n{rest}\n"), expected)]);
    }
    check(
        "bills",
        &[(
            "parent,component,remove\nSERUM,GLASS,yes\n",
            &[" line 2, column component: SERUM has no component GLASS for which GLASS-2 could be an alternate"],
        )],
    );
}

/// Protects against work centres and assemblies with invalid values, and against assemblies of unknown items.
#[test]
fn work_centres_and_assemblies_are_checked() {
    check(
        "work_centres",
        &[
            ("centre,units_per_day\nFILL,\n", &[" line 2, column units_per_day: a new work centre needs a capacity"]),
            ("centre,units_per_day\nMIX,\n", &[]),
            (
                "centre,units_per_day\nFILL,-\n",
                &[" line 2, column units_per_day: the cell is \"-\", which removes a value, and this value cannot be removed"],
            ),
            ("centre,units_per_day\nFILL 1,5\n", &[" line 2, column centre: the work centre \"FILL 1\" is not usable: it needs"]),
            (
                "centre,remove\nMIX,yes\n",
                &[" line 1, column remove: the column seems to remove rows; rows of this sheet cannot be"],
            ),
        ],
    );
    check(
        "assemblies",
        &[
            (
                "parent,lead_days,yield_percent,work_centre,phantom\nBALM,731,0,FILL,-\n",
                &[
                    " line 2, column lead_days: \"731\" is not a whole number from 0 to 730",
                    " line 2, column phantom: the cell is \"-\", which removes a value",
                    " line 2, column work_centre: there is no work centre FILL: add it to work_centres.csv",
                    " line 2, column yield_percent: 0 is not a yield: a yield is above 0 per cent and at most 100",
                ],
            ),
            ("parent,yield_percent\nBALM,100\nOIL,100.1\n", &[" line 3, column yield_percent: 100.1 is not a yield"]),
            ("parent,phantom\nSERUM,yes\n", &[" line 2, column phantom: a phantom has no lead time and no work centre"]),
            ("parent,lead_days,work_centre,phantom\nSERUM,-,-,yes\n", &[]),
            ("parent,lead_days,phantom\nBALM,0,yes\nOIL,1,yes\n", &[" line 3, column phantom: a phantom has no lead time"]),
            ("parent,lead_days\nNOPE,1\n", &[" line 2, column parent: there is no item NOPE: add it to items.csv"]),
            ("parent,remove\nNOPE,yes\n", &[]),
            ("parent,lead_days\nBALM,1\nBALM,2\n", &[" line 3, column parent: line 2 already has the same parent"]),
        ],
    );
    let found = problems_of(
        &imported(SMALL),
        &[("bills", "parent,component,quantity\nSERUM,BASE,1\n"), ("assemblies", "parent,lead_days\nBASE,1\n")],
    );
    let expected = [
        "assemblies.csv line 2, column parent: SERUM → BASE: there is no item BASE: add it to items.csv",
        "bills.csv line 2, column component: SERUM → BASE: there is no item BASE: add it to items.csv",
    ];
    assert_eq!(found, expected);
}

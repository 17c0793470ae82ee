//! The forms in which spreadsheets and people write the same sheet: each is read as the plain form.

use crate::sheets::tests::{Files, SMALL, imported, plan};
use crate::sheets::{ImportPlan, StoredCatalog};

fn planned(stored: &StoredCatalog, files: Files) -> ImportPlan {
    plan(stored, files).unwrap_or_else(|problems| panic!("{files:?}: {:#?}", problems.shown()))
}

/// Protects planners from having to know how their spreadsheet writes a file: separators, the case of names, outer spaces, empty
/// columns and words for yes and no do not change what a sheet means.
#[test]
fn a_sheet_in_another_form_means_the_same() {
    let stored = imported(SMALL);
    for (sheet, plain, others) in [
        (
            "items",
            "sku,units,by_lot,buffer,policy\nNEW,case=12;pallet=480,yes,7,first_come\nSERUM,,no,,\n",
            &[
                "sku;units;by_lot;buffer;policy\nNEW;\"case=12;pallet=480\";yes;7;first_come\nSERUM;;no;;\n",
                "sku\tunits\tby_lot\tbuffer\tpolicy\nNEW\tcase=12;pallet=480\tyes\t7\tfirst_come\nSERUM\t\tno\t\t\n",
                "sku,units,by_lot,buffer,policy\nNEW,\"case=12,pallet=480\",yes,7,first_come\nSERUM,,no,,\n",
                "sku,units,by_lot,buffer,policy\nNEW, case = 12 ; pallet = 480 ,yes,007,first_come\nSERUM,,no,,\n",
                "SKU,Units,By Lot,BUFFER,Policy\r\nNEW,case=12;pallet=480,Yes,7,First_Come\r\nSERUM,,No,,\r\n",
                "\u{feff} sku ,units,by-lot, buffer,policy\n NEW,case=12;pallet=480 ,TRUE, 7 ,first_come\n  \nSERUM,,False,,\n",
                "sku,units,by_lot,buffer,policy,,\nNEW,case=12;pallet=480,1,7,first_come,,\n,,,,,,\nSERUM,,0,,,,\n",
                "sku,units,by_lot,buffer,policy\nNEW,case=12;pallet=480,yes,7,first_come,,\nSERUM,,no,,, ,\n",
                "sku,units,,by_lot,buffer,policy\nNEW,case=12;pallet=480,,yes,7,first_come\nSERUM,,,no,,\n",
                "sku;units;by_lot;buffer;policy;\nNEW;\"case=12,pallet=480\";true;7;FIRST_COME;\nSERUM;;FALSE;;;\n",
            ][..],
        ),
        (
            "locations",
            "code,kind,active\nS-2,store,no\n",
            &["Code;Kind;Active\nS-2;Store;NO\n", "code,kind,active\nS-2, STORE ,0\n"],
        ),
        (
            "listings",
            "shop,shop_sku,remove\na.myshopify.com,BALM,yes\n",
            &["Shop,Shop SKU,Remove\na.myshopify.com,BALM,TRUE\n", "shop;shop_sku;remove\na.myshopify.com; BALM ;1\n"],
        ),
    ] {
        let expected = planned(&stored, &[(sheet, plain)]);
        assert!(!expected.changes.is_empty(), "{plain:?}");
        for other in others {
            let found = planned(&stored, &[(sheet, other)]);
            let without_line =
                |plan: &ImportPlan| plan.changes.iter().map(|c| (c.key.clone(), c.kind.clone())).collect::<Vec<_>>();
            assert_eq!(without_line(&found), without_line(&expected), "{other:?}");
            assert_eq!(found.batches(), expected.batches(), "{other:?}");
            assert!(found.warnings.is_empty(), "{other:?}: {:#?}", found.warnings);
        }
    }
}

/// Protects a sheet with columns of the planner's own, and shows a mistyped column: its cells are not imported, and a warning says
/// so.
#[test]
fn an_unknown_column_is_a_warning() {
    let stored = imported(SMALL);
    for (header, expected) in [
        (
            "sku,bufer",
            "items.csv line 1, column bufer: the sheet has no such column, so its cells are not imported: did you mean buffer? The",
        ),
        (
            "sku,Shows Dates",
            "items.csv line 1, column Shows Dates: the sheet has no such column, so its cells are not imported: did you mean shows_date?",
        ),
        (
            "sku,colour",
            "items.csv line 1, column colour: the sheet has no such column, so its cells are not imported: The columns are sku, unit, units,",
        ),
        ("sku,\"note\n(\u{200b}ours)\"", "items.csv line 1, column note\\n(\\u{200b}ours): the sheet has no such column"),
    ] {
        let found = planned(&stored, &[("items", &format!("{header}\nSERUM,\u{200b}9\n"))]);
        let warnings: Vec<String> = found.warnings.shown().iter().map(ToString::to_string).collect();
        assert_eq!((found.rows(), warnings.len()), (0, 1), "{header}: {warnings:#?}");
        assert!(warnings[0].starts_with(expected), "{warnings:#?}");
    }
}

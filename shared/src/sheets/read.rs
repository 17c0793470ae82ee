//! Parsing of sheets into typed rows. Each row may occur once.

use std::collections::BTreeMap;

use crate::catalog::{LocationId, ShopDomain, Sku, SystemId, TierId, WorkCentreId};
use crate::sheets::assemblies::{AssemblyRow, CentreRow};
use crate::sheets::bills::ComponentRow;
use crate::sheets::cell::Cells;
use crate::sheets::items::{ItemRow, TierRow};
use crate::sheets::lines::{Line, lines};
use crate::sheets::listings::ListingRow;
use crate::sheets::locations::{CodeOwner, CodeRow, LocationRow};
use crate::sheets::problem::SheetProblems;
use crate::sheets::sheet::Sheet;
use crate::sheets::system_items::SystemItemRow;
use crate::sheets::{assemblies, bills, items, listings, locations, system_items};

/// A parsed row with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lined<T> {
    pub(super) line: u64,
    /// Whether the line removes the row; its other cells are ignored then.
    pub(super) remove: bool,
    pub(super) row: T,
}

/// The parsed sheets, with the problems that show without the stored catalog.
#[derive(Debug, Clone, Default)]
pub struct Sheets {
    pub(super) tiers: BTreeMap<TierId, Lined<TierRow>>,
    pub(super) items: BTreeMap<Sku, Lined<ItemRow>>,
    pub(super) centres: BTreeMap<WorkCentreId, Lined<CentreRow>>,
    pub(super) locations: BTreeMap<LocationId, Lined<LocationRow>>,
    pub(super) codes: BTreeMap<(LocationId, CodeOwner), Lined<CodeRow>>,
    pub(super) listings: BTreeMap<(ShopDomain, String), Lined<ListingRow>>,
    pub(super) system_items: BTreeMap<(SystemId, String), Lined<SystemItemRow>>,
    pub(super) assemblies: BTreeMap<Sku, Lined<AssemblyRow>>,
    pub(super) bills: BTreeMap<(Sku, Sku), Lined<ComponentRow>>,
    pub(super) problems: SheetProblems,
}

impl Sheets {
    /// Parses files. Their problems are kept, and [`super::ImportPlan::of`] returns them with those that the stored rows show.
    #[must_use]
    pub fn read(files: &BTreeMap<Sheet, Vec<u8>>) -> Self {
        let mut sheets = Self::default();
        for (sheet, bytes) in files {
            let lines = lines(*sheet, bytes, &mut sheets.problems);
            let problems = &mut sheets.problems;
            match sheet {
                Sheet::Tiers => sheets.tiers = rows(*sheet, lines, problems, items::read_tier),
                Sheet::Items => sheets.items = rows(*sheet, lines, problems, items::read),
                Sheet::WorkCentres => sheets.centres = rows(*sheet, lines, problems, assemblies::read_centre),
                Sheet::Locations => sheets.locations = rows(*sheet, lines, problems, locations::read),
                Sheet::LocationCodes => sheets.codes = rows(*sheet, lines, problems, locations::read_code),
                Sheet::Listings => sheets.listings = rows(*sheet, lines, problems, listings::read),
                Sheet::SystemItems => sheets.system_items = rows(*sheet, lines, problems, system_items::read),
                Sheet::Assemblies => sheets.assemblies = rows(*sheet, lines, problems, assemblies::read),
                Sheet::Bills => sheets.bills = rows(*sheet, lines, problems, bills::read),
            }
        }
        sheets
    }
}

/// Parses lines into rows, and reports keys that occur twice.
fn rows<K: Ord, R>(
    sheet: Sheet,
    lines: Vec<Line>,
    problems: &mut SheetProblems,
    read: fn(&mut Cells<'_>) -> Option<(K, R)>,
) -> BTreeMap<K, Lined<R>> {
    let mut rows: BTreeMap<K, Lined<R>> = BTreeMap::new();
    for line in &lines {
        let mut cells = Cells { sheet, line, problems };
        let Some((key, row)) = read(&mut cells) else { continue };
        let remove = cells.removes();
        if let Some(first) = rows.get(&key) {
            let columns = sheet.columns()[..sheet.key_columns()].join(" and ");
            let detail = format!("line {} already has the same {columns}: keep one of the two lines", first.line);
            problems.add(sheet, line.number, sheet.columns()[0], detail);
        } else {
            rows.insert(key, Lined { line: line.number, remove, row });
        }
    }
    rows
}

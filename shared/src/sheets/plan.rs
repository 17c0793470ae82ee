//! The difference between the stored catalog and the sheets: cell by cell for people, and as writes for the table.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::sheets::export::{SheetRow, View};
use crate::sheets::number::explicit;
use crate::sheets::problem::{ProblemList, SheetProblems};
use crate::sheets::read::Sheets;
use crate::sheets::sheet::Sheet;
use crate::sheets::stored::StoredCatalog;
use crate::sheets::writes::{batches, groups};
use crate::sheets::{assemblies, bills, items, listings, locations, look_alike, owners, structure, system_items};
use crate::table::{MAX_WRITES, RowKey, Write};

/// The changes that an import makes.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportPlan {
    /// The lines that change something, by sheet and line.
    pub changes: Vec<RowChange>,
    /// The number of lines of each sheet by their effect.
    pub tally: BTreeMap<Sheet, ImportTally>,
    /// What is legal, and often a mistake.
    pub warnings: ProblemList,
    /// Groups of rows that must be written in one transaction. Each group is small enough for one.
    groups: Vec<Vec<Write>>,
}

/// The change that one line makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowChange {
    /// The sheet.
    pub sheet: Sheet,
    /// The line.
    pub line: u64,
    /// The key of the row: the first cells of the line.
    pub key: Vec<String>,
    /// The kind of change.
    #[serde(flatten)]
    pub kind: RowChangeKind,
}

/// The kind of change that a line makes to its row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum RowChangeKind {
    /// The row is new.
    Added {
        /// Its cells that are not empty, without the key.
        cells: Vec<CellChange>,
    },
    /// The row had other values.
    Changed {
        /// The cells that differ.
        cells: Vec<CellChange>,
    },
    /// The row is removed.
    Removed,
    /// The row had the same values, but was incomplete: the table had the mapping of a listing without its item, or the item
    /// without the mapping.
    Completed,
}

/// A cell before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CellChange {
    /// Its column.
    pub column: &'static str,
    /// The old value; empty if there was none.
    pub old: String,
    /// The new value; empty if the value is removed.
    pub new: String,
}

/// The number of lines of a sheet by their effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ImportTally {
    /// Rows that are new.
    pub added: usize,
    /// Rows that change, completed ones included.
    pub changed: usize,
    /// Rows that are removed.
    pub removed: usize,
    /// Lines that change nothing.
    pub unchanged: usize,
}

impl ImportPlan {
    /// The changes that `sheets` make to the `stored` catalog. New versions of bills come into force at `now`.
    ///
    /// # Errors
    /// All problems of the sheets, both in themselves and together with the stored catalog. Then nothing may be written.
    pub fn of(stored: &StoredCatalog, sheets: &Sheets, now: Timestamp) -> Result<Self, SheetProblems> {
        let mut problems = sheets.problems.clone();
        let before = View::of(stored.catalog());
        sheets.settle_ambiguous(&before, &mut problems);
        let mut after = stored.catalog().clone();
        items::apply_tiers(&sheets.tiers, &mut after, &mut problems);
        items::apply(&sheets.items, &mut after, &mut problems);
        assemblies::apply_centres(&sheets.centres, &mut after, &mut problems);
        locations::apply(&sheets.locations, &mut after, &mut problems);
        locations::apply_codes(&sheets.codes, &mut after, &mut problems);
        listings::apply(&sheets.listings, &before.listings, &mut after, &mut problems);
        system_items::apply(&sheets.system_items, &mut after, &mut problems);
        assemblies::apply(&sheets.assemblies, &mut after, &mut problems);
        bills::apply(&sheets.bills, &mut after, &mut problems);
        structure::finish(sheets, now, stored.catalog(), &mut after, &mut problems);
        let groups = groups(stored, &after);
        if let Some(group) = groups.iter().find(|group| group.len() > MAX_WRITES) {
            let (rows, first) = (group.len(), group.first().map_or_else(String::new, |write| RowKey::in_words(write.key())));
            let detail = format!(
                "{rows} rows must be written in one transaction, {first} among them, and one takes at most {MAX_WRITES}: import \
                 this in parts"
            );
            problems.add(Sheet::Listings, None, "", detail);
        }
        let after = View::of(&after);
        look_alike::warn(sheets, &before, &after, &mut problems);
        owners::warn(sheets, stored, &after, &mut problems);
        problems.sort();
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut plan = Self { changes: Vec::new(), tally: BTreeMap::new(), warnings: problems.into_warnings(), groups };
        for (line, key) in sheets.keys() {
            plan.compare(line, &key, &before, &after);
        }
        plan.changes.sort_by_key(|change| (change.sheet, change.line));
        Ok(plan)
    }

    fn compare(&mut self, line: u64, key: &SheetRow, before: &View<'_>, after: &View<'_>) {
        let sheet = key.sheet();
        let tally = self.tally.entry(sheet).or_default();
        let columns = || sheet.columns().iter().copied().enumerate().skip(sheet.key_columns());
        let (named, kind) = match (key.cells(before), key.cells(after)) {
            (None, None) => (Vec::new(), None),
            (Some(old), None) => (old, Some(RowChangeKind::Removed)),
            (None, Some(new)) => {
                let cells = columns().filter(|(at, _)| !new[*at].is_empty());
                let cells = cells.map(|(at, column)| CellChange { column, old: String::new(), new: new[at].clone() }).collect();
                (new, Some(RowChangeKind::Added { cells }))
            }
            (Some(old), Some(new)) if old == new => {
                let kind = (key.is_whole(after) && !key.is_whole(before)).then_some(RowChangeKind::Completed);
                (new, kind)
            }
            (Some(old), Some(new)) => {
                let cells = columns().filter(|(at, _)| old[*at] != new[*at]);
                let cells = cells.map(|(at, column)| CellChange { column, old: old[at].clone(), new: new[at].clone() }).collect();
                (new, Some(RowChangeKind::Changed { cells }))
            }
        };
        match &kind {
            None => tally.unchanged += 1,
            Some(RowChangeKind::Added { .. }) => tally.added += 1,
            Some(RowChangeKind::Changed { .. } | RowChangeKind::Completed) => tally.changed += 1,
            Some(RowChangeKind::Removed) => tally.removed += 1,
        }
        let key = named.into_iter().take(sheet.key_columns()).collect();
        self.changes.extend(kind.map(|kind| RowChange { sheet, line, key, kind }));
    }

    /// The number of rows that it writes.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.groups.iter().map(Vec::len).sum()
    }

    /// The writes in batches of one transaction each. No group is split between batches.
    #[must_use]
    pub fn batches(&self) -> Vec<Vec<Write>> {
        batches(&self.groups)
    }
}

impl Sheets {
    /// Decides about the numbers that can be read in two ways: one that the stored row has already is no problem.
    fn settle_ambiguous(&self, before: &View<'_>, problems: &mut SheetProblems) {
        if !problems.has_ambiguous() {
            return;
        }
        let rows: BTreeMap<(Sheet, u64), SheetRow> = self.keys().map(|(line, row)| ((row.sheet(), line), row)).collect();
        problems.settle_ambiguous(|number| {
            let cells = rows.get(&(number.sheet, number.line)).and_then(|row| row.cells(before));
            let at = number.sheet.columns().iter().position(|column| *column == number.column);
            cells.zip(at).is_some_and(|(cells, at)| cells[at] == explicit(&number.text))
        });
    }

    /// The key of every row that the sheets name, with its line.
    pub(super) fn keys(&self) -> impl Iterator<Item = (u64, SheetRow)> {
        let tiers = self.tiers.iter().map(|(id, lined)| (lined.line, SheetRow::Tier(id.clone())));
        let items = self.items.iter().map(|(sku, lined)| (lined.line, SheetRow::Item(sku.clone())));
        let centres = self.centres.iter().map(|(code, lined)| (lined.line, SheetRow::Centre(code.clone())));
        let locations = self.locations.iter().map(|(code, lined)| (lined.line, SheetRow::Location(code.clone())));
        let codes = self.codes.iter().map(|((of, owner), lined)| (lined.line, SheetRow::Code(of.clone(), owner.clone())));
        let listings = self.listings.iter().map(|(key, lined)| (lined.line, SheetRow::Listing(key.clone())));
        let system_items = self.system_items.iter().map(|(key, lined)| (lined.line, SheetRow::SystemItem(key.clone())));
        let assemblies = self.assemblies.iter().map(|(of, lined)| (lined.line, SheetRow::Assembly(of.clone())));
        let bills = self.bills.iter().map(|((of, what), lined)| (lined.line, SheetRow::Component(of.clone(), what.clone())));
        let parts = tiers.chain(items).chain(centres).chain(locations).chain(codes);
        parts.chain(listings).chain(system_items).chain(assemblies).chain(bills)
    }
}

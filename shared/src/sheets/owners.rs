//! Warnings about shops and systems that nothing else names.
//!
//! A code under a mistyped name is never used: the real system's events do not find it. An import warns once of each such name,
//! when it adds the first code under it. A new shop or system may be meant, so this is no problem.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{ShopDomain, nearest};
use crate::sheets::export::{SheetRow, View};
use crate::sheets::locations::CodeOwner;
use crate::sheets::problem::SheetProblems;
use crate::sheets::read::Sheets;
use crate::sheets::sheet::Sheet;
use crate::sheets::stored::StoredCatalog;

/// What the domain of every shop ends with. It says nothing about how near two shops are.
const ENDING: &str = ".myshopify.com";

/// The lines that name a shop or system: how many, and the first with its sheet and column.
struct Named {
    lines: usize,
    first: (Sheet, u64, &'static str),
}

/// Warns of shops and systems that are not known, as far as another name is: a stored one, or one that more lines have.
pub(super) fn warn(sheets: &Sheets, stored: &StoredCatalog, after: &View<'_>, problems: &mut SheetProblems) {
    let catalog = stored.catalog();
    let of_listings = catalog.mappings.keys().map(|(shop, _)| shop);
    let shops = catalog.locations.values().flat_map(|location| location.shops.keys()).chain(of_listings);
    let short = |shop: &ShopDomain| shop.as_str().trim_end_matches(ENDING).to_owned();
    let shops: BTreeSet<String> = shops.map(short).collect();
    let systems: BTreeSet<String> = stored.systems().into_iter().map(ToString::to_string).collect();
    let (mut named_shops, mut named_systems) = (BTreeMap::new(), BTreeMap::new());
    for (line, row) in sheets.keys().filter(|(_, row)| row.cells(after).is_some()) {
        let (named, name, column) = match &row {
            SheetRow::Code(_, CodeOwner::Shop(shop)) => (&mut named_shops, short(shop), "in"),
            SheetRow::Code(_, CodeOwner::System(system)) => (&mut named_systems, system.to_string(), "in"),
            SheetRow::Listing((shop, _)) => (&mut named_shops, short(shop), "shop"),
            SheetRow::SystemItem((system, _)) => (&mut named_systems, system.to_string(), "system"),
            SheetRow::Tier(_)
            | SheetRow::Item(_)
            | SheetRow::Centre(_)
            | SheetRow::Location(_)
            | SheetRow::Assembly(_)
            | SheetRow::Component(..) => continue,
        };
        let place = (row.sheet(), line, column);
        let named = named.entry(name).or_insert(Named { lines: 0, first: place });
        named.lines += 1;
        named.first = named.first.min(place);
    }
    let shop = Kind { name: "shop", ending: ENDING, nothing: "no listing and no location code", known: &shops };
    let system = Kind { name: "system", ending: "", nothing: "no connector, no event and no code", known: &systems };
    shop.warn(&named_shops, problems);
    system.warn(&named_systems, problems);
}

/// Shops or systems.
struct Kind<'a> {
    name: &'static str,
    /// What is left out of each of their names here.
    ending: &'static str,
    /// What does not name an unknown one.
    nothing: &'static str,
    known: &'a BTreeSet<String>,
}

impl Kind<'_> {
    fn warn(&self, named: &BTreeMap<String, Named>, problems: &mut SheetProblems) {
        let Self { name: kind, ending, nothing, known } = *self;
        for (name, Named { lines, first }) in named.iter().filter(|(name, _)| !known.contains(*name)) {
            // Into a new table everything is new. Only the name that fewer lines have can be mistyped.
            let is_before = |other: &Named| (Reverse(other.lines), other.first) < (Reverse(*lines), *first);
            let others = named.iter().filter(|(_, other)| is_before(other)).map(|(other, _)| other);
            let near = nearest(name, known.iter().chain(others).map(String::as_str));
            if known.is_empty() && near.is_none() {
                continue;
            }
            let near = near.map_or_else(String::new, |near| format!(" Did you mean {near}{ending}?"));
            let list = known.iter().map(|known| format!("{known}{ending}")).collect::<Vec<_>>().join(", ");
            let list = if list.is_empty() { list } else { format!(" Known are {list}.") };
            let detail = format!("the {kind} {name}{ending} is not known: {nothing} in the table names it.{near}{list}");
            let (sheet, line, column) = *first;
            problems.warn(sheet, line, column, detail);
        }
    }
}

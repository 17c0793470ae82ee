//! `locations.csv` and `location_codes.csv`.

use std::collections::BTreeMap;
use std::fmt;

use crate::catalog::{Catalog, Location, LocationId, LocationKind, Network, ShopDomain, ShopLocationId, SystemId};
use crate::sheets::cell::{Cell, Cells, code, named, shop_id, show_yes_no, yes_no};
use crate::sheets::problem::SheetProblems;
use crate::sheets::read::Lined;
use crate::sheets::sheet::Sheet;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LocationRow {
    kind: Cell<LocationKind>,
    fulfils_online: Cell<bool>,
    active: Cell<bool>,
    feeds_production: Cell<bool>,
}

/// Who calls a location something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whose {
    /// A shop, by a number.
    Shop(ShopDomain),
    /// Another system, by whatever it likes.
    System(SystemId),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CodeRow {
    /// Of a shop, the bare number.
    code: Cell<String>,
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shop(shop) => shop.fmt(f),
            Self::System(system) => system.fmt(f),
        }
    }
}

const KINDS: [(LocationKind, &str); 5] = [
    (LocationKind::Factory, "factory"),
    (LocationKind::Warehouse, "warehouse"),
    (LocationKind::ThirdParty, "third_party"),
    (LocationKind::Store, "store"),
    (LocationKind::Production, "production"),
];

fn kind(text: &str) -> Result<LocationKind, String> {
    let known = KINDS.iter().find(|(_, name)| *name == text).map(|(kind, _)| *kind);
    known.ok_or_else(|| format!("{text:?} is no kind of location: there are {}", KINDS.map(|(_, name)| name).join(", ")))
}

fn whose(text: &str) -> Result<Whose, String> {
    if text.contains('.') { named(text).map(Whose::Shop) } else { named(text).map(Whose::System) }
}

fn shop_location(text: &str) -> Result<ShopLocationId, String> {
    shop_id(text, ShopLocationId::from_gid, ShopLocationId::new, "Location")
}

pub(super) fn read(cells: &mut Cells<'_>) -> Option<(LocationId, LocationRow)> {
    let row = LocationRow {
        kind: cells.required("kind", kind),
        fulfils_online: cells.required("fulfils_online", yes_no),
        active: cells.required("active", yes_no),
        feeds_production: cells.optional("feeds_production", yes_no),
    };
    Some((cells.key("code", named)?, row))
}

pub(super) fn read_code(cells: &mut Cells<'_>) -> Option<((LocationId, Whose), CodeRow)> {
    let location = cells.key("location", named);
    let whose = cells.key("in", whose)?;
    let code = match &whose {
        Whose::Shop(_) => cells.required("code", |text| shop_location(text).map(|id| id.to_string())),
        Whose::System(_) => cells.required("code", code),
    };
    Some(((location?, whose), CodeRow { code }))
}

pub(super) fn apply(rows: &BTreeMap<LocationId, Lined<LocationRow>>, catalogue: &mut Catalog, problems: &mut SheetProblems) {
    for (code, Lined { line, row, .. }) in rows {
        let mut problem = |column: &str, detail: String| problems.add(Sheet::Locations, *line, column, detail);
        let old = catalogue.locations.get(code);
        let missing = || problem("kind", format!("a new location needs one: {}", KINDS.map(|(_, name)| name).join(", ")));
        // Where none can be read it is there all the same, so that its codes are not said to be of no location.
        let kind = row.kind.or_required(old.map(|location| location.kind), missing).unwrap_or(LocationKind::Warehouse);
        if old.is_none() && catalogue.locations.len() >= Network::MAX_LOCATIONS {
            problem("code", format!("a network has at most {} locations, and this is one more", Network::MAX_LOCATIONS));
            continue;
        }
        let location = catalogue.locations.entry(code.clone()).or_insert_with(|| Location::new(code.clone(), kind));
        location.kind = kind;
        row.fulfils_online.update_or_default(&mut location.fulfils_online);
        row.active.update_or_default(&mut location.active);
        row.feeds_production.update(&mut location.feeds_production);
    }
}

pub(super) fn apply_codes(
    rows: &BTreeMap<(LocationId, Whose), Lined<CodeRow>>,
    catalogue: &mut Catalog,
    problems: &mut SheetProblems,
) {
    for ((of, whose), Lined { line, remove, row }) in rows {
        let Some(location) = catalogue.locations.get_mut(of) else {
            if !remove {
                let detail = format!("there is no location {of}: add it to {}", Sheet::Locations);
                problems.add(Sheet::LocationCodes, *line, "location", detail);
            }
            continue;
        };
        if *remove {
            match whose {
                Whose::Shop(shop) => drop(location.shops.remove(shop)),
                Whose::System(system) => drop(location.systems.remove(system)),
            }
            continue;
        }
        let old = match whose {
            Whose::Shop(shop) => location.shops.get(shop).map(ToString::to_string),
            Whose::System(system) => location.systems.get(system).cloned(),
        };
        let missing = || problems.add(Sheet::LocationCodes, *line, "code", format!("say what {whose} calls {of}"));
        let Some(code) = row.code.or_required(old, missing) else { continue };
        match whose {
            Whose::Shop(shop) => {
                let id = shop_location(&code).expect("the code of a shop was read as its id, or stored as one");
                location.shops.insert(shop.clone(), id);
            }
            Whose::System(system) => drop(location.systems.insert(system.clone(), code)),
        }
    }
    codes_are_used_once(rows, catalogue, problems);
}

/// Notes the lines that call two locations the same in one shop or system.
fn codes_are_used_once(rows: &BTreeMap<(LocationId, Whose), Lined<CodeRow>>, catalogue: &Catalog, problems: &mut SheetProblems) {
    let mut used: BTreeMap<(Whose, String), Vec<&LocationId>> = BTreeMap::new();
    for location in catalogue.locations.values() {
        for (whose, code) in codes(location) {
            used.entry((whose, code)).or_default().push(&location.code);
        }
    }
    for ((whose, code), locations) in used.into_iter().filter(|(_, locations)| locations.len() > 1) {
        for of in &locations {
            let Some(Lined { line, .. }) = rows.get(&((*of).clone(), whose.clone())) else { continue };
            let others: Vec<&str> = locations.iter().filter(|other| *other != of).map(|other| other.as_str()).collect();
            let detail = format!("{whose} calls {} {code:?} already: a code leads to one location", others.join(", "));
            problems.add(Sheet::LocationCodes, *line, "code", detail);
        }
    }
}

/// What shops and systems call a location.
pub(super) fn codes(location: &Location) -> impl Iterator<Item = (Whose, String)> {
    let shops = location.shops.iter().map(|(shop, id)| (Whose::Shop(shop.clone()), id.to_string()));
    shops.chain(location.systems.iter().map(|(system, code)| (Whose::System(system.clone()), code.clone())))
}

pub(super) fn cells(catalogue: &Catalog, code: &LocationId) -> Option<Vec<String>> {
    let location = catalogue.locations.get(code)?;
    let kind = KINDS.iter().find(|(kind, _)| *kind == location.kind).map_or("", |(_, name)| name);
    let (online, active) = (show_yes_no(location.fulfils_online), show_yes_no(location.active));
    let feeds = location.feeds_production.map_or_else(String::new, show_yes_no);
    Some(vec![location.code.to_string(), kind.to_owned(), online, active, feeds])
}

pub(super) fn code_cells(catalogue: &Catalog, of: &LocationId, whose: &Whose) -> Option<Vec<String>> {
    let (_, code) = codes(catalogue.locations.get(of)?).find(|(found, _)| found == whose)?;
    Some(vec![of.to_string(), whose.to_string(), code])
}

//! `locations.csv` and `location_codes.csv`: locations, and their codes in shops and other systems.

use std::collections::BTreeMap;
use std::fmt;

use crate::catalog::{
    Catalog, Location, LocationId, LocationKind, Network, ShopDomain, ShopLocationId, SystemId, TimeZone, TimeZoneError,
};
use crate::sheets::cell::{Cell, Cells, code, named, shop_id};
use crate::sheets::number::{show_yes_no, yes_no};
use crate::sheets::problem::SheetProblems;
use crate::sheets::read::Lined;
use crate::sheets::sheet::Sheet;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LocationRow {
    kind: Cell<LocationKind>,
    fulfils_online: Cell<bool>,
    active: Cell<bool>,
    feeds_production: Cell<bool>,
    time_zone: Cell<TimeZone>,
}

/// The shop or system that a code of a location belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CodeOwner {
    /// A shop, whose code is the number of its location.
    Shop(ShopDomain),
    /// Another system, whose code is any text.
    System(SystemId),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CodeRow {
    /// For a shop, the number of its location.
    code: Cell<String>,
}

impl fmt::Display for CodeOwner {
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
    let known = KINDS.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|(kind, _)| *kind);
    known.ok_or_else(|| format!("{text:?} is not a kind of location: the kinds are {}", KINDS.map(|(_, name)| name).join(", ")))
}

fn time_zone(text: &str) -> Result<TimeZone, String> {
    text.parse().map_err(|error: TimeZoneError| error.to_string())
}

fn owner(text: &str) -> Result<CodeOwner, String> {
    if text.contains('.') { named(text).map(CodeOwner::Shop) } else { named(text).map(CodeOwner::System) }
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
        time_zone: cells.optional("time_zone", time_zone),
    };
    Some((cells.key("code", named)?, row))
}

pub(super) fn read_code(cells: &mut Cells<'_>) -> Option<((LocationId, CodeOwner), CodeRow)> {
    let location = cells.key("location", named);
    let owner = cells.key("in", owner)?;
    let code = match &owner {
        CodeOwner::Shop(_) => cells.required("code", |text| shop_location(text).map(|id| id.to_string())),
        CodeOwner::System(_) => cells.required("code", code),
    };
    Some(((location?, owner), CodeRow { code }))
}

pub(super) fn apply(rows: &BTreeMap<LocationId, Lined<LocationRow>>, catalog: &mut Catalog, problems: &mut SheetProblems) {
    for (code, Lined { line, row, .. }) in rows {
        let mut problem = |column: &str, detail: String| problems.add(Sheet::Locations, *line, column, detail);
        let old = catalog.locations.get(code);
        let missing = || problem("kind", format!("a new location needs a kind: {}", KINDS.map(|(_, name)| name).join(", ")));
        // A location with an invalid kind is added too, so that its codes are not reported for an unknown location.
        let kind = row.kind.or_required(old.map(|location| location.kind), missing).unwrap_or(LocationKind::Warehouse);
        if old.is_none() && catalog.locations.len() >= Network::MAX_LOCATIONS {
            problem("code", format!("a network has at most {} locations: remove this line", Network::MAX_LOCATIONS));
            continue;
        }
        let location = catalog.locations.entry(code.clone()).or_insert_with(|| Location::new(code.clone(), kind));
        location.kind = kind;
        row.fulfils_online.update_or_default(&mut location.fulfils_online);
        row.active.update_or_default(&mut location.active);
        row.feeds_production.update(&mut location.feeds_production);
        row.time_zone.update(&mut location.time_zone);
    }
}

pub(super) fn apply_codes(
    rows: &BTreeMap<(LocationId, CodeOwner), Lined<CodeRow>>,
    catalog: &mut Catalog,
    problems: &mut SheetProblems,
) {
    for ((of, owner), Lined { line, remove, row }) in rows {
        let Some(location) = catalog.locations.get_mut(of) else {
            if !remove {
                let detail = format!("there is no location {of}: add it to {}", Sheet::Locations);
                problems.add(Sheet::LocationCodes, *line, "location", detail);
            }
            continue;
        };
        if *remove {
            match owner {
                CodeOwner::Shop(shop) => drop(location.shops.remove(shop)),
                CodeOwner::System(system) => drop(location.systems.remove(system)),
            }
            continue;
        }
        let old = match owner {
            CodeOwner::Shop(shop) => location.shops.get(shop).map(ToString::to_string),
            CodeOwner::System(system) => location.systems.get(system).cloned(),
        };
        let missing = || {
            problems.add(Sheet::LocationCodes, *line, "code", format!("a new code of {of} in {owner} needs a value: enter it"))
        };
        let Some(code) = row.code.or_required(old, missing) else { continue };
        match owner {
            CodeOwner::Shop(shop) => {
                let id = shop_location(&code).expect("a shop's code was parsed as an id, or comes from a stored id");
                location.shops.insert(shop.clone(), id);
            }
            CodeOwner::System(system) => drop(location.systems.insert(system.clone(), code)),
        }
    }
    codes_are_used_once(rows, catalog, problems);
}

/// Reports the lines that give two locations the same code in one shop or system.
fn codes_are_used_once(
    rows: &BTreeMap<(LocationId, CodeOwner), Lined<CodeRow>>,
    catalog: &Catalog,
    problems: &mut SheetProblems,
) {
    let mut used: BTreeMap<(CodeOwner, String), Vec<&LocationId>> = BTreeMap::new();
    for location in catalog.locations.values() {
        for (owner, code) in codes(location) {
            used.entry((owner, code)).or_default().push(&location.code);
        }
    }
    for ((owner, code), locations) in used.into_iter().filter(|(_, locations)| locations.len() > 1) {
        for of in &locations {
            let Some(Lined { line, .. }) = rows.get(&((*of).clone(), owner.clone())) else { continue };
            let others: Vec<&str> = locations.iter().filter(|other| *other != of).map(|other| other.as_str()).collect();
            let detail =
                format!("{code:?} is already the code of {} in {owner}: a code belongs to one location", others.join(", "));
            problems.add(Sheet::LocationCodes, *line, "code", detail);
        }
    }
}

/// The codes of a location in shops and systems.
pub(super) fn codes(location: &Location) -> impl Iterator<Item = (CodeOwner, String)> {
    let shops = location.shops.iter().map(|(shop, id)| (CodeOwner::Shop(shop.clone()), id.to_string()));
    shops.chain(location.systems.iter().map(|(system, code)| (CodeOwner::System(system.clone()), code.clone())))
}

pub(super) fn cells(catalog: &Catalog, code: &LocationId) -> Option<Vec<String>> {
    let location = catalog.locations.get(code)?;
    let kind = KINDS.iter().find(|(kind, _)| *kind == location.kind).map_or("", |(_, name)| name);
    let (online, active) = (show_yes_no(location.fulfils_online), show_yes_no(location.active));
    let feeds = location.feeds_production.map_or_else(String::new, show_yes_no);
    let zone = location.time_zone.as_ref().map_or_else(String::new, ToString::to_string);
    Some(vec![location.code.to_string(), kind.to_owned(), online, active, feeds, zone])
}

pub(super) fn code_cells(catalog: &Catalog, of: &LocationId, owner: &CodeOwner) -> Option<Vec<String>> {
    let (_, code) = codes(catalog.locations.get(of)?).find(|(found, _)| found == owner)?;
    Some(vec![of.to_string(), owner.to_string(), code])
}

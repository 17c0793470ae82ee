//! Export: the stored catalog as the cells of sheets.

use std::collections::BTreeMap;

use crate::catalog::{Catalog, CatalogListing, LocationId, Sku, SystemId, TierId, WorkCentreId};
use crate::sheets::listings::ListingKey;
use crate::sheets::locations::{CodeOwner, codes};
use crate::sheets::sheet::Sheet;
use crate::sheets::spreadsheet::mark;
use crate::sheets::{assemblies, bills, items, listings, locations, system_items};

/// A catalog with its combined listings.
pub(super) struct View<'a> {
    catalog: &'a Catalog,
    pub(super) listings: BTreeMap<ListingKey, CatalogListing>,
}

impl<'a> View<'a> {
    pub(super) fn of(catalog: &'a Catalog) -> Self {
        Self { catalog, listings: catalog.listings() }
    }
}

/// The key of one row of a sheet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SheetRow {
    Tier(TierId),
    Item(Sku),
    Centre(WorkCentreId),
    Location(LocationId),
    Code(LocationId, CodeOwner),
    Listing(ListingKey),
    SystemItem((SystemId, String)),
    Assembly(Sku),
    Component(Sku, Sku),
}

impl SheetRow {
    pub(super) fn sheet(&self) -> Sheet {
        match self {
            Self::Tier(_) => Sheet::Tiers,
            Self::Item(_) => Sheet::Items,
            Self::Centre(_) => Sheet::WorkCentres,
            Self::Location(_) => Sheet::Locations,
            Self::Code(..) => Sheet::LocationCodes,
            Self::Listing(_) => Sheet::Listings,
            Self::SystemItem(_) => Sheet::SystemItems,
            Self::Assembly(_) => Sheet::Assemblies,
            Self::Component(..) => Sheet::Bills,
        }
    }

    /// The row as cells, in the order of the sheet's columns; `None` if there is no such row.
    pub(super) fn cells(&self, view: &View<'_>) -> Option<Vec<String>> {
        let catalog = view.catalog;
        match self {
            Self::Tier(id) => items::tier_cells(catalog, id),
            Self::Item(sku) => items::cells(catalog, sku),
            Self::Centre(code) => assemblies::centre_cells(catalog, code),
            Self::Location(code) => locations::cells(catalog, code),
            Self::Code(of, owner) => locations::code_cells(catalog, of, owner),
            Self::Listing(key) => listings::cells(&view.listings, key),
            Self::SystemItem(key) => system_items::cells(catalog, key),
            Self::Assembly(parent) => assemblies::cells(catalog, parent),
            Self::Component(parent, component) => bills::cells(catalog, parent, component),
        }
    }

    /// Whether all parts of the row are stored: a listing is stored in its mapping and in its item.
    pub(super) fn is_whole(&self, view: &View<'_>) -> bool {
        match self {
            Self::Listing(key) => view.listings.get(key).is_none_or(|listing| listing.whole),
            Self::Tier(_)
            | Self::Item(_)
            | Self::Centre(_)
            | Self::Location(_)
            | Self::Code(..)
            | Self::SystemItem(_)
            | Self::Assembly(_)
            | Self::Component(..) => true,
        }
    }

    /// Every row of a sheet, in order.
    pub(super) fn all(sheet: Sheet, view: &View<'_>) -> Vec<Self> {
        let catalog = view.catalog;
        match sheet {
            Sheet::Tiers => catalog.tiers.keys().cloned().map(Self::Tier).collect(),
            Sheet::Items => catalog.items.keys().cloned().map(Self::Item).collect(),
            Sheet::WorkCentres => catalog.centres.keys().cloned().map(Self::Centre).collect(),
            Sheet::Locations => catalog.locations.keys().cloned().map(Self::Location).collect(),
            Sheet::LocationCodes => catalog
                .locations
                .values()
                .flat_map(|location| codes(location).map(|(owner, _)| Self::Code(location.code.clone(), owner)))
                .collect(),
            Sheet::Listings => view.listings.keys().cloned().map(Self::Listing).collect(),
            Sheet::SystemItems => catalog.system_items.keys().cloned().map(Self::SystemItem).collect(),
            Sheet::Assemblies => catalog.bills.keys().cloned().map(Self::Assembly).collect(),
            Sheet::Bills => catalog
                .bills
                .values()
                .flat_map(|bill| bill.components.keys().map(|component| Self::Component(bill.parent.clone(), component.clone())))
                .collect(),
        }
    }
}

/// Every sheet of a catalog as a CSV file: a header, and a line for each row. Importing these files changes nothing, and no
/// spreadsheet evaluates a cell of them.
#[must_use]
pub fn export(catalog: &Catalog) -> BTreeMap<Sheet, Vec<u8>> {
    let view = View::of(catalog);
    let sheet = |sheet: Sheet| {
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        let rows = SheetRow::all(sheet, &view).into_iter().filter_map(|key| key.cells(&view));
        writer.write_record(sheet.columns()).expect("writing to memory does not fail");
        for row in rows {
            writer
                .write_record(row.iter().map(|cell| mark(cell)))
                .expect("writing to memory does not fail, and rows have as many cells as the header");
        }
        (sheet, writer.into_inner().expect("flushing to memory does not fail"))
    };
    Sheet::ALL.into_iter().map(sheet).collect()
}

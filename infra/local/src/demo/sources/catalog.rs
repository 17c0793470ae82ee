//! Writes the catalog of the morning into the table and into the fake shop, with the mappings, the connector and the secrets.

use std::io;

use jiff::Timestamp;
use promissory::adapters::dynamodb::DynamoStore;
use promissory::catalog::{
    InventoryItemId, Item as Row, Location, LocationKind, Network, Quantity, ShopDomain, ShopListing, ShopLocationId, SystemId,
    SystemItem, Tier,
};
use promissory::movement::EventId;
use promissory::ports::Store;
use promissory::source::{StockEvent, StockKind, System as SystemRow};
use promissory::table::{Expect, Write};
use promissory_cli::local_stack;
use promissory_fakes::shopify::{NewItem, NewLocation, Server};
use serde_json::{Value, json};

use super::master_data::{CASE, Item, Measure, NEW_CODE, Site, System, TIER_BUFFER};
use crate::seed::{go_live, import_item, import_network, take_stock};

/// The connector of the ERP: the example for NetSuite.
const CONNECTOR: &str = include_str!("../../../../connectors/netsuite.json");

/// The overlap of the ERP's connector. It is longer than the delay of any late document.
const OVERLAP_SECONDS: u64 = 30;

/// The rows of a page of the ERP.
const PAGE: usize = 400;

/// The secret with which a system signs, or which the connector presents to it.
pub fn secret_of(system: System) -> String {
    format!("{system}-of-the-demo")
}

/// The secret of the sources: the secrets with which systems sign, and the secret that the connector presents to the ERP at its
/// host.
pub fn sources_secret(erp_host: &str) -> Value {
    let signing: serde_json::Map<String, Value> =
        System::ALL.into_iter().map(|system| (system.code().to_owned(), secret_of(system).into())).collect();
    let outbound = json!({ "host": erp_host, "secret": secret_of(System::Erp) });
    json!({ "signing": signing, "outbound": { System::Erp.code(): outbound } })
}

fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::other(error)
}

/// The locations with their codes in the shop and in the other systems; the WMS's new code only if `mapped`.
fn locations(shop: &ShopDomain, ids: &[ShopLocationId], mapped: bool) -> io::Result<Vec<Location>> {
    Site::ALL
        .iter()
        .zip(ids)
        .map(|(site, id)| {
            let kind = match site {
                Site::Warehouse => LocationKind::Warehouse,
                Site::ThirdParty => LocationKind::ThirdParty,
                Site::Store => LocationKind::Store,
            };
            let mut location = Location::new(site.code().parse().map_err(other)?, kind);
            location.shops.insert(shop.clone(), *id);
            for system in System::ALL {
                let code = system.site_code(*site);
                if code != site.code() && (mapped || code != NEW_CODE) {
                    location.systems.insert(system.code().parse().map_err(other)?, code.to_owned());
                }
            }
            Ok(location)
        })
        .collect()
}

/// The shop's ids of the locations, and the network.
#[derive(Debug)]
pub struct Imported {
    shop: ShopDomain,
    locations: Vec<ShopLocationId>,
    network: Network,
}

impl Imported {
    /// Maps the code that the WMS uses for the 3PL's building.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn map_the_new_code(&self, store: &DynamoStore) -> io::Result<()> {
        import_network(store, &locations(&self.shop, &self.locations, true)?).await.map(drop).map_err(other)
    }

    /// Commits the opening stock of every item, with a time before the morning.
    ///
    /// # Errors
    /// When the commit fails.
    pub async fn take_opening_stock(&self, store: &DynamoStore) -> io::Result<()> {
        let opened_at = opened_at()?;
        let mut opening = Vec::new();
        for item in Item::all() {
            for site in Site::ALL {
                let (sku, at) = (item.sku().parse().map_err(other)?, site.code().parse().map_err(other)?);
                let id = EventId::new("demo", format!("opening:{sku}@{at}"));
                let units = Quantity::new(item.opening(site));
                opening.push(StockEvent::new(id, StockKind::OpeningStock, (&sku, &at), units, opened_at));
            }
        }
        for group in opening.chunks(20) {
            take_stock(store, &self.network, group.to_vec()).await.map_err(other)?;
        }
        Ok(())
    }
}

/// The time of the opening stock, before the morning. The shop is live from then on.
fn opened_at() -> io::Result<Timestamp> {
    Timestamp::now().saturating_sub(jiff::SignedDuration::from_hours(2)).map_err(other)
}

/// Writes the catalog into the table and the shop. The ERP answers at `erp_url`.
///
/// # Errors
/// When the store or the shop fails.
pub async fn import(store: &DynamoStore, server: &Server, erp_url: &str, began: Timestamp) -> io::Result<Imported> {
    let shop: ShopDomain = server.shop(|shop| shop.config().domain.clone()).parse().map_err(other)?;
    go_live(store, &shop, opened_at()?).await.map_err(other)?;
    let mut ids = Vec::new();
    for site in Site::ALL {
        let new = NewLocation { name: site.code().to_owned(), fulfils_online: site != Site::Store, ..NewLocation::default() };
        let id = server.shop(|shop| shop.add_location(new)).map_err(|refused| other(format!("{refused:?}")))?;
        ids.push(ShopLocationId::new(u64::try_from(id.0).map_err(other)?));
    }
    let network = import_network(store, &locations(&shop, &ids, false)?).await.map_err(other)?;
    let tier = Tier { id: "careful".parse().map_err(other)?, buffer: Quantity::new(TIER_BUFFER) };
    put(store, &[Write::put(&tier, Expect::Absent)]).await?;
    for item in Item::all() {
        let id = server.shop(|shop| list(shop, &item.sku()))?;
        let listed = ShopListing {
            buffer: item.shop_buffer().map(Quantity::new),
            ..ShopListing::new(item.sku(), InventoryItemId::new(id))
        };
        let mut row = Row::new(item.sku().parse().map_err(other)?);
        row.buffer = item.own_buffer().map(Quantity::new);
        row.tier = item.has_tier().then(|| tier.id.clone());
        row.shops.insert(shop.clone(), listed);
        match item.measure() {
            Measure::Pieces => {}
            Measure::Cases => drop(row.units.insert("case".parse().map_err(other)?, CASE.to_string().parse().map_err(other)?)),
            Measure::Grams => row.unit = Some("g".parse().map_err(other)?),
        }
        import_item(store, &row).await.map_err(other)?;
        for system in System::ALL.iter().filter(|system| system.item_code(item) != item.sku()) {
            let system_id: SystemId = system.code().parse().map_err(other)?;
            let code = system.item_code(item);
            let mapping = SystemItem { system: system_id, code, sku: row.sku.clone(), unit: None, units: Default::default() };
            put(store, &[Write::put(&mapping, Expect::Absent)]).await?;
        }
    }
    put(store, &[Write::put(&connector(erp_url, began)?, Expect::Absent)]).await?;
    let on_bus = json!({ "code": System::ThirdParty.code(), "kind": "third_party", "bus_account": local_stack::ACCOUNT });
    let on_bus: SystemRow = serde_json::from_value(on_bus).map_err(other)?;
    put(store, &[Write::put(&on_bus, Expect::Absent)]).await?;
    Ok(Imported { shop, locations: ids, network })
}

async fn put(store: &DynamoStore, writes: &[Write]) -> io::Result<()> {
    store.write(writes).await.map_err(|error| other(format!("{error:?}")))
}

fn list(shop: &mut promissory_fakes::shopify::Shop, sku: &str) -> io::Result<u64> {
    let item = shop.add_item(NewItem::tracked(sku)).map_err(|refused| other(format!("{refused:?}")))?;
    let locations: Vec<_> = shop.locations().map(|location| location.id).collect();
    for location in locations {
        shop.stock(Timestamp::now(), item, location, 0, true).map_err(|refused| other(format!("{refused:?}")))?;
    }
    u64::try_from(item.0).map_err(other)
}

/// The example of a connector to NetSuite with the kinds and units of this ERP, and only its feed of transactions.
fn connector(url: &str, began: Timestamp) -> io::Result<SystemRow> {
    let mut row: Value = serde_json::from_str(CONNECTOR).map_err(other)?;
    row["code"] = System::Erp.code().into();
    let mut feed = row["pull"]["transactions"].take();
    let address = feed["url"].as_str().unwrap_or_default().replace("https://netsuite.example.com", url);
    feed["url"] = address.into();
    feed["auth"]["secret"] = System::Erp.code().into();
    feed["progress"]["overlap_seconds"] = OVERLAP_SECONDS.into();
    feed["paging"]["size"] = PAGE.into();
    feed["progress"]["start"] = began.to_string().into();
    feed["kind"]["by"]["map"] = json!({
        "ItemRcpt": "receipt", "Build": "production_completed", "BuildIssue": "-component_issue",
        "CashSale": "-pos_posting", "SalesOrd": "wholesale_allocation", "InvCount": "balance",
    });
    feed["units"] = json!({ "Ea": "each", "KG": "kg" });
    row["pull"] = json!({ "transactions": feed });
    serde_json::from_value(row).map_err(other)
}

//! Export and import are inverse: any catalog is the same after an export and an import.

use std::collections::BTreeMap;

use jiff::Span;
use jiff::civil::Date;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};

use crate::catalog::{
    AllocationPolicy, BillOfMaterials, Component, Factor, InventoryItemId, Item, ListedVariant, Location, LocationKind,
    PlanningSettings, Quantity, ShopItem, ShopListing, ShopLocationId, Sku, SystemItem, Tier, Unit, VariantId, WhereUsed,
    WorkCentre, WorkCentreId,
};
use crate::sheets::tests::{StoredCatalog, imported, now, plan, store};
use crate::sheets::used_in::derived;
use crate::sheets::{ImportPlan, Sheets, export};
use crate::table::{Expect, Write};

/// Names that need quotes, or that a spreadsheet would interpret as another type.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Z]{1,4}-[0-9]{1,3}",
        "[a-zA-Z,\"';=+@éß☃“＝-]{1,8}",
        Just("=SUM(A1)".to_owned()),
        Just("a \"b\", c".to_owned()),
        Just("007".to_owned()),
        Just("1-Dec".to_owned()),
        Just("4E+1".to_owned()),
    ]
}

fn number() -> impl Strategy<Value = Quantity> {
    (0..=Quantity::MAX_INPUT).prop_map(Quantity::new)
}

fn factors() -> impl Strategy<Value = Vec<(Unit, Factor)>> {
    let unit = prop_oneof!["case", "pallet", "kg", "-box", "ß", "@"].prop_map(|name| name.parse().expect("a unit"));
    let factor = prop_oneof!["[1-9][0-9]{0,4}", "0\\.0[0-9]{0,3}[1-9]", "[1-9][0-9]?\\.[0-9]{2}[1-9]"]
        .prop_map(|text| text.parse().expect("a factor"));
    btree_map(unit, factor, 0..3).prop_map(|factors| factors.into_iter().collect())
}

#[derive(Debug, Clone)]
struct Seed {
    name: String,
    unit: bool,
    factors: Vec<(Unit, Factor)>,
    tier: Option<bool>,
    by_lot: bool,
    buffer: Option<Quantity>,
    low_at: Option<Quantity>,
    shop: Option<(String, Option<u64>, Option<Quantity>)>,
    code: Option<String>,
    component: Option<(u32, Option<u8>)>,
    planning: PlanningSettings,
    made: Made,
    feeds: Option<bool>,
}

/// The assembly of an item, without the quantities of its components.
#[derive(Debug, Clone)]
struct Made {
    header: bool,
    lead_days: u16,
    yields: Option<u8>,
    centre: bool,
    days: (Option<i16>, Option<i16>),
    rank: Option<u16>,
}

/// The day this many days after a fixed date.
fn day(days: i16) -> Date {
    Date::constant(2026, 11, 21).saturating_add(Span::new().days(days))
}

fn planning() -> impl Strategy<Value = PlanningSettings> {
    let numbers = (of(0..=PlanningSettings::MAX_DAYS), of(any::<u32>()), of(any::<i16>()), of(0..=PlanningSettings::MAX_DAYS));
    let policy =
        prop_oneof![Just(AllocationPolicy::FairShare), Just(AllocationPolicy::FirstCome), Just(AllocationPolicy::Priority)];
    (numbers, any::<bool>(), policy, any::<bool>()).prop_map(|(numbers, bulk, policy, shows_date)| {
        let (promise_days, priority, since, supplier_days) = numbers;
        PlanningSettings { promise_days, priority, since: since.map(day), supplier_days, bulk, policy, shows_date }
    })
}

fn made() -> impl Strategy<Value = Made> {
    let header = (any::<bool>(), prop_oneof![Just(0), 0..=BillOfMaterials::MAX_LEAD_DAYS], of(1..=100_u8), any::<bool>());
    (header, (of(-500..500_i16), of(500..1000_i16)), of(any::<u16>()))
        .prop_map(|((header, lead_days, yields, centre), days, rank)| Made { header, lead_days, yields, centre, days, rank })
}

fn seed() -> impl Strategy<Value = Seed> {
    let first = (text(), any::<bool>(), factors(), of(any::<bool>()), any::<bool>());
    let shop = (text(), of(1..u64::MAX), of(number()));
    let rest = (of(number()), of(number()), of(shop), of(text()), of((1..1_000_000_u32, of(0..100_u8))));
    let plan = (planning(), made(), of(any::<bool>()));
    (first, rest, plan).prop_map(|(first, rest, (planning, made, feeds))| {
        let (name, unit, factors, tier, by_lot) = first;
        let (buffer, low_at, shop, code, component) = rest;
        Seed { name, unit, factors, tier, by_lot, buffer, low_at, shop, code, component, planning, made, feeds }
    })
}

fn centre() -> WorkCentreId {
    "MIX-1".parse().expect("a code")
}

impl Made {
    fn header(&self, parent: Sku) -> BillOfMaterials {
        let plain = BillOfMaterials::new(parent);
        if !self.header {
            return plain;
        }
        let (yields, centre) = (self.yields.map(share), self.centre.then(centre));
        let phantom = self.lead_days == 0 && centre.is_none();
        BillOfMaterials { lead_days: self.lead_days, yields, centre, phantom, ..plain }
    }

    fn components(&self, quantity: u32, scrap: Option<u8>, main: &Sku, spare: &Sku) -> BTreeMap<Sku, Component> {
        let (from, until) = (self.days.0.map(day), self.days.1.map(day));
        let plain = Component::new(share(quantity));
        let component = Component { scrap: scrap.map(share), from, until, ..plain.clone() };
        let spare = self.rank.map(|rank| (spare.clone(), Component { rank, instead_of: Some(main.clone()), ..plain }));
        [(main.clone(), component)].into_iter().chain(spare).collect()
    }
}

/// Parses a number as a value of type `T`.
fn share<T: std::str::FromStr<Err: std::fmt::Debug>>(number: impl ToString) -> T {
    number.to_string().parse().expect("a number in its range")
}

/// A stored catalog that is made from rows, without sheets.
fn stored(seeds: &[Seed]) -> StoredCatalog {
    let mut stored = StoredCatalog::default();
    let mut put = |write: Write| stored.apply(&write).expect("readable");
    let shop = "a.myshopify.com".parse().expect("a shop");
    for (id, buffer) in [("A", 3), ("B", 0)] {
        put(Write::put(&Tier { id: id.parse().expect("a tier"), buffer: Quantity::new(buffer) }, Expect::Absent));
    }
    let mut location = Location::new("WH-1".parse().expect("a code"), LocationKind::ThirdParty);
    location.shops.insert(shop, ShopLocationId::new(u64::MAX));
    location.systems.insert("sap".parse().expect("a system"), "a, \"b\"".to_owned());
    location.time_zone = seeds.first().map(|_| "Europe/Berlin".parse().expect("a time zone"));
    location.feeds_production = seeds.first().and_then(|seed| seed.feeds);
    put(Write::put(&location, Expect::Absent));
    put(Write::put(&WorkCentre { code: centre(), per_day: Quantity::new(500) }, Expect::Absent));
    let spare = Item::new("SPARE".parse().expect("a SKU"));
    put(Write::put(&spare, Expect::Absent));
    let (shop, _) = location.shops.first_key_value().expect("just inserted");
    let mut above: Option<Sku> = None;
    for (n, seed) in seeds.iter().enumerate() {
        let n64 = u64::try_from(n).expect("countable") + 1;
        let sku: Sku = format!("{}{n}", seed.name).parse().expect("a SKU");
        let mut item = Item::new(sku.clone());
        item.unit = seed.unit.then(|| "g".parse().expect("a unit"));
        item.units = seed.factors.iter().cloned().collect();
        item.tier = seed.tier.map(|a| if a { "A" } else { "B" }.parse().expect("a tier"));
        (item.by_lot, item.buffer, item.low_at) = (seed.by_lot, seed.buffer, seed.low_at);
        item.planning = seed.planning;
        if let Some((name, variant, buffer)) = &seed.shop {
            let shop_sku = format!(" {name}{n}");
            let variant = variant.map(|variant| VariantId::new(variant.wrapping_add(n64)));
            let listed =
                ShopListing { variant, buffer: *buffer, ..ShopListing::new(shop_sku.clone(), InventoryItemId::new(n64)) };
            item.shops.insert(shop.clone(), listed);
            if let Some(variant) = variant {
                let of = ListedVariant { shop: shop.clone(), variant, shop_sku: shop_sku.clone(), sku: sku.clone() };
                put(Write::put(&of, Expect::Absent));
            }
            let inventory_item = InventoryItemId::new(n64);
            put(Write::put(
                &ShopItem { shop: shop.clone(), shop_sku, sku: sku.clone(), inventory_item, variant },
                Expect::Absent,
            ));
        }
        put(Write::put(&item, Expect::Absent));
        if let Some(code) = &seed.code {
            let (system, code) = ("sap".parse().expect("a system"), format!("{code}{n}"));
            let (unit, units) = (seed.factors.first().map(|(unit, _)| unit.clone()), item.units.clone());
            put(Write::put(&SystemItem { system, code, sku: sku.clone(), unit, units }, Expect::Absent));
        }
        if let Some(parent) = above.filter(|_| n < BillOfMaterials::MAX_DEPTH) {
            let mut bill = seed.made.header(parent);
            if let Some((quantity, scrap)) = seed.component {
                bill.components = seed.made.components(quantity, scrap, &sku, &spare.sku);
            }
            if bill != BillOfMaterials::new(bill.parent.clone()) {
                put(Write::put(&BillOfMaterials { version: 4, ..bill }, Expect::Absent));
            }
        }
        above = Some(sku);
    }
    for (resource, parents) in derived(stored.catalog()) {
        let used = Write::put(&WhereUsed { resource, parents }, Expect::Absent);
        stored.apply(&used).expect("readable");
    }
    stored
}

/// Protects names that a key holds only in part: a catalog with the longest names is exported and imported as it is, and such a
/// row can be removed.
#[test]
fn names_that_a_key_shortens_stay_whole() {
    let code = "é".repeat(255);
    let listings = format!("shop,shop_sku,sku,inventory_item\na.myshopify.com,{code},A,1\n");
    let system_items = format!("system,code,sku\nsap,{code},A\n");
    let mut stored = imported(&[("items", "sku\nA\n"), ("listings", &listings), ("system_items", &system_items)]);
    assert_eq!(stored.catalog().mappings.keys().map(|(_, shop_sku)| shop_sku).collect::<Vec<_>>(), [&code]);
    assert_eq!(stored.catalog().system_items.keys().map(|(_, code)| code).collect::<Vec<_>>(), [&code]);
    let again = ImportPlan::of(&stored, &Sheets::read(&export(stored.catalog())), now()).expect("an export is valid");
    assert_eq!((again.changes.as_slice(), again.rows()), (&[][..], 0));
    let listings = format!("shop,shop_sku,remove\na.myshopify.com,{code},yes\n");
    let system_items = format!("system,code,remove\nsap,{code},yes\n");
    let removal = plan(&stored, &[("listings", &listings), ("system_items", &system_items)]).expect("valid");
    store(&mut stored, &removal);
    assert!(stored.catalog().mappings.is_empty() && stored.catalog().system_items.is_empty(), "both rows are gone");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Protects catalogs in exported sheets: importing them into the same table changes nothing, and importing them into an empty
    /// table gives the same catalog.
    #[test]
    fn an_exported_catalog_imports_unchanged(seeds in vec(seed(), 0..12)) {
        let stored = stored(&seeds);
        let files = export(stored.catalog());
        let sheets = Sheets::read(&files);
        let plan = ImportPlan::of(&stored, &sheets, now()).unwrap_or_else(|problems| panic!("{:#?}", problems.shown()));
        assert_eq!((plan.changes.as_slice(), plan.rows()), (&[][..], 0));

        let mut elsewhere = StoredCatalog::default();
        let plan = ImportPlan::of(&elsewhere, &sheets, now()).unwrap_or_else(|problems| panic!("{:#?}", problems.shown()));
        store(&mut elsewhere, &plan);
        let mut expected = stored.catalog().clone();
        expected.bills.values_mut().for_each(|bill| (bill.version, bill.since) = (1, Some(now())));
        assert_eq!(elsewhere.catalog(), &expected);
        assert_eq!(export(elsewhere.catalog()), files);
    }
}

//! The shop: a deterministic state machine that behaves as one Shopify shop does towards our app.
//!
//! The shop reads no clock, draws no random number and does no I/O. Times and seeds are arguments, so the same calls produce
//! the same shop, over HTTP and in a simulation. Orders are in `lifecycle`, inventory mutations in `inventory`, the GraphQL
//! endpoint in `admin`, and webhooks in `outbox`. After every change `on hand = available + committed`, and the committed units
//! of a level are the sum of the units that order lines have committed there (`assert_sound`).

use super::bucket::Bucket;
use super::draft_order::DraftOrder;
use super::faults::Faults;
use super::idempotency::Keys;
use super::ids::{DraftOrderId, ItemId, LocationId, Made, OrderId, VariantId};
use super::log::{Applied, AppliedKind, Change, Counters};
use super::order::Order;
use super::outbox::Outbox;
use super::search::SearchIndex;
use super::stock::{InventoryState, Item, Level, Location, NewItem, NewLocation};
use jiff::Timestamp;
use jiff::tz::Offset;
use std::collections::{BTreeMap, VecDeque};

/// The configuration of a shop. The defaults are those of a Standard plan.
#[derive(Clone, Debug)]
pub struct ShopConfig {
    /// The shop's domain, as in the header `X-Shopify-Shop-Domain`.
    pub domain: String,
    /// The key that signs webhooks: the app's client secret.
    pub secret: String,
    /// The offset from UTC of the times in webhooks.
    pub offset: Offset,
    /// The maximum number of cost points in the bucket.
    pub bucket_size: u32,
    /// Cost points restored every second.
    pub restore_rate: u32,
    /// Cost points that one query may request.
    pub query_limit: u32,
    /// Seconds for which the shop remembers an idempotency key.
    pub key_seconds: i64,
    /// A seed for the ids of webhooks, so that they differ between shops and between runs.
    pub seed: u64,
}

impl Default for ShopConfig {
    fn default() -> Self {
        ShopConfig {
            domain: "promissory-demo.myshopify.com".to_owned(),
            secret: "shpss_local".to_owned(),
            offset: Offset::constant(-5),
            bucket_size: 2_000,
            restore_rate: 100,
            query_limit: 1_000,
            key_seconds: 24 * 60 * 60,
            seed: 1,
        }
    }
}

/// The reason why the shop refused a change of its setup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SetupRefused {
    /// Another object has this identifier.
    TakenId(i64),
    /// Another item has this SKU.
    TakenSku(String),
    /// The shop has no such item.
    UnknownItem(ItemId),
    /// No item has this SKU, or the item cannot be a component.
    UnknownSku(String),
    /// The shop has no such location.
    UnknownLocation(LocationId),
}

/// One Shopify shop.
#[derive(Debug)]
pub struct Shop {
    pub(super) config: ShopConfig,
    pub(super) items: BTreeMap<ItemId, Item>,
    pub(super) by_sku: BTreeMap<String, ItemId>,
    pub(super) locations: BTreeMap<LocationId, Location>,
    pub(super) levels: BTreeMap<(ItemId, LocationId), Level>,
    /// Metafields by variant, namespace and key, as apps set them.
    pub(super) metafields: BTreeMap<(VariantId, String, String), String>,
    pub(super) orders: BTreeMap<OrderId, Order>,
    pub(super) drafts: BTreeMap<DraftOrderId, DraftOrder>,
    /// The index that a search for orders uses.
    pub(super) search: SearchIndex,
    /// The order of each part, by the part's number. Each kind has its own range of numbers, so no two parts share a number.
    pub(super) owners: BTreeMap<i64, OrderId>,
    pub(super) outbox: Outbox,
    pub(super) log: Vec<Applied>,
    pub(super) counters: Counters,
    pub(super) keys: Keys,
    pub(super) bucket: Bucket,
    pub(super) late: VecDeque<super::admin::Late>,
    /// The number of objects of each kind so far, by the kind's first number.
    pub(super) made: Made,
    /// The faults of the next calls.
    pub faults: Faults,
}

const FIRST_ITEM: i64 = 44_000_000_000_001;
const FIRST_LOCATION: i64 = 70_000_000_001;
const VARIANT_OFFSET: i64 = 1_000_000_000_000;

impl Shop {
    /// Creates an empty shop.
    #[must_use]
    pub fn new(config: ShopConfig) -> Self {
        let bucket = Bucket::new(config.bucket_size, config.restore_rate);
        let outbox = Outbox::new(&config);
        let keys = Keys::new(config.key_seconds);
        Shop {
            config,
            items: BTreeMap::new(),
            by_sku: BTreeMap::new(),
            locations: BTreeMap::new(),
            levels: BTreeMap::new(),
            metafields: BTreeMap::new(),
            orders: BTreeMap::new(),
            drafts: BTreeMap::new(),
            search: SearchIndex::default(),
            owners: BTreeMap::new(),
            outbox,
            log: Vec::new(),
            counters: Counters::default(),
            keys,
            bucket,
            late: VecDeque::new(),
            made: Made::default(),
            faults: Faults::default(),
        }
    }

    /// Adds a location, after the existing ones in the order of allocation.
    ///
    /// # Errors
    /// Another location has this number.
    pub fn add_location(&mut self, new: NewLocation) -> Result<LocationId, SetupRefused> {
        let next = self.locations.last_key_value().map_or(FIRST_LOCATION, |(last, _)| last.0 + 1);
        let id = new.id.unwrap_or(LocationId(next));
        if self.locations.contains_key(&id) {
            return Err(SetupRefused::TakenId(id.0));
        }
        let priority = self.locations.len();
        self.locations.insert(id, Location { id, name: new.name, fulfils_online: new.fulfils_online, priority });
        Ok(id)
    }

    /// Adds an item, which no location stocks yet.
    ///
    /// # Errors
    /// Another item has the number or the SKU, or a component is not an item that can be one.
    pub fn add_item(&mut self, new: NewItem) -> Result<ItemId, SetupRefused> {
        let next = self.items.last_key_value().map_or(FIRST_ITEM, |(last, _)| last.0 + 1);
        let id = new.id.unwrap_or(ItemId(next));
        if self.items.contains_key(&id) {
            return Err(SetupRefused::TakenId(id.0));
        }
        if self.by_sku.contains_key(&new.sku) {
            return Err(SetupRefused::TakenSku(new.sku));
        }
        if let Some((sku, _)) =
            new.components.iter().find(|(sku, units)| *units < 1 || self.item(sku).is_none_or(|item| item.bundle))
        {
            return Err(SetupRefused::UnknownSku(sku.clone()));
        }
        self.by_sku.insert(new.sku.clone(), id);
        let item = Item {
            id,
            variant: VariantId(id.0 + VARIANT_OFFSET),
            sku: new.sku,
            tracked: !new.untracked,
            oversell: new.oversell,
            gift_card: new.gift_card,
            requires_shipping: !new.digital,
            bundle: new.bundle || !new.components.is_empty(),
            components: new.components,
            removed: false,
        };
        self.items.insert(id, item);
        Ok(id)
    }

    /// Deletes the product of a SKU: customers cannot buy it any more, while its orders and levels stay.
    ///
    /// # Errors
    /// No item has this SKU.
    pub fn remove_item(&mut self, sku: &str) -> Result<(), SetupRefused> {
        let id = self.by_sku.remove(sku).ok_or_else(|| SetupRefused::UnknownSku(sku.to_owned()))?;
        self.items.get_mut(&id).expect("a SKU names an item").removed = true;
        Ok(())
    }

    /// Changes or removes the SKU of an item, as a person does in the admin. The admin does not check that a SKU is unique. If
    /// another item has the SKU, a lookup by SKU does not find this item.
    ///
    /// # Errors
    /// The shop has no such item.
    pub fn relabel(&mut self, item: ItemId, sku: &str) -> Result<(), SetupRefused> {
        let found = self.items.get_mut(&item).ok_or(SetupRefused::UnknownItem(item))?;
        let old = std::mem::replace(&mut found.sku, sku.to_owned());
        if self.by_sku.get(&old) == Some(&item) {
            self.by_sku.remove(&old);
        }
        if !sku.is_empty() {
            self.by_sku.entry(sku.to_owned()).or_insert(item);
        }
        Ok(())
    }

    /// Stocks an item at a location and sets its available units. If `active` is false, the location stops stocking the item.
    ///
    /// # Errors
    /// The shop has no such item or location.
    pub fn stock(
        &mut self,
        now: Timestamp,
        item: ItemId,
        location: LocationId,
        available: i64,
        active: bool,
    ) -> Result<(), SetupRefused> {
        self.known(item, location)?;
        let level = self.levels.entry((item, location)).or_insert_with(|| Level::new(now, active));
        level.active = active;
        level.shift(now, available - level.available, 0);
        Ok(())
    }

    /// Sets the available units of an item, as a person does in the admin.
    ///
    /// # Errors
    /// The shop has no such item or location.
    pub fn manual_edit(
        &mut self,
        now: Timestamp,
        item: ItemId,
        location: LocationId,
        available: i64,
    ) -> Result<(), SetupRefused> {
        let before = self.level(item, location).map_or(0, |level| level.available);
        self.stock(now, item, location, available, true)?;
        let change = Change { item, location, delta: available - before, after: available, visible: true };
        self.log.push(Applied::new(now, AppliedKind::ManualEdit, None, vec![change]));
        Ok(())
    }

    /// Moves available units of an item to another state, or (below zero) back, as a person does in the admin.
    ///
    /// # Errors
    /// The shop has no such item or location.
    pub fn set_aside(
        &mut self,
        now: Timestamp,
        item: ItemId,
        location: LocationId,
        (state, units): (InventoryState, i64),
    ) -> Result<(), SetupRefused> {
        self.known(item, location)?;
        self.levels.entry((item, location)).or_insert_with(|| Level::new(now, true)).put_aside(now, state, units);
        Ok(())
    }

    /// Stops stocking an item at a location, as a person does in the admin. The level keeps its quantities.
    ///
    /// # Errors
    /// The shop has no such item or location.
    pub fn deactivate(&mut self, item: ItemId, location: LocationId) -> Result<(), SetupRefused> {
        self.known(item, location)?;
        self.levels.entry((item, location)).and_modify(|level| level.active = false);
        Ok(())
    }

    fn known(&self, item: ItemId, location: LocationId) -> Result<(), SetupRefused> {
        if !self.items.contains_key(&item) {
            return Err(SetupRefused::UnknownItem(item));
        }
        if !self.locations.contains_key(&location) {
            return Err(SetupRefused::UnknownLocation(location));
        }
        Ok(())
    }

    /// Returns the configuration of the shop.
    #[must_use]
    pub fn config(&self) -> &ShopConfig {
        &self.config
    }

    /// Returns the items, by number.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.values()
    }

    /// Returns the item on sale that has a SKU.
    #[must_use]
    pub fn item(&self, sku: &str) -> Option<&Item> {
        self.items.get(self.by_sku.get(sku)?)
    }

    /// Returns the SKU of an item.
    #[must_use]
    pub fn sku(&self, item: ItemId) -> Option<&str> {
        self.items.get(&item).map(|item| item.sku.as_str())
    }

    /// Returns the locations, by number.
    pub fn locations(&self) -> impl Iterator<Item = &Location> {
        self.locations.values()
    }

    /// Returns the levels, by item and location, including the inactive ones.
    pub fn levels(&self) -> impl Iterator<Item = (ItemId, LocationId, &Level)> {
        self.levels.iter().map(|((item, location), level)| (*item, *location, level))
    }

    /// Returns the level of an item at a location, if it exists.
    #[must_use]
    pub fn level(&self, item: ItemId, location: LocationId) -> Option<&Level> {
        self.levels.get(&(item, location))
    }

    /// Returns the orders, by number.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.values()
    }

    /// Returns an order.
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<&Order> {
        self.orders.get(&id)
    }

    /// Returns every mutation that was applied or recognised as already applied, and every manual edit, oldest first.
    #[must_use]
    pub fn log(&self) -> &[Applied] {
        &self.log
    }

    /// Returns the counters.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Returns the webhooks that wait to be sent.
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }
}

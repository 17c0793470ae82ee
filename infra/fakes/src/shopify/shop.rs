//! The shop: a deterministic state machine that behaves as one Shopify shop does towards our app.
//!
//! Nothing here reads a clock, draws a number or does I/O: times and seeds come in as arguments, so the same calls give
//! the same shop, over HTTP and in a simulation alike. Orders live in `lifecycle`, inventory mutations in `inventory`,
//! the GraphQL endpoint in `admin`, what is sent out in `outbox`. After every change `on hand = available + committed`, and
//! what is committed at a level is the sum of what order lines say is committed there (`assert_sound`).

use super::bucket::Bucket;
use super::faults::Faults;
use super::idempotency::Keys;
use super::ids::{ItemId, LocationId, Made, OrderId, VariantId};
use super::log::{Applied, AppliedKind, Change, Counters};
use super::order::Order;
use super::outbox::Outbox;
use super::stock::{Item, Level, Location, NewItem, NewLocation};
use jiff::Timestamp;
use jiff::tz::Offset;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How a shop is set up. The defaults are those of a Standard plan.
#[derive(Clone, Debug)]
pub struct ShopConfig {
    /// The shop's domain, as in X-Shopify-Shop-Domain.
    pub domain: String,
    /// What webhooks are signed with: the app's client secret.
    pub secret: String,
    /// The offset of the shop's times in webhooks.
    pub offset: Offset,
    /// Cost points that fit into the bucket.
    pub bucket_size: u32,
    /// Cost points restored every second.
    pub restore_rate: u32,
    /// Cost points that one query may request.
    pub query_limit: u32,
    /// Seconds for which an idempotency key is remembered.
    pub key_seconds: i64,
    /// Varies the ids of webhooks between shops and runs.
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

/// Why a shop could not be set up as asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SetupRefused {
    /// The identifier is taken.
    TakenId(i64),
    /// The SKU is taken.
    TakenSku(String),
    /// No such item.
    UnknownItem(ItemId),
    /// No item has this SKU, or none that can be a component.
    UnknownSku(String),
    /// No such location.
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
    /// What apps say about variants, by namespace and key.
    pub(super) metafields: BTreeMap<(VariantId, String, String), String>,
    pub(super) orders: BTreeMap<OrderId, Order>,
    /// Orders by last change: what `orders(sortKey: UPDATED_AT)` walks.
    pub(super) by_update: BTreeSet<(Timestamp, OrderId)>,
    /// The order of every part of one, by the part's number: kinds are numbered apart, so no two parts share one.
    pub(super) owners: BTreeMap<i64, OrderId>,
    pub(super) outbox: Outbox,
    pub(super) log: Vec<Applied>,
    pub(super) counters: Counters,
    pub(super) keys: Keys,
    pub(super) bucket: Bucket,
    pub(super) late: VecDeque<super::admin::Late>,
    /// How many of each kind were made so far, by the kind's first number.
    pub(super) made: Made,
    /// What goes wrong next.
    pub faults: Faults,
}

const FIRST_ITEM: i64 = 44_000_000_000_001;
const FIRST_LOCATION: i64 = 70_000_000_001;
const VARIANT_OFFSET: i64 = 1_000_000_000_000;

impl Shop {
    /// An empty shop.
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
            by_update: BTreeSet::new(),
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

    /// Adds a location behind those there are.
    ///
    /// # Errors
    /// The number is taken.
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

    /// Adds an item, stocked nowhere yet.
    ///
    /// # Errors
    /// The number or the SKU is taken.
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

    /// A person types another SKU into the admin, or takes it away: the admin does not check that it is unique. An item whose
    /// SKU another has cannot be found by it.
    ///
    /// # Errors
    /// No such item.
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

    /// Stocks an item at a location, or (`active` false) stops stocking it there, and says how many are available.
    ///
    /// # Errors
    /// No such item or location.
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

    /// A person types a number into the admin.
    ///
    /// # Errors
    /// No such item or location.
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

    fn known(&self, item: ItemId, location: LocationId) -> Result<(), SetupRefused> {
        if !self.items.contains_key(&item) {
            return Err(SetupRefused::UnknownItem(item));
        }
        if !self.locations.contains_key(&location) {
            return Err(SetupRefused::UnknownLocation(location));
        }
        Ok(())
    }

    /// How it was set up.
    #[must_use]
    pub fn config(&self) -> &ShopConfig {
        &self.config
    }

    /// The items, by number.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.values()
    }

    /// The item of a SKU that is on sale.
    #[must_use]
    pub fn item(&self, sku: &str) -> Option<&Item> {
        self.items.get(self.by_sku.get(sku)?)
    }

    /// The SKU of an item.
    #[must_use]
    pub fn sku(&self, item: ItemId) -> Option<&str> {
        self.items.get(&item).map(|item| item.sku.as_str())
    }

    /// The locations, by number.
    pub fn locations(&self) -> impl Iterator<Item = &Location> {
        self.locations.values()
    }

    /// The levels, by item and location, the inactive ones too.
    pub fn levels(&self) -> impl Iterator<Item = (ItemId, LocationId, &Level)> {
        self.levels.iter().map(|((item, location), level)| (*item, *location, level))
    }

    /// The level of an item at a location, if there is one.
    #[must_use]
    pub fn level(&self, item: ItemId, location: LocationId) -> Option<&Level> {
        self.levels.get(&(item, location))
    }

    /// The orders, by number.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.values()
    }

    /// An order.
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<&Order> {
        self.orders.get(&id)
    }

    /// Every mutation that was applied or recognised as applied before, oldest first.
    #[must_use]
    pub fn log(&self) -> &[Applied] {
        &self.log
    }

    /// What was asked of the shop so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What is to be sent out.
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }
}

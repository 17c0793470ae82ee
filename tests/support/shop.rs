//! The fake shop with the items and locations of a [`World`], in this process and in the world's time.

use std::sync::{Arc, Mutex, PoisonError};

use promissory::adapters::shopify::{Response, Shopify, Transport};
use promissory::ports::Clock;
use promissory::storefront::StorefrontError;
use promissory_fakes::shopify::{
    Answer, Applied, DeliveryPlan, Faults, ItemId, LocationId, NewItem, NewLocation, Shop, ShopConfig,
};
use promissory_local::audit::compare_levels;
use reconciler::Job;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::clock::TestClock;
use crate::webhook::{SECRET, Webhook};
use crate::world::{LOCATIONS, QUIET, World, app};

/// A running shop.
#[derive(Debug)]
pub struct RunningShop {
    /// The way to it.
    pub server: Arc<Inside>,
}

/// A shop in this process: the pure one, in the time of its world, with nothing between it and our adapter.
#[derive(Debug)]
pub struct Inside {
    shop: Mutex<Shop>,
    clock: TestClock,
}

/// Our adapter to a shop in this process.
pub type Front = Shopify<Wire, TestClock>;

/// What carries the adapter's requests into a shop in this process.
#[derive(Debug)]
pub struct Wire(Arc<Inside>);

impl Inside {
    /// Works on the shop.
    pub fn shop<T>(&self, work: impl FnOnce(&mut Shop) -> T) -> T {
        // A panic in a test's closure must not hide behind a poisoned lock.
        work(&mut self.shop.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn answer(&self, url: &str, token: Option<&str>, body: &Value) -> Result<Response, StorefrontError> {
        let now = self.clock.now();
        let answered =
            |status, body: &Value| Ok(Response { status, answered_at: Some(now), body: body.to_string().into_bytes() });
        if url.ends_with("/admin/oauth/access_token") {
            let good = self.shop(|shop| body["client_secret"] == shop.config().secret.as_str());
            let status = if good { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
            return answered(status, &json!({ "access_token": TOKEN, "expires_in": 86_399 }));
        }
        if token != Some(TOKEN) {
            return answered(StatusCode::UNAUTHORIZED, &Value::Null);
        }
        match self.shop(|shop| shop.graphql(now, body.to_string().as_bytes())) {
            Answer::Json(body) => answered(StatusCode::OK, &body),
            Answer::BadRequest(body) => answered(StatusCode::BAD_REQUEST, &body),
            Answer::Failed => answered(StatusCode::INTERNAL_SERVER_ERROR, &Value::Null),
            Answer::Silent => Err(StorefrontError::Unavailable { detail: "no answer".into(), source: None }),
        }
    }
}

const TOKEN: &str = "granted";

impl Transport for Wire {
    async fn post(&self, url: &str, token: Option<&str>, body: &Value) -> Result<Response, StorefrontError> {
        // Others may run while the request is on its way, and while the answer is.
        tokio::task::yield_now().await;
        let answer = self.0.answer(url, token, body);
        tokio::task::yield_now().await;
        answer
    }
}

/// The configuration of a shop that never runs out of points.
#[must_use]
pub fn generous() -> ShopConfig {
    ShopConfig { bucket_size: 1_000_000, restore_rate: 100_000, ..ShopConfig::default() }
}

/// Gives a shop the locations and items of `world`, each item stocked everywhere with nothing available.
///
/// # Panics
/// When it has them already.
pub fn set_up(shop: &mut Shop, world: &World) {
    let now = world.clock.now();
    for (code, id, fulfils_online) in LOCATIONS {
        let id = Some(LocationId(signed(id)));
        shop.add_location(NewLocation { id, name: code.to_owned(), fulfils_online }).expect("a new location");
    }
    for (sku, id) in world.items() {
        let item = NewItem { id: Some(ItemId(signed(id))), ..NewItem::tracked(&sku) };
        let item = shop.add_item(item).expect("a new item");
        for (_, location, _) in LOCATIONS {
            shop.stock(now, item, LocationId(signed(location)), 0, true).expect("known");
        }
    }
}

/// Starts a shop with the locations and items of `world`.
#[must_use]
pub fn start(world: &World) -> RunningShop {
    let mut shop = Shop::new(generous());
    set_up(&mut shop, world);
    RunningShop { server: Arc::new(Inside { shop: Mutex::new(shop), clock: world.clock.clone() }) }
}

/// Starts a shop, and brings it and `world` to agree on every level: settled, swept once quiet, and told.
///
/// # Panics
/// When they do not agree then.
pub async fn in_agreement(world: &World) -> RunningShop {
    let running = start(world);
    world.settle().await;
    running.sweep_quiet(world).await;
    assert_eq!(world.push(running.front(), &world.hints.take()).await, [0; 0], "every hint is done");
    running.assert_agreement(world).await;
    running
}

impl RunningShop {
    /// Our adapter to it, freshly started.
    #[must_use]
    pub fn front(&self) -> Front {
        self.front_with(SECRET)
    }

    /// Our adapter to it, with this secret.
    #[must_use]
    pub fn front_with(&self, secret: &str) -> Front {
        Shopify::over(Wire(Arc::clone(&self.server)), self.server.clock.clone(), "https://{shop}", app(secret))
    }

    /// What it shows of an item at our location: available and committed.
    ///
    /// # Panics
    /// When the item or the location is unknown.
    #[must_use]
    pub fn shown(&self, sku: &str, location: &str) -> (i64, i64) {
        let location = location_id(location);
        self.server.shop(|shop| {
            let item = shop.item(sku).expect("an item of the shop").id;
            shop.level(item, location).map(|level| (level.available, level.committed)).expect("a level of the shop")
        })
    }

    /// Lets everything become quiet, then sweeps.
    ///
    /// # Panics
    /// When the sweep fails.
    pub async fn sweep_quiet(&self, world: &World) {
        world.clock.pass(QUIET.as_secs() + 1);
        world.reconcile(self.front(), Job::Sweep).await.expect("swept");
    }

    /// Nothing is on its way, and the shop shows what we say, everywhere.
    ///
    /// # Panics
    /// When it does not.
    pub async fn assert_agreement(&self, world: &World) {
        let books = world.books().await;
        assert!(books.at_rest(), "nothing is on its way");
        let differ = self.server.shop(|shop| {
            shop.assert_sound();
            compare_levels(&books, shop)
        });
        assert_eq!(differ, [""; 0], "the shop shows what we say");
    }

    /// Delivers everything the shop has announced, in order.
    ///
    /// # Panics
    /// When a delivery is not taken.
    pub async fn deliver_all(&self, world: &World) {
        for (delivery, _) in self.server.shop(|shop| shop.outbox().take(&DeliveryPlan::default())) {
            assert_eq!(world.deliver(&Webhook::of(&delivery)).await.0, 200, "{}", delivery.topic.name());
        }
    }

    /// Drops everything the shop has announced.
    pub fn lose_all(&self) {
        self.server.shop(|shop| shop.outbox().take(&DeliveryPlan::default()));
    }

    /// The fake's id of an item.
    ///
    /// # Panics
    /// When it is unknown.
    #[must_use]
    pub fn item(&self, sku: &str) -> ItemId {
        self.server.shop(|shop| shop.item(sku).expect("an item of the shop").id)
    }

    /// The fake itself, for what no customer and no adapter can do.
    pub fn inside<T>(&self, work: impl FnOnce(&mut Shop) -> T) -> T {
        self.server.shop(work)
    }

    /// What goes wrong next.
    pub fn fail(&self, faults: Faults) {
        self.server.shop(|shop| shop.faults = faults);
    }

    /// Every mutation applied so far, and repetitions that were recognised.
    #[must_use]
    pub fn log(&self) -> Vec<Applied> {
        self.server.shop(|shop| shop.log().to_vec())
    }

    /// How often an operation was called.
    #[must_use]
    pub fn calls(&self, operation: &str) -> u64 {
        self.server.shop(|shop| shop.counters().calls.get(operation).copied().unwrap_or(0))
    }
}

/// The shop's id of our location.
///
/// # Panics
/// When it is not one of ours.
#[must_use]
pub fn location_id(code: &str) -> LocationId {
    let (_, id, _) = LOCATIONS.into_iter().find(|(known, ..)| *known == code).expect("a location of ours");
    LocationId(signed(id))
}

fn signed(id: u64) -> i64 {
    i64::try_from(id).expect("the fake's ids are signed")
}

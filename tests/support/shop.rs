//! The fake shop with the items and locations of a [`World`], in this process and on the world's clock.

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
use crate::world::{LOCATIONS, SETTLING_WINDOW, World, app};

/// A running shop.
#[derive(Debug)]
pub struct RunningShop {
    /// The shop and its clock.
    pub server: Arc<Inside>,
}

/// The fake shop in this process, without a socket between it and the adapter.
#[derive(Debug)]
pub struct Inside {
    shop: Mutex<Shop>,
    clock: TestClock,
}

/// The shop adapter, connected to a shop in this process.
pub type Front = Shopify<Wire, TestClock>;

/// The transport that carries the adapter's requests to a shop in this process.
#[derive(Debug)]
pub struct Wire(Arc<Inside>);

impl Inside {
    /// Runs a closure with the shop.
    pub fn shop<T>(&self, work: impl FnOnce(&mut Shop) -> T) -> T {
        // A panic in a test's closure must not be hidden by a poisoned lock.
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
        // Other tasks may run while the request or the answer is in flight.
        tokio::task::yield_now().await;
        let answer = self.0.answer(url, token, body);
        tokio::task::yield_now().await;
        answer
    }
}

/// The configuration of a shop whose rate limit is never reached.
#[must_use]
pub fn generous() -> ShopConfig {
    ShopConfig { bucket_size: 1_000_000, restore_rate: 100_000, ..ShopConfig::default() }
}

/// Adds the locations and items of `world` to a shop. Each item is stocked at each location with no units.
///
/// # Panics
/// If the shop has them already.
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

/// Starts a shop and initialises every level: plays the stream, sweeps after the settling window, and pushes.
///
/// # Panics
/// If shop and world differ afterwards.
pub async fn in_agreement(world: &World) -> RunningShop {
    let running = start(world);
    world.settle().await;
    running.sweep_settled(world).await;
    assert_eq!(world.push(running.front(), &world.hints.take()).await, [0; 0], "a hint was given back");
    running.assert_agreement(world).await;
    running
}

impl RunningShop {
    /// A new adapter to the shop.
    #[must_use]
    pub fn front(&self) -> Front {
        self.front_with(SECRET)
    }

    /// A new adapter to the shop, with this secret.
    #[must_use]
    pub fn front_with(&self, secret: &str) -> Front {
        Shopify::over(Wire(Arc::clone(&self.server)), self.server.clock.clone(), "https://{shop}", app(secret))
    }

    /// The available and committed units that the shop shows at our location.
    ///
    /// # Panics
    /// If the item or the location is unknown.
    #[must_use]
    pub fn shown(&self, sku: &str, location: &str) -> (i64, i64) {
        let location = location_id(location);
        self.server.shop(|shop| {
            let item = shop.item(sku).expect("an item of the shop").id;
            shop.level(item, location).map(|level| (level.available, level.committed)).expect("a level of the shop")
        })
    }

    /// Lets the settling window pass, then sweeps.
    ///
    /// # Panics
    /// If the sweep fails.
    pub async fn sweep_settled(&self, world: &World) {
        world.clock.pass(SETTLING_WINDOW.as_secs() + 1);
        world.reconcile(self.front(), Job::Sweep).await.expect("swept");
    }

    /// Checks that no push is in flight and that the shop shows the supply of every level.
    ///
    /// # Panics
    /// If that is not so.
    pub async fn assert_agreement(&self, world: &World) {
        let contents = world.contents().await;
        assert!(contents.at_rest(), "a push is in flight");
        let differ = self.server.shop(|shop| {
            shop.assert_sound();
            compare_levels(&contents, shop)
        });
        assert_eq!(differ, [""; 0], "shop and levels differ");
    }

    /// Delivers the webhooks in the shop's outbox, in order.
    ///
    /// # Panics
    /// If the intake rejects one.
    pub async fn deliver_all(&self, world: &World) {
        for (delivery, _) in self.server.shop(|shop| shop.outbox().take(&DeliveryPlan::default())) {
            assert_eq!(world.deliver(&Webhook::of(&delivery)).await.0, 200, "{}", delivery.topic.name());
        }
    }

    /// Drops the webhooks in the shop's outbox.
    pub fn lose_all(&self) {
        self.server.shop(|shop| shop.outbox().take(&DeliveryPlan::default()));
    }

    /// The shop's id of an item.
    ///
    /// # Panics
    /// If the item is unknown.
    #[must_use]
    pub fn item(&self, sku: &str) -> ItemId {
        self.server.shop(|shop| shop.item(sku).expect("an item of the shop").id)
    }

    /// Runs a closure with the fake shop, for changes that neither customers nor the adapter can make.
    pub fn inside<T>(&self, work: impl FnOnce(&mut Shop) -> T) -> T {
        self.server.shop(work)
    }

    /// Sets the next faults of the shop.
    pub fn fail(&self, faults: Faults) {
        self.server.shop(|shop| shop.faults = faults);
    }

    /// Every mutation applied so far, and the recognised repetitions.
    #[must_use]
    pub fn log(&self) -> Vec<Applied> {
        self.server.shop(|shop| shop.log().to_vec())
    }

    /// Number of calls of an operation.
    #[must_use]
    pub fn calls(&self, operation: &str) -> u64 {
        self.server.shop(|shop| shop.counters().calls.get(operation).copied().unwrap_or(0))
    }
}

/// The shop's id of our location.
///
/// # Panics
/// If the location is unknown.
#[must_use]
pub fn location_id(code: &str) -> LocationId {
    let (_, id, _) = LOCATIONS.into_iter().find(|(known, ..)| *known == code).expect("a location of ours");
    LocationId(signed(id))
}

fn signed(id: u64) -> i64 {
    i64::try_from(id).expect("the fake's ids are signed")
}

//! The fake shop behind HTTP, with the items and locations of a world.

use std::time::Duration;

use promissory::adapters::clock::SystemClock;
use promissory::adapters::shopify::Shopify;
use promissory::ports::Clock;
use promissory_fakes::shopify::{Faults, Server, ServerConfig};
use promissory_tests::clock::TestClock;
use promissory_tests::shop::{generous, location_id, set_up};
use promissory_tests::webhook::SECRET;
use promissory_tests::world::{World, app};

/// A running server of the fake shop.
#[derive(Debug)]
pub struct Served {
    pub server: Server,
}

/// A world on the real time, because the server uses the real time.
pub async fn world_of_now() -> World {
    World::at(TestClock::at(SystemClock.now())).await
}

/// The configuration of a server that never throttles, and that closes unanswered calls at once.
pub fn patient() -> ServerConfig {
    ServerConfig { shop: generous(), silence: Duration::ZERO, ..ServerConfig::default() }
}

pub async fn serve(world: &World, config: ServerConfig) -> Served {
    let server = Server::start(config).await.expect("port 0 is always free");
    server.shop(|shop| set_up(shop, world));
    Served { server }
}

impl Served {
    /// A new adapter to the shop.
    pub fn front(&self) -> Shopify {
        Shopify::new(self.server.url(), app(SECRET)).expect("a client")
    }

    /// The available and committed units that the shop shows at our location.
    pub fn shown(&self, sku: &str, location: &str) -> (i64, i64) {
        self.server.shop(|shop| {
            let item = shop.item(sku).expect("an item of the shop").id;
            shop.level(item, location_id(location)).map(|level| (level.available, level.committed)).expect("a level")
        })
    }

    /// Sets the next faults of the shop.
    pub fn fail(&self, faults: Faults) {
        self.server.shop(|shop| shop.faults = faults);
    }
}

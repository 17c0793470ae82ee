//! Plays the sale: imports the items, sells, runs the jobs of the reconciler, and waits until no work is left.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use promissory::adapters::clock::SystemClock;
use promissory::catalog::{
    InventoryItemId, Item, Location, LocationId, LocationKind, Network, Quantity, ShopDomain, ShopListing, ShopLocationId, Sku,
};
use promissory::movement::EventId;
use promissory::source::{StockEvent, StockKind};
use promissory_cli::catalog::command::import;
use promissory_cli::table::Table;
use promissory_fakes::shopify::{CheckoutRefused, DeliveryPlan, ItemId, NewItem, NewLocation, OrderId, Server, Shop};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use super::factory::{Factory, SupplyEffects, sources_secret};
use super::production::{Amounts, FACTORY, PRODUCTION, sheets};
use super::script::{Customer, LARGE, OrderOutcome, SERUM, StockChange, TAIL_UNITS};
use super::{DemoConfig, Script};
use crate::audit::TableContents;
use crate::seed::{go_live, import_item, import_network, take_stock};
use crate::stack::Stack;

/// The longest time that the system may take until no work is left.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// What happened in the sale, and when.
#[derive(Debug, Default)]
pub struct PlayResult {
    /// When each order was placed.
    pub placed: BTreeMap<OrderId, Timestamp>,
    /// The number of orders that the shop refused because its levels were too low.
    pub sold_out: usize,
    /// The time at which each stock change was in the ledger, by SKU and whether it was at the second location.
    pub changed: BTreeMap<(String, bool), Timestamp>,
    /// The changes that the shop showed after the factory's events.
    pub supplied: SupplyEffects,
    /// The number of function processes that were killed.
    pub killed: usize,
    /// The reports of the reconciler's jobs.
    pub job_reports: Vec<serde_json::Value>,
    /// Whether no work was left in time.
    pub at_rest: bool,
}

/// The locations and items of the sale.
struct Setup {
    network: Network,
    locations: [LocationId; 2],
    /// The shop's serum, and its production location.
    made: (ItemId, promissory_fakes::shopify::LocationId),
}

/// Plays `script` on a stack and a shop that are both empty.
///
/// # Errors
/// When a part of the local stack cannot be reached.
pub async fn play(
    config: &DemoConfig,
    script: &Script,
    stack: &Stack,
    server: &Server,
    say: &dyn Fn(&str),
) -> io::Result<PlayResult> {
    let setup = set_up(config, script, stack, server, say).await?;
    let factory = Factory::of(stack, server, Amounts::of(config.orders), setup.made)?;
    factory.send_opening_order().await?;
    initialise_levels(stack, server, say).await?;
    server.set_delivery_plan(DeliveryPlan {
        seed: config.seed,
        lost_percent: 2,
        doubled_percent: 5,
        late_percent: 5,
        latest_ms: 3_000,
    });
    let played = Mutex::new(PlayResult::default());
    say(&format!(
        "The sale is open: {} customers in {} s for {} units of the serum in stock, and for the producible units.",
        config.orders, config.seconds, config.units
    ));
    let rush_is_over = Notify::new();
    let (began, span) = (Instant::now(), Duration::from_secs(u64::from(config.seconds)));
    tokio::try_join!(
        async {
            sell(script, server, (began, setup.made.1), &played, &rush_is_over).await;
            Ok(())
        },
        async {
            let supplied = factory.run(began + span / 8, &rush_is_over, say).await?;
            played.lock().expect("no task panics while it holds the lock").supplied = supplied;
            Ok(())
        },
        receive(script, stack, &setup, began, &played),
        async {
            if config.chaos {
                let killed = kill_functions(config.seed, span, stack, began).await;
                played.lock().expect("no task panics while it holds the lock").killed = killed;
            }
            Ok(())
        },
    )?;
    let mut played = played.into_inner().map_err(|_| io::Error::other("a task of the sale panicked"))?;
    say("The sale is over. Waiting for the last webhooks.");
    server.deliveries_idle().await;
    (played.job_reports, played.at_rest) = run_jobs(stack, say).await?;
    Ok(played)
}

async fn set_up(config: &DemoConfig, script: &Script, stack: &Stack, server: &Server, say: &dyn Fn(&str)) -> io::Result<Setup> {
    let shop: ShopDomain = server.shop(|shop| shop.config().domain.clone()).parse().map_err(io::Error::other)?;
    let store = stack.store();
    // Before everything else, because a warm function keeps what it has read for a minute.
    go_live(&store, &shop, Timestamp::now()).await.map_err(io::Error::other)?;
    stack.put_sources_secret(&sources_secret().to_string()).await?;
    let code = |code: &str| code.parse::<LocationId>().map_err(io::Error::other);
    let [warehouse, third_party, production, plant] = [code("WH-1")?, code("3PL-1")?, code(PRODUCTION)?, code(FACTORY)?];
    let mut locations = vec![Location { fulfils_online: false, ..Location::new(plant.clone(), LocationKind::Factory) }];
    let mut made_at = None;
    for (code, kind) in
        [(&warehouse, LocationKind::Warehouse), (&third_party, LocationKind::ThirdParty), (&production, LocationKind::Production)]
    {
        let new = NewLocation { name: code.to_string(), fulfils_online: true, ..NewLocation::default() };
        let id = server.shop(|shop| shop.add_location(new)).map_err(|refused| io::Error::other(format!("{refused:?}")))?;
        made_at = Some(id);
        let id = ShopLocationId::new(u64::try_from(id.0).map_err(io::Error::other)?);
        locations.push(Location { shops: [(shop.clone(), id)].into(), ..Location::new(code.clone(), kind) });
    }
    let network = import_network(&store, &locations).await.map_err(io::Error::other)?;
    let codes = [warehouse, third_party];

    say(&format!("Importing {} items with their opening stock.", script.tail.len() + 2));
    let mut opening = Vec::new();
    for name in [SERUM, LARGE].into_iter().chain(script.tail.iter().map(String::as_str)) {
        let id = server.shop(|shop| add_stocked_item(shop, name)).map_err(io::Error::other)?;
        let sku: Sku = name.parse().map_err(io::Error::other)?;
        let listed = ShopListing::new(name, InventoryItemId::new(id));
        let low_at = (name == SERUM).then(|| Quantity::new(config.units / 10));
        let item = Item { low_at, shops: [(shop.clone(), listed)].into(), ..Item::new(sku.clone()) };
        import_item(&store, &item).await.map_err(io::Error::other)?;
        // The serum is split over both locations, so that some orders are allocated to each.
        let units = match name {
            SERUM => [config.units - config.units / 3, config.units / 3],
            LARGE => [0; 2],
            _ => [TAIL_UNITS; 2],
        };
        for (location, units) in codes.iter().zip(units) {
            opening.push(stock("opening", &sku, location, StockKind::OpeningStock, units));
        }
    }
    say("Importing the serums' bills of materials and the stock of their components.");
    let table = Table::new(stack.dynamodb(), &stack.outputs.table_name);
    let outcome = import(&table, &SystemClock, &sheets(), false, say).await?;
    outcome.plan.map_err(|problems| io::Error::other(format!("the demo's sheets contain errors: {problems:?}")))?;
    for (name, units) in Amounts::of(config.orders).opening() {
        opening.push(stock("opening", &name.parse().map_err(io::Error::other)?, &plant, StockKind::OpeningStock, units));
    }
    for group in opening.chunks(20) {
        take_stock(&store, &network, group.to_vec()).await.map_err(io::Error::other)?;
    }
    let serum = server.shop(|shop| shop.item(SERUM).map(|item| item.id));
    let made = serum.zip(made_at).ok_or_else(|| io::Error::other("the shop has no serum, or no production location"))?;
    Ok(Setup { network, locations: codes, made })
}

/// Initialises the levels of the shop, and turns on its webhooks.
pub(super) async fn initialise_levels(stack: &Stack, server: &Server, say: &dyn Fn(&str)) -> io::Result<()> {
    say("Initialising the levels of the shop.");
    // A level is initialised only after a sweep that began later than its last change plus the settling window of this stack.
    sleep(Duration::from_millis(2_100)).await;
    stack.reconcile("sweep").await?;
    stack.reconcile("backlog").await?;
    server.set_webhook_url(&stack.outputs.webhook_url);
    if wait_until_idle(stack).await? {
        Ok(())
    } else {
        Err(io::Error::other("the levels of the shop were not initialised in time"))
    }
}

pub(super) fn add_stocked_item(shop: &mut Shop, sku: &str) -> Result<u64, String> {
    let item = shop.add_item(NewItem::tracked(sku)).map_err(|refused| format!("{refused:?}"))?;
    let locations: Vec<_> = shop.locations().map(|location| location.id).collect();
    for location in locations {
        shop.stock(Timestamp::now(), item, location, 0, true).map_err(|refused| format!("{refused:?}"))?;
    }
    u64::try_from(item.0).map_err(|error| error.to_string())
}

fn stock(kind_of_id: &str, sku: &Sku, location: &LocationId, kind: StockKind, units: i64) -> StockEvent {
    let id = EventId::new("demo", format!("{kind_of_id}:{sku}@{location}"));
    StockEvent::new(id, kind, (sku, location), Quantity::new(units), Timestamp::now())
}

/// Customers check out. Their orders are cancelled or shipped in between, in the order of time.
async fn sell(
    script: &Script,
    server: &Server,
    (began, made_at): (Instant, promissory_fakes::shopify::LocationId),
    played: &Mutex<PlayResult>,
    rush_is_over: &Notify,
) {
    let mut rush = script.customers.iter().filter(|customer| customer.is_in_the_rush()).count();
    let mut later: BTreeMap<(Duration, OrderId), OrderOutcome> = BTreeMap::new();
    let mut customers = script.customers.iter().peekable();
    loop {
        if rush == 0 {
            rush_is_over.notify_one();
        }
        let next_customer = customers.peek().map(|customer| customer.at);
        let next_outcome = later.keys().next().map(|(at, _)| *at);
        let Some(at) = next_customer.into_iter().chain(next_outcome).min() else { return };
        sleep_until(began + at).await;
        if next_outcome == Some(at) {
            let Some(((_, order), outcome)) = later.pop_first() else { return };
            if let Some(rest) = server.shop(|shop| apply_outcome(shop, order, outcome, made_at)) {
                later.insert((at + Duration::from_millis(400), order), rest);
            }
        } else if let Some(customer) = customers.next() {
            check_out(customer, server, &mut later, played);
            rush -= usize::from(customer.is_in_the_rush());
        }
    }
}

fn check_out(
    customer: &Customer,
    server: &Server,
    later: &mut BTreeMap<(Duration, OrderId), OrderOutcome>,
    played: &Mutex<PlayResult>,
) {
    let now = Timestamp::now();
    let cart: Vec<(&str, i64)> = customer.cart.iter().map(|(sku, units)| (sku.as_str(), *units)).collect();
    let outcome = server.shop(|shop| shop.checkout(now, &cart));
    let mut played = played.lock().expect("no task panics while it holds the lock");
    match outcome {
        Ok(order) => {
            played.placed.insert(order, now);
            if let Some((outcome, after)) = customer.outcome {
                later.insert((customer.at + after, order), outcome);
            }
        }
        Err(CheckoutRefused::SoldOut { .. }) => played.sold_out += 1,
        Err(refused) => panic!("the script orders an item that the shop does not have: {refused:?}"),
    }
}

/// Cancels or ships an order. Returns the outcome of the units that are left, which follows a moment later. An order with units that
/// must still be made does not ship in this sale.
fn apply_outcome(
    shop: &mut Shop,
    order: OrderId,
    outcome: OrderOutcome,
    made_at: promissory_fakes::shopify::LocationId,
) -> Option<OrderOutcome> {
    let now = Timestamp::now();
    let is_to_be_made = shop
        .order(order)
        .is_some_and(|order| order.fulfilment_orders.iter().any(|asked| asked.status.is_active() && asked.location == made_at));
    if is_to_be_made && outcome != OrderOutcome::Cancelled {
        return None;
    }
    match outcome {
        OrderOutcome::Cancelled => shop.cancel(now, order).map(|()| None),
        OrderOutcome::Shipped => shop.fulfil(now, order, None).map(|_| None),
        OrderOutcome::ShippedInParts => {
            let first = shop.order(order).and_then(|order| order.lines.first()).map(|line| (line.id, 1));
            shop.fulfil(now, order, first.as_ref().map(std::slice::from_ref)).map(|_| Some(OrderOutcome::Shipped))
        }
    }
    .unwrap_or(None) // An error means that no unit is left to ship: the first line was the whole order.
}

/// The warehouse receives units and writes units off.
async fn receive(script: &Script, stack: &Stack, setup: &Setup, began: Instant, played: &Mutex<PlayResult>) -> io::Result<()> {
    let store = stack.store();
    for StockChange { at, sku, second_location, units } in &script.changes {
        sleep_until(began + *at).await;
        let location = &setup.locations[usize::from(*second_location)];
        let kind = if *units > 0 { StockKind::Receipt } else { StockKind::WriteOff };
        let event = stock("change", &sku.parse().map_err(io::Error::other)?, location, kind, units.abs());
        take_stock(&store, &setup.network, vec![event]).await.map_err(io::Error::other)?;
        played
            .lock()
            .expect("no task panics while it holds the lock")
            .changed
            .insert((sku.clone(), *second_location), Timestamp::now());
    }
    Ok(())
}

/// Kills a function process every 700 ms, at any point of its work. Returns how many it killed.
pub(super) async fn kill_functions(seed: u64, span: Duration, stack: &Stack, began: Instant) -> usize {
    let mut killed_count = 0;
    for round in 1_u64.. {
        let at = began + Duration::from_millis(700 * round);
        if at > began + span {
            break;
        }
        sleep_until(at).await;
        let processes = stack.function_processes();
        let Ok(count) = u64::try_from(processes.len()) else { break };
        if count > 0 {
            let victim = usize::try_from(promissory_fakes::shopify::draw(!seed, round) % count).expect("an index");
            let pid = processes[victim].1.to_string();
            let killed = tokio::process::Command::new("kill").args(["-9", &pid]).status().await;
            killed_count += usize::from(killed.is_ok_and(|status| status.success()));
        }
    }
    killed_count
}

/// Runs the jobs that the schedules would run in the next minutes: sweep, read, backlog, and compare over all levels. Returns
/// their reports, and whether no work was left in time.
pub(super) async fn run_jobs(stack: &Stack, say: &dyn Fn(&str)) -> io::Result<(Vec<serde_json::Value>, bool)> {
    let mut reports = Vec::new();
    say("The reconciler repairs the effects of lost webhooks and pushes.");
    sleep(Duration::from_millis(1_100)).await; // Longer than the settling window of this stack.
    for job in ["sweep", "read", "backlog"] {
        reports.push(stack.reconcile(job).await?);
    }
    wait_until_idle(stack).await?;
    loop {
        let page = stack.reconcile("compare").await?;
        let end = page["end"] == true;
        reports.push(page);
        if end {
            break;
        }
    }
    Ok((reports, wait_until_idle(stack).await?))
}

/// Waits until no work is left; `false` if that takes too long.
pub(super) async fn wait_until_idle(stack: &Stack) -> io::Result<bool> {
    let end = Instant::now() + IDLE_TIMEOUT;
    let mut rested = false;
    while Instant::now() < end {
        let contents = TableContents::read(&stack.dynamodb(), &stack.outputs.table_name).await?;
        let was = std::mem::replace(&mut rested, contents.at_rest());
        // Two readings: the table does not show a plan or promise that a function is computing now.
        if was && rested {
            return Ok(true);
        }
        sleep(Duration::from_millis(500)).await;
    }
    Ok(false)
}

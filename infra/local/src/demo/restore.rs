//! The restore drill: a shop trades, its table is restored to an earlier time by the steps of `infra/runbooks/restore.md`, and nothing
//! is lost or pushed twice.
//!
//! Customers order, and a WMS receives and writes off units. In the middle the emulated DynamoDB keeps the table as it is, which
//! stands for the point in time. The trade goes on, and the shop shows it. Then the table is restored. Orders of the time since then
//! must come back from the shop, stock events from the WMS, and no call may change a level of the shop.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use promissory::catalog::{
    InventoryItemId, Item, Location, LocationId, LocationKind, OrderId, ShopDomain, ShopListing, ShopLocationId, Sku,
};
use promissory_cli::restore::{Allowed, prepare, turn_on};
use promissory_cli::table::Table;
use promissory_fakes::shopify::{DeliveryPlan, NewLocation, Server, draw};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::play::{add_stocked_item, initialise_levels, run_jobs, wait_until_idle};
use super::signed::SignedSender;
use crate::audit::{TableContents, compare_levels, compare_orders};
use crate::seed::{go_live, import_item, import_network};
use crate::stack::{Stack, StackConfig, busy_shopify};

/// The name of the WMS, and the secret with which it signs.
const SYSTEM: &str = "wms";
const SECRET: &str = "wms-of-the-drill";

/// The items, and the units of each that each location has at the beginning.
const ITEMS: u32 = 6;
const OPENING: i64 = 40;

/// The table that takes the place of the first one.
const RESTORED: &str = "promissory-restored";

/// The refresh of all items begins a minute after it was requested.
const REFRESH: Duration = Duration::from_secs(65);

/// The options of the drill.
#[derive(Debug, Clone, Args)]
pub struct RestoreConfig {
    /// The number of orders before the point in time, after it, and during the restore.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub orders: u32,
    /// The seed that decides everything that varies.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// The result of the drill. It serialises to the line of `--json`.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Orders that the shop accepted.
    pub orders: usize,
    /// Orders that the restored table did not contain.
    pub orders_after_the_point_in_time: usize,
    /// Stock events that the WMS sent again.
    pub events_sent_again: usize,
    /// Levels that the command let be initialised anew.
    pub levels_prepared: u64,
    /// Orders of which the ledger holds too few units.
    pub lost: usize,
    /// Orders of which the ledger holds too many units.
    pub duplicates_applied: usize,
    /// Units by which a call changed a level of the shop after the restore.
    pub pushed_twice: i64,
    /// Calls to the shop while the pushes were paused.
    pub calls_while_paused: usize,
    /// Whether every position is the fold of its movements.
    pub ledger_equals_positions: bool,
    /// Levels of the shop that differ from the supply.
    pub wrong_levels: Vec<String>,
    /// Whether no work was left in time.
    pub at_rest: bool,
}

impl Report {
    /// Whether the audit found no error.
    #[must_use]
    pub fn is_correct(&self) -> bool {
        self.lost == 0
            && self.duplicates_applied == 0
            && self.pushed_twice == 0
            && self.calls_while_paused == 0
            && self.ledger_equals_positions
            && self.wrong_levels.is_empty()
            && self.at_rest
            && self.orders_after_the_point_in_time > 0
            && self.levels_prepared > 0
    }

    /// The report as a table for people.
    #[must_use]
    pub fn table(&self) -> String {
        let rows = [
            ("orders accepted by the shop", self.orders.to_string()),
            ("orders that the restored table lacked", self.orders_after_the_point_in_time.to_string()),
            ("stock events sent again", self.events_sent_again.to_string()),
            ("levels initialised anew", self.levels_prepared.to_string()),
            ("orders lost", self.lost.to_string()),
            ("orders applied twice", self.duplicates_applied.to_string()),
            ("units pushed twice", self.pushed_twice.to_string()),
            ("calls to the shop while paused", self.calls_while_paused.to_string()),
            ("ledger equals positions", self.ledger_equals_positions.to_string()),
            ("no work left", self.at_rest.to_string()),
        ];
        let rows = rows.into_iter().map(|(name, value)| format!("  {name:<38} {value}"));
        rows.chain(self.wrong_levels.iter().map(|wrong| format!("  DIFFERS {wrong}"))).collect::<Vec<_>>().join("\n")
    }
}

/// Plays the drill on its own stack, and audits it.
///
/// # Errors
/// When the stack does not start, or does not answer.
pub async fn run(config: &RestoreConfig, stack: &StackConfig, say: &dyn Fn(&str)) -> io::Result<Report> {
    let (mut stack, server) = Stack::up(stack, 0, busy_shopify(config.seed)).await?;
    let mut drill = Drill::set_up(config, &stack, &server, say).await?;
    say("Customers order, and the WMS reports.");
    drill.trade(&stack).await?;
    settled(&stack).await?;
    let client = stack.dynamodb();
    let copy = client.restore_table_to_point_in_time().source_table_name(&stack.outputs.table_name);
    copy.target_table_name(RESTORED).use_latest_restorable_time(true).send().await.map_err(io::Error::other)?;
    say("This is the point in time. The trade goes on, and the shop shows it.");
    drill.kept = Some(Vec::new());
    drill.trade(&stack).await?;
    settled(&stack).await?;
    let orders_then = server.shop(|shop| shop.orders().count());

    say("Restoring: the pushes are paused.");
    stack.redeploy(&[("Pushes", "paused")]).await?;
    let calls = server.shop(|shop| shop.log().len());
    let table = Table::new(client, RESTORED);
    // The emulated DynamoDB does not say what a table was restored from.
    let restored = turn_on(&table, Allowed { any_table: true, again: false }, say).await?;
    let prepared = prepare(&table, say).await?;
    let known = TableContents::read(&table.client, RESTORED).await?.held().keys().map(|(order, _)| *order).collect();
    let lacked = orders_then - count_known(&server, &known);
    stack.redeploy(&[("Pushes", "paused"), ("RestoredTable", RESTORED), ("RestoredTableStream", &restored.stream)]).await?;
    say("The functions use the restored table. Orders go on, and the WMS sends again what it sent since the point in time.");
    let again = drill.kept.take().unwrap_or_default();
    drill.order(&server);
    drill.send(again.clone()).await?;
    server.deliveries_idle().await;
    sleep(REFRESH).await;
    for job in ["sweep", "read", "backlog"] {
        stack.reconcile(job).await?;
    }
    let calls_while_paused = server.shop(|shop| shop.log().len()) - calls;

    say("The pushes go on.");
    stack.redeploy(&[("Pushes", "on"), ("RestoredTable", RESTORED), ("RestoredTableStream", &restored.stream)]).await?;
    let (_, at_rest) = run_jobs(&stack, say).await?;
    let contents = TableContents::read(&stack.dynamodb(), RESTORED).await?;
    Ok(server.shop(|shop| {
        let findings = compare_orders(&contents, shop);
        let changes = shop.log()[calls..].iter().filter(|call| !call.deduplicated).flat_map(|call| &call.changes);
        Report {
            orders: shop.orders().count(),
            orders_after_the_point_in_time: lacked,
            events_sent_again: again.len(),
            levels_prepared: prepared.levels,
            lost: findings.lost,
            duplicates_applied: findings.duplicates,
            pushed_twice: changes.map(|change| change.delta.abs()).sum(),
            calls_while_paused,
            ledger_equals_positions: contents.mismatches().is_empty(),
            wrong_levels: compare_levels(&contents, shop),
            at_rest,
        }
    }))
}

/// Waits until shop and ledger agree.
async fn settled(stack: &Stack) -> io::Result<()> {
    if wait_until_idle(stack).await? { Ok(()) } else { Err(io::Error::other("the system did not come to rest in time")) }
}

/// The number of orders of the shop that are among the known ones.
fn count_known(server: &Server, known: &BTreeSet<OrderId>) -> usize {
    let is_known = |number: i64| u64::try_from(number).is_ok_and(|number| known.contains(&OrderId::new(number)));
    server.shop(|shop| shop.orders().filter(|order| is_known(order.id.0)).count())
}

/// The trade.
struct Drill<'a> {
    config: &'a RestoreConfig,
    server: &'a Server,
    sender: SignedSender,
    skus: Vec<String>,
    /// The number of random choices so far.
    draws: u64,
    /// The stock events since the point in time.
    kept: Option<Vec<Value>>,
}

impl<'a> Drill<'a> {
    async fn set_up(config: &'a RestoreConfig, stack: &Stack, server: &'a Server, say: &dyn Fn(&str)) -> io::Result<Self> {
        let shop: ShopDomain = server.shop(|shop| shop.config().domain.clone()).parse().map_err(io::Error::other)?;
        let store = stack.store();
        go_live(&store, &shop, Timestamp::now()).await.map_err(io::Error::other)?;
        stack.put_sources_secret(&json!({ "signing": { SYSTEM: SECRET } }).to_string()).await?;
        let mut locations = Vec::new();
        for name in ["WH-1", "3PL-1"] {
            let new = NewLocation { name: name.to_owned(), fulfils_online: true, ..NewLocation::default() };
            let id = server.shop(|shop| shop.add_location(new)).map_err(|refused| io::Error::other(format!("{refused:?}")))?;
            let id = ShopLocationId::new(u64::try_from(id.0).map_err(io::Error::other)?);
            let code: LocationId = name.parse().map_err(io::Error::other)?;
            locations.push(Location { shops: [(shop.clone(), id)].into(), ..Location::new(code, LocationKind::Warehouse) });
        }
        import_network(&store, &locations).await.map_err(io::Error::other)?;
        let mut skus = Vec::new();
        for number in 1..=ITEMS {
            let name = format!("ITEM-{number}");
            let id = server.shop(|shop| add_stocked_item(shop, &name)).map_err(io::Error::other)?;
            let sku: Sku = name.parse().map_err(io::Error::other)?;
            let listed = ShopListing::new(&name, InventoryItemId::new(id));
            import_item(&store, &Item { shops: [(shop.clone(), listed)].into(), ..Item::new(sku) })
                .await
                .map_err(io::Error::other)?;
            skus.push(name);
        }
        let sender = SignedSender::of(stack, SYSTEM, SECRET.to_owned())?;
        let mut drill = Self { config, server, sender, skus, draws: 0, kept: None };
        let opening = drill.skus.iter().flat_map(|sku| ["WH-1", "3PL-1"].map(|at| event("opening", sku, at, OPENING)));
        drill.send(opening.collect()).await?;
        initialise_levels(stack, server, say).await?;
        // Some webhooks are lost for good: the sweep finds their orders.
        let (seed, latest_ms) = (config.seed, 1_000);
        drill.server.set_delivery_plan(DeliveryPlan { seed, lost_percent: 5, doubled_percent: 5, late_percent: 5, latest_ms });
        Ok(drill)
    }

    /// Orders, shipments and cancellations, and receipts and write-offs.
    async fn trade(&mut self, stack: &Stack) -> io::Result<()> {
        self.order(self.server);
        let mut events = Vec::new();
        for number in 0..self.config.orders / 2 {
            let sku = self.some_sku();
            let at = ["WH-1", "3PL-1"][self.below(2)];
            let units = if self.below(3) == 0 { -1 } else { 1 + i64::try_from(self.below(4)).unwrap_or(0) };
            events.push(event(&format!("{}-{number}", self.draws), &sku, at, units));
        }
        self.send(events).await?;
        self.server.deliveries_idle().await;
        run_jobs(stack, &|_| ()).await.map(drop)
    }

    /// Customers order; some orders ship, some are cancelled.
    fn order(&mut self, server: &Server) {
        for _ in 0..self.config.orders {
            let sku = self.some_sku();
            let (units, outcome) = (1 + i64::try_from(self.below(2)).unwrap_or(0), self.below(4));
            server.shop(|shop| {
                let now = Timestamp::now();
                let Ok(order) = shop.checkout(now, &[(sku.as_str(), units)]) else { return }; // Sold out.
                match outcome {
                    0 => drop(shop.cancel(now, order)),
                    1 => drop(shop.fulfil(now, order, None)),
                    _ => {}
                }
            });
        }
    }

    async fn send(&mut self, events: Vec<Value>) -> io::Result<()> {
        for batch in events.chunks(100) {
            let answers = self.sender.send(&json!({ "events": batch }).to_string(), &|| ()).await?;
            let is_accepted = |answer: &Value| matches!(answer["outcome"].as_str(), Some("applied" | "duplicate" | "deferred"));
            if let Some(refused) = answers.iter().find(|answer| !is_accepted(answer)) {
                return Err(io::Error::other(format!("an event of the drill was not accepted: {refused}")));
            }
        }
        if let Some(kept) = &mut self.kept {
            kept.extend(events);
        }
        Ok(())
    }

    fn some_sku(&mut self) -> String {
        let at = self.below(self.skus.len());
        self.skus[at].clone()
    }

    fn below(&mut self, bound: usize) -> usize {
        self.draws += 1;
        usize::try_from(draw(self.config.seed, self.draws)).unwrap_or(usize::MAX) % bound
    }
}

/// A receipt, or below zero an adjustment.
fn event(id: &str, sku: &str, at: &str, units: i64) -> Value {
    let kind = match id {
        "opening" => "opening_stock",
        _ if units < 0 => "adjustment",
        _ => "receipt",
    };
    let occurred_at = Timestamp::now().to_string();
    json!({
        "id": format!("{id}:{sku}@{at}"), "kind": kind, "sku": sku, "location": at, "quantity": units, "occurred_at": occurred_at,
    })
}

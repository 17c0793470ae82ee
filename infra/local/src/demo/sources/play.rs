//! Plays the morning: imports the catalog, lets every system send its events, maps the missing code, and waits until no work is
//! left.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use promissory::movement::EventId;
use promissory::ports::Store;
use promissory::table::RowKey;
use promissory_fakes::shopify::{DeliveryPlan, OrderId, Server};
use promissory_fakes::systems::{Served, Shape, SystemState};
use tokio::time::{Instant, sleep, sleep_until};

use super::SourcesConfig;
use super::catalog::{Imported, import, secret_of, sources_secret};
use super::master_data::{CASE, System};
use super::reported_event::{ExpectedOutcome, Placed};
use super::script::{ActionKind, CartAction, MAX_DELAY, Script};
use super::senders::{DemoRun, SendLog};
use crate::demo::play::{initialise_levels, kill_functions, run_jobs};
use crate::stack::Stack;

/// The longest time from the last event that was sent until every event is in the ledger.
const LEDGER_TIMEOUT: Duration = Duration::from_secs(180);

/// What happened in the morning, and when.
#[derive(Debug)]
pub struct PlayResult {
    /// The events that were sent, and the answers.
    pub log: SendLog,
    /// The time at which the morning began; a whole second.
    pub began: Timestamp,
    /// The time from the first event until the last event was sent and answered.
    pub playing: Duration,
    /// The time from then until every event was in the ledger.
    pub catching_up: Duration,
    /// Whether no work was left in time.
    pub at_rest: bool,
}

/// Plays `script` on a stack and a shop that are both empty.
///
/// # Errors
/// When a part of the local stack cannot be reached.
pub async fn play(
    config: &SourcesConfig,
    script: &Script,
    stack: &Stack,
    server: &Server,
    say: &dyn Fn(&str),
) -> io::Result<PlayResult> {
    let base_units = [("Case".to_owned(), ("Ea".to_owned(), CASE))].into();
    let erp_state = SystemState { base_units, ..SystemState::default() };
    let erp = Served::start(Shape::NetSuite, &secret_of(System::Erp), erp_state).await?;
    stack.put_sources_secret(&sources_secret(erp.host()).to_string()).await?;
    say("Importing the catalog with the codes of each system, and the opening stock.");
    let store = stack.store();
    let hour_ago = Timestamp::now().saturating_sub(SignedDuration::from_hours(1)).map_err(io::Error::other)?;
    let imported = import(&store, server, erp.url(), hour_ago).await?;
    imported.take_opening_stock(&store).await?;
    initialise_levels(stack, server, say).await?;
    server.set_delivery_plan(DeliveryPlan {
        seed: config.seed,
        lost_percent: 2,
        doubled_percent: 5,
        late_percent: 5,
        latest_ms: 3_000,
    });

    // The ERP rounds times to whole seconds. The morning begins with a whole second, so that all systems agree on the order of
    // events.
    let began = Timestamp::from_second(Timestamp::now().as_second() + 1).map_err(io::Error::other)?;
    let ahead = Duration::try_from(began.duration_since(Timestamp::now())).unwrap_or_default();
    let demo = DemoRun { script, stack, began, start: Instant::now() + ahead, log: Mutex::default() };
    say(&format!(
        "The morning begins: {} events in {} s, and {} orders of the shop.",
        config.events(),
        config.span().as_secs(),
        script.carts.len()
    ));
    send_all(config, &demo, (&imported, &erp, server), say).await?;
    let playing = demo.start.elapsed();
    say(&format!("All events were sent within {} s. Waiting until they are in the ledger.", playing.as_secs()));
    server.deliveries_idle().await;
    let sent_at = Instant::now();
    let taken = wait_until_applied(&demo).await?;
    let catching_up = sent_at.elapsed();
    let (_, rested) = run_jobs(stack, say).await?;
    let log = demo.log.into_inner().map_err(|_| io::Error::other("a task of the morning panicked"))?;
    Ok(PlayResult { log, began, playing, catching_up, at_rest: taken && rested })
}

/// Lets all systems send their events at the same time.
async fn send_all(
    config: &SourcesConfig,
    demo: &DemoRun<'_>,
    (imported, erp, server): (&Imported, &Served, &Server),
    say: &dyn Fn(&str),
) -> io::Result<()> {
    let span = config.span();
    let (down, up) = (demo.start + span / 4, demo.start + span * 3 / 4);
    let end = demo.start + span + Duration::from_millis(u64::try_from(MAX_DELAY).unwrap_or_default());
    tokio::try_join!(
        demo.send_over_http(System::Wms),
        demo.send_over_http(System::Pos),
        demo.send_on_the_bus(System::ThirdParty),
        async {
            demo.write_documents(System::Erp, erp).await;
            Ok(())
        },
        demo.run_pulls(erp, (down, up, end)),
        async {
            sell(demo, server).await;
            Ok(())
        },
        async {
            sleep_until(down).await;
            say("The ERP is down.");
            sleep_until(demo.start + span / 2).await;
            imported.map_the_new_code(&demo.stack.store()).await?;
            say("The WMS's code of the 3PL's building is mapped.");
            sleep_until(up).await;
            say("The ERP is up again.");
            Ok(())
        },
        async {
            // The schedules run these jobs every minute; here they run every 30 seconds.
            let mut at = demo.start;
            while at + Duration::from_secs(30) < end {
                at += Duration::from_secs(30);
                sleep_until(at).await;
                demo.stack.reconcile("read").await?;
                demo.stack.reconcile("backlog").await?;
            }
            Ok(())
        },
        async {
            if config.chaos {
                let killed = kill_functions(config.seed, span, demo.stack, demo.start).await;
                demo.note(|log| log.killed = killed);
            }
            Ok(())
        },
    )
    .map(drop)
}

/// The shop's customers order, and the shop cancels and fulfils.
async fn sell(demo: &DemoRun<'_>, server: &Server) {
    let mut orders: BTreeMap<usize, OrderId> = BTreeMap::new();
    for CartAction { at, cart, kind } in &demo.script.actions {
        sleep_until(demo.at(*at)).await;
        let now = Timestamp::now();
        let order = orders.get(cart).copied();
        server.shop(|shop| match (kind, order) {
            (ActionKind::Order, _) => {
                let lines: Vec<(String, i64)> =
                    demo.script.carts[*cart].iter().map(|(item, units)| (item.sku(), *units)).collect();
                let lines: Vec<(&str, i64)> = lines.iter().map(|(sku, units)| (sku.as_str(), *units)).collect();
                let order = shop.checkout(now, &lines).expect("the opening stock is enough for every order");
                orders.insert(*cart, order);
                let number = |id: i64| u64::try_from(id).expect("the ids of the fake shop are above zero");
                let lines = shop.order(order).map(|order| order.lines.iter().map(|line| number(line.id.0)).collect());
                let placed =
                    Placed { shop: shop.config().domain.clone(), order: number(order.0), lines: lines.unwrap_or_default() };
                demo.note(|log| log.placed.insert(*cart, placed));
            }
            (ActionKind::Cancel, Some(order)) => shop.cancel(now, order).expect("no unit of the order has shipped"),
            (ActionKind::Fulfil, Some(order)) => drop(shop.fulfil(now, order, None).expect("the order is open")),
            (ActionKind::Cancel | ActionKind::Fulfil, None) => panic!("the script orders a cart before any other action on it"),
        });
    }
}

/// Runs the scheduled jobs until every event that must be applied has its mark; `false` if that takes too long.
async fn wait_until_applied(demo: &DemoRun<'_>) -> io::Result<bool> {
    let store = demo.stack.store();
    let valid = demo.script.events.iter().filter(|event| event.expected == ExpectedOutcome::Applied);
    let mut missing: Vec<_> = valid
        .filter_map(|event| Some(RowKey::AppliedEvent(EventId::new(event.system.code(), event.id()?).clone()).key()))
        .collect();
    let end = Instant::now() + LEDGER_TIMEOUT;
    loop {
        let mut still = Vec::new();
        for keys in missing.chunks(100) {
            let rows = store.get(keys).await.map_err(io::Error::other)?;
            still.extend(keys.iter().zip(rows).filter(|(_, row)| row.is_none()).map(|(key, _)| key.clone()));
        }
        if still.is_empty() {
            return Ok(true);
        }
        if Instant::now() > end {
            return Ok(false);
        }
        missing = still;
        for job in ["pull", "backlog"] {
            demo.stack.reconcile(job).await?;
        }
        sleep(Duration::from_secs(1)).await;
    }
}

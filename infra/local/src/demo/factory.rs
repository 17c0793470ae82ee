//! The events that the factory sends during the sale, and how soon the shop shows their effect.
//!
//! The factory sends signed batches over HTTP, as every other system. The log of the fake shop shows when a push changed the
//! level. During the rush a receipt of the raw material arrives, and the units that are made of it sell. After the rush the
//! factory sends a purchase order of the same amount, and then moves its due date too far; no customer has bought the units that
//! this removes.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use promissory::catalog::day_of;
use promissory_fakes::shopify::{Applied, ItemId, LocationId, Server};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use super::production::{Amounts, FACTORY, RAW, due};
use super::report::between;
use super::script::SERUM;
use super::signed::SignedSender;
use crate::stack::Stack;

/// The name of the factory's system.
const SYSTEM: &str = "factory";

/// The secret with which it signs.
const SECRET: &str = "factory-of-the-demo";

/// The longest time that the shop may take to show the effect of an event.
const LEVEL_TIMEOUT: Duration = Duration::from_secs(90);

/// The purchase order of the raw material whose due date moves.
const DELAYED_ORDER: &str = "PO-2";

/// The change that the shop showed after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelChange {
    /// The change of the shop's level of the serum, in units.
    pub units: i64,
    /// Milliseconds from the answer to the event until the shop's level changed.
    pub after_ms: u64,
}

/// The changes that the shop showed after each event of the factory; `None` if it showed none in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SupplyEffects {
    /// After the receipt.
    pub raised: Option<LevelChange>,
    /// After the purchase order.
    pub ordered: Option<LevelChange>,
    /// After its due date moved.
    pub lowered: Option<LevelChange>,
}

/// The secret of the sources. The factory is the only source.
pub fn sources_secret() -> Value {
    json!({ "signing": { SYSTEM: SECRET } })
}

/// The factory, and the shop in which it watches the effect of its events.
#[derive(Debug)]
pub struct Factory<'a> {
    sender: SignedSender,
    server: &'a Server,
    amounts: Amounts,
    /// The shop's serum, and the production location.
    watched: (ItemId, LocationId),
}

impl<'a> Factory<'a> {
    /// A factory whose events change the shop's level of an item at a location.
    ///
    /// # Errors
    /// When the HTTP client cannot be created.
    pub fn of(stack: &Stack, server: &'a Server, amounts: Amounts, watched: (ItemId, LocationId)) -> io::Result<Self> {
        Ok(Self { sender: SignedSender::of(stack, SYSTEM, SECRET.to_owned())?, server, amounts, watched })
    }

    /// Sends the purchase order that is open when the sale begins.
    ///
    /// # Errors
    /// When the event is not accepted.
    pub async fn send_opening_order(&self) -> io::Result<()> {
        self.send("PO-1/1", "purchase_order", self.amounts.raw_ordered(), order("PO-1", true)).await
    }

    /// Sends its events during the sale: the receipt at the time `soon`, the others after the rush.
    ///
    /// # Errors
    /// When an event is not accepted.
    pub async fn run(&self, soon: Instant, rush_is_over: &Notify, say: &dyn Fn(&str)) -> io::Result<SupplyEffects> {
        let (grams, units) = (self.amounts.raw_more(), self.amounts.more);
        sleep_until(soon).await;
        let raised = self.send_and_wait("GR-1", "receipt", grams, json!({}), units).await?;
        say(&outcome_text(&format!("{grams} g of {RAW} were received"), raised));
        rush_is_over.notified().await;
        let ordered = self.send_and_wait("PO-2/1", "purchase_order", grams, order(DELAYED_ORDER, true), units).await?;
        say(&outcome_text(&format!("{grams} g of {RAW} are ordered"), ordered));
        let lowered = self.send_and_wait("PO-2/2", "purchase_order", grams, order(DELAYED_ORDER, false), -units).await?;
        say(&outcome_text("The supplier delivers too late", lowered));
        Ok(SupplyEffects { raised, ordered, lowered })
    }

    /// Sends an event, and waits until the shop's level of the serum has changed by `units`.
    async fn send_and_wait(&self, id: &str, kind: &str, grams: i64, more: Value, units: i64) -> io::Result<Option<LevelChange>> {
        let before = self.server.shop(|shop| shop.log().len());
        self.send(id, kind, grams, more).await?;
        let (answered, end) = (Timestamp::now(), Instant::now() + LEVEL_TIMEOUT);
        loop {
            let reached = self.server.shop(|shop| reached(shop.log().get(before..).unwrap_or_default(), self.watched, units));
            if let Some((at, units)) = reached {
                return Ok(Some(LevelChange { units, after_ms: between(answered, at) }));
            }
            if Instant::now() > end {
                return Ok(None);
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn send(&self, id: &str, kind: &str, grams: i64, more: Value) -> io::Result<()> {
        let mut event = more;
        event["id"] = id.into();
        event["kind"] = kind.into();
        event["sku"] = RAW.into();
        event["location"] = FACTORY.into();
        event["quantity"] = grams.into();
        event["occurred_at"] = Timestamp::now().to_string().into();
        let answers = self.sender.send(&event.to_string(), &|| ()).await?;
        // A duplicate means that the answer to the first attempt was lost.
        let is_accepted = |answer: &Value| matches!(answer["outcome"].as_str(), Some("applied" | "duplicate" | "deferred"));
        if answers.len() == 1 && answers.iter().all(is_accepted) {
            Ok(())
        } else {
            Err(io::Error::other(format!("the event {id} was not accepted: {answers:?}")))
        }
    }
}

fn order(reference: &str, in_time: bool) -> Value {
    let today = day_of(Timestamp::now());
    json!({ "reference": reference, "due": due(today, in_time).to_string() })
}

fn outcome_text(what: &str, shown: Option<LevelChange>) -> String {
    shown.map_or_else(
        || format!("{what}: the shop does not show it within {} s.", LEVEL_TIMEOUT.as_secs()),
        |shown| format!("{what}: {}.", shown.text()),
    )
}

impl LevelChange {
    /// The change as text for people.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { units, after_ms } = self;
        let tenths = after_ms.div_ceil(100);
        format!("the shop shows {units:+} of the {SERUM} after {}.{} s", tenths / 10, tenths % 10)
    }
}

/// The time at which the calls of a log had changed a level by at least `units`, and the change at that time.
fn reached(log: &[Applied], (item, location): (ItemId, LocationId), units: i64) -> Option<(Timestamp, i64)> {
    let mut sum = 0;
    for call in log.iter().filter(|call| !call.deduplicated) {
        let here = call.changes.iter().filter(|change| change.visible && (change.item, change.location) == (item, location));
        sum += here.map(|change| change.delta).sum::<i64>();
        if (units > 0 && sum >= units) || (units < 0 && sum <= units) {
            return Some((call.at, sum));
        }
    }
    None
}

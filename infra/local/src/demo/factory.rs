//! What the factory says while the sale goes on, and how soon the shop shows it.
//!
//! It speaks as every other system does: signed, over HTTP. How soon is read from the shop's own log of what it was told. In
//! the rush more of the raw material arrives, and what is made of it sells. When the rush is over a supplier announces as
//! much again and then slips, so that nobody has bought what the slip takes away.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use promissory::catalog::day_of;
use promissory_fakes::shopify::{Applied, ItemId, LocationId, Server};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use super::plan::SERUM;
use super::report::between;
use super::signed::Door;
use super::workshop::{Amounts, FACTORY, RAW, due};
use crate::stack::Stack;

/// How the factory's system is called.
const SYSTEM: &str = "factory";

/// What it signs with.
const SECRET: &str = "factory-of-the-demo";

/// How long the shop may take to show what the factory said before the demo says that it does not.
const SHOWN_WITHIN: Duration = Duration::from_secs(90);

/// The order of the raw material that slips.
const SLIPS: &str = "PO-2";

/// What the shop showed of something that was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Units of the serum that it shows more; below zero, less.
    pub units: i64,
    /// Milliseconds from the answer to the shop.
    pub after_ms: u64,
}

/// What became of what the factory said; nothing where the shop never showed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Supplied {
    /// Of the receipt.
    pub raised: Option<Shown>,
    /// Of the purchase order that was announced.
    pub announced: Option<Shown>,
    /// Of its slip.
    pub lowered: Option<Shown>,
}

/// The secret of the sources: the factory is the only one.
pub fn sources_secret() -> Value {
    json!({ "signing": { SYSTEM: SECRET }, "shown": {} })
}

/// The factory and those who see what comes of its words.
#[derive(Debug)]
pub struct Factory<'a> {
    door: Door,
    server: &'a Server,
    amounts: Amounts,
    /// The shop's serum, and its location that shows what can be made.
    watched: (ItemId, LocationId),
}

impl<'a> Factory<'a> {
    /// A factory whose words change what the shop shows of an item at a location.
    ///
    /// # Errors
    /// When there can be no HTTP client.
    pub fn of(stack: &Stack, server: &'a Server, amounts: Amounts, watched: (ItemId, LocationId)) -> io::Result<Self> {
        Ok(Self { door: Door::of(stack, SYSTEM, SECRET.to_owned())?, server, amounts, watched })
    }

    /// Announces what is ordered when the sale begins.
    ///
    /// # Errors
    /// When it is not taken.
    pub async fn announce(&self) -> io::Result<()> {
        self.says("PO-1/1", "purchase_order", self.amounts.raw_ordered(), order("PO-1", true)).await
    }

    /// Speaks while the sale goes on: once `soon`, and again when the rush is over.
    ///
    /// # Errors
    /// When something of it is not taken.
    pub async fn speak(&self, soon: Instant, rush_is_over: &Notify, say: &dyn Fn(&str)) -> io::Result<Supplied> {
        let (grams, units) = (self.amounts.raw_more(), self.amounts.more);
        sleep_until(soon).await;
        let raised = self.shown("GR-1", "receipt", grams, json!({}), units).await?;
        say(&told(&format!("{grams} g of {RAW} arrived"), raised));
        rush_is_over.notified().await;
        let announced = self.shown("PO-2/1", "purchase_order", grams, order(SLIPS, true), units).await?;
        say(&told(&format!("{grams} g of {RAW} are ordered"), announced));
        let lowered = self.shown("PO-2/2", "purchase_order", grams, order(SLIPS, false), -units).await?;
        say(&told("The supplier slips", lowered));
        Ok(Supplied { raised, announced, lowered })
    }

    /// Says something, and waits until the shop shows so many units of the serum more, or less.
    async fn shown(&self, id: &str, kind: &str, grams: i64, more: Value, units: i64) -> io::Result<Option<Shown>> {
        let before = self.server.shop(|shop| shop.log().len());
        self.says(id, kind, grams, more).await?;
        let (answered, end) = (Timestamp::now(), Instant::now() + SHOWN_WITHIN);
        loop {
            let reached = self.server.shop(|shop| reached(shop.log().get(before..).unwrap_or_default(), self.watched, units));
            if let Some((at, units)) = reached {
                return Ok(Some(Shown { units, after_ms: between(answered, at) }));
            }
            if Instant::now() > end {
                return Ok(None);
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn says(&self, id: &str, kind: &str, grams: i64, more: Value) -> io::Result<()> {
        let mut event = more;
        event["id"] = id.into();
        event["kind"] = kind.into();
        event["sku"] = RAW.into();
        event["location"] = FACTORY.into();
        event["quantity"] = grams.into();
        event["occurred_at"] = Timestamp::now().to_string().into();
        let answers = self.door.send(&event.to_string(), &|| ()).await?;
        // A duplicate is one whose first answer was lost.
        let is_kept = |answer: &Value| matches!(answer["outcome"].as_str(), Some("applied" | "duplicate" | "deferred"));
        if answers.len() == 1 && answers.iter().all(is_kept) {
            Ok(())
        } else {
            Err(io::Error::other(format!("{id}: {answers:?}")))
        }
    }
}

fn order(reference: &str, in_time: bool) -> Value {
    let today = day_of(Timestamp::now());
    json!({ "reference": reference, "due": due(today, in_time).to_string() })
}

fn told(what: &str, shown: Option<Shown>) -> String {
    shown.map_or_else(
        || format!("{what}: the shop does not show it within {} s.", SHOWN_WITHIN.as_secs()),
        |shown| format!("{what}: {}.", shown.describe()),
    )
}

impl Shown {
    /// As people read it.
    #[must_use]
    pub fn describe(&self) -> String {
        let Self { units, after_ms } = self;
        let tenths = after_ms.div_ceil(100);
        format!("the shop shows {units:+} of the {SERUM} after {}.{} s", tenths / 10, tenths % 10)
    }
}

/// When the calls of a log had raised a level by `units`, or lowered it where they are below zero; and by how many then.
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

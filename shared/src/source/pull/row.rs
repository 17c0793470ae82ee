//! From a row of a system to an event of the ledger.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use crate::catalog::{Amount, Quantity, SystemId};
use crate::movement::content_hash;
use crate::source::pull::config::{Feed, FeedProgress, Fields, KindMapping, KindOf, OrderFields};
use crate::source::pull::template::Template;
use crate::source::pull::watermark::WatermarkPosition;
use crate::source::{StockEvent, StockKind, parse};

/// What a row says, in the system's codes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    pub kind: StockKind,
    pub quantity: Amount,
    /// The other fields of the event, by name.
    fields: Map<String, Value>,
}

/// What a state is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct About {
    pub sku: String,
    pub location: String,
    pub lot: Option<String>,
}

/// What people call a row: its own name, or its place in the feed.
pub(crate) fn label(feed: &Feed, row: &Value, place: &str) -> String {
    let id = feed.fields.id.as_ref().and_then(|id| id.fill(row).ok().flatten());
    id.map_or_else(|| place.to_owned(), |id| id.chars().filter(|c| !c.is_control()).take(128).collect())
}

/// The row's place in its feed.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn mark(feed: &Feed, progress: &FeedProgress, row: &Value) -> Result<WatermarkPosition, String> {
    match progress {
        FeedProgress::Time { value, .. } => {
            let template = value.as_ref().or(feed.fields.occurred_at.as_ref());
            let text = template.map_or(Ok(None), |template| template.fill(row))?;
            let text = text.ok_or("progress: the row has no time")?;
            feed.times.read(&text).map(WatermarkPosition::Time).map_err(|problem| format!("progress: {problem}"))
        }
        FeedProgress::Sequence { value, .. } => {
            let text = value.fill(row)?.ok_or("progress: the row has no number")?;
            text.parse().map(WatermarkPosition::Sequence).map_err(|_| format!("progress: {text:?} is no whole number"))
        }
    }
}

/// What the state in a row is about, as far as it can be read.
pub(crate) fn about(feed: &Feed, row: &Value) -> Option<About> {
    let text = |template: &Template| template.fill(row).ok().flatten();
    Some(About { sku: text(&feed.fields.sku)?, location: text(&feed.fields.location)?, lot: None })
}

/// Reads a row. `None`: it says nothing of ours.
///
/// # Errors
/// Which field, and what is wrong with it.
pub(crate) fn said(feed: &Feed, row: &Value, asked_at: Timestamp) -> Result<Option<Said>, String> {
    let Some((kind, negate)) = kind(&feed.kind, row)? else { return Ok(None) };
    let Fields { id, sku, location, quantity, unit, occurred_at, lot, expires, reference, to, order, due } = &feed.fields;
    let amount = match quantity.number(row) {
        Some(number) => Amount::from_json(number),
        None => filled("quantity", quantity, row)?.ok_or("quantity: it is missing")?.parse(),
    };
    let amount = amount.map_err(|error| format!("quantity: {error}"))?;
    if amount.is_zero() && !kind.is_a_state() && !kind.announces() {
        return Ok(None); // A line of nothing moves nothing.
    }
    let mut fields = Map::new();
    let mut set = |name: &str, value: Option<Value>| fields.extend(value.map(|value| (name.to_owned(), value)));
    for (name, template) in [
        ("id", id.as_ref().filter(|_| !kind.is_a_state())),
        ("sku", Some(sku)),
        ("location", Some(location)),
        ("lot", lot.as_ref()),
        ("reference", reference.as_ref()),
        ("to", to.as_ref()),
    ] {
        let text = template.map_or(Ok(None), |template| filled(name, template, row))?;
        if text.is_none() && matches!(name, "sku" | "location") {
            return Err(format!("{name}: it is missing"));
        }
        set(name, text.map(Value::from));
    }
    let unit = unit.as_ref().map_or(Ok(None), |unit| filled("unit", unit, row))?;
    set("unit", unit.map(|unit| Value::from(feed.units.get(&unit).unwrap_or(&unit).as_str())));
    let at = match occurred_at {
        None => asked_at,
        Some(template) => {
            let text = filled("occurred_at", template, row)?.ok_or("occurred_at: it is missing")?;
            feed.times.read(&text).map_err(|problem| format!("occurred_at: {problem}"))?
        }
    };
    set("occurred_at", Some(Value::from(at.to_string())));
    for (name, template) in [("expires", expires), ("due", due)] {
        let text = template.as_ref().map_or(Ok(None), |template| filled(name, template, row))?;
        set(name, text.map(|text| day(feed, name, &text)).transpose()?.map(Value::from));
    }
    set("order", order.as_ref().map_or(Ok(None), |order| order_of(order, row))?);
    Ok(Some(Said { kind, quantity: if negate { amount.negated() } else { amount }, fields }))
}

fn filled(name: &str, template: &Template, row: &Value) -> Result<Option<String>, String> {
    template.fill(row).map_err(|problem| format!("{name}: {problem}"))
}

fn kind(kind: &KindOf, row: &Value) -> Result<Option<(StockKind, bool)>, String> {
    let meaning = match kind {
        KindOf::Always(meaning) => *meaning,
        KindOf::By { value, map, otherwise } => {
            let value = filled("kind", value, row)?.unwrap_or_default();
            let known = map.get(&value).copied().or(*otherwise);
            known.ok_or_else(|| format!("kind: the configuration does not say what {value:?} means"))?
        }
    };
    Ok(match meaning {
        KindMapping::Event { kind, negate } => Some((kind, negate)),
        KindMapping::Skip => None,
    })
}

/// A day: as such, or the day of a time by the system's clock.
fn day(feed: &Feed, name: &str, text: &str) -> Result<String, String> {
    if let Ok(date) = text.parse::<Date>() {
        return Ok(date.to_string());
    }
    let time = feed.times.read(text).map_err(|problem| format!("{name}: {problem}, and no date"))?;
    Ok(super::times::Times { write: Some(super::times::TimeFormat::Date), ..feed.times }.write(time))
}

fn order_of(order: &OrderFields, row: &Value) -> Result<Option<Value>, String> {
    let OrderFields { shop, order, line } = order;
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("order: {text:?} is no number of an order or line"));
    match (filled("order", shop, row)?, filled("order", order, row)?, filled("order", line, row)?) {
        (Some(shop), Some(order), Some(line)) => {
            Ok(Some(json!({ "shop": shop, "order": number(&order)?, "line": number(&line)? })))
        }
        (_, _, _) => Ok(None),
    }
}

impl Said {
    /// Nothing of this.
    pub(crate) fn zero(kind: StockKind, about: &About, at: Timestamp) -> Self {
        let mut fields = Map::new();
        for (name, text) in [("sku", about.sku.clone()), ("location", about.location.clone()), ("occurred_at", at.to_string())] {
            fields.insert(name.to_owned(), Value::from(text));
        }
        Self { kind, quantity: Amount::of(Quantity::ZERO), fields }
    }

    /// What it is about.
    pub(crate) fn about(&self) -> About {
        let text = |name: &str| self.fields.get(name).and_then(Value::as_str).map(str::to_owned);
        About { sku: text("sku").unwrap_or_default(), location: text("location").unwrap_or_default(), lot: text("lot") }
    }

    /// Adds another row about the same.
    ///
    /// # Errors
    /// When they cannot be added.
    pub(crate) fn add(&mut self, other: &Self) -> Result<(), String> {
        if self.fields.get("unit") != other.fields.get("unit") || self.kind != other.kind {
            return Err("its rows are in several units or of several kinds, and cannot be added up".to_owned());
        }
        self.quantity = self.quantity.plus(other.quantity).ok_or("the sum of its rows is out of range")?;
        Ok(())
    }

    /// The event. A state is named by what it says: the same state again is the same event.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn event(mut self, system: &SystemId) -> Result<StockEvent, String> {
        self.fields.insert("kind".to_owned(), Value::from(self.kind.name()));
        self.fields.insert("quantity".to_owned(), Value::from(self.quantity.to_string()));
        if self.kind.is_a_state() {
            let sorted: BTreeMap<&String, &Value> = self.fields.iter().collect();
            let written = serde_json::to_string(&sorted).map_err(|error| error.to_string())?;
            self.fields.insert("id".to_owned(), Value::from(format!("state-{}", &content_hash(written.as_bytes())[..40])));
        }
        parse(system, &Value::Object(self.fields)).map_err(|malformed| malformed.to_string())
    }
}

//! Translates a row of a feed into a stock event.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::catalog::{Amount, NumberError, Quantity, SystemId, TimeZone};
use crate::movement::content_hash;
use crate::source::event::{CODE, is_code};
use crate::source::pull::config::{Feed, FeedProgress, Fields, KindMapping, KindOf, OrderFields};
use crate::source::pull::template::Template;
use crate::source::pull::watermark::WatermarkPosition;
use crate::source::{StockEvent, StockKind, parse};

/// The content of a row, in the system's codes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RowContent {
    pub kind: StockKind,
    pub quantity: Amount,
    /// The other fields of the event, by name.
    fields: Map<String, Value>,
}

/// The item, location and lot of a state.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StateKey {
    pub sku: String,
    pub location: String,
    pub lot: Option<String>,
}

/// The name of a row in messages: its own id, or its number in the feed.
pub(crate) fn label(feed: &Feed, row: &Value, row_number: &str) -> String {
    let id = feed.fields.id.as_ref().and_then(|id| id.fill(row).ok().flatten());
    id.map_or_else(|| row_number.to_owned(), |id| id.chars().filter(|c| !c.is_control()).take(128).collect())
}

/// The watermark position of a row.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn mark(feed: &Feed, zone: &TimeZone, progress: &FeedProgress, row: &Value) -> Result<WatermarkPosition, String> {
    match progress {
        FeedProgress::Time { value, .. } => {
            let template = value.as_ref().or(feed.fields.occurred_at.as_ref());
            let text = template.map_or(Ok(None), |template| template.fill(row))?;
            let text = text.ok_or("progress: the row has no time")?;
            feed.times.mark(&text, zone).map(WatermarkPosition::Time).map_err(|problem| format!("progress: {problem}"))
        }
        FeedProgress::Sequence { value, .. } => {
            let text = value.fill(row)?.ok_or("progress: the row has no number")?;
            text.parse().map(WatermarkPosition::Sequence).map_err(|_| format!("progress: {text:?} is not a whole number"))
        }
    }
}

/// The item and location of a row, if they can be read.
pub(crate) fn state_key(feed: &Feed, row: &Value) -> Option<StateKey> {
    let text = |template: &Template| template.fill(row).ok().flatten();
    Some(StateKey { sku: text(&feed.fields.sku)?, location: text(&feed.fields.location)?, lot: None })
}

/// Reads a row of a system with this clock. Returns `None` when the row holds no stock event.
///
/// # Errors
/// The field and its error.
pub(crate) fn read(feed: &Feed, zone: &TimeZone, row: &Value, asked_at: Timestamp) -> Result<Option<RowContent>, String> {
    let Some((kind, negate)) = kind(&feed.kind, row)? else { return Ok(None) };
    let Fields { id, sku, location, quantity, unit, occurred_at, lot, expires, reference, to, order, due } = &feed.fields;
    let amount = amount(feed, quantity, row).map_err(|problem| format!("quantity: {problem}"))?;
    if amount.is_zero() && !kind.may_be_zero() {
        return Ok(None); // A quantity of zero moves nothing.
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
        // A state is summed up and stored under these texts before its event is parsed.
        if text.as_deref().is_some_and(|text| !is_code(text)) {
            return Err(format!("{name}: it must be {CODE}"));
        }
        set(name, text.map(Value::from));
    }
    let unit = unit.as_ref().map_or(Ok(None), |unit| filled("unit", unit, row))?;
    set("unit", unit.map(|unit| Value::from(feed.units.get(&unit).unwrap_or(&unit).as_str())));
    let at = match occurred_at {
        None => asked_at,
        Some(template) => {
            let text = filled("occurred_at", template, row)?.ok_or("occurred_at: it is missing")?;
            feed.times.read(&text, zone).map_err(|problem| format!("occurred_at: {problem}"))?
        }
    };
    set("occurred_at", Some(Value::from(at.to_string())));
    for (name, template) in [("expires", expires), ("due", due)] {
        let text = template.as_ref().map_or(Ok(None), |template| filled(name, template, row))?;
        let day = text.map(|text| feed.times.day(&text, zone).map_err(|problem| format!("{name}: {problem}"))).transpose()?;
        set(name, day.map(|day| Value::from(day.to_string())));
    }
    set("order", order.as_ref().map_or(Ok(None), |order| order_of(order, row))?);
    Ok(Some(RowContent { kind, quantity: if negate { amount.negated() } else { amount }, fields }))
}

/// The quantity of a row. A number comes without the noise of floats if the feed declares its decimals, else exactly as sent.
fn amount(feed: &Feed, quantity: &Template, row: &Value) -> Result<Amount, String> {
    let text = quantity.fill(row)?.ok_or("it is missing")?;
    match feed.decimals {
        Some(decimals) => Amount::without_noise(&text, decimals).map_err(|error| format!("{error}: check decimals of the feed")),
        None => text.parse().map_err(|error| match error {
            NumberError::TooFine(_) => format!("{error}: if the system calculates with floats, set decimals of the feed"),
            other @ (NumberError::NotDecimal(_)
            | NumberError::NotNoise { .. }
            | NumberError::OutOfRange(_)
            | NumberError::NoPercentage(_)
            | NumberError::NoYield(_)) => other.to_string(),
        }),
    }
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
            known.ok_or_else(|| format!("kind: the configuration has no mapping for {value:?}"))?
        }
    };
    Ok(match meaning {
        KindMapping::Event { kind, negate } => Some((kind, negate)),
        KindMapping::Skip => None,
    })
}

fn order_of(order: &OrderFields, row: &Value) -> Result<Option<Value>, String> {
    let OrderFields { shop, order, line } = order;
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("order: {text:?} is not the number of an order or line"));
    match (filled("order", shop, row)?, filled("order", order, row)?, filled("order", line, row)?) {
        (Some(shop), Some(order), Some(line)) => {
            Ok(Some(json!({ "shop": shop, "order": number(&order)?, "line": number(&line)? })))
        }
        (_, _, _) => Ok(None),
    }
}

impl RowContent {
    /// A state of zero.
    pub(crate) fn zero(kind: StockKind, about: &StateKey, at: Timestamp) -> Self {
        let mut fields = Map::new();
        for (name, text) in [("sku", about.sku.clone()), ("location", about.location.clone()), ("occurred_at", at.to_string())] {
            fields.insert(name.to_owned(), Value::from(text));
        }
        Self { kind, quantity: Amount::of(Quantity::ZERO), fields }
    }

    /// Its item, location and lot.
    pub(crate) fn state_key(&self) -> StateKey {
        let text = |name: &str| self.fields.get(name).and_then(Value::as_str).map(str::to_owned);
        StateKey { sku: text("sku").unwrap_or_default(), location: text("location").unwrap_or_default(), lot: text("lot") }
    }

    /// Adds another row of the same item and location.
    ///
    /// # Errors
    /// When the rows differ in unit or kind, or the sum is out of range.
    pub(crate) fn add(&mut self, other: &Self) -> Result<(), String> {
        if self.fields.get("unit") != other.fields.get("unit") || self.kind != other.kind {
            return Err("its rows have several units or kinds and cannot be added up".to_owned());
        }
        self.quantity = self.quantity.plus(other.quantity).ok_or("the sum of its rows is out of range")?;
        Ok(())
    }

    /// Builds the event. The id of a state is made from its content, so that the same state is the same event.
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

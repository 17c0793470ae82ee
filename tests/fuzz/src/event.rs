//! The target for stock events: the JSON that `source-intake` takes, and that `source feed` reads by line.

use promissory::catalog::SystemId;
use promissory::source::{StockEvent, exact_json, parse};
use serde_json::{Value, json};

use crate::check_text;

/// Reads a body as one event or as `{"events": [...]}`, and checks each event.
///
/// # Panics
/// If a property does not hold.
pub fn source_events(bytes: &[u8]) {
    let system: SystemId = "wms-east".parse().expect("a system");
    let document = match exact_json(bytes) {
        Ok(document) => document,
        Err(error) => return check_text(&error.to_string()),
    };
    assert_eq!(
        exact_json(document.to_string().as_bytes()).ok(),
        Some(document.clone()),
        "a document prints and parses to itself"
    );
    let events = document.get("events").and_then(Value::as_array).map_or(std::slice::from_ref(&document), Vec::as_slice);
    for event in events {
        let read = parse(&system, event);
        assert_eq!(read, parse(&system, event), "the same event is read twice in the same way");
        match read {
            Ok(read) => check_event(&system, &read),
            Err(error) => {
                check_text(&error.to_string());
                assert!(!error.field.is_empty(), "a refusal names a field: {error}");
            }
        }
    }
}

/// Checks an event that was accepted.
pub(crate) fn check_event(system: &SystemId, event: &StockEvent) {
    let stored: Value = serde_json::to_value(event).expect("an event is JSON");
    assert_eq!(serde_json::from_value::<StockEvent>(stored).ok().as_ref(), Some(event), "the stored event is the same");
    // An id that may be rounded is written as text the second time, and is certain then.
    if event.order.as_ref().is_none_or(|order| !order.maybe_rounded) {
        let again = sent(event);
        assert_eq!(parse(system, &again).as_ref(), Ok(event), "the event that is sent again is the same: {again}");
    }
    let texts = [Some(&event.id.id), Some(&event.sku), Some(&event.location), event.reference.as_ref(), event.line.as_ref()];
    for text in texts.into_iter().chain([event.to.as_ref()]).flatten() {
        assert!((1..=128).contains(&text.chars().count()), "{text:?} has 1 to 128 characters");
        assert!(!text.chars().any(char::is_control), "{text:?} holds no control character");
    }
    crate::exact_number(&json!(event.quantity.to_string()).to_string());
}

/// An event as its system sends it.
fn sent(event: &StockEvent) -> Value {
    let order = event.order.as_ref();
    let mut sent = json!({
        "id": event.id.id,
        "kind": event.kind.name(),
        "sku": event.sku,
        "location": event.location,
        "quantity": event.quantity.to_string(),
        "unit": event.unit,
        "occurred_at": event.occurred_at.to_string(),
        "lot": event.lot,
        "expires": event.expires.map(|day| day.to_string()),
        "reference": event.reference,
        "line": event.line,
        "to": event.to,
        "due": event.due.map(|day| day.to_string()),
    });
    if let Some(order) = order {
        let (number, line) = (order.order.number().to_string(), order.line.number().to_string());
        sent["order"] = json!({ "shop": order.shop, "order": number, "line": line });
    }
    sent
}

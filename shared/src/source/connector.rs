//! Reads a connector that a person wrote.
//!
//! A stored row may have fields of newer code, which this code ignores and keeps. In a file that a person wrote, a field that no type
//! has is a mistyped one, and the system would be pulled or limited in another way than the person meant. So it is refused.

use serde_json::{Value, json};

use crate::source::System;

/// Why a file is not a connector.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// It is not JSON, or a field is missing or has a wrong value.
    #[error(transparent)]
    Format(#[from] serde_json::Error),
    /// It has a field that no connector has.
    #[error("{0} is not a field of a connector: correct its name, or remove it")]
    UnknownField(String),
}

impl System {
    /// Reads a connector that a person wrote.
    ///
    /// # Errors
    /// When a field is missing, unknown or has a wrong value. A field without a value (`null`) counts as absent.
    pub fn from_file(text: &str) -> Result<Self, ConnectorError> {
        let system: Self = serde_json::from_str(text)?;
        let file: Value = serde_json::from_str(text)?;
        let mut dropped = Vec::new();
        add_dropped(&file, &serde_json::to_value(&system)?, "", &mut dropped);
        match dropped.into_iter().find(|pointer| is_ignored(&file, pointer)) {
            Some(pointer) => {
                let path = pointer.trim_start_matches('/').replace('/', ".").replace("~1", "/").replace("~0", "~");
                Err(ConnectorError::UnknownField(path))
            }
            None => Ok(system),
        }
    }
}

/// Adds the pointers to the fields that a file has, and what was read of it has not. Such a field is unknown, or it has the value that it
/// has without being written.
fn add_dropped(file: &Value, read: &Value, pointer: &str, dropped: &mut Vec<String>) {
    let (Value::Object(file), Value::Object(read)) = (file, read) else { return };
    for (name, value) in file {
        let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        match read.get(name) {
            Some(read) => add_dropped(value, read, &pointer, dropped),
            None if value.is_null() => {}
            None => dropped.push(pointer),
        }
    }
}

/// Whether nothing reads the field at a pointer. It then takes any value, also one that no field of a connector can have.
fn is_ignored(file: &Value, pointer: &str) -> bool {
    let mut other = file.clone();
    if let Some(field) = other.pointer_mut(pointer) {
        *field = json!([[[]]]);
    }
    serde_json::from_value::<System>(other).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connector with each field that is left out of a row while it has its usual value, and with every type that has fields.
    fn connector() -> Value {
        json!({
            "code": "wms", "kind": "wms", "time_zone": "UTC", "pull": {
                "stock": {
                    "url": "https://wms.example.com/stock?from={offset}&n={size}", "method": "get", "headers": {}, "ordered": false,
                    "auth": { "scheme": "bearer", "secret": "token" }, "mode": "full", "aggregate": false, "units": {}, "body": null,
                    "paging": { "by": "offset", "size": 10, "offset": "any" }, "times": { "read": "civil" },
                    "kind": { "always": "count" }, "fields": { "sku": "{/sku}", "location": "{/at}", "quantity": "{/on_hand}" }
                },
                "moves": {
                    "url": "https://wms.example.com/moves?since={since}", "progress": { "by": "sequence", "value": "{/n}" },
                    "kind": { "by": { "value": "{/type}", "map": { "in": "receipt" } } },
                    "fields": {
                        "id": "{/id}", "sku": "{/sku}", "location": "{/at}", "quantity": "{/n}", "occurred_at": "{/time}",
                        "order": { "shop": "{/shop}", "order": "{/order}", "line": "{/line}" }
                    }
                }
            }
        })
    }

    /// The object at a pointer, with one more field.
    fn with_field(pointer: &str, name: &str) -> Value {
        let mut connector = connector();
        connector.pointer_mut(pointer).expect("an object")[name] = json!("x");
        connector
    }

    /// Protects a system from a mistyped setting, and its row from newer code: a file with an unknown field is refused, and a stored row
    /// with one can be read.
    #[test]
    fn a_file_has_no_unknown_field_and_a_row_may_have_one() {
        let known: System = serde_json::from_value(connector()).expect("a connector");
        assert_eq!(System::from_file(&connector().to_string()).expect("every field is known"), known);
        for (pointer, path) in [
            ("", "locaton~s/"),
            ("/pull/stock", "pull.stock.locaton~s/"),
            ("/pull/stock/auth", "pull.stock.auth.locaton~s/"),
            ("/pull/stock/paging", "pull.stock.paging.locaton~s/"),
            ("/pull/stock/times", "pull.stock.times.locaton~s/"),
            ("/pull/stock/fields", "pull.stock.fields.locaton~s/"),
            ("/pull/moves/progress", "pull.moves.progress.locaton~s/"),
            ("/pull/moves/kind/by", "pull.moves.kind.by.locaton~s/"),
            ("/pull/moves/fields/order", "pull.moves.fields.order.locaton~s/"),
        ] {
            let newer = with_field(pointer, "locaton~s/");
            let refused = System::from_file(&newer.to_string()).expect_err(path).to_string();
            assert_eq!(refused, format!("{path} is not a field of a connector: correct its name, or remove it"));
            assert_eq!(serde_json::from_value::<System>(newer).expect("a row of newer code"), known, "{path}");
        }
    }
}

//! The schema version of rows. While a deployment runs, and after a rollback, older code reads and rewrites rows that newer code wrote.
//! It keeps the fields that it does not know.
//!
//! Only a row of a newer version has such fields. Therefore only the rewrite of such a row compares the stored body with what this code
//! reads of it, and every other write costs nothing.

use serde_json::{Map, Value};

/// The version of the shape of all stored types. It is raised by one when a stored type changes: `tests/house/schema.rs` compares them
/// with `tests/house/schema.txt`.
pub const SCHEMA_VERSION: u32 = 1;

/// The version of a row without one: a release before schema versions wrote it.
pub const FIRST_VERSION: u32 = 1;

/// Adds to `new` what `stored` has and this code does not know. `known` is what this code reads of `stored`.
///
/// A field is unknown when `stored` has it and `known` does not. It is kept where the object that it belongs to is still there. An element of
/// a list keeps its unknown fields while the known ones do not change.
pub(super) fn keep_unknown(new: &mut Value, known: &Value, stored: &Value) {
    match (new, known, stored) {
        (Value::Object(new), Value::Object(known), Value::Object(stored)) => keep_unknown_fields(new, known, stored),
        (Value::Array(new), Value::Array(known), Value::Array(stored)) if known.len() == stored.len() => {
            let mut left: Vec<(&Value, &Value)> = known.iter().zip(stored).filter(|(known, stored)| known != stored).collect();
            for element in new {
                if let Some(at) = left.iter().position(|(known, _)| *known == &*element) {
                    let (known, stored) = left.remove(at);
                    keep_unknown(element, known, stored);
                }
            }
        }
        (_, _, _) => {}
    }
}

fn keep_unknown_fields(new: &mut Map<String, Value>, known: &Map<String, Value>, stored: &Map<String, Value>) {
    for (name, stored) in stored {
        match (known.get(name), new.get_mut(name)) {
            (Some(known), Some(new)) => keep_unknown(new, known, stored),
            (None, None) => drop(new.insert(name.clone(), stored.clone())),
            // This code removed a field that it knows, or it writes a field that it read as absent.
            (Some(_), None) | (None, Some(_)) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    /// Protects what newer code wrote into a row from older code that rewrites the row.
    #[test]
    fn what_this_code_does_not_know_is_kept_where_it_belongs() {
        for (case, stored, known, new, expected) in [
            ("a field", json!({ "a": 1, "b": 2 }), json!({ "a": 1 }), json!({ "a": 5 }), json!({ "a": 5, "b": 2 })),
            (
                "a field of a part",
                json!({ "p": { "a": 1, "b": 2 } }),
                json!({ "p": { "a": 1 } }),
                json!({ "p": { "a": 5 } }),
                json!({ "p": { "a": 5, "b": 2 } }),
            ),
            (
                "a part that is gone",
                json!({ "p": { "x": { "b": 2 } } }),
                json!({ "p": { "x": {} } }),
                json!({ "p": {} }),
                json!({ "p": {} }),
            ),
            ("a known field that is removed", json!({ "a": 1 }), json!({ "a": 1 }), json!({}), json!({})),
            ("a field that was empty", json!({ "a": null }), json!({}), json!({ "a": 5 }), json!({ "a": 5 })),
            ("another value", json!({ "a": { "b": 2 } }), json!({ "a": {} }), json!({ "a": 7 }), json!({ "a": 7 })),
            (
                "elements that move",
                json!([{ "a": 1, "b": 1 }, { "a": 2, "b": 2 }, { "a": 2, "b": 3 }]),
                json!([{ "a": 1 }, { "a": 2 }, { "a": 2 }]),
                json!([{ "a": 2 }, { "a": 9 }, { "a": 2 }, { "a": 2 }]),
                json!([{ "a": 2, "b": 2 }, { "a": 9 }, { "a": 2, "b": 3 }, { "a": 2 }]),
            ),
        ] {
            let mut written = new;
            keep_unknown(&mut written, &known, &stored);
            assert_eq!(written, expected, "{case}");
        }
    }

    #[derive(Serialize, Deserialize)]
    struct Older {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    }

    /// Protects a field that is left out while it is empty: an older function that empties it is not undone.
    #[test]
    fn an_emptied_field_stays_empty() {
        let stored = json!({ "note": "x", "newer": true });
        let mut row: Older = serde_json::from_value(stored.clone()).expect("readable");
        let known = serde_json::to_value(&row).expect("an object");
        row.note = None;
        let mut written = serde_json::to_value(&row).expect("an object");
        keep_unknown(&mut written, &known, &stored);
        assert_eq!(written, json!({ "newer": true }));
    }
}

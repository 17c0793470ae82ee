//! Reads the input of an inventory mutation into types, before any rule of the shop is asked.
//!
//! What does not fit the schema is a top-level error, as GraphQL makes it: an unknown or missing field, a number beyond
//! 32 bits, an id that is none, more than 250 rows, and `changeFromQuantity` left out (null is allowed and opts out).

use super::ids::{ItemId, LocationId};
use super::mutation::{Mutation, too_many};
use super::page::LARGEST;
use super::resolve::TopError;
use serde_json::{Map, Value};

/// The input of an adjustment or a set.
pub(super) struct Input {
    pub(super) name: String,
    pub(super) reason: String,
    pub(super) reference: Option<String>,
    pub(super) rows: Vec<Row>,
}

/// One row of it. An item or location is nothing where its gid is of another kind.
pub(super) struct Row {
    pub(super) item: Option<ItemId>,
    pub(super) location: Option<LocationId>,
    /// The delta, or the quantity to be set.
    pub(super) number: i64,
    /// The quantity expected before; nothing where the check is waived.
    pub(super) from: Option<i64>,
    pub(super) ledger: Option<String>,
}

/// Reads the `input` argument.
pub(super) fn read(kind: Mutation, input: Option<&Value>) -> Result<Input, TopError> {
    let (array, row_type, number) = kind.rows();
    let input = input.and_then(Value::as_object).ok_or_else(|| invalid("input", "Expected value to not be null"))?;
    known(input, &["name", "reason", "referenceDocumentUri", array], "")?;
    let rows = input.get(array).and_then(Value::as_array).ok_or_else(|| invalid(array, "Expected value to not be null"))?;
    if rows.len() > LARGEST {
        return Err(too_many(rows.len()));
    }
    Ok(Input {
        name: text(input, "name", "")?,
        reason: text(input, "reason", "")?,
        reference: optional(input, "referenceDocumentUri", "")?,
        rows: rows
            .iter()
            .enumerate()
            .map(|(index, value)| row(kind, value, &format!("{array}.{index}."), row_type, number))
            .collect::<Result<_, _>>()?,
    })
}

fn row(kind: Mutation, value: &Value, path: &str, row_type: &str, number: &str) -> Result<Row, TopError> {
    let fields = value.as_object().ok_or_else(|| invalid(path, "Expected an object"))?;
    match kind {
        Mutation::Adjust => {
            known(fields, &["inventoryItemId", "locationId", "changeFromQuantity", number, "ledgerDocumentUri"], path)?
        }
        Mutation::Set | Mutation::Activate => {
            known(fields, &["inventoryItemId", "locationId", "changeFromQuantity", number], path)?
        }
        Mutation::Describe => unreachable!("metafields are read by themselves"),
    }
    let from = fields.get("changeFromQuantity").ok_or_else(|| {
        TopError::new("INVALID_FIELD_ARGUMENTS", format!("{row_type} must include the following argument: changeFromQuantity."))
    })?;
    Ok(Row {
        item: ItemId::parse(&gid(fields, "inventoryItemId", path)?),
        location: LocationId::parse(&gid(fields, "locationId", path)?),
        number: int(fields.get(number), &format!("{path}{number}"))?,
        from: if from.is_null() { None } else { Some(int(Some(from), &format!("{path}changeFromQuantity"))?) },
        ledger: optional(fields, "ledgerDocumentUri", path)?,
    })
}

/// Checks that a variable was given as declared: present where it must not be null.
pub(super) fn required(name: &str, kind: &str, value: Option<&Value>) -> Result<(), TopError> {
    if kind.ends_with('!') && value.is_none_or(Value::is_null) {
        return Err(TopError::new("INVALID_VARIABLE", format!("Variable ${name} of type {kind} was provided invalid value")));
    }
    Ok(())
}

/// A GraphQL Int: whole, and of 32 bits.
pub(super) fn int(value: Option<&Value>, path: &str) -> Result<i64, TopError> {
    let int = value.and_then(Value::as_i64).filter(|number| i32::try_from(*number).is_ok());
    int.ok_or_else(|| invalid(path, "Could not coerce value to Int"))
}

pub(super) fn gid(fields: &Map<String, Value>, name: &str, path: &str) -> Result<String, TopError> {
    let gid = text(fields, name, path)?;
    if gid.starts_with("gid://shopify/") {
        Ok(gid)
    } else {
        Err(invalid(&format!("{path}{name}"), &format!("Invalid global id '{gid}'")))
    }
}

pub(super) fn text(fields: &Map<String, Value>, name: &str, path: &str) -> Result<String, TopError> {
    let text = fields.get(name).and_then(Value::as_str).map(str::to_owned);
    text.ok_or_else(|| invalid(&format!("{path}{name}"), "Expected value to not be null"))
}

pub(super) fn optional(fields: &Map<String, Value>, name: &str, path: &str) -> Result<Option<String>, TopError> {
    match fields.get(name).filter(|value| !value.is_null()) {
        None => Ok(None),
        Some(_) => text(fields, name, path).map(Some),
    }
}

pub(super) fn known(fields: &Map<String, Value>, names: &[&str], path: &str) -> Result<(), TopError> {
    match fields.keys().find(|name| !names.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(invalid(&format!("{path}{name}"), "Field is not defined")),
    }
}

pub(super) fn invalid(path: &str, problem: &str) -> TopError {
    TopError::new("INVALID_VARIABLE", format!("Variable $input was provided invalid value for {path} ({problem})"))
}

//! Reads the input of an inventory mutation into types, before the rules of the shop apply.
//!
//! The schema check covers fields, types and numbers of 32 bits. What the schema cannot express is a top-level error here: an
//! id that is not a gid, more than 250 rows, and a missing `changeFromQuantity`. Null is allowed for `changeFromQuantity`, and
//! waives the check.

use super::ids::{ItemId, LocationId};
use super::mutation::{Mutation, too_many};
use super::page::LARGEST;
use super::resolve::TopError;
use super::schema::list;
use apollo_compiler::response::JsonValue;

/// The input of an adjustment or a set.
pub(super) struct Input {
    pub(super) name: String,
    pub(super) reason: String,
    pub(super) reference: Option<String>,
    pub(super) rows: Vec<Row>,
}

/// One row of the input. The item or the location is `None` if its gid is of another kind.
pub(super) struct Row {
    pub(super) item: Option<ItemId>,
    pub(super) location: Option<LocationId>,
    /// The delta, or the quantity to set.
    pub(super) number: i64,
    /// The quantity expected before the change; `None` if the caller waives the check.
    pub(super) from: Option<i64>,
    pub(super) ledger: Option<String>,
}

/// Reads the `input` argument.
pub(super) fn read(kind: Mutation, input: &JsonValue) -> Result<Input, TopError> {
    let (array, row_type, number) = kind.rows();
    let rows = list(input.get(array).cloned());
    if rows.len() > LARGEST {
        return Err(too_many(rows.len()));
    }
    let row = |(index, row): (usize, &JsonValue)| {
        let path = format!("{array}.{index}.");
        let from = row.get("changeFromQuantity").ok_or_else(|| {
            let missing = format!("{row_type} must include the following argument: changeFromQuantity.");
            TopError::new("INVALID_FIELD_ARGUMENTS", missing)
        })?;
        Ok(Row {
            item: ItemId::parse(&gid(row, "inventoryItemId", &path)?),
            location: LocationId::parse(&gid(row, "locationId", &path)?),
            number: row[number].as_i64().ok_or_else(|| invalid(&format!("{path}{number}"), "Expected value to not be null"))?,
            from: from.as_i64(),
            ledger: optional(row, "ledgerDocumentUri"),
        })
    };
    Ok(Input {
        name: text(input, "name", "")?,
        reason: text(input, "reason", "")?,
        reference: optional(input, "referenceDocumentUri"),
        rows: rows.iter().enumerate().map(row).collect::<Result<_, _>>()?,
    })
}

pub(super) fn gid(fields: &JsonValue, name: &str, path: &str) -> Result<String, TopError> {
    let gid = text(fields, name, path)?;
    if gid.starts_with("gid://shopify/") {
        Ok(gid)
    } else {
        Err(invalid(&format!("{path}{name}"), &format!("Invalid global id '{gid}'")))
    }
}

/// Reads a required text. The schema accepts null in one case: a variable that has a default and is given as null.
pub(super) fn text(fields: &JsonValue, name: &str, path: &str) -> Result<String, TopError> {
    optional(fields, name).ok_or_else(|| invalid(&format!("{path}{name}"), "Expected value to not be null"))
}

pub(super) fn optional(fields: &JsonValue, name: &str) -> Option<String> {
    fields[name].as_str().map(str::to_owned)
}

fn invalid(path: &str, problem: &str) -> TopError {
    TopError::new("INVALID_VARIABLE", format!("Variable $input was provided invalid value for {path} ({problem})"))
}

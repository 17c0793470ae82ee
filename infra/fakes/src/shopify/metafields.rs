//! Metafields of variants, which an app sets. A call sets all rows or none, and has no idempotency key.
//!
//! Shopify documents that a call is atomic, its maximum size and its error codes. The fake infers that an unknown owner is
//! `INVALID`. This module has only what our operation uses: the type `json`, owners that are variants, and no digests. GraphQL
//! does not return metafields here.

use super::ids::{ItemId, VariantId};
use super::input::{gid, optional, text};
use super::mutation::{Code, Mutation, Outcome, UserError};
use super::resolve::TopError;
use super::schema::list;
use super::shop::Shop;
use apollo_compiler::response::JsonValue;
use serde_json::Value;

/// The maximum number of metafields in one call.
const LARGEST: usize = 25;

/// One metafield to set. The owner is `None` if its gid is of another kind.
pub(super) struct Row {
    owner: Option<VariantId>,
    namespace: String,
    key: String,
    kind: String,
    value: String,
}

/// Reads the `metafields` argument.
pub(super) fn read(rows: &JsonValue) -> Result<Vec<Row>, TopError> {
    let row = |(index, row): (usize, &JsonValue)| {
        let path = format!("metafields.{index}.");
        Ok(Row {
            owner: VariantId::parse(&gid(row, "ownerId", &path)?),
            namespace: optional(row, "namespace").unwrap_or_else(|| "$app".to_owned()),
            key: text(row, "key", &path)?,
            kind: optional(row, "type").unwrap_or_default(),
            value: text(row, "value", &path)?,
        })
    };
    list(Some(rows.clone())).iter().enumerate().map(row).collect()
}

impl Shop {
    /// Sets all metafields of a call, or refuses the call.
    pub(super) fn set_metafields(&mut self, rows: Vec<Row>) -> Outcome {
        let mut errors = Vec::new();
        if rows.len() > LARGEST {
            errors.push(UserError::new(Code::TooManyMetafields, &["metafields"]));
        }
        for (index, row) in rows.iter().enumerate() {
            if let Err((code, field)) = self.validate(row) {
                errors.push(UserError::new(code, &["metafields", &index.to_string(), field]));
            }
        }
        if errors.is_empty() {
            for Row { owner, namespace, key, kind: _, value } in rows {
                let owner = owner.expect("a row without an owner was refused");
                self.metafields.insert((owner, namespace, key), value);
            }
        }
        Outcome::refused(Mutation::SetMetafields, errors)
    }

    /// Checks a row. The error is the code and the field that causes it.
    fn validate(&self, row: &Row) -> Result<(), (Code, &'static str)> {
        let fits = |name: &str, least: usize, most: usize| {
            (least..=most).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_$".contains(&b))
        };
        let item = row.owner.and_then(|owner| self.items.values().find(|item| item.variant == owner && !item.removed));
        if item.is_none_or(|item| self.faults.poisoned.contains(&item.id)) {
            return Err((Code::UnknownOwner, "ownerId"));
        }
        if !fits(&row.namespace, 3, 255) {
            return Err((Code::MetafieldName, "namespace"));
        }
        if !fits(&row.key, 2, 64) {
            return Err((Code::MetafieldName, "key"));
        }
        if row.kind != "json" {
            return Err((Code::MetafieldType, "type"));
        }
        serde_json::from_str::<Value>(&row.value).map(|_| ()).map_err(|_| (Code::NotJson, "value"))
    }

    /// Returns the value of a metafield of an item's variant.
    #[must_use]
    pub fn metafield(&self, item: ItemId, namespace: &str, key: &str) -> Option<&str> {
        let variant = self.items.get(&item)?.variant;
        self.metafields.get(&(variant, namespace.to_owned(), key.to_owned())).map(String::as_str)
    }
}

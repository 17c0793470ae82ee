//! The mutations that the fake serves, and their outcomes with user errors.
//!
//! Codes and messages are those of the 2026-10 introspection. It has no codes for `inventoryActivate`, only messages.

use super::ids::{ItemId, LocationId};
use super::log::{AppliedKind, Change};
use super::page::LARGEST;
use super::resolve::TopError;

/// A mutation that the fake serves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mutation {
    Adjust,
    Set,
    Activate,
    SetMetafields,
}

impl Mutation {
    pub(super) fn by_field(name: &str) -> Option<Self> {
        match name {
            "inventoryAdjustQuantities" => Some(Mutation::Adjust),
            "inventorySetQuantities" => Some(Mutation::Set),
            "inventoryActivate" => Some(Mutation::Activate),
            "metafieldsSet" => Some(Mutation::SetMetafields),
            _ => None,
        }
    }

    /// Returns whether a mutation takes an idempotency key. A mutation that replaces whole values can be repeated without a
    /// key.
    pub(super) fn is_keyed(self) -> bool {
        match self {
            Mutation::Adjust | Mutation::Set | Mutation::Activate => true,
            Mutation::SetMetafields => false,
        }
    }

    /// Returns the array in the input, the type of a row, and the field with the number of a row.
    pub(super) fn rows(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Mutation::Adjust => ("changes", "InventoryChangeInput", "delta"),
            Mutation::Set => ("quantities", "InventoryQuantityInput", "quantity"),
            Mutation::Activate | Mutation::SetMetafields => unreachable!("it has no rows of quantities"),
        }
    }

    /// Returns the kind for the log of level changes; `None` if the mutation does not change levels.
    pub(super) fn applied(self) -> Option<AppliedKind> {
        match self {
            Mutation::Adjust => Some(AppliedKind::Adjust),
            Mutation::Set => Some(AppliedKind::Set),
            Mutation::Activate => Some(AppliedKind::Activate),
            Mutation::SetMetafields => None,
        }
    }
}

/// The reason why a row, or the whole mutation, was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Code {
    Stale,
    Concurrent,
    OtherParameters,
    FailedBefore,
    UnknownItem,
    Untracked,
    Immutable,
    UnknownLocation,
    LedgerDocument,
    AdjustName,
    SetName,
    Reason,
    Reference,
    Negative,
    TooHigh,
    TooLow,
    Twice,
    AlreadyActive,
    UnknownOwner,
    TooManyMetafields,
    MetafieldName,
    MetafieldType,
    NotJson,
}

impl Code {
    pub(super) fn name(self) -> &'static str {
        match self {
            Code::Stale => "CHANGE_FROM_QUANTITY_STALE",
            Code::Concurrent => "IDEMPOTENCY_CONCURRENT_REQUEST",
            Code::OtherParameters => "IDEMPOTENCY_KEY_PARAMETER_MISMATCH",
            Code::FailedBefore => "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED",
            Code::UnknownItem | Code::Untracked => "INVALID_INVENTORY_ITEM",
            Code::Immutable => "NON_MUTABLE_INVENTORY_ITEM",
            Code::UnknownLocation => "INVALID_LOCATION",
            Code::LedgerDocument => "INVALID_AVAILABLE_DOCUMENT",
            Code::AdjustName => "INVALID_QUANTITY_NAME",
            Code::SetName => "INVALID_NAME",
            Code::Reason => "INVALID_REASON",
            Code::Reference => "INVALID_REFERENCE_DOCUMENT",
            Code::Negative => "INVALID_QUANTITY_NEGATIVE",
            Code::TooHigh => "INVALID_QUANTITY_TOO_HIGH",
            Code::TooLow => "INVALID_QUANTITY_TOO_LOW",
            Code::Twice => "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR",
            Code::AlreadyActive => "ALREADY_ACTIVE",
            Code::UnknownOwner | Code::MetafieldName => "INVALID",
            Code::TooManyMetafields => "LESS_THAN_OR_EQUAL_TO",
            Code::MetafieldType => "INVALID_TYPE",
            Code::NotJson => "INVALID_VALUE",
        }
    }

    fn message(self) -> &'static str {
        match self {
            Code::Stale => "The changeFromQuantity argument no longer matches the persisted quantity.",
            Code::Concurrent => "This request is currently in progress, please try again.",
            Code::OtherParameters => "The same idempotency key cannot be used with different operation parameters.",
            Code::FailedBefore => "A previous request with this idempotency key failed. Retry with a new idempotency key.",
            Code::UnknownItem => "The specified inventory item could not be found.",
            Code::Untracked => "The specified inventory item does not have inventory tracking enabled.",
            Code::Immutable => "The specified inventory item is not allowed to be adjusted via API.",
            Code::UnknownLocation => "The specified location could not be found.",
            Code::LedgerDocument => "A ledger document URI is not allowed when adjusting available.",
            Code::AdjustName => "The specified quantity name is invalid.",
            Code::SetName => "The quantity name must be either 'available' or 'on_hand'.",
            Code::Reason => "The specified reason is invalid.",
            Code::Reference => "The specified reference document is invalid.",
            Code::Negative => "The quantity can't be negative.",
            Code::TooHigh => "The quantity is too high.",
            Code::TooLow => "The quantity is too low.",
            Code::Twice => "The combination of inventoryItemId and locationId must be unique.",
            Code::AlreadyActive => "Not allowed to set available quantity when the item is already active at the location.",
            Code::UnknownOwner => "Owner does not exist.",
            Code::TooManyMetafields => "Exceeded the maximum metafields input limit of 25.",
            Code::MetafieldName => "The name is too short, too long, or has other characters than letters, digits, - and _.",
            Code::MetafieldType => "Type is not served here.",
            Code::NotJson => "Value is invalid JSON.",
        }
    }
}

/// A user error with the path of the field that it is about. Indexes are text: `["input","changes","3","changeFromQuantity"]`.
#[derive(Clone, Debug)]
pub(super) struct UserError {
    pub(super) code: Code,
    pub(super) field: Option<Vec<String>>,
    pub(super) message: String,
}

impl UserError {
    pub(super) fn new(code: Code, path: &[&str]) -> Self {
        let field = path.iter().map(|part| (*part).to_owned()).collect();
        UserError { code, field: Some(field), message: code.message().to_owned() }
    }

    /// Creates an error about the request as a whole.
    pub(super) fn whole(code: Code) -> Self {
        UserError { code, field: None, message: code.message().to_owned() }
    }
}

/// The outcome of a mutation. The shop applied the mutation if there are no errors, and applied no part of it if there is one.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) kind: Mutation,
    /// The number of its adjustment group; `None` if the mutation was to change no quantity, visible or not.
    pub(super) group: Option<i64>,
    pub(super) level: Option<(ItemId, LocationId)>,
    pub(super) errors: Vec<UserError>,
    /// The rows, for the log.
    pub(super) changes: Vec<Change>,
}

impl Outcome {
    pub(super) fn refused(kind: Mutation, errors: Vec<UserError>) -> Self {
        Outcome { kind, group: None, level: None, errors, changes: Vec::new() }
    }
}

/// Returns the error for an input array or an id list above the limit.
pub(super) fn too_many(size: usize) -> TopError {
    TopError::new(
        "MAX_INPUT_SIZE_EXCEEDED",
        format!("The input array size of {size} is greater than the maximum allowed of {LARGEST}."),
    )
}

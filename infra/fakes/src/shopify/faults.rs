//! What is to go wrong: knobs that a test or a person turns, each used up as calls come in.
//!
//! The order, where several are set: fail, throttle, then what concerns mutations only. Deciding is pure: nothing here is random.

use super::ids::{ItemId, LineId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The knobs. Setting them replaces all of them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// GraphQL calls to be answered with 500 and not run.
    pub fail: u32,
    /// GraphQL calls to be answered with THROTTLED and not run.
    pub throttle: u32,
    /// Mutations that are lost on the way in: never applied, never answered.
    pub lose_request: u32,
    /// Mutations that are applied, and never answered.
    pub lose_answer: u32,
    /// Mutations that are never answered, and applied when `Shop::settle_late` is called. Their keys are in use until then.
    pub apply_late: u32,
    /// Mutations with a key to be answered with IDEMPOTENCY_CONCURRENT_REQUEST and not run.
    pub concurrent: u32,
    /// Mutations for which a known key is not recognised, as early reports say has happened.
    pub forget_keys: u32,
    /// Items that every mutation is refused for with NON_MUTABLE_INVENTORY_ITEM, and metafields of their variants with INVALID.
    pub poisoned: BTreeSet<ItemId>,
    /// Order lines that queries answer with a negative quantity, which contradicts the order.
    pub contradictory: BTreeSet<LineId>,
}

/// Uses a knob up by one; says whether there was one left.
pub(super) fn used(knob: &mut u32) -> bool {
    let set = *knob > 0;
    *knob = knob.saturating_sub(1);
    set
}

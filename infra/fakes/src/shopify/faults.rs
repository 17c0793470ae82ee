//! Faults that a test or a person sets. A fault with a number is used up by the calls that it affects.
//!
//! If several faults are set, `fail` applies first, then `throttle`, then the faults that affect only mutations. The decision
//! is pure and uses no randomness.

use super::ids::{DraftOrderId, ItemId, LineId, OrderId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The faults that are set. Setting faults replaces all of them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// The number of GraphQL calls that the shop answers with 500 and does not run.
    pub fail: u32,
    /// The number of GraphQL calls that the shop answers with `THROTTLED` and does not run.
    pub throttle: u32,
    /// The number of mutations that are lost before they reach the shop, which neither applies nor answers them.
    pub lose_request: u32,
    /// The number of mutations that the shop applies and never answers.
    pub lose_answer: u32,
    /// The number of mutations that the shop never answers, and applies when a test calls `Shop::settle_late`. Their keys are
    /// in use until then.
    pub apply_late: u32,
    /// The number of mutations with a key that the shop answers with `IDEMPOTENCY_CONCURRENT_REQUEST` and does not run.
    pub concurrent: u32,
    /// The number of mutations whose known key the shop does not recognise. Early reports describe this fault.
    pub forget_keys: u32,
    /// Items for which the shop refuses every mutation with `NON_MUTABLE_INVENTORY_ITEM`. It refuses metafields of their
    /// variants with `INVALID`.
    pub poisoned: BTreeSet<ItemId>,
    /// Order lines for which queries return a negative quantity, which contradicts the order.
    pub contradictory: BTreeSet<LineId>,
    /// Draft orders for whose lines queries return a negative quantity.
    pub contradictory_drafts: BTreeSet<DraftOrderId>,
    /// Whether the app may not read draft orders: it lacks the scope `read_draft_orders`.
    pub no_drafts_scope: bool,
    /// Whether the quantity of a component of a draft is that of one bundle. Shopify does not document which of the two it is.
    pub components_per_bundle: bool,
    /// The number of seconds after which the search for orders contains a change that happens while this fault is set. A query of
    /// one order by its id is never late.
    pub search_lag: u32,
    /// The same for single orders, which may be earlier or later than the others.
    pub late_in_search: BTreeMap<OrderId, u32>,
}

/// Lowers a fault's number by one. Returns whether the fault was set.
pub(super) fn used(knob: &mut u32) -> bool {
    let set = *knob > 0;
    *knob = knob.saturating_sub(1);
    set
}

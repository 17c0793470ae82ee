//! The calls to a shop, kept so that an explanation can show which call sent a value.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{LocationId, Sku};
use crate::storefront::{PushIntent, PushState, ShopAnswer};

/// One call to a shop whose outcome is known. It is written in the transaction that closes its intent, and never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushCall {
    /// The intent, closed.
    #[serde(flatten)]
    pub intent: PushIntent,
    /// What the shop answered.
    pub outcome: PushOutcome,
    /// When that was recorded.
    pub closed_at: Timestamp,
}

/// What a shop answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushOutcome {
    /// The shop accepted all rows.
    Accepted,
    /// The shop refused the call, for these reasons.
    Refused(Vec<RefusalReason>),
}

/// Why a call was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalReason {
    /// The row that caused the refusal, where the shop reports one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<usize>,
    /// The shop's message.
    pub message: String,
}

impl From<&ShopAnswer> for PushOutcome {
    fn from(answer: &ShopAnswer) -> Self {
        match answer {
            ShopAnswer::Done => Self::Accepted,
            ShopAnswer::Refused(errors) => {
                let reason = |error: &super::UserError| RefusalReason { row: error.row, message: error.message.clone() };
                Self::Refused(errors.iter().map(reason).collect())
            }
        }
    }
}

impl PushCall {
    /// The number of a shop's calls that an explanation searches for the one that sent a value.
    pub const SEARCHED: u64 = 500;

    /// The call of an intent that is being closed, with its outcome.
    #[must_use]
    pub fn closing(intent: &PushIntent, outcome: PushOutcome, now: Timestamp) -> Self {
        Self { intent: PushIntent { state: PushState::Closed, ..intent.clone() }, outcome, closed_at: now }
    }

    /// The row of one pair, with its number in the call; `None` when the call did not send the pair.
    #[must_use]
    pub fn row(&self, sku: &Sku, location: &LocationId) -> Option<(usize, &super::PushRow)> {
        self.intent.rows.iter().enumerate().find(|(_, row)| (&row.sku, &row.location) == (sku, location))
    }
}

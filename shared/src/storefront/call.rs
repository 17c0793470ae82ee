//! What a shop was told, call by call, for whoever asks later why it showed what it showed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{LocationId, Sku};
use crate::storefront::{PushIntent, PushState, ShopAnswer};

/// One call to a shop whose outcome is known. Written with the closing of its intent, and never changed.
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
    /// It took all of it.
    Told,
    /// It took nothing of it, for these reasons.
    Refused(Vec<RefusalReason>),
}

/// Why a call was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalReason {
    /// Which of its rows is to blame, where the shop says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<usize>,
    /// What the shop says.
    pub message: String,
}

impl From<&ShopAnswer> for PushOutcome {
    fn from(answer: &ShopAnswer) -> Self {
        match answer {
            ShopAnswer::Done => Self::Told,
            ShopAnswer::Refused(errors) => {
                let reason = |error: &super::UserError| RefusalReason { row: error.row, message: error.message.clone() };
                Self::Refused(errors.iter().map(reason).collect())
            }
        }
    }
}

impl PushCall {
    /// The calls of a shop that are looked back through for what it was told.
    pub const LOOKED_BACK: u64 = 500;

    /// The call of an intent, with what came of it.
    #[must_use]
    pub fn closing(intent: &PushIntent, outcome: PushOutcome, now: Timestamp) -> Self {
        Self { intent: PushIntent { state: PushState::Closed, ..intent.clone() }, outcome, closed_at: now }
    }

    /// What it said of one pair, if it did.
    #[must_use]
    pub fn row(&self, sku: &Sku, location: &LocationId) -> Option<(usize, &super::PushRow)> {
        self.intent.rows.iter().enumerate().find(|(_, row)| (&row.sku, &row.location) == (sku, location))
    }
}

//! What a shop was told, call by call, for whoever asks later why it showed what it showed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{LocationId, Sku};
use crate::storefront::{Answer, Intent, IntentState};

/// One call to a shop whose outcome is known. Written with the closing of its intent, and never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The intent, closed.
    #[serde(flatten)]
    pub intent: Intent,
    /// What the shop answered.
    pub outcome: Outcome,
    /// When that was recorded.
    pub closed_at: Timestamp,
}

/// What a shop answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It took all of it.
    Told,
    /// It took nothing of it, for these reasons.
    Refused(Vec<Reason>),
}

/// Why a call was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Which of its rows is to blame, where the shop says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<usize>,
    /// What the shop says.
    pub message: String,
}

impl From<&Answer> for Outcome {
    fn from(answer: &Answer) -> Self {
        match answer {
            Answer::Done => Self::Told,
            Answer::Refused(errors) => {
                let reason = |error: &super::UserError| Reason { row: error.row, message: error.message.clone() };
                Self::Refused(errors.iter().map(reason).collect())
            }
        }
    }
}

impl Call {
    /// The calls of a shop that are looked back through for what it was told.
    pub const LOOKED_BACK: u64 = 500;

    /// The call of an intent, with what came of it.
    #[must_use]
    pub fn closing(intent: &Intent, outcome: Outcome, now: Timestamp) -> Self {
        Self { intent: Intent { state: IntentState::Closed, ..intent.clone() }, outcome, closed_at: now }
    }

    /// What it said of one pair, if it did.
    #[must_use]
    pub fn row(&self, sku: &Sku, location: &LocationId) -> Option<(usize, &super::IntentRow)> {
        self.intent.rows.iter().enumerate().find(|(_, row)| (&row.sku, &row.location) == (sku, location))
    }
}

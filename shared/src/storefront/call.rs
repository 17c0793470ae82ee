//! What a shop was told, call by call, for whoever asks later why it showed what it showed.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Answer, Intent, IntentState};
use crate::catalog::{LocationId, ShopDomain, Sku};
use crate::clock::Clock;
use crate::store::{Expect, Key, Row, Store, StoreError, Write, WriteError};

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

    /// Where call number `number` of a shop lives.
    #[must_use]
    pub fn key_of(shop: &ShopDomain, number: u64) -> Key {
        Key::new(Intent::key_of(shop).pk, format!("DONE#{number:012}"))
    }

    /// What it said of one pair, if it did.
    #[must_use]
    pub fn row(&self, sku: &Sku, location: &LocationId) -> Option<(usize, &super::IntentRow)> {
        self.intent.rows.iter().enumerate().find(|(_, row)| (&row.sku, &row.location) == (sku, location))
    }
}

impl Row for Call {
    fn key(&self) -> Key {
        Self::key_of(&self.intent.shop, self.intent.number)
    }
}

/// How often the closing of an intent is tried while others are at work on its row, and the first pause between.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(100);

/// Closes an intent, and keeps what was told with it. Whoever finds it closed already has nothing to do.
pub(super) async fn close<S: Store, C: Clock>(store: &S, clock: &C, call: &Call, expect: Expect) -> Result<(), StoreError> {
    let mut writes = vec![Write::put(&call.intent, expect), Write::put(call, Expect::Absent)];
    let mut written = store.write(&writes).await;
    for attempt in 1..ATTEMPTS {
        match &written {
            // Left open, it would hold up whoever comes next.
            Err(WriteError::Conflict) => clock.sleep(PAUSE * attempt).await,
            Err(WriteError::Refused(refusals)) if refusals.iter().all(|refusal| refusal.key == call.key()) => {
                // A call of this number from before the table lost its intent: no reason to leave this one open.
                tracing::error!(shop = %call.intent.shop, intent = call.intent.number, "a call of this number is kept already");
                writes.truncate(1);
            }
            Ok(()) | Err(WriteError::Refused(_) | WriteError::Store(_)) => break,
        }
        written = store.write(&writes).await;
    }
    match written {
        // Refused: another push took this intent over and closed it, which says the same.
        Ok(()) | Err(WriteError::Refused(_) | WriteError::Conflict) => Ok(()),
        Err(WriteError::Store(error)) => Err(error),
    }
}

//! Explains the numbers of an item: reads the rows they were computed from, now or at a time in the past.

mod past;
mod present;

use jiff::Timestamp;

use crate::catalog::{LocationId, ShopDomain, Sku};
use crate::explain::{ExplainAnswer, ExplainQuestion, answer};
use crate::ports::{Store, StoreError};
use crate::table::UnreadableRow;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// There is no such item.
    #[error("there is no item {0}")]
    NoItem(Sku),
    /// There is no such location.
    #[error("there is no location {0}")]
    NoLocation(LocationId),
    /// The item is not sold in this shop.
    #[error("{0} is not sold in {1}")]
    NotSold(Sku, ShopDomain),
    /// The time is in the future.
    #[error("{0} is in the future: ask for a past time, or leave the time out")]
    NotYet(Timestamp),
    /// The store failed, or a row cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<UnreadableRow> for ExplainError {
    fn from(error: UnreadableRow) -> Self {
        Self::Store(error.into())
    }
}

/// Explains the numbers of an item.
///
/// # Errors
/// [`ExplainError`].
pub async fn explain<S: Store>(store: &S, question: &ExplainQuestion, now: Timestamp) -> Result<ExplainAnswer, ExplainError> {
    let facts = match question.at {
        Some(at) if at > now => return Err(ExplainError::NotYet(at)),
        Some(at) => past::read(store, question, at).await?,
        None => present::read(store, question, now).await?,
    };
    Ok(answer(&facts, question))
}

//! The basis of a count: which units it includes.

use serde::{Deserialize, Serialize};

use crate::catalog::Quantity;
use crate::movement::{Balance, BalanceChange};

/// Which units a count or balance includes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountBasis {
    /// Physical units. Units that a POS sold are not there, even if the book stock still includes them.
    Physical,
    /// The book stock.
    BookStock,
}

impl CountBasis {
    /// The part of a change that a count on this basis includes.
    #[must_use]
    pub fn of_change(self, change: BalanceChange) -> Quantity {
        match self {
            Self::Physical => change.on_hand - change.pos_pending,
            Self::BookStock => change.on_hand,
        }
    }

    /// The units of a balance, counted on this basis.
    #[must_use]
    pub fn of_balance(self, balance: Balance) -> Quantity {
        match self {
            Self::Physical => balance.on_hand - balance.pos_pending,
            Self::BookStock => balance.on_hand,
        }
    }
}

//! Folding movements back into positions: how a stored position is checked against its history.

use super::{Balance, Movement, Position};

/// What does not add up in the history of a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// A movement is missing or doubled.
    #[error("{position}: movement {found} follows {after}")]
    Gap {
        /// The position.
        position: String,
        /// The last number in order.
        after: u64,
        /// The number found next.
        found: u64,
    },
    /// A movement did not find the state its predecessor left.
    #[error("{position}: movement {seq} found {before:?} where {expected:?} had been left")]
    Broken {
        /// The position.
        position: String,
        /// The movement.
        seq: u64,
        /// What it says it found.
        before: Box<Balance>,
        /// What was there.
        expected: Box<Balance>,
    },
    /// A movement's `after` is not its `before` with its change.
    #[error("{position}: movement {seq} does not lead from its before to its after")]
    Unsound {
        /// The position.
        position: String,
        /// The movement.
        seq: u64,
    },
    /// The stored position is not where its movements lead.
    #[error("{position} is stored as {stored:?} at {stored_seq}, its movements lead to {folded:?} at {folded_seq}")]
    Differs {
        /// The position.
        position: String,
        /// The stored balance.
        stored: Box<Balance>,
        /// The stored sequence.
        stored_seq: u64,
        /// The folded balance.
        folded: Box<Balance>,
        /// The folded sequence.
        folded_seq: u64,
    },
}

/// The balance and sequence that `movements` (of one position, in order, from the first) lead to.
///
/// # Errors
/// The first thing in the history that does not add up.
pub fn fold(movements: &[Movement]) -> Result<(u64, Balance), Mismatch> {
    let mut at = (0, Balance::default());
    for movement in movements {
        let (seq, balance) = at;
        let position = || movement.of.to_string();
        if movement.seq != seq + 1 {
            return Err(Mismatch::Gap { position: position(), after: seq, found: movement.seq });
        }
        if movement.before != balance {
            return Err(Mismatch::Broken {
                position: position(),
                seq: movement.seq,
                before: Box::new(movement.before),
                expected: Box::new(balance),
            });
        }
        if movement.before + movement.kind.change(movement.quantity) != movement.after {
            return Err(Mismatch::Unsound { position: position(), seq: movement.seq });
        }
        at = (movement.seq, movement.after);
    }
    Ok(at)
}

/// Checks a stored position against its movements.
///
/// # Errors
/// As [`fold`], and when the stored position is not where they lead.
pub fn verify(position: &Position, movements: &[Movement]) -> Result<(), Mismatch> {
    let (seq, balance) = fold(movements)?;
    if (seq, balance) == (position.seq, position.balance) {
        return Ok(());
    }
    Err(Mismatch::Differs {
        position: position.of.to_string(),
        stored: Box::new(position.balance),
        stored_seq: position.seq,
        folded: Box::new(balance),
        folded_seq: seq,
    })
}

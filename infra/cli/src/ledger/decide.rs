//! The decisions of an operator about a position: to withdraw a statement with a wrong time, and to confirm or discard a change
//! of a level that waits. Each is an event of the ledger, with the operator as its source.

use std::io;

use promissory::catalog::{Network, Place, Quantity};
use promissory::draft::EventOutcome;
use promissory::flows::{Received, receive};
use promissory::ledger::{LedgerEvent, PositionAction, PositionDecision};
use promissory::movement::{EventId, PositionKey};
use promissory::ports::{Clock, Store, read_rows};
use promissory::storefront::{Level, LevelBlock};
use promissory::table::RowKey;

/// What a decision led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The number of movements.
    pub movements: usize,
    /// What happened, as a sentence.
    pub detail: String,
}

/// Withdraws a count, a balance, or a statement about a purchase order or production run.
///
/// # Errors
/// When the store fails, or the position has no such statement.
pub async fn withdraw<S: Store, C: Clock>(
    (store, clock, network): (&S, &C, &Network),
    of: PositionKey,
    event: EventId,
) -> io::Result<Decided> {
    let detail = format!("{event} is withdrawn. Send it again with the right time and a new id.");
    decide((store, clock, network), PositionDecision::withdraw(of, event, clock.now()), detail).await
}

/// Confirms or discards the change of a level that waits. `confirm` puts the removed units on sale again; otherwise the
/// difference is withheld.
///
/// # Errors
/// When the store fails, or no change of the position waits.
pub async fn settle<S: Store, C: Clock>(
    (store, clock, network): (&S, &C, &Network),
    of: PositionKey,
    confirm: bool,
) -> io::Result<Decided> {
    let level = parked(store, network, &of).await?;
    let Some(LevelBlock::Parked { shown, wanted }) = level.blocked else { return Err(nothing_waits(&of)) };
    let withheld = if confirm { Quantity::ZERO } else { wanted - shown };
    let detail = if confirm {
        format!("{} is going to be set from {shown} to {wanted} in {}.", level.sku, level.shop)
    } else {
        format!("{} stays at {shown} in {}; {withheld} units are withheld from sale.", level.sku, level.shop)
    };
    let decision = PositionDecision::settle(PositionDecision::OPERATOR, of, (level.removed, withheld), clock.now());
    decide((store, clock, network), decision, detail).await
}

/// The level of the position whose change waits.
async fn parked<S: Store>(store: &S, network: &Network, of: &PositionKey) -> io::Result<Level> {
    let Place::At(code) = &of.place else { return Err(nothing_waits(of)) };
    let location = network.get(code).ok_or_else(|| io::Error::other(format!("{code} is not a location of the network")))?;
    let row = |shop: &_| RowKey::Level { shop: Clone::clone(shop), sku: of.sku.clone(), location: code.clone() };
    let names: Vec<RowKey> = location.shops.keys().map(row).collect();
    let rows = read_rows(store, names.clone()).await.map_err(io::Error::other)?;
    for name in names {
        let level: Option<Level> = rows.get(&name).map_err(io::Error::other)?;
        if let Some(level) = level.filter(|level| matches!(level.blocked, Some(LevelBlock::Parked { .. }))) {
            return Ok(level);
        }
    }
    Err(nothing_waits(of))
}

fn nothing_waits(of: &PositionKey) -> io::Error {
    io::Error::other(format!("no change of the level of {of} waits for a decision: see the alert parked_change"))
}

async fn decide<S: Store, C: Clock>(
    (store, clock, network): (&S, &C, &Network),
    decision: PositionDecision,
    detail: String,
) -> io::Result<Decided> {
    let is_withdrawal = matches!(decision.action, PositionAction::Withdraw { .. });
    match receive(store, clock, network, LedgerEvent::Decision(decision)).await.map_err(io::Error::other)? {
        Received::Decided(EventOutcome::Applied { movements, .. }) => Ok(Decided { movements, detail }),
        Received::Decided(EventOutcome::Duplicate) => {
            Ok(Decided { movements: 0, detail: "This was decided before, and nothing changed.".to_owned() })
        }
        Received::Deferred(_) => {
            Ok(Decided { movements: 0, detail: format!("{detail} The position is busy: the change follows within moments.") })
        }
        Received::Decided(EventOutcome::Refused(error)) => Err(io::Error::other(error)),
        Received::Decided(
            other @ (EventOutcome::ContentMismatch
            | EventOutcome::Waiting(_)
            | EventOutcome::Quarantined
            | EventOutcome::Unreadable),
        ) => {
            let what = if is_withdrawal { "withdrawn" } else { "settled" };
            Err(io::Error::other(format!("it cannot be {what} ({other:?}): run `cargo x ledger verify`")))
        }
    }
}

//! Computes what a position was at some moment by folding its movements.

use std::io;

use promissory::ledger::Position;
use promissory::ledger::replay::{At, Mismatch, Moment, ReplayError, Rewind};
use promissory::movement::PositionKey;
use promissory::ports::{Clock, Listing, Store};
use promissory::table::{Key, Partition, RowKey};

use super::verify::{content, readable, reread};
use crate::table::Table;

/// How often the movements are read when they seem to be damaged and a second reading finds no damage.
const READINGS: u32 = 4;

/// Computes the position `of` at a moment, with the last `keep` movements before it, or returns the first mismatch in its
/// movements. For the present it also compares the result with the stored position.
///
/// # Errors
/// When the table cannot be read, when there is no such position, and when the moment lies after its last movement. The error
/// says what to do.
pub async fn replay<C: Clock>(
    table: &Table,
    clock: &C,
    of: &PositionKey,
    at: At,
    keep: usize,
) -> io::Result<Result<Moment, Mismatch>> {
    for _ in 0..READINGS {
        let doubtful = match see(table, of, at, keep).await? {
            Seen::Nothing => return Err(unknown(table, of).await?),
            Seen::Moment(moment) => return Ok(Ok(moment)),
            Seen::NotYet(error) => return Err(io::Error::other(format!("{of}: {error}"))),
            Seen::Doubtful(moment) => moment,
        };
        match (reread(table, clock, &RowKey::Position(of.clone()).key().pk).await?, doubtful) {
            (Some(mismatch), _) => return Ok(Err(mismatch)),
            (None, Some(moment)) => return Ok(Ok(moment)),
            (None, None) => {}
        }
    }
    Err(io::Error::other(format!("{of} changed during every reading: try again, or name a movement with --seq")))
}

enum Seen {
    /// There is no such position.
    Nothing,
    Moment(Moment),
    NotYet(ReplayError),
    /// The rows do not add up, because of damage or of a concurrent write. Contains the moment if only the stored position is
    /// missing or differs.
    Doubtful(Option<Moment>),
}

async fn see(table: &Table, of: &PositionKey, at: At, keep: usize) -> io::Result<Seen> {
    let store = table.store();
    let stored = match store.get(&[RowKey::Position(of.clone()).key()]).await {
        Ok(found) => found.into_iter().flatten().next(),
        Err(error) => readable(table, error).map(|_| None)?,
    };
    let mut rewind = Rewind::to(at, keep);
    let mut listing = Listing::rows(&Partition::Movements(of.clone()));
    let mut is_empty = true;
    loop {
        let page = match store.list(&listing).await {
            Ok(page) => page,
            Err(error) => return readable(table, error).map(|_| Seen::Doubtful(None)),
        };
        for record in &page.records {
            is_empty = false;
            if rewind.has_arrived() {
                break;
            }
            match content(record) {
                Ok(movement) => rewind.follow(&movement),
                Err(_) => return Ok(Seen::Doubtful(None)),
            }
        }
        match page.next {
            Some(next) if !rewind.has_arrived() => listing.after = Some(next),
            Some(_) | None => break,
        }
    }
    if is_empty && stored.is_none() {
        return Ok(Seen::Nothing);
    }
    let stored = stored.and_then(|record| content::<Position>(&record).ok());
    let followed_to = rewind.followed_to();
    // If the stored position is newer than the last movement that was found, a missing movement may lie before the moment.
    let falls_short = !rewind.has_arrived() && stored.as_ref().is_some_and(|stored| stored.seq > followed_to);
    Ok(match rewind.finish() {
        Ok(moment) if falls_short && moment.state.seq == followed_to => Seen::Doubtful(None),
        Err(ReplayError::NotYet { asked, .. }) if stored.as_ref().is_some_and(|stored| stored.seq >= asked) => {
            Seen::Doubtful(None)
        }
        Ok(moment) if at == At::Now => {
            let agrees = stored.is_some_and(|stored| moment.state.check(&stored).is_ok());
            if agrees { Seen::Moment(moment) } else { Seen::Doubtful(Some(moment)) }
        }
        Ok(moment) => Seen::Moment(moment),
        Err(ReplayError::Mismatch(_)) => Seen::Doubtful(None),
        Err(error @ ReplayError::NotYet { .. }) => Seen::NotYet(error),
    })
}

/// The error of a position that does not exist, with a hint where to look.
async fn unknown(table: &Table, of: &PositionKey) -> io::Result<io::Error> {
    let store = table.store();
    let network = promissory::flows::load_network(&store).await.map_err(|error| table.cannot(&error))?;
    let places: Vec<_> = network.places().collect();
    let keys: Vec<Key> =
        places.iter().map(|place| RowKey::Position(PositionKey::new(of.sku.clone(), place.clone())).key()).collect();
    let found = store.get(&keys).await.map_err(|error| table.cannot(&error))?;
    let known: Vec<String> =
        places.iter().zip(found).filter(|(_, found)| found.is_some()).map(|(place, _)| place.to_string()).collect();
    let elsewhere = if known.is_empty() {
        "it has no position at any location of the network".to_owned()
    } else {
        format!("it has positions at {}", known.join(", "))
    };
    Ok(io::Error::other(format!(
        "there is no position {of} in the table {}. Check\n\
         - the SKU {}: it must be the SKU of the catalog, not the shop's; {elsewhere}\n\
         - the place {}: the code of a location, or `unassigned`, where orders reserve until their routing is known\n\
         - the table and the region\n\
         An item has a position only where a movement was recorded.",
        table.name, of.sku, of.place
    )))
}

//! A change that touches every item: a location closes, a tier keeps back more. All of them are recomputed, a page at a time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{Item, Location, Network, NetworkCache, Tier};
use crate::clock::Clock;
use crate::promise::recompute;
use crate::store::{Cursor, Expect, Key, Listing, Row, Store, StoreError, Write, WriteError, read};

/// Items recomputed before the progress is written down.
const PAGE: usize = 50;

/// That every item must be recomputed, and how far that has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refresh {
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// The last item that was done.
    pub after: Option<String>,
}

impl Refresh {
    /// Where it lives; there is one.
    #[must_use]
    pub fn key_of() -> Key {
        Key::head("REFRESH")
    }

    /// Whether a change of this row touches every item.
    #[must_use]
    pub fn is_for(key: &Key) -> bool {
        key.pk == Location::PARTITION || key.pk == Tier::PARTITION
    }
}

impl Row for Refresh {
    fn key(&self) -> Key {
        Self::key_of()
    }
}

/// Asks for every item to be recomputed, from the first.
///
/// # Errors
/// When the store fails.
pub async fn ask_refresh<S: Store, C: Clock>(store: &S, clock: &C) -> Result<(), StoreError> {
    let (_, expect) = read::<Refresh, S>(store, Refresh::key_of()).await?;
    match store.write(&[Write::put(&Refresh { asked_at: clock.now(), after: None }, expect)]).await {
        // Somebody else asks, or has come further: the next run would begin behind what changed just now.
        Err(WriteError::Refused(_) | WriteError::Conflict) => {
            Err(StoreError::Unavailable { detail: "the refresh is being worked at".into(), source: None })
        }
        Ok(()) => Ok(()),
        Err(WriteError::Store(error)) => Err(error),
    }
}

/// Recomputes every item, if that was asked for, from where the last run stopped, until `deadline`. Returns how many it did.
/// What has become due is found by its index.
///
/// # Errors
/// When the store fails; the next run goes on.
pub async fn refresh<S: Store, C: Clock>(
    store: &S,
    clock: &C,
    network: &Network,
    deadline: Timestamp,
) -> Result<usize, StoreError> {
    let mut done = 0;
    loop {
        let (Some(asked), expect) = read::<Refresh, S>(store, Refresh::key_of()).await? else { return Ok(done) };
        // Until then some warm function may still hold the network as it was, this one among them.
        if clock.now().duration_since(asked.asked_at).unsigned_abs() < NetworkCache::KEPT {
            return Ok(done);
        }
        let after = asked
            .after
            .as_ref()
            .map(|sku| Cursor { key: Key::head(format!("ITEM#{sku}")), index: Some(Key::new(Item::INDEX, sku.as_str())) });
        let page = store.list(&Listing { after, ..Listing::index(Item::INDEX, PAGE) }).await?;
        let mut last = None;
        for record in &page.records {
            if clock.now() > deadline {
                break;
            }
            match record.decode::<Item>() {
                Ok(item) => {
                    if let Err(error) = recompute(store, clock, network, &item.sku).await {
                        tracing::error!(sku = %item.sku, %error, "an item is not computed anew; the others go on");
                    }
                    last = Some(item.sku.to_string());
                }
                Err(error) => {
                    tracing::error!(%error, "an item cannot be read; the others go on");
                    last = record.key.pk.strip_prefix("ITEM#").map(str::to_owned).or(last);
                }
            }
            done += 1;
        }
        let cut = clock.now() > deadline;
        let end = !cut && (page.next.is_none() || last.is_none());
        let write = match expect {
            Expect::Revision(_) if end => Write::Delete { key: Refresh::key_of(), expect },
            Expect::Absent | Expect::Revision(_) => Write::put(&Refresh { after: last.or(asked.after), ..asked }, expect),
        };
        match store.write(&[write]).await {
            // Asked for again meanwhile: from the first again.
            Ok(()) | Err(WriteError::Refused(_) | WriteError::Conflict) => {}
            Err(WriteError::Store(error)) => return Err(error),
        }
        if cut {
            return Ok(done);
        }
    }
}

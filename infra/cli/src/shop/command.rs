//! `shop set` and `shop status`. The result goes to standard output, progress to standard error. Scripts may rely on the JSON keys.

use std::io;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use promissory::adapters::clock::SystemClock;
use promissory::catalog::{ShopDomain, ShopSettings};
use promissory::flows::{ShopSettingsError, set_shop};
use promissory::ports::{Clock, Listing, Store, StoreError, list_all, read};
use promissory::reconcile::OrderWatermark;
use promissory::storefront::Level;
use promissory::table::{IndexPartition, Partition, Record, RowKey};
use serde::Serialize;
use serde_json::json;

use crate::table::Address;

/// The largest number of levels that are counted.
pub const MAX_COUNTED: usize = 1_000;

/// The commands on shops.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write the settings of a shop: from when on it is live.
    ///
    /// The time may change until the first sweep of the shop's orders.
    /// Exit code: 0, or 1 if the settings are refused, or 2 if the command could not run.
    Set(SetArgs),
    /// Show every shop that has settings, and how far its orders have been read.
    ///
    /// Exit code: 0, or 1 if the orders of a shop have not been read completely, or 2 if the command could not run.
    Status(StatusArgs),
}

/// The arguments of `shop set`.
#[derive(Debug, Args)]
pub struct SetArgs {
    /// The permanent domain of the shop.
    #[arg(value_name = "SHOP")]
    shop: ShopDomain,
    /// The time of the opening stock, such as 2027-01-01T06:00:00Z. What orders did up to this time is in the opening stock; what
    /// was open then is reserved. Nothing is swept, forwarded or pushed before. A fraction of a second is dropped.
    #[arg(long, value_name = "TIME")]
    go_live_at: Timestamp,
    /// Forward orders that were open at that time as sales orders, too. Without it only orders that are placed later are forwarded.
    #[arg(long)]
    forward_open_orders: bool,
    #[command(flatten)]
    table: Address,
    /// Print one JSON object: shop, go_live_at, forward_open_orders.
    #[arg(long)]
    json: bool,
}

/// The arguments of `shop status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    table: Address,
    /// Print one JSON object: shops, each with its settings and its progress.
    #[arg(long)]
    json: bool,
}

/// What `shop status` shows of a shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShopStatus {
    /// Its settings.
    pub settings: ShopSettings,
    /// Whether every order that was open when it went live has been read.
    pub open_orders_read: bool,
    /// When the last complete sweep of its orders began.
    pub complete_at: Option<Timestamp>,
    /// The number of levels that are not set yet, at most [`MAX_COUNTED`]. Changes of such a level are not sent until it is set.
    pub levels_to_set: usize,
    /// By how many seconds its search for orders may lag, as far as that was observed.
    pub search_lag_seconds: u64,
}

/// Runs a command. `say` receives its progress and `print` its result.
///
/// # Errors
/// When the command cannot run. The error says what to do.
pub async fn run(command: Command, say: &dyn Fn(&str), print: &dyn Fn(&str)) -> io::Result<ExitCode> {
    match command {
        Command::Set(args) => {
            let store = args.table.find(say).await?.store();
            let go_live_at = Timestamp::from_second(args.go_live_at.as_second()).map_err(io::Error::other)?;
            let settings =
                ShopSettings { shop: args.shop, go_live_at, forward_open_orders: args.forward_open_orders, restored_at: None };
            match set_shop(&store, &SystemClock, &settings).await {
                Ok(()) => {
                    print(&if args.json { serde_json::to_string(&settings)? } else { in_words(&settings) });
                    Ok(ExitCode::SUCCESS)
                }
                Err(ShopSettingsError::Store(error)) => Err(io::Error::other(error)),
                Err(refused @ (ShopSettingsError::UnknownShop(_) | ShopSettingsError::Live { .. })) => {
                    print(&refused.to_string());
                    Ok(ExitCode::FAILURE)
                }
            }
        }
        Command::Status(StatusArgs { table, json }) => {
            let table = table.find(say).await?;
            let shops = status(&table.store(), SystemClock.now()).await.map_err(|error| table.cannot(&error))?;
            let complete = shops.iter().all(|shop| shop.complete_at.is_some());
            let lines: Vec<String> = shops.iter().map(ShopStatus::in_words).collect();
            print(&if json { json!({ "shops": shops }).to_string() } else { lines.join("\n") });
            Ok(if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

fn in_words(settings: &ShopSettings) -> String {
    let ShopSettings { shop, go_live_at, forward_open_orders, restored_at: _ } = settings;
    let open = if *forward_open_orders { "are" } else { "are not" };
    format!("{shop} is live from {go_live_at} on. Orders that are open then are reserved, and {open} forwarded.")
}

/// The settings and the progress of every shop.
///
/// # Errors
/// When the store fails, or a row cannot be read.
pub async fn status<S: Store>(store: &S, now: Timestamp) -> Result<Vec<ShopStatus>, StoreError> {
    let mut shops = Vec::new();
    for record in list_all(store, Listing::rows(&Partition::Shops)).await? {
        let settings: ShopSettings = record.decode()?;
        let mark = read::<OrderWatermark, S>(store, &RowKey::OrderWatermark(settings.shop.clone())).await?.0;
        shops.push(ShopStatus {
            open_orders_read: mark.as_ref().is_some_and(|mark| mark.open_orders_read),
            complete_at: mark.as_ref().and_then(|mark| mark.complete_at),
            levels_to_set: levels_to_set(store, &settings.shop).await?,
            search_lag_seconds: mark.map_or(0, |mark| mark.lag_allowance(now).as_secs()),
            settings,
        });
    }
    Ok(shops)
}

/// Counts the due levels of a shop that have no acknowledged value.
async fn levels_to_set<S: Store>(store: &S, shop: &ShopDomain) -> Result<usize, StoreError> {
    let due = store.list(&Listing::index(&IndexPartition::DueLevels(shop.clone()), MAX_COUNTED)).await?;
    let has_no_value = |record: &&Record| record.decode::<Level>().is_ok_and(|level| level.acknowledged.is_none());
    Ok(due.records.iter().filter(has_no_value).count())
}

impl ShopStatus {
    fn in_words(&self) -> String {
        let settings = in_words(&self.settings);
        let progress = match (self.complete_at, self.open_orders_read) {
            (Some(at), _) => format!("Its orders are complete up to {at}."),
            (None, true) => "Its open orders are read; the first sweep is not complete.".to_owned(),
            (None, false) => "Its open orders are not all read.".to_owned(),
        };
        let lag = match self.search_lag_seconds {
            0 => String::new(),
            seconds => format!(" Its search for orders may lag by {seconds} s; levels are set so much later."),
        };
        let to_set = match self.levels_to_set {
            0 => String::new(),
            MAX_COUNTED.. => format!(" At least {MAX_COUNTED} levels are not set yet."),
            levels => format!(" {levels} levels are not set yet."),
        };
        format!("{settings} {progress}{lag}{to_set}")
    }
}

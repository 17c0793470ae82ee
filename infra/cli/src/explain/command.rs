//! The command `explain`. The answer goes to standard output, progress to standard error. Scripts may rely on the JSON keys.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use promissory::adapters::clock::SystemClock;
use promissory::catalog::{Item, LocationId, Quantity, ShopDomain, Sku};
use promissory::explain::{ExplainAnswer, ExplainQuestion};
use promissory::flows::{ExplainError, explain};
use promissory::ports::{Clock, Listing, Store};

use super::text::text;
use crate::table::{Address, Table};

/// How often the numbers are read when they do not add up. A recomputation that is still running ends between the readings.
const READINGS: u32 = 3;

/// The pause between two readings.
const PAUSE: Duration = Duration::from_secs(1);

/// The arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The SKU of the item in the catalog.
    #[arg(value_name = "SKU")]
    sku: Sku,
    /// Explain only the numbers at this location.
    #[arg(long, value_name = "CODE")]
    location: Option<LocationId>,
    /// Explain only the levels of this shop.
    #[arg(long, value_name = "DOMAIN")]
    shop: Option<ShopDomain>,
    /// Explain the numbers of a past time, e.g. 2026-11-21T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Show the first day on which this many more units can be promised, and the bottleneck before that day.
    #[arg(long, value_name = "UNITS", value_parser = units)]
    promise: Option<Quantity>,
    /// The number of movements to show for each position, newest first.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(0..=100))]
    movements: u16,
    #[command(flatten)]
    table: Address,
    /// Print one JSON object: sku, at, past, tree, bottleneck, promise_date, late, last_seen, notes, inconsistencies.
    #[arg(long)]
    json: bool,
}

fn units(given: &str) -> Result<Quantity, String> {
    let units = given.parse().ok().map(Quantity::new);
    units
        .filter(|units| units.is_positive() && units.is_sane_input())
        .ok_or_else(|| "give a whole number of units, at least 1".to_owned())
}

/// Runs the command. `say` receives its progress and `print` the answer.
///
/// # Errors
/// When the table cannot be read, or does not contain the item or location. The error says what to do.
pub async fn run(args: ExplainArgs, say: &dyn Fn(&str), print: &dyn Fn(&str)) -> io::Result<ExitCode> {
    let ExplainArgs { sku, location, shop, at, promise, movements, table, json } = args;
    let table = table.find(say).await?;
    let question = ExplainQuestion { sku, location, shop, at, promise, movements: movements.into() };
    let answer = ask(&table, &SystemClock, &question).await?;
    print(&if json { serde_json::to_string(&answer).map_err(io::Error::other)? } else { text(&answer) });
    Ok(if answer.is_correct() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Explains the numbers of a table. Numbers that do not add up are read again, because a write may have been in progress between
/// two reads. Only a difference that stays in every reading is an error in the data.
///
/// # Errors
/// As [`run`].
pub async fn ask<C: Clock>(table: &Table, clock: &C, question: &ExplainQuestion) -> io::Result<ExplainAnswer> {
    let mut answer = ask_once(table, clock, question).await?;
    for _ in 1..READINGS {
        if answer.inconsistencies.is_empty() {
            break;
        }
        clock.sleep(PAUSE).await;
        answer = ask_once(table, clock, question).await?;
    }
    Ok(answer)
}

async fn ask_once<C: Clock>(table: &Table, clock: &C, question: &ExplainQuestion) -> io::Result<ExplainAnswer> {
    match explain(&table.store(), question, clock.now()).await {
        Ok(answer) => Ok(answer),
        Err(error) => Err(unexplained(table, error).await?),
    }
}

/// The error of a question without an answer, with a hint where to look.
async fn unexplained(table: &Table, error: ExplainError) -> io::Result<io::Error> {
    let advice = match &error {
        ExplainError::Store(error) => return Ok(table.cannot(error)),
        ExplainError::NoItem(sku) => {
            let store = table.store();
            let mut listing = Listing::index(&promissory::table::IndexPartition::Items, 5);
            listing.prefix = sku.as_str().chars().take(3).collect();
            let alike = store.list(&listing).await.map_err(|error| table.cannot(&error))?.records;
            let alike: Vec<String> =
                alike.iter().filter_map(|record| record.decode::<Item>().ok()).map(|item| item.sku.to_string()).collect();
            let alike = if alike.is_empty() { String::new() } else { format!("; there are {}", alike.join(", ")) };
            format!("Check the SKU: it must be the SKU of the catalog, not the shop's{alike}. Check the table and the region.")
        }
        ExplainError::NoLocation(_) => {
            let network = promissory::flows::load_network(&table.store()).await.map_err(|error| table.cannot(&error))?;
            let codes: Vec<&str> = network.locations().map(|location| location.code.as_str()).collect();
            format!("The locations are {}.", codes.join(", "))
        }
        ExplainError::NotSold(..) => "`cargo x catalog export` writes the listings.".to_owned(),
        ExplainError::NotYet(_) => "Leave --at out to explain the present numbers.".to_owned(),
    };
    Ok(io::Error::other(format!("{error} in {table}. {advice}")))
}

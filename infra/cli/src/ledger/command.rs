//! `ledger verify`, `replay`, `withdraw`, `confirm` and `discard`. The result goes to standard output, progress to standard error. Scripts may rely on the
//! JSON keys.

use std::io;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use promissory::adapters::clock::SystemClock;
use promissory::catalog::SystemId;
use promissory::flows::load_network;
use promissory::ledger::replay::{At, Mismatch, Moment};
use promissory::movement::{EventId, Movement, PositionKey};
use serde::Serialize;
use serde_json::json;

use super::decide::{Decided, settle, withdraw};
use super::{VerifyConfig, VerifyReport, replay, verify};
use crate::table::Address;

/// The commands on the ledger.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compare every position of the table with the fold of its movements.
    ///
    /// Exit code: 0 if every position matches, 1 if one does not or a mark is missing, 2 if the table cannot be read. It only
    /// reads, and may run while orders come in.
    Verify(VerifyArgs),
    /// Show a position as it is now, as it was after a movement, or as it was at a time.
    ///
    /// Exit code: 0, or 1 if the movements up to that moment do not add up, or 2 if there is no such position or moment, or if
    /// the table cannot be read.
    Replay(ReplayArgs),
    /// Withdraw a count, a balance, or a statement about a purchase order or production run that has a wrong time.
    ///
    /// Its correction is reversed, and it no longer outranks other statements. The system then sends it again with the right
    /// time and a new id. Exit code: 0, or 2 if the position has no such statement or the table cannot be written.
    Withdraw(WithdrawArgs),
    /// Confirm the change of a level that waits (alert `parked_change`): the removed units go on sale again.
    ///
    /// Exit code: 0, or 2 if no change waits or the table cannot be written.
    Confirm(SettleArgs),
    /// Discard the change of a level that waits (alert `parked_change`): the difference is withheld from sale.
    ///
    /// Exit code: 0, or 2 if no change waits or the table cannot be written.
    Discard(SettleArgs),
}

/// The arguments of `ledger withdraw`.
#[derive(Debug, Args)]
pub struct WithdrawArgs {
    /// The position: the SKU of the catalog, and the code of a location.
    #[arg(value_name = "SKU@PLACE", value_parser = position)]
    position: PositionKey,
    /// The system that sent the statement.
    #[arg(value_name = "SYSTEM")]
    system: SystemId,
    /// The id of the statement in that system.
    #[arg(value_name = "EVENT")]
    event: String,
    #[command(flatten)]
    table: Address,
    /// Print one JSON object: movements, detail.
    #[arg(long)]
    json: bool,
}

/// The arguments of `ledger confirm` and `ledger discard`.
#[derive(Debug, Args)]
pub struct SettleArgs {
    /// The position: the SKU of the catalog, and the code of a location.
    #[arg(value_name = "SKU@PLACE", value_parser = position)]
    position: PositionKey,
    #[command(flatten)]
    table: Address,
    /// Print one JSON object: movements, detail.
    #[arg(long)]
    json: bool,
}

/// The arguments of `ledger verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    table: Address,
    /// The number of segments of the table that are scanned at the same time.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    segments: u32,
    /// Also check that each event with a movement that was recorded from this time on is marked as applied. For a restored table.
    #[arg(long, value_name = "TIME")]
    marks_since: Option<Timestamp>,
    /// Print one JSON object: positions, movements, mismatches, unlisted, unmarked.
    #[arg(long)]
    json: bool,
}

/// The arguments of `ledger replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The position: the SKU of the catalog, and the code of a location or `unassigned`.
    #[arg(value_name = "SKU@PLACE", value_parser = position)]
    position: PositionKey,
    #[command(flatten)]
    table: Address,
    /// Show the position after this movement; 0 is before the first movement.
    #[arg(long, value_name = "N", conflicts_with = "time")]
    seq: Option<u64>,
    /// Show the position after every movement that was recorded by this time, e.g. 2026-11-21T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    time: Option<Timestamp>,
    /// The number of movements to show, counted back from that moment.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    last: u32,
    /// Print one JSON object: position, asked, seq, balance, available, movements; or position, asked, mismatch.
    #[arg(long)]
    json: bool,
}

fn position(given: &str) -> Result<PositionKey, String> {
    given.parse().map_err(|_invalid| "give a position as SKU@PLACE, e.g. SERUM-30@WH-1 or SERUM-30@unassigned".to_owned())
}

/// Runs a command. `say` receives its progress and `print` its result.
///
/// # Errors
/// When the table cannot be read, or does not contain the position. The error says what to do.
pub async fn run(command: Command, say: &dyn Fn(&str), print: &dyn Fn(&str)) -> io::Result<ExitCode> {
    match command {
        Command::Verify(args) => {
            let table = args.table.find(say).await?;
            let config = VerifyConfig { segments: args.segments, rows_per_page: None, marks_since: args.marks_since };
            let report = verify(&table, &SystemClock, &config, say).await?;
            print(&if args.json { report_json(&report) } else { report_text(&report) });
            let is_sound = report.mismatches.is_empty() && report.unmarked.is_empty();
            Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Replay(ReplayArgs { position, table, seq, time, last, json }) => {
            let at = seq.map(At::Seq).or(time.map(At::Time)).unwrap_or(At::Now);
            let table = table.find(say).await?;
            let keep = usize::try_from(last).unwrap_or(usize::MAX);
            let found = replay(&table, &SystemClock, &position, at, keep).await?;
            print(&if json { moment_json(&position, at, &found) } else { moment_text(&position, at, &found) });
            Ok(if found.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Withdraw(WithdrawArgs { position, system, event, table, json }) => {
            let store = table.find(say).await?.store();
            let network = load_network(&store).await.map_err(io::Error::other)?;
            let event = EventId::new(system.as_str(), event);
            print(&decided_text(&withdraw((&store, &SystemClock, &network), position, event).await?, json));
            Ok(ExitCode::SUCCESS)
        }
        Command::Confirm(args) => settle_parked(args, true, say, print).await,
        Command::Discard(args) => settle_parked(args, false, say, print).await,
    }
}

async fn settle_parked(args: SettleArgs, confirm: bool, say: &dyn Fn(&str), print: &dyn Fn(&str)) -> io::Result<ExitCode> {
    let SettleArgs { position, table, json } = args;
    let store = table.find(say).await?.store();
    let network = load_network(&store).await.map_err(io::Error::other)?;
    print(&decided_text(&settle((&store, &SystemClock, &network), position, confirm).await?, json));
    Ok(ExitCode::SUCCESS)
}

fn decided_text(Decided { movements, detail }: &Decided, json: bool) -> String {
    if json { json!({ "movements": movements, "detail": detail }).to_string() } else { detail.clone() }
}

/// A mismatch as JSON: its own fields, and a sentence that describes it.
#[derive(Serialize)]
struct Finding<'a> {
    #[serde(flatten)]
    mismatch: &'a Mismatch,
    detail: String,
}

impl<'a> From<&'a Mismatch> for Finding<'a> {
    fn from(mismatch: &'a Mismatch) -> Self {
        Self { mismatch, detail: mismatch.to_string() }
    }
}

fn report_json(report: &VerifyReport) -> String {
    let VerifyReport { positions, movements, mismatches, unlisted, unmarked } = report;
    let mismatches: Vec<Finding> = mismatches.iter().map(Finding::from).collect();
    json!({
        "positions": positions, "movements": movements, "mismatches": mismatches, "unlisted": unlisted, "unmarked": unmarked,
    })
    .to_string()
}

fn report_text(report: &VerifyReport) -> String {
    let VerifyReport { positions, movements, mismatches, unlisted, unmarked } = report;
    let mut lines: Vec<String> = mismatches.iter().map(ToString::to_string).collect();
    if *unlisted > 0 {
        lines.push(format!("and {unlisted} more positions"));
    }
    lines.extend(unmarked.iter().map(|event| {
        format!(
            "{event} has movements and is not marked as applied: it would be applied again. This is normal for an order that is \
             quarantined, or that is being committed in steps"
        )
    }));
    let all = if mismatches.is_empty() {
        "every position is the fold of its movements".to_owned()
    } else {
        let wrong = u64::try_from(mismatches.len()).unwrap_or(u64::MAX).saturating_add(*unlisted);
        format!("{wrong} mismatches; `cargo x ledger replay SKU@PLACE --seq N` shows one up to where it broke")
    };
    lines.push(format!("{positions} positions, {movements} movements: {all}"));
    lines.join("\n")
}

fn moment_json(position: &PositionKey, at: At, found: &Result<Moment, Mismatch>) -> String {
    let asked = match at {
        At::Now => json!("now"),
        At::Seq(seq) => json!({ "seq": seq }),
        At::Time(time) => json!({ "time": time }),
    };
    let position = position.to_string();
    match found {
        Ok(Moment { state, recent }) => json!({
            "position": position,
            "asked": asked,
            "seq": state.seq,
            "balance": state.balance,
            "available": state.balance.available(),
            "movements": recent,
        }),
        Err(mismatch) => json!({ "position": position, "asked": asked, "mismatch": Finding::from(mismatch) }),
    }
    .to_string()
}

fn moment_text(position: &PositionKey, at: At, found: &Result<Moment, Mismatch>) -> String {
    let Moment { state, recent } = match found {
        Ok(moment) => moment,
        Err(mismatch) => return format!("the history of {position} does not add up\n{mismatch}"),
    };
    let asked = match at {
        At::Now => "now, as it is stored".to_owned(),
        At::Seq(seq) => format!("after movement {seq}"),
        At::Time(time) => format!("at {time}"),
    };
    let last = recent.last().map_or_else(
        || "before its first movement".to_owned(),
        |last| format!("last moved by movement {}, recorded at {}", last.seq, last.recorded_at),
    );
    let mut lines =
        vec![format!("{position} {asked}: {}, {} available", state.balance, state.balance.available()), last, String::new()];
    if !recent.is_empty() {
        let titles = ["seq", "kind", "units", "on hand", "reserved", "held", "by shop"];
        let [seq, kind, units, on_hand, reserved, held, by_shop] = titles;
        lines.push(format!(
            "{seq:>6}  {:<30}  {kind:<24} {units:>8} {on_hand:>9} {reserved:>9} {held:>9} {by_shop:>9}  cause",
            "recorded at"
        ));
    }
    lines.extend(recent.iter().map(movement_text));
    lines.join("\n").trim_end().to_owned()
}

fn movement_text(movement: &Movement) -> String {
    let name = movement.name();
    let after = &movement.after;
    let order =
        movement.cause.order.as_ref().map_or_else(String::new, |line| format!(", order {} line {}", line.order, line.line));
    format!(
        "{:>6}  {:<30}  {name:<24} {:>8} {:>9} {:>9} {:>9} {:>9}  {}{order}",
        movement.seq,
        movement.recorded_at.to_string(),
        movement.quantity.units(),
        after.on_hand.units(),
        after.reserved.units(),
        after.held.units(),
        after.moved_by_shop.units(),
        movement.cause.event,
    )
}

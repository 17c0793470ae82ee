//! `restore prepare`. The result goes to standard output, progress to standard error. Scripts may rely on the JSON keys.

use std::io;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use promissory::flows::Prepared;
use serde_json::json;

use super::{Allowed, RestoredTable, prepare, turn_on};
use crate::table::{Address, Table};

/// The commands on a restored table.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Prepare a table that was restored to an earlier time, before the functions use it.
    ///
    /// Turns on the stream, the time to live, the point-in-time recovery and the deletion protection, which DynamoDB does not
    /// restore. Lets every level of every shop be initialised anew, every metafield be sent again, every alert be published again,
    /// and every item be computed again. Follow infra/runbooks/restore.md: the pushes must be paused.
    ///
    /// --table is the restored table, NEW in the runbook. It is not the output TableName of the stack, which is the table in use.
    ///
    /// Exit code: 0, or 1 if rows changed meanwhile because functions use the table, or 2 if the command could not run.
    Prepare(PrepareArgs),
}

/// The arguments of `restore prepare`.
#[derive(Debug, Args)]
pub struct PrepareArgs {
    #[command(flatten)]
    table: Address,
    #[command(flatten)]
    allowed: Allowed,
    /// Print one JSON object: table, source, stream, prepared (rows, levels, metafields, shops, intents, alerts, unreadable, changed).
    #[arg(long)]
    json: bool,
}

/// Runs a command. `say` receives its progress and `print` its result.
///
/// # Errors
/// When the command cannot run. The error says what to do.
pub async fn run(command: Command, say: &dyn Fn(&str), print: &dyn Fn(&str)) -> io::Result<ExitCode> {
    let Command::Prepare(PrepareArgs { table, allowed, json }) = command;
    let table = table.find(say).await?;
    let restored = turn_on(&table, allowed, say).await?;
    let prepared = prepare(&table, say).await?;
    print(&if json { in_json(&table, &restored, &prepared) } else { in_words(&table, &restored, &prepared) });
    Ok(if prepared.changed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn in_json(table: &Table, RestoredTable { stream, source }: &RestoredTable, prepared: &Prepared) -> String {
    json!({ "table": table.name, "source": source, "stream": stream, "prepared": prepared }).to_string()
}

fn in_words(table: &Table, RestoredTable { stream, .. }: &RestoredTable, prepared: &Prepared) -> String {
    let Prepared { rows, levels, metafields, shops, intents, alerts, unreadable, changed } = prepared;
    let mut text = format!(
        "{rows} rows read: {levels} levels will be initialised anew, {metafields} metafields sent again, {alerts} alerts published \
         again, {intents} push intents are replaced, and every item will be computed again. Cancelled orders of {shops} shops are \
         forwarded also where the table does not know that the order was."
    );
    if *unreadable > 0 {
        text += &format!("\n{unreadable} rows cannot be read: compare them with the table before.");
    }
    if *changed > 0 {
        text += &format!(
            "\n{changed} rows changed meanwhile, so functions use this table already. Pause the pushes, then run the command again."
        );
    } else {
        text += &format!(
            "\nNow deploy with these parameters, and continue in infra/runbooks/restore.md:\n  \
             RestoredTable={}\n  RestoredTableStream={stream}\n  Pushes=paused",
            table.name
        );
    }
    text
}

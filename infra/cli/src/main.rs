//! `promissory`: the operator's command line. `cargo x catalog`, `ledger`, `explain` and `source` build it and call it.

use std::process::ExitCode;

use clap::Parser;
use promissory_cli::{catalog, explain, ledger, source};

#[derive(Parser)]
#[command(name = "promissory", about = "Reads and writes the table of Promissory, on AWS or on the local stack.")]
enum Cli {
    /// Import, export and validate what is sold: items, listings, locations, bills. Of the local stack, or of a table on AWS.
    #[command(subcommand)]
    Catalog(catalog::command::Command),
    /// Say why the numbers of an item are what they are, down to movements, papers and bills; now, or at a time.
    ///
    /// Ends with 0, with 1 when something does not add up or a promise breaks, with 2 when the table cannot be read or does not
    /// hold what is asked for. It only reads.
    Explain(explain::command::ExplainArgs),
    /// Read the ledger: check all of it, or see one position again. Of the local stack, or of a table on AWS.
    #[command(subcommand)]
    Ledger(ledger::command::Command),
    /// Connectors: write their configuration, see how far they are, pull one now, or feed a file of events.
    #[command(subcommand)]
    Source(source::command::Command),
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Cli::parse() {
        Cli::Catalog(command) => catalog::command::run(command, &say, &print).await,
        Cli::Explain(args) => explain::command::run(args, &say, &print).await,
        Cli::Ledger(command) => ledger::command::run(command, &say, &print).await,
        Cli::Source(command) => source::command::run(command, &say, &print).await,
    };
    outcome.unwrap_or_else(|error| {
        say(&format!("failed: {error}"));
        ExitCode::from(2)
    })
}

/// Progress, for people.
#[expect(clippy::print_stderr, reason = "progress of a command belongs on standard error")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// The result, for scripts.
#[expect(clippy::print_stdout, reason = "the result of a command belongs on standard output")]
fn print(text: &str) {
    println!("{text}");
}

//! `promissory`: the operator's command line. `cargo x catalog`, `ledger`, `explain`, `source`, `shop` and `restore` build this binary and
//! run it.

use std::process::ExitCode;

use clap::Parser;
use promissory_cli::{catalog, explain, ledger, restore, shop, source};

#[derive(Parser)]
#[command(name = "promissory", about = "Reads and writes the table of Promissory, on AWS or on the local stack.")]
enum Cli {
    /// Import, export and validate the catalog: items, listings, locations, bills of materials; recompute every item. On the local
    /// stack, or on AWS.
    #[command(subcommand)]
    Catalog(catalog::command::Command),
    /// Explain the numbers of an item, down to movements, source documents and bills of materials; now, or at a past time.
    ///
    /// Exit code: 0, or 1 if a sum does not add up or a promise is late, or 2 if the table cannot be read or does not contain the
    /// item. It only reads.
    Explain(explain::command::ExplainArgs),
    /// Verify all positions of the ledger, or replay one. On the local stack, or on AWS.
    #[command(subcommand)]
    Ledger(ledger::command::Command),
    /// Connectors: write their configuration, show their progress, pull one now, or feed a file of events.
    #[command(subcommand)]
    Source(source::command::Command),
    /// Shops: write from when on a shop is live, and show how far its orders have been read.
    #[command(subcommand)]
    Shop(shop::command::Command),
    /// Prepare a table that was restored to an earlier time.
    #[command(subcommand)]
    Restore(restore::command::Command),
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Cli::parse() {
        Cli::Catalog(command) => catalog::command::run(command, &say, &print).await,
        Cli::Explain(args) => explain::command::run(args, &say, &print).await,
        Cli::Ledger(command) => ledger::command::run(command, &say, &print).await,
        Cli::Source(command) => source::command::run(command, &say, &print).await,
        Cli::Shop(command) => shop::command::run(command, &say, &print).await,
        Cli::Restore(command) => restore::command::run(command, &say, &print).await,
    };
    outcome.unwrap_or_else(|error| {
        say(&format!("failed: {error}"));
        ExitCode::from(2)
    })
}

/// Prints progress, for people.
#[expect(clippy::print_stderr, reason = "progress of a command belongs on standard error")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// Prints the result, for scripts.
#[expect(clippy::print_stdout, reason = "the result of a command belongs on standard output")]
fn print(text: &str) {
    println!("{text}");
}

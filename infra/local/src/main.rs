//! The commands of the local stack. `cargo x stack` and `cargo x demo` build and install what it needs, and run this binary.

use std::io;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use promissory_cli::local_stack;
use promissory_local::demo::restore::{self, RestoreConfig};
use promissory_local::demo::sources::{self, SourcesConfig};
use promissory_local::demo::{self, DemoConfig};
use promissory_local::stack::{self, StackConfig};
use serde::Serialize;

#[derive(Parser)]
#[command(about = "The whole system on one machine: emulated AWS, a fake Shopify, and a flash sale on them.")]
struct Cli {
    #[command(flatten)]
    stack: StackConfig,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Play the flash sale and audit the result, or, as `demo sources`, a morning of four other systems, or, as
    /// `demo restore`, a restore of the table. The exit code is 1 if an
    /// order was lost or applied twice, or if an item was oversold.
    Demo(DemoArgs),
    /// Start the stack, and run it until Ctrl-C.
    Up {
        /// The port of the emulated AWS.
        #[arg(long, default_value_t = local_stack::PORT)]
        port: u16,
        /// The port of the fake Shopify.
        #[arg(long, default_value_t = local_stack::SHOPIFY_PORT)]
        shopify_port: u16,
    },
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
struct DemoArgs {
    #[command(subcommand)]
    scene: Option<Scene>,
    #[command(flatten)]
    config: DemoConfig,
    /// Print one line of JSON after the table.
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Scene {
    /// Play a morning of an ERP, a WMS, POS systems and a 3PL beside the shop. Events are sent twice, late, malformed or
    /// unmapped, and the ERP is down for half of the time. The exit code is 1 unless the ledger has every event once and the shop
    /// shows it.
    Sources {
        #[command(flatten)]
        config: SourcesConfig,
        /// Print one line of JSON after the table.
        #[arg(long)]
        json: bool,
    },
    /// Restore the table to an earlier time, as infra/runbooks/restore.md describes it. The exit code is 1 unless every order and
    /// every stock event of the time since then is in the ledger once, and no call has changed a level of the shop.
    Restore {
        #[command(flatten)]
        config: RestoreConfig,
        /// Print one line of JSON after the table.
        #[arg(long)]
        json: bool,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    run(Cli::parse()).await.unwrap_or_else(|error| {
        say(&format!("failed: {error}"));
        ExitCode::from(2)
    })
}

async fn run(Cli { stack, command }: Cli) -> io::Result<ExitCode> {
    match command {
        Command::Demo(DemoArgs { scene: Some(Scene::Sources { config, json }), .. }) => {
            let report = sources::run(&config, &stack, &say).await?;
            conclude(&report, &report.table(), report.is_correct(), json)
        }
        Command::Demo(DemoArgs { scene: Some(Scene::Restore { config, json }), .. }) => {
            let report = restore::run(&config, &stack, &say).await?;
            conclude(&report, &report.table(), report.is_correct(), json)
        }
        Command::Demo(DemoArgs { scene: None, config, json }) => {
            let report = demo::run(&config, &stack, &say).await?;
            conclude(&report, &report.table(), report.is_correct(), json)
        }
        Command::Up { port, shopify_port } => {
            stack::up_until_interrupted(&stack, port, shopify_port, &say).await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Prints the report of a demo.
fn conclude<R: Serialize>(report: &R, table: &str, is_correct: bool, json: bool) -> io::Result<ExitCode> {
    say(&format!("\n{table}"));
    if json {
        print(&serde_json::to_string(report)?);
    }
    Ok(if is_correct { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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

//! `source set`, `status`, `pull` and `feed`. The result goes to standard output, progress to standard error. Scripts may rely on
//! the JSON keys.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use promissory::adapters::address::AddressScope;
use promissory::adapters::clock::SystemClock;
use promissory::adapters::http_source::HttpSource;
use promissory::adapters::secrets::SourceSecrets;
use promissory::catalog::{FeedId, SystemId};
use promissory::flows::pull::{PullContext, pull};
use promissory::ports::Clock;
use promissory::source::System;
use promissory::source::pull::FeedWatermark;
use serde_json::json;

use super::known::Consent;
use super::{feed_as, find, set_as, status};
use crate::table::Address;

/// The longest time that one pull by hand may take for a feed.
const PULL_WITHIN: Duration = Duration::from_secs(600);

/// What a file of secrets contains.
const SECRETS_FORM: &str = r#"{"outbound": {name: {"host": host, "secret": text}}}"#;

/// The commands on connectors.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write connectors into a table. Each replaces the connector of the same system. infra/connectors/ has examples.
    ///
    /// Two connectors of one system apply its rows twice. So the command asks before it writes a connector for a new system whose
    /// name is close to that of a known one; a script answers with --new-system.
    ///
    /// Exit code: 0, or 1 if a file is not a valid connector (then nothing is written), or 2 if the command could not run.
    Set(SetArgs),
    /// Show the watermark of every feed.
    ///
    /// Exit code: 0, or 1 if a feed fails or has failed rows, or 2 if the command could not run.
    Status(StatusArgs),
    /// Pull a system's feeds now, as the schedule does.
    ///
    /// Exit code: 0, or 1 if a feed failed or has failed rows, or 2 if the command could not run.
    Pull(PullArgs),
    /// Apply a file of events, one JSON object per line, as if the system had sent them. It can be repeated.
    ///
    /// Under another system's name the events would be applied again. So the command asks before it uses a name that no connector,
    /// no event and no code in the catalog has, and before it applies events that are in the ledger under another name. A script
    /// answers with --new-system and --apply-again. A new name is known from then on.
    ///
    /// Exit code: 0, or 1 if a line is refused, or 2 if the command could not run.
    Feed(FeedArgs),
}

/// The arguments of `source set`.
#[derive(Debug, Args)]
pub struct SetArgs {
    /// Files with one connector each, as JSON.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    table: Address,
    /// Validate the files, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// A system is new, although its name is close to that of a known one.
    #[arg(long)]
    new_system: bool,
}

/// The arguments of `source status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    table: Address,
    /// Print one JSON object: feeds, each with its watermark.
    #[arg(long)]
    json: bool,
}

/// The arguments of `source pull`.
#[derive(Debug, Args)]
pub struct PullArgs {
    /// The system.
    #[arg(value_name = "SYSTEM")]
    system: SystemId,
    #[command(flatten)]
    table: Address,
    /// Pull only this feed. Default: every feed of the system.
    #[arg(long, value_name = "FEED")]
    feed: Option<FeedId>,
    /// A file with the secrets that the connector names: {"outbound": {name: {"host": host, "secret": text}}}. Default: no secrets.
    #[arg(long, value_name = "FILE")]
    secrets: Option<PathBuf>,
    /// The addresses that the system may have: public, private (also those of private networks), or loopback (also this machine).
    #[arg(long, value_name = "SCOPE", default_value = "public")]
    address_scope: AddressScope,
    /// Print one JSON object: feeds, each with its report or its error.
    #[arg(long)]
    json: bool,
}

/// The arguments of `source feed`.
#[derive(Debug, Args)]
pub struct FeedArgs {
    /// The system that the events come from.
    #[arg(value_name = "SYSTEM")]
    system: SystemId,
    /// The file with the events.
    #[arg(value_name = "FILE.jsonl")]
    file: PathBuf,
    #[command(flatten)]
    table: Address,
    /// The system is new: nothing in the table has its name yet.
    #[arg(long)]
    new_system: bool,
    /// Apply the events although another system has sent the same ones.
    #[arg(long)]
    apply_again: bool,
    /// Print one JSON object: applied, duplicates, waiting, waits_for, no_movement, refused.
    #[arg(long)]
    json: bool,
}

/// Runs a command. `say` receives its progress and `print` its result.
///
/// # Errors
/// When the command cannot run. The error says what to do.
pub async fn run(command: Command, say: &dyn Fn(&str), print: &dyn Fn(&str)) -> io::Result<ExitCode> {
    match command {
        Command::Set(args) => set_all(args, say, print).await,
        Command::Status(StatusArgs { table, json }) => {
            let feeds = status(&table.find(say).await?.store()).await.map_err(io::Error::other)?;
            let good = |mark: &FeedWatermark| mark.failures == 0 && mark.failed_rows == 0;
            let all_good = feeds.values().flatten().all(good);
            let line = |(feed, mark): (&String, &Option<FeedWatermark>)| match mark {
                None => format!("{feed}: never pulled"),
                Some(mark) => {
                    let whole = mark.complete_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
                    format!("{feed}: complete at {whole}, {} failures, {} rows failed", mark.failures, mark.failed_rows)
                }
            };
            let text: Vec<String> = feeds.iter().map(line).collect();
            print(&if json { json!({ "feeds": feeds }).to_string() } else { text.join("\n") });
            Ok(exit(all_good))
        }
        Command::Pull(args) => pull_now(args, say, print).await,
        Command::Feed(FeedArgs { system, file, table, new_system, apply_again, json }) => {
            let text = text_of(&file)?;
            let consent = Consent { new_system, apply_again, ask: &|question| ask(question, say) };
            let report = feed_as(&table.find(say).await?, &SystemClock, &system, &text, &consent).await?;
            let mut lines: Vec<String> =
                report.no_movement.iter().map(|(line, why)| format!("line {line} moved no stock, {why}")).collect();
            lines.extend(report.waits_for.iter().map(|(line, missing)| {
                format!("line {line} is stored and waits for a mapping: {missing}. Import it with `catalog import`")
            }));
            lines.extend(report.refused.iter().map(|(line, problem)| format!("line {line} is refused: {problem}")));
            let (applied, duplicates, waiting) = (report.applied, report.duplicates, report.waiting);
            lines.push(format!(
                "{applied} applied, {duplicates} there already, {waiting} waiting, {} refused",
                report.refused.len()
            ));
            print(&if json { serde_json::to_string(&report)? } else { lines.join("\n") });
            Ok(exit(report.refused.is_empty()))
        }
    }
}

/// Asks a question that is answered with y or n; `None` if standard input is no terminal.
fn ask(question: &str, say: &dyn Fn(&str)) -> Option<bool> {
    if !io::stdin().is_terminal() {
        return None;
    }
    say(&format!("{question} [y/N]"));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).ok()?;
    Some(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

fn exit(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn text_of(file: &Path) -> io::Result<String> {
    std::fs::read_to_string(file).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))
}

async fn set_all(args: SetArgs, say: &dyn Fn(&str), print: &dyn Fn(&str)) -> io::Result<ExitCode> {
    let (mut systems, mut fits) = (Vec::new(), true);
    for file in &args.files {
        match System::from_file(&text_of(file)?) {
            Ok(system) => systems.push(system),
            Err(problem) => {
                fits = false;
                print(&format!("{}: {problem}", file.display()));
            }
        }
    }
    if fits && !args.dry_run {
        let consent = Consent { new_system: args.new_system, apply_again: false, ask: &|question| ask(question, say) };
        set_as(&args.table.find(say).await?, &systems, &consent).await?;
    }
    for system in systems.iter().filter(|_| fits) {
        let feeds: Vec<&str> = system.pull.keys().map(FeedId::as_str).collect();
        print(&format!("{}: {} feeds: {}", system.code, feeds.len(), feeds.join(", ")));
    }
    Ok(exit(fits))
}

async fn pull_now(args: PullArgs, say: &dyn Fn(&str), print: &dyn Fn(&str)) -> io::Result<ExitCode> {
    let secrets = match &args.secrets {
        None => SourceSecrets::default(),
        Some(file) => serde_json::from_str(&text_of(file)?)
            .map_err(|_| io::Error::other(format!("the secrets must be {SECRETS_FORM}, as in the stack's secret")))?,
    };
    let source = HttpSource::new(secrets, args.address_scope).map_err(io::Error::other)?;
    let store = args.table.find(say).await?.store();
    let network = promissory::flows::load_network(&store).await.map_err(io::Error::other)?;
    let system = find(&store, &args.system).await?;
    let (mut feeds, mut good) = (BTreeMap::new(), true);
    for id in system.pull.keys().filter(|id| args.feed.as_ref().is_none_or(|only| only == *id)) {
        let deadline = SystemClock.now().saturating_add(PULL_WITHIN).map_err(io::Error::other)?;
        let pulling = PullContext { store: &store, source: &source, clock: &SystemClock, network: &network, deadline };
        let (line, value) = match pull(&pulling, &system, id).await {
            Ok(report) => {
                good &= report.failed.is_empty();
                let (applied, duplicates, failed) = (report.applied, report.duplicates, report.failed.len());
                let line = format!("{id}: {} rows, {applied} applied, {duplicates} there already, {failed} failed", report.rows);
                (line, serde_json::to_value(&report)?)
            }
            Err(error) => {
                good = false;
                (format!("{id}: {error}"), json!({ "error": error.to_string() }))
            }
        };
        if !args.json {
            print(&line);
        }
        feeds.insert(id.to_string(), value);
    }
    if feeds.is_empty() {
        return Err(io::Error::other(format!("{} has no such feed: `cargo x source status` lists the feeds", args.system)));
    }
    if args.json {
        print(&json!({ "feeds": feeds }).to_string());
    }
    Ok(exit(good))
}

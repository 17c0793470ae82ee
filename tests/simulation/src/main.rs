//! `cargo x sim`: runs many simulated worlds, crashes every story at each of its steps, checks that every planted bug is
//! caught, and reports the result.

use std::collections::BTreeMap;
use std::process::{Command, ExitCode};

use clap::Parser;
use jiff::Timestamp;
use promissory_simulation::{Campaign, Caught, Failure, PlantedBug, RARE_PATHS, Tally, across, catch_panic, crash, stories};
use serde_json::json;

/// From this number of worlds on, a run must have met every rare path.
const MEETS_ALL_FROM: u64 = 200;

/// Failures that are printed in full.
const PRINTED_IN_FULL: usize = 3;

/// Further failures of which only the replay command and the first violation are printed.
const PRINTED_BRIEFLY: usize = 30;

/// Worlds allocate many small short-lived objects. A third of their run time went into the system allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "cargo x sim")]
struct Cli {
    /// Number of worlds to run.
    #[arg(long)]
    seeds: Option<u64>,
    /// The first seed. Without --seeds it is the only one. A run of a single world skips the stories and the planted bugs.
    #[arg(long)]
    seed: Option<u64>,
    /// Number of events in a world before all faults stop.
    #[arg(long, default_value_t = 300)]
    steps: usize,
    /// Runs worlds with one planted bug until a world catches it.
    #[arg(long, value_name = "NAME")]
    planted: Option<String>,
    /// Crashes one story at one of its steps, for example order:17.
    #[arg(long, value_name = "STORY:STEP")]
    crash: Option<String>,
    /// Lists the planted bugs, the stories and the rare paths.
    #[arg(long)]
    list: bool,
    /// Prints the result as one line of JSON.
    #[arg(long)]
    json: bool,
}

/// The result of the whole command.
#[derive(Default)]
struct Found {
    seeds: Tally,
    per_second: i64,
    crashes: Tally,
    caught: Vec<Caught>,
    missed: Vec<&'static str>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // The default hook would print each panic of a world. The panic is reported as a violation, together with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    if cli.list {
        return list();
    }
    let first = cli.seed.unwrap_or(1);
    let seeds = cli.seeds.unwrap_or(if cli.seed.is_some() { 1 } else { MEETS_ALL_FROM });
    let campaign = Campaign { seeds: first..first + seeds, steps: cli.steps };
    let mut found = Found::default();
    if let Some(point) = &cli.crash {
        let Some(tally) = one_crash(point) else { return unknown(point) };
        found.crashes = tally;
    } else if let Some(name) = &cli.planted {
        let Some(bug) = PlantedBug::named(name) else { return unknown(name) };
        let caught = campaign.catch(bug);
        if let Some(failure) = &caught.by {
            print_failure(failure);
        }
        found.caught.push(caught);
    } else {
        run_seeds(&campaign, seeds, &mut found);
        if seeds > 1 {
            run_stories_and_plants(&campaign, seeds, &mut found);
        }
    }
    report(&cli, seeds, &found)
}

fn run_seeds(campaign: &Campaign, seeds: u64, found: &mut Found) {
    let began = Timestamp::now();
    found.seeds = campaign.run_seeds(|nth| {
        if nth > 0 && nth % 500 == 0 {
            progress(&format!("{nth} of {seeds} worlds"));
        }
    });
    let millis = Timestamp::now().duration_since(began).as_millis().max(1);
    found.per_second = i64::try_from(i128::from(seeds) * 1_000 / millis).unwrap_or(0);
}

fn run_stories_and_plants(campaign: &Campaign, seeds: u64, found: &mut Found) {
    progress(&format!("{seeds} worlds done; now crashing {} stories at every step", stories().len()));
    found.crashes = Campaign::crash_everywhere();
    progress(&format!("{} crashes done; now the planted bugs", found.crashes.runs));
    let plants = u64::try_from(PlantedBug::ALL.len()).unwrap_or(0);
    found.caught = across(plants, |nth| campaign.catch(PlantedBug::ALL[usize::try_from(nth).unwrap_or(0)].0));
    found.missed = found.seeds.missed();
}

/// Prints the result and decides the exit code.
fn report(cli: &Cli, seeds: u64, found: &Found) -> ExitCode {
    let failures: Vec<&Failure> = found.seeds.failures.iter().chain(&found.crashes.failures).collect();
    failures.iter().take(PRINTED_IN_FULL).for_each(|failure| print_failure(failure));
    for failure in failures.iter().skip(PRINTED_IN_FULL).take(PRINTED_BRIEFLY) {
        let first = failure.result.violations.first().map_or("", |violation| &violation.0);
        progress(&format!("and {}: {first}", failure.replay));
    }
    if failures.len() > PRINTED_IN_FULL + PRINTED_BRIEFLY {
        progress(&format!("and {} more", failures.len() - PRINTED_IN_FULL - PRINTED_BRIEFLY));
    }
    let uncaught: Vec<&str> = found.caught.iter().filter(|caught| caught.by.is_none()).map(|caught| caught.bug.name()).collect();
    let caught = found.caught.len() - uncaught.len();
    if cli.json {
        let seeds = if cli.crash.is_some() || cli.planted.is_some() { 0 } else { seeds };
        let figures = [
            ("seeds", json!(seeds)),
            ("seeds_per_second", json!(found.per_second)),
            ("violations", json!(failures.len())),
            ("planted_caught", json!(caught)),
            ("planted_total", json!(found.caught.len())),
            ("crash_points", json!(found.crashes.runs)),
            ("sometimes_missed", json!(found.missed)),
        ];
        let figures = figures.map(|(name, figure)| format!("{name:?}:{figure}"));
        print_line(&format!("{{{}}}", figures.join(",")));
    } else {
        print_summary(seeds, found, failures.len(), caught);
    }
    if !uncaught.is_empty() {
        progress(&format!("planted bugs that no world caught: {}", uncaught.join(", ")));
    }
    let missed = seeds >= MEETS_ALL_FROM && !found.missed.is_empty();
    if failures.is_empty() && uncaught.is_empty() && !missed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print_summary(seeds: u64, found: &Found, violations: usize, caught: usize) {
    let (crashes, planted) = (found.crashes.runs, found.caught.len());
    print_line(&format!(
        "{seeds} worlds, {} a second; {crashes} crash points; {violations} runs with a violation",
        found.per_second
    ));
    print_line(&format!("{caught} of {planted} planted bugs caught"));
    for caught in &found.caught {
        let by = caught.by.as_ref().and_then(|failure| failure.result.violations.first());
        print_line(&format!(
            "  {:<22} {:>3} {}",
            caught.bug.name(),
            caught.runs,
            by.map_or("NOT CAUGHT", |violation| &violation.0)
        ));
    }
    for (what, times) in &found.seeds.coverage {
        print_line(&format!("  {what:<32} {times}"));
    }
    if !found.missed.is_empty() {
        print_line(&format!("rare paths that no world met: {}", found.missed.join(", ")));
    }
}

/// Prints how to replay a failure, the last events before it, and its violations.
fn print_failure(failure: &Failure) {
    let revision = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output();
    let revision = revision.ok().and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    progress(&format!("replay with `cargo x sim {}` at revision {}", failure.replay, revision.trim()));
    for event in &failure.result.recent_events {
        progress(&format!("    {event}"));
    }
    for violation in failure.result.violations.iter().take(5) {
        progress(&format!("  VIOLATION {}", violation.0));
    }
}

fn one_crash(point: &str) -> Option<Tally> {
    let (name, at) = point.split_once(':')?;
    let at = at.parse().ok()?;
    stories().into_iter().find(|known| *known == name)?;
    let result = catch_panic(|| crash(name, at));
    let coverage = BTreeMap::new();
    let bad = !result.violations.is_empty();
    let failures = if bad { vec![Failure { replay: format!("--crash {point}"), result }] } else { Vec::new() };
    Some(Tally { runs: 1, failures, coverage })
}

fn list() -> ExitCode {
    print_line("planted bugs:");
    PlantedBug::ALL.iter().for_each(|(_, name)| print_line(&format!("  {name}")));
    print_line("stories:");
    stories().iter().for_each(|name| print_line(&format!("  {name}")));
    print_line("rare paths:");
    RARE_PATHS.iter().for_each(|name| print_line(&format!("  {name}")));
    ExitCode::SUCCESS
}

fn unknown(name: &str) -> ExitCode {
    progress(&format!("{name:?} is not known; `cargo x sim --list` prints the planted bugs and the stories"));
    ExitCode::from(2)
}

#[expect(clippy::print_stdout, reason = "the result of a command belongs on standard output")]
fn print_line(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "progress of a command belongs on standard error")]
fn progress(text: &str) {
    eprintln!("{text}");
}

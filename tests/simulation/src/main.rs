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

/// How many times the number of worlds a run may have until it met every rare path.
const LOOKS_FURTHER: u64 = 4;

/// The worlds that a search by time runs before it reports.
const SEARCHED_AT_ONCE: u64 = 100;

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
    /// Takes seeds that no other revision has: they begin at a number that is derived from the commit. The run prints it.
    #[arg(long, conflicts_with = "seed")]
    fresh: bool,
    /// Runs fresh worlds for this number of minutes, and prints each violation when it is found. A run takes up after the last
    /// world of an earlier one with --seed.
    #[arg(long, value_name = "N", conflicts_with_all = ["seeds", "planted", "crash"])]
    minutes: Option<u64>,
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
    let first = match cli.seed {
        Some(seed) => seed,
        None if cli.fresh || cli.minutes.is_some() => fresh_seed(),
        None => 1,
    };
    if let Some(minutes) = cli.minutes {
        return search(&cli, first, minutes);
    }
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
        if seeds >= MEETS_ALL_FROM {
            look_further(&campaign, seeds, &mut found);
        }
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

/// Runs more worlds while a rare path was not met: with other seeds for each revision, a path that one world in five hundred
/// meets is sometimes met by none of two thousand.
fn look_further(campaign: &Campaign, seeds: u64, found: &mut Found) {
    let mut first = campaign.seeds.end;
    while !found.seeds.missed().is_empty() && found.seeds.runs < seeds * LOOKS_FURTHER {
        progress(&format!("no world of {} met {}; running more", found.seeds.runs, found.seeds.missed().join(", ")));
        let more = Campaign { seeds: first..first + MEETS_ALL_FROM, steps: campaign.steps }.run_seeds(|_| {});
        found.seeds.add(more);
        first += MEETS_ALL_FROM;
    }
}

/// Runs worlds from seed `first` on for a number of minutes.
fn search(cli: &Cli, first: u64, minutes: u64) -> ExitCode {
    let began = Timestamp::now();
    let passed = || Timestamp::now().duration_since(began).as_secs();
    let (mut next, mut bad) = (first, 0);
    while passed() < i64::try_from(minutes.saturating_mul(60)).unwrap_or(i64::MAX) {
        let tally = Campaign { seeds: next..next + SEARCHED_AT_ONCE, steps: cli.steps }.run_seeds(|_| {});
        tally.failures.iter().for_each(print_failure);
        bad += tally.failures.len();
        next += SEARCHED_AT_ONCE;
        progress(&format!("{} worlds in {} s, {bad} with a violation; the next seed is {next}", next - first, passed()));
    }
    print_line(&if cli.json {
        json!({ "first_seed": first, "worlds": next - first, "violations": bad }).to_string()
    } else {
        format!("{} worlds from seed {first} on: {bad} with a violation", next - first)
    });
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The first seed of this revision: 40 bits of the hash of the commit, so that the same commit runs the same worlds.
fn fresh_seed() -> u64 {
    let head = Command::new("git").args(["rev-parse", "HEAD"]).output();
    let head = head.ok().and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    let seed = head.get(..10).and_then(|digits| u64::from_str_radix(digits, 16).ok());
    match seed {
        Some(seed) => progress(&format!("fresh worlds of commit {}, from seed {seed} on", head.trim())),
        None => progress("there is no git commit here, so the worlds begin at seed 1"),
    }
    seed.unwrap_or(1)
}

fn run_stories_and_plants(campaign: &Campaign, seeds: u64, found: &mut Found) {
    progress(&format!("{seeds} worlds done; now crashing {} stories at every step", stories().len()));
    found.crashes = Campaign::crash_everywhere();
    progress(&format!("{} crashes done; now the planted bugs", found.crashes.runs));
    let plants = u64::try_from(PlantedBug::ALL.len()).unwrap_or(0);
    // The planted bugs are always looked for in the same worlds, so that a run says something about the checks alone.
    let same = Campaign { seeds: 1..2, steps: campaign.steps };
    found.caught = across(plants, |nth| same.catch(PlantedBug::ALL[usize::try_from(nth).unwrap_or(0)].0));
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

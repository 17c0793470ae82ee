//! `cargo x sim`: lives many worlds, dies at every await of small stories, catches planted bugs, and says what it found.

use std::collections::BTreeMap;
use std::process::{Command, ExitCode};

use clap::Parser;
use jiff::Timestamp;
use promissory_simulation::{Campaign, Caught, Failure, Plant, SOMETIMES, Tally, across, crash, life_of, stories};
use serde_json::json;

/// A run of so many worlds must have met every rare path.
const ENOUGH: u64 = 200;

/// How many failures are told in full.
const TOLD: usize = 3;

/// How many more are named.
const NAMED: usize = 30;

/// The real handlers over simulated ports: every fault, every await a place to be killed.
/// Worlds are made of small things that are gone at once; a third of their time went into the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "cargo x sim")]
struct Cli {
    /// Worlds to live.
    #[arg(long)]
    seeds: Option<u64>,
    /// The first seed. Without --seeds it is the only one. One world alone is lived without the stories and the plants.
    #[arg(long)]
    seed: Option<u64>,
    /// Things that happen in a world before it comes to rest.
    #[arg(long, default_value_t = 300)]
    steps: usize,
    /// Lives with one planted bug until it is caught.
    #[arg(long, value_name = "NAME")]
    planted: Option<String>,
    /// Dies at one step of one story, as in order:17.
    #[arg(long, value_name = "STORY:STEP")]
    crash: Option<String>,
    /// Says what there is to plant, to tell and to meet.
    #[arg(long)]
    list: bool,
    /// End with one line of JSON.
    #[arg(long)]
    json: bool,
}

/// What was found in all.
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
    // What a world throws is told with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    if cli.list {
        return list();
    }
    let first = cli.seed.unwrap_or(1);
    let seeds = cli.seeds.unwrap_or(if cli.seed.is_some() { 1 } else { ENOUGH });
    let campaign = Campaign { seeds: first..first + seeds, steps: cli.steps };
    let mut found = Found::default();
    if let Some(point) = &cli.crash {
        let Some(tally) = one_crash(point) else { return unknown(point) };
        found.crashes = tally;
    } else if let Some(name) = &cli.planted {
        let Some(plant) = Plant::named(name) else { return unknown(name) };
        let caught = campaign.catch(plant);
        if let Some(failure) = &caught.by {
            tell(failure);
        }
        found.caught.push(caught);
    } else {
        seeds_of(&campaign, seeds, &mut found);
        if seeds > 1 {
            everything_else(&campaign, seeds, &mut found);
        }
    }
    report(&cli, seeds, &found)
}

fn seeds_of(campaign: &Campaign, seeds: u64, found: &mut Found) {
    let began = Timestamp::now();
    found.seeds = campaign.live_seeds(|nth| {
        if nth > 0 && nth % 500 == 0 {
            progress(&format!("{nth} of {seeds} worlds"));
        }
    });
    let millis = Timestamp::now().duration_since(began).as_millis().max(1);
    found.per_second = i64::try_from(i128::from(seeds) * 1_000 / millis).unwrap_or(0);
}

fn everything_else(campaign: &Campaign, seeds: u64, found: &mut Found) {
    progress(&format!("{seeds} worlds lived; now dying at every await of {} stories", stories().len()));
    found.crashes = Campaign::die_everywhere();
    progress(&format!("{} deaths died; now the planted bugs", found.crashes.lives));
    let plants = u64::try_from(Plant::ALL.len()).unwrap_or(0);
    found.caught = across(plants, |nth| campaign.catch(Plant::ALL[usize::try_from(nth).unwrap_or(0)].0));
    found.missed = found.seeds.missed();
}

/// Says what was found, and whether it is good.
fn report(cli: &Cli, seeds: u64, found: &Found) -> ExitCode {
    let failures: Vec<&Failure> = found.seeds.failures.iter().chain(&found.crashes.failures).collect();
    failures.iter().take(TOLD).for_each(|failure| tell(failure));
    for failure in failures.iter().skip(TOLD).take(NAMED) {
        let first = failure.life.violations.first().map_or("", |violation| &violation.0);
        progress(&format!("and {}: {first}", failure.replay));
    }
    if failures.len() > TOLD + NAMED {
        progress(&format!("and {} more", failures.len() - TOLD - NAMED));
    }
    let uncaught: Vec<&str> =
        found.caught.iter().filter(|caught| caught.by.is_none()).map(|caught| caught.plant.name()).collect();
    let caught = found.caught.len() - uncaught.len();
    if cli.json {
        let seeds = if cli.crash.is_some() || cli.planted.is_some() { 0 } else { seeds };
        let figures = [
            ("seeds", json!(seeds)),
            ("seeds_per_second", json!(found.per_second)),
            ("violations", json!(failures.len())),
            ("planted_caught", json!(caught)),
            ("planted_total", json!(found.caught.len())),
            ("crash_points", json!(found.crashes.lives)),
            ("sometimes_missed", json!(found.missed)),
        ];
        let figures = figures.map(|(name, figure)| format!("{name:?}:{figure}"));
        say(&format!("{{{}}}", figures.join(",")));
    } else {
        in_words(seeds, found, failures.len(), caught);
    }
    if !uncaught.is_empty() {
        progress(&format!("planted and not caught: {}", uncaught.join(", ")));
    }
    let missed = seeds >= ENOUGH && !found.missed.is_empty();
    if failures.is_empty() && uncaught.is_empty() && !missed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn in_words(seeds: u64, found: &Found, violations: usize, caught: usize) {
    let (crashes, planted) = (found.crashes.lives, found.caught.len());
    say(&format!("{seeds} worlds, {} a second; {crashes} crash points; {violations} with a violation", found.per_second));
    say(&format!("{caught} of {planted} planted bugs caught"));
    for caught in &found.caught {
        let by = caught.by.as_ref().and_then(|failure| failure.life.violations.first());
        say(&format!("  {:<22} {:>3} {}", caught.plant.name(), caught.lives, by.map_or("NOT CAUGHT", |violation| &violation.0)));
    }
    for (what, times) in &found.seeds.met {
        say(&format!("  {what:<32} {times}"));
    }
    if !found.missed.is_empty() {
        say(&format!("never met: {}", found.missed.join(", ")));
    }
}

/// What went wrong, what came before it, and how to see it again.
fn tell(failure: &Failure) {
    let revision = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output();
    let revision = revision.ok().and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    progress(&format!("see it again with `cargo x sim {}` at revision {}", failure.replay, revision.trim()));
    for event in &failure.life.story {
        progress(&format!("    {event}"));
    }
    for violation in failure.life.violations.iter().take(5) {
        progress(&format!("  VIOLATION {}", violation.0));
    }
}

fn one_crash(point: &str) -> Option<Tally> {
    let (name, at) = point.split_once(':')?;
    let at = at.parse().ok()?;
    stories().into_iter().find(|known| *known == name)?;
    let life = life_of(|| crash(name, at));
    let met = BTreeMap::new();
    let bad = !life.violations.is_empty();
    let failures = if bad { vec![Failure { replay: format!("--crash {point}"), life }] } else { Vec::new() };
    Some(Tally { lives: 1, failures, met })
}

fn list() -> ExitCode {
    say("planted bugs:");
    Plant::ALL.iter().for_each(|(_, name)| say(&format!("  {name}")));
    say("stories:");
    stories().iter().for_each(|name| say(&format!("  {name}")));
    say("rare paths:");
    SOMETIMES.iter().for_each(|name| say(&format!("  {name}")));
    ExitCode::SUCCESS
}

fn unknown(name: &str) -> ExitCode {
    progress(&format!("there is no {name:?}; `cargo x sim --list` says what there is"));
    ExitCode::from(2)
}

#[expect(clippy::print_stdout, reason = "the result of a command belongs on standard output")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "progress of a command belongs on standard error")]
fn progress(text: &str) {
    eprintln!("{text}");
}

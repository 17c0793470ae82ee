//! `cargo x sim`: lives many worlds, and prints the seed of the first that goes wrong.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Parser;
use promissory_simulation::{Life, run};
use serde_json::json;

/// The real handlers over simulated ports: every fault, every await a place to be killed.
#[derive(Parser)]
struct Cli {
    /// Worlds to live.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first seed; with --seeds 1, the only one.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Things that happen in a world before it comes to rest.
    #[arg(long, default_value_t = 600)]
    steps: usize,
    /// End with one line of JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let began = jiff::Timestamp::now();
    let mut met: BTreeMap<&str, u64> = BTreeMap::new();
    let mut violations = 0_u64;
    for seed in cli.seed..cli.seed + cli.seeds {
        let life = run(seed, cli.steps);
        for (what, times) in &life.met {
            *met.entry(what).or_default() += times;
        }
        if !life.violations.is_empty() {
            violations += 1;
            tell(seed, cli.steps, &life);
        }
    }
    let millis = jiff::Timestamp::now().duration_since(began).as_millis().max(1);
    let per_second = i128::from(cli.seeds) * 1_000 / millis;
    if cli.json {
        say(&json!({ "seeds": cli.seeds, "seeds_per_second": i64::try_from(per_second).unwrap_or(0), "violations": violations })
            .to_string());
    } else {
        say(&format!("{} seeds, {per_second} a second, {violations} with a violation", cli.seeds));
        for (what, times) in met {
            say(&format!("  {what:<28} {times}"));
        }
    }
    if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What went wrong, and how to see it again.
fn tell(seed: u64, steps: usize, life: &Life) {
    say(&format!("seed {seed}: see it again with cargo x sim --seed {seed} --seeds 1 --steps {steps}"));
    for violation in life.violations.iter().take(5) {
        say(&format!("  {}", violation.0));
    }
}

#[expect(clippy::print_stdout, reason = "the result of a command belongs on standard output")]
fn say(text: &str) {
    println!("{text}");
}

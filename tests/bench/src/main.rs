//! `cargo x bench`: what the promises cost, on this machine.
//!
//! B7, promises through bills of materials: catalogues of 1,000, 10,000 and 100,000 items, in one process. (a) One pass over the
//! edges: a planning run nets what is promised and offered, level by level, every item once; (b) the whole catalogue is solved:
//! pools found by where-used, promises placed, every good filled, which finds what (a) is given; (c) one raw material changes:
//! its pool is found, taken out and solved. The target is that of 100,000 items (b) costs at most three times (a), and that (c) costs
//! no more than twice as much there as in the smallest catalogue. For comparison also a bare walk down every good's bill that only
//! multiplies.

mod catalogue;
mod measure;
mod netting;
mod plot;
mod walk;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use measure::{Change, Size};

/// In the largest catalogue (b) may cost so many thousandths of (a), and (c) so many of what it costs in the smallest.
const TARGET: u64 = 3_000;
const CHANGE_TARGET: u64 = 2_000;

#[derive(Parser)]
#[command(name = "cargo x bench", about = "What the promises cost, on this machine.")]
struct Cli {
    /// Which one: B7, promises through bills of materials.
    #[arg(value_parser = ["B7"])]
    which: String,
    /// One line of JSON per size, and one with the verdict.
    #[arg(long)]
    json: bool,
    /// Where the plot goes.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let sizes: Vec<Size> = [10, 100, 1_000].into_iter().map(measure::size).collect();
    let met = solved(&sizes) <= TARGET && changed(&sizes) <= CHANGE_TARGET;
    let plot = cli.out.join("B7.svg");
    let written = std::fs::create_dir_all(&cli.out).and_then(|()| std::fs::write(&plot, plot::svg(&sizes)));
    if cli.json {
        json(&sizes, met)
    } else {
        table(&sizes, met)
    }
    match written {
        Ok(()) if !cli.json => say(&format!("Plot: {}", plot.display())),
        Ok(()) => {}
        Err(error) => say(&format!("The plot cannot be written to {}: {error}", plot.display())),
    }
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// (b) in thousandths of (a), in the largest catalogue.
fn solved(sizes: &[Size]) -> u64 {
    sizes.last().map_or(0, Size::ratio)
}

/// What one change costs in the largest catalogue, in thousandths of what it costs in the smallest.
fn changed(sizes: &[Size]) -> u64 {
    let first = |size: Option<&Size>| size.and_then(|size| size.changes.first()).map_or(0, |change| change.time);
    first(sizes.last()).saturating_mul(1_000) / first(sizes.first()).max(1)
}

fn table(sizes: &[Size], met: bool) {
    say("B7: promises through bills of materials, six levels deep; times are medians of several runs\n");
    say("   items    edges   goods   walked  walk µs | (a) netting µs  (b) solve µs   b/a | explosions");
    for size in sizes {
        say(&format!(
            "{:>8} {:>8} {:>7} {:>8} {:>8} | {:>14} {:>13} {:>5} | {:>10}",
            size.items,
            size.edges,
            size.goods,
            size.walked,
            micros(size.walk),
            micros(size.netting),
            micros(size.solve),
            thousandths(size.ratio()),
            size.explosions
        ));
    }
    say("\n(c) one raw material changes\n   items   goods affected   pool items   µs   µs per good   explosions");
    for size in sizes {
        for change in &size.changes {
            let Change { goods, items, time, explosions } = change;
            let per_good = micros(change.per_good());
            say(&format!("{:>8} {goods:>16} {items:>12} {:>6} {per_good:>12} {explosions:>12}", size.items, micros(*time)));
        }
    }
    let verdict = if met { "met" } else { "missed" };
    let [solved, target, changed, change_target] = [solved(sizes), TARGET, changed(sizes), CHANGE_TARGET].map(thousandths);
    say(&format!("\nIn the largest catalogue (b) costs {solved} times (a), at most {target};"));
    say(&format!("(c) costs {changed} times as much as in the smallest, at most {change_target}: {verdict}"));
}

fn json(sizes: &[Size], met: bool) {
    for size in sizes {
        let change = |change: &Change| {
            serde_json::json!({
                "goods_affected": change.goods, "items": change.items, "nanoseconds": change.time,
                "nanoseconds_per_good": change.per_good(), "explosions": change.explosions,
            })
        };
        let changes: Vec<serde_json::Value> = size.changes.iter().map(change).collect();
        let line = serde_json::json!({
            "bench": "B7", "items": size.items, "edges": size.edges, "goods": size.goods, "walked_edges": size.walked,
            "walk_nanoseconds": size.walk, "netting_nanoseconds": size.netting, "solve_nanoseconds": size.solve, "ratio_thousandths": size.ratio(),
            "explosions": size.explosions, "changes": changes,
        });
        say(&line.to_string());
    }
    let verdict = serde_json::json!({
        "bench": "B7", "met": met, "ratio_thousandths": solved(sizes), "target_thousandths": TARGET,
        "change_thousandths": changed(sizes), "change_target_thousandths": CHANGE_TARGET,
    });
    say(&verdict.to_string());
}

/// Nanoseconds as microseconds, for people.
fn micros(nanoseconds: u64) -> String {
    if nanoseconds < 100_000 {
        format!("{}.{}", nanoseconds / 1_000, nanoseconds % 1_000 / 100)
    } else {
        (nanoseconds / 1_000).to_string()
    }
}

fn thousandths(number: u64) -> String {
    format!("{}.{:02}", number / 1_000, number % 1_000 / 10)
}

#[expect(clippy::print_stdout, reason = "this is what the command is for")]
fn say(line: &str) {
    println!("{line}");
}

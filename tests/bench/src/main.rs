//! `cargo x bench`: measures planning on this machine.
//!
//! B7, promises through bills of materials: catalogs of 1,000, 10,000 and 100,000 items, in one process. (a) One pass over the
//! edges: promised and offered units are netted, level by level, once per item. (b) The whole catalog is solved: planning
//! groups are found by the where-used index, promises are placed, and every finished good is offered. This computes the input
//! of (a). (c) One raw material changes: its planning group is found, extracted and solved. The target: with 100,000 items (b)
//! takes at most three times as long as (a), and (c) takes at most twice as long as in the smallest catalog. For comparison, a
//! plain walk down the bill of every finished good only multiplies quantities.

mod catalog;
mod measure;
mod netting;
mod plot;
mod walk;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use measure::{Change, Size};

/// The targets in thousandths: (b) relative to (a) in the largest catalog, and (c) in the largest relative to the smallest one.
const TARGET: u64 = 3_000;
const CHANGE_TARGET: u64 = 2_000;

#[derive(Parser)]
#[command(name = "cargo x bench", about = "Measures planning on this machine.")]
struct Cli {
    /// The benchmark: B7, promises through bills of materials.
    #[arg(value_parser = ["B7"])]
    which: String,
    /// Prints one line of JSON per size, and one with the verdict.
    #[arg(long)]
    json: bool,
    /// The directory of the plot.
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
        Ok(()) if !cli.json => print(&format!("Plot: {}", plot.display())),
        Ok(()) => {}
        Err(error) => print(&format!("The plot cannot be written to {}: {error}", plot.display())),
    }
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The time of (b) relative to (a) in the largest catalog, in thousandths.
fn solved(sizes: &[Size]) -> u64 {
    sizes.last().map_or(0, Size::ratio)
}

/// The time of one change in the largest catalog relative to the smallest one, in thousandths.
fn changed(sizes: &[Size]) -> u64 {
    let first = |size: Option<&Size>| size.and_then(|size| size.changes.first()).map_or(0, |change| change.time);
    first(sizes.last()).saturating_mul(1_000) / first(sizes.first()).max(1)
}

fn table(sizes: &[Size], met: bool) {
    print("B7: promises through bills of materials, six levels deep; times are medians of several runs\n");
    print("   items    edges   goods   walked  walk µs | (a) netting µs  (b) solve µs   b/a | explosions");
    for size in sizes {
        print(&format!(
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
    print("\n(c) one raw material changes\n   items   goods affected   group items   µs   µs per good   explosions");
    for size in sizes {
        for change in &size.changes {
            let Change { goods, items, time, explosions } = change;
            let per_good = micros(change.per_good());
            print(&format!("{:>8} {goods:>16} {items:>12} {:>6} {per_good:>12} {explosions:>12}", size.items, micros(*time)));
        }
    }
    let verdict = if met { "met" } else { "missed" };
    let [solved, target, changed, change_target] = [solved(sizes), TARGET, changed(sizes), CHANGE_TARGET].map(thousandths);
    print(&format!("\nIn the largest catalog (b) takes {solved} times as long as (a), at most {target};"));
    print(&format!("(c) takes {changed} times as long as in the smallest, at most {change_target}: {verdict}"));
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
        print(&line.to_string());
    }
    let verdict = serde_json::json!({
        "bench": "B7", "met": met, "ratio_thousandths": solved(sizes), "target_thousandths": TARGET,
        "change_thousandths": changed(sizes), "change_target_thousandths": CHANGE_TARGET,
    });
    print(&verdict.to_string());
}

/// Formats nanoseconds as microseconds.
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

#[expect(clippy::print_stdout, reason = "the command prints its results")]
fn print(line: &str) {
    println!("{line}");
}

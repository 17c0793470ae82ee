//! The output of an import and of a validation: text for people, JSON for scripts.

use std::collections::BTreeMap;

use promissory::sheets::{CellChange, ImportTally, ProblemList, RowChange, RowChangeKind};
use serde_json::json;

use super::command::Outcome;
use super::shop::Validation;

/// The largest number of changes that the text lists. The JSON lists all.
const MAX_LISTED: usize = 1_000;

/// The result of an import as one JSON object.
#[must_use]
pub fn import_json(outcome: &Outcome) -> String {
    let Outcome { dry_run, plan, rows_written } = outcome;
    let (problems, count) = plan.as_ref().err().map_or((&[][..], 0), |problems| (problems.shown(), problems.count()));
    let tally: BTreeMap<_, _> = plan.iter().flat_map(|plan| &plan.tally).map(|(sheet, tally)| (sheet.name(), tally)).collect();
    let warnings = outcome.warnings();
    json!({
        "dry_run": dry_run,
        "problems": problems,
        "problem_count": count,
        "warnings": warnings.shown(),
        "warning_count": warnings.count(),
        "tally": tally,
        "changes": plan.as_ref().map_or(&[][..], |plan| &plan.changes),
        "rows_written": rows_written,
    })
    .to_string()
}

/// The result of an import as text.
#[must_use]
pub fn import_text(outcome: &Outcome) -> String {
    let Outcome { dry_run, plan, rows_written } = outcome;
    let mut lines: Vec<String> = outcome.warnings().shown().iter().map(|warning| format!("warning: {warning}")).collect();
    lines.extend(unshown(outcome.warnings().count()).map(|more| format!("{more} warnings")));
    match plan {
        Err(problems) => {
            lines.extend(problems.shown().iter().map(ToString::to_string));
            lines.extend(unshown(problems.count()));
            let written =
                if *rows_written == 0 { "nothing is written".to_owned() } else { format!("rows written: {rows_written}") };
            lines.push(format!("problems: {}; {written}", problems.count()));
        }
        Ok(plan) => {
            lines.extend(plan.changes.iter().take(MAX_LISTED).map(change));
            if plan.changes.len() > MAX_LISTED {
                lines.push(format!("and {} more; --json lists all", plan.changes.len() - MAX_LISTED));
            }
            for (sheet, ImportTally { added, changed, removed, unchanged }) in &plan.tally {
                lines.push(format!("{sheet}: {added} added, {changed} changed, {removed} removed, {unchanged} unchanged"));
            }
            lines.push(if *dry_run {
                format!("rows to write: {}; this was a dry run, and nothing is written", plan.rows())
            } else {
                format!("rows written: {rows_written}")
            });
        }
    }
    lines.join("\n")
}

/// What the text says about the entries that are not in a list.
fn unshown(count: usize) -> Option<String> {
    let more = count.saturating_sub(ProblemList::MAX_SHOWN);
    (more > 0).then(|| format!("and {more} more"))
}

fn change(change: &RowChange) -> String {
    let RowChange { sheet, line, key, kind } = change;
    let key = key.join(", ");
    let what = match kind {
        RowChangeKind::Added { cells } => {
            let cells = cells.iter().map(|CellChange { column, new, .. }| format!("{column} {new}"));
            format!("+ {key}: {}", cells.collect::<Vec<_>>().join(", "))
        }
        RowChangeKind::Changed { cells } => {
            let cells = cells.iter().map(|CellChange { column, old, new }| format!("{column} {} → {}", shown(old), shown(new)));
            format!("~ {key}: {}", cells.collect::<Vec<_>>().join(", "))
        }
        RowChangeKind::Removed => format!("- {key}"),
        RowChangeKind::Completed => format!("~ {key}: added the missing row"),
    };
    format!("{sheet} line {line}: {what}")
}

fn shown(cell: &str) -> &str {
    if cell.is_empty() { "nothing" } else { cell }
}

/// The results of validations as text.
#[must_use]
pub fn validation_text(validations: &[Validation]) -> String {
    let mut lines = Vec::new();
    for Validation { shop, variants, listings, findings } in validations {
        lines.extend(findings.iter().map(|finding| format!("{shop}: {finding}")));
        lines.push(format!("{shop}: {variants} variants, {listings} listings, {} findings", findings.len()));
    }
    lines.join("\n")
}

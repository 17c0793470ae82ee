//! Problems and warnings in sheets, each with its place, what is wrong, and what to do.
//!
//! A problem prevents the import. A warning does not: the cell is legal, but it is often a mistake. Both have the same form, so
//! that a reader of the report handles them in the same way.

use std::fmt;

use serde::Serialize;

use crate::catalog::excerpt;
use crate::sheets::Sheet;

/// One problem or warning in a sheet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SheetProblem {
    /// The sheet.
    pub sheet: Sheet,
    /// The line, the header being line 1; `None` if the problem concerns the whole file.
    pub line: Option<u64>,
    /// The column, if the problem concerns one.
    pub column: Option<String>,
    /// What is wrong, and what to do.
    pub detail: String,
}

impl fmt::Display for SheetProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.sheet)?;
        if let Some(line) = self.line {
            write!(f, " line {line}")?;
        }
        if let Some(column) = &self.column {
            write!(f, ", column {column}")?;
        }
        write!(f, ": {}", self.detail)
    }
}

/// Problems or warnings. The first of them are kept, the rest are only counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProblemList {
    kept: Vec<SheetProblem>,
    count: usize,
}

impl ProblemList {
    /// The most entries that [`Self::shown`] returns.
    pub const MAX_SHOWN: usize = 100;
    /// The most entries that are kept for sorting: a file with a mistake in every cell must not exhaust the memory.
    const MAX_KEPT: usize = 10_000;

    fn add(&mut self, problem: SheetProblem) {
        self.count += 1;
        if self.kept.len() < Self::MAX_KEPT {
            self.kept.push(problem);
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The number of all entries, including those that are not kept.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The first entries by sheet and line, at most [`Self::MAX_SHOWN`].
    #[must_use]
    pub fn shown(&self) -> &[SheetProblem] {
        &self.kept[..self.kept.len().min(Self::MAX_SHOWN)]
    }
}

/// All problems and warnings of an import.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
#[error("{} problems in the sheets", problems.count())]
pub struct SheetProblems {
    problems: ProblemList,
    warnings: ProblemList,
    /// Numbers that are a problem unless the stored row has the same number.
    ambiguous: Vec<AmbiguousNumber>,
}

/// A number that can be read in two ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AmbiguousNumber {
    pub(super) sheet: Sheet,
    pub(super) line: u64,
    pub(super) column: &'static str,
    /// The whole text of the cell.
    pub(super) text: String,
    detail: String,
}

impl SheetProblems {
    /// The most ambiguous numbers that are compared with stored rows. The others are problems at once.
    const MAX_AMBIGUOUS: usize = 100_000;

    pub(super) fn add(&mut self, sheet: Sheet, line: impl Into<Option<u64>>, column: &str, detail: impl Into<String>) {
        self.problems.add(entry(sheet, line.into(), column, detail.into()));
    }

    pub(super) fn warn(&mut self, sheet: Sheet, line: impl Into<Option<u64>>, column: &str, detail: impl Into<String>) {
        self.warnings.add(entry(sheet, line.into(), column, detail.into()));
    }

    pub(super) fn add_ambiguous(&mut self, sheet: Sheet, line: u64, column: &'static str, text: &str, detail: String) {
        if self.ambiguous.len() < Self::MAX_AMBIGUOUS {
            self.ambiguous.push(AmbiguousNumber { sheet, line, column, text: text.to_owned(), detail });
        } else {
            self.add(sheet, line, column, detail);
        }
    }

    /// Adds the ambiguous numbers as problems, except those for which `is_stored` is true.
    pub(super) fn settle_ambiguous(&mut self, is_stored: impl Fn(&AmbiguousNumber) -> bool) {
        for number in std::mem::take(&mut self.ambiguous) {
            if !is_stored(&number) {
                self.add(number.sheet, number.line, number.column, number.detail);
            }
        }
    }

    pub(super) fn has_ambiguous(&self) -> bool {
        !self.ambiguous.is_empty()
    }

    pub(super) fn sort(&mut self) {
        self.problems.kept.sort();
        self.warnings.kept.sort();
    }

    pub(super) fn into_warnings(self) -> ProblemList {
        self.warnings
    }

    /// The warnings, which alone do not prevent the import.
    #[must_use]
    pub fn warnings(&self) -> &ProblemList {
        &self.warnings
    }

    /// Whether there are no problems. There may be warnings.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty() && self.ambiguous.is_empty()
    }

    /// The number of problems, including those that are not kept.
    #[must_use]
    pub fn count(&self) -> usize {
        self.problems.count()
    }

    /// The first problems by sheet and line, at most [`ProblemList::MAX_SHOWN`].
    #[must_use]
    pub fn shown(&self) -> &[SheetProblem] {
        self.problems.shown()
    }
}

/// The most characters of the name of a column, and of a detail: both may quote the file.
const MAX_COLUMN: usize = 100;
const MAX_DETAIL: usize = 1_000;

fn entry(sheet: Sheet, line: Option<u64>, column: &str, detail: String) -> SheetProblem {
    let column = (!column.is_empty()).then(|| excerpt(column.to_owned(), MAX_COLUMN));
    SheetProblem { sheet, line, column, detail: excerpt(detail, MAX_DETAIL) }
}

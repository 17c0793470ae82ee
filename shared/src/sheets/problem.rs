//! Problems in sheets, each with its place, what is wrong, and what to do.

use std::fmt;

use serde::Serialize;

use crate::sheets::Sheet;

/// One problem in a sheet.
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

/// All problems of an import. The first of them are kept, the rest are only counted.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
#[error("{count} problems in the sheets")]
pub struct SheetProblems {
    kept: Vec<SheetProblem>,
    count: usize,
}

impl SheetProblems {
    /// The most problems that [`Self::shown`] returns.
    pub const MAX_SHOWN: usize = 100;
    /// The most problems that are kept for sorting: a file with a mistake in every cell must not exhaust the memory.
    const MAX_KEPT: usize = 10_000;

    pub(super) fn add(&mut self, sheet: Sheet, line: impl Into<Option<u64>>, column: &str, detail: impl Into<String>) {
        self.count += 1;
        if self.kept.len() < Self::MAX_KEPT {
            let column = (!column.is_empty()).then(|| column.to_owned());
            self.kept.push(SheetProblem { sheet, line: line.into(), column, detail: detail.into() });
        }
    }

    pub(super) fn sort(&mut self) {
        self.kept.sort();
    }

    /// Whether there are no problems.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The number of problems, including those that are not kept.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The first problems by sheet and line, at most [`Self::MAX_SHOWN`].
    #[must_use]
    pub fn shown(&self) -> &[SheetProblem] {
        &self.kept[..self.kept.len().min(Self::MAX_SHOWN)]
    }
}

//! What is wrong with sheets, each with its place and what would be right.

use std::fmt;

use serde::Serialize;

use crate::sheets::Sheet;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SheetProblem {
    /// The sheet.
    pub sheet: Sheet,
    /// The line in it, the header being 1; none where it is about the file as a whole.
    pub line: Option<u64>,
    /// The column, where it is about one.
    pub column: Option<String>,
    /// What is wrong, and what would be right.
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

/// All that is wrong. The first of them are kept, the rest is counted.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
#[error("{count} problems in the sheets")]
pub struct SheetProblems {
    kept: Vec<SheetProblem>,
    count: usize,
}

impl SheetProblems {
    /// The most that are shown.
    pub const MAX_SHOWN: usize = 100;
    /// The most that are kept to be put in order: a file that is wrong in every cell must not fill the memory.
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

    /// Nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The first of them, by sheet and line, at most [`Self::MAX_SHOWN`].
    #[must_use]
    pub fn shown(&self) -> &[SheetProblem] {
        &self.kept[..self.kept.len().min(Self::MAX_SHOWN)]
    }
}

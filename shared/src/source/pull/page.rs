//! Reads one answer: its rows, and the address of the next page.

use serde_json::Value;

use crate::source::exact_json;
use crate::source::pull::config::{Feed, OffsetRule, Paging, PullFormat};
use crate::source::pull::request::{PageRef, SourceError, link};
use crate::source::pull::{JsonPointer, MAX_ROWS};

/// The content of one answer.
#[derive(Debug, PartialEq)]
pub(crate) struct Page {
    /// The rows. A row that is not JSON is an error text.
    pub rows: Vec<Result<Value, String>>,
    /// The next page.
    pub next: Next,
}

/// The request that follows a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing: this was the end.
    End,
    /// Another page.
    Page(PageRef),
    /// A request for rows newer than the newest row of this page.
    Newer,
    /// Unknown: the answer broke off in the middle of a line.
    BrokenOff,
}

/// Reads the answer for the page `at`.
///
/// # Errors
/// When the answer does not match the configuration. Nothing of it is used then.
pub(crate) fn read(feed: &Feed, at: &PageRef, bytes: &[u8]) -> Result<Page, SourceError> {
    let (rows, document, broken) = match feed.format {
        PullFormat::Json => {
            // The message of serde_json may quote a value, so the error holds only its kind and position.
            let mut document = exact_json(bytes).map_err(|error| {
                let (kind, line, column) = (error.classify(), error.line(), error.column());
                SourceError::unreadable(format!("it is not JSON: {kind:?} error at line {line} column {column}"))
            })?;
            let Some(Value::Array(rows)) = feed.rows.of_mut(&mut document).map(Value::take) else {
                return Err(SourceError::unreadable(format!("it has no list of rows at {:?}", feed.rows.as_str())));
            };
            (rows.into_iter().map(Ok).collect(), document, false)
        }
        PullFormat::JsonLines => {
            let (rows, broken) = lines(bytes)?;
            (rows, Value::Null, broken)
        }
    };
    if rows.len() > MAX_ROWS {
        return Err(SourceError::unreadable(format!(
            "a page has {} rows, more than {MAX_ROWS}: configure a smaller page size",
            rows.len()
        )));
    }
    let next = if broken { Next::BrokenOff } else { next(feed, at, rows.len(), &document)? };
    if next == Next::Page(at.clone()) {
        return Err(SourceError::unreadable("the address of the next page is that of this page"));
    }
    Ok(Page { rows, next })
}

type Lines = (Vec<Result<Value, String>>, bool);

fn lines(bytes: &[u8]) -> Result<Lines, SourceError> {
    let text = std::str::from_utf8(bytes).map_err(|_| SourceError::unreadable("it is not UTF-8"))?;
    let mut rows = Vec::new();
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() {
            continue;
        }
        match exact_json(line.as_bytes()) {
            Ok(row) => rows.push(Ok(row)),
            // The last line has no line end and is not JSON: the answer broke off. The lines before it are valid.
            Err(_) if !line.ends_with('\n') => return Ok((rows, true)),
            Err(error) => {
                rows.push(Err(format!("the line is not JSON: {:?} error at column {}", error.classify(), error.column())))
            }
        }
    }
    Ok((rows, false))
}

fn next(feed: &Feed, at: &PageRef, rows: usize, document: &Value) -> Result<Next, SourceError> {
    let count = u64::try_from(rows).unwrap_or(u64::MAX);
    let next_page = |path: &JsonPointer| match path.of(document) {
        None | Some(Value::Null | Value::Bool(false)) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(Value::Bool(true) | Value::Array(_) | Value::Object(_)) => {
            Err(SourceError::unreadable(format!("the value at {} cannot name the next page", path.as_str())))
        }
    };
    Ok(match &feed.paging {
        Paging::None => Next::End,
        Paging::NextLink { path } => match next_page(path)? {
            Some(to) => Next::Page(PageRef::Link(link(feed, &to)?)),
            None => Next::End,
        },
        Paging::Cursor { path } => next_page(path)?.map_or(Next::End, |cursor| Next::Page(PageRef::Cursor(cursor))),
        Paging::Offset { .. } => next_offset(feed, at, count, document)?,
        Paging::Page { size, first } => {
            let page = if let PageRef::Page(page) = at { *page } else { *first };
            if count >= *size { Next::Page(PageRef::Page(page.saturating_add(1))) } else { Next::End }
        }
        Paging::Progress { size } => {
            if count >= *size {
                Next::Newer
            } else {
                Next::End
            }
        }
    })
}

/// What follows a page by offset that has `count` rows.
fn next_offset(feed: &Feed, at: &PageRef, count: u64, document: &Value) -> Result<Next, SourceError> {
    let Paging::Offset { size, offset, more, total, most } = &feed.paging else { return Ok(Next::End) };
    let (from, asked, again) =
        if let PageRef::Offset { from, size, again } = at { (*from, *size, *again) } else { (0, *size, 0) };
    let end = from.saturating_add(count);
    let wrong = |path: &JsonPointer, kind: &str| SourceError::unreadable(format!("the value at {} is not {kind}", path.as_str()));
    let more = match (more, total) {
        (Some(path), _) => path.of(document).and_then(Value::as_bool).ok_or_else(|| wrong(path, "true or false"))?,
        (None, Some(path)) => {
            let total = path.of(document).and_then(|total| total.as_u64().or_else(|| total.as_str()?.parse().ok()));
            end < total.ok_or_else(|| wrong(path, "a number of rows"))?
        }
        (None, None) => count >= asked,
    };
    if most.is_some_and(|most| end >= most) {
        return if feed.ordered {
            Ok(Next::Newer)
        } else {
            Err(SourceError::unreadable(format!(
                "the system gives only {end} rows of a query: split the feed, by location for example"
            )))
        };
    }
    if !more {
        return Ok(Next::End);
    }
    if count <= again {
        return Err(SourceError::unreadable("it promises more rows and holds none"));
    }
    let next = following(*offset, *size, most.unwrap_or(u64::MAX), end);
    next.map(Next::Page).ok_or_else(|| {
        SourceError::unreadable(format!(
            "no page of at most {size} rows begins before row {end} and ends after it: set a larger page size"
        ))
    })
}

/// The page that contains the last of the first `end` rows again and reaches furthest beyond them, within the first `most`.
fn following(offset: OffsetRule, size: u64, most: u64, end: u64) -> Option<PageRef> {
    let last = end.checked_sub(1)?;
    let reaches_on = |(from, size): &(u64, u64)| from + size > end && from + size <= most;
    let (from, size) = match offset {
        OffsetRule::Any => Some((last, size.min(most.saturating_sub(last)))).filter(reaches_on),
        OffsetRule::MultipleOfSize => {
            (1..=size).map(|size| (last / size * size, size)).filter(reaches_on).max_by_key(|(from, size)| from + size)
        }
    }?;
    Some(PageRef::Offset { from, size, again: end - from })
}

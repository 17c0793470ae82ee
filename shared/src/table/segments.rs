//! Keys consist of segments with `#` between them. A segment is escaped, so that it may hold any text.

use std::borrow::Cow;

use crate::movement::content_hash;

/// The sort key of a partition's one main row.
pub(super) const HEAD: &str = "HEAD";

/// Joins segments to the text of a key.
pub(super) fn join(segments: &[&str]) -> String {
    let mut text = String::with_capacity(segments.iter().map(|segment| segment.len() + 1).sum());
    for (at, segment) in segments.iter().enumerate() {
        if at > 0 {
            text.push('#');
        }
        for symbol in segment.chars() {
            match symbol {
                '%' => text.push_str("%25"),
                '#' => text.push_str("%23"),
                _ => text.push(symbol),
            }
        }
    }
    text
}

/// A name of another system, as a segment of a sort key. The rows that are listed by such a name have up to three of them.
pub(super) fn name(text: &str) -> Cow<'_, str> {
    shortened(text, 240)
}

/// A name of another system, as a segment of a partition key, which has room for more.
pub(super) fn long_name(text: &str) -> Cow<'_, str> {
    shortened(text, 600)
}

/// A text whose segment has more than `most` bytes is replaced by its beginning and its hash, so that no key exceeds its limit. What
/// this returns is never shortened again.
fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    let bytes = |symbol: char| if matches!(symbol, '%' | '#') { 3 } else { symbol.len_utf8() };
    if text.chars().map(bytes).sum::<usize>() <= most {
        return Cow::Borrowed(text);
    }
    let hash = content_hash(text.as_bytes());
    let mut left = most - hash.len() - 1;
    let begin = text.chars().take_while(|symbol| {
        let fits = bytes(*symbol) <= left;
        left = left.saturating_sub(bytes(*symbol));
        fits
    });
    let begin: String = begin.collect();
    Cow::Owned(format!("{begin}~{hash}"))
}

/// Splits the text of a key into its segments.
pub(super) fn split(text: &str) -> Vec<String> {
    text.split('#').map(|segment| segment.replace("%23", "#").replace("%25", "%")).collect()
}

/// A number as a segment of fixed width, so that text sorts in the order of numbers.
pub(super) fn number(number: u64) -> String {
    format!("{number:012}")
}

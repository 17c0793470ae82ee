//! Keys consist of segments with `#` between them. A segment is escaped, so that it may hold any text.

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

/// Splits the text of a key into its segments.
pub(super) fn split(text: &str) -> Vec<String> {
    text.split('#').map(|segment| segment.replace("%23", "#").replace("%25", "%")).collect()
}

/// A number as a segment of fixed width, so that text sorts in the order of numbers.
pub(super) fn number(number: u64) -> String {
    format!("{number:012}")
}

//! The stream filter of `template.yaml` delivers exactly the rows that the code expects.

use promissory::table::{Streamed, examples};
use serde_json::Value;

/// The filter patterns of the template, as JSON.
fn patterns() -> Vec<Value> {
    let template = include_str!("../../template.yaml");
    let quoted = template.lines().filter_map(|line| line.trim().strip_prefix("- Pattern: '")?.strip_suffix('\''));
    let patterns: Vec<Value> = quoted.map(|text| serde_json::from_str(text).expect("a pattern is JSON")).collect();
    let of_the_stream: Vec<Value> = patterns.into_iter().filter(|pattern| !pattern["dynamodb"].is_null()).collect();
    assert!(!of_the_stream.is_empty(), "the template has a stream filter");
    of_the_stream
}

/// Whether the pattern of an attribute matches a text. A pattern is a list of alternatives; a missing one matches everything.
fn matches(pattern: &Value, text: &str) -> bool {
    let Some(alternatives) = pattern.as_array() else { return true };
    alternatives.iter().any(|alternative| match alternative["prefix"].as_str() {
        Some(prefix) => text.starts_with(prefix),
        None => alternative.as_str() == Some(text),
    })
}

/// Protects promises and alerts from rows that the stream does not deliver, and the function from rows that it cannot handle.
#[test]
fn the_template_delivers_the_rows_that_the_code_expects() {
    let patterns = patterns();
    for example in examples() {
        let key = example.row.key();
        let brings = |event: &str| {
            patterns.iter().any(|pattern| {
                let keys = &pattern["dynamodb"]["Keys"];
                matches(&pattern["eventName"], event) && matches(&keys["pk"]["S"], &key.pk) && matches(&keys["sk"]["S"], &key.sk)
            })
        };
        let expected = match example.row.streamed() {
            Streamed::No => (false, false, false),
            Streamed::Written => (true, true, false),
            Streamed::WrittenOrRemoved => (true, true, true),
        };
        assert_eq!((brings("INSERT"), brings("MODIFY"), brings("REMOVE")), expected, "{}: {key}", example.row);
    }
}

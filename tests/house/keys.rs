//! Only `table/` knows how row keys are written.

use std::collections::BTreeSet;

use promissory::table::examples;

use crate::{files, none_wrong};

/// The first segments of partition keys, sort keys and index keys that consist of more than one segment.
fn prefixes() -> BTreeSet<String> {
    let mut prefixes = BTreeSet::new();
    for example in examples() {
        let stored = example.index.iter().map(|(entry, _)| entry.key()).chain([example.row.key()]);
        for key in stored {
            let texts = [key.pk, key.sk].into_iter();
            let first = texts.filter_map(|text| text.split_once('#').map(|(first, _)| first.to_owned()));
            prefixes.extend(first.filter(|first| first.bytes().all(|byte| byte.is_ascii_uppercase())).map(|first| first + "#"));
        }
    }
    prefixes
}

/// Protects stored keys from being written or read in a second way.
#[test]
fn row_prefixes_are_in_table_only() {
    let prefixes = prefixes();
    assert!(prefixes.contains("POS#") && prefixes.contains("ITEM#"), "{prefixes:?}");
    let mut wrong = Vec::new();
    for (path, text) in files(&["rs"]) {
        if path.starts_with("shared/src/table/") || path == "tests/house/keys.rs" {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let quoted = |prefix: &&String| line.contains(&format!("\"{prefix}")) || line.contains(&format!(" {prefix}"));
            if let Some(prefix) = prefixes.iter().find(quoted) {
                wrong.push(format!("{path}:{}: it writes the row prefix {prefix}; use promissory::table::RowKey", number + 1));
            }
        }
    }
    none_wrong(&wrong);
}

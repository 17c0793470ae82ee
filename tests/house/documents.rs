//! Documents have the agreed size, their links lead somewhere, and the reference of the table says what the code says.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;

use promissory::table::{Streamed, examples};

use crate::{files, none_wrong, root};

/// Protects readers of the first two documents from having to read for an hour.
#[test]
fn the_first_documents_are_short() {
    for (path, most) in [("README.md", 4_600), ("ARCHITECTURE.md", 12_288)] {
        let bytes = fs::metadata(root().join(path)).expect("it is there").len();
        assert!(bytes <= most, "{path} has {bytes} bytes; at most {most} are allowed: move what is long to infra/docs/");
    }
}

/// Protects readers from links that lead nowhere.
#[test]
fn links_lead_to_files() {
    let mut wrong = Vec::new();
    for (path, text) in files(&["md"]) {
        let folder = root().join(&path).parent().expect("a folder").to_owned();
        for rest in text.split("](").skip(1) {
            let target = rest.split(')').next().unwrap_or_default().split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !folder.join(target).exists() {
                wrong.push(format!("{path}: the link to {target} leads to no file"));
            }
        }
    }
    none_wrong(&wrong);
}

/// Protects readers from names that the code no longer has: the bounds name constants and files, the glossary names types, the
/// cases name tests, and ARCHITECTURE.md names where a change goes.
#[test]
fn documents_name_what_the_code_has() {
    let sources: Vec<(String, String)> = files(&["rs"]);
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let words: HashSet<&str> = sources.iter().flat_map(|(_, text)| text.split(|c: char| !is_name(c))).collect();
    let mut wrong = Vec::new();
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the page exists");
    for name in architecture.split('`').skip(1).step_by(2).filter(|name| name.ends_with(".rs") || name.ends_with('/')) {
        if !["", "shared/src", "infra"].iter().any(|folder| root().join(folder).join(name).exists()) {
            wrong.push(format!("ARCHITECTURE.md names `{name}`, which does not exist"));
        }
    }
    for page in ["infra/docs/bounds.md", "infra/docs/cases.md", "infra/docs/glossary.md"] {
        let text = fs::read_to_string(root().join(page)).expect("the page exists");
        let rows = text
            .lines()
            .filter(|line| line.starts_with('|'))
            .filter_map(|row| row.trim_end_matches([' ', '|']).rsplit('|').next());
        for name in rows.flat_map(|cell| cell.split('`').skip(1).step_by(2)) {
            let is_file = ["", "shared/src"].iter().any(|folder| root().join(folder).join(name).is_file());
            let found = is_file || (!name.ends_with(".rs") && words.contains(name.rsplit("::").next().unwrap_or(name)));
            if !found {
                wrong.push(format!("{page} names `{name}`, which is not in the code"));
            }
        }
    }
    none_wrong(&wrong);
}

/// Protects the threat model from naming a test that is gone: a control without its test is a hope.
#[test]
fn the_threat_model_names_tests_that_exist() {
    let page = "infra/adr/0022-threat-model.md";
    let text = fs::read_to_string(root().join(page)).expect("the page exists");
    let sources: Vec<(String, String)> = files(&["rs"]);
    let tests: Vec<(&str, &str)> = text.split('`').skip(1).step_by(2).filter_map(|name| name.split_once(".rs::")).collect();
    assert!(tests.len() > 20, "{page} names tests: {tests:?}");
    let mut wrong = Vec::new();
    for (path, test) in tests {
        let file = sources.iter().find(|(file, _)| file.strip_suffix(".rs") == Some(path));
        if !file.is_some_and(|(_, text)| text.contains(&format!("fn {test}()"))) {
            wrong.push(format!("{page} names `{path}.rs::{test}`, which is not a test"));
        }
    }
    none_wrong(&wrong);
}

const TABLE: &str = "infra/docs/table.md";

/// The reference of the table.
fn table() -> String {
    let mut page = String::from(
        "# The table\n\nThis page is generated from `shared/src/table/examples.rs`. When the code changes, the test \
         `the_reference_of_the_table_is_current` prints the new page.\n\n\
         One table, on demand, with a stream of new and old images and one sparse index (`ipk`, `isk`). A row is `pk`, `sk`, \
         `rev` (it counts the writes of the row; every write names the revision that it replaces, or that there must be none), \
         `ver` (the schema version of the code that wrote it, see [ADR 23](../adr/0023-newer-fields-survive-older-code.md)), `expires_at` \
         (where the row is not kept for ever: when DynamoDB may delete it, in seconds; it does so within a few days) \
         and `body` (a map, or above 16 KB deflated JSON). A key is made of segments with `#` between them; `#` and `%` in a segment are written `%23` and `%25`. \
         A row for which the last column names no time is kept until a function deletes it.\n\n\
         | row | pk | sk | index entry | in the stream | kept |\n|---|---|---|---|---|---|\n",
    );
    for example in examples() {
        let key = example.row.key();
        let index: Vec<String> = example.index.iter().map(|(entry, when)| format!("`{}` {when}", entry.key())).collect();
        let stream = match example.row.streamed() {
            Streamed::No => "",
            Streamed::Written => "writes",
            Streamed::WrittenOrRemoved => "writes and removal",
        };
        let (holds, index, kept) = (example.holds, index.join("; "), example.kept());
        writeln!(page, "| {holds} | `{}` | `{}` | {index} | {stream} | {kept} |", key.pk, key.sk).expect("a text takes any line");
    }
    page
}

/// Protects operators who read rows by hand: the reference names every kind of row as it is stored.
#[test]
fn the_reference_of_the_table_is_current() {
    let (page, path) = (table(), root().join(TABLE));
    let stored = fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == page, "{TABLE} is not current. Write this to it:\n{page}");
}

//! The shapes of stored types, and the schema version that says when they changed.

use std::collections::BTreeMap;
use std::fs;

use promissory::table::SCHEMA_VERSION;

use crate::{files, none_wrong, root};

/// The shapes as of the schema version.
const RECORDED: &str = "tests/house/schema.txt";

/// Folders and files of `shared/src/` whose types are not stored in rows.
const NOT_STORED: [&str; 5] = ["adapters/", "explain/", "flows/", "sheets/", "table/"];

/// The fields or variants of each type of a file that `serde` reads, with the attributes that change how it reads them.
fn shapes(text: &str) -> BTreeMap<String, Vec<String>> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = BTreeMap::new();
    let mut derives = None;
    for (at, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = &line[..line.len() - code.len()];
        if code.starts_with("#[derive(") && code.contains("Deserialize") {
            derives = Some(at);
        }
        let is_type = ["struct ", "enum "].iter().any(|word| code.trim_start_matches("pub ").starts_with(word));
        let Some(from) = derives.filter(|_| is_type) else { continue };
        derives = None;
        let one_line = code.ends_with(';') || code.ends_with('}');
        let end = lines[at..].iter().position(|line| one_line || line.strip_prefix(indent).is_some_and(|line| line == "}"));
        let end = at + end.unwrap_or_else(|| panic!("{code} ends"));
        let attributes = lines[from + 1..at].iter().filter(|line| line.trim_start().starts_with("#[serde"));
        let shape: Vec<&str> = attributes.chain(lines.get(at + 1..end).unwrap_or_default()).map(|line| line.trim()).collect();
        let first = code.trim_end_matches([' ', '{']).trim_start_matches("pub ").to_owned();
        let is_shape = |line: &&str| !line.is_empty() && !line.starts_with("//") && !line.starts_with("#[strum");
        found.insert(
            first,
            shape.into_iter().filter(is_shape).map(|line| format!("    {}", line.trim_start_matches("pub "))).collect(),
        );
    }
    found
}

fn stored_shapes() -> BTreeMap<String, Vec<String>> {
    let stored = |path: &str| {
        let inner = path.strip_prefix("shared/src/").filter(|_| !path.contains("/tests"));
        inner.is_some_and(|inner| !NOT_STORED.iter().any(|folder| inner.starts_with(folder)))
    };
    files(&["rs"]).into_iter().filter(|(path, _)| stored(path)).flat_map(|(_, text)| shapes(&text)).collect()
}

/// Protects rows from code that changes their shape and does not raise the schema version: older code would lose their new fields.
#[test]
fn a_changed_shape_has_a_new_schema_version() {
    let recorded = fs::read_to_string(root().join(RECORDED)).unwrap_or_default();
    let mut lines = recorded.lines().skip_while(|line| line.starts_with('#'));
    let version = lines.next().unwrap_or_default().to_owned();
    let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut of = String::new();
    for line in lines {
        if line.starts_with(' ') {
            known.entry(of.clone()).or_default().push(line.to_owned());
        } else {
            line.clone_into(&mut of);
            known.entry(of.clone()).or_default();
        }
    }
    let now = stored_shapes();
    assert!(now.contains_key("struct Position") && now.contains_key("struct OrderRecord"), "stored types are found");
    let mut wrong = Vec::new();
    if version != format!("version {SCHEMA_VERSION}") {
        wrong.push(format!("{RECORDED} is of {version:?}, and the code is of version {SCHEMA_VERSION}; write the new version"));
    }
    let change = "changed; unless a version above the last release covers it, raise SCHEMA_VERSION. Then record";
    for (name, shape) in now.iter().filter(|(name, shape)| known.get(*name) != Some(shape)) {
        wrong.push(format!("{RECORDED}: {name} {change}:\n{name}\n{}", shape.join("\n")));
    }
    wrong.extend(
        known.keys().filter(|name| !now.contains_key(*name)).map(|name| format!("{RECORDED}: {name} is gone; remove it")),
    );
    none_wrong(&wrong);
}

/// Protects older code from rows that it could read but for a new field.
#[test]
fn stored_types_ignore_unknown_fields() {
    let shapes = stored_shapes();
    let refuses = |shape: &[String]| shape.iter().any(|line| line.contains("deny_unknown_fields"));
    let found: Vec<&str> = shapes.iter().filter(|(_, shape)| refuses(shape)).map(|(name, _)| name.as_str()).collect();
    assert!(found.is_empty(), "older code cannot read a row of such a type when it gets a field: {found:?}");
}

//! Functions of shipped code are short.

use crate::{files, none_wrong};

/// The most lines of a function, its signature included.
const MOST_LINES: usize = 80;

/// Whether a file is shipped, or part of the tools.
fn is_shipped(path: &str) -> bool {
    let shipped = ["shared/src/", "functions/", "infra/"].iter().any(|folder| path.starts_with(folder));
    shipped && !path.contains("/tests/") && !path.ends_with("/tests.rs")
}

/// The length and the name of each function of a file that `cargo fmt` has formatted.
fn functions(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = &line[..line.len() - code.len()];
        let Some(start) = code.find("fn ").filter(|_| !code.starts_with("//") && !code.ends_with(';')) else { continue };
        let before = &code[..start];
        if !before.is_empty() && !before.ends_with(' ') || before.contains(['(', '"', '|', '=']) && !before.starts_with("pub(") {
            continue;
        }
        let end = lines[at..].iter().position(|line| line.strip_prefix(indent) == Some("}"));
        let name = code[start + 3..].split(['(', '<']).next().unwrap_or_default();
        found.extend(end.map(|end| (end + 1, name.to_owned())));
    }
    found
}

/// Protects readers: a function that is longer does more than one thing.
#[test]
fn no_function_of_shipped_code_is_long() {
    let mut wrong = Vec::new();
    let mut counted = 0;
    for (path, text) in files(&["rs"]).into_iter().filter(|(path, _)| is_shipped(path)) {
        for (lines, name) in functions(&text) {
            counted += 1;
            if lines > MOST_LINES {
                wrong.push(format!("{path}: {name} has {lines} lines; at most {MOST_LINES} are allowed"));
            }
        }
    }
    assert!(counted > 1_000, "{counted} functions were found");
    none_wrong(&wrong);
}

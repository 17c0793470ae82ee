//! Retired words of the glossary do not come back.

use crate::{files, none_wrong};

const GLOSSARY: &str = "infra/docs/glossary.md";

/// The retired words, each with the term to use: the fenced block `retired` of the glossary.
fn retired() -> Vec<(String, String)> {
    let (_, glossary) = files(&["md"]).into_iter().find(|(path, _)| path == GLOSSARY).expect("the glossary");
    let block =
        glossary.split("```retired\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block of retired words");
    let entry = |line: &str| line.split_once(" -> ").map(|(word, term)| (word.trim().to_owned(), term.trim().to_owned()));
    let words: Vec<(String, String)> = block.lines().filter_map(entry).collect();
    assert!(words.len() > 10, "the glossary retires words: {words:?}");
    words
}

/// Whether a line holds a word by itself, or as a part of a snake_case name. A word in CamelCase is compared as it is written.
fn holds(line: &str, word: &str) -> bool {
    let is_name = word.starts_with(|symbol: char| symbol.is_uppercase());
    let (line, word) = if is_name { (line.to_owned(), word.to_owned()) } else { (line.to_lowercase(), word.to_lowercase()) };
    line.match_indices(&word).any(|(at, _)| {
        let inside = |symbol: Option<char>| symbol.is_some_and(|symbol| symbol.is_alphanumeric() || (is_name && symbol == '_'));
        !inside(line[..at].chars().next_back()) && !inside(line[at + word.len()..].chars().next())
    })
}

/// Protects the vocabulary: one word per concept, in code, texts and documents.
#[test]
fn retired_words_do_not_come_back() {
    let retired = retired();
    let mut wrong = Vec::new();
    for (path, text) in files(&["rs", "md", "yaml", "py", "toml"]) {
        if [GLOSSARY, "CHANGELOG.md", "tests/house/words.rs"].contains(&path.as_str()) {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            for (word, term) in retired.iter().filter(|(word, _)| holds(line, word)) {
                wrong.push(format!("{path}:{}: the word {word:?} is retired; use {term}", number + 1));
            }
        }
    }
    none_wrong(&wrong);
}

/// Protects the test above from finding nothing, or too much.
#[test]
fn a_word_is_found_by_itself() {
    for (line, word, expected) in [
        ("// Nobody waits.", "nobody", true),
        ("let told_at = now;", "told", true),
        ("let untold = now;", "told", false),
        ("until then", "till", false),
        ("struct InPlan;", "InPlan", true),
        ("let inplan = 1;", "InPlan", false),
        ("struct PlanInPlan;", "InPlan", false),
    ] {
        assert_eq!(holds(line, word), expected, "{word} in {line}");
    }
}

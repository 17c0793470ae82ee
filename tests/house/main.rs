//! The house rules that a machine can check: one owner of row keys, short functions, the words of the glossary, documents of
//! the agreed size, and references that say what the code says.

mod documents;
mod functions;
mod keys;
mod schema;
mod template;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are in the repository").to_owned()
}

/// Folders that hold what was built or installed.
const NOT_OURS: [&str; 4] = ["target", ".git", ".local", ".aws-sam"];

/// Every file of the repository that ends in one of these, with its path from the root and its text, in order.
fn files(extensions: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(&root(), extensions, &mut found);
    found.sort();
    assert!(!found.is_empty(), "there are files that end in {extensions:?}");
    found
}

fn collect(folder: &Path, extensions: &[&str], found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable folder").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            if !NOT_OURS.contains(&name.as_str()) {
                collect(&path, extensions, found);
            }
        } else if path.extension().is_some_and(|extension| extensions.iter().any(|wanted| extension == *wanted)) {
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let relative = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
            found.push((relative, text));
        }
    }
}

/// Fails with one line for each thing that is wrong.
fn none_wrong(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

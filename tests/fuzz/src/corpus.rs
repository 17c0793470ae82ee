//! The kept inputs of each target.

use std::fs;
use std::path::{Path, PathBuf};

/// One kept input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The name of the file, without the number that makes it unique and without its extension: it says how to read the bytes.
    pub name: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// The kept inputs of a target, in the order of their file names. A file is named `name.extension` or `name~reason.extension`.
///
/// # Panics
/// If the folder cannot be read, or has no file.
#[must_use]
pub fn samples(target: &str) -> Vec<Sample> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} holds kept inputs", folder.display());
    let sample = |path: &PathBuf| Sample {
        name: path
            .file_stem()
            .map_or_else(String::new, |stem| stem.to_string_lossy().split('~').next().unwrap_or_default().to_owned()),
        bytes: fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
    };
    paths.iter().map(sample).collect()
}

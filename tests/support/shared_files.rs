//! Schemas and samples of third parties. They lie beside the repository, not in it. Where they are missing, a test prints a
//! message and skips its check.

use std::path::{Path, PathBuf};

use promissory::adapters::shopify::webhook::WebhookTopic;

/// The directory of Shopify's schema and samples, if it exists.
#[must_use]
pub fn shopify() -> Option<PathBuf> {
    folder("shopify")
}

/// The directory of the cases from the field, if it exists.
#[must_use]
pub fn cases() -> Option<PathBuf> {
    folder("cases")
}

fn folder(name: &str) -> Option<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let found = repository.parent()?.join("shared").join(name);
    if found.is_dir() {
        return Some(found);
    }
    skip(&format!("{} does not exist", found.display()));
    None
}

/// Reads a required file.
///
/// # Panics
/// If the file cannot be read.
#[must_use]
pub fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The sample webhook bodies of the subscribed topics: topic and bytes.
#[must_use]
pub fn deliveries() -> Vec<(&'static str, Vec<u8>)> {
    let Some(shopify) = shopify() else { return Vec::new() };
    let mut found = Vec::new();
    let mut entries: Vec<PathBuf> = std::fs::read_dir(shopify.join("deliveries"))
        .expect("the samples can be listed")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    entries.sort();
    for path in entries {
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let dotted = name.rsplit("__").next().unwrap_or_default().replace('.', "/");
        if let Some(topic) = WebhookTopic::names().find(|topic| *topic == dotted) {
            found.push((topic, bytes(&path)));
        }
    }
    found
}

/// Prints why a check is skipped.
pub fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
}

//! Files that are beside the repository, not in it: schemas and samples of others. Where they are missing a check is
//! skipped, in words.

use std::path::{Path, PathBuf};

use promissory::adapters::shopify::webhook::WebhookTopic;

/// The directory of Shopify's schema and samples, if it is there.
#[must_use]
pub fn shopify() -> Option<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let found = repository.parent()?.join("shared/shopify");
    if found.is_dir() {
        return Some(found);
    }
    skip(&format!("{} is not there", found.display()));
    None
}

/// Reads a file that must be there.
///
/// # Panics
/// When it cannot be read.
#[must_use]
pub fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The sample bodies of webhooks we listen to: the topic and the bytes.
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

/// Says that something is not checked, and why.
pub fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
}

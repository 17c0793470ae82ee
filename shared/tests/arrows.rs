//! Checks the dependencies between the modules of the domain crate: each module uses only those before it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every module, in the order of dependency: each uses only those before it.
const ORDER: [&str; 17] = [
    "signature",
    "catalog",
    "movement",
    "alert",
    "order",
    "source",
    "ledger",
    "promise",
    "storefront",
    "reconcile",
    "table",
    "explain",
    "draft",
    "sheets",
    "ports",
    "flows",
    "adapters",
];

/// Modules that may be async.
const ASYNC: [&str; 3] = ["ports", "flows", "adapters"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the source folder exists") {
        let path = entry.expect("a readable folder entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Each source file with its top-level module and its text.
fn files() -> Vec<(PathBuf, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&root, &mut found);
    found.sort();
    let module = |path: &Path| {
        let first =
            path.strip_prefix(&root).expect("a path below the source root").iter().next().expect("a path with a first part");
        first.to_string_lossy().trim_end_matches(".rs").to_owned()
    };
    let files = found.into_iter().map(|path| {
        let text = fs::read_to_string(&path).expect("a readable source file");
        (path.strip_prefix(&root).expect("a path below the source root").to_owned(), module(&path), text)
    });
    files.filter(|(_, module, _)| module != "lib").collect()
}

/// The modules that a source text names with `crate::`.
fn named(text: &str) -> impl Iterator<Item = &str> {
    text.split("crate::").skip(1).map(|rest| {
        let end = rest.find(|symbol: char| !symbol.is_ascii_lowercase() && symbol != '_').unwrap_or(rest.len());
        &rest[..end]
    })
}

/// Protects readers from having to understand everything at once: no module uses one that comes after it.
#[test]
fn modules_use_only_those_before_them() {
    let rank = |module: &str| ORDER.iter().position(|known| *known == module);
    let mut wrong = Vec::new();
    let mut modules = BTreeSet::new();
    for (path, module, text) in files() {
        let Some(own) = rank(&module) else {
            wrong.push(format!("{}: the module {module} is not in the order", path.display()));
            continue;
        };
        modules.insert(module.clone());
        for (number, line) in text.lines().enumerate() {
            for other in named(line).filter(|other| rank(other).is_some_and(|other| other > own)) {
                wrong.push(format!("{}:{}: {module} uses {other}", path.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(modules.len(), ORDER.len(), "every module in the order exists: {modules:?}");
}

/// Protects decisions from depending on time and I/O: only ports, flows and adapters are async.
#[test]
fn only_ports_flows_and_adapters_are_async() {
    let mut wrong = Vec::new();
    for (path, module, text) in files().into_iter().filter(|(_, module, _)| !ASYNC.contains(&module.as_str())) {
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if code.contains("async ") || code.contains(".await") {
                wrong.push(format!("{}:{}: {module} is async", path.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

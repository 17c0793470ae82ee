//! What must hold for every commit.

use std::process::{Command, ExitCode};

use crate::prepare::{Problem, Workspace, run};
use crate::say;

/// Crates that must not be in what is shipped, and why.
const BANNED: [(&str, &str); 2] = [
    ("aws-lc-sys", "its entropy collection costs 420 million instructions at a cold start"),
    ("openssl-sys", "one TLS stack: rustls with ring"),
];

/// What no crate may have in its tree that must build without AWS. The core has no HTTP client either; the fakes have one, to
/// send webhooks.
const NOT_IN_THE_CORE: [&str; 4] = ["aws-", "reqwest ", "tokio ", "hyper "];
const NOT_IN_THE_FAKES: [&str; 1] = ["aws-"];

/// Runs the static checks, then `cargo x test`.
pub fn run_all(workspace: &Workspace) -> Result<ExitCode, Problem> {
    step("the format", &mut workspace.cargo(&["fmt", "--all", "--check"]))?;
    step("the lints", &mut workspace.cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    let mut documentation = workspace.cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"]);
    step("the documentation", documentation.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links"))?;
    step("that the core builds without any SDK", &mut workspace.cargo(&["check", "-p", "promissory", "--no-default-features"]))?;
    lacks(workspace, &["promissory", "--no-default-features"], &NOT_IN_THE_CORE)?;
    lacks(workspace, &["promissory-fakes"], &NOT_IN_THE_FAKES)?;
    for (banned, why) in BANNED {
        not_shipped(workspace, banned, why)?;
    }
    let sam = workspace.lint_python()?.with_file_name("sam");
    let mut validate = Command::new(sam);
    validate.args(["validate", "--lint", "--template-file"]).arg(workspace.root.join("template.yaml"));
    validate.env("SAM_CLI_TELEMETRY", "0").env("AWS_DEFAULT_REGION", "us-east-1").current_dir(&workspace.root);
    step("the template", &mut validate)?;
    // With every await of every story as a place to die, and every planted bug to be caught.
    // Each revision runs worlds of its own, so that every commit searches further.
    step("two thousand simulated worlds", &mut workspace.cargo(&["x", "sim", "--seeds", "2000", "--fresh"]))?;
    step("every test (cargo x test)", &mut workspace.cargo(&["x", "test"]))?;
    Ok(ExitCode::SUCCESS)
}

fn step(what: &str, command: &mut Command) -> Result<(), Problem> {
    say(&format!("Checking {what}."));
    run(what, command)
}

/// The tree of a package holds no crate whose line begins with one of these.
fn lacks(workspace: &Workspace, package: &[&str], absent: &[&str]) -> Result<(), Problem> {
    let tree = tree(workspace, package)?;
    let found: Vec<&str> = tree.lines().filter(|line| absent.iter().any(|name| line.starts_with(name))).collect();
    if found.is_empty() {
        Ok(())
    } else {
        Err(Problem::cannot(&format!("keep {} pure", package.join(" ")), &format!("its tree holds {}", found.join(", "))))
    }
}

fn not_shipped(workspace: &Workspace, banned: &str, why: &str) -> Result<(), Problem> {
    for function in workspace.functions()? {
        if tree(workspace, &[&function])?.lines().any(|line| line.starts_with(&format!("{banned} "))) {
            return Err(Problem::cannot(&format!("ship {function}"), &format!("{banned} is in its tree: {why}")));
        }
    }
    Ok(())
}

/// What a package is built from on this platform, one `name version` per line.
fn tree(workspace: &Workspace, package: &[&str]) -> Result<String, Problem> {
    let mut command = workspace.cargo(&["tree", "-e", "normal", "--prefix", "none", "-p"]);
    output(command.args(package))
}

fn output(command: &mut Command) -> Result<String, Problem> {
    let output = command.output().map_err(|error| Problem::cannot("run cargo tree", &error))?;
    if !output.status.success() {
        return Err(Problem::cannot("read the dependency tree", &String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

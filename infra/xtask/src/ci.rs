//! What must hold for every commit.

use std::process::{Command, ExitCode};

use crate::prepare::{Problem, Workspace, run};
use crate::say;

/// Crates that must not be in what is shipped, and why.
const BANNED: [(&str, &str); 2] = [
    ("aws-lc-sys", "its entropy collection costs 420 million instructions at a cold start"),
    ("openssl-sys", "one TLS stack: rustls with ring"),
];

/// The packages that are shipped.
const FUNCTIONS: [&str; 5] = ["webhook-intake", "source-intake", "ats-recompute", "shopify-pusher", "reconciler"];

/// Runs the static checks, then `cargo x test`.
pub fn run_all(workspace: &Workspace) -> Result<ExitCode, Problem> {
    step("the format", &mut workspace.cargo(&["fmt", "--all", "--check"]))?;
    step("the lints", &mut workspace.cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    step("that the core builds without any SDK", &mut workspace.cargo(&["check", "-p", "promissory", "--no-default-features"]))?;
    pure_core(workspace)?;
    for (banned, why) in BANNED {
        not_shipped(workspace, banned, why)?;
    }
    let sam = workspace.lint_python()?.with_file_name("sam");
    let mut validate = Command::new(sam);
    validate.args(["validate", "--lint", "--template-file"]).arg(workspace.root.join("template.yaml"));
    validate.env("SAM_CLI_TELEMETRY", "0").env("AWS_DEFAULT_REGION", "us-east-1").current_dir(&workspace.root);
    step("the template", &mut validate)?;
    // With every await of every story as a place to die, and every planted bug to be caught.
    step("two thousand simulated worlds", &mut workspace.cargo(&["x", "sim", "--seeds", "2000"]))?;
    step("every test (cargo x test)", &mut workspace.cargo(&["x", "test"]))?;
    Ok(ExitCode::SUCCESS)
}

fn step(what: &str, command: &mut Command) -> Result<(), Problem> {
    say(&format!("Checking {what}."));
    run(what, command)
}

/// The core's tree without its default features holds no SDK and no HTTP client.
fn pure_core(workspace: &Workspace) -> Result<(), Problem> {
    let tree =
        output(&mut workspace.cargo(&["tree", "-p", "promissory", "--no-default-features", "-e", "normal", "--prefix", "none"]))?;
    let impure: Vec<&str> =
        tree.lines().filter(|line| ["aws-", "reqwest ", "tokio ", "hyper "].iter().any(|name| line.starts_with(name))).collect();
    if impure.is_empty() {
        Ok(())
    } else {
        Err(Problem::cannot("keep the core pure", &format!("its tree holds {}", impure.join(", "))))
    }
}

fn not_shipped(workspace: &Workspace, banned: &str, why: &str) -> Result<(), Problem> {
    for function in FUNCTIONS {
        let tree = output(&mut workspace.cargo(&["tree", "-p", function, "-e", "normal", "--prefix", "none"]))?;
        if tree.lines().any(|line| line.starts_with(&format!("{banned} "))) {
            return Err(Problem::cannot(&format!("ship {function}"), &format!("{banned} is in its tree: {why}")));
        }
    }
    Ok(())
}

fn output(command: &mut Command) -> Result<String, Problem> {
    let output = command.output().map_err(|error| Problem::cannot("run cargo tree", &error))?;
    if !output.status.success() {
        return Err(Problem::cannot("read the dependency tree", &String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

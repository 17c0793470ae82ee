//! The commands of the project: `cargo x <command>`.
//!
//! This crate only prepares and starts: it installs what a command needs, builds the binaries with one cargo command, and
//! hands over. It has almost no dependencies, so that `cargo x` answers at once on a fresh machine.

mod build;
mod ci;
mod prepare;

use std::io::{IsTerminal, stderr};
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};

use prepare::{Problem, Workspace};

#[derive(Parser)]
#[command(name = "cargo x", about = "The commands of Promissory.", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Play a flash sale, or (`demo sources`) a morning of four other systems, on the local stack and audit what came out.
    #[command(disable_help_flag = true)]
    Demo {
        /// Passed on; `cargo x demo --help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// The stack on this machine: emulated AWS with the real template and binaries, and a fake Shopify.
    #[command(disable_help_flag = true)]
    Stack {
        /// `up`, and its options; `cargo x stack up --help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Check the ledger of a table, or see one position again as it was.
    #[command(disable_help_flag = true)]
    Ledger {
        /// `verify` or `replay`, and its options; `cargo x ledger verify --help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Say why the numbers of an item are what they are; now, or at a time.
    #[command(disable_help_flag = true)]
    Explain {
        /// The SKU, and options; `cargo x explain --help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Import, export and validate what is sold: items, listings, locations, tiers, bills of materials; recompute every item.
    #[command(disable_help_flag = true)]
    Catalog {
        /// `import`, `export`, `validate` or `refresh`, and its options; `cargo x catalog import --help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Connectors to other systems: write their configuration, see how far they are, pull one now, or feed a file of events.
    #[command(disable_help_flag = true)]
    Source {
        /// `set`, `status`, `pull` or `feed`, and its options; `cargo x source pull --help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Shops: write from when on a shop is live, see how far its orders have been read.
    #[command(disable_help_flag = true)]
    Shop {
        /// `set` or `status`, and its options; `cargo x shop set --help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Prepare a table that was restored to an earlier time.
    #[command(disable_help_flag = true)]
    Restore {
        /// `prepare`, and its options; `cargo x restore prepare --help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Every test: unit, property, contract, and end to end on the local stack.
    Test {
        /// Passed on to `cargo test`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// The real handlers in simulated worlds: every fault, every await a place to be killed.
    #[command(disable_help_flag = true)]
    Sim {
        /// Passed on; `cargo x sim --help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// What the promises cost on this machine: `bench B7` solves catalogs of growing size.
    #[command(disable_help_flag = true)]
    Bench {
        /// Passed on; `cargo x bench --help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// What must hold for every commit: the static checks, then `cargo x test`.
    Ci,
}

fn main() -> ExitCode {
    let workspace = Workspace::find();
    let done = match Cli::parse().command {
        Task::Demo { args } => local(&workspace, &["demo".to_owned()], &args),
        Task::Stack { args } => local(&workspace, &[], &args),
        Task::Ledger { args } => operate(&workspace, "ledger", &args),
        Task::Explain { args } => operate(&workspace, "explain", &args),
        Task::Catalog { args } => operate(&workspace, "catalog", &args),
        Task::Source { args } => operate(&workspace, "source", &args),
        Task::Shop { args } => operate(&workspace, "shop", &args),
        Task::Restore { args } => operate(&workspace, "restore", &args),
        Task::Test { args } => test(&workspace, &args),
        Task::Sim { args } => simulate(&workspace, &args),
        Task::Bench { args } => bench(&workspace, &args),
        Task::Ci => ci::run_all(&workspace),
    };
    match done {
        Ok(code) => code,
        Err(problem) => {
            say(&format!("failed: {problem}"));
            ExitCode::from(2)
        }
    }
}

/// Prepares the local stack and hands over to it.
fn local(workspace: &Workspace, command: &[String], args: &[String]) -> Result<ExitCode, Problem> {
    let python = workspace.python("[1/3]")?;
    let binaries = workspace.build_stack("[2/3]")?;
    say("[3/3] Starting the local stack");
    let mut local = Command::new(binaries.join("promissory-local"));
    local.arg("--root").arg(&workspace.root).arg("--python").arg(python).arg("--binaries").arg(&binaries);
    hand_over(local.args(command).args(args))
}

/// Builds the operator's command line and hands over to it. It needs neither a function nor the local stack's Python.
fn operate(workspace: &Workspace, name: &str, args: &[String]) -> Result<ExitCode, Problem> {
    let binaries = workspace.build("Building the command line", &["promissory".to_owned()])?;
    hand_over(Command::new(binaries.join("promissory")).arg(name).args(args))
}

/// Builds the simulator and hands over to it.
fn simulate(workspace: &Workspace, args: &[String]) -> Result<ExitCode, Problem> {
    let binaries = workspace.build("Building the simulator", &["sim".to_owned()])?;
    hand_over(Command::new(binaries.join("sim")).args(args))
}

/// Builds the benchmarks as what is shipped is built, and hands over to them.
fn bench(workspace: &Workspace, args: &[String]) -> Result<ExitCode, Problem> {
    hand_over(Command::new(workspace.build_bench()?).current_dir(&workspace.root).args(args))
}

/// Runs a command in our place: its exit code is ours.
fn hand_over(command: &mut Command) -> Result<ExitCode, Problem> {
    let status = command.status().map_err(|error| Problem::cannot("start the command", &error))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Runs every test. The end-to-end tests find the stack's parts through two variables; without them they skip.
fn test(workspace: &Workspace, args: &[String]) -> Result<ExitCode, Problem> {
    let python = workspace.python("[1/3]")?;
    let binaries = workspace.build_stack("[2/3]")?;
    say("[3/3] Building and running the tests");
    let mut tests = workspace.cargo(&["test", "--workspace"]);
    tests.args(args).env("PROMISSORY_PYTHON", python).env("PROMISSORY_BINARIES", binaries);
    prepare::run("cargo test --workspace", &mut tests)?;
    Ok(ExitCode::SUCCESS)
}

/// Progress, for people.
#[expect(clippy::print_stderr, reason = "progress of a command belongs on standard error")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// Progress that the next line replaces, for people at a terminal.
#[expect(clippy::print_stderr, reason = "progress of a command belongs on standard error")]
fn say_in_place(text: &str) {
    if stderr().is_terminal() {
        // Without wrapping, so that a line wider than the terminal stays one row.
        eprint!("\x1b[?7l\x1b[2K{text}\r\x1b[?7h");
    }
}

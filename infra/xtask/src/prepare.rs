//! What the commands need on a machine: a Python environment of our own, and the binaries. Done once, and again when
//! what it is made from has changed.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::build::with_progress;
use crate::say;

/// Why a command could not do its work, and what to do.
#[derive(Debug)]
pub struct Problem(String);

impl Problem {
    /// Something could not be done at all.
    pub fn cannot(what: &str, error: &dyn fmt::Display) -> Self {
        Self(format!("cannot {what}: {error}"))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The repository and where its products go.
pub struct Workspace {
    /// The repository.
    pub root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// The workspace this binary was built from.
    pub fn find() -> Self {
        let manifest = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
        let root = Path::new(&manifest).ancestors().nth(2).map_or_else(|| PathBuf::from("."), Path::to_path_buf);
        let target = std::env::var("CARGO_TARGET_DIR").map_or_else(|_| root.join("target"), |dir| root.join(dir));
        Self { root, target }
    }

    /// A cargo command in the workspace.
    pub fn cargo(&self, args: &[&str]) -> Command {
        let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
        cargo.args(args).current_dir(&self.root);
        cargo
    }

    /// The Python of the local stack, with everything in it.
    pub fn python(&self, step: &str) -> Result<PathBuf, Problem> {
        self.environment(step, ".local", "infra/local/requirements.txt", "the local stack (about 20 s)")
    }

    /// The Python of the static checks, with the SAM command line in it.
    pub fn lint_python(&self) -> Result<PathBuf, Problem> {
        self.environment("", ".local/lint", "infra/local/requirements-lint.txt", "the template's checks (about 60 s)")
    }

    /// A virtual environment with `requirements` installed. The marker holds what was installed, and is written last, so
    /// that a broken installation is done again.
    fn environment(&self, step: &str, folder: &str, requirements: &str, purpose: &str) -> Result<PathBuf, Problem> {
        let (folder, requirements) = (self.root.join(folder), self.root.join(requirements));
        let python = folder.join("bin/python");
        let marker = folder.join("installed.txt");
        let wanted = fs::read_to_string(&requirements).map_err(|error| Problem::cannot("read the requirements", &error))?;
        if python.exists() && fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
            return Ok(python);
        }
        say(format!("{step} Installing Python packages for {purpose}").trim_start());
        run("python3 -m venv", Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(&requirements);
        run("pip install", &mut pip)?;
        fs::write(&marker, wanted).map_err(|error| Problem::cannot("write the marker of the installation", &error))?;
        Ok(python)
    }

    /// The functions that are shipped: each folder of `functions/` is a crate and a binary of that name.
    pub fn functions(&self) -> Result<Vec<String>, Problem> {
        let folders = fs::read_dir(self.root.join("functions")).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let folders = folders.map_err(|error| Problem::cannot("list the functions", &error))?;
        Ok(folders.iter().map(|folder| folder.file_name().to_string_lossy().into_owned()).collect())
    }

    /// Builds what the local stack runs, with the code that is shipped, and says where the binaries are.
    pub fn build_stack(&self, step: &str) -> Result<PathBuf, Problem> {
        let mut binaries = self.functions()?;
        binaries.push("promissory-local".to_owned());
        self.build(&format!("{step} Building the local stack"), &binaries)
    }

    /// Builds binaries with the profile of the local stack, and says where they are.
    ///
    /// The whole workspace is selected each time and only the binaries differ: cargo resolves features over what is selected,
    /// so a command would build the AWS SDK again if it selected less than the one before.
    pub fn build(&self, title: &str, binaries: &[String]) -> Result<PathBuf, Problem> {
        let mut cargo = self.cargo(&["build", "--workspace", "--profile", "stack"]);
        with_progress(title, cargo.args(binaries.iter().flat_map(|binary| ["--bin", binary])))?;
        Ok(self.target.join("stack"))
    }

    /// Builds the benchmarks with the profile of what is shipped, and says where they are.
    pub fn build_bench(&self) -> Result<PathBuf, Problem> {
        let mut cargo = self.cargo(&["build", "--package", "promissory-bench", "--release"]);
        with_progress("Building the benchmarks", &mut cargo)?;
        Ok(self.target.join("release/promissory-bench"))
    }
}

/// Runs a command to its end; its output goes where ours goes.
pub fn run(name: &str, command: &mut Command) -> Result<(), Problem> {
    let status = command.status().map_err(|error| Problem(format!("{name} cannot be started: {error}; is it installed?")))?;
    if status.success() { Ok(()) } else { Err(Problem(format!("{name} ended with {status}; its own words are above"))) }
}

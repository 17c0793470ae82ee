//! Builds with cargo and shows one line of progress in place of cargo's list of crates.
//!
//! Cargo draws its progress bar for us also where there is no terminal. Its numbers become our line, its status lines are
//! dropped, and everything else, such as a warning or an error of the compiler, is passed on unchanged. If another version of
//! cargo draws the bar differently, the line has no numbers, and the build works as before.

use std::io::{BufRead, BufReader, IsTerminal, stderr};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::prepare::Problem;
use crate::{say, say_in_place};

/// How often a line of progress is written where there is no terminal.
const PLAIN_INTERVAL: Duration = Duration::from_secs(15);

/// The status lines of cargo that the line of progress replaces.
const STATUSES: [&str; 5] = ["Compiling ", "Building ", "Downloading ", "Downloaded ", "Finished "];

/// Runs a cargo command that builds. `title` says what is built.
pub fn with_progress(title: &str, cargo: &mut Command) -> Result<(), Problem> {
    let is_terminal = stderr().is_terminal();
    cargo.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "100");
    cargo.env("CARGO_TERM_COLOR", if is_terminal { "always" } else { "never" });
    let mut cargo = cargo.stderr(Stdio::piped()).spawn().map_err(|error| Problem::cannot("start cargo", &error))?;
    let output = cargo.stderr.take();
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        let lines = output.into_iter().flat_map(|output| BufReader::new(output).lines().map_while(Result::ok));
        lines.for_each(|line| drop(sender.send(line)));
    });
    let mut progress = Progress { title, began: now(), first: None, done: 0, total: 0 };
    let mut written_at: Option<Instant> = None;
    loop {
        match lines.recv_timeout(Duration::from_secs(1)) {
            // Cargo ends each drawing of the bar with a carriage return.
            Ok(line) => line.split('\r').for_each(|line| progress.read(line)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if is_terminal {
            say_in_place(&progress.line());
        } else if written_at.is_none_or(|at| at.elapsed() >= PLAIN_INTERVAL) {
            written_at = Some(now());
            say(&progress.line());
        }
    }
    say_in_place("");
    let status = cargo.wait().map_err(|error| Problem::cannot("wait for cargo", &error))?;
    if status.success() { Ok(()) } else { Err(Problem::cannot("build", &"the errors of cargo are above")) }
}

/// The progress of a build.
struct Progress<'a> {
    title: &'a str,
    began: Instant,
    /// How many crates were already built when the build began.
    first: Option<u64>,
    done: u64,
    total: u64,
}

impl Progress<'_> {
    /// Takes the numbers from a line of cargo's, or passes the line on.
    fn read(&mut self, line: &str) {
        let text = without_colours(line);
        if let Some((done, total)) = text.strip_prefix("Building ").and_then(counts) {
            self.first.get_or_insert(done);
            (self.done, self.total) = (done, total);
        } else if !STATUSES.iter().any(|status| text.starts_with(status)) {
            say_in_place("");
            say(line);
        }
    }

    fn line(&self) -> String {
        let Self { title, done, total, .. } = self;
        if *total == 0 {
            return (*title).to_owned();
        }
        let left = self.seconds_left().map(|seconds| match seconds {
            0..90 => format!(", about {seconds} s left"),
            _ => format!(", about {} min left", (seconds + 30) / 60),
        });
        format!("{title}: {done} of {total} crates{}", left.unwrap_or_default())
    }

    /// An estimate from the time that the build has taken. The large crates come late: in a build from nothing the time grew with
    /// the number of crates to the power of 1.5. At the beginning the estimate would be wrong by far, so there is none.
    fn seconds_left(&self) -> Option<u64> {
        let cost = |crates: u64| crates.pow(3).isqrt();
        let done = cost(self.done).checked_sub(cost(self.first?))?;
        let left = cost(self.total).checked_sub(cost(self.done))?;
        (done * 10 > left).then(|| self.began.elapsed().as_secs() * left / done)
    }
}

/// A line without its indent and, if it is a status line, without its colours.
fn without_colours(line: &str) -> String {
    line.trim_start_matches(|c: char| c.is_ascii_digit() || "\x1b[Km ".contains(c)).replace("\x1b[0m", "")
}

/// The numbers in cargo's progress bar, such as `[==>   ] 112/310: serde, tokio`.
fn counts(bar: &str) -> Option<(u64, u64)> {
    let (done, rest) = bar.split_once("] ")?.1.split_once('/')?;
    Some((done.trim().parse().ok()?, rest.split(':').next()?.trim().parse().ok()?))
}

#[expect(clippy::disallowed_methods, reason = "a command that shows progress to people has no clock port")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::{Progress, now};

    /// Protects the reading of cargo's bar, with and without colours, and that only status lines are dropped.
    #[test]
    fn the_bar_gives_the_numbers_and_other_lines_change_nothing() {
        let mut progress = Progress { title: "Building", began: now(), first: None, done: 0, total: 0 };
        for (line, expected) in [
            ("   Compiling serde v1.0.228", "Building"),
            ("    Building [=>      ] 5/310: serde, tokio   ", "Building: 5 of 310 crates"),
            ("error[E0425]: cannot find value `x` in this scope, 7/9: y", "Building: 5 of 310 crates"),
            ("\x1b[K\x1b[1m\x1b[96m    Building\x1b[0m [==>     ] 300/310: tokio", "Building: 300 of 310 crates, about 0 s left"),
        ] {
            progress.read(line);
            assert_eq!(progress.line(), expected, "after {line}");
        }
    }
}

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
    let (sender, parts) = mpsc::channel();
    thread::spawn(move || {
        if let Some(output) = output {
            send_parts(BufReader::new(output), &sender);
        }
    });
    let mut progress = Progress { title, began: now(), first: None, done: 0, total: 0 };
    let mut written_at: Option<Instant> = None;
    loop {
        match parts.recv_timeout(Duration::from_secs(1)) {
            Ok((text, end)) => progress.read(&text, end),
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
    if is_terminal {
        say(title);
    }
    let status = cargo.wait().map_err(|error| Problem::cannot("wait for cargo", &error))?;
    if status.success() { Ok(()) } else { Err(Problem::cannot("build", &"the errors of cargo are above")) }
}

/// How a part of cargo's output ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// A line.
    Line,
    /// A drawing of the bar, which cargo ends with a carriage return and draws again.
    Drawing,
}

/// Sends each line, and each drawing of the bar, as soon as it is complete.
fn send_parts(output: impl BufRead, sender: &mpsc::Sender<(String, End)>) {
    let mut part = Vec::new();
    for byte in output.bytes().map_while(Result::ok) {
        let end = match byte {
            b'\n' => End::Line,
            b'\r' => End::Drawing,
            _ => {
                part.push(byte);
                continue;
            }
        };
        let text = String::from_utf8_lossy(&std::mem::take(&mut part)).into_owned();
        if !text.is_empty() {
            drop(sender.send((text, end)));
        }
    }
    if !part.is_empty() {
        drop(sender.send((String::from_utf8_lossy(&part).into_owned(), End::Line)));
    }
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
    /// Takes the numbers from the bar, drops every other drawing and status line, and passes the other lines on.
    fn read(&mut self, line: &str, end: End) {
        let text = without_colours(line);
        if let Some((done, total)) = text.strip_prefix("Building ").and_then(counts) {
            self.first.get_or_insert(done);
            (self.done, self.total) = (done, total);
        } else if end == End::Line && !STATUSES.iter().any(|status| text.starts_with(status)) {
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
    use super::{End, Progress, now, send_parts};

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
            progress.read(line, End::Line);
            assert_eq!(progress.line(), expected, "after {line}");
        }
    }

    /// Protects the estimate: a drawing of the bar arrives at once and not with the next line, and no byte is lost.
    #[test]
    fn lines_and_drawings_arrive_as_they_end() {
        let (sender, parts) = std::sync::mpsc::channel();
        send_parts(&b"   Compiling a\n [=> ] 1/3: a\r [==> ] 2/3: b\r\xff rest"[..], &sender);
        drop(sender);
        let parts: Vec<(String, bool)> = parts.iter().map(|(text, end)| (text, end == End::Drawing)).collect();
        let expected = [("   Compiling a", false), (" [=> ] 1/3: a", true), (" [==> ] 2/3: b", true), ("\u{fffd} rest", false)];
        assert_eq!(parts, expected.map(|(text, drawing)| (text.to_owned(), drawing)));
    }
}

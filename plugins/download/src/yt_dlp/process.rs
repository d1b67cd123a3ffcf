//! One call of the program, until it ends or the host stops it.
//!
//! Threads read its output, so that it never waits for a reader; the calling thread takes their lines and checks the clock. The
//! program stays in the runner's process group, so that it ends with the runner.

use std::io::{self, BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use plugin_api::download::Reason;

use crate::refusal::{Refused, because};
use crate::watch::Watch;

/// Progress lines of a download.
pub(super) const PROGRESS: &str =
    "download:cesar-progress %(progress.downloaded_bytes)s %(progress.total_bytes)s %(progress.total_bytes_estimate)s";
const PREFIX: &[u8] = b"cesar-progress ";

const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Maximum of kept output: JSON of long playlists is some megabytes.
const MOST: usize = 64 << 20;
/// Maximum of kept errors.
const MOST_ERRORS: usize = 64 << 10;

/// A finished call.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) success: bool,
    /// Without the progress lines.
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
}

impl Finished {
    pub(super) fn says(&self, text: &str) -> bool {
        self.stderr.contains(text) || String::from_utf8_lossy(&self.stdout).contains(text)
    }
}

/// A line from a reader.
enum Line {
    Out(Vec<u8>),
    Error(Vec<u8>),
}

/// Ends the program if the caller returns early.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only if it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the program. `progress` receives the bytes done and the total (0 if unknown), and may end it.
pub(super) fn run(
    command: &mut Command,
    watch: &Watch,
    progress: &mut dyn FnMut((u64, u64)) -> Result<(), Refused>,
) -> Result<Finished, Refused> {
    watch.check()?;
    let program = command.get_program().to_string_lossy().into_owned();
    let spawned = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let child = spawned.map_err(|error| not_started(&program, &error))?;
    let mut running = Running(child);
    let (sender, lines) = mpsc::channel();
    if let Some(stdout) = running.0.stdout.take() {
        read(stdout, sender.clone(), Line::Out);
    }
    if let Some(stderr) = running.0.stderr.take() {
        read(stderr, sender, Line::Error);
    }
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    loop {
        match lines.recv_timeout(POLL_INTERVAL) {
            Ok(Line::Out(line)) => match line.strip_prefix(PREFIX) {
                Some(numbers) => progress(parse(numbers))?,
                None if stdout.len() + line.len() <= MOST => stdout.extend(line),
                None => {}
            },
            Ok(Line::Error(line)) if stderr.len() + line.len() <= MOST_ERRORS => stderr.extend(line),
            Ok(Line::Error(_)) => {}
            Err(RecvTimeoutError::Timeout) => watch.check()?,
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    // It has closed its output, so it is ending, or has ended.
    let status = loop {
        watch.check()?;
        match running.0.try_wait().map_err(Refused::Disk)? {
            Some(status) => break status,
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    Ok(Finished {
        success: status.success(),
        stdout,
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    })
}

fn not_started(program: &str, error: &io::Error) -> Refused {
    because(
        Reason::ProgramMissing,
        format!("`{program}` cannot be started ({error}); reinstall yt-dlp, or name another with --yt-dlp"),
    )
}

fn read(source: impl Read + Send + 'static, lines: Sender<Line>, wrap: fn(Vec<u8>) -> Line) {
    thread::spawn(move || {
        let mut source = BufReader::new(source);
        let mut line = Vec::new();
        while source.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            if lines.send(wrap(std::mem::take(&mut line))).is_err() {
                return;
            }
        }
    });
}

/// Bytes done, and the total.
fn parse(numbers: &[u8]) -> (u64, u64) {
    let text = String::from_utf8_lossy(numbers);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "sizes, and only to be shown"
    )]
    let mut numbers = text
        .split_whitespace()
        .map(|word| word.parse::<f64>().ok().map(|bytes| bytes as u64));
    let mut next = || numbers.next().flatten();
    let (done, total, estimate) = (next(), next(), next());
    (done.unwrap_or(0), total.or(estimate).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_lines() {
        assert_eq!(parse(b"1024 2048 NA\n"), (1024, 2048));
        assert_eq!(parse(b"1024 NA 3000.5\n"), (1024, 3000));
        assert_eq!(parse(b"NA NA NA\n"), (0, 0));
    }

    #[test]
    fn output_errors_and_the_exit_code() {
        let mut heard = Vec::new();
        let script = "echo cesar-progress 1 2 NA; echo answer; echo wrong >&2; exit 3";
        let mut command = Command::new("sh");
        let finished = run(command.args(["-c", script]), &Watch::default(), &mut |bytes| {
            heard.push(bytes);
            Ok(())
        });
        let finished = finished.unwrap();
        assert!(!finished.success);
        assert_eq!(
            (finished.stdout.as_slice(), finished.stderr.as_str()),
            (&b"answer\n"[..], "wrong\n")
        );
        assert_eq!(heard, [(1, 2)]);
    }
}

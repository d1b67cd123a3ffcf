//! Wall time and peak proportional memory of a process and all its descendants, on Linux.

use crate::{
    failure::{Failure, Outcome, line},
    measure::bench::memory::tree,
};
use serde_json::Value;
use std::{
    fs,
    io::{Read, Write as _},
    process::{Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

/// Reading the page tables of some hundred MB takes milliseconds of a core that both programs need; peaks last longer than this.
const INTERVAL: Duration = Duration::from_millis(250);

/// One run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) wall: Duration,
    /// The maximum sum of proportional set sizes.
    pub(super) peak_kib: u64,
    /// The transcription without startup, if the program reports it: `{"seconds": …}` as its last line.
    pub(super) alone: Option<Duration>,
}

/// Runs a command to its end, with `input` on its standard input.
pub(super) fn watch(command: &mut Command, input: &str) -> Outcome<Run> {
    let shown = line(command);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let begin = Instant::now();
    let mut child = command
        .spawn()
        .map_err(|error| Failure::new(format!("`{shown}` cannot be started: {error}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        // The exit code reveals a program that does not read it.
        let _ = stdin.write_all(input.as_bytes());
    }
    let read = |pipe: Option<Box<dyn Read + Send>>| {
        thread::spawn(move || {
            let mut text = Vec::new();
            // An unreadable message or figure is reported as missing.
            let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut text));
            String::from_utf8_lossy(&text).into_owned()
        })
    };
    let stdout = read(child.stdout.take().map(|pipe| Box::new(pipe) as _));
    let stderr = read(child.stderr.take().map(|pipe| Box::new(pipe) as _));
    let (over, is_over) = mpsc::channel::<()>();
    let root = child.id();
    let looking = thread::spawn(move || {
        let mut peak_kib = 0;
        loop {
            peak_kib = tree(root)
                .into_iter()
                .filter_map(proportional_kib)
                .sum::<u64>()
                .max(peak_kib);
            if is_over.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout) {
                return peak_kib;
            }
        }
    });
    let status = child
        .wait()
        .map_err(|error| Failure::new(format!("`{shown}` cannot be waited for: {error}")))?;
    let wall = begin.elapsed();
    drop(over);
    let peak_kib = looking.join().unwrap_or_default();
    let (stdout, stderr) = (stdout.join().unwrap_or_default(), stderr.join().unwrap_or_default());
    if !status.success() {
        return Err(Failure::new(format!("`{shown}` failed ({status}): {}", stderr.trim())));
    }
    Ok(Run {
        wall,
        peak_kib,
        alone: alone(&stdout),
    })
}

fn alone(stdout: &str) -> Option<Duration> {
    let told: Value = serde_json::from_str(stdout.lines().last()?).ok()?;
    told["seconds"].as_f64().map(Duration::from_secs_f64)
}

/// `None` for a process that is gone.
fn proportional_kib(process: u32) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    pss.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_time_memory_and_its_own_figure() {
        let script = "sh -c 'sleep 0.2'; echo text; echo '{\"seconds\": 1.5}'";
        let run = watch(Command::new("sh").args(["-c", script]), "").expect("a shell can be started");
        assert!(run.wall >= Duration::from_millis(200) && run.peak_kib > 0, "{run:?}");
        assert_eq!(run.alone, Some(Duration::from_millis(1500)));
    }

    #[test]
    fn a_failed_command_is_a_failure_with_its_message() {
        let failure = watch(Command::new("sh").args(["-c", "echo no such model >&2; exit 1"]), "");
        assert!(failure.is_err_and(|failure| failure.to_string().contains("no such model")));
    }
}

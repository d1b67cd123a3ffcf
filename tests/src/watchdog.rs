//! A time limit for programs under test: a test that waits for a hanging program fails instead of blocking the suite.

use std::{
    fs,
    os::unix::ffi::OsStrExt,
    path::PathBuf,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::Duration,
};

/// Far longer than any program of a test runs.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Kills the programs of a home after ten minutes without [`Watchdog::rest`], until it is dropped.
///
/// A caller that waits for such a program sees its end by SIGKILL, and its pipes close.
#[derive(Debug)]
pub struct Watchdog {
    calm: Sender<()>,
}

impl Watchdog {
    /// Limits the time of programs whose `HOME` is this folder.
    pub fn over(home: PathBuf) -> Self {
        Self::with_timeout(home, TIMEOUT)
    }

    fn with_timeout(home: PathBuf, patience: Duration) -> Self {
        let (calm, heard) = mpsc::channel();
        thread::spawn(move || {
            loop {
                match heard.recv_timeout(patience) {
                    Ok(()) => (),
                    Err(RecvTimeoutError::Disconnected) => break,
                    Err(RecvTimeoutError::Timeout) => kill_programs_of(&home, patience),
                }
            }
        });
        Self { calm }
    }

    /// Restarts the time: another program is about to start.
    pub fn rest(&self) {
        // The thread lives as long as this.
        let _ = self.calm.send(());
    }
}

/// Kills every process that was started with this `HOME`.
#[expect(clippy::print_stderr, reason = "why a test fails belongs beside its message")]
fn kill_programs_of(home: &std::path::Path, patience: Duration) {
    let wanted = [b"HOME=", home.as_os_str().as_bytes()].concat();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes {
        let environment = fs::read(process.path().join("environ")).unwrap_or_default();
        let number = process.file_name().to_str().and_then(|name| name.parse().ok());
        let Some(process) = number.and_then(rustix::process::Pid::from_raw) else {
            continue;
        };
        if environment.split(|byte| *byte == 0).any(|entry| entry == wanted) {
            eprintln!(
                "process {process} of {} is killed: no end in {patience:?}",
                home.display()
            );
            // It may have ended just now.
            let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{os::unix::process::ExitStatusExt, path::Path, process::Command};

    #[test]
    fn a_hanging_program_is_killed() {
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        let endless = |home: &Path| {
            (Command::new("tail").args(["-f", "/dev/null"]).env("HOME", home).spawn()).expect("it starts")
        };
        let mut of_another = endless(Path::new("/nowhere"));
        let mut child = endless(home.path());
        let _watchdog = Watchdog::with_timeout(home.path().to_path_buf(), Duration::from_millis(1));
        let status = child.wait().expect("a child can be waited for");
        assert_eq!(status.signal(), Some(9));
        assert!(matches!(of_another.try_wait(), Ok(None)), "others run on");
        of_another.kill().expect("the system can kill a child");
        of_another.wait().expect("a child can be waited for");
    }
}

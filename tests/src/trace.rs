//! The system calls of a run, traced by `strace`.

use std::ffi::OsStr;
use std::process::Command;

use crate::{Output, Sandbox};

impl Sandbox {
    /// The calls named in `calls` (as in `strace -e trace=`) of a successful run of `cesar`, including its child processes: one per
    /// line, in order, each with its process and the paths of its files.
    pub fn calls<I>(&self, calls: &str, arguments: I) -> String
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let log = self.path().join("strace.log");
        let plain = self.command();
        let mut command = Command::new("strace");
        command
            .args(["-f", "-y", "-qq", "-s", "1000", "-e", &format!("trace={calls}"), "-o"])
            .arg(&log)
            .arg(plain.get_program())
            .args(arguments)
            .current_dir(self.work())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = command
            .output()
            .expect("`strace` is installed: run `cargo xtask setup`, which installs it");
        Output::from(output).exits(0);
        std::fs::read_to_string(log).expect("strace has written its log")
    }
}

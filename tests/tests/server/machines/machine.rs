//! A host with its home and its one process: a server or a worker.

use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use cesar_tests::hosts::Host;
use cesar_tests::sandbox::{Sandbox, finish};
use cesar_tests::server::{log_of, with_echo};

/// The port of servers.
const PORT: u16 = 5000;

/// How often a process is started until it is ready, as a supervisor does.
const STARTS: u32 = 20;

/// The library that gives a program another time of day, of Debian's package `libfaketime`.
const FAKETIME: &str = "faketime/libfaketimeMT.so.1";

/// A host and its process, killed when dropped.
pub(super) struct Machine {
    pub(super) name: &'static str,
    pub(super) host: Host,
    sandbox: Sandbox,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    /// The file with the difference of its clock, if it has one of its own.
    clock: Option<PathBuf>,
    process: Option<Child>,
    /// The length of the log when the process was started.
    log_before: usize,
}

impl Machine {
    /// A server without workers.
    pub(super) fn server(name: &'static str, host: Host, environment: &[(String, String)]) -> Self {
        let address = host.address().to_string();
        let port = PORT.to_string();
        let arguments = [
            "serve",
            "--no-workers",
            "--insecure",
            "--asr-plugin",
            "echo",
            "--host",
            &address,
            "--port",
            &port,
        ];
        Self::new(name, host, &arguments, environment)
    }

    /// A worker that runs two jobs at a time.
    pub(super) fn worker(name: &'static str, host: Host, environment: &[(String, String)]) -> Self {
        Self::new(name, host, &["worker", "--concurrency", "2"], environment)
    }

    fn new(name: &'static str, host: Host, arguments: &[&str], environment: &[(String, String)]) -> Self {
        Self {
            name,
            host,
            sandbox: with_echo(),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            environment: environment.to_vec(),
            clock: None,
            process: None,
            log_before: 0,
        }
    }

    /// Gives it a clock of its own.
    ///
    /// # Panics
    /// If the library for that is not installed.
    pub(super) fn with_own_clock(mut self) -> Self {
        let folders = [
            format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH),
            "/usr/lib".to_owned(),
        ];
        let mut places = folders.iter().map(|folder| PathBuf::from(folder).join(FAKETIME));
        let library = places.find(|place| place.is_file());
        let library = library.expect("libfaketime is missing; run `apt-get install libfaketime`");
        let file = self.sandbox.path().join("clock");
        for (name, value) in [
            ("LD_PRELOAD", library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
            ("FAKETIME_CACHE_DURATION", "1".to_owned()),
            // A clock that is wrong still counts seconds.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ] {
            self.environment.push((name.to_owned(), value));
        }
        self.clock = Some(file);
        self.set_clock("+0");
        self
    }

    /// Sets its own clock, if it has one, to this difference.
    pub(super) fn set_clock(&self, difference: &str) {
        if let Some(file) = &self.clock {
            let new = file.with_extension("new");
            fs::write(&new, difference).expect("the sandbox can be written");
            fs::rename(new, file).expect("the sandbox can be written");
        }
    }

    /// Starts the process, and again if it ends before it is ready, as while its database is away.
    ///
    /// # Panics
    /// With its log if it never gets ready.
    pub(super) fn start(&mut self) {
        for _ in 0..STARTS {
            self.log_before = self.log().len();
            let log = OpenOptions::new().append(true).create(true).open(self.log_path());
            let mut command = self.command();
            command
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(log.expect("the sandbox can be written"));
            let mut process = command.spawn().expect("`nsenter` is installed");
            let mut line = String::new();
            let stdout = process.stdout.take().expect("standard output was piped");
            BufReader::new(stdout)
                .read_line(&mut line)
                .expect("standard output is text");
            if line.contains("\"ready\"") {
                self.process = Some(process);
                return;
            }
            let _ = process.wait();
            thread::sleep(Duration::from_secs(1));
        }
        panic!("{} is not ready\n{}", self.name, self.last_words());
    }

    /// Starts a second process to its end, which is soon, and returns what it wrote.
    pub(super) fn refusal(&self) -> String {
        let mut command = self.command();
        finish(command.stdin(Stdio::null())).stderr
    }

    fn command(&self) -> Command {
        let mut command = self.sandbox.command();
        command.args(&self.arguments).arg("--ready-json");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        self.host.command(&command)
    }

    /// Kills the process.
    pub(super) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Sends a signal, such as `-STOP`.
    ///
    /// # Panics
    /// If the process has ended.
    pub(super) fn signal(&mut self, signal: &str) {
        assert!(self.is_running(), "{} has ended\n{}", self.name, self.last_words());
        let id = self.process.as_ref().map(|process| process.id().to_string());
        let kill = Command::new("kill").arg(signal).args(id).status();
        assert!(kill.expect("`kill` is installed").success(), "{} has ended", self.name);
    }

    /// Whether the process has not ended by itself, which none may. The watchdog of its home has seen it, too.
    pub(super) fn is_running(&mut self) -> bool {
        drop(self.sandbox.command());
        self.process
            .as_mut()
            .is_some_and(|process| matches!(process.try_wait(), Ok(None)))
    }

    /// The address of a server.
    pub(super) fn address(&self) -> SocketAddr {
        SocketAddr::from((self.host.address(), PORT))
    }

    /// The log of its processes.
    pub(super) fn log(&self) -> String {
        log_of(&self.sandbox)
    }

    /// The end of its log.
    pub(super) fn last_words(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    fn log_path(&self) -> PathBuf {
        self.sandbox.path().join("serve.log")
    }

    /// The jobs that its process works on, by its log.
    pub(super) fn working_on(&self) -> Vec<String> {
        let log = self.log().split_off(self.log_before);
        let job = |line: &str| {
            let rest = line.split_once("job=")?.1;
            Some(rest.split(' ').next().unwrap_or_default().to_owned())
        };
        let mut begun = Vec::new();
        for line in log.lines() {
            if line.contains("cannot store the end of a job") {
                // It does not say which.
                begun.clear();
            }
            if let (true, Some(job)) = (line.contains("job started"), job(line)) {
                begun.push(job);
            } else if let (true, Some(job)) = (line.contains("attempt ended") || line.contains(LATE), job(line)) {
                begun.retain(|known| *known != job);
            }
        }
        begun
    }

    /// How often a late write of this job was refused to it.
    pub(super) fn refusals(&self, job: &str) -> usize {
        let log = self.log();
        log.lines()
            .filter(|line| line.contains(LATE) && line.contains(job))
            .count()
    }
}

/// What a worker logs whose write is refused.
pub(super) const LATE: &str = "the lease of the job was lost";

impl Drop for Machine {
    fn drop(&mut self) {
        self.kill();
    }
}

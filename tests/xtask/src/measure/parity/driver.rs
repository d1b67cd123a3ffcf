//! A Python package behind its driver in `tests/tools`: one process that answers one job a line.

use super::kept;
use crate::{
    failure::{Failure, Outcome},
    measure::reference::Package,
};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

pub(super) struct Driver {
    package: &'static Package,
    running: Option<Running>,
}

struct Running {
    child: Child,
    jobs: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Driver {
    /// Creates the package's environment unless it exists.
    pub(super) fn prepare(package: &'static Package) -> Outcome<Self> {
        package.driver()?;
        Ok(Self { package, running: None })
    }

    pub(super) fn command(&self) -> Outcome<Command> {
        let mut command = self.package.driver()?;
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        Ok(command)
    }

    /// The answer to a job about `wav`, stored by an earlier run or computed now.
    pub(super) fn answer(&mut self, asked: &Value, wav: &Path) -> Outcome<Value> {
        kept::answer(self.package.requirement(), asked, wav, |asked| self.ask(asked))
    }

    fn ask(&mut self, job: &Value) -> Outcome<Value> {
        let package = self.package;
        let lost = |error: std::io::Error| Failure::new(format!("{package} does not run: {error}"));
        let running = self.running()?;
        let mut line = String::new();
        writeln!(running.jobs, "{job}").map_err(lost)?;
        running.answers.read_line(&mut line).map_err(lost)?;
        serde_json::from_str(&line)
            .map_err(|error| Failure::new(format!("the answer of {package} is no JSON: {error}")))
    }

    fn running(&mut self) -> Outcome<&mut Running> {
        if self.running.is_none() {
            let mut command = self.command()?;
            command.arg("run").stdin(Stdio::piped()).stdout(Stdio::piped());
            let spawned = command.stderr(Stdio::null()).spawn();
            let mut child = spawned.map_err(|error| Failure::new(format!("{} does not run: {error}", self.package)))?;
            let pipes = child.stdin.take().zip(child.stdout.take());
            let (jobs, answers) = pipes.expect("both were asked for");
            self.running = Some(Running {
                child,
                jobs,
                answers: BufReader::new(answers),
            });
        }
        Ok(self.running.as_mut().expect("it was started above"))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(Running { mut child, jobs, .. }) = self.running.take() {
            drop(jobs);
            // It ends with its input; a failure to wait changes nothing.
            drop(child.wait());
        }
    }
}

//! faster-whisper, in a Python environment of its own beside the built programs.
//!
//! `tests/tools/faster_whisper_reference.py` runs as one process that keeps the last model loaded, and answers one job a line.

use super::{
    announce_step,
    answer::Answer,
    folder, make_folder,
    reference::{Job, Reference},
};
use crate::{
    failure::{Failure, Outcome, quiet_step},
    setup::python,
};
use cesar_tests::{models_dir, workspace};
use serde_json::{Value, json};
use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

const REQUIREMENT: &str = "faster-whisper==1.2.1";

pub(crate) struct FasterWhisper {
    python: PathBuf,
    script: PathBuf,
    running: Option<Running>,
}

struct Running {
    child: Child,
    jobs: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl FasterWhisper {
    /// Makes the environment unless it is there.
    pub(crate) fn prepare() -> Outcome<Self> {
        let environment = folder().join("faster-whisper");
        let python = environment.join("bin/python3");
        let works = || quiet_step(Command::new(&python).args(["-c", "import faster_whisper"])).is_ok();
        if !works() {
            announce_step(&format!("{REQUIREMENT} from the Python package index (once)"));
            make_folder(&folder())?;
            let base = python::with_pip()?;
            quiet_step(Command::new(base).args(["-m", "venv", "--clear"]).arg(&environment))?;
            let install = [
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                REQUIREMENT,
            ];
            quiet_step(Command::new(&python).args(install))?;
        }
        Ok(Self {
            python,
            script: workspace().join("tests/tools/faster_whisper_reference.py"),
            running: None,
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(&self.script).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    fn running(&mut self) -> Outcome<&mut Running> {
        if self.running.is_none() {
            let mut command = self.command();
            command
                .arg("run")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null());
            let mut child = command.spawn().map_err(|error| lost(&error))?;
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

    fn ask(&mut self, job: &Value) -> Outcome<Value> {
        let running = self.running()?;
        let mut line = String::new();
        writeln!(running.jobs, "{job}").map_err(|error| lost(&error))?;
        running.answers.read_line(&mut line).map_err(|error| lost(&error))?;
        serde_json::from_str(&line)
            .map_err(|error| Failure::new(format!("faster-whisper's answer is no JSON: {error}")))
    }
}

fn lost(error: &std::io::Error) -> Failure {
    Failure::new(format!("faster-whisper does not run: {error}"))
}

impl Drop for FasterWhisper {
    fn drop(&mut self) {
        if let Some(Running { mut child, jobs, .. }) = self.running.take() {
            drop(jobs);
            // It ends with its input; a failure to wait changes nothing.
            drop(child.wait());
        }
    }
}

impl Reference for FasterWhisper {
    fn name(&self) -> &'static str {
        "faster-whisper 1.2.1"
    }

    fn decode(&mut self, recording: &Path, wav: &Path) -> Outcome {
        quiet_step(self.command().arg("wav").arg(recording).arg(wav))
    }

    fn answer(&mut self, job: &Job<'_>) -> Outcome<Result<Answer, String>> {
        let model = models_dir().join(format!("faster-whisper-{}", job.model));
        let asked = json!({
            "audio": job.wav,
            "model": model,
            "compute_type": job.compute_type,
            "threads": job.threads,
            "options": job.setting.options,
        });
        let kept = folder()
            .join("answers")
            .join(format!("{:016x}.json", digest(&asked, job.wav)?));
        let answer: Value = match fs::read(&kept)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        {
            Some(answer) => answer,
            None => {
                let answer = self.ask(&asked)?;
                make_folder(&folder().join("answers"))?;
                fs::write(&kept, answer.to_string()).map_err(|error| Failure::path(&kept, &error))?;
                answer
            }
        };
        Ok(match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(Answer::of_value(&answer)),
        })
    }
}

/// Of all that an answer depends on.
fn digest(asked: &Value, wav: &Path) -> Outcome<u64> {
    let samples = fs::read(wav).map_err(|error| Failure::path(wav, &error))?;
    let mut hasher = DefaultHasher::new();
    (REQUIREMENT, asked.to_string(), samples).hash(&mut hasher);
    Ok(hasher.finish())
}

//! Repeated `kill -9` of `cesar transcribe` at random moments: no finished stage is recomputed, unfinished recognition resumes, and every
//! transcript has the bytes of an undisturbed run.
//!
//! `CESAR_KILLS=5000 cargo test --release -p cesar-tests --test cache kill:: -- --nocapture` runs longer; `CESAR_SEED` selects
//! other recordings, paces and moments. The engine is the third-party plugin, which pauses for each second of a recording and then
//! saves it.
//!
//! The reports of a killed run bind the later ones: a stage reported as done is stored, and so is the first second reported as
//! recognised (later seconds are kept at most once in three seconds; see `docs/guide/cache.md`).
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use cesar_tests::Sandbox;
use cesar_tests::chance::{Chance, number};
use cesar_tests::plugins::drop_echo;
use cesar_tests::server::wave;
use serde_json::Value;

const STAGES: [&str; 4] = ["decode", "asr", "merge", "format"];

/// A recording on its way to a transcript, and its known finished part.
struct Work {
    name: String,
    seconds: u64,
    /// The output of a run without a cache.
    text: String,
    done: BTreeSet<String>,
    /// Milliseconds of recognition that are certainly kept, and the maximum that may be.
    kept: (u64, u64),
}

impl Work {
    fn new(sandbox: &Sandbox, chance: &mut Chance, number: u64) -> Self {
        let (name, seconds) = (format!("{number}.wav"), 3 + chance.below(5));
        let seed = u32::try_from(number).unwrap();
        sandbox.write(&name, wave(u32::try_from(seconds).unwrap(), seed));
        let arguments = ["transcribe", &name, "--asr-plugin", "echo", "-q", "--no-cache"];
        let text = sandbox.run(arguments).exits(0).stdout;
        assert_eq!(text.lines().count() as u64, seconds, "{text}");
        Self {
            name,
            seconds,
            text,
            done: BTreeSet::new(),
            kept: (0, 0),
        }
    }

    /// Compares the reports of a run with the known state, and adds them.
    fn learn(&mut self, run: &Ended) {
        let mut fresh = 0;
        let mut resumed = None;
        for event in &run.events {
            let stage = event["stage"].as_str().unwrap_or_default();
            let done_ms = event["done"].as_u64().unwrap_or_default();
            match (event["type"].as_str().unwrap(), stage) {
                ("started", stage) => assert!(!self.done.contains(stage), "{stage} is done twice: {run:?}"),
                ("stage", stage) => {
                    let found = event["outcome"] == "hit" || event["outcome"] == "waited";
                    assert!(found || !self.done.contains(stage), "{stage} was lost: {run:?}");
                    self.done.insert(stage.to_owned());
                }
                ("resumed", "asr") => resumed = Some(done_ms),
                // The first report of a resumed run repeats its start.
                ("progress", "asr") if resumed == Some(done_ms) => {}
                ("progress", "asr") => {
                    fresh += 1;
                    let began = resumed.unwrap_or(0);
                    let (least, most) = self.kept;
                    assert!(
                        fresh > 1 || (least..=most).contains(&began),
                        "went on at {began} ms, of {least} to {most} that were kept: {run:?}"
                    );
                    self.kept = (if fresh == 1 { done_ms } else { least }, most.max(done_ms));
                }
                ("segment", _) => {
                    // Saved before it is reported, so possibly kept.
                    self.kept.1 = self.kept.1.max(event["end_ms"].as_u64().unwrap());
                }
                ("warning", _) => panic!("{run:?}"),
                _ => {}
            }
        }
    }
}

/// A current run.
struct Running {
    child: Child,
    lines: Receiver<String>,
    stdout: JoinHandle<String>,
}

/// The result of a run.
#[derive(Debug)]
struct Ended {
    /// `None` if it was killed.
    code: Option<i32>,
    events: Vec<Value>,
    stdout: String,
    others: Vec<String>,
}

impl Running {
    fn start(sandbox: &Sandbox, work: &Work, pace_ms: u64) -> Self {
        let pace = format!("pace_ms={pace_ms}");
        let mut command = sandbox.command();
        command.args(["transcribe", &work.name, "--asr-plugin", "echo", "--asr-option", &pace]);
        command.args(["--progress", "json"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stderr, mut stdout) = (child.stderr.take().unwrap(), child.stdout.take().unwrap());
        let (send, lines) = channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(stderr).lines().map_while(Result::ok);
            lines.for_each(|line| drop(send.send(line)));
        });
        let stdout = std::thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).unwrap();
            text
        });
        Self { child, lines, stdout }
    }

    /// Lets it print a number of lines, or work for a time.
    fn watch(&self, lines: usize, time: Duration) -> Vec<String> {
        let deadline = Instant::now() + time;
        let mut seen = Vec::new();
        while seen.len() < lines {
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => seen.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        seen
    }

    /// Waits for its end; `seen` are the lines already read.
    fn end(mut self, mut seen: Vec<String>) -> Ended {
        seen.extend(self.lines.iter());
        let code = self.child.wait().unwrap().code();
        // The last line may be truncated by the kill.
        let (events, others) = seen
            .into_iter()
            .map(|line| serde_json::from_str::<Value>(&line).map_err(|_| line))
            .partition::<Vec<_>, _>(Result::is_ok);
        Ended {
            code,
            events: events.into_iter().map(Result::unwrap).collect(),
            stdout: self.stdout.join().unwrap(),
            others: others.into_iter().map(Result::unwrap_err).collect(),
        }
    }

    fn kill(mut self, seen: Vec<String>) -> Ended {
        self.child.kill().unwrap();
        self.end(seen)
    }
}

impl Ended {
    /// The stage that the kill hit.
    fn place(&self) -> &'static str {
        let told = |kind: &str, stage: &str| {
            let is = |event: &&Value| event["type"] == kind && event["stage"] == stage;
            self.events.iter().rfind(is).is_some()
        };
        let running = STAGES
            .iter()
            .find(|stage| told("started", stage) && !told("stage", stage));
        let after = STAGES.iter().rfind(|stage| told("stage", stage));
        match (running, after) {
            (Some(stage), _) => stage,
            (None, Some(&"format")) => "end",
            (None, Some(_)) => "between stages",
            (None, None) => "beginning",
        }
    }
}

/// One sandbox, its recordings, and the counts.
struct Loop {
    sandbox: Sandbox,
    chance: Chance,
    works: Vec<Work>,
    made: u64,
    places: BTreeMap<&'static str, u64>,
    resumed: u64,
    compared: u64,
    inherited: u64,
}

impl Loop {
    fn new(seed: u64) -> Self {
        let sandbox = Sandbox::new();
        drop_echo(&sandbox, "0.1.0");
        let mut chance = Chance(seed);
        let works = (0..3).map(|number| Work::new(&sandbox, &mut chance, number)).collect();
        Self {
            sandbox,
            chance,
            works,
            made: 3,
            places: BTreeMap::new(),
            resumed: 0,
            compared: 0,
            inherited: 0,
        }
    }

    /// Kills one run at a random moment, and checks its results. Returns false if the run was faster.
    fn kill_one(&mut self) -> bool {
        let index = usize::try_from(self.chance.below(self.works.len() as u64)).unwrap();
        let pace_ms = self.chance.below(40);
        let running = Running::start(&self.sandbox, &self.works[index], pace_ms);
        // A second run for the same result waits, and takes over when the first one dies.
        let heir = self
            .chance
            .once_in(8)
            .then(|| Running::start(&self.sandbox, &self.works[index], 0));
        let seen = if self.chance.once_in(3) {
            running.watch(usize::MAX, Duration::from_micros(self.chance.below(200_000)))
        } else {
            let seen = running.watch(usize::try_from(self.chance.below(24)).unwrap(), Duration::from_secs(60));
            std::thread::sleep(Duration::from_micros(self.chance.below(4_000)));
            seen
        };
        let ended = running.kill(seen);
        let killed = ended.code.is_none();
        if heir.is_none() {
            self.works[index].learn(&ended);
        }
        if killed {
            *self.places.entry(ended.place()).or_default() += 1;
        } else {
            assert_eq!(
                (ended.code, &ended.stdout),
                (Some(0), &self.works[index].text),
                "{ended:?}"
            );
        }
        self.count_resumed(&ended);
        if let Some(heir) = heir {
            let ended = heir.end(Vec::new());
            // The work of the two before one of them died cannot be distinguished.
            let work = &mut self.works[index];
            work.kept.1 = work.seconds * 1_000;
            work.learn(&ended);
            self.count_resumed(&ended);
            self.finish(index, &ended);
            self.inherited += 1;
        } else if !killed || self.chance.once_in(3) {
            self.run_to_end(index);
        }
        self.look_at_cache();
        killed
    }

    fn run_to_end(&mut self, index: usize) {
        let ended = Running::start(&self.sandbox, &self.works[index], 0).end(Vec::new());
        let left = std::fs::read_dir(self.sandbox.cache_dir().join("v1/tmp"))
            .unwrap()
            .count();
        assert_eq!(left, 0, "temporary files of the dead are left");
        self.works[index].learn(&ended);
        self.count_resumed(&ended);
        self.finish(index, &ended);
    }

    /// Compares a finished transcript, and replaces its recording by a new one.
    fn finish(&mut self, index: usize, ended: &Ended) {
        let work = &self.works[index];
        assert_eq!((ended.code, &ended.stdout), (Some(0), &work.text), "{ended:?}");
        assert!(ended.others.is_empty(), "{ended:?}");
        let told = |event: &&Value| event["type"] == "segment";
        let segments = ended.events.iter().filter(told).count() as u64;
        assert!(
            segments == 0 || segments == work.seconds,
            "a second is reported twice or not at all: {ended:?}"
        );
        self.compared += 1;
        self.works[index] = Work::new(&self.sandbox, &mut self.chance, self.made);
        self.made += 1;
    }

    fn count_resumed(&mut self, ended: &Ended) {
        self.resumed += u64::from(ended.events.iter().any(|event| event["type"] == "resumed"));
    }

    /// Everything stored is valid, and nothing ever had to be repaired.
    fn look_at_cache(&self) {
        let verified = self.sandbox.run(["cache", "verify", "--json"]).exits(0).json();
        let info = self.sandbox.run(["cache", "info", "--json"]).exits(0).json();
        assert_eq!(info["statistics"]["healed"], 0, "{info} {verified}");
        assert_eq!(info["quarantined"], 0, "{info} {verified}");
    }
}

#[test]
fn killed_runs_lose_no_finished_work() {
    let (kills, seed) = (number("CESAR_KILLS", 80), number("CESAR_SEED", 20_260_101));
    println!("seed {seed}, {kills} kills");
    let mut all = Loop::new(seed);
    let mut done = 0;
    while done < kills {
        done += u64::from(all.kill_one());
        if done % 500 == 0 && done > 0 && kills > 500 {
            println!("{done} kills: {:?}", all.places);
        }
    }
    for index in 0..all.works.len() {
        all.run_to_end(index);
    }
    println!("killed in: {:?}", all.places);
    println!(
        "{} runs went on where an earlier one was, {} took over from one that died; {} transcripts compared, all equal",
        all.resumed, all.inherited, all.compared
    );
    // On a busy machine few runs reach a checkpoint before they are killed.
    assert!(all.resumed > 0 && all.compared > kills / 10 && all.inherited > 0);
    assert!(all.places.len() > 2, "{:?}", all.places);
}

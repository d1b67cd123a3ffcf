//! `cesar models pull` against a server that imitates the hub, and `transcribe` with a missing model.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use cesar_tests::hub::{COMMIT, Faults, Hub};
use cesar_tests::ports::free_ports;
use cesar_tests::sandbox::finish;
use cesar_tests::terminal::answer_to;
use cesar_tests::{Output, Sandbox, fixture, require_model};

const TINY: &str = "Systran/faster-whisper-tiny.en";
/// The SHA-256 of tiny.en's weights, as published.
const TINY_WEIGHTS: &str = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a";

/// A home without models, whose programs use this hub.
struct Home {
    sandbox: Sandbox,
    hub: Hub,
}

impl Home {
    fn new() -> Self {
        Self {
            sandbox: Sandbox::new(),
            hub: Hub::new(),
        }
    }

    /// A hub that has tiny.en.
    fn with_tiny() -> Self {
        let home = Self::new();
        let folder = require_model("tiny.en").join("faster-whisper-tiny.en");
        home.hub.add_folder(TINY, &folder);
        home
    }

    /// A hub with a third-party repository, whose weights are 200 kB.
    fn with_small() -> Self {
        let home = Self::new();
        let mut weights = b"\x06\0\0\0\x0c\0WhisperSpec\0".to_vec();
        weights.extend((0..200_000_u32).map(|number| number.to_le_bytes()[0] ^ number.to_le_bytes()[1]));
        home.hub.add("someone/whisper", "model.bin", weights, true);
        home.hub.add("someone/whisper", "config.json", "{}", false);
        home.hub.add("someone/whisper", "README.md", "not fetched", false);
        home
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command();
        command
            .args(arguments)
            .env("CESAR_MODELS_DIR", self.sandbox.path().join("empty"))
            .env("HF_ENDPOINT", self.hub.endpoint())
            .env("HF_HOME", self.sandbox.path().join("hf"))
            .env("NO_PROXY", "*");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        finish(&mut self.command(arguments))
    }

    fn pull(&self, names: &[&str]) -> Output {
        self.run(&[&["models", "pull"], names].concat())
    }

    /// The folder of a repository in the cache.
    fn cached(&self, repository: &str) -> PathBuf {
        let name = repository.replace('/', "--");
        self.sandbox.path().join(format!("hf/hub/models--{name}"))
    }

    fn weights(&self) -> PathBuf {
        self.cached("someone/whisper")
            .join(format!("snapshots/{COMMIT}/model.bin"))
    }

    fn blobs(&self, repository: &str) -> Vec<String> {
        let entries = fs::read_dir(self.cached(repository).join("blobs"))
            .into_iter()
            .flatten()
            .flatten();
        let mut names: Vec<_> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

#[test]
fn tiny_en_is_pulled_and_used() {
    let home = Home::with_tiny();
    let pulled = home.pull(&["tiny.en"]).exits(0);
    assert!(
        pulled.stdout.starts_with("faster-whisper-tiny.en downloaded: "),
        "{}",
        pulled.stdout
    );
    // Hugging Face's own layout: a link to a blob of that name.
    let snapshot = home.cached(TINY).join("snapshots").join(COMMIT);
    let link = fs::read_link(snapshot.join("model.bin")).unwrap();
    assert_eq!(link.to_str().unwrap(), format!("../../blobs/{TINY_WEIGHTS}"));
    assert_eq!(fs::read_to_string(home.cached(TINY).join("refs/main")).unwrap(), COMMIT);
    assert_eq!(home.blobs(TINY).len(), 4);

    let recording = fixture("short.wav");
    let recording = recording.to_str().unwrap();
    let transcript = home
        .run(&["transcribe", recording, "--asr-plugin", "ct2", "--model", "tiny.en"])
        .exits(0);
    assert!(!transcript.stdout.trim().is_empty(), "{transcript:?}");

    let asked = home.hub.requests().len();
    let again = home.pull(&["tiny.en", "faster-whisper-tiny.en"]).exits(0);
    assert!(again.stdout.contains("is already installed"), "{}", again.stdout);
    assert_eq!(home.hub.requests().len(), asked, "what is here is not asked for");
    home.run(&["models", "verify"]).exits(0);
    let list = home.run(&["models", "list", "--json"]).exits(0).json();
    assert_eq!(list["models"][0]["id"], "faster-whisper-tiny.en");
    assert_eq!(list["models"][0]["repository"], TINY);
    assert_eq!(list["size"], 78_090_594);
}

#[test]
fn a_killed_pull_leaves_no_model_and_is_resumed() {
    let home = Home::with_small();
    home.hub.misbehave(Faults {
        stall_at: Some(150_000),
        ..Faults::default()
    });
    let mut command = home.command(&["models", "pull", "someone/whisper", "--progress", "json"]);
    let mut first = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(first.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let is_weights = |line: String| line.contains("model.bin") && !line.contains("\"done\":0,");
    assert!(lines.any(is_weights), "some of the weights arrives");
    home.hub.wait_until_standing();
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(!home.weights().exists());
    assert!(
        home.blobs("someone/whisper")
            .iter()
            .any(|name| name.ends_with(".incomplete"))
    );
    assert_eq!(
        home.run(&["models", "list", "--json"]).exits(0).json()["models"],
        serde_json::json!([])
    );
    home.hub.resume();

    home.pull(&["someone/whisper"]).exits(0);
    let downloads = home.hub.downloads();
    let range = downloads
        .last()
        .unwrap()
        .as_ref()
        .expect("the second asks for the rest");
    let start: usize = range
        .trim_start_matches("bytes=")
        .trim_end_matches('-')
        .parse()
        .unwrap();
    assert!(start > 0 && start <= 150_000, "{range}");
    assert_eq!(fs::metadata(home.weights()).unwrap().len(), 200_018);
    home.run(&["models", "verify", "someone/whisper"]).exits(0);
    assert!(
        !home
            .blobs("someone/whisper")
            .iter()
            .any(|name| name.ends_with(".incomplete"))
    );
}

#[test]
fn a_broken_connection_is_resumed() {
    let home = Home::with_small();
    home.hub.misbehave(Faults {
        cut_after: vec![70_000, 0, 60_000],
        ..Faults::default()
    });
    home.pull(&["someone/whisper"]).exits(0);
    assert_eq!(home.hub.downloads().len(), 4);
    home.run(&["models", "verify", "someone/whisper"]).exits(0);
}

#[test]
fn without_ranges_the_download_restarts() {
    let home = Home::with_small();
    home.hub.misbehave(Faults {
        cut_after: vec![70_000],
        no_ranges: true,
        ..Faults::default()
    });
    home.pull(&["someone/whisper"]).exits(0);
    home.run(&["models", "verify", "someone/whisper"]).exits(0);
}

#[test]
fn a_connection_that_always_breaks_is_an_error() {
    let home = Home::with_small();
    home.hub.misbehave(Faults {
        cut_after: vec![50_000, 0, 0, 0],
        ..Faults::default()
    });
    let failed = home.pull(&["someone/whisper"]).exits(1);
    assert!(failed.stderr.contains("pull again to resume"), "{}", failed.stderr);
    assert!(!home.weights().exists());
    home.pull(&["someone/whisper"]).exits(0);
}

#[test]
fn bytes_that_differ_from_the_announced_digest_are_discarded() {
    let home = Home::with_small();
    home.hub.misbehave(Faults {
        wrong_byte: true,
        ..Faults::default()
    });
    let failed = home.pull(&["someone/whisper"]).exits(1);
    assert!(
        failed.stderr.contains("and was discarded; pull again"),
        "{}",
        failed.stderr
    );
    assert!(!home.weights().exists());
    // Its configuration had arrived.
    assert_eq!(home.blobs("someone/whisper").len(), 1);
    home.hub.misbehave(Faults::default());
    home.pull(&["someone/whisper"]).exits(0);
}

/// A changed repository is not accepted as the catalog's.
#[test]
fn weights_that_differ_from_the_catalog_are_refused() {
    let home = Home::new();
    home.hub.add(TINY, "model.bin", "not the weights of tiny.en", true);
    let failed = home.pull(&["tiny.en"]).exits(1);
    assert!(failed.stderr.contains(TINY_WEIGHTS), "{}", failed.stderr);
    assert!(home.hub.downloads().is_empty());
}

#[test]
fn simultaneous_pulls_download_once() {
    let home = Home::with_small();
    home.hub.misbehave(Faults {
        stall_at: Some(100_000),
        ..Faults::default()
    });
    let pull = ["models", "pull", "someone/whisper", "--progress", "json"];
    let first = home.command(&pull).stderr(Stdio::piped()).spawn().unwrap();
    home.hub.wait_until_standing();
    let mut second = home.command(&pull).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(second.stderr.take().unwrap()).lines();
    assert!(
        lines.any(|line| line.unwrap().contains("\"waiting\"")),
        "the second waits"
    );
    home.hub.resume();
    drop(lines);
    assert!(first.wait_with_output().unwrap().status.success());
    assert!(second.wait().unwrap().success());
    assert_eq!(home.hub.downloads(), [None], "the weights were fetched once");
}

#[test]
fn refusals_of_the_hub_are_reported() {
    let home = Home::with_small();
    home.hub.add("someone/chat", "model.safetensors", "tensors", true);
    let told = |names: &[&str]| home.pull(names).exits(1).stderr;
    assert!(told(&["someone/chat"]).contains("is not a Whisper model for CTranslate2"));
    assert!(told(&["someone/nothing"]).contains("the hub has no `someone/nothing`"));
    home.hub.misbehave(Faults {
        status: Some(429),
        ..Faults::default()
    });
    assert!(told(&["someone/whisper"]).contains("rate limit"));
    home.hub.misbehave(Faults {
        status: Some(503),
        ..Faults::default()
    });
    let text = told(&["base"]);
    assert!(text.contains("use `cesar models pull base --from index`"), "{text}");
    assert!(!told(&["someone/whisper"]).contains("--from index"));
    let unknown = home.pull(&["bsae"]).exits(2);
    assert!(unknown.stderr.contains("did you mean `base`?"), "{}", unknown.stderr);
}

#[test]
fn an_unreachable_hub_is_reported_with_the_alternative() {
    let home = Home::new();
    let [closed] = free_ports();
    let mut command = home.command(&["models", "pull", "base"]);
    let failed = finish(command.env("HF_ENDPOINT", format!("http://127.0.0.1:{closed}"))).exits(1);
    assert!(failed.stderr.contains("does not answer"), "{}", failed.stderr);
    assert!(
        failed.stderr.contains("cesar models pull base --from index"),
        "{}",
        failed.stderr
    );
}

#[test]
fn the_token_is_sent_to_the_hub_alone() {
    let home = Home::with_small();
    home.hub.misbehave(Faults {
        token: Some("secret".to_owned()),
        ..Faults::default()
    });
    let failed = home.pull(&["someone/whisper"]).exits(1);
    assert!(failed.stderr.contains("set `HF_TOKEN`"), "{}", failed.stderr);
    finish(
        home.command(&["models", "pull", "someone/whisper"])
            .env("HF_TOKEN", "secret"),
    )
    .exits(0);
    let requests = home.hub.requests();
    let elsewhere = requests.iter().filter(|request| request.path.starts_with("/blobs/"));
    let tokens: Vec<_> = elsewhere.map(|request| request.authorization.clone()).collect();
    assert_eq!(tokens, [None], "the bytes lie elsewhere");
}

#[test]
fn offline_sends_no_request() {
    let home = Home::with_small();
    let offline = home.pull(&["someone/whisper", "--offline"]).exits(1);
    assert!(offline.stderr.contains("`--offline` forbids it"), "{}", offline.stderr);
    let variable = finish(
        home.command(&["models", "pull", "someone/whisper"])
            .env("HF_HUB_OFFLINE", "1"),
    )
    .exits(1);
    assert!(
        variable.stderr.contains("`HF_HUB_OFFLINE` forbids it"),
        "{}",
        variable.stderr
    );
    assert!(home.hub.requests().is_empty());
    home.pull(&["someone/whisper"]).exits(0);
    home.pull(&["someone/whisper", "--offline"]).exits(0);
}

/// The words of `transcribe` with a missing model.
fn with_a_missing_model(recording: &str) -> [&str; 6] {
    ["transcribe", recording, "--asr-plugin", "ct2", "--model", "tiny.en"]
}

#[test]
fn a_missing_model_is_reported_with_the_command_to_run() {
    let home = Home::with_tiny();
    let recording = fixture("short.wav");
    let words = with_a_missing_model(recording.to_str().unwrap());
    for more in [&[][..], &["--offline"], &["--offline", "--yes"]] {
        let failed = home.run(&[&words, more].concat()).exits(1);
        assert!(
            failed.stderr.contains("fetch it with `cesar models pull tiny.en`"),
            "{}",
            failed.stderr
        );
    }
    let ggml = [
        "transcribe",
        words[1],
        "--asr-plugin",
        "whisper-cpp",
        "--model",
        "tiny.en",
    ];
    let failed = home.run(&ggml).exits(1);
    assert!(
        failed.stderr.contains("fetch it with `cesar models pull ggml-tiny.en`"),
        "{}",
        failed.stderr
    );
    let none = home.run(&["transcribe", words[1]]).exits(1);
    assert!(
        none.stderr.contains("fetch one with `cesar models pull base`"),
        "{}",
        none.stderr
    );
    assert!(home.hub.requests().is_empty());
}

#[test]
fn a_missing_model_is_fetched_after_confirmation() {
    let home = Home::with_tiny();
    let recording = fixture("short.wav");
    let words = with_a_missing_model(recording.to_str().unwrap());
    let (refused, question) = answer_to(home.command(&words), b"n\n");
    assert!(
        question.ends_with("model `tiny.en` (78.0 MB) is not installed; download it? [y/N] "),
        "{question}"
    );
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(home.hub.requests().is_empty());
    let (agreed, _) = answer_to(home.command(&words), b"y\n");
    assert_eq!(agreed.code, 0, "{agreed:?}");
    assert!(!agreed.stdout.trim().is_empty());
}

#[test]
fn a_missing_model_is_fetched_with_prior_consent() {
    let recording = fixture("short.wav");
    let words = with_a_missing_model(recording.to_str().unwrap());
    let home = Home::with_tiny();
    let fetched = home.run(&[&words[..], &["--yes"]].concat()).exits(0);
    assert!(
        fetched
            .stderr
            .contains("downloading faster-whisper-tiny.en from the hub"),
        "{}",
        fetched.stderr
    );
    let home = Home::with_tiny();
    finish(home.command(&words).env("CESAR_MODELS_PULL", "true")).exits(0);
}

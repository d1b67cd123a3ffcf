//! The commands for installed models: list, path, verify, import and rm; a changed model is another model.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use cesar_tests::sandbox::finish;
use cesar_tests::snapshots::{filters, pairs};
use cesar_tests::terminal::answer_to;
use cesar_tests::{Output, Sandbox, fixture, require_model};

/// A home with its own models folder, which contains no links.
struct Home {
    sandbox: Sandbox,
}

impl Home {
    fn new() -> Self {
        let home = Self {
            sandbox: Sandbox::new(),
        };
        fs::create_dir(home.models()).unwrap();
        home
    }

    fn with_silero() -> Self {
        let home = Self::new();
        for name in ["ggml-silero-v6.2.0.bin", "silero_vad_v6.onnx"] {
            fs::copy(require_model("vad").join(name), home.models().join(name)).unwrap();
        }
        home
    }

    fn models(&self) -> PathBuf {
        self.sandbox.path().join("own-models")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command();
        command.args(arguments).env("CESAR_MODELS_DIR", self.models());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        finish(&mut self.command(arguments))
    }
}

#[test]
fn the_json_of_each_command_is_stable() {
    let home = Home::with_silero();
    home.sandbox.write("ggml-mine.bin", "lmgg and weights");
    let pretty = |arguments: &[&str], code| {
        let json = home.run(arguments).exits(code).json();
        serde_json::to_string_pretty(&json).unwrap()
    };
    let import = pretty(&["models", "import", "ggml-mine.bin", "--json"], 0);
    let list = pretty(&["models", "list", "--json"], 0);
    let path = pretty(&["models", "path", "silero", "--json"], 0);
    let verify = pretty(&["models", "verify", "--json"], 0);
    let remove = pretty(&["models", "rm", "mine", "--json", "--dry-run"], 0);
    let mut varying = filters(&home.sandbox);
    varying.insert(0, (regex_of(&home), "[OWN]"));
    insta::with_settings!({ filters => pairs(&varying) }, {
        insta::assert_snapshot!("import", import);
        insta::assert_snapshot!("list", list);
        insta::assert_snapshot!("path", path);
        insta::assert_snapshot!("verify", verify);
        insta::assert_snapshot!("rm", remove);
    });
}

fn regex_of(home: &Home) -> String {
    home.models()
        .display()
        .to_string()
        .replace('.', "\\.")
        .replace('-', "\\-")
}

#[test]
fn available_models_are_listed_without_a_network() {
    let home = Home::with_silero();
    let json = home.run(&["models", "list", "--remote", "--json"]).exits(0).json();
    let models = json["models"].as_array().unwrap();
    let find = |id: &str| models.iter().find(|model| model["id"] == id).unwrap();
    assert_eq!(
        find("faster-whisper-large-v3")["hub"],
        "Systran/faster-whisper-large-v3"
    );
    assert_eq!(find("ggml-base-q5_1")["size"], 59_707_625);
    assert_eq!(find("silero_vad_v6")["present"], true);
    assert_eq!(find("speaker-campplus")["index"], true);
    let text = home.run(&["models", "list", "--remote"]).exits(0).stdout;
    assert!(text.lines().count() > 50 && text.contains("csukuangfj/sherpa-onnx-pyannote-segmentation-3-0, index"));
}

#[test]
fn the_text_of_each_command_is_stable() {
    let home = Home::new();
    let empty = home.run(&["models", "list"]).exits(0).stdout;
    assert_eq!(
        empty,
        "no models installed; `cesar models list --remote` lists downloadable models\n"
    );
    assert_eq!(
        home.run(&["models", "path"]).exits(0).stdout.trim(),
        home.models().display().to_string()
    );
    let none = home.run(&["models", "path", "base"]).exits(1).stderr;
    assert!(none.contains("model `base` is not installed"), "{none}");
    let home = Home::with_silero();
    let list = home.run(&["models", "list"]).exits(0).stdout;
    assert!(list.ends_with("2 models, 2.1 MB\n"), "{list}");
    let paths = home.run(&["models", "path", "vad"]).exits(0).stdout;
    assert_eq!(paths.lines().count(), 2);
    let sound = home.run(&["models", "verify"]).exits(0).stdout;
    assert!(sound.ends_with(": no damage\n"), "{sound}");
}

#[test]
fn truncated_and_altered_files_are_named() {
    let home = Home::with_silero();
    let (ggml, onnx) = (
        home.models().join("ggml-silero-v6.2.0.bin"),
        home.models().join("silero_vad_v6.onnx"),
    );
    let mut bytes = fs::read(&ggml).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&ggml, &bytes).unwrap();
    let whole = fs::read(&onnx).unwrap();
    fs::remove_file(&onnx).unwrap();
    fs::write(&onnx, &whole[..whole.len() / 2]).unwrap();
    let damaged = home.run(&["models", "verify"]).exits(1).stdout;
    for (path, what) in [(&ggml, "altered: "), (&onnx, "truncated after ")] {
        assert!(damaged.contains(&format!("{}: {what}", path.display())), "{damaged}");
    }
    assert!(
        damaged.contains("2 damaged; replace with `cesar models rm` and `cesar models pull`"),
        "{damaged}"
    );
    home.run(&["models", "verify", "ggml-silero-v6.2.0", "--json"]).exits(1);
}

/// A model is identified by its bytes: results of another are not used for it.
#[test]
fn an_altered_model_is_another_model() {
    let home = Home::new();
    let model = home.models().join("ggml-tiny.en.bin");
    fs::copy(require_model("tiny.en").join("ggml-tiny.en.bin"), &model).unwrap();
    let recording = fixture("short.wav");
    let words = [
        "transcribe",
        recording.to_str().unwrap(),
        "-v",
        "--asr-plugin",
        "whisper-cpp",
        "--model",
        "tiny.en",
    ];
    let asr_was = |output: Output, what: &str| {
        let line = output
            .stderr
            .lines()
            .find(|line| line.starts_with("asr whisper-cpp: "))
            .unwrap_or_default()
            .to_owned();
        assert!(
            line.starts_with(&format!("asr whisper-cpp: {what}")),
            "{}",
            output.stderr
        );
    };
    asr_was(home.run(&words).exits(0), "miss");
    asr_was(home.run(&[&words[..], &["-f", "json"]].concat()).exits(0), "hit");
    // One weight of the decoder's last norm, which is in single precision.
    let mut bytes = fs::read(&model).unwrap();
    let at = bytes.len() - 100;
    bytes[at] ^= 1;
    fs::write(&model, bytes).unwrap();
    asr_was(home.run(&words).exits(0), "miss");
    home.run(&["models", "verify"]).exits(1);
}

#[test]
fn an_import_is_found_by_its_name() {
    let home = Home::new();
    let folder = require_model("tiny.en").join("faster-whisper-tiny.en");
    let imported = home
        .run(&["models", "import", folder.to_str().unwrap(), "--name", "mine"])
        .exits(0);
    assert!(imported.stdout.starts_with("mine imported: "), "{}", imported.stdout);
    let recording = fixture("short.wav");
    home.run(&[
        "transcribe",
        recording.to_str().unwrap(),
        "--asr-plugin",
        "ct2",
        "--model",
        "mine",
    ])
    .exits(0);
    home.run(&["models", "verify", "mine"]).exits(0);
    let file = home.sandbox.write("notes.txt", "nothing");
    let refused = home.run(&["models", "import", file.to_str().unwrap()]).exits(1);
    assert!(
        refused.stderr.contains("is not a supported model"),
        "{}",
        refused.stderr
    );
    let digest = "0".repeat(64);
    let file = home.sandbox.write("ggml-other.bin", "lmgg and weights");
    let refused = home
        .run(&["models", "import", file.to_str().unwrap(), "--sha256", &digest])
        .exits(1);
    assert!(refused.stderr.contains(&digest), "{}", refused.stderr);
}

#[test]
fn removal_of_a_model_is_confirmed() {
    let home = Home::with_silero();
    let refused = home.run(&["models", "rm", "silero"]).exits(2);
    assert!(refused.stderr.contains("use `--yes` to remove"), "{}", refused.stderr);
    let (kept, question) = answer_to(home.command(&["models", "rm", "silero"]), b"\n");
    assert!(question.ends_with("remove 2 models, 2.1 MB? [y/N] "), "{question}");
    assert_eq!((kept.code, kept.stdout.as_str()), (0, "nothing was removed\n"));
    let dry = home.run(&["models", "rm", "silero_vad_v6", "--dry-run"]).exits(0);
    assert!(dry.stdout.ends_with("would remove 1 model, 1.2 MB\n"), "{}", dry.stdout);
    home.run(&["models", "rm", "silero_vad_v6", "-y"]).exits(0);
    let (removed, _) = answer_to(home.command(&["models", "rm", "silero"]), b"y\n");
    assert_eq!(removed.stdout, "removed 1 model, 885.0 kB\n");
    assert_eq!(home.run(&["models", "list", "--json"]).exits(0).json()["size"], 0);
}

#[test]
fn help_is_stable() {
    let home = Home::new();
    let help = |words: &[&str]| home.run(&[words, &["-h"]].concat()).exits(0).stdout;
    insta::assert_snapshot!("help of models", help(&["models"]));
    for command in ["list", "pull", "path", "verify", "import", "rm"] {
        insta::assert_snapshot!(format!("help of models {command}"), help(&["models", command]));
    }
}

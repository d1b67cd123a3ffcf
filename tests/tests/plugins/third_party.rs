//! A third-party engine: one dropped file, used by name, keyed by its version and bytes, and isolated.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use cesar_tests::mounts::view_of_files;
use cesar_tests::plugins::build_echo;
use cesar_tests::running::{Running, is_running};
use cesar_tests::sandbox::finish;
use cesar_tests::server::with_echo;
use cesar_tests::{Output, Sandbox, fixture, skip};

/// A sandbox with the plugin in the user's folder.
struct Dropped {
    sandbox: Sandbox,
    folder: PathBuf,
}

impl Dropped {
    fn new(version: &str) -> Self {
        let sandbox = Sandbox::new();
        let folder = sandbox.data_home().join("cesar/plugins");
        fs::create_dir_all(&folder).unwrap();
        let dropped = Self { sandbox, folder };
        dropped.put(version);
        dropped
    }

    /// Replaces the library as a package manager would: a new file under the old name.
    fn put(&self, version: &str) {
        let library = self.folder.join("libecho.so");
        let new = self.folder.join("libecho.so.new");
        fs::copy(build_echo(version), &new).unwrap();
        fs::rename(new, library).unwrap();
    }

    fn transcribe(&self, options: &[&str]) -> Output {
        let recording = fixture("short.wav");
        let mut arguments = vec![
            "transcribe",
            recording.to_str().unwrap(),
            "--asr-plugin",
            "echo",
            "--progress",
            "json",
        ];
        arguments.extend(options);
        self.sandbox.run(arguments)
    }
}

fn runs(output: &Output) -> u64 {
    output.done()["stage_runs"].as_u64().unwrap()
}

#[test]
fn a_dropped_file_is_listed_used_and_keyed_by_its_version() {
    let dropped = Dropped::new("0.1.0");
    let list = dropped.sandbox.run(["plugins", "list", "--json"]).exits(0).json();
    let echo = list["plugins"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["id"] == "echo")
        .expect("echo is listed");
    assert_eq!(
        (&echo["version"], &echo["state"], &echo["abi"]),
        (&"0.1.0".into(), &"ready".into(), &1.into())
    );

    let first = dropped.transcribe(&[]).exits(0);
    assert!(first.stdout.starts_with("second 0 peaks at 0."), "{}", first.stdout);
    assert_eq!(runs(&first), 2, "the engine and the format plugin ran");
    let again = dropped.transcribe(&[]).exits(0);
    assert_eq!((runs(&again), &again.stdout), (0, &first.stdout));

    dropped.put("0.2.0");
    assert_eq!(runs(&dropped.transcribe(&[]).exits(0)), 2, "another version misses");
    dropped.put("0.1.0");
    let back = dropped.transcribe(&[]).exits(0);
    assert_eq!((runs(&back), &back.stdout), (0, &first.stdout), "put back, it hits");
}

/// Each fault has one sentence and exit code 1, leaves no file and no result in the cache.
#[test]
fn a_misbehaving_plugin_harms_only_itself() {
    let dropped = Dropped::new("0.1.0");
    let cases = [
        ("panic", "the plugin `echo` panicked: the echo is gone"),
        (
            "segfault",
            "the plugin `echo` crashed (SIGSEGV); try another model or plugin, and report it to the plugin's author",
        ),
        (
            "abort",
            "the plugin `echo` crashed (SIGABRT); try another model or plugin, and report it to the plugin's author",
        ),
        (
            "exit",
            "the plugin `echo` crashed (it ended the process with exit code 0); try another model or plugin, and report it to the plugin's author",
        ),
        (
            "out_of_order",
            "the asr plugin `echo` gave a result that cannot be right (segment 1 starts at 1000 ms, before the one before it ends \
             at 2236 ms); report it to the plugin's author",
        ),
        (
            "past_the_end",
            "the asr plugin `echo` gave a result that cannot be right (segment 3 ends at 2199023255552 ms, after the audio's end at \
             2237 ms); report it to the plugin's author",
        ),
        ("out_of_memory", "no room for the echo"),
    ];
    // The last output of a plugin and its exit status reach the host in any order.
    let allocation_failure = (
        "allocation_failure",
        "the plugin `echo` ran out of memory; use a smaller model or batch, or free memory",
    );
    let output = dropped.sandbox.work().join("out.txt");
    for (behaviour, sentence) in cases.into_iter().chain(std::iter::repeat_n(allocation_failure, 5)) {
        let option = format!("behaviour={behaviour}");
        let failed = dropped
            .transcribe(&["--asr-option", &option, "-o", output.to_str().unwrap()])
            .exits(1);
        let errors: Vec<_> = failed
            .stderr
            .lines()
            .filter(|line| line.starts_with("error: "))
            .collect();
        assert_eq!(errors, [format!("error: {sentence}")], "{behaviour}");
        assert!(!output.exists(), "{behaviour} left a file");
        // Otherwise two crashes would quarantine the plugin.
        dropped.sandbox.run(["plugins", "retry", "echo"]).exits(0);
    }
    let info = dropped.sandbox.run(["cache", "info", "--json"]).exits(0).json();
    let stages: Vec<_> = info["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| stage["stage"].as_str().unwrap())
        .collect();
    assert_eq!(stages, ["decode"], "only decoding was right");
    // The next request succeeds.
    dropped.transcribe(&[]).exits(0);
}

#[test]
fn an_invalid_transcription_is_refused() {
    let failed = Dropped::new("0.1.0")
        .transcribe(&["--asr-option", "behaviour=not_json"])
        .exits(1);
    assert!(
        failed
            .stderr
            .contains("gave a result that cannot be right (invalid type: string"),
        "{}",
        failed.stderr
    );
}

#[test]
fn output_of_a_plugin_stays_out_of_the_transcript() {
    let printed = Dropped::new("0.1.0")
        .transcribe(&["--asr-option", "behaviour=print"])
        .exits(0);
    assert!(!printed.stdout.contains("must not"), "{}", printed.stdout);
}

/// Starts a run of the plugin that never ends, and waits until it has received everything.
fn hang(dropped: &Dropped) -> Running {
    let recording = fixture("short.wav");
    let arguments = [
        "transcribe",
        "--asr-plugin",
        "echo",
        "--asr-option",
        "behaviour=hang",
        "--progress",
        "json",
        "-o",
        "out.txt",
    ];
    let mut running = dropped
        .sandbox
        .start(arguments.iter().map(OsStr::new).chain([recording.as_os_str()]));
    running.wait_for("second 2");
    running
}

/// Ctrl-C ends an unresponsive plugin; no process is left, and no file is written.
#[test]
fn a_hanging_plugin_is_killed_on_ctrl_c() {
    let dropped = Dropped::new("0.1.0");
    let running = hang(&dropped);
    let runner = running.children();
    assert_eq!(runner.len(), 1, "one runner works");
    running.interrupt();
    assert_eq!(running.end().code(), Some(130));
    assert!(!is_running(runner[0]), "the runner is gone");
    assert!(!dropped.sandbox.work().join("out.txt").exists(), "a file was left");
}

/// A killed host leaves no runner.
#[test]
fn a_runner_does_not_outlive_its_host() {
    let dropped = Dropped::new("0.1.0");
    let mut running = hang(&dropped);
    let runner = running.children();
    running.kill();
    running.end();
    let patience = Instant::now() + Duration::from_secs(30);
    while is_running(runner[0]) {
        assert!(Instant::now() < patience, "the runner outlived its host");
        std::thread::yield_now();
    }
}

#[test]
fn a_plugin_on_a_file_system_without_programs_is_refused_with_the_remedy() {
    let sandbox = with_echo();
    let folder = sandbox.path().join("mounted");
    fs::create_dir_all(&folder).unwrap();
    let Some(view) = view_of_files(&folder) else {
        skip!("no file system may be mounted here without programs");
    };
    let plugin = sandbox.data_home().join("cesar/plugins/libecho.so");
    let script = "mount -t tmpfs -o noexec,mode=755 none \"$1\" && cp \"$2\" \"$1\" && shift 2 && exec \"$@\"";
    let program = sandbox.command();
    let mut command = Command::new("unshare");
    command
        .args(view)
        .args(["sh", "-c", script, "sh"])
        .arg(&folder)
        .arg(&plugin)
        .arg(program.get_program())
        .args(["plugins", "why"])
        .arg(folder.join("libecho.so"));
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let shown = finish(&mut command).stdout;
    assert!(
        shown.contains("its file system is mounted `noexec`; put the plugin into another folder"),
        "{shown}"
    );
}

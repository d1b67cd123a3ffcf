//! Plugins with every kind of fault, each with its documented answer: on the command line, under the server, and in `plugins check`.
//!
//! The answers are snapshots (`INSTA_UPDATE=always` rewrites them). `docs/guide/plugins.md` documents them.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cesar_tests::plugins::drop_echo;
use cesar_tests::running::is_running;
use cesar_tests::server::{Server, until, wave};
use cesar_tests::zoo::{ANIMALS, Animal};
use cesar_tests::{Sandbox, fixture};

/// A sandbox with every animal, and the well-behaved echo.
struct Zoo {
    sandbox: Sandbox,
    folder: PathBuf,
}

impl Zoo {
    fn open() -> Self {
        let sandbox = Sandbox::new();
        drop_echo(&sandbox, "0.1.0");
        let folder = sandbox.path().join("zoo");
        for animal in ANIMALS {
            animal.put_into(&folder);
        }
        let settings = format!(
            "[plugins]\ndirs = [{folder:?}]\nmemory_limit = \"500 MB\"\ntime_limit = \"3 s\"\n[diarize]\nenabled = false\n"
        );
        fs::create_dir_all(sandbox.config_home().join("cesar")).unwrap();
        fs::write(sandbox.config_home().join("cesar/config.toml"), settings).unwrap();
        Self { sandbox, folder }
    }

    /// Text without differences between machines.
    fn plain(&self, text: &str) -> String {
        let text = text.replace(&self.folder.display().to_string(), "[ZOO]");
        text.replace(std::env::consts::ARCH, "[ARCH]")
    }
}

/// The results of `visit` for all animals, in order; some are visited in parallel.
fn table(visit: impl Fn(&Animal) -> String + Sync) -> String {
    let rows = Mutex::new(vec![String::new(); ANIMALS.len()]);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some((number, animal)) = take(&next) {
                    let row = format!("{}: {}", animal.name, visit(animal));
                    rows.lock().unwrap()[number] = row;
                }
            });
        }
    });
    rows.into_inner().unwrap().join("\n")
}

fn take(next: &AtomicUsize) -> Option<(usize, &'static Animal)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    ANIMALS.get(number).map(|animal| (number, animal))
}

#[test]
fn each_misbehaviour_is_one_sentence_on_the_command_line() {
    let zoo = Zoo::open();
    assert!(ANIMALS.len() >= 24);
    let answers = table(|animal| {
        let recording = fixture("short.wav");
        let option = format!("behaviour={}", animal.name);
        let run = zoo.sandbox.run([
            "transcribe",
            recording.to_str().unwrap(),
            "--asr-plugin",
            &animal.id(),
            "--asr-option",
            &option,
        ]);
        let said: Vec<_> = run.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        // Exactly one sentence, or a transcript and none.
        assert_eq!(
            said.len(),
            usize::from(run.code != 0),
            "{}: {}",
            animal.name,
            run.stderr
        );
        let text = if run.code == 0 {
            run.stdout.lines().next().unwrap_or_default()
        } else {
            said[0]
        };
        format!("{} {}", run.code, zoo.plain(text))
    });
    let left = in_home(&zoo.sandbox);
    assert!(left.is_empty(), "still running: {left:?}");
    insta::assert_snapshot!("command line", answers);
}

#[test]
fn each_misbehaviour_fails_one_job_of_the_server() {
    let zoo = Zoo::open();
    let server = Server::start(&zoo.sandbox, &["--workers", "4"]);
    let (over, slowest) = (AtomicBool::new(false), Mutex::new(Duration::ZERO));
    let answers = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let began = Instant::now();
                server.get("/health").is(200);
                let mut slowest = slowest.lock().unwrap();
                *slowest = began.elapsed().max(*slowest);
                drop(slowest);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let answers = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            table(|animal| served(&zoo, &server, animal))
        }));
        over.store(true, Ordering::Relaxed);
        answers
    });
    let answers = answers.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let slowest = slowest.into_inner().unwrap();
    assert!(slowest < Duration::from_secs(1), "/health took {slowest:?}");
    insta::assert_snapshot!("server", answers);
}

/// The end of the first attempt of a job with this animal; the next job succeeds.
fn served(zoo: &Zoo, server: &Server, animal: &Animal) -> String {
    let number = u32::try_from(ANIMALS.iter().position(|other| other.name == animal.name).unwrap()).unwrap();
    let (recording, options) = (
        wave(2, 1000 + number),
        format!("{{\"behaviour\": \"{}\"}}", animal.name),
    );
    let id = animal.id();
    let parts = [
        ("file", Some("talk.wav"), &recording[..]),
        ("asr_plugin", None, id.as_bytes()),
        ("options", None, options.as_bytes()),
    ];
    let answer = server.send("/transcribe", &parts, &[]);
    let said = if answer.status == 202 {
        let job = answer.json()["id"].as_str().unwrap().to_owned();
        let mut seen = server.job(&job);
        until(&format!("the job of {} ends", animal.name), || {
            seen = server.job(&job);
            seen["status"] == "completed" || !seen["error"].is_null()
        });
        // It would be retried.
        server.delete(&format!("/jobs/{job}"));
        match seen["error"]["code"].as_str() {
            Some(code) => format!("error {code}: {}", seen["error"]["message"].as_str().unwrap()),
            None => "completed".to_owned(),
        }
    } else {
        let problem = answer.json();
        format!(
            "{} {}: {}",
            answer.status,
            problem["code"].as_str().unwrap(),
            problem["detail"].as_str().unwrap()
        )
    };
    let next = server.submit(&wave(1, 2000 + number), &[]);
    server.wait_for(&next, &["completed"]);
    zoo.plain(&said)
}

#[test]
fn each_misbehaviour_fails_its_case_of_the_check() {
    let zoo = Zoo::open();
    let answers = table(|animal| {
        let path = zoo.folder.join(animal.file_name());
        let option = format!("behaviour={}", animal.name);
        let words = [
            "plugins",
            "check",
            path.to_str().unwrap(),
            "--quick",
            "--limit",
            "5s",
            "--option",
            &option,
            "--json",
        ];
        let run = zoo.sandbox.run(words);
        assert_eq!(run.code, 1, "{}: {}{}", animal.name, run.stdout, run.stderr);
        if run.stdout.is_empty() {
            return zoo.plain(run.stderr.trim());
        }
        let report = run.json();
        let failed = report["cases"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|case| case["outcome"] == "failed");
        let said: Vec<_> = failed
            .map(|case| {
                format!(
                    "{} ({})",
                    case["case"].as_str().unwrap(),
                    case["says"].as_str().unwrap()
                )
            })
            .collect();
        zoo.plain(&said.join("; "))
    });
    insta::with_settings!({ filters => vec![(r"\b\d+ (MB|bytes|log lines|segments)", "[N] $1"), (r"`sleep`|`sh`", "`sh`")] }, {
        insta::assert_snapshot!("check", answers);
    });
}

/// After two crashes in use, or one while it loads, a file is not run until `plugins retry`.
#[test]
fn a_crashing_plugin_is_quarantined_until_retried() {
    let zoo = Zoo::open();
    let run = |id: &str, behaviour: &str| {
        let recording = fixture("short.wav");
        let option = format!("behaviour={behaviour}");
        let words = [
            "transcribe",
            recording.to_str().unwrap(),
            "--asr-plugin",
            id,
            "--asr-option",
            &option,
        ];
        zoo.sandbox.run(words)
    };
    let animal = |name: &str| ANIMALS.iter().find(|animal| animal.name == name).unwrap().id();
    let id = animal("segfault");
    let of_list = || {
        let list = zoo.sandbox.run(["plugins", "list", "--json"]).exits(0).json();
        let rows = list["plugins"].as_array().unwrap();
        rows.iter().find(|row| row["id"] == *id).unwrap().clone()
    };
    run(&id, "segfault").exits(1);
    run(&id, "good").exits(0);
    let why = zoo.sandbox.run(["plugins", "why", &id]).exits(0).stdout;
    assert!(
        why.contains("one crash in use, on 20") && why.contains("(SIGSEGV)"),
        "{why}"
    );
    let second = run(&id, "segfault").exits(1);
    assert!(
        second.stderr.contains("crashed twice and is not used any more"),
        "{}",
        second.stderr
    );
    let refused = run(&id, "good").exits(1).stderr;
    assert!(
        refused.contains(&format!("`{id}` 0.1.0 is quarantined since 20")),
        "{refused}"
    );
    assert!(
        refused.contains("it crashed 2 times in use, last with SIGSEGV"),
        "{refused}"
    );
    assert_eq!(of_list()["state"], "quarantined");
    let why = zoo.sandbox.run(["plugins", "why", &id, "--json"]).exits(1).json();
    let states: Vec<_> = why["gates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|gate| gate["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["passed", "passed", "refused", "not_reached", "not_reached"]);
    let retried = zoo.sandbox.run(["plugins", "retry", &id, "--json"]).exits(0).json();
    assert_eq!((&retried["lifted"], &retried["ready"]), (&true.into(), &true.into()));
    assert_eq!(of_list()["state"], "ready");
    run(&id, "good").exits(0);

    let id = animal("load-segfault");
    assert!(
        run(&id, "good")
            .exits(1)
            .stderr
            .contains("it crashed while it was loaded: SIGSEGV")
    );
    let again = run(&id, "good").exits(1).stderr;
    assert!(again.contains("is quarantined since"), "{again}");
    zoo.sandbox.run(["plugins", "retry", &id]).exits(1);
}

/// With `plugins.require_trusted` only listed plugins run, even for a probe.
#[test]
fn only_trusted_plugins_run_with_require_trusted() {
    let zoo = Zoo::open();
    let settings = zoo.sandbox.config_home().join("cesar/config.toml");
    let text = fs::read_to_string(&settings)
        .unwrap()
        .replace("[plugins]\n", "[plugins]\nrequire_trusted = true\n");
    fs::write(&settings, text).unwrap();
    let recording = fixture("short.wav");
    let run = || {
        zoo.sandbox
            .run(["transcribe", recording.to_str().unwrap(), "--asr-plugin", "echo"])
    };
    let refused = run().exits(1).stderr;
    assert!(
        refused.contains("is not trusted") && refused.contains("`cesar plugins trust echo`"),
        "{refused}"
    );
    let list = zoo.sandbox.run(["plugins", "list", "--json"]).exits(0).json();
    let states = list["plugins"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["state"].as_str().unwrap());
    assert!(
        states
            .clone()
            .all(|state| ["untrusted", "refused", "shadowed"].contains(&state)),
        "{:?}",
        states.collect::<Vec<_>>()
    );
    zoo.sandbox.run(["plugins", "trust", "echo", "format"]).exits(0);
    run().exits(0);
    // Another file is not affected.
    drop_echo(&zoo.sandbox, "0.2.0");
    assert!(run().exits(1).stderr.contains("is not trusted"));
    let trusted = zoo.sandbox.run(["plugins", "trust", "echo", "--json"]).exits(0).json();
    assert_eq!(trusted["plugins"][0]["trusted"], true);
    run().exits(0);
    zoo.sandbox.run(["plugins", "trust", "echo", "--remove"]).exits(0);
    run().exits(1);
}

/// A process of a plugin that left its group, its session and its parent dies with the host.
#[test]
fn no_process_survives_a_killed_host() {
    let zoo = Zoo::open();
    let orphans = ANIMALS.iter().find(|animal| animal.name == "orphans").unwrap();
    let server = Server::start(&zoo.sandbox, &["--model-idle", "1000"]);
    let job = server.submit(
        &wave(1, 7),
        &[
            ("asr_plugin", &orphans.id()),
            ("options", "{\"behaviour\": \"orphans\"}"),
        ],
    );
    server.wait_for(&job, &["completed"]);
    let below = tree(server.id());
    let names = |of: &[u32]| -> Vec<String> {
        of.iter()
            .map(|id| {
                fs::read_to_string(format!("/proc/{id}/comm"))
                    .unwrap_or_default()
                    .trim()
                    .to_owned()
            })
            .collect()
    };
    assert!(names(&below).contains(&"sleep".to_owned()), "{:?}", names(&below));
    server.signal("-KILL");
    server.end();
    until("everything below the host is gone", || {
        below.iter().all(|id| !is_running(*id))
    });
}

/// The processes started with this sandbox's home, by any process and in any state.
fn in_home(sandbox: &Sandbox) -> Vec<String> {
    let home = format!("HOME={}", sandbox.home().display());
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let at_home = entries.filter(|entry| {
        let variables = fs::read(entry.path().join("environ")).unwrap_or_default();
        variables
            .split(|byte| *byte == 0)
            .any(|variable| variable == home.as_bytes())
    });
    at_home
        .map(|entry| fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default())
        .collect()
}

/// All descendants of a process.
fn tree(root: u32) -> Vec<u32> {
    let children = |id: u32| -> Vec<u32> {
        let threads = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
        let lists = threads.map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default());
        lists
            .flat_map(|list| {
                list.split_whitespace()
                    .filter_map(|word| word.parse().ok())
                    .collect::<Vec<_>>()
            })
            .collect()
    };
    let (mut found, mut next) = (children(root), 0);
    while next < found.len() {
        found.extend(children(found[next]));
        next += 1;
    }
    found
}

//! Recordings named by their addresses: what Cesar does with every kind of server, and that nothing is fetched twice.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fmt::Write as _;

use cesar_tests::running::Running;
use cesar_tests::sandbox::finish;
use cesar_tests::server::{until, wave, with_echo};
use cesar_tests::web::{Manner, Page, Web};
use cesar_tests::{Output, Sandbox};
use insta::assert_snapshot;

const DATE: &str = "Sun, 01 Nov 2026 10:00:00 GMT";

fn transcribe(sandbox: &Sandbox, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let mut command = sandbox.command();
    command
        .args([
            "transcribe",
            "--asr-plugin",
            "echo",
            "--no-diarize",
            "--progress",
            "json",
        ])
        .args(arguments)
        .env("NO_PROXY", "127.0.0.1")
        .envs(settings.iter().copied());
    finish(&mut command)
}

/// How each stage got its result: `download hit`.
fn stages(output: &Output) -> Vec<String> {
    let events = output.events().into_iter().filter(|event| event["type"] == "stage");
    events
        .map(|event| {
            format!(
                "{} {}",
                event["stage"].as_str().unwrap(),
                event["outcome"].as_str().unwrap()
            )
        })
        .collect()
}

/// A recording of some seconds: 32 kB a second.
fn recording(seconds: u32) -> Page {
    Page::wave(wave(seconds, 7))
}

fn broken(page: Page, times: usize) -> Page {
    page.sent(Manner::Breaking { after: 100_000, times })
}

fn status(status: u16) -> Page {
    Page::bare(Manner::Status(status, None))
}

/// What happens, the page that does it, and settings.
type Case = (&'static str, Page, Vec<(&'static str, &'static str)>);

/// A page at `/talk.wav` is there as well, for redirects.
fn cases() -> Vec<Case> {
    let whole = || recording(8).etag("\"one\"");
    let later = |code| Page::bare(Manner::Status(code, Some("120".to_owned())));
    let short = ("CESAR_DOWNLOAD_SILENCE", "200 ms");
    let to = |path: &str| Page::bare(Manner::Redirect(path.to_owned()));
    vec![
        ("a recording", whole(), vec![]),
        (
            "a recording without a type",
            Page::new(wave(2, 7), "application/octet-stream"),
            vec![],
        ),
        ("a recording called a page", Page::new(wave(2, 7), "text/html"), vec![]),
        ("a redirect", to("/talk.wav"), vec![]),
        ("a redirect in circles", to("/case"), vec![]),
        ("a redirect to a file", to("file:///etc/passwd"), vec![]),
        ("broken twice, with an ETag", broken(whole(), 2), vec![]),
        (
            "broken twice, with a date",
            broken(recording(8).last_modified(DATE), 2),
            vec![],
        ),
        (
            "broken once, with a weak ETag",
            broken(recording(8).etag("W/\"one\""), 1),
            vec![],
        ),
        (
            "broken once, without ranges",
            broken(whole().without_ranges(), 1),
            vec![],
        ),
        (
            "broken for ever, without ranges",
            broken(whole().without_ranges(), 99),
            vec![],
        ),
        ("shorter than said", whole().sent(Manner::Claiming(1000)), vec![]),
        (
            "larger than allowed",
            whole(),
            vec![("CESAR_DOWNLOAD_MAX_SIZE", "100 kB")],
        ),
        (
            "endless",
            whole().sent(Manner::Endless),
            vec![("CESAR_DOWNLOAD_MAX_SIZE", "1 MB")],
        ),
        (
            "silent from the beginning",
            Page::bare(Manner::Stalling(0)),
            vec![short],
        ),
        (
            "silent in the middle, once",
            whole().sent(Manner::Stalling(50_000)),
            vec![short],
        ),
        (
            "slow",
            whole().sent(Manner::Dripping),
            vec![("CESAR_DOWNLOAD_MAX_TIME", "500 ms")],
        ),
        ("empty", Page::wave(Vec::new()), vec![]),
        ("text", Page::new("hello", "text/plain"), vec![]),
        ("a PDF", Page::new("%PDF-1.7 …", "application/pdf"), vec![]),
        ("packed", whole().header("Content-Encoding", "gzip"), vec![]),
        ("401", status(401), vec![]),
        ("403", status(403), vec![]),
        ("404", status(404), vec![]),
        ("410", status(410), vec![]),
        ("429", later(429), vec![]),
        ("451", status(451), vec![]),
        ("500", status(500), vec![]),
        ("503", later(503), vec![]),
        (
            "a page, and no yt-dlp",
            Page::new("<!doctype html><title>A talk</title>", "text/html"),
            vec![("PATH", "/nowhere")],
        ),
    ]
}

/// What a person sees, and what the server sees.
fn told(output: &Output, web: &Web) -> String {
    let mut told = format!("exit {}", output.code);
    for error in output.events().iter().filter(|event| event["type"] == "error") {
        write!(told, ", {}", error["code"].as_str().unwrap()).unwrap();
    }
    if !output.stdout.is_empty() {
        write!(told, ", {} lines", output.stdout.lines().count()).unwrap();
    }
    for line in output.stderr.lines().filter(|line| line.starts_with("error: ")) {
        write!(told, "\n  {line}").unwrap();
    }
    for line in web.lines() {
        write!(told, "\n  {line}").unwrap();
    }
    told.replace(&format!("127.0.0.1:{}", web.port()), "host")
}

#[test]
fn what_servers_do_and_what_cesar_does() {
    let sandbox = with_echo();
    let mut table = String::new();
    for (name, page, settings) in cases() {
        let web = Web::new();
        web.put("/talk.wav", recording(2));
        web.put("/case", page);
        let output = transcribe(&sandbox, &[&web.url("/case")], &settings);
        writeln!(table, "{name}: {}", told(&output, &web)).unwrap();
    }
    let nobody = {
        let web = Web::new();
        web.url("/case")
    };
    let output = transcribe(&sandbox, &[&nobody], &[]);
    let error = output
        .stderr
        .lines()
        .find(|line| line.starts_with("error: "))
        .unwrap_or_default();
    let authority = nobody.trim_start_matches("http://").trim_end_matches("/case");
    writeln!(
        table,
        "nobody: exit {}\n  {}",
        output.code,
        error.replace(authority, "host")
    )
    .unwrap();
    assert_snapshot!("what servers do and what Cesar does", table);
    let left = std::fs::read_dir(sandbox.cache_dir().join("v1/tmp")).unwrap().flatten();
    let left: Vec<_> = left
        .filter(|entry| !entry.path().join("resume.json").exists())
        .collect();
    assert!(
        left.is_empty(),
        "nothing is left but what can be gone on with: {left:?}"
    );
}

const HIT: [&str; 5] = ["download hit", "decode hit", "asr hit", "merge hit", "format hit"];
const RENEWED: [&str; 5] = ["download renewed", "decode hit", "asr hit", "merge hit", "format hit"];
const FETCHED_AGAIN: [&str; 5] = ["download miss", "decode hit", "asr hit", "merge hit", "format hit"];
/// Every moment is a step of its own.
const ASK: [(&str, &str); 1] = [("CESAR_DOWNLOAD_TIME_STEP", "off")];
/// No two runs of a test are of different steps.
const STEP: [(&str, &str); 1] = [("CESAR_DOWNLOAD_TIME_STEP", "3000 d")];

/// "Same URL within the time step: no request at all. After it: one conditional request, no body."
#[test]
fn nobody_is_asked_twice_within_the_time_step() {
    for page in [recording(8).etag("\"one\""), recording(2).last_modified(DATE)] {
        let (sandbox, web) = (with_echo(), Web::new());
        web.put("/talk.wav", page);
        let url = web.url("/talk.wav");
        let first = transcribe(&sandbox, &[&url], &STEP).exits(0);
        assert!(
            stages(&first).iter().all(|stage| stage.ends_with(" miss")),
            "{:?}",
            stages(&first)
        );
        assert_eq!(web.lines(), ["GET /talk.wav => 200"]);
        let events = first.events();
        let progress = events
            .iter()
            .rfind(|event| event["type"] == "progress" && event["stage"] == "download");
        assert_eq!(progress.unwrap()["done"], progress.unwrap()["total"]);

        let same = url.replace("http:", "HTTP:") + "#part";
        for again in [&url, &same] {
            let hit = transcribe(&sandbox, &[again], &STEP).exits(0);
            assert_eq!(
                (stages(&hit), &hit.stdout),
                (HIT.map(str::to_owned).to_vec(), &first.stdout)
            );
            assert_eq!(
                (hit.done()["runner_starts"].clone(), web.requests().len()),
                (0.into(), 0)
            );
        }

        let renewed = transcribe(&sandbox, &[&url], &ASK).exits(0);
        assert_eq!(stages(&renewed), RENEWED);
        assert_eq!(renewed.stdout, first.stdout);
        let requests = web.requests();
        let [request] = requests.as_slice() else {
            panic!("{requests:?}")
        };
        assert_eq!((request.status, request.sent), (304, 0), "{request}");
        assert!(
            request
                .header("if-none-match")
                .or(request.header("if-modified-since"))
                .is_some()
        );
    }
}

/// What was renewed is of the new step.
#[test]
fn an_answer_that_nothing_has_changed_holds_for_its_step() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", recording(8).etag("\"one\""));
    let url = web.url("/talk.wav");
    transcribe(&sandbox, &[&url], &ASK).exits(0);
    assert_eq!(stages(&transcribe(&sandbox, &[&url], &STEP).exits(0)), RENEWED);
    web.requests();
    assert_eq!(stages(&transcribe(&sandbox, &[&url], &STEP).exits(0)), HIT);
    assert_eq!(web.requests().len(), 0);
}

/// "Content changed: new media, ASR again. Content the same under a new ETag: media again, ASR hit."
#[test]
fn later_stages_depend_on_the_bytes() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", recording(8).etag("\"one\""));
    let url = web.url("/talk.wav");
    let first = transcribe(&sandbox, &[&url], &ASK).exits(0);

    web.put("/talk.wav", recording(8).etag("\"two\""));
    let same = transcribe(&sandbox, &[&url], &ASK).exits(0);
    assert_eq!(
        (stages(&same), &same.stdout),
        (FETCHED_AGAIN.map(str::to_owned).to_vec(), &first.stdout)
    );

    web.put("/talk.wav", Page::wave(wave(5, 3)).etag("\"three\""));
    let other = transcribe(&sandbox, &[&url], &ASK).exits(0);
    assert!(
        stages(&other).iter().all(|stage| stage.ends_with(" miss")),
        "{:?}",
        stages(&other)
    );
    assert_ne!(other.stdout, first.stdout);
    assert_eq!(
        web.lines(),
        [
            "GET /talk.wav => 200",
            "GET /talk.wav if-none-match: \"one\" => 200",
            "GET /talk.wav if-none-match: \"two\" => 200"
        ]
    );
}

/// A server that names no validator is asked for all of it.
#[test]
fn without_validators_there_is_nothing_to_compare() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", recording(2));
    let url = web.url("/talk.wav");
    transcribe(&sandbox, &[&url], &ASK).exits(0);
    assert_eq!(stages(&transcribe(&sandbox, &[&url], &ASK).exits(0)), FETCHED_AGAIN);
    assert_eq!(web.lines(), ["GET /talk.wav => 200", "GET /talk.wav => 200"]);
}

/// After its time, and when asked for, all of it is fetched without a condition.
#[test]
fn what_is_too_old_is_fetched_again() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", recording(2).etag("\"one\""));
    let url = web.url("/talk.wav");
    transcribe(&sandbox, &[&url], &[("CESAR_DOWNLOAD_TTL", "1 ms"), STEP[0]]).exits(0);
    assert_eq!(stages(&transcribe(&sandbox, &[&url], &STEP).exits(0)), FETCHED_AGAIN);
    let refresh = transcribe(&sandbox, &[&url, "--refresh-stage", "download"], &STEP).exits(0);
    assert_eq!(stages(&refresh), FETCHED_AGAIN);
    assert_eq!(web.lines(), ["GET /talk.wav => 200"; 3]);
}

/// Without the cache each run fetches, and leaves nothing.
#[test]
fn without_the_cache() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", recording(8));
    for _ in 0..2 {
        let output = transcribe(&sandbox, &[&web.url("/talk.wav"), "--no-cache"], &[]).exits(0);
        assert_eq!(
            (stages(&output)[0].as_str(), output.stdout.lines().count()),
            ("download ran", 8)
        );
    }
    assert_eq!(web.requests().len(), 2);
    assert_eq!(std::fs::read_dir(sandbox.path().join("tmp")).unwrap().count(), 0);
}

/// The part of a recording that is here, in bytes.
fn arrived(sandbox: &Sandbox) -> u64 {
    let folders = std::fs::read_dir(sandbox.cache_dir().join("v1/tmp"))
        .into_iter()
        .flatten()
        .flatten();
    let lengths = folders.filter_map(|folder| folder.path().join("media").metadata().ok());
    lengths.map(|found| found.len()).sum()
}

/// Runs until half of the recording has arrived, and ends it there.
fn stopped_in_the_middle(sandbox: &Sandbox, url: &str, end: impl FnOnce(&mut Running)) -> Option<i32> {
    let words = ["transcribe", "--asr-plugin", "echo", "--no-diarize", url];
    let mut running = sandbox.start(words);
    until("half of it is here", || arrived(sandbox) == 100_000);
    end(&mut running);
    running.end().code()
}

/// What is here outlives the process: the next one asks for the rest.
#[test]
fn a_download_that_was_killed_is_gone_on_with() {
    let half = Manner::Stalling(100_000);
    for kill in [true, false] {
        let (sandbox, web) = (with_echo(), Web::new());
        web.put("/talk.wav", recording(8).etag("\"one\"").sent(half.clone()));
        let url = web.url("/talk.wav");
        let code = stopped_in_the_middle(&sandbox, &url, |running| match kill {
            true => running.kill(),
            false => running.interrupt(),
        });
        assert_eq!(code, (!kill).then_some(130));
        web.put("/talk.wav", recording(8).etag("\"one\""));
        let whole = transcribe(&sandbox, &[&url], &STEP).exits(0);
        assert_eq!(whole.stdout.lines().count(), 8);
        assert_eq!(
            web.lines(),
            [
                "GET /talk.wav => 200",
                "GET /talk.wav range: bytes=100000- if-range: \"one\" => 206"
            ]
        );
        assert_eq!(
            std::fs::read_dir(sandbox.cache_dir().join("v1/tmp")).unwrap().count(),
            0
        );
    }
}

/// What is another recording by now, or cannot be told from one, is fetched from its beginning.
#[test]
fn a_download_that_was_killed_is_not_mixed_with_another() {
    let half = Manner::Stalling(100_000);
    let other = || Page::wave(wave(5, 3));
    let conditional = "GET /talk.wav range: bytes=100000- if-range: \"one\" => 200";
    for (before, after, request) in [
        (recording(8).etag("\"one\""), other().etag("\"two\""), conditional),
        (recording(8).etag("\"one\""), other().without_ranges(), conditional),
        (recording(8), other(), "GET /talk.wav => 200"),
        (recording(8).etag("W/\"one\""), other(), "GET /talk.wav => 200"),
    ] {
        let (sandbox, web) = (with_echo(), Web::new());
        web.put("/talk.wav", before.sent(half.clone()));
        let url = web.url("/talk.wav");
        stopped_in_the_middle(&sandbox, &url, Running::kill);
        web.requests();
        web.put("/talk.wav", after.clone());
        let output = transcribe(&sandbox, &[&url], &STEP).exits(0);
        assert_eq!(web.lines(), [request]);
        let fresh = with_echo();
        let expected = transcribe(&fresh, &[&url], &STEP).exits(0);
        assert_eq!(output.stdout, expected.stdout);
    }
}

/// A cache without room costs a warning, not the transcript.
#[test]
fn a_full_cache_is_passed_by() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", recording(60).etag("\"one\""));
    let cache = sandbox.cache_dir();
    std::fs::create_dir_all(&cache).unwrap();
    // A file system of one megabyte, in a view of the files that only this run has.
    let script = "mount -t tmpfs -o size=1m none \"$1\" && shift && exec \"$@\"";
    let program = sandbox.command();
    let mut command = std::process::Command::new("unshare");
    command
        .args(["--mount", "--user", "--map-root-user", "sh", "-c", script, "sh"])
        .arg(&cache)
        .arg(program.get_program());
    command.args([
        "transcribe",
        "--asr-plugin",
        "echo",
        "--no-diarize",
        "--progress",
        "json",
    ]);
    command.arg(web.url("/talk.wav")).env("NO_PROXY", "127.0.0.1");
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = finish(&mut command).exits(0);
    assert_eq!(output.stdout.lines().count(), 60, "{}", output.stderr);
    assert!(output.stderr.contains("begins anew elsewhere: "), "{}", output.stderr);
    assert!(output.stderr.contains("No space left on device"), "{}", output.stderr);
}

/// Of any number of processes one fetches, the others wait for it.
#[test]
fn many_at_once_fetch_once() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", recording(8).etag("\"one\""));
    let spawn = || {
        let mut command = sandbox.command();
        command
            .args([
                "transcribe",
                "--asr-plugin",
                "echo",
                "--no-diarize",
                &web.url("/talk.wav"),
            ])
            .envs(STEP)
            .env("NO_PROXY", "127.0.0.1")
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        command.spawn().unwrap()
    };
    let children: Vec<_> = (0..6).map(|_| spawn()).collect();
    for child in children {
        Output::from(child.wait_with_output().unwrap()).exits(0);
    }
    assert_eq!(web.lines(), ["GET /talk.wav => 200"]);
}

/// Damage to what is stored costs a download, and is never transcribed.
#[test]
fn damaged_downloads_are_fetched_again() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", recording(8).etag("\"one\""));
    let url = web.url("/talk.wav");
    let first = transcribe(&sandbox, &[&url], &STEP).exits(0);
    let objects = sandbox.cache_dir().join("v1/objects");
    for folder in std::fs::read_dir(objects).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            std::fs::write(file.unwrap().path(), b"not what was fetched").unwrap();
        }
    }
    // Another start: the samples are needed again.
    let output = transcribe(&sandbox, &[&url, "--start-time", "1"], &STEP).exits(0);
    assert_eq!(output.stdout.lines().count(), first.stdout.lines().count() - 1);
    assert_eq!(web.lines(), ["GET /talk.wav => 200"; 2]);
}

/// "`--offline` uses what is cached whatever its age and says how old it is."
#[test]
fn offline_uses_what_is_there() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", recording(8).etag("\"one\""));
    let url = web.url("/talk.wav");
    let unknown = transcribe(&sandbox, &[&url, "--offline"], &[]).exits(1);
    assert!(
        unknown
            .stderr
            .contains("is not in the cache, and nobody is asked with --offline; run once without it"),
        "{}",
        unknown.stderr
    );
    let first = transcribe(&sandbox, &[&url], &[("CESAR_DOWNLOAD_TTL", "1 ms")]).exits(0);
    web.requests();
    let offline = transcribe(&sandbox, &[&url, "--offline"], &ASK).exits(0);
    assert_eq!(
        (stages(&offline), &offline.stdout),
        (HIT.map(str::to_owned).to_vec(), &first.stdout)
    );
    let warning = offline
        .events()
        .into_iter()
        .find(|event| event["type"] == "warning")
        .unwrap();
    let message = warning["message"].as_str().unwrap();
    assert!(
        message.contains("is used as it was ") && message.contains(" ago"),
        "{message}"
    );
    // Also what has to be computed from it anew.
    let other = transcribe(&sandbox, &[&url, "--offline", "--start-time", "2"], &[]).exits(0);
    assert_eq!(other.stdout.lines().count(), 6);
    assert_eq!(web.requests().len(), 0);
}

/// No socket but Unix ones, told by the kernel: every call of `socket` of the program and of all it starts.
#[test]
fn offline_opens_no_socket() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", recording(8).etag("\"one\""));
    let url = web.url("/talk.wav");
    let sockets = |arguments: &[&str]| {
        let log = sandbox.path().join("strace.log");
        let plain = sandbox.command();
        let mut command = std::process::Command::new("strace");
        command
            .args(["-f", "-qq", "-e", "trace=socket,connect,bind,sendto", "-o"])
            .arg(&log)
            .arg(plain.get_program())
            .args(["transcribe", "--asr-plugin", "echo", "--no-diarize", &url])
            .args(arguments)
            .current_dir(sandbox.work())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("NO_PROXY", "127.0.0.1")
            .envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = command
            .output()
            .expect("`strace` is installed: run `cargo xtask setup`, which installs it");
        Output::from(output).exits(0);
        std::fs::read_to_string(log).unwrap()
    };
    let online = sockets(&[]);
    assert!(online.contains("AF_INET"), "the test sees sockets: {online}");
    for arguments in [&["--offline"][..], &["--offline", "--start-time", "2"]] {
        let calls = sockets(arguments);
        let foreign: Vec<_> = calls
            .lines()
            .filter(|line| line.contains("AF_") && !line.contains("AF_UNIX"))
            .collect();
        assert!(foreign.is_empty(), "{foreign:#?}");
    }
}

#[test]
fn the_cache_explains_addresses() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", recording(2).etag("\"one\""));
    let url = web.url("/talk.wav");
    let explain = |settings: &[(&str, &str)]| {
        let mut command = sandbox.command();
        command.args([
            "cache",
            "explain",
            "--asr-plugin",
            "echo",
            "--no-diarize",
            "--json",
            &url,
        ]);
        let json = finish(command.envs(settings.iter().copied())).exits(0).json();
        let stages = json["inputs"][0]["stages"].as_array().unwrap().clone();
        let states = stages
            .iter()
            .map(|stage| format!("{} {}", stage["stage"], stage["state"]));
        states.collect::<Vec<_>>().join(", ").replace('"', "")
    };
    assert_eq!(
        explain(&STEP),
        "download miss, decode unknown, asr unknown, merge unknown, format unknown"
    );
    transcribe(&sandbox, &[&url], &STEP).exits(0);
    assert_eq!(
        explain(&STEP),
        "download hit, decode hit, asr hit, merge hit, format hit"
    );
    assert_eq!(
        explain(&ASK),
        "download miss, decode hit, asr hit, merge hit, format hit"
    );
    assert_eq!(web.requests().len(), 1, "nobody was asked");
}

#[test]
fn addresses_beside_files() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/a/talk.wav", recording(2));
    web.put("/b/talk.wav", Page::wave(wave(3, 9)));
    let file = sandbox.write("own.wav", wave(1, 1));
    let arguments = [
        &web.url("/a/talk.wav"),
        file.to_str().unwrap(),
        &web.url("/b/talk.wav?x=1"),
        "--output-dir",
        "out",
    ];
    transcribe(&sandbox, &arguments, &[]).exits(0);
    let mut names: Vec<_> = std::fs::read_dir(sandbox.work().join("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["own.txt", "talk.wav.2.txt", "talk.wav.txt"]);
    let refused = transcribe(&sandbox, &["ftp://example.org/talk.wav"], &[]).exits(1);
    assert!(
        refused
            .stderr
            .contains("`ftp:` is not fetched; use a URL that begins with `https://` or `http://`"),
        "{}",
        refused.stderr
    );
}

//! Partial downloads: kills, damage, simultaneous requests, a full disk, and no network.

use cesar_tests::addresses::{ASK, HIT, STEP, recording, stages, transcribe, transcription};
use cesar_tests::mounts::view_of_files;
use cesar_tests::running::Running;
use cesar_tests::sandbox::finish;
use cesar_tests::server::{until, wave, with_echo};
use cesar_tests::web::{Manner, Page, Web};
use cesar_tests::{Output, Sandbox, skip};

/// The length of the downloaded part of a recording.
fn arrived(sandbox: &Sandbox) -> u64 {
    let folders = std::fs::read_dir(sandbox.cache_dir().join("v1/tmp"))
        .into_iter()
        .flatten()
        .flatten();
    let lengths = folders.filter_map(|folder| folder.path().join("media").metadata().ok());
    lengths.map(|found| found.len()).sum()
}

/// Runs until half of the recording has arrived, and ends the run there.
fn stopped_in_the_middle(sandbox: &Sandbox, url: &str, end: impl FnOnce(&mut Running)) -> Option<i32> {
    let words = ["transcribe", "--asr-plugin", "echo", "--no-diarize", url];
    let mut running = sandbox.start(words);
    until("half of it is here", || arrived(sandbox) == 100_000);
    end(&mut running);
    running.end().code()
}

/// A partial download outlives the process: the next one requests the rest.
#[test]
fn a_killed_download_is_resumed() {
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
        let whole = transcribe(&sandbox, &[&url], &[STEP]).exits(0);
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

/// A recording that has changed, or may have, is fetched from its beginning.
#[test]
fn a_killed_download_is_not_mixed_with_another() {
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
        let output = transcribe(&sandbox, &[&url], &[STEP]).exits(0);
        assert_eq!(web.lines(), [request]);
        let fresh = with_echo();
        let expected = transcribe(&fresh, &[&url], &[STEP]).exits(0);
        assert_eq!(output.stdout, expected.stdout);
    }
}

/// A cache without space costs a warning, not the transcript.
#[test]
fn a_full_cache_costs_a_warning() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", recording(60).etag("\"one\""));
    let cache = sandbox.cache_dir();
    std::fs::create_dir_all(&cache).unwrap();
    let Some(view) = view_of_files(&cache) else {
        skip!("no small file system may be mounted here, to be filled");
    };
    // A file system of one megabyte that only this run sees.
    let script = "mount -t tmpfs -o size=1m none \"$1\" && shift && exec \"$@\"";
    let program = transcription(&sandbox, &[&web.url("/talk.wav")], &[]);
    let mut command = std::process::Command::new("unshare");
    command
        .args(view)
        .args(["sh", "-c", script, "sh"])
        .arg(&cache)
        .arg(program.get_program())
        .args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = finish(&mut command).exits(0);
    assert_eq!(output.stdout.lines().count(), 60, "{}", output.stderr);
    assert!(
        output
            .stderr
            .contains("cannot cache the download (starting over outside the cache): "),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains("No space left on device"), "{}", output.stderr);
}

/// Of any number of processes one fetches, the others wait for it.
#[test]
fn simultaneous_runs_fetch_once() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", recording(8).etag("\"one\""));
    let spawn = || {
        let mut command = transcription(&sandbox, &[&web.url("/talk.wav")], &[STEP]);
        command
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

/// Damage to a stored download costs another download, and is never transcribed.
#[test]
fn damaged_downloads_are_fetched_again() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", recording(8).etag("\"one\""));
    let url = web.url("/talk.wav");
    let first = transcribe(&sandbox, &[&url], &[STEP]).exits(0);
    let objects = sandbox.cache_dir().join("v1/objects");
    for folder in std::fs::read_dir(objects).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            std::fs::write(file.unwrap().path(), b"not what was fetched").unwrap();
        }
    }
    // Another start: the samples are needed again.
    let output = transcribe(&sandbox, &[&url, "--start-time", "1"], &[STEP]).exits(0);
    assert_eq!(output.stdout.lines().count(), first.stdout.lines().count() - 1);
    assert_eq!(web.lines(), ["GET /talk.wav => 200"; 2]);
}

/// `--offline` uses cached recordings of any age, and reports the age.
#[test]
fn offline_uses_cached_recordings_of_any_age() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", recording(8).etag("\"one\""));
    let url = web.url("/talk.wav");
    let unknown = transcribe(&sandbox, &[&url, "--offline"], &[]).exits(1);
    assert!(
        unknown
            .stderr
            .contains("is not in the cache, and --offline sends no request; run once without it"),
        "{}",
        unknown.stderr
    );
    let first = transcribe(&sandbox, &[&url], &[("CESAR_DOWNLOAD_TTL", "1 ms")]).exits(0);
    web.requests();
    let offline = transcribe(&sandbox, &[&url, "--offline"], &[ASK]).exits(0);
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
    assert!(message.contains("as it was ") && message.contains(" ago"), "{message}");
    // Also for results that must be computed from it.
    let other = transcribe(&sandbox, &[&url, "--offline", "--start-time", "2"], &[]).exits(0);
    assert_eq!(other.stdout.lines().count(), 6);
    assert_eq!(web.requests().len(), 0);
}

/// No socket but Unix ones: `strace` shows every call of `socket` of the program and of its descendants.
#[test]
fn offline_opens_no_socket() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", recording(8).etag("\"one\""));
    let url = web.url("/talk.wav");
    let sockets = |arguments: &[&str]| {
        let words = ["transcribe", "--asr-plugin", "echo", "--no-diarize", &url];
        sandbox.calls("socket,connect,bind,sendto", words.iter().chain(arguments))
    };
    let online = sockets(&[]);
    assert!(online.contains("AF_INET"), "the test sees sockets: {online}");
    for arguments in [&["--offline"][..], &["--offline", "--start-time", "2"]] {
        let foreign = foreign(&sockets(arguments));
        assert!(foreign.is_empty(), "{foreign:#?}");
    }
}

/// The lines with other sockets than Unix ones.
fn foreign(calls: &str) -> Vec<String> {
    let is_foreign = |line: &&str| line.contains("AF_") && !line.contains("AF_UNIX");
    calls.lines().filter(is_foreign).map(str::to_owned).collect()
}

/// One machine with default settings asks no service, whatever several machines could share.
#[test]
fn a_file_opens_no_socket() {
    let sandbox = with_echo();
    sandbox.write("talk.wav", wave(2, 1));
    let words = ["transcribe", "--asr-plugin", "echo", "talk.wav"];
    let foreign = foreign(&sandbox.calls("socket,connect,bind,sendto", words));
    assert!(foreign.is_empty(), "{foreign:#?}");
}

//! Recordings at URLs: never stale, and never fetched twice.

use cesar_tests::addresses::{ASK, DATE, HIT, STEP, recording, stages, transcribe};
use cesar_tests::sandbox::finish;
use cesar_tests::server::{wave, with_echo};
use cesar_tests::web::{Page, Web};

const RENEWED: [&str; 5] = ["download renewed", "decode hit", "asr hit", "merge hit", "format hit"];
const FETCHED_AGAIN: [&str; 5] = ["download miss", "decode hit", "asr hit", "merge hit", "format hit"];

/// Within a time step: no request. After it: one conditional request, without a body.
#[test]
fn one_request_is_sent_in_each_time_step() {
    for page in [recording(8).etag("\"one\""), recording(2).last_modified(DATE)] {
        let (sandbox, web) = (with_echo(), Web::new());
        web.put("/talk.wav", page);
        let url = web.url("/talk.wav");
        let first = transcribe(&sandbox, &[&url], &[STEP]).exits(0);
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
            let hit = transcribe(&sandbox, &[again], &[STEP]).exits(0);
            assert_eq!(
                (stages(&hit), &hit.stdout),
                (HIT.map(str::to_owned).to_vec(), &first.stdout)
            );
            assert_eq!(
                (hit.done()["runner_starts"].clone(), web.requests().len()),
                (0.into(), 0)
            );
        }

        let renewed = transcribe(&sandbox, &[&url], &[ASK]).exits(0);
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

/// A renewed entry belongs to the new step.
#[test]
fn a_not_modified_answer_holds_for_its_time_step() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", recording(8).etag("\"one\""));
    let url = web.url("/talk.wav");
    transcribe(&sandbox, &[&url], &[ASK]).exits(0);
    assert_eq!(stages(&transcribe(&sandbox, &[&url], &[STEP]).exits(0)), RENEWED);
    web.requests();
    assert_eq!(stages(&transcribe(&sandbox, &[&url], &[STEP]).exits(0)), HIT);
    assert_eq!(web.requests().len(), 0);
}

/// Changed content: new media, new recognition. The same content under a new ETag: new media, cached recognition.
#[test]
fn later_stages_depend_on_the_bytes() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", recording(8).etag("\"one\""));
    let url = web.url("/talk.wav");
    let first = transcribe(&sandbox, &[&url], &[ASK]).exits(0);

    web.put("/talk.wav", recording(8).etag("\"two\""));
    let same = transcribe(&sandbox, &[&url], &[ASK]).exits(0);
    assert_eq!(
        (stages(&same), &same.stdout),
        (FETCHED_AGAIN.map(str::to_owned).to_vec(), &first.stdout)
    );

    web.put("/talk.wav", Page::wave(wave(5, 3)).etag("\"three\""));
    let other = transcribe(&sandbox, &[&url], &[ASK]).exits(0);
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

/// Without a validator, the whole recording is requested.
#[test]
fn without_validators_the_recording_is_fetched_again() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", recording(2));
    let url = web.url("/talk.wav");
    transcribe(&sandbox, &[&url], &[ASK]).exits(0);
    assert_eq!(stages(&transcribe(&sandbox, &[&url], &[ASK]).exits(0)), FETCHED_AGAIN);
    assert_eq!(web.lines(), ["GET /talk.wav => 200", "GET /talk.wav => 200"]);
}

/// After its expiry, and on request, the whole recording is fetched without a condition.
#[test]
fn expired_recordings_are_fetched_again() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", recording(2).etag("\"one\""));
    let url = web.url("/talk.wav");
    transcribe(&sandbox, &[&url], &[("CESAR_DOWNLOAD_TTL", "1 ms"), STEP]).exits(0);
    assert_eq!(stages(&transcribe(&sandbox, &[&url], &[STEP]).exits(0)), FETCHED_AGAIN);
    let refresh = transcribe(&sandbox, &[&url, "--refresh-stage", "download"], &[STEP]).exits(0);
    assert_eq!(stages(&refresh), FETCHED_AGAIN);
    assert_eq!(web.lines(), ["GET /talk.wav => 200"; 3]);
}

/// Without the cache each run fetches, and stores nothing.
#[test]
fn without_the_cache_each_run_fetches() {
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
        explain(&[STEP]),
        "download miss, decode unknown, asr unknown, merge unknown, format unknown"
    );
    transcribe(&sandbox, &[&url], &[STEP]).exits(0);
    assert_eq!(
        explain(&[STEP]),
        "download hit, decode hit, asr hit, merge hit, format hit"
    );
    assert_eq!(
        explain(&[ASK]),
        "download miss, decode hit, asr hit, merge hit, format hit"
    );
    assert_eq!(web.requests().len(), 1, "no request was sent");
}

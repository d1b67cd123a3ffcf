//! Web pages, by the real yt-dlp and its generic extractor, against a server of the suite.
//!
//! `cargo xtask clients` installs the version that is pinned there (as does `cargo xtask test`). If it is absent, the tests that
//! need it are skipped.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use cesar_tests::addresses::{ASK, DATE, STEP, transcribe};
use cesar_tests::clients::yt_dlp;
use cesar_tests::server::{wave, with_echo};
use cesar_tests::web::{Manner, Page, Web};
use cesar_tests::{Output, Sandbox};
use insta::assert_snapshot;

const LATER: &str = "Mon, 02 Nov 2026 10:00:00 GMT";

fn outcome(output: &Output, stage: &str) -> String {
    let found = output
        .events()
        .into_iter()
        .find(|event| event["type"] == "stage" && event["stage"] == stage);
    found.map_or_else(String::new, |event| event["outcome"].as_str().unwrap().to_owned())
}

fn error(output: &Output) -> String {
    let line = output.stderr.lines().find(|line| line.starts_with("error: "));
    line.unwrap_or_default().to_owned()
}

fn page(body: &str) -> Page {
    Page::new(
        format!("<!doctype html><html><head><title>A talk</title></head><body>{body}</body></html>"),
        "text/html",
    )
}

#[test]
fn pages_are_resolved_to_recordings() {
    let Some(program) = yt_dlp() else { return };
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", Page::wave(wave(8, 7)).last_modified(DATE));
    web.put("/other.wav", Page::wave(wave(3, 9)).last_modified(DATE));
    let feed = format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>Talks</title>\
         <item><title>one</title><enclosure url=\"{}\" type=\"audio/wav\"/></item>\
         <item><title>two</title><enclosure url=\"{}\" type=\"audio/wav\"/></item></channel></rss>",
        web.url("/talk.wav"),
        web.url("/other.wav")
    );
    let m3u8 = "#EXTM3U\n#EXT-X-TARGETDURATION:8\n#EXTINF:8,\npart.wav\n";
    let pages = [
        ("/one", page("<video src=\"/talk.wav\"></video>")),
        (
            "/two",
            page("<video src=\"/talk.wav\"></video><video src=\"/other.wav\"></video>"),
        ),
        ("/feed", Page::new(feed, "application/rss+xml")),
        ("/none", page("nothing to hear")),
        ("/live", Page::new(m3u8, "application/vnd.apple.mpegurl")),
        ("/404", Page::bare(Manner::Status(404, None))),
        ("/403", Page::bare(Manner::Status(403, None))),
        ("/429", Page::bare(Manner::Status(429, None))),
        ("/503", Page::bare(Manner::Status(503, None))),
    ];
    let mut table = String::new();
    for (path, page) in pages {
        web.put(path, page);
        // The direct way would report errors of the server.
        let via = if path.starts_with("/4") || path.starts_with("/5") {
            "yt-dlp"
        } else {
            "auto"
        };
        let arguments = [
            &web.url(path),
            "--yt-dlp",
            program.to_str().unwrap(),
            "--download-option",
            &format!("via={via}"),
        ];
        let output = transcribe(&sandbox, &arguments, &[]);
        let told = format!(
            "exit {}, {} lines {}",
            output.code,
            output.stdout.lines().count(),
            error(&output)
        );
        writeln!(
            table,
            "{path}: {}",
            told.replace(&format!("127.0.0.1:{}", web.port()), "host")
        )
        .unwrap();
    }
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"yt-dlp \d{4}\.\d\d\.\d\d", "yt-dlp [VERSION]");
    settings.bind(|| assert_snapshot!("pages and what is behind them", table));
}

#[test]
fn a_playlist_stands_for_its_recordings_when_asked_for() {
    let Some(program) = yt_dlp() else { return };
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", Page::wave(wave(8, 7)));
    web.put("/other.wav", Page::wave(wave(3, 9)));
    web.put(
        "/two",
        page("<video src=\"/talk.wav\"></video><video src=\"/other.wav\"></video>"),
    );
    let arguments = [
        &web.url("/two"),
        "--playlist",
        "--yt-dlp",
        program.to_str().unwrap(),
        "--output-dir",
        "out",
    ];
    transcribe(&sandbox, &arguments, &[]).exits(0);
    let lines = |name: &str| {
        std::fs::read_to_string(sandbox.work().join("out").join(name))
            .unwrap()
            .lines()
            .count()
    };
    assert_eq!((lines("talk.txt"), lines("other.txt")), (8, 3));
}

/// Metadata of a page (id with timestamp, duration or size): unchanged recordings are not fetched again, changed ones are.
#[test]
fn metadata_decide_whether_a_page_has_changed() {
    let Some(program) = yt_dlp() else { return };
    let (sandbox, web) = (with_echo(), Web::new());
    let url = web.url("/talk.wav");
    let run = |step| {
        let arguments = [
            &url,
            "--yt-dlp",
            program.to_str().unwrap(),
            "--download-option",
            "via=yt-dlp",
        ];
        transcribe(&sandbox, &arguments, &[step]).exits(0)
    };
    web.put("/talk.wav", Page::wave(wave(40, 7)).last_modified(DATE));
    assert_eq!(outcome(&run(ASK), "download"), "miss");
    let renewed = run(STEP);
    assert_eq!(
        (
            outcome(&renewed, "download").as_str(),
            outcome(&renewed, "asr").as_str()
        ),
        ("renewed", "hit")
    );
    web.requests();
    let hit = run(STEP);
    assert_eq!(outcome(&hit, "download"), "hit");
    assert_eq!(web.requests().len(), 0, "within the step no request is sent");
    assert_eq!(
        hit.done()["runner_starts"],
        0,
        "and nothing is called: its file is what it was"
    );
    web.put("/talk.wav", Page::wave(wave(40, 8)).last_modified(LATER));
    let changed = run(ASK);
    assert_eq!(
        (
            outcome(&changed, "download").as_str(),
            outcome(&changed, "asr").as_str()
        ),
        ("miss", "miss")
    );
}

/// A page without a time and a size could have another recording under the same name.
#[test]
fn a_page_without_metadata_is_fetched_again() {
    let Some(program) = yt_dlp() else { return };
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/one", page("<video src=\"/talk.wav\"></video>"));
    let run = || {
        transcribe(
            &sandbox,
            &[&web.url("/one"), "--yt-dlp", program.to_str().unwrap()],
            &[ASK],
        )
        .exits(0)
    };
    web.put("/talk.wav", Page::wave(wave(8, 7)));
    let first = run();
    let same = run();
    assert_eq!(
        (outcome(&same, "download").as_str(), outcome(&same, "asr").as_str()),
        ("miss", "hit")
    );
    web.put("/talk.wav", Page::wave(wave(5, 9)));
    assert_ne!(run().stdout, first.stdout);
}

/// The user's configuration files are read only on request.
#[test]
fn the_user_configuration_of_yt_dlp_is_ignored() {
    let Some(program) = yt_dlp() else { return };
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/talk.wav", Page::wave(wave(2, 7)));
    let folder = sandbox.config_home().join("yt-dlp");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config"), "--no-such-option\n").unwrap();
    let url = web.url("/talk.wav");
    let arguments = [
        &url,
        "--yt-dlp",
        program.to_str().unwrap(),
        "--download-option",
        "via=yt-dlp",
    ];
    transcribe(&sandbox, &arguments, &[]).exits(0);
    let read = transcribe(&sandbox, &arguments, &[("CESAR_DOWNLOAD_YT_DLP_CONFIG", "true"), ASK]).exits(1);
    assert!(error(&read).contains("no-such-option"), "{}", read.stderr);
}

/// A program in place of yt-dlp, which records its arguments.
fn stand_in(sandbox: &Sandbox, version: &str, rest: &str) -> String {
    let script = format!(
        "#!/bin/sh\nfor argument; do printf '%s\\n' \"$argument\" >> \"$0.log\"; done\necho >> \"$0.log\"\n\
         case \" $* \" in *\" --version \"*) echo {version}; exit 0;; esac\n{rest}\n"
    );
    let path = sandbox.write("yt-dlp", script);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The call: the URL behind `--`, the user's arguments before it, no shell.
#[test]
fn an_address_is_never_parsed_as_an_option() {
    let (sandbox, web) = (with_echo(), Web::new());
    let page = web.url("/talk;touch%20x?a=$(b)");
    let program = stand_in(
        &sandbox,
        "2026.01.01",
        "echo 'ERROR: [generic] nothing here' >&2; exit 1",
    );
    let cookies = sandbox.write("my cookies.txt", "# Netscape HTTP Cookie File\n");
    let arguments = [
        &page,
        "--yt-dlp",
        &program,
        "--cookies",
        cookies.to_str().unwrap(),
        "--download-option",
        "via=yt-dlp",
    ];
    let failed = transcribe(&sandbox, &arguments, &[("CESAR_DOWNLOAD_YT_DLP_ARGS", "--force-ipv4")]).exits(1);
    assert!(
        error(&failed).contains("(yt-dlp: [generic] nothing here)"),
        "{}",
        failed.stderr
    );
    let log = std::fs::read_to_string(format!("{program}.log")).unwrap();
    let (before, after) = log.split_once("/v1/tmp/").unwrap();
    let after = after.split_once('/').unwrap().1;
    let log = format!("{before}/v1/tmp/FOLDER/{after}").replace(sandbox.path().to_str().unwrap(), "SANDBOX");
    assert_snapshot!("how yt-dlp is called", log.replace(&web.port().to_string(), "PORT"));
}

#[test]
fn old_versions_are_refused() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/one", page("a talk"));
    let run = |version, rest| {
        let program = stand_in(&sandbox, version, rest);
        error(&transcribe(&sandbox, &[&web.url("/one"), "--yt-dlp", &program], &[]).exits(1))
    };
    assert!(run("2020.06.06", "").contains("yt-dlp 2020.06.06 is too old; bring it to 2023.03.04 or later"));
    assert!(run("''", "").contains("does not report its version, so it is no working yt-dlp"));
}

/// The version of yt-dlp is part of the cache key.
#[test]
fn another_version_of_yt_dlp_misses() {
    let (sandbox, web) = (with_echo(), Web::new());
    web.put("/one", page("a talk"));
    let recording = sandbox.write("recording.wav", wave(2, 7));
    // It returns the recording to every client, without a validator.
    let rest = format!(
        "case \" $* \" in *\" -J \"*) echo '{{\"id\": \"a\", \"title\": \"A talk\"}}';; *) cp {} media.wav;; esac",
        recording.display()
    );
    let run = |version| {
        let program = stand_in(&sandbox, version, &rest);
        let output = transcribe(&sandbox, &[&web.url("/one"), "--yt-dlp", &program], &[STEP]).exits(0);
        outcome(&output, "download")
    };
    assert_eq!([run("2026.01.01"), run("2026.01.01")], ["miss", "hit"]);
    assert_eq!([run("2026.02.02"), run("2026.02.02")], ["miss", "hit"]);
}

/// Ctrl-C ends the program, too.
#[test]
fn an_interrupted_download_leaves_no_process() {
    let (sandbox, web) = (with_echo(), Web::new());
    let rest = "echo $$ > \"$0.pid\"; while :; do sleep 1; done";
    let program = stand_in(&sandbox, "2026.01.01", rest);
    let url = web.url("/one");
    let arguments = ["transcribe", "--asr-plugin", "echo", &url, "--yt-dlp", &program];
    let running = sandbox.start(arguments.into_iter().chain(["--download-option", "via=yt-dlp"]));
    let mut child = 0;
    cesar_tests::server::until("it runs", || {
        let pid = std::fs::read_to_string(format!("{program}.pid")).unwrap_or_default();
        child = pid.trim().parse().unwrap_or(0);
        child != 0
    });
    running.interrupt();
    assert_eq!(running.end().code(), Some(130));
    cesar_tests::server::until("it has ended", || !cesar_tests::running::is_running(child));
    assert_eq!(
        std::fs::read_dir(sandbox.cache_dir().join("v1/tmp")).unwrap().count(),
        0
    );
}

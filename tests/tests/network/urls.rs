//! Recordings at URLs, on every kind of server.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fmt::Write as _;

use cesar_tests::Output;
use cesar_tests::addresses::{DATE, recording, transcribe};
use cesar_tests::server::{wave, with_echo};
use cesar_tests::web::{Manner, Page, Web};
use insta::assert_snapshot;

fn broken(page: Page, times: usize) -> Page {
    page.sent(Manner::Breaking { after: 100_000, times })
}

fn status(status: u16) -> Page {
    Page::bare(Manner::Status(status, None))
}

/// The case, its page, and settings.
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
        (
            "packed from the break on",
            broken(whole().part_header("Content-Encoding", "GZip"), 1),
            vec![],
        ),
        (
            "unpacked, as it says",
            broken(whole().header("Content-Encoding", "Identity"), 1),
            vec![],
        ),
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

/// The output for the user, and the requests at the server.
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
fn faulty_servers_are_handled_as_documented() {
    let sandbox = with_echo();
    let mut table = String::new();
    // They live to the end: a later server with the port of an earlier one would be asked for the rest of its recording.
    let mut servers = Vec::new();
    for (name, page, settings) in cases() {
        let web = Web::new();
        web.put("/talk.wav", recording(2));
        web.put("/case", page);
        let output = transcribe(&sandbox, &[&web.url("/case")], &settings);
        writeln!(table, "{name}: {}", told(&output, &web)).unwrap();
        servers.push(web);
    }
    let closed = {
        let web = Web::new();
        web.url("/case")
    };
    let output = transcribe(&sandbox, &[&closed], &[]);
    let error = output
        .stderr
        .lines()
        .find(|line| line.starts_with("error: "))
        .unwrap_or_default();
    let authority = closed.trim_start_matches("http://").trim_end_matches("/case");
    writeln!(
        table,
        "no server: exit {}\n  {}",
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

#[test]
fn addresses_and_files_can_be_mixed() {
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

//! Common clients against `cesar serve`: OpenAI's published ones for Python and Node, curl, and a browser.
//!
//! The packages are installed by `cargo xtask clients`, the programs by `cargo xtask setup`; a test fails without them, with that message.

use std::ffi::OsStr;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use cesar_tests::clients::{required, succeeds};
use cesar_tests::sandbox::Sandbox;
use cesar_tests::server::{Server, log_of, wave, with_echo};
use cesar_tests::web::{Page, Web};
use cesar_tests::workspace;
use serde_json::Value;

#[test]
fn the_official_python_client_works() {
    let python = required("clients", "CESAR_CLIENTS_PYTHON", "bin/python3");
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &["--max-upload-mb", "150"]);
    let recording = sandbox.write("talk.wav", wave(3, 1));
    let hour = sandbox.write("hour.wav", wave(3602, 2));
    let script = workspace().join("tests/tools/openai_client.py");
    let mut client = Command::new(python);
    succeeds(
        client.arg(script).arg(server.url("")).args([&recording, &hour]),
        &sandbox,
    );
}

#[test]
fn the_official_node_client_works() {
    let modules = required("clients-node", "CESAR_CLIENTS_NODE", "node_modules");
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let recording = sandbox.write("talk.wav", wave(3, 1));
    let script = workspace().join("tests/tools/openai_client.mjs");
    let mut client = Command::new("node");
    succeeds(
        client.arg(script).arg(modules).arg(server.url("")).arg(&recording),
        &sandbox,
    );
}

/// curl's result for these arguments: status, body, and the use of the cache.
fn curl(server: &Server, arguments: &[&OsStr], input: &[u8]) -> (String, Value, String) {
    curl_to(server, "/v1/audio/transcriptions", arguments, input)
}

/// As `curl`, for another endpoint.
pub(crate) fn curl_to(server: &Server, path: &str, arguments: &[&OsStr], input: &[u8]) -> (String, Value, String) {
    let mut child = Command::new("curl")
        .args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "120"])
        .args(["--write-out", "\n%{http_code} %header{x-cesar-cache}"])
        .args(arguments)
        .arg(server.url(path))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`cargo xtask setup` installs curl");
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    stdin.write_all(input).expect("curl reads its input");
    drop(stdin);
    let output = child.wait_with_output().expect("curl ends");
    let text = String::from_utf8(output.stdout).expect("an answer is text");
    let (body, end) = text.rsplit_once('\n').expect("the status has a line of its own");
    let (status, cache) = end.split_once(' ').unwrap_or((end, ""));
    let body = serde_json::from_str(body).unwrap_or_else(|_| Value::from(body));
    (status.to_owned(), body, cache.to_owned())
}

#[test]
fn curl_uploads_in_every_form() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let (sound, long) = (wave(3, 1), wave(40, 3));
    let path = sandbox.write("talk.wav", &sound);
    sandbox.write("long.wav", &long);
    let at = |name: &str| path.with_file_name(name).display().to_string();
    // Manual: bare LF, names in capitals, no last boundary.
    let head = b"--b\nCONTENT-DISPOSITION: form-data; name=model\n\nwhisper-1\n--b\nContent-Disposition: form-data; name=file\n\n";
    let by_hand = [head.as_slice(), &sound].concat();
    let cases: &[(&str, Vec<String>, &[u8])] = &[
        ("a file", vec!["-F".into(), format!("file=@{}", at("talk.wav"))], b""),
        (
            "no file name",
            vec!["-F".into(), format!("file=<{}", at("talk.wav"))],
            b"",
        ),
        ("standard input", vec!["-F".into(), "file=@-".into()], &sound),
        (
            "a type and a name",
            vec!["-F".into(), "file=@-;filename=a \"b\".wav;type=audio/wav".into()],
            &sound,
        ),
        (
            "chunks",
            vec![
                "-H".into(),
                "Transfer-Encoding: chunked".into(),
                "-F".into(),
                format!("file=@{}", at("talk.wav")),
            ],
            b"",
        ),
        // More than a megabyte: curl waits for `100 Continue`.
        (
            "a large file",
            vec!["-F".into(), format!("file=@{}", at("long.wav"))],
            b"",
        ),
        (
            "a form by hand",
            vec![
                "-H".into(),
                "content-type: Multipart/Form-Data; Boundary=\"b\"".into(),
                "--data-binary".into(),
                "@-".into(),
            ],
            &by_hand,
        ),
    ];
    for (what, arguments, input) in cases {
        let mut arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        if !arguments.contains(&OsStr::new("--data-binary")) {
            arguments.extend(["-F", "model=whisper-1"].map(OsStr::new));
        }
        let (status, body, _) = curl(&server, &arguments, input);
        let text = body["text"].as_str().unwrap_or_default();
        assert!(
            status == "200" && text.starts_with("second 0 peaks at"),
            "{what}: {status} {body}"
        );
    }
}

#[test]
fn spellings_of_a_language_share_results() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &[]);
    let sound = wave(3, 1);
    let ask = |language: &str| {
        let language = format!("language={language}");
        let fields = [
            "-F",
            "file=@-",
            "-F",
            "model=whisper-1",
            "-F",
            "response_format=verbose_json",
            "-F",
            &language,
        ];
        let (status, body, cache) = curl(&server, &fields.map(OsStr::new), &sound);
        (status, body["language"].clone(), body["error"]["param"].clone(), cache)
    };
    let answer = |name: &str, cache: &str| ("200".to_owned(), Value::from(name), Value::Null, cache.to_owned());
    assert_eq!(ask("de"), answer("german", "miss"));
    for spelling in ["DE", "German", "Deutsch", "de-AT", "ger", "deu"] {
        assert_eq!(ask(spelling), answer("german", "hit"), "{spelling}");
    }
    let detected = ask("auto");
    assert_eq!((detected.0.as_str(), detected.3.as_str()), ("200", "miss"));
    assert_eq!((ask("").3.as_str(), ask("None").3.as_str()), ("hit", "hit"));
    let (status, _, param, _) = ask("Germn");
    assert_eq!((status.as_str(), param), ("400", Value::from("language")));
}

/// A browser that plays a recording as its microphone; it ends with this.
struct Browser(std::process::Child);

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn browse(sandbox: &Sandbox, microphone: &std::path::Path, url: &str) -> Browser {
    let profile = microphone.with_file_name("profile");
    let mut browser = Command::new("chromium");
    browser
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-sync",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-dev-shm-usage",
        ])
        .args(["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"])
        .arg(format!("--use-file-for-fake-audio-capture={}", microphone.display()))
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(url)
        .env("HOME", sandbox.home())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Browser(browser.spawn().expect("`cargo xtask setup` installs Chromium"))
}

#[test]
fn a_browser_sends_files_and_recordings() {
    let sandbox = with_echo();
    let sound = wave(3, 1);
    let microphone = sandbox.write("talk.wav", &sound);
    let web = Web::new();
    let page = std::fs::read(workspace().join("tests/tools/browser_client.html")).unwrap();
    web.put("/page", Page::new(page, "text/html; charset=utf-8"));
    web.put("/talk.wav", Page::wave(sound));
    let origin = web.url("");
    let server = Server::start_with(&sandbox, &[], &[("CESAR_SERVER_CORS_ORIGINS", &origin)]);
    let _browser = browse(
        &sandbox,
        &microphone,
        &format!("{}?api={}", web.url("/page"), server.url("")),
    );
    let seen = web.wait_for("/result", Duration::from_secs(60));
    assert_eq!(seen.path, "/result?all", "{}", log_of(&sandbox));
}

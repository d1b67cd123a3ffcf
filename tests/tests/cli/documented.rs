//! Every command line of the README and the guide, typed in order on a machine that has what the page presupposes; what is said is in snapshots.
//!
//! Numbers are not compared, since most are times and sizes. The tutorial of `docs/guide/plugins.md` is typed by `tests/plugins/guide`.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use cesar_tests::sandbox::{finish, program_folder};
use cesar_tests::server::Server;
use cesar_tests::speakers::with_speakers;
use cesar_tests::web::{Page, Web};
use cesar_tests::{Output, Sandbox, fixture, workspace};

/// Lines of each stream in a snapshot.
const LINES: usize = 24;

/// Lines that are typed elsewhere, or need what no test has.
const ELSEWHERE: [(&str, &str); 4] = [
    ("cesar watch", "tests/cli/watch, until it is interrupted"),
    ("cesar models pull", "tests/network/models_hub and models_index"),
    ("cargo xtask", "the chores themselves"),
    ("cesar models list --remote", "tests/network/models_hub"),
];

/// A reader at a shell, who has recordings and texts.
struct Reader {
    sandbox: Sandbox,
    web: Web,
    server: Option<Server>,
    job: String,
}

impl Reader {
    /// `talk` is the recording that the page calls `talk.mp3`.
    fn new(talk: &str) -> Self {
        let sandbox = with_speakers();
        sandbox.add_model("moonshine-base");
        let work = sandbox.work();
        let make = |words: &[&str]| {
            let mut ffmpeg = Command::new("ffmpeg");
            ffmpeg.args(["-nostdin", "-loglevel", "error"]).args(words);
            finish(ffmpeg.current_dir(&work)).exits(0);
        };
        let path = |name: &str| fixture(name).to_str().unwrap().to_owned();
        let (talk, short, welcome) = (path(talk), path("short.wav"), path("welcome.ogg"));
        make(&["-i", &talk, "-ar", "22050", "-ac", "1", "talk.mp3"]);
        make(&["-i", &short, "chapter3.mp3"]);
        make(&[
            "-i",
            &short,
            "-i",
            &welcome,
            "-filter_complex",
            "[0][1]amerge",
            "call.wav",
        ]);
        let tracks = [
            "-map",
            "2",
            "-map",
            "0",
            "-map",
            "1",
            "-metadata:s:a:0",
            "title=Ann",
            "-metadata:s:a:1",
            "title=Bo",
        ];
        let languages = [
            "-metadata:s:a:0",
            "language=eng",
            "-metadata:s:a:1",
            "language=deu",
            "-ac",
            "1",
            "-t",
            "9",
        ];
        let inputs = ["-i", &short, "-i", &welcome, "-f", "lavfi", "-i", "color=black:s=64x48"];
        make(&[&inputs[..], &tracks, &languages, &["film.mkv"]].concat());
        for (file, name) in [
            ("short.wav", "recordings/one.wav"),
            ("welcome.ogg", "recordings/more/two.ogg"),
        ] {
            sandbox.write(name, fs::read(fixture(file)).unwrap());
        }
        let said = fs::read_to_string(fixture("short.txt")).unwrap();
        sandbox.write("script.txt", &said);
        sandbox.write("book.txt", &said);
        sandbox.write(
            "wrong-times.vtt",
            format!("WEBVTT\n\n00:01:00.000 --> 00:01:05.000\n{said}\n"),
        );
        sandbox.write("terms.txt", "dore => door\nwindow\n");
        sandbox.write("spelling.txt", "ferry => harbour ferry\n");
        let glossaries = sandbox.data_home().join("cesar/glossaries");
        fs::create_dir_all(&glossaries).unwrap();
        fs::write(glossaries.join("medicine.txt"), "stat => statim\n").unwrap();
        fs::copy(sandbox.models().join("ggml-tiny.en.bin"), work.join("model.bin")).unwrap();
        fs::copy(fixture("meeting.flac"), work.join("meeting.flac")).unwrap();
        fs::create_dir(work.join("target")).unwrap();
        symlink(program_folder(), work.join("target/release")).unwrap();
        let web = Web::new();
        web.put(
            "/talk.mp3",
            Page::new(fs::read(work.join("talk.mp3")).unwrap(), "audio/mpeg"),
        );
        Self {
            sandbox,
            web,
            server: None,
            job: String::new(),
        }
    }

    /// Runs a line as it stands in the page, but for the names of hosts and of the job.
    fn types(&mut self, line: &str) -> Output {
        let example = self.web.url("");
        let mut script = line.replace("https://example.org", &example);
        if line.contains("jobs/ID") && self.job.is_empty() {
            self.types("curl -F file=@talk.mp3 localhost:5000/transcribe");
        }
        if line.contains("localhost:5000") {
            let server = self
                .server
                .get_or_insert_with(|| Server::start_engine(&self.sandbox, "ct2", &["--model", "tiny.en"], &[]));
            script = script.replace("localhost:5000", &format!("localhost:{}", server.port));
            script = script.replace("jobs/ID", &format!("jobs/{}", self.job));
        }
        let mut shell = Command::new("bash");
        for (name, value) in self.sandbox.command().get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let path = std::env::var("PATH").unwrap();
        let script = format!("cut-chapter() {{ cat \"$2\"; }}\nset -o pipefail\n{script}");
        shell
            .args(["-c", &script])
            .current_dir(self.sandbox.work())
            .env("PATH", format!("{}:{path}", program_folder().display()))
            .env("CESAR_ASR_MODEL", "tiny.en")
            .env("USER", "ann")
            .stdin(Stdio::null());
        let output = finish(&mut shell);
        if let Some(id) = serde_json::from_str(&output.stdout)
            .ok()
            .and_then(|job: serde_json::Value| Some(job["id"].as_str()?.to_owned()))
            && let Some(server) = &self.server
        {
            server.wait_for(&id, &["completed", "partial", "error", "cancelled"]);
            self.job = id;
        }
        output
    }

    /// Types all lines, and returns what was said.
    fn types_all(&mut self, lines: &[String]) -> String {
        let mut said = String::new();
        for line in lines {
            writeln!(said, "$ {line}").unwrap();
            if let Some((_, place)) = ELSEWHERE.iter().find(|(begin, _)| line.starts_with(begin)) {
                writeln!(said, "typed by {place}\n").unwrap();
                continue;
            }
            let output = self.types(line);
            said += &self.shown(&output.stdout);
            // The other programs show their progress.
            if line.starts_with("cesar") {
                said += &self.shown(&output.stderr);
            }
            writeln!(said, "exit {}\n", output.code).unwrap();
        }
        said
    }

    /// The first lines of a stream.
    fn shown(&self, stream: &str) -> String {
        let by_chance = ["waiting for", "housekeeping", "date: "];
        let is_chance = |line: &str| by_chance.iter().any(|begin| line.starts_with(begin));
        let mut lines: Vec<_> = stream.lines().filter(|line| !is_chance(line)).collect();
        // Recordings of one run end in any order.
        for written in lines.chunk_by_mut(|line, next| line.contains(" → ") && next.contains(" → ")) {
            written.sort_unstable();
        }
        // Results that were used in the same millisecond are in any order.
        if let [header, results @ ..] = &mut lines[..]
            && header.starts_with("KEY ")
        {
            results.sort_by_key(|line| line.split_whitespace().nth(1));
        }
        let mut shown = String::new();
        for line in lines.iter().take(LINES) {
            let line = line
                .replace(self.sandbox.models().to_str().unwrap(), "[MODELS]")
                .replace(self.sandbox.path().to_str().unwrap(), "[SANDBOX]");
            let start: String = without_amounts(&line).chars().take(120).collect();
            writeln!(shown, "| {}", start.trim_end()).unwrap();
        }
        if lines.len() > LINES {
            shown += "| …\n";
        }
        shown
    }
}

/// Units and words of amounts that differ from run to run.
const AMOUNTS: [&str; 13] = [
    "B", "kB", "MB", "GB", "ms", "s", "min", "h", "second", "seconds", "minute", "minutes", "now",
];

/// The line with `#` for amounts and numbers, and one space for several.
fn without_amounts(line: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in line.split(' ') {
        let word = without_numbers(word);
        let bare = word.trim_end_matches(|letter: char| letter.is_ascii_punctuation() && letter != '#');
        let follows_a_number = words.last().is_some_and(|last| last.ends_with('#'));
        if bare == "now" || (bare.is_empty() && !word.is_empty()) || !AMOUNTS.contains(&bare) {
            words.push(if bare == "now" { "#".to_owned() } else { word });
        } else if !follows_a_number {
            words.push(word);
        }
    }
    words.dedup_by(|word, before| (word.is_empty() && before.is_empty()) || (word == "#" && before == "#"));
    words.join(" ")
}

/// The word with `#` for numbers and `[ID]` for digests and ids.
fn without_numbers(word: &str) -> String {
    let is_of_id = |letter: char| letter.is_ascii_hexdigit() || letter == '-';
    let mut shown = String::new();
    for part in word.split_inclusive(|letter| !is_of_id(letter)) {
        let id = part.trim_end_matches(|letter| !is_of_id(letter));
        if id.len() >= 8 && id.contains(|letter: char| letter.is_ascii_digit()) {
            shown += "[ID]";
            shown += &part[id.len()..];
            continue;
        }
        for letter in part.chars() {
            match letter {
                '0'..='9' if shown.ends_with('#') => {}
                '0'..='9' => shown.push('#'),
                // Of a decimal number, a time or an address.
                '.' | ':' | ',' if shown.ends_with('#') => {}
                letter => shown.push(letter),
            }
        }
    }
    shown
}

/// The command lines of a page: its blocks of `sh` and the lines behind `$` in its blocks of `console`.
/// Blocks of `bash` are scripts for other machines; `tests/server/cluster` and `tests/cache/shared` run what they show.
fn commands(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let mut found = Vec::new();
    for block in text.split("```").skip(1).step_by(2) {
        let (language, content) = block.split_once('\n').unwrap();
        let content = content.replace("\\\n", "");
        for line in content.lines().filter(|line| !line.trim().is_empty()) {
            match language {
                "sh" => found.push(line.to_owned()),
                "console" => found.extend(line.strip_prefix("$ ").map(str::to_owned)),
                _ => {}
            }
        }
    }
    found
}

/// The snapshot of a page.
fn page(name: &str, talk: &str) {
    let path = if name == "readme" {
        "README.md".to_owned()
    } else {
        format!("docs/guide/{name}.md")
    };
    let lines = commands(&workspace().join(path));
    assert!(!lines.is_empty(), "{name} has no commands");
    let mut reader = Reader::new(talk);
    if ["cache", "search"].contains(&name) {
        let spelling = "--glossary spelling.txt --speaker-names Ann";
        reader.types(&format!("cesar transcribe talk.mp3 {spelling}")).exits(0);
    }
    let said = reader.types_all(&lines);
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(format!("documented_{name}"), said);
    });
}

macro_rules! pages {
    ($($name:ident with $talk:literal;)*) => {
        $(#[test]
        fn $name() {
            page(stringify!($name), $talk);
        })*

        /// A new page of the guide needs a line here.
        #[test]
        fn every_page_with_commands_is_typed() {
            let typed = [$(stringify!($name)),*];
            for entry in fs::read_dir(workspace().join("docs/guide")).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_stem().unwrap().to_str().unwrap();
                let is_page = path.extension().is_some_and(|extension| extension == "md");
                if is_page && name != "plugins" && !commands(&path).is_empty() {
                    assert!(typed.contains(&name), "no test types the commands of {name}.md");
                }
            }
        }
    };
}

pages! {
    readme with "short.wav";
    align with "short.wav";
    cache with "short.wav";
    corrections with "meeting.flac";
    glossary with "short.wav";
    inputs with "short.wav";
    models with "short.wav";
    search with "harbour.mp3";
    server with "short.wav";
    speakers with "meeting.flac";
    watch with "short.wav";
}

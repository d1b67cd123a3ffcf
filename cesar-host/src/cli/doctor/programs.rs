//! Other programs, graphics cards and the server.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use cesar_audio::{ffmpeg_available, ffmpeg_is_confined};
use cesar_base::{Clock as _, SystemClock};
use cesar_config::{Ffmpeg, Settings};

use super::finding::Finding;

/// Time for a program to name its version, or for a server to answer; longer than any of them takes.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Sites change so often that a yt-dlp of this age fails at many.
const OLD_DAYS: i64 = 120;

pub(super) fn findings(settings: &Settings) -> Vec<Finding> {
    vec![
        ffmpeg(settings),
        yt_dlp(),
        graphics(Path::new("/dev")),
        server(settings),
    ]
}

fn ffmpeg(settings: &Settings) -> Finding {
    let program = match &settings.audio.ffmpeg {
        Ffmpeg::Off => return Finding::ok("ffmpeg", "disabled (`audio.ffmpeg`)"),
        Ffmpeg::Program(program) => Some(program.clone()),
        Ffmpeg::Search => ffmpeg_available(),
    };
    let Some(program) = program else {
        return Finding::warning(
            "ffmpeg",
            "not found, so rare and damaged recordings cannot be read",
            "install it (`apt install ffmpeg`)",
        );
    };
    match first_line(Command::new(&program).arg("-version")) {
        Some(line) => {
            let version = line.split(" Copyright").next().unwrap_or_default().to_owned();
            confinement(version, ffmpeg_is_confined())
        }
        None => Finding::warning(
            "ffmpeg",
            format!("`{}` does not run", program.display()),
            "install it again, or name another one with `audio.ffmpeg`",
        ),
    }
}

fn confinement(version: String, is_confined: bool) -> Finding {
    match is_confined {
        true => Finding::ok("ffmpeg", version),
        false => Finding::warning(
            "ffmpeg",
            format!("{version}, which this kernel cannot confine to the recording, because it has no Landlock"),
            "enable it (Linux 5.13, `lsm=…,landlock`) before you transcribe files of strangers",
        ),
    }
}

fn yt_dlp() -> Finding {
    match first_line(Command::new("yt-dlp").arg("--version")) {
        Some(version) => aged(&version, SystemClock.now_ms()),
        None => Finding::warning(
            "yt-dlp",
            "not found, so only direct links to recordings can be downloaded",
            "install it (`pip install yt-dlp`)",
        ),
    }
}

/// Versions of yt-dlp are dates: `2026.11.12`.
fn aged(version: &str, now_ms: i64) -> Finding {
    let numbers: Vec<i64> = version.split('.').filter_map(|part| part.parse().ok()).collect();
    let text = format!("yt-dlp {version}");
    let [year, month, day, ..] = numbers[..] else {
        return Finding::ok("yt-dlp", text);
    };
    // Months of 31 days are exact enough for an age in months.
    let days = |year: i64, month: i64, day: i64| (year * 12 + month) * 31 + day;
    let today = cesar_base::rfc3339(now_ms);
    let part = |range: std::ops::Range<usize>| today.get(range).and_then(|text| text.parse().ok()).unwrap_or(0);
    let age = days(part(0..4), part(5..7), part(8..10)) - days(year, month, day);
    match age > OLD_DAYS {
        true => Finding::warning(
            "yt-dlp",
            format!("{text} is more than {} months old, and sites change", age / 31),
            "update it (`pip install --upgrade yt-dlp`)",
        ),
        false => Finding::ok("yt-dlp", text),
    }
}

/// The first line that a program prints; none if it cannot be started, fails, or takes too long.
fn first_line(command: &mut Command) -> Option<String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut stdout = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.read_to_string(&mut text);
        // Too late is as good as not at all.
        let _ = sender.send(read.map(|_| text));
    });
    let read = receiver.recv_timeout(RESPONSE_TIMEOUT);
    if read.is_err() {
        let _ = child.kill();
    }
    let is_success = child.wait().is_ok_and(|status| status.success());
    let text = read.ok()?.ok().filter(|_| is_success)?;
    text.lines().next().map(str::to_owned)
}

/// Cards by their device files in `folder`, usually `/dev`.
fn graphics(folder: &Path) -> Finding {
    let names = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect::<Vec<_>>()
    };
    let is_card = |name: &&String| {
        name.strip_prefix("nvidia")
            .is_some_and(|rest| rest.parse::<u32>().is_ok())
    };
    let nvidia = names(folder).iter().filter(is_card).count();
    let others = names(&folder.join("dri"))
        .iter()
        .filter(|name| name.starts_with("renderD"))
        .count();
    let text = match (nvidia, others) {
        (0, 0) => "none found; the engines use the processor",
        (0, _) => "a card was found; the engines of this build use the processor",
        _ => "a card by NVIDIA was found; the engines of this build use the processor",
    };
    Finding::ok("graphics card", text)
}

fn server(settings: &Settings) -> Finding {
    let server = &settings.server;
    let address = format!("{}:{}", server.host, server.port);
    match ask(&address) {
        Some(answer) => health(&address, &answer),
        None => Finding::ok("server", format!("none on {address}")),
    }
}

/// What an answer to `GET /health` says.
fn health(address: &str, answer: &str) -> Finding {
    match answer.starts_with("HTTP/1.1 200") {
        true if answer.contains(r#""status":"disk_full""#) => Finding::warning(
            "server",
            format!("the one on {address} has no space left on its disk, and refuses jobs"),
            "free some space, or lower `cache.max_size`",
        ),
        true if answer.contains(r#"_away""#) => Finding::warning(
            "server",
            format!("the one on {address} cannot reach its database or its storage of uploads"),
            "see its log, and try `cesar doctor --cluster`",
        ),
        true => Finding::ok("server", format!("healthy on {address}")),
        false => {
            let status = answer.lines().next().unwrap_or_default().trim().to_owned();
            Finding::warning(
                "server",
                format!("something on {address} answers `{status}`"),
                "see its log, or choose another port with `--port`",
            )
        }
    }
}

/// The answer to `GET /health`; none if no program accepts the connection.
fn ask(address: &str) -> Option<String> {
    let place = address
        .to_socket_addrs()
        .ok()?
        .next()
        .filter(|place| place.port() != 0)?;
    let mut connection = TcpStream::connect_timeout(&place, Duration::from_secs(1)).ok()?;
    connection.set_read_timeout(Some(RESPONSE_TIMEOUT)).ok()?;
    let request = format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).ok()?;
    let mut answer = vec![0; 512];
    let length = connection.read(&mut answer).unwrap_or_default();
    Some(String::from_utf8_lossy(&answer[..length]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::*;

    #[test]
    fn a_server_that_accepts_no_jobs_is_a_warning() {
        let state = |status| health("here:1", &format!("HTTP/1.1 200 OK\r\n\r\n{{\"status\":\"{status}\"}}")).state;
        assert_eq!(state("ok"), State::Ok);
        for status in ["disk_full", "jobs_away", "storage_away"] {
            assert_eq!(state(status), State::Warning, "{status}");
        }
    }

    #[test]
    fn an_old_yt_dlp_is_a_warning() {
        let now = 20_786 * 86_400_000; // 2026-11-29
        assert_eq!(aged("2026.11.12", now).state, State::Ok);
        let old = aged("2026.01.02", now);
        assert_eq!(old.state, State::Warning);
        assert_eq!(
            old.text,
            "yt-dlp 2026.01.02 is more than 10 months old, and sites change"
        );
        assert_eq!(aged("nightly", now).state, State::Ok);
    }

    #[test]
    fn a_kernel_without_landlock_is_a_warning() {
        assert_eq!(
            confinement("ffmpeg 5".to_owned(), true),
            Finding::ok("ffmpeg", "ffmpeg 5")
        );
        let finding = confinement("ffmpeg 5".to_owned(), false);
        assert_eq!(finding.state, State::Warning);
        assert!(
            finding.text.starts_with("ffmpeg 5, which this kernel cannot confine"),
            "{}",
            finding.text
        );
    }

    #[test]
    fn programs_that_fail_or_are_missing_have_no_version() {
        assert_eq!(
            first_line(Command::new("sh").args(["-c", "echo one; echo two"])).as_deref(),
            Some("one")
        );
        assert_eq!(first_line(Command::new("sh").args(["-c", "echo one; exit 1"])), None);
        assert_eq!(first_line(&mut Command::new("/no/such/program")), None);
    }

    #[test]
    fn cards_are_found_by_their_device_files() {
        let place = tempfile::tempdir().unwrap();
        assert!(graphics(place.path()).text.starts_with("none"));
        fs::write(place.path().join("nvidiactl"), "").unwrap();
        assert!(graphics(place.path()).text.starts_with("none"));
        fs::create_dir(place.path().join("dri")).unwrap();
        fs::write(place.path().join("dri/renderD128"), "").unwrap();
        assert!(graphics(place.path()).text.starts_with("a card was"));
        fs::write(place.path().join("nvidia0"), "").unwrap();
        assert!(graphics(place.path()).text.starts_with("a card by NVIDIA"));
    }
}

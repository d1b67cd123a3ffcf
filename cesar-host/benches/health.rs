//! Latency of `GET /health` of `cesar serve`, idle and beside two transcriptions: a table for `docs/internals/results.md`.
//!
//! ```text
//! cargo xtask measure micro health -- AUDIO [MODEL]
//! ```
//! Beside it, asked in turns over another connection, stands a program that does nothing but answer with a fixed text by axum. Both
//! connections are kept; a request is sent every few milliseconds, as clients that watch do. The transcriptions are of AUDIO, which
//! must take longer than the measurement (ten minutes are enough), by `ct2` with MODEL (`tiny.en`), two at a time, without the cache.

#![expect(clippy::print_stdout, reason = "a program that prints a table")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use serde_json::Value;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Requests of each kind to each server.
const REQUESTS: usize = 3_000;
/// Between two requests.
const PAUSE: Duration = Duration::from_millis(3);

fn main() -> Outcome<()> {
    // Cargo adds `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["bare"] => bare(),
        [audio] => measure(Path::new(audio), "tiny.en"),
        [audio, model] => measure(Path::new(audio), model),
        _ => {
            println!("usage: cargo xtask measure micro health -- AUDIO [MODEL]");
            Ok(())
        }
    }
}

/// The server that does nothing.
fn bare() -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{{\"port\": {}}}", listener.local_addr()?.port());
        let answer = get(|| async { "{\"status\":\"ok\"}" });
        axum::serve(listener, Router::new().route("/health", answer)).await?;
        Ok(())
    })
}

fn measure(audio: &Path, model: &str) -> Outcome<()> {
    let home = tempfile::tempdir()?;
    let models = std::env::var_os("CESAR_MODELS_DIR").ok_or("`CESAR_MODELS_DIR` must name the folder of the models")?;
    let mut serve = Command::new(env!("CARGO_BIN_EXE_cesar"));
    serve
        .args(["serve", "--port", "0", "--ready-json", "--workers", "2"])
        .args(["--asr-plugin", "ct2", "--model", model, "--no-diarize"])
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("HOME", home.path())
        .env("CESAR_MODELS_DIR", models);
    let cesar = Server::start(&mut serve)?;
    let bare = Server::start(Command::new(std::env::current_exe()?).arg("bare"))?;
    println!("| server | load | median | 99 % | ratio of the 99 % |\n|---|---|--:|--:|--:|");
    table("idle", &cesar, &bare)?;
    let jobs = [submit(&cesar, audio)?, submit(&cesar, audio)?];
    for job in &jobs {
        wait_until_it_decodes(&cesar, job)?;
    }
    table("two transcriptions", &cesar, &bare)?;
    for job in &jobs {
        let state = status(&cesar, job)?;
        if state != "processing" {
            return Err(format!("a job was `{state}` before the measurement ended; give a longer recording").into());
        }
        cesar.ask(&format!("DELETE /jobs/{job} HTTP/1.1\r\nHost: localhost\r\n\r\n"))?;
    }
    Ok(())
}

fn table(load: &str, cesar: &Server, bare: &Server) -> Outcome<()> {
    let request = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let (mut to_cesar, mut to_bare) = (cesar.connect()?, bare.connect()?);
    let (mut cesar_times, mut bare_times) = (Vec::new(), Vec::new());
    for _ in 0..REQUESTS {
        for (connection, times) in [(&mut to_cesar, &mut cesar_times), (&mut to_bare, &mut bare_times)] {
            std::thread::sleep(PAUSE);
            let start = Instant::now();
            ask(connection, request)?;
            times.push(start.elapsed());
        }
    }
    let bare_99 = quantile(&mut bare_times, 0.99);
    for (name, mut times) in [("bare axum", bare_times), ("cesar", cesar_times)] {
        let (half, most) = (quantile(&mut times, 0.5), quantile(&mut times, 0.99));
        println!(
            "| {name} | {load} | {half:.0} µs | {most:.0} µs | {:.2} |",
            most / bare_99
        );
    }
    Ok(())
}

/// In microseconds.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place among some thousand"
)]
fn quantile(times: &mut [Duration], part: f64) -> f64 {
    times.sort_unstable();
    times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e6
}

/// A server in a process of its own, which tells its port in a line of JSON.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(command: &mut Command) -> Outcome<Self> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("standard output was piped")?).read_line(&mut line)?;
        let ready: Value = serde_json::from_str(&line).map_err(|_| "the server did not get ready")?;
        let port = ready["port"].as_u64().and_then(|port| u16::try_from(port).ok());
        let port = port.ok_or("the server told no port")?;
        Ok(Self { child, port })
    }

    fn connect(&self) -> Outcome<BufReader<TcpStream>> {
        let stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_nodelay(true)?;
        Ok(BufReader::new(stream))
    }

    /// A request over a connection of its own.
    fn ask(&self, request: &str) -> Outcome<String> {
        ask(&mut self.connect()?, request)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a request and reads the answer's body, whose length is given in a header.
fn ask(connection: &mut BufReader<TcpStream>, request: &str) -> Outcome<String> {
    connection.get_mut().write_all(request.as_bytes())?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line)? == 0 {
            return Err("the server closed the connection".into());
        }
        let line = line.trim_end().to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse()?;
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body)?;
    Ok(String::from_utf8(body)?)
}

fn submit(server: &Server, audio: &Path) -> Outcome<String> {
    let boundary = "cesar-health-0b5c";
    let mut body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"no_cache\"\r\n\r\ntrue\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"audio\"\r\n\r\n"
    )
    .into_bytes();
    body.extend(std::fs::read(audio)?);
    body.extend(format!("\r\n--{boundary}--\r\n").as_bytes());
    let mut connection = server.connect()?;
    let head = format!(
        "POST /transcribe HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary={boundary}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    connection.get_mut().write_all(head.as_bytes())?;
    connection.get_mut().write_all(&body)?;
    let job: Value = serde_json::from_str(&ask(&mut connection, "")?)?;
    Ok(job["id"].as_str().ok_or_else(|| format!("no job: {job}"))?.to_owned())
}

fn view(server: &Server, job: &str) -> Outcome<Value> {
    let answer = server.ask(&format!("GET /jobs/{job} HTTP/1.1\r\nHost: localhost\r\n\r\n"))?;
    Ok(serde_json::from_str(&answer)?)
}

fn status(server: &Server, job: &str) -> Outcome<String> {
    Ok(view(server, job)?["status"].as_str().unwrap_or_default().to_owned())
}

fn wait_until_it_decodes(server: &Server, job: &str) -> Outcome<()> {
    loop {
        let view = view(server, job)?;
        match view["status"].as_str() {
            Some("queued") => {}
            Some("processing") if view["progress"].as_f64().unwrap_or_default() > 0.0 => return Ok(()),
            Some("processing") => {}
            _ => return Err(format!("the job does not run: {view}").into()),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

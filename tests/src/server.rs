//! A running `cesar serve` with the third-party plugin as its engine, and requests to it.
//!
//! The client is a few lines over a socket: it sends any bytes, valid or not, and uses HTTP/1.0, so that an answer ends with
//! its connection and is never chunked.

use crate::plugins::{build_echo, build_echo_with};
use crate::{Output, Sandbox};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Longer than everything that a test waits for.
pub const TIMEOUT: Duration = Duration::from_secs(120);

/// A sandbox with the third-party engine among the user's plugins.
///
/// # Panics
/// If the plugin does not build.
pub fn with_echo() -> Sandbox {
    with_engine(&build_echo("0.1.0"))
}

/// A sandbox with the third-party engine, whose manifest has more options, given as JSON.
///
/// # Panics
/// If the plugin does not build.
pub fn with_echo_and(options: &str) -> Sandbox {
    with_engine(&build_echo_with(options))
}

fn with_engine(library: &Path) -> Sandbox {
    let sandbox = Sandbox::new();
    let folder = sandbox.data_home().join("cesar/plugins");
    fs::create_dir_all(&folder).expect("the sandbox can be written");
    fs::copy(library, folder.join("libecho.so")).expect("the sandbox can be written");
    sandbox
}

/// A WAV file of noise, `seconds` long; other noise for each seed.
pub fn wave(seconds: u32, seed: u32) -> Vec<u8> {
    let samples = seconds * 16_000;
    let mut bytes = Vec::new();
    let mut put = |part: &[u8]| bytes.extend_from_slice(part);
    put(b"RIFF");
    put(&(36 + samples * 2).to_le_bytes());
    put(b"WAVEfmt ");
    put(&16_u32.to_le_bytes());
    // PCM, one channel, 16 kHz, 16 bits.
    put(&[1, 0, 1, 0]);
    put(&16_000_u32.to_le_bytes());
    put(&32_000_u32.to_le_bytes());
    put(&[2, 0, 16, 0]);
    put(b"data");
    put(&(samples * 2).to_le_bytes());
    let start = seed.wrapping_mul(40_503);
    for sample in 0..samples {
        let value = sample.wrapping_mul(2_654_435_761).wrapping_add(start) >> 18;
        put(&u16::try_from(value).unwrap_or_default().to_le_bytes());
    }
    bytes
}

/// A part of a form: its name, its file's name if it is one, its content.
pub type Part<'a> = (&'a str, Option<&'a str>, &'a [u8]);

/// A form's content type and body.
pub fn form(parts: &[Part<'_>]) -> (String, Vec<u8>) {
    const BOUNDARY: &str = "cesar-test-boundary-7d1f";
    let mut body = Vec::new();
    for (name, file, content) in parts {
        let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={BOUNDARY}"), body)
}

/// The answer of a server.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status; 0 if the connection was closed without an answer.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Answer {
    /// Reads an answer's bytes.
    pub fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(": "));
        Self {
            status: status.unwrap_or_default(),
            headers: headers
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect(),
            body: body.to_owned(),
        }
    }

    /// A header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is not JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// This answer, after a check of its status.
    ///
    /// # Panics
    /// With the answer if it is another.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// The port it listens on.
    pub port: u16,
    figures: Option<Figures>,
}

impl Server {
    /// Starts a server on its own port, with the echo as its engine.
    ///
    /// # Panics
    /// With its log if it does not get ready.
    #[track_caller]
    pub fn start(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        Self::start_with(sandbox, arguments, &[])
    }

    /// The same with additional environment variables.
    ///
    /// # Panics
    /// With its log if it does not get ready.
    #[track_caller]
    pub fn start_with(sandbox: &Sandbox, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::start_engine(sandbox, "echo", arguments, environment)
    }

    /// The same with another engine.
    ///
    /// # Panics
    /// With its log if it does not get ready.
    #[track_caller]
    pub fn start_engine(sandbox: &Sandbox, engine: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let log = fs::OpenOptions::new().append(true).create(true).open(log_path(sandbox));
        let mut command = sandbox.command();
        command
            .args(["serve", "--port", "0", "--ready-json", "--asr-plugin", engine])
            .args(arguments)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log.expect("the sandbox can be written"));
        let (child, line) = started(&mut command);
        let ready: Value = serde_json::from_str(&line).unwrap_or_default();
        let port = ready["port"].as_u64().filter(|_| ready["status"] == "ready");
        let port = port.unwrap_or_else(|| panic!("it is not ready: {line:?}\n{}", log_of(sandbox)));
        Self {
            child,
            port: u16::try_from(port).expect("a port has 16 bits"),
            figures: Figures::of(&ready),
        }
    }

    /// Its figures at the address of `--metrics`.
    ///
    /// # Panics
    /// If it was started without it.
    pub fn figures(&self) -> Figures {
        self.figures.expect("it was started with `--metrics`")
    }

    /// A URL of this server.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// A bare connection.
    ///
    /// # Panics
    /// If the server does not accept it.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server listens");
        stream.set_read_timeout(Some(TIMEOUT)).expect("a socket has a timeout");
        stream
    }

    /// Sends these bytes and reads until the server closes the connection. Empty without a server.
    pub fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        exchange(self.port, bytes)
    }

    /// Sends a request.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.0\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            head.push_str("host: localhost\r\n");
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() || method == "POST" {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        Answer::parse(&self.raw(&[head.as_bytes(), body].concat()))
    }

    /// GET.
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], &[])
    }

    /// DELETE.
    pub fn delete(&self, path: &str) -> Answer {
        self.request("DELETE", path, &[], &[])
    }

    /// POST without a body.
    pub fn post(&self, path: &str) -> Answer {
        self.request("POST", path, &[], &[])
    }

    /// POST of JSON.
    pub fn post_json(&self, path: &str, body: &str) -> Answer {
        self.request("POST", path, &[("content-type", "application/json")], body.as_bytes())
    }

    /// POST of a form.
    pub fn send(&self, path: &str, parts: &[Part<'_>], headers: &[(&str, &str)]) -> Answer {
        let (kind, body) = form(parts);
        let kind = [("content-type", kind.as_str())];
        self.request("POST", path, &[&kind[..], headers].concat(), &body)
    }

    /// Submits a recording, and returns the job's id.
    ///
    /// # Panics
    /// If it is not accepted.
    #[track_caller]
    pub fn submit(&self, recording: &[u8], fields: &[(&str, &str)]) -> String {
        let mut parts: Vec<Part<'_>> = vec![("file", Some("talk.wav"), recording)];
        parts.extend(fields.iter().map(|(name, value)| (*name, None, value.as_bytes())));
        let job = self.send("/transcribe", &parts, &[]).is(202).json();
        job["id"].as_str().expect("a job has an id").to_owned()
    }

    /// A job.
    #[track_caller]
    pub fn job(&self, id: &str) -> Value {
        self.get(&format!("/jobs/{id}")).json()
    }

    /// Polls until the job has one of these statuses, and returns it.
    ///
    /// # Panics
    /// With the job if it never has.
    #[track_caller]
    pub fn wait_for(&self, id: &str, statuses: &[&str]) -> Value {
        let mut job = Value::Null;
        until(&format!("job {id} is {statuses:?}"), || {
            job = self.job(id);
            statuses.iter().any(|status| job["status"] == *status)
        });
        job
    }

    /// A figure of `/metrics`; 0 if absent.
    #[track_caller]
    pub fn figure(&self, name: &str) -> f64 {
        figure(&self.get("/metrics").is(200).body, name)
    }

    /// The events of a stream, until it ends: the kind and the data of each.
    ///
    /// # Panics
    /// If the server does not accept the connection.
    pub fn events(&self, path: &str) -> impl Iterator<Item = (String, Value)> {
        let mut stream = self.connect();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").expect("the server reads");
        let mut kind = String::new();
        let lines = BufReader::new(stream).lines().map_while(Result::ok);
        lines.filter_map(move |line| {
            let (name, value) = line.split_once(':')?;
            match name {
                "event" => {
                    value.trim_start().clone_into(&mut kind);
                    None
                }
                "data" => Some((kind.clone(), serde_json::from_str(value).unwrap_or_default())),
                _ => None,
            }
        })
    }

    /// Sends a signal, such as `-TERM`.
    ///
    /// # Panics
    /// If the server is gone.
    pub fn signal(&self, signal: &str) {
        let kill = Command::new("kill").args([signal, &self.id().to_string()]).status();
        assert!(kill.expect("`kill` is installed").success(), "the server is gone");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If the system refuses.
    pub fn end(mut self) -> ExitStatus {
        self.child.wait().expect("a child can be waited for")
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running `cesar worker` with the echo as its engine; killed when dropped.
#[derive(Debug)]
pub struct JobWorker {
    child: Child,
    figures: Option<Figures>,
}

/// The figures of a process with `--metrics`.
#[derive(Debug, Clone, Copy)]
pub struct Figures(u16);

impl Figures {
    fn of(ready: &Value) -> Option<Self> {
        let port = ready["metrics_port"].as_u64()?;
        u16::try_from(port).ok().map(Self)
    }

    /// GET.
    pub fn get(self, path: &str) -> Answer {
        let request = format!("GET {path} HTTP/1.0\r\nhost: localhost\r\n\r\n");
        Answer::parse(&exchange(self.0, request.as_bytes()))
    }

    /// A figure of `/metrics`; 0 if absent.
    #[track_caller]
    pub fn figure(self, name: &str) -> f64 {
        figure(&self.get("/metrics").is(200).body, name)
    }
}

impl JobWorker {
    /// Starts a worker on the jobs of the sandbox's servers.
    ///
    /// # Panics
    /// With its log if it does not get ready.
    #[track_caller]
    pub fn start(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        Self::start_with(sandbox, arguments, &[])
    }

    /// The same with additional environment variables.
    ///
    /// # Panics
    /// With its log if it does not get ready.
    #[track_caller]
    pub fn start_with(sandbox: &Sandbox, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let log = fs::OpenOptions::new().append(true).create(true).open(log_path(sandbox));
        let mut command = sandbox.command();
        command
            .args(["worker", "--ready-json"])
            .args(arguments)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log.expect("the sandbox can be written"));
        let (child, line) = started(&mut command);
        let ready: Value = serde_json::from_str(&line).unwrap_or_default();
        assert_eq!(ready["status"], "ready", "{line:?}\n{}", log_of(sandbox));
        let figures = Figures::of(&ready);
        Self { child, figures }
    }

    /// Its figures.
    ///
    /// # Panics
    /// If it was started without `--metrics`.
    pub fn figures(&self) -> Figures {
        self.figures.expect("it was started with `--metrics`")
    }

    /// Sends a signal, such as `-STOP`.
    ///
    /// # Panics
    /// If it is gone.
    pub fn signal(&self, signal: &str) {
        let kill = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(kill.expect("`kill` is installed").success(), "the worker is gone");
    }

    /// Asks it to stop, and waits for its end.
    ///
    /// # Panics
    /// If it is gone already.
    pub fn stop(mut self) -> ExitStatus {
        self.signal("-TERM");
        self.child.wait().expect("a child can be waited for")
    }
}

impl Drop for JobWorker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends bytes to a port of this machine, and reads until the connection is closed. Empty without a server.
fn exchange(port: u16, bytes: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
        // The server may answer and close before everything was sent, or die.
        let _ = stream.set_read_timeout(Some(TIMEOUT));
        let _ = stream.write_all(bytes);
        let _ = stream.read_to_end(&mut answer);
    }
    answer
}

/// A figure in the text of `/metrics`; 0 if absent.
fn figure(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().expect("figures are numbers"))
}

/// Starts a program, and waits for its first line.
fn started(command: &mut Command) -> (Child, String) {
    let mut child = command.spawn().expect("the built program starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("standard output was piped");
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("standard output is text");
    (child, line)
}

/// Polls until a condition holds.
///
/// # Panics
/// If it does not hold in time.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < TIMEOUT, "timed out: {what}");
        thread::sleep(Duration::from_millis(25));
    }
}

/// The log of a sandbox's servers.
pub fn log_of(sandbox: &Sandbox) -> String {
    fs::read_to_string(log_path(sandbox)).unwrap_or_default()
}

fn log_path(sandbox: &Sandbox) -> std::path::PathBuf {
    sandbox.path().join("serve.log")
}

/// The jobs listed by the command line, the youngest first.
///
/// # Panics
/// If it fails.
#[track_caller]
pub fn listed(sandbox: &Sandbox) -> Vec<Value> {
    let output: Output = sandbox.run(["jobs", "list", "--json", "--limit", "100000"]).exits(0);
    output.json()["jobs"].as_array().cloned().unwrap_or_default()
}

//! A real collector of traces for tests: the agent of the Python package `rotel`, which `cargo xtask clients` installs.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::clients::python;
use crate::ports::free_ports;
use crate::sandbox::Sandbox;
use crate::server::until;

/// A span as the collector received it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CollectedSpan {
    /// The service that made it.
    pub service: String,
    /// Its trace, in hexadecimal digits.
    pub trace: String,
    /// The span above it; empty for none.
    pub parent: String,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its kind, such as `SPAN_KIND_SERVER`.
    pub kind: String,
    /// The message of its failure; empty for none.
    pub failure: String,
    /// Its attributes as text, such as `Int(200)`.
    pub attributes: BTreeMap<String, String>,
}

/// A running collector; killed when dropped.
#[derive(Debug)]
pub struct Collector {
    child: Child,
    port: u16,
    output: PathBuf,
}

impl Collector {
    /// Starts a collector in a sandbox.
    ///
    /// # Panics
    /// When it is not installed, or does not start.
    #[must_use]
    pub fn start(sandbox: &Sandbox) -> Self {
        let output = sandbox.path().join("collector.log");
        let [grpc, http] = free_ports();
        let address = |port: u16| format!("127.0.0.1:{port}");
        let written = fs::File::create(&output).expect("the sandbox can be written");
        let child = Command::new(program())
            .arg("start")
            .args(["--otlp-grpc-endpoint", &address(grpc)])
            .args(["--otlp-http-endpoint", &address(http)])
            .args(["--exporter", "blackhole"])
            .args(["--debug-log", "traces", "--debug-log-verbosity", "detailed"])
            .current_dir(sandbox.path())
            .stdin(Stdio::null())
            .stderr(written.try_clone().expect("a file can be opened twice"))
            .stdout(written)
            .spawn()
            .expect("`cargo xtask clients` installs the collector");
        let collector = Self {
            child,
            port: http,
            output,
        };
        until("the collector listens", || {
            std::net::TcpStream::connect(("127.0.0.1", http)).is_ok()
        });
        collector
    }

    /// Its address, for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The spans that it has received.
    #[must_use]
    pub fn spans(&self) -> Vec<CollectedSpan> {
        spans(&fs::read_to_string(&self.output).unwrap_or_default())
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program lies in the package, which has no script for it.
fn program() -> PathBuf {
    if let Some(named) = env::var_os("CESAR_COLLECTOR") {
        return named.into();
    }
    let found = Command::new(python())
        .args(["-c", "import rotel; print(rotel.__path__[0])"])
        .output()
        .expect("`cargo xtask clients` installs Python");
    assert!(
        found.status.success(),
        "the package `rotel` is missing: run `cargo xtask clients`, or name a program with CESAR_COLLECTOR"
    );
    PathBuf::from(String::from_utf8_lossy(&found.stdout).trim()).join("rotel-agent")
}

/// The spans in the collector's output.
fn spans(output: &str) -> Vec<CollectedSpan> {
    let mut spans: Vec<CollectedSpan> = Vec::new();
    let mut service = String::new();
    let mut is_span = false;
    for line in output.lines().map(str::trim) {
        if line.starts_with("ResourceSpans #") {
            is_span = false;
        } else if line.starts_with("Span #") {
            is_span = true;
            spans.push(CollectedSpan {
                service: service.clone(),
                ..CollectedSpan::default()
            });
        } else if let Some((name, value)) = line.strip_prefix("-> ").and_then(|line| line.split_once(": ")) {
            // Those of the service come before its spans.
            match spans.last_mut() {
                Some(span) if is_span => drop(span.attributes.insert(name.to_owned(), value.to_owned())),
                _ if name == "service.name" => value.clone_into(&mut service),
                _ => {}
            }
        } else if let (true, Some(span), Some((name, value))) = (is_span, spans.last_mut(), line.split_once(':')) {
            let field = match name.trim() {
                "Trace ID" => &mut span.trace,
                "Parent ID" => &mut span.parent,
                "ID" => &mut span.id,
                "Name" => &mut span.name,
                "Kind" => &mut span.kind,
                "Status message" => &mut span.failure,
                _ => continue,
            };
            value.trim().clone_into(field);
        }
    }
    spans
}

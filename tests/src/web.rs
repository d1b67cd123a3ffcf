//! A small HTTP server on a loopback port that serves recordings, with injected faults.
//!
//! Each path has a [`Page`], which can be replaced while the server runs, and every request is recorded ([`Web::requests`]). It
//! uses HTTP/1.1 over real sockets, one request per connection, on its own threads. Only deliberately slow answers wait for time to
//! pass, and end with the server.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Interval between two bytes of a slow body.
const DRIP: Duration = Duration::from_millis(20);
const CHUNK: usize = 16 * 1024;

/// The content of a path.
#[derive(Clone, Debug)]
pub struct Page {
    body: Vec<u8>,
    content_type: Option<String>,
    headers: Vec<(String, String)>,
    /// Those of answers with a part.
    part_headers: Vec<(String, String)>,
    etag: Option<String>,
    last_modified: Option<String>,
    ranges: bool,
    manner: Manner,
}

/// The manner of sending a page.
#[derive(Clone, Debug)]
pub enum Manner {
    /// Normally.
    Well,
    /// Closed after this many bytes of each answer, this many times.
    Breaking {
        /// Bytes of the body that are sent.
        after: usize,
        /// Number of times.
        times: usize,
    },
    /// The declared body is longer by this many bytes, which are not sent.
    Claiming(usize),
    /// Sent in chunks, without a length, forever.
    Endless,
    /// This many bytes, and then nothing more, without closing.
    Stalling(usize),
    /// Byte by byte, slowly.
    Dripping,
    /// A redirect to another page.
    Redirect(String),
    /// Only a status, and a header `Retry-After` if there is a text.
    Status(u16, Option<String>),
}

impl Page {
    /// A page that is sent normally.
    pub fn new(body: impl Into<Vec<u8>>, content_type: &str) -> Self {
        Self {
            body: body.into(),
            content_type: Some(content_type.to_owned()),
            headers: Vec::new(),
            part_headers: Vec::new(),
            etag: None,
            last_modified: None,
            ranges: true,
            manner: Manner::Well,
        }
    }

    /// A WAV file.
    pub fn wave(body: impl Into<Vec<u8>>) -> Self {
        Self::new(body, "audio/wav")
    }

    /// A page without a body.
    pub fn bare(manner: Manner) -> Self {
        Self::new(Vec::new(), "text/plain").sent(manner)
    }

    /// The same page in another manner.
    #[must_use]
    pub fn sent(mut self, manner: Manner) -> Self {
        self.manner = manner;
        self
    }

    /// With this `ETag`.
    #[must_use]
    pub fn etag(mut self, etag: &str) -> Self {
        self.etag = Some(etag.to_owned());
        self
    }

    /// With this `Last-Modified`.
    #[must_use]
    pub fn last_modified(mut self, date: &str) -> Self {
        self.last_modified = Some(date.to_owned());
        self
    }

    /// With another header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With another header in answers with a part.
    #[must_use]
    pub fn part_header(mut self, name: &str, value: &str) -> Self {
        self.part_headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// From a server without ranges.
    #[must_use]
    pub fn without_ranges(mut self) -> Self {
        self.ranges = false;
        self
    }
}

/// A received request.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `GET`, `HEAD`, …
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The status of the answer.
    pub status: u16,
    /// Bytes of the body that were sent.
    pub sent: usize,
}

impl Seen {
    /// A header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// One line: the request with its conditions, and the answer.
impl std::fmt::Display for Seen {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.method, self.path)?;
        for name in ["range", "if-range", "if-none-match", "if-modified-since"] {
            if let Some(value) = self.header(name) {
                write!(formatter, " {name}: {value}")?;
            }
        }
        write!(formatter, " => {}", self.status)
    }
}

#[derive(Debug, Default)]
struct State {
    pages: BTreeMap<String, Page>,
    seen: Vec<Seen>,
    over: bool,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    end: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits, unless the server ends; returns whether it has ended.
    fn wait(&self, length: Duration) -> bool {
        let waited = self.end.wait_timeout_while(self.lock(), length, |state| !state.over);
        waited.unwrap_or_else(PoisonError::into_inner).0.over
    }
}

/// A running server; ends when dropped.
#[derive(Debug)]
pub struct Web {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Web {
    /// Starts a server without pages.
    ///
    /// # Panics
    /// If there is no free port.
    #[expect(clippy::new_without_default, reason = "it takes a port and starts a thread")]
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let shared = Arc::new(Shared::default());
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if serving.lock().over {
                    return;
                }
                let shared = Arc::clone(&serving);
                // Some tests disconnect in the middle.
                thread::spawn(move || serve(&shared, stream));
            }
        });
        Self { address, shared }
    }

    /// Sets the page of a path.
    pub fn put(&self, path: &str, page: Page) {
        self.shared.lock().pages.insert(path.to_owned(), page);
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The requests since the last call.
    pub fn requests(&self) -> Vec<Seen> {
        std::mem::take(&mut self.shared.lock().seen)
    }

    /// Waits for the first request to this path, which may be an earlier one.
    ///
    /// # Panics
    /// If there is none within `patience`.
    #[track_caller]
    pub fn wait_for(&self, path: &str, patience: Duration) -> Seen {
        let find = |state: &State| state.seen.iter().find(|seen| seen.path.starts_with(path)).cloned();
        let waited = self
            .shared
            .end
            .wait_timeout_while(self.shared.lock(), patience, |state| find(state).is_none());
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        find(&state).unwrap_or_else(|| panic!("nothing asked for `{path}`: {:?}", state.seen))
    }

    /// [`Self::requests`] as lines.
    pub fn lines(&self) -> Vec<String> {
        self.requests().iter().map(Seen::to_string).collect()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.shared.end.notify_all();
        // Wakes the listener, so that it sees that.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(shared: &Shared, stream: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Ok(());
    };
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    let mut seen = Seen {
        method,
        path,
        headers,
        status: 404,
        sent: 0,
    };
    let name = seen.path.split('?').next().unwrap_or_default().to_owned();
    let page = page(shared, &name);
    let answer = page.as_ref().map(|page| Answer::to(page, &seen));
    seen.status = answer.as_ref().map_or(404, |answer| answer.status);
    seen.sent = answer.as_ref().map_or(0, |answer| answer.body.len());
    let is_head = seen.method == "HEAD";
    shared.lock().seen.push(seen);
    shared.end.notify_all();
    match (page, answer) {
        (Some(page), Some(answer)) => answer.send(&page, shared, stream, is_head),
        _ => (&stream).write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    }
}

/// The page for this request: a break is used up.
fn page(shared: &Shared, name: &str) -> Option<Page> {
    let mut state = shared.lock();
    let page = state.pages.get_mut(name)?;
    let now = page.clone();
    if let Manner::Breaking { times, .. } = &mut page.manner {
        *times = times.saturating_sub(1);
        if *times == 0 {
            page.manner = Manner::Well;
        }
    }
    Some(now)
}

struct Answer {
    status: u16,
    body: Vec<u8>,
    headers: Vec<(String, String)>,
}

impl Answer {
    fn to(page: &Page, seen: &Seen) -> Self {
        let mut answer = Self {
            status: 200,
            body: page.body.clone(),
            headers: page.headers.clone(),
        };
        let mut add = |name: &str, value: &str| answer.headers.push((name.to_owned(), value.to_owned()));
        for (name, value) in [("ETag", &page.etag), ("Last-Modified", &page.last_modified)] {
            if let Some(value) = value {
                add(name, value);
            }
        }
        match &page.manner {
            Manner::Redirect(to) => {
                add("Location", to);
                answer.status = 302;
                answer.body.clear();
            }
            Manner::Status(status, retry_after) => {
                if let Some(retry_after) = retry_after {
                    add("Retry-After", retry_after);
                }
                answer.status = *status;
            }
            _ if is_known(page, seen) => {
                answer.status = 304;
                answer.body.clear();
            }
            _ => {
                if let Some(content_type) = &page.content_type {
                    add("Content-Type", content_type);
                }
                if page.ranges {
                    add("Accept-Ranges", "bytes");
                    answer.cut(page, seen);
                }
            }
        }
        answer
    }

    /// Reduces the answer to the requested part, if it is still the same file.
    fn cut(&mut self, page: &Page, seen: &Seen) {
        let first = seen
            .header("range")
            .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-'));
        let Some(first) = first.and_then(|first| first.parse::<usize>().ok()) else {
            return;
        };
        let condition = seen.header("if-range");
        let holds = |condition: &str| {
            [&page.etag, &page.last_modified]
                .iter()
                .any(|known| known.as_deref() == Some(condition))
        };
        if !condition.is_none_or(holds) {
            return;
        }
        let length = self.body.len();
        if first >= length {
            self.status = 416;
            self.body.clear();
            self.headers
                .push(("Content-Range".to_owned(), format!("bytes */{length}")));
            return;
        }
        self.status = 206;
        self.body.drain(..first);
        let range = format!("bytes {first}-{}/{length}", length - 1);
        self.headers.push(("Content-Range".to_owned(), range));
        self.headers.extend(page.part_headers.iter().cloned());
    }

    fn send(self, page: &Page, shared: &Shared, mut stream: TcpStream, is_head: bool) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {} Some Reason\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let length = match page.manner {
            Manner::Endless => None,
            Manner::Claiming(more) => Some(self.body.len() + more),
            Manner::Stalling(_) | Manner::Dripping if self.body.is_empty() => Some(1 << 20),
            _ => Some(self.body.len()),
        };
        match length {
            Some(_) if self.status == 304 => {}
            Some(length) => head.push_str(&format!("Content-Length: {length}\r\n")),
            None => head.push_str("Transfer-Encoding: chunked\r\n"),
        }
        head.push_str("Connection: close\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        if is_head {
            return Ok(());
        }
        match page.manner {
            Manner::Breaking { after, .. } => stream.write_all(&self.body[..after.min(self.body.len())]),
            Manner::Stalling(after) => {
                stream.write_all(&self.body[..after.min(self.body.len())])?;
                while !shared.wait(Duration::from_secs(3600)) {}
                Ok(())
            }
            Manner::Dripping => {
                for byte in self.body.chunks(1) {
                    stream.write_all(byte)?;
                    if shared.wait(DRIP) {
                        return Ok(());
                    }
                }
                Ok(())
            }
            Manner::Endless => {
                let mut first = self.body;
                first.resize(first.len() + CHUNK, 0);
                let mut chunk = first;
                loop {
                    write!(stream, "{:x}\r\n", chunk.len())?;
                    stream.write_all(&chunk)?;
                    stream.write_all(b"\r\n")?;
                    chunk = vec![0; CHUNK];
                }
            }
            _ => stream.write_all(&self.body),
        }
    }
}

/// Whether the client has the current version.
fn is_known(page: &Page, seen: &Seen) -> bool {
    let bare = |etag: &str| etag.trim_start_matches("W/").to_owned();
    match (seen.header("if-none-match"), seen.header("if-modified-since")) {
        (Some(etag), _) => page.etag.as_deref().map(bare) == Some(bare(etag)),
        (None, Some(date)) => page.last_modified.as_deref() == Some(date),
        (None, None) => false,
    }
}

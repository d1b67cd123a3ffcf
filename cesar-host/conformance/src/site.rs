//! A small HTTP server on a loopback port, with one recording, for stages that download.
//!
//! | path | answer |
//! |---|---|
//! | `/recording.wav` | the recording |
//! | `/silent.wav` | its beginning, and then nothing until the client closes |
//! | anything else | 404 |
//!
//! Each connection is for one request, is served by its own thread, and ends when the client closes it. The same recording is also
//! a file, for stages that take `file:` URLs.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::NamedTempFile;

/// Sample rate in Hz, two bytes a sample.
const RATE: u32 = 16_000;

/// The server; stops when dropped.
#[derive(Debug)]
pub(super) struct Site {
    address: SocketAddr,
    recording: Arc<Vec<u8>>,
    file: NamedTempFile,
    over: Arc<AtomicBool>,
}

impl Site {
    /// Starts the server on a free port.
    ///
    /// # Errors
    /// If there is no loopback interface, or no space for a temporary file.
    pub(super) fn open() -> io::Result<Self> {
        let recording = Arc::new(recording());
        let mut file = tempfile::Builder::new().suffix(".wav").tempfile()?;
        file.write_all(&recording)?;
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let over = Arc::new(AtomicBool::new(false));
        let (served, ended) = (Arc::clone(&recording), Arc::clone(&over));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ended.load(Ordering::Acquire) {
                    return;
                }
                let served = Arc::clone(&served);
                // A disconnecting client is not an error.
                std::thread::spawn(move || drop(answer(stream, &served)));
            }
        });
        Ok(Self {
            address,
            recording,
            file,
            over,
        })
    }

    /// The URL of a path.
    pub(super) fn address(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// The file with the same recording.
    pub(super) fn file(&self) -> PathBuf {
        self.file.path().to_owned()
    }

    /// The bytes that are served.
    pub(super) fn recording(&self) -> &[u8] {
        &self.recording
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        // Wakes the thread that waits for the next connection.
        let _ = TcpStream::connect(self.address);
    }
}

/// One second of a rising tone, as a WAV file.
fn recording() -> Vec<u8> {
    let data = 2 * RATE;
    let mut bytes = Vec::with_capacity(44 + data as usize);
    bytes.extend_from_slice(b"RIFF");
    bytes.extend_from_slice(&(36 + data).to_le_bytes());
    bytes.extend_from_slice(b"WAVEfmt ");
    bytes.extend_from_slice(&16_u32.to_le_bytes());
    // PCM, one channel.
    bytes.extend_from_slice(&[1, 0, 1, 0]);
    bytes.extend_from_slice(&RATE.to_le_bytes());
    bytes.extend_from_slice(&data.to_le_bytes());
    bytes.extend_from_slice(&[2, 0, 16, 0]);
    bytes.extend_from_slice(b"data");
    bytes.extend_from_slice(&data.to_le_bytes());
    for index in 0..RATE {
        let seconds = f64::from(index) / f64::from(RATE);
        let wave = (seconds * (200.0 + 300.0 * seconds) * std::f64::consts::TAU).sin();
        #[expect(clippy::cast_possible_truncation, reason = "below 2^15")]
        let sample = (wave * 8000.0) as i16;
        bytes.extend_from_slice(&sample.to_le_bytes());
    }
    bytes
}

fn answer(mut stream: TcpStream, recording: &[u8]) -> io::Result<()> {
    let (method, path) = request(&stream)?;
    let (status, body) = match path.as_str() {
        "/recording.wav" | "/silent.wav" => ("200 OK", recording),
        _ => ("404 Not Found", &b"there is nothing here"[..]),
    };
    let kind = if status.starts_with('2') {
        "audio/wav"
    } else {
        "text/plain"
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nETag: \"1\"\r\nConnection: close\r\n\r\n"
    )?;
    if method == "HEAD" {
        return Ok(());
    }
    if path == "/silent.wav" {
        stream.write_all(&body[..length / 2])?;
        // Until the client disconnects.
        return stream.read(&mut [0]).map(drop);
    }
    stream.write_all(body)
}

/// Method and path of a request; its headers are read and ignored.
fn request(stream: &TcpStream) -> io::Result<(String, String)> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let mut words = first.split_whitespace().map(str::to_owned);
    Ok((words.next().unwrap_or_default(), words.next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(site: &Site, request: &str) -> String {
        let mut stream = TcpStream::connect(site.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[test]
    fn it_serves_one_recording() {
        let site = Site::open().unwrap();
        let whole = ask(&site, "GET /recording.wav HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(
            whole.starts_with("HTTP/1.1 200 OK\r\n") && whole.contains("Content-Length: 32044\r\n"),
            "{whole}"
        );
        assert!(ask(&site, "HEAD /recording.wav HTTP/1.1\r\n\r\n").ends_with("\r\n\r\n"));
        assert!(ask(&site, "GET /other HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
        assert_eq!(std::fs::read(site.file()).unwrap(), site.recording());
        assert_eq!(site.recording().len(), 32_044);
    }
}

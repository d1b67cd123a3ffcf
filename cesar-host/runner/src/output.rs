//! Output of a plugin: its standard output and standard error, logged under its name.
//!
//! Both use one pipe. Long lines are truncated, and excess lines are dropped and counted, so that endless output costs the host
//! neither memory nor its log. The last lines are kept, because they may explain a crash.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::io::Read;
use std::process::ChildStderr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Instant;

use super::rate_limit::Bucket;

/// Number of last lines kept.
const LAST_LINES: usize = 20;

/// Maximum length of a line, in bytes.
const LONGEST_LINE: usize = 2_000;

/// The last lines, as they arrive.
#[derive(Debug, Clone, Default)]
pub(super) struct LastLines(pub(super) Arc<Mutex<VecDeque<String>>>, pub(super) Arc<AtomicU64>);

impl LastLines {
    fn push(&self, line: String) {
        let mut lines = self.0.lock();
        if lines.len() == LAST_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

/// Reads the stream to its end on its own thread, which holds `reading` until then.
pub(super) fn keep(stderr: ChildStderr, plugin: String, lines: LastLines, reading: mpsc::Sender<()>) {
    std::thread::spawn(move || {
        let _reading = reading;
        let mut bucket = Bucket::of_lines(Instant::now());
        let bytes = Arc::clone(&lines.1);
        read_lines(Counted(stderr, bytes), |line| {
            if bucket.admits(Instant::now()) {
                tracing::info!(plugin, "{line}");
            }
            lines.push(line);
        });
        let dropped = bucket.take_dropped();
        if dropped > 0 {
            tracing::warn!("plugin `{plugin}`: dropped {dropped} printed lines (rate limit)");
        }
    });
}

/// Counts the bytes read.
struct Counted<R>(R, Arc<AtomicU64>);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.0.read(buffer)?;
        self.1.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

/// Passes on each line, without its end and truncated to the maximum length.
fn read_lines(mut stream: impl Read, mut line: impl FnMut(String)) {
    let (mut chunk, mut begun) = (vec![0; 1 << 16], Vec::new());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    while let Ok(length @ 1..) = stream.read(&mut chunk) {
        for (index, part) in chunk[..length].split(|byte| *byte == b'\n').enumerate() {
            if index > 0 {
                line(text(&begun));
                begun.clear();
            }
            let room = LONGEST_LINE - begun.len();
            begun.extend_from_slice(&part[..part.len().min(room)]);
        }
    }
    if !begun.is_empty() {
        line(text(&begun));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_and_not_mixed() {
        let mut printed = b"one\ntw\xffo\r\n\n".to_vec();
        printed.extend(vec![b'x'; 1 << 20]);
        printed.extend(b"\nlast");
        let mut lines = Vec::new();
        read_lines(&printed[..], |line| lines.push(line));
        assert_eq!(lines[..3], ["one", "tw\u{fffd}o", ""]);
        assert_eq!(
            (lines[3].len(), lines[4].as_str(), lines.len()),
            (LONGEST_LINE, "last", 5)
        );
    }

    #[test]
    fn the_last_lines_are_kept() {
        let lines = LastLines::default();
        (0..100).for_each(|number| lines.push(number.to_string()));
        let kept = lines.0.lock();
        assert_eq!((kept.len(), kept[0].as_str()), (LAST_LINES, "80"));
    }
}

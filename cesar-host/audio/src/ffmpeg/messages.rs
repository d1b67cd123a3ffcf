//! Messages of ffmpeg on its standard error: damage, with its place in the recording.
//!
//! Lines begin with their level ([`level`]), and a filter writes the time of a frame every half second ([`MARKS`]): a message
//! between two of these lines concerns the data read there. ffmpeg reads some packets ahead of the frames that it writes.

use std::io::{BufRead as _, BufReader, Read};

use super::command::{INPUT, INPUT_PATH};
use crate::clock::{SECOND, seconds};
use crate::demux::Nanoseconds;

/// Adds a branch that writes the time of a frame every half second; `[out]` is the unchanged sound.
pub(super) const MARKS: &str =
    "asplit[out][marks];[marks]aselect=isnan(prev_selected_t)+gte(t-prev_selected_t\\,0.5),ashowinfo,anullsink";

/// The filter that writes them.
const MARK: &str = "[Parsed_ashowinfo";

/// Maximum characters of one message, and bytes of a line.
const LONGEST: usize = 500;
const LONGEST_LINE: u64 = 16 * 1024;

/// Maximum number of places; those nearer than [`AHEAD`] to each other are one.
const MOST_PLACES: usize = 20_000;

/// Distance by which ffmpeg reads ahead of decoding.
const AHEAD: Nanoseconds = 5 * SECOND;

/// The part of the sound that ffmpeg reads before decoding, to identify it.
const PROBED: Nanoseconds = 10 * SECOND;

/// Words of warnings about damaged data; errors always mean damage.
const DAMAGE: [&str; 15] = [
    "corrupt",
    "mismatch",
    "bad ",
    "skip",
    "invalid",
    "error",
    "sync",
    "truncat",
    "damage",
    "broken",
    "fail",
    "missing",
    "illegal",
    "incomplete",
    "lost",
];

/// The debug message of the transport stream demuxer about missing packets.
const CONTINUITY: &str = "Continuity check failed";

/// ffmpeg's log level, by the name of the demuxer.
pub(super) fn level(demuxer: Option<&str>) -> &'static str {
    match demuxer {
        Some("mpegts") => "repeat+level+debug",
        _ => "repeat+level+verbose",
    }
}

/// The level of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Error,
    Warning,
    Other,
}

/// The messages of one run.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// The first error.
    pub(super) error: Option<String>,
    /// Places of damage, in order.
    places: Vec<Place>,
    /// Time of the first frame.
    begin: Option<Nanoseconds>,
    /// The report before the first decoded frame.
    while_probing: Option<Report>,
    /// Bytes of the recording that were read, those read twice included.
    pub(super) bytes_read: Option<u64>,
}

/// A message about damage.
#[derive(Debug)]
struct Report {
    is_error: bool,
    text: String,
}

/// Messages near each other.
#[derive(Debug)]
struct Place {
    /// Time of the frame before the first message, and before the last.
    start: Nanoseconds,
    end: Nanoseconds,
    report: Report,
}

impl Report {
    /// Keeps the first message, but prefers an error over a warning.
    fn merge(&mut self, other: Self) {
        if other.is_error && !self.is_error {
            *self = other;
        }
    }
}

impl Messages {
    /// Reads messages to their end.
    pub(super) fn read(errors: impl Read) -> Self {
        let mut messages = Self::default();
        let mut errors = BufReader::new(errors);
        let (mut level, mut position) = (Level::Error, None);
        let mut line = Vec::new();
        while let Ok(1..) = {
            line.clear();
            errors.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)
        } {
            let text = String::from_utf8_lossy(&line);
            if text.starts_with(MARK) {
                position = time_of(&text).or(position);
                messages.begin = messages.begin.or(position);
                continue;
            }
            // Further lines of a message have no level.
            level = level_of(&text).unwrap_or(level);
            messages.add(level, &text, position);
        }
        messages
    }

    fn add(&mut self, level: Level, line: &str, position: Option<Nanoseconds>) {
        let text = sentence(line);
        if text.is_empty() {
            return;
        }
        if level == Level::Other {
            self.bytes_read = self.bytes_read.max(bytes_read(&text));
        }
        let is_error = match level {
            Level::Error => true,
            Level::Other if text.contains(CONTINUITY) => false,
            Level::Warning if is_damage(&text) => false,
            _ => return,
        };
        if is_error && self.error.is_none() {
            self.error = Some(text.clone());
        }
        let report = Report { is_error, text };
        let Some(position) = position else {
            match &mut self.while_probing {
                Some(known) => known.merge(report),
                None => self.while_probing = Some(report),
            }
            return;
        };
        let has_room = self.places.len() < MOST_PLACES;
        match self.places.last_mut() {
            Some(last) if position - last.end <= AHEAD => {
                last.end = position.max(last.end);
                last.report.merge(report);
            }
            _ if has_room => self.places.push(Place {
                start: position,
                end: position,
                report,
            }),
            _ => {}
        }
    }

    /// The last report: it can be long before the end of the sound, because some demuxers read far ahead.
    pub(super) fn last(&self) -> Option<&str> {
        let last = self.places.last().map(|place| &place.report);
        last.or(self.while_probing.as_ref()).map(|report| report.text.as_str())
    }

    /// The report about missing sound between two times.
    pub(super) fn about(&self, (start, end): (Nanoseconds, Nanoseconds)) -> Option<&str> {
        let begin = self.begin.unwrap_or(0);
        let is_beside = |place: &&Place| place.end >= start - AHEAD && place.start <= end;
        let beside = self.places.iter().find(is_beside).map(|place| &place.report);
        let probing = self.while_probing.as_ref().filter(|_| start <= begin + PROBED);
        beside.or(probing).map(|report| report.text.as_str())
    }
}

/// The number in the last line about a file: `Statistics: 1234 bytes read, 5 seeks`.
fn bytes_read(text: &str) -> Option<u64> {
    let (_, numbers) = text.split_once("Statistics: ")?;
    numbers.split_once(" bytes read")?.0.parse().ok()
}

fn is_damage(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    // Jumping time stamps are no damage to sound.
    !text.contains("timestamp") && DAMAGE.iter().any(|word| text.contains(word))
}

/// The level in front, possibly behind the name of a part of ffmpeg.
fn level_of(line: &str) -> Option<Level> {
    let (head, rest) = line.trim_start().strip_prefix('[')?.split_once(']')?;
    match head {
        "error" | "fatal" | "panic" => Some(Level::Error),
        "warning" => Some(Level::Warning),
        "info" | "verbose" | "debug" | "trace" | "quiet" => Some(Level::Other),
        _ => level_of(rest),
    }
}

/// The time in a line of the filter.
fn time_of(line: &str) -> Option<Nanoseconds> {
    let text = line.split_once("pts_time:")?.1.split_whitespace().next()?;
    seconds(Some(text))
}

/// A message for a document: without the level, memory addresses, and the file's path, which differ between runs.
pub(super) fn sentence(line: &str) -> String {
    let mut text = line.trim();
    let mut part = None;
    while let Some((head, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        match head.split_once(" @ 0x") {
            Some((name, _)) => part = part.or(Some(name)),
            None if level_of(text).is_some() => {}
            None => break,
        }
        text = rest.trim_start();
    }
    let text = text
        .replace(INPUT, "the file")
        .replace(INPUT_PATH, "the file")
        .replace("pipe:1", "the output");
    let text = text.strip_prefix("the file: ").unwrap_or(&text);
    let text = without_addresses(text);
    let text = match part.filter(|_| !text.is_empty()) {
        Some(part) => format!("{part}: {text}"),
        None => text,
    };
    text.chars().take(LONGEST).flat_map(visible).collect()
}

/// Control characters, which may affect a terminal, escaped.
fn visible(character: char) -> impl Iterator<Item = char> {
    let escaped = character.is_control().then(|| character.escape_debug());
    let plain = (!character.is_control()).then_some(character);
    escaped.into_iter().flatten().chain(plain)
}

/// Removes every ` @ 0x…`.
fn without_addresses(text: &str) -> String {
    let mut parts = text.split(" @ 0x");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + part.trim_start_matches(|character: char| character.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "\
[warning] Guessed Channel Layout for Input Stream #0.0 : mono
[Parsed_ashowinfo_2 @ 0x5631e3a3e040] [info] n:0 pts:0 pts_time:0.5 pos:564 fmt:s16p
[Parsed_ashowinfo_2 @ 0x5631e3a3e040] [info] n:1 pts:8064 pts_time:20.504 pos:-1 fmt:s16p
[mpegts @ 0x5631e39e5900] [warning] Packet corrupt (stream = 0, dts = 398160).
[matroska @ 0x5631e39e5900] [warning] Invalid timestamps stream=0
[info] n: error
[Parsed_ashowinfo_2 @ 0x5631e3a3e040] [info] n:2 pts:16128 pts_time:24.3 pos:24440 fmt:s16p
";

    #[test]
    fn damage_is_known_by_its_place() {
        let messages = Messages::read(LINES.as_bytes());
        let about = |from: i64, to: i64| messages.about((from * SECOND, to * SECOND));
        assert_eq!(
            about(21, 24),
            Some("mpegts: Packet corrupt (stream = 0, dts = 398160).")
        );
        // An honest pause before and behind it.
        assert_eq!((about(5, 9), about(40, 50)), (None, None));
        assert_eq!(messages.error, None);
        assert_eq!((messages.bytes_read, messages.last()), (None, about(21, 24)));
    }

    #[test]
    fn the_place_where_ffmpeg_gave_up_is_known() {
        let lines = "\
[Parsed_ashowinfo_2 @ 0x1] [info] n:0 pts:0 pts_time:9.5 pos:564 fmt:s16p
[gxf @ 0x2] [error] sync lost
[AVIOContext @ 0x3] [verbose] Statistics: 0 bytes read, 0 seeks
[AVIOContext @ 0x4] [verbose] Statistics: 32768 bytes read, 1 seeks
";
        let messages = Messages::read(lines.as_bytes());
        assert_eq!(messages.bytes_read, Some(32_768));
        assert_eq!(messages.last(), Some("gxf: sync lost"));
    }

    #[test]
    fn damage_met_while_probing_is_that_of_the_beginning() {
        let messages = Messages::read("[asf @ 0x1] [error] ff asf bad header 0  at:87712\n".as_bytes());
        let about = |from: i64| messages.about((from * SECOND, (from + 2) * SECOND));
        assert_eq!(about(3), Some("asf: ff asf bad header 0  at:87712"));
        assert_eq!(about(30), None);
    }

    #[test]
    fn a_message_has_neither_addresses_nor_the_place_of_the_file() {
        let shown = [
            "[wv @ 0x55d0] [error] Packet @ 0x55d0f3 is bad\n",
            "[error] file:/proc/self/fd/0: Input/output error\n",
            "[in#0/wv @ 0x55d0] Error opening '/proc/self/fd/0'",
            "[warning] file:/proc/self/fd/0: corrupt input packet in stream 0",
            "the disk is on fire \u{1b}[31m",
        ]
        .map(sentence);
        assert_eq!(
            shown,
            [
                "wv: Packet is bad",
                "Input/output error",
                "in#0/wv: Error opening 'the file'",
                "corrupt input packet in stream 0",
                "the disk is on fire \\u{1b}[31m"
            ]
        );
    }
}

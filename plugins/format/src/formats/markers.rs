//! markers and edl: a marker for each segment, for the timelines of editors.
//!
//! * `markers`: CSV with the columns that Premiere Pro exports (Marker Name, Description, In, Out, Duration, Marker Type), from 00:00:00:00
//!   on. Premiere itself imports no markers from text; the panels and scripts that do take these columns.
//! * `edl`: an edit list as DaVinci Resolve imports it (Timelines, Import, Timeline Markers from EDL), on a timeline that starts at
//!   01:00:00:00, as Resolve's do.
//!
//! Times are timecodes without dropped frames at the option `frame_rate`. A segment without text has no marker.

use plugin_api::document::{Document, Segment};

use crate::{speakers, words};

/// Resolve's colours, by the number of the speaker.
const COLOURS: [&str; 8] = ["Blue", "Green", "Yellow", "Pink", "Cyan", "Purple", "Red", "Lavender"];

/// The start of a timeline of Resolve, in hours.
const FIRST_HOUR: u64 = 1;

/// The CSV file; its heading alone for a transcript without text.
pub(crate) fn csv(document: &Document, frame_rate: f64) -> String {
    let rate = Rate::new(frame_rate);
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut row = |cells: [&str; 6]| {
        writer
            .write_record(cells)
            .expect("writing to memory succeeds, and every row has six cells");
    };
    row(["Marker Name", "Description", "In", "Out", "Duration", "Marker Type"]);
    for (segment, line) in spoken(document) {
        let (start, end) = rate.frames(segment);
        let name = speakers::label(segment).unwrap_or_else(|| format!("Segment {}", segment.id + 1));
        let times = [start, end, end - start].map(|frames| rate.timecode(frames));
        row([&name, &line, &times[0], &times[1], &times[2], "Comment"]);
    }
    let bytes = writer.into_inner().expect("flushing to memory succeeds");
    String::from_utf8(bytes).expect("only whole texts were written")
}

/// The edit list; its heading alone for a transcript without text.
pub(crate) fn edl(document: &Document, frame_rate: f64) -> String {
    let rate = Rate::new(frame_rate);
    let voices = speakers::labels(document);
    let mut text = "TITLE: Transcript\nFCM: NON-DROP FRAME\n".to_owned();
    for (number, (segment, line)) in (1..).zip(spoken(document)) {
        let (start, end) = rate.frames(segment);
        let (start, end) = (start.saturating_add(rate.first()), end.saturating_add(rate.first()));
        let name = speakers::label(segment);
        let voice = name.as_ref().and_then(|name| voices.iter().position(|one| one == name));
        let colour = COLOURS[voice.unwrap_or_default() % COLOURS.len()];
        let name = name.map(|name| format!("{name}: ")).unwrap_or_default();
        // A bar ends a field.
        let label = format!("{name}{line}").replace('|', "/");
        let (from, to) = (rate.timecode(start), rate.timecode(start.saturating_add(1)));
        let length = end - start;
        text.push_str(&format!(
            "\n{number:03}  001      V     C        {from} {to} {from} {to}\n |C:ResolveColor{colour} |M:{label} |D:{length}\n"
        ));
    }
    text
}

/// The segments that have text, with it.
fn spoken(document: &Document) -> impl Iterator<Item = (&Segment, String)> {
    let lines = document.segments.iter().map(|segment| (segment, words::line(segment)));
    lines.filter(|(_, line)| !line.is_empty())
}

/// Frames a second.
struct Rate {
    /// In thousandths.
    exact: u128,
    /// Those that a timecode counts.
    counted: u64,
}

impl Rate {
    /// The rates of the manifest; others count as the nearest of them.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 1 to 1000"
    )]
    fn new(rate: f64) -> Self {
        let rate = if rate.is_finite() {
            rate.clamp(1.0, 1000.0)
        } else {
            25.0
        };
        Self {
            exact: (rate * 1000.0).round() as u128,
            counted: rate.ceil() as u64,
        }
    }

    /// First and last frame; a marker is at least one frame long.
    fn frames(&self, segment: &Segment) -> (u64, u64) {
        let frame = |milliseconds: u64| {
            let frame = (u128::from(milliseconds) * self.exact + 500_000) / 1_000_000;
            u64::try_from(frame).unwrap_or(u64::MAX - 1).min(u64::MAX - 1)
        };
        let start = frame(segment.start.0);
        (start, frame(segment.end.0).max(start + 1))
    }

    fn first(&self) -> u64 {
        FIRST_HOUR * 3600 * self.counted
    }

    /// `HH:MM:SS:FF`.
    fn timecode(&self, frames: u64) -> String {
        let seconds = frames / self.counted;
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        format!(
            "{hours:02}:{minutes:02}:{:02}:{:02}",
            seconds % 60,
            frames % self.counted
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timecode(rate: f64, frames: u64) -> String {
        Rate::new(rate).timecode(frames)
    }

    #[test]
    fn timecodes_count_whole_frames() {
        assert_eq!(timecode(25.0, 24), "00:00:00:24");
        assert_eq!(timecode(25.0, 25), "00:00:01:00");
        assert_eq!(timecode(29.97, 30 * 3600), "01:00:00:00");
        assert_eq!(timecode(23.976, 24 * 60 + 23), "00:01:00:23");
        assert_eq!(Rate::new(f64::NAN).counted, 25);
    }
}

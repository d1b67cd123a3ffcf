//! Lines of the progress display.
//!
//! One line for each running stage: spinner, recording (if there are several), stage, bar, per cent, elapsed time, time left and speed as
//! a multiple of real time. Below the stages of a recording comes its latest text. On narrow terminals, the bar is dropped first.

use std::time::{Duration, Instant};

use super::board::{Board, Recording, Stage};
use crate::cli::columns::{fit, fit_end, pad, width, wrap};
use crate::cli::humanize::size;
use crate::cli::times;

const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const SPINNER_STEP: Duration = Duration::from_millis(100);

/// The longest name of a stage is `download`.
const STAGE_COLUMNS: usize = 8;
const BAR_COLUMNS: std::ops::RangeInclusive<usize> = 8..=40;

/// Separator of the facts of a line.
const GAP: &str = "  ";

/// Rows of text of a single recording, and of each of several.
const TEXT_ROWS: usize = 3;
const TEXT_ROW_OF_SEVERAL: usize = 1;

/// Minimum idle time that is shown between stages.
const SHOWN_IDLE: Duration = Duration::from_millis(300);

/// The lines at `now`, none wider than `columns`, at most `rows`.
pub(super) fn lines(board: &Board, columns: usize, rows: usize, now: Instant) -> Vec<String> {
    let mut stages: Vec<(Vec<String>, &Recording)> = (board.recordings.iter())
        .map(|recording| (stage_lines(board, recording, columns, now), recording))
        .collect();
    let last: Vec<String> = board
        .total
        .map(|total| summary(board, total, now))
        .into_iter()
        .collect();
    let text_rows = match board.total {
        Some(_) => TEXT_ROW_OF_SEVERAL,
        None => TEXT_ROWS,
    };
    let heights = stages.iter().map(|(lines, _)| lines.len() + text_rows);
    if heights.sum::<usize>() + last.len() <= rows {
        for (lines, recording) in &mut stages {
            let text = wrap(&recording.text, columns.saturating_sub(2));
            let hidden = text.len().saturating_sub(text_rows);
            lines.extend(text.iter().skip(hidden).map(|line| format!("  {line}")));
        }
    }
    let preparing = board.preparing_since.and_then(|since| idle_line(since, "", now));
    let mut lines: Vec<String> = preparing
        .into_iter()
        .chain(stages.into_iter().flat_map(|(lines, _)| lines))
        .collect();
    lines.truncate(rows.saturating_sub(last.len()));
    lines.extend(last);
    lines.iter().map(|line| fit(line, columns)).collect()
}

fn summary(board: &Board, total: usize, now: Instant) -> String {
    let elapsed = clock(now.saturating_duration_since(board.began));
    format!("{} of {total} recordings done  {elapsed}", board.finished)
}

fn stage_lines(board: &Board, recording: &Recording, columns: usize, now: Instant) -> Vec<String> {
    let label = match board.total {
        Some(_) => {
            let widest = board.recordings.iter().map(|recording| width(&recording.label)).max();
            let widest = widest.unwrap_or_default().min(columns / 4);
            format!("{}  ", pad(&fit_end(&recording.label, widest), widest))
        }
        None => String::new(),
    };
    let line = |stage: &Stage| stage_line(begin(stage.began, &label, &stage.name, now), stage, columns, now);
    match recording.stages.is_empty() {
        true => idle_line(recording.idle_since, &label, now).into_iter().collect(),
        false => recording.stages.iter().map(line).collect(),
    }
}

/// Shown between stages.
fn idle_line(since: Instant, label: &str, now: Instant) -> Option<String> {
    let idle = now.saturating_duration_since(since);
    (idle >= SHOWN_IDLE).then(|| format!("{} {}", begin(since, label, "preparing", now), clock(idle)))
}

fn begin(since: Instant, label: &str, what: &str, now: Instant) -> String {
    let what = pad(what, STAGE_COLUMNS);
    format!("{} {label}{what} ", spinner(now.saturating_duration_since(since)))
}

fn stage_line(start: String, stage: &Stage, columns: usize, now: Instant) -> String {
    let elapsed = now.saturating_duration_since(stage.began);
    if let Some(owner) = &stage.waits_for {
        return format!("{start} {}  waiting for {owner}", clock(elapsed));
    }
    let percent = stage.fraction().map(|done| format!("{:>3.0}%", (done * 100.0).floor()));
    let left = stage
        .left(now)
        .map(|left| format!("{:>5} left", clock(left + Duration::from_millis(999))));
    let mut facts = vec![
        percent.unwrap_or_else(|| " ".repeat(4)),
        format!("{:>5}", clock(elapsed)),
        left.unwrap_or_else(|| " ".repeat(10)),
        format!(
            "{:>6}",
            stage.rate().map(|rate| speed(&stage.name, rate)).unwrap_or_default()
        ),
    ];
    while facts.len() > 1 && width(&start) + width(facts.join(GAP).trim_end()) > columns {
        facts.pop();
    }
    let facts = facts.join(GAP);
    let room = columns.saturating_sub(width(&start) + width(&facts) + GAP.len());
    let line = match room.min(*BAR_COLUMNS.end()) {
        room if room >= *BAR_COLUMNS.start() => format!("{start}{}{GAP}{facts}", bar(stage.fraction(), elapsed, room)),
        _ => format!("{start}{facts}"),
    };
    line.trim_end().to_owned()
}

/// In bytes for a download, in ms of audio for other stages.
fn speed(stage: &str, rate: f64) -> String {
    if stage == cesar_pipeline::Stage::Download.name() {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive number of bytes"
        )]
        return format!("{}/s", size(rate as u64));
    }
    let times = rate / 1000.0;
    match times {
        ..10.0 => format!("{times:.1}x"),
        _ => format!("{times:.0}x"),
    }
}

/// A bar of `columns`; a moving marker if the amount of work is unknown.
fn bar(fraction: Option<f64>, elapsed: Duration, columns: usize) -> String {
    let inner = columns - 2;
    let Some(fraction) = fraction else {
        let travel = inner - 3;
        let step = usize::try_from(elapsed.as_millis() / SPINNER_STEP.as_millis()).unwrap_or_default() % (2 * travel);
        let before = step.min(2 * travel - step);
        return format!("[{}<=>{}]", " ".repeat(before), " ".repeat(travel - before));
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a fraction of a few columns"
    )]
    let done = (fraction * inner as f64) as usize;
    match inner.saturating_sub(done) {
        0 => format!("[{}]", "=".repeat(inner)),
        rest => format!("[{}>{}]", "=".repeat(done), " ".repeat(rest - 1)),
    }
}

fn spinner(elapsed: Duration) -> &'static str {
    let step = elapsed.as_millis() / SPINNER_STEP.as_millis();
    SPINNER[usize::try_from(step).unwrap_or_default() % SPINNER.len()]
}

/// `0:07`, `12:34`, `1:02:03`.
fn clock(time: Duration) -> String {
    times::clock(time.as_secs() * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTHS: [usize; 3] = [60, 80, 120];

    /// The display at each of the widths.
    fn shown(board: &Board, now: Instant) -> String {
        let mut out = String::new();
        for columns in WIDTHS {
            out.push_str(&format!("{columns} columns\n"));
            for line in lines(board, columns, 24, now) {
                assert!(width(&line) <= columns, "{line}");
                out.push_str(&format!("|{line}\n"));
            }
        }
        out
    }

    fn after(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn stages_of_one_recording_are_shown_side_by_side() {
        let start = Instant::now();
        let mut board = Board::new(start);
        let mut recording = Recording::new(0, "harbour.mp3".into(), start);
        recording
            .begin("asr", start)
            .progress(30_000, 120_000, after(start, 5_000));
        recording
            .begin("diarize", start)
            .progress(12_000, 120_000, after(start, 6_000));
        recording.add_text("And so, my fellow Americans, ask not what your country can do for you,");
        recording.add_text("ask what you can do for your country. My fellow citizens of the world,");
        recording.add_text("ask not what America will do for you, but what together we can do for the freedom of man.");
        board.recordings.push(recording);
        insta::assert_snapshot!(shown(&board, after(start, 7_300)));
    }

    #[test]
    fn unknown_amounts_of_work_show_movement() {
        let start = Instant::now();
        let mut board = Board::new(start);
        let mut recording = Recording::new(0, "harbour.mp3".into(), start);
        recording.begin("asr", start);
        board.recordings.push(recording);
        let at = |ms| lines(&board, 80, 24, after(start, ms));
        let shown: Vec<_> = [0, 500, 1_000, 8_000].into_iter().flat_map(at).collect();
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn several_recordings_are_named() {
        let start = Instant::now();
        let mut board = Board::new(start);
        board.total = Some(7);
        board.finished = 2;
        let labels = [
            "interviews/第三回インタビュー👩‍🔬.m4a",
            "short.wav",
            "https://example.org/talk.mp3",
        ];
        for (id, label) in labels.into_iter().enumerate() {
            board.recordings.push(Recording::new(id, label.into(), start));
        }
        let first = &mut board.recordings[0];
        first
            .begin("asr", start)
            .progress(30_000, 3_600_000, after(start, 4_000));
        first.begin("diarize", after(start, 1_000));
        first
            .add_text("これは日本語の長い文章で、端末の幅よりもずっと広いので、折り返して最後の行だけを表示します。👨‍👩‍👧‍👦");
        board.recordings[1].begin("asr", start).waits_for = Some("process 4711".into());
        let download = board.recordings[2].begin("download", start);
        download.progress(3_000_000, 40_000_000, after(start, 2_000));
        insta::assert_snapshot!(shown(&board, after(start, 4_200)));
    }

    #[test]
    fn low_terminals_keep_the_stages() {
        let start = Instant::now();
        let mut board = Board::new(start);
        board.total = Some(9);
        for id in 0..4 {
            let mut recording = Recording::new(id, format!("{id}.wav"), start);
            recording.begin("asr", start);
            recording.add_text("text");
            board.recordings.push(recording);
        }
        assert_eq!(lines(&board, 80, 9, start).len(), 9);
        assert_eq!(lines(&board, 80, 8, start).len(), 5);
        let cut = lines(&board, 80, 3, start);
        assert_eq!(cut.len(), 3);
        assert!(cut[2].contains("0 of 9"));
    }

    #[test]
    fn narrow_terminals_are_never_exceeded() {
        let start = Instant::now();
        let mut board = Board::new(start);
        let mut recording = Recording::new(0, "a.wav".into(), start);
        recording
            .begin("asr", start)
            .progress(30_000, 120_000, after(start, 5_000));
        recording.add_text("日本語の文章 and words");
        board.recordings.push(recording);
        for columns in 4..60 {
            for line in lines(&board, columns, 24, after(start, 6_000)) {
                assert!(width(&line) <= columns, "{columns}: {line}");
            }
        }
    }

    #[test]
    fn times_have_hours_where_needed() {
        let shown = [0, 59, 61, 3_599, 3_661, 360_000].map(|seconds| clock(Duration::from_secs(seconds)));
        assert_eq!(shown, ["0:00", "0:59", "1:01", "59:59", "1:01:01", "100:00:00"]);
    }
}

use std::time::{Duration, Instant};

use plugin_api::manifest::Scope;
use serde_json::{Value, json};

use super::*;
use crate::testing::{Notes, open, options, short_recording};

fn run(stage: &mut Ct2, given: &Value, samples: &[f32], notes: &mut Notes) -> Result<Transcription, StageError> {
    let request = options(Scope::Request, given);
    let audio = Audio {
        samples,
        sample_rate: 16_000,
    };
    transcribe(stage, &request, audio, notes)
}

fn text(transcription: &Transcription) -> String {
    transcription
        .segments
        .iter()
        .map(|segment| segment.text.as_str())
        .collect()
}

/// The recording `times` over, with a second of silence after each.
fn repeated(times: usize) -> Vec<f32> {
    let once = [short_recording(), vec![0.0; 16_000]].concat();
    once.repeat(times)
}

#[test]
fn clips_are_ranges_of_frames_inside_the_audio() {
    assert_eq!(clips(&[0.0], 500).unwrap(), vec![0..500]);
    assert_eq!(clips(&[], 500).unwrap(), vec![0..500]);
    assert_eq!(clips(&[1.0, 2.5, 3.0], 500).unwrap(), [100..250, 300..500]);
    assert_eq!(clips(&[1.0, 2.0, 9.0], 500).unwrap(), [100..200, 500..500]);
    let error = clips(&[2.0, 1.0], 500).unwrap_err();
    assert_eq!(
        error.message,
        "`clip_timestamps` must rise: start,end,start,end,… in seconds"
    );
}

#[test]
fn what_a_guard_cuts_off_is_told() {
    let window = Window {
        seek: 100,
        frames: 3000,
    };
    let split = |next_seek: usize, covered_ms: u64| Split {
        pieces: Vec::new(),
        next_seek,
        covered_ms,
    };
    let lost = |start_ms: u64, end_ms: u64, reason: &str| {
        Some(Truncation {
            start_ms,
            end_ms,
            reason: reason.into(),
        })
    };
    // An end of its own: nothing is lost. A cut one that goes on at its last timestamp: neither.
    assert_eq!(advance(&split(3100, 9000), window, false, 60_000), (3100, None));
    assert_eq!(advance(&split(800, 8000), window, true, 60_000), (800, None));
    assert_eq!(
        advance(&split(3100, 9000), window, true, 60_000),
        (3100, lost(9000, 31_000, "max_length"))
    );
    assert_eq!(
        advance(&split(3100, 9000), window, true, 20_000),
        (3100, lost(9000, 20_000, "max_length"))
    );
    assert_eq!(
        advance(&split(100, 1000), window, false, 60_000),
        (3100, lost(1000, 31_000, "no_progress"))
    );
}

#[test]
fn speech_becomes_segments_inside_the_audio_and_the_same_ones_again() {
    let mut stage = open("tiny.en", &json!({}));
    // Longer than one window, so that the loop goes round.
    let samples = repeated(12);
    let mut notes = Notes::new();
    let given = json!({ "temperature": [0], "beam_size": 1 });
    let first = run(&mut stage, &given, &samples, &mut notes).unwrap();
    assert_eq!(
        (first.language.as_deref(), first.language_probability),
        (Some("en"), Some(1.0))
    );
    assert_eq!(first.segments, notes.segments);
    assert!(!first.sampled);
    let duration = samples.len() as u64 / 16;
    let times: Vec<u64> = first
        .segments
        .iter()
        .flat_map(|segment| [segment.start_ms, segment.end_ms])
        .collect();
    assert!(
        times.is_sorted() && times.iter().all(|time| *time <= duration),
        "{times:?}"
    );
    assert!(
        notes.progress.is_sorted() && notes.progress.last() == Some(&(duration, duration)),
        "{:?}",
        notes.progress
    );
    let again = run(&mut stage, &given, &samples, &mut Notes::new()).unwrap();
    assert_eq!(first, again);
}

#[test]
fn threads_do_not_change_a_byte() {
    let samples = repeated(4);
    for compute_type in ["float32", "int8"] {
        let of = |threads: usize| {
            let mut stage = open("tiny.en", &json!({ "threads": threads, "compute_type": compute_type }));
            let transcription = run(&mut stage, &json!({ "temperature": [0] }), &samples, &mut Notes::new()).unwrap();
            serde_json::to_string(&transcription).unwrap()
        };
        assert_eq!(of(1), of(2), "{compute_type}");
    }
}

#[test]
fn audio_without_content_gives_nothing() {
    let mut stage = open("tiny.en", &json!({}));
    for samples in [vec![], vec![0.1], vec![0.0; 159]] {
        let transcription = run(&mut stage, &json!({}), &samples, &mut Notes::new()).unwrap();
        assert_eq!(text(&transcription), "");
    }
    let short = run(
        &mut stage,
        &json!({ "temperature": [0] }),
        &[f32::NAN; 1600],
        &mut Notes::new(),
    )
    .unwrap();
    assert!(short.segments.iter().all(|segment| segment.end_ms <= 100));
}

#[test]
fn a_language_is_detected_and_text_is_shown_to_the_model() {
    let mut stage = open("base", &json!({}));
    let samples = short_recording();
    let given = json!({ "temperature": [0], "language_detection_segments": 2 });
    let detected = run(&mut stage, &given, &samples, &mut Notes::new()).unwrap();
    assert_eq!(detected.language.as_deref(), Some("en"));
    assert!(
        detected
            .language_probability
            .is_some_and(|probability| probability > 0.5 && probability < 1.0)
    );
    let given = json!({ "temperature": [0], "language": "en", "prefix": "Well", "initial_prompt": "Short." });
    let prefixed = run(&mut stage, &given, &samples, &mut Notes::new()).unwrap();
    assert_eq!(prefixed.language_probability, Some(1.0));
    assert!(text(&prefixed).starts_with(" Well"), "{}", text(&prefixed));
}

#[test]
fn a_cancel_is_answered_while_the_model_computes() {
    let mut stage = open("base", &json!({}));
    let samples = repeated(40);
    let began = Instant::now();
    let mut notes = Notes::cancelling_after(Duration::from_millis(700));
    let error = run(&mut stage, &json!({}), &samples, &mut notes).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Cancelled);
    assert!(began.elapsed() < Duration::from_millis(2700), "{:?}", began.elapsed());
}

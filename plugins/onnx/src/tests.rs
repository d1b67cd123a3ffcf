//! The whole stage: Moonshine with its real weights, and the synthetic Parakeet.

use std::path::Path;
use std::time::{Duration, Instant};

use plugin_api::ErrorKind;
use plugin_api::asr::Transcription;
use plugin_api::document::Timing;
use plugin_api::resume::Checkpoint;
use serde_json::json;

use crate::families;
use crate::network::Stop;
use crate::testing::{Host, meeting, model, open, request, run, with_runtime};

const MEETING: &str = include_str!("../../../tests/fixtures/meeting.txt");

fn words(text: &str) -> Vec<String> {
    let word = |word: &str| word.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "");
    text.split_whitespace()
        .map(word)
        .filter(|word| !word.is_empty())
        .collect()
}

fn text(transcription: &Transcription) -> String {
    transcription
        .segments
        .iter()
        .map(|segment| segment.text.as_str())
        .collect()
}

/// The least number of words to change, add or leave out.
fn distance(one: &[String], other: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, word) in one.iter().enumerate() {
        let mut before = std::mem::replace(&mut row[0], index + 1);
        for (at, theirs) in other.iter().enumerate() {
            let changed = before + usize::from(word != theirs);
            before = row[at + 1];
            row[at + 1] = changed.min(before + 1).min(row[at] + 1);
        }
    }
    row[other.len()]
}

#[test]
fn moonshine_writes_the_meeting_with_interpolated_times() {
    let stage = open(&model("moonshine-base"), 2).unwrap();
    let mut host = Host::default();
    let out = run(
        &stage,
        &request(&json!({ "word_timestamps": true })),
        &meeting(),
        &mut host,
    )
    .unwrap();
    let (heard, spoken) = (words(&text(&out)), words(MEETING));
    assert!(distance(&heard, &spoken) * 20 < spoken.len(), "{heard:?}");
    assert_eq!(out.times, Some(Timing::Interpolated));
    assert_eq!(host.segments, out.segments);
    let mut end = 0;
    for segment in &out.segments {
        assert!(
            segment.start_ms >= end && segment.end_ms > segment.start_ms && segment.end_ms <= 37_500,
            "{segment:?}"
        );
        end = segment.end_ms;
        let words = segment.words.as_ref().unwrap();
        assert_eq!(
            words.iter().map(|word| word.word.as_str()).collect::<String>(),
            segment.text
        );
        assert!(
            words
                .iter()
                .all(|word| word.probability.is_some_and(|p| p > 0.0 && p <= 1.0))
        );
    }
    assert!(host.progress.is_sorted());
    assert!(host.progress.last().is_some_and(|(done, total)| done == total));
}

#[test]
fn cutting_elsewhere_changes_at_most_two_words_a_cut() {
    let stage = open(&model("moonshine-base"), 2).unwrap();
    let meeting = meeting();
    let whole = words(&text(
        &run(&stage, &request(&json!({})), &meeting, &mut Host::default()).unwrap(),
    ));
    for length in [5.0, 9.0] {
        let mut host = Host::default();
        let out = run(&stage, &request(&json!({ "part_length": length })), &meeting, &mut host).unwrap();
        let cuts = host.saved.len();
        let changed = distance(&words(&text(&out)), &whole);
        assert!(
            changed <= 2 * cuts,
            "parts of {length} s: {changed} words differ after {cuts} cuts"
        );
    }
}

#[test]
fn a_resumed_run_equals_an_uninterrupted_one() {
    let stage = open(&model("moonshine-base"), 2).unwrap();
    let meeting = meeting();
    let given = json!({ "part_length": 6.0, "word_timestamps": true });
    let whole = run(&stage, &request(&given), &meeting, &mut Host::default()).unwrap();
    let mut host = Host {
        stop_after: Some(2),
        ..Host::default()
    };
    let error = run(&stage, &request(&given), &meeting, &mut host).unwrap_err();
    assert_eq!((error.kind, host.saved.len()), (ErrorKind::Cancelled, 2));
    let mut again = request(&given);
    again.resume = Some(Checkpoint {
        segments: host.saved.iter().flat_map(|saved| saved.segments.clone()).collect(),
        state: host.saved[1].state.clone(),
    });
    let mut rest = Host::default();
    let resumed = run(&stage, &again, &meeting, &mut rest).unwrap();
    assert_eq!(resumed, whole);
    assert_eq!(rest.segments.len() + host.segments.len(), whole.segments.len());
}

#[test]
fn a_cancel_is_answered_within_two_seconds() {
    let stage = open(&model("moonshine-base"), 2).unwrap();
    let long = meeting().repeat(4);
    let stop = Instant::now() + Duration::from_millis(1500);
    let mut host = Host {
        stop_at: Some(stop),
        ..Host::default()
    };
    let error = run(&stage, &request(&json!({})), &long, &mut host).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Cancelled);
    assert!(stop.elapsed() < Duration::from_secs(2), "{:?}", stop.elapsed());
}

#[test]
fn silence_noise_and_tones_have_no_words() {
    let stage = open(&model("moonshine-base"), 2).unwrap();
    let mut state = 1_u32;
    let noise: Vec<f32> = (0..160_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from(u16::try_from(state >> 16).unwrap()) / 327_680.0 - 0.1
        })
        .collect();
    let chord = |frequencies: &[f32]| -> Vec<f32> {
        let tone = |index: u16, frequency: f32| {
            (std::f32::consts::TAU * frequency * f32::from(index % 16_000) / 16_000.0).sin()
        };
        (0..10)
            .flat_map(|_| 0..16_000_u16)
            .map(|index| frequencies.iter().map(|f| 0.1 * tone(index, *f)).sum())
            .collect()
    };
    let sounds = [
        vec![],
        vec![0.0; 1],
        vec![0.0; 160_000],
        vec![f32::NAN; 16_000],
        noise,
        chord(&[440.0]),
        chord(&[262.0, 330.0, 392.0, 523.0]),
    ];
    for (index, sound) in sounds.iter().enumerate() {
        let out = run(&stage, &request(&json!({})), sound, &mut Host::default()).unwrap();
        assert_eq!(out.segments, [], "sound {index}");
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parakeet/tdt");
    let given = json!({ "part_length": 5.0, "word_timestamps": true });
    let written = [1, 3].map(|threads| {
        let stage = open(&folder, threads).unwrap();
        run(&stage, &request(&given), &meeting(), &mut Host::default()).unwrap()
    });
    assert_eq!(written[0], written[1]);
    assert_eq!(written[0].times, None);
    assert!(written[0].segments.len() > 3);
}

#[test]
fn a_language_that_the_model_does_not_know_is_refused() {
    let stage = open(&model("moonshine-base"), 1).unwrap();
    let error = run(
        &stage,
        &request(&json!({ "language": "de" })),
        &[],
        &mut Host::default(),
    )
    .unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidOptions);
    assert!(
        error.message.starts_with("the model knows only English, not `de`"),
        "{}",
        error.message
    );
    let out = run(&stage, &request(&json!({})), &[], &mut Host::default()).unwrap();
    assert_eq!(out.language.as_deref(), Some("en"));
}

#[test]
fn sessions_share_the_model() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parakeet/ctc");
    let (one, other) = (open(&folder, 1).unwrap(), open(&folder, 1).unwrap());
    assert!(std::sync::Arc::ptr_eq(&one.model, &other.model));
}

#[test]
fn moonshine_decodes_as_the_plain_loop_does() {
    with_runtime();
    let loaded = families::open(&model("moonshine-base")).unwrap();
    let mut lane = loaded.lane();
    // Of `tests/tools/moonshine_reference.py`.
    let golden: serde_json::Value = serde_json::from_str(include_str!("../tests/moonshine_golden.json")).unwrap();
    let meeting = meeting();
    for part in golden.as_array().unwrap() {
        let [start, end] = [0, 1].map(|at| (part["part"][at].as_f64().unwrap() * 16_000.0) as usize);
        let heard = lane
            .hear(&meeting[start..end.min(meeting.len())], &Stop::new().unwrap())
            .unwrap();
        let tokens: Vec<u64> = heard.tokens.iter().map(|token| u64::from(token.id)).collect();
        let wanted: Vec<u64> = part["tokens"]
            .as_array()
            .unwrap()
            .iter()
            .map(|id| id.as_u64().unwrap())
            .collect();
        assert_eq!(tokens, wanted, "{}", part["part"]);
    }
}

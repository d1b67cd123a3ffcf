use std::time::{Duration, Instant};

use plugin_api::manifest::Scope;
use plugin_api::{ErrorKind, Stage};
use serde_json::{Value, json};

use super::*;
use crate::testing::{Notes, model, open, options, request, short_recording};

pub(super) fn run(
    stage: &mut Ct2,
    given: &Value,
    samples: &[f32],
    notes: &mut Notes,
) -> Result<Transcription, StageError> {
    let request = request(given);
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
fn speech_becomes_segments_inside_the_audio_and_the_same_ones_again() {
    let mut stage = open("tiny.en", &json!({}));
    // Longer than one window, so that the loop repeats.
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

/// Resumes after each window: the rest is transcribed, and the whole equals, byte for byte, that of an uninterrupted run.
#[test]
fn a_resumed_run_equals_an_uninterrupted_one() {
    let mut stage = open("tiny.en", &json!({}));
    let samples = repeated(24);
    for given in [
        json!({ "temperature": [0], "beam_size": 2, "initial_prompt": "A door." }),
        json!({ "temperature": [0], "beam_size": 1, "word_timestamps": true, "clip_timestamps": [0.5, 40, 41] }),
    ] {
        let mut notes = Notes::new();
        let whole = run(&mut stage, &given, &samples, &mut notes).unwrap();
        let windows = notes.saved.len();
        assert!(windows >= 3, "{windows} windows");
        for (done, saved) in (1..).zip(&notes.saved) {
            let mut request: Request = request(&given);
            let json = serde_json::to_string(saved).unwrap();
            request.resume = Some(serde_json::from_str(&json).unwrap());
            let audio = Audio {
                samples: &samples,
                sample_rate: 16_000,
            };
            let mut rest = Notes::new();
            let resumed = transcribe(&mut stage, &request, audio, &mut rest).unwrap();
            assert_eq!(rest.saved.len(), windows - done, "only the windows that are left");
            assert_eq!(rest.segments, whole.segments[saved.segments.len()..]);
            assert_eq!(
                serde_json::to_string(&resumed).unwrap(),
                serde_json::to_string(&whole).unwrap()
            );
        }
    }
}

/// An hour's text is not saved again after each window.
#[test]
fn checkpoints_stay_small() {
    let state = crate::state::State {
        written: (0..20_000).collect(),
        shown_from: 100,
        ..crate::state::State::new(
            crate::language::Language {
                code: "en".into(),
                probability: 1.0,
            },
            Vec::new(),
        )
    };
    let shortened = state.shortened();
    assert_eq!(
        (shortened.written.len(), shortened.written.last()),
        (448, Some(&19_999))
    );
    let recent = crate::state::State {
        shown_from: 19_990,
        ..state
    };
    assert_eq!(recent.shortened().written, (19_990..20_000).collect::<Vec<u32>>());
}

/// `count` clips of six seconds, one after the other.
fn clips(count: u32) -> Vec<u32> {
    (0..count).flat_map(|clip| [clip * 6, clip * 6 + 6]).collect()
}

#[test]
fn threads_do_not_change_a_byte() {
    let samples = repeated(4);
    for compute_type in ["float32", "int8"] {
        let of = |threads: usize| {
            let mut stage = open("tiny.en", &json!({ "threads": threads, "compute_type": compute_type }));
            let mut transcribe = |request: &Value| {
                let transcription = run(&mut stage, request, &samples, &mut Notes::new()).unwrap();
                serde_json::to_string(&transcription).unwrap()
            };
            let batched =
                json!({ "batch_size": 8, "chunk_length": 6, "clip_timestamps": clips(5), "word_timestamps": true });
            [transcribe(&json!({ "temperature": [0] })), transcribe(&batched)]
        };
        assert_eq!(of(1), of(2), "{compute_type}");
    }
}

/// At such a low temperature nothing is random; the candidates share the model's memory of the text before them.
#[test]
fn candidates_that_are_hardly_random_are_those_of_a_greedy_search() {
    let mut stage = open("tiny.en", &json!({}));
    let samples = repeated(12);
    let mut transcribe = |given: &Value| text(&run(&mut stage, given, &samples, &mut Notes::new()).unwrap());
    let greedy = transcribe(&json!({ "temperature": [0], "beam_size": 1 }));
    assert_eq!(greedy, transcribe(&json!({ "temperature": [0.001], "best_of": 4 })));
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

/// No words without speech: silence, noise, and both alternating, each some windows long.
#[test]
fn with_vad_silence_and_noise_have_no_words() {
    let mut stage = open("tiny.en", &json!({}));
    let mut seed = 1_u32;
    let mut noise = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (f64::from(seed) / f64::from(u32::MAX) - 0.5) as f32 * 0.2
    };
    let silence = vec![0.0; 70 * 16_000];
    let noise: Vec<f32> = (0..70 * 16_000).map(|_| noise()).collect();
    let both = [&silence[..160_000], &noise[..160_000], &silence[..8000]].concat();
    for samples in [silence, noise, both] {
        for batch_size in [0, 8] {
            let given = json!({ "vad_filter": true, "batch_size": batch_size });
            let mut notes = Notes::new();
            let transcription = run(&mut stage, &given, &samples, &mut notes).unwrap();
            assert_eq!(transcription, Transcription::default());
            assert_eq!(
                notes.progress.last().map(|(done, _)| *done),
                Some(samples.len() as u64 / 16)
            );
        }
    }
}

#[test]
fn times_are_those_of_the_recording_when_silence_is_left_out() {
    let mut stage = open("tiny.en", &json!({}));
    let speech = short_recording();
    let silence = vec![0.0; 8 * 16_000];
    let samples = [&silence[..], &speech, &silence, &speech, &silence].concat();
    let (length, pause) = (speech.len() as u64 / 16, 8000);
    for batch_size in [0, 2] {
        let given = json!({
            "vad_filter": true, "temperature": [0], "word_timestamps": true, "batch_size": batch_size, "chunk_length": 3,
        });
        let mut notes = Notes::new();
        let transcription = run(&mut stage, &given, &samples, &mut notes).unwrap();
        assert_eq!(transcription.segments, notes.segments);
        assert!(transcription.segments.len() >= 2, "{:?}", transcription.segments);
        for word in transcription
            .segments
            .iter()
            .flat_map(|segment| segment.words.iter().flatten())
        {
            let inside = |start: u64| word.start_ms + 400 >= start && word.end_ms <= start + length + 400;
            assert!(inside(pause) || inside(2 * pause + length), "{word:?}");
        }
        assert!(notes.progress.is_sorted(), "{:?}", notes.progress);
        let duration = samples.len() as u64 / 16;
        assert_eq!(notes.progress.last(), Some(&(duration, duration)));
    }
}

#[test]
fn long_audio_without_parts_cannot_be_batched() {
    let mut stage = open("tiny.en", &json!({}));
    let error = run(
        &mut stage,
        &json!({ "batch_size": 8, "vad_filter": false }),
        &repeated(10),
        &mut Notes::new(),
    )
    .unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidOptions);
    assert!(error.message.contains("set `vad_filter`"), "{}", error.message);
}

/// Silence, white noise and a tone, by default and in batches.
#[test]
fn silence_and_noise_have_no_text() {
    let mut stage = open("tiny.en", &json!({}));
    let mut state = 1_u32;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(u16::try_from(state >> 16).unwrap()) / 327_680.0 - 0.1
    });
    let tone = (0..40 * 16_000_u32).map(|n| 0.2 * (f64::from(n) * 0.17).sin() as f32);
    for samples in [vec![0.0; 640_000], noise.take(640_000).collect(), tone.collect()] {
        for given in [json!({}), json!({ "batch_size": 4 })] {
            let result = run(&mut stage, &given, &samples, &mut Notes::new()).unwrap();
            assert_eq!(result.segments, [], "{given}");
        }
    }
}

/// The silence is longer than the window of language detection.
#[test]
fn the_language_is_detected_where_speech_begins() {
    let mut stage = open("base", &json!({}));
    let samples = [vec![0.0; 45 * 16_000], repeated(2)].concat();
    for vad_filter in [true, false] {
        let given = json!({ "temperature": [0], "beam_size": 1, "vad_filter": vad_filter });
        let result = run(&mut stage, &given, &samples, &mut Notes::new()).unwrap();
        assert_eq!(result.language.as_deref(), Some("en"), "{given}");
        assert!(result.language_probability.unwrap() > 0.5, "{given}");
    }
}

/// Half a minute of silence, which the model does not see.
#[test]
fn no_segment_spans_long_silence_and_words_are_the_text() {
    let mut stage = open("tiny.en", &json!({}));
    let samples = [repeated(1), vec![0.0; 30 * 16_000], repeated(1)].concat();
    for given in [
        json!({ "temperature": [0] }),
        json!({ "temperature": [0], "word_timestamps": true }),
        json!({ "temperature": [0], "word_timestamps": true, "batch_size": 4 }),
        json!({ "temperature": [0], "batch_size": 4 }),
    ] {
        let result = run(&mut stage, &given, &samples, &mut Notes::new()).unwrap();
        assert!(!result.segments.is_empty());
        for segment in &result.segments {
            let spans = segment.start_ms < 6000 && segment.end_ms > 30_000;
            assert!(!spans, "{given}: {segment:?}");
            if let Some(words) = &segment.words {
                let joined: String = words.iter().map(|word| word.word.as_str()).collect();
                assert_eq!(joined.trim(), segment.text.trim(), "{given}");
            }
        }
        let words_apart = given["word_timestamps"] == true;
        let after = result.segments.iter().any(|segment| segment.start_ms > 30_000);
        assert!(after || !words_apart, "{given}: {:?}", result.segments);
    }
}

#[test]
fn a_prompt_that_is_too_long_costs_no_text() {
    let mut stage = open("tiny.en", &json!({}));
    let samples = repeated(8);
    let long = "A door, a window and a gate. ".repeat(400);
    let mut words = |given: Value| {
        let result = run(&mut stage, &given, &samples, &mut Notes::new()).unwrap();
        text(&result).split_whitespace().count()
    };
    let plain = words(json!({ "temperature": [0], "beam_size": 1 }));
    let prompted = json!({ "temperature": [0], "beam_size": 1, "initial_prompt": long, "hotwords": long });
    let prompted = words(prompted);
    assert!(plain > 20 && prompted * 10 >= plain * 8, "{prompted} of {plain} words");
}

#[test]
fn words_are_refused_early_without_alignment_heads() {
    let folder = std::env::temp_dir().join(format!("cesar-ct2-heads-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for entry in std::fs::read_dir(model("tiny.en")).unwrap() {
        let entry = entry.unwrap();
        let link = folder.join(entry.file_name());
        if entry.file_name() == "config.json" {
            let mut config: Value = serde_json::from_slice(&std::fs::read(entry.path()).unwrap()).unwrap();
            config.as_object_mut().unwrap().remove("alignment_heads");
            std::fs::write(link, config.to_string()).unwrap();
        } else {
            std::os::unix::fs::symlink(entry.path(), link).unwrap();
        }
    }
    let stage = Ct2::open(options(Scope::Open, &json!({ "model": folder }))).unwrap();
    let error = stage.check(&request(&json!({ "word_timestamps": true }))).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidOptions);
    assert!(error.message.contains("`alignment_heads`"), "{}", error.message);
    assert_eq!(stage.check(&request(&json!({}))), Ok(()));
    std::fs::remove_dir_all(&folder).unwrap();
}

/// The model writes one segment over the minute of silence that is left out. Its words tell where it is split, requested or not.
#[test]
fn speech_behind_long_silence_stands_at_its_time() {
    let mut stage = open("tiny.en", &json!({}));
    let samples = [short_recording(), vec![0.0; 60 * 16_000], short_recording()].concat();
    for batch_size in [0, 2] {
        let given = json!({ "temperature": [0], "vad_filter": true, "batch_size": batch_size });
        let transcription = run(&mut stage, &given, &samples, &mut Notes::new()).unwrap();
        for segment in &transcription.segments {
            assert_eq!(segment.text.matches("door").count(), 1, "{transcription:?}");
            assert_eq!(segment.words, None);
        }
        let [first, second] = &transcription.segments[..] else {
            panic!("two segments: {transcription:?}");
        };
        assert!(first.start_ms < 1_000 && first.end_ms < 4_000, "{first:?}");
        assert!(second.start_ms > 61_000, "{second:?}");
    }
}

//! From samples to a transcript: parts are decoded in parallel, one lane for each thread, and shown in order.
//!
//! A part's text depends on its samples only, so the number of lanes changes no result. A part without text although there is speech, or
//! whose text ran into the limit of tokens, is tried again in two halves.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use cesar_plugin_common::wait;
use cesar_vad::activity::Activity;
use cesar_vad::network::{self, Failure};
use plugin_api::asr::{Segment, Transcription, Truncation};
use plugin_api::document::Timing;
use plugin_api::{Audio, ErrorKind, StageError};

use crate::cuts::{self, Part};
use crate::family::{Family, Lengths, Listener};
use crate::network::{Stop, exhausted};
use crate::options::{Request, Saved};
use crate::words;
use cesar_plugin_common::report::Segments;

/// How often a part is halved.
const RETRIES: usize = 2;

/// What all lanes share.
struct Job<'a> {
    model: &'a dyn Family,
    samples: &'a [f32],
    activity: &'a Activity,
    with_words: bool,
    stop: &'a Stop,
}

/// The result of a part.
#[derive(Default)]
struct Done {
    segments: Vec<Segment>,
    truncated: Vec<Truncation>,
}

/// Transcribes `audio` in `threads` lanes.
///
/// # Errors
/// [`ErrorKind::Cancelled`], [`ErrorKind::OutOfMemory`], [`ErrorKind::Internal`].
pub(crate) fn transcribe(
    model: &dyn Family,
    threads: usize,
    request: &Request,
    audio: Audio<'_>,
    host: &mut dyn Segments<Saved>,
) -> Result<Transcription, StageError> {
    let samples = audio.samples;
    let probabilities = network::probabilities(samples, threads, &|| host.cancelled());
    let activity = Activity::new(probabilities.map_err(of_vad)?);
    let parts = cuts::parts(&activity, samples.len(), lengths(model, request));
    let stop = Stop::new()?;
    let job = Job {
        model,
        samples,
        activity: &activity,
        with_words: request.word_timestamps,
        stop: &stop,
    };
    let only = model.languages().first().filter(|_| model.languages().len() == 1);
    let language = request.language.clone().or_else(|| only.map(|&code| code.to_owned()));
    let mut out = Transcription {
        language_probability: language.is_some().then_some(1.0),
        language,
        times: (!model.is_timed()).then_some(Timing::Interpolated),
        ..Transcription::default()
    };
    let mut saved = Saved::default();
    if let Some(earlier) = &request.resume {
        saved = earlier.state.clone();
        out.segments.clone_from(&earlier.segments);
    }
    let first = saved.parts.min(parts.len());
    let total = words::ms(samples.len());
    let keep = |index: usize, done: Done, host: &mut dyn Segments<Saved>| {
        done.segments.iter().for_each(|segment| host.segment(segment));
        saved.parts = index + 1;
        saved.truncated.extend(done.truncated);
        host.save(&done.segments, &saved);
        out.segments.extend(done.segments);
        host.progress(
            parts.get(index + 1).map_or(total, |next| words::ms(next.range().start)),
            total,
        );
    };
    run(&job, &parts, first, threads, host, keep)?;
    host.progress(total, total);
    out.truncated = saved.truncated;
    Ok(out)
}

/// The lengths of parts, by the model and the request.
fn lengths(model: &dyn Family, request: &Request) -> Lengths {
    let lengths = model.lengths();
    let best = request.part_length.unwrap_or(lengths.best).min(lengths.longest);
    Lengths { best, ..lengths }
}

fn of_vad(failure: Failure) -> StageError {
    match failure {
        Failure::Cancelled => StageError::new(ErrorKind::Cancelled, "cancelled"),
        Failure::Network(message) => StageError::new(ErrorKind::Internal, format!("the VAD failed: {message}")),
    }
}

/// Decodes the parts from `first` on in lanes, and passes the results on in order.
fn run(
    job: &Job<'_>,
    parts: &[Part],
    first: usize,
    threads: usize,
    host: &mut dyn Segments<Saved>,
    mut keep: impl FnMut(usize, Done, &mut dyn Segments<Saved>),
) -> Result<(), StageError> {
    let next = AtomicUsize::new(first);
    let lanes = threads.min(parts.len() - first);
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..lanes {
            let (sender, next) = (sender.clone(), &next);
            let body = move || {
                let mut lane = job.model.lane();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(part) = parts.get(index) else { break };
                    let done = decode(job, lane.as_mut(), part, RETRIES);
                    let failed = done.is_err();
                    if sender.send((index, done)).is_err() || failed {
                        break;
                    }
                }
            };
            if std::thread::Builder::new().spawn_scoped(scope, body).is_err() {
                // A thread needs memory for its stack.
                job.stop.request();
                return Err(exhausted());
            }
        }
        drop(sender);
        let outcome = collect(&receiver, first..parts.len(), host, &mut keep);
        if outcome.is_err() {
            job.stop.request();
        }
        outcome
    })
}

fn collect(
    receiver: &mpsc::Receiver<(usize, Result<Done, StageError>)>,
    wanted: std::ops::Range<usize>,
    host: &mut dyn Segments<Saved>,
    keep: &mut impl FnMut(usize, Done, &mut dyn Segments<Saved>),
) -> Result<(), StageError> {
    let mut early = BTreeMap::new();
    for index in wanted {
        let done = loop {
            if let Some(done) = early.remove(&index) {
                break done;
            }
            // Without a message a thread has panicked; leaving the scope passes its panic on.
            let Some((other, done)) = wait::next(receiver, || host.checkpoint())? else {
                return Err(StageError::new(
                    ErrorKind::Internal,
                    "a thread of the plugin `onnx` ended early",
                ));
            };
            early.insert(other, done?);
        };
        keep(index, done, host);
    }
    Ok(())
}

/// The segments of a part, if need be of its halves.
fn decode(job: &Job<'_>, lane: &mut dyn Listener, part: &Part, retries: usize) -> Result<Done, StageError> {
    let range = part.range();
    let heard = lane.hear(&job.samples[range.clone()], job.stop)?;
    let mut words = words::words(&heard.tokens);
    if (words.is_empty() || heard.is_cut)
        && retries > 0
        && let Some(halves) = part.halves(job.activity)
    {
        tracing::debug!(
            "a part of {} samples has no complete text; it is tried in halves",
            range.len()
        );
        let mut done = Done::default();
        for half in &halves {
            let of_half = decode(job, lane, half, retries - 1)?;
            done.segments.extend(of_half.segments);
            done.truncated.extend(of_half.truncated);
        }
        return Ok(done);
    }
    if job.model.is_timed() {
        words::place(&mut words, &range);
    } else {
        words::interpolate(&mut words, &part.speech);
    }
    let segments = words::segments(words, job.with_words);
    let truncated = heard.is_cut.then(|| Truncation {
        start_ms: segments.last().map_or(words::ms(range.start), |last| last.end_ms),
        end_ms: words::ms(range.end),
        reason: "max_length".into(),
    });
    Ok(Done {
        segments,
        truncated: truncated.into_iter().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{Heard, Token};
    use crate::testing::{Host, meeting, with_runtime};

    /// Hears one word in each part of at most eight seconds, and nothing in longer ones.
    struct Shy;

    impl Family for Shy {
        fn lengths(&self) -> Lengths {
            Lengths {
                best: 18.0,
                longest: 28.0,
            }
        }

        fn is_timed(&self) -> bool {
            false
        }

        fn languages(&self) -> &'static [&'static str] {
            &[]
        }

        fn lane(&self) -> Box<dyn Listener + '_> {
            Box::new(Self)
        }
    }

    impl Listener for Shy {
        fn hear(&mut self, samples: &[f32], _: &Stop) -> Result<Heard, StageError> {
            let token = Token {
                id: 1,
                bytes: b" word".to_vec(),
                probability: 1.0,
                span: None,
            };
            let tokens = if samples.len() > 8 * 16_000 {
                Vec::new()
            } else {
                vec![token]
            };
            Ok(Heard { tokens, is_cut: false })
        }
    }

    #[test]
    fn a_part_without_text_is_tried_again_in_halves() {
        with_runtime();
        let samples = meeting();
        let audio = Audio {
            samples: &samples,
            sample_rate: 16_000,
        };
        let mut host = Host::default();
        let out = transcribe(&Shy, 2, &Request::default(), audio, &mut host).unwrap();
        assert!(host.saved.len() < out.segments.len(), "{} parts", host.saved.len());
        let silent = out
            .segments
            .windows(2)
            .map(|pair| pair[1].start_ms.saturating_sub(pair[0].end_ms));
        assert!(silent.max().unwrap() < 1500, "{:?}", out.segments);
        assert!(out.segments[0].start_ms < 1000 && out.segments.last().unwrap().end_ms > 36_000);
    }
}

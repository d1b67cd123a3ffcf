//! Alignment of a text that the request has: each passage is one window, whose given tokens the model aligns as it aligns its own.

use plugin_api::align::{Alignment, Passage};
use plugin_api::asr::{Segment, Transcription, Word};
use plugin_api::{Audio, StageError};

use crate::Ct2;
use crate::encoder::Encoder;
use crate::job::Job;
use crate::mel::{HOP, LogMel, WINDOW_FRAMES};
use crate::options::Request;
use crate::report::Report;
use crate::tokenizer::Tokenizer;
use crate::track::Track;
use crate::transcript::milliseconds;
use crate::words::given::Tokens;

/// The most tokens of a passage: the decoder's 448 without those around the text.
const MOST_TOKENS: usize = 440;

/// The passages with the times of their words.
///
/// # Errors
/// As [`transcribe`](crate::transcribe::transcribe).
pub(crate) fn align(
    stage: &mut Ct2,
    request: &Request,
    alignment: &Alignment,
    audio: Audio<'_>,
    ctx: &mut dyn Report,
) -> Result<Transcription, StageError> {
    let language = alignment.language.as_deref().or(request.language.as_deref());
    let code = language.unwrap_or("en").to_owned();
    let job = Job {
        request,
        tokenizer: &stage.tokenizer,
        threads: stage.threads,
        detect_from: None,
    };
    let mut encoder = Encoder::new(&mut stage.engine, &mut stage.replicas);
    let start = job.start(&encoder, &code)?;
    let track = Track::whole(audio.samples);
    let length = |passage: &Passage| passage.end_ms.saturating_sub(passage.start_ms);
    let total: u64 = alignment.passages.iter().map(length).sum();
    let mut done = 0;
    let mut segments = Vec::with_capacity(alignment.passages.len());
    for passage in &alignment.passages {
        ctx.checkpoint()?;
        let words = align_passage(passage, &start, (&stage.tokenizer, &track), &mut encoder, ctx)?;
        segments.push(Segment {
            words,
            ..Segment::new(passage.start_ms, passage.end_ms, passage.words.concat())
        });
        done += length(passage);
        ctx.progress(done, total);
    }
    Ok(Transcription {
        language: Some(code),
        segments,
        ..Transcription::default()
    })
}

/// The words with their times; `None` where the passage is empty, or has too many tokens for a window.
fn align_passage(
    passage: &Passage,
    start: &[u32],
    (tokenizer, track): (&Tokenizer, &Track<'_>),
    encoder: &mut Encoder<'_>,
    ctx: &dyn Report,
) -> Result<Option<Vec<Word>>, StageError> {
    let given = Tokens::of(&passage.words, tokenizer)?;
    let samples = sample(passage.start_ms)..sample(passage.end_ms);
    let part = track.part(samples);
    let frames = (part.len() / HOP).min(WINDOW_FRAMES);
    if given.tokens.is_empty() || given.tokens.len() > MOST_TOKENS || frames < 2 {
        return Ok(None);
    }
    let features = LogMel::of_chunk(part, encoder.n_mels(), HOP, WINDOW_FRAMES);
    let encoded = encoder.encode(features, ctx)?;
    let text = std::slice::from_ref(&given.tokens);
    let aligned = encoder.align(&encoded, start, text, vec![frames], ctx)?;
    let timed = aligned.first().and_then(|alignment| given.timed(alignment));
    let mut earliest = passage.start_ms;
    let timed = timed.into_iter().flatten().map(|word| {
        let inside =
            |seconds: f64, earliest: u64| (passage.start_ms + milliseconds(seconds)).clamp(earliest, passage.end_ms);
        let start_ms = inside(word.start, earliest);
        earliest = start_ms;
        Word {
            start_ms,
            end_ms: inside(word.end, start_ms),
            word: word.word,
            probability: Some(word.probability),
        }
    });
    let words: Vec<Word> = timed.collect();
    Ok((!words.is_empty()).then_some(words))
}

fn sample(ms: u64) -> usize {
    usize::try_from(ms * 16).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Notes, open, request, short_recording};
    use serde_json::json;

    /// The true starts of the words are 0.40, 0.72, 1.08 and 1.18 s.
    #[test]
    fn given_words_are_found_in_the_audio() {
        let mut stage = open("tiny.en", &json!({}));
        let samples = short_recording();
        let audio = || Audio {
            samples: &samples,
            sample_rate: 16_000,
        };
        let passage = |words: Vec<String>| Passage {
            start_ms: 100,
            end_ms: 2_000,
            words,
        };
        let words = [" Please", " close", " the", " “door”."].map(str::to_owned).to_vec();
        let many = vec![" door".to_owned(); MOST_TOKENS + 1];
        let alignment = Alignment {
            language: None,
            passages: vec![passage(words.clone()), passage(many), passage(Vec::new())],
        };
        let mut notes = Notes::new();
        let aligned = align(&mut stage, &request(&json!({})), &alignment, audio(), &mut notes).expect("it aligns");
        let [first, second, third] = aligned.segments.as_slice() else {
            panic!("{} segments", aligned.segments.len());
        };
        let timed = first.words.as_deref().expect("the words have times");
        assert!(timed.iter().map(|word| &word.word).eq(&words));
        let starts: Vec<u64> = timed.iter().map(|word| word.start_ms).collect();
        assert!(starts.is_sorted() && starts[0] >= 100, "{starts:?}");
        assert!(
            timed
                .iter()
                .all(|word| word.start_ms <= word.end_ms && word.end_ms <= 2_000),
            "{timed:?}"
        );
        for (start, truth) in starts.iter().zip([404, 715, 1084, 1177]) {
            assert!(start.abs_diff(truth) < 350, "{starts:?}");
        }
        assert_eq!(
            (&second.words, &third.words),
            (&None, &None),
            "too many tokens, and none"
        );
        assert_eq!(notes.progress.last(), Some(&(5_700, 5_700)));
    }
}

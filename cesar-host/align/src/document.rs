//! The document of an aligned script.

use plugin_api::asr;
use plugin_api::document::{AlignProvenance, Document, Seconds, Segment, Timing, Turn, Word};

use crate::fit::Fit;
use crate::matched::Span;
use crate::mismatches;
use crate::times::{Timed, times};

/// The origin of a script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The name of its file; `None` for standard input.
    pub name: Option<String>,
    /// SHA-256 of its canonical text, hex.
    pub sha256: String,
}

impl Fit<'_> {
    /// Whether an engine's answer has the words of each passage, in order and inside it; else its defect.
    ///
    /// # Errors
    /// The defect, as half a sentence.
    pub fn check(&self, answer: &[asr::Segment]) -> Result<(), String> {
        if answer.len() != self.parts.len() {
            return Err(format!(
                "{} passages were given, {} returned",
                self.parts.len(),
                answer.len()
            ));
        }
        for (index, (part, segment)) in self.parts.iter().zip(answer).enumerate() {
            let Some(words) = segment.words.as_deref().filter(|words| !words.is_empty()) else {
                continue;
            };
            let given = self.matched.words[part.words.clone()]
                .iter()
                .map(|word| word.text.as_str());
            if !given.eq(words.iter().map(|word| word.word.as_str())) {
                return Err(format!("passage {index} has other words"));
            }
            let mut before = part.start;
            for word in words {
                if word.start_ms < before || word.end_ms < word.start_ms || word.end_ms > part.end {
                    return Err(format!(
                        "in passage {index}, a word lies at {} to {} ms",
                        word.start_ms, word.end_ms
                    ));
                }
                before = word.start_ms;
            }
        }
        Ok(())
    }

    /// The recognised document with the segments and words of the script. `answer` has the engine's times for the passages of
    /// [`Fit::alignment`]; empty without an engine that aligns.
    #[must_use]
    pub fn document(&self, document: Document, answer: &[asr::Segment], origin: Origin) -> Document {
        let span = |word: &asr::Word| Span {
            start: word.start_ms,
            end: word.end_ms,
            probability: word.probability,
        };
        let spans = |segment: &asr::Segment| Some(segment.words.as_ref()?.iter().map(span).collect());
        let answers: Vec<Option<Vec<Span>>> = answer.iter().map(spans).collect();
        let times = times(self, &answers);
        let mut document = document;
        document.provenance.align = Some(self.provenance(&times, origin));
        document.segments = self.segments(&times);
        self.name_speakers(&mut document);
        document
    }

    fn provenance(&self, times: &[Timed], origin: Origin) -> AlignProvenance {
        let count = |timing| times.iter().filter(|timed| timed.timing == Some(timing)).count() as u64;
        AlignProvenance {
            name: origin.name,
            sha256: origin.sha256,
            words: self.matched.words.len() as u64,
            matched: self.matched.count() as u64,
            aligned: count(Timing::Aligned),
            interpolated: count(Timing::Interpolated),
            unmatched: self.matched.written.iter().filter(|has| !**has).count() as u64,
            mismatches: mismatches::find(self, times),
        }
    }

    fn segments(&self, times: &[Timed]) -> Vec<Segment> {
        let mut times = times.iter();
        let segments = self.script.segments.iter().zip(0..);
        let segment = |(segment, id): (&crate::script::Segment, u64)| {
            let timed = |(word, timed): (&String, &Timed)| Word {
                start: Seconds(timed.span.start),
                end: Seconds(timed.span.end),
                word: word.clone(),
                probability: timed.span.probability,
                speaker: segment.speaker.clone(),
                timing: timed.timing,
            };
            let words: Vec<Word> = segment.words.iter().zip(times.by_ref()).map(timed).collect();
            Segment {
                id,
                start: words.first().map_or(Seconds(0), |word| word.start),
                end: words.last().map_or(Seconds(0), |word| word.end),
                text: segment.words.concat().trim().to_owned(),
                speaker: segment.speaker.clone(),
                overlap: None,
                words: Some(words),
                avg_logprob: None,
                compression_ratio: None,
                no_speech_prob: None,
                temperature: None,
                tokens: None,
                seek: None,
                speaker_turn_next: None,
                quality: None,
            }
        };
        segments.map(segment).collect()
    }

    /// The speakers that the script names, with their turns.
    fn name_speakers(&self, document: &mut Document) {
        let (mut labels, mut turns): (Vec<String>, Vec<Turn>) = (Vec::new(), Vec::new());
        for segment in &document.segments {
            let Some(speaker) = &segment.speaker else { continue };
            if !labels.contains(speaker) {
                labels.push(speaker.clone());
            }
            match turns.last_mut().filter(|turn| turn.speaker == *speaker) {
                Some(turn) => turn.end = segment.end,
                None => turns.push(Turn {
                    start: segment.start,
                    end: segment.end,
                    speaker: speaker.clone(),
                }),
            }
        }
        let is_named = !labels.is_empty();
        document.speakers = is_named.then_some(labels);
        document.turns = is_named.then_some(turns);
    }
}

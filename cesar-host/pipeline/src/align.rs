//! The stage `align`: a document to one with the words of an existing text.
//!
//! The recognised words, with their times, are matched with those of the text. An engine whose manifest has `aligns` then finds the others
//! in the audio, in the session that has recognised it; with another engine their times are interpolated.

use std::sync::Arc;

use cesar_align::{Fit, Labels, Origin, Script, ScriptError, VERSION};
use cesar_base::{Digest, GivenValue};
use cesar_cache::{KeyParts, OptionValue};
use plugin_api::align::{Alignment, FIELD};
use plugin_api::asr;
use plugin_api::document::{AlignProvenance, Document};
use plugin_api::manifest::{Manifest, OptionKind};
use serde::Deserialize;

use super::call::{call_for, check_unchanged, wrong};
use super::context::Context;
use super::decode::Sound;
use super::error::PipelineError;
use super::prepared::Prepared;
use super::quality::quality;
use super::request::StageRequest;
use super::stage::Stage;

/// A text to align, with the name of its file.
#[derive(Debug, Clone)]
pub struct NamedScript {
    script: Arc<Script>,
    name: Option<String>,
    digest: Digest,
    /// Percent of the words that must match.
    least: u64,
}

impl NamedScript {
    /// Reads a text: plain, SRT or WebVTT. At least `least` percent of its words, or of those recognised, must match.
    ///
    /// # Errors
    /// [`ScriptError`].
    pub fn parse(bytes: &[u8], name: Option<String>, labels: Labels, least: u64) -> Result<Self, ScriptError> {
        let script = Script::parse(bytes, labels)?;
        Ok(Self {
            digest: Digest::of(script.canonical().as_bytes()),
            script: Arc::new(script),
            name,
            least,
        })
    }

    /// The text of a request, as [`Self::parse`] reads it.
    ///
    /// # Errors
    /// [`ScriptError`].
    pub fn of_request(text: &str, least: u64) -> Result<Self, ScriptError> {
        Self::parse(text.as_bytes(), None, Labels::Detect, least)
    }

    /// Whether it names speakers.
    #[must_use]
    pub fn has_speakers(&self) -> bool {
        self.script.has_speakers()
    }

    /// The key of the aligned document. The document names the engine and its model; `name` is part of the key because the provenance
    /// holds it.
    pub(super) fn key_parts(&self, document: Digest) -> KeyParts {
        let name = self.name.clone().map_or(OptionValue::Null, OptionValue::Text);
        let least = i64::try_from(self.least).unwrap_or(i64::MAX);
        KeyParts {
            stage: Stage::Align.name().into(),
            plugin: "cesar".into(),
            plugin_version: VERSION.into(),
            plugin_digest: Digest::from_bytes([0; 32]),
            abi: plugin_api::ABI_MAJOR,
            models: Vec::new(),
            options: [
                ("least".to_owned(), OptionValue::Integer(least)),
                ("name".to_owned(), name),
            ]
            .into(),
            inputs: vec![("document".into(), document), ("text".into(), self.digest)],
        }
    }
}

/// The request for words with times, if the engine with this manifest has an option for them.
pub(super) fn with_word_times(engine: &Manifest, mut asr: StageRequest) -> StageRequest {
    const OPTION: &str = "word_timestamps";
    let option = engine.options.get(OPTION);
    if option.is_some_and(|option| option.kind == OptionKind::Boolean) {
        asr.options.insert(OPTION.to_owned(), GivenValue::Typed(true.into()));
    }
    asr
}

/// The aligned document, both as JSON.
pub(super) fn aligned(
    script: &NamedScript,
    document: &[u8],
    context: &Context<'_>,
    engine: &Prepared,
    sound: &Sound<'_>,
) -> Result<Vec<u8>, PipelineError> {
    let document: Document =
        serde_json::from_slice(document).expect("this run has made the document, or checked it when it was read");
    let fit = Fit::new(&script.script, &document, script.least)?;
    let answer = match fit.alignment().filter(|_| engine.manifest().aligns) {
        Some(alignment) => {
            let answer = ask(&alignment, context, engine, sound)?;
            fit.check(&answer).map_err(|defect| wrong(engine, defect))?;
            answer
        }
        None => Vec::new(),
    };
    let origin = Origin {
        name: script.name.clone(),
        sha256: script.digest.to_string(),
    };
    let mut document = fit.document(document, &answer, origin);
    for segment in &mut document.segments {
        segment.quality = quality(segment);
    }
    Ok(serde_json::to_vec(&document).expect("strings and finite numbers always serialise"))
}

/// The engine's times for the passages.
fn ask(
    alignment: &Alignment,
    context: &Context<'_>,
    engine: &Prepared,
    sound: &Sound<'_>,
) -> Result<Vec<asr::Segment>, PipelineError> {
    let pcm = sound.samples(context)?;
    let mut request = engine.request.clone();
    let given = serde_json::to_value(alignment).expect("strings and numbers always serialise");
    request.insert(FIELD.to_owned(), given);
    let output = call_for(Stage::Align, context, engine, &request, Some(&pcm), None)?;
    let answer: asr::Transcription = serde_json::from_str(&output).map_err(|error| wrong(engine, error.to_string()))?;
    check_unchanged(context, engine)?;
    Ok(answer.segments)
}

/// The fit of the text of a document.
pub(super) fn report(document: &[u8]) -> Option<AlignProvenance> {
    #[derive(Deserialize)]
    struct Aligned {
        provenance: Provenance,
    }
    #[derive(Deserialize)]
    struct Provenance {
        align: Option<AlignProvenance>,
    }
    serde_json::from_slice::<Aligned>(document).ok()?.provenance.align
}

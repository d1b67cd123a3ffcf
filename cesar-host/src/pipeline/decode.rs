//! The decode stage: a recording to the digest of its samples, and the samples themselves when a later stage needs them.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::audio::{self, Slice};
use crate::cache::{Computation, Digest, KeyParts, OptionValue};
use crate::runner::{Pcm, PcmWriter};

use super::media::Media;
use super::stage::Context;
use super::{Event, PipelineError, StageReport};

/// What is stored of a decoded recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DecodedAudio {
    /// SHA-256 of the samples as little-endian `f32`.
    pub(super) pcm: Digest,
    /// Number of samples at 16 kHz.
    pub(super) samples: u64,
    /// Codec of the track.
    pub(super) codec: String,
    /// What a person should know about the recording.
    pub(super) warnings: Vec<String>,
}

impl DecodedAudio {
    /// Length in ms, rounded up so that every sample is inside.
    pub(super) fn duration_ms(&self) -> u64 {
        self.samples.div_ceil(u64::from(audio::SAMPLE_RATE) / 1000)
    }
}

/// The part of a recording that is worked on: what is known of its samples, and the samples when a stage asks for them.
pub(super) struct Sound<'a> {
    pub(super) media: &'a Media<'a>,
    pub(super) slice: Slice,
    pub(super) audio: DecodedAudio,
    /// Of what is stored of it.
    pub(super) digest: Digest,
    pcm: Mutex<Option<Arc<Pcm>>>,
}

impl<'a> Sound<'a> {
    pub(super) fn new(
        media: &'a Media<'a>,
        slice: Slice,
        (audio, digest): (DecodedAudio, Digest),
        pcm: Option<Pcm>,
    ) -> Self {
        Self {
            media,
            slice,
            audio,
            digest,
            pcm: Mutex::new(pcm.map(Arc::new)),
        }
    }

    /// The samples that this run decoded, or decodes again, once for all stages.
    pub(super) fn samples(&self, context: &Context<'_>) -> Result<Arc<Pcm>, PipelineError> {
        // Whoever comes second waits for the first, and takes the same samples.
        let mut known = self.pcm.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pcm) = &*known {
            return Ok(Arc::clone(pcm));
        }
        let (audio, pcm) = decode_now(context, self.media, self.slice)?;
        if audio.pcm != self.audio.pcm {
            // The recording is another one by now, or ffmpeg was replaced by one that decodes differently.
            return Err(PipelineError::Changed {
                path: self.media.path()?.to_owned(),
            });
        }
        Ok(Arc::clone(known.insert(Arc::new(pcm))))
    }
}

/// Looks the recording up, or decodes it. A recording that is new will be recognised, too: `prepare` gets that ready meanwhile, and
/// what it refuses is refused before anything is stored.
pub(super) fn decode<'a>(
    context: &Context<'_>,
    media: &'a Media<'a>,
    slice: Slice,
    prepare: impl FnOnce() -> Result<(), PipelineError> + Send,
) -> Result<(Sound<'a>, StageReport), PipelineError> {
    let parts = key_parts(context, media, slice);
    let mut pcm = None;
    let (computed, report) = context.get_or_compute(&parts, None, |_| {
        let (decoded, prepared, idle) = std::thread::scope(|scope| {
            let prepared = scope.spawn(prepare);
            let decoded = decode_now(context, media, slice);
            let waiting = Instant::now();
            (decoded, prepared.join(), waiting.elapsed())
        });
        let (audio, samples) = decoded?;
        prepared.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        pcm = Some(samples);
        Ok(Computation {
            bytes: serde_json::to_vec(&audio).expect("strings and numbers always serialise"),
            // Loading the model is no work that a hit would save.
            idle_ms: i64::try_from(idle.as_millis()).unwrap_or(i64::MAX),
            earlier_ms: 0,
        })
    })?;
    let audio: DecodedAudio =
        serde_json::from_slice(&computed.bytes).expect("the key names the version of what is stored under it");
    for warning in &audio.warnings {
        context.warn(&format!("{}: {warning}", context.label));
    }
    Ok((Sound::new(media, slice, (audio, computed.digest), pcm), report))
}

pub(super) fn key_parts(context: &Context<'_>, media: &Media<'_>, slice: Slice) -> KeyParts {
    let milliseconds = |ms: u64| OptionValue::Integer(i64::try_from(ms).unwrap_or(i64::MAX));
    KeyParts {
        stage: "decode".into(),
        plugin: "cesar".into(),
        plugin_version: context.pipeline.decoding.cache_identity(),
        plugin_digest: Digest::from_bytes([0; 32]),
        abi: plugin_api::ABI_MAJOR,
        models: Vec::new(),
        options: [
            ("start_ms".to_owned(), milliseconds(slice.start_ms)),
            (
                "end_ms".to_owned(),
                slice.end_ms.map_or(OptionValue::Null, milliseconds),
            ),
        ]
        .into(),
        inputs: vec![("media".into(), media.digest)],
    }
}

fn decode_now(context: &Context<'_>, media: &Media<'_>, slice: Slice) -> Result<(DecodedAudio, Pcm), PipelineError> {
    let (options, path) = (&context.pipeline.decoding, media.path()?);
    let total = audio::probe(path, options).ok().flatten().unwrap_or_default();
    let mut writer = PcmWriter::new().map_err(PipelineError::Memory)?;
    let (mut failed, mut done) = (None, 0_u64);
    let decoded = audio::decode(path, slice, options, &mut |block| {
        if let Err(error) = writer.write(block) {
            failed = Some(error);
            return ControlFlow::Break(());
        }
        done += block.len() as u64;
        let done_ms = done * 1000 / u64::from(audio::SAMPLE_RATE);
        context.observer.event(&Event::Progress {
            stage: "decode",
            done: done_ms,
            total: total.max(done_ms),
        });
        if context.cancel.is_cancelled() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    let decoded = match (decoded, failed) {
        (_, Some(error)) => return Err(PipelineError::Memory(error)),
        (Err(audio::AudioError::Cancelled { .. }), None) => return Err(PipelineError::Interrupted),
        (Err(error), None) if media.is_nameless() => {
            return Err(PipelineError::Fetched {
                error,
                path: path.to_owned(),
                label: context.label.to_owned(),
            });
        }
        (decoded, None) => decoded?,
    };
    media.check_unchanged()?;
    let pcm = writer.finish().map_err(PipelineError::Memory)?;
    let digest = Digest::from_bytes(pcm.digest());
    let audio = DecodedAudio {
        pcm: digest,
        samples: pcm.samples(),
        codec: decoded.codec,
        warnings: decoded.warnings,
    };
    Ok((audio, pcm))
}

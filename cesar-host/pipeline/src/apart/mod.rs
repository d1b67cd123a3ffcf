//! Channels recognised apart: where each channel of a recording is a speaker, the engine hears one channel after the other, so that people
//! who speak at once are not mixed.
//!
//! The turns of the channels decide what is heard in which order ([`timeline`]). The samples in that order are the input of recognition, whose
//! key has their digest; which that is, is stored like a decoded recording, so that nothing is decoded for a result that is known.
//! The text is then put back to its time, with the channel's speaker.

mod placing;
mod timeline;

use std::ops::ControlFlow;
use std::sync::Arc;

use cesar_audio::{Beside, TrackChoice};
use cesar_base::Digest;
use cesar_cache::KeyParts;
use cesar_runner::{Pcm, PcmError, PcmWriter};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::context::Context;
use super::decode::{self, Sound};
use super::error::PipelineError;
use super::speakers::Spoken;
use super::stage::Stage;
use timeline::{Heard, Span, Timeline};

pub(super) use placing::Placing;

/// Part of the key: changes whenever the same turns may give other samples.
const VERSION: &str = "1";

/// The stored description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Described {
    /// SHA-256 of the samples as little-endian `f32`.
    pcm: Digest,
    /// Number of samples at 16 kHz.
    samples: u64,
}

/// The channels of a recording, one after the other.
pub(super) struct Apart {
    described: Described,
    timeline: Timeline,
    pcm: Mutex<Option<Arc<Pcm>>>,
}

impl Apart {
    /// Looks up the samples, or makes them; `None` if fewer than two channels have speech. `turns` is the digest of the turns.
    pub(super) fn new(
        context: &Context<'_>,
        sound: &Sound<'_>,
        (spoken, turns): (&[Spoken], Digest),
    ) -> Result<Option<Self>, PipelineError> {
        let Some(timeline) = Timeline::new(spoken, sound.audio.duration_ms()) else {
            return Ok(None);
        };
        let mut made = None;
        let (computed, _) = context.get_or_compute(&key_parts(context, sound, turns), None, |_| {
            let pcm = samples(context, sound, &timeline)?;
            let described = Described {
                pcm: Digest::from_bytes(pcm.digest()),
                samples: pcm.samples(),
            };
            made = Some(Arc::new(pcm));
            Ok(serde_json::to_vec(&described)
                .expect("strings and numbers always serialise")
                .into())
        })?;
        let described = parsed(&computed.bytes)?;
        Ok(Some(Self {
            described,
            timeline,
            pcm: Mutex::new(made),
        }))
    }

    /// The digest of the samples.
    pub(super) fn digest(&self) -> Digest {
        self.described.pcm
    }

    /// Their length in ms, rounded up to include every sample.
    pub(super) fn duration_ms(&self) -> u64 {
        self.described.samples.div_ceil(SAMPLES_PER_MS)
    }

    /// The samples, made again if only their digest is known.
    pub(super) fn samples(&self, context: &Context<'_>, sound: &Sound<'_>) -> Result<Arc<Pcm>, PipelineError> {
        let mut known = self.pcm.lock();
        if let Some(pcm) = &*known {
            return Ok(Arc::clone(pcm));
        }
        let pcm = samples(context, sound, &self.timeline)?;
        if Digest::from_bytes(pcm.digest()) != self.described.pcm {
            return Err(PipelineError::Redecoded);
        }
        Ok(Arc::clone(known.insert(Arc::new(pcm))))
    }
}

const SAMPLES_PER_MS: u64 = cesar_audio::SAMPLE_RATE as u64 / 1000;

/// Whether channels with these turns are recognised apart: with one voice the mix is as good.
pub(super) fn is_apart(spoken: &[Spoken]) -> bool {
    timeline::voices(spoken).len() > 1
}

/// The digest of stored samples.
///
/// # Errors
/// [`PipelineError::Unparsed`]: a writer of a cache that machines share can store anything.
pub(super) fn stored_digest(bytes: &[u8]) -> Result<Digest, PipelineError> {
    parsed(bytes).map(|described| described.pcm)
}

fn parsed(bytes: &[u8]) -> Result<Described, PipelineError> {
    serde_json::from_slice(bytes).map_err(|_| PipelineError::Unparsed { stage: Stage::Decode })
}

pub(super) fn key_parts(context: &Context<'_>, sound: &Sound<'_>, turns: Digest) -> KeyParts {
    let decoded = decode::key_parts(context, sound.media, sound.part);
    let mut parts = KeyParts {
        plugin_version: format!("apart {VERSION}, decoder {}", decoded.plugin_version),
        ..decoded
    };
    parts.inputs.push(("turns".into(), turns));
    parts
}

/// Decodes each channel, and writes what is heard of it.
fn samples(context: &Context<'_>, sound: &Sound<'_>, timeline: &Timeline) -> Result<Pcm, PipelineError> {
    let mut options = decode::options(context, sound.part);
    if let Some(number) = sound.audio.track {
        options.track = TrackChoice::Number(number);
    }
    let writer = PcmWriter::new(decode::room(context)).map_err(PipelineError::Samples)?;
    let mut row = Row { writer, written: 0 };
    for (channel, spans) in &timeline.channels {
        let mut cutter = Cutter { spans, position: 0 };
        let mut failed = None;
        let reader = (sound.audio.reader(), *channel);
        let mut sink = |beside: Beside<'_>| match cutter.cut(beside, &mut row) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        };
        let decoded = cesar_audio::channel(sound.media.path()?, sound.part.slice, &options, reader, &mut sink);
        if let Some(error) = failed {
            return Err(PipelineError::Samples(error));
        }
        decoded.map_err(|error| context.recording_error(error))?;
    }
    row.silence_to(timeline.length * SAMPLES_PER_MS)
        .map_err(PipelineError::Samples)?;
    sound.media.check_unchanged(context)?;
    row.writer.finish().map_err(PipelineError::Samples)
}

/// Samples in order, with silence between them.
struct Row {
    writer: PcmWriter,
    written: u64,
}

impl Row {
    fn silence_to(&mut self, end: u64) -> Result<(), PcmError> {
        static SILENCE: [f32; 8192] = [0.0; 8192];
        while self.written < end {
            let length = usize::try_from(end - self.written).map_or(SILENCE.len(), |rest| rest.min(SILENCE.len()));
            self.write(&SILENCE[..length])?;
        }
        Ok(())
    }

    fn write(&mut self, samples: &[f32]) -> Result<(), PcmError> {
        self.written += samples.len() as u64;
        self.writer.write(samples)
    }
}

/// Takes the spans out of a channel that is decoded.
struct Cutter<'a> {
    /// Those that are not over.
    spans: &'a [Span],
    /// In samples.
    position: u64,
}

impl Cutter<'_> {
    fn cut(&mut self, beside: Beside<'_>, row: &mut Row) -> Result<(), PcmError> {
        let (begin, end) = (self.position, self.position + beside.channel.len() as u64);
        self.position = end;
        while let Some((span, later)) = self.spans.split_first() {
            let (start, stop) = (span.time.start * SAMPLES_PER_MS, span.time.end * SAMPLES_PER_MS);
            if start >= end {
                break;
            }
            let (from, to) = (start.max(begin), stop.min(end));
            if from < to {
                let samples = match span.heard {
                    Heard::Channel => beside.channel,
                    Heard::Mix => beside.mix,
                };
                let index = |sample: u64| usize::try_from(sample - begin).unwrap_or(usize::MAX).min(samples.len());
                row.silence_to(span.at * SAMPLES_PER_MS + (from - start))?;
                row.write(&samples[index(from)..index(to)])?;
            }
            if stop > end {
                break;
            }
            self.spans = later;
        }
        Ok(())
    }
}

//! The decode stage: a recording to the digest of its samples, and the samples themselves if a later stage needs them.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use cesar_audio::{AudioError, DecodeOptions, Sink};
use cesar_base::Digest;
use cesar_cache::{Computation, KeyParts};
use cesar_runner::{Pcm, PcmError, PcmWriter, Room};
use parking_lot::Mutex;

use super::context::Context;
use super::decoded::{DecodedAudio, options_of, parts_of, stopped_by};
use super::error::PipelineError;
use super::events::{Event, StageReport};
use super::media::Media;
use super::peaks::{self, PeakBuilder};
use super::request::Part;
use super::stage::Stage;

/// The stage of plans and reports.
const STAGE: Stage = Stage::Decode;

/// The processed part of a recording: the known properties of its samples, and the samples on demand.
pub(super) struct Sound<'a> {
    pub(super) media: &'a Media<'a>,
    pub(super) part: &'a Part,
    pub(super) audio: DecodedAudio,
    /// Digest of its stored form.
    pub(super) digest: Digest,
    pcm: Mutex<Option<Arc<Pcm>>>,
}

impl<'a> Sound<'a> {
    pub(super) fn new(
        media: &'a Media<'a>,
        part: &'a Part,
        (audio, digest): (DecodedAudio, Digest),
        pcm: Option<Pcm>,
    ) -> Self {
        Self {
            media,
            part,
            audio,
            digest,
            pcm: Mutex::new(pcm.map(Arc::new)),
        }
    }

    /// The samples that this run decoded, or decodes again, once for all stages.
    pub(super) fn samples(&self, context: &Context<'_>) -> Result<Arc<Pcm>, PipelineError> {
        // A second caller waits for the first, and gets the same samples.
        let mut known = self.pcm.lock();
        if let Some(pcm) = &*known {
            return Ok(Arc::clone(pcm));
        }
        let (audio, pcm) = decode_now(context, self.media, self.part)?;
        if audio.pcm != self.audio.pcm {
            return Err(PipelineError::Redecoded);
        }
        Ok(Arc::clone(known.insert(Arc::new(pcm))))
    }
}

/// Looks up the recording, or decodes it. A new recording will be recognised, too: `prepare` gets that ready meanwhile, and can
/// refuse before anything is stored.
pub(super) fn decode<'a>(
    context: &Context<'_>,
    media: &'a Media<'a>,
    part: &'a Part,
    prepare: impl FnOnce() -> Result<(), PipelineError> + Send,
) -> Result<(Sound<'a>, StageReport), PipelineError> {
    let parts = key_parts(context, media, part);
    let mut pcm = None;
    let (computed, report) = context.get_or_compute(&parts, None, |_| {
        let (decoded, prepared, idle) = std::thread::scope(|scope| {
            let prepared = scope.spawn(prepare);
            let decoded = decode_now(context, media, part);
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
            ..Computation::default()
        })
    })?;
    // A writer of a cache that machines share can store anything.
    let unparsed = |_| PipelineError::Unparsed { stage: Stage::Decode };
    let audio: DecodedAudio = serde_json::from_slice(&computed.bytes).map_err(unparsed)?;
    inform(context, part, &audio)?;
    Ok((Sound::new(media, part, (audio, computed.digest), pcm), report))
}

/// Reports the faults of the recording in one warning.
fn inform(context: &Context<'_>, part: &Part, audio: &DecodedAudio) -> Result<(), PipelineError> {
    for warning in &audio.warnings {
        context.warn(&format!("{}: {warning}", context.label));
    }
    for detail in &audio.details {
        context.observer.event(&Event::Detail(detail));
    }
    if part.strict && audio.is_incomplete() {
        return Err(context.recording_error(AudioError::Incomplete {
            name: context.label.into(),
            faults: audio.faults(part.slice),
        }));
    }
    // The reason of a partial transcript is reported with it.
    if !audio.issues.is_empty() && !audio.is_incomplete() {
        context.warn(&format!("{}: {}", context.label, audio.faults(part.slice)));
    }
    Ok(())
}

/// The decoding options of this part.
pub(super) fn options(context: &Context<'_>, part: &Part) -> DecodeOptions {
    stopped_by(context.cancel, options_of(context.tools, part))
}

pub(super) fn key_parts(context: &Context<'_>, media: &Media<'_>, part: &Part) -> KeyParts {
    parts_of(context.tools, media.digest, part)
}

/// Writes each take into a separate file.
struct Writing<'a> {
    context: &'a Context<'a>,
    room: Room,
    takes: Vec<PcmWriter>,
    /// One for each take; empty unless peaks are kept.
    peaks: Vec<PeakBuilder>,
    failed: Option<PcmError>,
    done: u64,
    total_ms: u64,
}

impl Sink for Writing<'_> {
    fn begin(&mut self) -> ControlFlow<()> {
        self.done = 0;
        match PcmWriter::new(self.room.clone()) {
            Ok(writer) => {
                self.takes.push(writer);
                self.peaks.push(PeakBuilder::default());
                ControlFlow::Continue(())
            }
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    fn write(&mut self, samples: &[f32]) -> ControlFlow<()> {
        let written = self.takes.last_mut().map_or(Ok(()), |writer| writer.write(samples));
        if let Err(error) = written {
            self.failed = Some(error);
            return ControlFlow::Break(());
        }
        if let Some(peaks) = self.peaks.last_mut().filter(|_| self.context.tools.keeps_peaks) {
            peaks.add(samples);
        }
        self.done += samples.len() as u64;
        let done_ms = self.done * 1000 / u64::from(cesar_audio::SAMPLE_RATE);
        self.context.observer.event(&Event::Progress {
            stage: STAGE,
            done: done_ms,
            total: self.total_ms.max(done_ms),
        });
        match self.context.cancel.is_cancelled() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

/// The place of a long recording's samples: the cache has space for large files, even if this stage does not read it.
pub(super) fn room(context: &Context<'_>) -> Room {
    let cache = context.tools.cache();
    cache.map_or_else(Room::of_system, |cache| Room::of_cache(cache.temporary()))
}

fn decode_now(context: &Context<'_>, media: &Media<'_>, part: &Part) -> Result<(DecodedAudio, Pcm), PipelineError> {
    let (options, path, began) = (options(context, part), media.path()?, Instant::now());
    let mut writing = Writing {
        context,
        room: room(context),
        takes: Vec::new(),
        peaks: Vec::new(),
        failed: None,
        done: 0,
        total_ms: cesar_audio::probe(path, &options).ok().flatten().unwrap_or_default(),
    };
    let decoded = cesar_audio::decode(path, part.slice, &options, &mut writing);
    let decoded = match (decoded, writing.failed) {
        (_, Some(error)) => return Err(PipelineError::Samples(error)),
        (Err(AudioError::Cancelled { .. }), None) => return Err(PipelineError::Interrupted),
        (decoded, None) => decoded.map_err(|error| context.recording_error(error))?,
    };
    media.check_unchanged(context)?;
    let take = writing.takes.swap_remove(decoded.take);
    let pcm = take.finish().map_err(PipelineError::Samples)?;
    if let Some(cache) = context.cache().filter(|_| context.tools.keeps_peaks) {
        let peaks = writing.peaks.swap_remove(decoded.take).finish();
        peaks::store(cache, Digest::from_bytes(pcm.digest()), &peaks, began, context.label);
    }
    Ok((DecodedAudio::new(decoded, &pcm), pcm))
}

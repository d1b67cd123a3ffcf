//! The decode stage: a recording to the digest of its samples, and the samples themselves if a later stage needs them.

use parking_lot::Mutex;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use cesar_audio::{AudioError, DecodeOptions, Decoded, Decoder, Issue, Sink, Slice};
use cesar_base::Digest;
use cesar_cache::{Computation, KeyParts, OptionValue};
use cesar_runner::{Pcm, PcmError, PcmWriter, Room};
use plugin_api::document::Partial;
use serde::{Deserialize, Serialize};

use super::context::Context;
use super::error::PipelineError;
use super::events::{Event, StageReport};
use super::media::Media;
use super::peaks::{self, PeakBuilder};
use super::request::Part;
use super::stage::Stage;
use super::tools::Tools;

/// The reason of a partial result of an incomplete recording.
pub const AUDIO_INCOMPLETE: &str = "audio_incomplete";
/// The stage of plans and reports.
const STAGE: Stage = Stage::Decode;

/// Maximum number of faults in one sentence.
const LISTED: usize = 3;

/// The stored result of decoding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DecodedAudio {
    /// SHA-256 of the samples as little-endian `f32`.
    pub(super) pcm: Digest,
    /// Number of samples at 16 kHz.
    pub(super) samples: u64,
    /// Codec of the track.
    pub(super) codec: String,
    /// The decoder: `native`, `mp3` (with the second decoder of MPEG audio) or `ffmpeg`.
    pub(super) reader: String,
    /// Notes for the user about the recording.
    pub(super) warnings: Vec<String>,
    /// Its faults.
    pub(super) issues: Vec<StoredIssue>,
    /// Missing sound, by the file's declaration.
    pub(super) missing_ms: u64,
    /// The number of the track that replaced the silent default one.
    pub(super) track: Option<usize>,
    /// The title of each track, where it has one, if all tracks are channels.
    pub(super) track_titles: Vec<Option<String>>,
    /// A comparison of the two readers, if both were used.
    pub(super) details: Vec<String>,
}

/// A stored fault of the recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredIssue {
    pub(super) kind: String,
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
    pub(super) message: String,
}

impl From<Issue> for StoredIssue {
    fn from(issue: Issue) -> Self {
        Self {
            kind: issue.kind.name().to_owned(),
            start_ms: issue.start_ms,
            end_ms: issue.end_ms,
            message: issue.message,
        }
    }
}

impl DecodedAudio {
    fn new(decoded: Decoded, pcm: &Pcm) -> Self {
        Self {
            pcm: Digest::from_bytes(pcm.digest()),
            samples: pcm.samples(),
            codec: decoded.codec,
            reader: match decoded.decoder {
                Decoder::Native => "native",
                Decoder::SecondMp3 => "mp3",
                Decoder::Ffmpeg => "ffmpeg",
            }
            .to_owned(),
            warnings: decoded.warnings,
            issues: decoded.issues.into_iter().map(StoredIssue::from).collect(),
            missing_ms: decoded.missing_ms,
            track: decoded.track,
            track_titles: decoded.track_titles,
            details: decoded.details,
        }
    }

    /// The decoder.
    pub(super) fn reader(&self) -> Decoder {
        match self.reader.as_str() {
            "ffmpeg" => Decoder::Ffmpeg,
            "mp3" => Decoder::SecondMp3,
            _ => Decoder::Native,
        }
    }

    /// Whether too much sound is missing for a transcript of the whole recording.
    fn is_incomplete(&self) -> bool {
        cesar_audio::is_incomplete(
            self.missing_ms,
            self.samples * 1000 / u64::from(cesar_audio::SAMPLE_RATE),
        )
    }

    /// The partial entry of an incomplete recording.
    pub(super) fn partial(&self, slice: Slice) -> Option<Partial> {
        self.is_incomplete().then(|| Partial {
            stage: STAGE.name().to_owned(),
            reason: AUDIO_INCOMPLETE.to_owned(),
            message: self.faults(slice),
            retry: None,
        })
    }

    /// The faults in one sentence, with their places in the recording; empty if there are none.
    fn faults(&self, slice: Slice) -> String {
        let in_recording = |ms: u64| ms.saturating_add(slice.start_ms);
        let listed: Vec<_> = self
            .issues
            .iter()
            .take(LISTED)
            .map(|issue| {
                let place = (in_recording(issue.start_ms), in_recording(issue.end_ms));
                cesar_audio::with_place(&issue.message, place)
            })
            .collect();
        let more = self.issues.len().saturating_sub(LISTED);
        let more = if more > 0 {
            format!(", and {more} more")
        } else {
            String::new()
        };
        let missing = match self.missing_ms {
            0 => String::new(),
            ms => format!("{}.{} s of sound are missing: ", ms / 1000, ms % 1000 / 100),
        };
        format!("{missing}{}{more}", listed.join(", "))
    }

    /// Length in ms, rounded up to include every sample.
    pub(super) fn duration_ms(&self) -> u64 {
        self.samples.div_ceil(u64::from(cesar_audio::SAMPLE_RATE) / 1000)
    }
}

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
            earlier_ms: 0,
        })
    })?;
    let audio: DecodedAudio =
        serde_json::from_slice(&computed.bytes).expect("the key names the version of what is stored under it");
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
    options_of(context.tools, part)
}

pub(super) fn options_of(tools: &Tools, part: &Part) -> DecodeOptions {
    DecodeOptions {
        track: part.track.clone(),
        strict: part.strict,
        ..tools.decoding.clone()
    }
}

pub(super) fn key_parts(context: &Context<'_>, media: &Media<'_>, part: &Part) -> KeyParts {
    parts_of(context.tools, media.digest, part)
}

/// The key of the samples of a recording.
pub(super) fn parts_of(tools: &Tools, media: Digest, part: &Part) -> KeyParts {
    let slice = part.slice;
    let milliseconds = |ms: u64| OptionValue::Integer(i64::try_from(ms).unwrap_or(i64::MAX));
    KeyParts {
        stage: STAGE.name().into(),
        plugin: "cesar".into(),
        plugin_version: options_of(tools, part).cache_identity(),
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
        inputs: vec![("media".into(), media)],
    }
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
fn room(context: &Context<'_>) -> Room {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_reported_in_recording_time() {
        let issue = |start_ms, end_ms| StoredIssue {
            kind: "missing_end".to_owned(),
            start_ms,
            end_ms,
            message: "the end of the file is missing".to_owned(),
        };
        let audio = DecodedAudio {
            pcm: Digest::from_bytes([0; 32]),
            samples: 19_200,
            codec: "mp3".to_owned(),
            reader: "native".to_owned(),
            warnings: Vec::new(),
            issues: vec![issue(1_200, 4_800)],
            missing_ms: 3_600,
            track: None,
            track_titles: Vec::new(),
            details: Vec::new(),
        };
        let slice = Slice {
            start_ms: 4_000,
            end_ms: None,
        };
        let sentence = "3.6 s of sound are missing: the end of the file is missing from 5.2 s to 8.8 s";
        assert_eq!(audio.faults(slice), sentence);
        assert_eq!(audio.partial(slice).unwrap().message, sentence);
        assert_eq!(
            audio.issues[0].start_ms, 1_200,
            "the document counts from the start of the part"
        );
    }
}

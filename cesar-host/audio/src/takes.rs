//! Takes of one recording, and the choice between them: the policy of the two readers.
//!
//! | the built-in reader | with ffmpeg | kept take |
//! |---|---|---|
//! | finds no fault | | its take; ffmpeg is not run |
//! | has damaged packets of MPEG audio | | the take of the second decoder, if it has more sound; then as below |
//! | finds damage, a missing end, a change of codec, or must read another track than the default | yes | the take with more sound; its own, if both have as much, or if ffmpeg has more sound than is missing where that is known: the format changes as well, or packets are not as long as the file says |
//! | the same | no | its take |
//! | guesses a format that does not explain the whole file, and ffprobe is sure of another | yes | ffmpeg's take |
//! | cannot read it | yes | ffmpeg's take |
//! | cannot read it | no | an error that names ffmpeg |
//!
//! If the default track is silent throughout, the same is done with another one ([`crate::silence`]).

use std::path::Path;

use crate::continuous::Continuous;
use crate::kind::Kind;
use crate::mono::Mono;
use crate::open::{self, Opened};
use crate::take::{self, Take, gap, in_slice};
use crate::window::Window;
use crate::{AudioError, DecodeOptions, Decoded, Decoder, SAMPLES_PER_MS, Sink, Slice, ffmpeg};

/// The reading of one recording.
pub(crate) struct Job<'a> {
    pub(crate) path: &'a Path,
    pub(crate) kind: Kind,
    pub(crate) slice: Slice,
    pub(crate) options: &'a DecodeOptions,
    pub(crate) sink: &'a mut dyn Sink,
    pub(crate) takes: usize,
    /// The position of bytes behind the recording, once a reader has found some.
    pub(crate) rest: Option<u64>,
}

impl Job<'_> {
    /// The take of the reader with more sound.
    pub(crate) fn best(&mut self) -> Result<Take, AudioError> {
        let native = self.take(Decoder::Native);
        let has_ffmpeg = self.options.ffmpeg.is_some();
        let native = match native {
            Ok(native) if native.is_damaged_mpeg_audio() => Ok(self.by_second_decoder(native)?),
            // Only MPEG audio has a second decoder, which supports more of it.
            Err(error @ AudioError::Unsupported { .. }) => match self.take(Decoder::SecondMp3) {
                Err(cancelled @ AudioError::Cancelled { .. }) => Err(cancelled),
                other => other.or(Err(error)),
            },
            other => other,
        };
        match native {
            Ok(native) if native.guess.is_some() && self.is_another_format(&native)? => self.of_another_format(native),
            Ok(native) if has_ffmpeg && native.is_in_doubt() => self.second(native),
            Err(error) if is_of_the_reader(&error) => self.instead(error),
            other => other,
        }
    }

    /// The take of the second decoder of MPEG audio, if it has more sound: symphonia refuses some valid packets.
    fn by_second_decoder(&mut self, native: Take) -> Result<Take, AudioError> {
        match self.take(Decoder::SecondMp3) {
            Ok(mut other) if other.is_better_than(&native) => {
                other.learn_from(&native);
                Ok(other)
            }
            Ok(_) => Ok(native),
            Err(error @ AudioError::Cancelled { .. }) => Err(error),
            Err(_) => Ok(native),
        }
    }

    /// Whether ffprobe is sure that the file is not what the built-in reader guessed.
    fn is_another_format(&self, native: &Take) -> Result<bool, AudioError> {
        let Some((program, guess)) = self.options.ffmpeg.as_deref().zip(native.guess) else {
            return Ok(false);
        };
        match ffmpeg::certain_format(program, self.path, self.kind) {
            Ok(format) => Ok(format.is_some_and(|format| format.split(',').all(|name| name != guess))),
            Err(error @ AudioError::Cancelled { .. }) => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// ffmpeg's take, where it has sound: frames found between other bytes are not the recording's.
    fn of_another_format(&mut self, mut native: Take) -> Result<Take, AudioError> {
        let found = "another format contains the frames that the built-in reader found";
        match self.take(Decoder::Ffmpeg) {
            Ok(mut other) if other.sound_ms > 0 => {
                other
                    .decoded
                    .details
                    .push(format!("{found}: the take of ffmpeg is used"));
                Ok(other)
            }
            Err(error @ AudioError::Cancelled { .. }) => Err(error),
            Ok(_) | Err(_) => {
                let detail = format!("{found}, but ffmpeg decodes no sound of it");
                native.decoded.details.push(detail);
                Ok(native)
            }
        }
    }

    /// Compares ffmpeg's take with the built-in reader's.
    fn second(&mut self, mut native: Take) -> Result<Take, AudioError> {
        let mut other = match self.take(Decoder::Ffmpeg) {
            Ok(other) => other,
            Err(error @ (AudioError::Cancelled { .. } | AudioError::Unreadable { .. })) => return Err(error),
            Err(error) => {
                native
                    .decoded
                    .details
                    .push(format!("ffmpeg could not read it: {error}"));
                return Ok(native);
            }
        };
        let is_better = other.is_better_than(&native);
        let chosen = if is_better { &mut other } else { &mut native };
        let kept = if is_better { "ffmpeg" } else { "the built-in reader" };
        let detail = format!("the take of {kept} is used");
        chosen.decoded.details.push(detail);
        let (ours, theirs) = (native.sound_ms, other.sound_ms);
        let (mut kept, left) = if is_better { (other, native) } else { (native, other) };
        kept.learn_from(&left);
        let sounds = format!("the built-in reader decoded {ours} ms of sound, ffmpeg {theirs} ms");
        kept.decoded.details.insert(0, sounds);
        Ok(kept)
    }

    /// The result of ffmpeg for a file that the built-in reader refused.
    fn instead(&mut self, refused: AudioError) -> Result<Take, AudioError> {
        if self.options.ffmpeg.is_none() {
            return Err(refused.tried_without_ffmpeg());
        }
        match self.take(Decoder::Ffmpeg) {
            Ok(take) => Ok(take),
            Err(error) => Err(error.tried_after(refused)),
        }
    }

    fn take(&mut self, reader: Decoder) -> Result<Take, AudioError> {
        let Opened {
            source,
            selection,
            guess,
        } = open::open(self.path, self.kind, self.options, reader)?;
        let cancelled = || AudioError::Cancelled { name: self.path.into() };
        if self.sink.begin().is_break() {
            return Err(cancelled());
        }
        let number = self.takes;
        self.takes += 1;
        let mut mono = Mono::new(Continuous::new(source));
        let mut window = Window::new(self.slice);
        let (mut output, mut samples, mut more, mut is_silent) = (Vec::new(), 0, true, true);
        while more && !window.is_past() {
            output.clear();
            more = mono.read(&mut output)?;
            is_silent = is_silent && take::is_silent(&output);
            let wanted = window.cut(&output);
            samples += wanted.len() as u64;
            if self.sink.write(wanted).is_break() {
                return Err(cancelled());
            }
        }
        self.rest = self.rest.or(mono.line().rest());
        let length = (!more).then(|| window.position());
        self.check_length(length, mono.line().sound_ms())?;
        let gaps = mono.line_mut().explain_gaps().iter().map(gap).collect();
        let (gaps, _) = in_slice(gaps, self.slice);
        let issues = mono.issues();
        let void_ms = take::void_ms(&issues);
        let (issues, missing_ms) = in_slice(issues, self.slice);
        let facts = mono.line().facts();
        Ok(Take {
            decoded: Decoded {
                take: number,
                samples,
                source_duration_ms: length.map(|length| length / SAMPLES_PER_MS).or(facts.duration_ms()),
                codec: facts.codec.clone(),
                source_rate: facts.source_rate,
                channels: facts.channels,
                decoder: facts.decoder,
                warnings: mono.notes(),
                issues,
                missing_ms,
                track: None,
                track_titles: selection.titles,
                details: Vec::new(),
            },
            sound_ms: mono.line().sound_ms(),
            void_ms,
            gaps,
            is_substitute: selection.is_substitute,
            guess,
            track: selection.indices.first().copied().unwrap_or(0),
            tracks: selection.tracks,
            is_silent,
            has_ended: !more,
        })
    }

    /// Refuses a recording without sound and a slice behind its end; `length` is `None` if the end was not reached.
    fn check_length(&self, length: Option<u64>, sound_ms: u64) -> Result<(), AudioError> {
        match length {
            Some(0) => Err(AudioError::NoSamples { name: self.path.into() }),
            Some(samples) if sound_ms == 0 && samples > SAMPLES_PER_MS => {
                Err(AudioError::unsupported(self.path, "none of its sound can be decoded"))
            }
            Some(samples) if samples <= self.slice.start_ms.saturating_mul(SAMPLES_PER_MS) => {
                Err(AudioError::StartPastEnd {
                    name: self.path.into(),
                    start_ms: self.slice.start_ms,
                    duration_ms: samples / SAMPLES_PER_MS,
                })
            }
            _ => Ok(()),
        }
    }
}

/// Whether the other reader may succeed.
fn is_of_the_reader(error: &AudioError) -> bool {
    matches!(
        error,
        AudioError::Unsupported { .. }
            | AudioError::Damaged { .. }
            | AudioError::NoSamples { .. }
            | AudioError::NoAudioTrack { .. }
    )
}

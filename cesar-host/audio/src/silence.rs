//! Another track if the default one is silent throughout: recorders and editors write empty tracks first.

use crate::continuous::Continuous;
use crate::issue::{Issue, IssueKind};
use crate::mono::Mono;
use crate::open;
use crate::take::{Take, is_silent};
use crate::takes::Job;
use crate::{AudioError, DecodeOptions, Decoder, SAMPLES_PER_MS, TrackChoice};

/// The take of a track with sound if no track was chosen and the track of `take` has none; otherwise `take`.
pub(crate) fn with_sound(job: &mut Job<'_>, take: Take) -> Result<Take, AudioError> {
    let is_free = job.options.track == TrackChoice::Default && take.tracks > 1;
    if !is_free || !take.is_silent || (!take.has_ended && has_sound(job, &TrackChoice::Default, take.decoded.decoder)?)
    {
        return Ok(take);
    }
    let Some(number) = track_with_sound(job, &take)? else {
        return Ok(take);
    };
    let options = DecodeOptions {
        track: TrackChoice::Number(number),
        ..job.options.clone()
    };
    let mut other = Job {
        options: &options,
        sink: &mut *job.sink,
        ..*job
    };
    let mut other = match other.best() {
        Ok(other) => other,
        Err(cancelled @ AudioError::Cancelled { .. }) => return Err(cancelled),
        // For example one that ends before the slice begins: the silent take is kept.
        Err(_) => return Ok(take),
    };
    other.decoded.track = Some(number);
    other.decoded.issues.insert(
        0,
        Issue {
            kind: IssueKind::SilentTrack,
            start_ms: 0,
            end_ms: other.decoded.samples / SAMPLES_PER_MS,
            message: format!(
                "audio track {number} of {} is read (choose with --audio-track), because track {} is silent",
                take.tracks,
                take.track + 1
            ),
        },
    );
    Ok(other)
}

/// The number of the first other track with sound.
fn track_with_sound(job: &mut Job<'_>, silent: &Take) -> Result<Option<usize>, AudioError> {
    for number in (1..=silent.tracks).filter(|number| *number != silent.track + 1) {
        let choice = TrackChoice::Number(number);
        let readers = [
            Some(Decoder::Native),
            job.options.ffmpeg.as_ref().map(|_| Decoder::Ffmpeg),
        ];
        for reader in readers.into_iter().flatten() {
            match has_sound(job, &choice, reader) {
                Ok(true) => return Ok(Some(number)),
                Ok(false) => break,
                Err(cancelled @ AudioError::Cancelled { .. }) => return Err(cancelled),
                // The other reader may support it; a track that neither can read is no better than a silent one.
                Err(_) => {}
            }
        }
    }
    Ok(None)
}

/// Reads a track up to the first sound.
fn has_sound(job: &mut Job<'_>, track: &TrackChoice, reader: Decoder) -> Result<bool, AudioError> {
    let options = DecodeOptions {
        track: track.clone(),
        ..job.options.clone()
    };
    let opened = open::open(job.path, job.kind, &options, reader)?;
    let mut mono = Mono::new(Continuous::new(opened.source));
    let (mut output, mut more) = (Vec::new(), true);
    while more {
        output.clear();
        more = mono.read(&mut output)?;
        if !is_silent(&output) {
            return Ok(true);
        }
        if job.sink.write(&[]).is_break() {
            return Err(AudioError::Cancelled { name: job.path.into() });
        }
    }
    Ok(false)
}

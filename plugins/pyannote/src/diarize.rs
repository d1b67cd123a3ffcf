//! One recording, from samples to turns.

use plugin_api::diarize::{Diarization, Speaker};
use plugin_api::{Audio, ErrorKind, StageError};

use crate::assign;
use crate::chunks::{self, Chunk};
use crate::options::Request;
use crate::powerset::SpeakerSet;
use crate::report::Report;
use crate::segmentation::BATCH;
use crate::speakers::{self, CLUSTERED, Voice};
use crate::stitch::{Timeline, Window};
use crate::turns;
use crate::windows::{SAMPLE_RATE, cut, step_frames, window_starts};
use crate::workers::Workers;

/// Segmentation's share of the time, for progress: 3 of 5.
const SEGMENTATION: u64 = 3;
const ALL: u64 = 5;

/// The speaker turns.
pub(crate) fn diarize(
    workers: &mut Workers,
    request: &Request,
    audio: Audio<'_>,
    host: &mut dyn Report,
) -> Result<Diarization, StageError> {
    if audio.sample_rate as usize != SAMPLE_RATE {
        let message = format!(
            "the audio has {} samples a second, and 16000 are needed",
            audio.sample_rate
        );
        return Err(StageError::new(ErrorKind::InvalidInput, message));
    }
    let total = audio.milliseconds(audio.samples.len());
    let timeline = segmented(workers, request, audio.samples, host, total)?;
    attributed(workers, request, audio, &timeline, host)
}

/// The speakers of the speech from segmentation.
pub(crate) fn attributed(
    workers: &mut Workers,
    request: &Request,
    audio: Audio<'_>,
    timeline: &Timeline,
    host: &mut dyn Report,
) -> Result<Diarization, StageError> {
    let total = audio.milliseconds(audio.samples.len());
    let stretches = timeline.stretches();
    let chunks = chunks::chunks(&stretches);
    let voices = workers.all(
        chunks.len(),
        |worker, index| {
            worker
                .embedder
                .run(&chunks::samples(chunks[index], &stretches, audio.samples))
        },
        host,
        |host, done| {
            let begun = total * SEGMENTATION / ALL;
            host.progress(begun + (total - begun) * done as u64 / chunks.len() as u64, total);
        },
    )?;
    // Moved, not copied: the vectors of ten hours are tens of megabytes.
    let (owners, known): (Vec<usize>, Vec<Voice>) = voices
        .into_iter()
        .enumerate()
        .filter_map(|(index, vector)| Some((index, voice(chunks[index], vector?))))
        .unzip();
    let means = speakers::speakers(&known, request, || host.cancelled())?;
    let mut judged: Vec<(Chunk, Option<Vec<f32>>)> = chunks.into_iter().map(|chunk| (chunk, None)).collect();
    for (owner, voice) in owners.into_iter().zip(known) {
        judged[owner].1 = Some(speakers::similarities(&voice.vector, &means));
    }
    // Speech without a voice still has a speaker.
    let count = means.len().max(1);
    let spans = assign::spans(timeline, &stretches, &judged, count);
    let (turns, appeared) = turns::turns(&spans, audio.samples, request);
    let embedding = |speaker: &usize| means.get(*speaker).filter(|_| request.embeddings).cloned();
    let speakers = appeared
        .iter()
        .map(|speaker| Speaker {
            embedding: embedding(speaker),
        })
        .collect();
    host.progress(total, total);
    Ok(Diarization { turns, speakers })
}

fn segmented(
    workers: &mut Workers,
    request: &Request,
    samples: &[f32],
    host: &mut dyn Report,
    total: u64,
) -> Result<Timeline, StageError> {
    let starts = match samples.len() {
        0 => Vec::new(),
        length => window_starts(length, step_frames(request.step)),
    };
    // Batches are the same for every number of threads, and so are the results.
    let batches: Vec<&[usize]> = starts.chunks(BATCH).collect();
    let sets = workers.all(
        batches.len(),
        |worker, index| {
            let windows: Vec<Vec<f32>> = batches[index].iter().map(|start| cut(samples, *start)).collect();
            worker.segmentation.run(&windows)
        },
        host,
        |host, done| host.progress(total * SEGMENTATION * done as u64 / (ALL * batches.len() as u64), total),
    )?;
    let window = |(start, sets): (&usize, Vec<SpeakerSet>)| Window { start: *start, sets };
    let windows = starts.iter().zip(sets.into_iter().flatten()).map(window).collect();
    Ok(Timeline::new(windows, samples.len()))
}

fn voice(chunk: Chunk, vector: Vec<f32>) -> Voice {
    // Chunks overlap; together they count each frame of their stretch once.
    let frames = chunk.frames as f32 / chunk.siblings as f32;
    Voice {
        vector,
        frames,
        clustered: chunk.len() >= CLUSTERED,
    }
}

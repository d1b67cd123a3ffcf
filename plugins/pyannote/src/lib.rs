//! Speaker diarization: Cesar's `diarize` stage, with pyannote's segmentation network and a network for voices, on ONNX Runtime.
//!
//! ```text
//! audio ─► 10 s windows ─► segmentation ─► sets of local speakers ─► how many speak, stretches of clean speech      stitch
//!                                                                             │
//!          speakers ◄─ groups ◄─ clusters ◄─ voices (vectors) ◄─ chunks of 2 s ◄┘                speakers, chunks, embedding
//!             │
//!             └─► who speaks in each frame, overlap included ─► turns                                        assign, turns
//! ```
//!
//! The pipeline is pyannote.audio's (Bredin 2023): overlapping windows, powerset classes, a count of speakers a frame by averaging
//! windows, vectors of clean speech, agglomerative clustering, and reconstruction in which overlap gets two speakers. It differs in
//! one respect, for the reasons in `chunks`: vectors are made of two seconds of speech instead of a local speaker's whole speech in
//! a window; so clustering has two steps, described in `speakers`.
//!
//! Only the front end and the extractor of vectors of pyannote-rs are used. Its `get_segments` ends at the first window in which no
//! segment closes, and does not distinguish local speakers.
//!
//! | module | content |
//! |---|---|
//! | [`options`] | the option table as types |
//! | [`segmentation`], `powerset`, `windows` | the first network: names, scale, classes, frames |
//! | `embedding` | the second network |
//! | `stitch`, `chunks` | windows to one timeline; chunks for voices |
//! | `cluster`, `groups`, `speakers` | voices to speakers |
//! | `assign`, `turns`, `turn_tail` | the speakers of each frame; frames to turns; turns to the end of the voice |
//! | `oracle` | known segmentation, for measurements |
//! | `memory` | failed allocations |
//! | `workers`, [`report`] | the threads; progress and cancellation |
//!
//! Memory: the networks of each thread, and for an hour of audio some 2 MB of sets, 2 MB of frames and 4 MB of vectors; samples are
//! copied a window at a time. Time is linear in the audio, because clustering examines a bounded number of vectors.

mod assign;
mod chunks;
mod cluster;
mod diarize;
mod embedding;
mod groups;
mod memory;
pub mod options;
mod oracle;
mod powerset;
pub mod report;
pub mod segmentation;
mod speakers;
mod stitch;
mod turn_tail;
mod turns;
mod windows;
mod workers;

use plugin_api::diarize::{Diarization, Turn};
use plugin_api::{Audio, Ctx, ErrorKind, Stage, StageError};

use options::{Options, Request};
use report::Report;
use workers::Workers;

/// The manifest in the form that the host reads.
pub const MANIFEST: &str = include_str!("cesar-plugin.json");

/// The loaded networks.
#[derive(Debug)]
pub struct Pyannote {
    workers: Workers,
}

impl Pyannote {
    /// The speaker turns, without a host.
    ///
    /// # Errors
    /// As [`Stage::run`].
    pub fn diarize(
        &mut self,
        request: &Request,
        audio: Audio<'_>,
        report: &mut dyn Report,
    ) -> Result<Diarization, StageError> {
        self.check(request)?;
        diarize::diarize(&mut self.workers, request, audio, report)
    }

    /// The same with known segmentation, for measurements: the speakers of these turns, of which only the times of single speakers
    /// are used.
    ///
    /// # Errors
    /// As [`Stage::run`].
    pub fn diarize_known(
        &mut self,
        request: &Request,
        audio: Audio<'_>,
        turns: &[Turn],
        report: &mut dyn Report,
    ) -> Result<Diarization, StageError> {
        self.check(request)?;
        // The ends are known, too.
        let request = &Request {
            hangover: 0.0,
            ..request.clone()
        };
        let timeline = oracle::timeline(turns, audio.samples.len(), windows::step_frames(request.step));
        diarize::attributed(&mut self.workers, request, audio, &timeline, report)
    }
}

impl Stage for Pyannote {
    type Options = Options;
    type Request = Request;
    type Output = Diarization;

    fn open(options: Options) -> Result<Self, StageError> {
        cesar_onnxruntime::ensure("identifies the speakers").map_err(|error| {
            let message = error.to_string();
            memory::failure(ErrorKind::LibraryMissing, &message, message.as_str())
        })?;
        Ok(Self {
            workers: Workers::open(&options)?,
        })
    }

    fn check(&self, request: &Request) -> Result<(), StageError> {
        request.speakers().map(drop)
    }

    fn run(&mut self, request: Request, audio: Audio<'_>, ctx: &mut Ctx<'_>) -> Result<Diarization, StageError> {
        self.diarize(&request, audio, ctx)
    }
}

plugin_api::cesar_plugin!(Pyannote, "cesar-plugin.json");

//! The recording of a job, wherever it is: an upload, or what the cache keeps of a download.

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use cesar_base::Digest;
use cesar_jobs::{Job, JobId, Source};
use cesar_pipeline::Address;
use parking_lot::Mutex;

use crate::admission::code::Code;
use crate::admission::refusal::Refusal;
use crate::state::Shared;

/// Maximum number of downloads that stay open: a player reads a recording in many requests, and the cache verifies all of it each time.
const MOST_OPEN: usize = 8;

/// How long they stay open after the last request.
const OPEN_FOR: Duration = Duration::from_secs(300);

/// An open recording. It stays readable when its name is gone.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) file: File,
    pub(crate) size: u64,
    pub(crate) digest: Digest,
    /// For browsers.
    pub(crate) media_type: &'static str,
}

impl Recording {
    fn new(file: File, digest: Digest) -> std::io::Result<Self> {
        Ok(Self {
            size: file.metadata()?.len(),
            media_type: cesar_audio::media_type(&path(&file))?,
            file,
            digest,
        })
    }

    /// A path to read it from, with the process id instead of `self`, so that ffmpeg, a child, can open it as well.
    pub(crate) fn path(&self) -> PathBuf {
        path(&self.file)
    }
}

fn path(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()))
}

/// The downloads that stay open.
#[derive(Debug, Default)]
pub(crate) struct OpenDownloads(Mutex<Vec<(JobId, Instant, Arc<Recording>)>>);

impl OpenDownloads {
    fn get(&self, job: JobId) -> Option<Arc<Recording>> {
        let mut open = self.0.lock();
        open.retain(|(_, last, _)| last.elapsed() < OPEN_FOR);
        let (_, last, recording) = open.iter_mut().find(|(known, ..)| *known == job)?;
        *last = Instant::now();
        Some(Arc::clone(recording))
    }

    fn add(&self, job: JobId, recording: &Arc<Recording>) {
        let mut open = self.0.lock();
        if open.len() >= MOST_OPEN
            && let Some(oldest) = (0..open.len()).min_by_key(|index| open[*index].1)
        {
            open.swap_remove(oldest);
        }
        open.push((job, Instant::now(), Arc::clone(recording)));
    }

    /// Closes the download of a job that changes or is removed.
    pub(crate) fn close(&self, job: JobId) {
        self.0.lock().retain(|(known, ..)| *known != job);
    }

    /// Closes those that were not read for a while.
    pub(crate) fn close_idle(&self) {
        self.0.lock().retain(|(_, last, _)| last.elapsed() < OPEN_FOR);
    }
}

/// The digest of a job's decoded samples, once there is a transcript.
pub(crate) fn pcm(job: &Job) -> Option<Digest> {
    digest(job, "pcm_sha256")
}

/// The digest of a job's recording, once it is known.
pub(crate) fn media(job: &Job) -> Option<Digest> {
    match &job.request.source {
        Source::Upload { digest, .. } => Some(*digest),
        Source::Url { .. } => digest(job, "media_sha256"),
    }
}

fn digest(job: &Job, name: &str) -> Option<Digest> {
    job.report.provenance["audio"][name].as_str()?.parse().ok()
}

/// Opens the recording of a job.
pub(crate) fn open(shared: &Shared, job: &Job) -> Result<Arc<Recording>, Refusal> {
    let unreadable = |error: std::io::Error| Refusal::internal(&error);
    match &job.request.source {
        Source::Upload { upload, digest, .. } => match File::open(shared.uploads.path(*upload)) {
            Ok(file) => Recording::new(file, *digest).map(Arc::new).map_err(unreadable),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(gone()),
            Err(error) => Err(unreadable(error)),
        },
        Source::Url { url } => {
            if let Some(recording) = shared.open_downloads.get(job.id) {
                return Ok(recording);
            }
            let address = Address::parse(url).map_err(|_| gone())?;
            let stored = shared.pipeline.stored_download(&address, media(job))?;
            let (file, digest) = stored.ok_or_else(gone)?;
            let recording = Arc::new(Recording::new(file, digest).map_err(unreadable)?);
            shared.open_downloads.add(job.id, &recording);
            Ok(recording)
        }
    }
}

fn gone() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        Code::RecordingGone,
        "the server no longer has the recording; the transcript is kept without it",
    )
}

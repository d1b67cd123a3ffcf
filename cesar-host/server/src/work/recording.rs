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

/// Time they stay open after the last request.
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
    /// The open download of a job, unless the job is of another one by now.
    fn get(&self, job: JobId, media: Option<Digest>) -> Option<Arc<Recording>> {
        let mut open = self.0.lock();
        open.retain(|(_, last, _)| last.elapsed() < OPEN_FOR);
        let (_, last, recording) = open
            .iter_mut()
            .find(|(known, _, recording)| *known == job && media.is_none_or(|media| media == recording.digest))?;
        *last = Instant::now();
        Some(Arc::clone(recording))
    }

    fn add(&self, job: JobId, recording: &Arc<Recording>) {
        let mut open = self.0.lock();
        open.retain(|(known, ..)| *known != job);
        if open.len() >= MOST_OPEN
            && let Some(oldest) = (0..open.len()).min_by_key(|index| open[*index].1)
        {
            open.swap_remove(oldest);
        }
        open.push((job, Instant::now(), Arc::clone(recording)));
    }

    /// Closes the download of a removed job.
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
            let media = media(job);
            if let Some(recording) = shared.open_downloads.get(job.id, media) {
                return Ok(recording);
            }
            let address = Address::parse(url).map_err(|_| gone())?;
            let stored = shared.pipeline.stored_download(&address, media)?;
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn recording(text: &str) -> Arc<Recording> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Arc::new(Recording::new(file, Digest::of(text.as_bytes())).unwrap())
    }

    #[test]
    fn an_open_download_is_used_while_it_is_that_of_the_job() {
        let open = OpenDownloads::default();
        let job: JobId = "019b77c5-3800-7001-8000-000000000000".parse().unwrap();
        let [first, second] = ["first", "second"].map(recording);
        open.add(job, &first);
        let digest = |media| open.get(job, media).map(|recording| recording.digest);
        assert_eq!(digest(None), Some(first.digest), "it is not known yet");
        assert_eq!(digest(Some(first.digest)), Some(first.digest));
        assert_eq!(digest(Some(second.digest)), None, "it was downloaded again");
        open.add(job, &second);
        assert_eq!(digest(Some(second.digest)), Some(second.digest));
        assert_eq!(digest(Some(first.digest)), None, "one for each job");
        open.close(job);
        assert_eq!(digest(None), None);
    }
}

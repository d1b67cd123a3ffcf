//! Downloaded recordings that stay open between the requests of a player.

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cesar_base::Digest;
use cesar_jobs::JobId;
use parking_lot::Mutex;

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
    pub(crate) fn new(file: File, digest: Digest) -> std::io::Result<Self> {
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
    pub(crate) fn get(&self, job: JobId, media: Option<Digest>) -> Option<Arc<Recording>> {
        let mut open = self.0.lock();
        open.retain(|(_, last, _)| last.elapsed() < OPEN_FOR);
        let (_, last, recording) = open
            .iter_mut()
            .find(|(known, _, recording)| *known == job && media.is_none_or(|media| media == recording.digest))?;
        *last = Instant::now();
        Some(Arc::clone(recording))
    }

    pub(crate) fn add(&self, job: JobId, recording: &Arc<Recording>) {
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

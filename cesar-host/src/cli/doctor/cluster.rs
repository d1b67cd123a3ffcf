//! Checks of what this machine shares with others: the database of jobs, the storage of uploads, the cache.
//!
//! Each is opened as a server or worker does, which checks rights, layout and clocks (and creates what is missing), and then used once more
//! for the time of an answer.

use std::time::Instant;

use cesar_config::Settings;
use cesar_jobs::{Blobs, Location, Policy, SystemRandom, UploadId};

use super::finding::Finding;
use crate::cli::report::Failure;
use crate::cli::{blobs, serve, shared_cache};

/// Answers whose time is measured; the quickest is shown.
const ANSWERS: u32 = 5;

/// Bytes of the object that is written, read and removed.
const PROBE: &[u8] = &[0x5A; 64 * 1024];

pub(super) fn findings(settings: &Settings) -> Vec<Finding> {
    let server = &settings.server;
    let jobs = server.jobs.as_ref().map(|_| jobs(settings));
    let uploads = server.blobs.as_ref().map(|_| uploads(settings));
    let cache = settings.cache.remote.as_ref().map(|_| cache(settings));
    let shared = [
        ("jobs", "server.jobs", jobs),
        ("uploads", "server.blobs", uploads),
        ("shared cache", "cache.remote", cache),
    ];
    let finding = |(subject, setting, found): (&str, &str, Option<Result<String, Failure>>)| match found {
        None => Finding::warning(
            subject,
            "not shared",
            format!("set `{setting}` to share it with other machines"),
        ),
        Some(Ok(text)) => Finding::ok(subject, text),
        Some(Err(failure)) => Finding::failed(subject, failure.text),
    };
    shared.into_iter().map(finding).collect()
}

fn jobs(settings: &Settings) -> Result<String, Failure> {
    let location = Location::new(serve::data_folder(settings)?, settings.server.jobs.clone());
    let store = location.open(Policy::default()).map_err(Failure::failed)?;
    let answered = quickest(ANSWERS, || store.next_due().map(drop)).map_err(Failure::failed)?;
    let counts = store.counts().map_err(Failure::failed)?;
    let queued = counts
        .by_state
        .get(&cesar_jobs::JobState::Queued)
        .copied()
        .unwrap_or_default();
    Ok(format!(
        "{queued} queued in PostgreSQL, which answers in {answered}; the clocks agree"
    ))
}

fn uploads(settings: &Settings) -> Result<String, Failure> {
    let Some(blobs) = blobs::open(&settings.server)? else {
        return Ok("not shared".to_owned());
    };
    let probe = || probe(&*blobs);
    let answered = quickest(1, probe).map_err(|error| {
        let location = blobs.location();
        Failure::failed(format!(
            "cannot use `{location}` ({error}); check the rights to read, write and remove"
        ))
    })?;
    Ok(format!(
        "`{}` writes, reads and removes in {answered}",
        blobs.location()
    ))
}

/// Writes, reads and removes an object.
fn probe(blobs: &dyn Blobs) -> std::io::Result<()> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), PROBE)?;
    let upload = UploadId::new(&SystemRandom);
    blobs.put(upload, file.path())?;
    let mut bytes = Vec::new();
    let found = blobs.get(upload, &mut |part| {
        bytes.extend_from_slice(part);
        Ok(())
    });
    blobs.remove(upload)?;
    match found? && bytes == PROBE {
        true => Ok(()),
        false => Err(std::io::Error::other("it does not return what was written")),
    }
}

fn cache(settings: &Settings) -> Result<String, Failure> {
    let began = Instant::now();
    let (location, notices) = shared_cache::checked(settings)?;
    let notices: String = notices.iter().map(|notice| format!("; {notice}")).collect();
    Ok(format!("`{location}` opens in {}{notices}", shown(began)))
}

/// The shortest time of some repetitions.
fn quickest<E>(times: u32, mut work: impl FnMut() -> Result<(), E>) -> Result<String, E> {
    let mut best: Option<(std::time::Duration, String)> = None;
    for _ in 0..times {
        let began = Instant::now();
        work()?;
        let (took, text) = (began.elapsed(), shown(began));
        if best.as_ref().is_none_or(|(known, _)| took < *known) {
            best = Some((took, text));
        }
    }
    Ok(best.map(|(_, text)| text).unwrap_or_default())
}

fn shown(began: Instant) -> String {
    format!("{:.1} ms", began.elapsed().as_secs_f64() * 1000.0)
}

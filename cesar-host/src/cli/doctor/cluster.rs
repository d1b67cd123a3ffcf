//! Checks of what this machine shares with others: the database of jobs and its workers, the storage of uploads, the cache.
//!
//! Each is looked at as a server or worker opens it, which checks rights, layout and clocks, but nothing is created or migrated: what does not
//! exist yet is reported. Where there is a storage of uploads, an object is written, read and removed.

use std::time::{Duration, Instant};

use cesar_config::Settings;
use cesar_jobs::{Blobs, InspectedJobs, Location, SystemRandom, UploadId};

use super::finding::Finding;
use crate::cli::humanize::count;
use crate::cli::report::Failure;
use crate::cli::{blobs, serve, shared_cache};

/// Bytes of the object that is written, read and removed.
const PROBE: &[u8] = &[0x5A; 64 * 1024];

/// The remedy for what does not exist yet.
const STARTED: &str = "the first `cesar serve` or `cesar worker` with these settings creates it";

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
    let finding = |(subject, setting, found): (&str, &str, Option<Result<Vec<Finding>, Failure>>)| match found {
        None => vec![Finding::warning(
            subject,
            "not shared",
            format!("set `{setting}` to share it with other machines"),
        )],
        Some(Ok(findings)) => findings,
        Some(Err(failure)) => vec![Finding::failed(subject, failure.text)],
    };
    shared.into_iter().flat_map(finding).collect()
}

fn jobs(settings: &Settings) -> Result<Vec<Finding>, Failure> {
    let location = Location::new(serve::data_folder(settings)?, settings.server.jobs.clone());
    let found = location.inspect().map_err(Failure::failed)?;
    Ok(found.map_or_else(Vec::new, |found| jobs_found(&found.jobs, found.answered)))
}

/// A line about the database, and one about the workers where their jobs exist.
fn jobs_found(jobs: &InspectedJobs, answered: Duration) -> Vec<Finding> {
    let answers = format!("PostgreSQL answers in {}; the clocks agree", shown(answered));
    match jobs {
        InspectedJobs::Missing => vec![Finding::warning(
            "jobs",
            format!("{answers}; the tables do not exist yet"),
            STARTED,
        )],
        InspectedJobs::Earlier { found } => vec![Finding::warning(
            "jobs",
            format!("{answers}; the tables have the earlier schema {found}"),
            "the next `cesar serve` or `cesar worker` that starts migrates them, and earlier versions cannot start from then on",
        )],
        InspectedJobs::Present {
            queued,
            untaken,
            untaken_needs,
            workers,
        } => vec![
            Finding::ok("jobs", format!("{answers}; {queued} queued")),
            workers_found(workers, (*untaken, *queued), untaken_needs),
        ],
    }
}

fn workers_found(
    workers: &[(Option<Vec<String>>, u64)],
    (untaken, queued): (u64, u64),
    needs: &[(Vec<String>, u64)],
) -> Finding {
    let alive: u64 = workers.iter().map(|(_, number)| number).sum();
    let offers = workers.iter().map(|(offer, number)| match offer {
        None => format!("{number} without a word about what it has"),
        Some(offer) if offer.is_empty() => format!("{number} without an engine"),
        Some(offer) => format!("{number} with {}", offer.join(", ")),
    });
    let text = match alive {
        0 => "none is alive".to_owned(),
        _ => format!(
            "{} alive ({})",
            count(alive, "is", "are"),
            offers.collect::<Vec<_>>().join("; ")
        ),
    };
    if untaken > 0 {
        let needed = needs
            .iter()
            .map(|(needs, number)| format!("{number} need {}", needs.join(", ")));
        return Finding::warning(
            "workers",
            format!(
                "{text}; no worker takes {untaken} of {} ({})",
                count(queued, "queued job", "queued jobs"),
                needed.collect::<Vec<_>>().join("; ")
            ),
            "start a `cesar worker` that has these engines, models and labels (`#`)",
        );
    }
    match alive {
        0 => Finding::warning(
            "workers",
            text,
            "start `cesar worker`, or `cesar serve` without `--no-workers`",
        ),
        _ => Finding::ok("workers", text),
    }
}

fn uploads(settings: &Settings) -> Result<Vec<Finding>, Failure> {
    let Some(blobs) = blobs::find(&settings.server)? else {
        return Ok(vec![Finding::warning(
            "uploads",
            "the storage is not set up yet",
            STARTED,
        )]);
    };
    let began = Instant::now();
    probe(&*blobs).map_err(|error| {
        let location = blobs.location();
        Failure::failed(format!(
            "cannot use `{location}` ({error}); check the rights to read, write and remove"
        ))
    })?;
    let text = format!(
        "`{}` writes, reads and removes in {}",
        blobs.location(),
        shown(began.elapsed())
    );
    Ok(vec![Finding::ok("uploads", text)])
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

fn cache(settings: &Settings) -> Result<Vec<Finding>, Failure> {
    let began = Instant::now();
    let Some(notices) = shared_cache::checked(settings)? else {
        let remedy = "the first machine that may write to it creates it";
        return Ok(vec![Finding::warning("shared cache", "it is not set up yet", remedy)]);
    };
    let notices: String = notices.iter().map(|notice| format!("; {notice}")).collect();
    let text = format!("it opens in {}{notices}", shown(began.elapsed()));
    Ok(vec![Finding::ok("shared cache", text)])
}

fn shown(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::super::text;
    use super::*;

    #[test]
    fn workers_are_shown_by_what_they_have_and_jobs_that_none_takes_by_what_they_need() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let found = |untaken, workers: &[(Option<Vec<String>>, u64)]| InspectedJobs::Present {
            queued: 9,
            untaken,
            untaken_needs: match untaken {
                0 => Vec::new(),
                _ => vec![(texts(&["ct2/large-v3", "#gpu"]), untaken)],
            },
            workers: workers.to_vec(),
        };
        let gpu = (Some(texts(&["#gpu", "ct2", "ct2/base", "ct2@1.0.0"])), 2);
        let all = [
            InspectedJobs::Missing,
            InspectedJobs::Earlier { found: 2 },
            found(0, &[]),
            found(0, &[gpu.clone(), (None, 1), (Some(Vec::new()), 1)]),
            found(3, &[gpu]),
        ];
        let findings: Vec<_> = all
            .iter()
            .flat_map(|jobs| jobs_found(jobs, Duration::from_micros(1_250)))
            .collect();
        insta::assert_snapshot!(text(&findings));
    }
}

//! Tests of the jobs. Time is a [`ManualClock`] and random numbers have a seed; nothing sleeps to let time pass.

mod faults;
mod in_memory;
mod kills;
mod model;
mod opening;
#[cfg(feature = "postgres")]
mod postgres;
mod processes;
mod seeded_random;
mod shared_pieces;
mod shared_uploads;
mod suite;
mod uploads;
mod workers;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cesar_base::{Digest, Fault, FaultKind, ManualClock};
use tempfile::TempDir;

use super::*;
use in_memory::MemoryJobs;
use seeded_random::SeededRandom;

/// 2026-01-01 00:00 UTC.
const START_MS: i64 = 1_767_225_600_000;

const HOUR_MS: i64 = 3_600_000;

/// An empty folder, in memory where the system has such a file system: thousands of syncs take minutes on a disk.
fn folder() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap()
}

/// The place of the jobs of several processes: a folder, and a database unless they are in the folder, too.
#[derive(Clone)]
struct Place {
    folder: PathBuf,
    url: Option<String>,
}

/// The parts of a server that hold jobs.
struct Site {
    store: Arc<dyn JobStore>,
    workers: Arc<dyn Liveness>,
    uploads: Uploads,
}

impl Place {
    fn sqlite(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            url: None,
        }
    }

    #[cfg(feature = "postgres")]
    fn postgres(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            url: Some(cesar_tests::postgres::cluster().fresh()),
        }
    }

    /// The same with a folder below its folder.
    fn within(&self, folder: &str) -> Self {
        Self {
            folder: self.folder.join(folder),
            url: self.url.clone(),
        }
    }

    /// Opens everything with this clock. The disk is that of the files, and of the database where it is a file.
    fn open(&self, clock: Arc<ManualClock>, disk: &Disk) -> Result<Site> {
        let random = Arc::new(SystemRandom);
        let uploads = Uploads::open(&self.folder, disk.clone(), random.clone())?;
        #[cfg(feature = "postgres")]
        if let Some(url) = &self.url {
            let options = PostgresOptions {
                clock: Some(clock),
                ..PostgresOptions::default()
            };
            let store = PostgresJobs::open(url, options)?;
            return Ok(Site {
                workers: Arc::new(PostgresWorkers::without_heartbeat(&store, LEASE)?),
                store: Arc::new(store),
                uploads,
            });
        }
        assert_eq!(self.url, None, "another store");
        let options = StoreOptions {
            clock,
            disk: disk.clone(),
            ..StoreOptions::default()
        };
        Ok(Site {
            store: Arc::new(SqliteJobs::open(&self.folder, options)?),
            workers: Arc::new(Workers::open(&self.folder, disk.clone(), random)?),
            uploads,
        })
    }

    /// The same with a clock that begins this many hours later, and a sound disk.
    fn open_after(&self, hours: i64) -> Site {
        let clock = ManualClock::new(START_MS + HOUR_MS * hours);
        self.open(Arc::new(clock), &Disk::real()).unwrap()
    }
}

/// A store with a clock that stands still.
struct Fixture {
    store: Arc<dyn JobStore>,
    clock: Arc<ManualClock>,
    random: Arc<SeededRandom>,
    /// Registers a worker that never dies, where the store asks for that.
    enter: Box<dyn Fn(WorkerId)>,
    _folder: Option<TempDir>,
}

impl Fixture {
    fn memory(policy: Policy) -> Self {
        let (clock, random) = (Arc::new(ManualClock::new(START_MS)), Arc::new(SeededRandom::new(7)));
        Self {
            store: Arc::new(MemoryJobs::new(clock.clone(), random.clone(), policy)),
            clock,
            random,
            enter: Box::new(|_| {}),
            _folder: None,
        }
    }

    fn sqlite(policy: Policy) -> Self {
        let folder = folder();
        let (clock, random) = (Arc::new(ManualClock::new(START_MS)), Arc::new(SeededRandom::new(7)));
        let options = StoreOptions {
            clock: clock.clone(),
            random: random.clone(),
            policy,
            disk: Disk::real(),
        };
        Self {
            store: Arc::new(SqliteJobs::open(folder.path(), options).unwrap()),
            clock,
            random,
            enter: Box::new(|_| {}),
            _folder: Some(folder),
        }
    }

    #[cfg(feature = "postgres")]
    fn postgres(policy: Policy) -> Self {
        let (clock, random) = (Arc::new(ManualClock::new(START_MS)), Arc::new(SeededRandom::new(7)));
        let options = PostgresOptions {
            random: random.clone(),
            policy,
            clock: Some(clock.clone()),
        };
        let url = cesar_tests::postgres::cluster().fresh();
        let store = Arc::new(PostgresJobs::open(&url, options).unwrap());
        let entered = Arc::clone(&store);
        Self {
            store,
            clock,
            random,
            enter: Box::new(move |worker| entered.enter(worker, i64::MAX)),
            _folder: None,
        }
    }

    /// The id of a worker that lives.
    fn worker(&self) -> WorkerId {
        let id = WorkerId::new(&*self.random);
        (self.enter)(id);
        id
    }

    fn upload_job(&self) -> NewJob {
        NewJob::new(upload_request(UploadId::new(&*self.random)))
    }

    fn submit(&self) -> Job {
        self.submit_new(&self.upload_job())
    }

    fn submit_new(&self, new: &NewJob) -> Job {
        match self.store.submit(new).unwrap() {
            Submission::New(job) => job,
            other => panic!("{other:?}"),
        }
    }

    fn claim(&self) -> Claim {
        self.store.claim(self.worker()).unwrap().unwrap()
    }

    fn get(&self, job: JobId) -> Job {
        self.store.get(job).unwrap().unwrap()
    }

    fn state(&self, job: JobId) -> JobState {
        self.get(job).state
    }
}

fn upload_request(upload: UploadId) -> JobRequest {
    let mut request = JobRequest::new(Source::Upload {
        upload,
        bytes: 7,
        digest: Digest::of(b"content"),
    });
    request.label = "talk.mp3".to_owned();
    request.parameters.diarize = Some(true);
    request
}

fn url_job() -> NewJob {
    NewJob::new(JobRequest::new(Source::Url {
        url: "https://example.org/talk.mp3".to_owned(),
    }))
}

fn with_webhook(mut new: NewJob) -> NewJob {
    new.request.parameters.webhook_url = Some("https://example.org/hook".to_owned());
    new
}

fn stage_error(code: &str, stage: &str) -> StageError {
    StageError {
        code: code.to_owned(),
        message: format!("{stage} failed"),
        stage: Some(stage.to_owned()),
    }
}

fn failure(kind: FailureKind) -> Failure {
    Failure {
        error: stage_error("io", "asr"),
        kind,
    }
}

fn crash(plugin: &str) -> FailureKind {
    FailureKind::Crash {
        plugin: plugin.to_owned(),
        digest: Digest::of(plugin.as_bytes()),
    }
}

fn report() -> Report {
    Report {
        transcription_cached: Some(true),
        diarization_cached: Some(false),
        cache_hit_ratio: Some(0.5),
        timings: [("asr".to_owned(), 1_200), ("diarize".to_owned(), 34)].into(),
        provenance: serde_json::json!({"asr": {"plugin": "ct2", "model": "tiny"}}),
    }
}

fn options_at(disk: Disk) -> StoreOptions {
    StoreOptions {
        clock: Arc::new(ManualClock::new(START_MS)),
        disk,
        ..StoreOptions::default()
    }
}

fn open(folder: &Path) -> SqliteJobs {
    SqliteJobs::open(folder, options_at(Disk::real())).unwrap()
}

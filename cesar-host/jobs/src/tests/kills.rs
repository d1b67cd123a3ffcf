//! Servers that are killed at any moment: each acknowledged job ends exactly once.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::time::Instant;

use super::faults::{all, check_uploads};
use super::processes::{kill, ready, start_at, until_ready};
use super::*;

/// A server without a network: submits, works and cancels at random until it is killed, and reports what it acknowledged.
pub(super) fn serve(place: &Place, seed: u64) {
    let random = SeededRandom::new(seed);
    let started = Instant::now();
    // Each server begins an hour later, so that no pause and no lease outlasts the previous one.
    let site = place.open_after(i64::try_from(seed).unwrap());
    let (store, uploads) = (&*site.store, &site.uploads);
    site.workers.recover(store).unwrap();
    ready();
    println!("recovered {}", started.elapsed().as_micros());
    uploads.sweep(store).unwrap();
    let worker = site.workers.register().unwrap();
    let mut last = None;
    for number in 0.. {
        match random.next() % 8 {
            0..=3 => last = Some(receive_and_submit(store, uploads, number)),
            4..=6 => work(store, worker.id(), &random),
            _ => {
                if let Some(job) = last
                    && let Cancellation::Done(job) = store.cancel(job).unwrap()
                {
                    println!("ended {} {}", job.id, job.state);
                }
            }
        }
    }
}

fn receive_and_submit(store: &dyn JobStore, uploads: &Uploads, number: u64) -> JobId {
    let mut writer = uploads.create(100_000).unwrap();
    writer.write(&super::faults::content(number)).unwrap();
    let upload = writer.finish().unwrap();
    let new = NewJob::new(JobRequest::new(upload.source()));
    let Submission::New(job) = store.submit(&new).unwrap() else {
        panic!("it is new and the queue is not full")
    };
    println!("submitted {}", job.id);
    job.id
}

fn work(store: &dyn JobStore, worker: WorkerId, random: &SeededRandom) {
    let Some(Claim { job, lease }) = store.claim(worker).unwrap() else {
        return;
    };
    store.progress(&lease, &Progress::default(), Some(&report())).unwrap();
    let job = match random.next() % 8 {
        0 => store.fail(&lease, &failure(FailureKind::Transient)),
        1 => store.fail(&lease, &failure(FailureKind::Final)),
        2 => store.hand_back(&lease),
        _ => store.complete(&lease, &format!("{} {}", job.id, lease.number), &report()),
    };
    let job = job.unwrap();
    if job.state.has_ended() {
        println!("ended {} {}", job.id, job.state);
    }
}

/// The acknowledgements of the servers so far, and the jobs found.
#[derive(Default)]
struct Ledger {
    submitted: BTreeSet<JobId>,
    told: BTreeMap<JobId, JobState>,
    /// Jobs that have ended, with their documents: they never change again.
    ended: BTreeMap<JobId, (Job, Option<String>)>,
    recoveries: Vec<u64>,
    /// Number of jobs found whose worker had been killed.
    lost: usize,
}

impl Ledger {
    fn note(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["recovered", time] => self.recoveries.push(time.parse().unwrap()),
            ["submitted", job] => assert!(self.submitted.insert(job.parse().unwrap()), "{line} twice"),
            ["ended", job, state] => {
                let before = self.told.insert(job.parse().unwrap(), state.parse().unwrap());
                assert_eq!(before, None, "{line} twice");
            }
            _ => {}
        }
    }

    /// Checks the state that a killed server left.
    fn check(&mut self, store: &dyn JobStore) {
        let jobs: BTreeMap<JobId, Job> = all(store).into_iter().map(|job| (job.id, job)).collect();
        for id in &self.submitted {
            assert!(jobs.contains_key(id), "{id} is lost");
        }
        for (id, state) in &self.told {
            assert_eq!(jobs[id].state, *state);
        }
        for (id, (job, document)) in &self.ended {
            assert_eq!(
                (&jobs[id], &store.document(*id).unwrap()),
                (job, document),
                "it ended before"
            );
        }
        for (id, job) in jobs {
            if job.state.has_ended() {
                let document = store.document(id).unwrap();
                self.ended.insert(id, (job, document));
            } else if job.state.is_running() {
                self.lost += 1;
            }
        }
    }
}

fn number_from(variable: &str, otherwise: u64) -> u64 {
    env::var(variable).map_or(otherwise, |number| number.parse().unwrap())
}

/// Servers are killed repeatedly; each acknowledged job ends exactly once.
fn killing_servers_loses_no_job(place: &Place, kills: u64) {
    let random = SeededRandom::new(number_from("CESAR_JOBS_SEED", 1));
    let mut ledger = Ledger::default();
    for seed in 0..kills {
        let mut server = start_at(&format!("serve {seed}"), place);
        let mut lines = until_ready(&mut server);
        for line in lines.by_ref().take(usize::try_from(random.next() % 30).unwrap()) {
            ledger.note(&line);
        }
        kill(server);
        // Its reports before it died.
        lines.for_each(|line| ledger.note(&line));
        ledger.check(&*place.open_after(0).store);
    }
    finish(place, &mut ledger, kills);
    let mut recoveries = ledger.recoveries;
    recoveries.sort_unstable();
    println!(
        "{kills} kills: {} jobs acknowledged, {} workers killed with a job, recovery p50 {} µs, p95 {} µs",
        ledger.submitted.len(),
        ledger.lost,
        recoveries[recoveries.len() / 2],
        recoveries[recoveries.len() * 95 / 100],
    );
}

#[test]
fn killing_servers_of_a_folder_loses_no_job() {
    let folder = folder();
    killing_servers_loses_no_job(&Place::sqlite(folder.path()), number_from("CESAR_JOBS_KILLS", 60));
}

#[cfg(feature = "postgres")]
#[test]
fn killing_servers_of_a_database_loses_no_job() {
    let folder = folder();
    killing_servers_loses_no_job(&Place::postgres(folder.path()), number_from("CESAR_JOBS_KILLS", 30));
}

/// Finishes all remaining jobs.
fn finish(place: &Place, ledger: &mut Ledger, hours: u64) {
    let site = place.open_after(i64::try_from(hours).unwrap());
    let store = &*site.store;
    site.workers.recover(store).unwrap();
    site.uploads.sweep(store).unwrap();
    check_uploads(&place.folder, store, &site.uploads, "after all kills");
    let worker = site.workers.register().unwrap();
    while let Some(claim) = store.claim(worker.id()).unwrap() {
        store.complete(&claim.lease, "late", &report()).unwrap();
    }
    ledger.check(store);
    for id in &ledger.submitted {
        assert!(ledger.ended.contains_key(id), "{id} has not ended");
    }
    for (id, (job, document)) in &ledger.ended {
        let is_right = match document.as_deref() {
            Some("late") => job.state == JobState::Completed,
            Some(document) => document.starts_with(&id.to_string()) && job.state == JobState::Completed,
            None => matches!(job.state, JobState::Error | JobState::Cancelled),
        };
        assert!(is_right, "{job:?} with {document:?}");
    }
}

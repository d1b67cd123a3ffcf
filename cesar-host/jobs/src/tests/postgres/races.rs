//! Operations of several connections on the same rows at once. An update that waits for another must decide about the row as it is then.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

use parking_lot::Mutex;

use super::*;

const THREADS: usize = 6;

/// Runs this in several threads that begin together, each with connections of its own.
fn together<T: Send>(url: &str, work: impl Fn(usize, &PostgresJobs) -> T + Sync) -> Vec<T> {
    let clock = Arc::new(ManualClock::new(START_MS));
    let stores: Vec<_> = (0..THREADS).map(|_| with_clock(url, &clock)).collect();
    let (start, work) = (Barrier::new(THREADS), &work);
    thread::scope(|scope| {
        let threads: Vec<_> = stores
            .iter()
            .enumerate()
            .map(|(number, store)| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    work(number, store)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn equal_submissions_at_once_are_one_job() {
    for is_idempotent in [true, false] {
        let submissions = together(&cluster().fresh(), |_, store| {
            let mut new = url_job();
            let fingerprint = new.request.fingerprint();
            if is_idempotent {
                new.idempotency = Some(Idempotency {
                    key: "once".to_owned(),
                    fingerprint,
                });
            } else {
                new.coalesce_key = Some("equal".to_owned());
            }
            store.submit(&new).unwrap()
        });
        let new = submissions
            .iter()
            .filter(|submission| matches!(submission, Submission::New(_)));
        assert_eq!(new.count(), 1, "{submissions:?}");
        let jobs: BTreeSet<JobId> = submissions
            .iter()
            .filter_map(|submission| match submission {
                Submission::New(job) | Submission::Existing(job) | Submission::Joined(job) => Some(job.id),
                _ => None,
            })
            .collect();
        assert_eq!(jobs.len(), 1, "{submissions:?}");
    }
}

#[test]
fn equal_work_is_refused_by_an_index_as_well() {
    let store = real(&cluster().fresh());
    let insert =
        "INSERT INTO jobs (id, state, request, max_attempts, not_before_ms, refresh, created_ms, coalesce_key, retried)
        VALUES (gen_random_uuid(), 'queued', '{}', 3, 0, false, 0, 'equal', ";
    store.inspect(&format!("{insert} false)")).unwrap();
    store.inspect(&format!("{insert} true)")).unwrap();
    let refused = store.inspect(&format!("{insert} false)")).unwrap_err().to_string();
    assert!(refused.contains("jobs_coalesced"), "{refused}");
}

/// Each claim ends at most once, whatever workers, clients and recoveries do at the same time.
#[test]
fn a_claim_ends_once_beside_recoveries_and_clients() {
    const ENDS: usize = 25;
    /// Of each thread, at least.
    const STEPS: u64 = 150;
    /// At most: which of them comes first decides how many are needed.
    const MOST_STEPS: u64 = 20_000;
    let url = cluster().fresh();
    let store = real(&url);
    let jobs: Vec<JobId> = (0..3).map(|_| submitted(&store)).collect();
    let random = SeededRandom::new(3);
    let workers: Vec<WorkerId> = (0..THREADS).map(|_| WorkerId::new(&random)).collect();
    workers.iter().for_each(|worker| store.enter(*worker, i64::MAX));
    let ended = Mutex::new(BTreeSet::new());
    let end = |lease: &Lease, result: Result<Job>| match result {
        Ok(_) => assert!(ended.lock().insert((lease.job, lease.number)), "{lease:?} ended twice"),
        Err(JobsError::LeaseLost { .. }) => {}
        Err(error) => panic!("{error}"),
    };
    together(&url, |number, store| {
        let random = SeededRandom::new(number as u64);
        let any = |from: u64| usize::try_from(random.next() % from).unwrap();
        for step in 0..MOST_STEPS {
            if step >= STEPS && ended.lock().len() >= ENDS {
                return;
            }
            if number % 3 == 0 {
                let job = jobs[any(3)];
                match any(4) {
                    0 => drop(store.cancel(job).unwrap()),
                    1 => store
                        .requeue_jobs_of(workers[any(THREADS as u64)])
                        .unwrap()
                        .iter()
                        .for_each(|job| {
                            assert!(job.owner.is_none() && job.lease.is_none());
                        }),
                    // It may be in another state.
                    _ => drop(store.retry(job, any(2) == 0)),
                }
            } else if let Some(Claim { lease, .. }) = store.claim(workers[number]).unwrap() {
                let _ = store.progress(&lease, &Progress::default(), None);
                match any(5) {
                    0 => end(&lease, store.hand_back(&lease)),
                    1 => end(&lease, store.fail(&lease, &failure(FailureKind::Transient))),
                    2 => end(&lease, store.cancelled(&lease)),
                    3 => end(&lease, store.fail(&lease, &failure(FailureKind::Final))),
                    _ => end(
                        &lease,
                        store.complete_partly(&lease, "part", &report(), &stage_error("late", "asr")),
                    ),
                }
            }
        }
    });
    assert!(ended.lock().len() >= ENDS, "{:?}", ended.lock());
}

#[test]
fn a_job_is_abandoned_when_the_requests_of_all_processes_are() {
    let url = cluster().fresh();
    let (mine, others) = (real(&url), real(&url));
    let with_key = |key: Option<&str>| {
        let mut new = NewJob {
            coalesce_key: Some("same".to_owned()),
            ..url_job()
        };
        new.idempotency = key.map(|key| Idempotency {
            key: key.to_owned(),
            fingerprint: new.request.fingerprint(),
        });
        new
    };
    let Submission::New(job) = mine.submit(&with_key(Some("k"))).unwrap() else {
        panic!("there is no other");
    };
    let joined = others.submit(&with_key(None)).unwrap();
    assert!(
        matches!(&joined, Submission::Joined(joined) if joined.id == job.id),
        "{joined:?}"
    );
    assert_eq!(mine.abandon(job.id, 1).unwrap(), None, "the other process has a client");
    let repeated = others.submit(&with_key(Some("k"))).unwrap();
    assert!(matches!(&repeated, Submission::Existing(_)), "{repeated:?}");
    assert_eq!(
        mine.abandon(job.id, 2).unwrap(),
        None,
        "the client of `k` waits there now"
    );
    assert!(matches!(mine.abandon(job.id, 3), Ok(Some(Cancellation::Done(_)))));
    others.remove(job.id).unwrap();
    assert_eq!(mine.abandon(job.id, 3).unwrap(), None);
}

/// A process may be stopped, or lose its network, between two statements of a transaction.
#[test]
fn a_transaction_that_stands_still_holds_up_no_other_process() {
    let url = cluster().fresh();
    let clock = Arc::new(ManualClock::new(START_MS));
    let (still, others) = (with_clock(&url, &clock), with_clock(&url, &clock));
    let [mine, living] = [&still, &others].map(|store| PostgresWorkers::without_heartbeat(store, LEASE).unwrap());
    let worker = mine.register().unwrap();
    let job = submitted(&still);
    still.claim(worker.id()).unwrap().unwrap();
    // The pool lends the same connection each time.
    for statement in [
        "BEGIN",
        "SELECT id::text FROM jobs FOR KEY SHARE",
        "SELECT pg_advisory_xact_lock(hashtextextended('cesar submits ' || current_schema, 0))::text",
    ] {
        still.inspect(statement).unwrap();
    }
    clock.advance_ms(i64::try_from(LEASE.as_millis()).unwrap());
    let recovery = living.recover(&others).unwrap();
    assert_eq!(recovery.jobs.iter().map(|job| job.id).collect::<Vec<_>>(), [job]);
    submitted(&others);
    // It wakes, and works with another connection.
    submitted(&still);
}

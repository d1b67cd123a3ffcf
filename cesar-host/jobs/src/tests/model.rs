//! Random sequences of all operations, on each store and in memory: every answer and every row must be equal.
//!
//! A store and the memory share only the shapes of their data, the creation of ids and the table of pauses in memory, which SQL
//! computes itself. In addition, each state of a job is checked against the diagram of the module.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// An operation. Numbers choose a job, a lease or a worker among all so far, so that stale ones occur often.
#[derive(Debug, Clone)]
enum Operation {
    Submit {
        url: bool,
        webhook: bool,
        refresh: bool,
        key: Option<u8>,
        label: u8,
        coalesce: Option<u8>,
    },
    Claim {
        worker: usize,
    },
    Downloaded {
        lease: usize,
    },
    Refreshed {
        lease: usize,
    },
    Progress {
        lease: usize,
        percent: u8,
        report: bool,
    },
    Complete {
        lease: usize,
    },
    CompletePartly {
        lease: usize,
    },
    Fail {
        lease: usize,
        kind: u8,
    },
    Cancelled {
        lease: usize,
    },
    HandBack {
        lease: usize,
    },
    Die {
        worker: usize,
    },
    Cancel {
        job: usize,
    },
    Retry {
        job: usize,
        refresh: bool,
    },
    Rename {
        job: usize,
        title: Option<u8>,
    },
    Remove {
        job: usize,
    },
    ClaimWebhook,
    RecordDelivery {
        lease: usize,
        outcome: u8,
    },
    Prune {
        limit: u32,
    },
    List {
        state: usize,
        after: usize,
        recording: bool,
        limit: u32,
    },
    TimePasses {
        ms: i64,
    },
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::{
        Cancel, Cancelled, Claim, ClaimWebhook, Complete, CompletePartly, Die, Downloaded, Fail, HandBack, List,
        Progress, Prune, RecordDelivery, Refreshed, Remove, Rename, Retry, Submit, TimePasses,
    };
    let few = 0_usize..4;
    let key = || prop::option::weighted(0.3, 0_u8..3);
    prop_oneof![
        6 => (any::<bool>(), any::<bool>(), any::<bool>(), key(), 0_u8..2, key()).prop_map(
            |(url, webhook, refresh, key, label, coalesce)| Submit { url, webhook, refresh, key, label, coalesce }
        ),
        8 => few.clone().prop_map(|worker| Claim { worker }),
        1 => few.clone().prop_map(|lease| Downloaded { lease }),
        1 => few.clone().prop_map(|lease| Refreshed { lease }),
        2 => (few.clone(), 0_u8..120, any::<bool>()).prop_map(|(lease, percent, report)| Progress { lease, percent, report }),
        3 => few.clone().prop_map(|lease| Complete { lease }),
        2 => few.clone().prop_map(|lease| CompletePartly { lease }),
        5 => (few.clone(), 0_u8..4).prop_map(|(lease, kind)| Fail { lease, kind }),
        1 => few.clone().prop_map(|lease| Cancelled { lease }),
        2 => few.clone().prop_map(|lease| HandBack { lease }),
        2 => few.clone().prop_map(|worker| Die { worker }),
        2 => few.clone().prop_map(|job| Cancel { job }),
        4 => (few.clone(), any::<bool>()).prop_map(|(job, refresh)| Retry { job, refresh }),
        1 => (few.clone(), any::<Option<u8>>()).prop_map(|(job, title)| Rename { job, title }),
        1 => few.clone().prop_map(|job| Remove { job }),
        3 => Just(ClaimWebhook),
        3 => (few.clone(), 0_u8..3).prop_map(|(lease, outcome)| RecordDelivery { lease, outcome }),
        1 => (0_u32..4).prop_map(|limit| Prune { limit }),
        1 => (0_usize..8, few, any::<bool>(), 0_u32..5)
            .prop_map(|(state, after, recording, limit)| List { state, after, recording, limit }),
        5 => prop_oneof![Just(1), Just(6_000), Just(20_000), Just(HOUR_MS), Just(30 * HOUR_MS), Just(-HOUR_MS)]
            .prop_map(|ms| TimePasses { ms }),
    ]
}

/// A store, the one in memory, and everything that they returned.
struct Both {
    stored: Fixture,
    memory: Fixture,
    workers: Vec<WorkerId>,
    jobs: Vec<JobId>,
    leases: Vec<Lease>,
    webhook_leases: Vec<WebhookLease>,
    uploads: Vec<UploadId>,
    states: BTreeMap<JobId, Job>,
}

impl Both {
    fn new(make: fn(Policy) -> Fixture) -> Self {
        let policy = Policy {
            max_queued: 4,
            webhook_attempts: 2,
            ..Policy::default()
        };
        let random = SeededRandom::new(1);
        let (stored, memory) = (make(policy), Fixture::memory(policy));
        let workers: Vec<WorkerId> = (0..4).map(|_| WorkerId::new(&random)).collect();
        workers.iter().for_each(|worker| (stored.enter)(*worker));
        Self {
            stored,
            memory,
            workers,
            jobs: Vec::new(),
            leases: Vec::new(),
            webhook_leases: Vec::new(),
            uploads: (0..40).map(|_| UploadId::new(&random)).collect(),
            states: BTreeMap::new(),
        }
    }

    /// Calls both stores and returns the answer, which must be equal, including errors.
    fn ask<T: PartialEq + std::fmt::Debug>(&self, question: impl Fn(&dyn JobStore) -> Result<T>) -> Option<T> {
        let answers = [&self.stored, &self.memory].map(|fixture| question(&*fixture.store));
        let [stored, memory] = answers.map(|answer| answer.map_err(|error| error.to_string()));
        assert_eq!(stored, memory);
        stored.ok()
    }

    /// One of the last ones returned.
    fn recent<T: Copy>(known: &[T], number: usize) -> Option<T> {
        known.iter().rev().nth(number).copied()
    }

    fn with_lease<T: PartialEq + std::fmt::Debug>(
        &self,
        number: usize,
        question: impl Fn(&dyn JobStore, &Lease) -> Result<T>,
    ) {
        if let Some(lease) = Self::recent(&self.leases, number) {
            self.ask(|store| question(store, &lease));
        }
    }

    fn run(&mut self, operation: &Operation) {
        match operation {
            Operation::Submit { .. } => self.submit(operation),
            Operation::Claim { worker } => {
                let claim = self.ask(|store| store.claim(self.workers[*worker]));
                self.leases.extend(claim.flatten().map(|claim| claim.lease));
            }
            Operation::Downloaded { lease } => self.with_lease(*lease, |store, lease| store.downloaded(lease)),
            Operation::Refreshed { lease } => self.with_lease(*lease, |store, lease| store.refreshed(lease)),
            Operation::Progress {
                lease,
                percent,
                report: told,
            } => {
                let progress = Progress {
                    percent: f64::from(*percent),
                    phase: "asr".to_owned(),
                    phase_percent: 1.5,
                };
                let report = told.then(report);
                self.with_lease(*lease, |store, lease| store.progress(lease, &progress, report.as_ref()));
            }
            Operation::Complete { lease } => {
                self.with_lease(*lease, |store, lease| store.complete(lease, "whole", &report()))
            }
            Operation::CompletePartly { lease } => self.with_lease(*lease, |store, lease| {
                store.complete_partly(
                    lease,
                    "part",
                    &Report::default(),
                    &stage_error("diarization_failed", "diarize"),
                )
            }),
            Operation::Fail { lease, kind } => {
                let kinds = [
                    FailureKind::Final,
                    FailureKind::Transient,
                    crash("ct2"),
                    crash("pyannote"),
                ];
                let failure = failure(kinds[usize::from(*kind)].clone());
                self.with_lease(*lease, |store, lease| store.fail(lease, &failure));
            }
            Operation::Cancelled { lease } => self.with_lease(*lease, |store, lease| store.cancelled(lease)),
            Operation::HandBack { lease } => self.with_lease(*lease, |store, lease| store.hand_back(lease)),
            Operation::Die { worker } => drop(self.ask(|store| store.requeue_jobs_of(self.workers[*worker]))),
            Operation::Cancel { job } => {
                if let Some(job) = Self::recent(&self.jobs, *job) {
                    self.ask(|store| store.cancel(job));
                }
            }
            Operation::Retry { job, refresh } => {
                if let Some(job) = Self::recent(&self.jobs, *job) {
                    self.ask(|store| store.retry(job, *refresh));
                }
            }
            Operation::Rename { job, title } => {
                let title = title.map(|title| title.to_string());
                if let Some(job) = Self::recent(&self.jobs, *job) {
                    self.ask(|store| store.rename(job, title.as_deref()));
                }
            }
            Operation::Remove { job } => {
                if let Some(job) = Self::recent(&self.jobs, *job) {
                    self.ask(|store| store.remove(job));
                }
            }
            Operation::ClaimWebhook => {
                let claim = self.ask(|store| store.claim_webhook(Duration::from_secs(30)));
                self.webhook_leases.extend(claim.flatten().map(|claim| claim.lease));
            }
            Operation::RecordDelivery { lease, outcome } => {
                let delivery = Delivery {
                    verdict: [Verdict::Delivered, Verdict::TryAgain, Verdict::GiveUp][usize::from(*outcome)],
                    status: Some(500),
                    error: None,
                };
                if let Some(lease) = Self::recent(&self.webhook_leases, *lease) {
                    self.ask(|store| store.record_delivery(&lease, &delivery));
                }
            }
            Operation::Prune { limit } => drop(self.ask(|store| store.prune(&Retention::default(), *limit))),
            Operation::List {
                state,
                after,
                recording,
                limit,
            } => {
                let query = ListQuery {
                    states: JobState::ALL.get(*state).copied().into_iter().collect(),
                    after: Self::recent(&self.jobs, *after),
                    recording: recording.then(|| Digest::of(b"content")),
                    limit: *limit,
                };
                self.ask(|store| store.list(&query));
            }
            Operation::TimePasses { ms } => {
                self.stored.clock.advance_ms(*ms);
                self.memory.clock.advance_ms(*ms);
            }
        }
    }

    fn submit(&mut self, operation: &Operation) {
        let Operation::Submit {
            url,
            webhook,
            refresh,
            key,
            label,
            coalesce,
        } = operation
        else {
            return;
        };
        let mut new = match self.uploads.pop() {
            Some(upload) if !url => NewJob::new(upload_request(upload)),
            _ => url_job(),
        };
        if *webhook {
            new = with_webhook(new);
        }
        new.request.parameters.refresh = *refresh;
        new.request.label = label.to_string();
        new.idempotency = key.map(|key| Idempotency {
            key: key.to_string(),
            fingerprint: new.request.fingerprint(),
        });
        new.coalesce_key = coalesce.map(|key| key.to_string());
        if let Some(Submission::New(job)) = self.ask(|store| store.submit(&new)) {
            self.jobs.push(job.id);
        }
    }

    /// The stored states are equal, and every transition is in the diagram.
    fn compare(&mut self) {
        let everything = ListQuery {
            limit: u32::MAX,
            ..ListQuery::default()
        };
        let jobs = self.ask(|store| store.list(&everything)).unwrap();
        for job in &jobs {
            let document = self.ask(|store| store.document(job.id)).unwrap();
            assert_eq!(document.is_some(), job.has_document);
            if let Some(before) = self.states.get(&job.id) {
                assert!(is_a_way(before, job), "from {before:?} to {job:?}");
            }
            assert!(job.attempts <= job.max_attempts, "{job:?}");
        }
        self.ask(|store| store.counts());
        self.ask(|store| store.next_due());
        self.ask(|store| store.owners());
        self.states = jobs.into_iter().map(|job| (job.id, job)).collect();
    }
}

/// The diagram, for one operation.
fn is_a_way(from: &Job, to: &Job) -> bool {
    use JobState::{Cancelled, Completed, Downloading, Error, Partial, Processing, Queued};
    if from.state == to.state {
        return from.lease == to.lease;
    }
    match from.state {
        Queued => to.state == Cancelled || (to.state.is_running() && to.lease > from.lease),
        Downloading => matches!(to.state, Queued | Processing | Completed | Partial | Error | Cancelled),
        Processing => matches!(to.state, Queued | Completed | Partial | Error | Cancelled),
        Partial | Error | Cancelled => to.state == Queued,
        Completed => false,
    }
}

fn cases(otherwise: u32) -> ProptestConfig {
    let cases = std::env::var("CESAR_MODEL_CASES");
    ProptestConfig {
        cases: cases.ok().and_then(|cases| cases.parse().ok()).unwrap_or(otherwise),
        failure_persistence: None,
        max_shrink_iters: 4_000,
        ..ProptestConfig::default()
    }
}

fn agrees(make: fn(Policy) -> Fixture, operations: &[Operation]) {
    let mut both = Both::new(make);
    for operation in operations {
        both.run(operation);
        both.compare();
    }
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn sqlite_and_memory_stores_agree(operations in prop::collection::vec(operation(), 1..80)) {
        agrees(Fixture::sqlite, &operations);
    }
}

#[cfg(feature = "postgres")]
proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn postgres_and_memory_stores_agree(operations in prop::collection::vec(operation(), 1..80)) {
        agrees(Fixture::postgres, &operations);
    }
}

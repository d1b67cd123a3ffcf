//! Jobs in memory: a minimal model of a store.
//!
//! It forgets everything when dropped. Tests compare [`crate::SqliteJobs`] with it, and other tests use it where no
//! disk is needed. With the same clock and equal random sources, both return equal answers to equal calls.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cesar_base::{Clock, Digest};
use parking_lot::{Mutex, MutexGuard};

use crate::error::{JobsError, Result};
use crate::id::{JobId, Random, UploadId, WorkerId};
use crate::job::{Job, JobState, Progress, Report, StageError, Webhook, WebhookState};
use crate::policy::{
    CRASHES, EVENTS_LIFETIME_MS, FARTHEST_MS, FIRST_PAUSE_MS, LONGEST_PAUSE_MS, Policy, Retention, hold_ms, jitter,
};
use crate::request::Source;
use crate::store::{
    Cancellation, Claim, Counts, Delivery, EventPosition, Failure, FailureKind, JobStore, Lease, ListQuery, NewJob,
    NextDue, Offer, Pruned, RunEvent, Signal, Submission, Verdict, WebhookClaim, WebhookLease, worker_lost,
};

/// A store without a disk.
pub(super) struct MemoryJobs {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    policy: Policy,
    rows: Mutex<BTreeMap<JobId, Row>>,
}

struct Row {
    job: Job,
    document: Option<String>,
    fingerprint: Option<Digest>,
    claims: u32,
    webhook_claims: u32,
    events: Vec<RunEvent>,
}

impl Row {
    fn new(id: JobId, new: &NewJob, now_ms: i64, policy: &Policy) -> Self {
        let webhook = new.request.parameters.webhook_url.as_ref().map(|_| fresh_webhook());
        Self {
            job: Job {
                id,
                state: JobState::Queued,
                request: new.request.clone(),
                attempts: 0,
                max_attempts: policy.max_attempts,
                not_before_ms: now_ms,
                error: None,
                progress: idle_progress(JobState::Queued, 0.0),
                report: Report::default(),
                has_document: false,
                created_ms: now_ms,
                started_ms: None,
                finished_ms: None,
                owner: None,
                lease: None,
                cancel_requested: false,
                refresh: new.request.parameters.refresh,
                retry_stage: None,
                crashes: BTreeMap::new(),
                idempotency_key: new.idempotency.as_ref().map(|known| known.key.clone()),
                coalesce_key: new.coalesce_key.clone(),
                webhook,
            },
            document: None,
            fingerprint: new.idempotency.as_ref().map(|known| known.fingerprint),
            claims: 0,
            webhook_claims: 0,
            events: Vec::new(),
        }
    }

    /// The job leaves its worker, or the queue if it is cancelled there.
    fn end_lease(&mut self, next: JobState, now_ms: i64) -> Job {
        let job = &mut self.job;
        let percent = match next {
            JobState::Queued => 0.0,
            JobState::Completed | JobState::Partial => 100.0,
            _ => job.progress.percent,
        };
        job.state = next;
        job.progress = idle_progress(next, percent);
        (job.owner, job.lease, job.cancel_requested) = (None, None, false);
        job.finished_ms = (next != JobState::Queued).then_some(now_ms);
        if next == JobState::Cancelled {
            job.error = None;
        }
        if let Some(webhook) = job.webhook.as_mut().filter(|_| is_notified(next)) {
            webhook.state = WebhookState::Pending;
            webhook.next_ms = Some(now_ms);
        }
        job.clone()
    }

    fn failed_state(&self) -> JobState {
        if self.job.has_document {
            JobState::Partial
        } else {
            JobState::Error
        }
    }

    fn end_with_document(
        &mut self,
        state: JobState,
        document: &str,
        report: &Report,
        error: Option<&StageError>,
        now_ms: i64,
    ) -> Job {
        self.document = Some(document.to_owned());
        self.job.has_document = true;
        self.job.report = report.clone();
        self.job.error = error.cloned();
        self.end_lease(state, now_ms)
    }
}

fn has_recording(job: &Job, digest: Digest) -> bool {
    let uploaded = match &job.request.source {
        Source::Upload { digest, .. } => Some(*digest),
        Source::Url { .. } => None,
    };
    uploaded == Some(digest) || job.report.provenance["audio"]["media_sha256"] == digest.to_string()
}

fn fresh_webhook() -> Webhook {
    Webhook {
        state: WebhookState::Waiting,
        attempts: 0,
        next_ms: None,
        status: None,
        error: None,
    }
}

fn idle_progress(state: JobState, percent: f64) -> Progress {
    Progress {
        percent,
        phase: state.as_str().to_owned(),
        phase_percent: percent,
    }
}

impl MemoryJobs {
    /// An empty store.
    pub(super) fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>, policy: Policy) -> Self {
        Self {
            clock,
            random,
            policy,
            rows: Mutex::default(),
        }
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<JobId, Row>> {
        self.rows.lock()
    }

    fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Changes the job that a worker holds.
    fn update_held<T>(&self, lease: &Lease, change: impl FnOnce(&mut Row) -> T) -> Result<T> {
        let mut rows = self.rows();
        let row = rows
            .get_mut(&lease.job)
            .filter(|row| row.job.lease == Some(lease.number));
        row.map(change).ok_or(JobsError::LeaseLost { job: lease.job })
    }

    fn jobs_where(&self, wanted: impl Fn(&Job) -> bool) -> Vec<Job> {
        self.rows()
            .values()
            .map(|row| &row.job)
            .filter(|job| wanted(job))
            .cloned()
            .collect()
    }
}

impl JobStore for MemoryJobs {
    fn submit(&self, new: &NewJob) -> Result<Submission> {
        let random = [self.random.next(), self.random.next()];
        let mut rows = self.rows();
        if let Some(known) = &new.idempotency
            && let Some(row) = rows
                .values()
                .find(|row| row.job.idempotency_key.as_ref() == Some(&known.key))
        {
            return Ok(if row.fingerprint == Some(known.fingerprint) {
                Submission::Existing(row.job.clone())
            } else {
                Submission::Conflict { job: row.job.id }
            });
        }
        let equal = |job: &Job| job.coalesce_key == new.coalesce_key && !job.state.has_ended() && !job.cancel_requested;
        if new.coalesce_key.is_some()
            && let Some(row) = rows.values().find(|row| equal(&row.job))
        {
            return Ok(Submission::Joined(row.job.clone()));
        }
        let queued = rows.values().filter(|row| row.job.state == JobState::Queued).count() as u64;
        if queued >= self.policy.max_queued {
            return Ok(Submission::Full {
                queued,
                retry_after: self.policy.retry_after,
            });
        }
        let now_ms = self.now_ms();
        let id = JobId::next_after(rows.keys().next_back().copied(), now_ms, random);
        let row = rows.entry(id).or_insert(Row::new(id, new, now_ms, &self.policy));
        Ok(Submission::New(row.job.clone()))
    }

    fn get(&self, job: JobId) -> Result<Option<Job>> {
        Ok(self.rows().get(&job).map(|row| row.job.clone()))
    }

    fn document(&self, job: JobId) -> Result<Option<String>> {
        Ok(self.rows().get(&job).and_then(|row| row.document.clone()))
    }

    fn list(&self, query: &ListQuery) -> Result<Vec<Job>> {
        let mut jobs = self.jobs_where(|job| {
            (query.states.is_empty() || query.states.contains(&job.state))
                && query.after.is_none_or(|after| job.id < after)
                && query.recording.is_none_or(|digest| has_recording(job, digest))
        });
        jobs.reverse();
        jobs.truncate(query.limit as usize);
        Ok(jobs)
    }

    fn counts(&self) -> Result<Counts> {
        let mut counts = Counts {
            by_state: JobState::ALL.into_iter().map(|state| (state, 0)).collect(),
            ..Counts::default()
        };
        for row in self.rows().values() {
            *counts.by_state.entry(row.job.state).or_default() += 1;
            counts.webhooks_pending += u64::from(is_pending(&row.job));
            if row.job.state == JobState::Queued {
                let oldest = counts.oldest_queued_ms.get_or_insert(row.job.created_ms);
                *oldest = (*oldest).min(row.job.created_ms);
            }
        }
        Ok(counts)
    }

    fn cancel(&self, job: JobId) -> Result<Cancellation> {
        let mut rows = self.rows();
        let row = rows.get_mut(&job).ok_or(JobsError::NotFound { job })?;
        Ok(match row.job.state {
            JobState::Queued => Cancellation::Done(row.end_lease(JobState::Cancelled, self.now_ms())),
            state if state.is_running() => {
                row.job.cancel_requested = true;
                Cancellation::Requested(row.job.clone())
            }
            _ => Cancellation::Ended(row.job.clone()),
        })
    }

    fn retry(&self, job: JobId, refresh: bool) -> Result<Job> {
        let mut rows = self.rows();
        let row = rows.get_mut(&job).ok_or(JobsError::NotFound { job })?;
        let state = row.job.state;
        if !state.is_retryable() {
            return Err(JobsError::NotRetryable { job, state });
        }
        let now_ms = self.now_ms();
        row.end_lease(JobState::Queued, now_ms);
        if refresh {
            row.document = None;
            row.job.has_document = false;
            row.job.report = Report::default();
        }
        row.job.retry_stage = row.job.error.take().and_then(|error| error.stage);
        row.job.refresh = refresh;
        row.job.attempts = 0;
        row.job.not_before_ms = now_ms;
        row.job.started_ms = None;
        row.job.crashes.clear();
        row.job.webhook = row.job.webhook.as_ref().map(|_| fresh_webhook());
        Ok(row.job.clone())
    }

    fn rename(&self, job: JobId, title: Option<&str>) -> Result<Job> {
        let mut rows = self.rows();
        let row = rows.get_mut(&job).ok_or(JobsError::NotFound { job })?;
        row.job.request.title = title.map(str::to_owned);
        Ok(row.job.clone())
    }

    fn remove(&self, job: JobId) -> Result<Job> {
        let mut rows = self.rows();
        let state = rows.get(&job).ok_or(JobsError::NotFound { job })?.job.state;
        if !state.has_ended() {
            return Err(JobsError::NotEnded { job, state });
        }
        let row = rows.remove(&job).ok_or(JobsError::NotFound { job })?;
        Ok(row.job)
    }

    fn claim_from(&self, owner: WorkerId, offer: &Offer) -> Result<Option<Claim>> {
        let now_ms = self.now_ms();
        let mut rows = self.rows();
        let due = |row: &&mut Row| {
            let job = &row.job;
            job.state == JobState::Queued && is_due(job.not_before_ms, now_ms) && offer.covers(job.request.needs())
        };
        let Some(row) = rows.values_mut().find(due) else {
            return Ok(None);
        };
        row.claims += 1;
        let job = &mut row.job;
        job.state = if job.request.upload().is_some() {
            JobState::Processing
        } else {
            JobState::Downloading
        };
        job.progress = idle_progress(job.state, 0.0);
        job.attempts += 1;
        (job.owner, job.lease) = (Some(owner), Some(row.claims));
        job.started_ms = job.started_ms.or(Some(now_ms));
        Ok(Some(Claim {
            job: job.clone(),
            lease: Lease {
                job: job.id,
                number: row.claims,
            },
        }))
    }

    fn downloaded(&self, lease: &Lease) -> Result<Job> {
        self.update_held(lease, |row| {
            row.job.state = JobState::Processing;
            row.job.clone()
        })
    }

    fn refreshed(&self, lease: &Lease) -> Result<Job> {
        self.update_held(lease, |row| {
            row.job.refresh = false;
            row.job.clone()
        })
    }

    fn progress(&self, lease: &Lease, progress: &Progress, report: Option<&Report>) -> Result<Signal> {
        self.update_held(lease, |row| {
            row.job.progress = progress.clamped();
            if let Some(report) = report {
                row.job.report = report.clone();
            }
            if row.job.cancel_requested {
                Signal::Cancel
            } else {
                Signal::Continue
            }
        })
    }

    fn complete(&self, lease: &Lease, document: &str, report: &Report) -> Result<Job> {
        let now_ms = self.now_ms();
        self.update_held(lease, |row| {
            row.end_with_document(JobState::Completed, document, report, None, now_ms)
        })
    }

    fn complete_partly(&self, lease: &Lease, document: &str, report: &Report, error: &StageError) -> Result<Job> {
        let now_ms = self.now_ms();
        self.update_held(lease, |row| {
            row.end_with_document(JobState::Partial, document, report, Some(error), now_ms)
        })
    }

    fn fail(&self, lease: &Lease, failure: &Failure) -> Result<Job> {
        let jitter = jitter(self.random.next());
        let now_ms = self.now_ms();
        self.update_held(lease, |row| {
            let crashes = match &failure.kind {
                FailureKind::Crash { digest, .. } => {
                    let crashes = row.job.crashes.entry(digest.to_string()).or_default();
                    *crashes += 1;
                    *crashes
                }
                _ => 0,
            };
            let crashed = failure.crashed_twice().filter(|_| crashes >= CRASHES);
            let out_of_attempts = row.job.attempts >= row.job.max_attempts;
            let next = if row.job.cancel_requested {
                JobState::Cancelled
            } else if crashed.is_some() || failure.kind == FailureKind::Final || out_of_attempts {
                row.failed_state()
            } else {
                JobState::Queued
            };
            row.job.error = Some(crashed.unwrap_or_else(|| failure.error.clone()));
            row.job.not_before_ms = now_ms + pause_ms(row.job.attempts, jitter);
            row.end_lease(next, now_ms)
        })
    }

    fn cancelled(&self, lease: &Lease) -> Result<Job> {
        let now_ms = self.now_ms();
        self.update_held(lease, |row| row.end_lease(JobState::Cancelled, now_ms))
    }

    fn hand_back(&self, lease: &Lease) -> Result<Job> {
        let now_ms = self.now_ms();
        self.update_held(lease, |row| {
            let next = if row.job.cancel_requested {
                JobState::Cancelled
            } else {
                JobState::Queued
            };
            row.job.attempts -= 1;
            row.job.not_before_ms = now_ms;
            row.end_lease(next, now_ms)
        })
    }

    fn keep_events(&self, lease: &Lease, events: &[RunEvent]) -> Result<()> {
        self.update_held(lease, |row| {
            for event in events {
                let is_outdated =
                    |kept: &RunEvent| kept.position.claim < lease.number || (event.replaces && kept.kind == event.kind);
                row.events.retain(|kept| !is_outdated(kept));
                row.events.push(RunEvent {
                    replaces: false,
                    ..event.clone()
                });
            }
        })
    }

    fn events(&self, job: JobId, last: EventPosition) -> Result<Vec<RunEvent>> {
        let rows = self.rows();
        let events = rows.get(&job).map(|row| row.events.iter());
        let after = events.into_iter().flatten().filter(|event| event.position > last);
        Ok(after.cloned().collect())
    }

    fn owners(&self) -> Result<Vec<WorkerId>> {
        let mut owners: Vec<WorkerId> = self.rows().values().filter_map(|row| row.job.owner).collect();
        owners.sort();
        owners.dedup();
        Ok(owners)
    }

    fn requeue_jobs_of(&self, owner: WorkerId) -> Result<Vec<Job>> {
        let now_ms = self.now_ms();
        let mut rows = self.rows();
        let lost = rows.values_mut().filter(|row| row.job.owner == Some(owner));
        Ok(lost
            .map(|row| {
                let next = if row.job.cancel_requested {
                    JobState::Cancelled
                } else if row.job.attempts < row.job.max_attempts {
                    JobState::Queued
                } else {
                    row.failed_state()
                };
                row.job.error = Some(worker_lost());
                row.job.not_before_ms = now_ms;
                row.end_lease(next, now_ms)
            })
            .collect())
    }

    fn next_due(&self) -> Result<NextDue> {
        let rows = self.rows();
        let queued = rows.values().filter(|row| row.job.state == JobState::Queued);
        let pending = rows.values().filter(|row| is_pending(&row.job));
        Ok(NextDue {
            job_ms: queued.map(|row| row.job.not_before_ms).min(),
            webhook_ms: pending.filter_map(|row| row.job.webhook.as_ref()?.next_ms).min(),
        })
    }

    fn prune(&self, retention: &Retention, limit: u32) -> Result<Pruned> {
        let now_ms = self.now_ms();
        let is_old = |job: &Job| {
            let threshold = retention.threshold_ms(job.state, now_ms);
            job.finished_ms.is_some_and(|finished| finished <= threshold) && !is_pending(job)
        };
        let mut old = self.jobs_where(is_old);
        old.truncate(limit as usize);
        let mut rows = self.rows();
        for row in rows.values_mut() {
            let is_old = |finished| finished <= now_ms - EVENTS_LIFETIME_MS;
            if row.job.finished_ms.is_some_and(is_old) {
                row.events.clear();
            }
        }
        for job in &old {
            rows.remove(&job.id);
        }
        Ok(Pruned {
            jobs: old.iter().map(|job| job.id).collect(),
            uploads: old.iter().filter_map(|job| job.request.upload()).collect(),
        })
    }

    fn uses_upload(&self, upload: UploadId) -> Result<bool> {
        Ok(self.rows().values().any(|row| row.job.request.upload() == Some(upload)))
    }

    fn job_of_upload(&self, upload: UploadId) -> Result<Option<Job>> {
        Ok(self.jobs_where(|job| job.request.upload() == Some(upload)).pop())
    }

    fn claim_webhook(&self, hold: Duration) -> Result<Option<WebhookClaim>> {
        let now_ms = self.now_ms();
        let mut rows = self.rows();
        let due_ms = |row: &Row| {
            let webhook = row.job.webhook.as_ref().filter(|_| is_pending(&row.job))?;
            webhook.next_ms.filter(|next| is_due(*next, now_ms))
        };
        let first = rows
            .values_mut()
            .filter(|row| due_ms(row).is_some())
            .min_by_key(|row| (due_ms(row), row.job.id));
        let Some(row) = first else { return Ok(None) };
        row.webhook_claims += 1;
        if let Some(webhook) = &mut row.job.webhook {
            webhook.attempts += 1;
            webhook.next_ms = Some(now_ms + hold_ms(hold));
        }
        Ok(Some(WebhookClaim {
            job: row.job.clone(),
            lease: WebhookLease {
                job: row.job.id,
                number: row.webhook_claims,
            },
        }))
    }

    fn record_delivery(&self, lease: &WebhookLease, delivery: &Delivery) -> Result<Job> {
        let jitter = jitter(self.random.next());
        let now_ms = self.now_ms();
        let mut rows = self.rows();
        let held = rows
            .get_mut(&lease.job)
            .filter(|row| row.webhook_claims == lease.number && is_pending(&row.job));
        let row = held.ok_or(JobsError::LeaseLost { job: lease.job })?;
        if let Some(webhook) = &mut row.job.webhook {
            webhook.state = match delivery.verdict {
                Verdict::Delivered => WebhookState::Delivered,
                Verdict::TryAgain if webhook.attempts < self.policy.webhook_attempts => WebhookState::Pending,
                Verdict::TryAgain | Verdict::GiveUp => WebhookState::Failed,
            };
            let pending = webhook.state == WebhookState::Pending;
            webhook.next_ms = pending.then(|| now_ms + pause_ms(webhook.attempts, jitter));
            webhook.status = delivery.status;
            webhook.error.clone_from(&delivery.error);
        }
        Ok(row.job.clone())
    }
}

fn is_pending(job: &Job) -> bool {
    job.webhook
        .as_ref()
        .is_some_and(|webhook| webhook.state == WebhookState::Pending)
}

/// The pause after this many attempts, in ms: `min(2ⁿ·5 s, 10 min)`, n being 0 after the first, times the jitter.
fn pause_ms(attempts: u32, jitter: i64) -> i64 {
    let doublings = attempts.saturating_sub(1).min(20);
    (FIRST_PAUSE_MS << doublings).min(LONGEST_PAUSE_MS) * jitter / 1000
}

/// Whether work postponed to `at_ms` is due.
fn is_due(at_ms: i64, now_ms: i64) -> bool {
    at_ms <= now_ms || at_ms > now_ms + FARTHEST_MS
}

/// Whether a webhook reports this end. A client that cancels knows it already.
fn is_notified(state: JobState) -> bool {
    matches!(state, JobState::Completed | JobState::Partial | JobState::Error)
}

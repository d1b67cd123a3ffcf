//! What every store must do. Each test runs on each store; a new store is one more line in [`shared`].

use super::*;

macro_rules! shared {
    ($($test:ident),* $(,)?) => {
        mod memory {
            $(#[test] fn $test() { super::$test(super::Fixture::memory); })*
        }
        mod sqlite {
            $(#[test] fn $test() { super::$test(super::Fixture::sqlite); })*
        }
    };
}

shared!(
    a_job_goes_its_way,
    a_download_comes_before_processing,
    the_oldest_job_is_claimed_first,
    ids_are_ordered_whatever_the_clock_does,
    a_worker_that_lost_its_job_cannot_change_it,
    a_lease_ends_with_its_job,
    a_failure_that_may_pass_is_tried_again_later,
    pauses_double_up_to_ten_minutes,
    a_clock_that_is_set_back_holds_nothing_for_long,
    a_final_failure_ends_the_job,
    two_crashes_of_one_plugin_end_the_job,
    handing_back_gives_the_attempt_back,
    a_dead_worker_loses_its_jobs_at_once,
    a_job_that_kills_its_server_runs_out_of_attempts,
    a_waiting_job_is_cancelled_at_once,
    a_running_job_is_cancelled_by_its_worker,
    a_wish_to_cancel_wins_over_another_attempt,
    a_wish_to_cancel_may_come_too_late,
    a_partial_job_is_retried_with_its_document,
    a_retry_with_refresh_forgets_the_document,
    a_refresh_is_done_once,
    only_failed_jobs_are_retried,
    one_key_is_one_job,
    equal_work_is_joined_until_it_ends,
    a_full_queue_refuses,
    jobs_that_wait_again_are_never_refused,
    lists_are_paged,
    counts_are_of_all_states,
    the_next_work_is_known,
    retention_removes_jobs_and_names_their_uploads,
    a_pending_webhook_keeps_its_job,
    a_webhook_is_told_until_it_is_delivered,
    a_webhook_is_given_up,
    a_webhook_is_told_by_one_at_a_time,
    a_retried_job_is_told_of_again,
    progress_is_kept_within_bounds,
    nobody_has_unknown_jobs,
);

type Make = fn(Policy) -> Fixture;

fn a_job_goes_its_way(make: Make) {
    let fixture = make(Policy::default());
    let new = fixture.upload_job();
    let submitted = fixture.submit_new(&new);
    assert_eq!(fixture.get(submitted.id), submitted);
    assert_eq!((submitted.state, submitted.attempts), (JobState::Queued, 0));
    assert_eq!(submitted.request, new.request);

    fixture.clock.advance_ms(1_000);
    let worker = fixture.worker();
    let Claim { job, lease } = fixture.store.claim(worker).unwrap().unwrap();
    assert_eq!(
        (job.state, job.attempts, job.owner),
        (JobState::Processing, 1, Some(worker))
    );
    assert_eq!(job.started_ms, Some(START_MS + 1_000));
    assert_eq!(fixture.store.claim(worker).unwrap(), None);

    let progress = Progress {
        percent: 40.0,
        phase: "asr".to_owned(),
        phase_percent: 80.0,
    };
    let early = Report {
        transcription_cached: Some(true),
        ..Report::default()
    };
    assert_eq!(
        fixture.store.progress(&lease, &progress, Some(&early)).unwrap(),
        Signal::Continue
    );
    let running = fixture.get(job.id);
    assert_eq!((&running.progress, &running.report), (&progress, &early));

    fixture.clock.advance_ms(1_000);
    let completed = fixture
        .store
        .complete(&lease, r#"{"text":"hello"}"#, &report())
        .unwrap();
    assert_eq!(
        (completed.state, completed.finished_ms),
        (JobState::Completed, Some(START_MS + 2_000))
    );
    assert_eq!(
        (completed.progress.percent, completed.report.clone()),
        (100.0, report())
    );
    assert_eq!(
        (completed.owner, completed.lease, completed.error.clone()),
        (None, None, None)
    );
    assert!(completed.has_document);
    assert_eq!(fixture.get(job.id), completed);
    let document = fixture.store.document(job.id).unwrap();
    assert_eq!(document.as_deref(), Some(r#"{"text":"hello"}"#));
}

fn a_download_comes_before_processing(make: Make) {
    let fixture = make(Policy::default());
    fixture.submit_new(&url_job());
    let Claim { job, lease } = fixture.claim();
    assert_eq!(
        (job.state, job.progress.phase.as_str()),
        (JobState::Downloading, "downloading")
    );
    assert_eq!(fixture.store.downloaded(&lease).unwrap().state, JobState::Processing);
    assert_eq!(
        fixture.store.complete(&lease, "{}", &report()).unwrap().state,
        JobState::Completed
    );
}

fn the_oldest_job_is_claimed_first(make: Make) {
    let fixture = make(Policy::default());
    let jobs: Vec<JobId> = (0..20).map(|_| fixture.submit().id).collect();
    let claimed: Vec<JobId> = (0..20).map(|_| fixture.claim().job.id).collect();
    assert_eq!(jobs, claimed);
    assert_eq!(fixture.store.claim(fixture.worker()).unwrap(), None);
}

fn ids_are_ordered_whatever_the_clock_does(make: Make) {
    let fixture = make(Policy::default());
    let mut last = fixture.submit().id;
    for step in [0, 0, 5, -HOUR_MS, 0, 2 * HOUR_MS, -1] {
        fixture.clock.advance_ms(step);
        let next = fixture.submit().id;
        assert!(next > last, "{next} after {last}");
        last = next;
    }
}

fn a_worker_that_lost_its_job_cannot_change_it(make: Make) {
    let fixture = make(Policy::default());
    let job = fixture.submit().id;
    let worker = fixture.worker();
    let old = fixture.store.claim(worker).unwrap().unwrap().lease;
    let requeued = fixture.store.requeue_jobs_of(worker).unwrap();
    assert_eq!((requeued[0].id, requeued[0].state), (job, JobState::Queued));
    refused(&fixture, &old);
    let new = fixture.claim().lease;
    refused(&fixture, &old);
    let completed = fixture.store.complete(&new, "{}", &report()).unwrap();
    refused(&fixture, &old);
    refused(&fixture, &new);
    assert_eq!(fixture.get(job), completed);
}

/// Nothing can be done with a lease that has ended.
fn refused(fixture: &Fixture, lease: &Lease) {
    let store = &fixture.store;
    let before = fixture.get(lease.job);
    let error = stage_error("io", "asr");
    let answers = [
        store.downloaded(lease).err(),
        store.refreshed(lease).err(),
        store.progress(lease, &Progress::default(), Some(&report())).err(),
        store.complete(lease, "wrong", &report()).err(),
        store.complete_partly(lease, "wrong", &report(), &error).err(),
        store.fail(lease, &failure(FailureKind::Final)).err(),
        store.fail(lease, &failure(crash("ct2"))).err(),
        store.cancelled(lease).err(),
        store.hand_back(lease).err(),
    ];
    for answer in answers {
        assert!(
            matches!(answer, Some(JobsError::LeaseLost { job }) if job == lease.job),
            "{answer:?}"
        );
    }
    assert_eq!(fixture.get(lease.job), before);
}

fn a_lease_ends_with_its_job(make: Make) {
    let fixture = make(Policy::default());
    let worker = fixture.worker();
    let ends: [fn(&Fixture, &Lease); 4] = [
        |fixture, lease| drop(fixture.store.cancelled(lease).unwrap()),
        |fixture, lease| drop(fixture.store.hand_back(lease).unwrap()),
        |fixture, lease| drop(fixture.store.fail(lease, &failure(FailureKind::Transient)).unwrap()),
        |fixture, lease| drop(fixture.store.fail(lease, &failure(FailureKind::Final)).unwrap()),
    ];
    for end in ends {
        fixture.submit();
        let lease = fixture.store.claim(worker).unwrap().unwrap().lease;
        end(&fixture, &lease);
        refused(&fixture, &lease);
        while let Some(claim) = fixture.store.claim(worker).unwrap() {
            fixture.store.cancelled(&claim.lease).unwrap();
        }
    }
}

fn a_failure_that_may_pass_is_tried_again_later(make: Make) {
    let fixture = make(Policy::default());
    let job = fixture.submit().id;
    for (attempt, pause_ms) in [(1, 5_000), (2, 10_000)] {
        let claim = fixture.claim();
        assert_eq!(claim.job.attempts, attempt);
        let failed = fixture
            .store
            .fail(&claim.lease, &failure(FailureKind::Transient))
            .unwrap();
        assert_eq!(
            (failed.state, failed.error.clone()),
            (JobState::Queued, Some(stage_error("io", "asr")))
        );
        let waits = failed.not_before_ms - START_MS;
        assert!((pause_ms * 9 / 10..=pause_ms * 11 / 10).contains(&waits), "{waits} ms");
        fixture.clock.set_ms(failed.not_before_ms - 1);
        assert_eq!(fixture.store.claim(fixture.worker()).unwrap(), None);
        fixture.clock.set_ms(failed.not_before_ms);
        // Measure the next pause from the same time.
        let claim = fixture.claim();
        fixture.clock.set_ms(START_MS);
        fixture.store.hand_back(&claim.lease).unwrap();
    }
    let failed = fixture
        .store
        .fail(&fixture.claim().lease, &failure(FailureKind::Transient))
        .unwrap();
    assert_eq!((failed.state, failed.attempts), (JobState::Error, 3));
    assert_eq!(fixture.state(job), JobState::Error);
}

fn pauses_double_up_to_ten_minutes(make: Make) {
    let fixture = make(Policy {
        max_attempts: 40,
        ..Policy::default()
    });
    fixture.submit();
    let mut pauses = Vec::new();
    for _ in 0..30 {
        let now_ms = START_MS + HOUR_MS * i64::try_from(pauses.len()).unwrap();
        fixture.clock.set_ms(now_ms);
        let failed = fixture
            .store
            .fail(&fixture.claim().lease, &failure(FailureKind::Transient))
            .unwrap();
        pauses.push(failed.not_before_ms - now_ms);
    }
    for (number, pause) in pauses.iter().enumerate() {
        let exact = (5_000_i64 << number.min(20)).min(600_000);
        assert!((exact * 9 / 10..=exact * 11 / 10).contains(pause), "{pauses:?}");
    }
    let last: std::collections::BTreeSet<_> = pauses[10..].iter().collect();
    assert!(last.len() > 10, "chance spreads them: {pauses:?}");
}

fn a_clock_that_is_set_back_holds_nothing_for_long(make: Make) {
    let fixture = make(Policy::default());
    told_job(&fixture);
    fixture.submit();
    fixture.clock.advance_ms(-HOUR_MS);
    let claim = fixture.claim();
    fixture.store.claim_webhook(Duration::from_secs(60)).unwrap().unwrap();
    fixture
        .store
        .fail(&claim.lease, &failure(FailureKind::Transient))
        .unwrap();
    assert_eq!(fixture.store.claim(fixture.worker()).unwrap(), None);
    fixture.clock.advance_ms(-HOUR_MS);
    fixture.claim();
}

fn a_final_failure_ends_the_job(make: Make) {
    let fixture = make(Policy::default());
    fixture.submit();
    let failed = fixture
        .store
        .fail(&fixture.claim().lease, &failure(FailureKind::Final))
        .unwrap();
    assert_eq!((failed.state, failed.attempts), (JobState::Error, 1));
    assert_eq!(failed.finished_ms, Some(START_MS));
    assert_eq!(failed.error, Some(stage_error("io", "asr")));
    assert!(!failed.has_document);
}

fn two_crashes_of_one_plugin_end_the_job(make: Make) {
    let fixture = make(Policy {
        max_attempts: 10,
        ..Policy::default()
    });
    fixture.submit();
    for plugin in ["ct2", "pyannote"] {
        let failed = fixture
            .store
            .fail(&fixture.claim().lease, &failure(crash(plugin)))
            .unwrap();
        assert_eq!(failed.state, JobState::Queued, "once each");
        fixture.clock.advance_ms(HOUR_MS);
    }
    let failed = fixture
        .store
        .fail(&fixture.claim().lease, &failure(crash("ct2")))
        .unwrap();
    assert_eq!((failed.state, failed.attempts), (JobState::Error, 3));
    let error = failed.error.unwrap();
    assert_eq!(
        (error.code.as_str(), error.stage.as_deref()),
        ("plugin_crashed", Some("asr"))
    );
    assert_eq!(
        error.message,
        "the plugin `ct2` crashed twice on this job (asr failed); try another model or plugin"
    );
    let digest = |plugin: &str| Digest::of(plugin.as_bytes()).to_string();
    assert_eq!(failed.crashes, [(digest("ct2"), 2), (digest("pyannote"), 1)].into());
}

fn handing_back_gives_the_attempt_back(make: Make) {
    let fixture = make(Policy::default());
    let job = fixture.submit().id;
    for _ in 0..10 {
        let claim = fixture.claim();
        assert_eq!((claim.job.id, claim.job.attempts), (job, 1));
        let back = fixture.store.hand_back(&claim.lease).unwrap();
        assert_eq!((back.state, back.attempts), (JobState::Queued, 0));
        assert_eq!(back.progress.phase, "queued");
    }
}

fn a_dead_worker_loses_its_jobs_at_once(make: Make) {
    let fixture = make(Policy::default());
    let (dead, alive) = (fixture.worker(), fixture.worker());
    let jobs: Vec<JobId> = (0..3).map(|_| fixture.submit().id).collect();
    let claims: Vec<Claim> = [dead, alive, dead]
        .into_iter()
        .map(|worker| fixture.store.claim(worker).unwrap().unwrap())
        .collect();
    let mut owners = vec![dead, alive];
    owners.sort();
    assert_eq!(fixture.store.owners().unwrap(), owners);

    let requeued = fixture.store.requeue_jobs_of(dead).unwrap();
    let ids: Vec<JobId> = requeued.iter().map(|job| job.id).collect();
    assert_eq!(ids, [jobs[0], jobs[2]]);
    assert!(
        requeued
            .iter()
            .all(|job| job.state == JobState::Queued && job.attempts == 1)
    );
    assert_eq!(fixture.store.owners().unwrap(), [alive]);
    assert_eq!(fixture.store.requeue_jobs_of(dead).unwrap(), []);
    assert_eq!(fixture.claim().job.id, jobs[0], "without a pause");
    fixture.store.complete(&claims[1].lease, "{}", &report()).unwrap();
}

fn a_job_that_kills_its_server_runs_out_of_attempts(make: Make) {
    let fixture = make(Policy::default());
    let job = fixture.submit().id;
    for attempt in 1..=3 {
        let worker = fixture.worker();
        assert_eq!(fixture.store.claim(worker).unwrap().unwrap().job.attempts, attempt);
        fixture.store.requeue_jobs_of(worker).unwrap();
    }
    let job = fixture.get(job);
    assert_eq!(job.state, JobState::Error);
    assert_eq!(job.error.unwrap().code, "worker_lost");
}

fn a_waiting_job_is_cancelled_at_once(make: Make) {
    let fixture = make(Policy::default());
    let job = fixture.submit().id;
    fixture
        .store
        .fail(&fixture.claim().lease, &failure(FailureKind::Transient))
        .unwrap();
    fixture.clock.advance_ms(HOUR_MS);
    let Cancellation::Done(cancelled) = fixture.store.cancel(job).unwrap() else {
        panic!("it waited")
    };
    assert_eq!(
        (cancelled.state, cancelled.finished_ms),
        (JobState::Cancelled, Some(START_MS + HOUR_MS))
    );
    assert_eq!(cancelled.error, None);
    assert_eq!(fixture.store.cancel(job).unwrap(), Cancellation::Ended(cancelled));
    assert_eq!(fixture.store.claim(fixture.worker()).unwrap(), None);
}

fn a_running_job_is_cancelled_by_its_worker(make: Make) {
    let fixture = make(Policy::default());
    let job = fixture.submit().id;
    let lease = fixture.claim().lease;
    for _ in 0..2 {
        let Cancellation::Requested(asked) = fixture.store.cancel(job).unwrap() else {
            panic!("it runs")
        };
        assert_eq!((asked.state, asked.cancel_requested), (JobState::Processing, true));
    }
    assert_eq!(
        fixture.store.progress(&lease, &Progress::default(), None).unwrap(),
        Signal::Cancel
    );
    let cancelled = fixture.store.cancelled(&lease).unwrap();
    assert_eq!(
        (cancelled.state, cancelled.cancel_requested),
        (JobState::Cancelled, false)
    );
}

fn a_wish_to_cancel_wins_over_another_attempt(make: Make) {
    let fixture = make(Policy::default());
    let gone = fixture.worker();
    let ends: [&dyn Fn(&Lease); 5] = [
        &|lease| drop(fixture.store.fail(lease, &failure(FailureKind::Transient)).unwrap()),
        &|lease| drop(fixture.store.fail(lease, &failure(FailureKind::Final)).unwrap()),
        &|lease| drop(fixture.store.fail(lease, &failure(crash("ct2"))).unwrap()),
        &|lease| drop(fixture.store.hand_back(lease).unwrap()),
        &|_| drop(fixture.store.requeue_jobs_of(gone).unwrap()),
    ];
    for end in ends {
        let job = fixture.submit().id;
        let claim = fixture.store.claim(gone).unwrap().unwrap();
        fixture.store.cancel(job).unwrap();
        end(&claim.lease);
        let job = fixture.get(job);
        assert_eq!((job.state, job.error), (JobState::Cancelled, None));
    }
}

fn a_wish_to_cancel_may_come_too_late(make: Make) {
    let fixture = make(Policy::default());
    let job = fixture.submit().id;
    let lease = fixture.claim().lease;
    fixture.store.cancel(job).unwrap();
    let completed = fixture.store.complete(&lease, "{}", &report()).unwrap();
    assert_eq!(
        (completed.state, completed.cancel_requested),
        (JobState::Completed, false)
    );
}

/// A job that ended in `partial`, with the document `first`.
fn partial_job(fixture: &Fixture) -> Job {
    fixture.submit();
    let error = stage_error("diarization_failed", "diarize");
    let partial = fixture
        .store
        .complete_partly(&fixture.claim().lease, "first", &report(), &error)
        .unwrap();
    assert_eq!((partial.state, partial.error.clone()), (JobState::Partial, Some(error)));
    partial
}

fn a_partial_job_is_retried_with_its_document(make: Make) {
    let fixture = make(Policy::default());
    let id = partial_job(&fixture).id;
    let retried = fixture.store.retry(id, false).unwrap();
    assert_eq!((retried.state, retried.attempts), (JobState::Queued, 0));
    assert_eq!(retried.retry_stage.as_deref(), Some("diarize"));
    assert_eq!(
        (retried.error.clone(), retried.finished_ms, retried.started_ms),
        (None, None, None)
    );
    assert_eq!(fixture.store.document(id).unwrap().as_deref(), Some("first"));

    let failed = fixture
        .store
        .fail(&fixture.claim().lease, &failure(FailureKind::Final))
        .unwrap();
    assert_eq!(failed.state, JobState::Partial, "the document is still there");
    assert_eq!(fixture.store.document(id).unwrap().as_deref(), Some("first"));

    fixture.store.retry(id, false).unwrap();
    let completed = fixture
        .store
        .complete(&fixture.claim().lease, "second", &report())
        .unwrap();
    assert_eq!((completed.state, completed.error), (JobState::Completed, None));
    assert_eq!(fixture.store.document(id).unwrap().as_deref(), Some("second"));
}

fn a_retry_with_refresh_forgets_the_document(make: Make) {
    let fixture = make(Policy::default());
    let id = partial_job(&fixture).id;
    let retried = fixture.store.retry(id, true).unwrap();
    assert!(retried.refresh && !retried.has_document);
    assert_eq!(retried.report, Report::default());
    assert_eq!(fixture.store.document(id).unwrap(), None);
    let failed = fixture
        .store
        .fail(&fixture.claim().lease, &failure(FailureKind::Final))
        .unwrap();
    assert_eq!(failed.state, JobState::Error);
}

fn a_refresh_is_done_once(make: Make) {
    let fixture = make(Policy::default());
    let mut new = fixture.upload_job();
    new.request.refresh = true;
    fixture.submit_new(&new);
    let claim = fixture.claim();
    assert!(claim.job.refresh);
    assert!(!fixture.store.refreshed(&claim.lease).unwrap().refresh);
    fixture.store.hand_back(&claim.lease).unwrap();
    assert!(!fixture.claim().job.refresh, "what the first attempt computed is kept");
}

fn only_failed_jobs_are_retried(make: Make) {
    let fixture = make(Policy::default());
    let job = fixture.submit().id;
    let not_retryable = |expected: JobState| {
        let answer = fixture.store.retry(job, false);
        assert!(
            matches!(answer, Err(JobsError::NotRetryable { state, .. }) if state == expected),
            "{answer:?}"
        );
    };
    not_retryable(JobState::Queued);
    let lease = fixture.claim().lease;
    not_retryable(JobState::Processing);
    fixture.store.cancelled(&lease).unwrap();
    fixture.store.retry(job, false).unwrap();
    fixture.store.complete(&fixture.claim().lease, "{}", &report()).unwrap();
    not_retryable(JobState::Completed);
}

fn one_key_is_one_job(make: Make) {
    let fixture = make(Policy {
        max_queued: 1,
        ..Policy::default()
    });
    let with_key = |key: &str, label: &str| {
        let mut new = fixture.upload_job();
        new.request.label = label.to_owned();
        new.idempotency = Some(Idempotency {
            key: key.to_owned(),
            fingerprint: new.request.fingerprint(),
        });
        new
    };
    let first = fixture.submit_new(&with_key("k", "a"));
    assert_eq!(first.idempotency_key.as_deref(), Some("k"));
    // Another upload with the same content; the queue is full, but this job is in it already.
    let again = fixture.store.submit(&with_key("k", "a")).unwrap();
    assert_eq!(again, Submission::Existing(first.clone()));
    let conflict = fixture.store.submit(&with_key("k", "b")).unwrap();
    assert_eq!(conflict, Submission::Conflict { job: first.id });

    let completed = fixture.store.complete(&fixture.claim().lease, "{}", &report()).unwrap();
    let again = fixture.store.submit(&with_key("k", "a")).unwrap();
    assert_eq!(again, Submission::Existing(completed));
    assert_ne!(fixture.submit_new(&with_key("other", "a")).id, first.id);
}

fn equal_work_is_joined_until_it_ends(make: Make) {
    let fixture = make(Policy::default());
    let new = || NewJob {
        coalesce_key: Some("same".to_owned()),
        ..fixture.upload_job()
    };
    let first = fixture.submit_new(&new()).id;
    let joined = |expected: JobId| {
        let answer = fixture.store.submit(&new()).unwrap();
        assert!(
            matches!(&answer, Submission::Joined(job) if job.id == expected),
            "{answer:?}"
        );
    };
    joined(first);
    let claim = fixture.claim();
    joined(first);
    fixture.store.cancel(first).unwrap();
    let second = fixture.submit_new(&new()).id;
    joined(second);
    fixture.store.cancelled(&claim.lease).unwrap();
    fixture.store.complete(&fixture.claim().lease, "{}", &report()).unwrap();
    assert_ne!(fixture.submit_new(&new()).id, second);
    assert_ne!(fixture.submit().id, second, "without a key, never");
}

fn a_full_queue_refuses(make: Make) {
    let fixture = make(Policy {
        max_queued: 2,
        ..Policy::default()
    });
    let first = fixture.submit();
    fixture.submit();
    let full = Submission::Full {
        queued: 2,
        retry_after: Duration::from_secs(30),
    };
    assert_eq!(fixture.store.submit(&fixture.upload_job()).unwrap(), full);
    assert_eq!(fixture.claim().job.id, first.id);
    fixture.submit();
    assert_eq!(fixture.store.submit(&fixture.upload_job()).unwrap(), full);
}

fn jobs_that_wait_again_are_never_refused(make: Make) {
    let fixture = make(Policy {
        max_queued: 1,
        ..Policy::default()
    });
    let first = fixture.submit().id;
    let lease = fixture.claim().lease;
    fixture.submit();
    fixture.store.hand_back(&lease).unwrap();
    assert_eq!(fixture.store.counts().unwrap().by_state[&JobState::Queued], 2);
    fixture.store.cancel(first).unwrap();
    assert_eq!(fixture.store.retry(first, false).unwrap().state, JobState::Queued);
}

fn lists_are_paged(make: Make) {
    let fixture = make(Policy::default());
    let ids: Vec<JobId> = (0..7).map(|_| fixture.submit().id).collect();
    for number in [1, 4] {
        fixture.store.cancel(ids[number]).unwrap();
    }
    let list = |states: &[JobState], after: Option<JobId>, limit: u32| -> Vec<usize> {
        let query = ListQuery {
            states: states.to_vec(),
            after,
            limit,
        };
        let jobs = fixture.store.list(&query).unwrap();
        let number = |job: &Job| ids.iter().position(|id| *id == job.id).unwrap();
        jobs.iter().map(number).collect()
    };
    assert_eq!(list(&[], None, 100), [6, 5, 4, 3, 2, 1, 0]);
    assert_eq!(list(&[], None, 3), [6, 5, 4]);
    assert_eq!(list(&[], Some(ids[4]), 3), [3, 2, 1]);
    assert_eq!(list(&[], Some(ids[0]), 3), [0; 0]);
    assert_eq!(list(&[JobState::Cancelled], None, 100), [4, 1]);
    assert_eq!(list(&[JobState::Cancelled], Some(ids[4]), 100), [1]);
    assert_eq!(list(&[JobState::Queued, JobState::Cancelled], Some(ids[5]), 2), [4, 3]);
    assert_eq!(list(&[JobState::Error], None, 100), [0; 0]);
    assert_eq!(list(&[], None, 0), [0; 0]);
    // The job that a page ended with may be gone when the next one is asked for.
    fixture.clock.advance_ms(25 * HOUR_MS);
    fixture.store.prune(&Retention::default(), 100).unwrap();
    assert_eq!(list(&[], Some(ids[4]), 100), [3, 2, 0]);
}

fn counts_are_of_all_states(make: Make) {
    let fixture = make(Policy::default());
    let counts = fixture.store.counts().unwrap();
    assert_eq!(counts.by_state.len(), 7);
    assert!(counts.by_state.values().all(|count| *count == 0));
    assert_eq!((counts.webhooks_pending, counts.oldest_queued_ms), (0, None));

    fixture.submit_new(&with_webhook(fixture.upload_job()));
    fixture.store.complete(&fixture.claim().lease, "{}", &report()).unwrap();
    fixture.clock.advance_ms(5);
    fixture.submit();
    fixture.clock.advance_ms(5);
    fixture.submit_new(&url_job());
    fixture.submit();
    let counts = fixture.store.counts().unwrap();
    assert_eq!(
        (
            counts.by_state[&JobState::Queued],
            counts.by_state[&JobState::Completed]
        ),
        (3, 1)
    );
    assert_eq!(
        (counts.webhooks_pending, counts.oldest_queued_ms),
        (1, Some(START_MS + 5))
    );
}

fn the_next_work_is_known(make: Make) {
    let fixture = make(Policy::default());
    assert_eq!(fixture.store.next_due().unwrap(), NextDue::default());
    fixture.submit_new(&with_webhook(fixture.upload_job()));
    let due = |job_ms, webhook_ms| assert_eq!(fixture.store.next_due().unwrap(), NextDue { job_ms, webhook_ms });
    due(Some(START_MS), None);
    let failed = fixture
        .store
        .fail(&fixture.claim().lease, &failure(FailureKind::Transient))
        .unwrap();
    due(Some(failed.not_before_ms), None);
    fixture.clock.set_ms(failed.not_before_ms);
    fixture.store.complete(&fixture.claim().lease, "{}", &report()).unwrap();
    due(None, Some(failed.not_before_ms));
    fixture.store.claim_webhook(Duration::from_secs(60)).unwrap().unwrap();
    due(None, Some(failed.not_before_ms + 60_000));
}

fn retention_removes_jobs_and_names_their_uploads(make: Make) {
    let fixture = make(Policy::default());
    let completed = fixture.submit();
    fixture.store.complete(&fixture.claim().lease, "{}", &report()).unwrap();
    let cancelled = fixture.submit_new(&url_job());
    fixture.store.cancel(cancelled.id).unwrap();
    let failed = fixture.submit();
    fixture
        .store
        .fail(&fixture.claim().lease, &failure(FailureKind::Final))
        .unwrap();
    let partial = partial_job(&fixture);
    fixture.submit();

    let prune = |limit| fixture.store.prune(&Retention::default(), limit).unwrap();
    fixture.clock.set_ms(START_MS + 24 * HOUR_MS - 1);
    assert_eq!(prune(100), Pruned::default());
    fixture.clock.advance_ms(1);
    let upload = completed.request.upload().unwrap();
    assert!(fixture.store.uses_upload(upload).unwrap());
    let removed = prune(100);
    assert_eq!(
        (removed.jobs, removed.uploads),
        (vec![completed.id, cancelled.id], vec![upload])
    );
    assert!(!fixture.store.uses_upload(upload).unwrap());
    assert_eq!(fixture.store.get(completed.id).unwrap(), None);
    assert_eq!(fixture.store.document(completed.id).unwrap(), None);

    fixture.clock.set_ms(START_MS + 7 * 24 * HOUR_MS);
    assert_eq!(prune(1).jobs, [failed.id]);
    assert_eq!(prune(1).jobs, [partial.id]);
    assert_eq!(prune(1), Pruned::default(), "a job that waits is never removed");
}

fn a_pending_webhook_keeps_its_job(make: Make) {
    let fixture = make(Policy::default());
    let job = told_job(&fixture).id;
    fixture.clock.advance_ms(48 * HOUR_MS);
    assert_eq!(
        fixture.store.prune(&Retention::default(), 9).unwrap(),
        Pruned::default()
    );
    let claim = fixture.store.claim_webhook(Duration::from_secs(60)).unwrap().unwrap();
    fixture
        .store
        .webhook_told(&claim.lease, &delivery(Verdict::GiveUp, None))
        .unwrap();
    assert_eq!(fixture.store.prune(&Retention::default(), 9).unwrap().jobs, [job]);
}

/// A completed job whose webhook is pending.
fn told_job(fixture: &Fixture) -> Job {
    fixture.submit_new(&with_webhook(fixture.upload_job()));
    let job = fixture.store.complete(&fixture.claim().lease, "{}", &report()).unwrap();
    assert_eq!(job.webhook.as_ref().unwrap().state, WebhookState::Pending);
    job
}

fn delivery(verdict: Verdict, status: Option<u16>) -> Delivery {
    Delivery {
        verdict,
        status,
        error: (verdict != Verdict::Delivered).then(|| "no answer".to_owned()),
    }
}

fn a_webhook_is_told_until_it_is_delivered(make: Make) {
    let fixture = make(Policy::default());
    let job = told_job(&fixture).id;
    let hold = Duration::from_secs(60);
    let claim = fixture.store.claim_webhook(hold).unwrap().unwrap();
    assert_eq!((claim.job.id, claim.job.webhook.as_ref().unwrap().attempts), (job, 1));
    let told = fixture
        .store
        .webhook_told(&claim.lease, &delivery(Verdict::TryAgain, Some(503)))
        .unwrap();
    let webhook = told.webhook.unwrap();
    assert_eq!((webhook.state, webhook.status), (WebhookState::Pending, Some(503)));
    assert_eq!(webhook.error.as_deref(), Some("no answer"));
    let next_ms = webhook.next_ms.unwrap();
    assert!((4_500..=5_500).contains(&(next_ms - START_MS)));
    assert_eq!(fixture.store.claim_webhook(hold).unwrap(), None);

    fixture.clock.set_ms(next_ms);
    let claim = fixture.store.claim_webhook(hold).unwrap().unwrap();
    let told = fixture
        .store
        .webhook_told(&claim.lease, &delivery(Verdict::Delivered, Some(204)))
        .unwrap();
    let expected = Webhook {
        state: WebhookState::Delivered,
        attempts: 2,
        next_ms: None,
        status: Some(204),
        error: None,
    };
    assert_eq!(told.webhook, Some(expected));
    fixture.clock.advance_ms(HOUR_MS);
    assert_eq!(fixture.store.claim_webhook(hold).unwrap(), None);
}

fn a_webhook_is_given_up(make: Make) {
    let fixture = make(Policy {
        webhook_attempts: 3,
        ..Policy::default()
    });
    told_job(&fixture);
    let mut states = Vec::new();
    while let Some(claim) = fixture.store.claim_webhook(Duration::from_secs(60)).unwrap() {
        let told = fixture
            .store
            .webhook_told(&claim.lease, &delivery(Verdict::TryAgain, None))
            .unwrap();
        states.push(told.webhook.unwrap().state);
        fixture.clock.advance_ms(HOUR_MS);
    }
    assert_eq!(
        states,
        [WebhookState::Pending, WebhookState::Pending, WebhookState::Failed]
    );
}

fn a_webhook_is_told_by_one_at_a_time(make: Make) {
    let fixture = make(Policy::default());
    told_job(&fixture);
    let hold = Duration::from_secs(60);
    let slow = fixture.store.claim_webhook(hold).unwrap().unwrap();
    fixture.clock.advance_ms(59_999);
    assert_eq!(fixture.store.claim_webhook(hold).unwrap(), None);
    fixture.clock.advance_ms(1);
    let second = fixture.store.claim_webhook(hold).unwrap().unwrap();
    let told = |lease| {
        fixture
            .store
            .webhook_told(lease, &delivery(Verdict::Delivered, Some(200)))
    };
    assert!(matches!(told(&slow.lease), Err(JobsError::LeaseLost { .. })));
    told(&second.lease).unwrap();
    assert!(matches!(told(&second.lease), Err(JobsError::LeaseLost { .. })));
}

fn a_retried_job_is_told_of_again(make: Make) {
    let fixture = make(Policy::default());
    let job = fixture.submit_new(&with_webhook(fixture.upload_job())).id;
    fixture
        .store
        .fail(&fixture.claim().lease, &failure(FailureKind::Final))
        .unwrap();
    let hold = Duration::from_secs(60);
    let late = fixture.store.claim_webhook(hold).unwrap().unwrap();
    let retried = fixture.store.retry(job, false).unwrap();
    assert_eq!(retried.webhook.unwrap().state, WebhookState::Waiting);
    let lost = fixture
        .store
        .webhook_told(&late.lease, &delivery(Verdict::Delivered, Some(200)));
    assert!(matches!(lost, Err(JobsError::LeaseLost { .. })));
    assert_eq!(fixture.store.claim_webhook(hold).unwrap(), None);
    fixture.store.complete(&fixture.claim().lease, "{}", &report()).unwrap();
    let claim = fixture.store.claim_webhook(hold).unwrap().unwrap();
    assert_eq!((claim.job.id, claim.job.webhook.unwrap().attempts), (job, 1));
    let lost = fixture
        .store
        .webhook_told(&late.lease, &delivery(Verdict::Delivered, Some(200)));
    assert!(matches!(lost, Err(JobsError::LeaseLost { .. })));

    // Who cancels is not told.
    let job = fixture.submit_new(&with_webhook(fixture.upload_job())).id;
    fixture.store.cancel(job).unwrap();
    assert_eq!(fixture.get(job).webhook.unwrap().state, WebhookState::Waiting);
}

fn progress_is_kept_within_bounds(make: Make) {
    let fixture = make(Policy::default());
    let job = fixture.submit().id;
    let lease = fixture.claim().lease;
    for (given, kept) in [
        (-1.0, 0.0),
        (250.0, 100.0),
        (f64::NAN, 0.0),
        (f64::INFINITY, 100.0),
        (33.5, 33.5),
    ] {
        let progress = Progress {
            percent: given,
            phase: "asr".to_owned(),
            phase_percent: given,
        };
        fixture.store.progress(&lease, &progress, None).unwrap();
        let progress = fixture.get(job).progress;
        assert_eq!((progress.percent, progress.phase_percent), (kept, kept));
    }
}

fn nobody_has_unknown_jobs(make: Make) {
    let fixture = make(Policy::default());
    let job: JobId = "019b77c5-3800-7001-8000-000000000000".parse().unwrap();
    assert_eq!(fixture.store.get(job).unwrap(), None);
    assert_eq!(fixture.store.document(job).unwrap(), None);
    assert!(matches!(fixture.store.cancel(job), Err(JobsError::NotFound { .. })));
    assert!(matches!(
        fixture.store.retry(job, true),
        Err(JobsError::NotFound { .. })
    ));
    let lease = Lease { job, number: 1 };
    assert!(matches!(
        fixture.store.hand_back(&lease),
        Err(JobsError::LeaseLost { .. })
    ));
}

//! Requests about an existing job: cancelling, retrying, renaming and removing it.

use super::*;

shared!(
    a_waiting_job_is_cancelled_at_once,
    a_running_job_is_cancelled_by_its_worker,
    cancellation_wins_over_a_retry,
    cancellation_after_completion_has_no_effect,
    a_partial_job_is_retried_with_its_document,
    a_retry_with_refresh_drops_the_document,
    a_refresh_happens_once,
    only_failed_jobs_are_retried,
    unknown_jobs_are_not_found,
    a_renamed_job_keeps_its_request,
    only_ended_jobs_are_removed,
);

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

fn cancellation_wins_over_a_retry(make: Make) {
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

fn cancellation_after_completion_has_no_effect(make: Make) {
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
pub(super) fn partial_job(fixture: &Fixture) -> Job {
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

fn a_retry_with_refresh_drops_the_document(make: Make) {
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

fn a_refresh_happens_once(make: Make) {
    let fixture = make(Policy::default());
    let mut new = fixture.upload_job();
    new.request.parameters.refresh = true;
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

fn unknown_jobs_are_not_found(make: Make) {
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

fn a_renamed_job_keeps_its_request(make: Make) {
    let fixture = make(Policy::default());
    let job = fixture.submit();
    let fingerprint = job.request.fingerprint();
    let renamed = fixture.store.rename(job.id, Some("Dinner \"with\" Ann")).unwrap();
    assert_eq!(renamed.request.title.as_deref(), Some("Dinner \"with\" Ann"));
    assert_eq!(
        renamed.request.fingerprint(),
        fingerprint,
        "a repeated submission gives this job"
    );
    let view = JobView::new(&renamed).to_json();
    assert_eq!(
        (view["title"].as_str(), view["label"].as_str(), view["size"].as_u64()),
        (Some("Dinner \"with\" Ann"), Some("talk.mp3"), Some(7))
    );
    assert_eq!(view["sha256"], Digest::of(b"content").to_string());

    let claim = fixture.claim();
    assert_eq!(claim.job.request.title, renamed.request.title);
    assert_eq!(fixture.store.rename(job.id, None).unwrap().request, job.request);
    assert_eq!(fixture.store.rename(job.id, None).unwrap().request, job.request);
    let mut with_duration = report();
    with_duration.provenance["audio"]["duration"] = 2.5.into();
    let ended = fixture.store.complete(&claim.lease, "{}", &with_duration).unwrap();
    assert_eq!(JobView::new(&ended).to_json()["duration"], 2.5);
}

fn only_ended_jobs_are_removed(make: Make) {
    let fixture = make(Policy::default());
    let job = fixture.submit();
    let remove = || fixture.store.remove(job.id).map_err(|error| error.to_string());
    let refusal = |state: JobState| format!("job `{}` is {state} and cannot be removed; cancel it first", job.id);
    assert_eq!(remove(), Err(refusal(JobState::Queued)));
    let lease = fixture.claim().lease;
    assert_eq!(remove(), Err(refusal(JobState::Processing)));
    let ended = fixture.store.complete(&lease, "{}", &report()).unwrap();
    assert_eq!(remove(), Ok(ended));
    assert_eq!(
        (
            fixture.store.get(job.id).unwrap(),
            fixture.store.document(job.id).unwrap()
        ),
        (None, None)
    );
    assert!(!fixture.store.uses_upload(job.request.upload().unwrap()).unwrap());
    assert_eq!(remove(), Err(JobsError::NotFound { job: job.id }.to_string()));
    assert!(fixture.store.rename(job.id, Some("x")).is_err());
    // Another job with the same content has its own upload, and stays.
    let other = fixture.submit();
    assert!(fixture.store.uses_upload(other.request.upload().unwrap()).unwrap());
}

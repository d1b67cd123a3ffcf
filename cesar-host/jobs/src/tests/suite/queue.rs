//! Submission, listing and removal of jobs.

use super::cancel_and_retry::partial_job;
use super::*;

shared!(
    one_idempotency_key_is_one_job,
    equal_work_is_coalesced_until_it_ends,
    a_full_queue_refuses_new_jobs,
    requeued_jobs_are_never_refused,
    lists_are_paged,
    jobs_of_one_recording_are_listed,
    counts_cover_all_states,
    retention_removes_jobs_and_reports_their_uploads,
);

fn one_idempotency_key_is_one_job(make: Make) {
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
    // Another upload with the same content; the queue is full, but this job is already in it.
    let again = fixture.store.submit(&with_key("k", "a")).unwrap();
    assert_eq!(again, Submission::Existing(first.clone()));
    let conflict = fixture.store.submit(&with_key("k", "b")).unwrap();
    assert_eq!(conflict, Submission::Conflict { job: first.id });

    let completed = fixture.store.complete(&fixture.claim().lease, "{}", &report()).unwrap();
    let again = fixture.store.submit(&with_key("k", "a")).unwrap();
    assert_eq!(again, Submission::Existing(completed));
    assert_ne!(fixture.submit_new(&with_key("other", "a")).id, first.id);
}

fn equal_work_is_coalesced_until_it_ends(make: Make) {
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

fn a_full_queue_refuses_new_jobs(make: Make) {
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

fn requeued_jobs_are_never_refused(make: Make) {
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
            recording: None,
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
    // The last job of a page may be gone when the next page is requested.
    fixture.clock.advance_ms(25 * HOUR_MS);
    fixture.store.prune(&Retention::default(), 100).unwrap();
    assert_eq!(list(&[], Some(ids[4]), 100), [3, 2, 0]);
}

fn jobs_of_one_recording_are_listed(make: Make) {
    let fixture = make(Policy::default());
    let first = fixture.submit().id;
    fixture.store.complete(&fixture.claim().lease, "{}", &report()).unwrap();
    let mut other = fixture.upload_job();
    if let Source::Upload { digest, .. } = &mut other.request.source {
        *digest = Digest::of(b"other");
    }
    let other = fixture.submit_new(&other).id;
    fixture.store.complete(&fixture.claim().lease, "{}", &report()).unwrap();
    let list = |content: &[u8], limit| -> Vec<JobId> {
        let query = ListQuery {
            recording: Some(Digest::of(content)),
            limit,
            ..ListQuery::default()
        };
        fixture.store.list(&query).unwrap().iter().map(|job| job.id).collect()
    };
    // The recording of a download is known once it was transcribed.
    let downloaded = fixture.submit_new(&url_job()).id;
    assert_eq!(list(b"content", 9), [first]);
    let mut found = report();
    found.provenance["audio"]["media_sha256"] = Digest::of(b"content").to_string().into();
    fixture.store.complete(&fixture.claim().lease, "{}", &found).unwrap();
    assert_eq!(list(b"content", 9), [downloaded, first]);
    assert_eq!(list(b"content", 1), [downloaded]);
    assert_eq!(list(b"other", 9), [other]);
    assert_eq!(list(b"absent", 9), []);
}

/// Lists leave out rows that a statement has damaged, and a page is as full as without them.
#[track_caller]
pub(in super::super) fn damaged_rows_are_left_out(store: &dyn JobStore, worker: WorkerId, run: &dyn Fn(&str)) {
    let submitted = |request: JobRequest| match store.submit(&NewJob::new(request)).unwrap() {
        Submission::New(job) => job.id,
        other => panic!("{other:?}"),
    };
    let ids: Vec<JobId> = (0..6)
        .map(|_| submitted(upload_request(UploadId::new(&SystemRandom))))
        .collect();
    for _ in 0..3 {
        store.claim(worker).unwrap().unwrap();
    }
    for (number, change) in [
        (1, "request = 'no JSON'".to_owned()),
        (3, format!("provenance = '{{{}'", Digest::of(b"content"))),
        (4, r#"request = '{"source": {"moon": {}}}'"#.to_owned()),
    ] {
        run(&format!("UPDATE jobs SET {change} WHERE id = '{}'", ids[number]));
    }
    let list = |recording: Option<Digest>, after: Option<JobId>, limit: u32| -> Vec<usize> {
        let query = ListQuery {
            after,
            recording,
            limit,
            ..ListQuery::default()
        };
        let jobs = store.list(&query).unwrap();
        let number = |job: &Job| ids.iter().position(|id| *id == job.id).unwrap();
        jobs.iter().map(number).collect()
    };
    assert_eq!(list(None, None, 100), [5, 2, 0]);
    assert_eq!(list(None, None, 2), [5, 2]);
    assert_eq!(list(None, Some(ids[2]), 2), [0]);
    assert_eq!(list(Some(Digest::of(b"content")), None, 100), [5, 2, 0]);
    let error = store.get(ids[1]).unwrap_err().to_string();
    assert!(error.contains("request"), "{error}");
    // A dead worker with such a job: all of its jobs are requeued, and those that can be read are returned.
    let requeued = store.requeue_jobs_of(worker).unwrap();
    let numbers: Vec<_> = requeued.iter().map(|job| job.id).collect();
    assert_eq!(numbers, [ids[0], ids[2]]);
    assert_eq!(store.counts().unwrap().by_state[&JobState::Queued], 6);
}

fn counts_cover_all_states(make: Make) {
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

fn retention_removes_jobs_and_reports_their_uploads(make: Make) {
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

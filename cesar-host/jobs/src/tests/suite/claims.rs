//! Ownership of a job: claims, leases, workers that die.

use super::*;

shared!(
    a_job_runs_from_submission_to_completion,
    url_jobs_download_before_processing,
    the_oldest_job_is_claimed_first,
    a_worker_claims_the_oldest_job_of_which_it_has_all_needs,
    ids_are_ordered_when_the_clock_jumps,
    a_worker_that_lost_its_job_cannot_change_it,
    a_lease_ends_with_its_job,
    handing_back_restores_the_attempt,
    jobs_of_a_dead_worker_are_requeued,
    next_due_reports_the_earliest_work,
    progress_is_clamped,
);

fn a_job_runs_from_submission_to_completion(make: Make) {
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

fn url_jobs_download_before_processing(make: Make) {
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

fn a_worker_claims_the_oldest_job_of_which_it_has_all_needs(make: Make) {
    let fixture = make(Policy::default());
    let submit = |needs: &[&str]| {
        let mut new = fixture.upload_job();
        new.request.resolved = Some(ResolvedRequest {
            needs: needs.iter().map(|need| (*need).to_owned()).collect(),
            ..ResolvedRequest::default()
        });
        fixture.submit_new(&new).id
    };
    let large = submit(&["ct2", "ct2/large", "#gpu"]);
    let base = submit(&["ct2", "ct2/base"]);
    // From before needs were kept.
    let old = fixture.submit().id;
    let claim = |offer: &[&str]| {
        let offer = Offer::Only(offer.iter().map(|has| (*has).to_owned()).collect());
        let claim = fixture.store.claim_from(fixture.worker(), &offer).unwrap();
        claim.map(|claim| claim.job.id)
    };
    assert_eq!(claim(&["ct2", "ct2/base", "ct2/tiny"]), Some(base));
    assert_eq!(claim(&["ct2", "ct2/large"]), Some(old));
    assert_eq!(claim(&["ct2", "ct2/large"]), None, "it lacks the label");
    assert_eq!(fixture.state(large), JobState::Queued);
    assert_eq!(claim(&["#gpu", "ct2", "ct2/large", "onnx"]), Some(large));
}

fn ids_are_ordered_when_the_clock_jumps(make: Make) {
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

fn handing_back_restores_the_attempt(make: Make) {
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

fn jobs_of_a_dead_worker_are_requeued(make: Make) {
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

fn next_due_reports_the_earliest_work(make: Make) {
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

fn progress_is_clamped(make: Make) {
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

//! Failures: attempts, pauses between them, and the end of a job.

use super::webhooks::notified_job;
use super::*;

shared!(
    transient_failures_are_retried,
    retry_pauses_double_up_to_ten_minutes,
    a_clock_set_back_delays_no_job_for_long,
    a_final_failure_ends_the_job,
    two_crashes_of_one_plugin_end_the_job,
    a_job_that_kills_its_server_runs_out_of_attempts,
);

fn transient_failures_are_retried(make: Make) {
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

fn retry_pauses_double_up_to_ten_minutes(make: Make) {
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

fn a_clock_set_back_delays_no_job_for_long(make: Make) {
    let fixture = make(Policy::default());
    notified_job(&fixture);
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

//! Notifications of an end: by address, attempts and claims.

use super::*;

shared!(
    a_pending_webhook_keeps_its_job,
    webhooks_are_retried_until_delivered,
    webhooks_are_given_up_after_the_last_attempt,
    a_webhook_has_one_claim_at_a_time,
    a_retried_job_notifies_again,
);

fn a_pending_webhook_keeps_its_job(make: Make) {
    let fixture = make(Policy::default());
    let job = notified_job(&fixture).id;
    fixture.clock.advance_ms(48 * HOUR_MS);
    assert_eq!(
        fixture.store.prune(&Retention::default(), 9).unwrap(),
        Pruned::default()
    );
    let claim = fixture.store.claim_webhook(Duration::from_secs(60)).unwrap().unwrap();
    fixture
        .store
        .record_delivery(&claim.lease, &delivery(Verdict::GiveUp, None))
        .unwrap();
    assert_eq!(fixture.store.prune(&Retention::default(), 9).unwrap().jobs, [job]);
}

/// A completed job whose webhook is pending.
pub(super) fn notified_job(fixture: &Fixture) -> Job {
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

fn webhooks_are_retried_until_delivered(make: Make) {
    let fixture = make(Policy::default());
    let job = notified_job(&fixture).id;
    let hold = Duration::from_secs(60);
    let claim = fixture.store.claim_webhook(hold).unwrap().unwrap();
    assert_eq!((claim.job.id, claim.job.webhook.as_ref().unwrap().attempts), (job, 1));
    let told = fixture
        .store
        .record_delivery(&claim.lease, &delivery(Verdict::TryAgain, Some(503)))
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
        .record_delivery(&claim.lease, &delivery(Verdict::Delivered, Some(204)))
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

fn webhooks_are_given_up_after_the_last_attempt(make: Make) {
    let fixture = make(Policy {
        webhook_attempts: 3,
        ..Policy::default()
    });
    notified_job(&fixture);
    let mut states = Vec::new();
    while let Some(claim) = fixture.store.claim_webhook(Duration::from_secs(60)).unwrap() {
        let told = fixture
            .store
            .record_delivery(&claim.lease, &delivery(Verdict::TryAgain, None))
            .unwrap();
        states.push(told.webhook.unwrap().state);
        fixture.clock.advance_ms(HOUR_MS);
    }
    assert_eq!(
        states,
        [WebhookState::Pending, WebhookState::Pending, WebhookState::Failed]
    );
}

fn a_webhook_has_one_claim_at_a_time(make: Make) {
    let fixture = make(Policy::default());
    notified_job(&fixture);
    let hold = Duration::from_secs(60);
    let slow = fixture.store.claim_webhook(hold).unwrap().unwrap();
    fixture.clock.advance_ms(59_999);
    assert_eq!(fixture.store.claim_webhook(hold).unwrap(), None);
    fixture.clock.advance_ms(1);
    let second = fixture.store.claim_webhook(hold).unwrap().unwrap();
    let told = |lease| {
        fixture
            .store
            .record_delivery(lease, &delivery(Verdict::Delivered, Some(200)))
    };
    assert!(matches!(told(&slow.lease), Err(JobsError::LeaseLost { .. })));
    told(&second.lease).unwrap();
    assert!(matches!(told(&second.lease), Err(JobsError::LeaseLost { .. })));
}

fn a_retried_job_notifies_again(make: Make) {
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
        .record_delivery(&late.lease, &delivery(Verdict::Delivered, Some(200)));
    assert!(matches!(lost, Err(JobsError::LeaseLost { .. })));
    assert_eq!(fixture.store.claim_webhook(hold).unwrap(), None);
    fixture.store.complete(&fixture.claim().lease, "{}", &report()).unwrap();
    let claim = fixture.store.claim_webhook(hold).unwrap().unwrap();
    assert_eq!((claim.job.id, claim.job.webhook.unwrap().attempts), (job, 1));
    let lost = fixture
        .store
        .record_delivery(&late.lease, &delivery(Verdict::Delivered, Some(200)));
    assert!(matches!(lost, Err(JobsError::LeaseLost { .. })));

    // A client that cancels is not notified.
    let job = fixture.submit_new(&with_webhook(fixture.upload_job())).id;
    fixture.store.cancel(job).unwrap();
    assert_eq!(fixture.get(job).webhook.unwrap().state, WebhookState::Waiting);
}

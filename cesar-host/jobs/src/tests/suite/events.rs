//! Events of runs, for listeners in other processes.

use super::*;

shared!(
    events_are_read_after_a_position,
    an_event_may_replace_the_earlier_ones_of_its_kind,
    a_later_claim_drops_the_events_of_an_earlier_one,
    a_worker_that_lost_its_job_keeps_no_events,
    events_end_a_while_after_their_job,
);

fn event(lease: &Lease, number: u64, kind: &str) -> RunEvent {
    RunEvent {
        position: EventPosition {
            claim: lease.number,
            number,
        },
        kind: kind.to_owned(),
        data: format!("{{\"number\":{number}}}"),
        replaces: kind == "progress",
    }
}

fn numbers(fixture: &Fixture, job: JobId, last: EventPosition) -> Vec<u64> {
    let events = fixture.store.events(job, last).unwrap();
    assert!(events.is_sorted_by_key(|event| event.position));
    events.iter().map(|event| event.position.number).collect()
}

fn events_are_read_after_a_position(make: Make) {
    let fixture = make(Policy::default());
    let job = fixture.submit().id;
    let lease = fixture.claim().lease;
    assert_eq!(fixture.store.events(job, EventPosition::default()).unwrap(), []);
    let first = [event(&lease, 1, "segment"), event(&lease, 2, "segment")];
    fixture.store.keep_events(&lease, &first).unwrap();
    fixture.store.keep_events(&lease, &[event(&lease, 3, "stage")]).unwrap();
    let events = fixture.store.events(job, first[0].position).unwrap();
    assert_eq!(events, [first[1].clone(), event(&lease, 3, "stage")]);
    assert_eq!(numbers(&fixture, job, EventPosition::default()), [1, 2, 3]);
    // A repetition, after an error, changes nothing.
    fixture
        .store
        .keep_events(&lease, &[event(&lease, 4, "segment")])
        .unwrap();
    assert_eq!(numbers(&fixture, job, EventPosition::default()), [1, 2, 3, 4]);
}

fn an_event_may_replace_the_earlier_ones_of_its_kind(make: Make) {
    let fixture = make(Policy::default());
    let job = fixture.submit().id;
    let lease = fixture.claim().lease;
    let kinds = ["progress", "segment", "progress", "segment", "progress"];
    let events: Vec<_> = kinds
        .iter()
        .zip(1..)
        .map(|(kind, number)| event(&lease, number, kind))
        .collect();
    fixture.store.keep_events(&lease, &events[..3]).unwrap();
    fixture.store.keep_events(&lease, &events[3..]).unwrap();
    assert_eq!(numbers(&fixture, job, EventPosition::default()), [2, 4, 5]);
}

fn a_later_claim_drops_the_events_of_an_earlier_one(make: Make) {
    let fixture = make(Policy::default());
    let job = fixture.submit().id;
    let first = fixture.claim().lease;
    fixture
        .store
        .keep_events(&first, &[event(&first, 1, "segment"), event(&first, 2, "segment")])
        .unwrap();
    fixture.store.hand_back(&first).unwrap();
    let second = fixture.claim().lease;
    fixture
        .store
        .keep_events(&second, &[event(&second, 1, "segment")])
        .unwrap();
    let all = fixture.store.events(job, EventPosition::default()).unwrap();
    assert_eq!(all, [event(&second, 1, "segment")]);
    let heard = EventPosition {
        claim: first.number,
        number: 2,
    };
    assert_eq!(numbers(&fixture, job, heard), [1], "those of a later claim come later");
}

fn a_worker_that_lost_its_job_keeps_no_events(make: Make) {
    let fixture = make(Policy::default());
    let job = fixture.submit().id;
    let lease = fixture.claim().lease;
    fixture.store.hand_back(&lease).unwrap();
    let kept = fixture.store.keep_events(&lease, &[event(&lease, 1, "segment")]);
    assert!(matches!(kept, Err(JobsError::LeaseLost { .. })), "{kept:?}");
    assert_eq!(numbers(&fixture, job, EventPosition::default()), [0_u64; 0]);
}

fn events_end_a_while_after_their_job(make: Make) {
    let fixture = make(Policy::default());
    let job = fixture.submit().id;
    let lease = fixture.claim().lease;
    fixture
        .store
        .keep_events(&lease, &[event(&lease, 1, "segment")])
        .unwrap();
    fixture.store.complete(&lease, "{}", &report()).unwrap();
    let prune = || {
        let retention = Retention {
            completed: Duration::from_secs(24 * 3600),
            failed: Duration::from_secs(24 * 3600),
        };
        fixture.store.prune(&retention, 10).unwrap();
    };
    prune();
    assert_eq!(
        numbers(&fixture, job, EventPosition::default()),
        [1],
        "a listener may need them"
    );
    fixture.clock.advance_ms(HOUR_MS);
    prune();
    assert_eq!(numbers(&fixture, job, EventPosition::default()), [0_u64; 0]);
    assert!(fixture.store.get(job).unwrap().is_some());
}

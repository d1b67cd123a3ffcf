//! Faults between a machine and the store: every job gets its bytes, and nothing wrong is kept.

use super::*;
use cesar_tests::fault_proxy::{Fault, FaultProxy};

/// Two machines that see the same bucket, the first one through a proxy.
struct Faulty {
    proxy: FaultProxy,
    near: Machine,
    far: Machine,
}

impl Faulty {
    fn new() -> Self {
        let server = object_storage();
        let (url, proxy) = (server.place(), FaultProxy::start(server.port()));
        let brief = Times {
            request: Duration::from_millis(400),
            read: Duration::from_millis(800),
            write: Duration::from_secs(2),
            ..times()
        };
        let near = Place::at(&url, &proxy.endpoint(), WRITER);
        let far = Place::at(&url, &server.endpoint(), WRITER);
        // Opened first, so that a short limit is no reason to fail.
        let far = Machine::new(far.open());
        Self {
            near: Machine::new(near.open_with(options(), brief)),
            far,
            proxy,
        }
    }
}

const FAULTS: [Fault; 6] = [
    Fault::Cut,
    Fault::Status500,
    Fault::Truncated,
    Fault::Changed,
    Fault::Silent,
    Fault::AnswerLost,
];

#[test]
fn every_job_gets_its_bytes_whatever_the_network_does() {
    std::thread::scope(|scope| {
        for fault in FAULTS {
            scope.spawn(move || {
                let Faulty { proxy, near, far } = Faulty::new();
                for (number, length) in [(1, SMALL), (2, LARGE)] {
                    far.get(number, &result(7, length).bytes);
                }
                far.settle();
                proxy.fail(fault);
                // Stored results, whether they can be read or not.
                for (number, length) in [(1, SMALL), (2, LARGE)] {
                    let outcome = near.get(number, &result(7, length).bytes);
                    assert_eq!(outcome.bytes, result(7, length).bytes, "{fault:?}");
                }
                // New ones.
                let outcome = near.get(3, &result(8, SMALL).bytes);
                assert_eq!(outcome.bytes, result(8, SMALL).bytes, "{fault:?}");
                near.remote.finish(Duration::from_secs(30), &|| false);
                proxy.fail(Fault::None);
                // Nothing wrong was kept, here or there.
                assert!(
                    near.cache.verify(false, &mut |_, _| {}).unwrap().is_sound(),
                    "{fault:?}"
                );
                let outcome = far.get(3, &result(8, SMALL).bytes);
                assert_eq!(outcome.bytes, result(8, SMALL).bytes, "{fault:?}");
                assert_eq!(far.remote.counts().rejected, 0, "{fault:?}");
                let counts = near.remote.counts();
                assert!(counts.errors + counts.rejected > 0, "{fault:?}: {counts:?}");
            });
        }
    });
}

#[test]
fn a_store_that_is_away_is_reported_once_and_costs_no_time() {
    let Faulty { proxy, near, .. } = Faulty::new();
    proxy.fail(Fault::Silent);
    for number in 0..3 {
        near.get(number, b"x");
    }
    let began = Instant::now();
    for number in 3..100 {
        near.get(number, b"x");
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let notices = near.cache.take_notices();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(
        notices[0].contains("no answer within") && notices[0].contains("continuing without it"),
        "{notices:?}"
    );
    proxy.fail(Fault::None);
}

#[test]
fn the_end_does_not_wait_for_a_store_that_is_away() {
    let Faulty { proxy, near, .. } = Faulty::new();
    let held = claim(&near.remote, 1);
    proxy.fail(Fault::Silent);
    held.fulfil(result(1, SMALL), &parts(1));
    let began = Instant::now();
    assert_eq!(near.remote.finish(Duration::from_millis(100), &|| false), 1);
    assert_eq!(near.remote.finish(Duration::from_secs(60), &|| true), 1);
    assert!(began.elapsed() < Duration::from_secs(10));
    proxy.fail(Fault::None);
}

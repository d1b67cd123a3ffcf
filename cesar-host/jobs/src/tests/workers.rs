//! Liveness of workers in one process; [`super::processes`] has killed ones.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

fn workers(folder: &Path) -> Workers {
    Workers::open(folder, Disk::real(), Arc::new(SystemRandom)).unwrap()
}

fn lock_files(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("workers")).unwrap().count()
}

#[test]
fn a_live_worker_keeps_its_jobs() {
    let (folder, fixture) = (folder(), Fixture::memory(Policy::default()));
    let workers = workers(folder.path());
    let worker = workers.register().unwrap();
    let job = fixture.submit().id;
    fixture.store.claim(worker.id()).unwrap().unwrap();
    for _ in 0..3 {
        fixture.clock.advance_ms(1_000 * HOUR_MS);
        assert_eq!(
            workers.recover(&*fixture.store).unwrap(),
            Recovery::default(),
            "no clock makes it dead"
        );
    }
    drop(worker);
    assert_eq!(lock_files(folder.path()), 0);
    let recovery = workers.recover(&*fixture.store).unwrap();
    assert_eq!(recovery.jobs[0].id, job);
    assert_eq!(fixture.state(job), JobState::Queued);
}

#[test]
fn jobs_of_a_panicked_worker_are_requeued() {
    let (folder, fixture) = (folder(), Fixture::memory(Policy::default()));
    let workers = workers(folder.path());
    let job = fixture.submit().id;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let worker = workers.register().unwrap();
        fixture.store.claim(worker.id()).unwrap().unwrap();
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    assert_eq!(workers.recover(&*fixture.store).unwrap().jobs[0].id, job);
}

#[test]
fn recovery_requeues_only_jobs_of_dead_workers() {
    let (folder, fixture) = (folder(), Fixture::memory(Policy::default()));
    let workers = workers(folder.path());
    let (first, second) = (workers.register().unwrap(), workers.register().unwrap());
    assert_ne!(first.id(), second.id());
    let jobs = [fixture.submit().id, fixture.submit().id];
    fixture.store.claim(first.id()).unwrap().unwrap();
    fixture.store.claim(second.id()).unwrap().unwrap();
    let dead = first.id();
    drop(first);
    let recovery = workers.recover(&*fixture.store).unwrap();
    assert_eq!(recovery.dead, [dead]);
    assert_eq!(
        jobs.map(|job| fixture.state(job)),
        [JobState::Queued, JobState::Processing]
    );
}

/// A file whose worker died without a job, and files of others.
#[test]
fn files_of_dead_workers_are_removed() {
    let (folder, fixture) = (folder(), Fixture::memory(Policy::default()));
    let workers = workers(folder.path());
    let dead = WorkerId::new(&SystemRandom);
    let path = folder.path().join("workers");
    std::fs::write(path.join(format!("{dead}.lock")), "").unwrap();
    std::fs::write(path.join("notes.lock"), "").unwrap();
    let worker = workers.register().unwrap();
    let recovery = workers.recover(&*fixture.store).unwrap();
    assert_eq!((recovery.dead, recovery.jobs.len()), (vec![dead], 0));
    assert_eq!(lock_files(folder.path()), 2);
    drop(worker);
    assert!(path.join("notes.lock").exists());
}

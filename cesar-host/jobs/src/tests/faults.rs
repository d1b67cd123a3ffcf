//! The Nth operation on the disk fails, for every N: no acknowledged job is lost, and no acknowledged change is undone.

use std::collections::{BTreeMap, BTreeSet};

use cesar_base::{Fault, FaultKind};

use super::*;

/// Announces a retry.
const RETRYING: &str = "retrying";

/// Announces the removal of one job that has ended.
const PRUNING: &str = "pruning";

/// Whether a report announces something, instead of acknowledging it.
pub(super) fn is_announcement(line: &str) -> bool {
    line.starts_with(RETRYING) || line == PRUNING
}

/// Does everything once with disk access that fails, and reports each acknowledged change. Failed work is given up. It also announces
/// what may undo an acknowledged change, for faults after which it is unknown whether that was done.
pub(super) fn work(place: &Place, disk: &Disk, tell: &mut dyn FnMut(String)) {
    let clock = Arc::new(ManualClock::new(START_MS));
    let Ok(site) = place.open(clock.clone(), disk) else {
        return;
    };
    let Site {
        store,
        workers,
        uploads,
    } = &site;
    let store = &**store;
    let Ok(worker) = workers.register() else { return };
    let _ = workers.recover(store);
    let mut ids = Vec::new();
    for number in 0..5 {
        if let Ok(id) = submit(store, uploads, number) {
            tell(format!("submitted {id}"));
            ids.push(id);
        }
    }
    for step in 0..5 {
        if let Ok(Some(claim)) = store.claim(worker.id()) {
            run(store, &claim, step, tell);
        }
    }
    if let Some(first) = ids.first() {
        retry(store, *first, tell);
    }
    if let Some(last) = ids.last()
        && let Ok(Cancellation::Done(job)) = store.cancel(*last)
    {
        tell(format!("ended {} cancelled", job.id));
    }
    if let Ok(Some(claim)) = store.claim_webhook(Duration::from_secs(60)) {
        let delivery = Delivery {
            verdict: Verdict::Delivered,
            status: Some(200),
            error: None,
        };
        if store.record_delivery(&claim.lease, &delivery).is_ok() {
            tell(format!("told {}", claim.job.id));
        }
    }
    clock.advance_ms(25 * HOUR_MS);
    tell(PRUNING.to_owned());
    if let Ok(pruned) = store.prune(&Retention::default(), 1) {
        pruned.jobs.iter().for_each(|job| tell(format!("pruned {job}")));
        pruned.uploads.iter().for_each(|upload| drop(uploads.remove(*upload)));
    }
    let _ = uploads.sweep(store);
}

pub(super) fn content(number: u64) -> Vec<u8> {
    number.to_string().repeat(500).into_bytes()
}

/// Receives an upload and submits its job.
fn submit(store: &dyn JobStore, uploads: &Uploads, number: u64) -> Result<JobId> {
    let mut writer = uploads.create(1_000_000)?;
    for chunk in content(number).chunks(300) {
        writer.write(chunk)?;
    }
    let upload = writer.finish()?;
    let mut new = NewJob::new(JobRequest::new(upload.source()));
    new.request.label = number.to_string();
    if number == 1 {
        new = with_webhook(new);
    }
    match store.submit(&new)? {
        Submission::New(job) => Ok(job.id),
        other => panic!("{other:?}"),
    }
}

fn run(store: &dyn JobStore, claim: &Claim, step: u32, tell: &mut dyn FnMut(String)) {
    let lease = &claim.lease;
    let _ = store.progress(lease, &Progress::default(), Some(&report()));
    let ended = match step {
        0 => store.complete_partly(lease, "part", &report(), &stage_error("diarization_failed", "diarize")),
        1 => store.complete(lease, "whole", &report()),
        2 => store.fail(lease, &failure(FailureKind::Transient)),
        3 => store.complete(lease, "whole", &report()),
        _ => store.hand_back(lease),
    };
    if let Ok(job) = ended
        && job.state.has_ended()
    {
        tell(format!("ended {} {}", job.id, job.state));
    }
}

fn retry(store: &dyn JobStore, job: JobId, tell: &mut dyn FnMut(String)) {
    tell(format!("{RETRYING} {job}"));
    if let Ok(job) = store.retry(job, false) {
        tell(format!("requeued {}", job.id));
    }
}

/// Every report is true; no partial state stays; and all jobs can be finished.
pub(super) fn check(place: &Place, told: &[String], what: &str) {
    let site = place.open_after(26);
    let (store, workers, uploads) = (&*site.store, &*site.workers, &site.uploads);
    let mut may_be_gone = usize::from(told.last().is_some_and(|last| last == PRUNING));
    for (job, state) in acknowledged(told) {
        let found = store.get(job).unwrap();
        match state {
            None => assert_eq!(found, None, "{what}: {job} was removed"),
            Some(Some(_)) if found.is_none() && may_be_gone > 0 => may_be_gone -= 1,
            Some(state) => {
                let found = found.unwrap_or_else(|| panic!("{what}: {job} is lost"));
                assert!(
                    state.is_none_or(|state| found.state == state),
                    "{what}: {found:?}, not {state:?}"
                );
            }
        }
    }
    workers.recover(store).unwrap();
    assert_eq!(store.owners().unwrap(), [], "{what}");
    uploads.sweep(store).unwrap();
    check_uploads(&place.folder, store, uploads, what);
    let worker = workers.register().unwrap();
    while let Some(claim) = store.claim(worker.id()).unwrap() {
        store.complete(&claim.lease, "late", &report()).unwrap();
    }
    for job in all(store) {
        assert!(job.state.has_ended(), "{what}: {job:?}");
    }
}

/// The database file is sound, and no file of a worker is left.
pub(super) fn check_files(folder: &Path, what: &str) {
    assert_eq!(std::fs::read_dir(folder.join("workers")).unwrap().count(), 0, "{what}");
    let sound: String = open(folder)
        .inspect(|connection| connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)))
        .unwrap();
    assert_eq!(sound, "ok", "{what}");
}

/// The reported state of each job: `None` if it was removed, else the state, if it had ended.
fn acknowledged(told: &[String]) -> BTreeMap<JobId, Option<Option<JobState>>> {
    let mut jobs = BTreeMap::new();
    for line in told {
        let words: Vec<&str> = line.split(' ').collect();
        let Some(job) = words.get(1).and_then(|word| word.parse::<JobId>().ok()) else {
            continue;
        };
        match words[0] {
            "submitted" | "requeued" | RETRYING => jobs.insert(job, Some(None)),
            "ended" => jobs.insert(job, Some(Some(words[2].parse().unwrap()))),
            "pruned" => jobs.insert(job, None),
            _ => continue,
        };
    }
    jobs
}

pub(super) fn all(store: &dyn JobStore) -> Vec<Job> {
    let everything = ListQuery {
        limit: u32::MAX,
        ..ListQuery::default()
    };
    store.list(&everything).unwrap()
}

/// The files are exactly those named by jobs, and each has its content.
pub(super) fn check_uploads(folder: &Path, store: &dyn JobStore, uploads: &Uploads, what: &str) {
    let mut named = BTreeSet::new();
    for job in all(store) {
        let Source::Upload { upload, digest, .. } = &job.request.source else {
            continue;
        };
        let path = uploads.path(*upload);
        let bytes = std::fs::read(&path)
            .unwrap_or_else(|error| panic!("{what}: {job:?} names a file that is not there: {error}"));
        assert_eq!(Digest::of(&bytes), *digest, "{what}");
        named.insert(path);
    }
    let files: BTreeSet<_> = std::fs::read_dir(folder.join("uploads"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files, named, "{what}");
}

#[test]
fn the_nth_operation_fails() {
    use FaultKind::{DiskFull, InputOutput, Interrupted, ShortWrite};
    let kinds = [
        (DiskFull, false),
        (DiskFull, true),
        (InputOutput, false),
        (InputOutput, true),
        (Interrupted, false),
        (ShortWrite, false),
    ];
    for (kind, lasting) in kinds {
        let mut points = 0;
        for at in 1.. {
            let folder = folder();
            let disk = Disk::failing(Fault { at, kind, lasting });
            let mut told = Vec::new();
            let (place, what) = (
                Place::sqlite(folder.path()),
                format!("{kind:?} at operation {at}, lasting: {lasting}"),
            );
            work(&place, &disk, &mut |line| told.push(line));
            told.retain(|line| !is_announcement(line));
            check(&place, &told, &what);
            check_files(folder.path(), &what);
            if disk.operations() < at {
                break;
            }
            points = at;
        }
        println!("{kind:?}, lasting: {lasting}: {points} fault points");
        assert!(points > 80, "{points}");
    }
}

/// Interruptions and short writes are ordinary and have no effect.
#[test]
fn interruptions_and_short_writes_are_retried() {
    let tell_all = |disk: &Disk| {
        let folder = folder();
        let mut told = Vec::new();
        work(&Place::sqlite(folder.path()), disk, &mut |line| {
            told.push(line.split(' ').next().unwrap().to_owned())
        });
        told
    };
    let undisturbed = tell_all(&Disk::real());
    let kinds: Vec<&str> = undisturbed
        .iter()
        .map(String::as_str)
        .filter(|line| !is_announcement(line))
        .collect();
    let expected = ["submitted"; 5]
        .into_iter()
        .chain(["ended"; 3])
        .chain(["requeued", "ended", "told", "pruned"]);
    assert_eq!(kinds, expected.collect::<Vec<_>>());
    for kind in [FaultKind::Interrupted, FaultKind::ShortWrite] {
        for at in 1.. {
            let disk = Disk::failing(Fault {
                at,
                kind,
                lasting: false,
            });
            assert_eq!(tell_all(&disk), undisturbed, "{kind:?} at operation {at}");
            if disk.operations() < at {
                break;
            }
        }
    }
}

pub(super) fn abort_at(folder: &Path, at: u64) {
    let fault = Fault {
        at,
        kind: FaultKind::Abort,
        lasting: false,
    };
    work(&Place::sqlite(folder), &Disk::failing(fault), &mut |line| {
        println!("{line}")
    });
}

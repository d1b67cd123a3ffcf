//! Concurrent processes, and killed processes.
//!
//! The other processes are this test program again: it runs the test [`helper`], which does nothing unless the
//! environment sets a role.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::faults::{all, check_uploads};
use super::*;

const ROLE: &str = "CESAR_JOBS_TEST_ROLE";
const FOLDER: &str = "CESAR_JOBS_TEST_FOLDER";
const READY: &str = "ready";

fn start(role: &str, folder: &Path) -> Child {
    // The test's name is its path without the name of the crate.
    let name = format!("{}::helper", module_path!().split_once("::").unwrap().1);
    Command::new(env::current_exe().unwrap())
        .args(["--exact", &name, "--nocapture"])
        .env(ROLE, role)
        .env(FOLDER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits until the process reports that it is ready, and returns its later output, line by line.
fn until_ready(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(std::result::Result::ok);
    assert!(lines.any(|line| line == READY), "the helper ended early");
    lines
}

/// Reports that this process is ready. The name of the test is on the line before.
fn ready() {
    println!("\n{READY}");
}

/// Stays until the process is killed.
fn stay() {
    let _ = std::io::stdin().read(&mut [0]);
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn helper() {
    let Ok(role) = env::var(ROLE) else { return };
    let folder = PathBuf::from(env::var(FOLDER).unwrap());
    match role.split_once(' ').unwrap_or((&role, "")) {
        ("hold", _) => hold(&folder),
        ("receive", _) => receive(&folder),
        ("claim", _) => claim_all(&folder),
        ("abort", at) => {
            ready();
            super::faults::abort_at(&folder, at.parse().unwrap());
        }
        ("serve", seed) => serve(&folder, seed.parse().unwrap()),
        _ => panic!("no role {role}"),
    }
}

fn workers(folder: &Path) -> Workers {
    Workers::open(folder, Disk::real(), Arc::new(SystemRandom)).unwrap()
}

fn uploads(folder: &Path) -> Uploads {
    Uploads::open(folder, Disk::real(), Arc::new(SystemRandom)).unwrap()
}

fn hold(folder: &Path) {
    let store = open(folder);
    let worker = workers(folder).register().unwrap();
    store.claim(worker.id()).unwrap().unwrap();
    ready();
    stay();
}

#[test]
fn jobs_of_killed_processes_are_requeued_immediately() {
    let folder = folder();
    let store = open(folder.path());
    let Submission::New(job) = store.submit(&url_job()).unwrap() else {
        panic!("it is new")
    };
    let mut holder = start("hold", folder.path());
    let _lines = until_ready(&mut holder);
    let workers = workers(folder.path());
    assert_eq!(
        workers.recover(&store).unwrap(),
        Recovery::default(),
        "its worker lives"
    );
    let held = store.get(job.id).unwrap().unwrap();
    assert_eq!(held.state, JobState::Downloading);
    kill(holder);

    let recovery = workers.recover(&store).unwrap();
    assert_eq!(recovery.dead, [held.owner.unwrap()]);
    let lost = Lease {
        job: job.id,
        number: held.lease.unwrap(),
    };
    assert!(matches!(
        store.complete(&lost, "{}", &report()),
        Err(JobsError::LeaseLost { .. })
    ));
    let worker = workers.register().unwrap();
    let claim = store.claim(worker.id()).unwrap().unwrap();
    assert_eq!((claim.job.id, claim.job.attempts), (job.id, 2));
    store.complete(&claim.lease, "{}", &report()).unwrap();
}

fn receive(folder: &Path) {
    let uploads = uploads(folder);
    let mut writer = uploads.create(100).unwrap();
    writer.write(b"half").unwrap();
    let mut other = uploads.create(100).unwrap();
    other.write(b"whole").unwrap();
    let _stored = other.finish().unwrap();
    ready();
    stay();
}

#[test]
fn uploads_of_killed_processes_are_swept() {
    let folder = folder();
    let store = open(folder.path());
    let mut receiver = start("receive", folder.path());
    let _lines = until_ready(&mut receiver);
    let uploads = uploads(folder.path());
    assert_eq!(uploads.sweep(&store).unwrap(), Swept::default(), "its receiver lives");
    kill(receiver);
    assert_eq!(
        uploads.sweep(&store).unwrap(),
        Swept {
            unfinished: 1,
            orphans: 1
        }
    );
}

fn claim_all(folder: &Path) {
    ready();
    File::open(folder.join("start")).unwrap().lock_shared().unwrap();
    let data = folder.join("data");
    let store = open(&data);
    store.submit(&url_job()).unwrap();
    let worker = workers(&data).register().unwrap();
    while let Some(claim) = store.claim(worker.id()).unwrap() {
        println!("{}", claim.job.id);
        store.complete(&claim.lease, "{}", &report()).unwrap();
    }
}

/// Processes that create the database together, and claim their jobs from it together.
#[test]
fn each_job_is_claimed_by_one_process() {
    const PROCESSES: usize = 6;
    for filled in [0, 60] {
        let folder = folder();
        let data = folder.path().join("data");
        for _ in 0..filled {
            open(&data).submit(&url_job()).unwrap();
        }
        let start_line = File::create(folder.path().join("start")).unwrap();
        start_line.lock().unwrap();
        let mut children: Vec<Child> = (0..PROCESSES).map(|_| start("claim", folder.path())).collect();
        let lines: Vec<_> = children.iter_mut().map(until_ready).collect();
        start_line.unlock().unwrap();
        let claimed: Vec<JobId> = lines
            .into_iter()
            .flatten()
            .filter_map(|line| line.parse().ok())
            .collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        let distinct: BTreeSet<&JobId> = claimed.iter().collect();
        assert_eq!(
            (claimed.len(), distinct.len()),
            (filled + PROCESSES, filled + PROCESSES)
        );
        assert!(
            all(&open(&data))
                .iter()
                .all(|job| job.state == JobState::Completed && job.attempts == 1)
        );
    }
}

/// The process dies at the Nth operation, for every N.
#[test]
fn a_process_can_die_at_any_operation() {
    let mut points = 0;
    for at in 1.. {
        let folder = folder();
        let mut child = start(&format!("abort {at}"), folder.path());
        let told: Vec<String> = until_ready(&mut child).filter(|line| is_notified(line)).collect();
        let ended = child.wait().unwrap();
        super::faults::check(folder.path(), &told, &format!("abort at operation {at}"));
        if ended.success() {
            break;
        }
        points = at;
    }
    println!("{points} operations at which the process died");
    assert!(points > 80, "{points}");
}

fn is_notified(line: &str) -> bool {
    ["submitted ", "ended ", "requeued ", "pruned "]
        .iter()
        .any(|word| line.starts_with(word))
}

/// A server without a network: submits, works and cancels at random until it is killed, and reports what it acknowledged.
fn serve(folder: &Path, seed: u64) {
    let random = SeededRandom::new(seed);
    let options = StoreOptions {
        // Each server begins an hour later, so that no pause outlasts the previous one.
        clock: Arc::new(ManualClock::new(START_MS + HOUR_MS * i64::try_from(seed).unwrap())),
        ..StoreOptions::default()
    };
    let started = Instant::now();
    let store = SqliteJobs::open(folder, options).unwrap();
    let (workers, uploads) = (workers(folder), uploads(folder));
    workers.recover(&store).unwrap();
    ready();
    println!("recovered {}", started.elapsed().as_micros());
    uploads.sweep(&store).unwrap();
    let worker = workers.register().unwrap();
    let mut last = None;
    for number in 0.. {
        match random.next() % 8 {
            0..=3 => last = Some(receive_and_submit(&store, &uploads, number)),
            4..=6 => work(&store, worker.id(), &random),
            _ => {
                if let Some(job) = last
                    && let Cancellation::Done(job) = store.cancel(job).unwrap()
                {
                    println!("ended {} {}", job.id, job.state);
                }
            }
        }
    }
}

fn receive_and_submit(store: &SqliteJobs, uploads: &Uploads, number: u64) -> JobId {
    let mut writer = uploads.create(100_000).unwrap();
    writer.write(&super::faults::content(number)).unwrap();
    let upload = writer.finish().unwrap();
    let new = NewJob::new(JobRequest::new(upload.source()));
    let Submission::New(job) = store.submit(&new).unwrap() else {
        panic!("it is new and the queue is not full")
    };
    println!("submitted {}", job.id);
    job.id
}

fn work(store: &SqliteJobs, worker: WorkerId, random: &SeededRandom) {
    let Some(Claim { job, lease }) = store.claim(worker).unwrap() else {
        return;
    };
    store.progress(&lease, &Progress::default(), Some(&report())).unwrap();
    let job = match random.next() % 8 {
        0 => store.fail(&lease, &failure(FailureKind::Transient)),
        1 => store.fail(&lease, &failure(FailureKind::Final)),
        2 => store.hand_back(&lease),
        _ => store.complete(&lease, &format!("{} {}", job.id, lease.number), &report()),
    };
    let job = job.unwrap();
    if job.state.has_ended() {
        println!("ended {} {}", job.id, job.state);
    }
}

/// The acknowledgements of the servers so far, and the jobs found.
#[derive(Default)]
struct Ledger {
    submitted: BTreeSet<JobId>,
    told: BTreeMap<JobId, JobState>,
    /// Jobs that have ended, with their documents: they never change again.
    ended: BTreeMap<JobId, (Job, Option<String>)>,
    recoveries: Vec<u64>,
    /// Number of jobs found whose worker had been killed.
    lost: usize,
}

impl Ledger {
    fn note(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["recovered", time] => self.recoveries.push(time.parse().unwrap()),
            ["submitted", job] => assert!(self.submitted.insert(job.parse().unwrap()), "{line} twice"),
            ["ended", job, state] => {
                let before = self.told.insert(job.parse().unwrap(), state.parse().unwrap());
                assert_eq!(before, None, "{line} twice");
            }
            _ => {}
        }
    }

    /// Checks the state that a killed server left.
    fn check(&mut self, store: &SqliteJobs) {
        let jobs: BTreeMap<JobId, Job> = all(store).into_iter().map(|job| (job.id, job)).collect();
        for id in &self.submitted {
            assert!(jobs.contains_key(id), "{id} is lost");
        }
        for (id, state) in &self.told {
            assert_eq!(jobs[id].state, *state);
        }
        for (id, (job, document)) in &self.ended {
            assert_eq!(
                (&jobs[id], &store.document(*id).unwrap()),
                (job, document),
                "it ended before"
            );
        }
        for (id, job) in jobs {
            if job.state.has_ended() {
                let document = store.document(id).unwrap();
                self.ended.insert(id, (job, document));
            } else if job.state.is_running() {
                self.lost += 1;
            }
        }
    }
}

fn number_from(variable: &str, otherwise: u64) -> u64 {
    env::var(variable).map_or(otherwise, |number| number.parse().unwrap())
}

/// Servers are killed repeatedly; each acknowledged job ends exactly once.
#[test]
fn killing_servers_loses_no_job() {
    let folder = folder();
    let kills = number_from("CESAR_JOBS_KILLS", 60);
    let random = SeededRandom::new(number_from("CESAR_JOBS_SEED", 1));
    let mut ledger = Ledger::default();
    for seed in 0..kills {
        let mut server = start(&format!("serve {seed}"), folder.path());
        let mut lines = until_ready(&mut server);
        for line in lines.by_ref().take(usize::try_from(random.next() % 30).unwrap()) {
            ledger.note(&line);
        }
        kill(server);
        // Its reports before it died.
        lines.for_each(|line| ledger.note(&line));
        ledger.check(&open(folder.path()));
    }
    finish(folder.path(), &mut ledger, kills);
    let mut recoveries = ledger.recoveries;
    recoveries.sort_unstable();
    println!(
        "{kills} kills: {} jobs acknowledged, {} workers killed with a job, recovery p50 {} µs, p95 {} µs",
        ledger.submitted.len(),
        ledger.lost,
        recoveries[recoveries.len() / 2],
        recoveries[recoveries.len() * 95 / 100],
    );
}

/// Finishes all remaining jobs.
fn finish(folder: &Path, ledger: &mut Ledger, hours: u64) {
    let options = StoreOptions {
        clock: Arc::new(ManualClock::new(START_MS + HOUR_MS * i64::try_from(hours).unwrap())),
        ..StoreOptions::default()
    };
    let store = SqliteJobs::open(folder, options).unwrap();
    let (workers, uploads) = (workers(folder), uploads(folder));
    workers.recover(&store).unwrap();
    uploads.sweep(&store).unwrap();
    check_uploads(folder, &store, &uploads, "after all kills");
    let worker = workers.register().unwrap();
    while let Some(claim) = store.claim(worker.id()).unwrap() {
        store.complete(&claim.lease, "late", &report()).unwrap();
    }
    ledger.check(&store);
    for id in &ledger.submitted {
        assert!(ledger.ended.contains_key(id), "{id} has not ended");
    }
    for (id, (job, document)) in &ledger.ended {
        let is_right = match document.as_deref() {
            Some("late") => job.state == JobState::Completed,
            Some(document) => document.starts_with(&id.to_string()) && job.state == JobState::Completed,
            None => matches!(job.state, JobState::Error | JobState::Cancelled),
        };
        assert!(is_right, "{job:?} with {document:?}");
    }
}

//! Concurrent processes, and killed processes.
//!
//! The other processes are this test program again: it runs the test [`helper`], which does nothing unless the
//! environment sets a role.

use std::collections::BTreeSet;
use std::env;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::faults::all;
use super::*;

const ROLE: &str = "CESAR_JOBS_TEST_ROLE";
const FOLDER: &str = "CESAR_JOBS_TEST_FOLDER";
const URL: &str = "CESAR_JOBS_TEST_URL";
const READY: &str = "ready";

fn start(role: &str, folder: &Path) -> Child {
    start_at(role, &Place::sqlite(folder))
}

pub(super) fn start_at(role: &str, place: &Place) -> Child {
    // The test's name is its path without the name of the crate.
    let name = format!("{}::helper", module_path!().split_once("::").unwrap().1);
    Command::new(env::current_exe().unwrap())
        .args(["--exact", &name, "--nocapture"])
        .env(ROLE, role)
        .env(FOLDER, &place.folder)
        .envs(place.url.iter().map(|url| (URL, url)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits until the process reports that it is ready, and returns its later output, line by line.
pub(super) fn until_ready(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(std::result::Result::ok);
    assert!(lines.any(|line| line == READY), "the helper ended early");
    lines
}

/// Reports that this process is ready. The name of the test is on the line before.
pub(super) fn ready() {
    println!("\n{READY}");
}

/// Stays until the process is killed.
pub(super) fn stay() {
    let _ = std::io::stdin().read(&mut [0]);
}

pub(super) fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn helper() {
    let Ok(role) = env::var(ROLE) else { return };
    let folder = PathBuf::from(env::var(FOLDER).unwrap());
    let place = Place {
        folder: folder.clone(),
        url: env::var(URL).ok(),
    };
    match role.split_once(' ').unwrap_or((&role, "")) {
        ("hold", _) => hold(&folder),
        ("receive", _) => receive(&folder),
        ("claim", _) => claim_all(&place),
        ("abort", at) => {
            ready();
            super::faults::abort_at(&folder, at.parse().unwrap());
        }
        ("serve", seed) => super::kills::serve(&place, seed.parse().unwrap()),
        #[cfg(feature = "postgres")]
        ("zombie", _) => super::postgres::zombie(&place),
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

fn claim_all(place: &Place) {
    ready();
    File::open(place.folder.join("start")).unwrap().lock_shared().unwrap();
    let Site { store, workers, .. } = place.within("data").open_after(0);
    store.submit(&url_job()).unwrap();
    let worker = workers.register().unwrap();
    while let Some(claim) = store.claim(worker.id()).unwrap() {
        println!("{}", claim.job.id);
        store.complete(&claim.lease, "{}", &report()).unwrap();
    }
}

/// Processes that create the database together, and claim their jobs from it together.
fn each_job_is_claimed_by_one_process(make: fn(&Path) -> Place) {
    const PROCESSES: usize = 6;
    for filled in [0, 60] {
        let folder = folder();
        let place = make(folder.path());
        let data = place.within("data");
        for _ in 0..filled {
            data.open_after(0).store.submit(&url_job()).unwrap();
        }
        let start_line = File::create(folder.path().join("start")).unwrap();
        start_line.lock().unwrap();
        let mut children: Vec<Child> = (0..PROCESSES).map(|_| start_at("claim", &place)).collect();
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
            all(&*data.open_after(0).store)
                .iter()
                .all(|job| job.state == JobState::Completed && job.attempts == 1)
        );
    }
}

#[test]
fn each_job_is_claimed_by_one_process_of_a_folder() {
    each_job_is_claimed_by_one_process(Place::sqlite);
}

/// They also migrate the database together.
#[cfg(feature = "postgres")]
#[test]
fn each_job_is_claimed_by_one_process_of_a_database() {
    each_job_is_claimed_by_one_process(Place::postgres);
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
        let what = format!("abort at operation {at}");
        super::faults::check(&Place::sqlite(folder.path()), &told, &what);
        super::faults::check_files(folder.path(), &what);
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

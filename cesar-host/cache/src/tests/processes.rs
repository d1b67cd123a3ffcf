//! Concurrent processes, and processes that die.
//!
//! The other processes are this test program again: it runs the test [`helper`], which does nothing unless the
//! environment sets a role.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use super::*;

pub(super) const ROLE: &str = "CESAR_CACHE_TEST_ROLE";
pub(super) const FOLDER: &str = "CESAR_CACHE_TEST_FOLDER";
const READY: &str = "ready";

/// The name of the test [`helper`]: its path without the name of the crate.
pub(super) fn helper_name() -> String {
    format!("{}::helper", module_path!().split_once("::").unwrap().1)
}

pub(super) fn start(role: &str, folder: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", &helper_name(), "--nocapture"])
        .env(ROLE, role)
        .env(FOLDER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits until the process reports that it is ready.
pub(super) fn until_ready(child: &mut Child) {
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert!(
        lines
            .map_while(std::result::Result::ok)
            .any(|line| line.contains(READY)),
        "the helper ended early"
    );
}

#[test]
fn helper() {
    let Ok(role) = env::var(ROLE) else { return };
    let folder = PathBuf::from(env::var(FOLDER).unwrap());
    match role.split_once(' ').unwrap_or((&role, "")) {
        ("compute", _) => compute(&folder),
        ("open", _) => open_and_put(&folder),
        ("hold", _) => hold(&folder),
        ("write", _) => write_half(&folder),
        ("lease", _) => lease_and_stay(&folder),
        ("mix", words) => super::concurrent_processes::mix(&folder, words),
        ("maintain", _) => hold_maintenance(&folder),
        ("fill", _) => super::unusable_cache::fill_disk(&folder),
        ("room", _) => super::unusable_cache::leave_room(&folder),
        ("rights", _) => super::unusable_cache::work_without_rights(&folder),
        ("abort", at) => super::faults::abort_at(&folder, at.parse().unwrap()),
        _ => panic!("no role {role}"),
    }
}

/// Reports that this process is ready, and stays until it is killed.
fn stay() {
    println!("{READY}");
    let _ = std::io::stdin().read(&mut [0]);
}

/// Waits until the parent starts all of them.
pub(super) fn wait_for_start(folder: &Path) {
    println!("{READY}");
    File::open(folder.join("start")).unwrap().lock_shared().unwrap();
}

/// Starts processes that all begin at the same moment, and waits for their end.
fn run_together(count: usize, role: &str, folder: &Path) {
    let start_line = File::create(folder.join("start")).unwrap();
    start_line.lock().unwrap();
    let mut children: Vec<Child> = (0..count).map(|_| start(role, folder)).collect();
    children.iter_mut().for_each(until_ready);
    start_line.unlock().unwrap();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

fn compute(folder: &Path) {
    wait_for_start(folder);
    let cache = Cache::open(&folder.join("cache"), Arc::new(SystemClock)).unwrap();
    let mut computations = File::options()
        .append(true)
        .create(true)
        .open(folder.join("computations"))
        .unwrap();
    for number in 0..5 {
        let bytes = noise(number, 150_000);
        let outcome = cache.get_or_compute(&parts(number), Mode::ReadWrite, &mut wait_on, || {
            computations.write_all(b"x")?;
            Ok::<_, std::io::Error>(bytes.clone())
        });
        let outcome = outcome.unwrap();
        assert!(outcome.bytes == bytes);
        assert_eq!(outcome.cache_warning, None);
    }
}

#[test]
fn eight_processes_compute_each_result_once() {
    let folder = folder();
    run_together(8, "compute", folder.path());
    assert_eq!(fs::read(folder.path().join("computations")).unwrap().len(), 5);
    let cache = Cache::open(&folder.path().join("cache"), Arc::new(SystemClock)).unwrap();
    let statistics = cache.stats().unwrap();
    assert_eq!((statistics.hits, statistics.misses, statistics.healed), (35, 5, 0));
    assert_eq!(fs::read_dir(folder.path().join("cache/v1/locks")).unwrap().count(), 0);
}

fn open_and_put(folder: &Path) {
    wait_for_start(folder);
    let cache = Cache::open(&folder.join("cache"), Arc::new(SystemClock)).unwrap();
    assert_eq!(cache.warnings(), [""; 0]);
    let number = u64::from(std::process::id());
    put(&cache, &parts(number), &number.to_le_bytes()).unwrap();
}

#[test]
fn many_processes_open_a_fresh_folder() {
    for _ in 0..5 {
        let folder = folder();
        run_together(12, "open", folder.path());
        let cache = Cache::open(&folder.path().join("cache"), Arc::new(SystemClock)).unwrap();
        assert_eq!(cache.info().unwrap().entries, 12);
        let page_size: i64 = cache
            .parts
            .storage
            .index
            .inspect(|connection| connection.pragma_query_value(None, "page_size", |row| row.get(0)))
            .unwrap();
        assert_eq!(page_size, 8_192);
    }
}

fn hold(folder: &Path) {
    let cache = Cache::open(folder, Arc::new(SystemClock)).unwrap();
    let _guard = cache.lock(&parts(1).key(), &mut never_wait).unwrap();
    stay();
}

#[test]
fn the_lock_of_a_killed_process_is_released() {
    let fixture = Fixture::new();
    let mut holder = start("hold", fixture.folder.path());
    until_ready(&mut holder);
    assert!(fixture.cache.try_lock(&parts(1).key()).unwrap().is_none());
    let mut owner = None;
    let mut kill = |waiting: &Waiting| {
        owner = waiting.owner;
        holder.kill().unwrap();
        holder.wait().unwrap();
        ControlFlow::Continue(())
    };
    drop(fixture.cache.lock(&parts(1).key(), &mut kill).unwrap());
    assert_eq!(owner, Some(holder.id()));
    assert_eq!(fs::read_dir(fixture.path("locks")).unwrap().count(), 0);
}

fn write_half(folder: &Path) {
    let cache = Cache::open(folder, Arc::new(SystemClock)).unwrap();
    let mut writer = cache.writer();
    writer.append(&noise(1, 500_000)).unwrap();
    stay();
}

#[test]
fn temporary_files_of_killed_processes_are_swept() {
    let fixture = Fixture::new();
    let mut writer = start("write", fixture.folder.path());
    until_ready(&mut writer);
    let left = || fs::read_dir(fixture.path("tmp")).unwrap().count();
    fixture.reopen();
    assert_eq!(left(), 1, "its writer lives");
    writer.kill().unwrap();
    writer.wait().unwrap();
    fixture.reopen();
    assert_eq!(left(), 0);
}

/// The process dies at the Nth operation, for every N; the remaining cache must be sound.
#[test]
fn a_process_can_die_at_any_operation() {
    let mut points = 0;
    for at in 1.. {
        let folder = folder();
        let output = start(&format!("abort {at}"), folder.path()).wait_with_output().unwrap();
        super::faults::check(folder.path(), &format!("abort at operation {at}"));
        if output.status.success() {
            break;
        }
        points = at;
    }
    println!("{points} operations at which the process died");
    assert!(points > 40, "{points}");
}

/// No deadlock: a process that waits too long computes by itself, and stores nothing under the other's lock.
#[test]
fn waiting_for_a_lock_times_out() {
    let limits = Limits {
        lock_timeout_ms: Some(3_600_000),
        ..Limits::default()
    };
    let fixture = Fixture::limited(limits);
    let mut holder = start("hold", fixture.folder.path());
    until_ready(&mut holder);
    let mut calls = 0;
    let mut wait = |waiting: &Waiting| {
        assert_eq!(waiting.owner, Some(holder.id()));
        calls += 1;
        fixture.clock.advance_ms(600_000);
        ControlFlow::Continue(())
    };
    let ask = fixture
        .cache
        .get_or_compute(&parts(1), Mode::ReadWrite, &mut wait, computed(b"mine"));
    let outcome = ask.unwrap();
    assert_eq!((outcome.bytes.as_slice(), outcome.entry), (b"mine".as_slice(), None));
    assert_eq!(calls, 6, "an hour of ten minutes each");
    assert_eq!(fixture.cache.stats().unwrap().waited, 1);
    let notices = fixture.cache.take_notices();
    assert!(notices[0].contains("cache.lock_timeout"), "{notices:?}");
    holder.kill().unwrap();
    holder.wait().unwrap();
    let ask = fixture
        .cache
        .get_or_compute(&parts(1), Mode::ReadWrite, &mut never_wait, computed(b"mine"));
    assert!(ask.unwrap().entry.is_some());
}

/// Housekeeping finds the lock file of a dead process and that of a live one.
#[test]
fn only_lock_files_of_dead_processes_are_swept() {
    let fixture = Fixture::new();
    let mut holder = start("hold", fixture.folder.path());
    until_ready(&mut holder);
    fixture.cache.maintain().unwrap();
    assert_eq!(fixture.files("locks"), 1);
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(fixture.files("locks"), 1);
    fixture.cache.maintain().unwrap();
    assert_eq!(fixture.files("locks"), 0);
}

fn lease_and_stay(folder: &Path) {
    let cache = Cache::open(folder, Arc::new(SystemClock)).unwrap();
    let _lease = cache.lease(&[parts(1).key()]).unwrap();
    stay();
}

#[test]
fn leases_of_killed_processes_end_immediately() {
    let fixture = Fixture::new();
    fixture.put_cost(1, 1, 10);
    let mut owner = start("lease", fixture.folder.path());
    until_ready(&mut owner);
    let cleared = fixture.cache.clear(false).unwrap();
    assert_eq!((cleared.entries, cleared.leased), (0, 1));
    owner.kill().unwrap();
    owner.wait().unwrap();
    let cleared = fixture.cache.clear(false).unwrap();
    assert_eq!((cleared.entries, cleared.leased), (1, 0));
    assert_eq!((fixture.count("leases"), fixture.files("owners")), (0, 0));
}

fn hold_maintenance(folder: &Path) {
    let cache = Cache::open(folder, Arc::new(SystemClock)).unwrap();
    let _alone = cache.parts.storage.lock_maintenance().unwrap();
    stay();
}

#[test]
fn the_maintenance_lock_of_a_killed_process_is_released() {
    let fixture = Fixture::new();
    let mut other = start("maintain", fixture.folder.path());
    until_ready(&mut other);
    assert!(fixture.cache.maintain().unwrap().skipped);
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(!fixture.cache.maintain().unwrap().skipped);
}

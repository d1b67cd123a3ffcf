//! Read-only folders and full disks: a warning with the remedy, and the result.
//!
//! The tests fill a real disk: if permitted, a small file system in memory, mounted in the test's own namespace; otherwise a limit
//! on the size of files. They print which one. Permissions do not restrict root, so as root those tests run without the capability
//! for that.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use cesar_tests::mounts::view_of_files;
use cesar_tests::skip;

use super::processes::{FOLDER, ROLE, helper_name};
use super::*;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs a role of the helper with a shell script in front of it.
fn run_in(script: &str, role: &str, folder: &Path) -> Output {
    let program = std::env::current_exe().unwrap();
    Command::new("sh")
        .args(["-c", &format!("{script} exec \"$0\" --exact \"$1\" --nocapture")])
        .arg(program)
        .arg(helper_name())
        .env(ROLE, role)
        .env(FOLDER, folder)
        .output()
        .unwrap()
}

fn assert_success(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    text
}

/// A file system of some megabytes over `folder`, or files of at most half of one.
fn with_little_space(megabytes: u32, role: &str, folder: &Path) {
    let mount = format!("mount -t tmpfs -o size={megabytes}m none \"$CESAR_CACHE_TEST_FOLDER\" &&");
    let output = if let Some(view) = view_of_files(folder) {
        println!("FULL DISK: a tmpfs of {megabytes} MB");
        let view = view.join(" ");
        let script =
            format!("exec unshare {view} sh -c '{mount} exec \"$0\" --exact \"$1\" --nocapture' \"$0\" \"$1\";");
        run_in(&script, role, folder)
    } else {
        println!("FULL DISK: no mount possible here, a limit of 512 KB on the size of files instead");
        run_in("trap '' XFSZ; ulimit -f 1000;", role, folder)
    };
    println!("{}", assert_success(&output));
}

/// Stores results until the disk is full, and beyond.
pub(super) fn fill_disk(folder: &Path) {
    let cache = Cache::open(folder, Arc::new(SystemClock)).unwrap();
    let (mut stored, mut warnings) = (0, Vec::new());
    for number in 0..60 {
        // Small and large in turns, so that both index and objects meet the end of the disk.
        let bytes = noise(number, if number % 2 == 0 { 60_000 } else { 150_000 });
        let ask = cache.get_or_compute(&parts(number), Mode::ReadWrite, &mut never_wait, computed(&bytes));
        let outcome = ask.unwrap();
        assert!(outcome.bytes == bytes, "{number}");
        stored += u32::from(outcome.entry.is_some());
        warnings.extend(outcome.cache_warning);
    }
    assert!(stored > 3 && !warnings.is_empty(), "{stored} stored, {warnings:?}");
    assert!(
        warnings.iter().all(|text| text.contains("free some space")),
        "{warnings:?}"
    );
    let sound = |cache: &Cache| {
        (0..60)
            .filter(|number| {
                let key = parts(*number).key();
                let listed = cache.lookup(&key).unwrap().is_some();
                assert_eq!(cache.get(&key).unwrap().is_some(), listed, "{number}");
                listed
            })
            .count() as u32
    };
    assert_eq!(sound(&cache), stored);
    drop(cache);
    let cache = Cache::open(folder, Arc::new(SystemClock)).unwrap();
    assert_eq!((sound(&cache), cache.stats().unwrap().healed), (stored, 0));
    println!(
        "{stored} of 60 results stored, {} warnings, such as: {}",
        warnings.len(),
        warnings[0]
    );
}

/// With reserved space, the disk does not become full.
pub(super) fn leave_room(folder: &Path) {
    let limits = Limits {
        min_free_disk: 2_000_000,
        ..Limits::default()
    };
    let cache = Cache::open_limited(folder, Arc::new(SystemClock), limits).unwrap();
    for number in 0..60 {
        let bytes = noise(number, 150_000);
        let ask = cache.get_or_compute(&parts(number), Mode::ReadWrite, &mut never_wait, computed(&bytes));
        assert_eq!(ask.unwrap().cache_warning, None, "{number}");
    }
    assert!(cache.stats().unwrap().evicted > 20);
}

#[test]
fn a_full_disk_loses_no_result() {
    let folder = folder();
    with_little_space(3, "fill", folder.path());
}

#[test]
fn min_free_disk_is_kept_free() {
    let folder = folder();
    if view_of_files(folder.path()).is_none() {
        skip!("no small file system may be mounted here, in which to leave room");
    }
    with_little_space(8, "room", folder.path());
}

/// Opens, computes and returns the warnings.
pub(super) fn work_without_rights(folder: &Path) {
    let cache = match Cache::open(folder, Arc::new(SystemClock)) {
        Ok(cache) => cache,
        Err(error) => return println!("no cache: {error}"),
    };
    for (number, length) in [(1, 1_000), (2, 150_000)] {
        let bytes = noise(number, length);
        let ask = cache.get_or_compute(&parts(number), Mode::ReadWrite, &mut never_wait, computed(&bytes));
        let outcome = ask.unwrap();
        assert!(outcome.bytes == bytes);
        println!("{number}: {:?}", outcome.cache_warning);
    }
}

/// The message about a cache whose permissions `change` has altered.
fn without_rights(change: impl Fn(&Path)) -> String {
    let folder = folder();
    let cache = folder.path().join("cache");
    drop(Cache::open(&cache, Arc::new(SystemClock)).unwrap());
    change(&cache);
    let script = if is_root() {
        "exec setpriv --bounding-set=-dac_override,-dac_read_search \"$0\" --exact \"$1\" --nocapture;"
    } else {
        ""
    };
    let text = assert_success(&run_in(script, "rights", &cache));
    for entry in walk(&cache) {
        let _ = fs::set_permissions(entry, fs::Permissions::from_mode(0o700));
    }
    text
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut paths = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            paths.extend(walk(&path))
        } else {
            paths.push(path)
        }
    }
    paths
}

fn forbid(path: &Path) {
    let writable = fs::metadata(path).unwrap().permissions().mode();
    fs::set_permissions(path, fs::Permissions::from_mode(writable & !0o222)).unwrap();
}

#[test]
fn an_unwritable_cache_is_refused_with_a_remedy() {
    let text = without_rights(|cache| walk(cache).iter().for_each(|path| forbid(path)));
    assert!(
        text.contains("no cache: cannot open") && text.contains("Permission denied"),
        "{text}"
    );
    assert!(
        text.contains("chmod -R u+rwX") && text.contains("--cache-dir"),
        "{text}"
    );
}

/// A disk mounted read-only, which no user's permissions change.
#[test]
fn a_read_only_disk_is_refused_with_a_remedy() {
    let folder = folder();
    let Some(view) = view_of_files(folder.path()) else {
        skip!("no file system may be mounted here for reading only");
    };
    let cache = folder.path().join("cache");
    put(&Cache::open(&cache, Arc::new(SystemClock)).unwrap(), &parts(1), b"x").unwrap();
    let mount = "F=\"$CESAR_CACHE_TEST_FOLDER\"; mount --bind \"$F\" \"$F\" && mount -o remount,bind,ro \"$F\" &&";
    let script = format!(
        "exec unshare {} sh -c '{mount} exec \"$0\" --exact \"$1\" --nocapture' \"$0\" \"$1\";",
        view.join(" ")
    );
    let text = assert_success(&run_in(&script, "rights", &cache));
    assert!(
        text.contains("Read-only file system") && text.contains("mount its disk for writing"),
        "{text}"
    );
}

#[test]
fn a_read_only_index_is_reported_with_a_remedy() {
    let text = without_rights(|cache| forbid(&cache.join("v1/index.db")));
    assert!(text.contains("chmod -R u+rwX"), "{text}");
}

#[test]
fn unwritable_objects_are_reported() {
    let text = without_rights(|cache| forbid(&cache.join("v1/objects")));
    assert!(text.contains("1: None"), "{text}");
    assert!(
        text.contains("2: Some(\"cannot create") && text.contains("chmod -R u+rwX"),
        "{text}"
    );
}

#[test]
fn a_removed_folder_costs_only_a_warning() {
    let fixture = Fixture::new();
    fs::remove_dir_all(fixture.path("tmp")).unwrap();
    let bytes = noise(1, 200_000);
    let ask = fixture
        .cache
        .get_or_compute(&parts(1), Mode::ReadWrite, &mut never_wait, computed(&bytes));
    let outcome = ask.unwrap();
    assert!(outcome.bytes == bytes && outcome.entry.is_none());
    let warning = outcome.cache_warning.unwrap();
    assert!(warning.contains(fixture.path("tmp").to_str().unwrap()), "{warning}");
    assert!(fixture.cache.incoming().is_err());
    // Only a miss to count.
    fixture.cache.flush().unwrap();
    assert_eq!(fixture.reopen().stats().unwrap().misses, 1);
}

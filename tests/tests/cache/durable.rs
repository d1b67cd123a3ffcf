//! The order in which files reach the device.

use cesar_tests::server::{wave, with_echo};
use std::path::Path;

/// A large result of the cache gets its name after its bytes are on the device, and the run continues after the name is.
#[test]
fn a_result_is_synced_before_it_is_renamed() {
    let sandbox = with_echo();
    // A line for each second: together too large for the index.
    sandbox.write("talk.wav", wave(1_800, 1));
    let words = ["transcribe", "talk.wav", "--asr-plugin", "echo", "--no-diarize"];
    let calls = sandbox.calls("fdatasync,fsync,rename,renameat,renameat2", words);
    let calls: Vec<&str> = calls.lines().collect();
    let objects = sandbox.cache_dir().join("v1/objects");
    let mut stored = 0;
    for (number, call) in calls.iter().enumerate() {
        let Some(names) = call
            .split_once(" rename")
            .map(|(_, names)| names.split('"').collect::<Vec<_>>())
        else {
            continue;
        };
        let (from, to) = (names[1], Path::new(names[3]));
        if !to.starts_with(&objects) {
            continue;
        }
        // Calls of one thread follow each other, so earlier calls have ended.
        let thread = call.split_once(' ').unwrap().0;
        let is = |other: &&str, name: &str, path: &str| {
            other.starts_with(&format!("{thread} "))
                && other.contains(&format!(" {name}("))
                && other.contains(&format!("<{path}>"))
        };
        let synced = calls[..number].iter().any(|other| is(other, "fdatasync", from));
        assert!(synced, "{call} before its bytes are on the device: {calls:#?}");
        let folder = to.parent().unwrap().to_str().unwrap();
        let named = calls[number..].iter().any(|other| is(other, "fsync", folder));
        assert!(named, "{call}, and the folder is not synced: {calls:#?}");
        stored += 1;
    }
    assert!(stored > 0, "nothing large was stored: {calls:#?}");
}

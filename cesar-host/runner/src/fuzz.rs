//! Random bytes for the readers of a plugin's file, its options and its runner's frames (see [`cesar_tests::fuzz`]).
//!
//! The laws: nothing panics, accepted input is accepted again, and every refusal is a sentence.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use cesar_tests::fuzz::fuzz;
use plugin_api::manifest::{Manifest, OptionSpec};
use serde_json::Value;

use crate::discovery::elf;
use crate::protocol::{Channel, FromRunner, ToRunner};

/// Any file is refused with a message, or its manifest round-trips.
fn the_section_of_the_manifest() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("libfuzz.so");
    fuzz("section", |bytes| {
        std::fs::write(&path, bytes).expect("the folder can be written");
        match elf::read_manifest(&path) {
            Ok(manifest) => {
                let text = serde_json::to_string(&manifest).expect("a manifest is JSON");
                assert_eq!(Manifest::parse(&text).as_ref(), Ok(&manifest));
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    });
}

/// A row of an option table and a value for it, separated by a line feed: accepted values stay the same.
fn the_validator_of_options() {
    fuzz("options", |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let (row, value) = text.split_once('\n').unwrap_or((&text, ""));
        let Ok(option) = serde_json::from_str::<OptionSpec>(row) else {
            return;
        };
        let given = [option.parse("o", value), option.validate("o", &Value::from(value))];
        let json = serde_json::from_str::<Value>(value)
            .ok()
            .map(|value| option.validate("o", &value));
        for accepted in given.into_iter().chain(json) {
            match accepted {
                Ok(value) => assert_eq!(option.validate("o", &value), Ok(value)),
                Err(error) => assert!(error.to_string().contains("must be")),
            }
        }
    });
}

/// Any bytes from the other side result in messages or an end.
fn the_protocol_of_runners() {
    fuzz("protocol", |bytes| {
        let receive = |read: &mut dyn FnMut(&mut Channel) -> std::io::Result<bool>| {
            let (ours, mut theirs) = UnixStream::pair().expect("a socket");
            let sent = &bytes[..bytes.len().min(100_000)];
            theirs.write_all(sent).expect("the socket has room for as much");
            drop(theirs);
            let mut channel = Channel::new(ours);
            // Each message consumes at least its length; then the stream ends, or is refused.
            for _ in 0..=sent.len() / 4 {
                match read(&mut channel) {
                    Ok(true) => {}
                    Ok(false) => panic!("it waits for what cannot come"),
                    Err(error) => return assert!(!error.to_string().is_empty()),
                }
            }
            panic!("more messages than bytes");
        };
        let patience = Duration::from_secs(20);
        receive(&mut |channel| Ok(channel.receive::<FromRunner>(patience)?.is_some()));
        receive(&mut |channel| Ok(channel.receive::<ToRunner>(patience)?.is_some()));
    });
}

/// All in parallel, so that each has its time and the suite waits for one.
#[test]
fn every_reader_survives_anything() {
    std::thread::scope(|scope| {
        for target in [
            the_section_of_the_manifest,
            the_validator_of_options,
            the_protocol_of_runners,
        ] {
            scope.spawn(target);
        }
    });
}

//! Files of several recordings, joined by their bytes.

use super::*;
use crate::demux::ANOTHER_RECORDING;

/// Three seconds of a tone in files of many kinds, by the arguments for ffmpeg.
const KINDS: [(&str, &str); 16] = [
    ("a.wav", ""),
    ("a.w64", ""),
    ("a.mp3", "-id3v2_version 0"),
    ("tagged.mp3", ""),
    ("a.flac", ""),
    ("a.ogg", "-c:a libvorbis"),
    ("a.m4a", ""),
    ("a.mov", "-c:a pcm_s16le"),
    ("a.webm", "-c:a libopus"),
    ("a.caf", "-c:a pcm_s16le"),
    ("a.aiff", ""),
    ("a.aac", ""),
    ("a.wma", ""),
    ("a.avi", "-c:a pcm_s16le"),
    ("a.tta", ""),
    ("a.wv", ""),
];

/// The kinds that are put behind the others.
const BEHIND: [&str; 7] = ["a.wav", "a.mp3", "tagged.mp3", "a.flac", "a.ogg", "a.m4a", "a.webm"];

#[test]
fn a_recording_of_another_kind_behind_the_first_is_told() {
    let folder = folder();
    let source = ["-f", "lavfi", "-i", "sine=frequency=500:sample_rate=48000:duration=3"];
    let files: Vec<_> = KINDS
        .iter()
        .map(|(name, more)| {
            let arguments: Vec<_> = source.into_iter().chain(more.split_whitespace()).collect();
            (*name, fs::read(made(&folder, name, &arguments)).unwrap())
        })
        .collect();
    for (first, one) in &files {
        for (second, other) in &files {
            let is_followed = BEHIND.contains(second) && kind(second) != kind(first);
            // Those of these kinds are not read on behind zeros.
            let is_twice = first == second && ["a.m4a", "a.aiff", "a.caf"].contains(first);
            for zeros in [0, 1500] {
                if is_followed || (is_twice && zeros > 0) {
                    let path = write(&folder, "joined", &[&one[..], &vec![0; zeros], other].concat());
                    assert_told(&path, &format!("{first} + {zeros} zeros + {second}"));
                }
            }
        }
    }
}

fn assert_told(path: &Path, what: &str) {
    let (decoded, samples) = decode_with(path, Slice::default(), &DecodeOptions::default()).unwrap();
    let told = decoded.issues.iter().filter(|issue| issue.end_ms > issue.start_ms);
    let told: Vec<_> = told.map(|issue| issue.message.as_str()).collect();
    let seconds = (samples.len() + SAMPLE_RATE as usize / 4) / SAMPLE_RATE as usize;
    let expected = (3, vec![ANOTHER_RECORDING], true);
    assert_eq!(
        (seconds, told, decoded.is_incomplete()),
        expected,
        "{what}: {:?}",
        decoded.issues
    );
}

/// Wave64 and RIFF are read as one recording.
fn kind(name: &str) -> Option<String> {
    name.split('.')
        .next_back()
        .map(|extension| extension.replace("w64", "wav"))
}

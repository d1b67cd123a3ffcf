//! Malformed bytes for every reader of a container (see [`cesar_tests::fuzz`]).
//!
//! The laws: nothing panics, every reader ends, no packet exceeds the file and its frames, no recording decodes to more sound than
//! its packets have or to more silence than allowed, and every refusal is a sentence.

use std::fs;
use std::path::Path;

use cesar_tests::fuzz::fuzz;

use crate::clock::{SECOND, nanoseconds};
use crate::continuous::{Continuous, MOST_SILENCE};
use crate::kind::{self, Kind};
use crate::player::Player;
use crate::{AudioError, Decoder, demux};

/// Maximum number of packets in a file of this length: one a byte, and some that decode to nothing.
fn most_packets(length: usize) -> usize {
    length + 1_000
}

/// The longest packet is a block of FLAC at the lowest rate: 65,535 frames at 1 kHz.
const LONGEST_PACKET_MS: u64 = 65_535;

/// Decodes the chosen track; inserted silence is only counted.
fn decode(path: &Path, kind: Kind, index: usize, length: usize) -> Result<(), AudioError> {
    let player = Player::open(path, demux::open(path, kind)?, index, (Decoder::Native, Vec::new()))?;
    let mut line = Continuous::new(Box::new(player));
    let (mut decoded, mut samples) = (0, Vec::new());
    while let Some(stream) = line.read(&mut samples)? {
        let frames = (samples.len() / usize::from(stream.channels)) as u64;
        decoded += nanoseconds(frames, stream.rate) + line.pass_silence();
        samples.clear();
    }
    let sound_ms = line.sound_ms();
    let most_sound = LONGEST_PACKET_MS * most_packets(length) as u64;
    assert!(sound_ms <= most_sound, "{sound_ms} ms of sound in {length} bytes");
    let sound = i64::try_from(sound_ms).unwrap() * (SECOND / 1000);
    let silence = decoded - sound;
    // Frames and milliseconds are rounded.
    assert!(
        silence <= sound.max(MOST_SILENCE) + SECOND,
        "{} s of silence and {} s of sound in {length} bytes",
        silence / SECOND,
        sound / SECOND
    );
    Ok(())
}

/// Reads a file as `kind` to its end, with each of its tracks.
fn read(path: &Path, kind: Kind, length: usize) -> Result<(), AudioError> {
    let mut index = 0;
    loop {
        let mut demuxer = demux::open(path, kind)?;
        if index >= demuxer.tracks().len().min(4) {
            return Ok(());
        }
        demuxer.select(index);
        let mut packets = 0;
        while let Some(packet) = demuxer.next()? {
            packets += 1;
            // Compressed tracks of Matroska may grow.
            assert!(
                packet.data.len() <= 64 * length + 4096,
                "a packet of {} bytes",
                packet.data.len()
            );
            assert!(packets <= most_packets(length), "{packets} packets of {length} bytes");
        }
        let _ = demuxer.ending();
        // Damage and unknown codecs break no law.
        let _ = decode(path, kind, index, length);
        index += 1;
    }
}

fn target(name: &str, kind: Kind) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording");
    fuzz(name, |bytes| {
        fs::write(&path, bytes).unwrap();
        if let Err(error) = read(&path, kind, bytes.len()) {
            assert!(!error.to_string().is_empty());
        }
    });
}

fn recognition() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording");
    fuzz("kind", |bytes| {
        fs::write(&path, bytes).unwrap();
        let kind = kind::recognise(&path).unwrap();
        let _ = kind::claimed_length(kind, &path);
        for name in ["mpegts", "mpeg"] {
            let first = kind::first_packet(Kind::Foreign(name), &path).unwrap();
            assert!(
                first.is_none_or(|first| first < bytes.len() as u64),
                "{name}: {first:?}"
            );
        }
    });
}

fn holes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording");
    fuzz("holes", |bytes| {
        fs::write(&path, bytes).unwrap();
        for (name, stream) in [("avi", 0), ("avi", 1), ("ac3", 0), ("dts", 0)] {
            let holes = demux::holes(Kind::Foreign(name), &path, stream).unwrap();
            assert!(holes.list.is_sorted_by_key(|hole| hole.at), "{name}: {holes:?}");
        }
    });
}

/// All in parallel, so that each has its time and the suite waits for one.
#[test]
fn every_reader_survives_anything() {
    std::thread::scope(|scope| {
        scope.spawn(recognition);
        scope.spawn(holes);
        for (name, kind) in [
            ("wave", Kind::Wave),
            ("mp4", Kind::Mp4),
            ("matroska", Kind::Matroska),
            ("ogg", Kind::Ogg),
            ("mpeg_audio", Kind::Unknown),
            ("adts", Kind::Unknown),
            ("flac", Kind::Flac),
            ("aiff", Kind::General("aiff")),
            ("caf", Kind::General("caf")),
        ] {
            scope.spawn(move || target(name, kind));
        }
    });
}

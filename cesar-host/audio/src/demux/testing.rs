//! Helpers for the tests of demuxers.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Demuxer, Ending, Packet};
use crate::AudioError;
use crate::clock::frames;
use crate::decoder::PacketDecoder;

/// A function that opens a file as one container.
pub(crate) type Open = fn(&Path) -> Result<Option<Box<dyn Demuxer>>, AudioError>;

/// All output of a demuxer.
pub(crate) struct Drained {
    pub(crate) packets: Vec<Packet>,
    pub(crate) ending: Ending,
    /// That of the first track.
    pub(crate) declared_end: Option<i64>,
    pub(crate) container: &'static str,
}

/// Reads a file of this content to its end; `None` if it is not such a file.
pub(crate) fn drain(open: Open, content: &[u8]) -> Option<Drained> {
    let folder = tempfile::tempdir().unwrap();
    drain_file(open, &write(&folder, content))
}

/// Reads the file at `path` to its end.
pub(crate) fn drain_file(open: Open, path: &Path) -> Option<Drained> {
    let mut demuxer = open(path).unwrap()?;
    let declared_end = demuxer.tracks()[0].declared_end;
    demuxer.select(0);
    let mut packets = Vec::new();
    while let Some(packet) = demuxer.next().unwrap() {
        packets.push(packet);
    }
    Some(Drained {
        packets,
        ending: demuxer.ending(),
        declared_end,
        container: demuxer.container(),
    })
}

impl Drained {
    /// The losses, as messages.
    pub(crate) fn losses(&self) -> Vec<&str> {
        let lost = self.packets.iter().flat_map(|packet| packet.lost.iter());
        lost.map(|loss| loss.message.as_str()).collect()
    }

    /// The length of the losses, in milliseconds.
    pub(crate) fn lost_ms(&self) -> u64 {
        let lost = self.packets.iter().map(|packet| packet.lost.duration());
        frames(lost.sum(), 1000)
    }
}

/// Decodes all packets of a file of this content: interleaved samples, and the number of refused packets.
pub(crate) fn decode(open: Open, content: &[u8]) -> (Vec<f32>, usize) {
    decode_all(open, content, true)
}

/// Decodes all packets, trimmed or not. A refused packet is silence.
pub(crate) fn decode_all(open: Open, content: &[u8], is_trimmed: bool) -> (Vec<f32>, usize) {
    let folder = tempfile::tempdir().unwrap();
    let mut demuxer = open(&write(&folder, content)).unwrap().unwrap();
    let codec = demuxer.tracks()[0].codec.clone().unwrap();
    let mut decoder = PacketDecoder::new(&codec).unwrap();
    let (mut samples, mut refused, mut width) = (Vec::new(), 0, 1);
    while let Some(packet) = demuxer.next().unwrap() {
        if let Some(codec) = &packet.codec {
            decoder = PacketDecoder::new(codec).unwrap();
        }
        let mut decoded = Vec::new();
        match decoder.decode(&packet.data, packet.duration, &mut decoded) {
            Ok(stream) => width = usize::from(stream.channels),
            Err(_) => {
                refused += 1;
                let rate = codec.parameters.sample_rate.unwrap();
                decoded.resize(frames(packet.duration.unwrap(), rate) as usize * width, 0.0);
            }
        }
        if is_trimmed {
            decoded.truncate(decoded.len() - packet.discard as usize * width);
            decoded.drain(..packet.skip as usize * width);
        }
        samples.append(&mut decoded);
    }
    (samples, refused)
}

/// A file of this content.
pub(crate) fn write(folder: &TempDir, content: &[u8]) -> PathBuf {
    let path = folder.path().join("recording");
    fs::write(&path, content).unwrap();
    path
}

/// The content of a bundled recording.
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    fs::read(fixture_path(name)).unwrap()
}

/// A bundled recording.
pub(crate) fn fixture_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/fixtures")
        .join(name)
}

/// Flips bytes of `content` in many ways and reads it to the end each time; it only has to end without a panic.
pub(crate) fn survives_flips(open: Open, content: &[u8], rounds: usize) {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=rounds {
        let mut bytes = content.to_vec();
        for index in 0..round * 13 {
            let at = (index + 1) * 7_919 * round * round % bytes.len();
            bytes[at] ^= 1 << (index % 8);
        }
        // In every other round the beginning with the headers is hit, too.
        if round % 2 == 0 {
            let at = round * 7 % bytes.len().min(64);
            bytes[at] ^= 1 << (round / 2 % 8);
        }
        bytes.truncate(bytes.len() - round * 37 % bytes.len().max(1));
        drain_file(open, &write(&folder, &bytes));
    }
}

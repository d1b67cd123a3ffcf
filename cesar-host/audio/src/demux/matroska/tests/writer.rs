//! Writes Matroska, valid or invalid, element by element.

use super::super::ebml::id;

/// An element of known size.
pub(super) fn element(id: u32, body: &[u8]) -> Vec<u8> {
    sized(id, body.len() as u64, body)
}

/// An element with any declared size.
pub(super) fn sized(id: u32, size: u64, body: &[u8]) -> Vec<u8> {
    let size = match size {
        0..0x7F => vec![size as u8 | 0x80],
        size => (size | 1 << 56).to_be_bytes().to_vec(),
    };
    [name(id), size, body.to_vec()].concat()
}

/// An element of unknown size.
pub(super) fn unknown(id: u32, body: &[u8]) -> Vec<u8> {
    [
        name(id),
        vec![0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        body.to_vec(),
    ]
    .concat()
}

fn name(id: u32) -> Vec<u8> {
    let bytes = id.to_be_bytes();
    bytes[id.leading_zeros() as usize / 8..].to_vec()
}

pub(super) fn unsigned(id: u32, value: u64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

pub(super) fn float(id: u32, value: f64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

/// The header of the file.
pub(super) fn header() -> Vec<u8> {
    element(id::EBML, &element(id::DOC_TYPE, b"matroska"))
}

pub(super) fn segment(parts: &[Vec<u8>]) -> Vec<u8> {
    element(id::SEGMENT, &parts.concat())
}

/// The duration in ticks of a millisecond.
pub(super) fn info(duration: f64) -> Vec<u8> {
    // symphonia's reader requires the names of the writers.
    let writers = [element(0x4D80, b"test"), element(0x5741, b"test")].concat();
    element(id::INFO, &[float(id::DURATION, duration), writers].concat())
}

pub(super) fn tracks(entries: &[Vec<u8>]) -> Vec<u8> {
    element(id::TRACKS, &entries.concat())
}

/// A track of sound; `more` are further elements of the entry.
pub(super) fn audio(number: u64, codec: &str, rate: f64, bits: u64, more: &[Vec<u8>]) -> Vec<u8> {
    // A depth of 0 is omitted.
    let depth = match bits {
        0 => Vec::new(),
        bits => unsigned(id::BIT_DEPTH, bits),
    };
    let shape = [float(id::SAMPLING_FREQUENCY, rate), depth].concat();
    entry(number, 2, codec, &[more.concat(), element(id::AUDIO, &shape)])
}

/// PCM of 16 bits and 8 kHz.
pub(super) fn pcm(number: u64, more: &[Vec<u8>]) -> Vec<u8> {
    audio(number, "A_PCM/INT/LIT", 8000.0, 16, more)
}

pub(super) fn entry(number: u64, kind: u64, codec: &str, more: &[Vec<u8>]) -> Vec<u8> {
    let body = [
        unsigned(id::TRACK_NUMBER, number),
        unsigned(id::TRACK_UID, number + 100),
        unsigned(id::TRACK_TYPE, kind),
        element(id::CODEC_ID, codec.as_bytes()),
        more.concat(),
    ];
    element(id::TRACK_ENTRY, &body.concat())
}

/// The body of a cluster.
pub(super) fn cluster(time: u64, blocks: &[Vec<u8>]) -> Vec<u8> {
    [unsigned(id::TIMESTAMP, time), blocks.concat()].concat()
}

/// The body of a block.
pub(super) fn block(track: u8, time: i16, flags: u8, frames: &[u8]) -> Vec<u8> {
    [&[0x80 | track][..], &time.to_be_bytes(), &[flags], frames].concat()
}

pub(super) fn simple(track: u8, time: i16, frames: &[u8]) -> Vec<u8> {
    element(id::SIMPLE_BLOCK, &block(track, time, 0x80, frames))
}

pub(super) fn group(track: u8, time: i16, frames: &[u8], more: &[Vec<u8>]) -> Vec<u8> {
    let block = element(id::BLOCK, &block(track, time, 0, frames));
    element(id::BLOCK_GROUP, &[block, more.concat()].concat())
}

/// 20 ms of PCM of 8 kHz, unique for the index.
pub(super) fn sound(index: usize) -> Vec<u8> {
    (0..160_u16)
        .flat_map(|sample| (sample * 7 + index as u16 * 31).to_le_bytes())
        .collect()
}

/// A cluster's body with `count` packets of [`sound`], from the packet with this index on.
pub(super) fn sounds(first: usize, count: usize) -> Vec<u8> {
    let blocks: Vec<_> = (0..count)
        .map(|at| simple(1, at as i16 * 20, &sound(first + at)))
        .collect();
    cluster(first as u64 * 20, &blocks)
}

//! Tests of MP4. The files are written here, byte by byte; `interview.m4a` is the workspace's.

mod builder;
mod descriptions;
mod fragmented;
mod hostile;
mod plain;

use super::*;
use crate::demux::testing::{Drained, drain, write};
use builder::*;

/// Packets as (number of the content, time in microseconds, skip, discard).
fn shown(drained: &Drained) -> Vec<(u8, i64, u64, u64)> {
    let packets = drained.packets.iter();
    let shown = packets.map(|packet| {
        let skip = packet.skip.min(1024);
        (packet.data[0] - 1, packet.time.unwrap() / 1000, skip, packet.discard)
    });
    shown.collect()
}

fn numbers(drained: &Drained) -> Vec<u8> {
    drained.packets.iter().map(|packet| packet.data[0] - 1).collect()
}

fn read_all(bytes: &[u8]) -> Drained {
    drain(open, bytes).expect("it is MP4")
}

/// The result of opening a file of these bytes.
fn opened(bytes: &[u8]) -> Result<Option<Box<dyn Demuxer>>, AudioError> {
    let folder = tempfile::tempdir().unwrap();
    open(&write(&folder, bytes))
}

fn tracks_of(bytes: &[u8]) -> Vec<Track> {
    opened(bytes).unwrap().unwrap().tracks().to_vec()
}

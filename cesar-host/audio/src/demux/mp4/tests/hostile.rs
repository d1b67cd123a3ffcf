//! Files with false declarations.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::demux::testing::{fixture, survives_flips};

/// Reads any file.
fn survives(bytes: Vec<u8>) {
    let length = bytes.len();
    let Ok(Some(mut demuxer)) = read(Path::new("a.mp4"), Box::new(io::Cursor::new(bytes))) else {
        return;
    };
    let last = demuxer.tracks().len() - 1;
    demuxer.select(last);
    let mut packets = 0;
    while let Some(packet) = demuxer.next().unwrap() {
        packets += 1;
        assert!(packet.data.len() <= length && packets <= length);
    }
    let _ = demuxer.ending();
}

/// All kinds of files written here, one each.
fn kinds() -> Vec<Vec<u8>> {
    let edited = TrackFile {
        edits: vec![(100, 4_096), (50, -1), (100, 1_024), (0, 9_000)],
        groups: vec![1, 4, 1, 3, 2, 1],
        ..TrackFile::aac(30)
    };
    let frames = TrackFile::frames(
        entry_1(b"ima4", 22_050, 1, (64, 34), b""),
        (1, 6_400),
        vec![1; 3_400],
        640,
    );
    let fragments = Fragment::aac(4)
        .iter()
        .map(Fragment::bytes)
        .collect::<Vec<_>>()
        .concat();
    vec![
        file(&[edited.clone(), frames]),
        front(&[edited]),
        [fragmented(&[TrackFile::aac(0)]), fragments].concat(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn every_file_comes_to_an_end(
        kind in 0..3_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![Just(0_u8), Just(0xFF), any::<u8>()]), 0..12),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = kinds().swap_remove(kind);
        for (index, value) in changes {
            let at = index.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        survives(bytes);
    }

    #[test]
    fn every_number_may_be_any_number(kind in 0..3_usize, at in any::<prop::sample::Index>(), value in any::<u32>()) {
        let mut bytes = kinds().swap_remove(kind);
        let at = at.index(bytes.len() - 4);
        bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
        survives(bytes);
    }
}

#[test]
fn flipped_bits_never_panic() {
    survives_flips_of_index(&fixture("interview.m4a"));
}

/// Flips in the index matter most: it is moved to the front, with little sound behind it.
fn survives_flips_of_index(bytes: &[u8]) {
    let index = bytes.windows(4).position(|window| window == b"moov").unwrap() - 4;
    let small = [&bytes[..36], &bytes[index..], &bytes[36..20_000]].concat();
    let open = |path: &Path| match open(path) {
        Err(error @ AudioError::Unreadable { .. }) => Err(error),
        Err(_) => Ok(None),
        opened => opened,
    };
    survives_flips(open, &small, 100);
}

#[test]
fn claimed_numbers_cost_nothing() {
    let endless = TrackFile {
        constant_size: Some((1, u32::MAX)),
        groups: vec![1, u32::MAX, 1],
        durations: vec![u32::MAX, u32::MAX],
        edits: vec![(u32::MAX, 7), (1, -1), (u32::MAX, i32::MAX)],
        ..TrackFile::aac(5)
    };
    let run = full(b"trun", 0, 0, words(&[u32::MAX]));
    let header = full(b"tfhd", 0, 0x02_0000, words(&[1]));
    let moof = atom(b"moof", atom(b"traf", [header, run].concat()));
    let empty = [fragmented(&[TrackFile::aac(0)]), moof].concat();
    for bytes in [file(std::slice::from_ref(&endless)), front(&[endless]), empty] {
        let start = Instant::now();
        survives(bytes);
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }
}

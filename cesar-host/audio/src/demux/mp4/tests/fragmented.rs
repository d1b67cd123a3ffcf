//! Files with samples in fragments.

use super::*;
use crate::clock::nanoseconds;

fn with(fragments: &[Fragment]) -> Vec<u8> {
    let fragments = fragments.iter().map(Fragment::bytes).collect::<Vec<_>>();
    [fragmented(&[TrackFile::aac(0)]), fragments.concat()].concat()
}

fn times(drained: &Drained) -> Vec<i64> {
    drained.packets.iter().map(|packet| packet.time.unwrap()).collect()
}

/// The presentation time of packet `number`.
fn at(number: u64) -> i64 {
    nanoseconds(number * 1024, 48_000)
}

fn in_a_row(count: u64) -> Vec<i64> {
    (0..count).map(at).collect()
}

#[test]
fn fragments_follow_each_other() {
    let drained = read_all(&with(&Fragment::aac(5)));
    assert_eq!(numbers(&drained), (0..20).collect::<Vec<_>>());
    assert_eq!(times(&drained), in_a_row(20));
    assert_eq!(
        (drained.declared_end, drained.losses().len(), drained.ending),
        (None, 0, Ending::default())
    );
}

#[test]
fn times_that_browsers_leave_out_are_found() {
    for (time, duration) in [(true, None), (true, Some(0)), (false, Some(1024)), (false, None)] {
        let mut fragments = Fragment::aac(5);
        for fragment in &mut fragments {
            fragment.time = fragment.time.filter(|_| time);
            fragment.duration = duration;
        }
        let drained = read_all(&with(&fragments));
        assert_eq!(times(&drained), in_a_row(20), "{time} {duration:?}");
    }
}

#[test]
fn missing_fragments_are_a_gap() {
    let mut fragments = Fragment::aac(6);
    fragments.drain(2..4);
    let drained = read_all(&with(&fragments));
    assert_eq!(times(&drained)[8], at(16));
    assert_eq!(drained.losses(), ["2 fragments are missing"]);
    assert_eq!(drained.packets[8].lost[0].duration, None);
}

#[test]
fn a_live_stream_begins_at_zero() {
    let later = |fragments: &mut Vec<Fragment>, seconds: u32| {
        for fragment in fragments {
            fragment.time = fragment.time.map(|time| time + seconds * 48_000);
        }
    };
    let mut sound = Fragment::aac(3);
    later(&mut sound, 3_600);
    assert_eq!(times(&read_all(&with(&sound))), in_a_row(12));
    // Pictures that begin two seconds before the sound.
    let pictures = Fragment {
        track: 2,
        time: Some(3_598 * 48_000),
        ..Fragment::aac(1).remove(0)
    };
    let second = TrackFile {
        id: 2,
        ..TrackFile::aac(0)
    };
    let head = fragmented(&[TrackFile::aac(0), second]);
    let sound = sound.iter().map(Fragment::bytes).collect::<Vec<_>>().concat();
    let drained = read_all(&[head, pictures.bytes(), sound].concat());
    assert_eq!(times(&drained)[0], 2_000_000_000);
    assert_eq!(drained.packets.len(), 12);
}

#[test]
fn a_cut_file_gives_what_is_there() {
    let whole = with(&Fragment::aac(5));
    let last = Fragment::aac(5)[4].bytes().len();
    for cut in [1, 20, 50, last - 20] {
        let drained = read_all(&whole[..whole.len() - cut]);
        assert!(
            (16..20).contains(&drained.packets.len()),
            "{cut} {}",
            drained.packets.len()
        );
        assert!(drained.ending.is_cut, "{cut}");
    }
}

#[test]
fn junk_between_fragments_is_passed_over() {
    let fragments = Fragment::aac(5).iter().map(Fragment::bytes).collect::<Vec<_>>();
    let head = fragmented(&[TrackFile::aac(0)]);
    let junk = [0xA5_u8; 300];
    let bytes = [
        head,
        fragments[..2].concat(),
        junk.to_vec(),
        fragments[2..].concat(),
        vec![0; 99],
    ]
    .concat();
    let drained = read_all(&bytes);
    assert_eq!(times(&drained), in_a_row(20));
    assert_eq!(drained.losses(), ["300 bytes are no atoms of MP4"]);
}

#[test]
fn an_edit_list_leaves_the_delay_out() {
    let track = TrackFile {
        edits: vec![(0, 1024)],
        ..TrackFile::aac(0)
    };
    let fragments = Fragment::aac(3)
        .iter()
        .map(Fragment::bytes)
        .collect::<Vec<_>>()
        .concat();
    let drained = read_all(&[fragmented(&[track]), fragments].concat());
    let packets = shown(&drained);
    assert_eq!(packets[..2], [(0, 0, 1024, 0), (1, 0, 0, 0)]);
    assert_eq!(packets.len(), 12);
}

#[test]
fn data_without_a_place_lies_behind_that_of_the_track_before() {
    // Two tracks in a fragment, in the older form: no base, and only the first run has a position.
    let sizes = |samples: &[Vec<u8>]| samples.iter().map(|sample| sample.len() as u32).collect::<Vec<_>>();
    let (ours, theirs) = (
        (0..3).map(content).collect::<Vec<_>>(),
        (50..54).map(content).collect::<Vec<_>>(),
    );
    let moof = |offset: u32| {
        let header = |track| full(b"tfhd", 0, 8, words(&[track, 1024]));
        let first = full(b"trun", 0, 0x201, words(&[&[4, offset], &sizes(&theirs)[..]].concat()));
        let second = full(b"trun", 0, 0x200, words(&[&[3], &sizes(&ours)[..]].concat()));
        let tracks = [
            atom(b"traf", [header(2), first].concat()),
            atom(b"traf", [header(1), second].concat()),
        ];
        atom(b"moof", [full(b"mfhd", 0, 0, words(&[1])), tracks.concat()].concat())
    };
    let offset = moof(0).len() as u32 + 8;
    let data = atom(b"mdat", [theirs.concat(), ours.concat()].concat());
    let other = TrackFile {
        id: 2,
        ..TrackFile::aac(0)
    };
    let bytes = [fragmented(&[TrackFile::aac(0), other]), moof(offset), data].concat();
    let drained = read_all(&bytes);
    let data = drained
        .packets
        .iter()
        .map(|packet| packet.data.clone())
        .collect::<Vec<_>>();
    assert_eq!(data, ours);
    assert_eq!(times(&drained), in_a_row(3));
}

/// As in Smooth Streaming: fragments of two tracks in turn, with the durations of their samples, and no times.
#[test]
fn fragments_of_another_track_take_no_time() {
    let moof = |track: u32, samples: &[Vec<u8>], offset: u32| {
        let rows = samples.iter().flat_map(|sample| [1024, sample.len() as u32]);
        let rows: Vec<u32> = [samples.len() as u32, offset].into_iter().chain(rows).collect();
        let run = full(b"trun", 0, 0x301, words(&rows));
        let traf = atom(b"traf", [full(b"tfhd", 0, 0, words(&[track])), run].concat());
        atom(b"moof", [full(b"mfhd", 0, 0, words(&[0])), traf].concat())
    };
    let fragment = |track: u32, samples: &[Vec<u8>]| {
        let offset = moof(track, samples, 0).len() as u32 + 8;
        [moof(track, samples, offset), atom(b"mdat", samples.concat())].concat()
    };
    let samples: Vec<_> = (0..12).map(content).collect();
    let other: Vec<_> = (50..55).map(content).collect();
    let fragments = samples
        .chunks(4)
        .flat_map(|ours| [fragment(2, &other), fragment(1, ours)].concat());
    let tracks = [
        TrackFile::aac(0),
        TrackFile {
            id: 2,
            ..TrackFile::aac(0)
        },
    ];
    let drained = read_all(&[fragmented(&tracks), fragments.collect()].concat());
    assert_eq!(numbers(&drained), (0..12).collect::<Vec<_>>());
    assert_eq!(times(&drained), in_a_row(12));
}

#[test]
fn a_declared_length_is_believed() {
    let length = full(b"mehd", 0, 0, words(&[90_000]));
    let extends = atom(b"mvex", [length, full(b"trex", 0, 0, words(&[1, 1, 0, 0, 0]))].concat());
    let head = [ftyp(), moov(&[TrackFile::aac(0)], &[0], &extends)].concat();
    let drained = read_all(&[head, Fragment::aac(1)[0].bytes()].concat());
    assert_eq!(drained.declared_end, Some(90_000_000_000));
}

#[test]
fn fragments_that_were_destroyed_at_the_end_are_reported() {
    let whole = with(&Fragment::aac(6));
    let junk: Vec<u8> = (0..3_000_u32).map(|index| (index * 73 + 11) as u8 | 1).collect();
    let lost = "3000 bytes are no atoms of MP4";
    for (behind, expected) in [
        (junk.clone(), vec![lost]),
        (vec![0; 3_000], vec![]),
        // The index of fragments is the last atom.
        ([atom(b"mfra", b""), junk].concat(), vec![]),
    ] {
        let drained = read_all(&[&whole[..], &behind].concat());
        let messages: Vec<_> = drained.ending.lost.iter().map(|loss| loss.message.as_str()).collect();
        assert_eq!((drained.packets.len(), messages), (24, expected));
    }
}

#[test]
fn a_fragment_that_was_stored_twice_is_played_once() {
    let fragments = Fragment::aac(5).iter().map(Fragment::bytes).collect::<Vec<_>>();
    let head = fragmented(&[TrackFile::aac(0)]);
    let order = [0, 1, 1, 1, 2, 3, 4, 4].map(|index: usize| fragments[index].clone());
    let drained = read_all(&[head.clone(), order.concat()].concat());
    assert_eq!(times(&drained), in_a_row(20));
    assert_eq!(numbers(&drained), (0..20).collect::<Vec<_>>());
    // Other sound with the same number is no repetition.
    let mut other = fragments[1].clone();
    let last = other.len() - 1;
    other[last] ^= 1;
    let drained = read_all(&[head, fragments[..2].concat(), other, fragments[2..].concat()].concat());
    assert_eq!(drained.packets.len(), 24);
}

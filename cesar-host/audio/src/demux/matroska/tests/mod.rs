//! Matroska files, valid and invalid.

mod codecs;
mod damage;
mod timing;
mod writer;

use super::super::Losses;
use super::super::testing::{Drained, drain};
use super::ebml::id;
use super::open;
use writer::*;

const MS: i64 = 1_000_000;

fn read(content: &[u8]) -> Drained {
    drain(open, content).expect("it is Matroska")
}

/// Indices of the packets of [`sound`] and their times in milliseconds.
fn sounds_of(drained: &Drained) -> Vec<(usize, Option<i64>)> {
    let index = |data: &[u8]| {
        (0..4096)
            .find(|index| data == sound(*index))
            .expect("it is a packet of sound")
    };
    let packets = drained.packets.iter();
    packets
        .map(|packet| (index(&packet.data), packet.time.map(|time| time / MS)))
        .collect()
}

fn expected(indices: impl Iterator<Item = usize>) -> Vec<(usize, Option<i64>)> {
    indices.map(|index| (index, Some(index as i64 * 20))).collect()
}

/// Three clusters of five packets.
fn plain_parts() -> Vec<Vec<u8>> {
    let clusters = (0..3).map(|index| element(id::CLUSTER, &sounds(index * 5, 5)));
    [info(300.0), tracks(&[pcm(1, &[])])]
        .into_iter()
        .chain(clusters)
        .collect()
}

#[test]
fn blocks_become_packets_at_their_times() {
    let drained = read(&[header(), segment(&plain_parts())].concat());
    assert_eq!(drained.container, "matroska");
    assert_eq!(sounds_of(&drained), expected(0..15));
    assert_eq!(drained.packets[3].duration, Some(20 * MS));
    assert_eq!(drained.declared_end, Some(300 * MS));
    assert_eq!(
        (drained.losses().len(), drained.ending.is_cut, &drained.ending.lost),
        (0, false, &Losses::default())
    );
    assert_eq!(drained.ending.promised_end, Some(0), "the promise is kept");
}

#[test]
fn sizes_may_be_unknown() {
    let parts = [
        element(id::INFO, &unsigned(id::TIMESTAMP_SCALE, 1_000_000)),
        tracks(&[pcm(1, &[])]),
        unknown(id::CLUSTER, &sounds(0, 5)),
        unknown(id::CLUSTER, &sounds(5, 5)),
        element(id::CUES, &[0; 20]),
        unknown(id::CLUSTER, &sounds(10, 5)),
    ];
    for one_byte in [false, true] {
        let mut content = [header(), unknown(id::SEGMENT, &parts.concat())].concat();
        if one_byte {
            let at = header().len() + 4;
            content.splice(at..at + 8, [0xFF]);
        }
        let drained = read(&content);
        assert_eq!(sounds_of(&drained), expected(0..15));
        assert_eq!((drained.declared_end, &drained.ending), (None, &Default::default()));
    }
}

#[test]
fn laced_frames_are_taken_apart_and_only_the_first_has_a_time() {
    let frames: Vec<_> = (0..3).map(sound).collect();
    let length = frames[0].len();
    let xiph = [2, 255, (length - 255) as u8, 255, (length - 255) as u8];
    let ebml = [2, 0x40 | (length >> 8) as u8, length as u8, 0xBF];
    for (flags, head) in [(0x02, &xiph[..]), (0x04, &[2]), (0x06, &ebml)] {
        let block = block(1, 0, flags, &[head, &frames.concat()].concat());
        let cluster = cluster(40, &[simple(1, -40, &sound(9)), element(id::SIMPLE_BLOCK, &block)]);
        let parts = [tracks(&[pcm(1, &[])]), element(id::CLUSTER, &cluster)];
        let drained = read(&[header(), segment(&parts)].concat());
        let times = [(9, Some(0)), (0, Some(40)), (1, None), (2, None)];
        assert_eq!(sounds_of(&drained), times, "{flags}");
        assert_eq!(drained.packets[3].duration, Some(20 * MS));
    }
}

#[test]
fn tracks_have_the_names_and_flags_of_the_standard() {
    let text = |id: u32, text: &str| element(id, text.as_bytes());
    let content = [
        header(),
        segment(&[tracks(&[
            entry(1, 1, "V_VP9", &[]),
            pcm(2, &[text(id::NAME, "Desktop"), unsigned(id::FLAG_DEFAULT, 0)]),
            pcm(3, &[text(id::LANGUAGE, "ger"), text(id::LANGUAGE_BCP47, "de-CH")]),
            pcm(4, &[text(id::LANGUAGE, "und"), unsigned(id::FLAG_ENABLED, 0)]),
            entry(5, 17, "S_TEXT/UTF8", &[]),
            audio(6, "A_TRUEHD", 48_000.0, 24, &[]),
        ])]),
    ]
    .concat();
    let folder = tempfile::tempdir().unwrap();
    let demuxer = open(&super::super::testing::write(&folder, &content)).unwrap().unwrap();
    let tracks = demuxer.tracks().iter().map(|track| {
        let title = track.title.as_deref();
        (
            track.id,
            title,
            track.language.as_deref(),
            track.is_default,
            track.codec.is_some(),
        )
    });
    let expected = [
        (2, Some("Desktop"), Some("eng"), false, true),
        (3, None, Some("de-CH"), true, true),
        (4, None, None, false, true),
        (6, None, Some("eng"), true, false),
    ];
    assert_eq!(tracks.collect::<Vec<_>>(), expected);
    assert_eq!(demuxer.tracks()[3].codec_name, "A_TRUEHD");
}

#[test]
fn the_chosen_track_alone_is_read() {
    let both = |time: i16, index: usize| {
        [
            simple(2, time, &sound(index)),
            simple(1, time, b"picture"),
            simple(3, time, &sound(index + 1)),
        ]
    };
    let blocks: Vec<_> = both(0, 0).into_iter().chain(both(20, 2)).collect();
    let parts = [
        tracks(&[entry(1, 1, "V_VP9", &[]), pcm(2, &[]), pcm(3, &[])]),
        element(id::CLUSTER, &cluster(0, &blocks)),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = super::super::testing::write(&folder, &[header(), segment(&parts)].concat());
    for (index, expected) in [[0, 2], [1, 3]].into_iter().enumerate() {
        let mut demuxer = open(&path).unwrap().unwrap();
        demuxer.select(index);
        let payloads: Vec<_> = std::iter::from_fn(|| demuxer.next().unwrap())
            .map(|packet| packet.data)
            .collect();
        assert_eq!(payloads, expected.map(sound));
    }
}

#[test]
fn files_without_a_recording_are_refused_with_the_reason() {
    let open = |content: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        let opened = open(&super::super::testing::write(&folder, content));
        opened
            .map(|demuxer| demuxer.is_some())
            .map_err(|error| error.to_string())
    };
    assert_eq!(open(b"OggS and so on"), Ok(false));
    assert_eq!(open(b""), Ok(false));
    assert_eq!(open(&element(id::EBML, &element(id::DOC_TYPE, b"other"))), Ok(false));
    let film = [header(), segment(&[tracks(&[entry(1, 1, "V_VP9", &[])])])].concat();
    assert!(open(&film).unwrap_err().contains("has no audio track"));
    let empty = [header(), segment(&[info(10.0)])].concat();
    assert!(open(&empty).unwrap_err().contains("list of tracks is missing"));
}

/// The tracks are behind the clusters, and the index leads to them.
#[test]
fn tracks_behind_the_clusters_are_found() {
    let cluster = element(id::CLUSTER, &sounds(0, 5));
    let seek = |place: u64| {
        let seek = [
            element(id::SEEK_ID, &id::TRACKS.to_be_bytes()),
            unsigned(id::SEEK_POSITION, place),
        ]
        .concat();
        element(id::SEEK_HEAD, &element(id::SEEK, &seek))
    };
    let place = (seek(0).len() + cluster.len()) as u64;
    let drained = read(&[header(), segment(&[seek(place), cluster, tracks(&[pcm(1, &[])])])].concat());
    assert_eq!(sounds_of(&drained), expected(0..5));
}

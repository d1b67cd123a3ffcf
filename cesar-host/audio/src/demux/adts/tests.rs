//! ADTS streams from radio stations, cameras and interrupted downloads.

use super::super::testing::{Drained, decode, drain, survives_flips};
use super::open;
use crate::clock::SECOND;

/// A frame of AAC-LC whose sound is one silent element: rates by number (4 is 44.1 kHz, 8 is 16 kHz), one or two channels.
fn frame(rate: u8, channels: u8) -> Vec<u8> {
    // Element (one channel or a pair with a common window), nothing in it, end.
    let sound: &[u8] = if channels == 1 {
        &[0, 0, 0, 7]
    } else {
        &[0x20, 0, 0, 0, 0, 0, 0x0E]
    };
    let length = 7 + sound.len();
    let mut frame = vec![
        0xFF,
        0xF1,
        1 << 6 | rate << 2 | channels >> 2,
        (channels & 3) << 6 | (length >> 11) as u8,
        (length >> 3) as u8,
        (length << 5) as u8 | 0x1F,
        0xFC,
    ];
    frame.extend(sound);
    frame
}

fn frames(rate: u8, channels: u8, count: usize) -> Vec<u8> {
    frame(rate, channels).repeat(count)
}

fn read(content: &[u8]) -> Drained {
    drain(open, content).expect("it is ADTS")
}

#[test]
fn frames_follow_each_other() {
    let drained = read(&frames(8, 1, 125));
    assert_eq!((drained.packets.len(), drained.declared_end), (125, Some(8 * SECOND)));
    assert_eq!((drained.losses().len(), drained.ending.is_cut), (0, false));
    assert_eq!(drained.packets[0].data, &frame(8, 1)[7..]);
}

#[test]
fn tags_and_the_rest_of_a_frame_may_be_in_front() {
    let frames = frames(4, 2, 50);
    for (name, content) in [
        ("a tag", [b"ID3\x04\0\0\0\0\0\x05hello".as_slice(), &frames].concat()),
        (
            "the time of HLS",
            [
                b"ID3\x04\0\0\0\0\0\x05hello".as_slice(),
                &frames[..],
                b"ID3\x04\0\0\0\0\0\x05hello",
                &frames[..],
            ]
            .concat(),
        ),
        ("half a frame", [&frames[9..15], &frames[..]].concat()),
    ] {
        let drained = read(&content);
        assert_eq!(drained.packets.len() % 50, 0, "{name}");
        assert!(drained.losses().is_empty(), "{name}");
    }
}

#[test]
fn a_hole_is_lost_sound_of_its_length() {
    let mut content = frames(8, 1, 200);
    let length = frame(8, 1).len();
    content[100 * length..110 * length].fill(0);
    let drained = read(&content);
    assert_eq!(drained.packets.len(), 190);
    assert_eq!(drained.losses(), [format!("{} bytes are no ADTS frames", 10 * length)]);
    assert_eq!(drained.lost_ms(), 640);
}

#[test]
fn rate_and_channels_may_change() {
    let content = [frames(4, 1, 20), frames(8, 2, 20), frames(4, 1, 20)].concat();
    let drained = read(&content);
    let changes = drained.packets.iter().enumerate().filter_map(|(index, packet)| {
        let parameters = &packet.codec.as_ref()?.parameters;
        Some((
            index,
            parameters.sample_rate.unwrap(),
            parameters.channels.as_ref().unwrap().count(),
        ))
    });
    assert_eq!(changes.collect::<Vec<_>>(), [(20, 16_000, 2), (40, 44_100, 1)]);
    assert_eq!(drained.declared_end, None);
    let (samples, refused) = decode(open, &content);
    assert_eq!((samples.len(), refused), (1024 * (20 + 40 + 20), 0));
}

#[test]
fn a_cut_frame_is_a_cut() {
    let content = frames(8, 1, 30);
    let drained = read(&content[..content.len() - 2]);
    assert_eq!((drained.packets.len(), drained.ending.is_cut), (29, true));
}

#[test]
fn streams_that_symphonia_cannot_decode_are_refused() {
    let codec = |content: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        let demuxer = open(&super::super::testing::write(&folder, content)).unwrap().unwrap();
        demuxer.tracks()[0].codec.is_some()
    };
    assert!(codec(&frames(4, 2, 20)));
    assert!(!codec(&frames(4, 6, 20)));
    let several = frame(4, 2)
        .iter()
        .enumerate()
        .map(|(index, byte)| if index == 6 { byte | 1 } else { *byte })
        .collect::<Vec<_>>();
    assert!(!codec(&several.repeat(20)));
}

#[test]
fn other_streams_are_no_adts() {
    for content in [
        b"Four score and seven years ago".repeat(100).as_slice(),
        &[0xFF; 2000],
        &[0; 2000],
        b"",
        &frame(4, 2)[..8],
        &super::super::testing::fixture("harbour.mp3"),
        &[&frames(4, 1, 3)[..], &[9; 400]].concat().repeat(50),
    ] {
        assert!(
            drain(open, content).is_none(),
            "{:x?}",
            &content[..content.len().min(8)]
        );
    }
}

#[test]
fn damage_never_panics() {
    survives_flips(open, &frames(4, 2, 300), 60);
    survives_flips(open, &[frames(4, 1, 20), frames(8, 2, 20)].concat(), 60);
}

#[test]
fn a_destroyed_beginning_has_the_length_of_the_frames_in_its_place() {
    let frames = frames(4, 2, 20_000);
    let lost = frames.len() / 10;
    let far = |path: &std::path::Path| super::open_within(path, super::Reach::Far);
    for fill in [0, 0xA5] {
        let content = [vec![fill; lost], frames[lost..].to_vec()].concat();
        let drained = drain(far, &content).expect("it is ADTS");
        assert_eq!(drained.losses().len(), 1, "{fill}");
        let ms = 2_000 * 1_024 * 1_000 / 44_100;
        assert!(drained.lost_ms().abs_diff(ms) < 50, "{fill} {}", drained.lost_ms());
        assert!(drained.packets.len() >= 17_999, "{fill}");
        assert_eq!(drained.declared_end, None);
    }
    // Padding behind a tag.
    let tagged = [b"ID3\x04\0\0\0\0\0\x05hello".as_slice(), &[0; 20_000], &frames].concat();
    assert_eq!(drain(open, &tagged).unwrap().losses().len(), 0);
    // More than half of it is unknown.
    let content = [vec![0xA5; frames.len() + 10], frames].concat();
    assert!(drain(far, &content).is_none());
}

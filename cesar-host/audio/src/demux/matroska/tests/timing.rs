//! Presentation times, and trimming.

use super::*;

/// A packet of Opus: 20 ms, and a number.
fn opus(number: u8) -> Vec<u8> {
    vec![0xFC, number]
}

fn opus_head(pre_skip: u16) -> Vec<u8> {
    let head = [
        b"OpusHead\x01\x01".as_slice(),
        &pre_skip.to_le_bytes(),
        b"\x80\xbb\0\0\0\0\0",
    ]
    .concat();
    element(id::CODEC_PRIVATE, &head)
}

fn opus_track(pre_skip: u16, delay: u64) -> Vec<u8> {
    audio(
        1,
        "A_OPUS",
        48_000.0,
        0,
        &[opus_head(pre_skip), unsigned(id::CODEC_DELAY, delay)],
    )
}

fn file(entries: &[Vec<u8>], clusters: &[Vec<u8>]) -> Vec<u8> {
    let clusters = clusters.iter().map(|cluster| element(id::CLUSTER, cluster));
    let parts: Vec<_> = std::iter::once(tracks(entries)).chain(clusters).collect();
    [header(), segment(&parts)].concat()
}

fn trims(drained: &Drained) -> Vec<(u64, u64)> {
    drained
        .packets
        .iter()
        .map(|packet| (packet.skip, packet.discard))
        .collect()
}

fn times(drained: &Drained) -> Vec<i64> {
    drained.packets.iter().map(|packet| packet.time.unwrap() / MS).collect()
}

#[test]
fn the_pre_skip_of_opus_is_dropped_from_as_many_packets_as_it_takes() {
    // 312 frames are 6.5 ms, 2312 are more than two packets.
    for (pre_skip, delay, skips, expected) in [
        (312, 6_500_000, [312, 0, 0], [0, 13, 33]),
        (2312, 48_166_667, [960, 960, 392], [-28, -8, 0]),
        // Without a delay in the container times begin behind the pre-skip, as in ffmpeg.
        (312, 0, [312, 0, 0], [0, 13, 33]),
    ] {
        let blocks = [0, 1, 2].map(|index| simple(1, index * 20, &opus(index as u8)));
        let drained = read(&file(&[opus_track(pre_skip, delay)], &[cluster(0, &blocks)]));
        assert_eq!(trims(&drained), skips.map(|skip| (skip, 0)));
        assert_eq!(times(&drained), expected, "{pre_skip} {delay}");
    }
}

/// Erased bytes state 120 ms, an error page in place of a download any length.
#[test]
fn opus_packets_of_a_damaged_length_move_nothing() {
    let packets = [
        opus(0),
        opus(1),
        vec![0xFF; 9],
        vec![0xFF; 9],
        b"<!DOCTYPE".to_vec(),
        vec![0; 9],
        opus(6),
    ];
    let blocks = (0_i16..).zip(&packets).map(|(index, data)| simple(1, 20 * index, data));
    let blocks: Vec<_> = blocks.collect();
    let drained = read(&file(&[opus_track(0, 0)], &[cluster(0, &blocks)]));
    assert_eq!(times(&drained), [0, 20, 120]);
    assert_eq!(
        drained.losses(),
        ["damaged packets (they are not as long as the file says)"]
    );
    assert_eq!(drained.lost_ms(), 80);
    // A recorder leaves packets of silence out, and a clock is inexact.
    let blocks = [0, 20, 41, 3000, 3019].map(|time| simple(1, time, &opus(0)));
    let drained = read(&file(&[opus_track(0, 0)], &[cluster(0, &blocks)]));
    assert_eq!(times(&drained), [0, 20, 41, 3000, 3019]);
    assert_eq!(drained.losses().len(), 0);
}

#[test]
fn padding_is_dropped_from_the_end_or_the_beginning() {
    let group = |time: i16, padding: i64| {
        group(
            1,
            time,
            &opus(0),
            &[element(id::DISCARD_PADDING, &padding.to_be_bytes())],
        )
    };
    let blocks = [
        group(0, 0),
        group(20, 13_500_000),
        group(40, -5_000_000),
        group(60, i64::MAX),
        group(80, i64::MIN),
    ];
    let drained = read(&file(&[opus_track(0, 0)], &[cluster(0, &blocks)]));
    assert_eq!(trims(&drained), [(0, 0), (0, 648), (240, 0), (0, 960), (960, 0)]);
    assert_eq!(times(&drained)[2], 45, "what is dropped in front is not presented");
}

/// Times are rounded to milliseconds, and encoders put whole packets in front.
#[test]
fn encoder_delay_before_0_is_skipped() {
    let aac = |rate: f64| {
        let config = if rate == 48_000.0 { [0x11, 0x88] } else { [0x12, 0x08] };
        audio(1, "A_AAC", rate, 0, &[element(id::CODEC_PRIVATE, &config)])
    };
    for (rate, first, skip) in [
        (48_000.0, -21, 1024),
        (44_100.0, -23, 1024),
        (48_000.0, -10, 480),
        (48_000.0, 0, 0),
    ] {
        let blocks = [simple(1, first, b"aa"), simple(1, first + 21, b"bb")];
        let drained = read(&file(&[aac(rate)], &[cluster(0, &blocks)]));
        assert_eq!(trims(&drained), [(skip, 0), (0, 0)], "{rate} {first}");
        assert!(times(&drained)[0].abs() <= 1);
    }
    // The container has the exact value.
    let delay = unsigned(id::CODEC_DELAY, 20_000_000);
    let drained = read(&file(&[pcm(1, &[delay])], &[sounds(0, 3)]));
    assert_eq!(trims(&drained), [(160, 0), (0, 0), (0, 0)]);
    assert_eq!(times(&drained), [0, 0, 20]);
}

#[test]
fn a_track_that_begins_late_begins_late() {
    let picture = |time: i16| simple(2, time, b"picture");
    let blocks = [
        picture(0),
        picture(2000),
        picture(4000),
        simple(1, 5000, &sound(0)),
        simple(1, 5020, &sound(1)),
    ];
    let entries = [pcm(1, &[]), entry(2, 1, "V_VP9", &[])];
    assert_eq!(times(&read(&file(&entries, &[cluster(0, &blocks)]))), [5000, 5020]);
}

#[test]
fn a_recording_begins_with_the_earliest_of_its_tracks() {
    const THREE_HOURS: u64 = 3 * 3600 * 1000;
    let entries = [pcm(1, &[]), entry(2, 1, "V_VP9", &[]), entry(3, 17, "S_TEXT/UTF8", &[])];
    let subtitle = simple(3, -300, b"a text");
    for (picture, expected) in [(0, [40, 60]), (-100, [140, 160]), (100, [0, 20])] {
        let blocks = [
            subtitle.clone(),
            simple(1, 40, &sound(0)),
            simple(2, picture, b"picture"),
            simple(1, 60, &sound(1)),
        ];
        let drained = read(&file(&entries, &[cluster(THREE_HOURS, &blocks)]));
        assert_eq!(times(&drained), expected, "{picture}");
    }
    let drained = read(&file(
        &entries[..1],
        &[cluster(THREE_HOURS, &[simple(1, 0, &sound(0))])],
    ));
    assert_eq!(times(&drained), [0], "alone");
}

#[test]
fn times_that_jump_are_given_as_they_are() {
    let drained = read(&file(&[pcm(1, &[])], &[sounds(0, 3), sounds(503, 2)]));
    assert_eq!(times(&drained), [0, 20, 40, 10_060, 10_080]);
    assert_eq!(drained.losses().len(), 0, "nothing that was there is lost");
}

#[test]
fn ticks_are_as_long_as_the_file_says() {
    let scale = element(
        id::INFO,
        &[unsigned(id::TIMESTAMP_SCALE, 20_833), float(id::DURATION, 4_800.0)].concat(),
    );
    let parts = [
        scale,
        tracks(&[pcm(1, &[])]),
        element(
            id::CLUSTER,
            &cluster(0, &[simple(1, 0, &sound(0)), simple(1, 960, &sound(1))]),
        ),
    ];
    let drained = read(&[header(), segment(&parts)].concat());
    assert_eq!(drained.packets[1].time, Some(960 * 20_833));
    assert_eq!(drained.declared_end, Some(4_800 * 20_833));
}

/// The statistics of a track, in front of the clusters or behind them.
#[test]
fn statistics_declare_the_end_of_a_track() {
    let tags = |end: &str| {
        let simple = [
            element(id::TAG_NAME, b"DURATION"),
            element(id::TAG_STRING, end.as_bytes()),
        ]
        .concat();
        let targets = element(id::TARGETS, &unsigned(id::TAG_TRACK_UID, 101));
        element(
            id::TAGS,
            &element(id::TAG, &[targets, element(id::SIMPLE_TAG, &simple)].concat()),
        )
    };
    let entries = || tracks(&[pcm(1, &[]), entry(2, 1, "V_VP9", &[])]);
    let sound = || element(id::CLUSTER, &sounds(0, 5));
    for (end, declared) in [
        ("00:00:04.500000000", Some(4_500)),
        ("00:00:00.100000000\0\0", Some(100)),
        ("01:00:00.0", None),
        ("nonsense", None),
    ] {
        let in_front = read(&[header(), segment(&[info(5000.0), entries(), tags(end), sound()])].concat());
        assert_eq!(in_front.declared_end, declared.map(|end| end * MS), "{end}");
        let seek = |place: u64| {
            let seek = [
                element(id::SEEK_ID, &id::TAGS.to_be_bytes()),
                unsigned(id::SEEK_POSITION, place),
            ]
            .concat();
            element(id::SEEK_HEAD, &element(id::SEEK, &seek))
        };
        let place = seek(0).len() + info(0.0).len() + entries().len() + sound().len();
        let parts = [seek(place as u64), info(5000.0), entries(), sound(), tags(end)];
        let behind = read(&[header(), segment(&parts)].concat());
        assert_eq!(behind.declared_end, declared.map(|end| end * MS), "{end}");
    }
    // Five packets are the 100 ms that are declared.
    let drained = read(
        &[
            header(),
            segment(&[info(5000.0), entries(), tags("00:00:00.1"), sound()]),
        ]
        .concat(),
    );
    assert_eq!(drained.ending.promised_end, Some(0));
    let no_duration = read(&[header(), segment(&[entries(), tags("00:00:04.5"), sound()])].concat());
    assert_eq!(no_duration.declared_end, None, "a live recording declares nothing");
}

//! Files with their tables in `moov`.

use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

use super::*;
use crate::clock::nanoseconds;
use crate::demux::testing::{drain_file, fixture, fixture_path};

/// Microseconds at which AAC packet `number` is decoded.
fn at(number: u64) -> i64 {
    nanoseconds(number * 1024, 48_000) / 1000
}

fn symphonia_reader() -> Box<dyn FormatReader> {
    let file = File::open(fixture_path("interview.m4a")).unwrap();
    let stream = MediaSourceStream::new(Box::new(file), Default::default());
    let mut hint = Hint::new();
    hint.with_extension("m4a");
    symphonia::default::get_probe()
        .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
        .unwrap()
}

#[test]
fn packets_are_those_of_symphonia() {
    let drained = drain_file(open, &fixture_path("interview.m4a")).unwrap();
    let mut reader = symphonia_reader();
    let mut theirs = Vec::new();
    while let Some(packet) = reader.next_packet().unwrap() {
        theirs.push(packet.data.into_vec());
    }
    let ours = drained
        .packets
        .iter()
        .map(|packet| packet.data.clone())
        .collect::<Vec<_>>();
    // The last is behind the end of the edit list.
    assert!(theirs.len() - ours.len() <= 1, "{} {}", theirs.len(), ours.len());
    assert_eq!(ours, theirs[..ours.len()]);
    // The encoder's delay, which the edit list omits.
    assert_eq!(
        drained.packets.iter().map(|packet| packet.skip.min(1024)).sum::<u64>(),
        1024
    );
    assert_eq!((drained.losses().len(), drained.ending), (0, Ending::default()));
    let end = drained.declared_end.unwrap();
    let last = drained.packets.last().unwrap();
    assert!(
        (last.time.unwrap()..=last.time.unwrap() + last.duration.unwrap()).contains(&end),
        "{end} {last:?}"
    );
}

#[test]
fn edits_say_what_is_played_when() {
    let all = |time: i64, first: u64, range: std::ops::Range<u64>| {
        range
            .map(move |number| (number as u8, time + at(number - first), 0, 0))
            .collect::<Vec<_>>()
    };
    let early =
        |time: i64, numbers: std::ops::Range<u8>| numbers.map(|number| (number, time, 1024, 0)).collect::<Vec<_>>();
    let behind = |tick: u64, range: std::ops::Range<u64>| {
        let time = |number: u64| nanoseconds(number * 1024 - tick, 48_000) / 1000;
        range
            .map(|number| (number as u8, time(number), 0, 0))
            .collect::<Vec<_>>()
    };
    // 96 packets are 2,048 ms, one is 21.3 ms.
    for (name, edits, expected) in [
        ("none", vec![], all(0, 0, 0..96)),
        (
            "a delay of two packets",
            vec![(0, 2048)],
            [early(0, 0..2), all(0, 2, 2..96)].concat(),
        ),
        ("late", vec![(5_000, -1), (2_048, 0)], all(5_000_000, 0, 0..96)),
        ("late and unending", vec![(5_000, -1), (0, 0)], all(5_000_000, 0, 0..96)),
        ("only late", vec![(5_000, -1)], all(5_000_000, 0, 0..96)),
        ("the first second", vec![(1_000, 0)], all(0, 0, 0..47)),
        ("joined", vec![(1_024, 0), (1_024, 49_152)], all(0, 0, 0..96)),
        (
            "packets 60 and on first, then 30 and on, each for two packets and a half, with a pause",
            vec![(53, 61_440), (100, -1), (53, 30_720)],
            [
                early(0, 50..60),
                vec![(60, 0, 0, 0), (61, 21_333, 0, 0), (62, 42_666, 0, 528)],
                early(153_000, 20..30),
                vec![(30, 153_000, 0, 0), (31, 174_333, 0, 0), (32, 195_666, 0, 528)],
            ]
            .concat(),
        ),
        (
            "from within a packet",
            vec![(1_900, 9_728)],
            // Tick 9,728 is the middle of packet 9; 9,600 ticks before it is packet 0.
            [early(0, 0..9), vec![(9, 0, 512, 0)], behind(9_728, 10..96)].concat(),
        ),
    ] {
        let track = TrackFile {
            edits,
            ..TrackFile::aac(96)
        };
        let drained = read_all(&file(&[track]));
        assert_eq!(shown(&drained), expected, "{name}");
        assert!(!drained.ending.is_cut, "{name}");
    }
}

#[test]
fn a_long_delta_is_a_gap() {
    let track = TrackFile {
        durations: vec![9, 1024, 1, 481_024, 10, 1024],
        ..TrackFile::aac(20)
    };
    let drained = read_all(&file(&[track]));
    let times = shown(&drained).iter().map(|packet| packet.1).collect::<Vec<_>>();
    assert_eq!(times[9..11], [at(9), at(10) + 10_000_000]);
    assert_eq!(drained.declared_end, Some(nanoseconds(20 * 1024 + 480_000, 48_000)));
    assert!(
        drained.packets[9].duration.unwrap() < 22_000_000,
        "the gap is not part of the packet"
    );
}

#[test]
fn chunks_lie_anywhere() {
    let plain = shown(&read_all(&file(&[TrackFile::aac(50)])));
    assert_eq!(plain.len(), 50);
    for (is_reversed, has_long_offsets, groups) in [
        (true, false, vec![1, 4, 1]),
        (false, true, vec![1, 50, 1]),
        (true, true, vec![1, 1, 1, 3, 7, 1, 5, 2, 1]),
    ] {
        let track = TrackFile {
            is_reversed,
            has_long_offsets,
            groups,
            edits: vec![(5_000, 0)],
            ..TrackFile::aac(50)
        };
        assert_eq!(
            shown(&read_all(&front(std::slice::from_ref(&track)))),
            plain,
            "{track:?}"
        );
        let video = TrackFile {
            id: 7,
            ..TrackFile::aac(9)
        };
        assert_eq!(shown(&read_all(&file(&[track, video]))), plain);
    }
}

#[test]
fn junk_behind_the_last_atom_is_left_out() {
    for whole in [file(&[TrackFile::aac(20)]), front(&[TrackFile::aac(20)])] {
        for junk in [
            &b"abc"[..],
            &[0; 4096],
            &[0xA5; 5000],
            b"\x40\0\0\0wxyz and so on",
            b"\0\0\0\0\0\0\0\x01",
            &atom(b"XYZW", [7; 30]),
        ] {
            let drained = read_all(&[&whole, junk].concat());
            assert_eq!(numbers(&drained).len(), 20, "{:?}", &junk[..3]);
            assert_eq!((drained.losses().len(), drained.ending.is_cut), (0, false));
        }
    }
}

#[test]
fn the_size_of_the_media_may_be_open_or_long() {
    let track = [TrackFile::aac(20)];
    let plain = shown(&read_all(&file(&track)));
    let patched = |bytes: &mut Vec<u8>, size: u32| {
        let media = bytes.windows(4).position(|window| window == b"mdat").unwrap();
        bytes[media - 4..media].copy_from_slice(&size.to_be_bytes());
    };
    for (mut bytes, size) in [
        (front(&track), 0),
        (file(&track), 0),
        // A recorder that crashed before it wrote the size.
        (file(&track), 8),
        (front(&track), 0x7FFF_FFFF),
    ] {
        patched(&mut bytes, size);
        assert_eq!(shown(&read_all(&bytes)), plain, "{size}");
    }
    // A size of 64 bits; QuickTime's placeholder for one.
    let head = [ftyp(), vec![0, 0, 0, 8], b"wide".to_vec()].concat();
    assert_eq!(shown(&read_all(&file_with(&head, &track, &[]))), plain);
    let media = file(&track);
    let (start, end) = (
        ftyp().len(),
        media.windows(4).position(|window| window == b"moov").unwrap() - 4,
    );
    let long = [
        words(&[1]),
        b"mdat".to_vec(),
        words(&[0, (end - start + 8) as u32]),
        media[start + 8..end].to_vec(),
    ];
    let index = moov(&track, &[start + 16], &[]);
    assert_eq!(shown(&read_all(&[ftyp(), long.concat(), index].concat())), plain);
    // QuickTime without `ftyp`.
    assert_eq!(
        shown(&read_all(&file_with(&atom(b"skip", [0; 30]), &track, &[]))),
        plain
    );
}

#[test]
fn a_cut_file_gives_what_is_there() {
    let track = TrackFile {
        edits: vec![(0, 1024)],
        ..TrackFile::aac(200)
    };
    let bytes = front(&[track]);
    let media = bytes.windows(4).position(|window| window == b"mdat").unwrap() + 4;
    let drained = read_all(&bytes[..media + (bytes.len() - media) / 2]);
    assert!((95..105).contains(&drained.packets.len()), "{}", drained.packets.len());
    // That is the missing end, which the declared end shows.
    assert!(drained.ending.is_cut && drained.ending.lost.is_empty());
    assert_eq!(drained.declared_end, Some(nanoseconds(199 * 1024, 48_000)));
    // Chunks in reverse order: the first are missing, which the times show.
    let reversed = TrackFile {
        is_reversed: true,
        ..TrackFile::aac(200)
    };
    let bytes = front(&[reversed]);
    let drained = read_all(&bytes[..media + (bytes.len() - media) / 2]);
    let first = &drained.packets[0];
    assert_eq!(first.time.unwrap() / 1000, at(u64::from(first.data[0] - 1)));
    assert_eq!(
        drained.losses()[0],
        format!("{} packets lie behind the end of the file", first.data[0] - 1)
    );
    assert!(drained.ending.is_cut);
}

#[test]
fn without_an_index_it_is_refused() {
    let whole = file(&[TrackFile::aac(20)]);
    let index = whole.windows(4).position(|window| window == b"moov").unwrap() - 4;
    let is_damaged = |bytes: &[u8]| {
        let result = opened(bytes).map(|_| ());
        assert!(
            matches!(&result, Err(AudioError::Damaged { reason, .. }) if reason.contains("index is missing")),
            "{result:?}"
        );
    };
    is_damaged(&whole[..index]);
    is_damaged(&whole[..index - 20]);
    is_damaged(&whole[..whole.len() - 1]);
    is_damaged(&Fragment::aac(1)[0].bytes());
    is_damaged(&fixture("interview.m4a")[..300_000]);
    for other in [
        &b""[..],
        b"RIFF\0\0\0\0WAVEfmt ",
        b"plain text that is no recording",
        &fixture("short.wav"),
    ] {
        assert!(opened(other).unwrap().is_none());
    }
    let silent = [ftyp(), moov(&[], &[], &[])].concat();
    assert!(matches!(
        opened(&silent).map(|_| ()),
        Err(AudioError::NoAudioTrack { .. })
    ));
    let picture = [ftyp(), full(b"meta", 0, 0, b""), atom(b"mdat", [1; 50])].concat();
    assert!(matches!(
        opened(&picture).map(|_| ()),
        Err(AudioError::NoAudioTrack { .. })
    ));
}

#[test]
fn the_delay_of_itunes_counts_without_an_edit_list() {
    let comment = b" 00000000 00000840 000001CA 00000000003F31F6 00000000";
    let data = atom(b"data", [words(&[1, 0]), comment.to_vec(), vec![b' '; 40]].concat());
    let tags = atom(b"udta", [atom(b"name", b"\0\0\0\0iTunSMPB"), data].concat());
    let mut track = TrackFile::aac(20);
    let drained = read_all(&file_with(&ftyp(), &[track.clone()], &tags));
    let skips = drained
        .packets
        .iter()
        .map(|packet| packet.skip.min(1024))
        .collect::<Vec<_>>();
    assert_eq!(
        (skips[..4].to_vec(), drained.packets[2].time),
        (vec![1024, 1024, 64, 0], Some(0))
    );
    track.edits = vec![(0, 0)];
    let drained = read_all(&file_with(&ftyp(), &[track], &tags));
    assert_eq!(drained.packets[0].skip, 0);
}

#[test]
fn tracks_are_described() {
    let first = TrackFile {
        is_enabled: false,
        language: 0x15C7,
        handler: "Narrator",
        ..TrackFile::aac(4)
    };
    let second = TrackFile {
        id: 9,
        language: 3,
        more: atom(b"udta", atom(b"name", b"Microphone")),
        entries: vec![entry(b"apac", 48_000, 1, 16, b"")],
        ..TrackFile::aac(3)
    };
    let third = TrackFile {
        id: 10,
        is_external: true,
        ..TrackFile::aac(3)
    };
    let tracks = tracks_of(&file(&[first, second, third]));
    let facts = tracks.iter().map(|track| {
        let (language, title) = (track.language.as_deref(), track.title.as_deref());
        (
            track.id,
            track.codec.is_some(),
            track.codec_name.as_str(),
            language,
            title,
            track.is_default,
        )
    });
    assert_eq!(
        facts.collect::<Vec<_>>(),
        [
            (1, true, "mp4a", Some("eng"), Some("Narrator"), false),
            (9, false, "apac", Some("ita"), Some("Microphone"), true),
            (10, false, "mp4a in another file", None, None, true),
        ]
    );
}

#[test]
fn the_second_track_can_be_chosen() {
    let second = TrackFile {
        id: 2,
        samples: (100..110).map(content).collect(),
        durations: vec![10, 1024],
        ..TrackFile::aac(10)
    };
    let mut demuxer = opened(&file(&[TrackFile::aac(10), second])).unwrap().unwrap();
    demuxer.select(1);
    assert_eq!(demuxer.next().unwrap().unwrap().data, content(100));
}

#[test]
fn a_recording_joined_behind_another_is_reported() {
    let content = fixture("interview.m4a");
    let (alone, joined) = (read_all(&content), read_all(&content.repeat(2)));
    assert_eq!(
        (alone.ending.lost.len(), joined.packets.len()),
        (0, alone.packets.len())
    );
    let lost = &joined.ending.lost[0];
    assert_eq!(
        lost.message,
        "another recording is behind this one in the file and is not read"
    );
    let difference = lost.duration.unwrap() - alone.declared_end.unwrap();
    assert!(difference.abs() < 200_000_000, "{difference}");
}

/// Samples at a place that is named are not read here, and not by any other reader; at one without a name they may be here.
#[test]
fn a_movie_whose_sound_is_elsewhere_is_refused() {
    let external = || TrackFile {
        is_external: true,
        ..TrackFile::aac(10)
    };
    let named = |tracks: &[TrackFile]| {
        let plain = file(tracks);
        let at = plain.windows(8).position(|window| window == b"\0\0\0\x0Curl ").unwrap();
        let mut bytes = plain[..at].to_vec();
        bytes.extend(full(b"url ", 0, 0, b"file:///a\0"));
        bytes.extend(&plain[at + 12..]);
        let grown = (bytes.len() - plain.len()) as u32;
        for parent in [b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"] {
            let place = bytes.windows(4).position(|window| window == parent).unwrap() - 4;
            let size = u32::from_be_bytes(*bytes[place..].first_chunk().unwrap()) + grown;
            bytes[place..place + 4].copy_from_slice(&size.to_be_bytes());
        }
        bytes
    };
    let refused = |bytes: &[u8]| matches!(opened(bytes), Err(AudioError::NoRecording { .. }));
    assert!(refused(&named(&[external()])));
    assert!(!refused(&file(&[external()])));
    assert!(!refused(&named(&[
        external(),
        TrackFile {
            id: 2,
            ..TrackFile::aac(10)
        }
    ])));
}

/// Packets of 20 ms, and what follows from zeros and noise in their place.
fn opus(count: usize, damaged: &[(usize, u8)]) -> TrackFile {
    let header = [&[0, 1, 0, 0][..], &words(&[48_000]), &[0; 3]].concat();
    let packet = |index: usize| match damaged.iter().find(|(at, _)| *at == index) {
        Some((_, byte)) => vec![*byte; 40],
        None => vec![0x78; 40],
    };
    TrackFile {
        entries: vec![entry(b"Opus", 48_000, 1, 16, &atom(b"dOps", header))],
        samples: (0..count).map(packet).collect(),
        durations: vec![u32::try_from(count).unwrap(), 960],
        ..TrackFile::aac(0)
    }
}

#[test]
fn opus_packets_of_another_length_than_their_samples_are_damaged() {
    const MS: i64 = 1_000_000;
    // Zeros are 10 ms, the others 120 ms and 60 ms.
    let damaged = [(0, 0), (5, 0), (6, 0x1B), (7, 0x18), (19, 0)];
    let track = opus(20, &damaged);
    let fragments = track.samples.chunks(5).enumerate().map(|(number, samples)| {
        let number = u32::try_from(number).unwrap();
        let fragment = Fragment {
            sequence: number + 1,
            track: 1,
            time: Some(number * 4800),
            samples: samples.to_vec(),
            duration: Some(960),
        };
        fragment.bytes()
    });
    let empty = TrackFile {
        samples: Vec::new(),
        durations: Vec::new(),
        ..track.clone()
    };
    let in_fragments = [fragmented(&[empty]), fragments.collect::<Vec<_>>().concat()].concat();
    for bytes in [file(std::slice::from_ref(&track)), in_fragments] {
        let drained = read_all(&bytes);
        let times: Vec<_> = drained
            .packets
            .iter()
            .map(|packet| packet.time.unwrap() / (20 * MS))
            .collect();
        let intact: Vec<_> = (0..20).filter(|at| !damaged.iter().any(|(bad, _)| bad == at)).collect();
        assert_eq!(times, intact.iter().map(|at| *at as i64).collect::<Vec<_>>());
        let message = "damaged packets (they are not as long as the file says)";
        assert_eq!(drained.losses(), [message; 2]);
        assert_eq!(drained.lost_ms(), 80);
        let at_end = &drained.ending.lost[0];
        assert_eq!((at_end.message.as_str(), at_end.duration), (message, Some(20 * MS)));
    }
}

/// A recorder that measures the lengths, one that pauses, and one that shortens the last sample.
#[test]
fn opus_samples_of_other_lengths_are_kept() {
    for durations in [
        &[5, 960, 1, 48_000, 4, 960][..],
        &[3, 950, 3, 970, 4, 960],
        &[9, 960, 1, 500],
        &[10, 1920],
    ] {
        let track = TrackFile {
            durations: durations.to_vec(),
            ..opus(10, &[])
        };
        let drained = read_all(&file(&[track]));
        assert_eq!(
            (drained.packets.len(), drained.losses().len()),
            (10, 0),
            "{durations:?}"
        );
    }
}

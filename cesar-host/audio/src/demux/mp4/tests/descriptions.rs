//! Sample descriptions of ISO and of QuickTime.

use symphonia::core::codecs::audio::well_known::*;

use super::*;
use crate::decoder::PacketDecoder;

fn codec_of(entry: Vec<u8>) -> (Option<crate::demux::Codec>, String) {
    let track = TrackFile {
        entries: vec![entry],
        ..TrackFile::aac(1)
    };
    let track = tracks_of(&file(&[track])).remove(0);
    (track.codec, track.codec_name)
}

/// A description of version 2: bits and flags.
fn lpcm(bits: u32, flags: u32) -> Vec<u8> {
    let mut extra = words(&[72]);
    extra.extend(44_100_f64.to_bits().to_be_bytes());
    extra.extend(words(&[2, 0x7F00_0000, bits, flags, bits / 4, 1]));
    let mut entry = entry(b"lpcm", 1, 3, 16, &extra);
    entry[17] = 2;
    entry
}

#[test]
fn codecs_are_recognised() {
    let little = atom(b"wave", atom(b"enda", [0, 1]));
    let configuration = full(b"pcmC", 0, 0, [1, 24]);
    for (entry, id, rate) in [
        (aac(), CODEC_ID_AAC, 48_000),
        (
            entry_1(b"mp4a", 44_100, 2, (1024, 0), &atom(b"wave", esds(0x40, &AAC))),
            CODEC_ID_AAC,
            48_000,
        ),
        (entry(b"mp4a", 48_000, 1, 16, &esds(0x6B, b"")), CODEC_ID_MP3, 48_000),
        (entry(b".mp3", 48_000, 2, 16, b""), CODEC_ID_MP3, 48_000),
        (entry(b"sowt", 44_100, 2, 16, b""), CODEC_ID_PCM_S16LE, 44_100),
        (entry_1(b"twos", 44_100, 2, (1, 4), b""), CODEC_ID_PCM_S16BE, 44_100),
        (entry(b"twos", 44_100, 2, 8, b""), CODEC_ID_PCM_S8, 44_100),
        (entry(b"raw ", 22_050, 1, 8, b""), CODEC_ID_PCM_U8, 22_050),
        (entry_1(b"in24", 48_000, 2, (1, 6), b""), CODEC_ID_PCM_S24BE, 48_000),
        (entry_1(b"in24", 48_000, 2, (1, 6), &little), CODEC_ID_PCM_S24LE, 48_000),
        (entry_1(b"in32", 48_000, 2, (1, 8), &little), CODEC_ID_PCM_S32LE, 48_000),
        (entry_1(b"fl32", 48_000, 2, (1, 8), b""), CODEC_ID_PCM_F32BE, 48_000),
        (
            entry_1(b"fl64", 48_000, 2, (1, 16), &little),
            CODEC_ID_PCM_F64LE,
            48_000,
        ),
        (entry(b"ulaw", 8_000, 1, 16, b""), CODEC_ID_PCM_MULAW, 8_000),
        (entry(b"alaw", 8_000, 1, 16, b""), CODEC_ID_PCM_ALAW, 8_000),
        (
            entry(b"ipcm", 48_000, 2, 24, &configuration),
            CODEC_ID_PCM_S24LE,
            48_000,
        ),
        (
            entry_1(b"ima4", 22_050, 2, (64, 68), b""),
            CODEC_ID_ADPCM_IMA_QT,
            22_050,
        ),
        (lpcm(16, 4), CODEC_ID_PCM_S16LE, 44_100),
        (lpcm(24, 6), CODEC_ID_PCM_S24BE, 44_100),
        (lpcm(32, 1), CODEC_ID_PCM_F32LE, 44_100),
    ] {
        let name = String::from_utf8_lossy(&entry[4..8]).into_owned();
        let (codec, shown) = codec_of(entry);
        let codec = codec.unwrap_or_else(|| panic!("{name}: {shown}"));
        assert_eq!(
            (codec.parameters.codec, codec.parameters.sample_rate),
            (id, Some(rate)),
            "{name}"
        );
        assert!(PacketDecoder::new(&codec).is_ok(), "{name}");
        assert_eq!(shown, name.trim_end());
    }
}

#[test]
fn unknown_codecs_are_named() {
    for (entry, expected) in [
        (entry(b"apac", 48_000, 2, 16, b""), "apac"),
        (entry(b"ac-3", 48_000, 6, 16, &atom(b"dac3", [0; 3])), "ac-3"),
        (entry(b"samr", 8_000, 1, 16, b""), "samr"),
        (entry(b"enca", 48_000, 1, 16, &esds(0x40, &AAC)), "enca"),
        // 42 is 31 and 10 more.
        (
            entry(b"mp4a", 48_000, 2, 16, &esds(0x40, &[0xF9, 0x46, 0x40])),
            "mp4a (xHE-AAC)",
        ),
        (
            entry(b"mp4a", 48_000, 2, 16, &esds(0x40, &[0x2B, 0x11, 0x88])),
            "mp4a (HE-AAC)",
        ),
        (
            entry(b"mp4a", 48_000, 6, 16, &esds(0x40, &[0x11, 0xB0])),
            "mp4a (AAC of 6 channels)",
        ),
        (entry(b"mp4a", 48_000, 6, 16, &esds(0xA5, b"")), "mp4a of type 0xa5"),
        (entry(b"lpcm", 48_000, 0, 16, b""), "lpcm"),
    ] {
        let (codec, name) = codec_of(entry);
        assert!(codec.is_none(), "{name}");
        assert_eq!(name, expected);
    }
}

#[test]
fn opus_has_its_numbers_the_big_way_round() {
    let header = [
        &[0, 1][..],
        &312_u16.to_be_bytes(),
        &words(&[48_000]),
        &(-1536_i16).to_be_bytes(),
        &[0],
    ]
    .concat();
    let entry = entry(b"Opus", 48_000, 1, 16, &atom(b"dOps", header));
    // Two packets of 20 ms, the second of two frames: it lasts 40 ms.
    let track = TrackFile {
        entries: vec![entry],
        samples: vec![vec![0x78, 1], vec![0x79, 2, 2], vec![0x78, 3]],
        durations: vec![1, 960, 1, 1920, 1, 960],
        ..TrackFile::aac(0)
    };
    let bytes = file(std::slice::from_ref(&track));
    let codec = tracks_of(&bytes).remove(0).codec.unwrap();
    assert!((codec.gain - 0.501_187).abs() < 1e-5, "{}", codec.gain);
    let drained = read_all(&bytes);
    let facts = drained.packets.iter().map(|packet| (packet.skip, packet.time.unwrap()));
    assert_eq!(facts.collect::<Vec<_>>(), [(312, 0), (0, 13_500_000), (0, 53_500_000)]);
    // An edit list has the same effect.
    let edited = TrackFile {
        edits: vec![(0, 100)],
        ..track
    };
    assert_eq!(read_all(&file(&[edited])).packets[0].skip, 100);
}

#[test]
fn flac_keeps_its_information() {
    let mut info = vec![0x10, 0, 0x10, 0, 0, 0, 0, 0, 0, 0];
    info.extend((44_100_u64 << 44 | 1 << 41 | 15 << 36 | 1_000).to_be_bytes());
    info.extend([0; 16]);
    let blocks = full(b"dfLa", 0, 0, [words(&[0x8000_0022]), info.clone()].concat());
    let codec = codec_of(entry(b"fLaC", 44_100, 2, 16, &blocks)).0.unwrap();
    assert_eq!(codec.parameters.extra_data.as_deref(), Some(&info[..]));
    assert_eq!(codec.parameters.sample_rate, Some(44_100));
    assert!(PacketDecoder::new(&codec).is_ok());
    assert_eq!(codec.mask, None);
    let comment = b"WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x600";
    let comments = [&[0; 4][..], &[1, 0, 0, 0, comment.len() as u8, 0, 0, 0], comment].concat();
    let header = words(&[0x8400_0000 + comments.len() as u32]);
    let blocks = full(b"dfLa", 0, 0, [words(&[0x22]), info, header, comments].concat());
    let codec = codec_of(entry(b"fLaC", 44_100, 2, 16, &blocks)).0.unwrap();
    assert_eq!(codec.mask, Some(0x600));
}

#[test]
fn frames_of_pcm_come_together() {
    let data = (0..20_000_u32).map(|index| (index % 200) as u8).collect::<Vec<_>>();
    // The tables of QuickTime have 1 or the size of a frame.
    for size in [1, 4] {
        let entry = entry_1(b"twos", 44_100, 2, (1, 4), b"");
        let mut track = TrackFile::frames(entry, (size, 5_000), data.clone(), 5_000);
        track.scale = 44_100;
        let drained = read_all(&file(&[track.clone()]));
        let sizes = drained
            .packets
            .iter()
            .map(|packet| packet.data.len())
            .collect::<Vec<_>>();
        assert_eq!(sizes, [16_384, 3_616]);
        assert_eq!(drained.packets[1].time, Some(crate::clock::nanoseconds(4_096, 44_100)));
        // From frame 1,000 on, for 10 ms.
        track.edits = vec![(10, 1_000)];
        let drained = read_all(&file(&[track]));
        let packet = &drained.packets[0];
        assert_eq!((packet.time, packet.skip, drained.packets.len()), (Some(0), 0, 1));
        assert_eq!(packet.data[..4], data[4_000..4_004]);
        assert_eq!(packet.data.len() as u64 / 4 - packet.discard, 441);
    }
}

#[test]
fn a_cut_in_pcm_leaves_whole_frames() {
    let entry = entry(b"sowt", 48_000, 2, 16, b"");
    let track = TrackFile::frames(entry, (4, 2_000), vec![1; 8_000], 2_000);
    let bytes = front(&[track]);
    let drained = read_all(&bytes[..bytes.len() - 5 - 1_002]);
    assert_eq!(drained.packets[0].data.len(), 6_996);
    assert_eq!(
        drained.packets[0].duration,
        Some(crate::clock::nanoseconds(1_749, 48_000))
    );
    assert!(drained.ending.is_cut);
    assert_eq!(drained.declared_end, Some(crate::clock::nanoseconds(2_000, 48_000)));
}

#[test]
fn ima_blocks_have_64_frames() {
    let entry = entry_1(b"ima4", 22_050, 1, (64, 34), b"");
    let track = TrackFile::frames(entry, (1, 6_400), vec![1; 3_400], 6_400);
    let drained = read_all(&file(&[track]));
    let sizes = drained
        .packets
        .iter()
        .map(|packet| packet.data.len())
        .collect::<Vec<_>>();
    assert_eq!(sizes, [64 * 34, 36 * 34]);
}

#[test]
fn a_description_can_change() {
    let stereo = entry(b"mp4a", 44_100, 2, 16, &esds(0x40, &[0x12, 0x10]));
    let unknown = entry(b"apac", 44_100, 2, 16, b"");
    let track = TrackFile {
        entries: vec![aac(), stereo, unknown],
        groups: vec![1, 4, 1, 3, 4, 2, 4, 4, 3, 5, 4, 1],
        ..TrackFile::aac(20)
    };
    let drained = read_all(&file(&[track]));
    let changes = drained.packets.iter().enumerate().filter_map(|(index, packet)| {
        let codec = packet.codec.as_ref()?;
        Some((index, codec.parameters.sample_rate.unwrap()))
    });
    assert_eq!(changes.collect::<Vec<_>>(), [(8, 44_100), (12, 48_000)]);
    assert_eq!(drained.losses(), ["4 packets are of an unknown codec"]);
}

/// Chunks of four samples, the last in the file first: known, unknown, known, and so on. The first chunk is behind the end of the file.
#[test]
fn packets_that_are_lost_for_two_reasons_are_told_with_both() {
    let unknown = entry(b"apac", 48_000, 2, 16, b"");
    let track = TrackFile {
        entries: vec![aac(), unknown],
        groups: vec![1, 4, 1, 2, 4, 2, 3, 4, 1, 5, 4, 2],
        is_reversed: true,
        ..TrackFile::aac(20)
    };
    let bytes = front(&[track]);
    let last: usize = (0..4).map(|number| content(number).len()).sum();
    let drained = read_all(&bytes[..bytes.len() - last]);
    assert_eq!(numbers(&drained), (8..16).collect::<Vec<_>>());
    assert_eq!(
        drained.losses(),
        [
            "4 packets lie behind the end of the file",
            "4 packets are of an unknown codec"
        ]
    );
    let length = |loss: &Loss| loss.duration.unwrap() / 1000;
    let four = 4 * 1024 * 1_000_000 / 48_000;
    let lengths = drained.packets[0].lost.iter().map(length);
    assert!(lengths.clone().all(|length| length.abs_diff(four) <= 10), "{lengths:?}");
    let [lost] = &drained.ending.lost[..] else {
        panic!("{:?}", drained.ending)
    };
    assert_eq!(
        (lost.message.as_str(), length(lost).abs_diff(four) <= 10),
        ("4 packets are of an unknown codec", true)
    );
}

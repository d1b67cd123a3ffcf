//! WAVE files with true and false headers.

use proptest::prelude::*;
use symphonia::core::audio::Channels;

use super::super::testing::{Drained, decode, drain, fixture, survives_flips, write};
use super::open;
use crate::clock::{SECOND, frames};

fn chunk(name: &[u8], size: u32, body: &[u8]) -> Vec<u8> {
    [name, &size.to_le_bytes(), body].concat()
}

fn whole(name: &[u8], body: &[u8]) -> Vec<u8> {
    let mut chunk = chunk(name, body.len() as u32, body);
    chunk.resize(chunk.len().next_multiple_of(2), 0);
    chunk
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = [b"WAVE".to_vec(), chunks.concat()].concat();
    chunk(b"RIFF", body.len() as u32, &body)
}

/// The body of a `fmt ` chunk.
fn format(tag: u16, channels: u16, rate: u32, block: u16, bits: u16) -> Vec<u8> {
    let mut body = [tag.to_le_bytes(), channels.to_le_bytes()].concat();
    body.extend(rate.to_le_bytes());
    body.extend(rate.wrapping_mul(u32::from(block)).to_le_bytes());
    body.extend(block.to_le_bytes());
    body.extend(bits.to_le_bytes());
    body
}

/// 16 bits, mono, 16 kHz.
fn plain() -> Vec<u8> {
    whole(b"fmt ", &format(1, 1, 16_000, 2, 16))
}

fn extensible(tag: u16, channels: u16, bits: u16, mask: u32) -> Vec<u8> {
    let mut body = format(0xFFFE, channels, 16_000, channels * bits.div_ceil(8), bits);
    body.extend(22_u16.to_le_bytes());
    body.extend(bits.to_le_bytes());
    body.extend(mask.to_le_bytes());
    body.extend(tag.to_le_bytes());
    body.extend(*b"\0\0\0\0\x10\0\x80\0\0\xAA\0\x38\x9B\x71");
    whole(b"fmt ", &body)
}

/// Samples that do not look like a chunk.
fn sound(count: usize) -> Vec<u8> {
    (0..count as i32)
        .flat_map(|index| ((index * 7_919 % 30_011 - 15_000) as i16).to_le_bytes())
        .collect()
}

fn read(content: &[u8]) -> Drained {
    drain(open, content).expect("it is a WAVE file")
}

/// The samples of all packets as in the file.
fn data(drained: &Drained) -> Vec<u8> {
    drained.packets.iter().flat_map(|packet| packet.data.clone()).collect()
}

fn declared(drained: &Drained) -> u64 {
    frames(drained.declared_end.unwrap(), 16_000)
}

#[test]
fn the_file_decides_where_the_samples_end() {
    let samples = sound(10_000);
    let size = samples.len() as u32;
    let list = whole(b"LIST", b"INFOISFT\x0d\0\0\0Recorder 1.0\0");
    let odd = b"INFOIART\x05\0\0\0Name\0";
    let filler = whole(b"FLLR", &[0; 4052]);
    let mut id3v1 = b"TAG".to_vec();
    id3v1.resize(128, 0);
    let ds64 = |riff: u64, data: u64| whole(b"ds64", &[riff.to_le_bytes(), data.to_le_bytes(), [0; 8]].concat());
    let file = |size: u32| riff(&[plain(), chunk(b"data", size, &samples)]);
    let long = |sizes: Vec<u8>| {
        [
            b"RF64\xff\xff\xff\xff",
            &riff(&[sizes, plain(), chunk(b"data", u32::MAX, &samples)])[8..],
        ]
        .concat()
    };
    for (name, content) in [
        ("right", file(size)),
        ("never filled in", file(0)),
        ("a stream", file(u32::MAX)),
        ("a stream less the header", file(u32::MAX - 44)),
        ("signed", file(0x7FFF_FFFF)),
        ("sox", file(0x7FFF_F000)),
        ("rounded", file(0x8000_0000)),
        ("an earlier state", file(size / 3)),
        ("an odd earlier state", file(size / 3 + 1)),
        ("filler", riff(&[plain(), filler, chunk(b"data", 0, &samples)])),
        (
            "chunks behind",
            [file(size), list.clone(), whole(b"id3 ", b"ID3\x03\0\0\0\0\0\0")].concat(),
        ),
        (
            "junk behind chunks",
            [file(size), list.clone(), vec![0xA5; 1000]].concat(),
        ),
        (
            "unknown chunks behind",
            [file(size), whole(b"abcd", b"efgh"), whole(b"ijkl", b"")].concat(),
        ),
        ("a sector filled up", [file(size), vec![0; 3000]].concat()),
        ("a title behind", [file(size), id3v1].concat()),
        (
            "a tag behind",
            [file(size), b"ID3\x03\0\0\0\0\0\x04abcd".to_vec()].concat(),
        ),
        (
            "odd and padded",
            riff(&[plain(), whole(b"LIST", odd), chunk(b"data", size, &samples)]),
        ),
        (
            "odd, not padded",
            riff(&[plain(), chunk(b"LIST", 17, odd), chunk(b"data", size, &samples)]),
        ),
        (
            "a size that leads astray",
            riff(&[plain(), chunk(b"LIST", 1 << 30, odd), chunk(b"data", size, &samples)]),
        ),
        ("64 bits", long(ds64(u64::from(size) + 100, u64::from(size)))),
        ("64 bits never filled in", long(ds64(0, 0))),
        ("64 bits unknown", long(ds64(u64::MAX, u64::from(u32::MAX)))),
        (
            "room for 64 bits",
            riff(&[whole(b"JUNK", &[0; 28]), plain(), chunk(b"data", size, &samples)]),
        ),
        (
            "a tag in front",
            [b"ID3\x03\0\0\0\0\0\x04abcd".to_vec(), file(size)].concat(),
        ),
        ("a miscounted header", file(size + 44)),
        ("half a sample behind", [file(size), vec![7]].concat()),
    ] {
        let drained = read(&content);
        assert!(
            data(&drained) == samples,
            "{name}: {} of {size} bytes",
            data(&drained).len()
        );
        assert_eq!((declared(&drained), drained.ending.is_cut), (10_000, false), "{name}");
    }
}

#[test]
fn a_cut_file_declares_what_it_had() {
    let samples = sound(10_000);
    for (size, promised) in [
        (30_000, 15_000),
        (0x7000_0000, 0x3800_0000),
        (3_000_000_000, 1_500_000_000),
    ] {
        let drained = read(&riff(&[plain(), chunk(b"data", size, &samples)]));
        assert_eq!((declared(&drained), drained.ending.is_cut), (promised, true), "{size}");
        assert_eq!(data(&drained).len(), samples.len());
    }
}

#[cfg(unix)]
#[test]
fn sizes_that_wrapped_around_are_followed() {
    // 700 s of 192 kHz in 8 channels are 4.3 GB; the file is sparse, with a chunk behind them.
    let (frame, size) = (32_u64, 700 * 192_000 * 32_u64);
    let folder = tempfile::tempdir().unwrap();
    let header = whole(b"fmt ", &format(3, 8, 192_000, frame as u16, 32));
    for trailer in [Vec::new(), whole(b"LIST", b"INFO")] {
        let path = write(&folder, &riff(&[header.clone(), chunk(b"data", size as u32, &[1; 64])]));
        let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        let start = std::fs::metadata(&path).unwrap().len() - 64;
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(start + size)).unwrap();
        std::io::Write::write_all(&mut file, &trailer).unwrap();
        file.set_len(start + size + trailer.len() as u64).unwrap();
        let demuxer = open(&path).unwrap().unwrap();
        assert_eq!(demuxer.tracks()[0].declared_end, Some(700 * SECOND));
    }
}

#[test]
fn further_samples_follow() {
    let (one, other) = (sound(5_000), sound(3_000));
    let two = riff(&[
        plain(),
        whole(b"data", &one),
        whole(b"LIST", b"INFO"),
        whole(b"data", &other),
    ]);
    let joined = [
        riff(&[plain(), whole(b"data", &one)]),
        riff(&[plain(), whole(b"data", &other)]),
    ]
    .concat();
    let unfinished = riff(&[plain(), whole(b"data", &one), chunk(b"data", 0, &other)]);
    for content in [two, joined, unfinished] {
        let drained = read(&content);
        assert_eq!(data(&drained), [one.clone(), other.clone()].concat());
        assert!(drained.packets.iter().all(|packet| packet.codec.is_none()));
        assert_eq!(declared(&drained), 8_000);
    }
}

/// The oldest form of WAVE: a list of samples and of silence between them.
#[test]
fn lists_of_samples_and_silence_are_read() {
    let list = |chunks: &[Vec<u8>]| whole(b"LIST", &[b"wavl".to_vec(), chunks.concat()].concat());
    let silence = |frames: u32| whole(b"slnt", &frames.to_le_bytes());
    let (first, second) = (whole(b"data", &sound(500)), whole(b"data", &sound(300)));
    let content = riff(&[plain(), list(&[first, silence(10_000), second])]);
    let (samples, refused) = decode(open, &content);
    assert_eq!((samples.len(), refused), (500 + 10_000 + 300, 0));
    assert!(samples[500..10_500].iter().all(|sample| *sample == 0.0));
    assert_eq!(declared(&read(&content)), 10_800);
    for (tag, bits) in [(1, 8), (6, 8), (7, 8)] {
        let format = whole(b"fmt ", &format(tag, 1, 16_000, 1, bits));
        let content = riff(&[format, list(&[whole(b"data", &[0x55; 100]), silence(50)])]);
        let (samples, _) = decode(open, &content);
        assert_eq!(samples.len(), 150);
        assert!(
            samples[100..].iter().all(|sample| sample.abs() < 1e-3),
            "{tag}: {samples:?}"
        );
    }
    let content = riff(&[plain(), list(&[silence(u32::MAX), silence(u32::MAX)])]);
    assert_eq!(declared(&read(&content)), 6 * 3600 * 16_000, "silence has a limit");
}

#[test]
fn joined_files_may_differ() {
    let stereo = whole(b"fmt ", &format(1, 2, 48_000, 4, 16));
    let content = [
        riff(&[plain(), whole(b"data", &sound(5_000))]),
        riff(&[stereo, whole(b"data", &sound(3_000))]),
    ]
    .concat();
    let drained = read(&content);
    let change = drained.packets.iter().find_map(|packet| packet.codec.as_ref()).unwrap();
    assert_eq!(change.parameters.sample_rate, Some(48_000));
    assert_eq!(drained.declared_end, None);
    assert_eq!(decode(open, &content).0.len(), 5_000 + 3_000);
}

#[test]
fn a_joined_file_in_an_unknown_codec_is_a_loss_of_its_length() {
    // 2,000 bytes of AC-3 at 1,000 bytes per second.
    let mut other = format(0x2000, 2, 48_000, 1, 0);
    other[8..12].copy_from_slice(&1_000_u32.to_le_bytes());
    let unknown = riff(&[whole(b"fmt ", &other), whole(b"data", &[7; 2_000])]);
    let known = riff(&[plain(), whole(b"data", &sound(5_000))]);
    let loss = "a part is in a codec that cannot be decoded (ac3)";
    let drained = read(&[known.clone(), unknown.clone(), unknown.clone(), known.clone()].concat());
    assert_eq!((drained.losses(), drained.lost_ms()), (vec![loss], 4_000));
    assert_eq!(data(&drained).len(), 2 * 10_000);
    let lost = &read(&[known, unknown].concat()).ending.lost[0];
    assert_eq!((lost.message.as_str(), lost.duration), (loss, Some(2_000_000_000)));
}

/// −1, −½, 0 and the maximum of a depth, little-endian.
fn stored(is_float: bool, bytes: usize) -> Vec<u8> {
    let integers = [-1.0_f64, -0.5, 0.0, 1.0].map(|value| {
        let greatest = 2_f64.powi(bytes as i32 * 8 - 1);
        (value * greatest) as i128
    });
    let limit = (1_i128 << (bytes * 8 - 1)) - 1;
    integers
        .iter()
        .zip([-1.0_f64, -0.5, 0.0, 1.0])
        .flat_map(|(integer, value)| match (is_float, bytes) {
            (true, 4) => (value as f32).to_le_bytes().to_vec(),
            (true, _) => value.to_le_bytes().to_vec(),
            (false, 1) => vec![((*integer).min(limit) + 128) as u8],
            (false, _) => (*integer).min(limit).to_le_bytes()[..bytes].to_vec(),
        })
        .collect()
}

#[test]
fn every_depth_and_byte_order_is_exact() {
    for (tag, bytes) in [(1, 1), (1, 2), (1, 3), (1, 4), (1, 8), (3, 4), (3, 8)] {
        let greatest = if tag == 1 && bytes < 4 {
            1.0 - 2_f32.powi(1 - bytes as i32 * 8)
        } else {
            1.0
        };
        let little = stored(tag == 3, bytes);
        let bits = bytes as u16 * 8;
        let plain = format(tag, 1, 16_000, bytes as u16, bits);
        let mut big_format = plain.clone();
        for (at, length) in [(0, 2), (2, 2), (4, 4), (8, 4), (12, 2), (14, 2)] {
            big_format[at..at + length].reverse();
        }
        let big = little
            .chunks(bytes)
            .flat_map(|sample| sample.iter().rev().copied())
            .collect::<Vec<_>>();
        let size = (big.len() as u32).to_be_bytes();
        let big = [b"RIFX\0\0\0\0WAVEfmt \0\0\0\x10", &big_format[..], b"data", &size, &big].concat();
        for content in [
            riff(&[whole(b"fmt ", &plain), whole(b"data", &little)]),
            riff(&[extensible(tag, 1, bits, 4), whole(b"data", &little)]),
            big,
        ] {
            assert_eq!(decode(open, &content).0, [-1.0, -0.5, 0.0, greatest], "{tag} {bytes}");
        }
    }
}

proptest! {
    #[test]
    fn integers_are_divided_by_their_range(samples in proptest::collection::vec(any::<i32>(), 1..100)) {
        for bytes in 2..=4_usize {
            let body = samples.iter().flat_map(|sample| sample.to_le_bytes()[4 - bytes..].to_vec()).collect::<Vec<_>>();
            let format = whole(b"fmt ", &format(1, 1, 16_000, bytes as u16, bytes as u16 * 8));
            let decoded = decode(open, &riff(&[format, whole(b"data", &body)])).0;
            let shift = 32 - 8 * bytes as u32;
            let expected = samples.iter().map(|sample| (sample >> shift) as f32 / 2_f32.powi(8 * bytes as i32 - 1));
            prop_assert_eq!(decoded, expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn any_bytes_behind_a_header_end(tail in proptest::collection::vec(any::<u8>(), 0..600)) {
        drain(open, &[b"RIFF\0\0\0\0WAVE", &plain()[..], &tail].concat());
    }
}

#[test]
fn the_size_of_a_sample_is_that_of_its_block_if_that_can_be() {
    let samples = sound(1_000);
    for (block, bits, count) in [
        (2, 16, 1_000),
        (0, 16, 1_000),
        (1, 16, 1_000),
        (3, 16, 1_000),
        (4, 16, 1_000),
        (8, 16, 1_000),
        (2, 8, 2_000),
        (4, 8, 2_000),
        (8, 32, 500),
        (2, 12, 1_000),
        (2, 0, 1_000),
        (4, 24, 500),
        (4, 20, 500),
        (3, 24, 666),
    ] {
        let content = riff(&[
            whole(b"fmt ", &format(1, 1, 16_000, block, bits)),
            whole(b"data", &samples),
        ]);
        assert_eq!(decode(open, &content).0.len(), count, "{block} {bits}");
    }
}

#[test]
fn channels_stand_where_the_mask_says_and_else_anywhere() {
    let layout = |format: Vec<u8>| {
        let content = riff(&[format, whole(b"data", &[0; 4_800])]);
        let folder = tempfile::tempdir().unwrap();
        let demuxer = open(&write(&folder, &content)).unwrap().unwrap();
        demuxer.tracks()[0].codec.clone().unwrap().parameters.channels.unwrap()
    };
    let mask = |channels: Channels| match channels {
        Channels::Positioned(positions) => Some(positions.bits()),
        _ => None,
    };
    assert_eq!(mask(layout(extensible(1, 6, 16, 0b11_1111))), Some(0b11_1111));
    assert_eq!(mask(layout(extensible(1, 3, 16, 0b11_1111))), Some(0b111));
    for channels in [3, 4, 6, 8] {
        let plain = whole(b"fmt ", &format(1, channels, 16_000, channels * 2, 16));
        for format in [plain, extensible(1, channels, 16, 0), extensible(1, channels, 16, 3)] {
            assert_eq!(layout(format), Channels::Discrete(channels));
        }
    }
    assert_eq!(mask(layout(plain())), Some(1));
    assert_eq!(mask(layout(whole(b"fmt ", &format(1, 2, 16_000, 4, 16)))), Some(3));
}

#[test]
fn companded_samples_are_read() {
    for tag in [6, 7] {
        let content = riff(&[
            whole(b"fmt ", &format(tag, 2, 8_000, 2, 8)),
            whole(b"data", &[0x55; 1_000]),
        ]);
        assert_eq!(decode(open, &content).0.len(), 1_000);
    }
}

#[test]
fn blocks_of_adpcm_are_packets() {
    // IMA: 4 bytes of header and 505 frames a channel in 256 bytes; MS: 7 bytes and 500 frames.
    for (tag, channels, in_block) in [(0x11, 1, 505), (0x11, 2, 249), (2, 1, 500), (2, 2, 244)] {
        let format = whole(b"fmt ", &format(tag, channels, 8_000, 256, 4));
        let content = riff(&[format, whole(b"data", &[0; 256 * 3 + 100])]);
        let drained = read(&content);
        let head = if tag == 2 { 7 } else { 4 };
        let in_last = (100 - head * usize::from(channels)) * 2 / usize::from(channels) + if tag == 2 { 2 } else { 1 };
        assert_eq!(drained.packets.len(), 4);
        let (samples, refused) = decode(open, &content);
        assert_eq!(
            (samples.len(), refused),
            ((3 * in_block + in_last) * usize::from(channels), 0),
            "{tag} {channels}"
        );
        assert_eq!(
            frames(drained.declared_end.unwrap(), 8_000) as usize,
            3 * in_block + in_last
        );
    }
}

#[test]
fn other_codecs_have_a_name() {
    for (tag, bits, name) in [
        (0x31, 0, "gsm_ms"),
        (0x28F, 8, "adpcm_g722"),
        (0x161, 16, "wmav2"),
        (0x7777, 8, "wave format 0x7777"),
        (3, 24, "floats of 3 bytes"),
        (2, 8, "adpcm_ms of 8 bits in blocks of 3 bytes"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let content = riff(&[
            whole(b"fmt ", &format(tag, 1, 16_000, 3, bits)),
            whole(b"data", &[0; 900]),
        ]);
        let demuxer = open(&write(&folder, &content)).unwrap().unwrap();
        let track = &demuxer.tracks()[0];
        assert_eq!((track.codec.is_none(), track.codec_name.as_str()), (true, name));
    }
}

#[test]
fn mpeg_audio_may_be_inside() {
    let mp3 = fixture("harbour.mp3");
    let format = whole(b"fmt ", &format(0x55, 2, 44_100, 1, 0));
    let drained = read(&riff(&[format, whole(b"data", &mp3)]));
    let alone = drain(super::super::mpeg_audio::open, &mp3).unwrap();
    assert_eq!(
        (drained.container, drained.packets.len()),
        ("wave", alone.packets.len())
    );
}

#[test]
fn wave64_is_read_in_every_state() {
    const WAVE: &[u8] = b"\xf3\xac\xd3\x11\x8c\xd1\0\xc0\x4f\x8e\xdb\x8a";
    let samples = sound(1_001);
    let long = |name: &[u8], size: u64, body: &[u8]| {
        let mut chunk = [name, WAVE, &size.to_le_bytes(), body].concat();
        chunk.resize(chunk.len().next_multiple_of(8), 0);
        chunk
    };
    let file = |size: u64, behind: Vec<u8>| {
        let head = [
            b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0\0\0\0\0\0\0\0\0wave",
            WAVE,
        ]
        .concat();
        let format = long(b"fmt ", 24 + 16, &format(1, 1, 16_000, 2, 16));
        [head, format, long(b"data", size, &samples), behind].concat()
    };
    let size = samples.len() as u64 + 24;
    let right = read(&file(size, long(b"levl", 24 + 4, b"abcd")));
    assert!(data(&right) == samples);
    assert_eq!(declared(&right), 1_001);
    let joined = read(&file(size, long(b"levl", 24 + 4, b"abcd")).repeat(2));
    assert!(data(&joined) == samples.repeat(2));
    for unknown in [0, 24, u64::MAX, i64::MAX as u64] {
        assert!(
            data(&read(&file(unknown, Vec::new()))).starts_with(&samples),
            "{unknown}"
        );
    }
    let cut = read(&file(size + 2_000, Vec::new()));
    assert_eq!((declared(&cut), cut.ending.is_cut), (2_001, true));
}

#[test]
fn other_files_are_not_wave() {
    for content in [
        b"RIFF\0\0\0\0AVI fmt ".as_slice(),
        b"RIFF",
        b"",
        &riff(&[plain()]),
        &riff(&[whole(b"data", &[0; 100])]),
        &[0; 200],
    ] {
        assert!(drain(open, content).is_none());
    }
    // No channels, no rate.
    for format in [format(1, 0, 16_000, 2, 16), format(1, 1, 0, 2, 16)] {
        assert!(drain(open, &riff(&[whole(b"fmt ", &format), whole(b"data", &[0; 100])])).is_none());
    }
}

#[test]
fn an_empty_recording_has_no_packets() {
    let drained = read(&riff(&[plain(), whole(b"data", b""), whole(b"LIST", b"INFO")]));
    assert_eq!((drained.packets.len(), drained.declared_end), (0, Some(0)));
}

#[test]
fn damage_never_panics() {
    let content = fixture("short.wav");
    survives_flips(open, &content[..3_000], 120);
    let blocks = riff(&[
        whole(b"fmt ", &format(0x11, 1, 8_000, 256, 4)),
        whole(b"data", &[0; 2_000]),
    ]);
    survives_flips(open, &blocks, 120);
}

#[test]
fn joined_files_in_two_unknown_codecs_are_two_losses() {
    let other = |tag: u16| {
        let mut other = format(tag, 2, 48_000, 1, 0);
        other[8..12].copy_from_slice(&1_000_u32.to_le_bytes());
        riff(&[whole(b"fmt ", &other), whole(b"data", &[7; 2_000])])
    };
    let known = riff(&[plain(), whole(b"data", &sound(16_000))]);
    let drained = read(&[known.clone(), other(0x2000), other(0x2001), known].concat());
    let losses = [
        "a part is in a codec that cannot be decoded (ac3)",
        "a part is in a codec that cannot be decoded (dts)",
    ];
    assert_eq!((drained.losses(), drained.lost_ms()), (losses.to_vec(), 4_000));
    // The last one is cut, and has another format than the first: only it says how much is missing.
    let stereo = whole(b"fmt ", &format(1, 2, 48_000, 4, 16));
    let first = riff(&[plain(), whole(b"data", &sound(16_000))]);
    let cut = riff(&[stereo, chunk(b"data", 4 * 96_000, &sound(2 * 48_000))]);
    let drained = read(&[first, other(0x2000), cut].concat());
    assert!(drained.ending.is_cut);
    let promised = drained.ending.promised_end.unwrap();
    assert!((promised - (1 + 2 + 2) * SECOND).abs() < 1_000, "{promised}");
}

/// 700 s of 8 channels at 192 kHz are more bytes than the header can hold: its size is the rest of a division by 4 GiB. The file is sparse.
#[test]
fn a_size_beyond_4_gib_is_that_of_the_file() {
    const SECONDS: u64 = 700;
    let (rate, channels) = (192_000, 8);
    let frame = channels * 4;
    let size = SECONDS * u64::from(rate) * u64::from(frame);
    let format = whole(b"fmt ", &format(3, channels, rate, frame, 32));
    let data = chunk(b"data", size as u32, b"");
    let length = (b"WAVE".len() + format.len() + data.len()) as u64 + size;
    let head = chunk(b"RIFF", length as u32, &[&b"WAVE"[..], &format, &data].concat());
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, &head);
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(head.len() as u64 + size).unwrap();
    let mut demuxer = open(&path).unwrap().unwrap();
    assert_eq!(demuxer.tracks()[0].declared_end, Some(SECONDS as i64 * SECOND));
    demuxer.select(0);
    let mut read = 0;
    while let Some(packet) = demuxer.next().unwrap() {
        read += packet.data.len() as u64;
        assert_eq!(packet.lost.iter().count(), 0);
    }
    assert_eq!(read, size);
    assert_eq!(demuxer.ending().lost.iter().count(), 0);
}

/// A file whose header declares more bytes than there are, with a right, an absent or a wrong number of samples.
#[test]
fn mpeg_audio_that_is_cut_off_ends_where_the_header_says() {
    let mp3 = fixture("harbour.mp3");
    let alone = drain(super::super::mpeg_audio::open, &mp3).unwrap();
    let length = |drained: &Drained| -> i64 { drained.packets.iter().filter_map(|packet| packet.duration).sum() };
    let all = length(&alone);
    let rate = u32::try_from(mp3.len() as i64 * SECOND / all).unwrap();
    let samples = u32::try_from(frames(all, 16_000)).unwrap();
    let mut format = format(0x55, 1, 16_000, 1, 0);
    format[8..12].copy_from_slice(&rate.to_le_bytes());
    let file = |size: usize, fact: u32, there: &[u8]| {
        let fact = whole(b"fact", &fact.to_le_bytes());
        let data = chunk(b"data", size as u32, there);
        read(&riff(&[whole(b"fmt ", &format), fact, data]))
    };
    let end = |drained: &Drained| drained.ending.promised_end.map(|end| (end - all).abs() < SECOND / 2);
    let half = mp3.len() / 2;
    for fact in [samples, 0, samples * 3] {
        let whole = file(mp3.len(), fact, &mp3);
        assert_eq!((whole.ending.is_cut, end(&whole)), (false, None), "{fact}");
        let cut = file(mp3.len(), fact, &mp3[..half]);
        assert_eq!((cut.ending.is_cut, end(&cut)), (true, Some(true)), "{fact}");
    }
}

//! FLAC files that were tagged, joined, cut and damaged.

use symphonia::core::formats::FormatOptions;
use symphonia::core::formats::probe::Hint;
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;

use super::super::Losses;
use super::super::testing::{Drained, decode, drain, fixture, fixture_path, survives_flips, write};
use super::header::{Header, checksum8, checksum16};
use super::{length, open, open_bare};
use crate::clock::{SECOND, frames};

/// A frame of 4096 samples of one value: rate by code (5 is 16 kHz, 9 is 44.1 kHz), one or two channels, 16 bits.
fn frame(number: u8, rate: u8, channels: u8, value: i16) -> Vec<u8> {
    let mut frame = vec![0xFF, 0xF8, 12 << 4 | rate, (channels - 1) << 4 | 4 << 1, number];
    frame.push(checksum8(&frame));
    for _ in 0..channels {
        frame.push(0);
        frame.extend(value.to_be_bytes());
    }
    let check = frame.iter().fold(0, |crc, byte| checksum16(crc, *byte));
    frame.extend(check.to_be_bytes());
    frame
}

/// The blocks in front of frames: 16 bits, blocks of 4096.
fn head(rate: u64, channels: u64, total: u64) -> Vec<u8> {
    let mut head = b"fLaC\x80\0\0\x22\x10\0\x10\0\0\0\0\0\0\0".to_vec();
    head.extend((rate << 44 | (channels - 1) << 41 | 15 << 36 | total).to_be_bytes());
    head.extend([0; 16]);
    head
}

/// A file of `count` frames at 16 kHz in one channel.
fn file(count: u8) -> Vec<u8> {
    let frames = (0..count).map(|number| frame(number, 5, 1, 1000 + i16::from(number)));
    [vec![head(16_000, 1, u64::from(count) * 4096)], frames.collect()]
        .concat()
        .concat()
}

fn read(content: &[u8]) -> Drained {
    drain(open, content).expect("it is FLAC")
}

fn ends(drained: &Drained, rate: u32) -> (u64, u64) {
    let end = |end: Option<i64>| frames(end.unwrap(), rate);
    (end(drained.declared_end), end(drained.ending.promised_end))
}

#[test]
fn packets_are_those_of_symphonia() {
    let source = std::fs::File::open(fixture_path("meeting.flac")).unwrap();
    let stream = MediaSourceStream::new(Box::new(source), MediaSourceStreamOptions::default());
    let mut theirs = symphonia::default::get_probe()
        .probe(
            &Hint::new(),
            stream,
            FormatOptions::default(),
            MetadataOptions::default(),
        )
        .unwrap();
    let total = theirs.tracks()[0].num_frames.unwrap();
    let ours = read(&fixture("meeting.flac"));
    let mut count = 0;
    while let Some(packet) = theirs.next_packet().unwrap() {
        assert_eq!(&ours.packets[count].data[..], &packet.data[..], "{count}");
        count += 1;
    }
    assert_eq!(ours.packets.len(), count);
    assert_eq!(ends(&ours, 16_000), (total, total));
    assert_eq!(
        (ours.losses().len(), ours.ending.is_cut, &ours.ending.lost),
        (0, false, &Losses::default())
    );
    assert_eq!(decode(open, &fixture("meeting.flac")).0.len() as u64, total);
}

#[test]
fn tags_and_junk_around_are_no_sound() {
    let content = fixture("meeting.flac");
    let whole = read(&content).packets.len();
    let mut title = b"TAG".to_vec();
    title.resize(128, b' ');
    let ape = b"APETAGEX\xd0\x07\0\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    let front = b"ID3\x04\0\0\0\0\0\x05hello".to_vec();
    let junk = (0..5_000_u32)
        .map(|index| ((index * 7_919) >> 5) as u8 | 1)
        .collect::<Vec<_>>();
    for (name, content, lost) in [
        ("ID3v1", [&content[..], &title].concat(), 0),
        ("APE", [&content[..], &ape].concat(), 0),
        ("both", [&content[..], &ape, &title].concat(), 0),
        ("in front", [&front[..], &front, &content].concat(), 0),
        ("zeros", [&content[..], &[0; 5_000]].concat(), 0),
        ("junk", [&content[..], &junk].concat(), 5_000),
        ("text", [&content[..], b"Hello".repeat(100).as_slice()].concat(), 500),
    ] {
        let drained = read(&content);
        assert_eq!(
            (drained.packets.len(), drained.losses().len(), drained.ending.is_cut),
            (whole, 0, false),
            "{name}"
        );
        let said = drained.ending.lost.first().map(|loss| loss.message.clone());
        assert_eq!(
            said,
            (lost > 0).then(|| format!("{lost} bytes are no FLAC frames")),
            "{name}"
        );
    }
}

#[test]
fn losses_are_reported_exactly() {
    let content = file(40);
    let start = head(16_000, 1, 1).len() + 10 * frame(0, 5, 1, 0).len();
    let length = frame(0, 5, 1, 0).len();
    let mut hole = content.clone();
    hole[start..start + 3 * length].fill(0);
    let mut bit = content.clone();
    bit[start + 8] ^= 1;
    let cut_out = [&content[..start], &content[start + 5 * length..]].concat();
    for (name, content, message, missing) in [
        ("a hole", hole, format!("{} bytes are no FLAC frames", 3 * length), 3),
        ("a bit", bit, format!("{length} bytes are no FLAC frames"), 1),
        ("cut out", cut_out, "FLAC frames are missing".to_owned(), 5),
    ] {
        let drained = read(&content);
        assert_eq!(drained.packets.len(), 40 - missing, "{name}");
        assert_eq!(drained.losses(), [message], "{name}");
        assert_eq!(drained.lost_ms(), missing as u64 * 256, "{name}");
        assert_eq!(ends(&drained, 16_000), (40 * 4096, 40 * 4096), "{name}");
    }
}

#[test]
fn damage_in_a_real_recording_keeps_the_time_line() {
    let whole = fixture("meeting.flac");
    let all = decode(open, &whole).0.len() as u64;
    for at in [3, 4, 5, 7] {
        let mut content = whole.clone();
        let at = content.len() * at / 10;
        content[at..at + 8192].fill(0x5A);
        let drained = read(&content);
        let heard = drained
            .packets
            .iter()
            .map(|packet| frames(packet.duration.unwrap(), 16_000))
            .sum::<u64>();
        let lost = drained.packets.iter().map(|packet| packet.lost.duration()).sum();
        assert_eq!(heard + frames(lost, 16_000), all);
        assert_eq!(drained.losses().len(), 1);
    }
}

#[test]
fn a_cut_file_declares_what_it_had() {
    let content = fixture("meeting.flac");
    let (whole, cut) = (read(&content), read(&content[..content.len() * 6 / 10]));
    assert_eq!(cut.declared_end, whole.declared_end);
    assert_eq!(ends(&cut, 16_000).1, ends(&whole, 16_000).1);
    assert!(cut.ending.is_cut && cut.packets.len() < whole.packets.len() * 7 / 10);
    // Only the head.
    let head = read(&content[..42]);
    assert_eq!((head.packets.len(), head.declared_end), (0, whole.declared_end));
}

#[test]
fn a_stream_of_unknown_length_declares_nothing() {
    let mut content = file(10);
    content[21..26].fill(0);
    content[21] = 0xF0;
    let drained = read(&content);
    assert_eq!(
        (drained.packets.len(), drained.declared_end, drained.ending.promised_end),
        (10, None, None)
    );
    // Recorded from its middle on.
    let late = (50..60)
        .map(|number| frame(number, 5, 1, 7))
        .collect::<Vec<_>>()
        .concat();
    let drained = read(&[&content[..42], &late].concat());
    assert_eq!((drained.packets.len(), drained.losses().len()), (10, 0));
    // The same with a known length: the beginning is lost.
    let drained = read(&[&head(16_000, 1, 60 * 4096)[..], &late].concat());
    assert_eq!(
        (drained.losses(), drained.lost_ms()),
        (vec!["FLAC frames are missing"], 50 * 256)
    );
}

#[test]
fn joined_files_follow_each_other() {
    let other = [
        head(44_100, 2, 3 * 4096),
        (0..3).map(|number| frame(number, 9, 2, 5)).collect::<Vec<_>>().concat(),
    ]
    .concat();
    let tag = b"ID3\x04\0\0\0\0\0\x05hello";
    let content = [&file(20)[..], &other, tag, &file(20)].concat();
    let drained = read(&content);
    assert_eq!((drained.packets.len(), drained.losses().len()), (43, 0));
    let changes = drained
        .packets
        .iter()
        .enumerate()
        .filter_map(|(index, packet)| Some((index, packet.codec.as_ref()?.parameters.sample_rate?)));
    assert_eq!(changes.collect::<Vec<_>>(), [(20, 44_100), (23, 16_000)]);
    let promised = drained.ending.promised_end.unwrap();
    let expected = 40 * 256_000_000 + 3 * 4096 * SECOND / 44_100;
    assert!((promised - expected).abs() < 1_000, "{promised}");
    assert_eq!(decode(open, &content).0.len(), 4096 * (40 + 6));
}

#[test]
fn frames_may_change_rate_and_channels() {
    let parts = [(0, 5, 1), (1, 5, 1), (2, 9, 1), (3, 9, 2), (4, 5, 2), (5, 5, 1)];
    let frames = parts
        .map(|(number, rate, channels)| frame(number, rate, channels, 9))
        .concat();
    let content = [&head(16_000, 1, 6 * 4096)[..], &frames].concat();
    let drained = read(&content);
    let changes = drained
        .packets
        .iter()
        .enumerate()
        .filter(|(_, packet)| packet.codec.is_some());
    assert_eq!(changes.map(|(index, _)| index).collect::<Vec<_>>(), [2, 3, 4, 5]);
    assert!(drained.losses().is_empty());
    let elapsed = drained
        .packets
        .iter()
        .map(|packet| packet.duration.unwrap())
        .sum::<i64>();
    assert_eq!(drained.ending.promised_end, Some(elapsed));
    let (samples, refused) = decode(open, &content);
    assert_eq!((samples.len(), refused), (4096 * 8, 0));
}

/// The same head with a block of comments: a field with this value.
fn with_mask(head: &[u8], value: &str) -> Vec<u8> {
    let field = format!("WAVEFORMATEXTENSIBLE_CHANNEL_MASK={value}");
    let counted = |text: &str| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    let body = [counted("vendor"), 1_u32.to_le_bytes().to_vec(), counted(&field)].concat();
    let mut all = head.to_vec();
    all[4] &= 0x7F;
    all.extend([0x84, 0, 0, u8::try_from(body.len()).unwrap()]);
    [all, body].concat()
}

#[test]
fn the_mask_is_that_of_the_comments_as_long_as_the_channels_are() {
    let frames = |channels: u8| [frame(0, 5, channels, 100), frame(1, 5, channels, 100)].concat();
    let stereo = [with_mask(&head(16_000, 2, 8192), "0x600"), frames(2)].concat();
    let masks = |content: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        let mut demuxer = open(&write(&folder, content)).unwrap().unwrap();
        let first = demuxer.tracks()[0].codec.clone().unwrap().mask;
        let packets = std::iter::from_fn(|| demuxer.next().unwrap());
        let changes = packets.filter_map(|packet| packet.codec).map(|codec| codec.mask);
        (first, changes.collect::<Vec<_>>())
    };
    assert_eq!(masks(&stereo), (Some(0x600), Vec::new()));
    let unplaced = [with_mask(&head(16_000, 2, 8192), "0"), frames(2)].concat();
    assert_eq!(masks(&[&stereo[..], &unplaced].concat()), (Some(0x600), vec![Some(0)]));
    assert_eq!(masks(&[&stereo[..], &frames(1)].concat()), (Some(0x600), vec![None]));
}

#[test]
fn a_head_that_lies_is_corrected_by_the_frames() {
    // Other rate, other channels, shorter blocks, and a block of metadata that leads nowhere.
    let frames = (0..5).map(|number| frame(number, 9, 2, 5)).collect::<Vec<_>>().concat();
    let mut lying = head(8_000, 1, 0);
    lying[8..12].copy_from_slice(&[0x01, 0, 0x01, 0]);
    lying[4] = 0;
    let content = [&lying[..], b"\x86\x7F\xFF\xFF", b"picture", &frames].concat();
    let drained = read(&content);
    assert_eq!(drained.packets.len(), 5);
    assert!(
        drained.packets.iter().all(|packet| packet.codec.is_none()),
        "the track says it all"
    );
    let (samples, refused) = decode(open, &content);
    assert_eq!((samples.len(), refused), (5 * 4096 * 2, 0));
}

#[test]
fn a_jump_that_cannot_be_is_no_silence() {
    let mut frames = (0..4).map(|number| frame(number, 5, 1, 5)).collect::<Vec<_>>();
    frames.extend((100..104).map(|number| frame(number, 5, 1, 5)));
    let content = [&head(16_000, 1, 8 * 4096)[..], &frames.concat()].concat();
    let drained = read(&content);
    assert_eq!((drained.packets.len(), drained.lost_ms()), (8, 0));
}

#[test]
fn other_formats_are_no_flac() {
    for content in [b"".as_slice(), b"fLa", b"OggS", &frame(0, 5, 1, 1), &[0; 500]] {
        assert!(drain(open, content).is_none());
    }
    let folder = tempfile::tempdir().unwrap();
    let path = super::super::testing::write(&folder, b"fLaC");
    assert!(open(&path).unwrap().unwrap().tracks()[0].codec.is_none());
}

#[test]
fn the_beginning_may_be_missing() {
    let frames = (7..30)
        .map(|number| frame(number, 5, 1, 5))
        .collect::<Vec<_>>()
        .concat();
    let junk = b"part of a picture".repeat(10);
    for (content, lost_ms) in [
        (frames.clone(), 0),
        // More than the rest of a frame: those of before the first number are lost.
        ([&junk[..], &frames].concat(), 1_792),
        ([&frames[9..], &frames].concat(), 0),
    ] {
        let drained = drain(open_bare, &content).expect("it is FLAC");
        assert!(drained.packets.len() >= 23);
        assert_eq!((drained.lost_ms(), drained.declared_end), (lost_ms, None));
        assert_eq!(decode(open_bare, &content).1, 0);
    }
    for content in [&frames[..9], &junk[..], b"", &[&junk[..], &frames[..33]].concat()] {
        assert!(drain(open_bare, content).is_none());
    }
    assert!(drain(open_bare, &fixture("harbour.mp3")).is_none());
}

#[test]
fn a_destroyed_beginning_has_the_length_by_the_number_behind_it() {
    let frames: Vec<_> = (0..100).map(|number| frame(number, 5, 1, 5)).collect();
    let (whole, lost) = (frames.concat(), frames[..20].concat().len() - 3);
    let samples = |count: u64| count * u64::from(super::header::Header::parse(&frames[0]).unwrap().samples);
    for fill in [1, 0xA5] {
        let content = [vec![fill; lost], whole[lost..].to_vec()].concat();
        let drained = drain(open_bare, &content).expect("it is FLAC");
        let rate = 1_000 * samples(80)
            / drained
                .packets
                .iter()
                .map(|packet| crate::clock::frames(packet.duration.unwrap(), 1_000))
                .sum::<u64>();
        assert_eq!(drained.packets.len(), 80, "{fill}");
        assert!(
            drained.lost_ms().abs_diff(samples(20) * 1_000 / rate) <= 2,
            "{fill} {}",
            drained.lost_ms()
        );
    }
    // A stream that was recorded from its middle on: the bytes count.
    let content = [vec![0xA5; frames[..3].concat().len()], frames[90..].concat()].concat();
    let drained = drain(open_bare, &content).expect("it is FLAC");
    let ten_ms = drained
        .packets
        .iter()
        .map(|packet| crate::clock::frames(packet.duration.unwrap(), 1_000))
        .sum::<u64>();
    assert!(
        drained.lost_ms().abs_diff(ten_ms * 3 / 10) <= 2,
        "{} of {ten_ms}",
        drained.lost_ms()
    );
}

#[test]
fn flac_that_symphonia_cannot_decode_is_left_to_others() {
    let file = |shape: u8, channels: u64| {
        let mut frame = vec![0xFF, 0xF8, 12 << 4 | 5, shape, 0];
        frame.push(checksum8(&frame));
        frame.extend([0; 20]);
        let check = frame.iter().fold(0, |crc, byte| checksum16(crc, *byte));
        frame.extend(check.to_be_bytes());
        [head(16_000, channels, 4096), frame].concat()
    };
    let is_known = |content: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        let demuxer = open(&super::super::testing::write(&folder, content)).unwrap().unwrap();
        demuxer.tracks()[0].codec.is_some()
    };
    // Mid and side of 16 bits; of 32, where the side has 33; one channel of 32.
    assert!(is_known(&file(10 << 4 | 4 << 1, 2)));
    assert!(!is_known(&file(10 << 4 | 7 << 1, 2)));
    assert!(is_known(&file(7 << 1, 1)));
    // Later such a frame is missing.
    let mut content = file(10 << 4 | 7 << 1, 2);
    content.splice(42..42, frame(0, 5, 2, 1));
    content.extend(frame(2, 5, 2, 1));
    let at = 42 + frame(0, 5, 2, 1).len();
    let length = file(0, 2).len() - 42;
    content[at + 4] = 1;
    content[at + 5] = checksum8(&content[at..at + 5]);
    let check = content[at..at + length - 2]
        .iter()
        .fold(0, |crc, byte| checksum16(crc, *byte));
    content[at + length - 2..at + length].copy_from_slice(&check.to_be_bytes());
    content[18..26].copy_from_slice(&(16_000_u64 << 44 | 1 << 41 | 15 << 36 | (3 * 4096)).to_be_bytes());
    let drained = read(&content);
    assert_eq!((drained.packets.len(), drained.lost_ms()), (2, 256));
}

#[test]
fn headers_without_frames_take_no_time_to_search() {
    // Every header claims 231 kB, in which the checksum is never 0.
    let mut claim = vec![0xFF, 0xF8, 0x75, 0x7E, 0, 0x1B, 0x57];
    claim.push(checksum8(&claim));
    let content = [head(16_000, 8, 0), claim.repeat(400_000)].concat();
    let began = std::time::Instant::now();
    assert!(read(&content).packets.is_empty());
    // Checked one by one they would take hours.
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}

#[test]
fn headers_without_frames_between_frames_take_no_time_either() {
    let mut claim = vec![0xFF, 0xF8, 0x75, 0x7E, 0, 0x1B, 0x57];
    claim.push(checksum8(&claim));
    let content = [head(16_000, 8, 0), [claim, frame(0, 5, 1, 7)].concat().repeat(50_000)].concat();
    let began = std::time::Instant::now();
    let drained = read(&content);
    assert!(!drained.ending.lost.is_empty(), "what was not searched is lost");
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}

#[test]
fn the_content_tells_how_long_a_frame_is() {
    let content = fixture("meeting.flac");
    for packet in read(&content).packets {
        let header = Header::parse(&packet.data).unwrap();
        let longer = [&packet.data[..], &[0x55; 100]].concat();
        assert_eq!(length::of_frame(&longer, &header, 16), Some(packet.data.len()));
        assert_eq!(
            length::of_frame(&packet.data[..packet.data.len() - 1], &header, 16),
            None
        );
    }
}

#[test]
fn damage_never_panics() {
    survives_flips(open, &fixture("meeting.flac")[..40_000], 40);
    survives_flips(open, &file(40), 120);
}

/// The first of two joined files lost its end, and the second too.
#[test]
fn the_missing_end_of_a_joined_file_lies_before_the_next() {
    let length = frame(0, 5, 1, 0).len();
    let whole = file(40);
    let cut = &whole[..whole.len() - 10 * length];
    let unknown = |mut content: Vec<u8>| {
        content[21] &= 0xF0;
        content[22..26].fill(0);
        content
    };
    let mut damaged = whole.clone();
    let (start, bytes) = (whole.len() - 10 * length, 10 * length);
    damaged[start..].fill(0x55);
    // Nothing confirms the frame in front of them.
    let damage = format!("{} bytes are no FLAC frames", bytes + length);
    for (first, message, lost) in [
        (cut.to_vec(), "FLAC frames are missing", 10),
        (damaged.clone(), damage.as_str(), 11),
        // Nothing says how much that is.
        (unknown(damaged), damage.as_str(), 0),
    ] {
        let drained = read(&[&first[..], cut].concat());
        assert_eq!((drained.losses(), drained.lost_ms()), (vec![message], lost * 256));
        let behind = drained.packets.len() - 30;
        assert!(!drained.packets[behind].lost.is_empty());
        // Only the end of the last one is missing at the end.
        let promised = drained.ending.promised_end.unwrap() / 1_000_000;
        assert_eq!(promised, (behind as i64 + lost as i64 + 40) * 256);
    }
    // Complete files with something between them.
    assert!(read(&[&whole[..], &[0; 32], &whole].concat()).losses().is_empty());
}

//! MPEG audio files in every state.

use symphonia::core::formats::FormatOptions;
use symphonia::core::formats::probe::Hint;
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;

use super::super::testing::{Drained, decode, drain, fixture, fixture_path, survives_flips};
use super::open;
use crate::clock::frames;

/// 44.1 kHz, 128 kb/s, stereo.
const STEREO: [u8; 4] = [0xFF, 0xFB, 0x90, 0x04];
/// 44.1 kHz, 64 kb/s, mono.
const MONO: [u8; 4] = [0xFF, 0xFB, 0x50, 0xC4];
/// 48 kHz, 128 kb/s, stereo.
const FASTER: [u8; 4] = [0xFF, 0xFB, 0x94, 0x04];

/// Silent frames: all of their side information is 0.
fn silent(header: [u8; 4], length: usize, count: usize) -> Vec<u8> {
    let mut frame = header.to_vec();
    frame.resize(length, 0);
    frame.repeat(count)
}

fn id3(body: &[u8]) -> Vec<u8> {
    let size = body.len();
    let digits = [size >> 21, size >> 14, size >> 7, size].map(|digit| digit as u8 & 0x7F);
    [b"ID3\x03\0\0".as_slice(), &digits, body].concat()
}

fn harbour() -> Vec<u8> {
    fixture("harbour.mp3")
}

/// Position of the hidden frame's tag.
fn tag_of(content: &[u8]) -> usize {
    let is_tag = |window: &[u8]| window == b"Xing" || window == b"Info";
    content.windows(4).position(is_tag).unwrap()
}

/// Multiplies the counts of frames and of bytes.
fn with_counts(content: &[u8], factor: f64) -> Vec<u8> {
    let mut content = content.to_vec();
    let tag = tag_of(&content);
    for at in [tag + 8, tag + 12] {
        let count = u32::from_be_bytes(*content[at..].first_chunk().unwrap());
        content[at..at + 4].copy_from_slice(&((f64::from(count) * factor) as u32).to_be_bytes());
    }
    content
}

/// Frames of sound that are played.
fn heard(drained: &Drained, rate: u32) -> u64 {
    let kept = |packet: &super::Packet| frames(packet.duration.unwrap(), rate) - packet.skip - packet.discard;
    drained.packets.iter().map(kept).sum()
}

fn read(content: &[u8]) -> Drained {
    drain(open, content).expect("it is MPEG audio")
}

#[test]
fn packets_and_trimming_are_those_of_symphonia() {
    let file = std::fs::File::open(fixture_path("harbour.mp3")).unwrap();
    let stream = MediaSourceStream::new(Box::new(file), MediaSourceStreamOptions::default());
    let mut theirs = symphonia::default::get_probe()
        .probe(
            &Hint::new(),
            stream,
            FormatOptions::default(),
            MetadataOptions::default(),
        )
        .unwrap();
    let track = theirs.tracks()[0].clone();
    let ours = read(&harbour());
    let mut count = 0;
    while let Some(packet) = theirs.next_packet().unwrap() {
        assert_eq!(&ours.packets[count].data[..], &packet.data[..], "{count}");
        count += 1;
    }
    assert_eq!(ours.packets.len(), count);
    let skip = ours.packets.iter().map(|packet| packet.skip).sum::<u64>();
    let discard = ours.packets.iter().map(|packet| packet.discard).sum::<u64>();
    assert_eq!(
        (skip, discard),
        (u64::from(track.delay.unwrap()), u64::from(track.padding.unwrap()))
    );
    assert_eq!(heard(&ours, 44_100), track.num_frames.unwrap());
    assert_eq!(frames(ours.declared_end.unwrap(), 44_100), track.num_frames.unwrap());
    assert_eq!((ours.losses().len(), ours.ending.is_cut), (0, false));
}

#[test]
fn counts_that_lie_change_nothing() {
    let whole = heard(&read(&harbour()), 44_100);
    for factor in [2.0, 0.0, 0.5, 40.0] {
        let drained = read(&with_counts(&harbour(), factor));
        assert_eq!(heard(&drained, 44_100), whole, "{factor}");
        assert_eq!(frames(drained.declared_end.unwrap(), 44_100), whole, "{factor}");
        assert!(!drained.ending.is_cut);
    }
}

#[test]
fn counts_without_a_checksum_are_believed_only_in_a_cut_file() {
    // Frames and bytes of a hundred frames; there are ten.
    let mut hidden = silent(STEREO, 417, 1);
    hidden[36..44].copy_from_slice(b"Xing\0\0\0\x03");
    hidden[44..48].copy_from_slice(&100_u32.to_be_bytes());
    hidden[48..52].copy_from_slice(&41_700_u32.to_be_bytes());
    let whole = [hidden, silent(STEREO, 417, 10)].concat();
    assert_eq!(frames(read(&whole).declared_end.unwrap(), 44_100), 11_520);
    let cut = read(&whole[..whole.len() - 100]);
    assert_eq!(frames(cut.declared_end.unwrap(), 44_100), 115_200);
    assert_eq!((cut.packets.len(), cut.ending.is_cut), (9, true));
}

/// Hidden frame of `ffmpeg -i IN -ar 22050 -ac 1 -b:a 64k OUT.mp3` up to its checksum: 342 frames and 71,679 bytes.
const HIDDEN_OF_FFMPEG: &str = "\
    fff380c0000000000000000000496e666f0000000f00000156000117ff000305080b0e101215171a1d20222427292c2f313436393b3e404346484b4d\
    505255585a5d5f616466696c6f717376787b7e818385888a8d909295979a9c9fa1a4a7a9acaeb0b3b6b9bbbec0c2c5c8cbcdd0d2d4d7d9dcdfe1e4e6\
    e9ebeef1f3f6f8fbfd000000004c61766335392e333700000000000000000000000024040f00000000000117ff8e6e5392";

/// With one channel or a low rate, `ffmpeg` computes the checksum over other bytes than LAME.
#[test]
fn counts_of_ffmpeg_with_one_channel_are_believed() {
    let digits = HIDDEN_OF_FFMPEG.as_bytes().chunks_exact(2);
    let mut hidden: Vec<u8> = digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    let header = *hidden.first_chunk().unwrap();
    hidden.resize(208, 0);
    let content = |count| [hidden.clone(), silent(header, 208, count)].concat();
    let (whole, cut) = (read(&content(342)), read(&content(240)));
    assert_eq!((whole.packets.len(), cut.packets.len()), (342, 240));
    assert_eq!(cut.declared_end, whole.declared_end);
    // Another count, and the checksum is wrong.
    let mut edited = content(240);
    let tag = tag_of(&edited);
    edited[tag + 11] ^= 1;
    assert!(read(&edited).declared_end < whole.declared_end);
}

#[test]
fn a_cut_file_declares_what_it_had() {
    let whole = read(&harbour());
    let content = harbour();
    let cut = read(&content[..content.len() * 6 / 10]);
    assert_eq!(cut.declared_end, whole.declared_end);
    assert!(cut.ending.is_cut);
    let share = cut.packets.len() * 100 / whole.packets.len();
    assert!((58..=60).contains(&share), "{share} %");
}

#[test]
fn a_file_that_lost_its_end_in_front_of_another_lacks_it() {
    let content = harbour();
    let whole = read(&content);
    let cut = &content[..content.len() * 6 / 10];
    let tagged = [&id3(b"a title")[..], &content].concat();
    for second in [&content, &tagged] {
        let joined = read(&[cut, second].concat());
        assert_eq!(joined.losses(), ["the end of a file in front of another is missing"]);
        // The frame that was cut may end in the second file.
        let missing = (2 * whole.packets.len() - joined.packets.len()) as u64;
        assert!(missing.abs_diff(whole.packets.len() as u64 * 4 / 10) < 10, "{missing}");
        assert_eq!(joined.lost_ms(), (missing * 1_152_000 + 22_050) / 44_100);
    }
    assert_eq!(read(&[&content[..], &content].concat()).losses(), [""; 0]);
}

#[test]
fn a_hole_is_lost_sound_of_its_length() {
    let mut content = harbour();
    let at = content.len() * 4 / 10;
    content[at..at + 8192].fill(0);
    let (whole, damaged) = (read(&harbour()), read(&content));
    assert_eq!(damaged.losses().len(), 1, "{:?}", damaged.losses());
    assert!(
        damaged.losses()[0].ends_with(" bytes are no MP3 frames"),
        "{:?}",
        damaged.losses()
    );
    let missing = whole.packets.len() - damaged.packets.len();
    assert_eq!(damaged.lost_ms(), (missing as u64 * 1_152_000 + 22_050) / 44_100);
}

#[test]
fn bytes_that_were_cut_out_or_put_in_cost_a_frame() {
    let content = harbour();
    let at = content.len() / 2;
    for changed in [
        [&content[..at], &content[at + 100..]].concat(),
        [&content[..at], b"junk".repeat(5).as_slice(), &content[at..]].concat(),
    ] {
        let (whole, changed) = (read(&content).packets.len(), read(&changed));
        assert!(whole - changed.packets.len() <= 1, "{}", changed.packets.len());
        assert!(changed.lost_ms() <= 27, "{}", changed.lost_ms());
    }
}

#[test]
fn tags_are_no_sound_wherever_they_are() {
    let content = harbour();
    let picture = id3(&[0xFF, 0xFB, 0x90, 0x64].repeat(100_000));
    let mut ape = b"APETAGEX\xd0\x07\0\0".to_vec();
    ape.extend(132_u32.to_le_bytes());
    ape.extend([1, 0, 0, 0, 0, 0, 0, 0xA0, 0, 0, 0, 0, 0, 0, 0, 0]);
    ape.resize(32 + 100, b'x');
    ape.extend(b"APETAGEX\xd0\x07\0\0\x84\0\0\0\x01\0\0\0\0\0\0\x80\0\0\0\0\0\0\0\0");
    let mut title = b"TAG".to_vec();
    title.resize(128, b' ');
    let lyrics = b"LYRICSBEGININD0000200LYR00005Hello000034LYRICS200".to_vec();
    let whole = read(&content);
    for (name, tagged) in [
        ("in front", [&picture, &picture[..], &content].concat()),
        ("behind", [&content[..], &ape, &lyrics, &title].concat()),
        ("zeros", [&[0; 5000], &content[..], &[0; 5000]].concat()),
    ] {
        let drained = read(&tagged);
        assert_eq!(drained.packets.len(), whole.packets.len(), "{name}");
        assert_eq!(
            (drained.losses().len(), drained.declared_end),
            (0, whole.declared_end),
            "{name}"
        );
        assert_eq!(drained.ending, whole.ending, "{name}");
    }
    for (name, between) in [
        ("ID3v2", &picture),
        ("APE", &ape),
        ("ID3v1", &title),
        ("Lyrics3", &lyrics),
    ] {
        let drained = read(&[&content[..], between, &content].concat());
        assert_eq!(drained.packets.len(), 2 * whole.packets.len(), "{name}");
        assert_eq!((drained.losses().len(), &drained.ending), (0, &whole.ending), "{name}");
    }
}

#[test]
fn a_file_may_begin_inside_a_frame() {
    let content = harbour();
    let whole = read(&content);
    let drained = read(&content[content.len() * 3 / 10..]);
    let share = drained.packets.len() * 100 / whole.packets.len();
    assert!((69..=70).contains(&share), "{share} %");
    assert!(drained.losses().is_empty());
}

#[test]
fn the_shape_may_change_on_the_way() {
    let content = [
        silent(MONO, 208, 20),
        silent(STEREO, 417, 30),
        silent(FASTER, 384, 10),
        silent(MONO, 208, 20),
    ]
    .concat();
    let drained = read(&content);
    let changes = drained.packets.iter().enumerate().filter_map(|(index, packet)| {
        let parameters = &packet.codec.as_ref()?.parameters;
        Some((
            index,
            parameters.sample_rate.unwrap(),
            parameters.channels.as_ref().unwrap().count(),
        ))
    });
    assert_eq!(
        changes.collect::<Vec<_>>(),
        [(20, 44_100, 2), (50, 48_000, 2), (60, 44_100, 1)]
    );
    assert!(drained.losses().is_empty());
    assert_eq!(drained.declared_end, None);
    let (samples, refused) = decode(open, &content);
    assert_eq!((samples.len(), refused), (1152 * (20 + 60 + 20 + 20), 0));
}

#[test]
fn one_odd_header_is_damage_and_no_change() {
    let mut content = silent(STEREO, 417, 30);
    content[417 * 10..417 * 10 + 4].copy_from_slice(&MONO);
    let drained = read(&content);
    assert_eq!(drained.packets.len(), 29);
    assert!(drained.packets.iter().all(|packet| packet.codec.is_none()));
    assert_eq!(drained.losses(), ["417 bytes are no MP3 frames"]);
    assert_eq!(drained.lost_ms(), 26);
}

#[test]
fn hidden_frames_are_no_sound_in_the_middle_either() {
    let content = harbour();
    let hidden_at = tag_of(&content) - 36;
    let stereo = content[hidden_at..].starts_with(&[0xFF, 0xFB]);
    assert!(stereo, "the hidden frame is where it is taken to be");
    let joined = [&content[..], &content[hidden_at..]].concat();
    assert_eq!(read(&joined).packets.len(), 2 * read(&content).packets.len());
}

#[test]
fn every_layer_and_version_is_read() {
    for (name, header, length, samples) in [
        ("mp2", [0xFF, 0xFD, 0x84, 0x04], 384, 1152),
        ("mp1", [0xFF, 0xFF, 0x44, 0x04], 128, 384),
        ("mp3", [0xFF, 0xF3, 0x40, 0xC4], 104, 576),
        ("mp3", [0xFF, 0xE3, 0x18, 0xC4], 72, 576),
    ] {
        let drained = read(&silent(header, length, 12));
        assert_eq!((drained.container, drained.packets.len()), (name, 12));
        let rate = [48_000, 48_000, 22_050, 8_000]
            [usize::from(header[1] == 0xFF) + 2 * usize::from(header[1] == 0xF3) + 3 * usize::from(header[1] == 0xE3)];
        assert_eq!(frames(drained.packets[0].duration.unwrap(), rate), samples);
    }
}

#[test]
fn free_format_is_measured() {
    let content = silent([0xFF, 0xFB, 0x00, 0x04], 700, 12);
    let drained = read(&content);
    assert_eq!(drained.packets.len(), 12);
    assert!(drained.packets.iter().all(|packet| packet.data.len() == 700));
}

#[test]
fn junk_behind_is_reported_and_a_partial_frame_is_a_cut() {
    let frames = silent(STEREO, 417, 30);
    let junk = (0..5000_u32)
        .map(|index| (index * 73 + 11) as u8 & 0x7F)
        .collect::<Vec<_>>();
    let drained = read(&[&frames[..], &junk].concat());
    assert_eq!(drained.packets.len(), 30);
    let lost = &drained.ending.lost[0];
    assert_eq!(
        (lost.message.as_str(), lost.duration),
        ("5000 bytes are no MP3 frames", None)
    );
    let cut = read(&frames[..frames.len() - 1]);
    assert_eq!(
        (cut.packets.len(), cut.ending.is_cut, cut.ending.lost.len()),
        (29, true, 0)
    );
}

#[test]
fn frames_inside_something_else_are_no_file_of_frames() {
    // Sound and pictures by turns, as in every container with both.
    let sound = silent(STEREO, 417, 4);
    let picture = (0..6000_u32)
        .map(|index| ((index * 7_919) >> 5) as u8)
        .collect::<Vec<_>>();
    let interleaved = [&sound[..], &picture].concat().repeat(40);
    assert!(drain(open, &interleaved).is_none());
    let short = [&sound[..], &picture[..200]].concat().repeat(40);
    assert!(drain(open, &short).is_none());
    // Far behind the beginning.
    let late = [&picture[..], &silent(STEREO, 417, 100)].concat();
    assert!(drain(open, &late).is_none());
}

#[test]
fn other_bytes_are_not_mpeg_audio() {
    let text = "Hello, this is text. ".repeat(300);
    let wide_text = text.encode_utf16().flat_map(u16::to_le_bytes);
    let with_mark = [0xFF, 0xFE].into_iter().chain(wide_text).collect::<Vec<_>>();
    for content in [
        b"Four score and seven years ago our fathers brought forth."
            .repeat(200)
            .as_slice(),
        &with_mark,
        &with_mark[..20],
        b"\xFF\xFB",
        &[0; 3000],
        &[0xFF; 3000],
        &STEREO,
        &id3(b"nothing behind"),
    ] {
        assert!(
            drain(open, content).is_none(),
            "{:x?}",
            &content[..content.len().min(8)]
        );
    }
}

#[test]
fn a_single_frame_is_enough() {
    assert_eq!(read(&silent(STEREO, 417, 1)).packets.len(), 1);
    assert!(drain(open, &silent(STEREO, 417, 1)[..400]).is_none());
}

#[test]
fn damage_never_panics() {
    let content = harbour();
    survives_flips(open, &content[..60_000], 30);
    survives_flips(open, &silent([0xFF, 0xFB, 0x00, 0x04], 700, 20), 20);
    survives_flips(open, &[silent(MONO, 208, 9), silent(FASTER, 384, 9)].concat(), 20);
}

#[test]
fn lyrics_without_end_take_no_time_to_search() {
    // The shortest frames: MPEG 2.5, 8 kHz, 8 kb/s.
    let frames = silent([0xFF, 0xE3, 0x18, 0xC4], 72, 4);
    let content = [frames.as_slice(), b"LYRICSBEGIN"].concat().repeat(4_000);
    let began = std::time::Instant::now();
    assert!(drain(open, &content).is_none(), "it is interrupted all the time");
    // Repeated reads up to the end of the file would take minutes.
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

#[test]
fn frames_that_a_tag_counts_as_its_own_are_read() {
    let whole = heard(&read(&harbour()), 44_100);
    // The size of a real tag is right, also with frames inside that end before it does.
    let content = harbour();
    let honest = [&id3(&[&content[..100_000], &[0; 5_000]].concat())[..], &content].concat();
    assert_eq!(heard(&read(&honest), 44_100), whole);
    let start = content
        .windows(2)
        .position(|pair| pair[0] == 0xFF && pair[1] >= 0xE0)
        .unwrap();
    for counted in [content.len() / 2, content.len() - 5, content.len() * 2] {
        let mut tag = id3(&vec![0; counted]);
        tag.truncate(10);
        let content = [&tag[..], b"TIT2", &[0; 50], &content[start..]].concat();
        assert_eq!(heard(&read(&content), 44_100), whole, "{counted}");
    }
}

#[test]
fn bytes_that_are_neither_frames_nor_tags_make_it_a_guess() {
    let folder = tempfile::tempdir().unwrap();
    let guess = |content: &[u8]| {
        let opened = open(&crate::demux::testing::write(&folder, content)).unwrap();
        opened.expect("it is MPEG audio").guess()
    };
    let (content, tag) = (harbour(), id3(&[7; 9_000]));
    let (first, second) = content.split_at(content.len() / 2);
    let (junk, zeros) = (vec![0x55; 9_000], vec![0; 9_000]);
    for parts in [
        [&tag[..], &content, &[]],
        [&content, &tag, &content],
        [&[1; 99], &content, &[1; 99]],
    ] {
        assert_eq!(guess(&parts.concat()), None);
    }
    for parts in [
        [first, &junk, second],
        [&zeros, &tag, &content],
        [&content, &zeros, &[]],
    ] {
        assert_eq!(guess(&parts.concat()), Some("mp3"));
    }
}

#[test]
fn a_destroyed_beginning_has_the_length_of_the_frames_in_its_place() {
    let far = |path: &std::path::Path| super::open_within(path, super::Reach::Far);
    let whole = harbour();
    let lost = whole.len() / 10;
    let all = heard(&read(&whole), 44_100);
    for fill in [0, 0xA5] {
        let content = [vec![fill; lost], whole[lost..].to_vec()].concat();
        let drained = drain(far, &content).expect("it is MPEG audio");
        assert_eq!(drained.losses().len(), 1, "{fill}");
        let lost_ms = drained.lost_ms();
        let there_ms = heard(&drained, 44_100) * 1_000 / 44_100;
        assert!(
            (lost_ms + there_ms).abs_diff(all * 1_000 / 44_100) < 200,
            "{fill} {lost_ms} {there_ms}"
        );
        assert_eq!(drained.declared_end, None);
    }
    // All frames are there, by their count: what is in front is foreign, and no sound of this recording.
    let behind = [vec![0xA5; 20_000], whole.clone()].concat();
    assert!(drain(open, &behind).is_none());
    let drained = drain(far, &behind).expect("it is MPEG audio");
    assert_eq!((drained.losses().len(), heard(&drained, 44_100)), (0, all));
    // The end that it lacks is missing.
    let cut = &behind[..behind.len() - whole.len() / 3];
    let drained = drain(far, cut).expect("it is MPEG audio");
    let declared = drained.declared_end.expect("the count of frames is believed");
    assert!(frames(declared, 1_000) > heard(&drained, 44_100) * 1_000 / 44_100 + 5_000);
}

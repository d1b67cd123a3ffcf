//! Files that were truncated, overwritten, joined, or made to harm.

use proptest::prelude::*;

use super::super::super::testing::write;
use super::super::super::{Loss, Losses};
use super::*;

fn clusters() -> Vec<Vec<u8>> {
    (0..3)
        .map(|index| element(id::CLUSTER, &sounds(index * 5, 5)))
        .collect()
}

/// A file with these parts behind its tracks, in a segment of known or unknown size.
fn file(is_known: bool, parts: &[Vec<u8>]) -> Vec<u8> {
    let parts = [vec![tracks(&[pcm(1, &[])])], parts.to_vec()].concat();
    match is_known {
        true => [header(), segment(&parts)].concat(),
        false => [header(), unknown(id::SEGMENT, &parts.concat())].concat(),
    }
}

/// Bytes that begin no element.
fn junk(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 89 % 15) as u8).collect()
}

#[test]
fn junk_between_clusters_is_passed_over() {
    let [first, second, third] = clusters().try_into().unwrap();
    for is_known in [true, false] {
        let drained = read(&file(
            is_known,
            &[first.clone(), junk(1000), second.clone(), third.clone()],
        ));
        assert_eq!(sounds_of(&drained), expected(0..15));
        assert_eq!(drained.losses(), ["1000 bytes are no Matroska"]);
        assert!(!drained.packets[5].lost.is_empty());
        assert!(!drained.ending.is_cut);
    }
}

#[test]
fn junk_behind_the_last_element_is_no_loss_where_the_segment_has_ended() {
    for (is_known, behind, lost) in [
        (true, junk(700), None),
        (false, junk(700), Some("700 bytes are no Matroska")),
        (false, vec![0; 700], None),
        (true, b"abc".to_vec(), None),
        (false, b"abc".to_vec(), Some("3 bytes are no Matroska")),
    ] {
        let drained = read(&[file(is_known, &clusters()), behind].concat());
        assert_eq!(sounds_of(&drained), expected(0..15));
        let message = drained.ending.lost.first().map(|loss| loss.message.clone());
        assert_eq!((drained.ending.is_cut, message.as_deref()), (false, lost));
    }
}

#[test]
fn a_file_that_is_cut_anywhere_says_so() {
    for is_known in [true, false] {
        let content = file(is_known, &clusters());
        let begin = file(is_known, &[]).len() + 30;
        for end in (begin..content.len()).step_by(7) {
            let drained = read(&content[..end]);
            let count = drained.packets.len();
            assert_eq!(sounds_of(&drained), expected(0..count), "{end}");
            // A loss between clusters is not visible.
            let is_between = !is_known && drained.packets.len().is_multiple_of(5);
            assert!(drained.ending.is_cut || is_between, "{end} {is_known}");
            assert_eq!(drained.losses().len(), 0);
        }
    }
}

/// The size of one block is wrong.
#[test]
fn a_wrong_size_costs_one_block() {
    let block = simple(1, 0, &sound(0));
    for (is_known, wrong) in [
        (true, 0x10),
        // One too large: the beginning of the next block is hidden in this one.
        (true, 0x145),
        (true, 0xFF_FFFF),
        (false, 0x01),
        (false, 0xFF_FFFF),
        (true, 0x00),
    ] {
        let mut content = file(is_known, &clusters());
        let at = content
            .windows(block.len())
            .position(|window| window == simple(1, 40, &sound(7)))
            .unwrap();
        let size = (wrong | 1_u64 << 56).to_be_bytes();
        content[at + 1..at + 9].copy_from_slice(&size);
        let drained = read(&content);
        let packets = drained.packets.iter();
        let whole = packets
            .filter(|packet| packet.data.len() == 320)
            .map(|packet| packet.time.unwrap() / MS);
        let expected = (0..15).filter(|index| *index != 7).map(|index| index * 20);
        assert_eq!(whole.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "{wrong:x}");
        assert_eq!(drained.losses().len(), 1, "{wrong:x}");
        assert!(!drained.ending.is_cut);
    }
}

#[test]
fn a_cluster_without_its_header_loses_nothing_else() {
    let mut content = file(true, &clusters());
    let at = content
        .windows(4)
        .position(|window| window == id::CLUSTER.to_be_bytes())
        .unwrap();
    let second = at
        + 4
        + content[at + 4..]
            .windows(4)
            .position(|window| window == id::CLUSTER.to_be_bytes())
            .unwrap();
    content[second] = 0;
    let drained = read(&content);
    // The times of its blocks follow from their positions in the file.
    let found = sounds_of(&drained)
        .into_iter()
        .map(|(index, time)| (index, time.map(|time| time / 10 * 10)));
    assert_eq!(found.collect::<Vec<_>>(), expected(0..15));
    assert_eq!(drained.losses().len(), 1);
}

/// The time of a cluster is overwritten, so that it is no time or another one.
#[test]
fn the_time_of_a_cluster_follows_from_the_next() {
    for which in 0..2 {
        for wrong in [None, Some(7_200_000_u64), Some(1_000)] {
            let parts = (0..3).map(|index| {
                let mut body = sounds(index * 100, 100);
                match wrong {
                    _ if index != which => {}
                    None => body[0] = 0xEC,
                    Some(time) => body[2..10].copy_from_slice(&time.to_be_bytes()),
                }
                element(id::CLUSTER, &body)
            });
            let drained = read(&file(true, &parts.collect::<Vec<_>>()));
            // Nothing is before the first cluster, whose time may be any.
            if which > 0 || wrong.is_none() {
                assert_eq!(sounds_of(&drained), expected(0..300), "{which} {wrong:?}");
            }
        }
    }
}

/// The time of one block is overwritten.
#[test]
fn a_block_that_jumps_alone_has_no_time() {
    for (at, wrong) in [(50, 30_000_i16), (50, -30_000), (99, 30_000), (100, 30_000)] {
        let blocks = |first: usize| {
            let blocks = (first..first + 100).map(|index| {
                let time = if index == at {
                    wrong
                } else {
                    ((index - first) * 20) as i16
                };
                simple(1, time, &sound(index))
            });
            element(id::CLUSTER, &cluster(first as u64 * 20, &blocks.collect::<Vec<_>>()))
        };
        let drained = read(&file(true, &[blocks(0), blocks(100)]));
        let times: Vec<_> = expected(0..200)
            .into_iter()
            .map(|(index, time)| (index, time.filter(|_| index != at)))
            .collect();
        assert_eq!(sounds_of(&drained), times, "{at} {wrong}");
    }
}

/// 20 s of Opus in clusters of so many packets: silence, and speech from 9 s on.
fn silence_and_speech(parts: Vec<Vec<u8>>, (packets, is_open): (usize, bool)) -> Vec<u8> {
    let clusters = (0..1000).step_by(packets).map(|first| {
        let blocks = (first..first + packets).map(|index| simple(1, ((index - first) * 20) as i16, &numbered(index)));
        let body = cluster(first as u64 * 20, &blocks.collect::<Vec<_>>());
        match is_open {
            true => unknown(id::CLUSTER, &body),
            false => element(id::CLUSTER, &body),
        }
    });
    let entry = audio(1, "A_OPUS", 48_000.0, 0, &[]);
    let all: Vec<_> = parts.into_iter().chain([tracks(&[entry])]).chain(clusters).collect();
    match is_open {
        true => [header(), unknown(id::SEGMENT, &all.concat())].concat(),
        false => [header(), segment(&all)].concat(),
    }
}

/// A packet of 20 ms with its number.
fn numbered(index: usize) -> Vec<u8> {
    let length = if index < 450 { 3 } else { 200 };
    [&[0xFC][..], &(index as u16).to_be_bytes(), &vec![0x55; length]].concat()
}

/// Zeros from one packet up to another.
fn hole(content: &mut [u8], from: usize, to: usize) {
    let place = |index: usize| {
        let packet = numbered(index);
        let at = content.windows(packet.len()).position(|window| window == packet);
        // The head of a block is in front of it.
        at.unwrap() - if packet.len() + 4 < 0x7F { 6 } else { 13 }
    };
    let (start, end) = (place(from), place(to));
    content[start..end].fill(0);
}

/// The largest distance of a packet from its time, in milliseconds.
fn largest_error(drained: &Drained) -> i64 {
    let errors = drained.packets.iter().map(|packet| {
        let index = u16::from_be_bytes([packet.data[1], packet.data[2]]);
        (packet.time.unwrap() / MS - i64::from(index) * 20).abs()
    });
    errors.max().unwrap()
}

#[test]
fn blocks_behind_a_lost_head_end_where_the_next_cluster_begins() {
    for (packets, is_open, holes) in [
        (250, false, &[(460, 600)][..]),
        (50, false, &[(460, 600)]),
        (250, true, &[(460, 600)]),
        // The relative times go on as if no head was lost.
        (50, true, &[(460, 580)]),
        (250, false, &[(460, 505), (600, 690), (740, 760)]),
        (125, false, &[(440, 640)]),
    ] {
        let mut content = silence_and_speech(Vec::new(), (packets, is_open));
        holes.iter().for_each(|(from, to)| hole(&mut content, *from, *to));
        let drained = read(&content);
        let lost: usize = holes.iter().map(|(from, to)| to - from).sum();
        assert_eq!(drained.packets.len(), 1000 - lost, "{packets} {is_open} {holes:?}");
        let error = largest_error(&drained);
        // The end of a row before another hole is not known.
        let most = if holes.len() == 1 { 1 } else { 10 };
        assert!(error <= most, "{packets} {is_open} {holes:?}: {error} ms");
    }
}

/// Between two holes the time is about right, and in any case before the next cluster.
#[test]
fn blocks_between_two_holes_are_before_the_next_cluster() {
    let mut content = silence_and_speech(Vec::new(), (250, false));
    hole(&mut content, 440, 560);
    hole(&mut content, 650, 700);
    let mut holes = content.clone();
    hole(&mut holes, 740, 745);
    for content in [content, holes] {
        let drained = read(&content);
        let error = largest_error(&drained);
        assert!(error <= 1_500, "{error} ms");
        let late = drained
            .packets
            .iter()
            .filter(|packet| packet.time.unwrap() >= 15_000 * MS);
        assert_eq!(late.count(), 250);
    }
}

/// No cluster is behind: the duration of the segment shows the time, or the bytes do without being misled by the silence.
#[test]
fn the_last_cluster_without_its_head_is_near_its_time() {
    for (parts, most) in [(vec![info(20_000.0)], 1), (Vec::new(), 1_000)] {
        let mut content = silence_and_speech(parts, (250, false));
        hole(&mut content, 700, 800);
        let error = largest_error(&read(&content));
        assert!(error <= most, "{error} ms");
    }
}

#[test]
fn a_cluster_of_any_size_ends_where_the_next_begins() {
    for size in [10, 5000, u64::MAX >> 8] {
        let parts: Vec<_> = (0..3)
            .map(|index| sized(id::CLUSTER, size, &sounds(index * 5, 5)))
            .collect();
        let drained = read(&file(true, &parts));
        assert_eq!(sounds_of(&drained), expected(0..15), "{size}");
        assert!(!drained.ending.is_cut);
    }
}

#[test]
fn files_that_were_joined_follow_each_other() {
    let whole = file(true, &clusters());
    let drained = read(&[whole.clone(), whole.clone()].concat());
    let indices = (0..15).chain(0..15);
    let times: Vec<_> = indices
        .enumerate()
        .map(|(at, index)| (index, Some(at as i64 * 20)))
        .collect();
    assert_eq!(sounds_of(&drained), times);
    assert!(drained.packets[15].codec.is_some() && drained.packets[16].codec.is_none());
    // A recorder that was restarted and whose clock continued.
    let later = file(false, &[unknown(id::CLUSTER, &sounds(50, 5))]);
    let drained = read(&[file(false, &clusters()), later].concat());
    assert_eq!(sounds_of(&drained), expected((0..15).chain(50..55)));
}

#[test]
fn a_joined_file_may_have_another_codec() {
    let other = [
        header(),
        segment(&[
            tracks(&[audio(7, "A_PCM/INT/BIG", 16_000.0, 16, &[])]),
            element(id::CLUSTER, &cluster(0, &[simple(7, 0, &sound(3))])),
        ]),
    ]
    .concat();
    let drained = read(&[file(true, &clusters()), other].concat());
    let last = drained.packets.last().unwrap();
    let rate = last.codec.as_ref().unwrap().parameters.sample_rate;
    assert_eq!(
        (last.time, rate, last.duration),
        (Some(300 * MS), Some(16_000), Some(10 * MS))
    );
}

#[test]
fn missing_declared_sound_is_reported() {
    // The track is alone, and declared to be 10 s.
    let parts = [vec![info(10_000.0), tracks(&[pcm(1, &[])])], clusters()].concat();
    let drained = read(&[header(), segment(&parts)].concat());
    assert_eq!(drained.ending.promised_end, Some(10_000 * MS));
    // Pictures last until then.
    let picture = element(id::CLUSTER, &cluster(9_500, &[simple(2, 0, b"picture")]));
    let tracks = tracks(&[pcm(1, &[]), entry(2, 1, "V_VP9", &[])]);
    let parts = [vec![info(10_000.0), tracks.clone()], clusters(), vec![picture]].concat();
    let drained = read(&[header(), segment(&parts)].concat());
    assert_eq!((drained.declared_end, drained.ending.promised_end), (None, None));
    // No track does.
    let parts = [vec![info(10_000.0), tracks], clusters()].concat();
    assert_eq!(
        read(&[header(), segment(&parts)].concat()).ending.promised_end,
        Some(10_000 * MS)
    );
}

#[test]
fn nothing_is_reserved_for_claims() {
    let huge = sized(id::SIMPLE_BLOCK, 1 << 40, &block(1, 0, 0x80, b"x"));
    let mut parts = clusters();
    parts.push(element(id::CLUSTER, &cluster(0, &[huge])));
    parts.push(sized(id::TAGS, 1 << 50, b"x"));
    let drained = read(&file(true, &parts));
    assert_eq!(sounds_of(&drained), expected(0..15));
}

/// Reads all tracks of a file of this content; it only has to end.
fn survive(content: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, content);
    for index in 0..2 {
        let Ok(Some(mut demuxer)) = open(&path) else { return };
        demuxer.select(index);
        let count = std::iter::from_fn(|| demuxer.next().unwrap()).count();
        assert!(count <= content.len() + 1);
        demuxer.ending();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is overwritten, untouched packets in intact clusters are returned, in order.
    #[test]
    fn damage_stays_where_it_is(at in 200_usize..4_000, bytes in proptest::collection::vec(any::<u8>(), 1..200)) {
        let whole = file(true, &clusters());
        let begin = file(true, &[]).len();
        let at = begin + at % (whole.len() - begin);
        let end = (at + bytes.len()).min(whole.len());
        let mut content = whole.clone();
        content[at..end].copy_from_slice(&bytes[..end - at]);
        let drained = read(&content);
        let length = clusters()[0].len();
        for index in 0..15 {
            let cluster = begin + (index / 5) * length;
            let sound = sound(index);
            let place = cluster + whole[cluster..].windows(320).position(|window| window == sound).unwrap();
            // A block's header is in front of its sound, a cluster's in front of its blocks.
            let is_touched = (at < place + 320 && end > place - 13) || (at < cluster + 40 && end > cluster);
            prop_assert!(
                is_touched || drained.packets.iter().any(|packet| packet.data == sound),
                "packet {} is gone, {}..{}", index, at, end
            );
        }
    }

    #[test]
    fn flipped_bytes_never_stop_it(
        flips in proptest::collection::vec((0_usize..6_000, any::<u8>()), 1..60),
        end in 0_usize..6_000,
        is_known: bool,
    ) {
        let mut content = file(is_known, &clusters());
        let length = content.len();
        for (at, byte) in flips {
            content[at % length] = byte;
        }
        content.truncate(length - end % 500);
        survive(&content);
    }

    #[test]
    fn any_input_terminates(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        survive(&file(false, &[unknown(id::CLUSTER, &bytes)]));
    }
}

/// Zeros from some block on, over the head of the next cluster.
#[test]
fn blocks_of_a_cluster_without_its_head_are_read_at_about_their_times() {
    let blocks = |first: usize| element(id::CLUSTER, &sounds(first, 100));
    for (is_known, is_open, from, to) in [
        (true, false, 60, 120),
        (true, false, 99, 101),
        (false, true, 60, 110),
        (false, false, 20, 195),
    ] {
        let clusters = [0, 100, 200].map(|first| match is_open {
            true => unknown(id::CLUSTER, &sounds(first, 100)),
            false => blocks(first),
        });
        let mut content = file(is_known, &clusters);
        let place = |content: &[u8], index: usize| {
            let block = simple(1, (index % 100) as i16 * 20, &sound(index));
            content.windows(block.len()).position(|window| window == block).unwrap()
        };
        let (start, end) = (place(&content, from), place(&content, to));
        content[start..end].fill(0);
        let drained = read(&content);
        let found = sounds_of(&drained);
        let expected: Vec<_> = (0..from).chain(to..300).collect();
        assert_eq!(found.iter().map(|(index, _)| *index).collect::<Vec<_>>(), expected);
        for (index, time) in found {
            let off = (time.unwrap() - index as i64 * 20).abs();
            assert!(off <= 60, "{index} is {off} ms off");
        }
        assert_eq!(drained.losses(), [format!("{} bytes are no Matroska", end - start)]);
    }
}

/// A recorder that begins another segment with another codec, and a third one as before.
#[test]
fn a_segment_in_an_unknown_codec_is_a_loss() {
    let of = |entry: Vec<u8>, first: usize| {
        segment(&[info(100.0), tracks(&[entry]), element(id::CLUSTER, &sounds(first, 5))])
    };
    let (known, unknown) = (
        |first| of(pcm(1, &[]), first),
        of(audio(1, "A_TRUEHD", 48_000.0, 24, &[]), 5),
    );
    let drained = read(&[header(), known(0), header(), unknown.clone(), header(), known(10)].concat());
    let indices: Vec<_> = sounds_of(&drained).into_iter().map(|(index, _)| index).collect();
    assert_eq!(indices, [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]);
    let loss = "a part is in a codec that cannot be decoded (A_TRUEHD)";
    assert_eq!(drained.losses(), [loss]);
    let away = drained.packets[5].time.unwrap() - drained.packets[4].time.unwrap();
    assert!(away >= 120 * MS, "the segment keeps its length: {away}");
    let drained = read(&[header(), known(0), header(), unknown].concat());
    assert_eq!(drained.ending.lost[0].message, loss);
}

/// A segment of a second, whose last blocks from the one with this number on are no blocks.
fn segment_with_damage(entry: Vec<u8>, first: usize, from: usize) -> Vec<u8> {
    let blocks = |index: usize| simple(1, (index * 20) as i16, &sound(first + index));
    let there: Vec<_> = (0..from).map(blocks).collect();
    let length: usize = (from..50).map(|index| blocks(index).len()).sum();
    let cluster = [cluster(first as u64 * 20, &there), junk(length)].concat();
    segment(&[info(1_000.0), tracks(&[entry]), element(id::CLUSTER, &cluster)])
}

/// The losses as milliseconds and the beginning of the message.
fn shown(losses: &Losses) -> Vec<(Option<i64>, &str)> {
    let shown = |loss: &Loss| loss.duration.map(|duration| duration / MS);
    losses
        .iter()
        .map(|loss| (shown(loss), loss.message.trim_start_matches(char::is_numeric)))
        .collect()
}

#[test]
fn damage_before_a_part_in_an_unknown_codec_is_told_as_well() {
    let timed = [unsigned(id::DEFAULT_DURATION, 20 * MS.unsigned_abs())];
    let of = |codec: &str, first: usize, from: usize| {
        let entry = match codec {
            "" => pcm(1, &[]),
            codec => audio(1, codec, 48_000.0, 24, &timed),
        };
        [header(), segment_with_damage(entry, first, from)].concat()
    };
    let (first, second, third) = (of("", 0, 30), of("A_TRUEHD", 50, 35), of("A_DTS/X", 100, 50));
    let (damaged, truehd, dts) = (
        " bytes are no Matroska",
        "a part is in a codec that cannot be decoded (A_TRUEHD)",
        "a part is in a codec that cannot be decoded (A_DTS/X)",
    );
    let losses = [
        (Some(400), damaged),
        (Some(700), truehd),
        (Some(300), damaged),
        (Some(1_000), dts),
    ];
    let all = [first, second, third];
    let drained = read(&[all.concat(), of("", 150, 50)].concat());
    let behind = &drained.packets[30];
    assert_eq!(shown(&behind.lost), losses);
    assert_eq!(behind.time, Some(3_000 * MS));
    assert_eq!(shown(&read(&all.concat()).ending.lost), losses);
}

#[test]
fn the_missing_end_of_a_segment_lies_before_the_next() {
    let cut = segment(&[
        info(1_000.0),
        tracks(&[pcm(1, &[])]),
        element(id::CLUSTER, &sounds(0, 5)),
    ]);
    let drained = read(&[header(), cut.clone(), header(), cut].concat());
    let missing = [(Some(900), "the end of a segment is missing")];
    assert_eq!(shown(&drained.packets[5].lost), missing);
    assert_eq!(drained.packets[5].time, Some(1_000 * MS));
    assert_eq!(drained.ending.promised_end, Some(2_000 * MS));
}

#[test]
fn a_block_with_a_damaged_track_number_is_a_loss() {
    let mut blocks: Vec<_> = (0..10)
        .map(|index| simple(1, index as i16 * 20, &sound(index)))
        .collect();
    let file = |blocks: &[Vec<u8>]| file(true, &[element(id::CLUSTER, &cluster(0, blocks))]);
    blocks[4] = simple(9, 80, &sound(4));
    let drained = read(&file(&blocks));
    assert_eq!(
        (drained.packets.len(), drained.losses()),
        (9, vec!["a block is damaged"])
    );
    // A track that is not listed, beside one that is whole.
    blocks[4] = [simple(1, 80, &sound(4)), simple(9, 80, b"other")].concat();
    let drained = read(&file(&blocks));
    assert_eq!((drained.packets.len(), drained.losses().len()), (10, 0));
}

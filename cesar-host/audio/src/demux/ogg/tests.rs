use super::page::{Page, write};
use super::*;
use crate::demux::testing::{Drained, decode, drain, fixture, survives_flips};

mod losses;

/// The pages of a file.
fn pages(content: &[u8]) -> Vec<Vec<u8>> {
    let starts: Vec<_> = memchr::memmem::find_iter(content, b"OggS").collect();
    let ends = starts[1..].iter().copied().chain([content.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| content[*start..end].to_vec())
        .collect()
}

#[test]
fn the_sound_is_all_there_and_nothing_else() {
    for (name, samples) in [("welcome.ogg", 195_377), ("spanish.opus", 641_949)] {
        let (decoded, refused) = decode(open, &fixture(name));
        assert_eq!((decoded.len(), refused), (samples, 0), "{name}");
        let drained = drain(open, &fixture(name)).unwrap();
        assert!(drained.losses().is_empty() && !drained.ending.is_cut);
    }
}

#[test]
fn times_follow_each_other() {
    let drained = drain(open, &fixture("spanish.opus")).unwrap();
    let packets: Vec<_> = drained.packets.iter().filter(|packet| packet.skip == 0).collect();
    for pair in packets.windows(2) {
        assert_eq!(pair[0].time.unwrap() + pair[0].duration.unwrap(), pair[1].time.unwrap());
    }
    let last = packets.last().unwrap();
    let end = last.time.unwrap() + last.duration.unwrap() - crate::clock::nanoseconds(last.discard, 48_000);
    assert!((end - drained.declared_end.unwrap()).abs() < 50_000);
}

#[test]
fn a_lost_page_is_a_gap_of_its_length() {
    let content = fixture("spanish.opus");
    let mut all = pages(&content);
    let whole = drain(open, &content).unwrap();
    all.remove(5);
    let drained = drain(open, &all.concat()).unwrap();
    assert_eq!(drained.losses(), ["pages of the recording are missing"]);
    let behind = drained
        .packets
        .iter()
        .position(|packet| !packet.lost.is_empty())
        .unwrap();
    let same = whole
        .packets
        .iter()
        .position(|packet| packet.data == drained.packets[behind].data);
    assert_eq!(drained.packets[behind].time, whole.packets[same.unwrap()].time);
    assert_eq!(drained.packets.last().unwrap().time, whole.packets.last().unwrap().time);
}

#[test]
fn damage_and_junk_are_passed_over() {
    let content = fixture("welcome.ogg");
    let mut all = pages(&content);
    let at = all[4].len() / 2;
    all[4][at] ^= 0x55;
    all.insert(7, b"this is no page OggS nor is this".to_vec());
    let drained = drain(open, &all.concat()).unwrap();
    let losses = drained.losses();
    assert!(losses[0].contains("are no Ogg pages"), "{losses:?}");
    let whole = drain(open, &content).unwrap();
    assert_eq!(drained.packets.last().unwrap().time, whole.packets.last().unwrap().time);
}

#[test]
fn the_links_of_a_chain_follow_each_other() {
    let (first, second) = (fixture("welcome.ogg"), fixture("spanish.opus"));
    for (content, count) in [
        ([first.clone(), second.clone()], 195_377 + 641_949),
        ([second.clone(), second], 2 * 641_949),
    ] {
        let content = content.concat();
        let (decoded, refused) = decode(open, &content);
        assert_eq!((decoded.len(), refused), (count, 0));
        let drained = drain(open, &content).unwrap();
        let changes = drained.packets.iter().filter(|packet| packet.codec.is_some()).count();
        assert_eq!(changes, 1);
        let folder = tempfile::tempdir().unwrap();
        let path = crate::demux::testing::write(&folder, &content);
        assert_eq!(open(&path).unwrap().unwrap().tracks().len(), 1, "a link is no track");
        let times: Vec<_> = drained.packets.iter().filter_map(|packet| packet.time).collect();
        assert!(times.is_sorted(), "the second link continues where the first ended");
        assert!(drained.losses().is_empty());
    }
}

/// The same page with a wrong checksum.
fn broken(mut page: Vec<u8>) -> Vec<u8> {
    let last = page.len() - 1;
    page[last] ^= 0x55;
    page
}

/// The pages with other contents, and their checksums.
fn changed(pages: &[Vec<u8>], change: impl Fn(usize, &mut Vec<u8>)) -> Vec<u8> {
    let mut pages = pages.to_vec();
    for (index, page) in pages.iter_mut().enumerate() {
        change(index, page);
        page[22..26].fill(0);
        let sum = page::checksum(page);
        page[22..26].copy_from_slice(&sum.to_le_bytes());
    }
    pages.concat()
}

#[test]
fn a_stream_that_changes_its_number_is_read_on_or_reported() {
    let content = fixture("spanish.opus");
    let (all, whole) = (pages(&content), drain(open, &content).unwrap());
    let half = all.len() / 2;
    let renamed = |page: &mut Vec<u8>| page[14..18].copy_from_slice(b"else");
    let drained = drain(
        open,
        &changed(&all, |index, page| {
            if index >= half {
                renamed(page)
            }
        }),
    )
    .unwrap();
    assert_eq!(
        (drained.packets.len(), drained.losses().len()),
        (whole.packets.len(), 0)
    );

    // The number of the page is another as well.
    let without = [&all[..half], &all[half + 1..]].concat();
    let drained = drain(
        open,
        &changed(&without, |index, page| {
            if index >= half {
                renamed(page)
            }
        }),
    )
    .unwrap();
    assert!(drained.packets.len() < whole.packets.len());
    let lost = &drained.ending.lost[0];
    assert_eq!(lost.message, "pages belong to no stream of the file");
}

#[test]
fn pages_with_wrong_checksums_at_the_end_are_lost_sound() {
    let content = fixture("spanish.opus");
    let mut all = pages(&content);
    let half = all.len() / 2;
    all[half..].iter_mut().for_each(|page| page[23] ^= 0x55);
    let drained = drain(open, &all.concat()).unwrap();
    let (lost, last) = (&drained.ending.lost[0], drained.packets.last().unwrap());
    assert!(lost.message.ends_with("bytes are no Ogg pages"), "{}", lost.message);
    let end = last.time.unwrap() + lost.duration.unwrap();
    assert!(
        (end / 1_000_000 - 13_374).abs() < 1_500,
        "about the length of the recording: {end}"
    );
    for (tail, message) in [
        (vec![0; 5_000], None),
        (vec![7; 5_000], Some("5000 bytes are no Ogg pages")),
    ] {
        let lost = drain(open, &[content.clone(), tail].concat()).unwrap().ending.lost;
        let expected = message.map(|message: &str| (message.to_owned(), None));
        assert_eq!(lost.first().map(|lost| (lost.message.clone(), lost.duration)), expected);
    }
}

/// A link of Speex at 16 kHz that lasts two seconds.
fn speex(serial: u32) -> Vec<u8> {
    let mut head = b"Speex   ".to_vec();
    head.resize(36, 0);
    head.extend(16_000_u32.to_le_bytes());
    let page = |sequence: u32, granule: u64, body: &[u8]| {
        write(&Page {
            serial,
            sequence,
            granule: Some(granule),
            is_continued: false,
            is_first: sequence == 0,
            is_last: sequence == 2,
            segments: vec![u8::try_from(body.len()).unwrap()],
            body: body.to_vec(),
        })
    };
    [page(0, 0, &head), page(1, 0, b"comments"), page(2, 32_000, &[7; 60])].concat()
}

#[test]
fn a_link_in_an_unknown_codec_is_a_loss_of_its_length() {
    let (first, second) = (fixture("welcome.ogg"), fixture("spanish.opus"));
    let (alone, behind) = (drain(open, &first).unwrap(), drain(open, &second).unwrap());
    let loss = "a part is in a codec that cannot be decoded (speex)";
    // The serial of the unknown link may be that of its neighbour.
    for serial in [1, 2] {
        let content = [first.clone(), speex(1), speex(serial), second.clone()].concat();
        let drained = drain(open, &content).unwrap();
        assert_eq!(drained.packets.len(), alone.packets.len() + behind.packets.len());
        assert_eq!(drained.losses(), [loss]);
        let (before, after) = drained.packets.split_at(alone.packets.len());
        let last = before.last().unwrap();
        let end = last.time.unwrap() + last.duration.unwrap();
        let away = after[0].time.unwrap() - end;
        assert!((away - 4_000_000_000).abs() < 100_000_000, "{away}");
    }
    let drained = drain(open, &[first, speex(1)].concat()).unwrap();
    let lost = &drained.ending.lost[0];
    assert_eq!((lost.message.as_str(), lost.duration), (loss, Some(2_000_000_000)));
}

#[test]
fn a_cut_file_gives_what_is_there() {
    let content = fixture("welcome.ogg");
    let drained = drain(open, &content[..content.len() * 6 / 10]).unwrap();
    assert!(drained.ending.is_cut && !drained.packets.is_empty());
}

/// A listener who joins a radio station late gets its headers and its current pages, with their numbers and positions.
#[test]
fn a_part_of_a_longer_stream_begins_at_0() {
    let content = moved(&fixture("spanish.opus"), 3_600 * 48_000);
    let joined = changed(&pages(&content), |index, page| {
        let number = if index < 2 { index } else { index + 3_600 };
        page[18..22].copy_from_slice(&u32::try_from(number).unwrap().to_le_bytes());
    });
    let (drained, whole) = (
        drain(open, &joined).unwrap(),
        drain(open, &fixture("spanish.opus")).unwrap(),
    );
    let times = |drained: &Drained| drained.packets.iter().map(|packet| packet.time).collect::<Vec<_>>();
    assert_eq!(times(&drained), times(&whole));
    assert_eq!(drained.losses(), [""; 0]);
}

/// The first pages of sound are zeros, damaged or missing, in a file and in a link behind another.
#[test]
fn lost_first_pages_are_a_loss_of_their_length() {
    let before = fixture("welcome.ogg");
    for (name, headers) in [("welcome.ogg", 2), ("spanish.opus", 2)] {
        let content = fixture(name);
        let all = pages(&content);
        let zeroed = |count: usize| {
            let lost: usize = all[headers..headers + count].iter().map(Vec::len).sum();
            [all[..headers].concat(), vec![0; lost], all[headers + count..].concat()].concat()
        };
        let flipped = [
            all[..headers].concat(),
            broken(all[headers].clone()),
            all[headers + 1..].concat(),
        ]
        .concat();
        let missing = [&all[..headers], &all[headers + 2..]].concat().concat();
        for (what, damaged) in [
            ("zeros", zeroed(1)),
            ("more zeros", zeroed(3)),
            ("a bit", flipped),
            ("missing", missing),
        ] {
            for (start, front) in [(0, 0), (1, before.len())] {
                let join = |content: &[u8]| drain(open, &[&before[..front], content].concat()).unwrap();
                let (whole, drained) = (join(&content), join(&damaged));
                assert_eq!(
                    drained.losses().len(),
                    1,
                    "{name} {what} {start}: {:?}",
                    drained.losses()
                );
                let last = |drained: &Drained| drained.packets.last().unwrap().time;
                assert_eq!(last(&drained), last(&whole), "{name} {what} {start}");
                assert_eq!(drained.declared_end, whole.declared_end, "{name} {what} {start}");
                let begin = drained.packets.iter().position(|packet| !packet.lost.is_empty());
                let behind = &drained.packets[begin.unwrap()];
                let from_end = drained.packets.len() - begin.unwrap();
                let same = &whole.packets[whole.packets.len() - from_end];
                assert!(behind.data == same.data, "{name} {what} {start}");
                // The first packet of Vorbis behind a loss has no sound, so its time is that of the next.
                let away = behind.time.unwrap() - same.time.unwrap();
                assert!((0..100_000_000).contains(&away), "{name} {what} {start}: {away}");
                assert_eq!(behind.skip, 0, "{name} {what}");
            }
        }
    }
}

#[test]
fn pictures_beside_the_sound_are_passed_over() {
    let content = fixture("spanish.opus");
    let picture = |sequence: u32, is_first: bool, body: &[u8]| {
        write(&Page {
            serial: 77,
            sequence,
            granule: Some(0),
            is_continued: false,
            is_first,
            is_last: false,
            segments: vec![u8::try_from(body.len()).unwrap()],
            body: body.to_vec(),
        })
    };
    let mut all = pages(&content);
    all.insert(0, picture(0, true, b"\x80theora and more"));
    all.insert(4, picture(1, false, b"a picture"));
    let content = all.concat();
    let demuxed = drain(open, &content).unwrap();
    assert!(demuxed.losses().is_empty(), "{:?}", demuxed.losses());
    assert_eq!(decode(open, &content).0.len(), 641_949);
}

/// The same pages, with granule positions moved by this number of frames.
fn moved(content: &[u8], by: u64) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = Bytes::open(&crate::demux::testing::write(&folder, content)).unwrap();
    let (mut moved, mut at) = (Vec::new(), 0);
    while let page::Found::Page(mut page, end, _) = page::find(&mut bytes, at).unwrap() {
        at = end;
        page.granule = page.granule.map(|granule| if granule > 0 { granule + by } else { 0 });
        moved.extend(write(&page));
    }
    moved
}

#[test]
fn a_part_of_a_longer_stream_declares_its_own_end() {
    for name in ["welcome.ogg", "spanish.opus"] {
        let (whole, cut) = (
            drain(open, &fixture(name)).unwrap(),
            drain(open, &moved(&fixture(name), 960_000)).unwrap(),
        );
        assert_eq!(cut.declared_end, whole.declared_end, "{name}");
        let times = |drained: &Drained| drained.packets.iter().map(|packet| packet.time).collect::<Vec<_>>();
        assert_eq!(times(&cut), times(&whole), "{name}");
    }
}

/// Five pictures a second from 0 on, sound from 3 s on.
#[test]
fn sound_that_begins_after_the_pictures_begins_late() {
    let mut header = b"\x80theora\x03\x02\x01".to_vec();
    header.resize(22, 0);
    header.extend([0, 0, 0, 5, 0, 0, 0, 1]);
    header.resize(40, 0);
    header.extend([0, 6 << 5]);
    let page = |sequence: u32, granule: u64, body: &[u8]| {
        write(&Page {
            serial: 77,
            sequence,
            granule: Some(granule),
            is_continued: false,
            is_first: sequence == 0,
            is_last: false,
            segments: vec![u8::try_from(body.len()).unwrap()],
            body: body.to_vec(),
        })
    };
    for (name, rate) in [("welcome.ogg", 22_050), ("spanish.opus", 48_000)] {
        let mut all = pages(&moved(&fixture(name), 3 * rate));
        all.insert(0, page(0, 0, &header));
        all.insert(4, page(1, 1 << 6, b"a picture"));
        let late = drain(open, &all.concat()).unwrap();
        let whole = drain(open, &fixture(name)).unwrap();
        let later = |time: Option<i64>| time.map(|time| time + 3_000_000_000);
        let first = |drained: &Drained| {
            drained
                .packets
                .iter()
                .find(|packet| packet.duration != Some(0))
                .unwrap()
                .time
        };
        assert_eq!(first(&late), later(first(&whole)), "{name}");
        assert_eq!(late.declared_end, later(whole.declared_end), "{name}");
    }
}

/// Granule positions with valid checksums but absurd values.
#[test]
fn absurd_positions_stop_nothing() {
    for by in [u64::MAX >> 1, u64::MAX >> 2, (u64::MAX >> 1) - 700_000] {
        let count = drain(open, &fixture("spanish.opus")).unwrap().packets.len();
        assert_eq!(
            drain(open, &moved(&fixture("spanish.opus"), by)).unwrap().packets.len(),
            count
        );
    }
}

#[test]
fn anything_ends() {
    for name in ["welcome.ogg", "spanish.opus"] {
        survives_flips(open, &fixture(name), 12);
    }
    assert!(drain(open, b"OggS").is_none());
    assert!(drain(open, b"RIFF").is_none());
}

/// Marks at every 300th byte, of pages of maximum length.
fn marks(count: usize) -> Vec<u8> {
    let mut mark = b"OggS".to_vec();
    mark.resize(26, 0);
    mark.resize(300, 0xFF);
    mark.repeat(count)
}

#[test]
fn marks_of_long_pages_cost_no_more_than_the_file_allows() {
    let content = [fixture("welcome.ogg"), marks(1_000)].concat();
    let drained = drain(open, &content).unwrap();
    let whole = drain(open, &fixture("welcome.ogg")).unwrap();
    assert_eq!(drained.packets.len(), whole.packets.len());
    assert!(drained.ending.is_cut, "what was not searched is reported");
    // The same with all marks before the pages: the search ends before them.
    let folder = tempfile::tempdir().unwrap();
    let content = [marks(1_000), fixture("welcome.ogg")].concat();
    let mut bytes = Bytes::open(&crate::demux::testing::write(&folder, &content)).unwrap();
    let found = page::find(&mut bytes, 0).unwrap();
    let all = content.len() as u64;
    assert!(matches!(found, Found::End { skipped, is_cut: true } if skipped == all));
}

/// Streams that begin and never continue: each begins a link, which is read up to the first page that continues.
#[test]
fn streams_that_only_begin_are_not_read_again_and_again() {
    let content = fixture("spanish.opus");
    let head = pages(&content).swap_remove(0);
    let first = |serial: u32| {
        let mut page = head.clone();
        page[14..18].copy_from_slice(&serial.to_le_bytes());
        page[22..26].fill(0);
        let sum = page::checksum(&page);
        page[22..26].copy_from_slice(&sum.to_le_bytes());
        page
    };
    let content: Vec<u8> = (0..10_000).flat_map(first).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = crate::demux::testing::write(&folder, &content);
    let mut demuxer = open(&path).unwrap().unwrap();
    assert!(demuxer.next().unwrap().is_none());
    assert!(!demuxer.ending().is_cut, "all of it was read");
}

/// A recording whose second page has the comments `text`, at `serial`.
fn named(name: &str, serial: u32, front: &[u8], texts: &[&str]) -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = Bytes::open(&crate::demux::testing::write(&folder, &fixture(name))).unwrap();
    let (mut all, mut at) = (Vec::new(), 0);
    while let Found::Page(mut page, end, _) = page::find(&mut bytes, at).unwrap() {
        at = end;
        page.serial = serial;
        if page.sequence == 1 {
            let counted = |text: &&str| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
            let comments: Vec<u8> = texts.iter().flat_map(counted).collect();
            let packet = [front, &[0; 4], &(texts.len() as u32).to_le_bytes(), &comments].concat();
            page.segments = vec![packet.len() as u8];
            page.body = packet;
        }
        all.push(write(&page));
    }
    all
}

#[test]
fn tracks_have_the_language_and_the_title_of_their_comments() {
    let one = named("spanish.opus", 1, b"OpusTags", &["LANGUAGE=deu", "TITLE=Host"]);
    let two = named("spanish.opus", 2, b"OpusTags", &["title=Guest"]);
    let heads = [&one[..1], &two[..1], &one[1..], &two[1..]].concat().concat();
    let folder = tempfile::tempdir().unwrap();
    let demuxer = open(&crate::demux::testing::write(&folder, &heads)).unwrap().unwrap();
    let names = demuxer
        .tracks()
        .iter()
        .map(|track| (track.language.as_deref(), track.title.as_deref()));
    assert_eq!(
        names.collect::<Vec<_>>(),
        [(Some("deu"), Some("Host")), (None, Some("Guest"))]
    );
}

//! Lost pages beside pictures, lost first pages of links, and damage in front.

use super::*;

/// Pages of a stream of pictures, the first with this number.
fn pictures(numbers: std::ops::Range<u32>) -> Vec<Vec<u8>> {
    let page = |sequence: u32| {
        write(&Page {
            serial: 77,
            sequence,
            granule: Some(0),
            is_continued: false,
            is_first: sequence == 0,
            is_last: false,
            segments: vec![255, 255, 20],
            body: {
                let mut body = if sequence == 0 {
                    b"\x80theora".to_vec()
                } else {
                    vec![9; 16]
                };
                body.resize(530, 9);
                body
            },
        })
    };
    numbers.map(page).collect()
}

#[test]
fn lost_pages_of_pictures_are_no_loss_of_sound() {
    let content = fixture("spanish.opus");
    let (sound, pictures) = (pages(&content), pictures(0..5));
    let half = sound.len() / 2;
    let whole = drain(open, &content).unwrap();
    let film = |first: &[Vec<u8>], middle: Vec<u8>, end: Vec<u8>| {
        [
            first.concat(),
            sound[..half].concat(),
            middle,
            sound[half..].concat(),
            end,
        ]
        .concat()
    };
    let first = &pictures[..1];
    for (name, content) in [
        (
            "it has no first page",
            film(&[], pictures[1..4].concat(), pictures[4].clone()),
        ),
        ("one is damaged", film(first, broken(pictures[2].clone()), Vec::new())),
        ("one is missing", film(first, pictures[3].clone(), Vec::new())),
        (
            "the last is damaged",
            film(first, Vec::new(), broken(pictures[4].clone())),
        ),
        ("the last is cut", film(first, Vec::new(), pictures[4][..300].to_vec())),
    ] {
        let drained = drain(open, &content).unwrap();
        assert_eq!(drained.packets.len(), whole.packets.len(), "{name}");
        assert_eq!(
            (drained.losses(), &drained.ending.lost[..]),
            (vec![], &[][..]),
            "{name}"
        );
        assert!(!drained.ending.is_cut, "{name}");
    }
    // The sound's own pages are its loss, also beside pictures.
    let damaged = [
        first.concat(),
        sound[..half].concat(),
        broken(sound[half].clone()),
        sound[half + 1..].concat(),
    ];
    let drained = drain(open, &damaged.concat()).unwrap();
    assert_eq!(
        drained.losses(),
        [format!("{} bytes are no Ogg pages", sound[half].len())]
    );
    // It has not ended, so its next page may be in what is there of a page of pictures.
    let cut = [first.concat(), sound[..half].concat(), pictures[4][..300].to_vec()].concat();
    assert!(drain(open, &cut).unwrap().ending.is_cut);
}

#[test]
fn a_link_without_its_first_page_is_a_loss_of_about_its_length() {
    let (first, second) = (fixture("welcome.ogg"), fixture("spanish.opus"));
    // A link has another number than its neighbours.
    let headless = changed(&pages(&second)[1..], |_, page| page[14..18].copy_from_slice(b"else"));
    let lost = "pages belong to no stream of the file";
    let share = |content: &[&[u8]]| {
        let drained = drain(open, &content.concat()).unwrap();
        let all: Vec<_> = drained.packets.iter().flat_map(|packet| packet.lost.iter()).collect();
        let all: Vec<_> = all.into_iter().chain(drained.ending.lost.iter()).cloned().collect();
        assert_eq!(all.iter().map(|loss| loss.message.as_str()).collect::<Vec<_>>(), [lost]);
        (all[0].duration.unwrap(), drained)
    };
    let alone = drain(open, &first).unwrap();
    let end = alone.declared_end.unwrap();
    let expected = end * headless.len() as i64 / first.len() as i64;
    let (at_end, _) = share(&[&first, &headless]);
    assert!((at_end - expected).abs() < expected / 10, "{at_end} {expected}");
    let (between, drained) = share(&[&first, &headless, &first]);
    let behind = &drained.packets[alone.packets.len()];
    assert_eq!((between, behind.lost.len()), (at_end, 1));
    let away = behind.time.unwrap() - end - between;
    assert!(away.abs() < 50_000_000, "what follows lies behind it: {away}");
}

#[test]
fn damage_before_a_known_stream_begins_is_told() {
    let (first, second) = (fixture("welcome.ogg"), fixture("spanish.opus"));
    let unknown = pages(&speex(1));
    let damaged = [unknown[0].clone(), broken(unknown[1].clone()), unknown[2].clone()].concat();
    let bytes = format!("{} bytes are no Ogg pages", unknown[1].len());
    let loss = "a part is in a codec that cannot be decoded (speex)";
    let drained = drain(open, &[&first[..], &damaged, &second].concat()).unwrap();
    assert_eq!(drained.losses(), [bytes.as_str(), loss]);
    assert_eq!(drained.lost_ms(), 2_000);
    let ending = drain(open, &[first, damaged].concat()).unwrap().ending.lost;
    assert_eq!(
        ending.iter().map(|loss| loss.message.as_str()).collect::<Vec<_>>(),
        [bytes.as_str(), loss]
    );
}

use super::*;
use crate::chunks::chunks;
use crate::stitch::tests::{timeline, window};

/// Assigns every chunk by its stretch: `speaker[stretch]`, or no voice.
fn judged(stretches: &[Stretch], speaker: &[Option<usize>], speakers: usize) -> Vec<(Chunk, Option<Vec<f32>>)> {
    let near = |one: usize| {
        (0..speakers)
            .map(|other| if one == other { 0.8 } else { 0.1 })
            .collect()
    };
    chunks(stretches)
        .into_iter()
        .map(|chunk| (chunk, speaker[chunk.stretch].map(near)))
        .collect()
}

fn span(start: usize, end: usize, speaker: usize) -> Span {
    Span { start, end, speaker }
}

#[test]
fn overlap_gets_both_speakers() {
    let timeline = timeline(vec![window(0, &[(1, 200), (4, 260), (2, 400)])]);
    let stretches = timeline.stretches();
    let judged = judged(&stretches, &[Some(1), Some(0)], 2);
    assert_eq!(
        spans(&timeline, &stretches, &judged, 2),
        [span(0, 260, 1), span(200, 400, 0)]
    );
}

#[test]
fn one_person_in_two_local_speakers_has_one_voice() {
    let timeline = timeline(vec![window(0, &[(1, 200), (4, 260), (2, 400)])]);
    let stretches = timeline.stretches();
    let judged = judged(&stretches, &[Some(0), Some(0)], 2);
    assert_eq!(spans(&timeline, &stretches, &judged, 2), [span(0, 400, 0)]);
}

#[test]
fn speech_too_short_for_a_voice_is_the_nearest_speakers() {
    let timeline = timeline(vec![window(0, &[(1, 200), (0, 300), (2, 306), (0, 500), (3, 589)])]);
    let stretches = timeline.stretches();
    let judged = judged(&stretches, &[Some(0), None, Some(1)], 2);
    assert_eq!(
        spans(&timeline, &stretches, &judged, 2),
        [span(0, 200, 0), span(300, 306, 0), span(500, 589, 1)]
    );
}

#[test]
fn a_change_inside_a_stretch_is_heard() {
    let timeline = timeline(vec![window(0, &[(1, 500)])]);
    let stretches = timeline.stretches();
    let mut judged = judged(&stretches, &[Some(0)], 2);
    let late = judged.len() / 2;
    for (_, similarities) in &mut judged[late..] {
        *similarities = Some(vec![0.1, 0.8]);
    }
    let spans = spans(&timeline, &stretches, &judged, 2);
    assert_eq!(
        (spans.len(), spans[0].speaker, spans[1].speaker, spans[1].end),
        (2, 0, 1, 500)
    );
    assert!(
        (200..300).contains(&spans[1].start) && spans[0].end == spans[1].start,
        "{spans:?}"
    );
}

#[test]
fn windows_vote_who_overlaps() {
    // Between 300 and 340 two speak. Two of three windows find that the second continues, one takes the third local for it.
    let hearing = |start: usize, local: usize| {
        window(
            start,
            &[
                (1, 300 - start),
                (if local == 2 { 4 } else { 5 }, 340 - start),
                (local, 500 - start),
            ],
        )
    };
    let timeline = timeline(vec![hearing(0, 2), hearing(50, 3), hearing(100, 2)]);
    let stretches = timeline.stretches();
    let judged = judged(&stretches, &[Some(0), Some(1)], 2);
    assert_eq!(
        spans(&timeline, &stretches, &judged, 2),
        [span(0, 340, 0), span(300, 500, 1)]
    );
}

#[test]
fn silence_has_no_spans() {
    let timeline = timeline(vec![window(0, &[])]);
    assert_eq!(spans(&timeline, &[], &[], 1), []);
}

#[test]
fn the_nearest_label_is_the_earlier_of_two() {
    let labels = [None, Some(1), None, Some(2), None, None, Some(3)];
    assert_eq!(
        nearest_label(&labels),
        [Some(1), Some(1), Some(1), Some(2), Some(2), Some(3), Some(3)]
    );
    assert_eq!(nearest_label(&[None]), [None]);
}

#[test]
fn a_short_stretch_goes_to_the_speaker_of_its_neighbours() {
    let hearing = |local: usize| window(0, &[(1, 200), (0, 300), (local, 340), (0, 400), (2, 589)]);
    let label = |local: usize, voice: [f32; 2]| {
        let timeline = timeline(vec![hearing(local)]);
        let stretches = timeline.stretches();
        let mut judged = judged(&stretches, &[Some(0), Some(0), Some(1)], 2);
        let short = judged.iter_mut().find(|(chunk, _)| chunk.stretch == 1);
        short.expect("the short stretch has a voice").1 = Some(voice.to_vec());
        let spans = spans(&timeline, &stretches, &judged, 2);
        spans.iter().find(|span| span.start == 300).map(|span| span.speaker)
    };
    // A vague voice follows the local speaker, a clear one does not.
    assert_eq!(label(2, [0.30, 0.25]), Some(1));
    assert_eq!(label(1, [0.25, 0.30]), Some(0));
    assert_eq!(label(2, [0.90, 0.10]), Some(0));
}

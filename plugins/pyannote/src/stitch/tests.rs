use super::*;
use crate::powerset::{CLASSES, decode};
use crate::windows::{WINDOW, window_begin};

/// The set of a class: 0 silence, 1 to 3 one speaker, 4 the first two.
pub(crate) fn set(class: usize) -> SpeakerSet {
    let scores: [f32; CLASSES] = std::array::from_fn(|index| if index == class { 0.0 } else { -9.0 });
    decode(&scores)[0]
}

/// A window from parts: a class, and the frame of the window up to which it lasts.
pub(crate) fn window(start: usize, parts: &[(usize, usize)]) -> Window {
    let class = |frame: usize| {
        parts
            .iter()
            .find(|(_, until)| frame < *until)
            .map_or(0, |(class, _)| *class)
    };
    Window {
        start,
        sets: (0..FRAMES).map(|frame| set(class(frame))).collect(),
    }
}

/// A timeline of windows, with audio that ends with the last of them.
pub(crate) fn timeline(windows: Vec<Window>) -> Timeline {
    let samples = windows.last().map_or(0, |window| window_begin(window.start) + WINDOW);
    Timeline::new(windows, samples)
}

#[test]
fn the_count_is_the_rounded_mean_of_windows() {
    // The first 100 frames are covered by one window, the rest by two; the second finds no speaker before its frame 200.
    let timeline = timeline(vec![window(0, &[(4, FRAMES)]), window(100, &[(0, 200), (1, FRAMES)])]);
    let counts = timeline.counts();
    assert_eq!((counts[0], counts[100], counts[300], counts[FRAMES]), (2, 1, 1, 1));
    assert_eq!(counts.len(), 100 + FRAMES);
}

#[test]
fn a_change_that_some_windows_hear_ends_a_stretch() {
    let changing = |start: usize| window(start, &[(1, 300 - start), (2, 500 - start)]);
    let deaf = |start: usize| window(start, &[(1, 500 - start)]);
    let stretches = timeline(vec![changing(0), deaf(100), deaf(150)]).stretches();
    assert_eq!(stretches, [(0..300).collect::<Vec<_>>(), (300..500).collect()]);
    let five = (0..5).map(|number| deaf(10 * number)).chain([changing(60)]).collect();
    assert_eq!(timeline(five).stretches().len(), 1, "one of six may be wrong");
}

#[test]
fn local_numbers_need_not_agree_between_windows() {
    let stretches = timeline(vec![window(0, &[(1, 400)]), window(100, &[(3, 300)])]).stretches();
    assert_eq!(stretches, [(0..400).collect::<Vec<_>>()]);
}

#[test]
fn a_short_pause_is_bridged_and_a_long_one_is_not() {
    let pausing = |frames: usize| {
        timeline(vec![window(0, &[(1, 100), (0, 100 + frames), (1, 300)])])
            .stretches()
            .len()
    };
    assert_eq!((pausing(BRIDGE - 1), pausing(BRIDGE)), (1, 2));
}

#[test]
fn overlap_is_not_clean() {
    let stretches = timeline(vec![window(0, &[(1, 100), (4, 110), (1, 200)])]).stretches();
    assert_eq!(stretches.len(), 1);
    assert!(!stretches[0].contains(&105));
}

#[test]
fn silence_has_no_stretches_and_nothing_has_no_frames() {
    assert_eq!(timeline(vec![window(0, &[])]).stretches(), Vec::<Stretch>::new());
    assert_eq!(Timeline::new(Vec::new(), 0).counts(), [0_u8; 0]);
}

#[test]
fn windows_that_cover_a_frame() {
    let windows = [window(0, &[]), window(100, &[]), window(650, &[])];
    let covering: Vec<_> = Covering::new(&windows).take(700).collect();
    assert_eq!(
        (covering[0].clone(), covering[588].clone(), covering[589].clone()),
        (0..1, 0..2, 1..2)
    );
    assert_eq!(covering[650], 1..3);
    assert_eq!(covering[689], 2..3);
}

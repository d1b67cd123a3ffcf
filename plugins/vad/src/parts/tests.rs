use proptest::prelude::*;

use super::*;

const RULES: Rules = Rules {
    threshold: 0.5,
    neg_threshold: None,
    min_speech_ms: 0.0,
    max_speech_s: f64::INFINITY,
    min_silence_ms: 2000.0,
    pad_ms: 400.0,
};

/// Windows of these probabilities: (how many, which).
fn windows(runs: &[(usize, f32)]) -> Vec<f32> {
    runs.iter()
        .flat_map(|&(count, probability)| vec![probability; count])
        .collect()
}

fn of(runs: &[(usize, f32)], rules: Rules) -> Vec<Range<usize>> {
    let probabilities = windows(runs);
    parts(&probabilities, probabilities.len() * WINDOW, rules)
}

fn one(part: Range<usize>) -> Vec<Range<usize>> {
    vec![part]
}

#[test]
fn silence_is_no_speech() {
    assert!(of(&[(100, 0.4)], RULES).is_empty());
    assert!(parts(&[], 0, RULES).is_empty());
}

#[test]
fn short_silence_ends_nothing_and_long_silence_is_left_out() {
    let runs = [(100, 0.0), (50, 0.9), (30, 0.1), (50, 0.9), (200, 0.1), (50, 0.9)];
    let pad = 6400;
    assert_eq!(
        of(&runs, RULES),
        [100 * WINDOW - pad..230 * WINDOW + pad, 430 * WINDOW - pad..480 * WINDOW]
    );
}

#[test]
fn between_the_thresholds_speech_continues_but_does_not_begin() {
    assert_eq!(
        of(&[(50, 0.4), (10, 0.9), (100, 0.4)], RULES),
        one(50 * WINDOW - 6400..160 * WINDOW)
    );
    let rules = Rules {
        neg_threshold: Some(0.45),
        ..RULES
    };
    assert_eq!(
        of(&[(50, 0.4), (10, 0.9), (100, 0.4)], rules),
        one(50 * WINDOW - 6400..60 * WINDOW + 6400)
    );
}

#[test]
fn long_speech_is_cut_at_its_last_silence_or_hard() {
    let rules = Rules {
        max_speech_s: 10.0,
        pad_ms: 0.0,
        ..RULES
    };
    // 10 s are 312.5 windows, less the one that is looked at.
    let cut = of(&[(200, 0.9), (5, 0.1), (200, 0.9)], rules);
    assert_eq!(cut, [0..200 * WINDOW, 205 * WINDOW..405 * WINDOW]);
    let hard = of(&[(400, 0.9)], rules);
    assert_eq!(hard, [0..312 * WINDOW, 313 * WINDOW..400 * WINDOW]);
}

#[test]
fn parts_that_would_overlap_share_the_silence() {
    let rules = Rules {
        min_silence_ms: 160.0,
        ..RULES
    };
    let runs = [(10, 0.9), (11, 0.0), (10, 0.9)];
    assert_eq!(
        of(&runs, rules),
        [0..15 * WINDOW + WINDOW / 2, 15 * WINDOW + WINDOW / 2..31 * WINDOW]
    );
}

proptest! {
    #[test]
    fn parts_are_in_order_and_inside(
        probabilities in prop::collection::vec(0.0..1.0_f32, 0..300),
        short in 0..WINDOW,
        min_silence_ms in 0.0..500.0_f64,
        max_speech_s in 1.0..5.0_f64,
        pad_ms in 0.0..500.0_f64,
    ) {
        let rules = Rules { min_silence_ms, max_speech_s, pad_ms, ..RULES };
        let length = (probabilities.len() * WINDOW).saturating_sub(short);
        let parts = parts(&probabilities, length, rules);
        let edges: Vec<usize> = parts.iter().flat_map(|part| [part.start, part.end]).collect();
        prop_assert!(edges.is_sorted(), "{edges:?}");
        prop_assert!(edges.iter().all(|edge| *edge <= length));
    }
}

#[test]
fn short_silence_at_the_edges_is_kept_and_long_silence_is_left_out() {
    let kept = |before: usize, behind: usize| {
        let runs = [(before, 0.0), (50, 0.9), (behind, 0.0)];
        let length = (before + 50 + behind) * WINDOW;
        let mut parts = of(&runs, RULES);
        keep_short_edges(&mut parts, length, RULES);
        let [part] = &parts[..] else { panic!("{parts:?}") };
        (part.start == 0, part.end == length)
    };
    // 62 windows are 2 s.
    assert_eq!(kept(60, 60), (true, true));
    assert_eq!(kept(60, 100), (true, false));
    assert_eq!(kept(100, 0), (false, true));
    let mut nothing = Vec::new();
    keep_short_edges(&mut nothing, 16_000, RULES);
    assert!(nothing.is_empty());
}

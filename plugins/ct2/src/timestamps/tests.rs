use proptest::prelude::*;

use super::*;

/// `<|0.00|>`.
const ZERO: u32 = 1000;

fn piece(start: f64, end: f64, tokens: &[u32]) -> Piece {
    Piece {
        start,
        end,
        tokens: tokens.to_vec(),
        words: Vec::new(),
    }
}

/// A whole window that begins at 1 s.
const WINDOW: Window = Window {
    seek: 100,
    frames: 3000,
    offset: 1.0,
    duration: 30.0,
};

#[test]
fn pairs_separate_and_what_follows_the_last_is_decoded_again() {
    let tokens = [ZERO, 1, 2, ZERO + 50, ZERO + 60, 3, ZERO + 100, ZERO + 100, 4, 5];
    let split = split(&tokens, ZERO, WINDOW);
    assert_eq!(
        split.pieces,
        [
            piece(1.0, 2.0, &[ZERO, 1, 2, ZERO + 50]),
            piece(2.2, 3.0, &[ZERO + 60, 3, ZERO + 100])
        ]
    );
    assert_eq!(split.next_seek, 100 + 200);
}

#[test]
fn a_single_timestamp_at_the_end_closes_the_window() {
    let tokens = [ZERO, 1, ZERO + 50, ZERO + 50, 2, ZERO + 100];
    let split = split(&tokens, ZERO, WINDOW);
    assert_eq!(
        split.pieces,
        [piece(1.0, 2.0, &tokens[..3]), piece(2.0, 3.0, &tokens[3..])]
    );
    assert_eq!(split.next_seek, 3100);
}

#[test]
fn without_pairs_the_window_is_one_segment() {
    let to_the_end = split(&[1, 2], ZERO, WINDOW);
    assert_eq!(
        (to_the_end.pieces, to_the_end.next_seek),
        (vec![piece(1.0, 31.0, &[1, 2])], 3100)
    );
    let tokens = [ZERO, 1, ZERO + 50];
    let to_the_timestamp = split(&tokens, ZERO, WINDOW);
    assert_eq!(to_the_timestamp.pieces, [piece(1.0, 2.0, &tokens)]);
    assert_eq!((to_the_timestamp.next_seek, to_the_timestamp.covered), (3100, 2.0));
    let only_the_start = split(&[ZERO, 1], ZERO, WINDOW);
    assert_eq!(only_the_start.pieces, [piece(1.0, 31.0, &[ZERO, 1])]);
    assert_eq!(only_the_start.covered, 1.0);
}

#[test]
fn a_short_window_ends_with_the_audio() {
    let window = Window::new(0, 150);
    let split = split(&[], ZERO, window);
    assert_eq!((split.pieces, split.next_seek), (vec![piece(0.0, 1.5, &[])], 150));
}

proptest! {
    /// Pieces are parts of the tokens in their order, and only an unfinished end is omitted.
    #[test]
    fn no_finished_token_is_lost(tokens in prop::collection::vec(prop_oneof![0..10_u32, ZERO..ZERO + 1501], 0..60)) {
        let split = split(&tokens, ZERO, WINDOW);
        let kept: Vec<u32> = split.pieces.iter().flat_map(|piece| piece.tokens.clone()).collect();
        prop_assert!(tokens.starts_with(&kept));
        let rest = &tokens[kept.len()..];
        prop_assert!(rest.is_empty() || split.next_seek != WINDOW.end() || tokens[kept.len() - 1] == ZERO + 1500);
        prop_assert!((WINDOW.seek..=WINDOW.end()).contains(&split.next_seek));
    }
}

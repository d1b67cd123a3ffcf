use proptest::prelude::*;

use super::*;

fn spoken(turns: &[(u64, u64, usize)]) -> TurnIndex {
    let turn = |&(start_ms, end_ms, speaker): &(u64, u64, usize)| Spoken {
        start_ms,
        end_ms,
        speaker,
    };
    TurnIndex::new(&turns.iter().map(turn).collect::<Vec<_>>())
}

fn said(words: &[(u64, u64, usize)]) -> Vec<Said> {
    let word = |&(start_ms, end_ms, speaker): &(u64, u64, usize)| Said {
        start_ms,
        end_ms,
        speaker: Some(speaker),
    };
    words.iter().map(word).collect()
}

fn settled(turns: &[(u64, u64, usize)], words: &[(u64, u64, usize)]) -> Vec<(u64, u64, usize)> {
    let heard = Heard {
        said: said(words),
        unknown: Vec::new(),
    };
    let settled = settle(&spoken(turns), heard);
    settled
        .iter()
        .map(|turn| (turn.start_ms, turn.end_ms, turn.speaker))
        .collect()
}

#[test]
fn a_change_of_speaker_inside_a_word_moves_to_its_edge() {
    let words = [(0, 400, 0), (400, 1100, 0), (1150, 1600, 1)];
    assert_eq!(
        settled(&[(0, 1000, 0), (1000, 1600, 1)], &words),
        [(0, 1100, 0), (1100, 1600, 1)]
    );
    let words = [(0, 800, 0), (900, 1600, 1)];
    assert_eq!(
        settled(&[(0, 1000, 0), (1000, 1600, 1)], &words),
        [(0, 900, 0), (900, 1600, 1)]
    );
}

#[test]
fn two_who_speak_at_once_keep_their_edges() {
    let turns = [(0, 2000, 0), (1000, 1500, 1)];
    assert_eq!(settled(&turns, &[(800, 1100, 0), (1400, 1700, 0)]), turns);
}

#[test]
fn an_edge_far_from_the_edge_of_its_word_stays() {
    let turns = [(0, 1000, 0), (1000, 2000, 1)];
    assert_eq!(settled(&turns, &[(900, 1000 + SHIFT_MS + 1, 0)]), turns);
    let moved = [(0, 1000 + SHIFT_MS, 0), (1000 + SHIFT_MS, 2000, 1)];
    assert_eq!(settled(&turns, &[(900, 1000 + SHIFT_MS, 0)]), moved);
}

#[test]
fn an_edge_before_a_pause_stays() {
    let turns = [(100, 1000, 0), (1500, 2000, 1)];
    assert_eq!(settled(&turns, &[(0, 1200, 0), (1400, 2100, 1)]), turns);
}

#[test]
fn a_short_turn_without_a_word_is_left_out() {
    let turns = [(0, 1000, 0), (1200, 1500, 1), (2000, 3000, 1)];
    let words = [(0, 1000, 0), (2000, 3000, 1)];
    assert_eq!(settled(&turns, &words), [(0, 1000, 0), (2000, 3000, 1)]);
    let longer = [(0, 1000, 0), (1200, 1501, 1), (2000, 3000, 1)];
    assert_eq!(settled(&longer, &words), longer);
    let with_word = [(0, 1000, 0), (1250, 1400, 1), (2000, 3000, 1)];
    assert_eq!(settled(&turns, &with_word), turns);
}

#[test]
fn a_speaker_without_any_word_keeps_short_turns() {
    let turns = [(0, 1000, 0), (1200, 1400, 1)];
    assert_eq!(settled(&turns, &[(0, 1000, 0)]), turns);
}

#[test]
fn a_short_turn_stays_where_words_have_no_times() {
    let turns = spoken(&[(0, 1000, 0), (1200, 1400, 1), (2000, 3000, 1)]);
    let heard = Heard {
        said: said(&[(0, 1000, 0)]),
        unknown: vec![1300..5000; 1],
    };
    assert_eq!(settle(&turns, heard).len(), 3);
}

#[test]
fn turns_that_a_word_joins_become_one() {
    let turns = [(0, 1000, 0), (950, 1150, 1), (1100, 2000, 0)];
    assert_eq!(settled(&turns, &[(900, 1150, 0)]), [(0, 2000, 0), (950, 1150, 1)]);
}

proptest! {
    #[test]
    fn turns_stay_apart_in_order_and_near_their_old_edges(
        turns in prop::collection::vec((0_u64..20_000, 1_u64..3_000, 0_usize..3), 0..20),
        words in prop::collection::vec((0_u64..300, 1_u64..900, 0_usize..3), 0..40),
    ) {
        let turns: Vec<_> = turns.iter().map(|&(start, length, speaker)| (start, start + length, speaker)).collect();
        let mut begin = 0;
        let words: Vec<_> = words
            .iter()
            .map(|&(pause, length, speaker)| {
                let start = begin + pause;
                begin = start + length;
                (start, begin, speaker)
            })
            .collect();
        let found = settled(&turns, &words);
        prop_assert!(found.is_sorted_by_key(|turn| turn.0));
        for &(start, end, speaker) in &found {
            prop_assert!(start < end);
            let near = |time: u64, edge: fn(&(u64, u64, usize)) -> u64| {
                turns.iter().any(|turn| turn.2 == speaker && edge(turn).abs_diff(time) <= SHIFT_MS)
            };
            prop_assert!(near(start, |turn| turn.0) && near(end, |turn| turn.1), "{found:?}");
        }
        // No speaker is lost, and only short turns may be left out.
        for &(start, end, speaker) in &turns {
            prop_assert!(found.iter().any(|turn| turn.2 == speaker));
            let overlapped = found.iter().any(|turn| turn.2 == speaker && turn.0 < end && start < turn.1);
            prop_assert!(overlapped || end - start <= SHORT_MS + 2 * SHIFT_MS, "{start} {end} {speaker}: {found:?}");
        }
    }

    #[test]
    fn without_words_nothing_changes(turns in prop::collection::vec((0_u64..9_000, 1_u64..3_000, 0_usize..3), 0..12)) {
        let turns: Vec<_> = turns.iter().map(|&(start, length, speaker)| (start, start + length, speaker)).collect();
        let before: Vec<_> = spoken(&turns).by_start.iter().map(|turn| (turn.start_ms, turn.end_ms, turn.speaker)).collect();
        prop_assert_eq!(settled(&turns, &[]), before);
    }
}

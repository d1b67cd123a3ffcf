use super::*;

fn timing(word: &str, start: f64, end: f64) -> Timing {
    Timing {
        word: word.to_owned(),
        tokens: 1,
        start,
        end,
        probability: 0.5,
    }
}

fn texts(timings: &[Timing]) -> Vec<&str> {
    timings.iter().map(|timing| timing.word.as_str()).collect()
}

#[test]
fn a_word_lasts_from_its_first_token_to_the_next_words() {
    let alignment = Alignment {
        path: vec![(0, 0), (0, 1), (1, 10), (2, 20), (2, 25), (3, 30)],
        probabilities: vec![0.5, 0.25, 0.75],
    };
    let words = vec![(" a".to_owned(), 1), (" bc".to_owned(), 2)];
    let timings = timings(&alignment, words);
    assert_eq!(
        (timings[0].start, timings[0].end, timings[0].probability),
        (0.0, 0.2, 0.5)
    );
    assert_eq!(
        (timings[1].start, timings[1].end, timings[1].probability),
        (0.2, 0.6, 0.5)
    );
}

#[test]
fn without_a_path_there_are_no_words() {
    assert_eq!(timings(&Alignment::default(), vec![(" a".to_owned(), 1)]), []);
    assert_eq!(timings(&Alignment::default(), Vec::new()), []);
}

#[test]
fn punctuation_joins_its_word() {
    let mut words = [" (", "Hello", ",", " \"", "you", "\"", "!", " end"].map(|word| timing(word, 0.0, 0.0));
    rules::join_punctuation(&mut words, "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、");
    assert_eq!(texts(&words), ["", " (Hello,", "", "", " \"you\"!", "", "", " end"]);
    let tokens: usize = words.iter().map(|word| word.tokens).sum();
    assert_eq!(tokens, 8);
}

#[test]
fn long_ends_of_sentences_are_cut() {
    let mut words = vec![
        timing(" a", 0.0, 0.25),
        timing(".", 0.25, 2.0),
        timing(" b", 2.0, 4.0),
        timing(" c", 4.0, 4.25),
        timing(" d", 4.25, 4.5),
    ];
    let durations = Durations::of(&words);
    assert_eq!((durations.median, durations.greatest), (0.25, 0.5));
    durations.trim_sentence_ends(&mut words);
    assert_eq!((words[1].end, words[2].start), (0.75, 3.5));
}

fn piece(start: f64, end: f64) -> Piece {
    Piece {
        start,
        end,
        tokens: Vec::new(),
        words: Vec::new(),
    }
}

#[test]
fn words_go_to_their_pieces_and_pieces_take_their_times() {
    let timings = [timing(" a", 0.0, 0.3), timing(" b", 0.3, 0.6), timing(" c", 1.0, 1.3)];
    let mut pieces = [piece(10.0, 10.7), piece(10.9, 11.4)];
    let durations = Durations::of(&timings);
    let last = assign(&mut pieces, &[2, 1], &timings, durations, 10.0, 9.9);
    assert_eq!((pieces[0].words.len(), pieces[0].start, pieces[0].end), (2, 10.0, 10.6));
    assert_eq!((pieces[1].words.len(), pieces[1].start, pieces[1].end), (1, 11.0, 11.3));
    assert_eq!(last, 11.3);
    assert_eq!(end_of(&pieces), Some(11.3));
}

#[test]
fn words_far_outside_their_piece_are_cut() {
    let timings = [timing(" a", 0.0, 3.0), timing(" b", 3.0, 3.2), timing(" c", 3.2, 8.0)];
    let durations = Durations {
        median: 0.2,
        greatest: 0.4,
    };
    let mut pieces = [piece(2.0, 4.0)];
    assign(&mut pieces, &[3], &timings, durations, 0.0, 0.0);
    let words = &pieces[0].words;
    // The first is shortened as the first after a pause, the last to the piece's own end.
    assert_eq!((words[0].start, words[0].end), (2.6, 3.0));
    assert_eq!((words[2].start, words[2].end), (3.2, 4.0));
    assert_eq!((pieces[0].start, pieces[0].end), (2.6, 4.0));
}

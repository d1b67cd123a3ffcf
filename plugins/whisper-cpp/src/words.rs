//! Words from tokens, as OpenAI's Whisper and faster-whisper build them.
//!
//! Tokens are joined into whole characters; `cesar_plugin_common::words` makes words of these. A word keeps its times and
//! probability (the mean over its tokens) from before punctuation joins it. The words of a segment, joined, are its text.
//!
//! Times come from the tokens' own, or from alignment. whisper.cpp gives a token the time at which the attention reached the next one,
//! which is where the token ends; it begins where the token before it ends. Before the first word of a segment is a pause of unknown
//! length, so that word is at most twice as long as the others. Either way times are limited to the segment and put in order.

use cesar_plugin_common::words as rules;
use plugin_api::asr::Word;

use crate::ffi::Token;

const OPENING: &str = "\"'“¿([{-";
const CLOSING: &str = "\"'.。,，!！?？:：”)]}、";

/// A segment whose words are requested. Times in ms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) language: &'a str,
    pub(crate) start_ms: u64,
    pub(crate) end_ms: u64,
    /// Whether to use the times of alignment.
    pub(crate) aligned: bool,
}

/// The longest median of word lengths that counts, in units of 10 ms, as in OpenAI's Whisper.
const LONGEST_MEDIAN: i64 = 70;

/// Tokens that make up whole characters.
#[derive(Debug, Clone, Default)]
struct Piece {
    text: String,
    start: i64,
    end: i64,
    probabilities: f64,
    tokens: f64,
}

impl Piece {
    fn of(text: String, tokens: &[Token], aligned: bool) -> Self {
        let end = |token: &Token| if aligned { token.aligned } else { token.end };
        Self {
            text,
            start: tokens.first().map_or(0, |token| token.start),
            end: tokens.last().map_or(0, end),
            probabilities: tokens.iter().map(|token| f64::from(token.probability)).sum(),
            tokens: tokens.iter().map(|_| 1.0).sum(),
        }
    }

    fn append(&mut self, other: Self) {
        self.text += &other.text;
        self.end = other.end;
        self.probabilities += other.probabilities;
        self.tokens += other.tokens;
    }
}

impl rules::Word for Piece {
    fn text(&self) -> &str {
        &self.text
    }

    fn take_before(&mut self, other: &mut Self) {
        self.text.insert_str(0, &std::mem::take(&mut other.text));
    }

    fn take_after(&mut self, other: &mut Self) {
        self.text += &std::mem::take(&mut other.text);
    }
}

/// The words of a segment with these text tokens; `milliseconds` converts a time of a token to one of the recording.
pub(crate) fn words(tokens: &[Token], frame: Frame<'_>, milliseconds: &dyn Fn(i64) -> u64) -> Vec<Word> {
    let with_spaces = rules::has_spaces(frame.language);
    let begins = |piece: &Piece| !with_spaces || rules::begins_word(&piece.text);
    let mut pieces = rules::group(characters(tokens, frame.aligned), begins, Piece::append);
    if frame.aligned {
        begin_at_ends(&mut pieces);
    }
    rules::join_punctuation(&mut pieces, OPENING, CLOSING);
    pieces.retain(|piece| !piece.text.is_empty());
    let mut earliest = frame.start_ms;
    pieces
        .into_iter()
        .map(|piece| {
            let start_ms = milliseconds(piece.start).clamp(earliest, frame.end_ms);
            let end_ms = milliseconds(piece.end).clamp(start_ms, frame.end_ms);
            earliest = end_ms;
            Word {
                start_ms,
                end_ms,
                word: piece.text,
                probability: (piece.tokens > 0.0).then(|| piece.probabilities / piece.tokens),
            }
        })
        .collect()
}

/// Lets each word begin where the one before it ends.
fn begin_at_ends(pieces: &mut [Piece]) {
    for index in 1..pieces.len() {
        pieces[index].start = pieces[index - 1].end;
    }
    let lengths = pieces.iter().skip(1).map(|piece| piece.end - piece.start);
    let mut lengths: Vec<i64> = lengths.filter(|length| *length > 0).collect();
    lengths.sort_unstable();
    let median = lengths.get(lengths.len() / 2).copied().unwrap_or(LONGEST_MEDIAN);
    if let Some(first) = pieces.first_mut() {
        first.start = first.end - 2 * median.min(LONGEST_MEDIAN);
    }
}

/// Joins tokens into whole characters.
fn characters(tokens: &[Token], aligned: bool) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let (mut begin, mut bytes) = (0, Vec::new());
    for (index, token) in tokens.iter().enumerate() {
        bytes.extend_from_slice(&token.text);
        if is_cut_short(&bytes) && index + 1 < tokens.len() {
            continue;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        pieces.push(Piece::of(text, &tokens[begin..=index], aligned));
        begin = index + 1;
        bytes.clear();
    }
    pieces
}

/// Whether more bytes could complete the last character.
pub(crate) fn is_cut_short(bytes: &[u8]) -> bool {
    // Bytes before the last character may be invalid; they are shown as they are.
    let last = bytes.utf8_chunks().last().map_or(&[][..], |chunk| chunk.invalid());
    std::str::from_utf8(last).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_character_after_invalid_bytes_is_whole() {
        assert!(is_cut_short(b"\xff\xe3\x81"));
        assert!(!is_cut_short(b"\xff\xe3\x81\x82"));
        assert!(!is_cut_short(b"a\xff"));
        let tokens = tokens(&[b" \xff\xe3\x81", b"\x82 ", b" b"]);
        let words = words(&tokens, frame("en", false), &|time| time.unsigned_abs() * 10);
        let joined: String = words.iter().map(|word| word.word.as_str()).collect();
        assert_eq!(joined, " \u{fffd}\u{3042}  b");
    }

    /// Tokens of 0.1 s each.
    fn tokens(texts: &[&[u8]]) -> Vec<Token> {
        let token = |(index, text): (i64, &&[u8])| Token {
            id: 1,
            probability: 0.5 + 0.125 * (index % 4) as f32,
            log_probability: -0.1,
            text: text.to_vec(),
            start: 10 * index,
            end: 10 * index + 10,
            aligned: 10 * index + 3,
        };
        (0..).zip(texts).map(token).collect()
    }

    fn written(texts: &[&str], language: &str) -> Vec<String> {
        let texts: Vec<_> = texts.iter().map(|text| text.as_bytes()).collect();
        let words = words(&tokens(&texts), frame(language, false), &|time| {
            time.unsigned_abs() * 10
        });
        words.into_iter().map(|word| word.word).collect()
    }

    fn frame(language: &str, aligned: bool) -> Frame<'_> {
        Frame {
            language,
            start_ms: 0,
            end_ms: 100_000,
            aligned,
        }
    }

    #[test]
    fn words_begin_with_a_space_and_marks_join_their_neighbours() {
        assert_eq!(
            written(&[" Hel", "lo", ",", " wor", "ld", "!"], "en"),
            [" Hello,", " world!"]
        );
        assert_eq!(
            written(&[" \"", "Yes", ",\"", " (", "she", ")", " said", "."], "en"),
            [" \"Yes,\"", " (she)", " said."]
        );
        assert_eq!(written(&[" ¿", "Qué", "?"], "es"), [" ¿Qué?"]);
        assert_eq!(written(&[" well", "-", "known"], "en"), [" well", "-known"]);
        assert_eq!(written(&["こん", "にちは", "。"], "ja"), ["こん", "にちは。"]);
        assert_eq!(written(&[], "en"), [""; 0]);
    }

    #[test]
    fn a_character_of_several_tokens_is_whole() {
        let bytes: [&[u8]; 4] = [b" caf", b"\xc3", b"\xa9", b" \xe2\x82"];
        let words = words(&tokens(&bytes), frame("en", false), &|time| time.unsigned_abs() * 10);
        let found: Vec<_> = words
            .iter()
            .map(|word| (word.word.as_str(), word.start_ms, word.end_ms))
            .collect();
        assert_eq!(found, [(" café", 0, 300), (" \u{fffd}", 300, 400)]);
        assert_eq!(words[0].probability, Some((0.5 + 0.625 + 0.75) / 3.0));
    }

    #[test]
    fn aligned_words_begin_where_the_one_before_ends() {
        let texts: [&[u8]; 4] = [b" one", b" tw", b"o", b"."];
        let mut tokens = tokens(&texts);
        for (token, reached) in tokens.iter_mut().zip([40, 50, 65, 90]) {
            token.aligned = reached;
        }
        let times = |start_ms: u64, end_ms: u64| -> Vec<(u64, u64)> {
            let frame = Frame {
                start_ms,
                end_ms,
                ..frame("en", true)
            };
            let words = words(&tokens, frame, &|time| u64::try_from(time).unwrap_or(0) * 10);
            words.iter().map(|word| (word.start_ms, word.end_ms)).collect()
        };
        assert_eq!(
            times(300, 2000),
            [(300, 400), (400, 650)],
            "the mark's time is no word's"
        );
        assert_eq!(times(0, 600), [(0, 400), (400, 600)], "inside the segment");
    }

    #[test]
    fn the_first_aligned_word_has_no_long_pause() {
        let texts: [&[u8]; 4] = [b" one", b" two", b" three", b" four"];
        let mut tokens = tokens(&texts);
        for (token, reached) in tokens.iter_mut().zip([300, 330, 355, 390]) {
            token.aligned = reached;
        }
        let words = words(&tokens, frame("en", true), &|time| {
            u64::try_from(time).unwrap_or(0) * 10
        });
        assert_eq!(
            (words[0].start_ms, words[0].end_ms, words[1].start_ms),
            (2400, 3000, 3000)
        );
    }

    proptest! {
        #[test]
        fn words_joined_are_the_text_and_lie_in_order_in_the_segment(
            texts in prop::collection::vec("[ a\"(,.é-]{0,3}", 0..12),
            starts in prop::collection::vec(-50_i64..500, 12),
            aligned in any::<bool>(),
            language in prop::sample::select(vec!["en", "ja"]),
        ) {
            let bytes: Vec<_> = texts.iter().map(|text| text.as_bytes()).collect();
            let mut tokens = tokens(&bytes);
            for (token, start) in tokens.iter_mut().zip(starts) {
                (token.start, token.end, token.aligned) = (start, start + 7, start);
            }
            let frame = Frame { language, start_ms: 400, end_ms: 3000, aligned };
            let words = words(&tokens, frame, &|time| u64::try_from(time).unwrap_or(0) * 10);
            let joined: String = words.iter().map(|word| word.word.as_str()).collect();
            prop_assert_eq!(joined, texts.concat());
            let mut earliest = 400;
            for word in words {
                prop_assert!(earliest <= word.start_ms && word.start_ms <= word.end_ms && word.end_ms <= 3000);
                earliest = word.end_ms;
            }
        }
    }
}

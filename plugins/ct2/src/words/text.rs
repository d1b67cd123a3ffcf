//! Words whose concatenation is their segment's text.
//!
//! Words come from the tokens of a whole window. A mark of punctuation may have been merged into a word on the other side of a
//! segment's edge, and bytes that never became a character may be shown differently in a word than in the whole text.

use crate::timestamps::Word;

/// Makes the concatenation of `words` equal to `text`, except for white space around it: marks at the edges move from and to the
/// words there, which keep their times. Removes all words if the two have nothing in common.
pub fn agree(words: &mut Vec<Word>, text: &str) {
    let joined: String = words.iter().map(|word| word.word.as_str()).collect();
    if joined.trim() == text.trim() {
        return;
    }
    let Some((surplus, shared, missing)) = overlap(&joined, text) else {
        words.clear();
        return;
    };
    cut_front(words, surplus);
    let behind = joined.len() - surplus - shared;
    cut_back(words, behind);
    let (Some(first), before) = (words.first_mut(), &text[..missing]) else {
        return;
    };
    first.word.insert_str(0, before);
    let after = &text[missing + shared..];
    if let Some(last) = words.last_mut() {
        last.word.push_str(after);
    }
}

/// Bytes of `joined` before the common part, bytes of the common part, and bytes of `text` before it.
fn overlap(joined: &str, text: &str) -> Option<(usize, usize, usize)> {
    let inside = |whole: &str, part: &str| (!part.is_empty()).then(|| whole.find(part)).flatten();
    let mostly = |&(_, shared, _): &(usize, usize, usize)| shared * 2 >= text.len();
    if let Some(missing) = inside(text, joined) {
        return Some((0, joined.len(), missing)).filter(mostly);
    }
    if let Some(surplus) = inside(joined, text) {
        return Some((surplus, text.len(), 0));
    }
    let starts = |whole: &str| whole.char_indices().map(|(at, _)| at).skip(1).collect::<Vec<_>>();
    let tail = starts(joined).into_iter().find(|&at| text.starts_with(&joined[at..]));
    let tail = tail.map(|at| (at, joined.len() - at, 0));
    let head = starts(text).into_iter().find(|&at| joined.starts_with(&text[at..]));
    let head = head.map(|at| (0, text.len() - at, at));
    tail.into_iter()
        .chain(head)
        .filter(mostly)
        .max_by_key(|(_, shared, _)| *shared)
}

fn cut_front(words: &mut Vec<Word>, mut bytes: usize) {
    while bytes > 0 {
        let length = words[0].word.len();
        if length > bytes {
            words[0].word.drain(..bytes);
            return;
        }
        words.remove(0);
        bytes -= length;
    }
}

fn cut_back(words: &mut Vec<Word>, mut bytes: usize) {
    while bytes > 0 {
        let Some(last) = words.last_mut() else { return };
        let length = last.word.len();
        if length > bytes {
            last.word.truncate(length - bytes);
            return;
        }
        words.pop();
        bytes -= length;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(texts: &[&str]) -> Vec<Word> {
        let word = |(index, text): (usize, &&str)| Word {
            start: f64::from(u8::try_from(index).unwrap()),
            end: f64::from(u8::try_from(index).unwrap()) + 0.5,
            word: (*text).to_owned(),
            probability: 0.5,
        };
        texts.iter().enumerate().map(word).collect()
    }

    fn agreed(texts: &[&str], text: &str) -> Vec<String> {
        let mut words = words(texts);
        agree(&mut words, text);
        words.into_iter().map(|word| word.word).collect()
    }

    #[test]
    fn marks_go_back_over_the_edge_of_a_segment() {
        assert_eq!(agreed(&[" He", " said"], " He said \""), [" He", " said \""]);
        assert_eq!(agreed(&[" \"Come", " here."], "Come here."), ["Come", " here."]);
        assert_eq!(agreed(&[" one", " two,"], " one two"), [" one", " two"]);
        assert_eq!(agreed(&["three"], ", three"), [", three"]);
        assert_eq!(agreed(&[" \"Come", " here"], "Come here \""), ["Come", " here \""]);
        assert_eq!(agreed(&["three", " four,"], ", three four"), [", three", " four"]);
    }

    #[test]
    fn words_of_another_text_are_no_words() {
        assert_eq!(
            agreed(&[" I"], " I think so"),
            Vec::<String>::new(),
            "its time is that of one word"
        );
        assert_eq!(
            agreed(&[" a\u{fffd}", " b"], " a\u{fffd}\u{fffd} b"),
            Vec::<String>::new()
        );
        assert_eq!(agreed(&[], " text"), Vec::<String>::new());
    }

    #[test]
    fn words_of_the_text_stay_as_they_are() {
        assert_eq!(agreed(&[" one", " two"], "one two"), [" one", " two"]);
    }

    proptest! {
        #[test]
        fn words_joined_are_the_text_or_there_are_none(
            texts in prop::collection::vec("[ ab\"é]{1,3}", 0..4),
            text in "[ ab\"é]{0,8}",
        ) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let joined = agreed(&texts, &text).concat();
            prop_assert!(joined.is_empty() || joined.trim() == text.trim(), "{joined:?} {text:?}");
        }
    }
}

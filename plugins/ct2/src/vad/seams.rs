//! Segments with words on both sides of long silence that was left out: each side becomes a segment.

use super::restore::SpeechMap;
use crate::timestamps::Piece;

/// The piece in parts that lie on one side of every long silence. `decode` makes text of tokens.
#[must_use]
pub fn split(piece: Piece, map: &SpeechMap, decode: &dyn Fn(&[u32]) -> String) -> Vec<Piece> {
    let middle = |index: usize| f64::midpoint(piece.words[index].start, piece.words[index].end);
    let seam = (1..piece.words.len()).find(|&index| map.is_apart(middle(index - 1), middle(index)));
    let Some(seam) = seam else {
        return vec![piece];
    };
    let before: usize = piece.words[..seam].iter().map(|word| word.word.len()).sum();
    // The fewest tokens that write the words before the seam; between them lie whole characters.
    let count = (0..piece.tokens.len()).find(|&count| decode(&piece.tokens[..count]).len() >= before);
    let Some(count) = count.filter(|&count| decode(&piece.tokens[..count]).len() == before) else {
        return vec![piece];
    };
    let mut rest = piece.clone();
    let mut first = piece;
    first.words.truncate(seam);
    first.tokens.truncate(count);
    rest.words.drain(..seam);
    rest.tokens.drain(..count);
    first.end = first.words[seam - 1].end;
    rest.start = rest.words[0].start;
    let mut pieces = vec![first];
    pieces.extend(split(rest, map, decode));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamps::Word;

    fn piece(words: &[(&str, f64, f64)]) -> Piece {
        let word = |&(word, start, end): &(&str, f64, f64)| Word {
            start,
            end,
            word: word.into(),
            probability: 1.0,
        };
        Piece {
            start: words[0].1,
            end: words[words.len() - 1].2,
            tokens: (0..words.len())
                .map(|index| u32::try_from(index).expect("few"))
                .collect(),
            words: words.iter().map(word).collect(),
        }
    }

    #[test]
    fn words_on_both_sides_of_long_silence_become_two_segments() {
        // Speech from 1 to 3 s, 10 to 11.5 s, and 12 to 13 s.
        let map = SpeechMap::new(&[16_000..48_000, 160_000..184_000, 192_000..208_000]).expect("there are parts");
        let texts = [" One", " two", " three", " four"];
        let whole = piece(&[
            (texts[0], 1.0, 1.5),
            (texts[1], 1.5, 1.9),
            (texts[2], 2.1, 3.4),
            (texts[3], 3.6, 4.0),
        ]);
        let decode = |tokens: &[u32]| tokens.iter().map(|token| texts[*token as usize]).collect::<String>();
        let pieces = split(whole.clone(), &map, &decode);
        let found: Vec<_> = pieces
            .iter()
            .map(|piece| (piece.start, piece.end, piece.tokens.clone()))
            .collect();
        assert_eq!(found, [(1.0, 1.9, vec![0, 1]), (2.1, 4.0, vec![2, 3])]);
        assert_eq!(decode(&pieces[0].tokens), " One two");
        let one = SpeechMap::new(std::slice::from_ref(&(0..160_000))).expect("there is one");
        assert_eq!(split(whole.clone(), &one, &decode), [whole]);
    }
}

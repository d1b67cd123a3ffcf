//! Places where a text may be divided into lines.
//!
//! At white space and, for scripts without spaces, between characters that take two columns, except before closing and after
//! opening marks (the core of Japanese and Chinese line breaking; Hangul has spaces). In the scripts of Southeast Asia, where only a
//! dictionary knows the words, at the ends of the document's words. A piece wider than a line is divided between grapheme clusters, and
//! in those scripts between syllables.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::text::{breaks_line, divides};

/// Text that stays on one line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Its bytes in the text: not empty, not only white space, without any that divides.
    pub(super) range: Range<usize>,
    /// Its width on a terminal.
    pub(super) columns: usize,
    /// Whether white space stands before it.
    pub(super) spaced: bool,
    /// Whether it must begin a line, because the text has a line break there; never the first piece.
    pub(super) breaks: bool,
}

/// The text's pieces, none wider than `widest` columns except a single cluster that is. `words` has the first bytes of the document's words
/// where these are known, in order.
pub(super) fn pieces(text: &str, words: &[usize], widest: usize) -> Vec<Piece> {
    let (mut pieces, mut from) = (Vec::new(), 0);
    let (mut spaced, mut breaks) = (false, false);
    for chunk in text.split(divides) {
        let begins_word = |byte: usize| words.binary_search(&(from + byte)).is_ok();
        for (range, columns) in parts(chunk, begins_word, widest) {
            if chunk[range.clone()].trim().is_empty() {
                // No-break spaces alone would make an empty line.
                spaced = true;
                continue;
            }
            let range = from + range.start..from + range.end;
            let breaks_here = breaks && !pieces.is_empty();
            pieces.push(Piece {
                range,
                columns,
                spaced,
                breaks: breaks_here,
            });
            (spaced, breaks) = (false, false);
        }
        from += chunk.len();
        if let Some(separator) = text[from..].chars().next() {
            spaced = true;
            breaks |= breaks_line(separator) && separator != '\t';
            from += separator.len_utf8();
        }
    }
    pieces
}

/// The parts of a text without spaces, with their columns.
fn parts(chunk: &str, begins_word: impl Fn(usize) -> bool, widest: usize) -> Vec<(Range<usize>, usize)> {
    let (mut parts, mut last): (Vec<(Range<usize>, usize)>, &str) = (Vec::new(), "");
    for (start, syllable) in syllables(chunk, widest) {
        let (end, columns) = (start + syllable.len(), columns(syllable));
        let may_divide = may_divide(last, syllable) || begins_word(start) && are_unspaced(last, syllable);
        match parts.last_mut() {
            Some((range, filled)) if *filled + columns <= widest && !may_divide => {
                range.end = end;
                *filled += columns;
            }
            _ => parts.push((start..end, columns)),
        }
        last = syllable;
    }
    parts
}

/// The grapheme clusters, joined where the script forms a syllable of them, as far as a line has room.
fn syllables(chunk: &str, widest: usize) -> Vec<(usize, &str)> {
    let mut syllables: Vec<(usize, &str)> = Vec::new();
    for (start, cluster) in chunk.grapheme_indices(true) {
        let end = start + cluster.len();
        match syllables.last_mut() {
            Some((from, last)) if is_joined(last, cluster) && columns(&chunk[*from..end]) <= widest => {
                *last = &chunk[*from..end];
            }
            _ => syllables.push((start, cluster)),
        }
    }
    syllables
}

fn columns(text: &str) -> usize {
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// Whether a cluster belongs to the one before it: behind a vowel that is written before its consonant (Thai, Lao), or a sign that puts the
/// next consonant below (Khmer, Burmese); and itself a vowel or sign behind the consonant, or a final consonant (Burmese).
fn is_joined(before: &str, cluster: &str) -> bool {
    const PREPOSED: &str = "เแโใไເແໂໃໄ";
    const STACKING: &str = "\u{1039}\u{17d2}";
    const BEHIND: &str = "ะาำๅๆฯະາຳຽໆຯៗ។៕၊။";
    before
        .chars()
        .next_back()
        .is_some_and(|last| PREPOSED.contains(last) || STACKING.contains(last))
        || cluster.chars().next().is_some_and(|first| BEHIND.contains(first)) && is_southeast_asian(before)
        || cluster.contains('\u{103a}')
}

/// Whether both sides are of a script of Southeast Asia that has no spaces between words.
fn are_unspaced(before: &str, after: &str) -> bool {
    is_southeast_asian(before) && is_southeast_asian(after)
}

/// Thai, Lao, Burmese or Khmer.
pub(super) fn is_southeast_asian(text: &str) -> bool {
    let is_of_script = |letter| matches!(letter, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{a9e0}'..='\u{a9ff}' | '\u{aa60}'..='\u{aa7f}');
    text.chars().next().is_some_and(is_of_script)
}

/// Whether a line may end between two neighbouring clusters.
fn may_divide(before: &str, after: &str) -> bool {
    const OPENING: &str = "（「『【〈《〔［｛〖〘〚“‘([{";
    const NOT_FIRST: &str = "、。，．・：；！？」』】〉》〕］｝〗〙〛）”’)]}!?.,:;%…‥ーー々〻ゝゞヽヾぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶ〜～";
    let (Some(left), Some(right)) = (before.chars().next(), after.chars().next()) else {
        return false;
    };
    (is_ideographic(before, left) || is_ideographic(after, right))
        && !OPENING.contains(left)
        && !NOT_FIRST.contains(right)
}

/// A cluster of two columns that is not Hangul. Two narrow letters of one cluster (Thai, Hindi) have two columns as well.
fn is_ideographic(cluster: &str, first: char) -> bool {
    let is_narrow_letter = first.is_alphabetic() && first.width() != Some(2);
    cluster.width() == 2
        && !is_narrow_letter
        && !matches!(first, '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}')
}

/// Whether text of scripts without spaces meets between two passages.
pub(super) fn meet_without_space(before: &str, after: &str) -> bool {
    let wide = |cluster: Option<&str>| {
        cluster.is_some_and(|cluster| {
            cluster
                .chars()
                .next()
                .is_some_and(|first| is_ideographic(cluster, first))
        })
    };
    wide(before.graphemes(true).next_back()) && wide(after.graphemes(true).next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str, widest: usize) -> Vec<&str> {
        pieces(text, &[], widest)
            .into_iter()
            .map(|piece| &text[piece.range])
            .collect()
    }

    #[test]
    fn words_stay_whole_unless_wider_than_a_line() {
        assert_eq!(texts(" Hello,  wide world ", 20), ["Hello,", "wide", "world"]);
        assert_eq!(texts("incomprehensibilities", 8), ["incompre", "hensibil", "ities"]);
    }

    #[test]
    fn ideographs_divide_except_at_marks() {
        assert_eq!(
            texts("「今日は、Rustだ。」", 20),
            ["「今", "日", "は、", "Rust", "だ。」"]
        );
        assert_eq!(texts("안녕하세요 여러분", 20), ["안녕하세요", "여러분"]);
    }

    #[test]
    fn letters_of_one_cluster_are_no_ideograph() {
        assert_eq!(texts("ประจำวันทำงาน", 40), ["ประจำวันทำงาน"]);
        assert_eq!(texts("परीक्षा क्षत्रिय", 40), ["परीक्षा", "क्षत्रिय"]);
    }

    #[test]
    fn clusters_stay_whole() {
        assert_eq!(texts("👩‍👩‍👧‍👦e\u{301}e\u{301}", 1), ["👩‍👩‍👧‍👦", "e\u{301}", "e\u{301}"]);
    }

    #[test]
    fn white_space_is_kept() {
        let pieces = pieces("\na\u{a0}b\t\u{a0} c\r\n\n d", &[], 20);
        let kinds: Vec<_> = pieces.iter().map(|piece| (piece.spaced, piece.breaks)).collect();
        assert_eq!(kinds, [(true, false), (true, false), (true, true)]);
    }

    fn words(words: &[&str], widest: usize) -> Vec<String> {
        let text = words.concat();
        let begins: Vec<usize> = (0..words.len()).map(|count| words[..count].concat().len()).collect();
        pieces(&text, &begins, widest)
            .into_iter()
            .map(|piece| text[piece.range].to_owned())
            .collect()
    }

    #[test]
    fn words_without_spaces_end_where_those_of_the_document_end() {
        let thai = ["เราจะมาพูดถึง", "เรื่องการเดินทาง", "ไปต่างประเทศ", "ใน"];
        assert_eq!(words(&thai, 20), thai);
        assert_eq!(words(&["ຂ້ອຍ", "ໄປ", "ຕະຫຼາດ"], 20), ["ຂ້ອຍ", "ໄປ", "ຕະຫຼາດ"]);
        assert_eq!(words(&["ខ្ញុំ", "ទៅ", "ផ្សារ"], 20), ["ខ្ញុំ", "ទៅ", "ផ្សារ"]);
        assert_eq!(words(&["ကျွန်တော်", "ဈေး", "သွားတယ်"], 20), ["ကျွန်တော်", "ဈေး", "သွားတယ်"]);
        // Tokens of an engine may end inside a syllable.
        assert_eq!(words(&["เ", "ดิ", "นทาง"], 20), ["เดิ", "นทาง"]);
        // Scripts with spaces keep what the engine divides.
        assert_eq!(words(&["un", "likely"], 20), ["unlikely"]);
    }

    #[test]
    fn no_vowel_parts_from_its_consonant() {
        for widest in 2..20 {
            for line in texts("เราจะมาพูดถึงเรื่องการเดินทางไปต่างประเทศและใช้ภาษา", widest)
            {
                assert!(!line.ends_with(['เ', 'แ', 'โ', 'ใ', 'ไ']), "{line} of {widest}");
                assert!(widest < 4 || !line.starts_with(['ะ', 'า', 'ำ']), "{line} of {widest}");
            }
            for line in texts("ຂ້ອຍໄປຕະຫຼາດແລະເຮືອນໃໝ່ໂຕໃຫຍ່", widest)
            {
                assert!(!line.ends_with(['ເ', 'ແ', 'ໂ', 'ໃ', 'ໄ']), "{line} of {widest}");
            }
        }
    }
}

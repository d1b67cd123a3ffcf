//! Places where a text may be divided into lines.
//!
//! At white space and, for scripts without spaces, between characters that take two columns, except before closing and after
//! opening marks (the core of Japanese and Chinese line breaking; Hangul has spaces). A piece wider than a line is divided between
//! grapheme clusters.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

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

/// The text's pieces, none wider than `widest` columns except a single cluster that is.
pub(super) fn pieces(text: &str, widest: usize) -> Vec<Piece> {
    let (mut pieces, mut from) = (Vec::new(), 0);
    let (mut spaced, mut breaks) = (false, false);
    for chunk in text.split(divides) {
        for (range, columns) in parts(chunk, widest) {
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
fn parts(chunk: &str, widest: usize) -> Vec<(Range<usize>, usize)> {
    let (mut parts, mut last): (Vec<(Range<usize>, usize)>, &str) = (Vec::new(), "");
    for (start, cluster) in chunk.grapheme_indices(true) {
        let (end, columns) = (start + cluster.len(), cluster.width());
        match parts.last_mut() {
            Some((range, filled)) if *filled + columns <= widest && !may_divide(last, cluster) => {
                range.end = end;
                *filled += columns;
            }
            _ => parts.push((start..end, columns)),
        }
        last = cluster;
    }
    parts
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

/// A cluster of two columns that is not Hangul.
fn is_ideographic(cluster: &str, first: char) -> bool {
    cluster.width() == 2
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
        pieces(text, widest)
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
    fn clusters_stay_whole() {
        assert_eq!(texts("👩‍👩‍👧‍👦e\u{301}e\u{301}", 1), ["👩‍👩‍👧‍👦", "e\u{301}", "e\u{301}"]);
    }

    #[test]
    fn white_space_is_kept() {
        let pieces = pieces("\na\u{a0}b\t\u{a0} c\r\n\n d", 20);
        let kinds: Vec<_> = pieces.iter().map(|piece| (piece.spaced, piece.breaks)).collect();
        assert_eq!(kinds, [(true, false), (true, false), (true, true)]);
    }
}

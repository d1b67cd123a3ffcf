//! Text measured, cut and wrapped by the columns of a terminal.
//!
//! Terminals disagree about the width of emoji of several characters. A width here is the largest of any terminal, so a line is
//! never wider than computed.

use std::io;

use cesar_base::names::visible;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Maximum columns of `text`.
pub(crate) fn width(text: &str) -> usize {
    text.graphemes(true).map(grapheme_width).sum()
}

fn grapheme_width(grapheme: &str) -> usize {
    let apart: usize = grapheme.chars().filter_map(char::width).sum();
    apart.max(grapheme.width())
}

/// `text`, cut to `columns` with an ellipsis where it is wider.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let (mut kept, mut used) = (String::new(), 0);
    for grapheme in text.graphemes(true) {
        used += grapheme_width(grapheme);
        if used + 1 > columns {
            break;
        }
        kept.push_str(grapheme);
    }
    kept.push_str(if columns == 0 { "" } else { "…" });
    kept
}

/// `text`, truncated at its beginning: the end of a path is more specific.
pub(crate) fn fit_end(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let graphemes = text.graphemes(true).rev();
    let mut used = 1;
    let kept: Vec<_> = graphemes
        .take_while(|grapheme| {
            used += grapheme_width(grapheme);
            used <= columns
        })
        .collect();
    let ellipsis = if columns == 0 { "" } else { "…" };
    format!("{ellipsis}{}", kept.into_iter().rev().collect::<String>())
}

/// `text` padded to `columns`.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let mut text = text.to_owned();
    text.push_str(&" ".repeat(columns.saturating_sub(width(&text))));
    text
}

/// `text` in lines of at most `columns`, broken between words. A word wider than a line is broken between its graphemes: text in
/// Chinese or Japanese has no spaces.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    // One grapheme must fit.
    let columns = columns.max(2);
    let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0);
    let mut break_line = |line: &mut String, used: &mut usize| {
        lines.push(std::mem::take(line));
        *used = 0;
    };
    for word in text.split_whitespace() {
        let wide = width(word);
        if used > 0 {
            let fits = used + 1 + wide <= columns;
            if fits || (wide > columns && used + 2 < columns) {
                line.push(' ');
                used += 1;
            } else {
                break_line(&mut line, &mut used);
            }
        }
        for grapheme in word.graphemes(true) {
            let wide = grapheme_width(grapheme);
            if used > 0 && used + wide > columns {
                break_line(&mut line, &mut used);
            }
            line.push_str(grapheme);
            used += wide;
        }
    }
    if used > 0 {
        break_line(&mut line, &mut used);
    }
    lines
}

/// Columns between two cells.
const GAP: usize = 2;

/// The fewest columns that a wrapped cell has.
const NARROWEST: usize = 8;

/// Rows of cells as aligned columns, with control characters made visible: labels of jobs come from clients. On a terminal, cells
/// are wrapped so that no line is wider.
pub(crate) fn aligned<const COUNT: usize>(rows: &[[String; COUNT]]) -> String {
    let terminal = terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
    aligned_within(rows, terminal)
}

fn aligned_within<const COUNT: usize>(rows: &[[String; COUNT]], columns: Option<usize>) -> String {
    let rows: Vec<[_; COUNT]> = rows
        .iter()
        .map(|row| row.each_ref().map(|cell| visible(cell)))
        .collect();
    let width = |column: usize| rows.iter().map(|row| width(&row[column])).max().unwrap_or_default();
    let wanted: [usize; COUNT] = std::array::from_fn(width);
    let widths = columns.map_or(wanted, |columns| narrowed(wanted, columns));
    let mut out = String::new();
    for row in &rows {
        let cells: [Vec<String>; COUNT] = std::array::from_fn(|column| match widths[column] < wanted[column] {
            true => wrap(&row[column], widths[column]),
            false => vec![row[column].to_string()],
        });
        let height = cells.iter().map(Vec::len).max().unwrap_or_default();
        for line in 0..height {
            let cell = |column: usize| cells[column].get(line).map_or("", String::as_str);
            let line: [String; COUNT] = std::array::from_fn(|column| pad(cell(column), widths[column]));
            out.push_str(line.join(&" ".repeat(GAP)).trim_end());
            out.push('\n');
        }
    }
    out
}

/// Widths that fit into `columns`: the widest give way first, as far as a cell is still readable.
fn narrowed<const COUNT: usize>(mut widths: [usize; COUNT], columns: usize) -> [usize; COUNT] {
    let room = columns.saturating_sub(GAP * COUNT.saturating_sub(1));
    while widths.iter().sum::<usize>() > room {
        let Some(widest) = widths.iter_mut().max().filter(|width| **width > NARROWEST) else {
            break;
        };
        *widest -= 1;
    }
    widths
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn emoji_count_as_the_widest_terminal_shows_them() {
        assert_eq!(width("abc"), 3);
        assert_eq!(width("日本"), 4);
        // A family: four characters of two columns if the terminal does not join them.
        assert_eq!(width("👨‍👩‍👧‍👦"), 8);
        // A heart that the variation selector turns into an emoji.
        assert_eq!(width("❤\u{fe0f}"), 2);
        assert_eq!(width("e\u{301}"), 1);
    }

    #[test]
    fn cut_text_ends_in_an_ellipsis() {
        assert_eq!(fit("harbour", 7), "harbour");
        assert_eq!(fit("harbour.mp3", 7), "harbou…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("日本語", 1), "…");
        assert_eq!(fit("日本語", 0), "");
        assert_eq!(fit_end("a/harbour.mp3", 7), "…ur.mp3");
        assert_eq!(fit_end("日本語", 4), "…語");
        assert_eq!(pad("日本", 5), "日本 ");
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(
            wrap("ask not what your country", 10),
            ["ask not", "what your", "country"]
        );
        assert_eq!(wrap("これは日本語です", 6), ["これは", "日本語", "です"]);
        assert_eq!(wrap("  ", 10), Vec::<String>::new());
    }

    #[test]
    fn tables_fit_the_terminal() {
        let rows = [
            ["ID", "STATE", "MODELS", "PATH"].map(str::to_owned),
            [
                "whisper-cpp",
                "ready",
                "base, base-q8_0, tiny.en, tiny.en-q8_0",
                "/usr/lib/cesar/plugins/libcesar_plugin_whisper_cpp.so",
            ]
            .map(str::to_owned),
        ];
        insta::assert_snapshot!(aligned_within(&rows, Some(60)), @"
        ID           STATE  MODELS               PATH
        whisper-cpp  ready  base, base-q8_0,     /usr/lib/cesar/plug
                            tiny.en,             ins/libcesar_plugin
                            tiny.en-q8_0         _whisper_cpp.so
        ");
        assert_eq!(aligned_within(&rows, None).lines().count(), 2);
    }

    proptest! {
        #[test]
        fn no_table_is_wider_than_the_terminal_or_loses_text(
            rows in prop::collection::vec(prop::array::uniform3(r"[a-z日/]{0,40}"), 1..5),
            columns in 28_usize..120,
        ) {
            let table = aligned_within(&rows, Some(columns));
            for line in table.lines() {
                prop_assert!(width(line) <= columns, "{line:?}");
            }
            let sorted = |text: &str| {
                let mut letters: Vec<char> = text.chars().filter(|letter| !letter.is_whitespace()).collect();
                letters.sort_unstable();
                letters
            };
            prop_assert_eq!(sorted(&table), sorted(&rows.concat().concat()));
        }

        #[test]
        fn no_line_is_wider_than_asked(text in r"(\PC| |日|👨‍👩‍👧|❤️){0,60}", columns in 12_usize..100) {
            for line in wrap(&text, columns) {
                prop_assert!(width(&line) <= columns, "{line:?}");
            }
            prop_assert!(width(&fit(&text, columns)) <= columns);
            prop_assert!(width(&fit_end(&text, columns)) <= columns);
        }

        #[test]
        fn wrapping_loses_no_text(text in r"([a-z]{1,30} ){0,20}", columns in 12_usize..100) {
            let bare = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(bare(&wrap(&text, columns).concat()), bare(&text));
        }
    }
}

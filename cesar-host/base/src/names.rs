//! File names as text: any name of any bytes, for programs and for users.
//!
//! Names on Linux are bytes. [`lossless`] writes them as text from which [`path`] restores the same bytes: a name that is UTF-8
//! stays as it is; in any other a byte that is not part of UTF-8 becomes `\xE9` and a backslash is doubled. A UTF-8 name that
//! contains such an escape is written like one that is not UTF-8, so no text stands for two names.
//!
//! [`shown`] and [`visible`] are for messages: control characters, which move the cursor or begin a line, become `\n`, `\u{1b}`.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use serde::Serializer;

/// A path as text, reversible by [`path`].
#[must_use]
pub fn lossless(path: &(impl AsRef<OsStr> + ?Sized)) -> String {
    let name = path.as_ref();
    match name.to_str() {
        Some(text) if !has_escape(text) => text.to_owned(),
        _ => escaped(name.as_bytes()),
    }
}

/// The path that [`lossless`] wrote.
#[must_use]
pub fn path(text: &str) -> PathBuf {
    if !has_escape(text) {
        return PathBuf::from(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        (rest, _) = match (escape(rest), rest) {
            (Some(byte), _) => (&rest[4..], bytes.push(byte)),
            (None, [b'\\', b'\\', behind @ ..]) => (behind, bytes.push(b'\\')),
            (None, _) => (after, bytes.push(*first)),
        };
    }
    OsString::from_vec(bytes).into()
}

/// Serialises a path by [`lossless`]; serde's own implementation refuses names that are not UTF-8.
///
/// # Errors
/// The serialiser's errors.
pub fn serialize<S: Serializer>(path: &(impl AsRef<OsStr> + ?Sized), serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&lossless(path))
}

/// A path for messages.
#[must_use]
pub fn shown(path: &(impl AsRef<OsStr> + ?Sized)) -> String {
    visible(&lossless(path)).into_owned()
}

/// A text on one line, with control characters made visible.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    made_visible(text, is_control)
}

/// A text of one or more lines, with all other control characters made visible.
#[must_use]
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    made_visible(text, |letter| is_control(letter) && letter != '\n' && letter != '\t')
}

fn made_visible(text: &str, is_hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match is_hidden(letter) {
            true => shown.extend(letter.escape_default()),
            false => shown.push(letter),
        }
    }
    Cow::Owned(shown)
}

/// Whether a text shows nothing: no letter, mark or sign.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    text.chars()
        .all(|letter| letter.is_whitespace() || letter.is_control() || is_invisible(letter))
}

/// Whether a character takes no ink by itself: the default ignorable ones of Unicode, and the empty braille pattern.
fn is_invisible(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a character moves the cursor, begins a line, or changes the direction of text.
fn is_control(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn has_escape(text: &str) -> bool {
    text.as_bytes().windows(4).any(|four| escape(four).is_some())
}

/// The escaped byte at the beginning of `text`.
fn escape(text: &[u8]) -> Option<u8> {
    let [b'\\', b'x', high, low, ..] = text else {
        return None;
    };
    let digit = |letter: u8| match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'A'..=b'F' => Some(letter - b'A' + 10),
        _ => None,
    };
    Some(digit(*high)? << 4 | digit(*low)?)
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', r"\\"));
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, r"\x{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_of_invisible_characters_are_blank() {
        for text in [
            "",
            " \n",
            "\u{a0}",
            "\u{200b}\u{200d}",
            "\u{ad}",
            "\u{3164}",
            "\u{2800}",
            "\u{feff} \u{e0001}",
        ] {
            assert!(is_blank(text), "{text:?}");
        }
        for text in ["a", "\u{301}", "。", "\u{200b}x", "👍\u{fe0f}"] {
            assert!(!is_blank(text), "{text:?}");
        }
    }

    #[test]
    fn displayed_names_lose_no_bytes() {
        let latin = OsStr::from_bytes(b"latin1_\xe9 \\.wav");
        assert_eq!(lossless(latin), r"latin1_\xE9 \\.wav");
        assert_eq!(lossless(r"C:\talk.wav"), r"C:\talk.wav");
        assert_eq!(lossless(r"a\xE9.wav"), r"a\\xE9.wav");
        assert_eq!(
            shown("new\nline \u{1b}[31m\u{202e}.wav"),
            r"new\nline \u{1b}[31m\u{202e}.wav"
        );
        assert_eq!(visible_lines("one\n\u{7}two\tthree\r"), "one\n\\u{7}two\tthree\\r");
        assert_eq!(visible("🎙️ “Gespräch” №1"), "🎙️ “Gespräch” №1");
    }

    fn any_name() -> impl Strategy<Value = Vec<u8>> {
        let pieces = prop_oneof![
            Just(b"\\".to_vec()),
            Just(b"\\x".to_vec()),
            Just(b"E9".to_vec()),
            Just(b"\xe9".to_vec()),
            Just("é".as_bytes().to_vec()),
            any::<u8>().prop_map(|byte| vec![byte]),
        ];
        prop::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn lossless_names_round_trip(bytes in any_name()) {
            let name = OsString::from_vec(bytes);
            prop_assert_eq!(path(&lossless(&name)).into_os_string(), name);
        }

        #[test]
        fn displayed_names_have_no_control_characters(bytes in any_name()) {
            let shown = shown(&OsString::from_vec(bytes));
            prop_assert!(!shown.contains(is_control), "{shown:?}");
        }
    }
}

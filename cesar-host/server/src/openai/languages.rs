//! Separators of text by language, and OpenAI's names of languages.

/// Languages written without spaces between sentences.
const UNSPACED: &[&str] = &["zh", "ja", "yue", "th", "lo", "km", "my", "bo"];

pub(crate) use cesar_language::whisper_name as name;

/// The separator between two pieces of text.
pub(crate) fn separator(code: Option<&str>) -> &'static str {
    if code.is_some_and(|code| UNSPACED.contains(&code)) {
        ""
    } else {
        " "
    }
}

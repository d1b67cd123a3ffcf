//! Languages as users write them, mapped to an engine's codes.
//!
//! Codes of two and three letters (ISO 639-1, 639-2/B and /T, 639-3, withdrawn ones such as `iw`), BCP 47 tags and POSIX locales
//! (`en-US`, `zh-Hant-TW`, `de_DE.UTF-8`), English and native names (`German`, `Deutsch`), in any case and with or without
//! accents. `auto`, `None` and an empty text mean that the engine detects the language. Each recognised text becomes one code
//! before keys are computed, so that `EN`, `English` and `en` share their results.
//!
//! ISO's codes and names come from the crate `isolang`; `tables` has additions to ISO. An engine's codes are the `enum` of its
//! option `language`; without one, it gets ISO's code. A tag that is in the `enum` (`pt-BR`) stays unchanged. Written Norwegian
//! (`nb`, `nn`) becomes `no` if the engine has `no`: Whisper hardly knows `nn`.

use cesar_base::nearest;
use isolang::Language;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

mod tables;
#[cfg(test)]
mod tests;

/// The language that a text names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spoken {
    /// The engine detects it.
    Detect,
    /// This language, as an ISO 639-1 code, else 639-3.
    Language(&'static str),
}

/// The reason why a text is not a language of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It is not a language.
    Unknown {
        /// The nearest one, for "did you mean".
        suggestion: Option<String>,
    },
    /// It is a language that the engine does not support.
    NotThisEngine {
        /// Its English name.
        name: &'static str,
    },
}

/// Reads a text; `None` if it names no language.
pub fn read(text: &str) -> Option<Spoken> {
    let text = folded(text);
    let text = without_region(&text);
    if tables::DETECT.contains(&text) {
        return Some(Spoken::Detect);
    }
    tag(text).or_else(|| name(text)).map(Spoken::Language)
}

/// Removes a region or a script in parentheses: `Chinese (Simplified)`.
fn without_region(text: &str) -> &str {
    text.split('(').next().unwrap_or_default().trim()
}

/// The code of the language that a text names; `None` also if it leaves the language open.
pub fn code(text: &str) -> Option<&'static str> {
    match read(text)? {
        Spoken::Detect => None,
        Spoken::Language(code) => Some(code),
    }
}

/// The engine's code; `known` are its codes (any code, if empty). `None` detects the language.
pub fn code_for(text: &str, known: &[String]) -> Result<Option<String>, Refused> {
    let exact = known.iter().find(|code| code.eq_ignore_ascii_case(text.trim()));
    let read = match (read(text), exact) {
        (Some(Spoken::Language(code)), Some(exact))
            if exact.contains(['-', '_']) || !known.iter().any(|k| k == code) =>
        {
            return Ok(Some(exact.clone()));
        }
        (None | Some(Spoken::Detect), Some(exact)) => return Ok(Some(exact.clone())),
        (read, _) => read,
    };
    let wanted = match read {
        Some(Spoken::Detect) => return Ok(None),
        Some(Spoken::Language(code)) => code,
        None => {
            return Err(Refused::Unknown {
                suggestion: suggestion(text, known),
            });
        }
    };
    if known.is_empty() || known.iter().any(|code| code == wanted) {
        return Ok(Some(wanted.to_owned()));
    }
    // Engines have their own spellings: `jw`, `iw`, `zh-CN`.
    let spelled = known.iter().find(|code| read_code(code) == Some(wanted));
    spelled.cloned().map(Some).ok_or(Refused::NotThisEngine {
        name: english_name(wanted),
    })
}

/// Whether a text names one of `languages` (codes), or leaves the language open.
pub fn may_be_one_of(text: &str, languages: &[String]) -> bool {
    match read(text) {
        Some(Spoken::Detect) => true,
        Some(Spoken::Language(code)) => languages.iter().any(|known| read_code(known) == Some(code)),
        None => false,
    }
}

/// The name of a Whisper code in OpenAI's tokenizer, in lower case; another code stays unchanged.
pub fn whisper_name(code: &str) -> &str {
    let row = tables::WHISPER.iter().find(|(known, _)| *known == code);
    row.map_or(code, |(_, name)| name)
}

fn read_code(code: &str) -> Option<&'static str> {
    match read(code) {
        Some(Spoken::Language(code)) => Some(code),
        _ => None,
    }
}

/// Lower case, without accents, with plain apostrophes.
fn folded(text: &str) -> String {
    let invisible = |letter: &char| matches!(letter, '\u{200b}'..='\u{200f}' | '\u{feff}');
    let plain = text
        .nfd()
        .filter(|letter| !is_combining_mark(*letter) && !invisible(letter));
    let lower: String = plain.flat_map(char::to_lowercase).collect();
    lower.trim().replace(['’', '‘', 'ʻ', 'ʼ'], "'")
}

/// The language of a BCP 47 tag or a POSIX locale: `en`, `eng`, `en-US`, `zh-yue`, `de_DE.UTF-8`.
fn tag(text: &str) -> Option<&'static str> {
    let text = text.split(['.', '@']).next().unwrap_or_default();
    let mut parts = text.split(['-', '_']);
    let first = parts.next()?;
    let rest: Vec<&str> = parts.collect();
    let is_subtag =
        |part: &&str| (1..=8).contains(&part.len()) && part.chars().all(|letter| letter.is_ascii_alphanumeric());
    if !rest.iter().all(is_subtag) {
        return None;
    }
    let language = iso(first)?;
    // An extended language, as in `zh-yue`, is more specific than its base.
    let extended = rest.first().filter(|part| part.len() == 3).and_then(|part| iso(part));
    Some(extended.unwrap_or(language))
}

/// A code of two or three letters.
fn iso(code: &str) -> Option<&'static str> {
    if !(2..=3).contains(&code.len()) || !code.chars().all(|letter| letter.is_ascii_lowercase()) {
        return None;
    }
    let other = tables::OTHER_CODES.iter().find(|(known, _)| *known == code);
    if let Some((_, code)) = other {
        return Some(code);
    }
    let language = if code.len() == 2 {
        Language::from_639_1(code)
    } else {
        Language::from_639_3(code)
    };
    language.map(code_of)
}

fn code_of(language: Language) -> &'static str {
    let code = language.to_639_1().unwrap_or_else(|| language.to_639_3());
    let other = tables::OTHER_CODES.iter().find(|(known, _)| *known == code);
    other.map_or(code, |(_, code)| code)
}

/// A name, English or native; for several words the last one may be enough: `Brazilian Portuguese`.
fn name(text: &str) -> Option<&'static str> {
    let text = text.replace(['-', '_'], " ");
    let spoken = |text: &str| whisper(text).or_else(|| english(text)).or_else(|| native(text));
    spoken(&text).or_else(|| whisper(text.rsplit_once(' ')?.1))
}

fn whisper(text: &str) -> Option<&'static str> {
    let names = tables::OTHER_NAMES.iter().find(|(name, _)| folded(name) == text);
    let row = || tables::WHISPER.iter().find(|(_, name)| *name == text);
    names.map(|(_, code)| *code).or_else(|| iso(row()?.0))
}

fn english(text: &str) -> Option<&'static str> {
    Language::from_name_lowercase(text).map(code_of)
}

fn native(text: &str) -> Option<&'static str> {
    let wanted = text.to_owned();
    let matches = move |names: &str| names.split(',').any(|name| without_region(&folded(name)) == wanted);
    let mut found: Vec<_> = Language::match_autonyms(matches).collect();
    // Of several languages with one name, the more widely spoken one has a code of two letters.
    found.sort_by_key(|language| language.to_639_1().is_none());
    found.first().copied().map(code_of)
}

/// The English name of one of this crate's codes.
fn english_name(code: &'static str) -> &'static str {
    let language = Language::from_639_1(code).or_else(|| Language::from_639_3(code));
    language.map_or(code, |language| language.to_name())
}

/// The probable language, as `Spanish` (`es`).
fn suggestion(text: &str, known: &[String]) -> Option<String> {
    let text = folded(text);
    let codes: Vec<&str> = match known {
        [] => tables::WHISPER.iter().map(|(code, _)| *code).collect(),
        known => known.iter().map(String::as_str).collect(),
    };
    let country = tables::COUNTRIES.iter().find(|(country, _)| *country == text);
    let code = match country {
        Some((_, code)) => *code,
        None if text.chars().count() < 2 => return None,
        None if text.chars().count() <= 3 => {
            let alike = |code: &&&str| code.chars().next() == text.chars().next();
            nearest(&text, codes.iter().filter(alike).copied())?
        }
        None => nearest_by_name(&text, &codes)?,
    };
    let name = match whisper_name(code) {
        name if name == code => read_code(code).map_or(code, |code| english_name(code)),
        name => name,
    };
    Some(format!("`{}` (`{code}`)", capitalised(name)))
}

fn nearest_by_name<'a>(text: &str, codes: &[&'a str]) -> Option<&'a str> {
    let rows = codes.iter().flat_map(|code| {
        let native = read_code(code)
            .and_then(|code| Language::from_639_1(code).or_else(|| Language::from_639_3(code)))
            .and_then(|language| language.to_autonym());
        let names = [Some(whisper_name(code)), native].into_iter().flatten();
        names.map(|name| (folded(name), *code)).collect::<Vec<_>>()
    });
    let rows: Vec<_> = rows.collect();
    let near = nearest(text, rows.iter().map(|(name, _)| name.as_str()))?.to_owned();
    rows.iter().find(|(name, _)| *name == near).map(|(_, code)| *code)
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

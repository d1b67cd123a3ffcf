//! The head of a part: its name and file name.

use std::borrow::Cow;

/// Maximum lines of one head.
const MOST_LINES: usize = 32;

/// Maximum bytes of a boundary; RFC 2046 allows 70.
const BOUNDARY_LIMIT: usize = 200;

/// The head of a part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// The name of the field.
    pub(crate) name: Option<String>,
    /// The client's name of the file: `filename*`, else `filename`.
    pub(crate) file_name: Option<String>,
    /// `Content-Transfer-Encoding`, in lower case.
    pub(crate) encoding: Option<String>,
}

/// The length of the head with its empty line; `None` while that is missing.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let mut line = 0;
    while let Some(end) = memchr::memchr(b'\n', &bytes[line..]) {
        let next = line + end + 1;
        if matches!(&bytes[line..next], b"\n" | b"\r\n") {
            return Some(next);
        }
        line = next;
    }
    None
}

impl Head {
    /// Reads the lines of a head with its empty line.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let lines = lines(bytes)?;
        let value = |name: &str| {
            lines
                .iter()
                .find(|(given, _)| given.eq_ignore_ascii_case(name.as_bytes()))
                .map(|(_, value)| value.as_slice())
        };
        let encoding = value("content-transfer-encoding");
        let mut head = Self {
            encoding: encoding.map(|value| String::from_utf8_lossy(value).trim().to_ascii_lowercase()),
            ..Self::default()
        };
        if let Some(disposition) = value("content-disposition") {
            let parameters = parameters(&String::from_utf8_lossy(disposition));
            head.name = named(&parameters, "name");
            head.file_name = named(&parameters, "filename");
        }
        Some(head)
    }
}

/// The names and values of a head's lines. A line that begins with a space or a tab continues the one before it (RFC 5322, 2.2.3).
///
/// A value may have control characters, which clients send in names of files, but neither NUL nor a CR, which may end a line for others.
fn lines(bytes: &[u8]) -> Option<Vec<(&[u8], Vec<u8>)>> {
    let mut found = Vec::<(&[u8], Vec<u8>)>::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.iter().any(|byte| matches!(byte, b'\0' | b'\r')) {
            return None;
        }
        match line {
            [] => break,
            [b' ' | b'\t', ..] => found.last_mut()?.1.extend_from_slice(line),
            _ if found.len() == MOST_LINES => return None,
            _ => {
                let colon = memchr::memchr(b':', line)?;
                let (name, value) = (&line[..colon], &line[colon + 1..]);
                if name.is_empty() || !name.iter().copied().all(is_token) {
                    return None;
                }
                found.push((name, value.to_vec()));
            }
        }
    }
    Some(found)
}

/// Whether the byte may be in the name of a header (RFC 9110, 5.6.2).
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

/// The boundary in a content type; `None` if it is no form or has no usable boundary.
pub(crate) fn boundary(content_type: &str) -> Option<String> {
    if !is_form(content_type) {
        return None;
    }
    let parameters = parameters(content_type);
    let boundary = parameters.into_iter().find(|(name, _)| name == "boundary")?.1;
    (1..=BOUNDARY_LIMIT).contains(&boundary.len()).then_some(boundary)
}

/// Whether the content type is a form.
pub(crate) fn is_form(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("multipart/form-data")
}

/// A parameter; the form with a star, which names its character set, takes precedence.
fn named(parameters: &[(String, String)], name: &str) -> Option<String> {
    let find = |wanted: &str| {
        parameters
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
    };
    let plain = || find(name).map(|value| value.replace("%22", "\""));
    find(&format!("{name}*")).and_then(extended).or_else(plain)
}

/// The parameters after the first `;`, with names in lower case and without quotes.
fn parameters(value: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = value.split_once(';').map_or("", |(_, rest)| rest);
    while !rest.is_empty() {
        let end = rest.find(['=', ';']).unwrap_or(rest.len());
        let name = rest[..end].trim().to_ascii_lowercase();
        let Some(given) = rest[end..].strip_prefix('=') else {
            rest = rest.get(end + 1..).unwrap_or_default();
            continue;
        };
        let (value, behind) = match given.trim_start().strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => {
                let (value, behind) = given.split_once(';').unwrap_or((given, ""));
                (value.trim().to_owned(), behind)
            }
        };
        found.push((name, value));
        rest = behind;
    }
    found
}

/// The text up to the closing quote, and the rest after the next `;`. A backslash is literal except before a quote or a backslash: old
/// browsers send whole Windows paths.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut letters = text.char_indices().peekable();
    while let Some((place, letter)) = letters.next() {
        match letter {
            '"' => {
                let behind = &text[place + 1..];
                return (value, behind.split_once(';').map_or("", |(_, behind)| behind));
            }
            '\\' => {
                let escaped = letters.next_if(|(_, next)| matches!(next, '"' | '\\'));
                value.push(escaped.map_or('\\', |(_, next)| next));
            }
            letter => value.push(letter),
        }
    }
    (value, "")
}

/// RFC 5987: `UTF-8'en'na%C3%AFve.mp3`.
fn extended(value: &str) -> Option<String> {
    let mut pieces = value.splitn(3, '\'');
    let (charset, _language, text) = (pieces.next()?, pieces.next()?, pieces.next()?);
    let bytes = percent_decoded(text);
    match charset.to_ascii_lowercase().as_str() {
        "utf-8" | "us-ascii" => String::from_utf8(bytes.into_owned()).ok(),
        "iso-8859-1" => Some(bytes.iter().copied().map(char::from).collect()),
        _ => None,
    }
}

fn percent_decoded(text: &str) -> Cow<'_, [u8]> {
    if !text.contains('%') {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let digit = |place: usize| behind.get(place).and_then(|byte| char::from(*byte).to_digit(16));
        let decoded = if *first == b'%' { digit(0).zip(digit(1)) } else { None };
        match decoded.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    Cow::Owned(bytes)
}

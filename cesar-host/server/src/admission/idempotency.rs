//! `Idempotency-Key`, as draft-ietf-httpapi-idempotency-key-header-07 has it.
//!
//! The header is a structured-field string (`"8e03978e-…"`); the bare tokens that most clients send are read as well. The same key
//! with the same request gives the job of the first one, as long as that job is kept; with another request it is refused (422).
//! Clients with different API keys have separate idempotency keys.

use axum::http::HeaderMap;
use cesar_jobs::{Idempotency, JobRequest};

use crate::refusal::{Code, Refusal};

/// Maximum length of a key.
const MAX_LENGTH: usize = 255;

/// The key of a request, if it has one.
pub(super) fn key(headers: &HeaderMap, client: &str, request: &JobRequest) -> Result<Option<Idempotency>, Refusal> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|_| values.next().is_none());
    let key = text.and_then(parse).ok_or_else(|| {
        Refusal::bad(
            Code::InvalidIdempotencyKey,
            format!("`Idempotency-Key` must be one text of 1 to {MAX_LENGTH} characters, such as `\"8e03978e-40d5-43e8-bc93-6894a57f9324\"`"),
        )
        .param("Idempotency-Key")
    })?;
    Ok(Some(Idempotency {
        key: format!("{client}:{key}"),
        fingerprint: request.fingerprint(),
    }))
}

/// The text of a structured-field string (RFC 9651, section 4.2.5), or a bare token.
fn parse(text: &str) -> Option<String> {
    let text = text.trim();
    let key = match text.strip_prefix('"') {
        Some(rest) => unescape(rest.strip_suffix('"')?)?,
        None if text.contains(['"', '\\', ' ', ',', ';']) => return None,
        None => text.to_owned(),
    };
    let printable = key.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    (printable && (1..=MAX_LENGTH).contains(&key.len())).then_some(key)
}

fn unescape(quoted: &str) -> Option<String> {
    let mut plain = String::new();
    let mut letters = quoted.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return None,
            '\\' => plain.push(letters.next().filter(|next| matches!(next, '"' | '\\'))?),
            letter => plain.push(letter),
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quoted_and_bare_keys_are_read() {
        assert_eq!(parse("\"8e03-x\""), Some("8e03-x".into()));
        assert_eq!(parse("8e03-x"), Some("8e03-x".into()));
        assert_eq!(parse(r#""a \"quote\" and \\""#), Some(r#"a "quote" and \"#.into()));
        for bad in ["", "\"\"", "\"open", "two words", "a,b", "\"a\"b\"", &"x".repeat(256)] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_quoted_key_is_unescaped(key in "[ -~]{1,255}") {
            let quoted = format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""));
            prop_assert_eq!(parse(&quoted), Some(key));
        }
    }
}

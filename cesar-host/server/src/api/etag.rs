//! Revisions of corrections in headers.
//!
//! The `ETag` of a transcript is `"REVISION-DIGEST"`: the digest changes with the file when a job is retried or a plugin is replaced. `If-Match` of a
//! correction needs the revision alone, so `"REVISION"` and a whole `ETag` are both accepted there.

use axum::http::header::{IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use cesar_base::Digest;

use crate::refusal::{Code, Refusal};

/// The tag of a file at a revision, or of the revision alone.
pub(crate) fn tag(revision: u64, file: Option<&[u8]>) -> String {
    match file {
        Some(bytes) => format!("\"{revision}-{}\"", Digest::of(bytes)),
        None => format!("\"{revision}\""),
    }
}

/// Whether the client has the file of this tag.
pub(crate) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).iter();
    let tags = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    tags.map(str::trim)
        .any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

/// The revision that a correction is for.
pub(crate) fn expected_revision(headers: &HeaderMap) -> Result<u64, Refusal> {
    let mut values = headers.get_all(IF_MATCH).iter();
    let Some(value) = values.next() else {
        return Err(Refusal::new(
            StatusCode::PRECONDITION_REQUIRED,
            Code::RevisionRequired,
            "`If-Match` is missing; send the `ETag` of the transcript, such as `\"3\"`, or `\"0\"` for one without corrections",
        ));
    };
    // Two revisions would be a list, of which one may be the current one.
    let text = match values.next() {
        None => value.to_str().unwrap_or_default().trim().trim_matches('"'),
        Some(_) => "",
    };
    let number = text.split_once('-').map_or(text, |(number, _)| number);
    number.parse().map_err(|_| {
        Refusal::bad(
            Code::InvalidRevision,
            "`If-Match` must be one revision, such as `\"3\"`, and sent once",
        )
        .param("If-Match")
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(name: axum::http::HeaderName, value: &str) -> HeaderMap {
        [(name, HeaderValue::from_str(value).unwrap())].into_iter().collect()
    }

    #[test]
    fn a_revision_and_a_whole_tag_are_accepted() {
        let revision = |value: &str| expected_revision(&headers(IF_MATCH, value)).map_err(|refusal| refusal.code);
        let known_tag = tag(7, Some(b"text"));
        assert_eq!(
            (revision("\"3\""), revision("12"), revision(&known_tag)),
            (Ok(3), Ok(12), Ok(7))
        );
        for malformed in ["*", "", "W/\"3\"", "\"3\", \"4\"", "\"-1\"", "\"99999999999999999999\""] {
            assert_eq!(revision(malformed), Err(Code::InvalidRevision), "{malformed}");
        }
        let mut twice = headers(IF_MATCH, "\"3\"");
        twice.append(IF_MATCH, HeaderValue::from_static("\"4\""));
        assert_eq!(expected_revision(&twice).unwrap_err().code, Code::InvalidRevision);
        assert_eq!(
            expected_revision(&HeaderMap::new()).unwrap_err().status,
            StatusCode::PRECONDITION_REQUIRED
        );
    }

    #[test]
    fn a_known_file_is_recognised_in_a_list() {
        let known_tag = tag(1, Some(b"text"));
        let known = |value: &str| is_known(&headers(IF_NONE_MATCH, value), &known_tag);
        assert!(known(&known_tag) && known(&format!("\"x\", W/{known_tag}")) && known("*"));
        assert!(!known("\"1\"") && !known(&tag(1, Some(b"other"))) && !known(&tag(2, Some(b"text"))));
    }
}

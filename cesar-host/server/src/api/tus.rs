//! The headers of tus 1.0 (<https://tus.io/protocols/resumable-upload>).

use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::admission::form::label;
use crate::refusal::{Code, Refusal};

/// The version.
pub(crate) const VERSION: &str = "1.0.0";

/// The extensions of this server.
pub(crate) const EXTENSIONS: &str = "creation,creation-defer-length,termination,expiration";

/// The content type of a piece.
pub(crate) const PIECE: &str = "application/offset+octet-stream";

/// The longest `Upload-Metadata`.
const METADATA_LIMIT: usize = 4 * 1024;

/// Refuses clients of another version.
pub(crate) fn check_version(headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.get("tus-resumable").is_some_and(|version| version == VERSION) {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::PRECONDITION_FAILED,
        Code::TusVersion,
        format!("the request needs `Tus-Resumable: {VERSION}`"),
    ))
}

/// A header that is a whole number.
pub(crate) fn number(headers: &HeaderMap, name: &str) -> Result<Option<u64>, Refusal> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_number);
    number
        .map(Some)
        .ok_or_else(|| Refusal::bad(Code::InvalidUpload, format!("`{name}` must be a whole number")).param(name))
}

/// The length of a new upload; `None` when it comes later.
pub(crate) fn length(headers: &HeaderMap, limit: u64) -> Result<Option<u64>, Refusal> {
    let length = number(headers, "upload-length")?;
    let is_deferred = match headers.get("upload-defer-length") {
        None => false,
        Some(value) if value == "1" => true,
        Some(_) => {
            let text = "`Upload-Defer-Length` must be `1`";
            return Err(Refusal::bad(Code::InvalidUpload, text).param("Upload-Defer-Length"));
        }
    };
    match length {
        Some(_) if is_deferred => Err(Refusal::bad(
            Code::InvalidUpload,
            "the request has both `Upload-Length` and `Upload-Defer-Length`; send one of them",
        )),
        None if !is_deferred => Err(Refusal::bad(
            Code::InvalidUpload,
            "the request has no `Upload-Length`; send it, or `Upload-Defer-Length: 1`",
        )),
        Some(length) if length > limit => Err(Refusal::too_large(limit)),
        length => Ok(length),
    }
}

/// The metadata of a new upload, and the name of the file in it.
pub(crate) fn metadata(headers: &HeaderMap) -> Result<(String, String), Refusal> {
    let refused = |text: &str| Refusal::bad(Code::InvalidUpload, text).param("Upload-Metadata");
    let Some(value) = headers.get("upload-metadata") else {
        return Ok((String::new(), label(None)));
    };
    let text = value
        .to_str()
        .map_err(|_| refused("`Upload-Metadata` has other characters than ASCII"))?;
    if text.len() > METADATA_LIMIT {
        let text = format!("`Upload-Metadata` is longer than {METADATA_LIMIT} bytes");
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, Code::TooLarge, text));
    }
    let mut name = None;
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let bytes = STANDARD.decode(value.trim());
        let bytes = bytes.map_err(|_| refused("`Upload-Metadata` must have pairs of a name and a value in base64"))?;
        if key == "filename" {
            name = String::from_utf8(bytes).ok();
        }
    }
    Ok((text.to_owned(), label(name.as_deref())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::headers;

    #[test]
    fn a_new_upload_has_a_length_or_says_that_it_comes_later() {
        let of = |pairs: &[_]| length(&headers(pairs), 100).map_err(|refusal| refusal.code);
        assert_eq!(of(&[("upload-length", "100")]), Ok(Some(100)));
        assert_eq!(of(&[("upload-length", "101")]), Err(Code::TooLarge));
        assert_eq!(of(&[("upload-defer-length", "1")]), Ok(None));
        for pairs in [
            &[][..],
            &[("upload-defer-length", "2")],
            &[("upload-length", "1"), ("upload-defer-length", "1")],
            &[("upload-length", "-1")],
            &[("upload-length", "+1")],
            &[("upload-length", "1.5")],
            &[("upload-length", "99999999999999999999")],
        ] {
            assert_eq!(of(pairs), Err(Code::InvalidUpload), "{pairs:?}");
        }
    }

    #[test]
    fn the_name_of_a_file_is_no_path() {
        let name = |text: &str| metadata(&headers(&[("upload-metadata", text)])).map(|(_, label)| label);
        let encoded = format!("filetype YXVkaW8=, filename {}", STANDARD.encode("../../etc/Grüße.mp3"));
        assert_eq!(name(&encoded).unwrap(), "Grüße.mp3");
        assert_eq!(name("is_confidential").unwrap(), "upload");
        assert_eq!(metadata(&HeaderMap::new()).unwrap().1, "upload");
        assert_eq!(name("filename !").unwrap_err().code, Code::InvalidUpload);
        let long = format!("filename {}", STANDARD.encode([b'x'; METADATA_LIMIT]));
        assert_eq!(name(&long).unwrap_err().code, Code::TooLarge);
    }

    #[test]
    fn other_versions_are_refused() {
        assert!(check_version(&headers(&[("tus-resumable", "1.0.0")])).is_ok());
        for pairs in [&[][..], &[("tus-resumable", "0.2.2")]] {
            assert_eq!(check_version(&headers(pairs)).unwrap_err().status, 412);
        }
    }
}

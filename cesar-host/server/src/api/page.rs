//! The page: `GET /` and `GET /page/...`, the files of `page/` embedded into the program.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, REFERRER_POLICY,
    VARY,
};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};

use crate::api::etag;
use crate::refusal::Refusal;
use crate::refusal::problem::Problem;

/// A page loads its own files and connects to its own server only, runs no inline script, and is shown in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; \
    connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The page records with the microphone and needs no other device.
const PERMISSIONS: &str = "microphone=(self), camera=(), geolocation=(), payment=(), usb=()";

/// The file at `/`.
const INDEX: &str = "index.html";

/// One file of the page.
struct PageFile {
    /// Its path below `page/`.
    path: &'static str,
    content_type: &'static str,
    /// The `ETag`.
    tag: &'static str,
    plain: &'static [u8],
    /// The compressed bytes, where they are fewer.
    gzip: Option<&'static [u8]>,
}

/// All files, by path.
static FILES: &[PageFile] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// `GET /`.
pub(crate) async fn index(headers: HeaderMap) -> Result<Response, Problem> {
    file(INDEX, &headers)
}

/// `GET /page/{path}`.
pub(crate) async fn page(path: Result<Path<String>, PathRejection>, headers: HeaderMap) -> Result<Response, Problem> {
    // A path that is no UTF-8 is unknown, too.
    let path = path.map(|Path(path)| path).unwrap_or_default();
    file(&path, &headers)
}

fn file(path: &str, headers: &HeaderMap) -> Result<Response, Problem> {
    let found = FILES.binary_search_by(|file| file.path.cmp(path));
    let file = found.map_err(|_| Refusal::not_found("the page has no such file"))?;
    let file = &FILES[file];
    let common = [
        (ETAG, file.tag),
        // Browsers keep the file and ask whether it is current.
        (CACHE_CONTROL, "no-cache"),
        (VARY, "accept-encoding"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    if etag::is_known(headers, file.tag) {
        return Ok((StatusCode::NOT_MODIFIED, common).into_response());
    }
    let kind = [(CONTENT_TYPE, file.content_type)];
    Ok(match file.gzip.filter(|_| accepts_gzip(headers)) {
        Some(packed) => (common, kind, [(CONTENT_ENCODING, "gzip")], packed).into_response(),
        None => (common, kind, file.plain).into_response(),
    })
}

/// Whether the client reads gzip: named without a weight of zero.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter();
    let codings = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    codings
        .map(|coding| coding.split_once(';').unwrap_or((coding, "")))
        .any(|(name, weight)| {
            let weight = weight.trim().strip_prefix("q=").map(str::parse::<f32>);
            name.trim().eq_ignore_ascii_case("gzip") && !matches!(weight, Some(Ok(0.0)))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use axum::http::HeaderValue;
    use axum::http::header::IF_NONE_MATCH;

    fn with(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[tokio::test]
    async fn a_file_has_a_tag_and_a_policy() {
        let response = file(INDEX, &HeaderMap::new()).unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-cache");
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        let tag = response.headers()[ETAG].clone();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        assert!(body.starts_with(b"<!doctype html>"));
        let known = HeaderMap::from_iter([(IF_NONE_MATCH, tag)]);
        assert_eq!(file(INDEX, &known).unwrap().status(), 304);
    }

    #[tokio::test]
    async fn a_compressed_file_expands_to_the_same_bytes() {
        for known in FILES.iter().filter(|file| file.gzip.is_some()) {
            let response = file(known.path, &with(ACCEPT_ENCODING, "br, gzip;q=0.5")).unwrap();
            assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
            let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
            let (data, end) = body[10..].split_at(body.len() - 18);
            assert_eq!(miniz_oxide::inflate::decompress_to_vec(data).unwrap(), known.plain);
            assert_eq!(end[..4], crc32fast::hash(known.plain).to_le_bytes());
            assert_eq!(end[4..], u32::try_from(known.plain.len()).unwrap().to_le_bytes());
        }
    }

    #[test]
    fn encodings_of_the_client_are_respected() {
        for (given, wanted) in [
            ("gzip", true),
            ("deflate, GZIP;q=1", true),
            ("gzip;q=0", false),
            ("identity", false),
        ] {
            assert_eq!(accepts_gzip(&with(ACCEPT_ENCODING, given)), wanted, "{given}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn paths_outside_of_the_page_are_unknown() {
        for path in ["", "../Cargo.toml", "/etc/passwd", "index.html/", "INDEX.HTML"] {
            assert!(file(path, &HeaderMap::new()).is_err(), "{path}");
        }
        assert!(FILES.is_sorted_by(|one, other| one.path < other.path));
    }
}

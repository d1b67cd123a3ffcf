//! The session of a browser: an API key in a cookie, for media elements and event streams, which send no `Authorization`.
//!
//! Scripts cannot read the cookie (`HttpOnly`) and browsers send it to this site alone (`SameSite=Strict`). A site is wider than an origin
//! (another port of the host is the same site), so a request that changes something counts only with the browser's word that a page of this
//! origin sent it. No key is ever in an address, which logs and histories keep.

use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, Method};

use crate::admission::origin::same_origin;
use crate::keys::Gate;

/// The name of the cookie.
const NAME: &str = "cesar_key";

/// Its lifetime in the browser, in seconds: a year.
const MAX_AGE: u32 = 365 * 24 * 3600;

/// The sender of a request: the id of the key in `Authorization`, else in the cookie; `local` where none is required.
pub(crate) fn client(gate: &Gate, method: &Method, headers: &HeaderMap) -> Option<String> {
    let authorization = headers.get(AUTHORIZATION);
    if authorization.is_some() || !gate.is_required() {
        return gate.client(authorization.and_then(|value| value.to_str().ok()));
    }
    if !method.is_safe() && !is_from_own_page(headers) {
        return None;
    }
    key(headers).and_then(|key| gate.holder(key))
}

/// The key in the cookie.
fn key(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(COOKIE).iter();
    let mut pairs = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == NAME).map(|(_, key)| key)
}

/// Whether the browser says that a page of this origin, or its user, sent the request.
fn is_from_own_page(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match text("sec-fetch-site") {
        Some(site) => matches!(site, "same-origin" | "none"),
        // A browser without that header, or on a plain HTTP address, for which browsers leave it out.
        None => match (text(ORIGIN.as_str()), text(HOST.as_str())) {
            (Some(origin), Some(host)) => same_origin(origin, host),
            _ => false,
        },
    }
}

/// The value of `Set-Cookie` for a key; without a key it removes the cookie.
pub(crate) fn set(headers: &HeaderMap, key: Option<&str>) -> String {
    let forwarded = headers.get("x-forwarded-proto");
    let secure = match forwarded.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"https")) {
        true => "; Secure",
        false => "",
    };
    let (key, age) = key.map_or(("", 0), |key| (key, MAX_AGE));
    format!("{NAME}={key}; HttpOnly; SameSite=Strict; Path=/; Max-Age={age}{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Keys;
    use crate::testing::headers;

    #[test]
    fn a_cookie_admits_as_the_key_does() {
        let folder = tempfile::tempdir().unwrap();
        let file = Keys::new(folder.path(), None);
        let (secret, stored) = file.add("laptop", 5).unwrap();
        let gate = Gate::new(file, true).unwrap();
        let cookie = format!("theme=dark; cesar_key={secret}");
        let get = |pairs: &[_]| client(&gate, &Method::GET, &headers(pairs));
        assert_eq!(get(&[("cookie", &cookie)]), Some(stored.id));
        assert_eq!(get(&[("cookie", "cesar_key=cesar_00")]), None);
        assert_eq!(get(&[("cookie", "other=1")]), None);
        // A wrong key is refused although the cookie is right.
        let wrong = get(&[("cookie", &cookie), ("authorization", "Bearer cesar_00")]);
        assert_eq!(wrong, None);
    }

    #[test]
    fn a_change_counts_with_the_cookie_only_from_the_own_page() {
        let folder = tempfile::tempdir().unwrap();
        let file = Keys::new(folder.path(), None);
        let (secret, _) = file.add("laptop", 5).unwrap();
        let gate = Gate::new(file, true).unwrap();
        let cookie = format!("cesar_key={secret}");
        let is_admitted = |method: &Method, more: &[(&'static str, &str)]| {
            let all = [&[("cookie", cookie.as_str()), ("host", "cesar.example:5000")], more].concat();
            client(&gate, method, &headers(&all)).is_some()
        };
        for method in [Method::POST, Method::PATCH, Method::PUT, Method::DELETE] {
            for (more, wanted) in [
                (&[("sec-fetch-site", "same-origin")][..], true),
                (&[("sec-fetch-site", "none")], true),
                (&[("sec-fetch-site", "same-site")], false),
                (&[("sec-fetch-site", "cross-site")], false),
                // The word of the browser is stronger than the origin.
                (
                    &[
                        ("sec-fetch-site", "cross-site"),
                        ("origin", "http://cesar.example:5000"),
                    ],
                    false,
                ),
                (&[("origin", "http://cesar.example:5000")], true),
                (&[("origin", "https://cesar.example:5000")], true),
                (&[("origin", "http://cesar.example:8080")], false),
                (&[("origin", "null")], false),
                (&[], false),
            ] {
                assert_eq!(is_admitted(&method, more), wanted, "{method} {more:?}");
            }
        }
        for method in [Method::GET, Method::HEAD] {
            assert!(
                is_admitted(&method, &[("sec-fetch-site", "cross-site")]),
                "{method} changes nothing"
            );
        }
    }

    #[test]
    fn the_cookie_is_hidden_from_scripts_and_other_sites() {
        let plain = set(&HeaderMap::new(), Some("cesar_00"));
        assert_eq!(
            plain,
            "cesar_key=cesar_00; HttpOnly; SameSite=Strict; Path=/; Max-Age=31536000"
        );
        let behind_tls = set(&headers(&[("x-forwarded-proto", "https")]), None);
        assert_eq!(
            behind_tls,
            "cesar_key=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0; Secure"
        );
    }
}

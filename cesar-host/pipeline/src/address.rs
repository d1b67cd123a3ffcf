//! URLs of recordings: which inputs are URLs, and their normal form, which identifies results.
//!
//! Two spellings of a URL are equal if RFC 3986 (6.2.2 and 6.2.3) guarantees that: the case of scheme, host and percent-encoding, the
//! default port, an empty path, the fragment. Everything else may lead elsewhere and stays unchanged, including the order of a query.

use std::path::PathBuf;

use ureq::http::Uri;

/// A URL from which a recording can be fetched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    url: String,
}

/// The reason why a text is not such a URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is not a URL.
    #[error("`{0}` is not a URL; write it like `https://example.org/talk.mp3`")]
    NotUrl(String),
    /// It has another scheme.
    #[error("`{0}` is not fetched; use a URL that begins with `https://` or `http://`")]
    Scheme(String),
    /// It has a password, which all readers of the cache, or of a job, would see.
    #[error("the URL holds a user name or a password; leave them out")]
    Credentials,
}

/// Whether the user means a URL and not a file: it has a scheme, which no path has by accident.
#[must_use]
pub fn is_address(text: &str) -> bool {
    text.split_once("://")
        .is_some_and(|(scheme, _)| !scheme.is_empty() && scheme.bytes().all(is_of_scheme))
}

fn is_of_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)
}

/// Checks everything that needs no name resolution: the form of the URL.
///
/// # Errors
/// The reason why it is none.
pub fn check(url: &str) -> Result<Uri, AddressError> {
    let not_url = || AddressError::NotUrl(shortened(url));
    let (scheme, _) = url.split_once(':').ok_or_else(not_url)?;
    if scheme.is_empty() || !scheme.bytes().all(is_of_scheme) {
        return Err(not_url());
    }
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err(AddressError::Scheme(format!("{scheme}:")));
    }
    let uri: Uri = url.parse().map_err(|_| not_url())?;
    let authority = uri.authority().ok_or_else(not_url)?;
    if authority.as_str().contains('@') {
        return Err(AddressError::Credentials);
    }
    if authority.host().is_empty() || authority.host() == "[]" {
        return Err(not_url());
    }
    Ok(uri)
}

fn shortened(url: &str) -> String {
    url.chars().filter(|letter| !letter.is_control()).take(200).collect()
}

impl Address {
    /// Reads and normalises a URL.
    ///
    /// # Errors
    /// The reason why it is none.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let uri = check(text.trim())?;
        let scheme = uri.scheme_str().unwrap_or_default().to_ascii_lowercase();
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let default = if scheme == "https" { 443 } else { 80 };
        let port = uri.port_u16().filter(|port| *port != default);
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path = path.split('#').next().unwrap_or_default();
        let slash = if path.starts_with('/') { "" } else { "/" };
        let url = format!("{scheme}://{host}{port}{slash}{}", upper_case_escapes(path));
        Ok(Self { url })
    }

    /// The normal form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// A name for its content, such as `talk.mp3`: the end of the path, and the query if that has no extension.
    #[must_use]
    pub fn file_name(&self) -> PathBuf {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let segment = path.rsplit('/').find(|segment| !segment.is_empty()).unwrap_or_default();
        let mut name = unescaped(segment);
        if !name.contains('.') && !query.is_empty() {
            name = format!("{name}-{}", unescaped(query));
        }
        let good = |letter: char| match letter {
            '/' | '\\' | ':' | '?' | '*' | '"' | '<' | '>' | '|' | '&' | '=' => '-',
            letter if letter.is_control() => '-',
            letter => letter,
        };
        let name: String = name.trim_start_matches('.').chars().map(good).take(100).collect();
        if name.is_empty() {
            "recording".into()
        } else {
            name.into()
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.url)
    }
}

/// `%2f` as `%2F`.
fn upper_case_escapes(path: &str) -> String {
    let mut left = 0;
    let upper = |letter: char| {
        left = match (letter, left) {
            ('%', _) => 2,
            (_, 0) => return letter,
            (_, left) => left - 1,
        };
        letter.to_ascii_uppercase()
    };
    path.chars().map(upper).collect()
}

/// The readable form; escapes that are not text stay.
fn unescaped(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let escape = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn form(text: &str) -> String {
        Address::parse(text).unwrap().to_string()
    }

    #[test]
    fn spellings_of_one_address() {
        for same in [
            "HTTPS://Example.org:443/a%2fb?x=Y#part",
            " https://example.ORG/a%2Fb?x=Y",
        ] {
            assert_eq!(form(same), "https://example.org/a%2Fb?x=Y");
        }
        assert_eq!(form("http://example.org"), "http://example.org/");
        assert_eq!(form("http://example.org?a"), "http://example.org/?a");
        assert_ne!(form("http://example.org:8080/"), form("http://example.org/"));
        assert_ne!(form("http://example.org/A"), form("http://example.org/a"));
        assert_ne!(form("http://example.org/?a&b"), form("http://example.org/?b&a"));
    }

    #[test]
    fn invalid_addresses_are_refused() {
        let refused = |url| check(url).unwrap_err();
        assert_eq!(refused("file:///etc/passwd"), AddressError::Scheme("file:".into()));
        assert_eq!(refused("gopher://example.org/"), AddressError::Scheme("gopher:".into()));
        assert_eq!(refused("http://user:secret@example.org/"), AddressError::Credentials);
        for odd in [
            "",
            "/etc/passwd",
            "example.org",
            "http://",
            "http:///x",
            "http://a b/",
            "http://x\r\nHost: y/",
        ] {
            assert!(matches!(refused(odd), AddressError::NotUrl(_)), "{odd}");
        }
        assert!(check("http://[2606:4700::1111]:8080/").is_ok());
        assert!(
            is_address("ftp://x") && !is_address("C:/talk.mp3") && !is_address("a b://c") && !is_address("talk.mp3")
        );
    }

    #[test]
    fn file_names_come_from_addresses() {
        let name = |url| Address::parse(url).unwrap().file_name().display().to_string();
        assert_eq!(name("https://e.org/a/Talk%20one.mp3?sig=1"), "Talk one.mp3");
        assert_eq!(name("https://www.youtube.com/watch?v=abc"), "watch-v-abc");
        assert_eq!(name("https://youtu.be/abc/"), "abc");
        assert_eq!(name("https://e.org/..%2f..%2fetc"), "-..-etc");
        assert_eq!(name("https://e.org/"), "e.org");
    }

    proptest! {
        #[test]
        fn normalization_is_idempotent(text in "https?://[a-zA-Z0-9.]{1,9}(:[0-9]{1,4})?(/[a-zA-Z0-9%._~-]{0,9}){0,3}(\\?[a-z=&%0-9]{0,9})?(#x)?") {
            if let Ok(address) = Address::parse(&text) {
                prop_assert_eq!(&Address::parse(address.as_str()).unwrap(), &address);
                let name = address.file_name();
                prop_assert!(name.components().count() == 1 && name.file_name().is_some(), "{}", name.display());
            }
        }

        #[test]
        fn any_text_is_a_valid_url_or_refused(text in "\\PC{0,40}") {
            let _ = Address::parse(&text);
        }
    }
}

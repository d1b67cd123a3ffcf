//! Addresses of HTTP servers in variables of the environment.

use ureq::http::Uri;

/// Whether this is the address of a server of HTTP: a scheme, a host, and a port that is a number if there is one.
#[must_use]
pub fn is_http_address(text: &str) -> bool {
    let uri = text.parse::<Uri>().unwrap_or_default();
    let host = uri.host().unwrap_or_default();
    let place = uri
        .authority()
        .map(|authority| authority.as_str().rsplit('@').next().unwrap_or_default());
    let port = place.and_then(|place| place.strip_prefix(host));
    let has_port = port.is_some_and(|port| port.is_empty() || port[1..].parse::<u16>().is_ok());
    matches!(uri.scheme_str(), Some("http" | "https")) && !host.is_empty() && has_port
}

#[cfg(test)]
mod tests {
    use super::is_http_address;

    #[test]
    fn an_address_has_a_scheme_a_host_and_a_port() {
        for text in ["http://h", "https://h:9000/x", "http://a:b@h:1", "http://[::1]:4318"] {
            assert!(is_http_address(text), "{text}");
        }
        for text in [
            "",
            "h:4318",
            "http://",
            "http:/h",
            "http://h:abc",
            "ftp://h",
            "http://h:70000",
        ] {
            assert!(!is_http_address(text), "{text}");
        }
    }
}

//! The origin of a request.
//!
//! A page in a browser can send simple requests to any address of the user's machine, and a name that resolves to 127.0.0.1 makes them
//! same-origin (DNS rebinding). So on a loopback address the `Host` must be one of the machine's own, and a request with an `Origin` must
//! come from this server's own pages; `server.cors_origins` names exceptions to both (a proxy that keeps the `Host` is one).

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode, Uri};

use crate::refusal::{Code, Refusal};
use crate::state::App;

/// Refuses other hosts and pages of other origins.
pub(crate) fn check_origin(app: &App, headers: &HeaderMap) -> Result<(), Refusal> {
    let host = headers
        .get(HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let allowed = &app.settings.cors_origins;
    let known = |host| allowed.iter().any(|origin| origin == "*" || same_origin(origin, host));
    if app.access.loopback && !is_own_name(host) && !known(host) {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            Code::ForeignHost,
            "the request's `Host` is not this machine; use `127.0.0.1` or `localhost`",
        ));
    }
    let Some(origin) = headers.get(ORIGIN).map(|value| value.to_str().unwrap_or_default()) else {
        return Ok(());
    };
    if same_origin(origin, host) || allowed.iter().any(|known| known == "*" || known == origin) {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::FORBIDDEN,
        Code::ForeignOrigin,
        "pages of other origins may not use this server; the operator can allow one with `server.cors_origins`",
    ))
}

/// Whether a `Host` names this machine's loopback address.
fn is_own_name(host: &str) -> bool {
    let Ok(uri) = format!("http://{host}/").parse::<Uri>() else {
        return false;
    };
    let name = uri
        .host()
        .unwrap_or_default()
        .trim_start_matches('[')
        .trim_end_matches(']');
    let is_loopback = |address: std::net::IpAddr| address.is_loopback();
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(is_loopback)
}

pub(crate) fn same_origin(origin: &str, host: &str) -> bool {
    origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"))
        == Some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_names_are_recognised() {
        for own in [
            "localhost",
            "LOCALHOST:5000",
            "127.0.0.1:5000",
            "127.8.9.10",
            "[::1]:5000",
        ] {
            assert!(is_own_name(own), "{own}");
        }
        for foreign in [
            "",
            "example.org",
            "evil.localhost.example",
            "10.0.0.1:5000",
            "a b",
            "localhost@evil.org:80",
        ] {
            assert!(!is_own_name(foreign), "{foreign}");
        }
    }

    #[test]
    fn origins_are_compared_with_their_port() {
        assert!(same_origin("http://localhost:5000", "localhost:5000"));
        assert!(!same_origin("http://localhost:3000", "localhost:5000"));
        assert!(!same_origin("null", "localhost:5000"));
    }
}

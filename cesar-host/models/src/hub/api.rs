//! The requests to the hub.

use std::io::Read;
use std::time::Duration;

use cesar_base::tls_roots;
use serde::Deserialize;
use ureq::config::RedirectAuthHeaders;
use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

use super::{HubError, HubSettings, is_digest};

/// Maximum time until the hub begins an answer.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum time without data within an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// A renamed repository redirects to its new name.
const REDIRECTS: usize = 5;
/// Maximum size of the list of a repository's files.
const LIST_LIMIT: u64 = 16 << 20;

/// The hub's answer for a repository.
#[derive(Debug, Deserialize)]
pub(super) struct Repository {
    /// The commit of the main branch.
    pub(super) sha: String,
    #[serde(default)]
    siblings: Vec<Sibling>,
}

#[derive(Debug, Deserialize)]
struct Sibling {
    rfilename: String,
}

impl Repository {
    pub(super) fn has(&self, path: &str) -> bool {
        self.siblings.iter().any(|sibling| sibling.rfilename == path)
    }
}

/// The hub's answer for a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remote {
    /// 64 digits: its SHA-256; 40: git's object id. In lower case.
    pub(super) digest: String,
    pub(super) size: u64,
}

/// A client of the hub.
pub(super) struct Client {
    agent: Agent,
    endpoint: String,
    token: Option<String>,
}

/// The bytes of a file from a position on.
pub(super) struct Opened {
    /// The position of the first byte: 0, if the server does not support ranges.
    pub(super) start: u64,
    pub(super) body: Body,
}

impl Client {
    pub(super) fn new(settings: &HubSettings) -> Result<Self, HubError> {
        let config = Agent::config_builder()
            .timeout_connect(Some(RESPONSE_TIMEOUT))
            .timeout_recv_response(Some(RESPONSE_TIMEOUT))
            .timeout_per_read(Some(READ_TIMEOUT))
            .http_status_as_error(false)
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .tls_config(tls_roots::config()?)
            .user_agent(concat!("cesar/", env!("CARGO_PKG_VERSION")));
        Ok(Self {
            agent: config.build().new_agent(),
            endpoint: settings.endpoint.clone(),
            token: settings.token.clone(),
        })
    }

    /// The main branch of a repository.
    pub(super) fn repository(&self, name: &str) -> Result<Repository, HubError> {
        let url = format!("{}/api/models/{name}/revision/main", self.endpoint);
        let mut answer = self.get(&url, None)?;
        accept(answer.status(), name, &self.endpoint)?;
        let mut text = String::new();
        let read = answer.body_mut().as_reader().take(LIST_LIMIT).read_to_string(&mut text);
        let strange =
            |reason: String| self.unreachable(format!("its answer about `{name}` is not understood: {reason}"));
        read.map_err(|error| strange(error.to_string()))?;
        let repository: Repository = serde_json::from_str(&text).map_err(|error| strange(error.to_string()))?;
        // It becomes the name of a folder.
        if is_digest(&repository.sha) {
            Ok(repository)
        } else {
            Err(strange("it names no commit".to_owned()))
        }
    }

    /// Digest and size of a file.
    pub(super) fn remote(&self, repository: &str, commit: &str, path: &str) -> Result<Remote, HubError> {
        let what = format!("{repository}/{path}");
        let mut url = self.resolve(repository, commit, path);
        for _ in 0..REDIRECTS {
            let request = self
                .agent
                .head(&url)
                .config()
                .max_redirects(0)
                .max_redirects_will_error(false)
                .build();
            let request = self
                .authorised(request, &url)
                .header(header::ACCEPT_ENCODING, "identity");
            let answer = request.call().map_err(|error| self.failed(&error))?;
            let text = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
            let place = text("location").filter(|_| answer.status().is_redirection());
            if let (Some(place), None) = (place, text("x-linked-etag")) {
                url = self.absolute(place);
                continue;
            }
            if place.is_none() {
                accept(answer.status(), &what, &self.endpoint)?;
            }
            let digest = text("x-linked-etag").or_else(|| text("etag")).map(bare);
            let size = text("x-linked-size").or_else(|| text("content-length"));
            let lacks = |lacks| HubError::Unchecked {
                what: what.clone(),
                lacks,
            };
            return Ok(Remote {
                digest: digest
                    .filter(|digest| is_checkable(digest))
                    .ok_or_else(|| lacks("digest"))?,
                size: size.and_then(|size| size.parse().ok()).ok_or_else(|| lacks("length"))?,
            });
        }
        Err(self.unreachable(format!("it redirects `{what}` again and again")))
    }

    /// The bytes of a file from `start` on.
    pub(super) fn open(&self, repository: &str, commit: &str, path: &str, start: u64) -> Result<Opened, HubError> {
        let answer = self.get(&self.resolve(repository, commit, path), (start > 0).then_some(start))?;
        let status = answer.status();
        if status != StatusCode::PARTIAL_CONTENT {
            accept(status, &format!("{repository}/{path}"), &self.endpoint)?;
        }
        let range = answer
            .headers()
            .get(header::CONTENT_RANGE)
            .and_then(|range| range.to_str().ok());
        let begins = range.and_then(|range| range.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok());
        let start = match status {
            StatusCode::PARTIAL_CONTENT if begins == Some(start) => start,
            StatusCode::PARTIAL_CONTENT => {
                return Err(self.unreachable("it gives other ranges than it is asked for".to_owned()));
            }
            _ => 0,
        };
        Ok(Opened {
            start,
            body: answer.into_body(),
        })
    }

    fn get(&self, url: &str, start: Option<u64>) -> Result<Response<Body>, HubError> {
        let mut request = self
            .authorised(self.agent.get(url), url)
            .header(header::ACCEPT_ENCODING, "identity");
        if let Some(start) = start {
            request = request.header(header::RANGE, format!("bytes={start}-"));
        }
        request.call().map_err(|error| self.failed(&error))
    }

    /// The token is sent only to the hub, never to a host that it redirects to.
    fn authorised<Kind>(&self, request: ureq::RequestBuilder<Kind>, url: &str) -> ureq::RequestBuilder<Kind> {
        let is_hub = url
            .strip_prefix(&self.endpoint)
            .is_some_and(|rest| rest.starts_with('/'));
        match self.token.as_ref().filter(|_| is_hub) {
            Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }

    fn resolve(&self, repository: &str, commit: &str, path: &str) -> String {
        format!("{}/{repository}/resolve/{commit}/{}", self.endpoint, escaped(path))
    }

    fn absolute(&self, place: &str) -> String {
        if place.starts_with('/') {
            format!("{}{place}", origin(&self.endpoint))
        } else {
            place.to_owned()
        }
    }

    fn failed(&self, error: &ureq::Error) -> HubError {
        let (endpoint, reason) = (self.endpoint.clone(), error.to_string());
        match reason.contains("certificate") {
            true => HubError::Untrusted { endpoint, reason },
            false => HubError::Unreachable { endpoint, reason },
        }
    }

    fn unreachable(&self, reason: String) -> HubError {
        HubError::Unreachable {
            endpoint: self.endpoint.clone(),
            reason,
        }
    }
}

/// Turns an unsuccessful status into an error.
fn accept(status: StatusCode, what: &str, endpoint: &str) -> Result<(), HubError> {
    let what = || what.to_owned();
    match status.as_u16() {
        200..=299 => Ok(()),
        401 | 403 => Err(HubError::Forbidden { what: what() }),
        404 | 410 => Err(HubError::NotFound { what: what() }),
        429 => Err(HubError::RateLimited),
        code => Err(HubError::Unreachable {
            endpoint: endpoint.to_owned(),
            reason: format!("status {code} for `{}`", what()),
        }),
    }
}

/// Scheme and host of a URL.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..].find('/').map_or(url.len(), |at| host + at);
    &url[..end]
}

/// An entity tag without quotes and weakness marker.
fn bare(tag: &str) -> String {
    tag.trim().trim_start_matches("W/").trim_matches('"').to_lowercase()
}

fn is_checkable(digest: &str) -> bool {
    is_digest(digest) && matches!(digest.len(), 40 | 64)
}

/// A path with every character but letters, digits and plain signs escaped, such as `%20`.
fn escaped(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes()
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_parts_are_escaped() {
        assert_eq!(origin("https://hub.example/mirror"), "https://hub.example");
        assert_eq!(origin("http://127.0.0.1:80"), "http://127.0.0.1:80");
        assert_eq!(escaped("a folder/model.bin"), "a%20folder/model.bin");
        assert_eq!(bare("W/\"ABC\""), "abc");
        assert!(is_checkable(&"0".repeat(64)) && is_checkable(&"a".repeat(40)));
        assert!(!is_checkable("../../x") && !is_checkable("abc"));
    }
}

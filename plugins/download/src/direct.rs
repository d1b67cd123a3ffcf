//! One file by HTTP.
//!
//! A transfer is a sequence of requests, each resuming where the previous one stopped. Received bytes are kept only while they are
//! certainly part of the same file: the next request asks for the rest with `Range`, and with `If-Range` and a strong `ETag`, else
//! the `Last-Modified` (RFC 9110, 13.1.5), so that a server answers with the whole file if it has changed. A server without either,
//! or without ranges, sends the whole file again. A break is tolerated as long as the next request receives more than any before;
//! four consecutive breaks without progress end the transfer.
//!
//! They outlive a killed transfer (`resume`): the next one begins with the request for the rest.
//!
//! The announced length must be received. A size over the limit is refused when announced, and aborted when it arrives unannounced.

mod failure;
mod resume;

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::time::Duration;

use plugin_api::download::{Answer, Known, Media, Order, Reason};
use ureq::http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_RANGE, LAST_MODIFIED, RANGE, RETRY_AFTER,
};
use ureq::http::{HeaderMap, Response, Uri};
use ureq::unversioned::resolver::Resolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector as _, RustlsConnector, TcpConnector};
use ureq::{Agent, Body, ResponseExt as _};

pub use resume::FILE;
use resume::ResumeState;

use crate::guard::Guard;
use crate::refusal::{self, Refused, because};
use crate::sniff::{self, Kind};
use crate::trust;
use crate::watch::Watch;

/// Maximum number of consecutive breaks without progress.
const MAX_FRUITLESS_BREAKS: u32 = 4;
/// The pause after the first of them; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const REDIRECTS: u32 = 10;
const CHUNK: usize = 64 * 1024;
/// Maximum duration of connecting and resolving.
const CONNECT: Duration = Duration::from_secs(20);
/// Maximum length of a validator.
const VALIDATOR: usize = 1024;

/// The outcome.
#[derive(Debug)]
pub enum Fetched {
    /// An answer for the host.
    Answer(Answer),
    /// It is a page, which yt-dlp handles.
    Page,
}

/// Fetches a file, or learns that the known one is current.
///
/// # Errors
/// The reason why there is no file.
pub fn fetch(order: &Order, watch: &Watch) -> Result<Fetched, Refused> {
    let guard = Guard {
        public_only: order.public_only,
    };
    fetch_by(order, watch, guard)
}

/// The same with another resolver.
///
/// # Errors
/// As [`fetch`].
pub fn fetch_by(order: &Order, watch: &Watch, resolver: impl Resolver) -> Result<Fetched, Refused> {
    let agent = agent(order, resolver)?;
    watch.lend(&agent);
    let path = order.folder.join(FILE);
    let (file, begun, done) = resume::open(&order.folder, &order.url).map_err(Refused::Disk)?;
    let mut transfer = Transfer {
        agent,
        order,
        watch,
        file,
        done,
        farthest: done,
        total: begun.total,
        known: begun.known,
    };
    let fetched = transfer.run()?;
    if let Fetched::Page = fetched {
        // yt-dlp needs an empty folder.
        drop(transfer);
        std::fs::remove_file(path).map_err(Refused::Disk)?;
    }
    Ok(fetched)
}

fn agent(order: &Order, resolver: impl Resolver) -> Result<Agent, Refused> {
    let silence = Some(Duration::from_millis(order.limits.silence_ms));
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(REDIRECTS)
        .timeout_resolve(Some(CONNECT))
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(silence)
        .timeout_per_read(silence)
        .timeout_per_write(silence)
        .tls_config(trust::config()?)
        .accept_encoding("identity")
        .user_agent(concat!("cesar/", env!("CARGO_PKG_VERSION")));
    if order.public_only {
        // A proxy would resolve names itself.
        config = config.proxy(None);
    }
    let connector = ().chain(ConnectProxyConnector::default());
    let connector = connector
        .chain(TcpConnector::default())
        .chain(RustlsConnector::default());
    Ok(Agent::with_parts(config.build(), connector, resolver))
}

struct Transfer<'a> {
    agent: Agent,
    order: &'a Order,
    watch: &'a Watch,
    file: File,
    /// Bytes received.
    done: u64,
    /// Maximum of the bytes received.
    farthest: u64,
    /// The length according to the server.
    total: Option<u64>,
    /// The server's validators with the beginning of the file.
    known: Known,
}

/// The end of one request.
enum End {
    Complete,
    Unchanged(Known),
    Page,
    /// It broke off; the error to report if all retries fail.
    Broken(Refused),
}

impl Transfer<'_> {
    fn run(&mut self) -> Result<Fetched, Refused> {
        let (mut barren, mut pause) = (0, FIRST_PAUSE);
        loop {
            self.watch.check()?;
            let farthest = self.farthest;
            let why = match self.request()? {
                End::Complete => return self.complete(),
                End::Unchanged(known) => return Ok(Fetched::Answer(Answer::Unchanged { known })),
                End::Page => return Ok(Fetched::Page),
                End::Broken(why) => why,
            };
            tracing::debug!("the download broke off at {} bytes", self.done);
            if self.farthest > farthest {
                (barren, pause) = (0, FIRST_PAUSE);
                continue;
            }
            barren += 1;
            if barren == MAX_FRUITLESS_BREAKS {
                return Err(why);
            }
            self.watch.pause(pause)?;
            pause *= 2;
        }
    }

    fn complete(&mut self) -> Result<Fetched, Refused> {
        if self.done == 0 {
            return Err(because(
                Reason::NotMedia,
                format!("`{}` is empty; check the address", self.order.url),
            ));
        }
        self.file.flush().map_err(Refused::Disk)?;
        let known = std::mem::take(&mut self.known);
        Ok(Fetched::Answer(Answer::Media(Media {
            file: FILE.to_owned(),
            known,
        })))
    }

    /// The validator that must be unchanged for the rest to fit.
    fn if_range(&self) -> Option<&str> {
        let strong = self.known.etag.as_deref().filter(|etag| !etag.starts_with("W/"));
        strong.or(self.known.last_modified.as_deref())
    }

    fn request(&mut self) -> Result<End, Refused> {
        let mut request = self.agent.get(&self.order.url);
        let condition = self.if_range().filter(|_| self.done > 0).map(str::to_owned);
        let is_rest = condition.is_some();
        if let Some(condition) = condition {
            let range = format!("bytes={}-", self.done);
            request = request.header(RANGE, range).header(IF_RANGE, condition);
        } else if let Some(known) = self.order.known.as_ref().filter(|known| known.program.is_none()) {
            if let Some(etag) = &known.etag {
                request = request.header(IF_NONE_MATCH, etag);
            }
            if let Some(last_modified) = &known.last_modified {
                request = request.header(IF_MODIFIED_SINCE, last_modified);
            }
        }
        let response = match request.call() {
            Ok(response) => response,
            Err(error) => return self.judge(&error),
        };
        self.check_redirect(response.get_uri())?;
        match response.status().as_u16() {
            200 => self.whole(response),
            206 if is_rest => self.rest(response),
            304 => Ok(self.unchanged(response.headers())),
            416 if is_rest => {
                // The file has changed.
                self.start_over()?;
                Ok(End::Broken(refusal::status(&self.order.url, 416, None)))
            }
            status => {
                let refused = refusal::status(
                    &self.order.url,
                    status,
                    text(response.headers(), RETRY_AFTER).as_deref(),
                );
                // In the middle of a file, a server error counts as a break.
                if self.done > 0 && status >= 500 {
                    return Ok(End::Broken(refused));
                }
                Err(refused)
            }
        }
    }

    /// Refuses a body that is not the file as it is: the whole, and a part as well.
    fn check_encoding(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let values = headers.get_all(CONTENT_ENCODING).iter();
        let mut values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_lowercase());
        match values.find(|encoding| !matches!(encoding.as_str(), "" | "identity")) {
            Some(encoding) => Err(because(
                Reason::Unsupported,
                format!(
                    "`{}` comes packed as `{encoding}`, which was not asked for; download it another way",
                    self.order.url
                ),
            )),
            None => Ok(()),
        }
    }

    /// Sites that redirect to a login page.
    fn check_redirect(&self, uri: &Uri) -> Result<(), Refused> {
        match uri.scheme_str() {
            Some("http" | "https") => Ok(()),
            _ => Err(because(
                Reason::Unsupported,
                format!(
                    "`{}` leads to `{uri}`, which is not fetched; only http and https are",
                    self.order.url
                ),
            )),
        }
    }

    fn unchanged(&self, headers: &HeaderMap) -> End {
        let before = self.order.known.clone().unwrap_or_default();
        let now = validators(headers);
        End::Unchanged(Known {
            etag: now.etag.or(before.etag),
            last_modified: now.last_modified.or(before.last_modified),
            ..before
        })
    }

    fn start_over(&mut self) -> Result<(), Refused> {
        ResumeState::remove(&self.order.folder).map_err(Refused::Disk)?;
        self.file.rewind().map_err(Refused::Disk)?;
        self.file.set_len(0).map_err(Refused::Disk)?;
        self.done = 0;
        self.total = None;
        self.known = Known::default();
        Ok(())
    }

    fn whole(&mut self, response: Response<Body>) -> Result<End, Refused> {
        self.start_over()?;
        let headers = response.headers();
        self.known = validators(headers);
        self.total = text(headers, CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let content_type = text(headers, CONTENT_TYPE);
        if let Some(limit) = self.order.limits.bytes
            && self.total.is_some_and(|total| total > limit)
        {
            return Err(refusal::too_large(&self.order.url, limit));
        }
        self.body(response, Some(content_type.as_deref()))
    }

    fn rest(&mut self, response: Response<Body>) -> Result<End, Refused> {
        let range = text(response.headers(), CONTENT_RANGE).unwrap_or_default();
        let fits = content_range(&range).is_some_and(|(first, total)| {
            first == self.done && (self.total.is_none() || total.is_none() || total == self.total)
        });
        if !fits {
            self.start_over()?;
            return Ok(End::Broken(because(
                Reason::ServerError,
                format!(
                    "the server of `{}` sends other parts of it than were asked for; try again later",
                    self.order.url
                ),
            )));
        }
        self.body(response, None)
    }

    /// Copies the body. `beginning` has the content type if this is the beginning, which is then examined.
    fn body(&mut self, response: Response<Body>, beginning: Option<Option<&str>>) -> Result<End, Refused> {
        self.check_encoding(response.headers())?;
        let mut reader = response.into_body().into_reader();
        let mut chunk = vec![0; CHUNK];
        if let Some(content_type) = beginning {
            let (length, failure) = fill(&mut reader, &mut chunk[..sniff::LENGTH]);
            if length > 0 {
                match sniff::kind(&chunk[..length], content_type) {
                    Kind::Media => self.keep().map_err(Refused::Disk)?,
                    Kind::Page => return Ok(End::Page),
                    Kind::Other(what) => {
                        return Err(because(
                            Reason::NotMedia,
                            format!("`{}` is no recording but {what}; check the address", self.order.url),
                        ));
                    }
                }
                self.take(&chunk[..length])?;
            }
            if let Some(error) = failure {
                return self.broken(&error);
            }
        }
        loop {
            self.watch.check()?;
            match reader.read(&mut chunk) {
                Ok(0) => return self.ended(),
                Ok(length) => self.take(&chunk[..length])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.broken(&error),
            }
        }
    }

    /// Lets the next transfer resume this one after a kill.
    fn keep(&self) -> io::Result<()> {
        match self.if_range() {
            Some(_) => ResumeState::write(&self.order.folder, &self.order.url, &self.known, self.total),
            None => Ok(()),
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        let done = self.done + bytes.len() as u64;
        if let Some(limit) = self.order.limits.bytes
            && done > limit
        {
            return Err(refusal::too_large(&self.order.url, limit));
        }
        self.file.write_all(bytes).map_err(Refused::Disk)?;
        self.done = done;
        self.farthest = self.farthest.max(done);
        self.watch.progress(done, self.total.unwrap_or(0));
        Ok(())
    }

    fn ended(&self) -> Result<End, Refused> {
        match self.total {
            Some(total) if self.done < total => Ok(End::Broken(self.short())),
            _ => Ok(End::Complete),
        }
    }
}

/// Reads until the buffer is full, the end, or an error; returns the length in any case.
fn fill(reader: &mut impl io::Read, buffer: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut length = 0;
    while length < buffer.len() {
        match reader.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (length, Some(error)),
        }
    }
    (length, None)
}

fn validators(headers: &HeaderMap) -> Known {
    Known {
        etag: text(headers, ETAG),
        last_modified: text(headers, LAST_MODIFIED),
        ..Known::default()
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    (!value.is_empty() && value.len() <= VALIDATOR).then(|| value.to_owned())
}

/// First byte and whole length of `bytes 5-9/10`.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, total.trim().parse().ok()))
}

/// The host of a URL, for messages.
pub(crate) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(content_range("bytes 5-9/*"), Some((5, None)));
        assert_eq!(content_range("bytes */10"), None);
        assert_eq!(content_range("items 5-9/10"), None);
    }

    #[test]
    fn hosts() {
        assert_eq!(host("https://example.org:81/a/b?c"), "example.org:81");
        assert_eq!(host("http://example.org?x"), "example.org");
    }
}

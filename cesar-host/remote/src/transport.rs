//! HTTP for the object store, by the blocking client that the rest of the host uses.
//!
//! Each request runs on a thread of the runtime's pool. Its times are bounded here, since the caller may give up on a request
//! but cannot stop its thread. Bodies are read as a whole: results are in memory anyway.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::BodyExt as _;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use ureq::http::Response;
use ureq::http::header::DATE;

use super::error::{RemoteError, Result};
use super::server_clock::ServerClock;

const CONNECT: Duration = Duration::from_secs(5);
/// Time until a response begins.
const RESPONSE: Duration = Duration::from_secs(15);
/// Time of a whole request.
const TOTAL: Duration = Duration::from_secs(120);
/// The largest response that is read.
pub(crate) const LARGEST_BODY: u64 = 1024 * 1024 * 1024;

/// Makes the client of the object store.
#[derive(Clone)]
pub(crate) struct Connector {
    agent: ureq::Agent,
    clock: Arc<ServerClock>,
}

impl Connector {
    /// Reports the server's time to `clock`.
    pub(crate) fn new(clock: &Arc<ServerClock>) -> Result<Self> {
        let tls = cesar_base::tls_roots::config().map_err(|error| RemoteError::Client {
            detail: error.to_string(),
        })?;
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            .user_agent(concat!("cesar/", env!("CARGO_PKG_VERSION")))
            // The store reads the answers, and signs no second request.
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(RESPONSE))
            .timeout_global(Some(TOTAL))
            .build();
        Ok(Self {
            agent: config.new_agent(),
            clock: Arc::clone(clock),
        })
    }

    fn send(&self, request: ureq::http::Request<Vec<u8>>) -> std::result::Result<HttpResponse, HttpError> {
        let response = self.agent.run(request).map_err(http_error)?;
        let (parts, mut body) = response.into_parts();
        let date = parts.headers.get(DATE).and_then(|date| date.to_str().ok());
        date.into_iter().for_each(|date| self.clock.observe(date));
        let bytes = body
            .with_config()
            .limit(LARGEST_BODY)
            .read_to_vec()
            .map_err(http_error)?;
        Ok(Response::from_parts(parts, HttpResponseBody::from(bytes)))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Connector {
    async fn call(&self, request: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes().to_vec();
        let request = ureq::http::Request::from_parts(parts, body);
        let this = self.clone();
        tokio::task::spawn_blocking(move || this.send(request))
            .await
            .map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error))?
    }
}

fn http_error(error: ureq::Error) -> HttpError {
    let kind = match &error {
        ureq::Error::Timeout(_) => HttpErrorKind::Timeout,
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed | ureq::Error::Tls(_) => HttpErrorKind::Connect,
        ureq::Error::Io(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => HttpErrorKind::Connect,
            io::ErrorKind::TimedOut => HttpErrorKind::Timeout,
            _ => HttpErrorKind::Interrupted,
        },
        ureq::Error::Protocol(_) => HttpErrorKind::Interrupted,
        _ => HttpErrorKind::Unknown,
    };
    HttpError::new(kind, error)
}

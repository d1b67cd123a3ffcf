//! Connections: a bounded number, each with limits on the size and time of its headers.
//!
//! `axum::serve` has no such limits, so this is the loop below it. A client that sends its headers too slowly, or does not read the response,
//! is disconnected; bodies have their own timeout in the router. At shutdown no connection is accepted and idle ones are closed;
//! connections with a request stay open until the caller's timeout.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use axum::response::Response;
use futures_util::future::{Either, ready};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_io_timeout::TimeoutStream;

use crate::signals::Phase;

/// Maximum headers of a request.
const MOST_HEADERS: usize = 100;

/// Maximum bytes of a request's line and headers.
const HEADER_BYTES: usize = 64 * 1024;

/// Limits of connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Maximum number of open connections.
    pub(crate) connections: usize,
    /// Maximum time for the headers of a request, for a connection that idles between requests, and for a client that reads
    /// nothing of the response.
    pub(crate) idle: Duration,
}

/// Answers some requests before the router sees them.
pub(crate) type AtOnce = Arc<dyn Fn(&Request<Incoming>) -> Option<Response> + Send + Sync>;

/// Serves until `stop` changes, then waits until the connections are done.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    at_once: AtOnce,
    limits: Limits,
    mut stop: watch::Receiver<Phase>,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle)
        .max_headers(MOST_HEADERS)
        .max_header_size(HEADER_BYTES);
    loop {
        // At the maximum, connections wait in the queue of the operating system.
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await.ok()?;
            Some((accept(&listener).await, place))
        };
        let (stream, place) = tokio::select! {
            next = next => match next {
                Some(next) => next,
                None => break,
            },
            _ = stop.changed() => break,
        };
        let (router, at_once) = (TowerToHyperService::new(router.clone()), Arc::clone(&at_once));
        let service = service_fn(move |request| match at_once(&request) {
            Some(answer) => Either::Left(ready(Ok(answer))),
            None => Either::Right(router.call(request)),
        });
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(limits.idle));
        let connection = graceful.watch(builder.serve_connection(TokioIo::new(Box::pin(stream)), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!("a connection ended: {error}");
            }
            drop(place);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Sends small responses at once.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                // Probably out of file descriptors; other connections may end soon.
                tracing::error!("cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    }
}

fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, Bytes};
    use axum::routing::get;
    use futures_util::stream;
    use std::convert::Infallible;
    use tokio::io::AsyncWriteExt as _;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn a_client_that_reads_nothing_is_disconnected() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, ended) = oneshot::channel::<Infallible>();
        let sender = Arc::new(parking_lot::Mutex::new(Some(sender)));
        let endless = move || {
            let sender = sender.lock().take();
            // The sender is dropped with the response.
            let endless = stream::repeat_with(move || {
                let _ = &sender;
                Ok::<_, Infallible>(Bytes::from_static(&[0; 65_536]))
            });
            async move { Body::from_stream(endless) }
        };
        let limits = Limits {
            connections: 10,
            idle: Duration::from_millis(50),
        };
        let (_stop, stopped) = watch::channel(Phase::Running);
        let router = Router::new().route("/", get(endless));
        let server = tokio::spawn(serve(listener, router, Arc::new(|_| None), limits, stopped));
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n").await.unwrap();
        // The client is connected and reads nothing.
        ended.await.unwrap_err();
        server.abort();
    }
}

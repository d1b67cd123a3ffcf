//! Public addresses only: no redirect and no run of the real yt-dlp connects to another one.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;

use cesar_plugin_download::direct::{Fetched, fetch_by};
use cesar_plugin_download::guard::Guard;
use cesar_plugin_download::refusal::Refused;
use cesar_plugin_download::watch::Watch;
use cesar_plugin_download::{Options, Request, Via, answer};
use cesar_tests::clients::yt_dlp;
use plugin_api::download::{Limits, Order, Reason, Wanted};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

fn order(url: &str, folder: &Path) -> Order {
    Order {
        wanted: Wanted::Media,
        url: url.to_owned(),
        folder: folder.to_owned(),
        known: None,
        public_only: true,
        limits: Limits {
            bytes: None,
            total_ms: None,
            silence_ms: 10_000,
        },
    }
}

/// One name of the public Internet leads to the test's server; the guard resolves all others.
#[derive(Debug)]
struct OneName(SocketAddr);

impl Resolver for OneName {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        if uri.host() == Some("public.test") {
            let mut addresses = self.empty();
            addresses.push(self.0);
            return Ok(addresses);
        }
        Guard { public_only: true }.resolve(uri, config, timeout)
    }
}

fn refused(result: Result<impl std::fmt::Debug, Refused>) -> (Reason, String) {
    match result {
        Err(Refused::Because(refusal)) => (refusal.reason, refusal.message),
        other => panic!("{other:?}"),
    }
}

/// A listener that must not be contacted.
fn inside() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

#[test]
fn a_redirect_to_a_private_address_is_not_followed() {
    let (inside, folder) = (inside(), tempfile::tempdir().unwrap());
    let outside = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = outside.local_addr().unwrap();
    let target = format!("http://127.0.0.1:{}/secret", inside.local_addr().unwrap().port());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = outside.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let _head: Vec<_> = lines
            .map_while(Result::ok)
            .take_while(|line| !line.is_empty())
            .collect();
        let answer = format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let order = order("http://public.test/talk.mp3", folder.path());
    let fetched: Result<Fetched, _> = fetch_by(&order, &Watch::default(), OneName(address));
    let (reason, message) = refused(fetched);
    server.join().unwrap();
    assert_eq!(reason, Reason::AddressRefused, "{message}");
    assert!(
        message.contains("`127.0.0.1` leads to 127.0.0.1, which is not a public address"),
        "{message}"
    );
    assert!(inside.accept().is_err(), "a connection was made");
}

#[test]
fn yt_dlp_reaches_no_private_address() {
    let Some(program) = yt_dlp() else { return };
    let (inside, folder) = (inside(), tempfile::tempdir().unwrap());
    let port = inside.local_addr().unwrap().port();
    for host in ["127.0.0.1", "localhost", "0x7f.1"] {
        let request = Request {
            options: Options {
                via: Via::YtDlp,
                yt_dlp: Some(program.display().to_string()),
                yt_dlp_args: Vec::new(),
                yt_dlp_config: false,
                cookies: None,
            },
            order: order(&format!("http://{host}:{port}/page"), folder.path()),
        };
        let (reason, message) = refused(answer(&request, &Watch::default()));
        assert_eq!(reason, Reason::AddressRefused, "{host}: {message}");
    }
    assert!(inside.accept().is_err(), "a connection was made");
    // The listener works: the test itself can connect.
    TcpStream::connect(("127.0.0.1", port)).unwrap();
}

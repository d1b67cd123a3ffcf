//! The proxy that yt-dlp must use if only public addresses are allowed.
//!
//! It listens on its own loopback port while yt-dlp runs, understands `CONNECT host:port` (for https) and `GET http://…` (for
//! http), resolves the host, checks every address with [`Guard`], and connects only to checked addresses. So every page, redirect
//! and playlist is checked by the address of its connection. A refused one is answered with 403 and the sentence, which yt-dlp
//! shows.
//!
//! A connection serves one request: the server is asked to close, so that no second request can reach another host.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::guard::Guard;

/// Maximum length of a request's head, in bytes.
const HEAD: u64 = 64 * 1024;
const CONNECT: Duration = Duration::from_secs(20);
/// Maximum time without data on both sides of a connection.
const SILENCE: Duration = Duration::from_secs(120);

/// A running proxy; it stops when dropped, and its connections with their peers.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
}

impl Proxy {
    /// Starts a proxy.
    pub(crate) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopped);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if stop.load(Ordering::Acquire) {
                    return;
                }
                // An error of a connection ends only that connection.
                thread::spawn(move || serve(client));
            }
        });
        Ok(Self { address, stopped })
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        // Wakes the listener, so that it notices the stop.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
    }
}

/// A request's head: its target, and the part to forward.
struct Head {
    host: String,
    port: u16,
    /// The head of a forwarded request; `None` for a tunnel.
    forward: Option<Vec<u8>>,
}

fn serve(client: TcpStream) -> io::Result<()> {
    client.set_read_timeout(Some(SILENCE))?;
    let mut reader = BufReader::new(client.try_clone()?);
    let head = match read_head(&mut reader) {
        Some(head) => head,
        None => return answer(&client, "400 Bad Request", "this proxy does not understand the request"),
    };
    let guard = Guard { public_only: true };
    let addresses = match guard.resolve_host(&head.host, head.port) {
        Ok(addresses) => addresses,
        Err(error) if error.kind() == io::ErrorKind::Other => {
            return answer(&client, "403 not a public address", &error.to_string());
        }
        Err(error) => return answer(&client, "502 failed to resolve", &error.to_string()),
    };
    let connected = addresses
        .iter()
        .find_map(|address| TcpStream::connect_timeout(address, CONNECT).ok());
    let Some(mut server) = connected else {
        return answer(&client, "502 connection refused", "the server cannot be reached");
    };
    server.set_read_timeout(Some(SILENCE))?;
    match &head.forward {
        None => (&client).write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?,
        Some(request) => server.write_all(request)?,
    }
    // The bytes that the client has already sent.
    server.write_all(reader.buffer())?;
    splice(client, server)
}

fn answer(mut client: &TcpStream, status: &str, text: &str) -> io::Result<()> {
    let length = text.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n{text}"
    );
    client.write_all(answer.as_bytes())
}

fn splice(client: TcpStream, server: TcpStream) -> io::Result<()> {
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let up = thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let (mut from_server, mut to_client) = (server, client);
    let _ = io::copy(&mut from_server, &mut to_client);
    let _ = to_client.shutdown(Shutdown::Both);
    let _ = from_server.shutdown(Shutdown::Both);
    let _ = up.join();
    Ok(())
}

fn read_head(reader: &mut BufReader<TcpStream>) -> Option<Head> {
    let mut lines = Vec::new();
    let mut limited = reader.take(HEAD);
    loop {
        let mut line = String::new();
        if limited.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim_end().is_empty() {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    parse_head(&lines)
}

fn parse_head(lines: &[String]) -> Option<Head> {
    let (request, headers) = lines.split_first()?;
    let mut words = request.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    if method == "CONNECT" {
        let (host, port) = target.rsplit_once(':')?;
        return Some(Head {
            host: host.to_owned(),
            port: port.parse().ok()?,
            forward: None,
        });
    }
    let uri: ureq::http::Uri = target.parse().ok()?;
    if uri.scheme_str() != Some("http") {
        return None;
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut forward = format!("{method} {path} HTTP/1.1\r\n");
    for header in headers {
        let (name, _) = header.split_once(':')?;
        // Headers of this connection, not of the request.
        if !["connection", "proxy-connection", "keep-alive", "proxy-authorization"]
            .contains(&name.to_ascii_lowercase().as_str())
        {
            forward.push_str(header);
            forward.push_str("\r\n");
        }
    }
    forward.push_str("Connection: close\r\n\r\n");
    Some(Head {
        host: uri.host()?.to_owned(),
        port: uri.port_u16().unwrap_or(80),
        forward: Some(forward.into_bytes()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Option<Head> {
        parse_head(&text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn requests_are_parsed() {
        let tunnel = head("CONNECT [::1]:443 HTTP/1.1\nHost: x").unwrap();
        assert_eq!(
            (tunnel.host.as_str(), tunnel.port, tunnel.forward),
            ("[::1]", 443, None)
        );
        let plain = head("GET http://e.org:81/a?b HTTP/1.1\nHost: e.org:81\nProxy-Connection: keep-alive").unwrap();
        assert_eq!((plain.host.as_str(), plain.port), ("e.org", 81));
        assert_eq!(
            plain.forward.as_deref(),
            Some(&b"GET /a?b HTTP/1.1\r\nHost: e.org:81\r\nConnection: close\r\n\r\n"[..])
        );
        assert!(head("GET /a HTTP/1.1").is_none() && head("GET ftp://e.org/a HTTP/1.1").is_none());
    }

    #[test]
    fn private_addresses_are_refused_and_never_connected_to() {
        let target = TcpListener::bind("127.0.0.1:0").unwrap();
        target.set_nonblocking(true).unwrap();
        let proxy = Proxy::start().unwrap();
        let port = target.local_addr().unwrap().port();
        for request in [
            format!("GET http://localhost:{port}/ HTTP/1.1\r\nHost: x\r\n\r\n"),
            format!("CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: x\r\n\r\n"),
        ] {
            let mut client = TcpStream::connect(proxy.address).unwrap();
            client.write_all(request.as_bytes()).unwrap();
            let mut text = String::new();
            client.read_to_string(&mut text).unwrap();
            assert!(text.starts_with("HTTP/1.1 403 not a public address"), "{text}");
        }
        assert!(target.accept().is_err(), "a connection was made");
    }
}

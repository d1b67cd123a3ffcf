//! A proxy in front of an HTTP server that fails on request.
//!
//! Each request gets a connection of its own to the server, so that a fault takes effect with the next request.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;

/// Faults of the way to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// None.
    None,
    /// The connection is closed before an answer.
    Cut,
    /// The answer is an error of the server.
    Status500,
    /// The connection is closed within the answer's body.
    Truncated,
    /// A byte of the answer's body is another one.
    Changed,
    /// There is no answer until the fault is another one.
    Silent,
    /// The server does what was asked, and its answer is lost.
    AnswerLost,
}

/// A running proxy, until the executable ends.
#[derive(Debug, Clone)]
pub struct FaultProxy {
    address: SocketAddr,
    fault: Arc<Mutex<Fault>>,
}

impl FaultProxy {
    /// Starts a proxy without a fault for the server at this port.
    ///
    /// # Panics
    /// When no port is free.
    pub fn start(server: u16) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").expect("a port is free"), server)
    }

    /// The same behind this socket, which may be one of another host.
    ///
    /// # Panics
    /// When the socket has no address.
    pub fn on(listener: TcpListener, server: u16) -> Self {
        let proxy = Self {
            address: listener.local_addr().expect("it is bound"),
            fault: Arc::new(Mutex::new(Fault::None)),
        };
        let this = proxy.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let this = this.clone();
                // An error is one of a client that has gone.
                thread::spawn(move || this.serve(client, server));
            }
        });
        proxy
    }

    /// The URL of its endpoint.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Fails in this way from the next request on.
    pub fn fail(&self, fault: Fault) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    fn fault(&self) -> Fault {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut client: TcpStream, server: u16) -> io::Result<()> {
        let request = read_request(&mut client)?;
        let fault = self.fault();
        match fault {
            Fault::Cut => return client.shutdown(Shutdown::Both),
            Fault::Status500 => {
                client.write_all(
                    b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                )?;
                return client.shutdown(Shutdown::Both);
            }
            Fault::Silent => {
                while self.fault() == Fault::Silent {
                    thread::sleep(Duration::from_millis(10));
                }
                return client.shutdown(Shutdown::Both);
            }
            _ => (),
        }
        let mut upstream = TcpStream::connect(("127.0.0.1", server))?;
        upstream.write_all(&request)?;
        let mut answer = Vec::new();
        upstream.read_to_end(&mut answer)?;
        let body = answer
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .map_or(0, |at| at + 4);
        let length = answer.len() - body;
        match fault {
            Fault::AnswerLost => return client.shutdown(Shutdown::Both),
            Fault::Truncated if length > 0 => answer.truncate(body + length / 2),
            Fault::Changed if length > 0 => answer[body + length / 2] ^= 1,
            _ => (),
        }
        client.write_all(&answer)?;
        client.shutdown(Shutdown::Both)
    }
}

/// A whole request, which asks the server to close the connection.
fn read_request(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let (mut bytes, mut chunk) = (Vec::new(), vec![0; 64 * 1024]);
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        match client.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => bytes.extend_from_slice(&chunk[..length]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
    while bytes.len() < end + 4 + length {
        match client.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&chunk[..read]),
        }
    }
    bytes.splice(end..end, b"\r\nConnection: close".iter().copied());
    Ok(bytes)
}

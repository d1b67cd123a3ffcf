//! Servers with certificates of a private authority, such as a company's proxy: `SSL_CERT_FILE` and `SSL_CERT_DIR`.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use cesar_tests::hub::Hub;
use cesar_tests::sandbox::finish;
use cesar_tests::server::{wave, with_echo};
use cesar_tests::web::{Page, Web};
use cesar_tests::{Output, Sandbox, workspace};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

fn file(name: &str) -> PathBuf {
    workspace().join("tests/fixtures/tls").join(name)
}

/// Adds TLS to a plain server: one request per connection. It ends with the test's process.
fn front(behind: SocketAddr) -> String {
    let certificate = CertificateDer::from_pem_file(file("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            // A client that does not trust it disconnects.
            thread::spawn(move || pass(StreamOwned::new(connection, stream), behind));
        }
    });
    format!("https://{address}")
}

fn pass(mut client: StreamOwned<ServerConnection, TcpStream>, behind: SocketAddr) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        request.extend(byte);
    }
    let mut server = TcpStream::connect(behind)?;
    server.write_all(&request)?;
    server.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    let line = answer.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    client.write_all(&answer[..line])?;
    client.write_all(b"Connection: close\r\n")?;
    client.write_all(&answer[line..])?;
    client.conn.send_close_notify();
    client.flush()
}

fn run(sandbox: &Sandbox, arguments: &[&str], variables: &[(&str, PathBuf)]) -> Output {
    let mut command = sandbox.command();
    command.args(arguments).env("NO_PROXY", "*");
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        command.env_remove(name);
    }
    let variables = variables.iter().map(|(name, value)| (name, value));
    finish(command.envs(variables))
}

#[test]
fn a_private_authority_is_trusted_for_the_hub() {
    let hub = Hub::new();
    hub.add("someone/whisper", "model.bin", vec![7; 200_000], true);
    hub.add("someone/whisper", "config.json", "{}", false);
    let endpoint = front(hub.endpoint().trim_start_matches("http://").parse().unwrap());
    let sandbox = Sandbox::new();
    let pull = |name, value| {
        let hub = [
            ("HF_ENDPOINT", endpoint.clone().into()),
            ("HF_HOME", sandbox.path().join("hf")),
        ];
        let variables = [&hub[..], &[(name, value)]].concat();
        run(&sandbox, &["models", "pull", "someone/whisper"], &variables)
    };
    let unknown = pull("SSL_CERT_FILE", PathBuf::new()).exits(1);
    let reason = "has no trusted certificate";
    assert!(unknown.stderr.contains(reason), "{}", unknown.stderr);
    assert!(unknown.stderr.contains("in `SSL_CERT_FILE`"), "{}", unknown.stderr);

    let nowhere = pull("SSL_CERT_FILE", sandbox.path().join("nowhere.pem")).exits(1);
    assert!(
        nowhere.stderr.contains("named by `SSL_CERT_FILE`, ") && nowhere.stderr.contains("cannot be read"),
        "{}",
        nowhere.stderr
    );
    let empty = pull("SSL_CERT_FILE", sandbox.write("empty.pem", "nothing")).exits(1);
    assert!(empty.stderr.contains("has no certificate; fix"), "{}", empty.stderr);
    assert!(hub.requests().is_empty());

    pull("SSL_CERT_FILE", file("authority.pem")).exits(0);
    assert!(!hub.requests().is_empty());
}

#[test]
fn a_private_authority_is_trusted_for_recordings() {
    let web = Web::new();
    web.put("/talk.wav", Page::wave(wave(2, 7)));
    let url = format!("{}/talk.wav", front(([127, 0, 0, 1], web.port()).into()));
    let sandbox = with_echo();
    let transcribe = |variables: &[(&str, PathBuf)]| {
        let words = ["transcribe", &url, "--asr-plugin", "echo", "--no-diarize", "--no-cache"];
        run(&sandbox, &words, variables)
    };
    let unknown = transcribe(&[]).exits(1);
    assert!(
        unknown.stderr.contains("does not prove who it is"),
        "{}",
        unknown.stderr
    );
    let nowhere = transcribe(&[("SSL_CERT_FILE", sandbox.path().join("nowhere.pem"))]).exits(1);
    assert!(
        nowhere.stderr.contains("named by `SSL_CERT_FILE`, "),
        "{}",
        nowhere.stderr
    );
    assert_eq!(web.requests().len(), 0);
    transcribe(&[("SSL_CERT_FILE", file("authority.pem"))]).exits(0);
    let folder = sandbox.path().join("authorities");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(file("authority.pem"), folder.join("company.pem")).unwrap();
    transcribe(&[("SSL_CERT_DIR", folder)]).exits(0);
    assert_eq!(web.requests().len(), 2);
}

//! Clients of both servers, which ask again until they have an answer, as real ones do.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use cesar_tests::chance::Chance;
use cesar_tests::server::{Answer, Part, form};

use super::ledger::Ledger;
use super::recordings::Recording;

/// The jobs of a client that have not ended: enough for the workers to have a queue.
const UNFINISHED: usize = 6;

/// How long a client waits for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a client waits for an answer: more than a server waits for its database.
const PATIENCE: Duration = Duration::from_secs(15);

/// Longer than the longest fault: a job or an answer that takes longer is lost.
const LIMIT: Duration = Duration::from_secs(180);

const PAUSE: Duration = Duration::from_millis(100);

/// A client; it runs on a thread of its host.
pub(super) struct Client<'a> {
    pub(super) servers: [SocketAddr; 2],
    pub(super) ledger: &'a Ledger,
    pub(super) chance: Chance,
}

impl Client<'_> {
    /// Submits jobs until there are enough, and waits for their ends.
    pub(super) fn run(&mut self) {
        let mut unfinished = VecDeque::new();
        while let Some(recording) = self.ledger.next() {
            if self.chance.once_in(8) {
                self.ask_twice_at_once(recording);
            } else {
                unfinished.push_back((self.submit(recording), recording));
            }
            while unfinished.len() > UNFINISHED {
                let first = unfinished.pop_front();
                first.inspect(|(id, recording)| self.wait_for(id, *recording));
            }
        }
        for (id, recording) in unfinished {
            self.wait_for(&id, recording);
        }
    }

    /// Submits a job under a key of its own, again and at another server while there is no answer, and returns its id.
    fn submit(&mut self, recording: Recording) -> String {
        let key = format!("recording-{}", recording.0);
        let options = format!("{{\"pace_ms\": {}}}", self.chance.below(100));
        let (name, bytes) = (recording.name(), recording.bytes());
        let parts = [
            ("file", Some(name.as_str()), &bytes[..]),
            ("options", None, options.as_bytes()),
        ];
        let request = post("/transcribe", &parts, &key);
        if self.chance.once_in(20) {
            // The client vanishes, and does not know whether it was heard.
            self.ledger.count("answers left behind");
            let _ = send(self.server(), &request);
        }
        let id = self.until_answered(&request, &[200, 202]);
        let id = id.json()["id"].as_str().expect("a job has an id").to_owned();
        self.ledger.acknowledged(&id, recording);
        if self.chance.once_in(10) {
            self.ledger.count("submissions repeated");
            let again = self.until_answered(&request, &[200, 202]).json();
            assert_eq!(again["id"], id.as_str(), "one key is two jobs");
        }
        id
    }

    /// Asks both servers for the same text at once.
    fn ask_twice_at_once(&mut self, recording: Recording) {
        let (name, bytes) = (recording.name(), recording.bytes());
        let parts = [
            ("file", Some(name.as_str()), &bytes[..]),
            ("model", None, b"echo"),
            ("response_format", None, b"text"),
        ];
        let request = post("/v1/audio/transcriptions", &parts, "");
        if self.chance.once_in(3) {
            // A third one leaves, and must not take the job of the others along.
            self.ledger.count("equal requests left behind");
            let _ = send(self.server(), &request);
        }
        let [first, second] = self.servers;
        let mut clients = [[first, second], [second, first]].map(|servers| Client {
            servers,
            ledger: self.ledger,
            chance: Chance(self.chance.below(u64::MAX)),
        });
        let texts: Vec<String> = thread::scope(|scope| {
            let asked = clients
                .iter_mut()
                .map(|client| scope.spawn(|| client.until_transcribed(&request)));
            let asked: Vec<_> = asked.collect();
            asked
                .into_iter()
                .map(|asked| asked.join().expect("a client has its text"))
                .collect()
        });
        for text in texts {
            assert_eq!(words(&text), recording.words());
            self.ledger.count("equal requests answered");
        }
    }

    fn until_transcribed(&mut self, request: &[u8]) -> String {
        let began = Instant::now();
        for server in self.servers.into_iter().cycle() {
            assert!(began.elapsed() < LIMIT, "no answer");
            let answer = ask(server, request, LIMIT);
            match answer.status {
                200 => return answer.body,
                0 => self.ledger.count("answers lost"),
                status @ (429 | 503) => self.ledger.count(&format!("answers with {status} {}", code(&answer))),
                _ => panic!("{answer:?}"),
            }
            thread::sleep(PAUSE);
        }
        unreachable!("it cycles")
    }

    /// Polls a job until it has ended, and checks its transcript.
    fn wait_for(&mut self, id: &str, recording: Recording) {
        let began = Instant::now();
        loop {
            let job = self.until_answered(&get(&format!("/jobs/{id}")), &[200]).json();
            match job["status"].as_str() {
                Some("queued" | "downloading" | "processing") => {
                    assert!(began.elapsed() < LIMIT, "{job}");
                    thread::sleep(PAUSE);
                }
                // Three workers were lost with it: the end that such a job is promised.
                Some("error") if job["error"]["code"] == "worker_lost" => {
                    assert_eq!(job["attempts"], 3, "{job}");
                    return;
                }
                _ => {
                    let segments = job["result"]["segments"].as_array().into_iter().flatten();
                    let texts: Vec<&str> = segments.filter_map(|segment| segment["text"].as_str()).collect();
                    assert_eq!(words(&texts.join(" ")), recording.words(), "{job}");
                    return;
                }
            }
        }
    }

    /// Asks again, and other servers, until the answer is one of these.
    fn until_answered(&mut self, request: &[u8], expected: &[u16]) -> Answer {
        let began = Instant::now();
        loop {
            let answer = ask(self.server(), request, PATIENCE);
            match answer.status {
                status if expected.contains(&status) => return answer,
                0 => self.ledger.count("answers lost"),
                status @ (429 | 503) => {
                    self.ledger.count(&format!("answers with {status} {}", code(&answer)));
                }
                _ => panic!("{answer:?}"),
            }
            assert!(began.elapsed() < LIMIT, "{answer:?}");
            thread::sleep(PAUSE);
        }
    }

    fn server(&mut self) -> SocketAddr {
        self.servers[usize::from(self.chance.once_in(2))]
    }
}

/// A text with one space between words.
fn words(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

fn code(answer: &Answer) -> String {
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let code = body["code"].as_str().or_else(|| body["error"]["code"].as_str());
    code.unwrap_or_default().to_owned()
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.0\r\nhost: cluster\r\n\r\n").into_bytes()
}

/// A form with a key that makes repetitions harmless, if it is not empty.
fn post(path: &str, parts: &[Part<'_>], key: &str) -> Vec<u8> {
    let (kind, body) = form(parts);
    let key = if key.is_empty() {
        String::new()
    } else {
        format!("idempotency-key: {key}\r\n")
    };
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.0\r\nhost: cluster\r\ncontent-type: {kind}\r\n{key}content-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), &body].concat()
}

/// The answer; its status is 0 if none came.
fn ask(server: SocketAddr, request: &[u8], patience: Duration) -> Answer {
    let answer = || -> std::io::Result<Vec<u8>> {
        let mut stream = send(server, request)?;
        stream.set_read_timeout(Some(patience))?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    };
    Answer::parse(&answer().unwrap_or_default())
}

fn send(server: SocketAddr, request: &[u8]) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&server, CONNECT_TIMEOUT)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    Ok(stream)
}

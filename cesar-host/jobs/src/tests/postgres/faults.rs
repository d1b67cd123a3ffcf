//! The connection is cut at the Nth message to the database, for every N: no acknowledged job is lost, and no acknowledged change is undone.
//!
//! A proxy stands between client and server. It cuts before the message, so that its transaction is undone, or after the server has
//! answered, so that the client does not know of a transaction that is done.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cesar_base::SharedLeases as _;

use super::super::faults::{check, is_announcement, work};
use super::*;
use crate::postgres::PostgresLeases;

/// The moment of a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    BeforeTheMessage,
    AfterTheAnswer,
}

/// A way to the database that is cut once.
struct Proxy {
    at: u64,
    moment: Moment,
    /// Messages so far that make the server change something: `Query`, and `Sync` after `Execute`.
    messages: AtomicU64,
}

/// One connection through the proxy.
struct Way {
    client: TcpStream,
    server: UnixStream,
    /// Whether the next answer is not passed on.
    is_swallowing: AtomicBool,
}

impl Proxy {
    /// Starts one; returns it with the address of the same schema through it.
    fn start(url: &str, at: u64, moment: Moment) -> (Arc<Self>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (_, schema) = url.split_once("schema=").unwrap();
        let through = format!(
            "postgres://cesar@{}/postgres?schema={schema}",
            listener.local_addr().unwrap()
        );
        let proxy = Arc::new(Self {
            at,
            moment,
            messages: AtomicU64::new(0),
        });
        let started = Arc::clone(&proxy);
        // It ends with the test program: nothing connects to it any more.
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(std::result::Result::ok) {
                client.set_nodelay(true).unwrap();
                let way = Arc::new(Way {
                    client,
                    server: UnixStream::connect(cluster().socket()).unwrap(),
                    is_swallowing: AtomicBool::new(false),
                });
                let (proxy, there, back) = (Arc::clone(&started), Arc::clone(&way), way);
                std::thread::spawn(move || {
                    let _ = proxy.pass_messages(&there);
                    there.cut();
                });
                std::thread::spawn(move || {
                    let _ = back.pass_answers();
                    back.cut();
                });
            }
        });
        (proxy, through)
    }

    /// Passes the messages of a client on, until the connection ends or is cut.
    fn pass_messages(&self, way: &Way) -> std::io::Result<()> {
        let (mut client, mut server) = (&way.client, &way.server);
        // The first message has no kind.
        server.write_all(&rest_of(&mut client, Vec::new())?)?;
        let mut executes = false;
        loop {
            let mut kind = [0];
            client.read_exact(&mut kind)?;
            let message = rest_of(&mut client, kind.to_vec())?;
            executes |= kind[0] == b'E';
            let counts = kind[0] == b'Q' || kind[0] == b'S' && std::mem::take(&mut executes);
            if counts && self.messages.fetch_add(1, Ordering::SeqCst) + 1 == self.at {
                if self.moment == Moment::BeforeTheMessage {
                    return Ok(());
                }
                way.is_swallowing.store(true, Ordering::SeqCst);
            }
            server.write_all(&message)?;
        }
    }
}

/// Reads a message whose first bytes are these: its length, which counts itself, and its content.
fn rest_of(from: &mut impl Read, mut message: Vec<u8>) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    message.extend(length);
    let begin = message.len();
    message.resize(begin + u32::from_be_bytes(length) as usize - 4, 0);
    from.read_exact(&mut message[begin..])?;
    Ok(message)
}

impl Way {
    fn pass_answers(&self) -> std::io::Result<()> {
        let (mut server, mut client) = (&self.server, &self.client);
        let mut bytes = [0; 65_536];
        loop {
            let length = server.read(&mut bytes)?;
            if length == 0 || self.is_swallowing.load(Ordering::SeqCst) {
                return Ok(());
            }
            client.write_all(&bytes[..length])?;
        }
    }

    fn cut(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }
}

fn cut_at_each_message(moment: Moment) {
    let mut points = 0;
    for at in 1.. {
        let folder = folder();
        let direct = Place::postgres(folder.path());
        let (proxy, through) = Proxy::start(direct.url.as_ref().unwrap(), at, moment);
        let place = Place {
            url: Some(through),
            ..direct.clone()
        };
        let mut told = Vec::new();
        work(&place, &Disk::real(), &mut |line| told.push(line));
        if moment == Moment::BeforeTheMessage {
            told.retain(|line| !is_announcement(line));
        }
        check(&direct, &told, &format!("cut {moment:?} {at}"));
        if proxy.messages.load(Ordering::SeqCst) < at {
            break;
        }
        points = at;
    }
    println!("{moment:?}: {points} fault points");
    assert!(points > 60, "{points}");
}

#[test]
fn a_cut_before_the_nth_message_undoes_nothing() {
    cut_at_each_message(Moment::BeforeTheMessage);
}

#[test]
fn a_cut_after_the_nth_answer_undoes_nothing() {
    cut_at_each_message(Moment::AfterTheAnswer);
}

/// Changes shared texts and takes leases over a connection that is cut once; returns whether it was.
fn share_until_cut(at: u64, moment: Moment) -> bool {
    let url = cluster().fresh();
    let direct = real(&url);
    let kept = direct.records().unwrap();
    let (proxy, through) = Proxy::start(&url, at, moment);
    let Ok(store) = PostgresJobs::open(&through, PostgresOptions::default()) else {
        return true;
    };
    let records = store.records().unwrap();
    for text in ["a", "b", "c"] {
        let before = kept.version("keys").unwrap();
        let replaced = records.replace("keys", before, text);
        let now = kept.read("keys").unwrap();
        let is_done = now
            .as_ref()
            .is_some_and(|record| record.version == before + 1 && record.text == text);
        match replaced {
            Ok(replaced) => assert!(replaced && is_done, "{text}, {moment:?} {at}"),
            Err(_) => assert!(
                is_done || now.map_or(0, |record| record.version) == before,
                "{moment:?} {at}"
            ),
        }
    }
    let workers = Arc::new(PostgresWorkers::without_heartbeat(&direct, LEASE).unwrap());
    let leases = PostgresLeases::new(&store, workers);
    for _ in 0..2 {
        // One whose answer is lost is in no one's way.
        drop(leases.take("stage"));
    }
    until("no lease is left", || {
        direct.inspect("SELECT name FROM leases").unwrap().is_empty()
    });
    proxy.messages.load(Ordering::SeqCst) >= at
}

#[test]
fn a_cut_loses_no_acknowledged_text_and_leaves_no_lease() {
    for moment in [Moment::BeforeTheMessage, Moment::AfterTheAnswer] {
        let points = (1..).take_while(|at| share_until_cut(*at, moment)).count();
        assert!(points > 10, "{moment:?}: {points} points");
    }
}

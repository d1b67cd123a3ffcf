//! Many machines, and everything that can go wrong between them: three workers, two servers, a database with its standby, and a bucket, each a host
//! with an address of its own.
//!
//! While clients submit jobs, a schedule kills, stops and wakes processes, restarts the database, fails it over, breaks the bucket, cuts links, loses
//! packets and sets a clock. In the end every acknowledged job has ended exactly once with its own transcript, and equal requests ran once.
//! `cargo xtask measure cluster --jobs 10000 --seed 7` runs longer.

mod clients;
mod cluster;
mod counts;
mod faults;
mod ledger;
mod machine;
mod recordings;

use std::thread;
use std::time::Instant;

use cesar_tests::chance::{Chance, number};
use cesar_tests::hosts::obstacle;
use cesar_tests::skip;

use clients::Client;
use cluster::Cluster;
use faults::Faults;
use ledger::Ledger;

/// The lease of workers in seconds.
const LEASE: u64 = 6;

/// Clients at a time.
const CLIENTS: u64 = 6;

/// Closes the books when a thread of the run panics, so that the others end.
struct Closing<'a>(&'a Ledger);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.close();
        }
    }
}

#[test]
fn machines_that_fail_in_every_way_lose_no_job() {
    if let Some(obstacle) = obstacle() {
        skip::without_rights(&obstacle);
        return;
    }
    let (jobs, seed) = (number("CESAR_JOBS", 200), number("CESAR_SEED", 20_261_130));
    println!("seed {seed}, at least {jobs} jobs");
    let (began, ledger) = (Instant::now(), Ledger::default());
    let mut cluster = Cluster::start();
    let servers = [0, 1].map(|number: usize| cluster.servers[number].address());
    let client = |number| Client {
        servers,
        ledger: &ledger,
        chance: Chance(seed ^ number),
    };
    let host = cluster.clients.clone();
    thread::scope(|scope| {
        for number in 1..=CLIENTS {
            let (host, ledger) = (&host, &ledger);
            scope.spawn(move || {
                let _closing = Closing(ledger);
                host.enter().expect("the host is there");
                client(number).run();
            });
        }
        let _closing = Closing(&ledger);
        let mut faults = Faults {
            cluster: &mut cluster,
            ledger: &ledger,
            chance: Chance(seed),
            began,
        };
        faults.round();
        while ledger.begun() < jobs {
            faults.round();
        }
        ledger.close();
    });
    println!("{:7.1} s  the last job has ended", began.elapsed().as_secs_f64());
    counts::check(&cluster, &ledger);
    println!("{:7.1} s  checked", began.elapsed().as_secs_f64());
}

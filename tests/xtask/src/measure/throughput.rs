//! `measure throughput`: jobs a second through a server, a database and workers on this machine, and the transactions of a job.
//!
//! A job is a second of noise, sent as an upload to one server and run by the engine of the tests, which hears at once. So a run is the cost of
//! what surrounds an engine. The bucket is a folder.

use crate::failure::{Failure, Outcome};
use cesar_tests::postgres::cluster;
use cesar_tests::server::{JobWorker, Server, wave, with_echo};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// Maximum number of processes with workers.
const PROCESSES: u32 = 8;

/// Clients that submit at a time.
const CLIENTS: u32 = 8;

/// The interval of looks for unfinished jobs.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Jobs of each row
    #[arg(long, value_name = "N", default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..))]
    jobs: u32,
    /// Number of workers, in at most eight processes; repeatable
    #[arg(long, value_name = "N", default_values_t = [1, 8, 64, 200], value_parser = clap::value_parser!(u32).range(1..=512))]
    workers: Vec<u32>,
}

/// The command.
pub(crate) fn run(options: &Options) -> Outcome {
    println!("| workers (processes) | submitted | done | jobs a second | transactions a job |\n|--:|--:|--:|--:|--:|");
    for workers in &options.workers {
        row(*workers, options.jobs)?;
    }
    Ok(())
}

fn row(workers: u32, jobs: u32) -> Outcome {
    let uploads = tempfile::tempdir().map_err(|error| Failure::new(format!("no folder for uploads: {error}")))?;
    let (address, place) = (cluster().fresh(), format!("file://{}", uploads.path().display()));
    let variables = [
        ("CESAR_SERVER_JOBS", address.as_str()),
        ("CESAR_SERVER_BLOBS", place.as_str()),
        ("CESAR_SERVER_MAX_QUEUE", "1000000"),
    ];
    let machine = with_echo();
    let server = Server::start_with(&machine, &["--no-workers"], &variables);
    let processes = workers.min(PROCESSES);
    let concurrency = workers.div_ceil(processes).to_string();
    let machines: Vec<_> = (0..processes).map(|_| with_echo()).collect();
    let running: Vec<_> = machines
        .iter()
        .map(|machine| JobWorker::start_with(machine, &["--concurrency", &concurrency], &variables))
        .collect();
    // The first job starts the plugins of a process.
    for number in 0..workers {
        server.submit(&wave(1, 1_000_000 + number), &[]);
    }
    wait_for_all(&server);

    let (before, began) = (transactions()?, Instant::now());
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let server = &server;
            scope.spawn(move || {
                for number in (client..jobs).step_by(CLIENTS as usize) {
                    server.submit(&wave(1, number), &[]);
                }
            });
        }
    });
    let submitted = began.elapsed().as_secs_f64();
    wait_for_all(&server);
    let done = began.elapsed().as_secs_f64();
    let of_each = (transactions()? - before) / f64::from(jobs);
    println!(
        "| {workers} ({processes}) | {submitted:.1} s | {done:.1} s | {:.1} | {of_each:.1} |",
        f64::from(jobs) / done
    );
    drop(running);
    Ok(())
}

/// Waits until no job is unfinished.
fn wait_for_all(server: &Server) {
    let unfinished = "/jobs?status=queued,downloading,processing&limit=1";
    while server.get(unfinished).json()["jobs"]
        .as_array()
        .is_none_or(|jobs| !jobs.is_empty())
    {
        thread::sleep(POLL_INTERVAL);
    }
}

/// The committed transactions of the database.
fn transactions() -> Outcome<f64> {
    let folder = cluster().socket().parent().map(ToOwned::to_owned).unwrap_or_default();
    let mut command = Command::new("psql");
    command
        .args([
            "--username",
            "cesar",
            "--dbname",
            "postgres",
            "--no-align",
            "--tuples-only",
            "--host",
        ])
        .arg(folder)
        .args([
            "--command",
            "SELECT xact_commit FROM pg_stat_database WHERE datname = 'postgres'",
        ]);
    let output = command.output().map_err(|error| {
        Failure::new(format!(
            "cannot run `psql` ({error}); install Debian's package `postgresql-client`"
        ))
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().map_err(|_| {
        Failure::new(format!(
            "`psql` failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ))
    })
}

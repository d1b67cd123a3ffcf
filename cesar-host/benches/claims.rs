//! Claims a second from PostgreSQL, by 1, 8 and 64 workers, with a thousand and a million queued jobs.
//!
//! The cluster is that of the tests, on this machine and without waiting for the device: the cost of the statements, not of a disk.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a benchmark ends at the first error")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cesar_jobs::{JobRequest, JobStore, LEASE, Liveness, PostgresJobs, PostgresOptions, PostgresWorkers, Source};
use cesar_tests::postgres::Cluster;

/// Claims of each measurement; fewer than the shorter queue has.
const CLAIMS: u64 = 960;

/// Workers that share the connections of a process.
const WORKERS_OF_A_PROCESS: usize = 16;

/// Repetitions of each measurement, in alternation; the best one counts, as others only add disturbances.
const REPETITIONS: usize = 5;

fn main() {
    let cluster = Cluster::start();
    let request = JobRequest::new(Source::Url {
        url: "https://example.org/talk.mp3".to_owned(),
    });
    let request = serde_json::to_string(&request).unwrap();
    let queues = [("bench_few", 1_000), ("bench_many", 1_000_000)];
    for (schema, jobs) in queues {
        PostgresJobs::open(&cluster.schema(schema), PostgresOptions::default()).unwrap();
        cluster.sql(
            schema,
            &format!(
                "INSERT INTO jobs (id, state, request, max_attempts, not_before_ms, refresh, created_ms)
                 SELECT ('019b77c5-3800-7001-8000-' || lpad(to_hex(number), 12, '0'))::uuid, 'queued',
                    $request${request}$request$, 3, 0, false, 0
                 FROM generate_series(1, {jobs}) AS number"
            ),
        );
        cluster.sql(schema, "VACUUM ANALYZE jobs");
    }
    println!("| workers | claims a second of 1,000 | of 1,000,000 | cost of a claim |");
    println!("|--:|--:|--:|--:|");
    for workers in [1, 8, 64] {
        let mut best = [Duration::MAX; 2];
        for _ in 0..REPETITIONS {
            for ((schema, _), best) in queues.iter().zip(&mut best) {
                *best = claim(&cluster, schema, workers).min(*best);
                cluster.sql(
                    schema,
                    "UPDATE jobs SET state = 'queued', lease = NULL, owner = NULL WHERE owner IS NOT NULL",
                );
                cluster.sql(schema, "VACUUM jobs");
            }
        }
        let [few, many] = best.map(|time| CLAIMS as f64 / time.as_secs_f64());
        println!("| {workers} | {few:.0} | {many:.0} | {:.2} × |", few / many);
    }
}

/// The time in which the workers claim some jobs.
fn claim(cluster: &Cluster, schema: &str, workers: usize) -> Duration {
    let url = cluster.schema(schema);
    let processes = workers.div_ceil(WORKERS_OF_A_PROCESS);
    let stores: Vec<_> = (0..processes)
        .map(|_| {
            let store = PostgresJobs::open(&url, PostgresOptions::default()).unwrap();
            let registrations = PostgresWorkers::new(&store, LEASE).unwrap();
            (store, registrations)
        })
        .collect();
    let registered: Vec<_> = (0..workers)
        .map(|number| {
            let (store, registrations) = &stores[number % processes];
            (store, registrations.register().unwrap())
        })
        .collect();
    // Connections and plans are made before the clock runs.
    thread::scope(|scope| {
        for (store, _) in &registered {
            scope.spawn(|| store.next_due().unwrap());
        }
    });
    let claimed = AtomicU64::new(0);
    let began = Instant::now();
    thread::scope(|scope| {
        for (store, worker) in &registered {
            scope.spawn(|| {
                while claimed.fetch_add(1, Ordering::Relaxed) < CLAIMS {
                    store.claim(worker.id()).unwrap().unwrap();
                }
            });
        }
    });
    began.elapsed()
}

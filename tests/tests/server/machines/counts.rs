//! The checks at the end of a run, and its counts.
#![expect(clippy::print_stdout, reason = "the counts are printed")]

use std::collections::{BTreeMap, HashMap};

use cesar_tests::Sandbox;
use cesar_tests::sandbox::finish;
use cesar_tests::server::until;

use super::cluster::Cluster;
use super::ledger::Ledger;
use super::machine::LATE;
use super::recordings::Recording;

/// Checks what was promised, and prints what happened.
pub(super) fn check(cluster: &Cluster, ledger: &Ledger) {
    until("every job has ended", || {
        number(cluster, "SELECT count(*) FROM cesar.jobs WHERE finished_ms IS NULL") == 0
    });
    for line in cluster
        .database
        .sql("SELECT state, attempts, count(*) FROM cesar.jobs GROUP BY 1, 2 ORDER BY 1, 2")
    {
        println!("state|attempts|jobs: {line}");
    }
    for (what, count) in ledger.counts() {
        println!("{count:7} {what}");
    }
    each_ended_once(cluster);
    acknowledged_jobs_are_completed(cluster, ledger);
    equal_requests_ran_once(cluster);
    late_writes_were_refused(cluster);
    the_shared_cache_is_sound(cluster);
}

fn number(cluster: &Cluster, query: &str) -> u64 {
    let rows = cluster.database.sql(query);
    rows.first()
        .and_then(|row| row.parse().ok())
        .unwrap_or_else(|| panic!("{query}: {rows:?}"))
}

fn each_ended_once(cluster: &Cluster) {
    let wrong = "SELECT jobs.id, state, ends FROM cesar.jobs
        LEFT JOIN (SELECT job, count(*) AS ends FROM audit.ends GROUP BY job) AS noted ON job = jobs.id WHERE ends IS DISTINCT FROM 1";
    assert_eq!(cluster.database.sql(wrong), [""; 0], "jobs that did not end once");
    println!(
        "{} jobs, each ended once",
        number(cluster, "SELECT count(*) FROM audit.ends")
    );
}

/// Clients have compared the transcripts.
fn acknowledged_jobs_are_completed(cluster: &Cluster, ledger: &Ledger) {
    let rows = cluster
        .database
        .sql("SELECT id, state, attempts, error_code FROM cesar.jobs WHERE idempotency_key IS NOT NULL");
    let mut ends: BTreeMap<&str, &str> = rows.iter().filter_map(|row| row.split_once('|')).collect();
    let mut lost = 0;
    for id in ledger.jobs().keys() {
        match ends.remove(id.as_str()) {
            Some("error|3|worker_lost") => lost += 1,
            end => assert!(end.is_some_and(|end| end.starts_with("completed|")), "{id}: {end:?}"),
        }
    }
    println!(
        "{} acknowledged jobs: {lost} ended after three lost workers, the others with their own transcripts; {} jobs were not acknowledged",
        ledger.jobs().len(),
        ends.len()
    );
}

/// Equal requests that have not ended are one job, and no recording ran more often than a worker took a job of it.
fn equal_requests_ran_once(cluster: &Cluster) {
    let both = "SELECT first.id, second.id FROM cesar.jobs AS first JOIN cesar.jobs AS second USING (coalesce_key)
        WHERE first.id < second.id AND first.finished_ms > second.created_ms AND first.state <> 'cancelled'";
    assert_eq!(
        cluster.database.sql(both),
        [""; 0],
        "equal requests that were two jobs at a time"
    );
    let together = "SELECT count(*), sum(requests) FROM cesar.jobs WHERE coalesce_key IS NOT NULL";
    println!(
        "jobs|requests of equal requests: {}",
        cluster.database.sql(together).concat()
    );
    let mut runs: HashMap<String, u64> = HashMap::new();
    for run in cluster.runs() {
        *runs.entry(run).or_insert(0) += 1;
    }
    let claims = "SELECT request::json ->> 'label', sum(claims), count(*) FROM cesar.jobs GROUP BY 1";
    let (mut claimed, mut equal) = (0, [0, 0]);
    for row in cluster.database.sql(claims) {
        let fields: Vec<&str> = row.split('|').collect();
        let [label, claims, _] = fields[..] else {
            panic!("{row}")
        };
        let recording = label.trim_end_matches(".wav").parse().map(Recording);
        let recording = recording.unwrap_or_else(|error| panic!("{row}: {error}"));
        let claims: u64 = claims.parse().expect("it is a number");
        let ran = runs.remove(&recording.mark()).unwrap_or(0);
        assert!(
            (1..=claims).contains(&ran),
            "{} ran {ran} times: {row}",
            recording.name()
        );
        claimed += claims;
        equal[usize::from(ran > 1)] += 1;
    }
    assert!(runs.is_empty(), "runs of no job: {runs:?}");
    println!(
        "{claimed} claims; {} recordings ran once, {} again after a fault",
        equal[0], equal[1]
    );
}

fn late_writes_were_refused(cluster: &Cluster) {
    let refused: usize = cluster
        .workers
        .iter()
        .map(|worker| worker.log().matches(LATE).count())
        .sum();
    println!("{refused} late results were refused");
    assert!(refused > 0);
}

fn the_shared_cache_is_sound(cluster: &Cluster) {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command();
    command
        .args(["cache", "verify", "--remote"])
        .envs(cluster.environment.iter().map(|(name, value)| (name, value)));
    let output = finish(&mut cluster.clients.command(&command)).exits(0);
    println!("{}", output.stdout.trim());
}

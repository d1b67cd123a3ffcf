//! Promises of the store in PostgreSQL alone: liveness by leases, notifications, plans, and the refusal of databases that cannot hold jobs.

mod away;
mod faults;
mod leases;
mod races;
mod records;

use std::io::{Read as _, Write as _};
use std::process::Command;
use std::time::Instant;

use cesar_tests::postgres::{Cluster, cluster};
use cesar_tests::server::until;

use super::processes::{ready, start_at, until_ready};
use super::*;
use crate::postgres::Limits;

/// A new job that needs this of a worker.
fn needing(needs: &[&str]) -> NewJob {
    let mut job = url_job();
    job.request.resolved = Some(ResolvedRequest {
        needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        ..ResolvedRequest::default()
    });
    job
}

#[test]
fn the_needs_of_queued_jobs_are_counted() {
    let clock = Arc::new(ManualClock::new(START_MS));
    let store = with_clock(&cluster().fresh(), &clock);
    for needs in [&["ct2", "#gpu"][..], &["ct2"], &["whisper-cpp", "#gpu"], &[]] {
        store.submit(&needing(needs)).unwrap();
        clock.advance_ms(1_000);
    }
    let count = |need: &str, number, age_s: i64| QueuedNeed {
        need: need.to_owned(),
        number,
        oldest_ms: START_MS + age_s * 1_000,
    };
    let all = [count("#gpu", 2, 0), count("ct2", 2, 0), count("whisper-cpp", 1, 2)];
    assert_eq!(store.queued_by_need(50).unwrap(), all);
    assert_eq!(store.queued_by_need(2).unwrap(), all[..2]);
    let workers = PostgresWorkers::without_heartbeat(&store, LEASE).unwrap();
    let worker = workers.register().unwrap();
    let offer = Offer::Only(["ct2", "#gpu"].map(str::to_owned).into());
    store.claim_from(worker.id(), &offer).unwrap().unwrap();
    assert_eq!(
        store.queued_by_need(50).unwrap(),
        [count("#gpu", 1, 2), count("ct2", 1, 1), count("whisper-cpp", 1, 2)]
    );
}

/// A store with the clock of the database.
fn real(url: &str) -> PostgresJobs {
    PostgresJobs::open(url, PostgresOptions::default()).unwrap()
}

fn with_clock(url: &str, clock: &Arc<ManualClock>) -> PostgresJobs {
    let options = PostgresOptions {
        clock: Some(clock.clone()),
        ..PostgresOptions::default()
    };
    PostgresJobs::open(url, options).unwrap()
}

fn submitted(store: &dyn JobStore) -> JobId {
    match store.submit(&url_job()).unwrap() {
        Submission::New(job) => job.id,
        other => panic!("{other:?}"),
    }
}

fn refusal(url: &str) -> String {
    PostgresJobs::open(url, PostgresOptions::default())
        .unwrap_err()
        .to_string()
}

#[test]
fn a_worker_lives_as_long_as_it_renews() {
    let clock = Arc::new(ManualClock::new(START_MS));
    let store = with_clock(&cluster().fresh(), &clock);
    let (mine, others) = [(); 2]
        .map(|()| PostgresWorkers::without_heartbeat(&store, LEASE).unwrap())
        .into();
    let worker = mine.register().unwrap();
    let job = submitted(&store);
    let lease = store.claim(worker.id()).unwrap().unwrap().lease;
    let second_before_its_end = i64::try_from(LEASE.as_millis()).unwrap() - 1_000;
    for _ in 0..5 {
        clock.advance_ms(second_before_its_end);
        mine.renew().unwrap();
        assert_eq!(others.recover(&store).unwrap(), Recovery::default());
    }
    assert_eq!(
        store.progress(&lease, &Progress::default(), None).unwrap(),
        Signal::Continue
    );

    clock.advance_ms(second_before_its_end + 1_000);
    let late = |result: Result<Job>| assert!(matches!(result, Err(JobsError::LeaseLost { .. })), "{result:?}");
    late(store.complete(&lease, "{}", &report()));
    late(store.hand_back(&lease));
    let further = Progress {
        percent: 50.0,
        ..Progress::default()
    };
    assert_eq!(store.progress(&lease, &further, None).unwrap(), Signal::Continue);
    assert_eq!(
        store.get(job).unwrap().unwrap().progress.percent,
        0.0,
        "it is not stored"
    );
    let unregistered = store.claim(worker.id());
    assert!(
        matches!(unregistered, Err(JobsError::Unregistered { .. })),
        "{unregistered:?}"
    );
    mine.renew().unwrap();
    assert!(worker.is_registered(), "it was not removed yet");
    assert_eq!(
        store.progress(&lease, &Progress::default(), None).unwrap(),
        Signal::Continue
    );

    clock.advance_ms(second_before_its_end + 1_000);
    let recovery = others.recover(&store).unwrap();
    assert_eq!((recovery.dead, recovery.jobs[0].id), (vec![worker.id()], job));
    mine.renew().unwrap();
    assert!(!worker.is_registered(), "it was removed, and stays so");
    late(store.complete(&lease, "{}", &report()));
    let successor = others.register().unwrap();
    let claim = store.claim(successor.id()).unwrap().unwrap();
    assert_eq!((claim.job.id, claim.lease.number), (job, lease.number + 1));
    late(store.complete(&lease, "{}", &report()));
    store.complete(&claim.lease, "{}", &report()).unwrap();
}

#[test]
fn a_worker_that_ends_in_order_is_recovered_at_once() {
    let store = real(&cluster().fresh());
    let workers = PostgresWorkers::new(&store, LEASE).unwrap();
    let worker = workers.register().unwrap();
    let job = submitted(&store);
    store.claim(worker.id()).unwrap().unwrap();
    let id = worker.id();
    drop(worker);
    let recovery = workers.recover(&store).unwrap();
    assert_eq!((recovery.dead, recovery.jobs[0].id), (vec![id], job));
}

/// Prints the outcome of each step to the parent, which stops this process in between.
pub(super) fn zombie(place: &Place) {
    let store = real(place.url.as_ref().unwrap());
    let workers = PostgresWorkers::new(&store, Duration::from_millis(600)).unwrap();
    let worker = workers.register().unwrap();
    let lease = store.claim(worker.id()).unwrap().unwrap().lease;
    ready();
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let late = store.complete(&lease, "late", &report());
    println!("{}", late.unwrap_err());
    until("the heartbeat finds out", || !worker.is_registered());
    println!("{}", store.claim(worker.id()).unwrap_err());
}

#[test]
fn a_process_that_stood_still_past_its_lease_changes_nothing() {
    let folder = folder();
    let place = Place::postgres(folder.path());
    let store = real(place.url.as_ref().unwrap());
    let workers = PostgresWorkers::new(&store, LEASE).unwrap();
    let job = submitted(&store);
    let mut child = start_at("zombie", &place);
    let mut lines = until_ready(&mut child);
    let signal = |signal: &str| {
        let status = Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(status.unwrap().success());
    };
    signal("-STOP");
    let mut recovery = Recovery::default();
    until("its lease has expired", || {
        recovery = workers.recover(&store).unwrap();
        !recovery.jobs.is_empty()
    });
    assert_eq!(recovery.jobs[0].id, job);
    let worker = workers.register().unwrap();
    let claim = store.claim(worker.id()).unwrap().unwrap();
    assert_eq!((claim.lease.number, claim.job.attempts), (2, 2));
    signal("-CONT");
    child.stdin.take().unwrap().write_all(b"go on\n").unwrap();
    let lost = JobsError::LeaseLost { job }.to_string();
    assert_eq!(lines.next(), Some(lost));
    let unregistered = JobsError::Unregistered {
        worker: recovery.dead[0],
    };
    assert_eq!(lines.next(), Some(unregistered.to_string()));
    store.complete(&claim.lease, "in time", &report()).unwrap();
    assert_eq!(store.document(job).unwrap().as_deref(), Some("in time"));
    lines.for_each(drop);
    assert!(child.wait().unwrap().success());
}

/// The changes until the last one is this.
fn changes_until(changes: &mut dyn Changes, last: Change) -> Vec<Change> {
    let mut seen = Vec::new();
    until(&format!("{last:?}"), || {
        seen.extend(changes.wait(Duration::from_secs(1)));
        seen.contains(&last)
    });
    seen
}

#[test]
fn changes_are_reported_to_other_processes() {
    let url = cluster().fresh();
    let (store, other, elsewhere) = (real(&url), real(&url), real(&cluster().fresh()));
    let mut changes = other.changes().unwrap();
    assert_eq!(changes.wait(Duration::from_secs(1)), [Change::Missed]);
    submitted(&elsewhere);
    let workers = PostgresWorkers::new(&store, LEASE).unwrap();
    let worker = workers.register().unwrap();
    let job = submitted(&store);
    let lease = store.claim(worker.id()).unwrap().unwrap().lease;
    let progress = Progress {
        percent: 5.0,
        ..Progress::default()
    };
    for _ in 0..3 {
        store.progress(&lease, &progress, Some(&report())).unwrap();
    }
    store.cancel(job).unwrap();
    store.cancel(job).unwrap();
    store.cancelled(&lease).unwrap();
    store.remove(job).unwrap();
    assert_eq!(
        changes_until(&mut *changes, Change::Removed(job)),
        [
            Change::Queued(job),
            Change::Changed(job),
            Change::CancelRequested(job),
            Change::Ended(job),
            Change::Removed(job)
        ],
        "once each, and none of another schema"
    );
}

#[test]
fn a_restart_of_the_database_is_survived() {
    let cluster = Cluster::start();
    let store = real(&cluster.fresh());
    let workers = PostgresWorkers::new(&store, LEASE).unwrap();
    let mut changes = store.changes().unwrap();
    assert_eq!(changes.wait(Duration::from_secs(1)), [Change::Missed]);
    let worker = workers.register().unwrap();
    let jobs = [submitted(&store), submitted(&store)];
    let lease = store.claim(worker.id()).unwrap().unwrap().lease;
    cluster.restart();
    assert_eq!(
        store.complete(&lease, "{}", &report()).unwrap().state,
        JobState::Completed
    );
    assert_eq!(store.claim(worker.id()).unwrap().unwrap().job.id, jobs[1]);
    changes_until(&mut *changes, Change::Missed);
    let added = submitted(&store);
    changes_until(&mut *changes, Change::Queued(added));
}

#[test]
fn another_machine_must_prove_its_name() {
    let file = |name: &str| cesar_tests::workspace().join("tests/fixtures/tls").join(name);
    let (_cluster, port) = Cluster::start_with_tls(&file("server.pem"), &file("server.key"));
    let authority = file("authority.pem").display().to_string();
    let url = |host: &str, authority: &str| format!("postgres://cesar@{host}:{port}/postgres?sslrootcert={authority}");
    let store = real(&url("localhost", &authority));
    submitted(&store);
    let is_encrypted = store
        .inspect("SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        .unwrap();
    assert_eq!(is_encrypted, ["true"]);
    let other_name = refusal(&format!("{}&hostaddr=127.0.0.1", url("db.example.org", &authority)));
    assert!(
        (other_name.contains("NotValidForName") || other_name.contains("not valid for name"))
            && other_name.contains("; use a host in the address that is a name of its certificate"),
        "{other_name}"
    );
    let other_authority = refusal(&url("localhost", &file("server.pem").display().to_string()));
    assert!(
        other_authority.contains("certificate") && other_authority.contains("; set `sslrootcert=FILE` in the address"),
        "{other_authority}"
    );
    let without = refusal(&url("localhost", "/nowhere.pem"));
    assert!(
        without.contains("`/nowhere.pem`") && without.contains("`sslrootcert`"),
        "{without}"
    );
    for statement in [
        "CREATE TABLE nothing (line text)",
        "COPY nothing FROM PROGRAM 'echo hostssl all all 127.0.0.1/32 trust > pg_hba.conf'",
        "SELECT pg_reload_conf()",
    ] {
        store.inspect(statement).unwrap();
    }
    let unencrypted = format!("postgres://cesar@127.0.0.1:{port}/postgres?sslmode=disable");
    until("only encrypted connections are accepted", || {
        PostgresJobs::open(&unencrypted, PostgresOptions::default()).is_err()
    });
    let unencrypted = refusal(&unencrypted);
    assert!(
        unencrypted.contains("no encryption, SQLSTATE 28000); add `sslmode=verify-full` to the address"),
        "{unencrypted}"
    );
}

#[test]
fn a_server_without_tls_is_named_with_the_remedy() {
    // The first message of a client asks for TLS; `N` is the answer of a server without.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        client.read_exact(&mut [0; 8]).unwrap();
        client.write_all(b"N").unwrap();
    });
    let refused = refusal(&format!("postgres://cesar@127.0.0.1:{port}/jobs?sslmode=verify-full"));
    server.join().unwrap();
    assert!(
        refused.contains("does not support TLS); switch on `ssl` in `postgresql.conf`, or add `sslmode=disable`"),
        "{refused}"
    );
}

#[test]
fn an_unsuitable_database_is_refused_with_one_sentence() {
    let url = cluster().fresh();
    let store = real(&url);
    let shown = store.address().to_owned();
    assert_eq!(
        refusal(&url.replace("/postgres?", "/nowhere?")),
        format!(
            "cannot open the store of jobs (jobs database `{}`: database \"nowhere\" does not exist, SQLSTATE 3D000); check that it runs and accepts this user",
            shown.replace("/postgres", "/nowhere")
        )
    );
    assert_eq!(
        refusal(&format!("{url}&options=-c%20default_transaction_read_only=on")),
        format!("the jobs database `{shown}` cannot be used (it is read-only); use the address of the primary server")
    );
    store
        .inspect("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        .unwrap();
    assert!(refusal(&url.replace("/postgres?", "/latin?")).contains("(its encoding is LATIN1); create it with"));
    let [closed] = cesar_tests::ports::free_ports();
    let refused = refusal(&format!("postgres://ann:hunter2@127.0.0.1:{closed}/jobs"));
    assert!(
        refused.contains("Connection refused") && !refused.contains("hunter2"),
        "{refused}"
    );

    let later = crate::postgres::VERSION + 1;
    store
        .inspect(&format!("UPDATE schema_version SET version = {later}"))
        .unwrap();
    let newer = PostgresJobs::open(&url, PostgresOptions::default());
    assert!(
        matches!(newer, Err(JobsError::NewerServer { found, .. }) if found == later),
        "{newer:?}"
    );
}

#[test]
fn an_inspection_changes_nothing_and_names_workers_and_untaken_jobs() {
    let url = cluster().fresh();
    let inspect = || {
        let location = Location::new(PathBuf::from("/nonexistent"), Some(url.clone()));
        location.inspect().unwrap().unwrap().jobs
    };
    assert_eq!(inspect(), InspectedJobs::Missing);
    assert_eq!(inspect(), InspectedJobs::Missing, "the first one has created nothing");
    let store = real(&url);
    let expected = |queued, untaken, untaken_needs: &[(&[&str], u64)], workers: &[(Option<&[&str]>, u64)]| {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        InspectedJobs::Present {
            queued,
            untaken,
            untaken_needs: untaken_needs
                .iter()
                .map(|(needs, number)| (texts(needs), *number))
                .collect(),
            workers: workers
                .iter()
                .map(|(offer, number)| (offer.map(texts), *number))
                .collect(),
        }
    };
    assert_eq!(inspect(), expected(0, 0, &[], &[]));
    for needs in [&["ct2", "#gpu"][..], &["ct2"], &["ct2"], &["onnx"]] {
        store.submit(&needing(needs)).unwrap();
    }
    let untaken: &[(&[&str], u64)] = &[(&["ct2"], 2), (&["ct2", "#gpu"], 1), (&["onnx"], 1)];
    assert_eq!(inspect(), expected(4, 4, untaken, &[]));
    let workers = PostgresWorkers::without_heartbeat(&store, LEASE).unwrap();
    let registered = [(); 3].map(|()| workers.register().unwrap());
    // One that expired is none.
    store.enter(WorkerId::new(&SystemRandom), 0);
    for worker in &registered[1..] {
        let offer = Offer::Only(["ct2", "ct2/base"].map(str::to_owned).into());
        store.announce(worker.id(), &offer).unwrap();
    }
    let said: &[(Option<&[&str]>, u64)] = &[(Some(&["ct2", "ct2/base"]), 2), (None, 1)];
    assert_eq!(inspect(), expected(4, 0, &[], said), "one has not said what it has");
    let [silent, _first, _second] = registered;
    drop(silent);
    assert_eq!(inspect(), expected(4, 2, &untaken[1..], &said[..1]));
    store.inspect("UPDATE schema_version SET version = 1").unwrap();
    assert_eq!(inspect(), InspectedJobs::Earlier { found: 1 });
    assert_eq!(inspect(), InspectedJobs::Earlier { found: 1 }, "it was not migrated");
}

#[test]
fn an_older_schema_is_migrated_with_its_jobs() {
    let url = cluster().fresh();
    let old = real(&url);
    let job = submitted(&old);
    for undo in [
        "ALTER TABLE workers DROP COLUMN offer",
        "ALTER TABLE jobs DROP COLUMN requests",
        "DROP TABLE records, leases",
        "DROP SEQUENCE fences",
        "DROP FUNCTION notify_record, notify_lease",
    ] {
        old.inspect(undo).unwrap();
    }
    old.inspect("UPDATE schema_version SET version = 1").unwrap();
    drop(old);
    let new = real(&url);
    assert_eq!(new.get(job).unwrap().unwrap().state, JobState::Queued);
    let facts = new.inspect("SELECT requests || ' of ' || version FROM jobs, schema_version");
    assert_eq!(facts.unwrap(), [format!("1 of {}", crate::postgres::VERSION)]);
}

#[test]
fn a_row_that_cannot_be_read_does_not_hide_the_others() {
    let store = real(&cluster().fresh());
    let worker = WorkerId::new(&SystemRandom);
    store.enter(worker, i64::MAX);
    super::suite::queue::damaged_rows_are_left_out(&store, worker, &|sql| {
        store.inspect(sql).unwrap();
    });
}

/// Plans must not depend on statistics, which a new table does not have.
#[test]
fn no_statement_of_a_worker_reads_the_whole_queue() {
    let store = real(&cluster().fresh());
    for _ in 0..3 {
        store
            .inspect(
                "INSERT INTO jobs (id, state, request, max_attempts, not_before_ms, refresh, created_ms)
             SELECT gen_random_uuid(), 'queued', '{}', 3, 0, false, 0 FROM generate_series(1, 1000)",
            )
            .unwrap();
    }
    let statements = [
        "SELECT id FROM jobs WHERE state = 'queued' AND (not_before_ms <= now_ms(NULL) OR not_before_ms > now_ms(NULL) + 9)
         ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED",
        "SELECT min(not_before_ms) FROM jobs WHERE state = 'queued'",
        "SELECT id FROM jobs ORDER BY id DESC LIMIT 1",
        "SELECT id FROM jobs WHERE owner = gen_random_uuid()",
        "SELECT id FROM jobs WHERE webhook_state = 'pending' ORDER BY webhook_next_ms, id LIMIT 1 FOR UPDATE SKIP LOCKED",
        "SELECT id FROM jobs WHERE coalesce_key = 'a' AND finished_ms IS NULL AND NOT cancel_requested ORDER BY id LIMIT 1",
    ];
    for analyse in ["SELECT ''", "ANALYZE jobs"] {
        store.inspect(analyse).unwrap();
        for statement in statements {
            let plan = store.inspect(&format!("EXPLAIN {statement}")).unwrap().join("\n");
            assert!(plan.contains("Index"), "{plan}");
            assert!(!plan.contains("Seq Scan on jobs") && !plan.contains("Sort"), "{plan}");
        }
    }
}

#[test]
fn a_schema_without_one_version_is_refused_and_stays() {
    let url = cluster().fresh();
    let store = real(&url);
    let job = submitted(&store);
    let restore = "restore the database from a backup, or name another `schema` in the address";
    for (change, reason, remedy) in [
        (
            "UPDATE schema_version SET version = 0",
            "a version that no Cesar writes",
            restore,
        ),
        (
            "UPDATE schema_version SET version = -1",
            "a version that no Cesar writes",
            restore,
        ),
        (
            "INSERT INTO schema_version VALUES (2)",
            "more than one row",
            "delete the wrong rows, or restore the database from a backup",
        ),
        ("DELETE FROM schema_version", "no row", restore),
    ] {
        store.inspect(change).unwrap();
        let refused = refusal(&url);
        let sentence = format!("cannot be used (its table `schema_version` has {reason}); {remedy}");
        assert!(refused.ends_with(&sentence), "{change}: {refused}");
        let location = Location::new(PathBuf::from("/nonexistent"), Some(url.clone()));
        assert_eq!(location.inspect().unwrap_err().to_string(), refused);
    }
    let version = crate::postgres::VERSION;
    store
        .inspect(&format!("INSERT INTO schema_version VALUES ({version})"))
        .unwrap();
    assert!(real(&url).get(job).unwrap().is_some());
}

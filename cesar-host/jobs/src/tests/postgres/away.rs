//! A database that stands still, is away, or has become a standby.

use super::*;

/// Limits that a test can wait for.
const BRIEF: Limits = Limits {
    patience: Duration::from_millis(200),
    check: Duration::from_millis(300),
    answer: Duration::from_millis(300),
};

#[test]
fn a_frozen_database_is_away_within_the_limits_and_loses_nothing() {
    let cluster = Cluster::start();
    let url = format!("{}&connect_timeout=1", cluster.fresh());
    let options = PostgresOptions {
        clock: Some(Arc::new(ManualClock::new(START_MS))),
        ..PostgresOptions::default()
    };
    let store = PostgresJobs::open_within(&url, options, BRIEF).unwrap();
    let workers = PostgresWorkers::without_heartbeat(&store, LEASE).unwrap();
    let worker = workers.register().unwrap();
    let jobs = [submitted(&store), submitted(&store)];
    let lease = store.claim(worker.id()).unwrap().unwrap().lease;
    assert!(!store.is_away());

    let frozen = cluster.freeze();
    let away = |result: Result<()>| {
        let error = result.unwrap_err();
        assert!(error.is_away(), "{error}");
        assert!(store.is_away() || error.to_string().contains("worker"));
    };
    for round in 0..3 {
        let began = Instant::now();
        // The first statement is sent, the later ones find a connection that does not answer, and open others.
        away(store.get(jobs[0]).map(drop));
        away(store.submit(&url_job()).map(drop));
        away(store.complete(&lease, "{}", &report()).map(drop));
        away(store.list(&ListQuery::default()).map(drop));
        away(workers.renew());
        away(workers.register().map(drop));
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "round {round}: {:?}",
            began.elapsed()
        );
    }
    assert!(workers.are_away());
    let unopened = PostgresJobs::open_within(&url, PostgresOptions::default(), BRIEF).unwrap_err();
    assert!(
        unopened.is_away() && unopened.to_string().contains("does not answer"),
        "{unopened}"
    );
    drop(frozen);

    until("the database answers", || store.get(jobs[0]).is_ok());
    assert!(!store.is_away());
    workers.renew().unwrap();
    assert!(worker.is_registered());
    // Whatever became of what was not acknowledged, and of an end that was: it is stored once.
    let ended = match store.complete(&lease, "{}", &report()) {
        Ok(job) => job,
        Err(JobsError::LeaseLost { job }) => store.get(job).unwrap().unwrap(),
        Err(error) => panic!("{error}"),
    };
    assert_eq!(ended.state, JobState::Completed);
    let late = store.complete(&lease, "{}", &report());
    assert!(matches!(late, Err(JobsError::LeaseLost { .. })), "{late:?}");
    assert_eq!(store.claim(worker.id()).unwrap().unwrap().job.id, jobs[1]);
}

#[test]
fn a_link_that_swallows_everything_is_away() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("postgres://cesar@127.0.0.1:{port}/jobs?connect_timeout=1&sslmode=disable");
    let began = Instant::now();
    let error = PostgresJobs::open_within(&url, PostgresOptions::default(), BRIEF).unwrap_err();
    assert!(error.is_away(), "{error}");
    assert!(
        error
            .to_string()
            .contains("it keeps the connection and does not answer"),
        "{error}"
    );
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    drop(listener);
}

/// The first one of several hosts may stand still while another one has taken over.
#[test]
fn a_host_that_stands_still_does_not_hide_the_next_one() {
    let cluster = Cluster::start();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = cluster.fresh().replace('@', &format!("@127.0.0.1:{port},"));
    let url = format!("{url}&sslmode=disable&connect_timeout=1");
    submitted(&PostgresJobs::open_within(&url, PostgresOptions::default(), BRIEF).unwrap());
    drop(listener);
}

/// Behind one address, another server may have taken over, and the old one be a standby.
#[test]
fn a_connection_to_a_server_that_refuses_changes_is_left() {
    let store = real(&cluster().fresh());
    store
        .inspect("SELECT set_config('default_transaction_read_only', 'on', false)")
        .unwrap();
    let refused = store.submit(&url_job()).unwrap_err().to_string();
    assert!(refused.contains("read-only transaction, SQLSTATE 25006"), "{refused}");
    submitted(&store);
}

/// No process could renew while the database was away, and the first process that comes back must not take the others for dead.
#[test]
fn an_outage_longer_than_the_lease_costs_no_job() {
    let cluster = Cluster::start();
    let clock = Arc::new(ManualClock::new(START_MS));
    let store = with_clock(&cluster.fresh(), &clock);
    let (mine, others) = [(); 2]
        .map(|()| PostgresWorkers::without_heartbeat(&store, LEASE).unwrap())
        .into();
    let (_first, second) = (mine.register().unwrap(), others.register().unwrap());
    submitted(&store);
    let lease = store.claim(second.id()).unwrap().unwrap().lease;
    let lease_ms = i64::try_from(LEASE.as_millis()).unwrap();
    cluster.stop();
    clock.advance_ms(2 * lease_ms);
    assert!(mine.renew().is_err());
    cluster.restart();
    assert_eq!(mine.recover(&store).unwrap(), Recovery::default());
    mine.renew().unwrap();
    assert_eq!(mine.recover(&store).unwrap(), Recovery::default());
    others.renew().unwrap();
    assert!(second.is_registered());
    assert!(store.progress(&lease, &Progress::default(), None).is_ok());
    clock.advance_ms(lease_ms);
    mine.renew().unwrap();
    assert_eq!(mine.recover(&store).unwrap().dead, [second.id()], "it had its time");
}

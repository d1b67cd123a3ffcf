//! The machines of a run: two servers, three workers, a primary database with its standby, and a bucket.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread;

use cesar_tests::fault_proxy::FaultProxy;
use cesar_tests::hosts::{Host, Network};
use cesar_tests::object_storage::{WRITER, object_storage};
use cesar_tests::postgres_pair::Pair;

use super::LEASE;
use super::machine::Machine;

/// Notes, beside Cesar's own rows, each end of a job and each change of a job that has ended.
const AUDIT: &str = "
    CREATE SCHEMA audit;
    CREATE TABLE audit.ends (job uuid NOT NULL, state text NOT NULL);
    CREATE FUNCTION audit.note() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO audit.ends VALUES (NEW.id, NEW.state); RETURN NULL; END';
    CREATE TRIGGER audit AFTER UPDATE ON cesar.jobs FOR EACH ROW
        WHEN (NEW.finished_ms IS NOT NULL
            AND (NEW.finished_ms, NEW.state, NEW.document) IS DISTINCT FROM (OLD.finished_ms, OLD.state, OLD.document))
        EXECUTE FUNCTION audit.note();";

/// All machines. The processes end before their hosts.
pub(super) struct Cluster {
    pub(super) servers: [Machine; 2],
    pub(super) workers: [Machine; 3],
    pub(super) database: Pair,
    pub(super) bucket: FaultProxy,
    /// The host of clients.
    pub(super) clients: Host,
    pub(super) network: Network,
    /// The environment of the servers and workers.
    pub(super) environment: Vec<(String, String)>,
    folder: tempfile::TempDir,
}

impl Cluster {
    /// Starts everything.
    pub(super) fn start() -> Self {
        // Beside the rest.
        let storage = thread::spawn(object_storage);
        let (network, [clients, bucket, first, second, third, fourth, fifth, primary, standby]) = Network::new();
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let proxy = thread::scope(|scope| {
            let bound = scope.spawn(|| {
                bucket.enter()?;
                TcpListener::bind((bucket.address(), 80))
            });
            bound.join().expect("it does not panic")
        });
        let database = Pair::start([primary, standby]);
        let storage = storage.join().expect("it starts");
        let bucket = FaultProxy::on(proxy.expect("the host is new"), storage.port());
        let environment = environment(&database, &bucket, &runs(folder.path()));
        let mut cluster = Self {
            servers: [
                Machine::server("server 1", first, &environment),
                Machine::server("server 2", second, &environment),
            ],
            workers: [
                Machine::worker("worker 1", third, &environment),
                Machine::worker("worker 2", fourth, &environment),
                Machine::worker("worker 3", fifth, &environment).with_own_clock(),
            ],
            database,
            bucket,
            clients,
            network,
            environment,
            folder,
        };
        thread::scope(|scope| {
            for machine in cluster.servers.iter_mut().chain(&mut cluster.workers) {
                scope.spawn(|| machine.start());
            }
        });
        cluster.database.sql(AUDIT);
        cluster
    }

    /// Checks that no process has ended by itself.
    pub(super) fn check_processes(&mut self) {
        for machine in self.servers.iter_mut().chain(&mut self.workers) {
            assert!(
                machine.is_running(),
                "{} has ended\n{}",
                machine.name,
                machine.last_words()
            );
        }
    }

    /// What the engine wrote down at the beginning of each run.
    pub(super) fn runs(&self) -> Vec<String> {
        let text = std::fs::read_to_string(runs(self.folder.path())).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

fn runs(folder: &Path) -> PathBuf {
    folder.join("runs")
}

fn environment(database: &Pair, bucket: &FaultProxy, runs: &Path) -> Vec<(String, String)> {
    let place = object_storage().place();
    let mut environment = vec![
        ("CESAR_SERVER_JOBS", database.address("cesar")),
        ("CESAR_SERVER_BLOBS", format!("{place}/uploads")),
        ("CESAR_SERVER_LEASE_S", LEASE.to_string()),
        ("CESAR_SERVER_DISCONNECT_GRACE_S", "1".to_owned()),
        ("CESAR_SERVER_MAX_COPIES_MB", "64".to_owned()),
        ("CESAR_CACHE_REMOTE", format!("{place}/cache")),
        ("CESAR_ASR_OPTIONS", format!("runs={}", runs.display())),
    ];
    environment.extend(object_storage().variables(WRITER));
    environment.push(("AWS_ENDPOINT_URL", bucket.endpoint()));
    environment
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

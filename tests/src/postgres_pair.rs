//! Two servers of PostgreSQL on hosts of their own: a primary and its standby, which takes over.
//!
//! Replication is synchronous: a commit is acknowledged when the standby has it, so that the standby lacks nothing that a client was promised. After a
//! failover, the old primary is made again from the new one, and is its standby.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use crate::{
    hosts::Host,
    postgres::{KEEPER, SETTINGS, USER, create, give_away, program, programs, succeed},
    server::until,
};

/// The port of both.
const PORT: u16 = 5432;

/// Kills the servers whose data is in a folder.
const KILL: &str = r#"for file in "$0"/data-*/postmaster.pid; do kill -9 "$(head -n 1 "$file")"; done; sleep 1"#;

/// The two servers, which end with this process at the latest.
#[derive(Debug)]
pub struct Pair {
    folder: PathBuf,
    programs: PathBuf,
    hosts: [Host; 2],
    primary: usize,
    /// Its standard input ends with this process.
    _keeper: Child,
}

impl Pair {
    /// Starts both; the first is the primary.
    ///
    /// # Panics
    /// If PostgreSQL is not installed or does not start.
    pub fn start(hosts: [Host; 2]) -> Self {
        let folder = tempfile::Builder::new().prefix("cesar-pair-").tempdir();
        // The keeper removes it.
        let folder = folder.expect("a temporary folder can be made").keep();
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&folder)
            .args(["sh", "-c", KILL])
            .arg(&folder)
            .stdin(Stdio::piped())
            .current_dir("/")
            .spawn()
            .expect("a shell is installed");
        let pair = Self {
            folder,
            programs: programs(),
            hosts,
            primary: 0,
            _keeper: keeper,
        };
        give_away(&pair.folder);
        create(&pair.programs, &pair.data(0));
        let access = pair.data(0).join("pg_hba.conf");
        let mut rules = fs::read_to_string(&access).expect("`initdb` has written it");
        rules.push_str("host all,replication all samenet trust\n");
        fs::write(&access, rules).expect("root may write it, and so may its owner");
        pair.run_server(0);
        pair.clone_primary();
        pair
    }

    /// The address of a schema in them: of the one that accepts changes.
    pub fn address(&self, schema: &str) -> String {
        let [first, second] = [0, 1].map(|number: usize| self.hosts[number].address());
        format!("postgres://{USER}@{first},{second}/postgres?sslmode=disable&schema={schema}")
    }

    /// The host of the primary.
    pub fn primary(&self) -> &Host {
        &self.hosts[self.primary]
    }

    /// Stops the primary as a crash does.
    ///
    /// # Panics
    /// If it does not stop.
    pub fn stop(&self) {
        self.stop_server(self.primary);
    }

    /// Stops the server that is not the primary.
    ///
    /// # Panics
    /// If it does not stop.
    pub fn stop_other(&self) {
        self.stop_server(1 - self.primary);
    }

    /// Starts the primary again.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_again(&self) {
        self.run_server(self.primary);
    }

    /// Makes the standby the primary. The old one has to be stopped or cut off.
    ///
    /// # Panics
    /// If the standby refuses.
    pub fn fail_over(&mut self) {
        self.primary = 1 - self.primary;
        let mut control = self.program("pg_ctl");
        succeed(
            control
                .args(["promote", "--wait", "--silent", "--pgdata"])
                .arg(self.data(self.primary)),
        );
    }

    /// Makes the other server from the primary, as its standby, and makes commits wait for it.
    ///
    /// # Panics
    /// If one of them refuses.
    pub fn clone_primary(&self) {
        let standby = 1 - self.primary;
        if self.data(standby).exists() {
            fs::remove_dir_all(self.data(standby)).expect("its server is stopped");
        }
        let mut copy = self.program("pg_basebackup");
        copy.args([
            "--host",
            &self.hosts[self.primary].address().to_string(),
            "--username",
            USER,
        ])
        .args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--pgdata"])
        .arg(self.data(standby));
        succeed(&mut self.hosts[standby].command(&copy));
        self.run_server(standby);
        // Not before, as the copy has this setting as well.
        self.sql("ALTER SYSTEM SET synchronous_standby_names = '*'");
        self.sql("SELECT pg_reload_conf()");
        until("commits wait for the standby", || {
            self.sql("SELECT sync_state FROM pg_stat_replication") == ["sync"]
        });
    }

    /// Runs a statement on the primary, and returns the rows, with `|` between columns.
    ///
    /// # Panics
    /// If the server refuses it.
    pub fn sql(&self, statement: &str) -> Vec<String> {
        let mut client = self.program("psql");
        client
            .args([
                "--no-psqlrc",
                "--quiet",
                "--no-align",
                "--tuples-only",
                "--set=ON_ERROR_STOP=1",
                "--dbname=postgres",
            ])
            .args(["--username", USER, "--host"])
            .arg(self.sockets(self.primary))
            .args(["--command", statement]);
        let output = client.stdin(Stdio::null()).output().expect("the client was found");
        assert!(
            output.status.success(),
            "`{statement}`: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(str::to_owned)
            .collect()
    }

    fn stop_server(&self, number: usize) {
        let mut control = self.program("pg_ctl");
        control.args(["stop", "--wait", "--silent", "--mode=immediate", "--pgdata"]);
        succeed(control.arg(self.data(number)));
    }

    fn run_server(&self, number: usize) {
        let sockets = self.sockets(number);
        fs::create_dir_all(&sockets).expect("the folder is ours");
        give_away(&sockets);
        let host = &self.hosts[number];
        let mut control = self.program("pg_ctl");
        control
            .args(["start", "--wait", "--silent", "--options"])
            .arg(format!(
                "{SETTINGS} -c listen_addresses={} -p {PORT} -k {}",
                host.address(),
                sockets.display()
            ))
            .arg("--log")
            .arg(self.sockets(number).join("log"))
            .arg("--pgdata")
            .arg(self.data(number));
        succeed(&mut host.command(&control));
    }

    fn data(&self, number: usize) -> PathBuf {
        self.folder.join(format!("data-{number}"))
    }

    /// The folder of a server's socket.
    fn sockets(&self, number: usize) -> PathBuf {
        self.folder.join(format!("server-{number}"))
    }

    fn program(&self, name: &str) -> Command {
        program(&self.programs, name)
    }
}

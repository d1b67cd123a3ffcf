//! A cluster of PostgreSQL for tests: in a temporary folder, reached by a socket in it, and stopped when the test program ends.
//!
//! The programs are those of Debian's package `postgresql`. They refuse to run as root, so that root runs them as a user without rights. A shell waits
//! for the end of the test program, whatever the reason, stops the cluster, and removes the folder.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

use crate::ports::free_ports;

/// Debian's folder of versions.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The user and the group without rights, by Debian's policy.
const UNPRIVILEGED: u32 = 65534;

/// The database user.
pub(crate) const USER: &str = "cesar";

/// The settings of a server for tests: it forgets everything by a power failure, and by nothing else.
pub(crate) const SETTINGS: &str =
    "-c listen_addresses= -c fsync=off -c full_page_writes=off -c max_connections=300 -c shared_buffers=64MB";

/// Runs a command when standard input ends, as one that stops the server, and removes a folder. Signals from a terminal reach the shell as well, and must not end it.
pub(crate) const KEEPER: &str =
    r#"trap '' INT TERM HUP; read -r _; folder=$1; shift; "$@" >/dev/null 2>&1; rm -rf "$folder""#;

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    settings: String,
    schemas: AtomicU32,
    /// Its standard input ends with this process.
    _keeper: Child,
}

/// The cluster of this test program.
///
/// # Panics
/// If PostgreSQL is not installed or does not start.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: LazyLock<Cluster> = LazyLock::new(Cluster::start);
    &CLUSTER
}

impl Cluster {
    /// Creates and starts a cluster.
    ///
    /// # Panics
    /// If PostgreSQL is not installed or does not start.
    pub fn start() -> Self {
        Self::start_with(|_| String::new())
    }

    /// The same with a port on 127.0.0.1 that speaks TLS with this certificate and key.
    ///
    /// # Panics
    /// If PostgreSQL is not installed or does not start.
    pub fn start_with_tls(certificate: &Path, key: &Path) -> (Self, u16) {
        let [port] = free_ports();
        let cluster = Self::start_with(|folder| {
            let [own_certificate, own_key] = [certificate, key].map(|path| {
                let own = folder.join(path.file_name().expect("it names a file"));
                fs::copy(path, &own).expect("the file can be copied");
                fs::set_permissions(&own, fs::Permissions::from_mode(0o600)).expect("a copy can be protected");
                give_away(&own);
                own.display().to_string()
            });
            format!(
                "-c listen_addresses=127.0.0.1 -c ssl=on -c ssl_cert_file={own_certificate} -c ssl_key_file={own_key} -p {port}"
            )
        });
        (cluster, port)
    }

    /// Starts a cluster with further settings, which may need files in its folder.
    fn start_with(settings: impl FnOnce(&Path) -> String) -> Self {
        let programs = programs();
        let folder = tempfile::Builder::new().prefix("cesar-pg-").tempdir();
        // The keeper removes it.
        let folder = folder.expect("a temporary folder can be made").keep();
        give_away(&folder);
        let settings = settings(&folder);
        let data = folder.join("data");
        let mut stop = program(&programs, "pg_ctl");
        stop.args(["stop", "--mode=immediate", "--pgdata"]).arg(&data);
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&folder)
            .arg(stop.get_program())
            .args(stop.get_args())
            .stdin(Stdio::piped())
            .current_dir("/")
            .spawn()
            .expect("a shell is installed");
        let cluster = Self {
            folder,
            programs,
            settings,
            schemas: AtomicU32::new(0),
            _keeper: keeper,
        };
        create(&cluster.programs, &data);
        cluster.control("start");
        cluster
    }

    /// The address of a schema that no other test has.
    pub fn fresh(&self) -> String {
        let number = self.schemas.fetch_add(1, Ordering::Relaxed);
        self.schema(&format!("t{}_{number}", std::process::id()))
    }

    /// The address of this schema.
    pub fn schema(&self, schema: &str) -> String {
        let socket = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://{USER}@{socket}/postgres?schema={schema}")
    }

    /// The socket, for a test that stands between a client and the server.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    /// Stops the server.
    ///
    /// # Panics
    /// If it does not stop.
    pub fn stop(&self) {
        let mut control = self.program("pg_ctl");
        control.args(["stop", "--wait", "--silent", "--mode=immediate", "--pgdata"]);
        succeed(control.arg(self.folder.join("data")));
    }

    /// Stops the server as a crash does if it runs, and starts it again.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&self) {
        self.control("restart");
    }

    /// Stops all processes of the server where they are, until this is dropped: it keeps its connections, accepts others, and answers nothing.
    ///
    /// # Panics
    /// If it does not run.
    pub fn freeze(&self) -> Frozen {
        let file = fs::read_to_string(self.folder.join("data/postmaster.pid")).expect("it runs");
        let main = file.lines().next().expect("the first line is the process");
        let frozen = Frozen(main.to_owned());
        frozen.signal("STOP");
        frozen
    }

    /// Runs SQL in a schema that exists.
    ///
    /// # Panics
    /// If the server refuses it.
    pub fn sql(&self, schema: &str, statements: &str) {
        let mut client = self.program("psql");
        client.args([
            "--no-psqlrc",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            "--dbname=postgres",
            "--username",
            USER,
        ]);
        client
            .arg("--host")
            .arg(&self.folder)
            .args(["--command", &format!("SET search_path = {schema}")]);
        succeed(client.args(["--command", statements]));
    }

    fn control(&self, action: &str) {
        let mut control = self.program("pg_ctl");
        control
            .args([action, "--wait", "--silent", "--mode=immediate", "--options"])
            .arg(format!("{SETTINGS} -k {} {}", self.folder.display(), self.settings))
            .arg("--log")
            .arg(self.folder.join("log"))
            .arg("--pgdata")
            .arg(self.folder.join("data"));
        succeed(&mut control);
    }

    fn program(&self, name: &str) -> Command {
        program(&self.programs, name)
    }
}

/// A server that stands still.
#[derive(Debug)]
pub struct Frozen(String);

impl Frozen {
    fn signal(&self, name: &str) {
        // The first one starts the others.
        succeed(Command::new("kill").args(["-s", name, &self.0]));
        succeed(Command::new("pkill").args(["--signal", name, "--parent", &self.0]));
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.signal("CONT");
    }
}

/// Creates the files of a server.
pub(crate) fn create(programs: &Path, data: &Path) {
    let mut init = program(programs, "initdb");
    init.args([
        "--auth=trust",
        "--no-sync",
        "--encoding=UTF8",
        "--locale=C",
        "--username",
        USER,
    ]);
    succeed(init.arg("--pgdata").arg(data));
}

/// One of PostgreSQL's programs, as a user that it accepts.
pub(crate) fn program(programs: &Path, name: &str) -> Command {
    let path = programs.join(name);
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        let user = UNPRIVILEGED.to_string();
        command
            .args(["--reuid", &user, "--regid", &user, "--clear-groups"])
            .arg(path);
        command
    } else {
        Command::new(path)
    };
    // Not the user's settings of clients, and a folder that every user may enter.
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C")
        .current_dir("/");
    command
}

/// The folder of the newest version's programs.
pub(crate) fn programs() -> PathBuf {
    let versions = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, programs)| programs.join("initdb").is_file())
        .collect();
    found.sort();
    let newest = found.pop().map(|(_, programs)| programs);
    newest.unwrap_or_else(|| panic!("PostgreSQL is missing in `{VERSIONS}`; run `apt-get install postgresql`"))
}

/// Makes the user that runs the server the owner.
pub(crate) fn give_away(path: &Path) {
    if is_root() {
        chown(path, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).expect("root can give a file away");
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs a program to its end. The server keeps a pipe open, so that its output goes to a file.
#[track_caller]
pub(crate) fn succeed(command: &mut Command) {
    let output = tempfile::tempfile().expect("a temporary file can be made");
    let handle = || output.try_clone().expect("a file can be shared");
    let status = command.stdin(Stdio::null()).stdout(handle()).stderr(handle()).status();
    if !status.is_ok_and(|status| status.success()) {
        use std::io::{Read as _, Seek as _};
        let mut text = String::new();
        let mut output = output;
        // The text explains a failure that is reported in any case.
        let _ = output.rewind().and_then(|()| output.read_to_string(&mut text));
        panic!("{command:?} failed: {text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs as the program whose end is observed.
    #[test]
    fn a_cluster_is_started_on_request() {
        if std::env::var_os("CESAR_TEST_CLUSTER").is_some() {
            println!("\n{}", Cluster::start().folder.display());
            std::process::abort();
        }
    }

    #[test]
    fn a_cluster_ends_with_the_test_program() {
        let output = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "postgres::tests::a_cluster_is_started_on_request",
                "--nocapture",
            ])
            .env("CESAR_TEST_CLUSTER", "1")
            .stderr(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let folder = text.lines().find(|line| line.contains("cesar-pg-"));
        let folder = PathBuf::from(folder.unwrap_or_else(|| panic!("no folder in {text}")));
        let id = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap_or_default();
        crate::server::until("the folder is gone", || !folder.exists());
        if let Some(id) = id.lines().next() {
            crate::server::until("the server is gone", || !Path::new("/proc").join(id).exists());
        }
    }
}

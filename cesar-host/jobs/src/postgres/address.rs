//! The address of a jobs database: what is read from a URL, and what is shown of it.
//!
//! TLS is all or nothing: a database elsewhere must prove its name by a certificate, as a password and the transcripts pass over the
//! connection; one on this machine needs none. The modes of libpq between the two, which encrypt without knowing for whom, are refused.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, LoadBalanceHosts, SslMode, TargetSessionAttrs};

use crate::error::{JobsError, Result};

/// The schema of an address that names none.
const SCHEMA: &str = "cesar";

/// PostgreSQL cuts names at 63 bytes, and the channel of notifications is a longer name.
const LONGEST_SCHEMA: usize = 40;

/// Time limit of opening a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The same for each of several hosts, of which one may be off: the next one is tried within the patience of an operation.
const CONNECT_TIMEOUT_OF_SEVERAL: Duration = Duration::from_secs(3);

/// Time limit of a connection without an answer: a peer that vanished sends no end.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);

/// Whether and how connections are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Encryption {
    /// They are not.
    Off,
    /// The server proves its name, by the root certificates of the file or else of the system.
    Verified { roots: Option<PathBuf> },
}

/// A parsed address. It has the password, and is never shown but by [`Address::shown`].
#[derive(Clone)]
pub(super) struct Address {
    /// One for each host.
    pub(super) configs: Vec<Config>,
    pub(super) encryption: Encryption,
    pub(super) schema: String,
    shown: String,
}

impl Address {
    /// Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?…`: the parameters of libpq, and `schema`.
    pub(super) fn parse(url: &str) -> Result<Self> {
        let scheme = url.split_once("://").map(|(scheme, _)| scheme);
        if !matches!(scheme, Some("postgres" | "postgresql")) {
            return Err(invalid("it does not begin with `postgres://`"));
        }
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let authority = base.split("://").nth(1).and_then(|rest| rest.split('/').next());
        if authority.is_some_and(|authority| authority.matches('@').count() > 1) {
            return Err(invalid("it has more than one `@`; write one in the password as `%40`"));
        }
        let (mut schema, mut mode, mut roots, mut rest) = (SCHEMA.to_owned(), None, None, Vec::new());
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("schema", value)) => schema = value.to_owned(),
                Some(("sslmode", value)) => mode = Some(value.to_owned()),
                Some(("sslrootcert", value)) => roots = Some(PathBuf::from(decoded(value))),
                _ => rest.push(parameter),
            }
        }
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if schema.is_empty()
            || schema.len() > LONGEST_SCHEMA
            || !schema.bytes().all(is_name)
            || schema.starts_with(|first: char| first.is_ascii_digit())
        {
            return Err(invalid(&format!(
                "its `schema` is not a name of at most {LONGEST_SCHEMA} lower-case letters, digits and `_`"
            )));
        }
        let separator = if rest.is_empty() { "" } else { "?" };
        let mut config: Config = format!("{base}{separator}{}", rest.join("&"))
            .parse()
            .map_err(|error: tokio_postgres::Error| invalid(&explained(&error)))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(invalid("it names no host"));
        }
        let encryption = encryption(&config, mode.as_deref(), roots)?;
        config
            .ssl_mode(match encryption {
                Encryption::Off => SslMode::Disable,
                Encryption::Verified { .. } => SslMode::Require,
            })
            .tcp_user_timeout(SILENCE_TIMEOUT)
            .keepalives_idle(SILENCE_TIMEOUT)
            .keepalives_interval(SILENCE_TIMEOUT / 3);
        let has_several = config.get_hosts().len().max(config.get_hostaddrs().len()) > 1;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(match has_several {
                true => CONNECT_TIMEOUT_OF_SEVERAL,
                false => CONNECT_TIMEOUT,
            });
        }
        // A standby accepts connections and no changes.
        if has_several && config.get_target_session_attrs() == TargetSessionAttrs::Any {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        if config.get_application_name().is_none() {
            config.application_name("cesar");
        }
        Ok(Self {
            shown: shown(&config),
            configs: of_each_host(&config),
            encryption,
            schema,
        })
    }

    /// The address without the password.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// The channel of notifications: each schema has its own.
    pub(super) fn channel(&self) -> String {
        format!("cesar_{}", self.schema)
    }
}

/// The settings for each host of several. Where the order is by chance, that of the client.
fn of_each_host(config: &Config) -> Vec<Config> {
    let (hosts, addresses) = (config.get_hosts(), config.get_hostaddrs());
    let number = hosts.len().max(addresses.len());
    let is_complete = |length: usize| length == 0 || length == number;
    if number < 2
        || config.get_load_balance_hosts() == LoadBalanceHosts::Random
        || !is_complete(hosts.len())
        || !is_complete(addresses.len())
        || (config.get_ports().len() > 1 && !is_complete(config.get_ports().len()))
    {
        return vec![config.clone()];
    }
    let of_host = |index: usize| {
        let mut one = Config::new();
        match hosts.get(index) {
            Some(Host::Tcp(name)) => one.host(name),
            Some(Host::Unix(folder)) => one.host_path(folder),
            None => &mut one,
        };
        if let Some(address) = addresses.get(index) {
            one.hostaddr(*address);
        }
        let ports = config.get_ports();
        if let Some(port) = ports.get(index).or(ports.first()) {
            one.port(*port);
        }
        if let Some(user) = config.get_user() {
            one.user(user);
        }
        if let Some(password) = config.get_password() {
            one.password(password);
        }
        if let Some(name) = config.get_dbname() {
            one.dbname(name);
        }
        if let Some(options) = config.get_options() {
            one.options(options);
        }
        if let Some(name) = config.get_application_name() {
            one.application_name(name);
        }
        if let Some(limit) = config.get_connect_timeout() {
            one.connect_timeout(*limit);
        }
        if let Some(limit) = config.get_tcp_user_timeout() {
            one.tcp_user_timeout(*limit);
        }
        if let Some(interval) = config.get_keepalives_interval() {
            one.keepalives_interval(interval);
        }
        if let Some(retries) = config.get_keepalives_retries() {
            one.keepalives_retries(retries);
        }
        one.ssl_mode(config.get_ssl_mode())
            .ssl_negotiation(config.get_ssl_negotiation())
            .keepalives(config.get_keepalives())
            .keepalives_idle(config.get_keepalives_idle())
            .target_session_attrs(config.get_target_session_attrs())
            .channel_binding(config.get_channel_binding());
        one
    };
    (0..number).map(of_host).collect()
}

fn encryption(config: &Config, mode: Option<&str>, roots: Option<PathBuf>) -> Result<Encryption> {
    let is_here =
        config.get_hosts().iter().all(is_this_machine) && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
    match mode {
        None if is_here && roots.is_none() => Ok(Encryption::Off),
        None | Some("require" | "verify-ca" | "verify-full") => Ok(Encryption::Verified { roots }),
        Some("disable") => Ok(Encryption::Off),
        Some(_) => Err(invalid(
            "its `sslmode` is neither `verify-full`, the default for other machines, nor `disable`",
        )),
    }
}

fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
        Host::Unix(_) => true,
    }
}

fn invalid(reason: &str) -> JobsError {
    JobsError::InvalidAddress {
        reason: reason.to_owned(),
    }
}

/// The error of the parser, which names parameters and never values, with its cause.
fn explained(error: &tokio_postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn shown(config: &Config) -> String {
    let user = config.get_user().map(|user| format!("{user}@")).unwrap_or_default();
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(folder) => folder.display().to_string(),
    });
    let port = config
        .get_ports()
        .first()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let database = config.get_dbname().map(|name| format!("/{name}")).unwrap_or_default();
    format!(
        "postgres://{user}{}{port}{database}",
        hosts.collect::<Vec<_>>().join(",")
    )
}

/// A value of a query without its percent signs; a wrong escape stays.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = (*first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        match Address::parse(url) {
            Err(error) => error.to_string(),
            Ok(address) => panic!("{}", address.shown()),
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let address = Address::parse("postgres://ann:hunter2@db.example.org:5433/jobs?schema=studio").unwrap();
        assert_eq!(address.shown(), "postgres://ann@db.example.org:5433/jobs");
        assert_eq!(address.channel(), "cesar_studio");
        for url in [
            "postgre://ann:hunter2@host/jobs",
            "postgres://ann:hunter2@host:port/jobs",
            "postgres://ann:hunter2@host/jobs?sslmode=hunter2",
            "postgres://ann:hunter2@host/jobs?schema=hunter2%20",
            "postgres://ann:hunter2@host/jobs?frobnicate=hunter2",
            "postgres://ann:hunter2@host/jobs?port=hunter2",
            "postgres://ann:hunter2@/jobs",
            "hunter2",
        ] {
            let refusal = refusal(url);
            assert!(
                !refusal.contains("hunter2") && refusal.contains("postgres://"),
                "{refusal}"
            );
        }
    }

    #[test]
    fn of_several_hosts_the_one_that_accepts_changes_is_used() {
        let found = |url: &str| {
            let configs = Address::parse(url).unwrap().configs;
            let facts = |config: &Config| {
                let seconds = config.get_connect_timeout().map(Duration::as_secs);
                (config.get_target_session_attrs(), seconds)
            };
            assert!(configs.iter().all(|config| facts(config) == facts(&configs[0])));
            facts(&configs[0])
        };
        assert_eq!(
            found("postgres://ann@a.example.org,b.example.org/jobs"),
            (TargetSessionAttrs::ReadWrite, Some(3))
        );
        assert_eq!(
            found("postgres://ann@a.example.org,b.example.org/jobs?connect_timeout=7"),
            (TargetSessionAttrs::ReadWrite, Some(7))
        );
        assert_eq!(
            found("postgres://ann@a.example.org/jobs"),
            (TargetSessionAttrs::Any, Some(10))
        );
    }

    #[test]
    fn each_of_several_hosts_has_all_settings() {
        let url = "postgres://ann:hunter2@a.example.org:1,b.example.org:2/jobs?application_name=x&keepalives_retries=7&options=-c%20a%3Db";
        let several: Config = url.parse().unwrap();
        let configs = of_each_host(&several);
        for (config, (host, port)) in configs.iter().zip([("a.example.org", 1), ("b.example.org", 2)]) {
            let alone = url.replace("a.example.org:1,b.example.org:2", &format!("{host}:{port}"));
            assert_eq!(*config, alone.parse().unwrap());
        }
        assert_eq!(configs.len(), 2);
        let by_chance: Config = format!("{url}&load_balance_hosts=random").parse().unwrap();
        assert_eq!(of_each_host(&by_chance), vec![by_chance]);
        let one_port: Config = "host=a.example.org,b.example.org port=7".parse().unwrap();
        assert!(of_each_host(&one_port).iter().all(|config| config.get_ports() == [7]));
        let odd: Config = "host=a,b,c port=7,8".parse().unwrap();
        assert_eq!(of_each_host(&odd), vec![odd], "the client refuses it");
    }

    #[test]
    fn only_this_machine_is_trusted_without_a_certificate() {
        let encryption = |url: &str| Address::parse(url).unwrap().encryption;
        let verified = |roots: Option<&str>| Encryption::Verified {
            roots: roots.map(PathBuf::from),
        };
        for here in ["localhost", "127.0.0.1", "[::1]", "%2Frun%2Fpostgresql"] {
            assert_eq!(
                encryption(&format!("postgres://ann@{here}/jobs")),
                Encryption::Off,
                "{here}"
            );
        }
        assert_eq!(encryption("postgres://ann@db.example.org/jobs"), verified(None));
        assert_eq!(
            encryption("postgres://ann@localhost,db.example.org/jobs"),
            verified(None)
        );
        assert_eq!(encryption("postgres://ann@db/jobs?sslmode=require"), verified(None));
        assert_eq!(encryption("postgres://ann@db/jobs?sslmode=disable"), Encryption::Off);
        assert_eq!(
            encryption("postgres://ann@localhost/jobs?sslrootcert=%2Fetc%2Fa%20b.pem"),
            verified(Some("/etc/a b.pem"))
        );
        assert!(refusal("postgres://ann@db/jobs?sslmode=prefer").contains("`sslmode`"));
    }
}

//! Hosts of a network on this machine: network namespaces, each with an address of its own, joined by a bridge in another namespace.
//!
//! Links are cut and lose packets at the bridge, so that neither end notices anything but silence. The programs are `ip` (Debian's package
//! `iproute2`), `nsenter` (`util-linux`) and `nft` (`nftables`). A shell waits for the end of the test program, whatever the reason, kills what still
//! runs on the hosts, and removes them.

use std::{
    fs::File,
    io,
    net::Ipv4Addr,
    os::fd::AsFd as _,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Packages with the programs of this module.
const PACKAGES: &str = "iproute2 util-linux nftables";

/// Removes the namespaces `$@`, with their processes, when standard input ends. Signals from a terminal reach the shell as well, and must not
/// end it.
const KEEPER: &str = r#"trap '' INT TERM HUP; read -r _
for name do for id in $(ip netns pids "$name" 2>/dev/null); do kill -9 "$id" 2>/dev/null; done; ip netns del "$name" 2>/dev/null; done"#;

/// A bridge and its hosts.
#[derive(Debug)]
pub struct Network {
    bridge: String,
    hosts: Vec<Host>,
    keeper: Child,
}

/// A host of a network.
#[derive(Debug, Clone)]
pub struct Host {
    namespace: String,
    number: u8,
}

/// Why this machine can have no hosts, with the remedy; `None` if it can.
///
/// # Panics
/// If a program is missing.
pub fn obstacle() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some(
            "network namespaces need root; run the suite as root, or in a container with CAP_SYS_ADMIN".to_owned(),
        );
    }
    let trial = unique();
    let can = |action| {
        let output = Command::new("ip").args(["netns", action, &trial]).output();
        let output = output.unwrap_or_else(|error| panic!("`ip`: {error}; run `apt-get install {PACKAGES}`"));
        output.status.success()
    };
    let is_made = can("add");
    let _ = can("del");
    (!is_made).then(|| "`ip netns add` is refused; run the suite with CAP_SYS_ADMIN and CAP_NET_ADMIN".to_owned())
}

impl Network {
    /// Makes this many hosts, which reach each other.
    ///
    /// # Panics
    /// If a program is missing, or the system refuses.
    pub fn new<const COUNT: usize>() -> (Self, [Host; COUNT]) {
        let name = unique();
        let bridge = format!("{name}-lan");
        let hosts: [Host; COUNT] = std::array::from_fn(|index| Host {
            namespace: format!("{name}-{}", index + 1),
            number: u8::try_from(index + 1).expect("there are few hosts"),
        });
        let namespaces = hosts.iter().map(|host| &host.namespace).chain([&bridge]);
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .args(namespaces)
            .stdin(Stdio::piped())
            .current_dir("/")
            .spawn()
            .expect("a shell is installed");
        let network = Self {
            bridge,
            hosts: hosts.to_vec(),
            keeper,
        };
        network.build();
        (network, hosts)
    }

    fn build(&self) {
        ip(&["netns", "add", &self.bridge]);
        self.at_bridge(&["link", "add", "lan", "type", "bridge"]);
        self.at_bridge(&["link", "set", "lan", "up"]);
        for host in &self.hosts {
            let (namespace, port) = (host.namespace.as_str(), host.port());
            ip(&["netns", "add", namespace]);
            let at_host = |words: &[&str]| ip(&[&["-n", namespace], words].concat());
            at_host(&[
                "link",
                "add",
                "eth0",
                "type",
                "veth",
                "peer",
                "name",
                &port,
                "netns",
                &self.bridge,
            ]);
            at_host(&["address", "add", &format!("{}/24", host.address()), "dev", "eth0"]);
            at_host(&["link", "set", "lo", "up"]);
            at_host(&["link", "set", "eth0", "up"]);
            self.at_bridge(&["link", "set", &port, "up"]);
            self.join(host);
        }
        self.filter(&["add", "table", "bridge", "faults"]);
        self.filter(&[
            "add",
            "chain",
            "bridge",
            "faults",
            "forward",
            "{ type filter hook forward priority 0; }",
        ]);
    }

    /// Cuts the link of a host, in both directions.
    pub fn cut(&self, host: &Host) {
        self.at_bridge(&["link", "set", &host.port(), "nomaster"]);
    }

    /// Ends [`Network::cut`].
    pub fn join(&self, host: &Host) {
        self.at_bridge(&["link", "set", &host.port(), "master", "lan"]);
    }

    /// Drops this percentage of the packets from and to a host.
    pub fn lose(&self, host: &Host, percent: u64) {
        for direction in ["iifname", "oifname"] {
            let (port, percent) = (host.port(), percent.to_string());
            let rule = [
                "bridge", "faults", "forward", direction, &port, "numgen", "random", "mod", "100", "<", &percent,
                "drop",
            ];
            self.filter(&[&["add", "rule"], &rule[..]].concat());
        }
    }

    /// Ends [`Network::lose`] for all hosts.
    pub fn lose_nothing(&self) {
        self.filter(&["flush", "chain", "bridge", "faults", "forward"]);
    }

    fn at_bridge(&self, words: &[&str]) {
        ip(&[&["-n", &self.bridge], words].concat());
    }

    fn filter(&self, words: &[&str]) {
        succeed(inside(&self.bridge, Command::new("nft").args(words)).stdin(Stdio::null()));
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // The namespaces are gone when this returns.
        let _ = self.keeper.wait();
    }
}

impl Host {
    /// Its address.
    pub fn address(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, 0, self.number)
    }

    /// The command as one of this host. Standard streams have to be set again.
    pub fn command(&self, command: &Command) -> Command {
        inside(&self.namespace, command)
    }

    /// Moves the calling thread to this host: its new sockets are the host's, and so are those of threads that it starts.
    ///
    /// # Errors
    /// If the host is gone.
    pub fn enter(&self) -> io::Result<()> {
        let namespace = File::open(format!("/run/netns/{}", self.namespace))?;
        Ok(move_into_link_name_space(
            namespace.as_fd(),
            Some(LinkNameSpaceType::Network),
        )?)
    }

    /// The interface at the bridge.
    fn port(&self) -> String {
        format!("host{}", self.number)
    }
}

/// A name that no other call returns, of this process or another.
fn unique() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("cesar-{}-{number}", std::process::id())
}

fn inside(namespace: &str, command: &Command) -> Command {
    let mut moved = Command::new("nsenter");
    moved
        .arg(format!("--net=/run/netns/{namespace}"))
        .arg("--")
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => moved.env(name, value),
            None => moved.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        moved.current_dir(folder);
    }
    moved
}

fn ip(words: &[&str]) {
    succeed(Command::new("ip").args(words));
}

#[track_caller]
fn succeed(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; run `apt-get install {PACKAGES}`"));
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::path::Path;
    use std::time::Duration;

    use super::*;

    /// A socket of a host.
    fn socket(host: &Host) -> UdpSocket {
        let bound = std::thread::scope(|scope| {
            let bind = scope.spawn(|| {
                host.enter()?;
                UdpSocket::bind((host.address(), 7))
            });
            bind.join().unwrap()
        });
        let socket = bound.unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        socket
    }

    /// The number of packets of a hundred that arrive.
    fn arrivals(from: &UdpSocket, to: &UdpSocket) -> usize {
        let target = to.local_addr().unwrap();
        for _ in 0..100 {
            from.send_to(b"packet", target).unwrap();
        }
        let received = std::iter::from_fn(|| to.recv_from(&mut [0; 16]).ok());
        received.count()
    }

    #[test]
    fn links_are_cut_and_lose_packets_and_recover() {
        if let Some(obstacle) = obstacle() {
            crate::skip::without_rights(&obstacle);
            return;
        }
        let (network, [first, second]) = Network::new();
        let (near, far) = (socket(&first), socket(&second));
        assert_eq!(arrivals(&near, &far), 100);
        network.lose(&second, 50);
        let arrived = arrivals(&near, &far);
        assert!((1..100).contains(&arrived), "{arrived}");
        network.lose_nothing();
        network.cut(&first);
        assert_eq!((arrivals(&near, &far), arrivals(&far, &near)), (0, 0));
        network.join(&first);
        assert_eq!((arrivals(&near, &far), arrivals(&far, &near)), (100, 100));
        let places = [&first, &second].map(|host| format!("/run/netns/{}", host.namespace));
        assert!(places.iter().all(|place| Path::new(place).exists()));
        drop(network);
        assert!(!places.iter().any(|place| Path::new(place).exists()));
    }
}

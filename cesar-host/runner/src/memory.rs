//! Memory of a process and of the machine, from `/proc` and the control group.
//!
//! Used memory is what only this process keeps from being free: its own pages and shared memory. Pages of files do not count:
//! the kernel drops those when it needs space, and a mapped model would otherwise count in full.

use std::fs;
use std::path::Path;

use super::control_group::Groups;

/// Memory of one process, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Resident memory without pages of files.
    pub(crate) resident: u64,
    /// Memory that `RLIMIT_DATA` counts: private and writable, touched or not.
    pub(crate) data: u64,
}

impl Taken {
    /// Memory of a running process; `None` once it has ended.
    pub(crate) fn by(process: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{process}/status")).ok()?)
    }

    fn parse(status: &str) -> Option<Self> {
        let field = |name: &str| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        Some(Self {
            resident: 1024 * (field("RssAnon")? + field("RssShmem")?),
            data: 1024 * field("VmData")?,
        })
    }
}

/// The memory that this process may use: the machine's, or the limit of its control groups.
pub(crate) fn of_the_machine() -> Option<u64> {
    below(Path::new("/"))
}

fn below(root: &Path) -> Option<u64> {
    let information = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let line = information.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let machine = 1024 * line.split_whitespace().next()?.parse::<u64>().ok()?;
    let of_groups = Groups::below(root).limit();
    Some(of_groups.map_or(machine, |limit| limit.min(machine)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_files_do_not_count_as_memory() {
        let status = "Name:\tx\nVmData:\t   300 kB\nRssAnon:\t 20 kB\nRssFile:\t 900 kB\nRssShmem:\t 3 kB\n";
        let taken = Taken {
            resident: 23 * 1024,
            data: 300 * 1024,
        };
        assert_eq!(Taken::parse(status), Some(taken));
        assert_eq!(Taken::parse("Name:\tx\nState:\tZ (zombie)\n"), None);
    }

    #[test]
    fn this_process_has_some_of_the_machine() {
        let taken = Taken::by(std::process::id()).expect("it runs");
        assert!(taken.resident > 0 && taken.resident < of_the_machine().expect("there is memory"));
    }

    #[test]
    fn a_control_group_leaves_less_than_the_machine_has_and_never_more() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        write("proc/meminfo", "MemTotal:       1000 kB\nMemFree:  7 kB\n");
        assert_eq!(below(root.path()), Some(1_024_000));
        write("proc/self/cgroup", "0::/one\n");
        write("proc/self/mountinfo", "30 23 0:26 / /groups rw - cgroup2 cgroup2 rw\n");
        write("groups/one/memory.max", "500000\n");
        assert_eq!(below(root.path()), Some(500_000));
        write("groups/one/memory.max", "9000000\n");
        assert_eq!(below(root.path()), Some(1_024_000));
    }
}

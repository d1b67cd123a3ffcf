//! How much memory a process has and how much there is, from `/proc` and the control group.
//!
//! What counts as taken is what only this process keeps from being free: its own pages and shared memory. Pages of files do not
//! count: the kernel drops those when it needs room, and a model that is mapped would otherwise count in full.

use std::fs;

/// What one process has, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Resident memory without pages of files.
    pub(crate) resident: u64,
    /// What `RLIMIT_DATA` counts: private memory that can be written, touched or not.
    pub(crate) data: u64,
}

impl Taken {
    /// What a running process has; `None` once it has ended.
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

/// The memory that this process may use: the machine's, or what its control group leaves of it.
pub(crate) fn of_the_machine() -> Option<u64> {
    let information = fs::read_to_string("/proc/meminfo").ok()?;
    let line = information.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let machine = 1024 * line.split_whitespace().next()?.parse::<u64>().ok()?;
    let limits = [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ];
    let of_group = limits
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok());
    Some(of_group.fold(machine, u64::min))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_do_not_count() {
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
}

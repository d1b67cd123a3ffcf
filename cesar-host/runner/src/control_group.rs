//! The control groups of this process: their memory limits, and whether the kernel killed a process to enforce one.
//!
//! `/proc/self/cgroup` names the group, `/proc/self/mountinfo` the mount point of the tree of groups and its root (a container
//! often sees only its own part). A limit of any group on the way up to that root applies. Both versions are read: a machine may
//! account for memory in either.

use std::fs;
use std::path::{Path, PathBuf};

/// The groups that account for this process's memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Groups {
    /// For each mounted tree, the process's own group, then its parents up to the root of the mount.
    ways: Vec<Vec<PathBuf>>,
    /// The machine's counters.
    machine: PathBuf,
}

/// A tree of groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    /// One tree per controller, here that of memory.
    One,
    Two,
}

impl Groups {
    pub(super) fn of_this_process() -> Self {
        Self::below(Path::new("/"))
    }

    /// The groups found with `/proc` and the mounts below `root`.
    pub(super) fn below(root: &Path) -> Self {
        let read = |name: &str| fs::read_to_string(root.join(name)).unwrap_or_default();
        let (groups, mounts) = (read("proc/self/cgroup"), read("proc/self/mountinfo"));
        let ways = mounts.lines().filter_map(|line| {
            let mount = Mount::parse(line)?;
            let group = groups.lines().find_map(|line| group_of(line, mount.version))?;
            Some(mount.way(root, group))
        });
        Self {
            ways: ways.collect(),
            machine: root.join("proc/vmstat"),
        }
    }

    /// The lowest limit, in bytes.
    pub(super) fn limit(&self) -> Option<u64> {
        let limit = |folder: &PathBuf| {
            let read = |name| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
            // `max` is not a number, and no limit.
            read("memory.max").or_else(|| read("memory.limit_in_bytes"))
        };
        self.ways.iter().flatten().filter_map(limit).min()
    }

    /// Number of processes that the kernel has killed for lack of memory in this process's group, or on the machine if no group
    /// counts them. Only differences are meaningful.
    pub(super) fn killed(&self) -> u64 {
        let own = self.ways.iter().filter_map(|way| way.first());
        let counted = |folder: &PathBuf| {
            let count = |name| count_in(&fs::read_to_string(folder.join(name)).ok()?);
            count("memory.events").or_else(|| count("memory.oom_control"))
        };
        let counts: Vec<u64> = own.filter_map(counted).collect();
        if counts.is_empty() {
            let machine = fs::read_to_string(&self.machine).unwrap_or_default();
            return count_in(&machine).unwrap_or_default();
        }
        counts.iter().sum()
    }
}

/// The counter with the same name in memory.events, memory.oom_control and vmstat.
fn count_in(text: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix("oom_kill "))?;
    value.trim().parse().ok()
}

/// The path of the group in a line of `/proc/self/cgroup`, if it is in a tree of this version.
fn group_of(line: &str, version: Version) -> Option<&str> {
    let mut fields = line.splitn(3, ':');
    let (number, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    let is_it = match version {
        Version::One => controllers.split(',').any(|name| name == "memory"),
        Version::Two => number == "0" && controllers.is_empty(),
    };
    is_it.then_some(path)
}

/// A line of `/proc/self/mountinfo`: `ID PARENT DEVICE ROOT POINT OPTIONS [TAGS] - TYPE SOURCE OPTIONS`.
struct Mount {
    version: Version,
    /// The group at `point`.
    root: String,
    point: String,
}

impl Mount {
    fn parse(line: &str) -> Option<Self> {
        let (place, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        let version = match (kind.next()?, kind.nth(1)?) {
            ("cgroup2", _) => Version::Two,
            ("cgroup", options) if options.split(',').any(|option| option == "memory") => Version::One,
            _ => return None,
        };
        let mut place = place.split(' ').skip(3).map(unescaped);
        Some(Self {
            version,
            root: place.next()?,
            point: place.next()?,
        })
    }

    /// The folders from `group` up to the mount's. For a group outside the mounted part, only the mount itself.
    fn way(&self, root: &Path, group: &str) -> Vec<PathBuf> {
        let point = root.join(self.point.trim_start_matches('/'));
        let inside = Path::new(group).strip_prefix(&self.root).unwrap_or(Path::new(""));
        let is_plain = inside
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        let inside = if is_plain { inside } else { Path::new("") };
        inside.ancestors().map(|part| point.join(part)).collect()
    }
}

/// Decodes the octal escapes of spaces, tabs, line ends and backslashes.
fn unescaped(field: &str) -> String {
    let codes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    codes.iter().fold(field.to_owned(), |text, (code, character)| {
        text.replace(code, character)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that looks like `/`.
    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        root
    }

    const FIRST: &str = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n\
                         32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n\
                         41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
    const SECOND: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";

    #[test]
    fn the_least_limit_on_the_way_up_holds_in_the_first_version() {
        let root = machine(&[
            ("proc/self/cgroup", "4:memory:/a/b/c\n1:cpu:/z\n0::/\n"),
            ("proc/self/mountinfo", FIRST),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "5000\n"),
            ("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "3000\n"),
            ("sys/fs/cgroup/memory/a/b/c/memory.limit_in_bytes", "4000\n"),
            ("sys/fs/cgroup/memory/a/b/c/d/memory.limit_in_bytes", "1\n"),
            ("sys/fs/cgroup/memory/z/memory.limit_in_bytes", "2\n"),
            (
                "sys/fs/cgroup/memory/a/b/memory.oom_control",
                "oom_kill_disable 0\nunder_oom 0\noom_kill 9\n",
            ),
            (
                "sys/fs/cgroup/memory/a/b/c/memory.oom_control",
                "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
            ),
        ]);
        let groups = Groups::below(root.path());
        assert_eq!(groups.limit(), Some(3000));
        assert_eq!(groups.killed(), 2, "its own group's");
    }

    #[test]
    fn the_least_limit_on_the_way_up_holds_in_the_second_version() {
        let root = machine(&[
            ("proc/self/cgroup", "0::/user.slice/run 1.scope\n"),
            ("proc/self/mountinfo", SECOND),
            ("sys/fs/cgroup/user.slice/memory.max", "7000\n"),
            ("sys/fs/cgroup/user.slice/run 1.scope/memory.max", "max\n"),
            (
                "sys/fs/cgroup/user.slice/run 1.scope/memory.events",
                "low 0\nmax 8\noom 3\noom_kill 1\n",
            ),
        ]);
        let groups = Groups::below(root.path());
        assert_eq!(groups.limit(), Some(7000));
        assert_eq!(groups.killed(), 1);
    }

    /// A container sees only its own groups, and its path may exist only outside.
    #[test]
    fn a_mount_may_begin_inside_the_tree() {
        let mount = "35 31 0:32 /docker/a /sys/fs/cgroup\\040x rw - cgroup cgroup rw,hugetlb,memory\n";
        for (group, limit) in [
            ("/docker/a", 9000),
            ("/docker/a/b", 800),
            ("/elsewhere", 9000),
            ("/docker/a/../b", 9000),
        ] {
            let root = machine(&[
                ("proc/self/cgroup", &format!("7:hugetlb,memory:{group}\n")),
                ("proc/self/mountinfo", mount),
                ("sys/fs/cgroup x/memory.limit_in_bytes", "9000\n"),
                ("sys/fs/cgroup x/b/memory.limit_in_bytes", "800\n"),
                ("sys/fs/memory.limit_in_bytes", "1\n"),
                ("sys/fs/b/memory.limit_in_bytes", "1\n"),
            ]);
            assert_eq!(Groups::below(root.path()).limit(), Some(limit), "{group}");
        }
    }

    #[test]
    fn without_groups_there_is_no_limit_and_the_machine_counts() {
        let root = machine(&[("proc/vmstat", "pgfault 3\noom_kill 12\n")]);
        let groups = Groups::below(root.path());
        assert_eq!((groups.limit(), groups.killed()), (None, 12));
        let nothing = machine(&[]);
        assert_eq!(Groups::below(nothing.path()).killed(), 0);
    }
}

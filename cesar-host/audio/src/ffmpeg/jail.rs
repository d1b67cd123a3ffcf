//! A process that can read one file and has no network access.
//!
//! Uploaded files may be hostile, and have made ffmpeg read other files and connect to hosts. It gets the recording as an open
//! file, and the kernel refuses the rest: Landlock allows reading the recording, running programs and loading libraries; a seccomp
//! filter refuses sockets and calls that could undo the confinement. Both apply to a thread and its children, so a thread is
//! confined, starts the program, and ends. A kernel without one of them omits it: the allowed demuxers and protocols of ffmpeg
//! ([`super::ALLOWED_DEMUXERS`]) are the second line of defence.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
    RulesetError, RulesetStatus,
};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

/// The kernel interface whose rights are handled; an older kernel handles those that it knows.
const LANDLOCK: ABI = ABI::V5;

/// Folders of programs and libraries.
const SYSTEM: [&str; 12] = [
    "/bin",
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/local/bin",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/nix/store",
];

/// Devices without content.
const DEVICES: [&str; 3] = ["/dev/null", "/dev/zero", "/dev/urandom"];

/// Starts `command`, the program at `program`, which may read `recording` besides programs and libraries.
pub(super) fn spawn(mut command: Command, program: &Path, recording: &File) -> io::Result<Child> {
    let start = || {
        confine_files(program, recording).map_err(io::Error::other)?;
        if let Some(filter) = socket_filter()? {
            seccompiler::apply_filter(&filter).map_err(io::Error::other)?;
        }
        command.spawn()
    };
    let thread = std::thread::Builder::new().name("jail".to_owned());
    std::thread::scope(|scope| {
        let child = thread.spawn_scoped(scope, start)?;
        child.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Whether this kernel confines files: tried in a thread that then ends.
pub(super) fn confines_files() -> bool {
    let confine = || {
        let rules = Ruleset::default().handle_access(AccessFs::from_all(LANDLOCK))?;
        Ok::<_, RulesetError>(rules.create()?.restrict_self()?.ruleset)
    };
    let tried = std::thread::spawn(confine).join();
    matches!(tried, Ok(Ok(status)) if status != RulesetStatus::NotEnforced)
}

fn confine_files(program: &Path, recording: &File) -> Result<(), RulesetError> {
    let use_programs = AccessFs::from_read(LANDLOCK);
    let program = program.canonicalize().unwrap_or_else(|_| program.to_owned());
    // For a build in another place, with its libraries beside it.
    let folder = program.parent().map(Path::to_owned);
    let libraries = folder.as_ref().and_then(|folder| Some(folder.parent()?.join("lib")));
    let system = SYSTEM.iter().map(PathBuf::from);
    let paths: Vec<_> = system.chain([program]).chain(libraries).collect();
    let devices = DEVICES.iter().map(PathBuf::from).collect::<Vec<_>>();
    Ruleset::default()
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .create()?
        .add_rules(rules(&paths, use_programs))?
        .add_rules(rules(&devices, AccessFs::ReadFile | AccessFs::WriteFile))?
        .add_rule(PathBeneath::new(recording, AccessFs::ReadFile))?
        .restrict_self()
        .map(drop)
}

/// The rule of each path that exists.
fn rules(
    paths: &[PathBuf],
    access: impl Into<BitFlags<AccessFs>>,
) -> impl Iterator<Item = Result<PathBeneath<PathFd>, RulesetError>> {
    let access = access.into();
    paths.iter().filter_map(move |path| {
        let of_files = if path.is_dir() {
            access
        } else {
            access & AccessFs::from_file(LANDLOCK)
        };
        Some(Ok(PathBeneath::new(PathFd::new(path).ok()?, of_files)))
    })
}

/// Refuses sockets, and calls that inspect or affect other processes; `None` on a processor that the filter does not support.
fn socket_filter() -> io::Result<Option<BpfProgram>> {
    const REFUSED: [i64; 12] = [
        libc::SYS_socket,
        libc::SYS_socketpair,
        libc::SYS_io_uring_setup,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_getfd,
        libc::SYS_open_by_handle_at,
        libc::SYS_mount,
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_bpf,
    ];
    let Ok(processor) = std::env::consts::ARCH.try_into() else {
        return Ok(None);
    };
    let rules: BTreeMap<i64, Vec<_>> = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    let refuse = SeccompAction::Errno(u32::try_from(libc::EACCES).unwrap_or(13));
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, processor).map_err(io::Error::other)?;
    BpfProgram::try_from(filter).map(Some).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::process::Stdio;

    use super::*;

    fn run(script: &str, recording: &File) -> (bool, String) {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", script])
            .stdin(recording.try_clone().unwrap())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = spawn(command, Path::new("/bin/sh"), recording).unwrap();
        let mut output = String::new();
        child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
        (child.wait().unwrap().success(), output)
    }

    #[test]
    fn the_recording_can_be_read_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, other) = (folder.path().join("ours"), folder.path().join("other"));
        std::fs::write(&ours, "sound").unwrap();
        std::fs::write(&other, "secret").unwrap();
        let recording = File::open(&ours).unwrap();
        assert_eq!(run("cat /proc/self/fd/0", &recording), (true, "sound".to_owned()));
        assert!(confines_files(), "this kernel has no Landlock");
        let secret = format!("cat {}", other.display());
        assert_eq!(run(&secret, &recording), (false, String::new()));
        assert_eq!(run("cat /etc/hostname /etc/passwd", &recording), (false, String::new()));
        let write = format!("echo x > {}", folder.path().join("new").display());
        assert!(!run(&write, &recording).0);
        // This thread is not confined.
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "secret");
    }

    #[test]
    fn no_socket_can_be_opened() {
        let recording = File::open("/dev/null").unwrap();
        let (success, output) = run("exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/9' 2>&1", &recording);
        assert!(!success && output.contains("Permission denied"), "{output}");
    }
}

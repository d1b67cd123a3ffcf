//! The gates that run no plugin code: whether the file is a complete ELF library for this machine, and which manifest it has.
//!
//! A truncated library ends the process that loads it with SIGBUS inside `dlopen`, so every segment and the section table must lie
//! inside the file. Only headers and the manifest section are read, not the whole file.

use std::fs::File;
use std::io::BufReader;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader as _, ProgramHeader as _, SectionHeader as _};
use object::{Endianness, ReadCache, ReadRef as _};

use plugin_api::manifest::{Manifest, SECTION};
use rustix::fs::OFlags;

/// Maximum size of a manifest, in bytes.
const MANIFEST_LIMIT: u64 = 1 << 20;

/// The reason why a file is not a usable plugin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// It cannot be read.
    #[error("`{}` cannot be read: {detail}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        detail: String,
    },
    /// Others could replace the plugin.
    #[error("`{}` is not safe: others may write to its {what}; run `chmod o-w {}`", path.display(), which.display())]
    Writable {
        /// The file.
        path: PathBuf,
        /// `file` or `folder`.
        what: &'static str,
        /// The path that others can write to.
        which: PathBuf,
    },
    /// Not an ELF library of this machine.
    #[error("`{}` is not a shared library for {}: {detail}", path.display(), std::env::consts::ARCH)]
    NotLibrary {
        /// The file.
        path: PathBuf,
        /// The actual type of the file.
        detail: String,
    },
    /// A library, but not a plugin.
    #[error("`{}` is not a Cesar plugin (it has no section {SECTION})", path.display())]
    NotPlugin {
        /// The file.
        path: PathBuf,
    },
    /// A plugin whose manifest cannot be used.
    #[error("`{}` cannot be used: its manifest {detail}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// The error.
        detail: String,
    },
    /// The CPU lacks features that the code needs.
    #[error("`{}` needs CPU features this machine lacks: {}", path.display(), missing.join(", "))]
    Cpu {
        /// The file.
        path: PathBuf,
        /// The missing features.
        missing: Vec<String>,
    },
}

impl GateError {
    /// The file that was refused.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Unreadable { path, .. }
            | Self::Writable { path, .. }
            | Self::NotLibrary { path, .. }
            | Self::NotPlugin { path }
            | Self::Manifest { path, .. }
            | Self::Cpu { path, .. } => path,
        }
    }
}

/// Checks the file and reads its manifest, without running any of its code.
///
/// # Errors
/// [`GateError`] with the file and its defect.
pub fn read_manifest(path: &Path) -> Result<Manifest, GateError> {
    let unreadable = |error: std::io::Error| GateError::Unreadable {
        path: path.to_owned(),
        detail: error.to_string(),
    };
    // Does not wait for a writer if it is a pipe.
    let at_once = OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(at_once).open(path);
    let file = file.map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(not_library(path, "it is not a regular file"));
    }
    check_writers(path, &metadata)?;
    let section = manifest_section(path, &ReadCache::new(BufReader::new(file)), metadata.len())?;
    let text = std::str::from_utf8(&section).map_err(|_| GateError::Manifest {
        path: path.to_owned(),
        detail: "is not UTF-8".into(),
    })?;
    let manifest = Manifest::parse(text).map_err(|error| GateError::Manifest {
        path: path.to_owned(),
        detail: error.to_string(),
    })?;
    check_cpu(path, &manifest)?;
    Ok(manifest)
}

fn not_library(path: &Path, detail: impl Into<String>) -> GateError {
    GateError::NotLibrary {
        path: path.to_owned(),
        detail: detail.into(),
    }
}

/// A user who can write to the file can change the plugin; one who can write to its folder can replace the file, or, with the
/// sticky bit set, add a plugin.
fn check_writers(path: &Path, file: &std::fs::Metadata) -> Result<(), GateError> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let by_others = |metadata: &std::fs::Metadata| metadata.permissions().mode() & 0o002 != 0;
    let what = match std::fs::metadata(folder) {
        Ok(metadata) if by_others(&metadata) => "folder",
        _ if by_others(file) => "file",
        _ => return Ok(()),
    };
    Err(GateError::Writable {
        path: path.to_owned(),
        what,
        which: if what == "folder" { folder } else { path }.to_owned(),
    })
}

fn manifest_section(path: &Path, data: &ReadCache<BufReader<File>>, length: u64) -> Result<Vec<u8>, GateError> {
    let refuse = |detail: &str| not_library(path, detail);
    if data.read_bytes_at(0, 4) != Ok(&elf::ELFMAG) {
        return Err(refuse("it is not an ELF file"));
    }
    if data.read_bytes_at(4, 1) != Ok(&[elf::ELFCLASS64.0]) {
        return Err(refuse("it is not a 64-bit file"));
    }
    let header = FileHeader64::<Endianness>::parse(data).map_err(|_| refuse("its header is damaged"))?;
    let endian = header.endian().map_err(|_| refuse("its header is damaged"))?;
    let machine = header.e_machine(endian);
    if machine != this_machine() {
        return Err(refuse(&format!("the file is for {}", machine_name(machine))));
    }
    if header.e_type(endian) != elf::ET_DYN {
        return Err(refuse("it is not a library"));
    }
    let damaged = || refuse("it is damaged or cut short");
    let inside = |offset: u64, size: u64| offset.checked_add(size).is_some_and(|end| end <= length);
    for segment in header.program_headers(endian, data).map_err(|_| damaged())? {
        if !inside(segment.p_offset(endian), segment.p_filesz(endian)) {
            return Err(damaged());
        }
    }
    let sections = header.sections(endian, data).map_err(|_| damaged())?;
    let found = sections.section_by_name(endian, SECTION.as_bytes());
    let (_, section) = found.ok_or_else(|| GateError::NotPlugin { path: path.to_owned() })?;
    if section.sh_size(endian) > MANIFEST_LIMIT {
        return Err(GateError::Manifest {
            path: path.to_owned(),
            detail: "is longer than 1 MB".into(),
        });
    }
    section.data(endian, data).map(<[u8]>::to_vec).map_err(|_| damaged())
}

fn this_machine() -> elf::Machine {
    match std::env::consts::ARCH {
        "x86_64" => elf::EM_X86_64,
        "aarch64" => elf::EM_AARCH64,
        "riscv64" => elf::EM_RISCV,
        _ => elf::EM_NONE,
    }
}

fn machine_name(machine: elf::Machine) -> String {
    match machine {
        elf::EM_X86_64 => "x86_64".into(),
        elf::EM_AARCH64 => "aarch64".into(),
        elf::EM_386 => "x86".into(),
        elf::EM_ARM => "arm".into(),
        elf::EM_RISCV => "riscv".into(),
        other => format!("machine {}", other.0),
    }
}

fn check_cpu(path: &Path, manifest: &Manifest) -> Result<(), GateError> {
    let needed = manifest.cpu_features.get(std::env::consts::ARCH);
    let missing: Vec<_> = needed
        .into_iter()
        .flatten()
        .filter(|feature| !cpu_has(feature))
        .cloned()
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(GateError::Cpu {
            path: path.to_owned(),
            missing,
        })
    }
}

/// Whether this CPU has `feature`. A feature missing from this list counts as missing: a refusal is better than SIGILL.
#[cfg(target_arch = "x86_64")]
fn cpu_has(feature: &str) -> bool {
    macro_rules! any_of {
        ($($name:tt),*) => {
            match feature {
                $($name => std::is_x86_feature_detected!($name),)*
                _ => false,
            }
        };
    }
    any_of!(
        "sse3",
        "ssse3",
        "sse4.1",
        "sse4.2",
        "popcnt",
        "avx",
        "avx2",
        "fma",
        "f16c",
        "bmi1",
        "bmi2",
        "lzcnt",
        "movbe",
        "avx512f",
        "avx512bw",
        "avx512cd",
        "avx512dq",
        "avx512vl",
        "avx512vnni"
    )
}

#[cfg(not(target_arch = "x86_64"))]
fn cpu_has(_: &str) -> bool {
    true
}

#[cfg(test)]
mod tests;

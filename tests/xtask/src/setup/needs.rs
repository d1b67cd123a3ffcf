//! The list of needs, with their checks and the Debian packages that meet them.

use super::{programs::program_in_path, python};
use crate::failure::answer;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The purpose of the machine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Building, and fetching models.
    Build,
    /// The suite as well.
    Test,
}

/// A part of the system that building or testing uses.
pub(crate) struct Need {
    /// Its name in a message.
    pub(crate) name: &'static str,
    /// Debian packages that provide it.
    pub(crate) packages: &'static [&'static str],
    /// Whether work is impossible without it.
    pub(crate) required: bool,
    tests_only: bool,
    met: fn() -> bool,
}

const NEEDS: &[Need] = &[
    required("a C compiler", &["gcc", "libc6-dev"], || {
        any_program(&["cc", "gcc", "clang"])
    }),
    required("a C++ compiler", &["g++"], || any_program(&["c++", "g++", "clang++"])),
    required("cmake", &["cmake"], || any_program(&["cmake"])),
    required("make", &["make"], || any_program(&["make", "gmake"])),
    // Applies the patches of the engines' C++.
    required("git or patch", &["patch"], || any_program(&["git", "patch"])),
    required("pkg-config", &["pkg-config"], || {
        any_program(&["pkg-config", "pkgconf"])
    }),
    required("libclang", &["libclang-dev", "clang"], has_libclang),
    // The build script of `ort` links it, for downloads that are disabled.
    required("OpenSSL's headers", &["libssl-dev"], has_openssl),
    required("Python 3 with pip", &["python3", "python3-pip"], python::can_have_pip),
    Need {
        required: false,
        ..required("ccache", &["ccache"], || any_program(&["ccache"]))
    },
    Need {
        tests_only: true,
        ..required(
            "Python 3 that makes environments",
            &["python3", "python3-venv"],
            python::can_make_environments,
        )
    },
    Need {
        tests_only: true,
        ..required("nm and readelf", &["binutils"], || {
            has_program("nm") && has_program("readelf")
        })
    },
    Need {
        tests_only: true,
        ..required("ffmpeg", &["ffmpeg"], || any_program(&["ffmpeg"]))
    },
    // Clients of the server.
    Need {
        tests_only: true,
        ..required("curl", &["curl"], || any_program(&["curl"]))
    },
    Need {
        tests_only: true,
        ..required("Node.js with npm", &["nodejs", "npm"], || {
            has_program("node") && has_program("npm")
        })
    },
    Need {
        tests_only: true,
        ..required("Chromium", &["chromium"], || any_program(&["chromium"]))
    },
    // Holds the jobs of several servers.
    Need {
        tests_only: true,
        ..required("PostgreSQL's server", &["postgresql"], has_postgres)
    },
    // Hosts of a network that loses packets, and one whose clock is wrong.
    Need {
        tests_only: true,
        ..required("ip and nft", &["iproute2", "nftables"], || {
            ["ip", "nft"].iter().all(|name| has_program(name) || is_for_root(name))
        })
    },
    Need {
        tests_only: true,
        ..required("libfaketime", &["libfaketime"], || {
            let library = Path::new("faketime/libfaketimeMT.so.1");
            library_folders().iter().any(|folder| folder.join(library).is_file())
        })
    },
    // Opens exported documents.
    Need {
        tests_only: true,
        ..required("LibreOffice Writer", &["libreoffice-writer-nogui"], || {
            any_program(&["soffice"])
        })
    },
    // Checks exported documents by their schema.
    Need {
        tests_only: true,
        ..required("xmllint", &["libxml2-utils"], || any_program(&["xmllint"]))
    },
    Need {
        tests_only: true,
        ..required("strace", &["strace"], || any_program(&["strace"]))
    },
    Need {
        tests_only: true,
        ..required("kill", &["procps"], || any_program(&["kill"]))
    },
];

const fn required(name: &'static str, packages: &'static [&'static str], met: fn() -> bool) -> Need {
    Need {
        name,
        packages,
        required: true,
        tests_only: false,
        met,
    }
}

/// The needs of this purpose that are not met.
pub(crate) fn missing(purpose: Purpose) -> Vec<&'static Need> {
    NEEDS
        .iter()
        .filter(|need| (purpose == Purpose::Test || !need.tests_only) && !need.is_met())
        .collect()
}

impl Need {
    pub(crate) fn is_met(&self) -> bool {
        (self.met)()
    }
}

fn has_program(name: &str) -> bool {
    program_in_path(name).is_some()
}

/// Whether a program is where only the `PATH` of root leads.
fn is_for_root(name: &str) -> bool {
    Path::new("/usr/sbin").join(name).is_file()
}

fn any_program(names: &[&str]) -> bool {
    names.iter().any(|name| has_program(name))
}

/// bindgen opens libclang at run time: from `LIBCLANG_PATH` (a folder or the file), else from the usual folders.
fn has_libclang() -> bool {
    let given = env::var_os("LIBCLANG_PATH").map(PathBuf::from);
    given.is_some_and(|path| is_libclang(&path) && path.is_file() || holds_libclang(&path))
        || library_folders().iter().any(|folder| holds_libclang(folder))
}

/// Searched as in the crate `openssl-sys`: `OPENSSL_DIR`, else pkg-config, which knows the usual folders.
fn has_openssl() -> bool {
    let given = env::var_os("OPENSSL_DIR").map(PathBuf::from);
    given.is_some_and(|folder| folder.join("include/openssl/ssl.h").is_file())
        || answer(Command::new("pkg-config").args(["--exists", "openssl"])).is_some()
}

/// Debian keeps the programs of each version apart, outside `PATH`.
fn has_postgres() -> bool {
    let versions = children(Path::new("/usr/lib/postgresql"));
    versions.iter().any(|version| version.join("bin/initdb").is_file())
}

fn library_folders() -> Vec<PathBuf> {
    let usual = ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64"].map(PathBuf::from);
    let mut folders = usual.to_vec();
    folders.push(PathBuf::from(format!("/usr/lib/{}-linux-gnu", env::consts::ARCH)));
    let versions = children(Path::new("/usr/lib"));
    folders.extend(
        versions
            .into_iter()
            .filter(|path| file_name(path).starts_with("llvm"))
            .map(|path| path.join("lib")),
    );
    folders
}

fn holds_libclang(folder: &Path) -> bool {
    children(folder).iter().any(|path| is_libclang(path) && path.exists())
}

/// `libclang.so`, `libclang.so.1`, `libclang-14.so.14.0.6`: not libclang-cpp, which is another library.
fn is_libclang(path: &Path) -> bool {
    let name = file_name(path);
    name.starts_with("libclang.so") || (name.starts_with("libclang-") && name.contains(".so") && !name.contains("cpp"))
}

fn children(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .map(|found| found.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libclang_is_distinguished_from_similar_libraries() {
        let named = |name: &str| is_libclang(&Path::new("/usr/lib").join(name));
        assert!(named("libclang.so") && named("libclang.so.1") && named("libclang-14.so.14.0.6"));
        assert!(!named("libclang-cpp.so.14") && !named("libclangAST.so") && !named("libclang-14.a"));
    }

    #[test]
    fn the_suite_needs_what_building_needs_and_more() {
        let packages = |tests: bool| NEEDS.iter().filter(|need| tests || !need.tests_only).count();
        assert!(packages(true) > packages(false));
    }
}

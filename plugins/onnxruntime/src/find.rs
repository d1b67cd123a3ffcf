//! Finds ONNX Runtime's `libonnxruntime.so` and opens it, once in the life of a process.
//!
//! Searched in this order:
//! 1. the file in the environment variable `ORT_DYLIB_PATH`; if it is set, nowhere else;
//! 2. beside the plugin's own file;
//! 3. in `$XDG_DATA_HOME/cesar/lib`, else `~/.local/share/cesar/lib`, where `cargo xtask` installs that of the wheel `onnxruntime`;
//! 4. the system loader's folders (`LD_LIBRARY_PATH`, `ldconfig`), and `/usr/local/lib`.
//!
//! An unusable file is reported, and the search continues. Any version from 1.22 on works: the functions of a version stay the
//! same in all later ones.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::ffi;

/// The library's name, also as in installations without development files.
const NAMES: [&str; 2] = ["libonnxruntime.so", "libonnxruntime.so.1"];
/// The folder of manually installed libraries, unknown to the loader.
const LOCAL: &str = "/usr/local/lib";

/// The reason why there is no ONNX Runtime.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The file in `ORT_DYLIB_PATH` cannot be used.
    #[error(
        "`ORT_DYLIB_PATH` names `{path}`, which {reason}: name a `libonnxruntime.so` of version 1.22 or later, or unset it"
    )]
    Named {
        /// The value of the variable.
        path: PathBuf,
        /// Completes "which …".
        reason: String,
    },
    /// No file, or only unusable ones.
    #[error(
        "ONNX Runtime, which {purpose}, was not found: run `cesar models pull onnxruntime`, or put \
         `libonnxruntime.so` of version 1.22 or later into `{folder}` or beside the plugin, or name it in `ORT_DYLIB_PATH`{rejected}"
    )]
    Absent {
        /// What the plugin needs it for; completes "which …".
        purpose: &'static str,
        /// The recommended folder.
        folder: PathBuf,
        /// Empty, or the files found and their defects.
        rejected: String,
    },
}

/// Initialises `ort`, once; `purpose` completes "ONNX Runtime, which …".
///
/// # Errors
/// [`RuntimeError`]; another call retries.
pub fn ensure(purpose: &'static str) -> Result<(), RuntimeError> {
    static OPENED: Mutex<bool> = Mutex::new(false);
    // A panic while it was held leaves a consistent state.
    let mut opened = OPENED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if !*opened {
        let named = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
        open_first(purpose, named, &places(), ffi::open)?;
        *opened = true;
        be_quiet();
    }
    Ok(())
}

/// ONNX Runtime logs hundreds of steps of each network that it loads; its warnings are enough.
fn be_quiet() {
    if let Ok(environment) = ort::environment::get_environment() {
        environment.set_log_level(ort::logging::LogLevel::Warning);
    }
}

/// Opens the named file, or else the first usable one.
fn open_first(
    purpose: &'static str,
    named: Option<PathBuf>,
    places: &[PathBuf],
    open: impl Fn(&Path) -> Result<String, String>,
) -> Result<(), RuntimeError> {
    if let Some(path) = named.filter(|path| !path.as_os_str().is_empty()) {
        return match open(&path) {
            Ok(version) => {
                log_version(&path, &version);
                Ok(())
            }
            Err(reason) => Err(RuntimeError::Named { path, reason }),
        };
    }
    let mut rejected = String::new();
    for path in places.iter().filter(|path| is_candidate(path)) {
        match open(path) {
            Ok(version) => {
                log_version(path, &version);
                return Ok(());
            }
            // The loader's error for a bare name means that it is not installed, which is not worth reporting.
            Err(_) if path.parent() == Some(Path::new("")) => {}
            Err(reason) => rejected += &format!("; `{}` {reason}", path.display()),
        }
    }
    Err(RuntimeError::Absent {
        purpose,
        folder: data_folder().unwrap_or_else(|| LOCAL.into()),
        rejected,
    })
}

fn log_version(path: &Path, version: &str) {
    tracing::debug!("ONNX Runtime {version} from `{}`", path.display());
}

/// The loader finds a bare name; a path must exist.
fn is_candidate(path: &Path) -> bool {
    path.parent() == Some(Path::new("")) || path.exists()
}

fn places() -> Vec<PathBuf> {
    let folders = [own_folder(), data_folder()].into_iter().flatten();
    let named = |folder: PathBuf| NAMES.map(|name| folder.join(name));
    let mut places: Vec<PathBuf> = folders.flat_map(named).collect();
    places.extend(NAMES.map(PathBuf::from));
    places.extend(named(LOCAL.into()));
    places
}

/// `$XDG_DATA_HOME/cesar/lib`, else `~/.local/share/cesar/lib`.
fn data_folder() -> Option<PathBuf> {
    // A relative path would be one below the current folder, which may belong to another user.
    let folder = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let data = folder("XDG_DATA_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/share")));
    data.map(|data| data.join("cesar/lib"))
}

/// The folder of the file that contains this code.
fn own_folder() -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let file = mapped_file(&maps, own_folder as fn() -> Option<PathBuf> as usize)?;
    file.parent().map(Path::to_owned)
}

/// The file mapped at an address, by the lines of `/proc/self/maps`.
fn mapped_file(maps: &str, address: usize) -> Option<PathBuf> {
    maps.lines().find_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (from, to) = range.split_once('-')?;
        let within =
            usize::from_str_radix(from, 16).ok()? <= address && address < usize::from_str_radix(to, 16).ok()?;
        let path = rest.find('/').map(|at| &rest[at..])?;
        within.then(|| PathBuf::from(path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn the_file_named_is_the_only_one_tried() {
        let tried = RefCell::new(Vec::new());
        let open = |path: &Path| {
            tried.borrow_mut().push(path.to_owned());
            Err("is a text".to_owned())
        };
        let error = open_first("hears", Some("/named.so".into()), &places(), open).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`ORT_DYLIB_PATH` names `/named.so`, which is a text: name a `libonnxruntime.so` of version 1.22 or later, or unset it"
        );
        assert_eq!(tried.into_inner(), [PathBuf::from("/named.so")]);
    }

    #[test]
    fn an_unusable_file_is_reported_and_the_next_is_tried() {
        let places = [
            PathBuf::from("/proc/self/stat"),
            "/proc/self/absent".into(),
            "/proc/self/maps".into(),
        ];
        let reason = |path: &Path| match path.ends_with("maps") {
            true => Ok("1.22.0".to_owned()),
            false => Err("is old".to_owned()),
        };
        assert!(open_first("hears", None, &places, reason).is_ok());
        let error = open_first("hears", None, &places[..2], reason).unwrap_err().to_string();
        assert!(error.ends_with("; `/proc/self/stat` is old"), "{error}");
        assert!(!error.contains("absent"), "{error}");
    }

    #[test]
    fn a_missing_library_is_reported_with_the_place_for_it() {
        let open = |_: &Path| Err("cannot be opened".to_owned());
        let error = open_first("hears", Some(PathBuf::new()), &["libonnxruntime.so".into()], open)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("cesar/lib") && error.contains("`ORT_DYLIB_PATH`"),
            "{error}"
        );
        assert!(
            !error.contains(';'),
            "a bare name that the loader does not know is no news: {error}"
        );
    }

    #[test]
    fn the_plugin_finds_its_own_file() {
        let file = std::env::current_exe().unwrap();
        assert_eq!(own_folder().as_deref(), file.parent());
    }

    #[test]
    fn a_mapping_is_found_by_address() {
        let maps = "1000-2000 r-xp 00000000 08:01 5 /opt/a b/libx.so\n2000-3000 rw-p 00000000 00:00 0 \n3000-4000 r--p 0 08:01 6 /y.so\n";
        assert_eq!(mapped_file(maps, 0x1fff), Some("/opt/a b/libx.so".into()));
        assert_eq!(mapped_file(maps, 0x2000), None);
        assert_eq!(mapped_file(maps, 0x3000), Some("/y.so".into()));
    }
}

//! Small files that are replaced as a whole: readers see the old content or the new.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Replaces a file, or creates it with the permission bits `mode`, less the process's mask. The folder must exist.
///
/// The new content may be lost with the machine; see [`replace_durably`].
///
/// # Errors
/// If the folder cannot be written. The file is then unchanged.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    put(path, content, mode, |_| Ok(()))
}

/// The same as [`replace`]; the new content and its name are on the device when this returns.
///
/// # Errors
/// As [`replace`]. If the folder alone cannot be synchronised, the content is replaced nevertheless.
pub fn replace_durably(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    put(path, content, mode, File::sync_data)?;
    File::open(folder_of(path))?.sync_data()
}

fn put(path: &Path, content: &[u8], mode: u32, complete: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
    // Opened and written here: an error of `tempfile` itself has the temporary name, which tells the user nothing.
    let open = |temporary: &Path| {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(mode).open(temporary)
    };
    let temporary = tempfile::Builder::new().make_in(folder_of(path), open)?;
    temporary.as_file().write_all(content)?;
    complete(temporary.as_file())?;
    temporary.persist(path).map(drop).map_err(|error| error.error)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        replace_durably(&path, b"old", 0o600).unwrap();
        let old = File::open(&path).unwrap();
        replace(&path, b"new", 0o600).unwrap();
        assert_eq!(io::read_to_string(old).unwrap(), "old");
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_error_has_no_temporary_name() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing/keys.json");
        for replaced in [replace(&missing, b"", 0o600), replace_durably(&missing, b"", 0o600)] {
            let message = replaced.unwrap_err().to_string();
            assert!(!message.contains(".tmp"), "{message}");
        }
    }
}

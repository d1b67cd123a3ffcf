//! Files of the data folder that only their owner can read, and that are replaced as a whole.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Excludes other writers of a file, those of other processes too, until it is dropped.
pub(crate) fn lock(path: &Path) -> io::Result<File> {
    fs::create_dir_all(folder(path))?;
    let file = File::create(path.with_extension("lock"))?;
    file.lock()?;
    Ok(file)
}

/// Replaces a file. The new content is on the device when this returns.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    cesar_base::replace_durably(path, content, 0o600)
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

//! Moving complete and synced files into place.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// The file that marks a folder as a complete model: it is written last.
const WEIGHTS: &str = "model.bin";

/// Renames a file or folder into its place, replacing a file. In an existing folder, files are replaced one by one, the weights
/// last; other files stay.
pub(crate) fn move_into_place(staged: &Path, target: &Path) -> io::Result<()> {
    let parent = target.parent().unwrap_or(target);
    fs::create_dir_all(parent)?;
    if staged.is_dir() && target.is_dir() {
        let mut names: Vec<_> = fs::read_dir(staged)?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<Result<_, _>>()?;
        names.sort_by_key(|name| name == WEIGHTS);
        for name in names {
            fs::rename(staged.join(&name), target.join(&name))?;
        }
        sync(target)?;
        return fs::remove_dir(staged);
    }
    if staged.is_dir() {
        sync(staged)?;
    }
    fs::rename(staged, target)?;
    sync(parent)
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

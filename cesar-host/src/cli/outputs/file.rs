//! Files that are written completely or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use cesar_base::Digest;
use cesar_cache::hash_file;
use tempfile::NamedTempFile;

/// Writes the content of a file; called once.
pub(crate) type Fill<'a> = &'a dyn Fn(&mut dyn Write) -> io::Result<()>;

/// One file of a recording.
pub(crate) struct Content<'a> {
    /// The end of its name: `txt`, `audio.wav`.
    pub(crate) extension: &'a str,
    pub(crate) fill: Fill<'a>,
}

/// A file without a name yet.
#[derive(Debug)]
pub(crate) struct Prepared {
    temporary: NamedTempFile,
    pub(super) digest: Digest,
    pub(super) extension: String,
}

impl Prepared {
    /// Writes a file into a folder, which is created if missing.
    pub(crate) fn below(folder: &Path, content: &Content<'_>) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        Self::new(folder, content)
    }

    fn new(folder: &Path, content: &Content<'_>) -> io::Result<Self> {
        // Opened and written here: an error of `tempfile` itself has the temporary name, which tells the user nothing.
        let open = |path: &Path| File::options().read(true).write(true).create_new(true).open(path);
        let temporary = tempfile::Builder::new().make_in(folder, open)?;
        let mut buffered = BufWriter::new(temporary.as_file());
        (content.fill)(&mut buffered)?;
        buffered.flush()?;
        drop(buffered);
        temporary.as_file().sync_data()?;
        let digest = digest(temporary.path()).ok_or(io::ErrorKind::NotFound)?;
        Ok(Self {
            temporary,
            digest,
            extension: content.extension.to_owned(),
        })
    }

    /// Renames it to an unused name; else returns it.
    pub(super) fn create(self, file: &Path) -> io::Result<Option<Self>> {
        let Self {
            temporary,
            digest,
            extension,
        } = self;
        match temporary.persist_noclobber(file) {
            Ok(_) => Ok(None),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(Some(Self {
                temporary: error.file,
                digest,
                extension,
            })),
            Err(error) => Err(error.error),
        }
    }

    /// Replaces a file; follows a link.
    pub(super) fn replace(self, file: &Path) -> io::Result<()> {
        let target = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
        self.temporary.persist(target).map(drop).map_err(|error| error.error)
    }
}

/// Prepares a new file or a replacement; writes directly to one that cannot be replaced.
pub(super) fn write(file: &Path, content: &Content<'_>) -> io::Result<Option<Prepared>> {
    // A device or a pipe cannot be replaced, only written to; a link is followed.
    let target = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let in_place = || (content.fill)(&mut File::create(&target)?).map(|()| None);
    if std::fs::metadata(&target).is_ok_and(|metadata| !metadata.is_file()) {
        return in_place();
    }
    match Prepared::new(parent(&target), content) {
        // A writable file in a folder that is not.
        Err(error) if target.exists() && error.kind() == io::ErrorKind::PermissionDenied => in_place(),
        prepared => prepared.map(Some),
    }
}

/// Whether a file can be written.
pub(super) fn check(file: &Path) -> io::Result<()> {
    match std::fs::metadata(file) {
        // Opening a pipe would wait for its reader, or end its reading.
        Ok(metadata) if !metadata.is_file() => Ok(()),
        Ok(_) => File::options().append(true).open(file).map(drop),
        Err(_) => tempfile::tempfile_in(parent(file)).map(drop),
    }
}

fn parent(file: &Path) -> &Path {
    file.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// The digest of an ordinary file that can be read.
pub(super) fn digest(file: &Path) -> Option<Digest> {
    file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    hash_file(file, &|| false).ok()
}

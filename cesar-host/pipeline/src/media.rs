//! A recording by content, at any place: a user's file, one in the cache, one that only this run holds.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use cesar_audio::AudioError;
use cesar_base::{Digest, FileStamp};
use cesar_cache::{ArtifactSource, Cache, CacheError, Entry, Incoming, Key, hash_file};

use super::context::Context;
use super::error::PipelineError;

/// A recording on disk, by content.
pub(super) struct Media<'a> {
    pub(super) digest: Digest,
    place: Place<'a>,
}

enum Place<'a> {
    /// A file of the user's.
    File { path: &'a Path, stamp: FileStamp },
    /// In the cache, not read until its bytes are needed.
    Stored {
        cache: &'a Cache,
        key: Key,
        held: OnceLock<Held>,
    },
    /// Downloaded, and not in the cache.
    Held(Held),
}

/// An open file, which stays readable when its name is gone.
pub(super) struct Held {
    /// With the process id instead of `self`, so that ffmpeg, a child, can open it as well.
    path: PathBuf,
    stamp: FileStamp,
    _file: File,
    _folder: Option<Folder>,
}

/// A folder that is removed when its content is no longer needed.
pub(super) enum Folder {
    InCache(Incoming),
    Temporary(tempfile::TempDir),
}

impl Folder {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::InCache(folder) => folder.path(),
            Self::Temporary(folder) => folder.path(),
        }
    }
}

impl Folder {
    pub(super) fn is_in_cache(&self) -> bool {
        matches!(self, Self::InCache(_))
    }

    /// Leaves the resumable state of a stage to the next run of the same work.
    pub(super) fn keep(self) {
        if let Self::InCache(folder) = self {
            folder.keep();
        }
    }
}

impl Held {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn new(file: File, folder: Option<Folder>) -> std::io::Result<Self> {
        let path = PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()));
        Ok(Self {
            stamp: FileStamp::of(&path)?,
            path,
            _file: file,
            _folder: folder,
        })
    }
}

impl<'a> Media<'a> {
    /// Hashes a file, or remembers its digest.
    pub(super) fn open(context: &Context<'_>, path: &'a Path) -> Result<Self, PipelineError> {
        cesar_audio::check_file(path).map_err(|error| context.recording_error(error))?;
        let stop = || context.cancel.is_cancelled();
        let hashed = match context.cache() {
            Some(cache) => cache.stamped_file_digest(path, &stop),
            None => FileStamp::of(path)
                .map_err(|source| unreadable(path, source))
                .and_then(|stamp| Ok((hash_file(path, &stop)?, stamp))),
        };
        let (digest, stamp) = hashed.map_err(|error| not_hashed(context, error))?;
        Ok(Self {
            digest,
            place: Place::File { path, stamp },
        })
    }

    /// The content of a cache entry, of any age.
    pub(super) fn stored(cache: &'a Cache, entry: &Entry) -> Self {
        Self {
            digest: entry.digest,
            place: Place::Stored {
                cache,
                key: entry.key,
                held: OnceLock::new(),
            },
        }
    }

    /// The content that only this run holds.
    pub(super) fn held(digest: Digest, held: Held) -> Self {
        Self {
            digest,
            place: Place::Held(held),
        }
    }

    /// A path to read it from; a stored one is verified first.
    ///
    /// # Errors
    /// [`PipelineError::Replaced`] if the stored content was damaged, and is now quarantined.
    pub(super) fn path(&self) -> Result<&Path, PipelineError> {
        match &self.place {
            Place::File { path, .. } => Ok(path),
            Place::Held(held) => Ok(&held.path),
            Place::Stored { cache, key, held } => {
                if let Some(held) = held.get() {
                    return Ok(&held.path);
                }
                let found = take_out(cache, key, self.digest)?;
                Ok(&held.get_or_init(|| found).path)
            }
        }
    }

    /// Refuses a recording that has changed since it was hashed.
    pub(super) fn check_unchanged(&self, context: &Context<'_>) -> Result<(), PipelineError> {
        let (path, stamp) = match &self.place {
            Place::File { path, stamp } => (*path, stamp),
            Place::Held(held) => (held.path.as_path(), &held.stamp),
            Place::Stored { held, .. } => match held.get() {
                Some(held) => (held.path.as_path(), &held.stamp),
                None => return Ok(()),
            },
        };
        if FileStamp::of(path).ok().as_ref() == Some(stamp) {
            return Ok(());
        }
        Err(context.changed())
    }
}

/// A recording that cannot be hashed cannot be read. Other errors are the cache's own.
fn not_hashed(context: &Context<'_>, error: CacheError) -> PipelineError {
    match error {
        CacheError::Unreadable { path, source } => context.recording_error(AudioError::Unreadable {
            name: (&path).into(),
            source,
        }),
        error => error.into(),
    }
}

fn take_out(cache: &Cache, key: &Key, digest: Digest) -> Result<Held, PipelineError> {
    let found = cache
        .get_file_ignoring_expiry(key)?
        .filter(|found| found.entry.digest == digest);
    let file = opened(found.ok_or(PipelineError::Replaced)?.source);
    file.and_then(|file| Held::new(file, None))
        .map_err(|source| unreadable(cache.directory(), source).into())
}

/// The bytes of an entry, verified; `None` when they are gone.
pub(super) fn file_of(cache: &Cache, entry: &Entry) -> Result<Option<File>, PipelineError> {
    let found = cache.get_file_ignoring_expiry(&entry.key)?;
    let file = found.map(|found| opened(found.source)).transpose();
    Ok(file.map_err(|source| unreadable(cache.directory(), source))?)
}

fn opened(source: ArtifactSource) -> std::io::Result<File> {
    match source {
        ArtifactSource::File { file, .. } => Ok(file),
        ArtifactSource::Bytes(bytes) => nameless(&bytes),
    }
}

/// Decoders need a file.
fn nameless(bytes: &[u8]) -> std::io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

pub(super) fn unreadable(path: &Path, source: std::io::Error) -> CacheError {
    CacheError::Unreadable {
        path: path.to_owned(),
        source,
    }
}

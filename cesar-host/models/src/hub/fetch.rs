//! Fetching files of one repository into the cache.

use std::fs::{self, File, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use super::api::{Client, Remote, Repository};
use super::store::{Hash, Store, io_error};
use super::{HubError, HubSettings, repository_folder};
use crate::progress::{Event, Observer, Stop};

const BUFFER: usize = 1 << 18;
/// Number of progress reports within a file.
const STEPS: u64 = 200;
/// Maximum number of consecutive connections that break without a byte.
const FRUITLESS: u32 = 3;
/// The pause after a fruitless connection, times their number.
const PAUSE: Duration = Duration::from_millis(500);

/// The time between two attempts to take the lock of another process.
const LOCK_POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A file to fetch: its path in the repository, and its SHA-256, if known in advance.
pub(crate) type Wanted<'a> = (&'a str, Option<&'a str>);

/// One repository, at the current commit of its main branch.
pub(crate) struct Fetch<'a> {
    client: Client,
    name: &'a str,
    repository: Repository,
    store: Store,
    snapshot: PathBuf,
    watch: &'a Observer<'a>,
    stop: &'a Stop<'a>,
}

impl<'a> Fetch<'a> {
    /// Asks the hub for a repository.
    ///
    /// # Errors
    /// [`HubError`] if it has none of that name, or may not be used.
    pub(crate) fn of(
        settings: &HubSettings,
        name: &'a str,
        (watch, stop): (&'a Observer<'a>, &'a Stop<'a>),
    ) -> Result<Self, HubError> {
        let not_found = || HubError::NotFound { what: name.to_owned() };
        let folder = repository_folder(name).ok_or_else(not_found)?;
        if settings.offline {
            return Err(HubError::Offline {
                what: name.to_owned(),
                why: "`HF_HUB_OFFLINE`",
            });
        }
        let cache = settings.cache.as_ref().ok_or(HubError::NoFolder)?;
        let client = Client::new(settings)?;
        let repository = client.repository(name)?;
        let snapshot = cache.join(&folder).join("snapshots").join(&repository.sha);
        Ok(Self {
            client,
            name,
            repository,
            store: Store::new(cache, &folder),
            snapshot,
            watch,
            stop,
        })
    }

    fn refuse_stopped(&self) -> Result<(), HubError> {
        if (self.stop)() { Err(HubError::Stopped) } else { Ok(()) }
    }

    /// Whether the repository has this file.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.repository.has(path)
    }

    /// Fetches these files, in this order, and then sets the main branch. Returns the snapshot's folder.
    ///
    /// # Errors
    /// [`HubError`]; the bytes received by then are kept for a resume.
    pub(crate) fn files(&self, wanted: &[Wanted<'_>]) -> Result<PathBuf, HubError> {
        let commit = &self.repository.sha;
        for (path, known) in wanted {
            let remote = self.client.remote(self.name, commit, path)?;
            self.refuse_other(path, *known, &remote)?;
            self.blob(path, &remote)?;
            self.store.link(commit, path, &remote.digest)?;
        }
        self.store.set_main(commit)?;
        Ok(self.snapshot.clone())
    }

    fn refuse_other(&self, path: &str, known: Option<&str>, remote: &Remote) -> Result<(), HubError> {
        match known {
            Some(known) if remote.digest.len() == known.len() && remote.digest != known => Err(HubError::Other {
                what: path.to_owned(),
                repository: self.name.to_owned(),
                wanted: known.to_owned(),
                found: remote.digest.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Fetches the blob unless it is present. Of two processes, one fetches it and the other waits.
    fn blob(&self, path: &str, remote: &Remote) -> Result<(), HubError> {
        let blob = self.store.blob(&remote.digest);
        let is_there = || blob.metadata().is_ok_and(|found| found.len() == remote.size);
        if is_there() {
            return Ok(());
        }
        let lock = self.store.lock(&remote.digest)?;
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            (self.watch)(&Event::Waiting { what: path });
            while let Err(TryLockError::WouldBlock) = lock.try_lock() {
                self.refuse_stopped()?;
                std::thread::sleep(LOCK_POLL_INTERVAL);
            }
        }
        if is_there() {
            return Ok(());
        }
        self.download(path, remote)?;
        self.store.accept(&remote.digest)
    }

    /// Fetches a blob, resuming an earlier attempt, and verifies it.
    fn download(&self, path: &str, remote: &Remote) -> Result<(), HubError> {
        let place = self.store.incomplete(&remote.digest);
        let failed = |error| io_error(&place, error);
        let open = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&place);
        let mut file = open.map_err(failed)?;
        let mut hash = Hash::like(&remote.digest, remote.size);
        let mut done = hash.read(&mut file).map_err(failed)?;
        if done > remote.size {
            restart(&mut file, &mut hash, &mut done, remote).map_err(failed)?;
        }
        let mut fruitless = 0;
        while done < remote.size {
            self.refuse_stopped()?;
            let before = done;
            let broken = self.part(path, remote, (&mut file, &mut hash, &mut done))?;
            let Some(reason) = broken else { continue };
            fruitless = if done > before { 0 } else { fruitless + 1 };
            if fruitless == FRUITLESS {
                let what = path.to_owned();
                let size = remote.size;
                return Err(HubError::Broken {
                    what,
                    done,
                    size,
                    reason,
                });
            }
            std::thread::sleep(PAUSE * fruitless);
        }
        file.sync_data().map_err(failed)?;
        let found = hash.finish();
        if found == remote.digest && done == remote.size {
            return Ok(());
        }
        fs::remove_file(&place).map_err(failed)?;
        Err(HubError::Damaged {
            what: path.to_owned(),
            wanted: remote.digest.clone(),
            found,
        })
    }

    /// Receives one answer to its end. Returns the error of the connection if it broke before the end of the file.
    fn part(
        &self,
        path: &str,
        remote: &Remote,
        (file, hash, done): (&mut File, &mut Hash, &mut u64),
    ) -> Result<Option<String>, HubError> {
        let place = self.store.incomplete(&remote.digest);
        let failed = |error| io_error(&place, error);
        let opened = match self.client.open(self.name, &self.repository.sha, path, *done) {
            Ok(opened) => opened,
            Err(HubError::Unreachable { reason, .. }) => return Ok(Some(reason)),
            Err(error) => return Err(error),
        };
        if opened.start != *done {
            restart(file, hash, done, remote).map_err(failed)?;
        }
        let mut body = opened.body.into_reader();
        let mut buffer = vec![0; BUFFER];
        let report = |done| {
            (self.watch)(&Event::Progress {
                what: path,
                done,
                total: remote.size,
            });
            done
        };
        let mut reported = report(*done);
        // Bytes beyond the announced size are not read.
        while *done < remote.size {
            self.refuse_stopped()?;
            let room = usize::try_from(remote.size - *done).unwrap_or(BUFFER).min(BUFFER);
            let count = match body.read(&mut buffer[..room]) {
                Ok(0) => return Ok(Some("the response ended early".to_owned())),
                Ok(count) => count,
                Err(error) => return Ok(Some(error.to_string())),
            };
            file.write_all(&buffer[..count]).map_err(failed)?;
            hash.update(&buffer[..count]);
            *done += count as u64;
            if *done - reported >= remote.size / STEPS || *done == remote.size {
                reported = report(*done);
            }
        }
        Ok(None)
    }
}

/// Discards the received part: it is too long, or the server does not support ranges.
fn restart(file: &mut File, hash: &mut Hash, done: &mut u64, remote: &Remote) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    *hash = Hash::like(&remote.digest, remote.size);
    *done = 0;
    Ok(())
}

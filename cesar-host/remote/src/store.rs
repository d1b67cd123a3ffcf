//! The few operations on objects that the protocol needs, with the differences between the stores settled.
//!
//! A folder has no replacement under a condition: there, an object is removed and created, and of two machines that do so at the
//! same moment one may remove what the other has created. That costs double work and never a wrong result.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    Error, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, UpdateVersion,
    WriteMultipart,
};

use super::failure;
use super::server_clock::ServerClock;

/// Results of this size and more are sent in parts, so that one slow or cut connection costs a part.
const MULTIPART: usize = 16 * 1024 * 1024;
const PART: usize = 8 * 1024 * 1024;
/// Parts that are sent at a time.
const PARTS_AT_A_TIME: usize = 4;

/// An open store.
#[derive(Clone)]
pub(crate) struct Store {
    objects: Arc<dyn ObjectStore>,
    clock: Arc<ServerClock>,
    has_updates: bool,
}

/// An object that was read.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) bytes: Bytes,
    pub(crate) version: Version,
    /// Time of the last change by the store's clock, in milliseconds since 1970.
    pub(crate) modified_ms: i64,
}

/// The version of an object, as a condition of its replacement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Version {
    etag: Option<String>,
    version: Option<String>,
}

#[cfg(test)]
impl Version {
    pub(crate) fn of(etag: &str) -> Self {
        Self {
            etag: Some(etag.to_owned()),
            version: None,
        }
    }
}

/// The outcome of a conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Put {
    Done(Version),
    /// The condition does not hold.
    Refused,
}

impl Store {
    /// `has_updates`: whether objects can be replaced under the condition of their version.
    pub(crate) fn new(objects: Arc<dyn ObjectStore>, clock: Arc<ServerClock>, has_updates: bool) -> Self {
        Self {
            objects,
            clock,
            has_updates,
        }
    }

    pub(crate) fn clock(&self) -> &ServerClock {
        &self.clock
    }

    /// An object of at most `largest` bytes; a larger one is returned without its bytes.
    pub(crate) async fn get(&self, path: &Path, largest: u64) -> Result<Option<Found>, Error> {
        let found = match self.objects.get_opts(path, GetOptions::default()).await {
            Err(error @ Error::NotFound { .. }) if !failure::is_no_bucket(&error) => return Ok(None),
            found => found?,
        };
        let (version, modified_ms) = (version(&found.meta), found.meta.last_modified.timestamp_millis());
        let bytes = match found.meta.size <= largest {
            true => found.bytes().await?,
            false => Bytes::new(),
        };
        Ok(Some(Found {
            bytes,
            version,
            modified_ms,
        }))
    }

    /// Creates an object, unless there is one.
    pub(crate) async fn create(&self, path: &Path, bytes: Bytes) -> Result<Put, Error> {
        self.put(path, bytes, PutMode::Create).await
    }

    /// Replaces an object, unless it has changed since this version.
    pub(crate) async fn replace(&self, path: &Path, bytes: Bytes, version: Version) -> Result<Put, Error> {
        if self.has_updates {
            let Version { etag, version } = version;
            let mode = PutMode::Update(UpdateVersion { e_tag: etag, version });
            return self.put(path, bytes, mode).await;
        }
        match self.get(path, 0).await? {
            Some(found) if found.version != version => Ok(Put::Refused),
            _ => {
                self.remove(path).await?;
                self.create(path, bytes).await
            }
        }
    }

    /// Writes an object of this process again, unless it has changed since this version. It is there at every moment.
    pub(crate) async fn renew(&self, path: &Path, bytes: Bytes, version: Version) -> Result<Put, Error> {
        if self.has_updates {
            return self.replace(path, bytes, version).await;
        }
        match self.get(path, 0).await? {
            Some(found) if found.version == version => self.put(path, bytes, PutMode::Overwrite).await,
            _ => Ok(Put::Refused),
        }
    }

    /// Writes an object whether or not there is one.
    pub(crate) async fn overwrite(&self, path: &Path, bytes: Bytes) -> Result<(), Error> {
        if bytes.len() < MULTIPART {
            return self.put(path, bytes, PutMode::Overwrite).await.map(drop);
        }
        let upload = self.objects.put_multipart(path).await?;
        let mut parts = WriteMultipart::new_with_chunk_size(upload, PART);
        for start in (0..bytes.len()).step_by(PART) {
            if let Err(error) = parts.wait_for_capacity(PARTS_AT_A_TIME).await {
                // Its parts would be kept, and paid for.
                let _ = parts.abort().await;
                return Err(error);
            }
            parts.put(bytes.slice(start..bytes.len().min(start + PART)));
        }
        parts.finish().await.map(drop)
    }

    /// Writes the content of a file, in parts if it is large.
    pub(crate) async fn put_file(&self, path: &Path, file: File) -> Result<(), Error> {
        let (mut file, first) = next_part(file, MULTIPART).await?;
        if first.len() < MULTIPART {
            return self.overwrite(path, first).await;
        }
        let upload = self.objects.put_multipart(path).await?;
        let mut parts = WriteMultipart::new_with_chunk_size(upload, PART);
        let mut part = first;
        while !part.is_empty() {
            parts.put(part);
            let read = match parts.wait_for_capacity(PARTS_AT_A_TIME).await {
                Ok(()) => next_part(file, PART).await,
                Err(error) => Err(error),
            };
            match read {
                Ok(next) => (file, part) = next,
                Err(error) => {
                    // Its parts would be kept, and paid for.
                    let _ = parts.abort().await;
                    return Err(error);
                }
            }
        }
        parts.finish().await.map(drop)
    }

    /// What is known of an object, if there is one.
    pub(crate) async fn head(&self, path: &Path) -> Result<Option<ObjectMeta>, Error> {
        match self.objects.head(path).await {
            Err(error @ Error::NotFound { .. }) if !failure::is_no_bucket(&error) => Ok(None),
            found => found.map(Some),
        }
    }

    /// A range of an object.
    pub(crate) async fn get_range(&self, path: &Path, range: Range<u64>) -> Result<Bytes, Error> {
        self.objects.get_range(path, range).await
    }

    /// Writes an object whose name follows from its content, unless there is one.
    pub(crate) async fn keep(&self, path: &Path, bytes: Bytes) -> Result<(), Error> {
        if bytes.len() < MULTIPART {
            return self.create(path, bytes).await.map(drop);
        }
        match self.objects.head(path).await {
            Ok(meta) if meta.size == bytes.len() as u64 => Ok(()),
            Ok(_) | Err(Error::NotFound { .. }) => self.overwrite(path, bytes).await,
            Err(error) => Err(error),
        }
    }

    async fn put(&self, path: &Path, bytes: Bytes, mode: PutMode) -> Result<Put, Error> {
        let options = PutOptions {
            mode,
            ..PutOptions::default()
        };
        match self
            .objects
            .put_opts(path, PutPayload::from_bytes(bytes), options)
            .await
        {
            Ok(done) => Ok(Put::Done(Version {
                etag: done.e_tag,
                version: done.version,
            })),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(Put::Refused),
            Err(error) => Err(error),
        }
    }

    /// Removes an object, if there is one.
    pub(crate) async fn remove(&self, path: &Path) -> Result<(), Error> {
        match self.objects.delete(path).await {
            Err(Error::NotFound { .. }) => Ok(()),
            result => result,
        }
    }

    /// The objects below a path.
    pub(crate) fn list(&self, path: &Path) -> BoxStream<'static, Result<ObjectMeta, Error>> {
        self.objects.list(Some(path))
    }

    /// Whether there is any object below a path.
    pub(crate) async fn has_any(&self, path: &Path) -> Result<bool, Error> {
        self.list(path).next().await.transpose().map(|found| found.is_some())
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Store({})", self.objects)
    }
}

/// The next bytes of a file, at most `length`; none at its end.
async fn next_part(mut file: File, length: usize) -> Result<(File, Bytes), Error> {
    let read = move || {
        let mut bytes = Vec::with_capacity(length);
        (&mut file).take(length as u64).read_to_end(&mut bytes)?;
        Ok((file, bytes.into()))
    };
    let read = tokio::task::spawn_blocking(read).await;
    let failed = |source: io::Error| Error::Generic {
        store: "file",
        source: source.into(),
    };
    read.map_err(|error| failed(io::Error::other(error)))?.map_err(failed)
}

fn version(meta: &ObjectMeta) -> Version {
    Version {
        etag: meta.e_tag.clone(),
        version: meta.version.clone(),
    }
}

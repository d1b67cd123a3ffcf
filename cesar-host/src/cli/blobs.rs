//! The storage of uploads that machines share (`server.blobs`), for servers and workers.

use std::sync::Arc;

use cesar_config::ServerSettings;
use cesar_jobs::Blobs;

use super::report::Failure;

/// Opens the storage of the settings, if there is one.
///
/// # Errors
/// When it cannot be used: no job could be accepted, or run.
#[cfg(feature = "cluster")]
pub(super) fn open(settings: &ServerSettings) -> Result<Option<Arc<dyn Blobs>>, Failure> {
    let Some(url) = with::url(settings)? else {
        return Ok(None);
    };
    let files = cesar_remote::RemoteFiles::open(url, &|name| std::env::var_os(name)).map_err(with::failure)?;
    Ok(Some(Arc::new(with::Bucket(files))))
}

/// Opens the storage of the settings for a check; `None` where it was never used, as nothing is created.
///
/// # Errors
/// When it cannot be used.
#[cfg(feature = "cluster")]
pub(super) fn find(settings: &ServerSettings) -> Result<Option<Arc<dyn Blobs>>, Failure> {
    let Some(url) = with::url(settings)? else {
        return Ok(None);
    };
    let files = cesar_remote::RemoteFiles::find(url, &|name| std::env::var_os(name)).map_err(with::failure)?;
    Ok(files.map(|files| Arc::new(with::Bucket(files)) as Arc<dyn Blobs>))
}

#[cfg(not(feature = "cluster"))]
pub(super) fn find(settings: &ServerSettings) -> Result<Option<Arc<dyn Blobs>>, Failure> {
    open(settings)
}

#[cfg(not(feature = "cluster"))]
pub(super) fn open(settings: &ServerSettings) -> Result<Option<Arc<dyn Blobs>>, Failure> {
    match settings.blobs {
        None => Ok(None),
        Some(_) => Err(Failure::usage(
            "this program has no shared uploads (it was built without `cluster`); unset `server.blobs`, or build it with \
             `--features cluster`",
        )),
    }
}

#[cfg(feature = "cluster")]
mod with {
    use std::collections::BTreeMap;
    use std::io;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    use cesar_config::ServerSettings;
    use cesar_jobs::{Blobs, Piece, UploadId};
    use cesar_remote::{Entry, FilesError, RemoteFiles};

    use crate::cli::report::Failure;

    /// The URL of the settings.
    pub(super) fn url(settings: &ServerSettings) -> Result<Option<&str>, Failure> {
        match (&settings.blobs, &settings.jobs) {
            (Some(_), None) => Err(Failure::usage(
                "`server.blobs` is for machines that share their jobs; set `server.jobs` too, or unset `server.blobs`",
            )),
            (blobs, _) => Ok(blobs.as_deref()),
        }
    }

    pub(super) fn failure(error: FilesError) -> Failure {
        match error {
            FilesError::Url { .. } => Failure::usage(error),
            error => Failure::failed(error),
        }
    }

    /// Uploads, named by their ids.
    #[derive(Debug)]
    pub(super) struct Bucket(pub(super) RemoteFiles);

    impl Bucket {
        /// The pieces of an unfinished upload.
        fn of(&self, upload: UploadId) -> RemoteFiles {
            self.0.pieces().within(&upload.to_string())
        }
    }

    impl Blobs for Bucket {
        fn location(&self) -> String {
            self.0.location()
        }

        fn within(&self, identity: &str) -> Arc<dyn Blobs> {
            Arc::new(Self(self.0.within(identity)))
        }

        fn put(&self, upload: UploadId, file: &Path) -> io::Result<()> {
            self.0.put(&upload.to_string(), file)
        }

        fn get(&self, upload: UploadId, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<bool> {
            self.0.get(&upload.to_string(), sink)
        }

        fn contains(&self, upload: UploadId) -> io::Result<bool> {
            self.0.contains(&upload.to_string())
        }

        fn remove(&self, upload: UploadId) -> io::Result<()> {
            self.0.remove(&upload.to_string())
        }

        fn list(&self) -> io::Result<Vec<(UploadId, Duration)>> {
            let all = self.0.list()?;
            // Others are of another Cesar.
            let ours = all
                .into_iter()
                .filter_map(|entry| Some((entry.name.parse().ok()?, entry.age)));
            Ok(ours.collect())
        }

        fn put_piece(&self, upload: UploadId, name: &str, bytes: Vec<u8>) -> io::Result<bool> {
            self.of(upload).create(name, bytes)
        }

        fn get_piece(
            &self,
            upload: UploadId,
            name: &str,
            sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
        ) -> io::Result<bool> {
            self.of(upload).get(name, sink)
        }

        fn pieces(&self, upload: UploadId) -> io::Result<Vec<Piece>> {
            let piece = |Entry { name, bytes, age }| Piece { name, bytes, age };
            Ok(self.of(upload).list()?.into_iter().map(piece).collect())
        }

        fn remove_piece(&self, upload: UploadId, name: &str) -> io::Result<()> {
            self.of(upload).remove(name)
        }

        fn unfinished(&self) -> io::Result<Vec<(UploadId, Duration)>> {
            let mut youngest = BTreeMap::new();
            for Entry { name, age, .. } in self.0.pieces().list()? {
                let Some((upload, _)) = name.split_once('/') else {
                    continue;
                };
                if let Ok(upload) = upload.parse::<UploadId>() {
                    let known = youngest.entry(upload).or_insert(age);
                    *known = age.min(*known);
                }
            }
            Ok(youngest.into_iter().collect())
        }
    }
}

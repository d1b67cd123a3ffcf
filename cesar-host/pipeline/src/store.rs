//! The cache of a pipeline and the mode of its use.

use std::path::Path;

use cesar_base::Digest;
use cesar_cache::{Cache, Mode, hash_file};
use cesar_models::ResolvedModel;
use cesar_runner::CancelToken;

use super::error::PipelineError;

/// The cache, if there is one, and the mode of its use.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) cache: Option<Cache>,
    pub(crate) mode: Mode,
}

impl Store {
    /// The cache, unless it is off.
    pub(crate) fn in_use(&self) -> Option<&Cache> {
        self.cache.as_ref().filter(|_| self.mode != Mode::Bypass)
    }

    /// SHA-256 of a file, remembered if there is a cache.
    pub(crate) fn file_digest(&self, path: &Path, cancel: &CancelToken) -> Result<Digest, PipelineError> {
        let stop = || cancel.is_cancelled();
        let hashed = match self.in_use() {
            Some(cache) => cache.file_digest(path, &stop),
            None => hash_file(path, &stop),
        };
        Ok(hashed?)
    }

    /// The digest of a model's files.
    pub(crate) fn model_digest(&self, model: &ResolvedModel, cancel: &CancelToken) -> Result<Digest, PipelineError> {
        let mut digest = |path: &Path| self.file_digest(path, cancel).map(|digest| *digest.as_bytes());
        cesar_models::digest(model, &mut digest).map(Digest::from_bytes)
    }
}

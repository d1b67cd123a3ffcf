//! The parts that stages work with, shared by all runs of a process.

use std::sync::Arc;

use cesar_audio::DecodeOptions;
use cesar_cache::Cache;
use cesar_models::ModelRoots;
use cesar_runner::discovery::Registry;
use cesar_runner::{Runners, Verdicts};

use super::downloads::{AddressPolicy, Downloads};
use super::sink::DocumentSink;
use super::store::Store;

/// See the fields.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    pub(crate) verdicts: Verdicts,
    pub(crate) runners: Runners,
    pub(crate) models: ModelRoots,
    pub(crate) downloads: Downloads,
    pub(crate) decoding: DecodeOptions,
    pub(crate) addresses: AddressPolicy,
    pub(crate) sink: Option<Arc<dyn DocumentSink>>,
    pub(crate) keeps_peaks: bool,
}

impl Tools {
    pub(crate) fn cache(&self) -> Option<&Cache> {
        self.store.cache.as_ref()
    }
}

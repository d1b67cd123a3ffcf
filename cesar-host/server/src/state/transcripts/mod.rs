//! Stores of transcripts beside the jobs: corrections, the search index and links.

mod shares;

use std::path::Path;
use std::sync::Arc;

use cesar_corrections::{Corrections, CorrectionsError, StoreOptions};
use cesar_search::Index;

use shares::Shares;
pub(crate) use shares::{Share, ShareError};

/// The stores of transcripts.
pub(crate) struct Transcripts {
    pub(crate) corrections: Corrections,
    /// The search index, unless it is off.
    pub(crate) search: Option<Arc<Index>>,
    pub(crate) shares: Shares,
}

impl Transcripts {
    /// Opens corrections and links in `data`.
    pub(crate) fn open(data: &Path, search: Option<Arc<Index>>) -> Result<Self, CorrectionsError> {
        Ok(Self {
            corrections: Corrections::open(data, StoreOptions::default())?,
            search,
            shares: Shares::new(data),
        })
    }
}

//! A result for other stages: looked up first by its digest; computed or read only if its bytes are needed.

use cesar_base::Digest;
use cesar_cache::{Cache, Computation, Entry, Key, KeyGuard, KeyParts};

use super::context::{Computed, Context};
use super::error::PipelineError;
use super::events::StageReport;

/// A stage's result, as far as it is known.
#[derive(Debug)]
pub(super) struct Keyed {
    parts: KeyParts,
    details: Option<String>,
    digest: Option<Digest>,
    /// Set while only the entry was read.
    entry: Option<Entry>,
    computed: Option<Computed>,
}

impl Keyed {
    /// A result of which nothing is known yet. `details` are stored with it.
    pub(super) fn new(parts: KeyParts, details: Option<String>) -> Self {
        Self {
            parts,
            details,
            digest: None,
            entry: None,
            computed: None,
        }
    }

    pub(super) fn parts(&self) -> &KeyParts {
        &self.parts
    }

    pub(super) fn key(&self) -> Key {
        self.parts.key()
    }

    /// The digest, once it is known.
    pub(super) fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// The result with its bytes, once it was computed or read.
    pub(super) fn computed(&self) -> Option<&Computed> {
        self.computed.as_ref()
    }

    /// Whether the result is known, at least by its digest: from before, or because it is stored.
    pub(super) fn find(&mut self, context: &Context<'_>, stages: &mut Vec<StageReport>) -> bool {
        if self.digest.is_none()
            && let Some((entry, report)) = context.find(&self.parts)
        {
            stages.push(report);
            self.digest = Some(entry.digest);
            self.entry = Some(entry);
        }
        self.digest.is_some()
    }

    /// Reads or computes the result. The report is `None` if [`Self::find`] has already made one.
    ///
    /// # Errors
    /// [`PipelineError::Replaced`] if the stored result was damaged and recomputed differently; errors of `work`.
    pub(super) fn compute(
        &mut self,
        context: &Context<'_>,
        work: impl FnOnce(Option<&KeyGuard>) -> Result<Computation, PipelineError>,
    ) -> Result<Option<StageReport>, PipelineError> {
        if self.computed.is_some() {
            return Ok(None);
        }
        let details = self.details.clone();
        let (computed, report) = match self.digest {
            Some(_) => (context.fetch(&self.parts, details, work)?, None),
            None => {
                let (computed, report) = context.get_or_compute(&self.parts, details, work)?;
                (computed, Some(report))
            }
        };
        if self.digest.is_some_and(|known| known != computed.digest) {
            return Err(PipelineError::Replaced);
        }
        self.digest = Some(computed.digest);
        self.entry = None;
        self.computed = Some(computed);
        Ok(report)
    }

    /// Counts a hit that only needed the digest; reading counts by itself.
    pub(super) fn count_hit(&self, cache: &Cache) {
        if let Some(entry) = &self.entry {
            cache.record_hit(entry);
        }
    }
}

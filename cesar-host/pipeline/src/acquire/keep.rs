//! Storage of an answer: the file under the key of its time, or a new row for an unchanged file.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use cesar_base::{Clock as _, SystemClock};
use cesar_cache::{Cache, CacheError, Entry, GiveUp, KeyGuard, KeyParts, NewEntry, Waiting, hash_file};
use plugin_api::download::{Known, Media as Fetched};

use super::super::context::report;
use super::super::media::{Folder, Held, Media, unreadable};
use super::super::{Event, PipelineError, StageOutcome, StageReport};
use super::{Acquisition, Details, STAGE, Stored};

impl<'a> Acquisition<'a> {
    pub(super) fn renew(
        &self,
        cache: &Cache,
        guard: Option<KeyGuard>,
        stored: &Stored,
        known: Known,
    ) -> Result<Option<Entry>, PipelineError> {
        let parts = self.parts(SystemClock.now_ms(), known.program.as_ref());
        let new = self.new_entry(Details::new(known), stored.entry.cost_ms);
        let guard = self.guard_of(cache, &parts, guard)?;
        let Some(guard) = guard else {
            return Ok(Some(stored.entry.clone()));
        };
        match cache.renew(&guard, &parts, new, &stored.entry.key) {
            Ok(entry) => Ok(entry),
            Err(error) => {
                // It will be requested again, but is valid.
                self.warn(&error);
                Ok(Some(stored.entry.clone()))
            }
        }
    }

    pub(super) fn keep(
        &self,
        cache: &'a Cache,
        guard: Option<KeyGuard>,
        folder: Folder,
        fetched: Fetched,
        began: Instant,
    ) -> Result<(Media<'a>, StageReport), PipelineError> {
        let path = self.path_of(&folder, &fetched)?;
        // Open, so that it is there whatever the cache does with its name.
        let file = File::open(&path).map_err(|error| unreadable(&path, error))?;
        let took_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        let parts = self.parts(SystemClock.now_ms(), fetched.known.program.as_ref());
        let new = self.new_entry(Details::new(fetched.known), took_ms);
        let stop = || self.context.cancel.is_cancelled();
        let stored = match self.guard_of(cache, &parts, guard)? {
            Some(guard) => cache.put_file(&guard, &parts, new, &path, &stop).map(Some),
            None => Ok(None),
        };
        cache.record_miss();
        let report = report(&parts, StageOutcome::Miss, took_ms);
        match stored {
            Ok(Some(entry)) => return Ok((Media::stored(cache, &entry), report)),
            Ok(None) => {}
            Err(CacheError::Stopped { .. }) => return Err(PipelineError::Interrupted),
            Err(error) => self.warn(&error),
        }
        Ok((self.hold(file, folder)?, report))
    }

    /// A recording that only this run holds.
    pub(super) fn hold(&self, file: File, folder: Folder) -> Result<Media<'a>, PipelineError> {
        let unreadable = |error| unreadable(Path::new(self.context.label), error);
        let held = Held::new(file, Some(folder)).map_err(unreadable)?;
        let stop = || self.context.cancel.is_cancelled();
        let digest = hash_file(held.path(), &stop)?;
        Ok(Media::held(digest, held))
    }

    pub(super) fn new_entry(&self, details: Details, cost_ms: i64) -> NewEntry {
        let ttl_ms = self.downloads().ttl_ms;
        NewEntry {
            cost_ms,
            expires_ms: ttl_ms.map(|ttl_ms| SystemClock.now_ms().saturating_add(ttl_ms)),
            label: Some(self.context.label.to_owned()),
            details: serde_json::to_string(&details).ok(),
            created_ms: None,
        }
    }

    /// The lock of the answer's key: its program may differ from the expected one.
    pub(super) fn guard_of(
        &self,
        cache: &Cache,
        parts: &KeyParts,
        guard: Option<KeyGuard>,
    ) -> Result<Option<KeyGuard>, PipelineError> {
        match guard.filter(|guard| guard.key() == parts.key()) {
            Some(guard) => Ok(Some(guard)),
            None => Ok(self.noted(cache.try_lock(&parts.key())).flatten()),
        }
    }

    /// The lock, and whether this process waited for it; no lock when the download continues without it.
    pub(super) fn lock(&self, cache: &Cache, parts: &KeyParts) -> Result<(Option<KeyGuard>, bool), PipelineError> {
        let mut is_waited = false;
        let locked = cache.lock(&parts.key(), &mut |waiting: &Waiting| {
            is_waited = true;
            let Waiting { waited, owner, .. } = *waiting;
            let stage = STAGE;
            self.context.observer.event(&Event::Waiting { stage, waited, owner });
            match self.context.cancel.is_cancelled() {
                true => ControlFlow::Break(GiveUp::Interrupted),
                false => ControlFlow::Continue(()),
            }
        });
        match locked {
            Ok(guard) => Ok((Some(guard), is_waited)),
            Err(CacheError::GaveUp {
                reason: GiveUp::Interrupted,
                ..
            }) => Err(PipelineError::Interrupted),
            Err(CacheError::GaveUp { .. }) => Ok((None, true)),
            Err(error) => {
                self.warn(&error);
                Ok((None, is_waited))
            }
        }
    }

    pub(super) fn noted<T>(&self, result: Result<T, CacheError>) -> Option<T> {
        result.inspect_err(|error| self.warn(error)).ok()
    }

    pub(super) fn warn(&self, error: &CacheError) {
        self.context
            .warn(&format!("cache error (continuing without it): {error}"));
    }
}

//! Acquisition of a recording from a URL: fetched once, and again only if it may have changed.
//!
//! The key of a download consists of the normalised URL, the plugin and its options, the version of the program that it called,
//! if any, and the **time step** (`download.time_step`, 15 min) of the last request to the server. So:
//!
//! | the youngest entry of the URL | action |
//! |---|---|
//! | of this step, by the same program | no request is sent |
//! | of an earlier step | the plugin asks whether it is current: if so, only a new row is made, else the new file is fetched |
//! | expired (`download.ttl`, 24 h), of other options or another plugin | the file is fetched |
//! | any, with `--offline` | it is used, with a note on its age; no request is sent, no plugin is started |
//!
//! For the last row, the youngest entry of a URL outlives its time: housekeeping removes it first when space is needed, or when an
//! operator has set a lifetime for the stage (`cache.ttl`).
//!
//! Later stages take the digest of the bytes, so an unchanged download costs only itself.
//!
//! The plugin writes into a folder of the cache; the file is hashed there and renamed into place. Its resumable state stays there
//! for a day after a kill, a cancel or a transient refusal ([`Cache::incoming_of`]). A concurrent request for the same URL, in any
//! process, waits for it. An error of the cache is a warning: the downloaded file is then used in place.

mod ask;
mod keep;
mod program;

use std::fs::File;
use std::time::Instant;

use cesar_base::{Clock as _, Digest, SystemClock};
use cesar_cache::{Cache, CacheError, Entry, KeyGuard, KeyParts, Mode, OptionValue};
use cesar_runner::{CancelToken, RunnerError};
use plugin_api::ErrorKind;
use plugin_api::download::{Answer, Entry as Listed, Known, Program, Wanted};
use plugin_api::manifest::StageKind;
use serde::{Deserialize, Serialize};

use super::address::Address;
use super::context::{Context, report};
use super::downloads::Downloads;
use super::error::PipelineError;
use super::events::{Event, Observer, StageOutcome, StageReport};
use super::media::{Media, unreadable};
use super::planner::Planner;
use super::prepared::Prepared;
use super::stage::Stage;
use super::tools::Tools;

/// The stage of plans and reports.
pub(super) const STAGE: Stage = Stage::Download;
/// The part of the key with the time of the request to the server, in ms since 1970.
const STEP: &str = "time_step";
/// The part of the key with the program.
const PROGRAM: &str = "program";

/// The details stored with a download.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Details {
    known: Known,
    /// The state of the program's file, see [`program::stamp`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    program_stamp: Option<String>,
}

impl Details {
    fn new(known: Known) -> Self {
        Self {
            program_stamp: program::stamp(&known),
            known,
        }
    }
}

/// A stored download of the URL.
pub(super) struct Stored {
    pub(super) entry: Entry,
    pub(super) parts: KeyParts,
    details: Details,
}

impl Stored {
    /// The program that fetched it.
    pub(super) fn program(&self) -> Option<&Program> {
        self.details.known.program.as_ref()
    }
}

/// One URL that is being acquired.
pub(super) struct Acquisition<'a> {
    context: Context<'a>,
    stage: &'a Prepared,
    address: &'a Address,
}

/// The plugin for downloads, ready to run.
pub(super) fn prepare_download(tools: &Tools, cancel: &CancelToken) -> Result<Prepared, PipelineError> {
    let asked = &tools.downloads.stage;
    let plugin = match &asked.plugin {
        Some(id) => tools.registry.find(StageKind::Download, id)?,
        None => {
            let plugins = tools.registry.of_stage(StageKind::Download);
            plugins
                .into_iter()
                .next()
                .ok_or_else(|| tools.registry.none(StageKind::Download))?
        }
    };
    Planner::of(tools).prepare(&plugin, asked, cancel)
}

/// See [`Pipeline::playlist`].
pub(super) fn playlist(
    tools: &Tools,
    address: &Address,
    observer: &dyn Observer,
    cancel: &CancelToken,
) -> Result<Vec<Listed>, PipelineError> {
    let refresh = std::collections::BTreeSet::new();
    let stage = prepare_download(tools, cancel)?;
    let context = Context {
        tools,
        refresh: &refresh,
        observer,
        cancel,
        label: address.as_str(),
        bypass: true,
        warnings: None,
    };
    let acquisition = Acquisition::new(context, &stage, address);
    if tools.downloads.offline {
        return Err(acquisition.not_stored());
    }
    let folder = acquisition.folder(None)?;
    match acquisition.ask(Wanted::Entries, folder.path(), None)? {
        Answer::Entries { entries } if !entries.is_empty() => Ok(entries),
        other => Err(acquisition.unexpected(&other)),
    }
}

/// See [`Pipeline::stored_download`].
pub(super) fn stored_download(
    tools: &Tools,
    address: &Address,
    media: Option<Digest>,
) -> Result<Option<(File, Digest)>, PipelineError> {
    let Some(cache) = tools.store.in_use() else {
        return Ok(None);
    };
    let inputs = cesar_cache::inputs_digest(&[url_input(address)]);
    let entries = cache.results_for_inputs(STAGE.name(), &inputs)?;
    let mut entries = entries.into_iter().map(|(entry, _)| entry);
    let Some(entry) = entries.find(|entry| media.is_none_or(|media| entry.digest == media)) else {
        return Ok(None);
    };
    let file = super::media::file_of(cache, &entry)?;
    Ok(file.map(|file| (file, entry.digest)))
}

fn url_input(address: &Address) -> (String, Digest) {
    ("url".to_owned(), Digest::of(address.as_str().as_bytes()))
}

impl<'a> Acquisition<'a> {
    pub(super) fn new(context: Context<'a>, stage: &'a Prepared, address: &'a Address) -> Self {
        Self {
            context,
            stage,
            address,
        }
    }

    /// The recording: stored, waited for, found unchanged, or fetched.
    pub(super) fn run(&self) -> Result<(Media<'a>, StageReport), PipelineError> {
        let (media, report) = match self.context.cache() {
            None if self.downloads().offline => return Err(self.not_stored()),
            None => self.without_cache()?,
            Some(cache) if self.downloads().offline => self.offline(cache)?,
            Some(cache) => self.with_cache(cache)?,
        };
        self.context.observer.event(&Event::Finished(&report));
        Ok((media, report))
    }

    fn downloads(&self) -> &'a Downloads {
        &self.context.tools.downloads
    }

    /// The key of an answer at this moment.
    pub(super) fn parts(&self, now_ms: i64, program: Option<&Program>) -> KeyParts {
        let mut parts = self.stage.key_parts(vec![url_input(self.address)]);
        let program = program.map(|program| format!("{} {}", program.name, program.version));
        let step = OptionValue::Integer(self.downloads().step(now_ms));
        parts.options.insert(STEP.to_owned(), step);
        parts
            .options
            .insert(PROGRAM.to_owned(), program.map_or(OptionValue::Null, OptionValue::Text));
        parts
    }

    /// The youngest entry; with `any`, also of other plugins and options.
    pub(super) fn youngest(&self, cache: &Cache, any: bool) -> Result<Option<Stored>, CacheError> {
        let wanted = self.parts(0, None);
        let entries = cache.results_for_inputs(STAGE.name(), &wanted.inputs_digest())?;
        let mut entries: Vec<_> = entries
            .into_iter()
            .filter(|(_, parts)| any || is_same_work(parts, &wanted))
            .collect();
        // Those of the same work first, then by age.
        entries.sort_by_key(|(_, parts)| !is_same_work(parts, &wanted));
        Ok(entries.into_iter().next().map(|(entry, parts)| Stored {
            details: entry
                .details
                .as_deref()
                .and_then(|json| serde_json::from_str(json).ok())
                .unwrap_or_default(),
            entry,
            parts,
        }))
    }

    /// Whether it can be used without a request.
    pub(super) fn is_fresh(&self, stored: &Stored, now_ms: i64, program: Option<&Program>) -> bool {
        self.is_current(stored, now_ms) && stored.parts == self.parts(now_ms, program)
    }

    fn is_current(&self, stored: &Stored, now_ms: i64) -> bool {
        stored.entry.expires_ms.is_none_or(|expires_ms| now_ms < expires_ms)
    }

    fn offline(&self, cache: &'a Cache) -> Result<(Media<'a>, StageReport), PipelineError> {
        let stored = self.youngest(cache, true)?.ok_or_else(|| self.not_stored())?;
        let age = age(SystemClock.now_ms() - stored.entry.created_ms);
        self.context.warn(&format!(
            "using `{}` as it was {age} ago (--offline sends no request)",
            self.context.label
        ));
        Ok(self.hit(cache, &stored, StageOutcome::Hit))
    }

    fn hit(&self, cache: &'a Cache, stored: &Stored, outcome: StageOutcome) -> (Media<'a>, StageReport) {
        cache.record_hit(&stored.entry);
        let report = report(&stored.parts, outcome, stored.entry.cost_ms);
        (Media::stored(cache, &stored.entry), report)
    }

    fn with_cache(&self, cache: &'a Cache) -> Result<(Media<'a>, StageReport), PipelineError> {
        let reads = self.context.mode_of(STAGE) == Mode::ReadWrite;
        let youngest = self.noted(self.youngest(cache, false)).flatten().filter(|_| reads);
        let program = self.present_program(youngest.as_ref())?;
        let fresh = |stored: Option<Stored>| {
            stored.filter(|stored| reads && self.is_fresh(stored, SystemClock.now_ms(), program.as_ref()))
        };
        if let Some(stored) = fresh(youngest) {
            return Ok(self.hit(cache, &stored, StageOutcome::Hit));
        }
        let parts = self.parts(SystemClock.now_ms(), program.as_ref());
        let (guard, waited) = self.lock(cache, &parts)?;
        // A run that waited finds the other's download, even by a program that was not known before.
        let youngest = self.noted(self.youngest(cache, false)).flatten().filter(|_| reads);
        if waited && let Some(stored) = &youngest {
            let program = stored.details.known.program.as_ref();
            if self.is_fresh(stored, SystemClock.now_ms(), program) {
                return Ok(self.hit(cache, stored, StageOutcome::Waited));
            }
        }
        self.fetch(
            cache,
            guard,
            youngest.filter(|stored| self.is_current(stored, SystemClock.now_ms())),
        )
    }

    /// The program that would be called, if one was called before; without it, its earlier downloads stay valid.
    fn present_program(&self, youngest: Option<&Stored>) -> Result<Option<Program>, PipelineError> {
        let Some((stored, before)) = youngest.and_then(|stored| Some((stored, stored.program()?))) else {
            return Ok(None);
        };
        // After the end of the step, any program asks the site.
        let is_of_the_step = self.is_fresh(stored, SystemClock.now_ms(), Some(before));
        if is_of_the_step && program::is_unchanged(before, stored.details.program_stamp.as_deref()) {
            return Ok(Some(before.clone()));
        }
        let folder = self.folder(None)?;
        match self.ask(Wanted::Program, folder.path(), None)? {
            Answer::Program { program } => Ok(program.or_else(|| Some(before.clone()))),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Sends the request, and stores a new answer. `youngest` may still be current.
    fn fetch(
        &self,
        cache: &'a Cache,
        guard: Option<KeyGuard>,
        youngest: Option<Stored>,
    ) -> Result<(Media<'a>, StageReport), PipelineError> {
        let began = Instant::now();
        let lease = youngest.as_ref().map(|stored| cache.lease(&[stored.entry.key]));
        let _lease = lease.transpose().ok();
        self.started();
        let folder = self.folder(Some(cache))?;
        let known = youngest.as_ref().map(|stored| &stored.details.known);
        let answer = match self.ask(Wanted::Media, folder.path(), known) {
            Ok(answer) => answer,
            Err(error) if is_transient(&error) && folder.is_in_cache() => {
                // The cache's disk is probably full, which is no reason to fail.
                self.context.warn(&format!(
                    "cannot cache the download (starting over outside the cache): {error}"
                ));
                drop(folder);
                return self.without_cache();
            }
            Err(error) => {
                if is_resumable(&error) {
                    folder.keep();
                }
                return Err(error);
            }
        };
        match answer {
            Answer::Unchanged { known } => {
                let Some(stored) = youngest else {
                    return Err(self.unexpected(&Answer::Unchanged { known }));
                };
                match self.renew(cache, guard, &stored, known)? {
                    Some(entry) => {
                        let report = report(&stored.parts, StageOutcome::Renewed, entry.cost_ms);
                        Ok((Media::stored(cache, &entry), report))
                    }
                    // The earlier file is gone, so the whole file is fetched.
                    None => self.fetch(cache, None, None),
                }
            }
            Answer::Media(fetched) => self.keep(cache, guard, folder, fetched, began),
            other => Err(self.unexpected(&other)),
        }
    }

    fn without_cache(&self) -> Result<(Media<'a>, StageReport), PipelineError> {
        let began = Instant::now();
        self.started();
        let folder = self.folder(None)?;
        match self.ask(Wanted::Media, folder.path(), None)? {
            Answer::Media(fetched) => {
                let path = self.path_of(&folder, &fetched)?;
                let file = File::open(&path).map_err(|error| unreadable(&path, error))?;
                let took_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
                let parts = self.parts(SystemClock.now_ms(), fetched.known.program.as_ref());
                Ok((self.hold(file, folder)?, report(&parts, StageOutcome::Ran, took_ms)))
            }
            other => Err(self.unexpected(&other)),
        }
    }
}

/// Whether another run may succeed with the received part: the recording itself was not refused.
fn is_resumable(error: &PipelineError) -> bool {
    match error {
        PipelineError::Download { reason, .. } => reason.is_transient(),
        error => !is_transient(error),
    }
}

/// Whether the stage reports that it cannot work here and now because it cannot write.
fn is_transient(error: &PipelineError) -> bool {
    let PipelineError::Runner(RunnerError::Stage { kind, .. }) = error else {
        return false;
    };
    *kind == ErrorKind::Transient
}

/// Whether two keys differ at most in the time of the request and its program.
fn is_same_work(one: &KeyParts, other: &KeyParts) -> bool {
    let without = |parts: &KeyParts| {
        let mut parts = parts.clone();
        parts.options.remove(STEP);
        parts.options.remove(PROGRAM);
        parts
    };
    without(one) == without(other)
}

/// A duration for users.
fn age(ms: i64) -> String {
    const UNITS: [(i64, &str); 4] = [
        (86_400_000, "day"),
        (3_600_000, "hour"),
        (60_000, "minute"),
        (1000, "second"),
    ];
    let unit = UNITS.iter().find(|(length, _)| ms >= *length);
    let (length, name) = unit.copied().unwrap_or((1000, "second"));
    let count = (ms / length).max(0);
    match count {
        1 => format!("1 {name}"),
        count => format!("{count} {name}s"),
    }
}

#[cfg(test)]
mod tests {
    use plugin_api::download::Limits;

    use super::*;
    use crate::request::StageRequest;

    #[test]
    fn time_steps_have_one_length() {
        let downloads = |time_step_ms| Downloads {
            stage: StageRequest::default(),
            time_step_ms,
            ttl_ms: None,
            offline: false,
            limits: Limits {
                bytes: None,
                total_ms: None,
                silence_ms: 1,
            },
        };
        let steps = downloads(Some(900_000));
        assert_eq!(
            (steps.step(0), steps.step(899_999), steps.step(900_000)),
            (0, 0, 900_000)
        );
        assert_eq!(downloads(None).step(12_345), 12_345, "no two moments are of one step");
    }

    #[test]
    fn cache_and_plugin_api_name_the_same_file() {
        assert_eq!(cesar_cache::RESUME, plugin_api::download::RESUME);
    }

    #[test]
    fn ages_are_shown_in_one_unit() {
        assert_eq!(age(999), "0 seconds");
        assert_eq!(age(61_000), "1 minute");
        assert_eq!(age(49 * 3_600_000), "2 days");
    }
}

//! Warm runners, and the choice of the one for a call.

use parking_lot::Mutex;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cesar_base::{Clock as _, SystemClock};
use serde_json::Value;

use super::call::{StageCall, StageEvents};
use super::cancel::CancelToken;
use super::error::RunnerError;
use super::limits::Limits;
use super::local::Local;
use super::process_tree::Starter;
use super::rate_limit::Bounded;
use super::session_channel::{Joinable, SessionChannel};
use super::verdicts::Verdicts;

/// An open session, in its own process or in this one.
enum Session {
    Process(Box<SessionChannel>),
    Local(Local),
}

impl Session {
    fn check(
        &mut self,
        call: &StageCall<'_>,
        events: &dyn StageEvents,
        cancel: &CancelToken,
    ) -> Result<(), RunnerError> {
        match self {
            Self::Process(channel) => channel.check(call.request, events, cancel),
            Self::Local(local) => local.check(call.request),
        }
    }

    fn run(
        &mut self,
        call: &StageCall<'_>,
        events: &dyn StageEvents,
        cancel: &CancelToken,
    ) -> Result<String, RunnerError> {
        match self {
            Self::Process(channel) => channel.run(call.request, call.audio, events, cancel),
            Self::Local(local) => local.run(call.request, call.audio, events, cancel),
        }
    }
}

impl Session {
    /// Whether it can take another request.
    fn is_open(&self) -> bool {
        match self {
            Self::Process(channel) => channel.is_open(),
            Self::Local(_) => true,
        }
    }

    /// Ends its use, and the use of anything it shares with others.
    fn retire(&self) {
        if let Self::Process(channel) = self {
            channel.retire();
        }
    }
}

/// The identity of a session: plugin, model, open options.
type Identity = ([u8; 32], Vec<[u8; 32]>, String);

struct Warm {
    identity: Identity,
    session: Session,
    since: Instant,
}

#[derive(Default)]
struct Shared {
    runners: Vec<(Identity, Joinable)>,
    /// Identities that crashed in company.
    apart: HashSet<Identity>,
}

/// Starts runners and keeps them warm.
pub struct Runners {
    starter: Starter,
    in_process: bool,
    /// The record of crashes.
    crashes: Option<Verdicts>,
    /// The plugins whose sessions are kept warm; all when `None`.
    kept: Mutex<Option<HashSet<[u8; 32]>>>,
    warm: Mutex<Vec<Warm>>,
    /// The runners whose sessions share their model.
    shared: Mutex<Shared>,
    starts: AtomicU64,
    runs: AtomicU64,
}

impl std::fmt::Debug for Runners {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Runners")
            .field("starter", &self.starter)
            .finish_non_exhaustive()
    }
}

impl Runners {
    /// Runs stages in children of `program` (a `cesar` binary with the command `__runner`).
    #[must_use]
    pub fn new(program: PathBuf) -> Self {
        let starter = Starter {
            program,
            limits: Limits::default(),
            stdout: None,
        };
        Self {
            starter,
            in_process: false,
            crashes: None,
            kept: Mutex::default(),
            warm: Mutex::default(),
            shared: Mutex::default(),
            starts: AtomicU64::new(0),
            runs: AtomicU64::new(0),
        }
    }

    /// Sets the limits of plugins.
    #[must_use]
    pub fn within(mut self, limits: Limits) -> Self {
        self.starter.limits = limits;
        self
    }

    /// Counts crashes against the plugin's file.
    #[must_use]
    pub fn counting_crashes(mut self, verdicts: Verdicts) -> Self {
        self.crashes = Some(verdicts);
        self
    }

    /// Runs stages inside this process: a crash of a plugin is a crash of Cesar.
    #[must_use]
    pub fn in_process() -> Self {
        Self {
            in_process: true,
            ..Self::new(PathBuf::new())
        }
    }

    /// Number of runners started so far.
    #[must_use]
    pub fn starts(&self) -> u64 {
        self.starts.load(Ordering::Relaxed)
    }

    /// Number of requests run so far.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }

    /// Runs one request in a warm runner if there is one, else in a new one, and returns the output's JSON.
    ///
    /// # Errors
    /// [`RunnerError`]; the session does not survive a crash, a panic or a broken protocol.
    pub fn run(
        &self,
        call: &StageCall<'_>,
        events: &dyn StageEvents,
        cancel: &CancelToken,
    ) -> Result<String, RunnerError> {
        self.with_session(call, events, cancel, |session, events| {
            self.runs.fetch_add(1, Ordering::Relaxed);
            session.run(call, events, cancel)
        })
    }

    /// Starts a warm runner for a later request, and checks whether the request could run, whatever the audio.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn prepare(
        &self,
        call: &StageCall<'_>,
        events: &dyn StageEvents,
        cancel: &CancelToken,
    ) -> Result<(), RunnerError> {
        self.with_session(call, events, cancel, |session, events| {
            session.check(call, events, cancel)
        })
    }

    fn with_session<T>(
        &self,
        call: &StageCall<'_>,
        events: &dyn StageEvents,
        cancel: &CancelToken,
        work: impl FnOnce(&mut Session, &dyn StageEvents) -> Result<T, RunnerError>,
    ) -> Result<T, RunnerError> {
        let bounded = Bounded::new(call.plugin, events);
        let result = self.with_session_of(call, &bounded, cancel, |session| work(session, &bounded));
        if let Err(error) = &result {
            self.record_crash(call, error);
        }
        result
    }

    /// A crash in use counts against the file; the second one quarantines it.
    fn record_crash(&self, call: &StageCall<'_>, error: &RunnerError) {
        let how = match error {
            RunnerError::Crashed {
                how, by_itself: true, ..
            } => how.clone(),
            RunnerError::Protocol { detail, .. } => format!("it broke the protocol: {detail}"),
            _ => return,
        };
        let Some(verdicts) = &self.crashes else { return };
        let digest = cesar_base::Digest::from_bytes(call.plugin_digest).to_string();
        match verdicts.crashed(&digest, &how, SystemClock.now_ms()) {
            Ok(true) => tracing::warn!(
                "the plugin `{0}` crashed twice and is not used any more; `cesar plugins retry {0}` lifts that",
                call.plugin
            ),
            Ok(false) => {}
            Err(error) => tracing::warn!("cannot record a crash of the plugin `{}`: {error}", call.plugin),
        }
    }

    fn with_session_of<T>(
        &self,
        call: &StageCall<'_>,
        events: &dyn StageEvents,
        cancel: &CancelToken,
        work: impl FnOnce(&mut Session) -> Result<T, RunnerError>,
    ) -> Result<T, RunnerError> {
        let identity = (
            call.plugin_digest,
            call.model_digests.clone(),
            Value::Object(call.open.clone()).to_string(),
        );
        let mut session = match self.take_warm(&identity) {
            Some(session) => session,
            None => self.start(&identity, call, events, cancel)?,
        };
        let result = work(&mut session);
        if matches!(result, Err(RunnerError::CrashedInCompany { .. })) {
            self.part(&identity);
        }
        let usable = result.as_ref().err().is_none_or(RunnerError::leaves_session_usable);
        if usable && self.keeps(&call.plugin_digest) {
            let since = Instant::now();
            self.lock().push(Warm {
                identity,
                session,
                since,
            });
        } else {
            session.retire();
        }
        result
    }

    /// Ends the runners that were idle for `idle` as of `now`, which frees their models. Returns the number of remaining warm ones.
    pub fn end_idle(&self, now: Instant, idle: Duration) -> usize {
        let (ended, left) = {
            let mut warm = self.lock();
            let ended: Vec<_> = warm
                .extract_if(.., |entry| now.saturating_duration_since(entry.since) >= idle)
                .collect();
            (ended, warm.len())
        };
        // Ending a process takes a while; the lock is free meanwhile.
        drop(ended);
        left
    }

    /// From now on keeps only sessions of these plugins warm, by the digests of their files. Other idle sessions end at once, busy
    /// ones after their request.
    pub fn keep_only(&self, digests: HashSet<[u8; 32]>) {
        let ended: Vec<_> = {
            let mut warm = self.lock();
            warm.extract_if(.., |entry| !digests.contains(&entry.identity.0))
                .collect()
        };
        *self.kept.lock() = Some(digests);
        drop(ended);
    }

    fn keeps(&self, digest: &[u8; 32]) -> bool {
        let kept = self.kept.lock();
        kept.as_ref().is_none_or(|kept| kept.contains(digest))
    }

    /// Loads the plugin in a new runner, without opening it, and returns the manifest of its code.
    ///
    /// # Errors
    /// [`RunnerError`] with the reason why it cannot be used.
    pub fn probe(&self, plugin: &str, path: &Path) -> Result<String, RunnerError> {
        self.starts.fetch_add(1, Ordering::Relaxed);
        if self.in_process {
            return Local::load(plugin, path).map(|module| module.manifest().to_owned());
        }
        self.starter
            .start(plugin, path)
            .map(|process| process.manifest().to_owned())
    }

    fn start(
        &self,
        identity: &Identity,
        call: &StageCall<'_>,
        events: &dyn StageEvents,
        cancel: &CancelToken,
    ) -> Result<Session, RunnerError> {
        self.end_replaced(identity);
        if self.in_process {
            self.starts.fetch_add(1, Ordering::Relaxed);
            return Local::open(call.plugin, call.path, call.open, events, cancel).map(Session::Local);
        }
        let mut channel = self.channel(identity, call)?;
        let opened = channel.open(call.open, events, cancel);
        if matches!(opened, Err(RunnerError::CrashedInCompany { .. })) {
            self.part(identity);
        }
        if opened.as_ref().is_err_and(|error| !error.leaves_session_usable()) {
            channel.retire();
        }
        opened.map(|()| Session::Process(Box::new(channel)))
    }

    /// Ends the idle sessions of a model replaced at the same path: no request will name it again.
    fn end_replaced(&self, (plugin, models, open): &Identity) {
        let replaced = |warm: &mut Warm| {
            let (other_plugin, other_models, other_open) = &warm.identity;
            other_plugin == plugin && other_open == open && other_models != models
        };
        let ended: Vec<_> = self.lock().extract_if(.., replaced).collect();
        drop(ended);
    }

    /// A session in a shared runner, or in a new one.
    fn channel(&self, identity: &Identity, call: &StageCall<'_>) -> Result<SessionChannel, RunnerError> {
        // Held while a runner starts, so that a concurrent call for the same one waits for it.
        let mut shared = self.shared.lock();
        let shares = call.shares_model && !shared.apart.contains(identity);
        if !shares {
            drop(shared);
            return self.start_runner(call);
        }
        shared.runners.retain(|(_, runner)| runner.is_open());
        let mut same = shared.runners.iter().filter(|(other, _)| other == identity);
        if let Some(channel) = same.find_map(|(_, runner)| runner.join()) {
            return Ok(channel);
        }
        let channel = self.start_runner(call)?;
        shared.runners.push((identity.clone(), channel.joinable()));
        Ok(channel)
    }

    fn start_runner(&self, call: &StageCall<'_>) -> Result<SessionChannel, RunnerError> {
        self.starts.fetch_add(1, Ordering::Relaxed);
        self.starter.start(call.plugin, call.path)
    }

    /// From now on gives each session of this identity its own runner.
    fn part(&self, identity: &Identity) {
        let mut shared = self.shared.lock();
        shared.apart.insert(identity.clone());
    }

    fn take_warm(&self, identity: &Identity) -> Option<Session> {
        let mut warm = self.lock();
        // Sessions in the same runner as a crashed one are gone with it.
        let gone: Vec<_> = warm
            .extract_if(.., |entry| entry.identity == *identity && !entry.session.is_open())
            .collect();
        let index = warm.iter().position(|entry| entry.identity == *identity);
        let session = index.map(|index| warm.swap_remove(index).session);
        drop((warm, gone));
        session
    }

    fn lock(&self) -> parking_lot::MutexGuard<'_, Vec<Warm>> {
        self.warm.lock()
    }
}

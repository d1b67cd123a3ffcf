//! State of a server, in parts: each owns what one subject needs, and is opened in its own module.
//!
//! | module | content |
//! |---|---|
//! | `access` | the API keys, and who needs one |
//! | `defaults` | what the settings say about requests |
//! | `events` | events of jobs, and the feed of all of them |
//! | `figures` | counters and counts |
//! | `jobs` | the store, its workers, runs, waiting requests |
//! | `models` | downloads of models |
//! | `outbound` | connections that the server makes for clients |
//! | `recordings` | open recordings of jobs |
//! | `transcripts` | corrections, the search index, links |
//! | `uploads` | files of clients |
//!
//! No part knows another. A handler that needs one part has it as `State<Arc<PART>>`; one that needs several has [`App`].

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;
use cesar_config::ServerSettings;
use cesar_pipeline::{Glossaries, Pipeline};

use crate::refusal::Refusal;
use crate::signals::Signals;

pub(crate) mod access;
pub(crate) mod defaults;
pub(crate) mod events;
pub(crate) mod figures;
pub(crate) mod jobs;
pub(crate) mod models;
pub(crate) mod outbound;
pub(crate) mod recordings;
pub(crate) mod transcripts;
pub(crate) mod uploads;

use access::Access;
use defaults::Defaults;
use events::Events;
use figures::Figures;
use jobs::Jobs;
use models::Models;
use outbound::Outbound;
use recordings::Recordings;
use transcripts::Transcripts;
use uploads::Uploads;

/// The parts of a server.
pub(crate) struct Shared {
    pub(crate) settings: Arc<ServerSettings>,
    pub(crate) pipeline: Arc<Pipeline>,
    /// The glossaries that requests may name, and the default one.
    pub(crate) glossaries: Arc<Glossaries>,
    pub(crate) defaults: Defaults,
    pub(crate) access: Arc<Access>,
    pub(crate) jobs: Jobs,
    /// The labels of a process that takes only jobs of which it has all needs; `None`: it takes all jobs.
    pub(crate) labels: Option<Vec<String>>,
    pub(crate) events: Events,
    pub(crate) uploads: Uploads,
    pub(crate) recordings: Recordings,
    pub(crate) transcripts: Transcripts,
    pub(crate) models: Models,
    pub(crate) outbound: Outbound,
    pub(crate) figures: Figures,
    pub(crate) signals: Signals,
}

impl Shared {
    /// Whether the jobs are those of this machine, and this process answers for all of them.
    pub(crate) fn works_alone(&self) -> bool {
        self.labels.is_none() && self.settings.jobs.is_none()
    }

    /// Whether the jobs are in a database, which reports changes and is asked by many processes.
    pub(crate) fn are_jobs_shared(&self) -> bool {
        self.settings.jobs.is_some()
    }

    /// Whether this process is a server: a worker has labels, none or some.
    pub(crate) fn answers_requests(&self) -> bool {
        self.labels.is_none()
    }
}

/// All parts, as endpoints and threads receive them.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

impl App {
    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// Runs blocking work on a thread for it.
    pub(crate) async fn block<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        block(&self.0, work).await
    }
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("App").finish_non_exhaustive()
    }
}

/// The parts that handlers may have alone.
macro_rules! alone {
    ($($field:ident: $part:ty,)*) => {
        $(impl FromRef<App> for Arc<$part> {
            fn from_ref(app: &App) -> Self {
                Self::clone(&app.$field)
            }
        })*
    };
}

alone! {
    settings: ServerSettings,
    pipeline: Pipeline,
    glossaries: Glossaries,
    access: Access,
}

/// The sender of a request: the id of the API key, or `local`.
#[derive(Debug, Clone)]
pub(crate) struct Client(pub(crate) String);

/// Runs blocking work with a part of the state on a thread for it.
pub(crate) async fn block<S: Send + Sync + 'static, T: Send + 'static>(
    state: &Arc<S>,
    work: impl FnOnce(&S) -> T + Send + 'static,
) -> Result<T, Refusal> {
    let state = Arc::clone(state);
    let done = tokio::task::spawn_blocking(move || work(&state)).await;
    done.map_err(|error| Refusal::internal(&error))
}

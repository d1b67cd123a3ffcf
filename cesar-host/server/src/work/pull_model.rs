//! Download of a model that a client asked for, on a thread of its own.
//!
//! It is the pull of `cesar models pull`: verified by digest, resumed after a break, and shared with other processes by locks.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cesar_models::catalog::Entry;
use cesar_models::pull::{PullError, Puller};
use serde_json::json;

use crate::state::events::FeedEventKind;
use crate::state::models::{Pull, PullRefused};
use crate::state::{App, Shared};

/// Stands for messages about files of this machine.
const HIDDEN: &str = "the model cannot be stored; the server's log says why";

/// Starts the download of a model, unless it runs already.
pub(crate) fn start(app: &App, entry: &'static Entry) -> Result<(), PullRefused> {
    let Some(pull) = app.models.pulls.begin(entry.id, entry.size())? else {
        return Ok(());
    };
    let shared = app.clone();
    let running = Arc::clone(&pull);
    let thread = std::thread::Builder::new().name("pull".to_owned());
    let started = thread.spawn(move || {
        tracing::info!(model = entry.id, "download of a model started");
        let result = catch_unwind(AssertUnwindSafe(|| fetch(&shared, entry, &running)));
        let result = result.unwrap_or_else(|_| Err(HIDDEN.to_owned()));
        match &result {
            Ok(()) => tracing::info!(model = entry.id, "model downloaded"),
            Err(error) => tracing::warn!(model = entry.id, "model not downloaded: {error}"),
        }
        let is_present = result.is_ok();
        shared.models.pulls.end(entry.id, &running, result);
        publish(&shared, entry, is_present);
    });
    match started {
        Ok(_) => Ok(()),
        Err(error) => {
            app.models.pulls.end(entry.id, &pull, Err(error.to_string()));
            Err(PullRefused::Thread(error))
        }
    }
}

/// Publishes the state of a model in the feed.
pub(crate) fn publish(shared: &Shared, entry: &Entry, is_present: bool) {
    let data = json!({ "id": entry.id, "present": is_present, "pull": shared.models.pulls.view(entry.id) });
    shared.events.feed.publish(FeedEventKind::Models, entry.id, data);
}

fn fetch(shared: &Shared, entry: &Entry, pull: &Pull) -> Result<(), String> {
    let sources = &shared.models.sources;
    let puller = Puller {
        roots: shared.pipeline.models(),
        libraries: Some(sources.libraries.clone()),
        hub: sources.hub.clone(),
        python: sources.python.clone(),
        offline: shared.pipeline.is_offline(),
        watch: &|event| {
            pull.observe(event);
            if pull.is_due() {
                publish(shared, entry, false);
            }
        },
        stop: &|| pull.is_stopped() || shared.signals.stopping(),
    };
    let pulled = puller.pull(&[entry.id.to_owned()], None);
    pulled.map(drop).map_err(|error| message(&error))
}

fn message(error: &PullError) -> String {
    if error.names_a_path() {
        tracing::warn!("{error}");
        return HIDDEN.to_owned();
    }
    error.to_string()
}

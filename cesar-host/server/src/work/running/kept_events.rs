//! Keeping the events of a run in the store, where another process may answer the requests about it.

use cesar_jobs::RunEvent;

use crate::state::Shared;
use crate::state::events::{EventId, JobEventKind};
use crate::state::jobs::Run;

/// Keeps the events since the last call. Errors are logged; the next call retries.
pub(crate) fn keep(shared: &Shared, run: &Run) {
    if shared.works_alone() {
        return;
    }
    run.with_kept(|kept| {
        let last = EventId {
            claim: run.lease.number,
            number: *kept,
        };
        let Some((events, _)) = shared.events.hub.since(run.job, last) else {
            return;
        };
        // The end is in the job.
        let events = events.iter().filter(|event| event.kind != JobEventKind::End);
        let events: Vec<RunEvent> = events.map(RunEvent::from).collect();
        let Some(newest) = events.last() else { return };
        match shared.jobs.store.keep_events(&run.lease, &events) {
            Ok(()) => *kept = newest.position.number,
            Err(error) => tracing::debug!(job = %run.job, trace = %run.span.trace(), "cannot keep events: {error}"),
        }
    });
}

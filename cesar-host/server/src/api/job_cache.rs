//! The cache from a client's view: what it has of a job and why, and clearing it.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use cesar_base::rfc3339;
use cesar_cache::{Nearest, Prune, Pruned};
use cesar_jobs::Job;
use cesar_jobs::values::flag;
use cesar_pipeline::{PEAKS_STAGE, Stage, StageExplanation, StageState};
use cesar_runner::CancelToken;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::admission::query::{QueryFields, fields};
use crate::api::id::Id;
use crate::refusal::Refusal;
use crate::refusal::problem::{Problem, ProblemBody};
use crate::state::{App, Shared};
use crate::work::indexing;
use crate::work::requests::plan;
use crate::work::running::worker;
use crate::work::transcripts::stored;

/// Results that the job would find in the cache now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobCache {
    /// In the order of the work.
    stages: Vec<CachedStage>,
}

/// The state of one stage.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CachedStage {
    /// `download`, `decode`, `asr`, `diarize`, `merge` or `glossary`.
    #[schema(value_type = String)]
    stage: Stage,
    /// The plugin's id; `cesar` for a stage of the server's own.
    plugin: String,
    /// Its version.
    plugin_version: String,
    /// `hit`, `miss`, `refresh`, `unknown` (it depends on a stage that must run first) or `missing` (a plugin or model is absent).
    #[schema(value_type = String)]
    state: StageState,
    /// The key of the result, hex; absent while a stage before has none.
    key: Option<String>,
    /// Cause of a miss.
    why: Option<String>,
    /// Duration of the stage, which a hit saves, in ms.
    saved_ms: Option<i64>,
    /// The size of the result in bytes.
    bytes: Option<u64>,
    /// Time of storage.
    #[schema(format = DateTime)]
    created_at: Option<String>,
    /// The work that an interrupted run has kept, in ms.
    checkpoint_ms: Option<i64>,
}

/// Results removed from the cache.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Cleared {
    /// Results.
    entries: u64,
    /// Their size in bytes.
    bytes: u64,
    /// The time to compute them again, in ms.
    cost_ms: i64,
    /// Results that stay because running jobs need them.
    leased: u64,
    /// Whether nothing was removed.
    dry_run: bool,
}

/// The query of a removal.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ClearParams {
    /// Only results of this stage; all when absent
    #[param(pattern = "^(download|decode|asr|diarize|merge|glossary|align|format|peaks)$")]
    stage: Option<String>,
    /// Only report what would be removed
    #[serde(deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    dry_run: bool,
}

impl CachedStage {
    /// `before` is the last earlier stage that must run.
    fn new(explained: StageExplanation, before: Option<Stage>) -> Self {
        let why = reason(&explained, before);
        let entry = explained.entry;
        Self {
            stage: explained.stage,
            plugin: explained.plugin,
            plugin_version: explained.plugin_version,
            state: explained.state,
            key: explained.key.map(|key| key.to_string()),
            why,
            saved_ms: entry.as_ref().map(|entry| entry.cost_ms),
            bytes: entry.as_ref().map(|entry| entry.size),
            created_at: entry.as_ref().map(|entry| rfc3339(entry.created_ms)),
            checkpoint_ms: explained.unfinished.map(|unfinished| unfinished.cost_ms),
        }
    }
}

fn reason(explained: &StageExplanation, before: Option<Stage>) -> Option<String> {
    match explained.state {
        StageState::Hit => None,
        StageState::Refresh => Some("requested".to_owned()),
        StageState::Missing => explained.trouble.clone(),
        StageState::Unknown => before.map(|before| format!("depends on {before}")),
        StageState::Miss => Some(
            explained
                .nearest
                .as_ref()
                .map_or_else(|| "no similar result".to_owned(), changes),
        ),
    }
}

fn changes(nearest: &Nearest) -> String {
    let changes: Vec<_> = nearest.changes.iter().map(ToString::to_string).collect();
    format!("{} (since {})", changes.join(", "), rfc3339(nearest.created_ms))
}

fn read(shared: &Shared, job: &Job) -> Result<JobCache, Refusal> {
    let cancel = CancelToken::default();
    let plan = plan(shared, &job.request, &cancel)?;
    let _local = worker::local_upload(shared, job, &cancel)?;
    let explanation = shared.pipeline.explain(&plan, &worker::input(shared, job)?, &cancel)?;
    let explanation = explanation.ok_or_else(|| Refusal::not_found("this job does not use the cache"))?;
    let mut before = None;
    let stages = explanation.stages.into_iter().map(|explained| {
        let (stage, is_hit) = (explained.stage, explained.state == StageState::Hit);
        let shown = CachedStage::new(explained, before);
        before = if is_hit { before } else { Some(stage) };
        shown
    });
    Ok(JobCache {
        stages: stages.collect(),
    })
}

#[utoipa::path(get, path = "/jobs/{id}/cache", tag = "jobs", operation_id = "job_cache", summary = "Cached results of a job, stage by stage",
    params(("id" = String, Path, description = "The job's id")),
    responses((status = 200, description = "Results that a run would find now", body = JobCache),
        (status = "4XX", description = "Refused; 404 when the job does not use the cache", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn explain(State(app): State<App>, Id(id): Id) -> Result<Response, Problem> {
    let job = stored::job(&app, id).await?;
    let cache = app.block(move |shared| read(shared, &job)).await??;
    Ok(Json(cache).into_response())
}

#[utoipa::path(delete, path = "/cache", tag = "server", operation_id = "clear_cache", summary = "Remove results from the cache, except those that running jobs need",
    params(ClearParams),
    responses((status = 200, description = "Removed results", body = Cleared),
        (status = "4XX", description = "404 when the cache is off", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn clear(State(app): State<App>, query: QueryFields) -> Result<Response, Problem> {
    let ClearParams { stage, dry_run } = fields(query)?.parse()?;
    let stage = stage.as_deref().map(named).transpose()?;
    let removed = app.block(move |shared| remove(shared, stage, dry_run)).await??;
    let Pruned {
        entries,
        bytes,
        cost_ms,
        leased,
    } = removed;
    let cleared = Cleared {
        entries,
        bytes,
        cost_ms,
        leased,
        dry_run,
    };
    Ok(Json(cleared).into_response())
}

/// The stage of results in the cache: one of the work, or that of peaks, which only servers have.
fn named(stage: &str) -> Result<&'static str, Refusal> {
    let names = [&Stage::ALL.map(Stage::name)[..], &[PEAKS_STAGE]].concat();
    let known = names.iter().copied().find(|name| *name == stage);
    known.ok_or_else(|| Refusal::value("stage", &format!("one of `{}`", names.join("`, `")), stage))
}

fn remove(shared: &Shared, stage: Option<&str>, dry_run: bool) -> Result<Pruned, Refusal> {
    let cache = shared.pipeline.cache();
    let cache = cache.ok_or_else(|| Refusal::not_found("the cache is switched off"))?;
    let removed = match stage {
        None => cache.clear(dry_run),
        Some(stage) => cache.prune(&Prune {
            stage: Some(stage.to_owned()),
            dry_run,
            ..Prune::default()
        }),
    };
    let removed = removed.map_err(|error| Refusal::internal(&error))?;
    if let Some(index) = shared.transcripts.search.as_ref().filter(|_| !dry_run)
        && let Err(error) = indexing::holders(shared).reconcile(index)
    {
        tracing::warn!("the search index has results that were removed from the cache: {error}");
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(state: StageState) -> StageExplanation {
        StageExplanation {
            stage: Stage::Merge,
            plugin: "cesar".to_owned(),
            plugin_version: "1".to_owned(),
            format: None,
            state,
            key: None,
            parts: None,
            entry: None,
            unfinished: None,
            nearest: None,
            trouble: Some("there is no model".to_owned()),
        }
    }

    #[test]
    fn every_miss_has_a_reason() {
        let reason = |state| reason(&explained(state), Some(Stage::Asr)).unwrap_or_default();
        assert_eq!(reason(StageState::Hit), "");
        assert_eq!(reason(StageState::Miss), "no similar result");
        assert_eq!(reason(StageState::Unknown), "depends on asr");
        assert_eq!(reason(StageState::Missing), "there is no model");
        assert_eq!(reason(StageState::Refresh), "requested");
    }

    #[test]
    fn stages_have_the_names_of_the_work() {
        assert_eq!(named("asr"), Ok("asr"));
        assert_eq!(named("peaks"), Ok("peaks"));
        let refusal = named("all").unwrap_err();
        assert_eq!(
            (refusal.status.as_u16(), refusal.param.as_deref()),
            (400, Some("stage"))
        );
    }
}

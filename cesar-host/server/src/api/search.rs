//! Words in the transcripts of jobs.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use cesar_jobs::values::whole_number;
use cesar_search::{Cursor, Filter, Hit, Index, MAX_LIMIT, Page, Passage, Query, Search, SearchError};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::admission::query::{QueryFields, fields};
use crate::refusal::problem::{Problem, ProblemBody};
use crate::refusal::{Code, Refusal};
use crate::state::{App, Shared};
use crate::work::indexing::{JOBS, holders};

/// Hits on a page by default.
const PAGE: u32 = 20;

/// The query of a search.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SearchParams {
    /// Words, `"phrases"` and `prefixes*`, which must all occur in a transcript
    #[param(required = true, max_length = 500)]
    q: String,
    /// Only what this speaker said
    speaker: Option<String>,
    /// Only transcripts made on this day (UTC) or later
    #[param(format = "date")]
    from: Option<String>,
    /// Only transcripts made on this day (UTC) or earlier
    #[param(format = "date")]
    to: Option<String>,
    /// Only transcripts in this language (`en`, `English`, …)
    language: Option<String>,
    /// Maximum number of hits; 20 when absent
    #[serde(deserialize_with = "page")]
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// The value of `next` of the page before
    cursor: Option<String>,
}

fn page<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    whole_number(deserializer, 1..=MAX_LIMIT)
}

/// The code of a language, however it is written.
fn language(text: &str) -> Result<String, Refusal> {
    let code = cesar_language::code(text);
    code.map(str::to_owned)
        .ok_or_else(|| Refusal::value("language", "a language, such as `en` or `English`", text))
}

/// A page of hits.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SearchResult {
    /// Best first.
    hits: Vec<HitView>,
    /// The value of `cursor` for the next page; `null` on the last one.
    next: Option<String>,
}

/// A transcript with the words.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SearchHit)]
struct HitView {
    /// The ids of the jobs with this transcript, newest first.
    jobs: Vec<String>,
    /// The name of the recording.
    label: String,
    /// The SHA-256 of the recording, hex.
    sha256: String,
    /// The language of the transcript.
    language: Option<String>,
    /// Creation time of the transcript.
    #[schema(format = DateTime)]
    created_at: String,
    /// The length of the transcribed audio in seconds.
    duration: f64,
    /// The number of segments with a match.
    matches: usize,
    /// The best of them, in order of time.
    passages: Vec<PassageView>,
}

/// A part of a segment with the words.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SearchPassage)]
struct PassageView {
    /// The id of the segment.
    segment: u64,
    /// Its start in the transcript, in seconds.
    start: f64,
    /// Its end.
    end: f64,
    /// The speaker, when known.
    speaker: Option<String>,
    /// The text; `…` stands for omitted text.
    text: String,
    /// The matches: start and end in characters of `text` (Unicode scalar values).
    highlights: Vec<[usize; 2]>,
}

impl HitView {
    fn new(hit: Hit) -> Self {
        let jobs = hit.sources.into_iter().filter(|source| source.holder == JOBS);
        Self {
            jobs: jobs.map(|source| source.id).collect(),
            label: hit.title,
            sha256: hit.media,
            language: hit.language,
            created_at: hit.created,
            duration: seconds(hit.duration_ms),
            matches: hit.matches,
            passages: hit.passages.into_iter().map(PassageView::new).collect(),
        }
    }
}

impl PassageView {
    fn new(passage: Passage) -> Self {
        Self {
            segment: passage.segment,
            start: seconds(passage.start_ms),
            end: seconds(passage.end_ms),
            speaker: passage.speaker,
            text: passage.text,
            highlights: passage.highlights,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "285 000 years of ms fit")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

#[utoipa::path(get, path = "/search", tag = "jobs", summary = "Find words in the transcripts of jobs, best hits first",
    params(SearchParams),
    responses((status = 200, description = "A page of hits", body = SearchResult),
        (status = "4XX", description = "Refused; 404 when the index is off", body = ProblemBody, content_type = "application/problem+json"),
        (status = "5XX", description = "Failed", body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn search(State(app): State<App>, query: QueryFields) -> Result<Response, Problem> {
    let params: SearchParams = fields(query)?.parse()?;
    let words: Query = params.q.parse().map_err(|error| {
        let code = match error {
            cesar_search::QueryError::Empty => Code::EmptyQuery,
            cesar_search::QueryError::TooLong => Code::InvalidQuery,
        };
        Refusal::bad(code, error.to_string()).param("q")
    })?;
    let filter = Filter {
        speaker: params.speaker,
        from: read("from", params.from)?,
        to: read("to", params.to)?,
        language: params.language.as_deref().map(language).transpose()?,
        holder: Some(JOBS.to_owned()),
    };
    if filter.from.zip(filter.to).is_some_and(|(from, to)| to < from) {
        let message = "`to` is before `from`; no transcript is of both";
        return Err(Refusal::bad(Code::UnsupportedValue, message.to_owned())
            .param("to")
            .into());
    }
    let after: Option<Cursor> = read("cursor", params.cursor)?;
    let limit = params.limit.unwrap_or(PAGE);
    let page = app
        .block(move |shared| {
            let search = Search {
                query: &words,
                filter: &filter,
                limit,
                after,
            };
            find(shared, &search)
        })
        .await??;
    Ok(Json(SearchResult {
        hits: page.hits.into_iter().map(HitView::new).collect(),
        next: page.next.map(|next| next.to_string()),
    })
    .into_response())
}

fn read<T: std::str::FromStr<Err: std::fmt::Display>>(name: &str, text: Option<String>) -> Result<Option<T>, Refusal> {
    let read = |text: String| {
        let error = |error: T::Err| Refusal::bad(Code::UnsupportedValue, format!("`{name}`: {error}")).param(name);
        text.parse().map_err(error)
    };
    text.map(read).transpose()
}

fn find(shared: &Shared, search: &Search<'_>) -> Result<Page, Refusal> {
    let index: Option<&Index> = shared.transcripts.search.as_deref();
    let index = index.ok_or_else(|| Refusal::not_found("the search index is switched off (`search.enabled`)"))?;
    let holders = holders(shared);
    let find = || index.find(search, &|source| holders.presence(source));
    let found = find().or_else(|error| match error {
        SearchError::Damaged { .. } => {
            tracing::warn!("{error}; rebuilding it");
            index.recreate()?;
            holders.fill(index, &|| shared.signals.stopping())?;
            find()
        }
        error => Err(error),
    });
    found.map_err(|error| Refusal::internal(&error))
}

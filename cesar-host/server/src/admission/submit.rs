//! Submission of jobs: checked, stored, acknowledged.

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use cesar_jobs::{Job, JobRequest, NewJob, Source, Submission, TranscribeRequest};

use tracing::field;

use crate::admission::form::trimmed;
use crate::admission::idempotency;
use crate::admission::upload::{FormFields, Received};
use crate::refusal::{Code, Refusal};
use crate::state::{App, Client};
use crate::traces;
use crate::work::requests::check;

impl FormFields for TranscribeRequest {
    const NAME: &'static str = "TranscribeForm";
    const NEEDS_FILE: bool = false;
}

/// The request of a job, for a file that came with it or for its `url`.
pub(crate) fn job_request(mut parameters: TranscribeRequest, file: Option<&Received>) -> Result<JobRequest, Refusal> {
    let (source, label) = match (file, parameters.url.take()) {
        (Some(_), Some(_)) => {
            return Err(Refusal::bad(
                Code::TwoSources,
                "the request has both `file` and `url`; send one of them",
            )
            .param("url"));
        }
        (None, None) => {
            return Err(Refusal::bad(
                Code::MissingFile,
                "the request has no recording; send it as `file`, or name a `url`",
            )
            .param("file"));
        }
        (Some(file), None) => (file.source(), file.label.clone()),
        (None, Some(url)) => (Source::Url { url: url.clone() }, url),
    };
    parameters.model = parameters.model.as_deref().and_then(trimmed);
    parameters.merge_options().map_err(|name| {
        let text = format!("`{name}` is also among the `options`; keep one of them");
        Refusal::bad(Code::SaidTwice, text).param(name)
    })?;
    Ok(JobRequest {
        source,
        label,
        title: None,
        resolved: None,
        trace: None,
        parameters,
    })
}

/// Checks and queues a job. A returned job is on the disk.
pub(crate) async fn submit(
    app: &App,
    headers: &HeaderMap,
    client: &Client,
    request: JobRequest,
    file: Option<Received>,
    coalesce_key: Option<String>,
) -> Result<Job, Refusal> {
    if app.signals.stopping() {
        return Err(Refusal::stopping());
    }
    let parent = traces::parent(headers);
    let trace = parent.map(|parent| parent.trace);
    let mut new = NewJob {
        idempotency: idempotency::key(headers, &client.0, &request)?,
        request: JobRequest {
            trace: parent,
            ..request
        },
        coalesce_key,
    };
    let submission = app
        .block(move |shared| {
            new.request.resolved = Some(check(shared, &new.request)?);
            file.as_ref().map_or(Ok(()), Received::share)?;
            let submission = shared.jobs.store.submit(&new);
            match (&submission, file) {
                (Ok(Submission::New(_)), Some(file)) => file.keep(),
                (Ok(Submission::Existing(job)), Some(file)) if job.request.source == file.source() => file.keep(),
                // The job may be stored or not.
                (Err(_), Some(file)) => file.leave(),
                (Ok(Submission::Existing(_) | Submission::Joined(_)), Some(file)) => file.discard(),
                _ => {}
            }
            Ok::<_, Refusal>(submission?)
        })
        .await?;
    match submission? {
        Submission::New(job) => {
            tracing::info!(job = %job.id, trace = %job.trace_id(), "job submitted");
            app.events.feed.job(&job);
            app.signals.jobs_ready.notify_all();
            Ok(job)
        }
        Submission::Existing(job) | Submission::Joined(job) => {
            let request = trace.map(field::display);
            tracing::info!(job = %job.id, trace = %job.trace_id(), request_trace = request, "request joined a job");
            Ok(job)
        }
        Submission::Conflict { job } => Err(Refusal::impossible(
            Code::IdempotencyKeyReused,
            format!("this `Idempotency-Key` came with another request before, which became job `{job}`; use a new key"),
        )
        .param("Idempotency-Key")),
        Submission::Full { queued, retry_after } => Err(full(queued, retry_after)),
    }
}

fn full(queued: u64, retry_after: Duration) -> Refusal {
    Refusal::new(
        StatusCode::TOO_MANY_REQUESTS,
        Code::QueueFull,
        format!("{queued} jobs wait already; ask again later"),
    )
    .retry_after(retry_after.as_secs().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::form::Fields;

    fn read(fields: &[(&str, &str)]) -> Result<JobRequest, String> {
        let parameters = Fields::from(fields).parse();
        parameters
            .and_then(|parameters| job_request(parameters, None))
            .map_err(|refusal| refusal.detail)
    }

    #[test]
    fn fields_become_a_request() {
        let request = read(&[
            ("url", "https://example.org/a.mp3"),
            ("language", "en"),
            ("options", "{\"beam_size\": 1}"),
            ("diarize", "true"),
            ("max_speakers", "3"),
            ("speaker_names", "Ann, Bo"),
        ])
        .unwrap();
        let request = request.parameters;
        assert_eq!(request.options["language"], "en");
        assert_eq!(request.options["beam_size"], 1);
        assert!(request.diarize == Some(true) && request.max_speakers == Some(3) && !request.no_cache);
        assert_eq!(request.speaker_names, ["Ann", "Bo"]);
    }

    #[test]
    fn white_space_around_a_model_is_no_part_of_its_name() {
        let model = |text: &str| {
            let request = read(&[("url", "https://example.org/a.mp3"), ("model", text)]);
            request.unwrap().parameters.model
        };
        assert_eq!(model(" base \r\n").as_deref(), Some("base"));
        assert_eq!(model(" \r\n"), None);
    }

    #[test]
    fn a_refusal_names_the_field() {
        let url = ("url", "https://example.org/a.mp3");
        let answers: Vec<String> = [
            &[][..],
            &[url, ("modell", "base")],
            &[url, ("options", "[1]")],
            &[url, ("options", "{\"language\":\"en\"}"), ("language", "en")],
            &[url, ("diarize", "maybe")],
            &[url, ("min_speakers", "0")],
        ]
        .into_iter()
        .map(|fields| read(fields).unwrap_err())
        .collect();
        insta::assert_snapshot!(answers.join("\n"));
    }
}

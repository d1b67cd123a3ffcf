//! Traces of requests and jobs across processes, by W3C Trace Context.
//!
//! A job belongs to the trace of the HTTP request that submitted it, whichever process runs it and how often; without one, the job's id is
//! the id of its trace. The log names both. With the feature `otel` ([`span`]), requests, jobs and their stages are spans, which the program exports.

#[cfg_attr(feature = "otel", path = "recorded.rs")]
#[cfg_attr(not(feature = "otel"), path = "unrecorded.rs")]
mod span;

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderValue, StatusCode};
use cesar_base::{TraceId, TraceParent};
use cesar_jobs::Job;
use cesar_pipeline::{Stage, StageReport};
use parking_lot::Mutex;
use span::Span;
#[cfg(feature = "otel")]
pub use span::next_trace;

/// What a span is of.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A request of another process.
    Server,
    /// Work that another process asked for.
    Consumer,
    /// A part of a span of this process.
    Internal,
}

/// The header of the W3C.
const TRACE_PARENT: &str = "traceparent";

/// The span that a request names. Two headers, or one that is no `traceparent`, count as none.
pub(crate) fn parent(headers: &HeaderMap) -> Option<TraceParent> {
    let mut values = headers.get_all(TRACE_PARENT).iter();
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    value.to_str().ok()?.parse().ok()
}

/// A request that is answered.
pub(crate) struct RequestSpan {
    span: Span,
    trace: Option<TraceId>,
}

impl RequestSpan {
    /// Begins it. Its headers name it to those behind, as a proxy would.
    pub(crate) fn begin(method: &'static str, route: &str, headers: &mut HeaderMap) -> Self {
        let given = parent(headers);
        let mut span = Span::begin(format!("{method} {route}"), Kind::Server, given);
        span.set("http.request.method", method);
        span.set("http.route", route.to_owned());
        let context = span.context().or(given);
        if context != given
            && let Some(value) = context.and_then(|context| HeaderValue::from_str(&context.to_string()).ok())
        {
            headers.insert(TRACE_PARENT, value);
        }
        Self {
            span,
            trace: context.map(|context| context.trace),
        }
    }

    /// The trace, if there is one.
    pub(crate) fn trace(&self) -> Option<TraceId> {
        self.trace
    }

    /// Ends it.
    pub(crate) fn end(mut self, status: StatusCode) {
        self.span.set("http.response.status_code", i64::from(status.as_u16()));
        if status.is_server_error() {
            self.span.fail(status.to_string());
        }
    }
}

/// An attempt at a job.
#[derive(Debug)]
pub(crate) struct JobSpan {
    span: Mutex<Span>,
    trace: TraceId,
    stages: Mutex<BTreeMap<Stage, Span>>,
}

impl JobSpan {
    /// Begins it.
    pub(crate) fn begin(job: &Job) -> Self {
        let mut span = match job.request.trace {
            Some(parent) => Span::begin("job", Kind::Consumer, Some(parent)),
            None => Span::begin_trace("job", Kind::Consumer, job.trace_id()),
        };
        span.set("cesar.job.id", job.id.to_string());
        span.set("cesar.job.attempt", i64::from(job.attempts));
        Self {
            trace: job.trace_id(),
            span: Mutex::new(span),
            stages: Mutex::default(),
        }
    }

    /// The trace of the attempt.
    pub(crate) fn trace(&self) -> TraceId {
        self.trace
    }

    /// A stage begins to run, or to wait for another process that computes the same.
    pub(crate) fn stage_began(&self, stage: Stage) {
        self.stages.lock().entry(stage).or_insert_with(|| self.stage(stage));
    }

    /// A stage has a result. One that was found at once has not begun.
    pub(crate) fn stage_ended(&self, report: &StageReport) {
        let began = self.stages.lock().remove(&report.stage);
        let mut span = began.unwrap_or_else(|| self.stage(report.stage));
        span.set("cesar.plugin", report.plugin.clone());
        span.set("cesar.outcome", report.outcome.name());
    }

    /// An optional stage has failed.
    pub(crate) fn stage_failed(&self, stage: Stage) {
        let mut span = self.stages.lock().remove(&stage);
        span.iter_mut()
            .for_each(|span| span.fail("the stage failed".to_owned()));
    }

    /// The attempt has ended, with an error if it failed.
    pub(crate) fn end(&self, state: &'static str, error: Option<&str>) {
        let mut stages = std::mem::take(&mut *self.stages.lock());
        let mut span = self.span.lock();
        span.set("cesar.job.state", state);
        if let Some(error) = error {
            // Those that have not ended are what was interrupted.
            stages.values_mut().for_each(|stage| stage.fail(error.to_owned()));
            span.fail(error.to_owned());
        }
        drop(stages);
        span.end();
    }

    fn stage(&self, stage: Stage) -> Span {
        Span::begin(stage.name(), Kind::Internal, self.span.lock().context())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_request_names_one_parent() {
        let mut headers = HeaderMap::new();
        assert_eq!(parent(&headers), None);
        headers.append(TRACE_PARENT, HeaderValue::from_static(GIVEN));
        assert_eq!(
            parent(&headers).map(|parent| parent.to_string()).as_deref(),
            Some(GIVEN)
        );
        headers.append(TRACE_PARENT, HeaderValue::from_static(GIVEN));
        assert_eq!(parent(&headers), None);
        headers.insert(TRACE_PARENT, HeaderValue::from_static("00-abc"));
        assert_eq!(parent(&headers), None);
    }

    #[test]
    fn the_trace_of_a_client_stays() {
        let mut headers = HeaderMap::new();
        headers.append(TRACE_PARENT, HeaderValue::from_static(GIVEN));
        let span = RequestSpan::begin("POST", "/transcribe", &mut headers);
        let trace = parent(&headers).map(|parent| parent.trace);
        assert_eq!(span.trace(), trace);
        assert_eq!(trace.map(|trace| trace.to_string()).as_deref(), Some(&GIVEN[3..35]));
    }
}

//! Counters of this process, as OpenMetrics text for Prometheus.

use std::time::Duration;

use axum::http::Method;
use cesar_jobs::JobState;
use cesar_pipeline::{StageOutcome, StageReport};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// The content type of the text.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the histogram of requests, in seconds.
const BOUNDS: [f64; 9] = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 600.0];

/// Whether a stage needed no work.
pub(crate) fn is_hit(outcome: StageOutcome) -> bool {
    matches!(
        outcome,
        StageOutcome::Hit | StageOutcome::Shared | StageOutcome::Waited | StageOutcome::Renewed
    )
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct JobLabels {
    status: &'static str,
}

impl From<JobState> for JobLabels {
    fn from(state: JobState) -> Self {
        Self { status: state.as_str() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    stage: &'static str,
    cached: bool,
}

/// Counters of this process. Each label has a bounded number of values: a label is kept until the process ends.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    jobs_ended: Family<JobLabels, Counter>,
    stages: Family<StageLabels, Counter>,
    stage_ms: Family<StageLabels, Counter>,
    lease_losses: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(|| Histogram::new(BOUNDS)),
            jobs_ended: Family::default(),
            stages: Family::default(),
            stage_ms: Family::default(),
            lease_losses: Counter::default(),
        };
        let registry = &mut metrics.registry;
        registry.register("cesar_http_requests", "Requests answered", metrics.requests.clone());
        registry.register(
            "cesar_http_request_seconds",
            "Time until the response began",
            metrics.request_seconds.clone(),
        );
        registry.register(
            "cesar_jobs_ended",
            "Jobs that ended in this process",
            metrics.jobs_ended.clone(),
        );
        registry.register(
            "cesar_stages",
            "Stages of jobs, run or found in the cache",
            metrics.stages.clone(),
        );
        registry.register(
            "cesar_stage_ms",
            "Time of these stages, or of their first run when they were cached",
            metrics.stage_ms.clone(),
        );
        registry.register(
            "cesar_lease_losses",
            "Attempts whose result was dropped because another worker had the job",
            metrics.lease_losses.clone(),
        );
        metrics
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct NeedLabels {
    pub(crate) need: String,
}

/// The label of a method. Clients can send any word.
pub(crate) fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

impl Metrics {
    /// Counts a response. `route` is one of the router's, not the client's path.
    pub(crate) fn request(&self, method: &Method, route: &str, status: u16, took: Duration) {
        let labels = RequestLabels {
            method: method_label(method),
            route: route.to_owned(),
            status,
        };
        self.requests.get_or_create(&labels).inc();
        let labels = RouteLabels {
            route: route.to_owned(),
        };
        self.request_seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Counts the end of a job.
    pub(crate) fn job_ended(&self, state: JobState) {
        self.jobs_ended.get_or_create(&state.into()).inc();
    }

    /// Counts an attempt that had lost its job.
    pub(crate) fn lease_lost(&self) {
        self.lease_losses.inc();
    }

    /// Counts the stages of a job.
    pub(crate) fn stages(&self, stages: &[StageReport]) {
        for stage in stages {
            let labels = StageLabels {
                stage: stage.stage.name(),
                cached: is_hit(stage.outcome),
            };
            self.stages.get_or_create(&labels).inc();
            self.stage_ms.get_or_create(&labels).inc_by(stage.ms.unsigned_abs());
        }
    }

    /// The text of these gauges and all counters.
    pub(crate) fn render(&self, gauges: &Registry) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, gauges)?;
        encode_registry(&mut text, &self.registry)?;
        encode_eof(&mut text)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::gauge::ConstGauge;

    use super::*;

    #[test]
    fn the_text_is_openmetrics() {
        let metrics = Metrics::default();
        metrics.request(&Method::GET, "/health", 200, Duration::from_millis(2));
        metrics.job_ended(JobState::Completed);
        let mut gauges = Registry::default();
        gauges.register(
            "cesar_workers",
            "Maximum number of jobs that run at once",
            ConstGauge::new(1_u64),
        );
        insta::assert_snapshot!(metrics.render(&gauges).unwrap());
    }

    #[test]
    fn unknown_methods_share_one_label() {
        let metrics = Metrics::default();
        for number in 0..1000 {
            let method = Method::from_bytes(format!("WORD{number}").as_bytes()).unwrap();
            metrics.request(&method, "other", 405, Duration::from_millis(2));
        }
        let text = metrics.render(&Registry::default()).unwrap();
        let requests: Vec<_> = text.lines().filter(|line| line.contains("method=")).collect();
        assert_eq!(
            requests,
            ["cesar_http_requests_total{method=\"other\",route=\"other\",status=\"405\"} 1000"]
        );
    }
}

//! Figures for Prometheus, in its text format (version 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use axum::http::Method;
use cesar_jobs::JobState;
use cesar_pipeline::{StageOutcome, StageReport};
use parking_lot::Mutex;

/// Upper bounds of the histogram of requests, in seconds.
const BOUNDS: [f64; 9] = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 600.0];

/// Whether a stage needed no work.
pub(crate) fn is_hit(outcome: StageOutcome) -> bool {
    matches!(
        outcome,
        StageOutcome::Hit | StageOutcome::Waited | StageOutcome::Renewed
    )
}

/// Counters of this process.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// By method, route and status.
    requests: BTreeMap<(&'static str, String, u16), u64>,
    seconds: BTreeMap<String, Histogram>,
    ended: BTreeMap<JobState, u64>,
    /// By stage and whether it was a hit.
    stages: BTreeMap<(String, bool), (u64, u64)>,
}

#[derive(Debug, Default)]
struct Histogram {
    buckets: [u64; BOUNDS.len()],
    count: u64,
    sum: f64,
}

/// A method as a label: a client can send any word, and a label is kept for ever.
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
    /// A request was answered. `route` is one of the router's, not what the client sent.
    pub(crate) fn request(&self, method: &Method, route: &str, status: u16, took: Duration) {
        self.with(|counts| {
            *counts
                .requests
                .entry((method_label(method), route.to_owned(), status))
                .or_default() += 1;
            let histogram = counts.seconds.entry(route.to_owned()).or_default();
            let seconds = took.as_secs_f64();
            histogram.count += 1;
            histogram.sum += seconds;
            for (bucket, bound) in histogram.buckets.iter_mut().zip(BOUNDS) {
                *bucket += u64::from(seconds <= bound);
            }
        });
    }

    /// A job ended here.
    pub(crate) fn job_ended(&self, state: JobState) {
        self.with(|counts| *counts.ended.entry(state).or_default() += 1);
    }

    /// Stages of a job that ended.
    pub(crate) fn stages(&self, stages: &[StageReport]) {
        self.with(|counts| {
            for stage in stages {
                let (count, ms) = counts
                    .stages
                    .entry((stage.stage.name().to_owned(), is_hit(stage.outcome)))
                    .or_default();
                *count += 1;
                *ms += stage.ms.unsigned_abs();
            }
        });
    }

    /// The text.
    pub(crate) fn render(&self, gauges: &[Gauge]) -> String {
        let mut out = String::new();
        for gauge in gauges {
            gauge.render(&mut out);
        }
        self.with(|counts| counts.render(&mut out));
        out
    }

    fn with<T>(&self, work: impl FnOnce(&mut Counts) -> T) -> T {
        work(&mut self.counts.lock())
    }
}

/// Figures of one name that are not counted here.
#[derive(Debug, Clone)]
pub(crate) struct Gauge {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) counter: bool,
    /// By labels, `state="queued"`, or nothing.
    pub(crate) values: Vec<(String, f64)>,
}

impl Gauge {
    /// One figure without labels.
    pub(crate) fn one(name: &'static str, help: &'static str, value: f64) -> Self {
        Self {
            name,
            help,
            counter: name.ends_with("_total"),
            values: vec![(String::new(), value)],
        }
    }

    fn render(&self, out: &mut String) {
        head(
            out,
            self.name,
            self.help,
            if self.counter { "counter" } else { "gauge" },
        );
        for (labels, value) in &self.values {
            let labels = if labels.is_empty() {
                String::new()
            } else {
                format!("{{{labels}}}")
            };
            line(out, self.name, &labels, *value);
        }
    }
}

fn head(out: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(out: &mut String, name: &str, labels: &str, value: f64) {
    let _ = writeln!(out, "{name}{labels} {value}");
}

impl Counts {
    #[expect(clippy::cast_precision_loss, reason = "Prometheus has only floating-point numbers")]
    fn render(&self, out: &mut String) {
        head(out, "cesar_http_requests_total", "Requests answered.", "counter");
        for ((method, route, status), count) in &self.requests {
            let labels = format!("{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}");
            line(out, "cesar_http_requests_total", &labels, *count as f64);
        }
        let name = "cesar_http_request_seconds";
        head(out, name, "How long requests took until the answer began.", "histogram");
        for (route, histogram) in &self.seconds {
            for (bound, count) in BOUNDS.iter().zip(histogram.buckets) {
                line(
                    out,
                    &format!("{name}_bucket"),
                    &format!("{{route=\"{route}\",le=\"{bound}\"}}"),
                    count as f64,
                );
            }
            let labels = format!("{{route=\"{route}\",le=\"+Inf\"}}");
            line(out, &format!("{name}_bucket"), &labels, histogram.count as f64);
            line(
                out,
                &format!("{name}_sum"),
                &format!("{{route=\"{route}\"}}"),
                histogram.sum,
            );
            line(
                out,
                &format!("{name}_count"),
                &format!("{{route=\"{route}\"}}"),
                histogram.count as f64,
            );
        }
        head(
            out,
            "cesar_jobs_ended_total",
            "Jobs that ended in this process.",
            "counter",
        );
        for (state, count) in &self.ended {
            line(
                out,
                "cesar_jobs_ended_total",
                &format!("{{status=\"{state}\"}}"),
                *count as f64,
            );
        }
        head(
            out,
            "cesar_stages_total",
            "Stages of jobs, run or found in the cache.",
            "counter",
        );
        for ((stage, hit), (count, _)) in &self.stages {
            line(
                out,
                "cesar_stages_total",
                &format!("{{stage=\"{stage}\",cached=\"{hit}\"}}"),
                *count as f64,
            );
        }
        head(
            out,
            "cesar_stage_ms_total",
            "How long those stages took, or once had taken.",
            "counter",
        );
        for ((stage, hit), (_, ms)) in &self.stages {
            line(
                out,
                "cesar_stage_ms_total",
                &format!("{{stage=\"{stage}\",cached=\"{hit}\"}}"),
                *ms as f64,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_prometheus() {
        let metrics = Metrics::default();
        metrics.request(&Method::GET, "/health", 200, Duration::from_millis(2));
        metrics.job_ended(JobState::Completed);
        let text = metrics.render(&[Gauge::one("cesar_workers", "Threads that do jobs.", 1.0)]);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn unknown_methods_share_one_label() {
        let metrics = Metrics::default();
        for number in 0..1000 {
            let method = Method::from_bytes(format!("WORD{number}").as_bytes()).unwrap();
            metrics.request(&method, "other", 405, Duration::from_millis(2));
        }
        let text = metrics.render(&[]);
        let requests: Vec<_> = text.lines().filter(|line| line.contains("method=")).collect();
        assert_eq!(
            requests,
            ["cesar_http_requests_total{method=\"other\",route=\"other\",status=\"405\"} 1000"]
        );
    }
}

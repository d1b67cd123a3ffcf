//! Traces of jobs through server and worker, as a real collector receives them, and trace ids in the log.

use cesar_tests::collector::{CollectedSpan, Collector};
use cesar_tests::ports::free_ports;
use cesar_tests::server::{JobWorker, Part, Server, log_of, until, wave, with_echo};
use serde_json::Value;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// Submits a second of sound with options and the header of a client that traces, and returns the job's id.
fn submit_traced(server: &Server, options: &str) -> String {
    let sound = wave(1, 1);
    let parts: [Part<'_>; 2] = [
        ("file", Some("talk.wav"), &sound),
        ("options", None, options.as_bytes()),
    ];
    let parent = format!("00-{TRACE}-{SPAN}-01");
    let answer = server.send("/transcribe", &parts, &[("traceparent", &parent)]).is(202);
    answer.json()["id"].as_str().expect("a job has an id").to_owned()
}

/// The spans below another, by name, each with those below it.
fn tree(spans: &[CollectedSpan], parent: &str, depth: usize) -> String {
    let mut below: Vec<_> = spans.iter().filter(|span| span.parent == parent).collect();
    below.sort_by_key(|span| (&span.name, span.attributes.get("cesar.job.attempt")));
    let shown = below.into_iter().map(|span| {
        let attributes = span.attributes.iter().filter(|(name, _)| *name != "cesar.job.id");
        let attributes: String = attributes.map(|(name, value)| format!(" {name}={value}")).collect();
        let (kind, failure) = (span.kind.trim_start_matches("SPAN_KIND_"), &span.failure);
        let line = format!("{} {} {kind}{attributes} {failure}", span.service, span.name);
        format!(
            "{}{}\n{}",
            "  ".repeat(depth),
            line.trim_end(),
            tree(spans, &span.id, depth + 1)
        )
    });
    shown.collect()
}

/// The lines of a JSON log that have this field.
fn lines_with(log: &str, field: &str, value: &str) -> Vec<Value> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line[field] == value).collect()
}

#[test]
fn the_trace_of_a_client_goes_through_server_and_worker() {
    let sandbox = with_echo();
    let collector = Collector::start(&sandbox);
    let url = collector.url();
    let export = [("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str())];
    let server = Server::start_with(&sandbox, &["--no-workers", "--log-format", "json"], &export);
    let worker = JobWorker::start_with(&sandbox, &["--log-format", "json"], &export);
    let first = submit_traced(&server, "{}");
    server.wait_for(&first, &["completed"]);
    let again = submit_traced(&server, "{}");
    server.wait_for(&again, &["completed"]);
    let failing = submit_traced(&server, "{\"behaviour\": \"not_json\"}");
    server.wait_for(&failing, &["error"]);
    // Each exports what is left when it ends.
    server.signal("-TERM");
    assert!(worker.stop().success() && server.end().success());

    let mut spans = Vec::new();
    let is_whole = |spans: &[CollectedSpan]| {
        let count = |name: &str| spans.iter().filter(|span| span.name == name).count();
        (count("job"), count("POST /transcribe")) == (3, 3)
    };
    // The collector prints them a moment after it has received them.
    until("the collector has all spans", || {
        spans = collector.spans();
        spans.retain(|span| span.trace == TRACE);
        is_whole(&spans)
    });
    for (name, job) in [("first", &first), ("again", &again), ("failing", &failing)] {
        let value = format!("Str({job})");
        let span = spans
            .iter()
            .find(|span| span.attributes.get("cesar.job.id") == Some(&value));
        let request = span.map(|span| span.parent.as_str()).unwrap_or_default();
        let parent = spans.iter().find(|span| span.id == request);
        assert_eq!(
            parent.map(|span| span.parent.as_str()),
            Some(SPAN),
            "{name}: {spans:#?}"
        );
        insta::assert_snapshot!(format!("spans of the {name} job"), tree(&spans, request, 0));
    }
    let submissions: Vec<_> = spans.iter().filter(|span| span.parent == SPAN).collect();
    assert_eq!(submissions.len(), 3);
    assert!(
        submissions
            .iter()
            .all(|span| span.name == "POST /transcribe" && span.service == "Str(cesar-serve)"),
        "{submissions:#?}"
    );

    let lines = lines_with(&log_of(&sandbox), "job", &first);
    let messages: Vec<&str> = lines.iter().filter_map(|line| line["message"].as_str()).collect();
    for message in ["job submitted", "job started", "attempt ended"] {
        assert!(messages.contains(&message), "{messages:?}");
    }
    assert!(lines.iter().all(|line| line["trace"] == TRACE), "{lines:#?}");
}

#[test]
fn a_job_without_a_client_that_traces_has_its_id_as_trace() {
    let sandbox = with_echo();
    let server = Server::start(&sandbox, &["--log-format", "json"]);
    let id = server.submit(&wave(1, 1), &[]);
    server.wait_for(&id, &["completed"]);
    server.signal("-TERM");
    assert!(server.end().success());
    let lines = lines_with(&log_of(&sandbox), "job", &id);
    assert!(lines.len() >= 3, "{lines:#?}");
    let trace = id.replace('-', "");
    assert!(lines.iter().all(|line| line["trace"] == *trace), "{lines:#?}");
}

#[test]
fn a_worker_that_exports_alone_begins_the_trace_of_the_job() {
    let sandbox = with_echo();
    let collector = Collector::start(&sandbox);
    let url = collector.url();
    let server = Server::start(&sandbox, &["--no-workers"]);
    let run = |sampler: &str| {
        let export = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
            ("OTEL_TRACES_SAMPLER", sampler),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
        ];
        let worker = JobWorker::start_with(&sandbox, &[], &export);
        let id = server.submit(&wave(1, 1), &[]);
        server.wait_for(&id, &["completed"]);
        assert!(worker.stop().success());
        id
    };
    let dropped = run("parentbased_always_off");
    let kept = run("parentbased_always_on");
    let jobs = || {
        let spans = collector.spans().into_iter();
        spans.filter(|span| span.name == "job").collect::<Vec<_>>()
    };
    until("the collector has the job", || !jobs().is_empty());
    let jobs = jobs();
    assert_eq!(jobs.len(), 1, "{dropped} is not recorded: {jobs:#?}");
    assert_eq!((&jobs[0].trace, jobs[0].parent.as_str()), (&kept.replace('-', ""), ""));
}

#[test]
fn a_collector_that_never_answers_holds_nothing_up() {
    let sandbox = with_echo();
    // Connections are made, and wait to be accepted.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let export = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "10"),
        // Longer than this test may take.
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "100000000"),
    ];
    let server = Server::start_with(&sandbox, &[], &export);
    let id = server.submit(&wave(1, 1), &[]);
    server.wait_for(&id, &["completed"]);
    server.signal("-TERM");
    assert!(server.end().success());
    let log = log_of(&sandbox);
    assert!(log.contains("the last traces were not exported"), "{log}");
}

#[test]
fn a_collector_that_is_away_is_reported_once() {
    let sandbox = with_echo();
    let [closed] = free_ports();
    let url = format!("http://127.0.0.1:{closed}");
    // Several requests to export.
    let export = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1"),
    ];
    let server = Server::start_with(&sandbox, &[], &export);
    for seed in 0..3 {
        let id = server.submit(&wave(1, seed), &[]);
        server.wait_for(&id, &["completed"]);
    }
    server.signal("-TERM");
    assert!(server.end().success());
    let log = log_of(&sandbox);
    assert_eq!(log.matches("traces cannot be exported").count(), 1, "{log}");
    assert!(log.contains(&format!("{url}/v1/traces: ")), "{log}");
}

#[test]
fn variables_that_cannot_be_used_are_refused_at_the_start() {
    let sandbox = with_echo();
    let refused = |name: &str, value: &str| {
        let mut command = sandbox.command();
        command
            .args(["serve", "--port", "0"])
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
            .env(name, value);
        cesar_tests::sandbox::finish(&mut command).exits(2).stderr
    };
    insta::assert_snapshot!(
        [
            refused("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            refused("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
            refused("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://"),
            refused("OTEL_EXPORTER_OTLP_COMPRESSION", "brotli"),
            refused("OTEL_EXPORTER_OTLP_HEADERS", "authorization"),
            refused("OTEL_EXPORTER_OTLP_TIMEOUT", "10 s"),
            refused("OTEL_TRACES_SAMPLER", "sometimes"),
            refused("OTEL_TRACES_SAMPLER_ARG", "often"),
            refused("OTEL_TRACES_EXPORTER", "console"),
            refused("OTEL_BSP_SCHEDULE_DELAY", "0"),
        ]
        .concat()
    );
}

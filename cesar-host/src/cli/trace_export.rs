//! The export of traces by OpenTelemetry (OTLP over HTTP), for servers and workers of a program with the feature `otel`.
//!
//! The variables are those of the [OpenTelemetry specification](https://opentelemetry.io/docs/specs/otel/protocol/exporter/). Without an
//! endpoint among them nothing is exported: the specification's default, a collector on this machine, would be asked by everyone.

use super::report::Failure;

/// The variables that name the endpoint, the more special one first.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// The value of a variable, unless it is empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The first of the variables that has a value, with it.
fn first(names: [&'static str; 2]) -> Option<(&'static str, String)> {
    names
        .into_iter()
        .find_map(|name| variable(name).map(|value| (name, value)))
}

/// The endpoint, unless the export is off.
fn endpoint() -> Option<(&'static str, String)> {
    let is_off = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
        || variable("OTEL_TRACES_EXPORTER").is_some_and(|value| value.eq_ignore_ascii_case("none"));
    first(ENDPOINTS).filter(|_| !is_off)
}

#[cfg(feature = "otel")]
pub(super) use with::start;

#[cfg(not(feature = "otel"))]
pub(super) use without::start;

#[cfg(not(feature = "otel"))]
mod without {
    use super::{Failure, endpoint};

    /// Nothing is exported.
    pub(in crate::cli) struct TraceExport;

    /// Says so where an endpoint is named.
    #[expect(clippy::unnecessary_wraps, reason = "the same function as with the feature")]
    pub(in crate::cli) fn start(_service: &'static str) -> Result<TraceExport, Failure> {
        if let Some((name, _)) = endpoint() {
            tracing::warn!(
                "`{name}` has no effect: this program was built without the feature `otel`, and exports no traces"
            );
        }
        Ok(TraceExport)
    }

    impl TraceExport {
        pub(in crate::cli) fn finish(self) {}
    }
}

#[cfg(feature = "otel")]
mod with {
    use std::fmt;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use async_trait::async_trait;
    use cesar_base::is_http_address;
    use opentelemetry::trace::{SpanId, TraceId};
    use opentelemetry::{KeyValue, global};
    use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
    use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
    use opentelemetry_sdk::Resource;
    use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SdkTracerProvider};
    use ureq::http::Uri;

    use super::{Failure, endpoint, first, variable};

    const TIMEOUTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];
    /// Time of a request to the collector, unless a variable names another.
    const TIMEOUT_MS: u64 = 10_000;
    /// Time for the last spans, when the process ends.
    const LAST: Duration = Duration::from_secs(3);
    /// The largest answer that is read.
    const LARGEST_ANSWER: u64 = 64 * 1024;

    /// A variable, whether a value of it can be used, and what to do otherwise.
    type Checked = (&'static str, fn(&str) -> bool, &'static str);

    /// Variables that the libraries would ignore in silence where they have another value, with what to do then.
    const CHECKED: [Checked; 14] = [
        (
            "OTEL_TRACES_EXPORTER",
            |value| value.eq_ignore_ascii_case("otlp"),
            "use `otlp`, or `none` to export nothing",
        ),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", is_protocol, PROTOCOL),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", is_protocol, PROTOCOL),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", is_compression, COMPRESSION),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", is_compression, COMPRESSION),
        ("OTEL_EXPORTER_OTLP_HEADERS", are_headers, HEADERS),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", are_headers, HEADERS),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", is_count, COUNT),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", is_count, COUNT),
        ("OTEL_BSP_SCHEDULE_DELAY", is_count, COUNT),
        ("OTEL_BSP_MAX_QUEUE_SIZE", is_count, COUNT),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", is_count, COUNT),
        (
            "OTEL_TRACES_SAMPLER",
            |value| SAMPLERS.contains(&value),
            "use `always_on`, `always_off` or `traceidratio`, alone or behind `parentbased_`",
        ),
        (
            "OTEL_TRACES_SAMPLER_ARG",
            |value| value.parse().is_ok_and(|ratio: f64| (0.0..=1.0).contains(&ratio)),
            "use a number from 0 to 1",
        ),
    ];
    /// The beginning of variables that concern all signals.
    const GENERAL: &str = "OTEL_EXPORTER_OTLP_";
    const PROTOCOL: &str = "traces are exported by `http/protobuf` only, which collectors receive at port 4318: set \
                            `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL` to that";
    const COMPRESSION: &str = "use `gzip` or `none`";
    const HEADERS: &str = "write it as `NAME=VALUE`, several separated by commas";
    const COUNT: &str = "use a whole number above 0 (times are in milliseconds)";
    const SAMPLERS: [&str; 6] = [
        "always_on",
        "always_off",
        "traceidratio",
        "parentbased_always_on",
        "parentbased_always_off",
        "parentbased_traceidratio",
    ];

    fn is_protocol(value: &str) -> bool {
        value == "http/protobuf"
    }

    fn is_compression(value: &str) -> bool {
        matches!(value, "gzip" | "none")
    }

    fn are_headers(value: &str) -> bool {
        value
            .split(',')
            .all(|header| header.split_once('=').is_some_and(|(name, _)| !name.trim().is_empty()))
    }

    fn is_count(value: &str) -> bool {
        value.parse().is_ok_and(|count: u64| count > 0)
    }

    /// The running export, if there is one.
    pub(in crate::cli) struct TraceExport(Option<SdkTracerProvider>);

    /// Starts it, as the variables ask.
    ///
    /// # Errors
    /// When a variable has a value that cannot be used.
    pub(in crate::cli) fn start(service: &'static str) -> Result<TraceExport, Failure> {
        let Some((name, url)) = endpoint() else {
            return Ok(TraceExport(None));
        };
        for (name, check, use_instead) in CHECKED {
            let is_replaced = name.strip_prefix(GENERAL).is_some_and(|rest| {
                // The one for traces alone is used.
                variable(&format!("{GENERAL}TRACES_{rest}")).is_some()
            });
            if let Some(value) = variable(name).filter(|value| !is_replaced && !check(value)) {
                // Headers have secrets.
                let found = match use_instead {
                    HEADERS => "has an entry of another form".to_owned(),
                    _ => format!("is `{value}`"),
                };
                return Err(Failure::usage(format!("`{name}` {found}; {use_instead}")));
            }
        }
        if !is_http_address(&url) {
            return Err(Failure::usage(format!(
                "`{name}` is no address of HTTP; write it as `http://HOST:4318`"
            )));
        }
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new()?)
            .build()
            .map_err(|error| Failure::usage(format!("traces cannot be exported: {error}")))?;
        let provider = SdkTracerProvider::builder()
            .with_resource(resource(service))
            .with_id_generator(Ids::default())
            .with_batch_exporter(exporter)
            .build();
        global::set_tracer_provider(provider.clone());
        Ok(TraceExport(Some(provider)))
    }

    /// An address without the name and password that it may have.
    fn shown(uri: &Uri) -> String {
        let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
        let (scheme, host) = (uri.scheme_str().unwrap_or("http"), uri.host().unwrap_or_default());
        format!("{scheme}://{host}{port}{}", uri.path())
    }

    impl TraceExport {
        /// Exports what is left.
        pub(in crate::cli) fn finish(self) {
            let ended = self.0.map(|provider| provider.shutdown_with_timeout(LAST));
            if let Some(Err(error)) = ended {
                tracing::warn!("the last traces were not exported: {error}");
            }
        }
    }

    /// Random ids, but for traces whose id is a job's.
    #[derive(Debug, Default)]
    struct Ids(RandomIdGenerator);

    impl IdGenerator for Ids {
        fn new_trace_id(&self) -> TraceId {
            match cesar_server::next_trace() {
                Some(trace) => TraceId::from_bytes(trace.0),
                None => self.0.new_trace_id(),
            }
        }

        fn new_span_id(&self) -> SpanId {
            self.0.new_span_id()
        }
    }

    /// What exports and where it runs, as far as the variables of the user do not say it.
    fn resource(service: &'static str) -> Resource {
        let named = Resource::builder().build();
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let known = [
            KeyValue::new("service.name", service),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("host.name", host.trim().to_owned()),
            KeyValue::new("process.pid", i64::from(std::process::id())),
        ];
        let is_absent = |attribute: &KeyValue| {
            let value = named.get(&attribute.key);
            value.is_none_or(|value| value.as_str().starts_with("unknown_service"))
        };
        Resource::builder()
            .with_attributes(known.into_iter().filter(is_absent))
            .build()
    }

    /// The HTTP client of the rest of the host. The exporter calls it on a thread of its own.
    struct Client {
        agent: ureq::Agent,
        /// Whether the last request failed, which was reported.
        is_failing: AtomicBool,
    }

    impl Client {
        fn new() -> Result<Self, Failure> {
            let timeout_ms = first(TIMEOUTS)
                .and_then(|(_, value)| value.parse().ok())
                .unwrap_or(TIMEOUT_MS);
            let config = ureq::Agent::config_builder()
                .tls_config(cesar_base::tls_roots::config().map_err(Failure::failed)?)
                .user_agent(concat!("cesar/", env!("CARGO_PKG_VERSION")))
                .http_status_as_error(false)
                .max_redirects(0)
                .timeout_global(Some(Duration::from_millis(timeout_ms)))
                .build();
            Ok(Self {
                agent: config.new_agent(),
                is_failing: AtomicBool::new(false),
            })
        }

        /// Says when the collector goes away, and when it is back.
        fn report(&self, reason: Option<&dyn fmt::Display>) {
            let was_failing = self.is_failing.swap(reason.is_some(), Ordering::Relaxed);
            match reason {
                Some(reason) if !was_failing => {
                    tracing::warn!("traces cannot be exported, and are dropped: {reason}");
                }
                None if was_failing => tracing::info!("traces are exported again"),
                _ => {}
            }
        }

        fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ureq::Error> {
            let (parts, body) = request.into_parts();
            let response = self.agent.run(Request::from_parts(parts, &body[..]))?;
            let (parts, mut body) = response.into_parts();
            let answer = body.with_config().limit(LARGEST_ANSWER).read_to_vec()?;
            Ok(Response::from_parts(parts, Bytes::from(answer)))
        }
    }

    impl fmt::Debug for Client {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.debug_struct("Client").finish_non_exhaustive()
        }
    }

    #[async_trait]
    impl HttpClient for Client {
        async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
            let address = shown(request.uri());
            match self.send(request) {
                Ok(response) => {
                    let refusal =
                        (!response.status().is_success()).then(|| format!("{address} answers {}", response.status()));
                    self.report(refusal.as_ref().map(|refusal| refusal as &dyn fmt::Display));
                    Ok(response)
                }
                Err(error) => {
                    self.report(Some(&format_args!("{address}: {error}")));
                    Err(error.into())
                }
            }
        }
    }
}

//! Spans of OpenTelemetry. Without an exporter they cost nothing and record nothing.

use std::cell::Cell;

use cesar_base::{TraceId, TraceParent};
use opentelemetry::global::{self, BoxedSpan};
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceState,
    Tracer as _,
};
use opentelemetry::{Context, KeyValue, Value};

use super::Kind;

thread_local! {
    static NEXT_TRACE: Cell<Option<TraceId>> = const { Cell::new(None) };
}

/// The id of the trace that is begun on this thread, for the program's generator of ids; `None` for a random one.
#[must_use]
pub fn next_trace() -> Option<TraceId> {
    NEXT_TRACE.take()
}

/// A span, which ends when it is dropped.
#[derive(Debug)]
pub(super) struct Span(BoxedSpan);

impl Span {
    /// Begins one below the parent, or a trace of its own.
    pub(super) fn begin(name: impl Into<String>, kind: Kind, parent: Option<TraceParent>) -> Self {
        let (kind, is_remote) = match kind {
            Kind::Server => (SpanKind::Server, true),
            Kind::Consumer => (SpanKind::Consumer, true),
            Kind::Internal => (SpanKind::Internal, false),
        };
        let builder = SpanBuilder::from_name(name.into()).with_kind(kind);
        let context = match parent {
            Some(parent) => Context::new().with_remote_span_context(span_context(parent, is_remote)),
            None => Context::new(),
        };
        Self(global::tracer("cesar").build_with_context(builder, &context))
    }

    /// Begins the first one of this trace.
    pub(super) fn begin_trace(name: impl Into<String>, kind: Kind, trace: TraceId) -> Self {
        NEXT_TRACE.set(Some(trace));
        let span = Self::begin(name, kind, None);
        NEXT_TRACE.set(None);
        span
    }

    /// Its place, for those below it.
    pub(super) fn context(&self) -> Option<TraceParent> {
        let context = self.0.span_context();
        context.is_valid().then(|| TraceParent {
            trace: TraceId(context.trace_id().to_bytes()),
            span: context.span_id().to_bytes(),
            flags: context.trace_flags().to_u8(),
        })
    }

    /// Sets an attribute.
    pub(super) fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.set_attribute(KeyValue::new(name, value));
    }

    /// Marks it as failed.
    pub(super) fn fail(&mut self, reason: String) {
        self.0.set_status(Status::error(reason));
    }

    /// Ends it.
    pub(super) fn end(&mut self) {
        self.0.end();
    }
}

fn span_context(parent: TraceParent, is_remote: bool) -> SpanContext {
    let trace = opentelemetry::TraceId::from_bytes(parent.trace.0);
    let (span, flags) = (SpanId::from_bytes(parent.span), TraceFlags::new(parent.flags));
    SpanContext::new(trace, span, flags, is_remote, TraceState::NONE)
}

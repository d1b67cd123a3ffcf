//! Forwards a plugin's `tracing` events to the host.
//!
//! Every shared library has its own copy of `tracing` with its own dispatcher, so a plugin's events would be lost. The glue
//! installs one subscriber per library, and registers the sink of the current call; events of any thread go to the newest one,
//! events outside a call are dropped.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Once, PoisonError, RwLock};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::sink::HostSink;

/// A sink that outlives its entry in [`SINKS`], as [`Forwarding`] ensures.
struct ErasedSink(*const (dyn HostSink + 'static));

#[expect(unsafe_code, reason = "a raw pointer is neither Send nor Sync by itself")]
// SAFETY: the pointee is a `HostSink`, which is `Send + Sync`; it is only read while `SINKS` is locked.
unsafe impl Send for ErasedSink {}
#[expect(unsafe_code, reason = "a raw pointer is neither Send nor Sync by itself")]
// SAFETY: as above.
unsafe impl Sync for ErasedSink {}

static SINKS: RwLock<Vec<ErasedSink>> = RwLock::new(Vec::new());
static INSTALL: Once = Once::new();

/// Removes the sink from [`SINKS`] before its borrow ends.
pub(crate) struct Forwarding<'a>(&'a dyn HostSink);

/// Sends this library's events to `sink` until the result is dropped.
pub(crate) fn forward_to(sink: &dyn HostSink) -> Forwarding<'_> {
    INSTALL.call_once(|| {
        // Fails only where the plugin's author installed another subscriber, which takes precedence.
        drop(tracing::subscriber::set_global_default(Forwarder::default()));
    });
    #[expect(unsafe_code, reason = "the entry outlives no borrow: see `Forwarding`")]
    // SAFETY: only the lifetime changes, and `Forwarding`, which borrows `sink`, removes the entry when it is dropped.
    let erased = unsafe { std::mem::transmute::<*const (dyn HostSink + '_), *const (dyn HostSink + 'static)>(sink) };
    SINKS
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .push(ErasedSink(erased));
    Forwarding(sink)
}

impl Drop for Forwarding<'_> {
    fn drop(&mut self) {
        let gone = std::ptr::from_ref(self.0).cast::<()>();
        SINKS
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|entry| !std::ptr::addr_eq(entry.0, gone));
    }
}

#[derive(Default)]
struct Forwarder {
    spans: AtomicU64,
}

/// Collects `message` and the other fields into one line.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing into a String cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

/// Levels on the wire: 1 error to 5 trace.
fn level_number(level: Level) -> u8 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

impl Subscriber for Forwarder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::DEBUG
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let text = line.message + &line.fields;
        let sinks = SINKS.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(newest) = sinks.last() {
            #[expect(unsafe_code, reason = "the sink's lifetime was erased on entry")]
            // SAFETY: `Forwarding` removes the entry, under the write lock, before the sink it borrows is gone.
            let sink = unsafe { &*newest.0 };
            sink.log(
                level_number(*event.metadata().level()),
                event.metadata().target(),
                &text,
            );
        }
    }
}

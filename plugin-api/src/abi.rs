//! The frozen binary boundary, ABI 1, and the only file that names `abi_stable`.
//!
//! **Nothing here changes within one [`ABI_MAJOR`].** abi_stable's layout check works one way only: it lets an old host load a
//! newer plugin but refuses an older plugin in a host whose trait has an additional method. Growth therefore goes through the
//! JSON that crosses the boundary, through [`Sink::emit`] and through [`Session::call`]. A test pins the exported symbol, the
//! field and method names and the sizes of the views.
//!
//! Two halves meet here. The *plugin's* half ([`module_for`], [`header_for`]) is instantiated by
//! [`cesar_plugin!`](crate::cesar_plugin) and turns a [`Stage`] into a [`Session`]; every call is fenced, because a panic that
//! crossed a `#[sabi_trait]` method would end the process. The *host's* half is [`crate::host`], which wraps these types so that
//! no host names `abi_stable` either.
#![allow(non_local_definitions, reason = "abi_stable 0.11's derive macros write such impls")]
#![allow(
    missing_docs,
    reason = "abi_stable 0.11's derive macros write undocumented public items"
)]
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "abi_stable 0.11's derive macros write such blocks"
)]
#![allow(unreachable_pub, reason = "abi_stable 0.11's derive macros write such items")]

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};

use abi_stable::{
    RRef, StableAbi, declare_root_module_statics,
    library::{CheckTypeLayout, IntoRootModuleResult, LibHeader, RootModule, RootModuleResult},
    package_version_strings,
    prefix_type::PrefixTypeTrait,
    sabi_trait,
    sabi_trait::prelude::*,
    sabi_types::VersionStrings,
    std_types::{RBox, RErr, ROk, RResult, RSlice, RStr, RString},
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Audio, Ctx, ErrorKind, Stage, StageError, log};

/// The major version of everything in this file.
pub const ABI_MAJOR: u32 = 1;

/// The verb that checks whether a request could run; its body is the request.
pub(crate) const CHECK: &str = "check";

/// The one symbol a plugin exports: abi_stable's library header.
pub const HEADER_SYMBOL: &str = abi_stable::library::ROOT_MODULE_LOADER_NAME;

/// An opened session, owned by the host.
pub type SessionBox = Session_TO<'static, RBox<()>>;
/// The host's sink, borrowed for one call.
pub type SinkRef<'a> = Sink_TO<'a, RRef<'a, ()>>;

/// PCM lent for one call, never copied.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct AudioView<'a> {
    /// Mono samples, nominally within -1 to 1.
    pub samples: RSlice<'a, f32>,
    /// Sample rate in Hz.
    pub sample_rate: u32,
}

/// One piece of text with its times, shown while decoding.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct SegmentView<'a> {
    pub start_ms: u64,
    pub end_ms: u64,
    pub text: RStr<'a>,
}

/// The root module, which the library header refers to.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginModRef)))]
#[sabi(missing_field(panic))]
pub struct PluginMod {
    /// The manifest, byte for byte as in the ELF section.
    pub manifest: RStr<'static>,
    /// Opens a session from the open options (JSON object). Errors are [`StageError`] as JSON.
    #[sabi(last_prefix_field)]
    pub open: extern "C" fn(options: RStr<'_>, sink: SinkRef<'_>) -> RResult<SessionBox, RString>,
}

impl RootModule for PluginModRef {
    declare_root_module_statics! {PluginModRef}
    const BASE_NAME: &'static str = "cesar_plugin";
    const NAME: &'static str = "cesar plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

/// A loaded model, called by one thread at a time.
#[sabi_trait]
pub trait Session: Send {
    /// Runs one request (JSON) over `audio`; answers JSON, or a [`StageError`] as JSON.
    fn run(&mut self, request: RStr<'_>, audio: AudioView<'_>, sink: SinkRef<'_>) -> RResult<RString, RString>;
    /// Extension of the contract: a named verb with a JSON body.
    #[sabi(last_prefix_field)]
    fn call(&mut self, verb: RStr<'_>, body: RStr<'_>) -> RResult<RString, RString>;
}

/// The services of the host for a running stage.
#[sabi_trait]
pub trait Sink: Send + Sync {
    fn progress(&self, done: u64, total: u64);
    fn segment(&self, segment: SegmentView<'_>);
    fn emit(&self, kind: RStr<'_>, json: RStr<'_>);
    fn log(&self, level: u8, target: RStr<'_>, message: RStr<'_>);
    #[sabi(last_prefix_field)]
    fn cancelled(&self) -> bool;
}

/// Runs `body` on the plugin's side of the boundary and turns a panic into a typed error.
fn fence<T>(body: impl FnOnce() -> Result<T, StageError>) -> RResult<T, RString> {
    let result = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        let text = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a message".to_owned());
        // The payload's own drop may panic too; leaking it is the only safe end.
        std::mem::forget(payload);
        Err(StageError::new(ErrorKind::Panic, text))
    });
    match result {
        Ok(value) => ROk(value),
        Err(error) => RErr(error.to_json().into()),
    }
}

fn from_json<T: DeserializeOwned>(text: RStr<'_>, kind: ErrorKind) -> Result<T, StageError> {
    serde_json::from_str(text.as_str()).map_err(|error| StageError::new(kind, error.to_string()))
}

fn to_json<T: Serialize>(value: &T) -> Result<RString, StageError> {
    serde_json::to_string(value)
        .map(Into::into)
        .map_err(|error| StageError::new(ErrorKind::Internal, error.to_string()))
}

/// A [`Stage`] behind the boundary. A panic leaves its state unknown, so it is poisoned.
struct Adapter<S> {
    stage: ManuallyDrop<S>,
    poisoned: bool,
}

impl<S: Stage> Adapter<S> {
    fn guarded(&mut self, body: impl FnOnce(&mut S) -> Result<RString, StageError>) -> RResult<RString, RString> {
        if self.poisoned {
            let error = StageError::new(ErrorKind::Panic, "the session is unusable after an earlier panic");
            return RErr(error.to_json().into());
        }
        let (stage, mut finished) = (&mut *self.stage, false);
        let result = fence(|| {
            let outcome = body(stage);
            finished = true;
            outcome
        });
        self.poisoned = !finished;
        result
    }
}

impl<S: Stage> Session for Adapter<S> {
    fn run(&mut self, request: RStr<'_>, audio: AudioView<'_>, sink: SinkRef<'_>) -> RResult<RString, RString> {
        let _forwarding = log::forward_to(&sink);
        self.guarded(|stage| {
            let request = from_json(request, ErrorKind::InvalidOptions)?;
            let audio = Audio {
                samples: audio.samples.as_slice(),
                sample_rate: audio.sample_rate,
            };
            let output = stage.run(request, audio, &mut Ctx { sink: &sink })?;
            to_json(&output)
        })
    }

    fn call(&mut self, verb: RStr<'_>, body: RStr<'_>) -> RResult<RString, RString> {
        self.guarded(|stage| {
            if verb.as_str() == CHECK {
                return to_json(&stage.check(&from_json(body, ErrorKind::InvalidOptions)?)?);
            }
            let body = from_json(body, ErrorKind::InvalidInput)?;
            to_json(&stage.call(verb.as_str(), body)?)
        })
    }
}

impl<S> Drop for Adapter<S> {
    fn drop(&mut self) {
        // SAFETY: `stage` is dropped here and nowhere else, and not touched afterwards.
        let drop_stage = || unsafe { ManuallyDrop::drop(&mut self.stage) };
        // A panic while dropping must not cross the boundary; no caller is left to receive it.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(drop_stage)) {
            std::mem::forget(payload);
        }
    }
}

extern "C" fn open<S: Stage>(options: RStr<'_>, sink: SinkRef<'_>) -> RResult<SessionBox, RString> {
    let _forwarding = log::forward_to(&sink);
    fence(|| {
        let options = from_json(options, ErrorKind::InvalidOptions)?;
        let adapter = Adapter {
            stage: ManuallyDrop::new(S::open(options)?),
            poisoned: false,
        };
        Ok(Session_TO::from_value(adapter, TD_Opaque))
    })
}

/// The root module of a plugin; for [`cesar_plugin!`](crate::cesar_plugin).
#[doc(hidden)]
pub fn module_for<S: Stage>(manifest: &'static str) -> PluginModRef {
    PluginMod {
        manifest: manifest.into(),
        open: open::<S>,
    }
    .leak_into_prefix()
}

/// abi_stable's library header, exported by [`cesar_plugin!`](crate::cesar_plugin) as [`HEADER_SYMBOL`].
#[doc(hidden)]
#[repr(transparent)]
pub struct Header(LibHeader);

/// The plugin's entry, called once by the host's [`crate::host::Module::from_header`].
#[doc(hidden)]
pub trait Entry {
    fn module() -> PluginModRef;
}

extern "C" fn erased_module<E: Entry>() -> RootModuleResult {
    abi_stable::library::__call_root_module_loader(E::module)
}

/// Builds the header for one plugin; for [`cesar_plugin!`](crate::cesar_plugin).
#[doc(hidden)]
#[must_use]
pub const fn header_for<E: Entry>() -> Header {
    type Module = <PluginModRef as IntoRootModuleResult>::Module;
    // SAFETY: `erased_module` returns what `__call_root_module_loader` made of a `PluginModRef`, the type named here.
    Header(unsafe { LibHeader::from_constructor::<Module>(erased_module::<E>, CheckTypeLayout::Yes) })
}

/// The reason why a header could not become a module: one line for users, and abi_stable's own text (hundreds of lines) for
/// debugging.
#[derive(Debug)]
pub(crate) struct HeaderError {
    pub(crate) summary: String,
    pub(crate) detail: String,
}

/// Checks the header behind `symbol` and initialises the module.
///
/// # Safety
/// `symbol` must be the address of [`HEADER_SYMBOL`] in a library that stays loaded for the rest of the process.
pub(crate) unsafe fn module_from_symbol(symbol: *const ()) -> Result<PluginModRef, HeaderError> {
    use abi_stable::library::{AbiHeaderRef, LibraryError};
    if symbol.is_null() {
        return Err(HeaderError {
            summary: "its library header is null".into(),
            detail: String::new(),
        });
    }
    // SAFETY: an `AbiHeaderRef` is the address of a header, which the caller vouches for; the header's own magic bytes are
    // checked by `upgrade`.
    let header = unsafe { std::mem::transmute::<*const (), AbiHeaderRef>(symbol) };
    let found = header.upgrade().map_err(|error| HeaderError {
        summary: "it was built with another version of the plugin boundary: rebuild it with plugin-api 1".into(),
        detail: error.to_string(),
    })?;
    found.init_root_module::<PluginModRef>().map_err(|error| {
        let summary = match &error {
            LibraryError::IncompatibleVersionNumber { expected_version, actual_version, .. } => format!(
                "it was built with plugin-api {actual_version}, this Cesar has {expected_version}: rebuild it with plugin-api 1"
            ),
            LibraryError::AbiInstability(_) => {
                "its types differ from plugin ABI 1: rebuild it with an unchanged plugin-api 1".to_owned()
            }
            _ => "its root module could not be initialised".to_owned(),
        };
        HeaderError { summary, detail: error.to_string() }
    })
}

/// The boundary's sink as plain Rust, for [`Ctx`] and the log.
impl crate::sink::HostSink for SinkRef<'_> {
    fn progress(&self, done: u64, total: u64) {
        Sink_TO::progress(self, done, total);
    }
    fn segment(&self, start_ms: u64, end_ms: u64, text: &str) {
        Sink_TO::segment(
            self,
            SegmentView {
                start_ms,
                end_ms,
                text: text.into(),
            },
        );
    }
    fn emit(&self, kind: &str, json: &str) {
        Sink_TO::emit(self, kind.into(), json.into());
    }
    fn log(&self, level: u8, target: &str, message: &str) {
        Sink_TO::log(self, level, target.into(), message.into());
    }
    fn cancelled(&self) -> bool {
        Sink_TO::cancelled(self)
    }
}

/// The host's sink as the boundary's type.
pub(crate) struct SinkBridge<'a>(pub(crate) &'a dyn crate::sink::HostSink);

impl Sink for SinkBridge<'_> {
    fn progress(&self, done: u64, total: u64) {
        self.0.progress(done, total);
    }
    fn segment(&self, segment: SegmentView<'_>) {
        self.0.segment(segment.start_ms, segment.end_ms, segment.text.as_str());
    }
    fn emit(&self, kind: RStr<'_>, json: RStr<'_>) {
        self.0.emit(kind.as_str(), json.as_str());
    }
    fn log(&self, level: u8, target: RStr<'_>, message: RStr<'_>) {
        self.0.log(level, target.as_str(), message.as_str());
    }
    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

impl SinkBridge<'_> {
    pub(crate) fn as_sink(&self) -> SinkRef<'_> {
        Sink_TO::from_ptr(RRef::new(self), TD_Opaque)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The layout that abi_stable compares when a plugin is loaded: every type, field and method that crosses, by name and in
    /// order. A change here is ABI 2, never an edit: existing plugins would be refused.
    #[test]
    fn the_layout_of_abi_1_is_golden() {
        let text = format!("{:#?}", <PluginModRef as StableAbi>::LAYOUT);
        let names: Vec<&str> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("name: \"")?.strip_suffix("\","))
            .collect();
        let ours = [
            "PluginMod",
            "manifest",
            "open",
            "Sink_TO",
            "progress",
            "segment",
            "emit",
            "log",
            "cancelled",
            "SegmentView",
            "start_ms",
            "end_ms",
            "text",
            "Session_TO",
            "run",
            "call",
            "AudioView",
            "samples",
            "sample_rate",
        ];
        let mut found: Vec<&str> = names.iter().copied().filter(|name| ours.contains(name)).collect();
        found.dedup();
        assert_eq!(found, ours);
        // Every addition, of any name, changes the number.
        assert_eq!(names.len(), 273);
    }
}

//! The contract between Cesar, an offline transcription system, and its stage plugins.
//!
//! A plugin is one shared library that does one stage of the work: `download`, `asr` (speech to text), `diarize` (who spoke when)
//! or `format` (a document to a file). Its author implements [`Stage`], describes it in a JSON [manifest](manifest::Manifest)
//! with **one option table**, and exports it with [`cesar_plugin!`]. The author's crate needs `plugin-api` and `serde`, is built as
//! a `cdylib`, and never sees an FFI type.
//!
//! ```
//! use plugin_api::{Audio, Ctx, Stage, StageError, asr::{Segment, Transcription}, cesar_plugin};
//!
//! /// Writes down how loud each window is: a stand-in for a speech recogniser.
//! struct Loudness { window_ms: u64 }
//!
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Options { window_ms: u64 }
//!
//! #[derive(serde::Deserialize)]
//! struct Request { language: Option<String> }
//!
//! impl Stage for Loudness {
//!     type Options = Options;
//!     type Request = Request;
//!     type Output = Transcription;
//!
//!     fn open(options: Options) -> Result<Self, StageError> {
//!         Ok(Self { window_ms: options.window_ms })
//!     }
//!
//!     fn run(&mut self, request: Request, audio: Audio<'_>, ctx: &mut Ctx<'_>) -> Result<Transcription, StageError> {
//!         let mut transcription = Transcription { language: request.language, ..Transcription::default() };
//!         let window = (u64::from(audio.sample_rate) * self.window_ms / 1000) as usize;
//!         for (index, samples) in audio.samples.chunks(window).enumerate() {
//!             ctx.checkpoint()?; // ends the run when the host asks to stop
//!             let start_ms = index as u64 * self.window_ms;
//!             let end_ms = audio.milliseconds(index * window + samples.len());
//!             let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
//!             let segment = Segment::new(start_ms, end_ms, format!("peak {peak:.2}"));
//!             ctx.segment(&segment); // shown while the rest is still being decoded
//!             ctx.progress(end_ms, audio.milliseconds(audio.samples.len()));
//!             transcription.segments.push(segment);
//!         }
//!         Ok(transcription)
//!     }
//! }
//!
//! # mod manifest_of_the_example {
//! # use super::*;
//! // The path is relative to this source file, as for `include_str!`.
//! plugin_api::cesar_plugin!(Loudness, "../examples/cesar-plugin.json");
//! # }
//! # fn main() {}
//! ```
//!
//! # Data across the boundary
//! `open` gets a JSON object with every option of scope `open`; `run` gets one with every option of scope `request` (defaults filled
//! in by the host, from the table) and, for stages that need one, the input besides the audio (`document` for `format`, `order` for
//! `download`).
//! Times are integer milliseconds from the start of the audio. Audio is 16 kHz mono `f32`, lent for the call.
//!
//! # Promises a plugin makes
//! * The same request over the same audio has the same output, unless marked as sampled ([`asr::Transcription::sampled`]).
//! * Segments are in order and inside the audio; progress never falls.
//! * [`Ctx::checkpoint`] is called often enough that a cancel is answered within about two seconds.
//! * Nothing is written to standard output; logging goes through `tracing`.
//!
//! A long-running stage can limit the loss of a crash to seconds: see [`resume`]. An engine can align an existing text: see [`align`].
//!
//! # Testing a stage
//! With the feature `testkit`, the module `testkit` runs a stage without a host, for unit tests. `cesar plugins check libmine.so`
//! checks the built library, and `cesar plugins new` creates a crate with both.
//!
//! # Failures
//! Every failure is a [`StageError`] whose [`ErrorKind`] is the retry policy. A panic is caught in the generated glue and becomes
//! [`ErrorKind::Panic`]. A crash ends only the stage's child process.
//!
//! # Compatibility
//! The binary boundary is frozen per [`ABI_MAJOR`]; everything else grows through JSON fields, [`Ctx::emit`] and [`Stage::call`].
//! Plugins must ignore unknown fields beyond the option table; hosts ignore unknown kinds of events.

#[doc(hidden)]
#[expect(unsafe_code, reason = "the binary boundary")]
pub mod abi;
pub mod align;
pub mod asr;
#[doc(hidden)]
pub mod c;
pub mod diarize;
pub mod document;
pub mod download;
mod error;
pub mod host;
mod log;
pub mod manifest;
pub mod network;
mod rendering;
pub mod resume;
mod sink;
mod stage;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;

pub use abi::ABI_MAJOR;
pub use error::{ErrorKind, StageError};
pub use stage::{Audio, Ctx, Stage, WARNING};

/// Exports a [`Stage`] as this library's plugin.
///
/// `$manifest` is the path of the manifest relative to the source file, as for `include_str!`; one completed by the build script is
/// `concat!(env!("OUT_DIR"), "/cesar-plugin.json")`. It is embedded twice: as the ELF section `.cesar.plugin`, which hosts read
/// without running code, and in the root module, so that a host can check that both agree. The crate's version must equal the
/// manifest's, or the crate does not compile.
#[macro_export]
macro_rules! cesar_plugin {
    ($stage:ty, $manifest:expr) => {
        const _: () = {
            const TEXT: &str = ::core::include_str!($manifest);
            const _: () = $crate::manifest::assert_version(TEXT, ::core::env!("CARGO_PKG_VERSION"));

            #[used]
            #[cfg_attr(target_os = "linux", unsafe(link_section = ".cesar.plugin"))]
            static MANIFEST: [u8; TEXT.len()] = $crate::manifest::bytes_of(TEXT);

            struct CesarEntry;
            impl $crate::abi::Entry for CesarEntry {
                fn module() -> $crate::abi::PluginModRef {
                    $crate::abi::module_for::<$stage>(TEXT)
                }
            }

            // `plugin_api::abi::HEADER_SYMBOL`; a test in plugin-api keeps the two equal.
            #[used]
            #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
            pub static CESAR_HEADER: $crate::abi::Header = $crate::abi::header_for::<CesarEntry>();
        };
    };
}

/// Exports a stage written in C as this library's plugin: `cesar_c_plugin!(MyAsr, "cesar_stage", "cesar-plugin.json")`.
///
/// `$name` becomes the type of the stage, for tests; `$symbol` is the name of the `const struct cesar_stage` that
/// `include/cesar_plugin.h` describes; `$manifest` is as for [`cesar_plugin!`]. The crate's build script compiles the C;
/// `cesar plugins new NAME --stage asr --language c` creates such a crate.
#[macro_export]
macro_rules! cesar_c_plugin {
    ($name:ident, $symbol:literal, $manifest:expr) => {
        unsafe extern "C" {
            #[link_name = $symbol]
            safe static CESAR_STAGE: $crate::c::CTable;
        }

        /// The source of the stage's table.
        pub struct CesarSource;

        // SAFETY: the author of the C keeps what `cesar_plugin.h` says.
        unsafe impl $crate::c::Source for CesarSource {
            fn table() -> &'static $crate::c::CTable {
                &CESAR_STAGE
            }
        }

        /// A session of the stage in C.
        pub type $name = $crate::c::CStage<CesarSource>;

        $crate::cesar_plugin!($name, $manifest);
    };
}

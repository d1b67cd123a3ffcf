//! Settings: the statements of each layer, and the values they resolve to.
//!
//! **One definition.** A setting is one row of [`SETTINGS`]. Its key in the configuration file, its environment variable, its flag
//! (with help, possible values and repetition), its check, its default, its line in `cesar config show` and its row of the
//! reference ([`reference_markdown`]) all derive from that row; nothing else in the program names a variable or a key.
//!
//! **Two steps.** [`Layers`] collects statements, in order of precedence: defaults, then the configuration file, then `CESAR_*`
//! variables, then flags. [`Layers::resolve`] checks every statement (also one that a higher layer overrides, so that no mistake
//! is hidden) and returns [`Resolved`]: for each setting the value and the [`Source`] it came from. [`Resolved::settings`] is the
//! typed view the rest of the program uses.
//!
//! **Precedence.** A setting has one value, from the highest layer that sets it; lists are replaced, not joined. Tables
//! (`asr.options`, `diarize.options`, `format.options`, `cache.ttl`) are settled entry by entry. A setting such as `asr.beam_size`
//! is a short form of the option `beam_size` of `asr.options`: the higher layer wins, and both in one layer is refused.
//!
//! **Conventions.** A variable that is set but empty is ignored. An empty text in the file or a flag (`--language ""`) means
//! "not set" and hides lower layers. In the configuration file a path is relative to the file's folder and may start with `~/`;
//! everywhere else it is relative to the current folder, and the shell expands `~`.
//!
//! **Errors and warnings.** [`ConfigError`] is one sentence that names the key, the file and line (or variable, or flag) and the
//! accepted values. An unknown key in the file is refused; an unknown `CESAR_*` variable is only a warning, because the
//! environment is shared with other versions and other programs.
//!
//! Nothing here reads the process's environment: the caller passes it in, so tests run in parallel.

mod check;
mod environment;
mod error;
mod file;
mod flags;
mod layers;
mod reference;
mod resolved;
mod setting;
mod settings;
mod show;
mod source;
mod statement;
mod table;
mod template;

pub use environment::READ_ELSEWHERE;
pub use error::ConfigError;
pub use flags::{augment, config_file_flag};
pub use layers::Layers;
pub use reference::reference_markdown;
pub use resolved::{Given, GivenOption, Resolved};
pub use setting::{Fallback, Flag, Group, Kind, Setting};
pub use settings::{
    AudioSettings, CacheLimits, CacheSettings, DiarizeSettings, Ffmpeg, GlossarySettings, LogSettings, MemoryLimit,
    ModelSettings, OutputSettings, PluginSettings, Progress, RemoteSettings, ServerSettings, Settings, StageSettings,
};
pub use show::{Row, Show};
pub use source::{Layer, Source};
pub use table::{SETTINGS, find};
pub use template::template;

#[cfg(test)]
mod tests;

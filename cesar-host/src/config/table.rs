//! The table of settings: the one definition of each.

use super::setting::{Fallback, Group, Kind, Setting};

const TRANSCRIBE: &[Group] = &[Group::Transcribe];
const WITH_CACHE: &[Group] = &[Group::Transcribe, Group::Cache];
const WITH_PLUGINS: &[Group] = &[Group::Transcribe, Group::Plugins];
const EVERYWHERE: &[Group] = &[Group::Global];

const PLUGINS_OWN: Fallback = Fallback::Unset("the plugin's own default");

/// A setting that stands for the option of the same name of the speech recognition plugin.
const fn asr(key: &'static str, kind: Kind, doc: &'static str) -> Setting {
    Setting::new(key, kind, PLUGINS_OWN, doc).option_of("asr.options")
}

const fn at_least(minimum: i64) -> Kind {
    Kind::Integer { minimum, maximum: None }
}

/// Every setting, in the order in which help and `cesar config show` give them.
pub const SETTINGS: &[Setting] = &[
    Setting::new(
        "asr.plugin",
        Kind::Text,
        Fallback::Unset("the best engine whose model is present"),
        "The speech recognition plugin, by id or `id@version`.",
    )
    .flag("asr-plugin", "ID", TRANSCRIBE),
    Setting::new(
        "asr.model",
        Kind::NameOrPath,
        Fallback::Unset("the best model present"),
        "The speech recognition model, by name or path.",
    )
    .option_of("asr.options")
    .flag("model", "NAME|PATH", TRANSCRIBE),
    asr(
        "asr.language",
        Kind::Text,
        "The language spoken, as a code such as `en`; detected if not set.",
    )
    .flag("language", "CODE", TRANSCRIBE)
    .short('l'),
    asr(
        "asr.task",
        Kind::Choice(&["transcribe", "translate"]),
        "What to write: the words as spoken, or their translation into English.",
    )
    .flag("task", "TASK", TRANSCRIBE),
    asr(
        "asr.threads",
        at_least(0),
        "How many threads the engine computes with; 0 lets it choose.",
    )
    .flag("threads", "N", TRANSCRIBE),
    asr(
        "asr.device",
        Kind::Text,
        "Where the engine computes, such as `cpu` or `cuda`.",
    )
    .flag("device", "DEVICE", TRANSCRIBE),
    asr(
        "asr.compute_type",
        Kind::Text,
        "The kind of numbers the engine computes with, such as `int8` or `float32`.",
    )
    .flag("compute-type", "TYPE", TRANSCRIBE),
    asr(
        "asr.beam_size",
        at_least(1),
        "How many hypotheses the decoder follows at once.",
    )
    .flag("beam-size", "N", TRANSCRIBE),
    asr(
        "asr.initial_prompt",
        Kind::Text,
        "Text that shows the engine the spelling and style to expect.",
    )
    .flag("initial-prompt", "TEXT", TRANSCRIBE),
    Setting::new(
        "asr.options",
        Kind::Options,
        Fallback::Empty,
        "Any option of the speech recognition plugin; `cesar plugins show ID` lists them.",
    )
    .flag("asr-option", "NAME=VALUE", TRANSCRIBE),
    Setting::new(
        "format.plugin",
        Kind::Text,
        Fallback::Unset("the plugin that writes the format"),
        "The plugin that writes the output, by id or `id@version`.",
    )
    .flag("format-plugin", "ID", TRANSCRIBE),
    Setting::new(
        "format.options",
        Kind::Options,
        Fallback::Empty,
        "Any option of the format plugin; `cesar plugins show ID` lists them.",
    )
    .flag("format-option", "NAME=VALUE", TRANSCRIBE),
    Setting::new(
        "output.formats",
        Kind::Texts,
        Fallback::Empty,
        "The formats to write, such as `txt` or `srt`; if none is named, the output's name decides, else `txt`.",
    )
    .flag("format", "FORMAT", TRANSCRIBE)
    .short('f'),
    Setting::new(
        "output.dir",
        Kind::Path,
        Fallback::Unset("standard output"),
        "The folder to write files to, each named after its input.",
    )
    .flag("output-dir", "DIR", TRANSCRIBE),
    Setting::new(
        "cache.dir",
        Kind::Path,
        Fallback::InCacheFolder("cesar"),
        "The folder that keeps results, so that no work is done twice.",
    )
    .flag("cache-dir", "DIR", WITH_CACHE),
    Setting::new(
        "cache.enabled",
        Kind::Boolean,
        Fallback::Boolean(true),
        "Whether results are looked up and kept.",
    )
    .switch("no-cache", false, "Neither look up results nor keep them.", TRANSCRIBE),
    Setting::new(
        "cache.max_size",
        Kind::Size,
        Fallback::Text("10 GB"),
        "How large the cache may grow before the results least worth keeping are removed.",
    ),
    Setting::new(
        "cache.min_free_disk",
        Kind::Size,
        Fallback::Text("1 GB"),
        "How much of its disk the cache leaves free, by removing results.",
    ),
    Setting::new(
        "cache.ttl",
        Kind::Durations,
        Fallback::Empty,
        "How long the results of a stage are used, by the stage's name; for ever if not named.",
    ),
    Setting::new(
        "cache.lock_timeout",
        Kind::Duration,
        Fallback::Text("2 h"),
        "How long to wait for another process that computes the same, before computing it here too.",
    ),
    Setting::new(
        "plugins.dirs",
        Kind::Paths,
        Fallback::Empty,
        "Folders with plugins that win over all others.",
    )
    .flag("plugin-dir", "DIR", WITH_PLUGINS),
    Setting::new(
        "plugins.path",
        Kind::Paths,
        Fallback::Empty,
        "Further folders with plugins, searched before the standard ones.",
    )
    .variable_named("CESAR_PLUGIN_PATH"),
    Setting::new(
        "plugins.in_process",
        Kind::Boolean,
        Fallback::Boolean(false),
        "Whether plugins run inside the program instead of a child process.",
    )
    .switch(
        "in-process",
        true,
        "Run plugins inside the program, for a debugger; a plugin's crash then ends everything.",
        TRANSCRIBE,
    ),
    Setting::new(
        "models.dir",
        Kind::Path,
        Fallback::Unset("only the standard folders"),
        "A folder with models, searched before the standard ones.",
    )
    .flag("models-dir", "DIR", WITH_PLUGINS),
    Setting::new(
        "audio.ffmpeg",
        Kind::NameOrPath,
        Fallback::Unset("`ffmpeg` on the PATH, if installed"),
        "The ffmpeg program for formats that Cesar does not read itself, by name or path, or `off`.",
    ),
    Setting::new(
        "log.progress",
        Kind::Choice(&["bar", "json", "none"]),
        Fallback::Unset("`bar` on a terminal, else `none`"),
        "How progress is shown on standard error.",
    )
    .flag("progress", "HOW", EVERYWHERE)
    .variable_named("CESAR_PROGRESS"),
];

/// The setting with this key.
#[must_use]
pub fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

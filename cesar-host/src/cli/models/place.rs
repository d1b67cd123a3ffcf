//! Places of models and libraries, and the models in them by name.

use std::path::PathBuf;

use cesar_config::Settings;
use cesar_models::ModelRoots;
use cesar_models::installed::{self, InstalledModel};
use cesar_models::pull::library_folder;

use crate::cli::host;
use crate::cli::report::Failure;

/// Folders of models and libraries.
pub(in crate::cli) struct Place {
    pub(super) roots: ModelRoots,
    pub(super) libraries: Option<PathBuf>,
}

impl Place {
    pub(in crate::cli) fn of(settings: &Settings) -> Self {
        Self {
            roots: host::model_roots(settings),
            libraries: settings.folders.data().map(|data| library_folder(&data)),
        }
    }

    pub(in crate::cli) fn models(&self) -> Vec<InstalledModel> {
        installed::list(&self.roots, self.libraries.as_deref())
    }

    /// The models with these names; all, if none is given.
    pub(super) fn called(&self, names: &[String]) -> Result<Vec<InstalledModel>, Failure> {
        let all = self.models();
        if names.is_empty() {
            return Ok(all);
        }
        for name in names {
            if !all.iter().any(|model| model.is_called(name)) {
                let present: Vec<String> = all.iter().map(|model| format!("`{}`", model.id)).collect();
                let present = match present.is_empty() {
                    true => "no models installed".to_owned(),
                    false => format!("installed: {}", present.join(", ")),
                };
                return Err(Failure::failed(format!(
                    "model `{name}` is not installed ({present}); download it with `cesar models pull`"
                )));
            }
        }
        let named = |model: &InstalledModel| names.iter().any(|name| model.is_called(name));
        Ok(all.into_iter().filter(named).collect())
    }

    /// The folder for new models.
    pub(super) fn folder(&self) -> Result<&PathBuf, Failure> {
        let none = || Failure::failed("no models folder; set `CESAR_MODELS_DIR` or `HOME`");
        self.roots.dirs.first().ok_or_else(none)
    }
}

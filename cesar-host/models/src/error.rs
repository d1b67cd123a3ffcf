//! Reasons why there is no model; each message is one sentence with the remedy.

use std::fmt;
use std::path::{Path, PathBuf};

use super::catalog::Entry;

/// The reason why there is no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// No model of that name is anywhere.
    #[error("{0}")]
    Unknown(Box<UnknownModel>),
    /// A path at which there is nothing.
    #[error("there is no model at `{}`{}; give the path of a model for `{plugin}`, or a name", path.display(), present_words(present))]
    NoSuchPath {
        /// The path given.
        path: PathBuf,
        /// The plugin.
        plugin: String,
        /// The names that would have been found.
        present: Vec<String>,
    },
    /// An incomplete model folder.
    #[error("the model in `{}` is incomplete: `{plugin}` needs its file `{file}`; add that file or use another model", path.display())]
    Incomplete {
        /// The folder.
        path: PathBuf,
        /// The first file that is missing.
        file: String,
        /// The plugin.
        plugin: String,
    },
    /// A folder was given, but models are files.
    #[error("`{}` is a folder, and a model for `{plugin}` is one file, such as `{example}`; give the file", path.display())]
    FolderForFile {
        /// The path given.
        path: PathBuf,
        /// The plugin.
        plugin: String,
        /// An example of the name of such a file.
        example: String,
    },
    /// A file was given, but models are folders.
    #[error("`{}` is a file, and a model for `{plugin}` is a folder with {}; give the folder with `{flag}`", path.display(), list(files, " and "))]
    FileForFolder {
        /// The path given.
        path: PathBuf,
        /// The plugin.
        plugin: String,
        /// The files such a folder has.
        files: Vec<String>,
        /// The option that names a model.
        flag: String,
    },
    /// No model was named, and none of the preferred ones is present.
    #[error(
        "there is no default model for `{plugin}`{}; {}put {} into {}, or name a model with `{flag}`",
        present_words(present),
        pull.map(|entry| format!("fetch one with `cesar models pull {}`, ", entry.pull_name())).unwrap_or_default(),
        if preferred.is_empty() { "one".into() } else { format!("one of {}", list(preferred, " or ")) },
        place_words(folders)
    )]
    NoDefault {
        /// The plugin.
        plugin: String,
        /// The option that names a model.
        flag: String,
        /// The names of its default models, from best to worst.
        preferred: Box<[String]>,
        /// The folders searched.
        folders: Vec<PathBuf>,
        /// The names of the models present.
        present: Vec<String>,
        /// The model that could be fetched.
        pull: Option<&'static Entry>,
    },
    /// The plugin's manifest leads out of the models folders.
    #[error(
        "the plugin `{plugin}` is defective: `{path}` in its manifest is not a path inside a models folder; report it to its author"
    )]
    Manifest {
        /// The plugin.
        plugin: String,
        /// The path.
        path: String,
    },
}

/// A name that was not found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownModel {
    /// The name.
    pub name: String,
    /// The plugin.
    pub plugin: String,
    /// The option that names a model.
    pub flag: String,
    /// The relative paths searched for.
    pub looked_for: Vec<String>,
    /// The folders searched.
    pub folders: Vec<PathBuf>,
    /// The repositories searched for.
    pub repositories: Vec<String>,
    /// The Hugging Face cache searched.
    pub hub: Option<PathBuf>,
    /// The names of the models present.
    pub present: Vec<String>,
    /// The name that was probably meant.
    pub near: Option<String>,
    /// The model that could be fetched.
    pub pull: Option<&'static Entry>,
}

impl ModelError {
    /// The model to fetch as a remedy.
    #[must_use]
    pub fn pull(&self) -> Option<&'static Entry> {
        match self {
            Self::Unknown(unknown) => unknown.pull,
            Self::NoDefault { pull, .. } => *pull,
            _ => None,
        }
    }
}

impl ModelError {
    /// The message without the folders of this machine: which model, and the remedy.
    #[must_use]
    pub fn brief(&self) -> String {
        match self {
            Self::Unknown(unknown) => {
                let UnknownModel { name, plugin, .. } = unknown.as_ref();
                format!(
                    "there is no model `{name}` for `{plugin}`; {}",
                    remedy(unknown.pull, &[])
                )
            }
            Self::NoDefault {
                plugin,
                preferred,
                pull,
                ..
            } => format!("there is no model for `{plugin}`; {}", remedy(*pull, preferred)),
            Self::NoSuchPath { plugin, .. }
            | Self::FolderForFile { plugin, .. }
            | Self::FileForFolder { plugin, .. } => {
                format!("the path that was given for the model of `{plugin}` leads to none; correct it, or give a name")
            }
            Self::Incomplete { plugin, file, .. } => {
                format!(
                    "the model for `{plugin}` lacks its file `{file}`; `cesar models verify` lists what to fetch again"
                )
            }
            Self::Manifest { .. } => self.to_string(),
        }
    }
}

fn remedy(pull: Option<&'static Entry>, preferred: &[String]) -> String {
    match (pull, preferred) {
        (Some(entry), _) => format!("fetch one with `cesar models pull {}`", entry.pull_name()),
        (None, []) => "put one in place with `cesar models import`".to_owned(),
        (None, names) => format!("put one of {} in place with `cesar models import`", list(names, " or ")),
    }
}

impl fmt::Display for UnknownModel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, plugin, flag, .. } = self;
        write!(
            formatter,
            "there is no model `{name}` for `{plugin}`: looked for {}",
            list(&self.looked_for, " and ")
        )?;
        write!(formatter, " in {}", folder_words(&self.folders))?;
        if let Some(hub) = self.hub.as_deref().filter(|_| !self.repositories.is_empty()) {
            let repositories = list(&self.repositories, " and ");
            write!(
                formatter,
                ", and for {repositories} in the Hugging Face cache `{}`",
                hub.display()
            )?;
        }
        formatter.write_str(&present_words(&self.present))?;
        // A model that can be had is the one that is meant.
        if let Some(near) = self.near.as_ref().filter(|_| self.pull.is_none()) {
            write!(formatter, " (did you mean `{near}`?)")?;
        }
        match self.pull {
            _ if self.folders.is_empty() => {
                write!(
                    formatter,
                    "; name a folder of models with `--models-dir`, or give a path with `{flag}`"
                )
            }
            Some(entry) => write!(
                formatter,
                "; fetch it with `cesar models pull {}`, or give a path with `{flag}`",
                entry.pull_name()
            ),
            None => write!(formatter, "; put the model there, or give a path with `{flag}`"),
        }
    }
}

fn list<Text: AsRef<str>>(texts: &[Text], last: &str) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| format!("`{}`", text.as_ref())).collect();
    match &quoted[..] {
        [] => "nothing".into(),
        [one] => one.clone(),
        [most @ .., final_one] => format!("{}{last}{final_one}", most.join(", ")),
    }
}

fn folder_words(folders: &[PathBuf]) -> String {
    let texts: Vec<String> = folders
        .iter()
        .map(PathBuf::as_path)
        .map(Path::display)
        .map(|path| path.to_string())
        .collect();
    if texts.is_empty() {
        "no folder, because neither `CESAR_MODELS_DIR` nor `HOME` is set".into()
    } else {
        list(&texts, " and ")
    }
}

/// The places where a user can put a model.
fn place_words(folders: &[PathBuf]) -> String {
    let texts: Vec<String> = folders.iter().map(|path| path.display().to_string()).collect();
    if texts.is_empty() {
        "a folder and name that in `CESAR_MODELS_DIR`".into()
    } else {
        list(&texts, " or ")
    }
}

fn present_words(present: &[String]) -> String {
    match present {
        [] => String::new(),
        [one] => format!("; the model `{one}` is present"),
        several => format!("; the models {} are present", list(several, " and ")),
    }
}

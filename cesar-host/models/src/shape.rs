//! Check whether a path is a model of the expected shape.

use std::path::{Path, PathBuf};

use super::ModelFiles;

/// The shape of a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// A model, with its present files, in the manifest's order.
    Complete(Vec<(String, PathBuf)>),
    /// A folder without this required file.
    Lacks(String),
    /// A folder instead of a file, or a file instead of a folder.
    OtherShape,
    /// Nothing.
    Absent,
}

/// The shape of `path`, for a plugin whose models are `files`.
pub(super) fn fit(path: &Path, files: &ModelFiles) -> Fit {
    let wants_folder = files.is_folder();
    if path.is_dir() != wants_folder {
        return if path.exists() { Fit::OtherShape } else { Fit::Absent };
    }
    if wants_folder {
        fit_folder(path, files)
    } else {
        fit_file(path)
    }
}

fn fit_file(path: &Path) -> Fit {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    if path.exists() {
        Fit::Complete(vec![(name, path.to_owned())])
    } else {
        Fit::Absent
    }
}

fn fit_folder(path: &Path, files: &ModelFiles) -> Fit {
    match fit_list(path, &files.files) {
        Fit::Complete(mut present) if !files.one_of.is_empty() => {
            let (mut complete, mut begun, mut lacking) = (None, 0, None);
            for list in &files.one_of {
                match fit_list(path, list) {
                    Fit::Complete(found) => {
                        complete.get_or_insert(found);
                    }
                    // The list of which the folder has the most is the one that was meant.
                    Fit::Lacks(file) => {
                        let found = list
                            .iter()
                            .filter(|entry| path.join(name_and_optional(entry).0).is_file());
                        let found = found.count() + 1;
                        if found > begun {
                            (begun, lacking) = (found, Some(file));
                        }
                    }
                    Fit::OtherShape | Fit::Absent => {}
                }
            }
            match complete {
                Some(found) => {
                    present.extend(
                        found
                            .into_iter()
                            .filter(|file| !present.contains(file))
                            .collect::<Vec<_>>(),
                    );
                    Fit::Complete(present)
                }
                None => Fit::Lacks(lacking.unwrap_or_default()),
            }
        }
        other => other,
    }
}

fn fit_list(path: &Path, wanted: &[String]) -> Fit {
    let mut present = Vec::new();
    for (name, optional) in wanted.iter().map(|entry| name_and_optional(entry)) {
        let file = path.join(name);
        if file.is_file() {
            present.push((name.to_owned(), file));
        } else if !optional {
            return Fit::Lacks(name.to_owned());
        }
    }
    Fit::Complete(present)
}

/// An entry of [`ModelFiles::files`]: the relative name, and whether the file may be absent.
pub(super) fn name_and_optional(entry: &str) -> (&str, bool) {
    entry.strip_suffix('?').map_or((entry, false), |name| (name, true))
}

/// The files that a folder must have.
pub(super) fn required(files: &ModelFiles) -> impl Iterator<Item = &str> {
    files
        .files
        .iter()
        .chain(files.one_of.first().into_iter().flatten())
        .map(|entry| name_and_optional(entry))
        .filter(|(_, optional)| !optional)
        .map(|(name, _)| name)
}

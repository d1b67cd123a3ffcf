//! Shared libraries that a plugin opens at run time: whether one is present, as far as can be checked without opening it.
//!
//! The search covers the file that the manifest's variable names, the plugin's own folder, the user's folder of libraries, and the
//! system loader's folders. Only the plugin knows whether the file can be used.

use std::path::{Path, PathBuf};

use cesar_base::names::visible;
use plugin_api::manifest::{Library, Manifest};

use super::{ModelRoots, catalog};

/// Folders that every loader searches.
const STANDARD: [&str; 5] = ["/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib"];
/// The loader's index of all other folders.
const INDEX: &str = "/etc/ld.so.cache";

/// The message about a missing library of a plugin; `plugin` is its file.
#[must_use]
pub fn missing(manifest: &Manifest, plugin: &Path, roots: &ModelRoots) -> Option<String> {
    let library = manifest.library.as_ref()?;
    if is_there(library, plugin, roots.libraries.as_deref()) {
        return None;
    }
    let pull = catalog::at_place(Path::new(&library.file));
    let pull = pull.map(|entry| format!("run `cesar models pull {}`", entry.pull_name()));
    let name = library.variable.as_ref();
    let name = name.map(|variable| format!("set `{variable}` to its path"));
    let remedies: Vec<_> = pull.into_iter().chain(name).collect();
    let remedies = match remedies.is_empty() {
        true => "install it".to_owned(),
        false => remedies.join(", or "),
    };
    let (file, id) = (visible(&library.file), &manifest.id);
    Some(format!(
        "`{file}`, which the plugin `{id}` needs, was not found; {remedies}"
    ))
}

/// Whether a library of a plugin is present. `beside` is the plugin's file, `folder` the user's folder of libraries.
fn is_there(library: &Library, beside: &Path, folder: Option<&Path>) -> bool {
    let named = library.variable.as_ref().and_then(std::env::var_os);
    match named.filter(|path| !path.is_empty()) {
        // No other place is searched then.
        Some(named) => Path::new(&named).exists(),
        None => in_folders(&library.file, beside, folder) || in_index(&library.file, Path::new(INDEX)),
    }
}

fn in_folders(file: &str, beside: &Path, folder: Option<&Path>) -> bool {
    let searched = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let searched = std::env::split_paths(&searched).filter(|folder| folder.is_absolute());
    let mut folders: Vec<PathBuf> = beside.parent().into_iter().chain(folder).map(Path::to_owned).collect();
    folders.extend(searched);
    folders.extend(STANDARD.map(PathBuf::from));
    folders.iter().any(|folder| has(folder, file))
}

/// Whether a folder has the file, or a version of it: `libx.so.1`.
fn has(folder: &Path, file: &str) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.file_name());
    names.any(|name| is_version(name.as_encoded_bytes(), file.as_bytes()))
}

fn is_version(name: &[u8], file: &[u8]) -> bool {
    name.strip_prefix(file)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"."))
}

/// Whether the loader's index names the file: its entries are strings that end in a zero.
fn in_index(file: &str, index: &Path) -> bool {
    let bytes = std::fs::read(index).unwrap_or_default();
    bytes
        .split(|byte| *byte == 0)
        .any(|name| is_version(name, file.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "libcesar-nothing-of-this-name.so";

    #[test]
    fn libraries_are_found_where_the_loader_looks() {
        let folder = tempfile::tempdir().unwrap();
        let library = Library {
            file: NAME.to_owned(),
            variable: None,
        };
        let plugin = folder.path().join("plugins/libp.so");
        let found = |data: Option<&Path>| is_there(&library, &plugin, data);
        assert!(!found(None) && !found(Some(folder.path())));
        std::fs::write(folder.path().join(format!("{NAME}.1")), "x").unwrap();
        assert!(found(Some(folder.path())) && !found(None));
        std::fs::create_dir(folder.path().join("plugins")).unwrap();
        std::fs::write(folder.path().join("plugins").join(NAME), "x").unwrap();
        assert!(found(None));
    }

    #[test]
    fn the_loader_cache_is_searched() {
        let index = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(index.path(), format!("ld.so\0{NAME}.1\0/opt/lib/{NAME}.1\0")).unwrap();
        assert!(in_index(NAME, index.path()));
        assert!(!in_index("libcesar-nothing", index.path()));
    }
}

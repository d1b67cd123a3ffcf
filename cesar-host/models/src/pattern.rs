//! Patterns: relative paths in which `{name}` stands for a model's name.

use std::path::{Path, PathBuf};

const NAME: &str = "{name}";

/// The pattern with its placeholder replaced by a name.
pub(super) fn expand(pattern: &str, name: &str) -> String {
    pattern.replace(NAME, name)
}

/// Whether this can be the name of a model in a models folder, rather than a path.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('.') && !text.contains(['/', '\0'])
}

/// Whether a pattern stays inside the folder it is relative to, for any name.
pub(super) fn stays_inside(pattern: &str) -> bool {
    !pattern.is_empty()
        && pattern
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..")
}

/// The paths below `base` that match `pattern`, each with its name. A `known` name is not searched; the name is `None` for a
/// pattern without a placeholder.
pub(super) fn existing(base: &Path, pattern: &str, known: Option<&str>) -> Vec<(Option<String>, PathBuf)> {
    let start = vec![(known.map(str::to_owned), base.to_owned())];
    let found = pattern.split('/').fold(start, |places, part| {
        places
            .into_iter()
            .flat_map(|(name, place)| step(part, name, &place))
            .collect()
    });
    found.into_iter().filter(|(_, path)| path.exists()).collect()
}

/// One part of a pattern: the part itself if its name is known or it has none, else every entry that matches it.
fn step(part: &str, name: Option<String>, place: &Path) -> Vec<(Option<String>, PathBuf)> {
    match &name {
        Some(known) => {
            let path = place.join(expand(part, known));
            vec![(name, path)]
        }
        None if !part.contains(NAME) => vec![(None, place.join(part))],
        None => {
            // A folder that cannot be listed shows no models; a lookup by name still reports the error.
            let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
            let fitting = entries.filter_map(|entry| Some((name_in(part, entry.file_name().to_str()?)?, entry.path())));
            fitting.map(|(name, path)| (Some(name), path)).collect()
        }
    }
}

/// The name that makes `part` of a pattern into `entry`.
pub(super) fn name_in(part: &str, entry: &str) -> Option<String> {
    let (before, _) = part.split_once(NAME)?;
    let count = part.matches(NAME).count();
    // The letters of the entry beyond the fixed ones are the name, repeated as in the pattern.
    let length = entry.len().checked_sub(part.len() - count * NAME.len())? / count;
    let name = entry.get(before.len()..before.len() + length)?;
    (is_name(name) && expand(part, name) == entry).then(|| name.to_owned())
}

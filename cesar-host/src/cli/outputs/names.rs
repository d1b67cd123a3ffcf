//! Names of the files in an output folder.
//!
//! `talk.mp3` becomes `talk.txt`, and a file of an input folder keeps its relative path: `folder/sub/talk.mp3` becomes
//! `OUT/sub/talk.txt`. Recordings with equal names keep their extensions (`talk.mp3.txt`), and are numbered if that is not enough,
//! in the order of their paths: names do not depend on the order of the arguments. Names too long with an extension are truncated.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::error::OutputError;

/// Possible names of one recording's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    /// The folder, with the relative folders of the recording.
    folder: PathBuf,
    /// The planned name without an extension.
    planned: OsString,
    /// The recording's own name.
    whole: OsString,
}

impl Names {
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The error of writing the file with this extension.
    pub(crate) fn not_writable(&self, extension: &str, error: io::Error) -> OutputError {
        OutputError::NotWritable(joined(&self.planned(), extension), error)
    }

    /// The path without an extension, unless it is taken.
    pub(super) fn planned(&self) -> PathBuf {
        self.folder.join(&self.planned)
    }

    /// The planned path, then endless others.
    pub(super) fn candidates(&self) -> impl Iterator<Item = PathBuf> {
        let whole = (self.whole != self.planned).then(|| self.whole.clone());
        let numbered = (2_u64..).map(|number| joined(Path::new(&self.whole), &number.to_string()).into_os_string());
        let names = std::iter::once(self.planned.clone()).chain(whole).chain(numbered);
        names.map(|name| self.folder.join(name))
    }
}

/// A path with a dot and an extension.
pub(super) fn joined(base: &Path, extension: &str) -> PathBuf {
    let mut name = base.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

/// The name, with its stem shortened so that extensions and a number fit: file systems allow 255 bytes.
fn shortened(name: &Path) -> Cow<'_, Path> {
    const LONGEST: usize = 255 - ".audio.wav.4294967295".len();
    let (Some(file), Some(stem)) = (name.file_name(), name.file_stem()) else {
        return name.into();
    };
    let Some(surplus) = file.len().checked_sub(LONGEST).filter(|surplus| *surplus > 0) else {
        return name.into();
    };
    let stem_bytes = stem.as_bytes();
    let mut kept = stem_bytes.len().saturating_sub(surplus).max(1);
    // Not inside a character of UTF-8.
    while kept > 1 && stem_bytes.get(kept).is_some_and(|byte| byte & 0xC0 == 0x80) {
        kept -= 1;
    }
    let mut short = OsStr::from_bytes(&stem_bytes[..kept]).to_owned();
    short.push(OsStr::from_bytes(&file.as_bytes()[stem_bytes.len()..]));
    name.with_file_name(short).into()
}

/// The names of recordings, each given by its path and its name.
pub(super) fn assign(folder: &Path, recordings: &[(&Path, &Path)]) -> Vec<Names> {
    let short: Vec<_> = recordings.iter().map(|(path, name)| (*path, shortened(name))).collect();
    let recordings: Vec<_> = short.iter().map(|(path, name)| (*path, &**name)).collect();
    let plain = |name: &Path| name.with_extension("");
    let mut uses: BTreeMap<_, usize> = BTreeMap::new();
    for (_, name) in &recordings {
        *uses.entry(plain(name)).or_default() += 1;
    }
    let mut order: Vec<_> = (0..recordings.len()).collect();
    order.sort_by_key(|index| recordings[*index].0.as_os_str());
    let mut taken = BTreeSet::new();
    let mut names = vec![None; recordings.len()];
    for index in order {
        let (_, name) = recordings[index];
        let is_alone = uses[&plain(name)] == 1;
        let wanted = if is_alone { plain(name) } else { name.to_owned() };
        let numbered = (2_u64..).map(|number| joined(&wanted, &number.to_string()));
        let free = std::iter::once(wanted.clone())
            .chain(numbered)
            .find(|name| taken.insert(name.clone()));
        let free = free.unwrap_or(wanted);
        names[index] = Some(Names {
            folder: folder.join(name.parent().unwrap_or(Path::new(""))),
            planned: free.file_name().unwrap_or_default().to_owned(),
            whole: name.file_name().unwrap_or_default().to_owned(),
        });
    }
    names.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The names of recordings, each given by its path and its name.
    fn planned(recordings: &[(&str, &str)]) -> Vec<String> {
        let recordings: Vec<_> = recordings
            .iter()
            .map(|(path, name)| (Path::new(*path), Path::new(*name)))
            .collect();
        let names = assign(Path::new("out"), &recordings);
        names
            .iter()
            .map(|names| names.planned().display().to_string())
            .collect()
    }

    #[test]
    fn recordings_of_the_same_name_get_distinct_files() {
        assert_eq!(planned(&[("a/talk.mp3", "talk.mp3")]), ["out/talk"]);
        assert_eq!(
            planned(&[("a/talk.mp3", "talk.mp3"), ("a/talk.wav", "talk.wav")]),
            ["out/talk.mp3", "out/talk.wav"]
        );
        assert_eq!(
            planned(&[("b/talk.mp3", "talk.mp3"), ("a/talk.mp3", "talk.mp3")]),
            ["out/talk.mp3.2", "out/talk.mp3"]
        );
        assert_eq!(
            planned(&[("f/x/talk.mp3", "x/talk.mp3"), ("f/talk.mp3", "talk.mp3")]),
            ["out/x/talk", "out/talk"]
        );
        assert_eq!(planned(&[("no_extension", "no_extension")]), ["out/no_extension"]);
    }

    #[test]
    fn names_that_are_too_long_are_cut_between_characters() {
        let (a, b) = (format!("{}a.mp3", "é".repeat(120)), format!("{}b.mp3", "é".repeat(120)));
        let names = planned(&[(&a, &a), (&b, &b)]);
        let kept = "é".repeat(115);
        assert_eq!(names, [format!("out/{kept}.mp3"), format!("out/{kept}.mp3.2")]);
        let long = "n".repeat(251) + ".wav";
        assert_eq!(planned(&[(&long, &long)]), [format!("out/{}", "n".repeat(230))]);
    }

    #[test]
    fn candidates_are_unlimited() {
        let names = assign(Path::new("out"), &[(Path::new("talk.mp3"), Path::new("talk.mp3"))]);
        let candidates: Vec<_> = names[0].candidates().take(4).collect();
        let expected = ["out/talk", "out/talk.mp3", "out/talk.mp3.2", "out/talk.mp3.3"];
        assert_eq!(candidates, expected.map(PathBuf::from));
    }

    proptest! {
        #[test]
        fn names_are_unique_and_do_not_depend_on_the_order(
            recordings in prop::collection::btree_set("[ab]/[ab](\\.2)?\\.(mp3|wav)", 0..9).prop_map(Vec::from_iter).prop_shuffle()
        ) {
            let names = |recordings: &[String]| {
                let pairs: Vec<_> = recordings.iter().map(|path| (path.as_str(), &path[2..])).collect();
                recordings.iter().cloned().zip(planned(&pairs)).collect::<BTreeMap<_, _>>()
            };
            let shuffled = names(&recordings);
            let mut sorted = recordings.clone();
            sorted.sort();
            prop_assert_eq!(&shuffled, &names(&sorted));
            let unique: BTreeSet<_> = shuffled.values().collect();
            prop_assert_eq!(unique.len(), recordings.len());
        }
    }
}

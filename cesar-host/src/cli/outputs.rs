//! Destinations of transcripts. Every place is checked before any work, and a file is written completely or not at all.
//!
//! `names` chooses the names in a folder; an existing file is replaced only if it is of the same recording, which
//! `written` remembers, or with `--overwrite`. Else the transcript gets another name ([`Outputs::write`]).

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use cesar_base::Digest;
use parking_lot::Mutex;

use super::inputs::Recording;
use super::report::Failure;

mod error;
mod file;
mod names;
mod replaced;
mod written;

use cesar_base::names::shown;

pub(super) use error::OutputError;
pub(super) use file::{Content, Fill, Prepared};
pub(super) use names::Names;
use names::joined;
pub(super) use replaced::Replaced;
use written::Written;

/// Destination of one recording's transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Stdout,
    /// The file of `-o`.
    File(PathBuf),
    /// A file for each format.
    Folder(Names),
}

/// Chooses the places of every recording and checks that they can be written.
pub(super) fn places(
    recordings: &[Recording],
    formats: &[String],
    output: Option<&PathBuf>,
    folder: Option<&Path>,
) -> Result<Vec<Place>, OutputError> {
    match (output, folder) {
        (Some(_), Some(_)) => Err(OutputError::Both),
        (Some(file), None) if is_stdout(file) => places(recordings, formats, None, None),
        (Some(_), None) if recordings.len() != 1 => Err(OutputError::OneForMany(recordings.len())),
        (Some(_), None) if formats.len() != 1 => Err(OutputError::OneForFormats(formats.len())),
        (Some(file), None) => {
            check_file(file, recordings)?;
            Ok(vec![Place::File(file.clone())])
        }
        (None, Some(folder)) => in_folder(recordings, folder),
        (None, None) if formats.len() != 1 => Err(OutputError::StdoutForFormats(formats.len())),
        (None, None) => Ok(recordings.iter().map(|_| Place::Stdout).collect()),
    }
}

/// Whether a name means standard output, like standard input among the inputs.
pub(super) fn is_stdout(name: &Path) -> bool {
    name.as_os_str() == "-"
}

/// The places of every recording in its own folder; in the current one for pipes and URLs.
pub(super) fn beside(recordings: &[Recording]) -> Result<Vec<Place>, OutputError> {
    let named: Vec<_> = recordings
        .iter()
        .map(|recording| match recording.path.is_file() {
            true => (recording.path.as_path(), recording.path.as_path()),
            false => (recording.path.as_path(), recording.name.as_path()),
        })
        .collect();
    let names = names::assign(Path::new(""), &named);
    let folders: BTreeSet<&Path> = names.iter().map(Names::folder).collect();
    for folder in folders {
        let folder = match folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => folder,
        };
        tempfile::tempfile_in(folder).map_err(|error| OutputError::NotWritable(folder.to_owned(), error))?;
    }
    Ok(names.into_iter().map(Place::Folder).collect())
}

/// The places of every recording in a folder.
fn in_folder(recordings: &[Recording], folder: &Path) -> Result<Vec<Place>, OutputError> {
    Ok(names(recordings, folder)?.into_iter().map(Place::Folder).collect())
}

/// The names of every recording's files in a folder.
pub(super) fn names(recordings: &[Recording], folder: &Path) -> Result<Vec<Names>, OutputError> {
    let not_writable = |error| OutputError::NotWritable(folder.to_owned(), error);
    std::fs::create_dir_all(folder).map_err(not_writable)?;
    tempfile::tempfile_in(folder).map_err(not_writable)?;
    let named: Vec<_> = recordings
        .iter()
        .map(|recording| (recording.path.as_path(), recording.name.as_path()))
        .collect();
    Ok(names::assign(folder, &named))
}

fn check_file(file: &Path, recordings: &[Recording]) -> Result<(), OutputError> {
    if file.is_dir() {
        return Err(OutputError::IsFolder(file.to_owned()));
    }
    if identity(file).is_some_and(|file| recordings.iter().any(|one| identity(&one.path) == Some(file))) {
        return Err(OutputError::IsInput(file.to_owned()));
    }
    file::check(file).map_err(|error| OutputError::NotWritable(file.to_owned(), error))
}

/// The identity of the file of a name, independent of its other names.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = path.metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Writes to standard output.
pub(super) fn print(content: impl AsRef<[u8]>) -> Result<(), OutputError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(content.as_ref()).and_then(|()| stdout.flush()) {
        // A closed pipe, such as of `head`, is not an error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(OutputError::Stdout),
    }
}

/// The refusal to print a format that is no text on a terminal.
pub(super) fn not_text(format: &str) -> Failure {
    Failure::usage(format!("`{format}` is not text for a terminal; name a file with -o"))
}

/// The written files of one recording.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wrote {
    pub(super) files: Vec<PathBuf>,
    pub(super) note: Option<String>,
}

/// Files that may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clobbering {
    /// None: what is there is kept.
    None,
    /// Those of the same recording.
    Own,
    /// Any.
    Any,
}

/// State of writing files, shared by the recordings of a run.
pub(super) struct Outputs {
    clobbering: Clobbering,
    written: Written,
    /// The recordings, which are never overwritten.
    inputs: BTreeSet<(u64, u64)>,
    /// Names of the recordings of this run, without their extensions; none where recordings come one by one.
    taken: Option<Mutex<BTreeSet<PathBuf>>>,
}

/// State of a place before a file is written there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum There {
    Nothing,
    /// The same bytes.
    Same,
    /// A replaceable file.
    Ours,
    Another,
}

impl Outputs {
    /// `state` is the folder with the record of written files; without it no file is known to be of the same recording.
    pub(super) fn new(
        recordings: &[Recording],
        places: &[Place],
        clobbering: Clobbering,
        state: Option<&Path>,
    ) -> Self {
        let bases = places.iter().filter_map(|place| match place {
            Place::Folder(names) => Some(names.planned()),
            Place::Stdout | Place::File(_) => None,
        });
        Self {
            clobbering,
            written: Written::open(state),
            inputs: recordings
                .iter()
                .filter_map(|recording| identity(&recording.path))
                .collect(),
            taken: Some(Mutex::new(bases.collect())),
        }
    }

    /// For recordings that come one by one, for any time: the files alone say which names are taken.
    pub(super) fn one_by_one(state: Option<&Path>) -> Self {
        Self {
            clobbering: Clobbering::Own,
            written: Written::open(state),
            inputs: BTreeSet::new(),
            taken: None,
        }
    }

    /// The first file of a place, if all of them are there and are to be kept.
    pub(super) fn kept(&self, place: &Place, extensions: &[String]) -> Option<PathBuf> {
        let files = match place {
            Place::Stdout => Vec::new(),
            Place::File(file) => vec![file.clone()],
            Place::Folder(names) => (extensions.iter())
                .map(|extension| joined(&names.planned(), extension))
                .collect(),
        };
        let are_there = self.clobbering == Clobbering::None && files.iter().all(|file| file.symlink_metadata().is_ok());
        files.into_iter().next().filter(|_| are_there)
    }

    /// Writes the files of the recording with these bytes to a file or a folder. Does nothing for standard output.
    pub(super) fn write(&self, place: &Place, media: &Digest, contents: &[Content<'_>]) -> Result<Wrote, OutputError> {
        match place {
            Place::Stdout => Ok(Wrote::default()),
            Place::File(file) => {
                let not_writable = |error| OutputError::NotWritable(file.clone(), error);
                contents.iter().try_fold(Wrote::default(), |mut wrote, content| {
                    wrote.note = self.write_named(file, media, content).map_err(not_writable)?;
                    wrote.files.push(file.clone());
                    Ok(wrote)
                })
            }
            Place::Folder(names) => {
                let is_kept = |content: &&Content<'_>| {
                    let file = joined(&names.planned(), content.extension);
                    self.clobbering == Clobbering::None && file.symlink_metadata().is_ok()
                };
                let missing = contents.iter().filter(|content| !is_kept(content));
                let prepared = missing.map(|content| {
                    let prepared = Prepared::below(names.folder(), content);
                    prepared.map_err(|error| names.not_writable(content.extension, error))
                });
                self.place(names, media, prepared.collect::<Result<_, _>>()?)
            }
        }
    }

    /// Replaces a named file; reports if it was another recording's.
    fn write_named(&self, file: &Path, media: &Digest, content: &Content<'_>) -> io::Result<Option<String>> {
        let Some(prepared) = file::write(file, content)? else {
            return Ok(None);
        };
        let there = self.there(file, media, &prepared)?;
        let digest = prepared.digest;
        prepared.replace(file)?;
        self.written.remember(file, &digest, media);
        let replaced = there == There::Another && self.clobbering != Clobbering::Any;
        Ok(replaced.then(|| format!("replaced `{}`, which was not written for this recording", shown(file))))
    }

    /// Names the files of the recording with these bytes.
    pub(super) fn place(
        &self,
        names: &Names,
        media: &Digest,
        mut prepared: Vec<Prepared>,
    ) -> Result<Wrote, OutputError> {
        let (mut wrote, mut in_the_way) = (Vec::new(), None);
        for base in names.candidates() {
            if base != names.planned() && !self.take(&base) {
                continue;
            }
            let refused = self.place_all(&base, media, &mut prepared, &mut wrote)?;
            if prepared.is_empty() {
                let note = in_the_way.map(|file: PathBuf| note(&file, &wrote));
                return Ok(Wrote { files: wrote, note });
            }
            in_the_way = in_the_way.or(refused);
        }
        // The candidates never end.
        Err(OutputError::NotWritable(
            names.planned(),
            io::ErrorKind::AlreadyExists.into(),
        ))
    }

    fn take(&self, base: &Path) -> bool {
        let Some(taken) = &self.taken else { return true };
        let mut taken = taken.lock();
        taken.insert(base.to_owned())
    }

    /// Gives the prepared files their names and moves them to `wrote`, unless one of the names is another recording's: that file is
    /// returned.
    fn place_all(
        &self,
        base: &Path,
        media: &Digest,
        prepared: &mut Vec<Prepared>,
        wrote: &mut Vec<PathBuf>,
    ) -> Result<Option<PathBuf>, OutputError> {
        let not_writable = |file: &Path| {
            let file = file.to_owned();
            move |error| OutputError::NotWritable(file, error)
        };
        let mut there = Vec::new();
        for one in &*prepared {
            let file = joined(base, &one.extension);
            match self.there(&file, media, one).map_err(not_writable(&file))? {
                There::Another => return Ok(Some(file)),
                other => there.push((file, other)),
            }
        }
        for (file, there) in there {
            let one = prepared.remove(0);
            let digest = one.digest;
            match there {
                There::Same => {}
                There::Nothing => {
                    if let Some(one) = one.create(&file).map_err(not_writable(&file))? {
                        // Another process was faster.
                        prepared.insert(0, one);
                        return Ok(Some(file));
                    }
                }
                There::Ours | There::Another => one.replace(&file).map_err(not_writable(&file))?,
            }
            if there != There::Same || self.written.media_of(&file, &digest) != Some(*media) {
                self.written.remember(&file, &digest, media);
            }
            wrote.push(file);
        }
        Ok(None)
    }

    fn there(&self, file: &Path, media: &Digest, prepared: &Prepared) -> io::Result<There> {
        match file.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(There::Nothing),
            // For example a name that is too long: the next one would fail as well.
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        if identity(file).is_none_or(|file| self.inputs.contains(&file)) {
            return Ok(There::Another);
        }
        let Some(digest) = file::digest(file) else {
            return Ok(There::Another);
        };
        Ok(match self.written.media_of(file, &digest) {
            Some(known) if known == *media && digest == prepared.digest => There::Same,
            Some(known) if known == *media => There::Ours,
            // Even with the same text: a later run of that recording would replace it.
            Some(_) if self.clobbering != Clobbering::Any => There::Another,
            None if digest == prepared.digest => There::Same,
            _ if self.clobbering == Clobbering::Any => There::Ours,
            _ => There::Another,
        })
    }
}

fn note(in_the_way: &Path, files: &[PathBuf]) -> String {
    let files: Vec<_> = files.iter().map(|file| format!("`{}`", shown(file))).collect();
    format!(
        "`{}` is of another recording or was edited; wrote {} instead (replace with --overwrite)",
        shown(in_the_way),
        files.join(" and ")
    )
}

#[cfg(test)]
mod tests;

//! Where transcripts go. Every place is checked before any work, and a file is written whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::inputs::Recording;

/// Where one recording's transcript goes, one place per format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Stdout,
    File(PathBuf),
}

/// Why a place cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutputError {
    #[error("`{}` is a folder; name a file with -o, or use --output-dir", .0.display())]
    IsFolder(PathBuf),
    #[error("`{file}` cannot be written: {1}", file = .0.display())]
    NotWritable(PathBuf, io::Error),
    #[error("`{}` would overwrite the recording it is made from; choose another name", .0.display())]
    IsInput(PathBuf),
    #[error("-o names one file for {0} recordings; use --output-dir")]
    OneForMany(usize),
    #[error("-o names one file for {0} formats; use --output-dir")]
    OneForFormats(usize),
    #[error("standard output takes one format, not {0}; use --output-dir")]
    StdoutForFormats(usize),
    #[error("-o and --output-dir exclude each other; name one of them")]
    Both,
    #[error("standard output cannot be written: {0}")]
    Stdout(io::Error),
}

/// Settles the places of every recording, in the order of `formats`, and makes sure that they can be written.
pub(super) fn places(
    recordings: &[Recording],
    formats: &[String],
    output: Option<&PathBuf>,
    folder: Option<&Path>,
) -> Result<Vec<Vec<Place>>, OutputError> {
    match (output, folder) {
        (Some(_), Some(_)) => Err(OutputError::Both),
        (Some(file), None) if is_stdout(file) => places(recordings, formats, None, None),
        (Some(_), None) if recordings.len() != 1 => Err(OutputError::OneForMany(recordings.len())),
        (Some(_), None) if formats.len() != 1 => Err(OutputError::OneForFormats(formats.len())),
        (Some(file), None) => {
            check_file(file, recordings)?;
            Ok(vec![vec![Place::File(file.clone())]])
        }
        (None, Some(folder)) => in_folder(recordings, formats, folder),
        (None, None) if formats.len() != 1 => Err(OutputError::StdoutForFormats(formats.len())),
        (None, None) => Ok(recordings.iter().map(|_| vec![Place::Stdout]).collect()),
    }
}

/// Whether a name means standard output, as it means standard input among the inputs.
pub(super) fn is_stdout(name: &Path) -> bool {
    name.as_os_str() == "-"
}

/// `talk.mp3` becomes `talk.txt`; two recordings that would become the same file keep their extensions: `talk.mp3.txt`.
fn in_folder(recordings: &[Recording], formats: &[String], folder: &Path) -> Result<Vec<Vec<Place>>, OutputError> {
    let not_writable = |error| OutputError::NotWritable(folder.to_owned(), error);
    std::fs::create_dir_all(folder).map_err(not_writable)?;
    tempfile::tempfile_in(folder).map_err(not_writable)?;
    let stem = |recording: &Recording| recording.name.file_stem().unwrap_or_default().to_owned();
    let mut uses: BTreeMap<_, usize> = BTreeMap::new();
    recordings
        .iter()
        .for_each(|recording| *uses.entry(stem(recording)).or_default() += 1);
    let mut taken = BTreeSet::new();
    let mut places = Vec::new();
    for recording in recordings {
        let plain = stem(recording);
        let name = if uses[&plain] > 1 {
            recording.name.clone().into_os_string()
        } else {
            plain
        };
        // The same name in two folders: numbered, so that nothing is lost.
        let mut base = name.clone();
        for number in 2.. {
            if taken.insert(base.clone()) {
                break;
            }
            base.clone_from(&name);
            base.push(format!(".{number}"));
        }
        let file = |format: &String| {
            let mut name = base.clone();
            name.push(format!(".{format}"));
            folder.join(name)
        };
        let files: Vec<_> = formats.iter().map(file).collect();
        files.iter().try_for_each(|file| check_file(file, recordings))?;
        places.push(files.into_iter().map(Place::File).collect());
    }
    Ok(places)
}

fn check_file(file: &Path, recordings: &[Recording]) -> Result<(), OutputError> {
    if file.is_dir() {
        return Err(OutputError::IsFolder(file.to_owned()));
    }
    let same = |recording: &&Recording| {
        file.exists() && std::fs::canonicalize(file).ok() == std::fs::canonicalize(&recording.path).ok()
    };
    if recordings.iter().any(|recording| same(&recording)) {
        return Err(OutputError::IsInput(file.to_owned()));
    }
    let writable = match std::fs::metadata(file) {
        // Opening a pipe would wait for its reader, or end its reading.
        Ok(metadata) if !metadata.is_file() => Ok(()),
        Ok(_) => std::fs::OpenOptions::new().append(true).open(file).map(drop),
        Err(_) => tempfile::tempfile_in(parent(file)).map(drop),
    };
    writable.map_err(|error| OutputError::NotWritable(file.to_owned(), error))
}

fn parent(file: &Path) -> &Path {
    file.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Writes a transcript to its place.
pub(super) fn write(place: &Place, text: &str) -> Result<(), OutputError> {
    match place {
        Place::Stdout => {
            let mut stdout = io::stdout().lock();
            match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
                // Whoever reads (`head`) has enough; that is no failure.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                result => result.map_err(OutputError::Stdout),
            }
        }
        Place::File(_) => write_with(place, &|file| file.write_all(text.as_bytes())),
    }
}

/// Writes a file by what `content` writes; standard output takes nothing.
pub(super) fn write_with(place: &Place, content: Content<'_>) -> Result<(), OutputError> {
    match place {
        Place::Stdout => Ok(()),
        Place::File(file) => write_file(file, content).map_err(|error| OutputError::NotWritable(file.clone(), error)),
    }
}

/// Writes what belongs into a file; called once.
type Content<'a> = &'a dyn Fn(&mut dyn Write) -> io::Result<()>;

fn write_file(file: &Path, content: Content<'_>) -> io::Result<()> {
    // A device or a pipe cannot be replaced, only written to; a link is followed.
    let target = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    if std::fs::metadata(&target).is_ok_and(|metadata| !metadata.is_file()) {
        return write_in_place(&target, content);
    }
    let permissions = std::fs::Permissions::from_mode(0o666);
    let temporary = tempfile::Builder::new()
        .permissions(permissions)
        .tempfile_in(parent(&target));
    let mut temporary = match temporary {
        Ok(temporary) => temporary,
        // A writable file in a folder that is not.
        Err(error) if target.exists() && error.kind() == io::ErrorKind::PermissionDenied => {
            return write_in_place(&target, content);
        }
        Err(error) => return Err(error),
    };
    let mut buffered = BufWriter::new(&mut temporary);
    content(&mut buffered)?;
    buffered.flush()?;
    drop(buffered);
    temporary.as_file().sync_data()?;
    temporary.persist(&target).map(drop).map_err(|error| error.error)
}

fn write_in_place(target: &Path, content: Content<'_>) -> io::Result<()> {
    content(&mut File::create(target)?)
}

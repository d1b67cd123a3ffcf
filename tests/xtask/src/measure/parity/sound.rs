//! The compared recordings, each as a 16 kHz mono WAV file made by the reference's own decoder.

use super::{
    folder::{folder, make_folder},
    options::Options,
    reference::Reference,
};
use crate::failure::{Failure, Outcome, quiet_step};
use cesar_tests::fixtures;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const EXTENSIONS: [&str; 8] = ["aiff", "flac", "m4a", "mp3", "mp4", "ogg", "opus", "wav"];
const HEADER: usize = 44;
const BYTES_A_MINUTE: usize = 60 * 16_000 * 2;

/// A recording, decoded.
pub(crate) struct Recording {
    /// Its name in tables.
    pub(crate) name: String,
    pub(crate) wav: PathBuf,
}

/// The bundled recordings and those of the data folder, or all of them joined.
pub(crate) fn recordings(options: &Options, reference: &mut dyn Reference) -> Outcome<Vec<Recording>> {
    let place = folder().join("wav");
    make_folder(&place)?;
    let mut found = listed(&fixtures(), &fixtures())?;
    if let Some(data) = options.data() {
        found.extend(listed(&data.join("audio"), &data.join("audio"))?);
    }
    let wanted =
        |name: &str| options.recordings.is_empty() || options.recordings.iter().any(|part| name.contains(part));
    found.retain(|(name, _)| wanted(name));
    let mut recordings = Vec::new();
    for (name, source) in found {
        let wav = place.join(format!("{}.wav", name.replace('/', "__")));
        if !wav.is_file() {
            let part = place.join("decoding.part");
            reference.decode(&source, &part)?;
            fs::rename(&part, &wav).map_err(|error| Failure::path(&wav, &error))?;
        }
        recordings.push(Recording { name, wav });
    }
    match options.minutes {
        None => Ok(recordings),
        Some(minutes) => Ok(vec![joined(&recordings, minutes, &place)?]),
    }
}

/// The length of one of these files.
pub(crate) fn seconds(wav: &Path) -> Outcome<f64> {
    let bytes = fs::metadata(wav).map_err(|error| Failure::path(wav, &error))?.len();
    let samples = bytes.saturating_sub(HEADER as u64) / 2;
    Ok(samples as f64 / 16_000.0)
}

/// Decodes a recording for [`Reference::decode`], for references that read only such files.
pub(super) fn by_ffmpeg(recording: &Path, wav: &Path) -> Outcome {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-y", "-i"]).arg(recording);
    command.args("-ac 1 -ar 16000 -c:a pcm_s16le -bitexact -f wav".split(' '));
    quiet_step(command.arg(wav))
}

/// Every recording below `folder`, with its path from `root`, in order.
fn listed(folder: &Path, root: &Path) -> Outcome<Vec<(String, PathBuf)>> {
    let unreadable = |error: std::io::Error| Failure::path(folder, &error);
    let entries = fs::read_dir(folder).map_err(unreadable)?;
    let mut paths = entries
        .map(|entry| Ok(entry.map_err(unreadable)?.path()))
        .collect::<Outcome<Vec<_>>>()?;
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        let extension = path
            .extension()
            .and_then(|extension| extension.to_str())
            .unwrap_or_default();
        if path.is_dir() {
            found.extend(listed(&path, root)?);
        } else if EXTENSIONS.contains(&extension) {
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            found.push((name, path));
        }
    }
    Ok(found)
}

/// One recording of this many minutes: all others, repeated one after the other.
fn joined(recordings: &[Recording], minutes: usize, place: &Path) -> Outcome<Recording> {
    let mut samples = Vec::new();
    for recording in recordings {
        let bytes = fs::read(&recording.wav).map_err(|error| Failure::path(&recording.wav, &error))?;
        samples.extend_from_slice(bytes.get(HEADER..).unwrap_or_default());
    }
    let length = minutes * BYTES_A_MINUTE;
    let size =
        u32::try_from(length).map_err(|_| Failure::usage(format!("{minutes} min do not fit into a wav file")))?;
    if samples.is_empty() {
        return Err(Failure::usage("no recording was chosen"));
    }
    let mut wav = b"RIFF".to_vec();
    wav.extend((size + 36).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data");
    wav.extend(size.to_le_bytes());
    wav.extend(samples.into_iter().cycle().take(length));
    let path = place.join(format!("joined-{minutes}.wav"));
    fs::write(&path, wav).map_err(|error| Failure::path(&path, &error))?;
    Ok(Recording {
        name: format!("joined, {minutes} min"),
        wav: path,
    })
}

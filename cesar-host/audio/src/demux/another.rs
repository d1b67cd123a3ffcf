//! Another recording where a container ends: files that were joined by their bytes.

use std::path::Path;

use super::bytes::Bytes;
use super::frames::{Reach, Walker};
use super::{adts, beginnings, mpeg_audio, tags};
use crate::AudioError;
use crate::kind::{self, Kind};

/// Whether another recording begins at the position, behind zeros or not. One of a kind whose files are read as one was found damaged there.
///
/// # Errors
/// [`AudioError::Unreadable`].
pub(crate) fn begins_at(path: &Path, own: Kind, position: u64) -> Result<bool, AudioError> {
    for position in beginnings::positions(&mut Bytes::open(path)?, position)? {
        let kind = kind::recognise_at(path, position).map_err(|source| AudioError::unreadable(path, source))?;
        let is_one = match kind {
            Kind::Unknown => frames_begin_at(path, position)?,
            Kind::Matroska | Kind::Ogg | Kind::Flac => kind != own,
            kind => kind.is_recording(),
        };
        if is_one {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether frames of MPEG audio or ADTS begin at the position, behind tags.
///
/// # Errors
/// [`AudioError::Unreadable`].
pub(super) fn frames_begin_at(path: &Path, position: u64) -> Result<bool, AudioError> {
    /// Bytes with several frames of any kind.
    const SEARCHED: u64 = 256 * 1024;
    let mut bytes = Bytes::open(path)?;
    let end = bytes.length();
    let start = tags::skip_leading(&mut bytes, position, end)?.end;
    let end = end.min(start.saturating_add(SEARCHED));
    let mpeg_audio = Walker::<mpeg_audio::Header>::begin(bytes, start, end, Reach::Near)?;
    let adts = || Walker::<adts::Header>::begin(Bytes::open(path)?, start, end, Reach::Near);
    Ok(mpeg_audio.is_some() || adts()?.is_some())
}

//! Opening: the header of the file, its tracks, and its start.

use std::collections::VecDeque;
use std::path::Path;

use super::super::bytes::Bytes;
use super::super::{Demuxer, Losses, Track};
use super::ebml::{self, Header, children, id};
use super::encoding::Encodings;
use super::entry::Entry;
use super::parts::Parts;
use super::times::{Times, first_skip};
use super::walk::{Step, Walk};
use super::{Held, Matroska};
use crate::AudioError;
use crate::clock::nanoseconds;

/// Opens a Matroska or WebM file; `None` for other files.
///
/// # Errors
/// [`AudioError::Unsupported`] if its list of tracks is missing, [`AudioError::NoAudioTrack`] if it has no track of sound.
pub(crate) fn open(path: &Path) -> Result<Option<Box<dyn Demuxer>>, AudioError> {
    let mut bytes = Bytes::open(path)?;
    let Some(position) = behind_header(&mut bytes)? else {
        return Ok(None);
    };
    let most = Encodings::most(bytes.length());
    let mut walk = Walk::new(bytes, position);
    let mut parts = Parts::default();
    let mut mark;
    let mut has_segment = false;
    loop {
        mark = walk.position;
        match walk.next()? {
            Some(Step::Part(part, start, end)) => parts.read(&mut walk, (part, start, end))?,
            Some(Step::Segment) if !has_segment => has_segment = true,
            Some(Step::Segment | Step::Block(_)) | None => break,
        }
    }
    parts.read_indexed(&mut walk)?;
    if parts.entries.is_empty() {
        return Err(AudioError::unsupported(path, "its list of tracks is missing"));
    }
    let audio = parts.entries.iter().filter(|entry| entry.is_audio());
    let Some(chosen) = audio.clone().next().cloned() else {
        return Err(AudioError::NoAudioTrack { name: path.into() });
    };
    let mut times = Times::default();
    walk.rewind(mark);
    times.begin(earliest(&mut walk, &parts)?);
    walk.rewind(mark);
    let tracks = audio.map(|entry| track(entry, &parts, times.offset())).collect();
    Ok(Some(Box::new(Matroska {
        walk,
        parts,
        tracks,
        chosen,
        chosen_index: 0,
        times,
        queue: VecDeque::new(),
        held: Held::default(),
        new_codec: None,
        damaged_blocks: 0,
        foreign_blocks: 0,
        lost: Losses::default(),
        reached: 0,
        most,
    })))
}

/// The end of the file's header; `None` for other formats.
fn behind_header(bytes: &mut Bytes) -> Result<Option<u64>, AudioError> {
    /// Headers have a few dozen bytes.
    const LONGEST: u64 = 4096;
    let header = Header::parse(bytes.at(0, ebml::LONGEST_HEADER)?).filter(|header| header.id == id::EBML);
    let Some(Header {
        size: Some(size),
        length,
        ..
    }) = header
    else {
        return Ok(None);
    };
    let body = bytes.at(length, usize::try_from(size.min(LONGEST)).unwrap_or(0))?;
    let kind = children(body).find(|(child, _)| *child == id::DOC_TYPE);
    let is_ours = kind.is_none_or(|(_, body)| body.starts_with(b"matroska") || body.starts_with(b"webm"));
    // A damaged header may have any length.
    let end = length + if size <= LONGEST { size } else { 0 };
    Ok(is_ours.then_some(end))
}

/// The earliest of the first times of all tracks, on the clock of the segment.
fn earliest(walk: &mut Walk, parts: &Parts) -> Result<Option<i64>, AudioError> {
    /// Blocks of all tracks are interleaved; this many contain the first of each.
    const MOST_BLOCKS: usize = 4096;
    let (mut earliest, mut seen) = (None, Vec::new());
    let wanted = parts.entries.iter().filter(|entry| entry.is_heard_or_seen()).count();
    for _ in 0..MOST_BLOCKS {
        let block = match walk.next()? {
            Some(Step::Block(block)) => block,
            Some(Step::Part(..)) => continue,
            Some(Step::Segment) | None => break,
        };
        let entry = parts.entries.iter().find(|entry| entry.number == block.track);
        let (Some(entry), Some(ticks)) = (entry.filter(|entry| entry.is_heard_or_seen()), block.time) else {
            continue;
        };
        if seen.contains(&entry.number) {
            continue;
        }
        seen.push(entry.number);
        let time = parts.nanoseconds(ticks) - entry.delay;
        let time = match entry.is_audio() {
            true => time + nanoseconds(first_skip(entry, Some(time)), entry.decoding.rate),
            false => time,
        };
        earliest = Some(earliest.map_or(time, |earliest: i64| earliest.min(time)));
        if time <= 0 || seen.len() >= wanted {
            break;
        }
    }
    Ok(earliest)
}

fn track(entry: &Entry, parts: &Parts, offset: i64) -> Track {
    Track {
        id: entry.number,
        codec: entry.decoding.codec.clone(),
        codec_name: entry.decoding.name.clone(),
        language: entry.language.clone(),
        title: entry.title.clone(),
        is_default: entry.is_default,
        declared_end: parts.end_of(entry).map(|end| end.saturating_add(offset)),
    }
}

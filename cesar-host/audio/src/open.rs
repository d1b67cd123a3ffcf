//! Opening of a path as a source of sound, by one of the two readers.

use std::path::Path;

use crate::demux::{self, Demuxer, Nanoseconds};
use crate::joined::Joined;
use crate::kind::{self, Kind};
use crate::player::Player;
use crate::source::Source;
use crate::tracks::{Selection, TrackChoice, TrackFacts, select};
use crate::tried::INSTALL_FFMPEG;
use crate::{AudioError, DecodeOptions, Decoder, ffmpeg};

/// An open recording, with the chosen tracks.
pub(crate) struct Opened {
    pub(crate) source: Box<dyn Source>,
    pub(crate) selection: Selection,
    /// See [`Demuxer::guess`].
    pub(crate) guess: Option<&'static str>,
}

/// Recognises the file.
///
/// # Errors
/// [`AudioError::NoRecording`] for playlists, archives and the like.
pub(crate) fn recognise(path: &Path) -> Result<Kind, AudioError> {
    match kind::recognise(path).map_err(|source| AudioError::unreadable(path, source))? {
        Kind::Refused(what, advice) => Err(AudioError::NoRecording {
            name: path.into(),
            what,
            advice,
        }),
        kind => Ok(kind),
    }
}

/// Opens the recording with the built-in readers or with ffmpeg.
///
/// # Errors
/// [`AudioError::Unsupported`] if the reader does not know the file.
pub(crate) fn open(path: &Path, kind: Kind, options: &DecodeOptions, reader: Decoder) -> Result<Opened, AudioError> {
    match reader {
        Decoder::Native | Decoder::SecondMp3 => native(path, kind, &options.track, reader),
        Decoder::Ffmpeg => by_ffmpeg(path, kind, options),
    }
}

/// The declared end of the sound.
pub(crate) fn declared_end(path: &Path, options: &DecodeOptions) -> Result<Option<Nanoseconds>, AudioError> {
    let kind = recognise(path)?;
    match native(path, kind, &options.track, Decoder::Native) {
        Ok(opened) => Ok(opened.source.facts().declared_end),
        Err(AudioError::Unsupported { .. }) if options.ffmpeg.is_some() => {
            let opened = ffmpeg::open(program(path, options)?, path, kind, &options.track)?;
            Ok(opened.declared_end())
        }
        Err(error) => Err(error),
    }
}

fn native(path: &Path, kind: Kind, choice: &TrackChoice, reader: Decoder) -> Result<Opened, AudioError> {
    let demuxer = demux::open(path, kind)?;
    let selection = select(path, &facts(demuxer.as_ref()), choice)?;
    let notes = selection.notes.clone();
    let guess = demuxer.guess();
    let source: Box<dyn Source> = match selection.indices.as_slice() {
        [index] => Box::new(Player::open(path, demuxer, *index, (reader, notes))?),
        indices => {
            drop(demuxer);
            let player = |index: &usize| -> Result<Box<dyn Source>, AudioError> {
                Ok(Box::new(Player::open(
                    path,
                    demux::open(path, kind)?,
                    *index,
                    (reader, Vec::new()),
                )?))
            };
            let players = indices.iter().map(player).collect::<Result<Vec<_>, _>>()?;
            Box::new(Joined::new(players, notes))
        }
    };
    Ok(Opened {
        source,
        selection,
        guess,
    })
}

fn facts(demuxer: &dyn Demuxer) -> Vec<TrackFacts> {
    let facts = |track: &demux::Track| TrackFacts {
        language: track.language.clone(),
        title: track.title.clone(),
        codec: track.codec_name.clone(),
        is_default: track.is_default,
        is_known: track.codec.as_ref().is_some_and(crate::decoder::is_known),
    };
    demuxer.tracks().iter().map(facts).collect()
}

fn by_ffmpeg(path: &Path, kind: Kind, options: &DecodeOptions) -> Result<Opened, AudioError> {
    let opened = ffmpeg::open(program(path, options)?, path, kind, &options.track)?;
    let mut sources = opened.sources()?;
    let notes = opened.selection.notes.clone();
    let source = match (sources.len(), sources.pop()) {
        (1, Some(source)) => Box::new(Noted { source, notes }),
        (_, last) => {
            sources.extend(last);
            Box::new(Joined::new(sources, notes)) as Box<dyn Source>
        }
    };
    Ok(Opened {
        source,
        selection: opened.selection,
        guess: None,
    })
}

fn program<'a>(path: &Path, options: &'a DecodeOptions) -> Result<&'a Path, AudioError> {
    options.ffmpeg.as_deref().ok_or_else(|| AudioError::Unsupported {
        name: path.into(),
        reason: "unknown format".to_owned(),
        advice: INSTALL_FFMPEG,
    })
}

/// A source with the notes of the choice of tracks.
struct Noted {
    source: Box<dyn Source>,
    notes: Vec<String>,
}

impl Source for Noted {
    fn facts(&self) -> &crate::source::Facts {
        self.source.facts()
    }

    fn read(&mut self, chunk: &mut crate::source::Chunk) -> Result<bool, AudioError> {
        self.source.read(chunk)
    }

    fn ending(&self) -> crate::source::SourceEnd {
        self.source.ending()
    }

    fn settle(&mut self) {
        self.source.settle();
    }

    fn explain(&mut self, gap: (Nanoseconds, Nanoseconds)) -> Option<String> {
        self.source.explain(gap)
    }

    fn notes(&self) -> Vec<String> {
        let of_source = self.source.notes();
        self.notes.iter().cloned().chain(of_source).collect()
    }
}

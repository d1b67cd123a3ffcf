//! The option table of `cesar-plugin.json` as types; the host fills the defaults in.

use std::path::PathBuf;

use plugin_api::{ErrorKind, StageError};

/// Options of scope `open`.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The segmentation network, as the host resolved it.
    pub segmentation_model: Option<PathBuf>,
    /// The network that makes vectors of voices, as the host resolved it.
    pub embedding_model: Option<PathBuf>,
    /// CPU threads, 0 for one per core up to four.
    pub threads: usize,
}

impl Options {
    /// Threads to compute with.
    #[must_use]
    pub fn thread_count(&self) -> usize {
        cesar_plugin_common::threads::count(self.threads)
    }
}

/// Options of scope `request`. Fields are not refused when unknown: hosts may send more.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub struct Request {
    /// Seconds from window to window.
    pub step: f64,
    /// Mean cosine distance up to which chunks of speech are one group.
    pub threshold: f64,
    /// Cosine distance of means up to which groups are one speaker.
    pub merge_threshold: f64,
    /// The number of speakers, when it is known.
    pub num_speakers: Option<usize>,
    /// No fewer speakers than this.
    pub min_speakers: Option<usize>,
    /// No more speakers than this.
    pub max_speakers: Option<usize>,
    /// A group of voices with less clean speech than this, in seconds, is no speaker of its own.
    pub min_speaker_duration: f64,
    /// How long after its end a turn may last while the voice dies away, in seconds.
    pub hangover: f64,
    /// Turns shorter than this are dropped, in seconds.
    pub min_duration_on: f64,
    /// Pauses of one speaker shorter than this are closed, in seconds.
    pub min_duration_off: f64,
    /// Whether each speaker's vector is part of the result.
    pub embeddings: bool,
}

impl Request {
    /// The least and the greatest number of speakers.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOptions`] when no number would do.
    pub fn speakers(&self) -> Result<(usize, usize), StageError> {
        let (least, most) = (self.min_speakers.unwrap_or(1), self.max_speakers.unwrap_or(usize::MAX));
        let refuse = |message: String| Err(StageError::new(ErrorKind::InvalidOptions, message));
        if least > most {
            return refuse(format!(
                "`min_speakers` is {least} and `max_speakers` {most}: no number of speakers is both"
            ));
        }
        match self.num_speakers {
            None => Ok((least, most)),
            Some(number) if (least..=most).contains(&number) => Ok((number, number)),
            Some(number) => refuse(format!(
                "`num_speakers` is {number}, outside `min_speakers` and `max_speakers`: leave those out when the number is known"
            )),
        }
    }
}

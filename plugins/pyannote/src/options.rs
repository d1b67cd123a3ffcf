//! The option table of `cesar-plugin.json` as types; the host fills the defaults in.

use std::path::PathBuf;

use plugin_api::{ErrorKind, StageError};

/// Options of scope `open`.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The segmentation network, as the host resolved it.
    pub segmentation_model: Option<PathBuf>,
    /// The network for vectors of voices, as the host resolved it.
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

/// Options of scope `request`. Unknown fields are accepted: hosts may send more.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub struct Request {
    /// Seconds from window to window.
    pub step: f64,
    /// Mean cosine distance up to which chunks of speech are one group.
    pub threshold: f64,
    /// Cosine distance of means up to which groups are one speaker.
    pub merge_threshold: f64,
    /// The number of speakers, if known.
    pub num_speakers: Option<usize>,
    /// Minimum number of speakers.
    pub min_speakers: Option<usize>,
    /// Maximum number of speakers.
    pub max_speakers: Option<usize>,
    /// Minimum clean speech of a speaker, in seconds; smaller groups of voices are merged into others.
    pub min_speaker_duration: f64,
    /// Cosine distance from every other speaker above which a second of speech is enough.
    pub distinct_threshold: f64,
    /// Maximum extension of a turn's end while the voice dies away, in seconds.
    pub hangover: f64,
    /// Minimum duration of a turn, in seconds; shorter ones are dropped.
    pub min_duration_on: f64,
    /// Minimum duration of a pause of one speaker, in seconds; shorter ones are closed.
    pub min_duration_off: f64,
    /// Whether the result has each speaker's vector.
    pub embeddings: bool,
}

impl Request {
    /// Minimum and maximum number of speakers.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOptions`] if no number meets the options.
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

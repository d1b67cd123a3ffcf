//! A model's attention heads that follow the audio: whisper.cpp has a table of them for OpenAI's models.
//!
//! The times of words by DTW (dynamic time warping) come from those heads, so only models in the table have them. A model is
//! identified by its sizes; the first two large ones have equal sizes and are distinguished by name. Distilled models have fewer
//! decoder layers than any in the table.
//!
//! The heads' attention is not available if attention is computed in one fused step, so [`choose`] also decides about that: by
//! default, words take precedence over speed.

use plugin_api::StageError;

use crate::model_file::Header;
use crate::options::{Options, invalid};

/// A row of whisper.cpp's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heads {
    TinyEnglish,
    Tiny,
    BaseEnglish,
    Base,
    SmallEnglish,
    Small,
    MediumEnglish,
    Medium,
    LargeV1,
    LargeV2,
    LargeV3,
    LargeV3Turbo,
}

impl Heads {
    /// Number of heads.
    fn count(self) -> usize {
        match self {
            Self::BaseEnglish => 5,
            Self::Tiny | Self::Medium | Self::LargeV3Turbo => 6,
            Self::TinyEnglish | Self::Base => 8,
            Self::LargeV1 => 9,
            Self::Small | Self::LargeV3 => 10,
            Self::MediumEnglish => 18,
            Self::SmallEnglish => 19,
            Self::LargeV2 => 23,
        }
    }

    /// Maximum bytes of the alignment of a window. For each token and each position of the audio whisper.cpp holds three values a
    /// head (attention, normalised, smoothed) and four more (mean, its opposite, cost, way). whisper.cpp ends the process if there
    /// are too few, so this counts twice the maximum tokens of a window.
    pub(crate) fn alignment_bytes(self) -> usize {
        const TOKENS: usize = 448;
        const POSITIONS: usize = 1500;
        const REST: usize = 1 << 20;
        (3 * self.count() + 4) * TOKENS * POSITIONS * size_of::<f32>() + REST
    }
}

/// Computation of attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attention {
    /// Whether in one fused step.
    pub(crate) flash: bool,
    /// The heads whose alignment sets the times of words.
    pub(crate) heads: Option<Heads>,
}

/// Decides from the options and the model's file; `name` is the file's.
///
/// # Errors
/// [`plugin_api::ErrorKind::InvalidOptions`] for `dtw` where it is impossible.
pub(crate) fn choose(options: &Options, header: &Header, name: &str) -> Result<Attention, StageError> {
    if options.dtw == Some(true) {
        if !options.word_timestamps {
            return Err(invalid(
                "`dtw` gives words their times, so it needs `word_timestamps=true`; set that or leave `dtw` out",
            ));
        }
        if options.flash_attention == Some(true) {
            return Err(invalid(
                "`dtw` needs the attention that `flash_attention` never writes down; leave one of them out",
            ));
        }
        if heads_of(header, name).is_none() {
            return Err(invalid(format!(
                "whisper.cpp does not know which heads of the model `{name}` follow the audio, so `dtw` is not possible; leave it \
                 out, and words get their times from the timestamp tokens"
            )));
        }
    }
    let wanted = options.word_timestamps && options.dtw != Some(false) && options.flash_attention != Some(true);
    let heads = if wanted { heads_of(header, name) } else { None };
    Ok(Attention {
        flash: options.flash_attention.unwrap_or(heads.is_none()),
        heads,
    })
}

fn heads_of(header: &Header, name: &str) -> Option<Heads> {
    const ENGLISH: i32 = 51_864;
    const MULTILINGUAL: i32 = 51_865;
    const WITH_CANTONESE: i32 = 51_866;
    let sizes = (header.vocabulary_size, header.encoder_layers, header.decoder_layers);
    Some(match sizes {
        (ENGLISH, 4, 4) => Heads::TinyEnglish,
        (MULTILINGUAL, 4, 4) => Heads::Tiny,
        (ENGLISH, 6, 6) => Heads::BaseEnglish,
        (MULTILINGUAL, 6, 6) => Heads::Base,
        (ENGLISH, 12, 12) => Heads::SmallEnglish,
        (MULTILINGUAL, 12, 12) => Heads::Small,
        (ENGLISH, 24, 24) => Heads::MediumEnglish,
        (MULTILINGUAL, 24, 24) => Heads::Medium,
        (MULTILINGUAL, 32, 32) if name.contains("large-v1") => Heads::LargeV1,
        (MULTILINGUAL, 32, 32) => Heads::LargeV2,
        (WITH_CANTONESE, 32, 32) => Heads::LargeV3,
        (WITH_CANTONESE, 32, 4) => Heads::LargeV3Turbo,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Device;

    fn header(vocabulary_size: i32, encoder_layers: i32, decoder_layers: i32) -> Header {
        Header {
            vocabulary_size,
            encoder_layers,
            decoder_layers,
            ..Header::default()
        }
    }

    fn options(word_timestamps: bool, dtw: Option<bool>, flash_attention: Option<bool>) -> Options {
        Options {
            model: None,
            device: Device::Cpu,
            flash_attention,
            word_timestamps,
            dtw,
        }
    }

    #[test]
    fn models_are_known_by_their_sizes() {
        let heads = |vocabulary, encoder, decoder| heads_of(&header(vocabulary, encoder, decoder), "ggml-x.bin");
        assert_eq!(heads(51_864, 4, 4), Some(Heads::TinyEnglish));
        assert_eq!(heads(51_865, 6, 6), Some(Heads::Base));
        assert_eq!(heads(51_866, 32, 32), Some(Heads::LargeV3));
        assert_eq!(heads(51_866, 32, 4), Some(Heads::LargeV3Turbo));
        assert_eq!(heads(51_865, 32, 32), Some(Heads::LargeV2));
        assert_eq!(
            heads_of(&header(51_865, 32, 32), "ggml-large-v1.bin"),
            Some(Heads::LargeV1)
        );
        // Distilled: small.en, medium.en, large-v2, large-v3.
        for distilled in [(51_864, 12, 4), (51_864, 24, 2), (51_865, 32, 2), (51_866, 32, 2)] {
            assert_eq!(heads(distilled.0, distilled.1, distilled.2), None);
        }
    }

    #[test]
    fn attention_is_fused_unless_words_are_aligned_by_it() {
        let choice = |words, dtw, flash| {
            let attention = choose(&options(words, dtw, flash), &header(51_865, 6, 6), "base").unwrap();
            (attention.flash, attention.heads.is_some())
        };
        assert_eq!(choice(false, None, None), (true, false));
        assert_eq!(choice(false, None, Some(false)), (false, false));
        assert_eq!(choice(true, None, None), (false, true));
        assert_eq!(choice(true, None, Some(true)), (true, false));
        assert_eq!(choice(true, Some(false), None), (true, false));
        assert_eq!(choice(true, Some(true), Some(false)), (false, true));
        let distilled = choose(&options(true, None, None), &header(51_866, 32, 2), "distil").unwrap();
        assert!(distilled.flash && distilled.heads.is_none());
    }

    #[test]
    fn impossible_alignment_is_refused() {
        let refused = |words, flash, layers| {
            choose(
                &options(words, Some(true), flash),
                &header(51_865, 6, layers),
                "ggml-my.bin",
            )
            .unwrap_err()
            .message
        };
        assert_eq!(
            refused(true, Some(true), 6),
            "`dtw` needs the attention that `flash_attention` never writes down; leave one of them out"
        );
        assert!(refused(false, None, 6).contains("needs `word_timestamps=true`"));
        assert!(refused(true, None, 2).contains("which heads of the model `ggml-my.bin`"));
    }
}

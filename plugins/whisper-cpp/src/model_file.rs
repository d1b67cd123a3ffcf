//! Check of a ggml file before whisper.cpp loads it.
//!
//! whisper.cpp trusts its files: it loads a header without weights as an "empty model for testing" and then transcribes nothing,
//! does not detect a truncated last tensor, and crashes on a vocabulary or filter bank of the wrong size. So the whole structure is
//! walked first, reading some hundred kilobytes and skipping the weights:
//!
//! magic `lmgg` · 11 × i32 hyperparameters · filter bank (i32 rows, i32 columns, f32 each) · vocabulary (i32 count, then u32 length
//! and bytes each) · until the end of the file, tensors: i32 dimensions, i32 length of the name, i32 format, i32 size of each
//! dimension, the name, the weights. Everything is little-endian.
//!
//! Names and shapes are left to whisper.cpp, which checks those. The filter bank is kept for `mel`, and the sizes for `alignment`.
//! [`silero`] does the same for the model of the voice activity detection.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use plugin_api::{ErrorKind, StageError};

/// The reason why a file is not a loadable model.
#[derive(Debug, thiserror::Error)]
#[error("the model `{}` {defect}", path.display())]
pub(crate) struct ModelFileError {
    path: PathBuf,
    defect: Defect,
}

/// The defect, to complete "the model `…` …".
#[derive(Debug, thiserror::Error)]
enum Defect {
    #[error("does not exist; fetch it, or name another one")]
    Missing,
    #[error("is a folder; name one ggml file, such as `ggml-base.bin`")]
    Folder,
    #[error("cannot be read ({0}); check its permissions and the disk")]
    Unreadable(#[from] io::Error),
    #[error("is a Git LFS pointer, not the file it stands for; fetch that with `git lfs pull`")]
    GitLfsPointer,
    #[error("is not a ggml file; name one such as `ggml-base.bin`")]
    NotGgml,
    #[error("is a ggml file, but not of Whisper ({0}); name one such as `ggml-base.bin`")]
    NotWhisper(String),
    #[error("is not of Silero's voice activity detection ({0}); name one such as `ggml-silero-v6.2.0.bin`")]
    NotSilero(String),
    #[error("is cut short: it ends within its {0}; fetch it again")]
    CutShort(Part),
    #[error("is damaged: {0}; fetch it again")]
    Damaged(String),
    #[error("is a header without weights, as made for testing; fetch the whole file")]
    NoTensors,
    #[error("has {found} of its {expected} tensors; fetch it again")]
    TensorsMissing { found: usize, expected: usize },
    #[error("needs {megabytes} MB of memory that cannot be had; use a smaller one")]
    OutOfMemory { megabytes: u64 },
}

/// The parts of a ggml file, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Hyperparameters,
    FilterBank,
    Vocabulary,
    Tensors,
}

impl std::fmt::Display for Part {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Hyperparameters => "hyperparameters",
            Self::FilterBank => "filter bank",
            Self::Vocabulary => "vocabulary",
            Self::Tensors => "tensors",
        })
    }
}

impl From<ModelFileError> for StageError {
    fn from(error: ModelFileError) -> Self {
        let kind = match error.defect {
            Defect::OutOfMemory { .. } => ErrorKind::OutOfMemory,
            _ => ErrorKind::ModelMissing,
        };
        Self::new(kind, error.to_string())
    }
}

pub(crate) mod silero;

/// The header of a Whisper model's file.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Header {
    pub(crate) vocabulary_size: i32,
    pub(crate) encoder_layers: i32,
    pub(crate) decoder_layers: i32,
    pub(crate) mels: i32,
    /// [`Self::mels`] rows of 201 weights.
    pub(crate) filter_bank: Vec<f32>,
}

/// Checks that `path` is a complete Whisper model in ggml's format, and that there is memory for its weights.
///
/// # Errors
/// [`ModelFileError`] with the file, its defect, and the remedy.
pub(crate) fn check(path: &Path) -> Result<Header, ModelFileError> {
    let whole = |(file, length)| {
        let header = inspect(file, length)?;
        reserve(length)?;
        Ok(header)
    };
    open(path).and_then(whole).map_err(|defect| ModelFileError {
        path: path.to_owned(),
        defect,
    })
}

/// The file and its length.
fn open(path: &Path) -> Result<(BufReader<File>, u64), Defect> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Defect::Missing,
        _ => Defect::Unreadable(error),
    })?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(Defect::Folder);
    }
    Ok((BufReader::new(file), metadata.len()))
}

/// Checks that the weights fit into memory: otherwise whisper.cpp continues without its buffer, and crashes.
fn reserve(bytes: u64) -> Result<(), Defect> {
    let out_of_memory = Defect::OutOfMemory {
        megabytes: bytes / 1_000_000,
    };
    let mut probe = Vec::<u8>::new();
    match usize::try_from(bytes).map(|bytes| probe.try_reserve_exact(bytes)) {
        Ok(Ok(())) => Ok(()),
        _ => Err(out_of_memory),
    }
}

/// Walks a file of `length` bytes.
fn inspect<R: Read + Seek>(reader: BufReader<R>, length: u64) -> Result<Header, Defect> {
    let mut walker = Walker::new(reader, length);
    walker.magic()?;
    let mut header = walker.hyperparameters()?;
    header.filter_bank = walker.filter_bank(&header)?;
    walker.vocabulary(&header)?;
    walker.tensors(header.tensors())?;
    Ok(header)
}

impl Header {
    /// Tensors of a Whisper model: 7 + 15 a layer in the encoder, 4 + 24 a layer in the decoder.
    fn tensors(&self) -> usize {
        let layers = |count: i32| usize::try_from(count).unwrap_or_default();
        11 + 15 * layers(self.encoder_layers) + 24 * layers(self.decoder_layers)
    }
}

/// Elements of a block and its bytes, by ggml's number of the format, for the formats of whisper.cpp's files.
fn block_of(format: i32) -> Option<(u64, u64)> {
    Some(match format {
        0 => (1, 4),      // F32
        1 => (1, 2),      // F16
        2 => (32, 18),    // Q4_0
        3 => (32, 20),    // Q4_1
        6 => (32, 22),    // Q5_0
        7 => (32, 24),    // Q5_1
        8 => (32, 34),    // Q8_0
        10 => (256, 84),  // Q2_K
        11 => (256, 110), // Q3_K
        12 => (256, 144), // Q4_K
        13 => (256, 176), // Q5_K
        14 => (256, 210), // Q6_K
        _ => return None,
    })
}

/// Reads a file from front to back, never beyond its end.
struct Walker<R> {
    reader: BufReader<R>,
    remaining: u64,
    part: Part,
}

impl<R: Read + Seek> Walker<R> {
    fn new(reader: BufReader<R>, length: u64) -> Self {
        Self {
            reader,
            remaining: length,
            part: Part::Hyperparameters,
        }
    }

    fn bytes<const COUNT: usize>(&mut self) -> Result<[u8; COUNT], Defect> {
        self.take(COUNT as u64)?;
        let mut bytes = [0; COUNT];
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn number(&mut self) -> Result<i32, Defect> {
        self.bytes().map(i32::from_le_bytes)
    }

    fn skip(&mut self, count: u64) -> Result<(), Defect> {
        self.take(count)?;
        let offset = i64::try_from(count).map_err(|_| Defect::CutShort(self.part))?;
        Ok(self.reader.seek_relative(offset)?)
    }

    fn take(&mut self, count: u64) -> Result<(), Defect> {
        self.remaining = self.remaining.checked_sub(count).ok_or(Defect::CutShort(self.part))?;
        Ok(())
    }

    fn magic(&mut self) -> Result<(), Defect> {
        match self.bytes() {
            Ok([b'l', b'm', b'g', b'g']) => Ok(()),
            // A pointer begins with `version https://git-lfs.github.com/spec/`.
            Ok([b'v', b'e', b'r', b's']) => Err(Defect::GitLfsPointer),
            Err(Defect::Unreadable(error)) => Err(error.into()),
            Ok(_) | Err(_) => Err(Defect::NotGgml),
        }
    }

    fn hyperparameters(&mut self) -> Result<Header, Defect> {
        let mut field = |name: &str, least: i32, most: i32| {
            let value = self.number()?;
            match value {
                _ if (least..=most).contains(&value) => Ok(value),
                _ => Err(Defect::NotWhisper(format!("its {name} is {value}"))),
            }
        };
        // English-only, multilingual, and multilingual with Cantonese: whisper.cpp derives its special tokens from this number.
        let vocabulary_size = field("vocabulary size", 51_864, 51_866)?;
        field("audio context", 1, 1 << 16)?;
        let audio_width = field("audio width", 1, 1 << 16)?;
        let audio_heads = field("number of audio heads", 1, audio_width)?;
        let encoder_layers = field("number of encoder layers", 1, 1 << 10)?;
        field("text context", 16, 1 << 16)?;
        let text_width = field("text width", audio_width, audio_width)?;
        let text_heads = field("number of text heads", 1, text_width)?;
        let decoder_layers = field("number of decoder layers", 1, 1 << 10)?;
        let mels = field("number of mel bands", 1, 1 << 10)?;
        field("format", 0, i32::MAX)?;
        if audio_width % audio_heads != 0 || text_width % text_heads != 0 {
            return Err(Defect::NotWhisper("its width is no multiple of its heads".into()));
        }
        Ok(Header {
            vocabulary_size,
            encoder_layers,
            decoder_layers,
            mels,
            filter_bank: Vec::new(),
        })
    }

    fn filter_bank(&mut self, header: &Header) -> Result<Vec<f32>, Defect> {
        /// Half of whisper.cpp's Fourier window of 400 samples, and one.
        const FREQUENCIES: i32 = 201;
        self.part = Part::FilterBank;
        let (mels, frequencies) = (self.number()?, self.number()?);
        if (mels, frequencies) != (header.mels, FREQUENCIES) {
            let shape = format!("its filter bank has {mels} × {frequencies} values");
            return Err(Defect::Damaged(shape));
        }
        (0..mels * FREQUENCIES)
            .map(|_| self.bytes().map(f32::from_le_bytes))
            .collect()
    }

    fn vocabulary(&mut self, header: &Header) -> Result<(), Defect> {
        self.part = Part::Vocabulary;
        let count = self.number()?;
        if !(1..=header.vocabulary_size).contains(&count) {
            return Err(Defect::Damaged(format!("its vocabulary has {count} entries")));
        }
        for _ in 0..count {
            let length = u32::from_le_bytes(self.bytes()?);
            self.skip(length.into())?;
        }
        Ok(())
    }

    fn tensors(&mut self, expected: usize) -> Result<(), Defect> {
        self.part = Part::Tensors;
        let mut names = BTreeSet::new();
        while self.remaining > 0 {
            names.insert(self.tensor()?);
        }
        match names.len() {
            0 => Err(Defect::NoTensors),
            found if found != expected => Err(Defect::TensorsMissing { found, expected }),
            _ => Ok(()),
        }
    }

    /// Skips one tensor; returns its name.
    fn tensor(&mut self) -> Result<Vec<u8>, Defect> {
        const LONGEST_NAME: u64 = 256;
        let (dimensions, name_length, format) = (self.number()?, self.number()?, self.number()?);
        let name_length = u64::try_from(name_length).ok().filter(|length| *length <= LONGEST_NAME);
        let (Some(name_length), Some((block, block_bytes)), 0..=4) = (name_length, block_of(format), dimensions) else {
            return Err(Defect::Damaged(format!(
                "{} bytes before its end there is no tensor",
                self.remaining + 12
            )));
        };
        let mut elements = 1_u64;
        for _ in 0..dimensions {
            let size = u64::try_from(self.number()?).unwrap_or(u64::MAX);
            elements = elements.checked_mul(size).ok_or(Defect::CutShort(self.part))?;
        }
        self.take(name_length)?;
        let mut name = Vec::new();
        self.reader.by_ref().take(name_length).read_to_end(&mut name)?;
        if !elements.is_multiple_of(block) {
            let name = String::from_utf8_lossy(&name);
            return Err(Defect::Damaged(format!("its tensor `{name}` has {elements} values")));
        }
        let bytes = (elements / block).checked_mul(block_bytes);
        self.skip(bytes.ok_or(Defect::CutShort(self.part))?)?;
        Ok(name)
    }
}

#[cfg(test)]
mod tests;

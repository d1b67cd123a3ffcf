//! Check of the ggml file of a Silero voice activity detection before whisper.cpp loads it.
//!
//! magic `lmgg` · i32 length and name of the type (`silero-16k`) · 3 × i32 version · i32 samples of a piece · i32 samples of
//! context · i32 convolutions, and three sizes of each · 2 × i32 of the LSTM · 2 × i32 of the last convolution · tensors as in a
//! Whisper model. whisper.cpp's graph is written for one set of these sizes, so others are refused.

use std::io::{BufReader, Read, Seek};
use std::path::Path;

use super::{Defect, ModelFileError, Walker, open};

const KIND: &[u8; 10] = b"silero-16k";
/// Samples of a piece and of its context, then convolutions: channels in and out, width.
const SIZES: [i32; 19] = [
    512, 64, 4, 129, 128, 3, 128, 64, 3, 64, 64, 3, 64, 128, 3, 128, 128, 128, 1,
];
/// The transform, four convolutions with their biases, four of the LSTM, the last convolution with its bias.
const TENSORS: usize = 15;

/// Checks that `path` is a complete model.
///
/// # Errors
/// [`ModelFileError`] with the file, its defect, and the remedy.
pub(crate) fn check(path: &Path) -> Result<(), ModelFileError> {
    open(path)
        .and_then(|(file, length)| inspect(file, length))
        .map_err(|defect| ModelFileError {
            path: path.to_owned(),
            defect,
        })
}

fn inspect<R: Read + Seek>(reader: BufReader<R>, length: u64) -> Result<(), Defect> {
    let mut walker = Walker::new(reader, length);
    walker.magic()?;
    let kind_length = walker.number()?;
    if usize::try_from(kind_length) != Ok(KIND.len()) || walker.bytes()? != *KIND {
        return Err(Defect::NotSilero("it is of another type".into()));
    }
    for _ in 0..3 {
        walker.number()?;
    }
    for wanted in SIZES {
        let found = walker.number()?;
        if found != wanted {
            return Err(Defect::NotSilero(format!(
                "one of its sizes is {found} instead of {wanted}"
            )));
        }
    }
    walker.tensors(TENSORS)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn file(tensors: usize) -> Vec<u8> {
        let mut bytes = b"lmgg\x0a\0\0\0silero-16k".to_vec();
        let numbers = [6, 2, 0].into_iter().chain(SIZES);
        bytes.extend(numbers.flat_map(i32::to_le_bytes));
        for index in 0..tensors {
            for number in [1, 2, 0, 3] {
                bytes.extend(i32::to_le_bytes(number));
            }
            bytes.extend(format!("{index:02}").as_bytes());
            bytes.extend([0; 12]);
        }
        bytes
    }

    fn inspect_bytes(bytes: &[u8]) -> Result<(), String> {
        inspect(BufReader::new(Cursor::new(bytes)), bytes.len() as u64).map_err(|defect| defect.to_string())
    }

    #[test]
    fn a_whole_file_is_accepted_and_nothing_else() {
        inspect_bytes(&file(15)).unwrap();
        assert!(inspect_bytes(&file(14)).unwrap_err().contains("has 14 of its 15"));
        assert!(inspect_bytes(&file(0)).unwrap_err().contains("without weights"));
        assert!(inspect_bytes(b"GGUF").unwrap_err().contains("not a ggml file"));
        assert!(
            inspect_bytes(b"lmgg\x0a\0\0\0silero-08k")
                .unwrap_err()
                .contains("another type")
        );
        let mut other = file(15);
        other[30..34].copy_from_slice(&256_i32.to_le_bytes());
        assert!(inspect_bytes(&other).unwrap_err().contains("256 instead of 512"));
    }

    #[test]
    fn every_truncation_is_noticed() {
        let bytes = file(15);
        for length in 0..bytes.len() {
            assert!(inspect_bytes(&bytes[..length]).is_err(), "{length} bytes");
        }
    }
}
